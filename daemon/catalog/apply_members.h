/* apply_members.h - who shall be in a shard's next epoch, and who of them is to lead: the rules of
 * SetMembers.
 *
 *     row e, members {A, B, C}    SetMembers e + 1, {A, B, D}
 *         -> the row says e + 1, {A, B, D}
 *         -> the leader of e ends it; e + 1 begins (control/)
 *
 *     row e, members {A, B, C}    SetMembers e, {B, A, C}   (since cluster version 3)
 *         -> B is preferred as leader; no epoch ends
 *
 * While the stream is CREATING nothing was acknowledged yet, and nothing has to be carried over:
 * the shard gets a new group in its first epoch with these members, and the nodes forget the old
 * one.  Else two disks lost of three would leave no majority that could end its epoch.
 *
 * A batch is often proposed on a model that has moved on: each row is judged
 * alone, and one that does not hold any more is passed over.  A row holds when
 *
 *     the shard is there, and its stream is not being deleted
 *     the epoch is the shard's, with the same members and another one of them first; or it is
 *     the shard's + 1, and then
 *
 *     1 to GROUP_MEMBERS_MAX different nodes, all of them in the model
 *     they do not become fewer, and at most one place has another node than
 *     before (a new place counts as one)
 *     who comes has no copy that a rescue put aside
 *     who comes is neither replaced nor draining; who stays may be, as the loss
 *     of two disks is made good one by one
 *
 * Deterministic, as all of apply.h.
 */
#ifndef CATALOG_APPLY_MEMBERS_H
#define CATALOG_APPLY_MEMBERS_H

#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/model_private.h"

/* ERR_CLOSED   no row holds; the reason is the first one's
 * ERR_INVALID  no rows, or more than CATALOG_MEMBERS_ROWS_MAX */
MUST_CHECK enum err apply_members(struct model *model, const Braid__Catalog__SetMembers *set,
                                  struct reason *reason);

#endif

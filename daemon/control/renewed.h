/* renewed.h - whether a node that has forgotten may take its name under its new id: a pure function
 * of the model and of what is known of the others.
 *
 * Its row under the new id makes the old one a lost disk, for good: its places are given away, and
 * the old directory is of no use any more.  So it waits as long as a group that had it has no
 * majority without it: then the right directory, put back, may be the only way to what was
 * acknowledged (an old copy was started by mistake), and who decides to do without is a person.
 *
 *     every such group has a leader, or rests, and members that are up are a
 *     majority                                                                 RENEWED_MAY
 *     one has not                                                              RENEWED_WAITS
 *     a node with its old id is up: it has not forgotten, a copy of it has     RENEWED_WAITS
 *     its old row is gone, or its name is another one's                        RENEWED_GONE
 *
 * Streams that are being created or deleted do not count: nothing in them is waited for.
 */
#ifndef CONTROL_RENEWED_H
#define CONTROL_RENEWED_H

#include <stdint.h>

#include "base/err.h"
#include "catalog/change.h"

enum renewed { RENEWED_MAY, RENEWED_WAITS, RENEWED_GONE };

struct renewed_world {
    change_up_fn up;
    uint64_t (*leader)(void *ctx, uint64_t group); /* 0 = unknown */
    void *ctx;
};

/* `model` is the catalogue's leader's.  `why` is set when it may not. */
enum renewed renewed_decide(const struct model *model, uint64_t from,
                            const struct renewed_world *world, struct reason *why);

#endif

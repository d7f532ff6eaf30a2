#include "base/ensure.h"
#include "base/mutant.h"
#include "catalog/catalog_private.h"

#include <inttypes.h>
#include <string.h>

/* The catalogue's own group from one epoch to the next (replica/seal.h, docs/flows/succession.md).
 *
 *     catalog_seal -> SEAL proposed -> applied into the model, on every node:
 *
 *     a member that has it in its log   START behind it, in the same turn
 *     one that was away, or is new      the image on its disk first, then START there
 *     one that is no member any more    closes, and forgets the log's share
 *     the others                        follow the new members
 *
 * No entry is fetched: who has the image on its disk has all that it says.  So nothing that may be
 * committed is given up for it, and no majority rests on a member that lacks an acknowledged
 * change. Where it starts the other members have everything below: in a group of three, a majority
 * without it is both of them. */
static void members_take(struct catalog *catalog);
static void on_closed(void *ctx);
static bool begin(struct catalog *catalog);
static bool has_seal(const struct catalog *catalog, const struct log_state *state,
                     struct entry_head *head);
static void leave(struct catalog *catalog, const struct log_state *state);
static void on_settled(struct proposal *proposal, enum err err, uint64_t index);

/* ---- the end of an epoch ---- */

void catalog_seal(struct catalog *catalog, const uint64_t members[], uint32_t member_count)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    struct seal *wanted = &catalog->epoch.wanted;

    ensure(member_count >= 1 && member_count <= GROUP_MEMBERS_MAX);
    if (!catalog_leads(catalog) || catalog->epoch.sealing || state == NULL)
        return;
    *wanted = (struct seal){ .epoch = state->epoch + 1, .member_count = member_count };
    memcpy(wanted->members, members, member_count * sizeof(members[0]));
    catalog_changed(catalog);
}

bool epoch_propose(struct catalog *catalog)
{
    struct epoch *epoch = &catalog->epoch;

    if (epoch->wanted.epoch == 0)
        return epoch->sealing;
    AUTO_UNREF struct buf *seal = seal_encode(&epoch->wanted);
    epoch->wanted.epoch = 0; /* when it fails, whoever wanted it comes again */
    if (seal == NULL || replica_propose(catalog->replica, &epoch->proposal, ENTRY_SEAL, seal, 0,
                                        on_settled) != ERR_OK)
        return false;
    epoch->sealing = true;
    catalog->busy++;
    return true;
}

static void on_settled(struct proposal *proposal, enum err err, uint64_t index)
{
    struct catalog *catalog = container_of(proposal, struct catalog, epoch.proposal);

    catalog->epoch.sealing = false;
    catalog_changed(catalog);
    catalog_idle(catalog);
}

void epoch_sealed(struct catalog *catalog)
{
    catalog->epoch.over = true;
    catalog->epoch.eager = catalog->role == REPLICA_LEADER;
    catalog->epoch.wanted.epoch = 0;
    catalog->role = REPLICA_FOLLOWER;
    catalog->leader = 0;
}

/* ---- the next one ---- */

void epoch_look(struct catalog *catalog)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    uint32_t wanted = model_catalog(catalog->model)->epoch;
    struct reason reason = { .text = "" };

    if (catalog->closing || catalog->member_count == 0 || catalog->epoch.closing ||
        catalog->rescue != NULL || catalog->relic_job != NULL)
        return;
    members_take(catalog);
    if (!catalog_is_member(catalog)) {
        leave(catalog, state);
        return;
    }
    if (state == NULL || state->epoch < wanted) {
        if (catalog->replica != NULL && !catalog->epoch.over)
            epoch_close_replica(catalog);
        else if (begin(catalog))
            epoch_look(catalog);
        return;
    }
    if (catalog->replica != NULL && catalog->epoch.of != state->epoch)
        epoch_close_replica(catalog);
    else if (catalog->replica == NULL &&
             epoch_open(catalog, catalog->epoch.eager, &reason) != ERR_OK)
        catalog->world.on_failed(catalog->world.ctx, &reason);
}

enum err epoch_open(struct catalog *catalog, bool eager, struct reason *reason)
{
    enum err err = replica_open(&catalog->replica, catalog->world.roster, CATALOG_GROUP,
                                catalog->members[0], eager, &catalog_events, catalog, reason);

    if (err != ERR_OK) {
        reason_wrap(reason, "open the catalogue's group");
        return err;
    }
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    catalog->epoch.of = state->epoch;
    catalog->epoch.over = catalog->epoch.eager = false;
    if (state->applied > catalog->committed)
        catalog->committed = state->applied;
    catalog_catch_up(catalog);
    return ERR_OK;
}

/* The newest that is known, by the model or, after a restart from an older image, by the log. */
static void members_take(struct catalog *catalog)
{
    const struct model_epoch *wanted = model_catalog(catalog->model);
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);

    if (state != NULL && state->member_count > 0 && state->epoch > wanted->epoch) {
        memcpy(catalog->members, state->members, sizeof(catalog->members));
        catalog->member_count = state->member_count;
    } else if (wanted->epoch != 0) {
        memcpy(catalog->members, wanted->members, sizeof(catalog->members));
        catalog->member_count = wanted->member_count;
    }
}

/* True when the log has the START.  Only while no replica runs on what lies there. */
static bool begin(struct catalog *catalog)
{
    struct log *log = catalog->world.log;
    const struct log_state *state = log_state(log, CATALOG_GROUP);
    const struct model_epoch *wanted = model_catalog(catalog->model);
    struct log_state start = { .group = CATALOG_GROUP,
                               .epoch = wanted->epoch,
                               .member_count = wanted->member_count };
    struct entry_head seal;

    memcpy(start.members, wanted->members, sizeof(start.members));
    /* Behind the image rather than behind the SEAL: what is in it the others need not keep. */
    if (catalog->keep.saved <= wanted->index && has_seal(catalog, state, &seal)) {
        start.start_index = seal.index;
        start.start_term = seal.term;
        start.last_time_ms = seal.time_ms;
    } else if (catalog->keep.saved >= wanted->index || MUTANT(newcomer_bare)) {
        start.start_index = catalog->keep.saved;
        start.start_term = catalog->keep.saved_term;
        start.last_time_ms = catalog->keep.saved_time_ms;
        /* Two epochs may use one (index, term): what is not known committed must not pass for it.
         */
        if (state != NULL && state->last > state->applied)
            log_truncate(log, CATALOG_GROUP, state->applied + 1);
    } else {
        keep_now(catalog); /* comes back when it is written */
        return false;
    }
    start.term = start.start_term;
    log_start(log, &start);
    note_event(catalog->world.note, NOTE_INFO, "catalog.epoch_began",
               "epoch=%" PRIu32 " at=%" PRIu64 " sealed_at=%" PRIu64, start.epoch,
               start.start_index, wanted->index);
    return true;
}

/* Its log is the group's up to there, then. */
static bool has_seal(const struct catalog *catalog, const struct log_state *state,
                     struct entry_head *head)
{
    const struct model_epoch *wanted = model_catalog(catalog->model);

    return state != NULL && state->epoch + 1 == wanted->epoch &&
           log_head(catalog->world.log, CATALOG_GROUP, wanted->index, head) == ERR_OK &&
           head->epoch == state->epoch && head->term == wanted->term && head->type == ENTRY_SEAL;
}

/* Another node of its name is the member now, or it was drained. */
static void leave(struct catalog *catalog, const struct log_state *state)
{
    if (catalog->replica != NULL) {
        epoch_close_replica(catalog);
    } else if (state != NULL && catalog->keep.saved >= model_catalog(catalog->model)->index) {
        /* The image on the disk says that it is none: no restart takes it for one. */
        log_forget(catalog->world.log, CATALOG_GROUP);
        note_event(catalog->world.note, NOTE_INFO, "catalog.left", "epoch=%" PRIu32,
                   model_catalog(catalog->model)->epoch);
    } else if (state != NULL) {
        keep_now(catalog);
    }
}

void epoch_close_replica(struct catalog *catalog)
{
    catalog->epoch.closing = true;
    catalog->busy++;
    replica_close(catalog->replica, on_closed, catalog);
}

static void on_closed(void *ctx)
{
    struct catalog *catalog = ctx;

    catalog->replica = NULL;
    catalog->role = REPLICA_FOLLOWER;
    catalog->leader = 0;
    catalog->epoch.closing = catalog->epoch.over = false;
    if (catalog->rescue != NULL)
        rescue_closed(catalog);
    epoch_look(catalog);
    follow_start(catalog);
    catalog_changed(catalog);
    catalog_idle(catalog);
}

/* ---- hearing of it ---- */

void catalog_told(struct catalog *catalog, uint32_t epoch, uint64_t from)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);

    if (catalog->closing || catalog->member_count == 0 ||
        epoch <= model_catalog(catalog->model)->epoch || (state != NULL && epoch <= state->epoch))
        return;
    catalog->follow.once = true;
    catalog->follow.from = from;
    follow_start(catalog);
}

#include "catalog/catalog_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "catalog/apply.h"
#include "catalog/version.h"

static enum err start_write(struct catalog *catalog, struct reason *reason);
static enum err applied_raise(struct catalog *catalog, struct reason *reason);
static void on_applied(void *ctx, const struct entry_head *head, struct buf *payload);
static void on_sealed(void *ctx, const struct entry_head *head, struct buf *payload);
static void on_role(void *ctx, enum replica_role role, uint64_t leader);
static uint32_t on_image(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX]);
static bool is_outdated(struct catalog *catalog);
static void version_note(const struct catalog *catalog, uint32_t before);
static void catch_up_on_read(struct log_read *req, enum err err);
static void catch_up_again(struct timer *timer);
static void tell_changed(struct defer *defer);
static void fail_jobs(struct defer *defer);
static void on_replica_closed(void *ctx);
static void finish(struct defer *defer);

const struct replica_events catalog_events = {
    .applied = on_applied,
    .sealed = on_sealed,
    .role = on_role,
    .image = on_image,
};

/* ---- life ---- */

enum err catalog_open(struct catalog **ret, uint64_t node, const struct catalog_world *world,
                      struct reason *reason)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));

    if (catalog == NULL) {
        reason_set(reason, "open catalogue: no memory");
        return ERR_NO_MEMORY;
    }
    catalog->node = node;
    catalog->world = *world;
    catalog->model = model_new();
    catalog->model->knows = world->knows;
    list_init(&catalog->jobs);
    list_init(&catalog->refreshing);

    enum err err = keep_open(catalog, reason);
    if (err != ERR_OK) {
        reason_wrap(reason, "open catalogue");
        model_free(catalog->model);
        free(catalog);
        return err;
    }
    intake_open(catalog);
    serve_open(catalog);
    *ret = catalog;
    return ERR_OK;
}

enum err catalog_join(struct catalog *catalog, const uint64_t members[], uint32_t member_count,
                      struct reason *reason)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    uint32_t wanted = model_catalog(catalog->model)->epoch;
    enum err err = ERR_OK;

    ensure(member_count >= 1 && member_count <= GROUP_MEMBERS_MAX);
    ensure(catalog->member_count == 0); /* once: then only the group itself changes them */
    memcpy(catalog->members, members, member_count * sizeof(members[0]));
    catalog->member_count = member_count;
    bool fresh = state == NULL && wanted == 0 && catalog_is_member(catalog);
    if (fresh)
        err = start_write(catalog, reason);
    else if (state != NULL && state->epoch >= wanted)
        err = applied_raise(catalog, reason);
    if (err == ERR_OK && fresh)
        err = epoch_open(catalog, members[0] == catalog->node, reason);
    if (err != ERR_OK) {
        reason_wrap(reason, "join the catalogue's group");
        return err;
    }
    epoch_look(catalog);
    follow_start(catalog);
    return ERR_OK;
}

/* A founding member's log begins at (1, 1).  A node that has a model but no log is not new: it
 * lost its log, and must not vote as if it had never voted. */
static enum err start_write(struct catalog *catalog, struct reason *reason)
{
    struct log_state start = {
        .group = CATALOG_GROUP,
        .epoch = 1,
        .member_count = catalog->member_count,
        .start_index = MODEL_START_INDEX,
        .start_term = 1,
        .term = 1,
    };

    if (catalog->model->index > MODEL_START_INDEX) {
        reason_set(reason, "this node has the catalogue's image but not its log");
        return ERR_CORRUPT;
    }
    memcpy(start.members, catalog->members, sizeof(start.members));
    log_start(catalog->world.log, &start);
    return ERR_OK;
}

/* The log remembers lazily what was applied; the image does not.  What is in it was committed and
 * is in the log: the replica begins there, as the other members may have trimmed what is below. */
static enum err applied_raise(struct catalog *catalog, struct reason *reason)
{
    struct log *log = catalog->world.log;
    const struct log_state *state = log_state(log, CATALOG_GROUP);
    uint64_t index = catalog->model->index;
    struct entry_head head;

    if (index <= state->applied)
        return ERR_OK;
    if (index > state->last) {
        /* Legal: another member's image was taken, or the others had committed what this node's log
         * had not on its disk yet.  The rest comes from them. */
        note_event(catalog->world.note, NOTE_WARN, "catalog.image_ahead",
                   "index=%" PRIu64 " log_to=%" PRIu64, index, state->last);
        return ERR_OK;
    }
    enum err err = log_heads_now(log, CATALOG_GROUP, index, index, &head, reason);
    if (err != ERR_OK)
        return err;
    if (head.term != catalog->model->term) {
        /* Legal too: then the log's was never committed, and the leader takes it away. */
        note_event(catalog->world.note, NOTE_WARN, "catalog.image_differs",
                   "index=%" PRIu64 " term=%" PRIu64 " log_term=%" PRIu64, index,
                   catalog->model->term, head.term);
        return ERR_OK;
    }
    log_applied(log, CATALOG_GROUP, index, head.term, head.time_ms, slice_of(NULL, 0));
    return ERR_OK;
}

void catalog_close(struct catalog *catalog, void (*closed)(void *ctx), void *ctx)
{
    ensure(!catalog->closing);
    catalog->closing = true;
    catalog->closed = closed;
    catalog->closed_ctx = ctx;
    catalog->busy++; /* this function itself */

    timer_stop(&catalog->read_again);
    defer_cancel(&catalog->changed);
    follow_close(catalog);
    serve_close(catalog);
    keep_close(catalog);
    intake_close(catalog);
    rescue_close(catalog);
    if (catalog->replica != NULL && !catalog->epoch.closing) {
        catalog->busy++;
        replica_close(catalog->replica, on_replica_closed, catalog);
    }
    defer_run(catalog->world.clock, &catalog->finish, fail_jobs);
}

static void fail_jobs(struct defer *defer)
{
    struct catalog *catalog = container_of(defer, struct catalog, finish);

    propose_close(catalog);
    refresh_close(catalog);
    catalog_idle(catalog);
}

static void on_replica_closed(void *ctx)
{
    struct catalog *catalog = ctx;

    catalog->replica = NULL;
    catalog_idle(catalog);
}

void catalog_idle(struct catalog *catalog)
{
    ensure(catalog->busy > 0);
    catalog->busy--;
    if (catalog->closing && catalog->busy == 0)
        defer_run(catalog->world.clock, &catalog->finish, finish);
}

static void finish(struct defer *defer)
{
    struct catalog *catalog = container_of(defer, struct catalog, finish);
    void (*closed)(void *) = catalog->closed;
    void *ctx = catalog->closed_ctx;

    model_free(catalog->model);
    buf_unref(catalog->relic);
    free(catalog);
    closed(ctx);
}

/* ---- what others look at ---- */

uint32_t catalog_members(const struct catalog *catalog, uint64_t members[GROUP_MEMBERS_MAX])
{
    memcpy(members, catalog->members, sizeof(catalog->members));
    return catalog->member_count;
}

const struct model *catalog_model(const struct catalog *catalog)
{
    return catalog->model;
}

bool catalog_leads(const struct catalog *catalog)
{
    return catalog->role == REPLICA_LEADER && !catalog->closing &&
           catalog->model->index >= catalog->committed;
}

uint64_t catalog_leader(const struct catalog *catalog)
{
    return catalog->leader != 0 ? catalog->leader : catalog->hint;
}

bool catalog_is_member(const struct catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->member_count; i++)
        if (catalog->members[i] == catalog->node)
            return true;
    return false;
}

static bool has_member(const struct catalog *catalog, uint64_t node)
{
    for (uint32_t i = 0; i < catalog->member_count; i++)
        if (catalog->members[i] == node)
            return true;
    return false;
}

void catalog_hint(struct catalog *catalog, uint64_t leader)
{
    catalog->hint = leader;
}

/* A member that finds no leader, and hears of other members than it knows, is in an epoch that is
 * over: of those whom it asks for a vote none may be left to say so. */
void catalog_hint_members(struct catalog *catalog, uint64_t from, const uint64_t members[],
                          uint32_t member_count)
{
    ensure(member_count <= GROUP_MEMBERS_MAX);
    memcpy(catalog->hinted, members, member_count * sizeof(members[0]));
    catalog->hinted_count = member_count;
    if (catalog->replica == NULL || catalog->leader != 0 || has_member(catalog, from) ||
        MUTANT(stale_voter_waits))
        return;
    catalog->follow.once = true;
    catalog->follow.from = from;
    follow_start(catalog);
}

void catalog_hint_peer(struct catalog *catalog, uint64_t node)
{
    catalog->peer = node;
}

void catalog_set_placer(struct catalog *catalog, change_up_fn up, void *ctx)
{
    catalog->up = up;
    catalog->up_ctx = ctx;
}

uint64_t catalog_saved(const struct catalog *catalog)
{
    return catalog->keep.saved;
}

uint64_t catalog_begins(const struct catalog *catalog)
{
    bool fed = catalog_is_member(catalog) && log_state(catalog->world.log, CATALOG_GROUP) != NULL;

    return fed && catalog->committed < catalog->keep.saved ? catalog->committed
                                                           : catalog->keep.saved;
}

void catalog_set_kept(struct catalog *catalog, uint64_t index)
{
    catalog->keep.kept = index;
    keep_trim(catalog);
}

/* ---- who hears of changes ---- */

void catalog_listen(struct catalog *catalog, catalog_applied_cb cb, void *ctx)
{
    ensure(catalog->listener_count < CATALOG_LISTENERS_MAX);
    catalog->listeners[catalog->listener_count].cb = cb;
    catalog->listeners[catalog->listener_count].ctx = ctx;
    catalog->listener_count++;
}

void catalog_changed(struct catalog *catalog)
{
    if (!catalog->closing)
        defer_run(catalog->world.clock, &catalog->changed, tell_changed);
}

static void tell_changed(struct defer *defer)
{
    struct catalog *catalog = container_of(defer, struct catalog, changed);

    epoch_look(catalog);
    intake_changed(catalog);
    serve_changed(catalog);
    keep_changed(catalog);
    propose_changed(catalog);
    refresh_changed(catalog);
    for (uint32_t i = 0; i < catalog->listener_count && !catalog->closing; i++)
        catalog->listeners[i].cb(catalog->listeners[i].ctx, catalog->model);
}

/* ---- applying ---- */

static void on_applied(void *ctx, const struct entry_head *head, struct buf *payload)
{
    struct catalog *catalog = ctx;

    if (head->index > catalog->committed)
        catalog->committed = head->index;
    if (head->index <= catalog->model->index)
        return; /* the image was ahead of what the replica remembered */

    bool at_hand = payload != NULL || head->length == 0;
    if (at_hand && head->index == catalog->model->index + 1)
        catalog_apply(catalog, head, payload != NULL ? buf_slice(payload) : slice_of(NULL, 0));
    else
        catalog_catch_up(catalog);
}

void catalog_apply(struct catalog *catalog, const struct entry_head *head, struct slice payload)
{
    struct reason reason = { .text = "" };
    struct slice change = head->type == ENTRY_CHANGE ? payload : slice_of(NULL, 0);
    struct seal seal;

    if (head->type == ENTRY_SEAL && seal_decode(&seal, payload)) {
        catalog->model->time_ms = head->time_ms;
        apply_seal(catalog->model, head->index, head->term, &seal);
        epoch_look(catalog);
        catalog_changed(catalog);
        return;
    }
    uint32_t version = catalog->model->cluster_version;
    enum err err = apply_change(catalog->model, head->index, head->term, change, &reason);

    if (catalog->model->index == head->index)
        catalog->model->time_ms = head->time_ms;
    if (is_outdated(catalog))
        return;
    version_note(catalog, version);
    intake_applied(catalog, head->index, err, &reason);
    catalog_changed(catalog);
}

void catalog_replace(struct catalog *catalog, struct model *model)
{
    uint32_t version = catalog->model->cluster_version;

    ensure(model->index > catalog->model->index);
    if (!relic_take(catalog, model))
        model_free(catalog->model);
    catalog->model = model;
    catalog->model->knows = catalog->world.knows;
    if (is_outdated(catalog))
        return;
    version_note(catalog, version);
    intake_replaced(catalog);
    relic_begin(catalog);
    catalog_changed(catalog);
}

/* The process ends: what it goes on to say could be wrong. */
static bool is_outdated(struct catalog *catalog)
{
    struct reason reason = { .text = "" };

    if (!version_is_beyond(catalog->model, &reason))
        return false;
    note_event(catalog->world.note, NOTE_ERROR, "cluster.outdated", "reason=%s",
               NOTE_QUOTED(reason.text));
    catalog->world.on_outdated(catalog->world.ctx, &reason);
    return true;
}

static void version_note(const struct catalog *catalog, uint32_t before)
{
    if (catalog->model->cluster_version != before)
        note_event(catalog->world.note, NOTE_INFO, "cluster.version", "version=%" PRIu32
                   " knows=%" PRIu32, catalog->model->cluster_version, catalog->world.knows);
}

/* What is committed and not in the model comes from this node's log. */
void catalog_catch_up(struct catalog *catalog)
{
    if (catalog->reading || catalog->closing || catalog->replica == NULL ||
        catalog->committed <= catalog->model->index)
        return;

    catalog->reading = true;
    catalog->busy++;
    catalog->read = (struct log_read){ .group = CATALOG_GROUP,
                                       .first = catalog->model->index + 1,
                                       .last = catalog->committed,
                                       .bytes_max = CATALOG_READ_BYTES_MAX };
    log_read(catalog->world.log, &catalog->read, catch_up_on_read);
}

static void catch_up_on_read(struct log_read *req, enum err err)
{
    struct catalog *catalog = container_of(req, struct catalog, read);

    catalog->reading = false;
    for (uint32_t i = 0; i < req->count && !catalog->closing; i++) {
        const struct log_read_entry *entry = &req->entries[i];
        if (entry->head.index != catalog->model->index + 1)
            continue;
        catalog_apply(catalog, &entry->head,
                      entry->payload != NULL ? buf_slice(entry->payload) : slice_of(NULL, 0));
    }
    if (err != ERR_OK && !catalog->closing) {
        note_event(catalog->world.note, NOTE_WARN, "catalog.read_failed",
                   "index=%" PRIu64 " err=%s reason=%s", catalog->model->index + 1, err_name(err),
                   NOTE_QUOTED(req->reason.text));
        catalog->follow.once = true; /* another member has the same entries */
        follow_start(catalog);
        timer_start(catalog->world.clock, &catalog->read_again, CATALOG_ASK_WAIT_MS,
                    catch_up_again);
    }
    log_read_fini(req);
    if (err == ERR_OK)
        catalog_catch_up(catalog);
    catalog_idle(catalog);
}

static void catch_up_again(struct timer *timer)
{
    catalog_catch_up(container_of(timer, struct catalog, read_again));
}

static void on_sealed(void *ctx, const struct entry_head *head, struct buf *payload)
{
    epoch_sealed(ctx);
    on_applied(ctx, head, payload);
}

static void on_role(void *ctx, enum replica_role role, uint64_t leader)
{
    struct catalog *catalog = ctx;

    catalog->role = role;
    catalog->leader = leader;
    if (role != REPLICA_LEADER)
        catalog->epoch.wanted.epoch = 0; /* of a leadership that is over */
    catalog_changed(catalog);
}

/* The model has an image of its own, in the table. */
static uint32_t on_image(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX])
{
    return 0;
}

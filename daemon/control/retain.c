/* Retention, in passes over all shards.  It goes by the settings of streams, so a pass begins with
 * the question how far the catalogue is: a node that is cut off from its leader, or has just
 * started, may know a shorter retention than clients have been promised since.  What is too old is
 * told by the time as it was agreed on before that question: whatever was set later found those
 * records gone. */
#include "base/mutant.h"
#include "control/control_private.h"
#include "control/placed.h"

static void on_timer(struct timer *timer);
static void ask(struct control *control);
static void on_fresh(struct catalog_refresh *req, enum err err);
static void on_look(struct rescue_look *look);
static void begin(struct control *control, bool fresh);
static void step(struct control *control);

void retain_open(struct control *control)
{
    timer_start(control->world.clock, &control->retain.timer, CONTROL_RETAIN_EVERY_MS, on_timer);
}

/* A question to the catalogue's leader that is on its way ends before the catalogue does. */
void retain_close(struct control *control)
{
    timer_stop(&control->retain.timer);
    rescue_look_cancel(&control->retain.look);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, retain.timer);
    struct retain *retain = &control->retain;

    if (retain->passing) {
        step(control);
    } else {
        room_look(control);
        ask(control);
    }
    if (!retain->passing)
        log_save(control->log);
    timer_start(control->world.clock, timer, retain->passing ? 0 : CONTROL_RETAIN_EVERY_MS,
                on_timer);
}

static void ask(struct control *control)
{
    struct retain *retain = &control->retain;
    uint64_t agreed_ms = control_agreed_ms(control);

    if (agreed_ms == 0 || retain->asking)
        return;
    retain->asked_ms = agreed_ms;
    retain->asked_mono_ms = control_now_ms(control);
    retain->asking = true;
    catalog_refresh(control->catalog, &retain->refresh, CONTROL_RETAIN_ASK_MS, on_fresh);
}

static void on_fresh(struct catalog_refresh *req, enum err err)
{
    struct control *control = container_of(req, struct control, retain.refresh);

    if (err != ERR_OK && room_is_short(control) && !control->closing) {
        catalog_fetch(control->catalog);
        rescue_look(control, &control->retain.look, CATALOG_GROUP, on_look);
        return;
    }
    begin(control, err == ERR_OK || MUTANT(stale_retention));
}

/* Logs that are full take no changes of the catalogue either, and where most are, nobody leads it:
 * then retention, which alone makes room, would wait for ever.  A change that was agreed on is in
 * the logs of a majority; when a majority has none of retention behind this node's model, there
 * is none. */
static void on_look(struct rescue_look *look)
{
    struct control *control = container_of(look, struct control, retain.look);
    const struct model *model = catalog_model(control->catalog);
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control->catalog, members);
    uint32_t epoch = model_catalog(model)->epoch == 0 ? 1 : model_catalog(model)->epoch;

    begin(control, rescue_none_changes(look, members, count, epoch, model_index(model)));
}

/* While nothing is known the time stands still: nothing more is too old. */
static void begin(struct control *control, bool fresh)
{
    struct retain *retain = &control->retain;

    retain->asking = false;
    if (fresh) {
        retain->now_ms = retain->asked_ms;
        retain->known_mono_ms = retain->asked_mono_ms;
    }
    if (control->closing || retain->now_ms == 0)
        return;
    retain->after = 0;
    retain->passing = true;
    timer_start(control->world.clock, &retain->timer, 0, on_timer);
}

/* A leader knows from its followers what all have, the others from its word. */
static uint64_t whole_of(const struct control *control, const struct replica_status *status)
{
    uint64_t said = liveness_whole(&control->liveness, status->group, control_now_ms(control));

    return said > status->whole ? said : status->whole;
}

/* A log that has been full for a while keeps nothing for others: a full one takes no entries, so
 * all who are full would wait for each other, for ever.  But a leader keeps what no majority has of
 * those that answer, for without one its epoch can never end: the last other disk that had it may
 * be lost.  A leader that lets go what a member lacks asks for the next epoch, because in this one
 * that member cannot count. */
void control_retain(struct control *control, struct shard *shard, uint64_t now_ms)
{
    struct replica_status status = shard_status(shard).replica;
    uint64_t whole = whole_of(control, &status);
    bool is_short = room_is_short(control) && !MUTANT(full_log_holds);
    uint64_t kept_above = is_short && status.shared > whole ? status.shared : whole;

    bool waits = shard_retain(shard, now_ms, kept_above);
    const struct log_state *state = log_state(control->log, status.group);
    bool lacks = is_short && state != NULL && state->first > whole + 1;
    if ((waits || lacks) && status.role == REPLICA_LEADER)
        overtaken_told(control, status.group, status.epoch, 0);
}

/* As the model has it now: the passes of host.c may not have come to the shard yet. */
static void set_retention(struct control *control, struct shard *shard)
{
    const struct model_stream *stream = NULL;

    if (model_shard_by_group(catalog_model(control->catalog), shard_group(shard), &stream) != NULL)
        shard_set_retention(shard, placed_retention_ms(stream));
}

static void step(struct control *control)
{
    struct retain *retain = &control->retain;

    for (uint32_t i = 0; i < CONTROL_RETAINS_PER_TURN; i++) {
        struct shard *shard = host_next(control, retain->after);
        if (shard == NULL) {
            retain->passing = false;
            return;
        }
        retain->after = shard_group(shard);
        set_retention(control, shard);
        control_retain(control, shard, retain->now_ms);
    }
}

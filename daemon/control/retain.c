#include "base/mutant.h"
#include "control/control_private.h"

static void on_timer(struct timer *timer);
static void step(struct control *control);

void retain_open(struct control *control)
{
    timer_start(control->world.clock, &control->retain.timer, CONTROL_RETAIN_EVERY_MS, on_timer);
}

void retain_close(struct control *control)
{
    timer_stop(&control->retain.timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, retain.timer);
    struct retain *retain = &control->retain;

    if (!retain->passing) {
        retain->now_ms = control_agreed_ms(control);
        retain->after = 0;
        retain->passing = retain->now_ms != 0;
        room_look(control);
    }
    if (retain->passing)
        step(control);
    if (!retain->passing)
        log_save(control->log);
    timer_start(control->world.clock, timer, retain->passing ? 0 : CONTROL_RETAIN_EVERY_MS,
                on_timer);
}

/* A leader knows from its followers what all have, the others from its word. */
static uint64_t whole_of(const struct control *control, const struct replica_status *status)
{
    uint64_t said = liveness_whole(&control->liveness, status->group, control_now_ms(control));

    return said > status->whole ? said : status->whole;
}

/* A log that has been full for a while keeps nothing for others: a full one takes no entries and
 * answers no leader, so all who are full would wait for each other, for ever.  A leader that lets
 * go what a member lacks asks for the next epoch, because in this one that member cannot count. */
void control_retain(struct control *control, struct shard *shard, uint64_t now_ms)
{
    struct replica_status status = shard_status(shard).replica;
    uint64_t whole = whole_of(control, &status);
    bool is_short = room_is_short(control) && !MUTANT(full_log_holds);

    bool waits = shard_retain(shard, now_ms, is_short ? status.applied : whole);
    const struct log_state *state = log_state(control->log, status.group);
    bool lacks = is_short && state != NULL && state->first > whole + 1;
    if ((waits || lacks) && status.role == REPLICA_LEADER)
        overtaken_told(control, status.group, status.epoch, 0);
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
        control_retain(control, shard, retain->now_ms);
    }
}

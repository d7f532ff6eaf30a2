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
void control_retain(struct control *control, struct shard *shard, uint64_t now_ms)
{
    struct replica_status status = shard_status(shard).replica;
    uint64_t said = liveness_whole(&control->liveness, status.group, control_now_ms(control));
    uint64_t whole = said > status.whole ? said : status.whole;

    if (shard_retain(shard, now_ms, whole) && status.role == REPLICA_LEADER)
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

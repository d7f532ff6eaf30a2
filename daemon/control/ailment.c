#include "control/ailment.h"

#include <stddef.h>

/* What one look says of one ailment: between is too much for one that is well, and too little for
 * one that ails. */
enum look { LOOK_UNKNOWN, LOOK_WELL, LOOK_BETWEEN, LOOK_ILL };

static enum look look_full(const struct ailment_sight *sight)
{
    return sight->full ? LOOK_ILL : LOOK_WELL;
}

static enum look look_slow(const struct ailment_sight *sight)
{
    uint64_t us = sight->write_us > sight->hangs_us ? sight->write_us : sight->hangs_us;

    if (us == 0 || sight->peers_us == 0)
        return LOOK_UNKNOWN;
    if (us >= CONTROL_SLOW_US && us >= CONTROL_SLOW_TIMES * sight->peers_us)
        return LOOK_ILL;
    if (sight->write_us == 0)
        return LOOK_UNKNOWN; /* one is under way, and none has ended */
    /* One write that takes a while is no sign when the others do not (slow-disk, seed 300005). */
    return sight->write_us < CONTROL_SLOW_US / 2 ||
                   sight->write_us < CONTROL_SLOW_TIMES / 2 * sight->peers_us
               ? LOOK_WELL
               : LOOK_BETWEEN;
}

static enum look look_clock(const struct ailment_sight *sight)
{
    if (sight->off_max_ms == 0 || sight->off_ms < sight->off_max_ms / 2)
        return LOOK_WELL;
    return sight->off_ms >= sight->off_max_ms ? LOOK_ILL : LOOK_BETWEEN;
}

static bool is_hung(const struct ailment_sight *sight)
{
    return sight->hangs_us >= CONTROL_HUNG_US;
}

static void begin(struct ailment_state *state, uint64_t now_ms)
{
    bool again = state->ended && now_ms - state->ended_ms < CONTROL_RELAPSE_MS;
    uint64_t twice_ms = 2 * state->well_after_ms;

    if (!again)
        state->well_after_ms = CONTROL_WELL_AFTER_MS;
    else
        state->well_after_ms =
            twice_ms < CONTROL_WELL_AFTER_MS_MAX ? twice_ms : CONTROL_WELL_AFTER_MS_MAX;
    state->ails = true;
    state->counting = false;
}

static void end(struct ailment_state *state, uint64_t now_ms)
{
    state->ails = state->counting = false;
    state->ended = true;
    state->ended_ms = now_ms;
}

/* `after_ms`: how long it must be seen before it counts. */
static bool follow(struct ailment_state *state, enum look look, uint64_t after_ms, uint64_t now_ms)
{
    if (look == LOOK_UNKNOWN)
        return state->ails;
    if (look != (state->ails ? LOOK_WELL : LOOK_ILL)) {
        state->counting = false;
        return state->ails;
    }
    if (!state->counting)
        state->counting_ms = now_ms;
    state->counting = true;
    if (!state->ails && now_ms - state->counting_ms >= after_ms)
        begin(state, now_ms);
    else if (state->ails && now_ms - state->counting_ms >= state->well_after_ms)
        end(state, now_ms);
    return state->ails;
}

enum ailment ailments_look(struct ailments *ailments, const struct ailment_sight *sight,
                           uint64_t now_ms)
{
    struct ailment_state *states = ailments->states;
    bool full = follow(&states[AILMENT_FULL], look_full(sight), CONTROL_FULL_AFTER_MS, now_ms);
    bool slow = follow(&states[AILMENT_SLOW], look_slow(sight),
                       is_hung(sight) ? CONTROL_HUNG_AFTER_MS : CONTROL_SLOW_AFTER_MS, now_ms);
    bool clock = follow(&states[AILMENT_CLOCK], look_clock(sight), CONTROL_CLOCK_OFF_AFTER_MS,
                        now_ms);

    if (clock)
        return AILMENT_CLOCK;
    if (full)
        return AILMENT_FULL;
    return slow ? AILMENT_SLOW : AILMENT_NONE;
}

const char *ailment_name(uint32_t ailment)
{
    static const char *const names[AILMENTS] = { NULL, "full", "slow", "clock" };

    return ailment < AILMENTS ? names[ailment] : "unknown";
}

/* ---- writes ---- */

uint64_t ailment_writes_look(struct ailment_writes *writes, uint64_t ns_sum, uint64_t count)
{
    uint32_t at = writes->looks % AILMENT_WRITES_MAX;
    uint32_t back = writes->looks < CONTROL_SLOW_LOOKS ? writes->looks : CONTROL_SLOW_LOOKS;
    uint32_t from = (writes->looks - back) % AILMENT_WRITES_MAX;

    writes->ns[at] = ns_sum;
    writes->counts[at] = count;
    writes->looks++;
    if (writes->counts[from] == count)
        return 0;
    return (ns_sum - writes->ns[from]) / (count - writes->counts[from]) / 1000 + 1;
}

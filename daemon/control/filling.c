/* Which of the groups that are being filled pulls next, and how much.
 *
 * The log of the one that is asked has the entries of all groups side by side, in order of time.
 * So the group goes first that is furthest behind in time, a part of them at a time, and each asks
 * for little when there are many: then all walk through the other's log side by side, and it reads
 * each part of it about once (log_read.shared).
 *
 * Pulls under way are bounded by number and bytes, what was taken and is not durable likewise, and
 * all of it by what this node's fills and repairs may take per second.  Puts of clients share none
 * of these.  Nor is more asked for than the log has room for at this moment: what comes and cannot
 * be taken is fetched, and paid for, twice.
 *
 * Who went on from the last epoch, and lacks only its last few entries, goes first and waits
 * neither for others that may come nor for what fills owe: writers may wait until it has them.
 *
 * Of that, what only moves (moved.h) has a share of its own, so that it is slow: while moves owe
 * they are passed over, and lost disks are filled on.
 *
 * While the log has no room nothing is pulled.  But it may be full of what these groups have, and
 * no shard is open that retention could shorten: so they ask anew, one after the other, and let go
 * what the others have let go meanwhile (fill_let_go). */
#include "base/mutant.h"
#include "control/comer.h"

static void filling_on_timer(struct timer *timer);

void filling_open(struct control *control)
{
    uint64_t now_ms = control_now_ms(control);

    allowance_init(&control->allowance, control->options.fill_bytes_per_s, now_ms);
    allowance_init(&control->moves, control->options.move_bytes_per_s, now_ms);
}

void filling_close(struct control *control)
{
    timer_stop(&control->succession.filling.timer);
}

bool filling_lacks_little(const struct comer *comer)
{
    return comer->live && comer->answer.applied - comer->next < FILL_TAIL_ENTRIES &&
           !MUTANT(tail_waits);
}

/* Whether it is to pull before the other. */
static bool is_before(const struct comer *comer, const struct comer *other)
{
    if (filling_lacks_little(comer) != filling_lacks_little(other))
        return filling_lacks_little(comer);
    return comer->next_ms < other->next_ms;
}

/* NULL: none waits; nobody who only moves, unless `moves`. */
static struct comer *furthest_behind(const struct succession *succession, bool moves)
{
    struct comer *found = NULL;

    for (uint32_t i = 0; i < succession->count; i++) {
        struct comer *comer = succession->comers[i];
        if (comer->phase == COMER_PULLS && !comer->calling && (moves || comer->urgent) &&
            (found == NULL || is_before(comer, found)))
            found = comer;
    }
    return found;
}

static uint32_t at_most(uint32_t bytes, uint64_t most)
{
    return bytes < most ? bytes : (uint32_t)most;
}

/* A pull is given whole, and paid for afterwards: so it is a small part of what a limit allows. */
static uint32_t part_of(uint64_t bytes_per_s)
{
    uint64_t part = bytes_per_s * FILL_PULL_MS / 1000;

    if (bytes_per_s == 0 || part > FILL_BYTES_MAX)
        return FILL_BYTES_MAX;
    return part < FILL_BYTES_MIN ? FILL_BYTES_MIN : (uint32_t)part;
}

/* What one pull asks for: its part of what lies side by side, of what limits allow and of the room,
 * but what its entries have shown to be their size in any case, because one is always given. */
static uint32_t pull_bytes(const struct comer *comer, uint64_t room)
{
    const struct control *control = comer->control;
    uint32_t active = control->succession.active;
    uint32_t bytes = FILL_SPREAD_BYTES / (active > 0 ? active : 1);

    if (bytes < FILL_BYTES_MIN)
        bytes = FILL_BYTES_MIN;
    if (filling_lacks_little(comer))
        bytes = at_most(bytes, FILL_TAIL_BYTES);
    bytes = at_most(bytes, part_of(control->options.fill_bytes_per_s));
    if (!comer->urgent) {
        bytes = at_most(bytes, FILL_MOVE_BYTES);
        bytes = at_most(bytes, part_of(control->options.move_bytes_per_s));
    }
    bytes = at_most(bytes, room);
    if (bytes < comer->entry_bytes)
        bytes = comer->entry_bytes;
    return at_most(bytes, FILL_BYTES_MAX);
}

/* Less room than this is none: an entry as the last ones, but no more than without which the log
 * counts as full, so that what never fits is not waited for in silence. */
static uint64_t least_bytes(const struct control *control, const struct comer *comer)
{
    uint64_t some = room_some(control);

    if (comer->entry_bytes == 0)
        return ENTRY_HEAD_BYTES;
    return comer->entry_bytes < some ? comer->entry_bytes : some;
}

/* Pulls at once: so few that the next one can be chosen among most of the groups; and some more for
 * those for which writers may wait. */
static uint32_t calls_max(const struct succession *succession, bool little)
{
    uint32_t calls = at_most(succession->active / 4, FILL_CALLS_MAX);

    return (calls < FILL_CALLS_MIN ? FILL_CALLS_MIN : calls) + (little ? PULLS_AT_ONCE_MAX : 0);
}

/* An answer gives back what was asked for and did not come: then it is earlier than was thought. */
static void later(struct control *control, uint64_t ms)
{
    struct timer *timer = &control->succession.filling.timer;
    uint64_t due_ns = clock_mono_ns(control->world.clock) + ms * UINT64_C(1000000);

    if (!timer_running(timer) || timer->due_ns > due_ns)
        timer_start(control->world.clock, timer, ms, filling_on_timer);
}

/* How long until those that have come may begin. */
static uint64_t gathers_ms(const struct filling *filling, uint64_t now_ms)
{
    uint64_t last = filling->came_ms + FILL_GATHER_MS;
    uint64_t most = filling->first_ms + FILL_GATHER_MS_MAX;
    uint64_t until = last < most ? last : most;

    return until > now_ms ? until - now_ms : 0;
}

void filling_came(struct comer *comer)
{
    struct filling *filling = &comer->control->succession.filling;
    uint64_t now_ms = control_now_ms(comer->control);

    if (filling_lacks_little(comer))
        return;
    if (gathers_ms(filling, now_ms) == 0)
        filling->first_ms = now_ms;
    filling->came_ms = now_ms;
}

/* NULL: none waits, or none but moves, until what they owe is paid. */
static struct comer *next_to_pull(struct control *control)
{
    const struct succession *succession = &control->succession;
    uint64_t owed_ms = allowance_wait_ms(&control->moves, control_now_ms(control));
    struct comer *comer = furthest_behind(succession, owed_ms == 0);

    if (comer == NULL && owed_ms > 0 && furthest_behind(succession, true) != NULL)
        later(control, owed_ms);
    return comer;
}

static void filling_on_timer(struct timer *timer)
{
    filling_kick(container_of(timer, struct control, succession.filling.timer));
}

/* How long the next pull waits, for others that may come and for what fills may take. */
static uint64_t waits_ms(struct control *control, const struct comer *comer)
{
    uint64_t now_ms = control_now_ms(control);
    uint64_t gather_ms = gathers_ms(&control->succession.filling, now_ms);
    uint64_t owed_ms = allowance_wait_ms(&control->allowance, now_ms);

    if (filling_lacks_little(comer))
        return 0; /* what it takes is owed all the same */
    return owed_ms > gather_ms ? owed_ms : gather_ms;
}

static void pull(struct comer *comer, uint32_t bytes)
{
    struct filling *filling = &comer->control->succession.filling;

    filling_took(comer, bytes);
    comer->asked_bytes = bytes;
    filling->calls++;
    filling->bytes += bytes;
    fill_ask(comer);
}

void filling_kick(struct control *control)
{
    struct succession *succession = &control->succession;
    struct filling *filling = &succession->filling;
    struct comer *comer;

    while (!control->closing && (comer = next_to_pull(control)) != NULL) {
        bool little = filling_lacks_little(comer);
        if (filling->calls >= calls_max(succession, little))
            return; /* an answer comes back here */
        if (giver_is_stuck(control, comer->source)) {
            comer_later(comer);
            continue;
        }
        uint64_t room = log_room(control->log), least = least_bytes(control, comer);
        uint64_t left = room > filling->bytes ? room - filling->bytes : 0;
        uint32_t bytes = pull_bytes(comer, left);
        bool is_full = !little && filling->bytes + bytes > FILL_WINDOW_BYTES;
        if (filling->calls > 0 && (is_full || left < least))
            return; /* likewise */
        bool is_busy = !little && log_filling_bytes(control->log) > FILL_PENDING_BYTES_MAX;
        if (is_busy || room < least) {
            if (room_is_short(control) && !MUTANT(full_comer_waits))
                comer_later(comer);
            later(control, FILL_WAIT_MS);
            return;
        }
        uint64_t wait_ms = waits_ms(control, comer);
        if (wait_ms > 0) {
            later(control, wait_ms);
            return;
        }
        pull(comer, bytes);
    }
}

void filling_answered(struct comer *comer, size_t bytes)
{
    struct control *control = comer->control;
    struct filling *filling = &control->succession.filling;

    if (comer->asked_bytes == 0)
        return;
    filling->calls--;
    filling->bytes -= comer->asked_bytes;
    allowance_settle(&control->allowance, comer->asked_bytes, bytes);
    if (!comer->urgent)
        allowance_settle(&control->moves, comer->asked_bytes, bytes);
    comer->asked_bytes = 0;
    if (!control->closing)
        later(control, 0); /* it may fail, or go: who waits for its place has no other call */
}

void filling_took(struct comer *comer, size_t bytes)
{
    struct control *control = comer->control;
    uint64_t now_ms = control_now_ms(control);

    allowance_owe(&control->allowance, now_ms, bytes);
    if (!comer->urgent)
        allowance_owe(&control->moves, now_ms, bytes);
}

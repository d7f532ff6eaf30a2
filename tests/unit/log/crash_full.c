/* One node's log alone that is full for most of its life, on the simulated disk and tables: it dies
 * at any moment, again and again.  What was durable must be there; and when all that is in it may
 * go, there must be room again, whatever waited for a file.
 *
 *     log-full [WORLDS [SEED]]     LOUD=1 says which world it is
 */
#include "crash_history.h"
#include "fixture_sim.h"

#include "disk_sim.h"
#include "heap.h"
#include "table_sim.h"

#define WORLDS 16u
#define LIVES 12u
#define OPS_MAX 3000u
#define BUSY 6u           /* groups */
#define BYTES_MAX 12000u  /* of an entry */
#define LARGE 118600u     /* fills a segment */
#define HOWS 4u           /* ways to let go of all that a group has */
#define STANDS_NS (50 * SIM_MS) /* in which nothing gets durable: the head stands */
#define STANDS_MS 400u
#define RELIEF_MS 5000u
#define FILES_FEW 10u     /* of which one is kept back */
#define FILES_MORE 17u    /* two */
#define STAY 2u           /* groups, in each segment, when all others may go */
#define LITTLE (384u * 1024u)
#define TURN_NS_MAX (100 * SIM_US)
#define BLOCKED_NS (SIM_S * 3600)

enum op_kind { OP_START, OP_AGAIN, OP_APPEND, OP_TRUNCATE, OP_HARD, OP_APPLY, OP_TRIM, OP_FORGET };

struct op {
    enum op_kind kind;
    uint64_t group, a, b;
};

static struct op ops[OPS_MAX * 2];
static uint32_t op_count, durable_ops;
static uint32_t ops_by_turn[HISTORY_TURNS_MAX];
static uint64_t said;
static uint64_t moved_ns;    /* when the log wrote last, or had nothing to write */
static unsigned relieved_in_part;
static uint64_t wants_turn; /* of the last operation that is written */
/* Little is taken back: it fills with what lives. */
static enum { WILD, CALM_LARGE, CALM_MIXED } mood;

static void play_op(const struct op *op)
{
    switch (op->kind) {
    case OP_START: node_start(&node, op->group); break;
    case OP_AGAIN: node_start_again(&node, op->group, op->a); break;
    case OP_APPEND: node_append(&node, op->group, (uint32_t)op->a); break;
    case OP_TRUNCATE: node_truncate(&node, op->group, op->a); break;
    case OP_HARD: node_hard(&node, op->group, op->a, op->b); break;
    case OP_APPLY: node_apply(&node, op->group, op->a); break;
    case OP_TRIM: node_trim(&node, op->group, op->a); break;
    case OP_FORGET: node_forget(&node, op->group); break;
    }
}

static void look(void)
{
    if (node.durable > said || node.durable >= wants_turn)
        moved_ns = world.now_ns;
    if (node.durable <= said)
        return;
    said = node.durable;
    if (ops_by_turn[said % HISTORY_TURNS_MAX] > 0)
        durable_ops = ops_by_turn[said % HISTORY_TURNS_MAX];
}

static void act(enum op_kind kind, uint64_t group, uint64_t a, uint64_t b)
{
    if (op_count == OPS_MAX * 2)
        return;
    ops[op_count] = (struct op){ kind, group, a, b };
    play_op(&ops[op_count++]);
    ops_by_turn[log_turn(node.log) % HISTORY_TURNS_MAX] = op_count;
    if (kind != OP_APPLY && kind != OP_TRIM)
        wants_turn = log_turn(node.log);
}

static void wait_ms(uint64_t ms, bool (*enough)(void))
{
    uint64_t until = world.now_ns + ms * 1000000;
    while (world.now_ns < until && !enough()) {
        node_turn(&node);
        look();
    }
}

static bool stands(void)
{
    return world.now_ns - moved_ns > STANDS_NS && !log_has_room(node.log, 0);
}

static bool stands_not(void)
{
    return !stands();
}

static bool has_room(void)
{
    return log_has_room(node.log, BYTES_MAX);
}

static uint64_t below(uint64_t n)
{
    return world_below(&world, n);
}

static uint64_t between(uint64_t low, uint64_t high)
{
    return low + below(high - low + 1);
}

/* Everything of it may go: forgotten, taken back, trimmed, or trimmed and taken back. */
static void let_go(uint64_t group, unsigned how)
{
    const struct model_group *model = &node.groups[group];

    if (!model->exists)
        return;
    if (how == 0) {
        act(OP_FORGET, group, 0, 0);
    } else if (how == 1) {
        act(OP_AGAIN, group, model->start, 0);
    } else if (how == 2 && model_last(&node, group) > model->start) {
        uint64_t last = model_last(&node, group);
        if (last > model->applied)
            act(OP_APPLY, group, last, 0);
        act(OP_TRIM, group, last + 1, 0);
    } else if (how == 3) {
        uint64_t floor = model->applied > model->start ? model->applied : model->start;
        if (floor > model->start)
            act(OP_TRIM, group, floor + 1, 0);
        if (floor < model_last(&node, group))
            act(OP_TRUNCATE, group, floor + 1, 0);
    }
}

static bool has_room_soon(void)
{
    wait_ms(RELIEF_MS, has_room);
    return has_room();
}

static void fail_no_room(unsigned how, uint64_t bytes)
{
    struct log_figures figures = log_figures(node.log);

    fail_msg("all but %lu bytes may go (%u), and there is no room: turn %lu, durable %lu; "
             "segments: %lu free, %lu full, %lu of them unfiled",
             (unsigned long)bytes, how, (unsigned long)log_turn(node.log),
             (unsigned long)node.durable, (unsigned long)figures.segments_free,
             (unsigned long)figures.segments_full, (unsigned long)figures.segments_unfiled);
}

static uint64_t bytes_of(uint64_t group)
{
    const struct model_group *model = &node.groups[group];
    uint64_t bytes = 0;

    for (uint32_t i = 0; model->exists && i < model->count; i++)
        if (model->start + 1 + i >= model->first)
            bytes += model->entries[i].length;
    return bytes;
}

/* Of each segment a part may go, and the head has what is kept back for that: when little is left,
 * there is room, whatever else lies in those segments. */
static void relieve_in_part(void)
{
    unsigned how = (unsigned)below(HOWS);
    uint64_t bytes = 0;

    for (uint64_t group = 1; group <= BUSY; group++) {
        const struct model_group *model = &node.groups[group];
        if (group > STAY)
            let_go(group, how);
        else if (model->exists && model->applied < model_last(&node, group))
            act(OP_APPLY, group, model_last(&node, group), 0);
        bytes += bytes_of(group);
    }
    relieved_in_part += bytes < LITTLE;
    if (!has_room_soon() && bytes < LITTLE)
        fail_no_room(how, bytes);
}

/* First one may go, then some, then all: the sooner there is room, the more lives on. */
static void relieve(void)
{
    unsigned how = (unsigned)below(HOWS);

    let_go(between(1, BUSY), how);
    if (has_room_soon())
        return;
    how = (unsigned)below(HOWS);
    for (uint64_t group = 1; group <= BUSY; group++)
        if (below(3) > 0)
            let_go(group, how);
    if (has_room_soon())
        return;
    how = (unsigned)below(HOWS);
    for (uint64_t group = 1; group <= BUSY; group++)
        let_go(group, how);
    if (!has_room_soon())
        fail_no_room(how, 0);
}

static bool has_no_file(void)
{
    return log_figures(node.log).segments_free == 0;
}

/* All may go, and at about the moment at which the head has the last file it dies. */
static void end_with_last_file(void)
{
    unsigned how = (unsigned)below(HOWS);

    for (uint64_t group = 1; group <= BUSY; group++)
        let_go(group, how);
    wait_ms(STANDS_MS, has_no_file);
    for (uint64_t turns = below(4); turns > 0; turns--)
        node_turn(&node);
    look();
}

static void one_op(void)
{
    uint64_t group = between(1, BUSY), choice = below(1000);
    if (mood == CALM_MIXED || (mood == CALM_LARGE && choice % 25 > 0))
        choice = choice < 100 ? 200 : choice < 150 ? 100 : 999;
    const struct model_group *model = &node.groups[group];

    if (!model->exists) {
        act(OP_START, group, 0, 0);
        return;
    }
    uint64_t last = model_last(&node, group);
    uint64_t floor = model->applied > model->start ? model->applied : model->start;
    if (choice < 4 || model->count > ENTRIES_MAX - 10)
        act(OP_FORGET, group, 0, 0);
    else if (choice < 30 && floor < last) {
        act(OP_HARD, group, model->term + 1, below(4));
        uint64_t from = between(floor + 1, last);
        act(OP_TRUNCATE, group, from, 0);
        if (from > floor + 1 && below(2) == 0) { /* once more, deeper, in the same segment */
            node_turn(&node);
            from = between(floor + 1, from - 1);
            act(below(2) == 0 ? OP_TRUNCATE : OP_AGAIN, group, from, 0);
            if (below(3) == 0)
                wait_ms(300, stands);
        }
    } else if (choice < 150)
        act(OP_HARD, group, model->term + 1, below(4));
    else if (choice < 250 && floor < last)
        act(OP_APPLY, group, between(floor + 1, last), 0);
    else if (choice < 262 && model->applied > model->start)
        act(OP_TRIM, group, between(model->first, model->applied + 1), 0);
    else if (choice < 270) {
        act(OP_HARD, group, model->term + 1, 0);
        act(OP_AGAIN, group, choice == 269 ? model->start : between(floor, last), 0);
    } else if (choice < 330) {
        if (log_has_reserve(node.log, 100))
            act(OP_APPEND, group, 0, 0);
    } else {
        bool small = mood == WILD ? below(3) > 0 : group <= STAY;
        uint64_t mixed = between(1, small ? 900 : BYTES_MAX);
        uint32_t length = mood == CALM_LARGE ? LARGE : (uint32_t)mixed;
        if (log_has_room(node.log, length + 100))
            act(OP_APPEND, group, length, 0);
    }
}

/* Terms and votes until the head stands. */
static void flood(void)
{
    for (unsigned i = 0; i < 60 && !stands(); i++) {
        uint64_t group = between(1, BUSY);
        if (node.groups[group].exists)
            act(OP_HARD, group, node.groups[group].term + 1, 1);
        wait_ms(1, stands);
    }
}

static void live(uint64_t count)
{
    while (op_count < count) {
        one_op();
        if (below(4) == 0)
            node_turn(&node);
        if (below(64) == 0)
            log_save(node.log);
        if (below(300) == 0)
            wait_ms(below(1500), stands);
        if (below(100) == 0 && !has_room())
            flood();
        look();
        if (!stands())
            continue;
        wait_ms(STANDS_MS, stands_not);
        if (stands() && below(8) == 0)
            return;
        if (stands() && below(4) == 0) {
            end_with_last_file();
            return;
        }
        if (stands() && log_figures(node.log).segments_free == LOG_FILES_KEPT_BACK && below(2) == 0)
            relieve_in_part();
        else if (stands())
            relieve();
    }
}

/* Nothing but trims moved its beginning since. */
static bool goes_on(uint64_t group, uint32_t from)
{
    for (uint32_t i = from; i < op_count; i++)
        if (ops[i].group == group && (ops[i].kind == OP_FORGET || ops[i].kind == OP_AGAIN))
            return false;
    return true;
}

static void check(const struct model_group *before, uint64_t now_ms)
{
    static struct model_group after[GROUPS];
    uint32_t op = durable_ops;

    memcpy(after, node.groups, sizeof(after));
    memcpy(node.groups, before, sizeof(after));
    node.now_ms = now_ms;
    for (uint32_t i = 0; i < durable_ops; i++)
        play_op(&ops[i]);
    node_open(&node);
    struct log *log = node.log;
    node.log = NULL;
    for (;; op++) {
        node.log = log;
        bool matches = node_matches(&node);
        node.log = NULL;
        if (matches)
            break;
        if (op == op_count)
            fail_msg("of %u operations, %u durable: no moment matches", op_count, durable_ops);
        play_op(&ops[op]);
    }
    node.log = log;
    for (uint64_t group = 1; group <= BUSY; group++) {
        const struct log_state *state = log_state(log, group);
        if (state == NULL || !goes_on(group, op))
            continue;
        if (state->first > after[group].first)
            fail_msg("group %lu begins at %lu, and was trimmed to %lu", (unsigned long)group,
                     (unsigned long)state->first, (unsigned long)after[group].first);
    }
    node_take_hints(&node);
    node_check(&node);
}

static void play(void)
{
    static struct model_group before[GROUPS];
    enum death death = world_chance(&world, 1, 2) ? DEATH_POWER : DEATH_KILL;

    memcpy(before, node.groups, sizeof(before));
    uint64_t now_ms = node.now_ms;
    heap_enter(&alone->heap);
    node_open(&node);
    node_take_hints(&node);
    memcpy(before, node.groups, sizeof(before));
    op_count = durable_ops = 0;
    memset(ops_by_turn, 0, sizeof(ops_by_turn));
    said = node.durable;
    moved_ns = world.now_ns;
    wants_turn = 0;
    mood = below(3);
    for (uint64_t group = 1; group <= BUSY && mood == CALM_MIXED; group++)
        let_go(group, 0); /* so that all segments have entries of all groups */
    live(below(OPS_MAX) + 1);
    die(death);
    check(before, now_ms);
    node_close(&node);
    heap_enter(NULL);
}

static void one_world(uint64_t seed)
{
    node_clear(&node);
    node.segment_bytes = 128 * 1024;
    node.bytes_max = (seed % 2 == 0 ? FILES_FEW : FILES_MORE) * node.segment_bytes;
    turn_ns_max = TURN_NS_MAX;
    world_init(&world, seed, 1);
    alone->disk = disk_sim_new(alone);
    alone->table = table_sim_new(alone);
    for (unsigned life = 0; life < LIVES; life++)
        play();
    world_run(&world, world.now_ns + BLOCKED_NS); /* events of dead processes */
    disk_sim_free(alone->disk);
    table_sim_free(alone->table);
    world_fini(&world);
}

static void worlds(unsigned count, uint64_t seed)
{
    for (unsigned i = 0; i < count; i++) {
        if (getenv("LOUD") != NULL)
            fprintf(stderr, "world %lu\n", (unsigned long)(seed + i));
        one_world(seed + i);
    }
}

static void a_full_log_loses_nothing_and_gets_room_again(void **state)
{
    (void)state;
    worlds(WORLDS, 7);
    assert_true(relieved_in_part > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_log_loses_nothing_and_gets_room_again),
    };

    if (argc > 1) { /* by hand */
        worlds((unsigned)atoi(argv[1]), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

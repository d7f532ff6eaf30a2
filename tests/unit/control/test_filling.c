/* Groups that are filled side by side: when the next pull goes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/comer.h"
#include "env/turn.h"

#define GROUPS 8u /* more than FILL_CALLS_MIN */

struct clock {
    struct turn turn;
    uint64_t now_ms;
};

static struct {
    struct control *control;
    struct clock clock;
    struct comer comers[GROUPS], *of[GROUPS];
    uint32_t asked;         /* pulls that went out */
    uint64_t stuck;         /* does not answer them */
    uint64_t room;          /* in the log */
    size_t filling;         /* what came and is not durable */
    uint64_t lacks[GROUPS]; /* how many entries behind the next one */
    bool live[GROUPS];      /* ran in the last epoch */
} world;

/* ---- what is around it ---- */

uint64_t clock_mono_ns(struct clock *clock)
{
    return clock->now_ms * UINT64_C(1000000);
}

struct turn *clock_turn(struct clock *clock)
{
    return &clock->turn;
}

uint64_t control_now_ms(const struct control *control)
{
    return world.clock.now_ms;
}

size_t log_filling_bytes(const struct log *log)
{
    return world.filling;
}

uint64_t log_room(const struct log *log)
{
    return world.room;
}

uint64_t room_some(const struct control *control)
{
    return ENTRY_BYTES_MAX;
}

bool room_is_short(const struct control *control)
{
    return false;
}

void comer_later(struct comer *comer)
{
    assert_true(giver_is_stuck(world.control, comer->source));
    comer->phase = COMER_WAITS;
}

bool giver_is_stuck(const struct control *control, uint64_t node)
{
    return node != 0 && node == world.stuck;
}

void fill_ask(struct comer *comer)
{
    comer->calling = true;
    world.asked++;
}

static void pass(uint64_t ms)
{
    for (uint64_t end = world.clock.now_ms + ms; world.clock.now_ms < end;) {
        world.clock.now_ms++;
        turn_fire(&world.clock.turn, clock_mono_ns(&world.clock));
    }
}

/* ---- tests ---- */

static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.control = calloc(1, sizeof(*world.control));
    assert_non_null(world.control);
    world.clock.now_ms = 1000;
    world.room = UINT64_MAX;
    turn_init(&world.clock.turn);
    for (uint32_t i = 0; i < GROUPS; i++)
        world.lacks[i] = FILL_TAIL_ENTRIES;
    world.control->world.clock = &world.clock;
    world.control->succession.comers = world.of;
    return 0;
}

static int tear_down(void **state)
{
    filling_close(world.control);
    turn_fini(&world.clock.turn);
    free(world.control);
    return 0;
}

static void begin(uint32_t groups)
{
    struct succession *succession = &world.control->succession;

    filling_open(world.control);
    for (uint32_t i = 0; i < groups; i++) {
        world.comers[i] = (struct comer){ .control = world.control,
                                          .group = i + 1,
                                          .phase = COMER_PULLS,
                                          .source = world.comers[i].source,
                                          .entry_bytes = world.comers[i].entry_bytes,
                                          .urgent = world.comers[i].urgent,
                                          .live = world.live[i],
                                          .next = 1,
                                          .answer.applied = 1 + world.lacks[i],
                                          .next_ms = i };
        world.of[i] = &world.comers[i];
    }
    succession->count = succession->active = groups;
    filling_kick(world.control);
}

static void open_with(uint64_t bytes_per_s, uint32_t groups)
{
    world.control->options.fill_bytes_per_s = bytes_per_s;
    for (uint32_t i = 0; i < groups; i++)
        world.comers[i].urgent = true;
    begin(groups);
}

/* The first ones only move; moves have this limit, and all together none. */
static void open_moves(uint64_t bytes_per_s, uint32_t moves, uint32_t groups)
{
    world.control->options.move_bytes_per_s = bytes_per_s;
    for (uint32_t i = moves; i < groups; i++)
        world.comers[i].urgent = true;
    begin(groups);
}

/* Of fill.c, and of whoever frees a comer: its pull is over. */
static void answer(struct comer *comer, size_t bytes)
{
    comer->calling = false;
    filling_answered(comer, bytes);
}

static void so_many_pull_at_once(void **state)
{
    open_with(0, GROUPS);
    assert_int_equal(world.asked, FILL_CALLS_MIN);
    pass(1000);
    assert_int_equal(world.asked, FILL_CALLS_MIN);
}

/* Simulator, swarm, seed 310383 of its day: all pulls under way ended with the deletion of their
 * streams, and the group that waited for a place was never filled. */
static void a_pull_that_goes_makes_room_for_who_waits(void **state)
{
    open_with(0, FILL_CALLS_MIN + 1);
    assert_int_equal(world.asked, FILL_CALLS_MIN);
    for (uint32_t i = 0; i < FILL_CALLS_MIN; i++) {
        answer(&world.comers[i], 0); /* comer_free() */
        world.comers[i].phase = COMER_WAITS;
    }
    pass(1);
    assert_int_equal(world.asked, FILL_CALLS_MIN + 1);
    assert_true(world.comers[FILL_CALLS_MIN].calling);
}

/* Simulator, drain, seed 200916: what came and found no room was fetched again, and a fill that is
 * limited had a sixth of its limit. */
static void no_more_is_asked_for_than_there_is_room_for(void **state)
{
    world.room = FILL_BYTES_MAX + FILL_BYTES_MIN;
    open_with(0, 2);
    assert_int_equal(world.asked, 2);
    assert_int_equal(world.comers[0].asked_bytes + world.comers[1].asked_bytes, world.room);
    world.room = 0; /* all of it came */
    answer(&world.comers[0], FILL_BYTES_MAX);
    answer(&world.comers[1], FILL_BYTES_MIN);
    pass(2 * FILL_WAIT_MS);
    assert_int_equal(world.asked, 2);
    world.room = 100000;
    pass(FILL_WAIT_MS);
    assert_int_equal(world.asked, 3);
    assert_int_equal(world.comers[0].asked_bytes, world.room);
}

static void who_gets_larger_entries_waits_for_room_for_one(void **state)
{
    world.room = 99999;
    world.comers[0].entry_bytes = 100000;
    open_with(0, 1);
    pass(10 * FILL_WAIT_MS);
    assert_int_equal(world.asked, 0);
    world.room = 100000;
    pass(FILL_WAIT_MS);
    assert_int_equal(world.asked, 1);
}

static void who_is_given_by_one_that_is_stuck_asks_anew(void **state)
{
    for (uint32_t i = 0; i < FILL_CALLS_MIN; i++)
        world.comers[i].source = 7;
    world.stuck = 7;
    open_with(0, GROUPS);
    for (uint32_t i = 0; i < GROUPS; i++)
        assert_int_equal(world.comers[i].calling, i >= FILL_CALLS_MIN);
    assert_int_equal(world.comers[0].phase, COMER_WAITS);
}

/* Simulator, drain, seed 310076 of its day: a pull takes all that it asks for from the limit, and
 * brought a little of it.  The next one waited as if it had brought all, and a fill went at a sixth
 * of its limit. */
static void what_a_pull_did_not_bring_is_not_waited_for(void **state)
{
    uint64_t rate = FILL_BYTES_MAX / 4; /* a pull is paid in four seconds */

    open_with(rate, 2);
    assert_int_equal(world.asked, 1);
    pass(10); /* the other one waits for those seconds */
    assert_int_equal(world.asked, 1);
    answer(&world.comers[0], rate / 5);
    filling_kick(world.control); /* fill_on() */
    assert_int_equal(world.asked, 1);
    pass(200);
    assert_int_equal(world.asked, 2);
}

/* Until then all that it asked for comes at once, to whoever asked. */
static uint64_t pulled_until(uint64_t end_ms)
{
    uint64_t pulled = 0;

    while (world.clock.now_ms < end_ms) {
        for (uint32_t i = 0; i < world.control->succession.count; i++) {
            if (world.comers[i].calling) {
                pulled += world.comers[i].asked_bytes;
                answer(&world.comers[i], world.comers[i].asked_bytes);
            }
        }
        pass(1);
    }
    return pulled;
}

/* Within any two seconds too: a pull is given whole, and paid for behind it. */
static void moves_take_what_they_may_and_no_more(void **state)
{
    const uint64_t rate = 8 << 20, part = rate * FILL_PULL_MS / 1000, windows = 30;
    uint64_t all = 0;

    open_moves(rate, 3, 3);
    for (uint64_t i = 0; i < windows; i++) {
        uint64_t pulled = pulled_until(world.clock.now_ms + 2000);
        assert_true(pulled <= 2 * rate + 2 * part);
        all += pulled;
    }
    assert_true(all <= 2 * rate * windows + 2 * part);
    assert_true(all >= 2 * rate * windows - 2 * part); /* nor do they sleep on */
}

static void a_limit_has_small_pulls(void **state)
{
    world.control->options.move_bytes_per_s = FILL_BYTES_MAX;
    open_with(2 * FILL_BYTES_MAX, 1);
    assert_int_equal(world.comers[0].asked_bytes, 2 * FILL_BYTES_MAX * FILL_PULL_MS / 1000);
    answer(&world.comers[0], 0);
    world.comers[0].urgent = false;
    pass(1);
    assert_int_equal(world.comers[0].asked_bytes, FILL_BYTES_MAX * FILL_PULL_MS / 1000);
}

/* Whoever votes or puts on this node waits for what is written of it. */
static void what_only_moves_comes_in_small_pieces(void **state)
{
    open_with(0, 1);
    assert_true(world.comers[0].asked_bytes > FILL_MOVE_BYTES);
    answer(&world.comers[0], 0);
    world.comers[0].urgent = false;
    pass(1);
    assert_int_equal(world.comers[0].asked_bytes, FILL_MOVE_BYTES);
}

static void a_lost_disk_is_filled_while_moves_owe(void **state)
{
    open_moves(FILL_BYTES_MAX / 4, 1, 2);
    assert_true(world.comers[0].calling && world.comers[1].calling);
    for (uint32_t pulls = 3; pulls < 20; pulls++) {
        answer(&world.comers[1], FILL_BYTES_MAX);
        pass(1);
        assert_int_equal(world.asked, pulls);
        assert_true(world.comers[1].calling);
    }
    answer(&world.comers[0], FILL_BYTES_MAX); /* it is furthest behind, and paid in four seconds */
    answer(&world.comers[1], FILL_BYTES_MAX);
    pass(10);
    assert_true(!world.comers[0].calling && world.comers[1].calling);
    pass(4000);
    assert_true(world.comers[0].calling);
}

static void a_move_wakes_when_it_is_paid(void **state)
{
    open_moves(FILL_BYTES_MAX / 4, 1, 1);
    answer(&world.comers[0], FILL_BYTES_MAX);
    pass(3900);
    assert_int_equal(world.asked, 1);
    pass(200);
    assert_int_equal(world.asked, 2);
}

static void moves_pay_for_what_all_may_take_too(void **state)
{
    world.control->options.fill_bytes_per_s = FILL_BYTES_MAX / 4;
    open_moves(FILL_BYTES_MAX, 1, 2);
    assert_int_equal(world.asked, 1);
    answer(&world.comers[0], FILL_BYTES_MAX);
    pass(3900);
    assert_int_equal(world.asked, 1);
    pass(150);
    assert_int_equal(world.asked, 2);
}

static void what_is_compared_is_paid_and_urgent_ones_pay_nothing_of_moves(void **state)
{
    const uint64_t rate = FILL_BYTES_MAX;

    open_moves(rate, 1, 2);
    answer(&world.comers[0], 0);
    filling_took(&world.comers[1], rate);
    pass(1);
    assert_true(world.comers[0].calling);
    answer(&world.comers[0], 0);
    filling_took(&world.comers[0], rate);
    pass(900);
    assert_false(world.comers[0].calling);
    pass(200);
    assert_true(world.comers[0].calling);
}

/* Its writers wait. */
static void who_lacks_only_the_last_entries_waits_for_no_others(void **state)
{
    struct comer *last = &world.comers[GROUPS - 1];

    last->control = world.comers[0].control = world.control;
    filling_came(&world.comers[0]);
    world.live[GROUPS - 1] = true;
    world.lacks[GROUPS - 1] = FILL_TAIL_ENTRIES - 1;
    open_with(0, GROUPS);
    assert_int_equal(world.asked, 1);
    assert_true(last->calling);
    assert_int_equal(last->asked_bytes, FILL_TAIL_BYTES);
    filling_came(last); /* nor do others wait for it */
    pass(FILL_GATHER_MS + 1);
    assert_int_equal(world.asked, FILL_CALLS_MIN);
}

/* A group that has few entries at all is filled as any. */
static void who_did_not_run_waits_whatever_it_lacks(void **state)
{
    world.comers[0].control = world.control;
    filling_came(&world.comers[0]);
    for (uint32_t i = 0; i < GROUPS; i++)
        world.lacks[i] = 3;
    open_with(0, GROUPS);
    assert_int_equal(world.asked, 0);
    pass(FILL_GATHER_MS + 1);
    assert_int_equal(world.asked, FILL_CALLS_MIN);
}

static void who_ran_and_lacks_much_waits(void **state)
{
    world.comers[0].control = world.control;
    filling_came(&world.comers[0]);
    world.live[0] = true;
    open_with(0, 1);
    assert_int_equal(world.asked, 0);
    pass(FILL_GATHER_MS + 1);
    assert_int_equal(world.asked, 1);
}

/* All that fills may have under way is, and what they owe is much. */
static void who_lacks_only_the_last_entries_waits_for_no_fill(void **state)
{
    struct comer *last = &world.comers[GROUPS - 1];

    open_with(0, GROUPS);
    assert_int_equal(world.asked, FILL_CALLS_MIN);
    world.control->succession.filling.bytes = FILL_WINDOW_BYTES;
    allowance_init(&world.control->allowance, FILL_BYTES_MIN, world.clock.now_ms);
    allowance_owe(&world.control->allowance, world.clock.now_ms, FILL_BYTES_MAX);
    last->live = true;
    last->answer.applied = last->next;
    last->entry_bytes = 3 << 20; /* one larger entry is asked for as it is */
    filling_kick(world.control);
    assert_true(last->calling);
    assert_int_equal(last->asked_bytes, 3 << 20);
    assert_int_equal(world.asked, FILL_CALLS_MIN + 1);
}

/* The node that it comes from died. */
static void a_move_that_became_urgent_does_not_wait(void **state)
{
    open_moves(FILL_BYTES_MAX / 4, 1, 1);
    answer(&world.comers[0], FILL_BYTES_MAX);
    world.comers[0].urgent = true; /* fill_on() */
    filling_kick(world.control);
    assert_int_equal(world.asked, 2);
}

/* What is written behind it waits for it. */
static void what_came_is_on_the_disk_before_more_is_asked_for(void **state)
{
    world.live[2] = true;
    world.lacks[2] = FILL_TAIL_ENTRIES - 1;
    world.filling = FILL_PENDING_BYTES_MAX + 1;
    open_with(0, 3);
    pass(10 * FILL_WAIT_MS);
    assert_int_equal(world.asked, 1);
    assert_true(world.comers[2].calling); /* writers may wait until it has its last entries */
    world.filling = FILL_PENDING_BYTES_MAX;
    pass(FILL_WAIT_MS);
    assert_int_equal(world.asked, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_lacks_only_the_last_entries_waits_for_no_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_did_not_run_waits_whatever_it_lacks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_ran_and_lacks_much_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_lacks_only_the_last_entries_waits_for_no_fill, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(so_many_pull_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_given_by_one_that_is_stuck_asks_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pull_that_goes_makes_room_for_who_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_more_is_asked_for_than_there_is_room_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_gets_larger_entries_waits_for_room_for_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_pull_did_not_bring_is_not_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_limit_has_small_pulls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moves_take_what_they_may_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_disk_is_filled_while_moves_owe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_move_wakes_when_it_is_paid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moves_pay_for_what_all_may_take_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_compared_is_paid_and_urgent_ones_pay_nothing_of_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_only_moves_comes_in_small_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_came_is_on_the_disk_before_more_is_asked_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_move_that_became_urgent_does_not_wait, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

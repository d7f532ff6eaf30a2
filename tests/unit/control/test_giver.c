/* Whom groups ask that come in together: one node for all of them, but not for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/comer.h"

#define OWN 1u
#define LOW 2u
#define HIGH 3u
#define GROUPS 8u /* so many that it matters */

static struct {
    struct control *control;
    struct model_shard rows[GROUPS];
    struct comer comers[GROUPS], *of[GROUPS];
    bool down[HIGH + 1];
    uint32_t ails[HIGH + 1];
    uint64_t now_ms;
    uint64_t live; /* the group that runs here in its last epoch; 0: none */
    struct log_state state; /* of each group; without a group there is none */
} world;

/* ---- what is around it ---- */

const struct model *catalog_model(const struct catalog *catalog)
{
    return NULL;
}

const struct model_shard *model_shard_by_group(const struct model *model, uint64_t group,
                                               const struct model_stream **stream)
{
    return &world.rows[group - 1];
}

uint32_t model_node_count(const struct model *model)
{
    return 0;
}

const struct model_node *model_node_at(const struct model *model, uint32_t at)
{
    return NULL;
}

bool model_shard_has(const struct model_shard *shard, uint64_t node)
{
    return true;
}

bool net_is_up(const struct net *net, uint64_t node)
{
    return !world.down[node];
}

uint64_t control_now_ms(const struct control *control)
{
    return world.now_ms;
}

uint32_t control_ails(const struct control *control, uint64_t node)
{
    return world.ails[node];
}

bool comer_is_live(const struct comer *comer)
{
    return comer->group == world.live;
}

const struct log_state *log_state(const struct log *log, uint64_t group)
{
    return world.state.group != 0 ? &world.state : NULL;
}

/* ---- tests ---- */

/* The groups' rows name the two others in turn first. */
static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.control = calloc(1, sizeof(*world.control));
    assert_non_null(world.control);
    world.control->options.node = OWN;
    world.now_ms = 1000;
    world.control->succession.comers = world.of;
    world.control->succession.count = GROUPS;
    for (uint32_t i = 0; i < GROUPS; i++) {
        world.rows[i] = (struct model_shard){
            .group = i + 1,
            .members = { OWN, i % 2 == 0 ? HIGH : LOW, i % 2 == 0 ? LOW : HIGH },
            .member_count = 3
        };
        world.comers[i] = (struct comer){ .control = world.control,
                                          .group = i + 1,
                                          .wait_ms = COMER_WAIT_MS_FIRST };
        world.of[i] = &world.comers[i];
    }
    return 0;
}

static int tear_down(void **state)
{
    free(world.control);
    return 0;
}

/* It has been asked, and has begun: what it says of the epoch. */
static void answers(struct comer *comer, uint64_t node)
{
    comer->phase = COMER_ASKS;
    comer->source = node;
    comer->answer = (struct epoch_answer){ .epoch = 2,
                                           .members = { OWN, LOW, HIGH },
                                           .member_count = 3,
                                           .applied = 100 };
}

static void all_are_given_to_by_one_though_others_begin_first(void **state)
{
    for (uint32_t i = 0; i < GROUPS; i++) {
        struct comer *comer = &world.comers[i];
        answers(comer, HIGH);
        assert_true(giver_awaits_common(comer));
        assert_int_equal(comer->wait_ms, COMER_WAIT_MS_FIRST);
        assert_int_equal(giver_choose(comer), LOW);
        answers(comer, LOW);
        assert_false(giver_awaits_common(comer));
        comer->phase = COMER_PULLS;
    }
}

static void who_gives_to_most_is_the_one(void **state)
{
    answers(&world.comers[0], HIGH);
    world.comers[0].phase = COMER_PULLS;
    answers(&world.comers[1], HIGH);
    assert_false(giver_awaits_common(&world.comers[1]));
    answers(&world.comers[2], LOW);
    assert_true(giver_awaits_common(&world.comers[2]));
    assert_int_equal(giver_choose(&world.comers[2]), HIGH);
}

/* It may be a member that never begins. */
static void it_is_waited_for_a_few_times_only(void **state)
{
    struct comer *comer = &world.comers[0];
    uint32_t tries = 0;

    answers(comer, HIGH);
    while (giver_awaits_common(comer)) {
        assert_int_equal(giver_choose(comer), LOW);
        answers(comer, HIGH);
        assert_in_range(++tries, 1, 10);
    }
    assert_in_range(tries, 3, 10);
    comer->from = HIGH; /* as its word says */
    assert_int_equal(giver_choose(comer), HIGH);
}

static void a_lone_group_takes_the_first_answer(void **state)
{
    world.control->succession.count = 1;
    answers(&world.comers[0], HIGH);
    assert_false(giver_awaits_common(&world.comers[0]));
}

static void one_that_is_down_is_not_waited_for(void **state)
{
    world.down[LOW] = true;
    answers(&world.comers[0], HIGH);
    assert_false(giver_awaits_common(&world.comers[0]));
}

static void one_that_does_not_answer_pulls_is_left_for_a_while(void **state)
{
    giver_failed(world.control, LOW);
    answers(&world.comers[0], HIGH);
    assert_false(giver_awaits_common(&world.comers[0]));
    assert_true(giver_is_stuck(world.control, LOW));
    assert_false(giver_is_stuck(world.control, HIGH));
    world.now_ms += 60000;
    assert_false(giver_is_stuck(world.control, LOW));
    assert_true(giver_awaits_common(&world.comers[0]));
}

static void one_that_is_ill_gives_when_no_other_can(void **state)
{
    world.ails[LOW] = 1;
    answers(&world.comers[0], LOW);
    assert_true(giver_awaits_common(&world.comers[0]));
    world.down[HIGH] = true;
    answers(&world.comers[1], LOW);
    assert_false(giver_awaits_common(&world.comers[1]));
}

static void who_needs_little_waits_for_nobody(void **state)
{
    world.state = (struct log_state){ .group = 1, .last = 100 };
    answers(&world.comers[0], HIGH);
    assert_false(giver_awaits_common(&world.comers[0]));
    world.state.last = 100 - FILL_TAIL_ENTRIES;
    assert_false(giver_awaits_common(&world.comers[0]));
    world.state.last--;
    assert_true(giver_awaits_common(&world.comers[0]));
    world.comers[0].answer.members[0] = 7; /* it has left the group */
    assert_false(giver_awaits_common(&world.comers[0]));
}

/* It lacks little, and writers may wait for it. */
static void who_runs_still_asks_the_one_that_has_begun(void **state)
{
    world.comers[0].from = world.comers[1].from = HIGH;
    world.live = 2;
    assert_int_equal(giver_choose(&world.comers[0]), LOW);
    assert_int_equal(giver_choose(&world.comers[1]), HIGH);
}

/* One that left may have the end of the epoch alone. */
static void without_any_word_all_are_asked_in_turn(void **state)
{
    struct comer *comer = &world.comers[0];

    assert_int_equal(giver_choose(comer), HIGH);
    assert_int_equal(giver_choose(comer), LOW);
    comer->turn = 3;
    comer->giver = HIGH;
    assert_int_equal(giver_choose(comer), HIGH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_given_to_by_one_though_others_begin_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_gives_to_most_is_the_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_waited_for_a_few_times_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lone_group_takes_the_first_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_down_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_does_not_answer_pulls_is_left_for_a_while, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_ill_gives_when_no_other_can, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_needs_little_waits_for_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_runs_still_asks_the_one_that_has_begun, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_any_word_all_are_asked_in_turn, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

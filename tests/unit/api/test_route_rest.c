/* Who is asked for a shard whose group rests: it has no leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route_world.h"

static enum err told;

static int set_up(void **state)
{
    world_open();
    told = ERR_UNKNOWN;
    return 0;
}

static int tear_down(void **state)
{
    world_close();
    return 0;
}

static void read_on_done(struct route_read *req, enum err err)
{
    told = err;
}

static void locate_on_done(struct route_locate *req, enum err err)
{
    told = err;
}

static void start_read(struct route_read *read)
{
    *read = (struct route_read){ .group = GROUP, .records_max = 10, .bytes_max = 1000 };
    route_read(world.route, read, read_on_done);
    world_turn();
}

static uint64_t asked_for_reading(void)
{
    struct route_read read;
    uint32_t reads = world.reads;

    start_read(&read);
    if (world.reads > reads) {
        world_read_done(ERR_OK);
        route_read_fini(&read);
        return HERE;
    }
    uint64_t asked = world.called;
    route_read_cancel(&read);
    return asked;
}

static void the_first_member_that_is_up_answers_for_one_that_rests(void **state)
{
    world.has_replica = world.rests = world.up[HERE] = true;
    world.leader = 3; /* of the time before */
    assert_int_equal(asked_for_reading(), HERE);
    world.up[3] = true;
    assert_int_equal(asked_for_reading(), 3);
    world.up[2] = true;
    assert_int_equal(asked_for_reading(), 2);
}

static void one_that_ails_or_leaves_answers_when_no_other_can(void **state)
{
    world.has_replica = world.rests = world.up[HERE] = world.up[2] = world.up[3] = true;
    world.ails[2] = true;
    assert_int_equal(asked_for_reading(), 3);
    world.leaves[3] = true;
    assert_int_equal(asked_for_reading(), HERE);
    world.ails[HERE] = true;
    assert_int_equal(asked_for_reading(), 2);
}

/* This node's own disk may hold a read for ever. */
static void where_it_ails_here_the_others_are_asked(void **state)
{
    struct route_read read;

    world.has_replica = world.rests = world.up[HERE] = world.up[2] = world.up[3] = true;
    world.ails[HERE] = true;
    start_read(&read);
    assert_int_equal(world.called, 2);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    assert_int_equal(world.called, 3);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    assert_int_equal(world.called, HERE);
    assert_int_equal(world.reads, 0);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    assert_int_equal(world.called, 2); /* which may have it, though it does not answer for it */
    route_read_cancel(&read);
}

static void start_latest(struct route_locate *locate)
{
    *locate = (struct route_locate){ .group = GROUP, .type = LOCATE_LATEST };
    route_locate(world.route, locate, locate_on_done);
    world_turn();
}

static void answer_latest(void)
{
    unsigned char bytes[LOCATE_ANSWER_BYTES];

    locate_answer_encode((struct position){ .index = 9 }, bytes);
    world_answer(ERR_OK, ERR_OK, slice_of(bytes, sizeof(bytes)));
    assert_int_equal(told, ERR_OK);
}

/* Before it is known that it ails: the asker gets its answer from another one, and the late one
 * comes to nobody. */
static void what_hangs_here_is_asked_of_another(void **state)
{
    struct route_read read;

    world.has_replica = world.rests = world.up[HERE] = true;
    start_read(&read);
    assert_int_equal(world.reads, 1);
    world.up[2] = world.up[3] = true;
    world_pass(ROUTE_TRY_MS + 1);
    assert_int_equal(world.called, 2);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    assert_int_equal(world.called, 3);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    world_pass(ROUTE_WAIT_MAX_MS);
    assert_int_equal(world.called, 2); /* anew; not here, where it hangs */
    assert_int_equal(world.reads, 1);
    world_read_done(ERR_OK);
    assert_int_equal(told, ERR_UNKNOWN); /* nobody was told yet */
    world_pass(ROUTE_READ_TIMEOUT_MS);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    assert_int_equal(told, ERR_UNAVAILABLE);
}

static void so_is_a_place_in_it(void **state)
{
    struct route_locate locate;

    world.has_replica = world.rests = world.up[HERE] = true;
    start_latest(&locate);
    assert_int_equal(world.locates, 1);
    world.up[2] = world.up[3] = true;
    world_pass(ROUTE_TRY_MS + 1);
    assert_int_equal(world.called, 2);
    answer_latest();
    world.inside = false;
    world.locate->cb(world.locate, ERR_OK);
    world_turn();
}

/* As the shard says when too many hang here: the next asker is not to wait for those. */
static void what_has_no_place_here_is_asked_of_another_at_once(void **state)
{
    struct route_read read;

    world.has_replica = world.rests = world.up[HERE] = true;
    start_read(&read);
    world.up[2] = true;
    world_read_done(ERR_UNAVAILABLE);
    assert_int_equal(world.called, 2);
    world_refuse(ERR_UNAVAILABLE, 0);
    world_pass(ROUTE_FULL_WAIT_MIN_MS);
    assert_int_equal(world.calls, 2); /* anew */
    assert_int_equal(told, ERR_UNKNOWN);
    route_read_cancel(&read);
}

static void who_did_not_answer_is_asked_last(void **state)
{
    struct route_read read;

    world.rests = world.up[2] = world.up[3] = true;
    start_read(&read);
    assert_int_equal(world.called, 2);
    world_answer(ERR_TIMEOUT, ERR_OK, slice_text(""));
    assert_int_equal(world.called, 3);
    route_read_cancel(&read);
}

static void one_that_rests_is_read_here_when_the_other_does_not_know_it_yet(void **state)
{
    struct route_read read;

    world.has_replica = world.rests = world.up[2] = true;
    start_read(&read);
    world_refuse(ERR_NOT_LEADER, 2);
    assert_int_equal(world.reads, 1);
    world_read_done(ERR_OK);
    assert_int_equal(told, ERR_OK);
    route_read_fini(&read);
}

static void the_tip_of_one_that_rests_is_known_without_a_leader(void **state)
{
    struct route_locate locate;

    world.has_replica = world.rests = world.up[HERE] = true;
    locate = (struct route_locate){ .group = GROUP, .type = LOCATE_LATEST };
    route_locate(world.route, &locate, locate_on_done);
    world_turn();
    assert_int_equal(world.locates, 1);
    world.inside = false;
    world.locate->cb(world.locate, ERR_OK);
    world_turn();
    assert_int_equal(told, ERR_OK);
}

static void the_tip_is_asked_of_another_when_the_first_does_not_rest_yet(void **state)
{
    struct route_locate locate;
    struct locate_ask ask;

    world.has_replica = world.rests = world.awake = world.up[2] = world.up[3] = true;
    start_latest(&locate);
    world_refuse(ERR_NOT_LEADER, 2);
    assert_int_equal(world.called, 3);
    assert_int_equal(locate_ask_decode(buf_slice(world.parts[0]), &ask), ERR_OK);
    assert_true(ask.leader_only); /* who does not rest does not know the tip */
    assert_int_equal(world.locates, 0);
    answer_latest();
}

static void grant_on_done(struct route_grant *req, enum err err)
{
    told = err;
}

static void a_subscription_is_granted_by_another_when_the_first_does_not_rest_yet(void **state)
{
    struct route_grant grant = { .ask = { .group = GROUP } };

    world.rests = world.up[2] = world.up[3] = true;
    route_grant(world.route, &grant, grant_on_done);
    world_turn();
    world_refuse(ERR_NOT_LEADER, 2);
    assert_int_equal(world.called, 3);
    world_answer(ERR_OK, ERR_OK, slice_text(""));
    assert_int_equal(told, ERR_OK);
}

static void all_are_asked_anew_when_none_rests_yet(void **state)
{
    struct route_locate locate;

    world.rests = world.up[2] = world.up[3] = true;
    start_latest(&locate);
    world_refuse(ERR_NOT_LEADER, 2);
    world_refuse(ERR_NOT_LEADER, 2);
    world_refuse(ERR_NOT_LEADER, 2);
    assert_null(world.call);
    world_pass(ROUTE_WAIT_MAX_MS);
    answer_latest();
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(the_first_member_that_is_up_answers_for_one_that_rests),
        WITH_WORLD(one_that_ails_or_leaves_answers_when_no_other_can),
        WITH_WORLD(where_it_ails_here_the_others_are_asked),
        WITH_WORLD(what_hangs_here_is_asked_of_another),
        WITH_WORLD(so_is_a_place_in_it),
        WITH_WORLD(what_has_no_place_here_is_asked_of_another_at_once),
        WITH_WORLD(who_did_not_answer_is_asked_last),
        WITH_WORLD(one_that_rests_is_read_here_when_the_other_does_not_know_it_yet),
        WITH_WORLD(the_tip_of_one_that_rests_is_known_without_a_leader),
        WITH_WORLD(the_tip_is_asked_of_another_when_the_first_does_not_rest_yet),
        WITH_WORLD(a_subscription_is_granted_by_another_when_the_first_does_not_rest_yet),
        WITH_WORLD(all_are_asked_anew_when_none_rests_yet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

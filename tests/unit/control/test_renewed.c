#include "../catalog/given.h"

#include "catalog/resume.h"
#include "control/renewed.h"

static uint64_t down; /* a node; 0: none */
static bool original; /* node 1 is up */
static uint64_t leads; /* all groups; 0: nobody does */
static bool moves; /* all groups: some member is not filled yet */
static struct reason why;
static char name[] = "node-1";

static bool is_up(void *ctx, uint64_t node)
{
    return node != down && (original || node != 1);
}

static uint64_t leader(void *ctx, uint64_t group)
{
    return leads;
}

static bool is_moving(void *ctx, uint64_t group)
{
    return moves;
}

static enum renewed decide_as(const struct model *model, const struct renewal_former *former)
{
    const struct renewed_world world = {
        .name = name, .up = is_up, .moves = is_moving, .leader = leader };
    enum renewed decided;

    why.text[0] = 0;
    decided = renewed_decide(model, former, &world, &why);
    assert_true((decided == RENEWED_MAY) == (why.text[0] == 0));
    return decided;
}

/* Node 1 has forgotten, and another time before its new id was known. */
static enum renewed decide(const struct model *model)
{
    return decide_as(model, &(struct renewal_former){ .ids = { 1, 77 }, .count = 2 });
}

/* Nodes 1 to 4, and a stream of one shard on `members`. */
static struct model *given(uint64_t a, uint64_t b, uint64_t c)
{
    struct model *model = given_cluster();

    given_active(model, "river", 1);
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    memcpy(model_shard_change(model, 2)->members, (uint64_t[]){ a, b, c }, 3 * sizeof(a));
    down = 0;
    leads = 2;
    return model;
}

static void it_may_when_the_others_are_a_majority(void **state)
{
    struct model *model = given(1, 2, 3);

    assert_int_equal(decide(model), RENEWED_MAY);
    down = 4; /* has no place in it */
    assert_int_equal(decide(model), RENEWED_MAY);
    model_free(model);
}

static void it_waits_while_another_member_is_down(void **state)
{
    struct model *model = given(1, 2, 3);

    down = 3;
    assert_int_equal(decide(model), RENEWED_WAITS);
    assert_non_null(strstr(why.text, "shard 0 of stream river (group 2)"));
    model_free(model);
}

static void it_waits_for_a_leader(void **state)
{
    struct model *model = given(1, 2, 3);

    leads = 0;
    assert_int_equal(decide(model), RENEWED_WAITS);
    leads = 1; /* what it was: nobody has noticed yet */
    assert_int_equal(decide(model), RENEWED_WAITS);
    model_free(model);
}

/* All of its members have all of it, and none leads. */
static void who_rests_has_no_leader(void **state)
{
    struct model *model = given(1, 2, 3);
    struct model_shard *shard = model_shard_change(model, 2);

    leads = 0;
    shard->state = SHARD_CLOSED;
    assert_int_equal(decide(model), RENEWED_WAITS);
    shard->rests_in = shard->epoch;
    assert_int_equal(decide(model), RENEWED_MAY);
    down = 3;
    assert_int_equal(decide(model), RENEWED_WAITS);
    model_free(model);
}

static void the_only_copies_and_one_of_two_are_waited_for(void **state)
{
    struct model *model = given(1, 2, 3);

    model_shard_change(model, 2)->member_count = 2;
    assert_int_equal(decide(model), RENEWED_WAITS);
    assert_non_null(strstr(why.text, "start those that are not up"));
    model_shard_change(model, 2)->member_count = 1;
    assert_int_equal(decide(model), RENEWED_WAITS);
    assert_non_null(strstr(why.text, "or delete stream river"));
    model_free(model);
}

static void a_member_that_is_being_filled_does_not_count(void **state)
{
    struct model *model = given(1, 2, 3);

    moves = true;
    assert_int_equal(decide(model), RENEWED_WAITS);
    moves = false;
    assert_int_equal(decide(model), RENEWED_MAY);
    model_free(model);
}

/* A copy of its directory was started elsewhere. */
static void an_original_that_runs_keeps_its_name(void **state)
{
    struct model *model = given(1, 2, 3);

    original = true;
    assert_int_equal(decide(model), RENEWED_WAITS);
    assert_non_null(strstr(why.text, "is a copy; stop one of them"));
    original = false;
    assert_int_equal(decide(model), RENEWED_MAY);
    model_free(model);
}

static void groups_of_others_and_those_that_come_and_go_do_not_count(void **state)
{
    struct model *model = given(2, 3, 4);

    leads = 0;
    assert_int_equal(decide(model), RENEWED_MAY);
    model_free(model);
    model = given(1, 2, 3);
    leads = 0;
    uint64_t stream = model_stream_by_name(model, slice_text("river"))->id;
    assert_int_equal(apply(model, change_delete_stream(stamp, stream)), ERR_OK);
    assert_int_equal(decide(model), RENEWED_MAY);
    model_free(model);
}

static void who_lost_its_name_meanwhile_is_out(void **state)
{
    struct model *model = given(1, 2, 3);

    assert_int_equal(come_back(model, 1, 10), ERR_OK);
    assert_int_equal(decide(model), RENEWED_GONE);
    model_free(model);

    model = given_cluster();
    assert_int_equal(decide_as(model, &(struct renewal_former){ .ids = { 9 }, .count = 1 }),
                     RENEWED_GONE);
    model_free(model);
}

/* Nobody removed what the copy that the catalogue goes on from had never heard of. */
static void who_is_not_in_a_rescued_catalogue_is_not_out(void **state)
{
    const struct resume resume = { .token = 77, .survivor = 2, .epoch = 1, .voters = 3 };
    const struct renewal_former unknown = { .ids = { 9 }, .count = 1 };
    struct model *model = given(1, 2, 3);

    assert_int_equal(decide_as(model, &unknown), RENEWED_GONE);
    assert_int_equal(resume_model(model, &resume, &why), ERR_OK);
    assert_int_equal(decide_as(model, &unknown), RENEWED_GONE); /* node 1 has its name */
    strcpy(name, "node-9");
    assert_int_equal(decide_as(model, &unknown), RENEWED_MAY);
    strcpy(name, "node-1");
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_may_when_the_others_are_a_majority),
        cmocka_unit_test(it_waits_while_another_member_is_down),
        cmocka_unit_test(it_waits_for_a_leader),
        cmocka_unit_test(who_rests_has_no_leader),
        cmocka_unit_test(the_only_copies_and_one_of_two_are_waited_for),
        cmocka_unit_test(a_member_that_is_being_filled_does_not_count),
        cmocka_unit_test(an_original_that_runs_keeps_its_name),
        cmocka_unit_test(groups_of_others_and_those_that_come_and_go_do_not_count),
        cmocka_unit_test(who_is_not_in_a_rescued_catalogue_is_not_out),
        cmocka_unit_test(who_lost_its_name_meanwhile_is_out),
    };

    return cmocka_run_group_tests_name("renewed", tests, NULL, NULL);
}

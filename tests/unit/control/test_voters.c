#include "../catalog/given.h"

#include "catalog/resume.h"
#include "control/voters.h"

static bool all_up(void *ctx, uint64_t node)
{
    return true;
}

static bool all_up_but(void *ctx, uint64_t node)
{
    return node != *(const uint64_t *)ctx;
}

static const struct members_world given_world = { .up = all_up };

static const struct members_world *without(uint64_t *node)
{
    static struct members_world world;

    world = (struct members_world){ .up = all_up_but, .ctx = node };
    return &world;
}

static const uint64_t founders[GROUP_MEMBERS_MAX] = { 1, 2, 3 };
static uint64_t next[GROUP_MEMBERS_MAX];

static void nothing_changes_without_a_loss(void **state)
{
    struct model *model = given_cluster();
    uint64_t down = 2;

    assert_false(voters_next(model, founders, 3, &given_world, next));
    assert_false(voters_next(model, founders, 3, without(&down), next));
    model_free(model);
}

static void a_replaced_member_gives_its_place_to_the_node_of_its_name(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_true(voters_next(model, founders, 3, &given_world, next));
    assert_int_equal(next[0], 1);
    assert_int_equal(next[1], 20);
    assert_int_equal(next[2], 3);
    model_free(model);
}

static void nobody_comes_who_is_down_or_in_it_already(void **state)
{
    struct model *model = given_cluster();
    uint64_t down = 20;
    const uint64_t twice[GROUP_MEMBERS_MAX] = { 1, 2, 20 };

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_false(voters_next(model, founders, 3, without(&down), next));
    assert_false(voters_next(model, twice, 3, &given_world, next));
    model_free(model);
}

static void one_place_at_a_time(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(come_back(model, 1, 10), ERR_OK);
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    assert_true(voters_next(model, founders, 3, &given_world, next));
    assert_int_equal(next[0], 10);
    assert_int_equal(next[2], 3);
    assert_true(voters_next(model, next, 3, &given_world, next));
    assert_int_equal(next[0], 10);
    assert_int_equal(next[2], 30);
    model_free(model);
}

/* Its disk was lost before its row was written: no name leads to another id. */
static void a_member_without_a_row_gives_its_place_to_any_other_node(void **state)
{
    struct model *model = given_cluster();
    const uint64_t members[GROUP_MEMBERS_MAX] = { 1, 2, 99 };
    uint64_t down = 99;

    assert_false(voters_next(model, members, 3, &given_world, next)); /* it is about to write it */
    assert_true(voters_next(model, members, 3, without(&down), next));
    assert_int_equal(next[2], 3);
    model_free(model);
}

static bool is_two(void *ctx, uint64_t node)
{
    return node == 2;
}

static struct model *with_a_fourth(const char *az)
{
    struct model *model = given_cluster();

    assert_int_equal(add_node(model, 4, az), ERR_OK);
    return model;
}

static void a_draining_member_gives_its_place_to_a_node_of_its_zone(void **state)
{
    struct model *model = with_a_fourth("b");
    uint64_t down = 3;

    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK);
    /* Without node 3 those that stay would be no majority before the newcomer has begun. */
    assert_false(voters_next(model, founders, 3, without(&down), next));
    assert_true(voters_next(model, founders, 3, &given_world, next));
    assert_int_equal(next[1], 4);
    model_free(model);
}

static void another_zone_takes_it_only_where_that_is_allowed(void **state)
{
    struct model *model = with_a_fourth("a");
    struct members_world across = { .up = all_up, .across_zones = true };

    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK);
    assert_false(voters_next(model, founders, 3, &given_world, next));
    assert_true(voters_next(model, founders, 3, &across, next));
    assert_int_equal(next[1], 4);
    model_free(model);
}

static bool knows(void *ctx, uint64_t node)
{
    return node != 1;
}

static void a_rescued_group_grows_by_nodes_that_have_the_new_history(void **state)
{
    struct model *model = with_a_fourth("a");
    const uint64_t two[GROUP_MEMBERS_MAX] = { 2 };
    struct members_world world = { .up = all_up, .current = knows };
    struct resume resume = { .token = 7, .survivor = 2, .epoch = 1, .voters = 3 };
    struct reason reason = { .text = "" };
    uint64_t down = 2;

    assert_int_equal(voters_next(model, two, 1, &world, next), 0); /* it was never more */
    assert_int_equal(resume_model(model, &resume, &reason), ERR_OK);
    assert_int_equal(voters_next(model, two, 1, &world, next), 2);
    assert_int_equal(next[0], 2);
    assert_int_equal(next[1], 3); /* 1 has not taken it yet */
    assert_int_equal(voters_next(model, next, 2, &world, next), 3);
    assert_int_equal(next[2], 4);
    assert_int_equal(voters_next(model, next, 3, &world, next), 0);
    struct members_world alone = { .up = all_up_but, .current = knows, .ctx = &down };
    assert_int_equal(voters_next(model, two, 1, &alone, next), 0);
    model_free(model);
}

static void a_dead_member_gives_it_up_and_a_draining_node_takes_none(void **state)
{
    struct model *model = with_a_fourth("b");
    uint64_t down = 2;
    struct members_world world = { .up = all_up_but, .ctx = &down, .dead = is_two };

    assert_true(voters_next(model, founders, 3, &world, next));
    assert_int_equal(next[1], 4);
    assert_int_equal(apply(model, change_drain_node(stamp, 4, true)), ERR_OK);
    assert_false(voters_next(model, founders, 3, &world, next));
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_without_a_loss),
        cmocka_unit_test(a_replaced_member_gives_its_place_to_the_node_of_its_name),
        cmocka_unit_test(nobody_comes_who_is_down_or_in_it_already),
        cmocka_unit_test(one_place_at_a_time),
        cmocka_unit_test(a_draining_member_gives_its_place_to_a_node_of_its_zone),
        cmocka_unit_test(another_zone_takes_it_only_where_that_is_allowed),
        cmocka_unit_test(a_rescued_group_grows_by_nodes_that_have_the_new_history),
        cmocka_unit_test(a_dead_member_gives_it_up_and_a_draining_node_takes_none),
        cmocka_unit_test(a_member_without_a_row_gives_its_place_to_any_other_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../catalog/given.h"

#include "control/moved.h"

/* The comer of all these tests. */
#define COMER 4u

static bool is_not(void *ctx, uint64_t node)
{
    const uint64_t *down = ctx;

    return down == NULL || node != *down;
}

/* Nodes 1 to 4, and a shard (group 2) on the first three. */
static struct model *given(void)
{
    struct model *model = given_cluster();

    given_active(model, "river", 1);
    assert_int_equal(add_node(model, COMER, "b"), ERR_OK);
    memcpy(model_shard_change(model, 2)->members, (uint64_t[GROUP_MEMBERS_MAX]){ 1, 2, 3 },
           sizeof(uint64_t[GROUP_MEMBERS_MAX]));
    return model;
}

static const struct model_shard *row_of(const struct model *model)
{
    return model_shard_by_group(model, 2, NULL);
}

static void becomes(struct model *model, uint32_t count, uint64_t a, uint64_t b, uint64_t c)
{
    struct change_members row = { .group = 2,
                                  .epoch = row_of(model)->epoch + 1,
                                  .member_count = count,
                                  .members = { a, b, c } };

    assert_int_equal(apply(model, change_set_members(stamp, &row, 1)), ERR_OK);
}

static void drains(struct model *model, uint64_t node)
{
    assert_int_equal(apply(model, change_drain_node(stamp, node, true)), ERR_OK);
}

static bool moved(const struct model *model, uint64_t node)
{
    return moved_only(model, row_of(model), node, is_not, NULL);
}

static bool moved_without(const struct model *model, uint64_t node, uint64_t down)
{
    return moved_only(model, row_of(model), node, is_not, &down);
}

static void what_comes_from_a_node_that_drains_moves(void **state)
{
    struct model *model = given();

    drains(model, 2);
    becomes(model, 3, 1, COMER, 3);
    assert_true(moved(model, COMER));
    model_free(model);
}

static void what_is_spread_better_moves(void **state)
{
    struct model *model = given();

    becomes(model, 3, 1, COMER, 3);
    assert_true(moved(model, COMER));
    model_free(model);
}

static void what_a_lost_disk_had_does_not(void **state)
{
    struct model *model = given();

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    becomes(model, 3, 1, 20, 3);
    assert_false(moved(model, 20));
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_OK); /* nothing names it */
    assert_false(moved(model, 20));
    model_free(model);
}

static void nor_what_had_one_that_drained_when_its_disk_was_lost(void **state)
{
    struct model *model = given();

    drains(model, 2);
    becomes(model, 3, 1, COMER, 3);
    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_false(moved(model, COMER));
    model_free(model);
}

static void nor_what_comes_from_a_node_that_is_down_drained_or_not(void **state)
{
    struct model *model = given();

    becomes(model, 3, 1, COMER, 3);
    assert_false(moved_without(model, COMER, 2)); /* given up as dead */
    drains(model, 2);
    assert_false(moved_without(model, COMER, 2));
    model_free(model);
}

static void nor_what_comes_from_a_node_that_was_removed(void **state)
{
    struct model *model = given();

    drains(model, 2);
    becomes(model, 3, 1, COMER, 3);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_OK);
    assert_false(moved(model, COMER));
    model_free(model);
}

/* Without the comer the group has no majority, or has none when one more goes. */
static void nor_does_anything_while_another_member_is_down(void **state)
{
    struct model *model = given();

    drains(model, 2);
    becomes(model, 3, 1, COMER, 3);
    assert_false(moved_without(model, COMER, 1));
    assert_false(moved_without(model, COMER, 3));
    assert_true(moved_without(model, COMER, COMER)); /* it knows better */
    model_free(model);
}

static void nor_while_another_ones_disk_is_lost(void **state)
{
    struct model *model = given();

    drains(model, 2);
    becomes(model, 3, 1, COMER, 3);
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    assert_false(moved(model, COMER)); /* its place waits for the new id */
    becomes(model, 3, 1, COMER, 30);
    assert_false(moved(model, COMER));
    assert_false(moved(model, 30));
    model_free(model);
}

/* Of several that went the last one counts: the others' places were filled by then. */
static void what_was_lost_before_a_move_does_not_hurry_it(void **state)
{
    struct model *model = given();

    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    becomes(model, 3, 1, 2, 30);
    drains(model, 2);
    becomes(model, 3, 1, COMER, 30);
    assert_true(moved(model, COMER));
    model_free(model);
}

/* This process was started since, or nobody ever left: whoever comes in was away. */
static void nor_what_nobody_is_known_to_have_left(void **state)
{
    struct model *model = given();

    assert_false(moved(model, 3));
    becomes(model, 3, 1, COMER, 3);
    model_shard_change(model, 2)->left_count = 0;
    assert_false(moved(model, COMER));
    model_free(model);
}

/* Whoever left before a rescue is well, and has nothing to do with it. */
static void a_shard_that_grows_after_its_rescue_is_hurried_until_it_has_grown(void **state)
{
    struct model *model = given();

    assert_int_equal(add_node(model, 5, "c"), ERR_OK);
    assert_int_equal(add_node(model, 6, "b"), ERR_OK);
    becomes(model, 3, 1, COMER, 3);
    const uint64_t aside[] = { 0 };
    struct change_rescue rescue = { .group = 2,
                                    .epoch = row_of(model)->epoch,
                                    .survivor = 1,
                                    .index = 70,
                                    .term = 4,
                                    .aside = aside };
    assert_int_equal(apply(model, change_rescue_shard(stamp, &rescue)), ERR_OK);
    becomes(model, 2, 1, 2, 0);
    assert_false(moved(model, 2));
    becomes(model, 3, 1, 2, 5);
    assert_false(moved(model, 5));
    becomes(model, 3, 1, 6, 5);
    assert_true(moved(model, 6));
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_from_a_node_that_drains_moves),
        cmocka_unit_test(what_is_spread_better_moves),
        cmocka_unit_test(what_a_lost_disk_had_does_not),
        cmocka_unit_test(nor_what_had_one_that_drained_when_its_disk_was_lost),
        cmocka_unit_test(nor_what_comes_from_a_node_that_is_down_drained_or_not),
        cmocka_unit_test(nor_what_comes_from_a_node_that_was_removed),
        cmocka_unit_test(nor_does_anything_while_another_member_is_down),
        cmocka_unit_test(nor_while_another_ones_disk_is_lost),
        cmocka_unit_test(what_was_lost_before_a_move_does_not_hurry_it),
        cmocka_unit_test(nor_what_nobody_is_known_to_have_left),
        cmocka_unit_test(a_shard_that_grows_after_its_rescue_is_hurried_until_it_has_grown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

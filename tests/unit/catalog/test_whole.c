#include "given.h"

#include "catalog/model_image.h"
#include "catalog/version.h"

/* A cluster of 1 to 4 of the version that has it, and a stream of two shards (groups 2 and 3) on 1,
 * 2 and 3. */
static struct model *given(void)
{
    struct model *model = given_cluster();

    given_active(model, "river", 2);
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    for (uint64_t group = 2; group <= 3; group++) {
        struct model_shard *shard = model_shard_change(model, group);
        memcpy(shard->members, (uint64_t[GROUP_MEMBERS_MAX]){ 1, 2, 3 }, sizeof(shard->members));
    }
    model->cluster_version = VERSION_WHOLE;
    return model;
}

static enum err whole(struct model *model, uint64_t group, uint32_t epoch)
{
    struct change_whole row = { .group = group, .epoch = epoch };

    return apply(model, change_whole_shards(stamp, &row, 1));
}

/* Node 4 takes the place of node 1. */
static enum err move(struct model *model, uint32_t epoch)
{
    struct change_members row = {
        .group = 2, .epoch = epoch, .member_count = 3, .members = { 4, 2, 3 }
    };

    return apply(model, change_set_members(stamp, &row, 1));
}

static bool is_whole(const struct model *model, uint64_t group)
{
    return model_shard_whole(model_shard_by_group(model, group, NULL));
}

static void what_was_said_in_one_epoch_says_nothing_of_the_next(void **state)
{
    struct model *model = given();

    assert_false(is_whole(model, 2));
    assert_int_equal(move(model, 2), ERR_OK);
    assert_int_equal(whole(model, 2, 1), ERR_CLOSED);
    assert_false(is_whole(model, 2));
    assert_int_equal(whole(model, 2, 2), ERR_OK);
    assert_true(is_whole(model, 2));
    assert_false(is_whole(model, 3));
    assert_int_equal(move(model, 3), ERR_OK);
    assert_false(is_whole(model, 2));
    model_free(model);
}

static void each_row_is_judged_alone(void **state)
{
    struct model *model = given();
    struct change_whole rows[] = { { .group = 9, .epoch = 1 }, { .group = 3, .epoch = 1 },
                                   { .group = 2, .epoch = 4 } };

    assert_int_equal(apply(model, change_whole_shards(stamp, rows, 3)), ERR_OK);
    assert_true(is_whole(model, 3));
    assert_false(is_whole(model, 2));
    assert_int_equal(apply(model, change_whole_shards(stamp, rows, 0)), ERR_INVALID);
    model_free(model);
}

static void below_its_version_nobody_says_it(void **state)
{
    struct model *model = given();

    model->cluster_version = VERSION_WHOLE - 1;
    assert_int_equal(whole(model, 2, 1), ERR_VERSION);
    assert_false(is_whole(model, 2));
    model_free(model);
}

static void the_image_has_it(void **state)
{
    struct model *model = given(), *copy = NULL;
    struct reason reason = { .text = "" };

    assert_int_equal(move(model, 2), ERR_OK);
    assert_int_equal(whole(model, 2, 2), ERR_OK);
    AUTO_UNREF struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    assert_true(is_whole(copy, 2));
    assert_false(is_whole(copy, 3));
    assert_int_equal(move(copy, 3), ERR_OK);
    assert_false(is_whole(copy, 2));
    model_free(copy);
    model_free(model);
}

/* What a node that left has may be gone as soon as all members are whole. */
static void who_left_is_no_survivor_any_more(void **state)
{
    struct model *model = given();
    const uint64_t aside[] = { 2 };
    struct change_rescue rescue = { .group = 2,
                                    .epoch = 2,
                                    .held = 2,
                                    .survivor = 1,
                                    .index = 70,
                                    .term = 4,
                                    .aside = aside,
                                    .aside_count = 1 };

    assert_int_equal(move(model, 2), ERR_OK);
    assert_int_equal(whole(model, 2, 2), ERR_OK);
    assert_int_equal(apply(model, change_rescue_shard(stamp, &rescue)), ERR_CLOSED);
    rescue.survivor = 4;
    assert_int_equal(apply(model, change_rescue_shard(stamp, &rescue)), ERR_OK);
    assert_false(is_whole(model, 2));
    model_free(model);

    model = given();
    rescue.survivor = 1;
    assert_int_equal(move(model, 2), ERR_OK);
    assert_int_equal(apply(model, change_rescue_shard(stamp, &rescue)), ERR_OK);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_in_one_epoch_says_nothing_of_the_next),
        cmocka_unit_test(each_row_is_judged_alone),
        cmocka_unit_test(below_its_version_nobody_says_it),
        cmocka_unit_test(the_image_has_it),
        cmocka_unit_test(who_left_is_no_survivor_any_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

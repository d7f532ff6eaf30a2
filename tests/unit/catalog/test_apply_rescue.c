#include "given.h"

#include "catalog/model_image.h"
#include "catalog/version.h"

/* A cluster of 1 to 5, and a stream of two shards (groups 2 and 3) on 1, 2 and 3. */
static struct model *given(void)
{
    struct model *model = given_cluster();

    given_active(model, "river", 2);
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    assert_int_equal(add_node(model, 5, "b"), ERR_OK);
    for (uint64_t group = 2; group <= 3; group++) {
        struct model_shard *shard = model_shard_change(model, group);
        memcpy(shard->members, (uint64_t[GROUP_MEMBERS_MAX]){ 1, 2, 3 }, sizeof(shard->members));
    }
    return model;
}

static const uint64_t others[] = { 2, 3, 5 };

static struct change_rescue of(uint64_t group, uint32_t epoch, uint64_t survivor, uint64_t index)
{
    return (struct change_rescue){ .group = group,
                                   .epoch = epoch,
                                   .survivor = survivor,
                                   .index = index,
                                   .term = 4,
                                   .aside = others,
                                   .aside_count = 3 };
}

static enum err rescue(struct model *model, struct change_rescue row)
{
    return apply(model, change_rescue_shard(stamp, &row));
}

static enum err members(struct model *model, uint32_t epoch, uint32_t count, uint64_t second,
                        uint64_t third)
{
    struct change_members row = {
        .group = 2, .epoch = epoch, .member_count = count, .members = { 1, second, third }
    };

    return apply(model, change_set_members(stamp, &row, 1));
}

static void it_goes_on_from_the_survivor_in_another_history(void **state)
{
    struct model *model = given();

    assert_int_equal(rescue(model, of(2, 1, 1, 70)), ERR_OK);
    const struct model_shard *row = model_shard_by_group(model, 2, NULL);
    assert_int_equal(row->epoch, MODEL_RESCUE_EPOCHS);
    assert_false(model_same_history(row->epoch, 1));
    assert_int_equal(row->member_count, 1);
    assert_int_equal(row->members[0], 1);
    assert_int_equal(row->rescued->count, 1);
    assert_int_equal(row->rescued->rescues[0].index, 70);
    assert_int_equal(row->rescued->replicas, 3);
    for (uint64_t node = 1; node <= 5; node++)
        assert_int_equal(model_shard_aside(row, node), node == 2 || node == 3 || node == 5);
    assert_null(model_shard_by_group(model, 3, NULL)->rescued);
    assert_int_equal(model_rescued_count(model), 1);
    model_free(model);
}

static void it_grows_again_but_not_by_nodes_whose_copy_is_aside(void **state)
{
    struct model *model = given();

    assert_int_equal(rescue(model, of(2, 1, 1, 70)), ERR_OK);
    assert_int_equal(members(model, MODEL_RESCUE_EPOCHS + 1, 2, 2, 0), ERR_CLOSED);
    assert_int_equal(members(model, MODEL_RESCUE_EPOCHS + 1, 2, 4, 0), ERR_OK);
    assert_int_equal(members(model, MODEL_RESCUE_EPOCHS + 2, 3, 4, 5), ERR_CLOSED);
    assert_int_equal(add_node(model, 6, "c"), ERR_OK);
    assert_int_equal(members(model, MODEL_RESCUE_EPOCHS + 2, 3, 4, 6), ERR_OK);
    model_free(model);
}

static void what_was_not_looked_at_is_not_rescued(void **state)
{
    struct model *model = given();

    assert_int_equal(rescue(model, of(9, 1, 1, 70)), ERR_NOT_FOUND);
    assert_int_equal(rescue(model, of(2, 1, 8, 70)), ERR_NOT_FOUND);
    assert_int_equal(rescue(model, of(2, 2, 1, 70)), ERR_CLOSED);
    assert_int_equal(rescue(model, of(2, 1, 1, 0)), ERR_INVALID);
    assert_int_equal(come_back(model, 1, 10), ERR_OK);
    assert_int_equal(rescue(model, of(2, 1, 1, 70)), ERR_CLOSED); /* its disk is gone */
    assert_null(model_shard_by_group(model, 2, NULL)->rescued);
    model_free(model);
}

static void it_can_be_rescued_again_and_only_so_often(void **state)
{
    struct model *model = given();

    for (uint32_t i = 0; i < RESCUES_MAX; i++)
        assert_int_equal(rescue(model, of(2, i == 0 ? 1 : i * MODEL_RESCUE_EPOCHS, 1, 70 + i / 2)),
                         ERR_OK);
    assert_int_equal(rescue(model, of(2, RESCUES_MAX * MODEL_RESCUE_EPOCHS, 1, 90)), ERR_BUSY);
    assert_int_equal(rescue(model, of(3, 1, 1, 90)), ERR_OK);
    assert_int_equal(rescue(model, of(3, MODEL_RESCUE_EPOCHS, 1, 89)), ERR_INVALID);
    model_free(model);
}

/* The survivor's log had moved on: what is counted is what its copy has gone through. */
static void a_rescue_that_never_began_takes_no_part(void **state)
{
    struct model *model = given(), *again = NULL;
    struct change_rescue row = of(2, 1, 1, 70);
    struct reason reason = { .text = "" };

    model->cluster_version = VERSION_RESCUE_HELD;
    row.held = 1;
    assert_int_equal(rescue(model, row), ERR_OK);
    row = of(2, MODEL_RESCUE_EPOCHS, 1, 60);
    row.held = MODEL_RESCUE_EPOCHS; /* it had begun, and cannot have less */
    assert_int_equal(rescue(model, row), ERR_INVALID);
    row.held = 1;
    assert_int_equal(rescue(model, row), ERR_OK);
    const struct model_rescued *rescued = model_shard_by_group(model, 2, NULL)->rescued;
    assert_int_equal(rescued->count, 2);
    assert_int_equal(model_rescues_before(rescued, 1, rescued->rescues[1].held), 0);
    assert_int_equal(model_rescues_before(rescued, 2, MODEL_RESCUE_EPOCHS + 3), 1);
    assert_int_equal(model_rescues_before(rescued, 2, 2 * MODEL_RESCUE_EPOCHS), 2);
    assert_int_equal(model_rescues_before(rescued, 2, 0), 2);

    AUTO_UNREF struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &again, &reason), ERR_OK);
    assert_int_equal(model_shard_by_group(again, 2, NULL)->rescued->rescues[1].held, 1);
    model_free(again);
    model_free(model);
}

/* An older build does not see the field. */
static void below_its_version_nobody_says_what_was_held(void **state)
{
    struct model *model = given();
    struct change_rescue row = of(2, 1, 1, 70);
    struct reason reason = { .text = "" };
    struct buf *placed = NULL;

    model->cluster_version = VERSION_RESCUE_HELD - 1;
    row.held = 1;
    AUTO_UNREF struct buf *change = change_rescue_shard(stamp, &row);
    assert_int_equal(change_place(buf_slice(change), model, NULL, NULL, &placed, &reason),
                     ERR_VERSION);
    assert_int_equal(rescue(model, row), ERR_OK);
    assert_int_equal(model_shard_by_group(model, 2, NULL)->rescued->rescues[0].held, 0);
    model_free(model);
}

/* Whoever was a member is aside, said or not: two builds side by side have the same model. */
static void below_version_two_all_members_are_aside(void **state)
{
    struct model *model = given();
    struct change_rescue row = of(2, 1, 1, 70);

    row.aside_count = 0;
    model->cluster_version = VERSION_RESUMES;
    assert_int_equal(rescue(model, row), ERR_OK);
    assert_int_equal(model_shard_by_group(model, 2, NULL)->rescued->aside_count, 0);
    model->cluster_version = VERSION_RESUMES - 1;
    row.group = 3;
    assert_int_equal(rescue(model, row), ERR_OK);
    const struct model_shard *below = model_shard_by_group(model, 3, NULL);
    for (uint64_t node = 1; node <= 5; node++)
        assert_int_equal(model_shard_aside(below, node), node == 2 || node == 3);
    model_free(model);
}

static void the_image_has_it(void **state)
{
    struct model *model = given(), *again = NULL;
    struct reason reason = { .text = "" };

    assert_int_equal(rescue(model, of(2, 1, 1, 70)), ERR_OK);
    assert_int_equal(rescue(model, of(2, MODEL_RESCUE_EPOCHS, 1, 80)), ERR_OK);
    struct buf *image = model_image_pack(model);
    assert_non_null(image);
    assert_int_equal(model_image_unpack(buf_slice(image), &again, &reason), ERR_OK);
    const struct model_shard *row = model_shard_by_group(again, 2, NULL);
    assert_int_equal(row->epoch, 2 * MODEL_RESCUE_EPOCHS);
    assert_int_equal(row->rescued->count, 2);
    assert_int_equal(row->rescued->rescues[1].index, 80);
    assert_int_equal(row->rescued->rescues[1].survivor, 1);
    assert_int_equal(row->rescued->replicas, 3);
    assert_true(model_shard_aside(row, 5));
    assert_int_equal(model_rescued_count(again), 1);
    struct buf *twin = model_image_pack(again);
    assert_int_equal(twin->len, image->len);
    assert_memory_equal(twin->data, image->data, image->len);
    buf_unref(twin);
    buf_unref(image);
    model_free(again);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_from_the_survivor_in_another_history),
        cmocka_unit_test(it_grows_again_but_not_by_nodes_whose_copy_is_aside),
        cmocka_unit_test(what_was_not_looked_at_is_not_rescued),
        cmocka_unit_test(it_can_be_rescued_again_and_only_so_often),
        cmocka_unit_test(a_rescue_that_never_began_takes_no_part),
        cmocka_unit_test(below_its_version_nobody_says_what_was_held),
        cmocka_unit_test(below_version_two_all_members_are_aside),
        cmocka_unit_test(the_image_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "given.h"

#include "catalog/change_reshard.h"
#include "catalog/keymap.h"
#include "catalog/model_image.h"
#include "catalog/uniform.h"

#define KEYS_END ((u128_bits)1 << 127)

static const struct model_stream *river(const struct model *model)
{
    return model_stream_by_name(model, slice_text("river"));
}

static struct model *given(uint32_t shards)
{
    struct model *model = given_cluster();

    model->cluster_version = VERSION_RESHARDS;
    given_active(model, "river", shards);
    return model;
}

static enum err split(struct model *model, uint32_t number, u128_bits middle)
{
    struct reshard_step step = {
        .parents = { number }, .parent_count = 1, .middle = { .v = middle }
    };

    return apply_placed(model, change_begin_reshard(stamp, river(model), &step, 1, 0, false));
}

static enum err merge(struct model *model, uint32_t number, uint32_t other)
{
    struct reshard_step step = { .parents = { number, other }, .parent_count = 2 };

    return apply_placed(model, change_begin_reshard(stamp, river(model), &step, 1, 0, false));
}

static enum err commit(struct model *model, uint32_t number, uint64_t end)
{
    struct reshard_end ended = { .number = number, .end = end };

    return apply(model, change_commit_reshard(stamp, river(model)->id, &ended, 1));
}

static void children_take_the_keys_when_the_parent_has_ended(void **state)
{
    struct model *model = given(1);

    assert_int_equal(split(model, 0, KEYS_END), ERR_OK);
    assert_int_equal(river(model)->status, STREAM_UPDATING);
    assert_int_equal(river(model)->shard_count, 3);
    assert_int_equal(model_shard_by_hash(river(model), U128_MAX)->number, 0);
    assert_int_equal(river(model)->shards[1].member_count, 3);
    assert_int_equal(river(model)->shards[2].created_s, river(model)->shards[1].created_s);
    assert_true(river(model)->shards[1].created_s > river(model)->shards[0].created_s);

    assert_int_equal(commit(model, 0, 17), ERR_OK);
    assert_int_equal(river(model)->status, STREAM_ACTIVE);
    assert_int_equal(river(model)->open_count, 2);
    assert_int_equal(river(model)->shards[0].state, SHARD_CLOSED);
    assert_int_equal(river(model)->shards[0].end, 17);
    assert_int_equal(model_shard_by_hash(river(model), u128_of(0, 0))->number, 1);
    assert_int_equal(model_shard_by_hash(river(model), U128_MAX)->number, 2);
    assert_true(keymap_is_whole(river(model)));
    assert_int_equal(commit(model, 0, 18), ERR_CLOSED);
    assert_int_equal(river(model)->shards[0].end, 17);
    model_free(model);
}

static void a_merge_waits_for_both_parents(void **state)
{
    struct model *model = given(3);

    assert_int_equal(merge(model, 1, 2), ERR_OK);
    assert_int_equal(commit(model, 1, 5), ERR_CLOSED);
    assert_int_equal(river(model)->open_count, 3);
    struct reshard_end ends[] = { { .number = 2, .end = 7 }, { .number = 1, .end = 5 } };
    assert_int_equal(apply(model, change_commit_reshard(stamp, river(model)->id, ends, 2)),
                     ERR_OK);
    assert_int_equal(river(model)->open_count, 2);
    assert_int_equal(model_shard_by_hash(river(model), U128_MAX)->number, 3);
    assert_int_equal(river(model)->shards[2].end, 7);
    model_free(model);
}

static void one_reshard_at_a_time(void **state)
{
    struct model *model = given(2);

    assert_int_equal(split(model, 0, 1000), ERR_OK);
    assert_int_equal(split(model, 1, KEYS_END + 1000), ERR_EXISTS);
    assert_int_equal(river(model)->shard_count, 4);
    model_free(model);
}

/* Two nodes that led the catalogue in turn have seen all shards of the new stream open. */
static void an_activation_that_is_late_changes_nothing(void **state)
{
    struct model *model = given(1);

    assert_int_equal(split(model, 0, KEYS_END), ERR_OK);
    assert_int_equal(apply(model, change_activate_stream(stamp, river(model)->id)), ERR_OK);
    assert_int_equal(river(model)->status, STREAM_UPDATING);
    assert_int_equal(split(model, 0, KEYS_END), ERR_EXISTS);
    assert_int_equal(commit(model, 0, 17), ERR_OK);
    assert_int_equal(river(model)->status, STREAM_ACTIVE);
    assert_int_equal(river(model)->open_count, 2);
    model_free(model);
}

static void what_leaves_a_gap_or_overlaps_is_refused(void **state)
{
    struct model *model = given(3);
    uint32_t before = river(model)->shard_count;

    assert_int_equal(merge(model, 0, 2), ERR_INVALID);
    assert_int_equal(merge(model, 1, 0), ERR_INVALID);
    assert_int_equal(split(model, 0, KEYS_END), ERR_INVALID); /* a key of another shard */
    assert_int_equal(split(model, 1, 5), ERR_INVALID);
    assert_int_equal(split(model, 0, 0), ERR_INVALID);
    struct reshard_step twice[] = {
        { .parents = { 0 }, .parent_count = 1, .middle = { .v = 5 } },
        { .parents = { 0 }, .parent_count = 1, .middle = { .v = 9 } },
    };
    assert_int_equal(apply_placed(model, change_begin_reshard(stamp, river(model), twice, 2, 0,
                                                              false)),
                     ERR_INVALID);
    assert_int_equal(river(model)->shard_count, before);
    assert_int_equal(river(model)->status, STREAM_ACTIVE);
    model_free(model);
}

static void a_closed_shard_goes_when_retention_has_passed(void **state)
{
    struct model *model = given(1);
    uint32_t zero = 0;
    struct change_stamp later = stamp;

    assert_int_equal(split(model, 0, 1000), ERR_OK);
    assert_int_equal(commit(model, 0, 2), ERR_OK);
    uint64_t group = river(model)->shards[0].group;
    assert_int_equal(apply(model, change_forget_shards(stamp, river(model)->id, &zero, 1)),
                     ERR_CLOSED);
    later.proposed_ms += river(model)->retention_hours * UINT64_C(3600000);
    assert_int_equal(apply(model, change_forget_shards(later, river(model)->id, &zero, 1)), ERR_OK);
    assert_int_equal(river(model)->shard_count, 2);
    assert_null(model_shard_by_group(model, group, NULL));
    assert_ptr_equal(model_shard_by_group(model, group + 1, NULL), &river(model)->shards[0]);
    assert_int_equal(model_shard_by_hash(river(model), U128_MAX)->number, 2);
    assert_int_equal(split(model, 2, KEYS_END), ERR_OK); /* whose parent is gone */
    assert_int_equal(commit(model, 2, 3), ERR_OK);
    assert_true(keymap_is_whole(river(model)));
    model_free(model);
}

static void lineage_survives_in_the_image(void **state)
{
    struct model *model = given(2);
    struct model *read = NULL;
    struct reason reason = { "" };

    assert_int_equal(merge(model, 0, 1), ERR_OK);
    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &read, &reason), ERR_OK);
    assert_int_equal(river(read)->status, STREAM_UPDATING);
    assert_int_equal(river(read)->open_count, 2);
    assert_memory_equal(&river(read)->shards[2], &river(model)->shards[2],
                        sizeof(river(model)->shards[2]));
    buf_unref(image);
    model_free(read);
    model_free(model);
}

static enum err scale(struct model *model, uint32_t target, uint64_t at_ms)
{
    struct change_stamp then = { .proposed_ms = at_ms };
    struct reshard_step *steps = NULL;
    uint32_t count = 0;

    assert_true(uniform_steps(river(model), target, &steps, &count));
    enum err err =
        apply_placed(model, change_begin_reshard(then, river(model), steps, count, target, true));
    free(steps);
    return err;
}

static void what_clients_scale_is_counted_for_a_day(void **state)
{
    const uint64_t day_ms = 86400000, begin_ms = 10 * day_ms;
    struct model *model = given(1);

    assert_int_equal(scale(model, 2, begin_ms), ERR_OK);
    assert_int_equal(scale(model, 2, begin_ms), ERR_EXISTS); /* refused, not counted */
    assert_int_equal(model_settings(river(model))->revision, 1);
    assert_int_equal(commit(model, 0, 2), ERR_OK);
    assert_int_equal(scale(model, 1, begin_ms + day_ms / 2), ERR_OK);
    const struct model_times *times = &model_settings(river(model))->resharded;
    assert_int_equal(model_times_since(times, begin_ms + day_ms - 1), 2);
    assert_int_equal(model_times_since(times, begin_ms + day_ms), 1);

    struct buf *image = model_image_pack(model);
    struct reason reason;
    struct model *read;
    assert_int_equal(model_image_unpack(buf_slice(image), &read, &reason), ERR_OK);
    assert_int_equal(model_settings(river(read))->resharded.count, 2);
    buf_unref(image);
    model_free(read);
    model_free(model);
}

static uint32_t reach(struct model *model, uint32_t target)
{
    while (river(model)->open_count != target) {
        struct reshard_step *steps = NULL;
        struct reshard_end ends[64];
        uint32_t count = 0, end_count = 0;
        assert_true(uniform_steps(river(model), target, &steps, &count));
        assert_int_equal(apply_placed(model, change_begin_reshard(stamp, river(model), steps, count,
                                                                  target, false)), ERR_OK);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t k = 0; k < steps[i].parent_count; k++)
                ends[end_count++] = (struct reshard_end){ .number = steps[i].parents[k], .end = 2 };
        free(steps);
        assert_int_equal(apply(model, change_commit_reshard(stamp, river(model)->id, ends,
                                                            end_count)), ERR_OK);
        assert_true(keymap_is_whole(river(model)));
    }
    assert_int_equal(river(model)->status, STREAM_ACTIVE);
    assert_int_equal(river(model)->target, 0);
    return river(model)->shard_count;
}

static void a_number_of_shards_is_reached_as_aws_does(void **state)
{
    static const struct {
        uint32_t before, target, total;
    } cases[] = { { 2, 4, 6 }, { 4, 5, 15 }, { 10, 13, 37 }, { 4, 2, 6 }, { 5, 3, 7 },
                  { 10, 3, 17 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model *model = given(cases[i].before);
        assert_int_equal(reach(model, cases[i].target), cases[i].total);
        model_free(model);
    }
}

static void one_shard_is_replaced_by_a_split_or_a_merge(void **state)
{
    struct model *model = given(1);
    struct reshard_step step;

    assert_true(uniform_step_of(river(model), &river(model)->shards[0], &step));
    assert_int_equal(step.parent_count, 1);
    assert_true(step.middle.v == KEYS_END);

    assert_int_equal(split(model, 0, 1), ERR_OK); /* the first child has one key */
    assert_false(uniform_step_of(river(model), &river(model)->shards[1], &step)); /* not open */
    assert_int_equal(commit(model, 0, 17), ERR_OK);
    assert_false(uniform_step_of(river(model), &river(model)->shards[0], &step)); /* closed */
    assert_true(uniform_step_of(river(model), &river(model)->shards[1], &step));
    assert_int_equal(step.parent_count, 2);
    assert_int_equal(step.parents[0], 1);
    assert_int_equal(step.parents[1], 2);

    assert_int_equal(split(model, 2, U128_MAX.v), ERR_OK); /* and now the last one */
    assert_int_equal(commit(model, 2, 17), ERR_OK);
    assert_true(uniform_step_of(river(model), &river(model)->shards[4], &step));
    assert_int_equal(step.parent_count, 2);
    assert_int_equal(step.parents[0], 3);
    assert_int_equal(step.parents[1], 4);
    model_free(model);
}

static enum err rest(struct model *model, uint64_t group, uint32_t epoch)
{
    struct change_whole row = { .group = group, .epoch = epoch, .rests = true };

    return apply(model, change_whole_shards(stamp, &row, 1));
}

static const struct model_shard *parent_of(const struct model *model)
{
    return &river(model)->shards[0];
}

static void only_closed_shards_rest_until_their_members_change(void **state)
{
    struct model *model = given(1);
    uint64_t group = parent_of(model)->group;

    assert_int_equal(rest(model, group, 1), ERR_CLOSED);
    assert_int_equal(split(model, 0, KEYS_END), ERR_OK);
    assert_int_equal(rest(model, group, 1), ERR_CLOSED);
    assert_int_equal(commit(model, 0, 17), ERR_OK);
    assert_int_equal(rest(model, group, 2), ERR_CLOSED); /* said in another epoch */
    assert_false(model_shard_rests(parent_of(model)));
    assert_int_equal(rest(model, group, 1), ERR_OK);
    assert_true(model_shard_rests(parent_of(model)));
    assert_true(model_shard_whole(parent_of(model)));

    struct change_members row = { .group = group, .epoch = 2, .member_count = 3 };
    memcpy(row.members, parent_of(model)->members, sizeof(row.members));
    assert_int_equal(apply(model, change_set_members(stamp, &row, 1)), ERR_OK);
    assert_false(model_shard_rests(parent_of(model)));
    assert_int_equal(rest(model, group, 2), ERR_OK);
    assert_true(model_shard_rests(parent_of(model)));
    model_free(model);
}

static void the_image_says_who_rests(void **state)
{
    struct model *model = given(1), *copy = NULL;
    struct reason reason = { .text = "" };

    assert_int_equal(split(model, 0, KEYS_END), ERR_OK);
    assert_int_equal(commit(model, 0, 17), ERR_OK);
    assert_int_equal(rest(model, parent_of(model)->group, 1), ERR_OK);
    AUTO_UNREF struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    assert_true(model_shard_rests(parent_of(copy)));
    assert_false(model_shard_rests(&river(copy)->shards[1]));
    model_free(copy);

    struct model_shard *child = model_shard_change(model, river(model)->shards[1].group);
    child->rests_in = child->epoch;
    AUTO_UNREF struct buf *wrong = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(wrong), &copy, &reason), ERR_CORRUPT);
    assert_non_null(strstr(reason.text, "shard 1: rests, and is not closed"));
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_take_the_keys_when_the_parent_has_ended),
        cmocka_unit_test(a_merge_waits_for_both_parents),
        cmocka_unit_test(one_shard_is_replaced_by_a_split_or_a_merge),
        cmocka_unit_test(only_closed_shards_rest_until_their_members_change),
        cmocka_unit_test(the_image_says_who_rests),
        cmocka_unit_test(one_reshard_at_a_time),
        cmocka_unit_test(an_activation_that_is_late_changes_nothing),
        cmocka_unit_test(what_leaves_a_gap_or_overlaps_is_refused),
        cmocka_unit_test(a_closed_shard_goes_when_retention_has_passed),
        cmocka_unit_test(lineage_survives_in_the_image),
        cmocka_unit_test(what_clients_scale_is_counted_for_a_day),
        cmocka_unit_test(a_number_of_shards_is_reached_as_aws_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

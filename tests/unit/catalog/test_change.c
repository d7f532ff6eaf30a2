#include "given.h"

static bool all_but_two(void *ctx, uint64_t node)
{
    return node != 2;
}

static enum err place(const struct model *model, struct buf *change, change_up_fn up,
                      struct buf **ret)
{
    struct reason reason = { .text = "" };
    enum err err = change_place(buf_slice(change), model, up, NULL, ret, &reason);

    buf_unref(change);
    assert_true((err == ERR_OK) == (reason.text[0] == 0));
    return err;
}

static void a_new_stream_waits_for_enough_nodes_that_are_up(void **state)
{
    struct model *model = given_cluster();
    struct buf *placed = NULL;

    assert_int_equal(place(model, create_change("river", 1, 0), all_but_two, &placed),
                     ERR_UNAVAILABLE);
    assert_null(placed);
    model_free(model);
}

static void a_node_that_is_down_gets_no_replicas(void **state)
{
    struct model *model = given_cluster();
    struct buf *placed = NULL;

    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    assert_int_equal(place(model, create_change("river", 5, 0), all_but_two, &placed), ERR_OK);
    assert_int_equal(apply(model, placed), ERR_OK);
    const struct model_stream *stream = model_stream_by_name(model, slice_text("river"));
    for (uint32_t i = 0; i < stream->shard_count; i++)
        for (uint32_t k = 0; k < stream->shards[i].member_count; k++)
            assert_int_not_equal(stream->shards[i].members[k], 2);
    model_free(model);
}

static void replicas_that_nodes_hold_already_count(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 4); /* on 1, 2 and 3: all there is */
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    const struct model_stream *stream = given_stream(model, "brook", 4);
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        bool has = false;
        for (uint32_t k = 0; k < stream->shards[i].member_count; k++)
            has |= stream->shards[i].members[k] == 4;
        assert_true(has);
    }
    model_free(model);
}

static void what_is_no_change_is_not_proposed(void **state)
{
    struct model *model = given_cluster();
    struct buf *placed = NULL;

    assert_int_equal(place(model, buf_copy(slice_text("nonsense")), NULL, &placed), ERR_INVALID);
    assert_int_equal(place(model, buf_copy(slice_of("\x08\x05", 2)), NULL, &placed), ERR_INVALID);
    model_free(model);
}

static void other_changes_pass_as_they_are(void **state)
{
    struct model *model = given_cluster();
    struct buf *change = change_delete_stream(stamp, 12);
    struct buf *placed = NULL;

    assert_int_equal(place(model, buf_ref(change), NULL, &placed), ERR_OK);
    assert_true(slice_equal(buf_slice(change), buf_slice(placed)));
    buf_unref(change);
    buf_unref(placed);
    model_free(model);
}

static void tags_travel_with_a_stream(void **state)
{
    struct model *model = given_cluster();
    char key[] = "team", value[] = "rivers";
    struct model_tag tag = { .key = key, .value = value };
    struct change_stream wanted = { .name = slice_text("river"),
                                    .mode = STREAM_ON_DEMAND,
                                    .shard_count = 1,
                                    .retention_hours = 48,
                                    .record_kib_max = 512,
                                    .tags = &tag,
                                    .tag_count = 1 };

    assert_int_equal(apply_placed(model, change_create_stream(stamp, &wanted)), ERR_OK);
    const struct model_stream *stream = model_stream_by_name(model, slice_text("river"));
    assert_int_equal(stream->mode, STREAM_ON_DEMAND);
    assert_int_equal(stream->retention_hours, 48);
    assert_int_equal(stream->record_kib_max, 512);
    assert_int_equal(stream->tag_count, 1);
    assert_string_equal(stream->tags[0].key, "team");
    assert_string_equal(stream->tags[0].value, "rivers");
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_stream_waits_for_enough_nodes_that_are_up),
        cmocka_unit_test(a_node_that_is_down_gets_no_replicas),
        cmocka_unit_test(replicas_that_nodes_hold_already_count),
        cmocka_unit_test(what_is_no_change_is_not_proposed),
        cmocka_unit_test(other_changes_pass_as_they_are),
        cmocka_unit_test(tags_travel_with_a_stream),
    };

    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}

#include "given.h"

#include "catalog/model_image.h"

static void nothing_is_applied_before_the_cluster_is_founded(void **state)
{
    struct model *model = model_new();

    assert_int_equal(add_node(model, 1, "a"), ERR_CLOSED);
    assert_int_equal(model_node_count(model), 0);
    assert_false(model_founded(model));
    model_free(model);
}

static void a_refused_change_moves_the_index_too(void **state)
{
    struct model *model = model_new();

    assert_int_equal(model_index(model), MODEL_START_INDEX);
    assert_int_equal(add_node(model, 1, "a"), ERR_CLOSED);
    assert_int_equal(model_index(model), MODEL_START_INDEX + 1);
    model_free(model);
}

static void an_entry_without_content_only_moves_the_index(void **state)
{
    struct model *model = given_cluster();
    uint64_t index = model_index(model);
    struct reason reason = { .text = "" };

    assert_int_equal(apply_change(model, index + 1, 9, slice_of(NULL, 0), &reason), ERR_OK);
    assert_int_equal(model_index(model), index + 1);
    model_free(model);
}

static void a_cluster_is_founded_once(void **state)
{
    struct model *model = model_new();

    assert_int_equal(apply(model, found_change(77)), ERR_OK);
    assert_int_equal(apply(model, found_change(78)), ERR_EXISTS);
    assert_int_equal(model_cluster(model), 77);
    assert_string_equal(model_region(model), "eu-central-1");
    assert_string_equal(model_account(model), "000000000000");
    assert_int_equal(model_replication(model), 3);
    assert_memory_equal(model_secret(model), "0123456789abcdef0123456789abcde", 32);
    model_free(model);
}

static void founding_without_an_id_is_refused(void **state)
{
    struct model *model = model_new();

    assert_int_equal(apply(model, found_change(0)), ERR_INVALID);
    assert_false(model_founded(model));
    model_free(model);
}

static void bytes_that_are_no_change_are_refused(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply(model, buf_copy(slice_text("\xff\xff\xff\xff"))), ERR_INVALID);
    assert_int_equal(apply(model, buf_copy(slice_of("\x08\x05", 2))), ERR_INVALID);
    model_free(model);
}

static void a_node_that_says_something_new_replaces_its_row(void **state)
{
    struct model *model = given_cluster();
    struct model_node node = node_row(2, "b");

    strcpy(node.name, "zulu");
    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    assert_int_equal(model_node_count(model), 3);
    assert_string_equal(model_node_by_id(model, 2)->name, "zulu");
    assert_int_equal(model_node_at(model, 2)->id, 2); /* sorted by name */
    model_free(model);
}

static void there_are_no_more_nodes_than_the_maximum(void **state)
{
    struct model *model = given_cluster();

    for (uint64_t id = 4; id <= NODES_MAX; id++)
        assert_int_equal(add_node(model, id, "a"), ERR_OK);
    assert_int_equal(add_node(model, NODES_MAX + 1, "a"), ERR_BUSY);
    assert_int_equal(add_node(model, NODES_MAX, "b"), ERR_OK); /* not a new one */
    model_free(model);
}

static void a_new_stream_gets_ids_groups_and_members(void **state)
{
    struct model *model = given_cluster();
    const struct model_stream *stream = given_stream(model, "river", 4);

    assert_non_null(stream);
    assert_int_equal(stream->status, STREAM_CREATING);
    assert_int_equal(stream->id, 1);
    assert_int_equal(stream->shard_count, 4);
    assert_int_equal(stream->next_number, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(stream->shards[i].group, CATALOG_GROUP + 1 + i);
        assert_int_equal(stream->shards[i].number, i);
        assert_int_equal(stream->shards[i].epoch, 1);
        assert_int_equal(stream->shards[i].member_count, 3);
    }
    assert_int_equal(model_next_group(model), CATALOG_GROUP + 5);
    assert_int_equal(model_shard_total(model), 4);
    model_free(model);
}

static void shards_are_two_seconds_older_than_the_request(void **state)
{
    struct model *model = given_cluster();
    const struct model_stream *stream = given_stream(model, "river", 2);

    assert_int_equal(stream->created_ms, NOW_MS - 2000);
    assert_int_equal(stream->shards[0].created_s, NOW_MS / 1000 - 2);
    assert_int_equal(stream->shards[1].created_s, NOW_MS / 1000 - 2);
    model_free(model);
}

static void every_hash_key_has_a_shard(void **state)
{
    struct model *model = given_cluster();
    const struct model_stream *stream = given_stream(model, "river", 3);

    assert_int_equal(model_shard_by_hash(stream, u128_of(0, 0))->number, 0);
    assert_int_equal(model_shard_by_hash(stream, U128_MAX)->number, 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(model_shard_by_hash(stream, stream->shards[i].hash_first)->number, i);
        assert_int_equal(model_shard_by_hash(stream, stream->shards[i].hash_last)->number, i);
    }
    model_free(model);
}

static void a_name_is_used_once(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 1);
    assert_int_equal(apply_placed(model, create_change("river", 1, 0)), ERR_EXISTS);
    assert_int_equal(model_stream_count(model), 1);
    model_free(model);
}

static void the_same_request_again_has_the_same_answer(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply_placed(model, create_change("river", 1, 5)), ERR_OK);
    assert_int_equal(apply_placed(model, create_change("river", 1, 5)), ERR_OK);
    assert_int_equal(apply_placed(model, create_change("river", 1, 6)), ERR_EXISTS);
    assert_int_equal(model_stream_count(model), 1);
    model_free(model);
}

static void a_name_outside_of_the_rule_is_refused(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply_placed(model, create_change("", 1, 0)), ERR_INVALID);
    assert_int_equal(apply_placed(model, create_change("two words", 1, 0)), ERR_INVALID);
    assert_int_equal(apply_placed(model, create_change("fl\xc3\xbcsse", 1, 0)), ERR_INVALID);
    assert_int_equal(apply_placed(model, create_change("a.b_c-9", 1, 0)), ERR_OK);
    model_free(model);
}

static void a_stream_without_members_or_shards_is_refused(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply(model, create_change("river", 1, 0)), ERR_INVALID);
    assert_int_equal(apply_placed(model, create_change("river", 0, 0)), ERR_INVALID);
    assert_int_equal(apply_placed(model, create_change("river", STREAM_SHARDS_MAX + 1, 0)),
                     ERR_INVALID);
    assert_int_equal(model_stream_count(model), 0);
    model_free(model);
}

static enum err create_with(struct model *model, const char *name, uint32_t hours, uint32_t kib)
{
    struct change_stream wanted = { .name = slice_text(name),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count = 1,
                                    .retention_hours = hours,
                                    .record_kib_max = kib };

    return apply_placed(model, change_create_stream(stamp, &wanted));
}

static void retention_and_record_sizes_have_a_range(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(create_with(model, "a", 0, 1024), ERR_INVALID);
    assert_int_equal(create_with(model, "a", RETENTION_HOURS_MAX + 1, 1024), ERR_INVALID);
    assert_int_equal(create_with(model, "a", 24, 0), ERR_INVALID);
    assert_int_equal(create_with(model, "a", 24, RECORD_KIB_MAX + 1), ERR_INVALID);
    assert_int_equal(model_stream_count(model), 0);
    assert_int_equal(create_with(model, "a", 1, 1), ERR_OK);
    assert_int_equal(create_with(model, "b", RETENTION_HOURS_MAX, RECORD_KIB_MAX), ERR_OK);
    model_free(model);
}

/* A stream with the largest tags; its name is its number. */
static enum err create_with_tags(struct model *model, int number)
{
    static char key[TAG_KEY_BYTES_MAX + 1], value[TAG_VALUE_BYTES_MAX + 1];
    struct model_tag tags[STREAM_TAGS_MAX];
    struct change_stream wanted = { .mode = STREAM_PROVISIONED,
                                    .shard_count = 1,
                                    .retention_hours = 24,
                                    .record_kib_max = 1024,
                                    .tags = tags,
                                    .tag_count = STREAM_TAGS_MAX };
    char name[16];

    memset(key, 'k', TAG_KEY_BYTES_MAX);
    memset(value, 'v', TAG_VALUE_BYTES_MAX);
    for (uint32_t i = 0; i < STREAM_TAGS_MAX; i++)
        tags[i] = (struct model_tag){ .key = key, .value = value };
    snprintf(name, sizeof(name), "%d", number);
    wanted.name = slice_text(name);
    return apply_placed(model, change_create_stream(stamp, &wanted));
}

static void all_streams_together_have_a_maximum_of_bytes(void **state)
{
    struct model *model = given_cluster();
    enum err err = ERR_OK;
    int count = 0;

    while ((err = create_with_tags(model, count)) == ERR_OK)
        count++;
    assert_int_equal(err, ERR_BUSY);
    assert_in_range(count, 50, 200);
    struct buf *image = model_image_pack(model);
    assert_true(image->len > CATALOG_BYTES_MAX / 2); /* the reckoning is not far off, */
    assert_true(image->len <= model->stream_bytes + 1000); /* nor too low; the rest is the nodes */
    buf_unref(image);

    assert_int_equal(create_with_tags(model, 0), ERR_EXISTS);
    uint64_t id = model_stream_by_name(model, slice_text("0"))->id;
    assert_int_equal(apply(model, change_delete_stream(stamp, id)), ERR_OK);
    assert_int_equal(create_with_tags(model, count), ERR_BUSY);
    assert_int_equal(apply(model, change_forget_stream(stamp, id)), ERR_OK);
    assert_int_equal(create_with_tags(model, count), ERR_OK);
    assert_int_equal(create_with_tags(model, count + 1), ERR_BUSY);
    model_free(model);
}

static void all_shards_together_have_a_maximum(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "one", STREAM_SHARDS_MAX);
    given_stream(model, "two", CATALOG_SHARDS_MAX - STREAM_SHARDS_MAX);
    assert_int_equal(apply_placed(model, create_change("three", 1, 0)), ERR_BUSY);
    model_free(model);
}

static void a_stream_goes_from_creating_to_active_to_gone(void **state)
{
    struct model *model = given_cluster();
    uint64_t id = given_stream(model, "river", 2)->id;

    assert_int_equal(apply(model, change_activate_stream(stamp, id)), ERR_OK);
    assert_int_equal(model_stream_by_id(model, id)->status, STREAM_ACTIVE);
    assert_int_equal(apply(model, change_activate_stream(stamp, id)), ERR_OK);
    assert_int_equal(apply(model, change_forget_stream(stamp, id)), ERR_INVALID);
    assert_int_equal(apply(model, change_delete_stream(stamp, id)), ERR_OK);
    assert_int_equal(model_stream_by_id(model, id)->status, STREAM_DELETING);
    assert_int_equal(apply(model, change_delete_stream(stamp, id)), ERR_CLOSED);
    assert_int_equal(apply(model, change_activate_stream(stamp, id)), ERR_CLOSED);
    assert_int_equal(apply_placed(model, create_change("river", 1, 0)), ERR_EXISTS);
    assert_int_equal(apply(model, change_forget_stream(stamp, id)), ERR_OK);
    assert_null(model_stream_by_id(model, id));
    assert_null(model_shard_by_group(model, CATALOG_GROUP + 1, NULL));
    assert_int_equal(model_shard_total(model), 0);
    assert_int_equal(apply(model, change_forget_stream(stamp, id)), ERR_NOT_FOUND);
    assert_int_equal(apply(model, change_delete_stream(stamp, id)), ERR_NOT_FOUND);
    model_free(model);
}

static void ids_and_groups_are_never_given_out_twice(void **state)
{
    struct model *model = given_cluster();
    uint64_t id = given_stream(model, "river", 2)->id;

    assert_int_equal(apply(model, change_delete_stream(stamp, id)), ERR_OK);
    assert_int_equal(apply(model, change_forget_stream(stamp, id)), ERR_OK);
    const struct model_stream *again = given_stream(model, "river", 1);
    assert_int_equal(again->id, id + 1);
    assert_int_equal(again->shards[0].group, CATALOG_GROUP + 3);
    model_free(model);
}

static void streams_are_listed_by_name_and_shards_by_group(void **state)
{
    struct model *model = given_cluster();
    const struct model_stream *stream = NULL;

    given_stream(model, "b", 2);
    given_stream(model, "a", 1);
    given_stream(model, "c", 1);
    assert_string_equal(model_stream_at(model, 0)->name, "a");
    assert_string_equal(model_stream_at(model, 2)->name, "c");
    assert_int_equal(model_stream_after(model, slice_text("a")), 1);
    assert_int_equal(model_stream_after(model, slice_text("aa")), 1);
    assert_int_equal(model_stream_after(model, slice_text("c")), 3);
    assert_int_equal(model_stream_after(model, slice_of(NULL, 0)), 0);

    assert_int_equal(model_shard_next(model, 0, &stream)->group, 2);
    assert_string_equal(stream->name, "b");
    assert_int_equal(model_shard_next(model, 3, &stream)->group, 4);
    assert_string_equal(stream->name, "a");
    assert_null(model_shard_next(model, 5, &stream));
    assert_null(model_shard_by_number(model_stream_at(model, 0), 1));
    assert_int_equal(model_shard_by_number(model_stream_at(model, 1), 1)->group, 3);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_applied_before_the_cluster_is_founded),
        cmocka_unit_test(a_refused_change_moves_the_index_too),
        cmocka_unit_test(an_entry_without_content_only_moves_the_index),
        cmocka_unit_test(a_cluster_is_founded_once),
        cmocka_unit_test(founding_without_an_id_is_refused),
        cmocka_unit_test(bytes_that_are_no_change_are_refused),
        cmocka_unit_test(a_node_that_says_something_new_replaces_its_row),
        cmocka_unit_test(there_are_no_more_nodes_than_the_maximum),
        cmocka_unit_test(a_new_stream_gets_ids_groups_and_members),
        cmocka_unit_test(shards_are_two_seconds_older_than_the_request),
        cmocka_unit_test(every_hash_key_has_a_shard),
        cmocka_unit_test(a_name_is_used_once),
        cmocka_unit_test(the_same_request_again_has_the_same_answer),
        cmocka_unit_test(a_name_outside_of_the_rule_is_refused),
        cmocka_unit_test(a_stream_without_members_or_shards_is_refused),
        cmocka_unit_test(retention_and_record_sizes_have_a_range),
        cmocka_unit_test(all_streams_together_have_a_maximum_of_bytes),
        cmocka_unit_test(all_shards_together_have_a_maximum),
        cmocka_unit_test(a_stream_goes_from_creating_to_active_to_gone),
        cmocka_unit_test(ids_and_groups_are_never_given_out_twice),
        cmocka_unit_test(streams_are_listed_by_name_and_shards_by_group),
    };

    return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}

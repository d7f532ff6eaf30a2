#include "given.h"

#include "base/limits.h"
#include "catalog/change_consumers.h"
#include "catalog/model_image.h"

static struct model *given_raised(void)
{
    static const uint64_t nodes[] = { 1, 2, 3 };
    static const uint32_t knows[] = { 3, 3, 3 };
    const struct change_raise raise = {
        .version = VERSION_CONSUMERS, .nodes = nodes, .knows = knows, .node_count = 3
    };
    struct model *model = given_cluster();

    assert_int_equal(apply(model, change_raise_version(stamp, &raise)), ERR_OK);
    return model;
}

static struct buf *registering(const struct model_stream *stream, const char *name, uint64_t token)
{
    struct change_stamp stamped = stamp;

    stamped.token = token;
    return change_register_consumer(stamped, stream->id, name, NULL, 0, STREAM_CONSUMERS_MAX);
}

static const struct model_consumer *given_consumer(struct model *model,
                                                   const struct model_stream *stream,
                                                   const char *name)
{
    assert_int_equal(apply(model, registering(stream, name, 0)), ERR_OK);
    return model_consumer_by_name(stream, slice_text(name));
}

static void a_consumer_has_an_id_a_time_and_a_place_by_name(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);

    given_consumer(model, stream, "b");
    const struct model_consumer *first = given_consumer(model, stream, "a");
    assert_int_equal(stream->consumer_count, 2);
    assert_ptr_equal(first, &stream->consumers[0]);
    assert_int_equal(first->id, model_index(model));
    assert_int_equal(first->created_ms, NOW_MS);
    assert_ptr_equal(model_consumer_by_id(stream, first->id), first);
    assert_null(model_consumer_by_name(stream, slice_text("c")));
    model_free(model);
}

/* As it was written before a change said how many there may be. */
static void a_change_of_old_allows_twenty(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);
    char name[] = "a";

    for (uint32_t i = 0; i < 21; i++, name[0]++) {
        struct buf *change = change_register_consumer(stamp, stream->id, name, NULL, 0, 0);
        assert_int_equal(apply(model, change), i < 20 ? ERR_OK : ERR_BUSY);
    }
    model_free(model);
}

static void a_name_is_registered_once(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);

    assert_int_equal(apply(model, registering(stream, "a", 7)), ERR_OK);
    assert_int_equal(apply(model, registering(stream, "a", 7)), ERR_OK); /* the same request */
    assert_int_equal(apply(model, registering(stream, "a", 8)), ERR_EXISTS);
    assert_int_equal(apply(model, registering(stream, "a", 0)), ERR_EXISTS);
    assert_int_equal(stream->consumer_count, 1);
    model_free(model);
}

static void only_an_active_stream_takes_consumers(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_stream(model, "clicks", 1);
    struct model_stream gone = { .id = 99 };

    assert_int_equal(apply(model, registering(stream, "a", 0)), ERR_CLOSED);
    assert_int_equal(apply(model, registering(&gone, "a", 0)), ERR_NOT_FOUND);
    assert_int_equal(apply(model, change_activate_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, registering(stream, "", 0)), ERR_INVALID);
    assert_int_equal(apply(model, registering(stream, "a b", 0)), ERR_INVALID);
    assert_int_equal(apply(model, change_delete_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, registering(stream, "a", 0)), ERR_CLOSED);
    model_free(model);
}

static void a_stream_has_a_maximum_of_consumers(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);
    char name[16];

    for (uint32_t i = 0; i < STREAM_CONSUMERS_MAX; i++) {
        snprintf(name, sizeof(name), "c-%u", i);
        given_consumer(model, stream, name);
    }
    assert_int_equal(apply(model, registering(stream, "more", 0)), ERR_BUSY);
    assert_int_equal(
        apply(model, change_deregister_consumer(stamp, stream->id, stream->consumers[3].id)),
        ERR_OK);
    assert_int_equal(apply(model, registering(stream, "more", 0)), ERR_OK);
    model_free(model);
}

static void a_stream_takes_no_more_consumers_than_the_change_allows(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);

    given_consumer(model, stream, "a");
    given_consumer(model, stream, "b");
    assert_int_equal(
        apply(model, change_register_consumer(stamp, stream->id, "c", NULL, 0, 2)), ERR_BUSY);
    assert_int_equal(
        apply(model, change_register_consumer(stamp, stream->id, "c", NULL, 0, 3)), ERR_OK);
    model_free(model);
}

static void no_two_of_a_name_are_created_in_one_second(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);
    uint64_t id = given_consumer(model, stream, "a")->id;

    assert_int_equal(apply(model, change_deregister_consumer(stamp, stream->id, id)), ERR_OK);
    assert_int_equal(apply(model, change_deregister_consumer(stamp, stream->id, id)),
                     ERR_NOT_FOUND);
    const struct model_consumer *again = given_consumer(model, stream, "a");
    assert_int_not_equal(again->id, id);
    assert_int_equal(again->created_ms / 1000, NOW_MS / 1000 + 1);
    model_free(model);
}

static void a_stream_with_consumers_is_deleted_only_when_that_is_meant(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);

    given_consumer(model, stream, "a");
    assert_int_equal(apply(model, change_delete_unconsumed(stamp, stream->id)), ERR_BUSY);
    assert_int_equal(stream->status, STREAM_ACTIVE);
    assert_int_equal(apply(model, change_delete_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, change_forget_stream(stamp, stream->id)), ERR_OK);

    stream = given_active(model, "clicks", 1);
    assert_int_equal(stream->consumer_count, 0);
    assert_int_equal(apply(model, change_delete_unconsumed(stamp, stream->id)), ERR_OK);
    model_free(model);
}

static char stage[] = "stage", live[] = "live", team[] = "team", nothing[] = "";
static const struct model_tag two_tags[] = { { .key = stage, .value = live },
                                             { .key = team, .value = nothing } };

static void tags_and_a_policy_are_set_of_what_was_seen(void **state)
{
    struct model *model = given_raised(), *copy = NULL;
    const struct model_stream *stream = given_active(model, "clicks", 1);
    struct reason reason = { .text = "" };

    assert_int_equal(apply(model, change_register_consumer(stamp, stream->id, "a", two_tags, 1,
                                                           STREAM_CONSUMERS_MAX)),
                     ERR_OK);
    uint32_t bytes = model->stream_bytes;
    struct change_consumer wanted = change_consumer_of(stream, &stream->consumers[0]);
    assert_int_equal(wanted.tag_count, 1);
    wanted.tags = two_tags;
    wanted.tag_count = 2;
    wanted.policy = "{\"a\":1}";
    assert_int_equal(apply(model, change_set_consumer(stamp, &wanted)), ERR_OK);
    assert_int_equal(apply(model, change_set_consumer(stamp, &wanted)), ERR_EXPIRED);
    const struct model_consumer *consumer = &stream->consumers[0];
    assert_int_equal(consumer->tag_count, 2);
    assert_string_equal(consumer->tags[1].key, "team");
    assert_string_equal(consumer->policy, wanted.policy);
    assert_true(model->stream_bytes > bytes);

    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    const struct model_consumer *same = &model_stream_by_id(copy, stream->id)->consumers[0];
    assert_int_equal(same->revision, 1);
    assert_string_equal(same->tags[0].value, "live");
    assert_string_equal(same->policy, wanted.policy);
    assert_int_equal(copy->stream_bytes, model->stream_bytes);
    buf_unref(image);
    model_free(copy);

    wanted = change_consumer_of(stream, consumer);
    wanted.policy = NULL;
    wanted.tag_count = 0;
    assert_int_equal(apply(model, change_set_consumer(stamp, &wanted)), ERR_OK);
    assert_null(stream->consumers[0].policy);
    assert_int_equal(stream->consumers[0].tag_count, 0);
    assert_int_equal(
        apply(model, change_deregister_consumer(stamp, stream->id, stream->consumers[0].id)),
        ERR_OK);
    assert_int_equal(apply(model, change_set_consumer(stamp, &wanted)), ERR_NOT_FOUND);
    model_free(model);
}

static void what_is_out_of_range_is_not_set(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "clicks", 1);
    struct model_tag many[STREAM_TAGS_MAX + 1];
    char policy[POLICY_BYTES_MAX + 2];

    for (uint32_t i = 0; i <= STREAM_TAGS_MAX; i++)
        many[i] = two_tags[0];
    memset(policy, 'x', sizeof(policy));
    policy[sizeof(policy) - 1] = 0;
    assert_int_equal(apply(model, change_register_consumer(stamp, stream->id, "a", many,
                                                           STREAM_TAGS_MAX + 1,
                                                           STREAM_CONSUMERS_MAX)), ERR_INVALID);
    given_consumer(model, stream, "a");
    struct change_consumer wanted = change_consumer_of(stream, &stream->consumers[0]);
    wanted.policy = policy;
    assert_int_equal(apply(model, change_set_consumer(stamp, &wanted)), ERR_INVALID);
    policy[POLICY_BYTES_MAX] = 0;
    assert_int_equal(apply(model, change_set_consumer(stamp, &wanted)), ERR_OK);
    wanted = change_consumer_of(stream, &stream->consumers[0]);
    assert_int_equal(apply(model, change_delete_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, change_set_consumer(stamp, &wanted)), ERR_CLOSED);
    assert_int_equal(apply(model, change_forget_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(model->stream_bytes, 0);
    model_free(model);
}

static void the_image_has_the_consumers(void **state)
{
    struct model *model = given_raised(), *copy = NULL;
    const struct model_stream *stream = given_active(model, "clicks", 1), *same;
    struct reason reason = { .text = "" };
    uint64_t id = given_consumer(model, stream, "gone")->id;

    assert_int_equal(apply(model, registering(stream, "b", 5)), ERR_OK);
    given_consumer(model, stream, "a");
    assert_int_equal(apply(model, change_deregister_consumer(stamp, stream->id, id)), ERR_OK);
    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    same = model_stream_by_id(copy, stream->id);
    assert_int_equal(same->consumer_count, 2);
    assert_int_equal(same->consumer_floor_s, NOW_MS / 1000);
    assert_string_equal(same->consumers[0].name, "a");
    assert_int_equal(same->consumers[1].token, 5);
    assert_int_equal(same->consumers[1].id, stream->consumers[1].id);
    assert_int_equal(same->consumers[1].created_ms, stream->consumers[1].created_ms);
    struct buf *again = model_image_pack(copy);
    assert_true(slice_equal(buf_slice(image), buf_slice(again)));
    /* what was counted for the maximum of bytes is what a stream that is gone gives back */
    assert_int_equal(apply(model, change_delete_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, change_forget_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(model->stream_bytes, 0);
    buf_unref(image);
    buf_unref(again);
    model_free(copy);
    model_free(model);
}

static void before_their_version_there_are_none(void **state)
{
    struct model *model = given_cluster();
    const struct model_stream *stream = given_active(model, "clicks", 1);
    struct reason reason = { .text = "" };
    struct buf *change = registering(stream, "a", 0), *placed = NULL;

    assert_int_equal(change_place(buf_slice(change), model, NULL, NULL, &placed, &reason),
                     ERR_VERSION);
    assert_non_null(strstr(reason.text, "needs cluster version 3"));
    assert_int_equal(apply(model, change), ERR_VERSION);
    change = change_delete_unconsumed(stamp, stream->id);
    assert_int_equal(change_place(buf_slice(change), model, NULL, NULL, &placed, &reason),
                     ERR_VERSION);
    assert_int_equal(apply(model, change), ERR_OK); /* as an older build takes it */
    assert_int_equal(stream->status, STREAM_DELETING);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_consumer_has_an_id_a_time_and_a_place_by_name),
        cmocka_unit_test(a_change_of_old_allows_twenty),
        cmocka_unit_test(a_name_is_registered_once),
        cmocka_unit_test(only_an_active_stream_takes_consumers),
        cmocka_unit_test(a_stream_has_a_maximum_of_consumers),
        cmocka_unit_test(a_stream_takes_no_more_consumers_than_the_change_allows),
        cmocka_unit_test(no_two_of_a_name_are_created_in_one_second),
        cmocka_unit_test(a_stream_with_consumers_is_deleted_only_when_that_is_meant),
        cmocka_unit_test(tags_and_a_policy_are_set_of_what_was_seen),
        cmocka_unit_test(what_is_out_of_range_is_not_set),
        cmocka_unit_test(the_image_has_the_consumers),
        cmocka_unit_test(before_their_version_there_are_none),
    };

    return cmocka_run_group_tests_name("consumers", tests, NULL, NULL);
}

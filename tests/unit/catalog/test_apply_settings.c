#include "given.h"

#include "base/limits.h"
#include "catalog/change_account.h"
#include "catalog/change_settings.h"
#include "catalog/model_image.h"

static const uint64_t all[] = { 1, 2, 3 };
static const uint32_t new_ones[] = { VERSION_KNOWN, VERSION_KNOWN, VERSION_KNOWN };

static struct model *given_raised(void)
{
    struct model *model = given_cluster();
    struct change_raise raise = {
        .version = VERSION_SETTINGS, .nodes = all, .knows = new_ones, .node_count = 3
    };

    assert_int_equal(apply(model, change_raise_version(stamp, &raise)), ERR_OK);
    return model;
}

/* As a client would set about everything. */
static struct change_settings wanted_of(const struct model_stream *stream)
{
    static char key[] = "alias/river", policy[] = "{}";
    static char name[] = "team", value[] = "\xc3\xa9stuary";
    static const struct model_tag tags[] = { { .key = name, .value = value } };
    struct change_settings wanted = change_settings_of(stream);

    wanted.retention_hours = 48;
    wanted.record_kib_max = 2048;
    wanted.mode = STREAM_ON_DEMAND;
    wanted.tags = tags;
    wanted.tag_count = 1;
    wanted.settings.monitoring = 1u << METRIC_OUT_BYTES;
    wanted.settings.key_id = key;
    wanted.settings.warm_mibps = 7;
    wanted.settings.spreads = true;
    wanted.settings.policy = policy;
    wanted.settings.limits[LIMIT_PUT_RECORDS] = 7;
    wanted.settings.limits[LIMIT_READ_CALLS] = LIMIT_UNLIMITED;
    wanted.settings.switched = (struct model_times){ .ms = { NOW_MS }, .count = 1 };
    wanted.settings.encrypted = (struct model_times){ .ms = { NOW_MS - 1, NOW_MS }, .count = 2 };
    return wanted;
}

static void is_as_wanted(const struct model_stream *stream)
{
    const struct model_settings *settings = model_settings(stream);

    assert_int_equal(stream->retention_hours, 48);
    assert_int_equal(stream->record_kib_max, 2048);
    assert_int_equal(stream->mode, STREAM_ON_DEMAND);
    assert_int_equal(stream->tag_count, 1);
    assert_string_equal(stream->tags[0].key, "team");
    assert_string_equal(stream->tags[0].value, "\xc3\xa9stuary");
    assert_int_equal(settings->revision, 1);
    assert_int_equal(settings->monitoring, 1u << METRIC_OUT_BYTES);
    assert_string_equal(settings->key_id, "alias/river");
    assert_int_equal(settings->warm_mibps, 7);
    assert_true(settings->spreads);
    assert_string_equal(settings->policy, "{}");
    assert_int_equal(settings->limits[LIMIT_PUT_BYTES], 0);
    assert_int_equal(settings->limits[LIMIT_PUT_RECORDS], 7);
    assert_int_equal(settings->limits[LIMIT_READ_CALLS], LIMIT_UNLIMITED);
    assert_int_equal(settings->switched.count, 1);
    assert_true(settings->encrypted.ms[1] == NOW_MS);
    assert_int_equal(settings->encrypted.count, 2);
    assert_int_equal(settings->decrypted.count, 0);
}

static void all_that_is_set_is_in_the_model_and_in_its_image(void **state)
{
    struct model *model = given_raised(), *copy = NULL;
    const struct model_stream *stream = given_active(model, "river", 2);
    struct change_settings wanted = wanted_of(stream);
    struct reason reason = { .text = "" };

    assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_OK);
    is_as_wanted(stream);
    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    is_as_wanted(model_stream_by_name(copy, slice_text("river")));
    assert_int_equal(copy->stream_bytes, model->stream_bytes);
    struct buf *again = model_image_pack(copy);
    assert_true(slice_equal(buf_slice(image), buf_slice(again)));
    buf_unref(image);
    buf_unref(again);
    model_free(copy);
    model_free(model);
}

static void what_was_made_from_older_settings_is_refused(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "river", 1);
    struct change_settings first = wanted_of(stream), second = change_settings_of(stream);

    second.retention_hours = 72;
    assert_int_equal(apply(model, change_set_stream(stamp, &first)), ERR_OK);
    assert_int_equal(apply(model, change_set_stream(stamp, &second)), ERR_EXPIRED);
    is_as_wanted(stream);
    second = change_settings_of(stream);
    second.retention_hours = 72;
    assert_int_equal(apply(model, change_set_stream(stamp, &second)), ERR_OK);
    assert_int_equal(stream->retention_hours, 72);
    assert_int_equal(stream->tag_count, 1);
    assert_int_equal(model_settings(stream)->revision, 2);
    model_free(model);
}

static void only_an_active_stream_is_set(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_stream(model, "river", 1);
    struct change_settings wanted = change_settings_of(stream);

    assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_CLOSED);
    assert_int_equal(apply(model, change_activate_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, change_delete_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_CLOSED);
    wanted.stream = 99;
    assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_NOT_FOUND);
    model_free(model);
}

static void what_is_out_of_range_is_refused(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "river", 1);
    char *policy = test_malloc(POLICY_BYTES_MAX + 2);
    struct change_settings wanted;

    for (int what = 0; what < 8; what++) {
        wanted = change_settings_of(stream);
        memset(policy, 'x', POLICY_BYTES_MAX + 1);
        policy[POLICY_BYTES_MAX + 1] = 0;
        if (what == 0)
            wanted.retention_hours = 0;
        if (what == 1)
            wanted.retention_hours = RETENTION_HOURS_MAX + 1;
        if (what == 2)
            wanted.record_kib_max = RECORD_KIB_MAX + 1;
        if (what == 3)
            wanted.mode = (enum stream_mode)3;
        if (what == 4)
            wanted.settings.monitoring = 1u << METRIC_COUNT;
        if (what == 5)
            wanted.settings.policy = policy;
        if (what == 6)
            wanted.settings.warm_mibps = UINT32_MAX;
        if (what == 7)
            wanted.settings.limits[LIMIT_SUBSCRIBE_CALLS] = 1001;
        assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_INVALID);
    }
    assert_null(stream->settings);
    test_free(policy);
    model_free(model);
}

static void a_full_catalogue_takes_no_more_but_lets_things_be_taken_away(void **state)
{
    struct model *model = given_raised();
    const struct model_stream *stream = given_active(model, "river", 1);
    struct change_settings wanted = wanted_of(stream);

    assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_OK);
    uint32_t bytes = model->stream_bytes;
    model->stream_bytes = CATALOG_BYTES_MAX;
    wanted = change_settings_of(stream);
    static char longer[] = "{\"Version\": \"2012-10-17\"}";
    wanted.settings.policy = longer;
    assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_BUSY);
    wanted.settings.policy = NULL;
    assert_int_equal(apply(model, change_set_stream(stamp, &wanted)), ERR_OK);
    assert_int_equal(model->stream_bytes, CATALOG_BYTES_MAX - 2);
    model->stream_bytes = bytes - 2;
    assert_int_equal(apply(model, change_delete_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(apply(model, change_forget_stream(stamp, stream->id)), ERR_OK);
    assert_int_equal(model->stream_bytes, 0);
    model_free(model);
}

static void below_its_version_nothing_is_set(void **state)
{
    struct model *model = given_cluster();
    const struct model_stream *stream = given_active(model, "river", 1);
    struct change_settings wanted = wanted_of(stream);
    struct reason reason = { .text = "" };
    struct buf *placed = NULL, *change = change_set_stream(stamp, &wanted);

    assert_int_equal(change_place(buf_slice(change), model, NULL, NULL, &placed, &reason),
                     ERR_VERSION);
    assert_non_null(strstr(reason.text, "needs cluster version 3, and the cluster is at 1"));
    assert_int_equal(apply(model, change), ERR_VERSION);
    assert_int_equal(stream->retention_hours, 24);
    assert_null(stream->settings);
    model_free(model);
}

static void the_accounts_commitment_is_set_from_what_was_seen(void **state)
{
    struct model *model = given_raised(), *copy = NULL;
    struct model_commitment wanted = { .started_ms = NOW_MS };
    struct reason reason = { .text = "" };

    assert_int_equal(apply(model, change_set_account(stamp, &wanted)), ERR_OK);
    assert_int_equal(apply(model, change_set_account(stamp, &wanted)), ERR_EXPIRED);
    wanted = *model_commitment(model);
    wanted.ended_ms = NOW_MS + 1;
    assert_int_equal(apply(model, change_set_account(stamp, &wanted)), ERR_OK);
    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    assert_true(model_commitment(copy)->revision == 2);
    assert_true(model_commitment(copy)->started_ms == NOW_MS);
    assert_true(model_commitment(copy)->ended_ms == NOW_MS + 1);
    buf_unref(image);
    model_free(copy);
    model_free(model);

    model = given_cluster();
    assert_int_equal(apply(model, change_set_account(stamp, &wanted)), ERR_VERSION);
    model_free(model);
}

static void a_stream_is_created_with_settings_from_their_version_on(void **state)
{
    struct model *model = given_cluster();
    struct change_stream wanted = { .name = slice_text("river"),
                                    .mode = STREAM_ON_DEMAND,
                                    .shard_count = 1,
                                    .retention_hours = 24,
                                    .record_kib_max = 1024,
                                    .warm_mibps = 8,
                                    .spreads = true };

    assert_int_equal(apply_placed(model, change_create_stream(stamp, &wanted)), ERR_VERSION);
    model_free(model);
    model = given_raised();
    assert_int_equal(apply_placed(model, change_create_stream(stamp, &wanted)), ERR_OK);
    const struct model_stream *stream = model_stream_by_name(model, slice_text("river"));
    assert_int_equal(model_settings(stream)->warm_mibps, 8);
    assert_true(model_settings(stream)->spreads);
    model_free(model);
}

static void balancing_is_paused_since_the_first_time_until_it_goes_on(void **state)
{
    struct model *model = given_cluster(), *copy = NULL;
    struct change_raise raise = {
        .version = VERSION_BALANCING, .nodes = all, .knows = new_ones, .node_count = 3
    };
    struct change_stamp later = stamp;
    struct reason reason = { .text = "" };

    assert_int_equal(apply(model, change_set_balancing(stamp, true)), ERR_VERSION);
    assert_true(model_balancing_paused_ms(model) == 0);
    assert_int_equal(apply(model, change_raise_version(stamp, &raise)), ERR_OK);
    assert_int_equal(apply(model, change_set_balancing(stamp, true)), ERR_OK);
    later.proposed_ms += 1000;
    assert_int_equal(apply(model, change_set_balancing(later, true)), ERR_OK);
    assert_true(model_balancing_paused_ms(model) == stamp.proposed_ms);

    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    assert_true(model_balancing_paused_ms(copy) == stamp.proposed_ms);
    buf_unref(image);
    model_free(copy);

    assert_int_equal(apply(model, change_set_balancing(later, false)), ERR_OK);
    assert_true(model_balancing_paused_ms(model) == 0);
    model_free(model);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_set_is_in_the_model_and_in_its_image),
        cmocka_unit_test(what_was_made_from_older_settings_is_refused),
        cmocka_unit_test(only_an_active_stream_is_set),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(a_full_catalogue_takes_no_more_but_lets_things_be_taken_away),
        cmocka_unit_test(below_its_version_nothing_is_set),
        cmocka_unit_test(the_accounts_commitment_is_set_from_what_was_seen),
        cmocka_unit_test(a_stream_is_created_with_settings_from_their_version_on),
        cmocka_unit_test(balancing_is_paused_since_the_first_time_until_it_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

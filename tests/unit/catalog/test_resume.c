#include "given.h"

#include "catalog/model_image.h"
#include "catalog/resume.h"

static const struct resume by_two = { .token = 77, .survivor = 2, .epoch = 1, .voters = 3 };

static void resumed(struct model *model)
{
    struct reason reason = { .text = "" };

    assert_int_equal(resume_model(model, &by_two, &reason), ERR_OK);
}

/* Streams "river" (group 2) and "brook" (groups 3 and 4). */
static struct model *given(void)
{
    struct model *model = given_cluster();

    given_active(model, "river", 1);
    given_active(model, "brook", 2);
    return model;
}

static void all_that_was_given_out_jumps(void **state)
{
    struct model *model = given();
    uint64_t before = model->index, term = model->term;

    resumed(model);
    assert_int_equal(model->index, MODEL_RESCUE_INDEX);
    assert_true(model->term > term);
    assert_int_equal(model->next_group, MODEL_RESCUE_INDEX);
    assert_int_equal(model->next_stream, MODEL_RESCUE_INDEX);
    assert_int_equal(model_catalog(model)->epoch, MODEL_RESCUE_EPOCHS);
    assert_int_equal(model_catalog(model)->member_count, 1);
    assert_int_equal(model_catalog(model)->members[0], 2);
    assert_int_equal(model_voters(model), 3);
    assert_int_equal(model_resume_at(model, 0)->index, before);
    assert_int_equal(model_token(model), 77);
    model_free(model);
}

static void groups_that_nobody_knows_are_told_from_deleted_ones(void **state)
{
    struct model *model = given();

    assert_false(model_group_lost(model, 5));
    resumed(model);
    assert_false(model_group_lost(model, 4));
    assert_true(model_group_lost(model, 5));
    assert_true(model_group_lost(model, MODEL_RESCUE_INDEX - 1));
    assert_false(model_group_lost(model, MODEL_RESCUE_INDEX));
    given_active(model, "new", 1);
    assert_non_null(model_shard_by_group(model, MODEL_RESCUE_INDEX, NULL));
    model_free(model);
}

static void shards_go_to_epochs_that_nobody_wanted_and_stay_in_their_history(void **state)
{
    struct model *model = given();
    uint32_t before = 1;

    for (uint32_t i = 0; i < CATALOG_RESCUES_MAX; i++) {
        resumed(model);
        uint32_t epoch = model_shard_by_group(model, 2, NULL)->epoch;
        assert_true(epoch > before + 1000);
        assert_true(model_same_history(epoch, 1));
        before = epoch;
    }
    struct reason reason = { .text = "" };
    assert_int_equal(resume_model(model, &by_two, &reason), ERR_BUSY);
    model_free(model);
}

static void a_shard_rescued_later_has_a_history_that_the_lost_members_did_not_use(void **state)
{
    struct model *model = given();
    uint32_t unheard = model_rescue_epoch(model, 1);

    resumed(model);
    for (uint32_t i = 0; i < RESCUES_MAX; i++) {
        assert_false(model_same_history(model_rescue_epoch(model, 1), unheard));
        unheard += MODEL_RESCUE_EPOCHS;
    }
    model_free(model);
}

static void what_was_being_created_counts_as_there(void **state)
{
    struct model *model = given_cluster();
    struct change_stream wanted = { .name = slice_text("young"),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count = 1,
                                    .retention_hours = 24,
                                    .record_kib_max = 1024 };

    assert_int_equal(apply_placed(model, change_create_stream(stamp, &wanted)), ERR_OK);
    resumed(model);
    assert_int_equal(model_stream_by_name(model, slice_text("young"))->status, STREAM_ACTIVE);
    model_free(model);
}

static void the_image_has_it_all(void **state)
{
    struct model *model = given(), *read = NULL;
    struct reason reason = { .text = "" };

    resumed(model);
    resumed(model);
    AUTO_UNREF struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &read, &reason), ERR_OK);
    AUTO_UNREF struct buf *again = model_image_pack(read);
    assert_true(slice_equal(buf_slice(image), buf_slice(again)));
    assert_int_equal(model_resume_count(read), 2);
    assert_true(model_group_lost(read, 5));
    model_free(read);
    model_free(model);
}

static void an_image_with_impossible_rescues_is_refused(void **state)
{
    struct model *model = given(), *read = NULL;
    struct reason reason = { .text = "" };

    resumed(model);
    model->resumes[0].group_end = model->next_group + 1;
    AUTO_UNREF struct buf *beyond = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(beyond), &read, &reason), ERR_CORRUPT);
    model->resumes[0].group_end = model->next_group;
    model->resumes[0].token = 0;
    AUTO_UNREF struct buf *unnamed = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(unnamed), &read, &reason), ERR_CORRUPT);
    model_free(model);
}

static void who_may_not_go_so_far_is_refused_before(void **state)
{
    struct model *model = given();
    struct reason reason = { .text = "" };
    uint64_t index = model->index;

    model->knows = 1;
    assert_int_equal(resume_model(model, &by_two, &reason), ERR_VERSION);
    assert_non_null(strstr(reason.text, "take cluster-version-max out of its configuration"));
    assert_int_equal(model->index, index);
    assert_int_equal(model_version(model), 1);
    model->knows = 2;
    assert_int_equal(resume_model(model, &by_two, &reason), ERR_OK);
    model_free(model);
}

static void an_index_of_a_history_that_ended_is_no_other(void **state)
{
    struct model *model = given();
    uint64_t last = model->index;

    assert_int_equal(resume_fate(model, last), FATE_THERE);
    assert_int_equal(resume_fate(model, last + 1), FATE_AHEAD);
    assert_int_equal(resume_fate(model, MODEL_RESCUE_INDEX + 1), FATE_AHEAD);
    resumed(model);
    assert_int_equal(resume_fate(model, last + 1), FATE_LOST);
    assert_int_equal(resume_fate(model, last), FATE_UNKNOWN);
    assert_int_equal(resume_fate(model, MODEL_RESCUE_INDEX), FATE_THERE);
    assert_int_equal(resume_fate(model, MODEL_RESCUE_INDEX + 1), FATE_AHEAD);
    resumed(model);
    assert_int_equal(resume_fate(model, MODEL_RESCUE_INDEX + 1), FATE_LOST);
    assert_int_equal(resume_fate(model, last + 1), FATE_LOST);
    model_free(model);
}

/* A term counts more than an index, as in the look. */
static void what_the_survivor_lacked_is_told_by_term_and_index(void **state)
{
    struct model *model = given();
    uint64_t last = model->index, term = model->term;

    assert_false(resume_lacks(model, last + 1, term));
    resumed(model);
    assert_false(resume_lacks(model, last, term));
    assert_true(resume_lacks(model, last + 1, term));
    assert_true(resume_lacks(model, last - 1, term + 1));
    assert_false(resume_lacks(model, last + 1, term - 1)); /* nobody has committed it */
    assert_false(resume_lacks(model, MODEL_RESCUE_INDEX + 9, term + 9));
    model_free(model);
}

static void an_empty_copy_is_none(void **state)
{
    struct model *model = model_new();
    struct reason reason = { .text = "" };

    assert_int_equal(resume_model(model, &by_two, &reason), ERR_INVALID);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_given_out_jumps),
        cmocka_unit_test(groups_that_nobody_knows_are_told_from_deleted_ones),
        cmocka_unit_test(shards_go_to_epochs_that_nobody_wanted_and_stay_in_their_history),
        cmocka_unit_test(a_shard_rescued_later_has_a_history_that_the_lost_members_did_not_use),
        cmocka_unit_test(what_was_being_created_counts_as_there),
        cmocka_unit_test(the_image_has_it_all),
        cmocka_unit_test(an_image_with_impossible_rescues_is_refused),
        cmocka_unit_test(who_may_not_go_so_far_is_refused_before),
        cmocka_unit_test(an_index_of_a_history_that_ended_is_no_other),
        cmocka_unit_test(what_the_survivor_lacked_is_told_by_term_and_index),
        cmocka_unit_test(an_empty_copy_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

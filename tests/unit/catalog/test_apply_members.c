#include "given.h"

#include "catalog/model_image.h"
#include "catalog/row.h"

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

static struct change_members row_of(uint64_t group, uint32_t epoch, uint32_t count, uint64_t a,
                                    uint64_t b, uint64_t c)
{
    return (struct change_members){
        .group = group, .epoch = epoch, .member_count = count, .members = { a, b, c }
    };
}

static enum err set_one(struct model *model, struct change_members row)
{
    return apply(model, change_set_members(stamp, &row, 1));
}

/* The reason of a batch of one that is refused. */
static const char *why(struct model *model, struct change_members row)
{
    static struct reason reason;
    struct buf *change = change_set_members(stamp, &row, 1);

    reason.text[0] = 0;
    assert_int_equal(apply_change(model, model->index + 1, 2, buf_slice(change), &reason),
                     ERR_CLOSED);
    buf_unref(change);
    return reason.text;
}

static void expect_row(const struct model *model, uint64_t group, uint32_t epoch, uint64_t a,
                       uint64_t b, uint64_t c)
{
    const struct model_shard *shard = model_shard_by_group(model, group, NULL);

    assert_int_equal(shard->epoch, epoch);
    assert_int_equal(shard->member_count, 3);
    assert_int_equal(shard->members[0], a);
    assert_int_equal(shard->members[1], b);
    assert_int_equal(shard->members[2], c);
}

static void a_row_that_holds_sets_epoch_and_members(void **state)
{
    struct model *model = given();

    assert_int_equal(set_one(model, row_of(2, 2, 3, 1, 4, 3)), ERR_OK);
    expect_row(model, 2, 2, 1, 4, 3);
    expect_row(model, 3, 1, 1, 2, 3);
    assert_int_equal(set_one(model, row_of(2, 3, 3, 1, 4, 5)), ERR_OK);
    expect_row(model, 2, 3, 1, 4, 5);
    model_free(model);
}

static void each_row_of_a_batch_is_judged_alone(void **state)
{
    struct model *model = given();
    struct change_members rows[] = { row_of(9, 2, 3, 1, 4, 3), row_of(3, 2, 3, 1, 4, 3),
                                     row_of(2, 7, 3, 1, 4, 3) };

    assert_int_equal(apply(model, change_set_members(stamp, rows, 3)), ERR_OK);
    expect_row(model, 2, 1, 1, 2, 3);
    expect_row(model, 3, 2, 1, 4, 3);
    model_free(model);
}

static void a_batch_of_which_no_row_holds_says_why_the_first_does_not(void **state)
{
    struct model *model = given();
    struct change_members rows[] = { row_of(9, 2, 3, 1, 4, 3), row_of(2, 7, 3, 1, 4, 3) };
    struct reason reason = { .text = "" };
    struct buf *change = change_set_members(stamp, rows, 2);

    assert_int_equal(apply_change(model, model->index + 1, 2, buf_slice(change), &reason),
                     ERR_CLOSED);
    assert_string_equal(reason.text, "group 9: no shard has it");
    buf_unref(change);
    model_free(model);
}

static void the_same_batch_again_changes_nothing(void **state)
{
    struct model *model = given();

    assert_int_equal(set_one(model, row_of(2, 2, 3, 1, 4, 3)), ERR_OK);
    assert_non_null(strstr(why(model, row_of(2, 2, 3, 1, 4, 3)), "does not follow"));
    expect_row(model, 2, 2, 1, 4, 3);
    model_free(model);
}

static void a_batch_has_at_least_one_row_and_no_more_than_the_maximum(void **state)
{
    struct model *model = given();
    struct change_members rows[CATALOG_MEMBERS_ROWS_MAX];

    assert_int_equal(apply(model, change_set_members(stamp, NULL, 0)), ERR_INVALID);
    for (uint32_t i = 0; i < CATALOG_MEMBERS_ROWS_MAX; i++)
        rows[i] = row_of(2, i + 2, 3, 1, i % 2 == 0 ? 4 : 2, 3);
    assert_int_equal(apply(model, change_set_members(stamp, rows, CATALOG_MEMBERS_ROWS_MAX)),
                     ERR_OK);
    expect_row(model, 2, CATALOG_MEMBERS_ROWS_MAX + 1, 1, 2, 3);
    model_free(model);
}

/* As a peer might send it: the builder makes no such change. */
static void a_batch_above_the_maximum_is_refused_whole(void **state)
{
    struct model *model = given();
    Braid__Catalog__Change change = BRAID__CATALOG__CHANGE__INIT;
    Braid__Catalog__SetMembers set = BRAID__CATALOG__SET_MEMBERS__INIT;
    Braid__Catalog__Members row = BRAID__CATALOG__MEMBERS__INIT;
    Braid__Catalog__Members *rows[CATALOG_MEMBERS_ROWS_MAX + 1];
    uint64_t members[] = { 1, 4, 3 };

    row.group = 2;
    row.epoch = 2;
    row.members = members;
    row.n_members = 3;
    for (uint32_t i = 0; i <= CATALOG_MEMBERS_ROWS_MAX; i++)
        rows[i] = &row;
    set.rows = rows;
    set.n_rows = CATALOG_MEMBERS_ROWS_MAX + 1;
    change.of_case = BRAID__CATALOG__CHANGE__OF_SET_MEMBERS;
    change.set_members = &set;
    assert_int_equal(apply(model, row_pack(&change.base)), ERR_INVALID);
    expect_row(model, 2, 1, 1, 2, 3);
    model_free(model);
}

static void more_members_than_a_group_has_are_refused(void **state)
{
    struct model *model = given();
    Braid__Catalog__Change change = BRAID__CATALOG__CHANGE__INIT;
    Braid__Catalog__SetMembers set = BRAID__CATALOG__SET_MEMBERS__INIT;
    Braid__Catalog__Members row = BRAID__CATALOG__MEMBERS__INIT;
    Braid__Catalog__Members *rows[] = { &row };
    uint64_t members[GROUP_MEMBERS_MAX + 1] = { 1, 2, 3, 4, 5, 6 };

    assert_int_equal(add_node(model, 6, "c"), ERR_OK);
    row.group = 2;
    row.epoch = 2;
    row.members = members;
    row.n_members = GROUP_MEMBERS_MAX + 1;
    set.rows = rows;
    set.n_rows = 1;
    change.of_case = BRAID__CATALOG__CHANGE__OF_SET_MEMBERS;
    change.set_members = &set;
    assert_int_equal(apply(model, row_pack(&change.base)), ERR_CLOSED);
    expect_row(model, 2, 1, 1, 2, 3);
    model_free(model);
}

static void members_of_a_stream_that_is_being_deleted_do_not_change(void **state)
{
    struct model *model = given();

    assert_int_equal(apply(model, change_delete_stream(stamp, 1)), ERR_OK);
    assert_non_null(strstr(why(model, row_of(2, 2, 3, 1, 4, 3)), "is being deleted"));
    expect_row(model, 2, 1, 1, 2, 3);
    model_free(model);
}

static void only_the_next_epoch_follows(void **state)
{
    struct model *model = given();

    assert_non_null(strstr(why(model, row_of(2, 1, 3, 1, 4, 3)), "does not follow"));
    assert_non_null(strstr(why(model, row_of(2, 3, 3, 1, 4, 3)), "does not follow"));
    model_shard_change(model, 2)->epoch = UINT32_MAX;
    assert_non_null(strstr(why(model, row_of(2, 0, 3, 1, 4, 3)), "does not follow"));
    model_free(model);
}

static void members_are_different_nodes_of_the_cluster(void **state)
{
    struct model *model = given();

    assert_non_null(strstr(why(model, row_of(2, 2, 3, 1, 2, 1)), "twice"));
    assert_non_null(strstr(why(model, row_of(2, 2, 3, 1, 2, 77)), "no node"));
    assert_non_null(strstr(why(model, row_of(2, 2, 0, 0, 0, 0)), "0 members"));
    expect_row(model, 2, 1, 1, 2, 3);
    model_free(model);
}

static void members_do_not_become_fewer(void **state)
{
    struct model *model = given();

    assert_non_null(strstr(why(model, row_of(2, 2, 2, 1, 2, 0)), "would become 2"));
    model_free(model);
}

static void a_member_may_be_added_behind_the_others(void **state)
{
    struct model *model = given();
    struct change_members row = row_of(2, 2, 4, 1, 2, 3);

    row.members[3] = 4;
    assert_int_equal(set_one(model, row), ERR_OK);
    assert_int_equal(model_shard_by_group(model, 2, NULL)->member_count, 4);
    assert_int_equal(model_shard_by_group(model, 2, NULL)->members[3], 4);
    model_free(model);
}

static void one_place_changes_at_a_time(void **state)
{
    struct model *model = given();
    struct change_members row = row_of(2, 2, 4, 1, 4, 3);

    assert_non_null(strstr(why(model, row_of(2, 2, 3, 4, 5, 3)), "2 places"));
    assert_non_null(strstr(why(model, row_of(2, 2, 3, 2, 1, 3)), "2 places"));
    row.members[3] = 5;
    assert_non_null(strstr(why(model, row), "2 places"));
    expect_row(model, 2, 1, 1, 2, 3);
    model_free(model);
}

static void the_same_members_may_have_a_new_epoch(void **state)
{
    struct model *model = given();

    assert_int_equal(set_one(model, row_of(2, 2, 3, 1, 2, 3)), ERR_OK);
    expect_row(model, 2, 2, 1, 2, 3);
    model_free(model);
}

static void a_replaced_node_does_not_come_in(void **state)
{
    struct model *model = given();

    assert_int_equal(come_back(model, 4, 40), ERR_OK);
    assert_non_null(strstr(why(model, row_of(2, 2, 3, 1, 4, 3)), "replaced"));
    assert_int_equal(set_one(model, row_of(2, 2, 3, 1, 40, 3)), ERR_OK);
    model_free(model);
}

static void a_replaced_member_may_stay_while_another_is_replaced(void **state)
{
    struct model *model = given();

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    assert_int_equal(set_one(model, row_of(2, 2, 3, 1, 20, 3)), ERR_OK);
    assert_int_equal(set_one(model, row_of(2, 3, 3, 1, 20, 30)), ERR_OK);
    expect_row(model, 2, 3, 1, 20, 30);
    model_free(model);
}

/* Whatever the bytes, each shard has a row that the catalogue's image can carry. */
static void a_shard_of_a_stream_in_creating_begins_anew_as_another_group(void **state)
{
    struct model *model = given();
    const struct model_stream *brook = given_stream(model, "brook", 2);
    struct change_members row = { .group = 4, .epoch = 2, .member_count = 3 };

    memcpy(row.members, brook->shards[0].members, sizeof(row.members));
    row.members[0] = 1;
    while (model_shard_has(&brook->shards[0], row.members[0]))
        row.members[0]++;
    assert_int_equal(set_one(model, row), ERR_OK);
    assert_null(model_shard_by_group(model, 4, NULL));
    assert_int_equal(model_next_group(model), 7);
    assert_int_equal(brook->shards[0].group, 6);
    expect_row(model, 6, 1, row.members[0], row.members[1], row.members[2]);
    assert_int_equal(brook->shards[1].group, 5);
    assert_ptr_equal(model_shard_by_group(model, 5, NULL), &brook->shards[1]);

    /* From then on it is as any other. */
    assert_int_equal(apply(model, change_activate_stream(stamp, brook->id)), ERR_OK);
    row.group = 6;
    assert_int_equal(set_one(model, row), ERR_OK);
    expect_row(model, 6, 2, row.members[0], row.members[1], row.members[2]);

    struct model *copy = NULL;
    struct reason reason = { .text = "" };
    struct buf *image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
    expect_row(copy, 6, 2, row.members[0], row.members[1], row.members[2]);
    buf_unref(image);
    model_free(copy);
    model_free(model);
}

static void the_members_of_an_epoch_may_have_another_order(void **state)
{
    struct model *model = given();

    model->cluster_version = VERSION_PREFERS;
    model_shard_change(model, 2)->whole_in = 1;
    assert_int_equal(set_one(model, row_of(2, 1, 3, 3, 2, 1)), ERR_OK);
    expect_row(model, 2, 1, 3, 2, 1);
    assert_true(model_shard_whole(model_shard_by_group(model, 2, NULL)));
    assert_int_equal(model_shard_by_group(model, 2, NULL)->left_count, 0);
    /* What was decided on the order before it does not hold any more. */
    assert_non_null(strstr(why(model, row_of(2, 2, 3, 1, 4, 3)), "3 places would change"));

    assert_non_null(strstr(why(model, row_of(2, 1, 3, 3, 1, 2)), "does not follow"));
    assert_non_null(strstr(why(model, row_of(2, 1, 3, 2, 2, 3)), "does not follow"));
    assert_non_null(strstr(why(model, row_of(2, 1, 3, 4, 2, 3)), "does not follow"));
    assert_non_null(strstr(why(model, row_of(2, 1, 2, 2, 3, 0)), "does not follow"));
    assert_non_null(strstr(why(model, row_of(2, 0, 3, 2, 3, 1)), "does not follow"));
    model->cluster_version = VERSION_PREFERS - 1;
    assert_non_null(strstr(why(model, row_of(2, 1, 3, 2, 3, 1)), "does not follow"));
    expect_row(model, 2, 1, 3, 2, 1);
    model_free(model);
}

static void a_damaged_batch_is_refused_or_harmless(void **state)
{
    const struct change_members rows[] = { row_of(2, 2, 3, 1, 4, 3), row_of(3, 2, 3, 1, 2, 5) };
    struct buf *change = change_set_members(stamp, rows, 2);

    for (size_t bit = 0; bit < change->len * 8; bit++) {
        struct buf *damaged = buf_copy(buf_slice(change));
        struct model *model = given(), *copy = NULL;
        struct reason reason = { .text = "" };
        damaged->data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        enum err err = apply_change(model, model->index + 1, 2, buf_slice(damaged), &reason);
        assert_true((err == ERR_OK) == (reason.text[0] == 0));

        struct buf *image = model_image_pack(model);
        assert_int_equal(model_image_unpack(buf_slice(image), &copy, &reason), ERR_OK);
        buf_unref(image);
        buf_unref(damaged);
        model_free(copy);
        model_free(model);
    }
    buf_unref(change);
}

/* Of those that lost their places the newest are known, until the process ends. */
static void who_has_left_is_remembered_and_is_no_part_of_the_image(void **state)
{
    struct model *model = given();
    const struct model_shard *shard = model_shard_by_group(model, 2, NULL);
    static const uint64_t comers[] = { 4, 2, 4, 2, 5 };
    struct buf *image;
    struct model *copy;

    assert_int_equal(shard->left_count, 0);
    assert_int_equal(set_one(model, row_of(2, 2, 3, 1, 2, 3)), ERR_OK);
    assert_int_equal(shard->left_count, 0);
    for (uint32_t i = 0; i < sizeof(comers) / sizeof(comers[0]); i++)
        assert_int_equal(set_one(model, row_of(2, 3 + i, 3, 1, comers[i], 3)), ERR_OK);
    assert_int_equal(shard->left_count, MODEL_LEFT_MAX);
    for (uint32_t i = 0; i < MODEL_LEFT_MAX; i++)
        assert_int_equal(shard->left[i], i % 2 == 0 ? 4 : 2);

    image = model_image_pack(model);
    assert_int_equal(model_image_unpack(buf_slice(image), &copy, NULL), ERR_OK);
    assert_int_equal(model_shard_by_group(copy, 2, NULL)->left_count, 0);
    model_free(copy);
    buf_unref(image);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_holds_sets_epoch_and_members),
        cmocka_unit_test(each_row_of_a_batch_is_judged_alone),
        cmocka_unit_test(a_batch_of_which_no_row_holds_says_why_the_first_does_not),
        cmocka_unit_test(the_same_batch_again_changes_nothing),
        cmocka_unit_test(a_batch_has_at_least_one_row_and_no_more_than_the_maximum),
        cmocka_unit_test(a_batch_above_the_maximum_is_refused_whole),
        cmocka_unit_test(more_members_than_a_group_has_are_refused),
        cmocka_unit_test(members_of_a_stream_that_is_being_deleted_do_not_change),
        cmocka_unit_test(only_the_next_epoch_follows),
        cmocka_unit_test(members_are_different_nodes_of_the_cluster),
        cmocka_unit_test(members_do_not_become_fewer),
        cmocka_unit_test(a_member_may_be_added_behind_the_others),
        cmocka_unit_test(one_place_changes_at_a_time),
        cmocka_unit_test(the_same_members_may_have_a_new_epoch),
        cmocka_unit_test(a_replaced_node_does_not_come_in),
        cmocka_unit_test(a_replaced_member_may_stay_while_another_is_replaced),
        cmocka_unit_test(a_shard_of_a_stream_in_creating_begins_anew_as_another_group),
        cmocka_unit_test(who_has_left_is_remembered_and_is_no_part_of_the_image),
        cmocka_unit_test(the_members_of_an_epoch_may_have_another_order),
        cmocka_unit_test(a_damaged_batch_is_refused_or_harmless),
    };

    return cmocka_run_group_tests_name("apply_members", tests, NULL, NULL);
}

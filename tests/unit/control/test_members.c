#include "../catalog/given.h"

#include "control/members.h"

static bool is_not(void *ctx, uint64_t node)
{
    return node != *(uint64_t *)ctx;
}

static const struct members_world all_up = { .room = CONTROL_MOVES_AT_ONCE };

/* Nodes 1, 2, 3 and a stream of `shards` on them, in this order everywhere. */
static struct model *given(uint32_t shards)
{
    struct model *model = given_cluster();

    given_stream(model, "river", shards);
    for (uint64_t group = 2; group < 2 + shards; group++) {
        struct model_shard *shard = model_shard_change(model, group);
        memcpy(shard->members, (uint64_t[GROUP_MEMBERS_MAX]){ 1, 2, 3 }, sizeof(shard->members));
    }
    return model;
}

static struct members_look *begun(const struct model *model)
{
    static struct members_look look;

    members_begin(&look, model, &all_up, NULL, 0);
    while (look.counting && !look.done)
        members_step(&look, model, &all_up);
    return &look;
}

static void expect_members(const struct change_members *row, uint64_t a, uint64_t b, uint64_t c)
{
    assert_int_equal(row->member_count, 3);
    assert_int_equal(row->members[0], a);
    assert_int_equal(row->members[1], b);
    assert_int_equal(row->members[2], c);
}

static void a_node_that_came_back_takes_its_old_places(void **state)
{
    struct model *model = given(2);

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &all_up);
    assert_true(look->done);
    assert_int_equal(look->row_count, 2);
    assert_int_equal(look->rows[0].group, 2);
    assert_int_equal(look->rows[0].epoch, 2);
    expect_members(&look->rows[0], 1, 20, 3);
    assert_int_equal(look->rows[1].group, 3);
    expect_members(&look->rows[1], 1, 20, 3);
    model_free(model);
}

static void the_catalogue_takes_what_was_decided_and_then_all_is_done(void **state)
{
    struct model *model = given(3);

    assert_int_equal(come_back(model, 1, 10), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &all_up);
    assert_int_equal(look->row_count, 3);
    assert_int_equal(apply(model, change_set_members(stamp, look->rows, look->row_count)), ERR_OK);
    for (uint64_t group = 2; group <= 4; group++) {
        assert_int_equal(model_shard_by_group(model, group, NULL)->members[0], 10);
        assert_int_equal(model_shard_by_group(model, group, NULL)->epoch, 2);
    }

    look = begun(model);
    members_step(look, model, &all_up);
    assert_int_equal(look->row_count, 0);
    assert_int_equal(members_unnamed(look), 1);
    assert_int_equal(apply(model, change_forget_node(stamp, 1)), ERR_OK);
    assert_true(begun(model)->done);
    model_free(model);
}

static void nothing_is_done_while_no_node_is_replaced(void **state)
{
    struct model *model = given(2);
    struct members_look *look = begun(model);

    assert_true(look->done);
    members_step(look, model, &all_up);
    assert_int_equal(look->row_count, 0);
    assert_int_equal(members_unnamed(look), 0);
    model_free(model);
}

static void a_newcomer_that_is_not_up_gets_nothing(void **state)
{
    struct model *model = given(2);
    uint64_t down = 20;

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &(struct members_world){ .up = is_not, .ctx = &down });
    assert_true(look->done);
    assert_int_equal(look->row_count, 0);
    assert_int_equal(members_unnamed(look), 0); /* the shards name it still */
    model_free(model);
}

static void the_lost_node_need_not_be_down(void **state)
{
    struct model *model = given(1);
    uint64_t down = 3;

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &(struct members_world){ .up = is_not, .ctx = &down });
    assert_int_equal(look->row_count, 1);
    expect_members(&look->rows[0], 1, 20, 3);
    model_free(model);
}

static void of_several_that_came_back_the_newest_takes_the_place(void **state)
{
    struct model *model = given(1);

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(come_back(model, 2, 15), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &all_up);
    expect_members(&look->rows[0], 1, 15, 3);
    model_free(model);
}

static void of_two_lost_members_one_is_replaced_at_a_time(void **state)
{
    struct model *model = given(1);

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &all_up);
    assert_int_equal(look->row_count, 1);
    expect_members(&look->rows[0], 1, 20, 3);
    assert_int_equal(apply(model, change_set_members(stamp, look->rows, 1)), ERR_OK);

    look = begun(model);
    members_step(look, model, &all_up);
    assert_int_equal(look->rows[0].epoch, 3);
    expect_members(&look->rows[0], 1, 20, 30);
    model_free(model);
}

static void a_lost_member_whose_newcomer_is_down_does_not_hold_up_another(void **state)
{
    struct model *model = given(1);
    uint64_t down = 20;

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &(struct members_world){ .up = is_not, .ctx = &down });
    assert_int_equal(look->row_count, 1);
    expect_members(&look->rows[0], 1, 2, 30);
    model_free(model);
}

static void a_newcomer_that_is_a_member_already_does_not_come_twice(void **state)
{
    struct model *model = given(1);

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    model_shard_change(model, 2)->members[2] = 20;
    struct members_look *look = begun(model);
    members_step(look, model, &all_up);
    assert_int_equal(look->row_count, 0);
    model_free(model);
}

static void a_stream_that_is_being_deleted_is_left_alone_but_names_its_members(void **state)
{
    struct model *model = given(1);

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(apply(model, change_delete_stream(stamp, 1)), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &all_up);
    assert_true(look->done);
    assert_int_equal(look->row_count, 0);
    assert_int_equal(members_unnamed(look), 0);
    model_free(model);
}

static void a_member_of_the_catalogue_is_kept_in_the_model(void **state)
{
    struct model *model = given_cluster();
    const uint64_t kept[] = { 1, 2 };
    static struct members_look look;

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    members_begin(&look, model, &all_up, kept, 2);
    members_step(&look, model, &all_up); /* counts */
    members_step(&look, model, &all_up);
    assert_int_equal(members_unnamed(&look), 3);
    assert_int_equal(apply(model, change_forget_node(stamp, 3)), ERR_OK);
    members_begin(&look, model, &all_up, kept, 2);
    members_step(&look, model, &all_up); /* counts */
    members_step(&look, model, &all_up);
    assert_int_equal(members_unnamed(&look), 0);
    model_free(model);
}

static void a_step_finds_no_more_rows_than_one_change_has(void **state)
{
    struct model *model = given(2 * CATALOG_MEMBERS_ROWS_MAX + 1);
    uint64_t group = 2;

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    struct members_look *look = begun(model);
    const uint32_t found[] = { CATALOG_MEMBERS_ROWS_MAX, CATALOG_MEMBERS_ROWS_MAX, 1 };
    for (uint32_t i = 0; i < 3; i++) {
        assert_false(look->done);
        members_step(look, model, &all_up);
        assert_int_equal(look->row_count, found[i]);
        for (uint32_t k = 0; k < found[i]; k++)
            assert_int_equal(look->rows[k].group, group++);
    }
    assert_true(look->done);
    model_free(model);
}

static void a_step_looks_at_no_more_shards_than_a_turn_may(void **state)
{
    struct model *model = given(CONTROL_LOOKS_PER_TURN + 1);
    uint64_t down = 20;

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    struct members_look *look = begun(model);
    members_step(look, model, &(struct members_world){ .up = is_not, .ctx = &down });
    assert_false(look->done);
    assert_int_equal(look->after, CONTROL_LOOKS_PER_TURN + 1);
    members_step(look, model, &all_up); /* it came up meanwhile */
    assert_true(look->done);
    assert_int_equal(look->row_count, 1);
    assert_int_equal(look->rows[0].group, CONTROL_LOOKS_PER_TURN + 2);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_came_back_takes_its_old_places),
        cmocka_unit_test(the_catalogue_takes_what_was_decided_and_then_all_is_done),
        cmocka_unit_test(nothing_is_done_while_no_node_is_replaced),
        cmocka_unit_test(a_newcomer_that_is_not_up_gets_nothing),
        cmocka_unit_test(the_lost_node_need_not_be_down),
        cmocka_unit_test(of_several_that_came_back_the_newest_takes_the_place),
        cmocka_unit_test(of_two_lost_members_one_is_replaced_at_a_time),
        cmocka_unit_test(a_lost_member_whose_newcomer_is_down_does_not_hold_up_another),
        cmocka_unit_test(a_newcomer_that_is_a_member_already_does_not_come_twice),
        cmocka_unit_test(a_stream_that_is_being_deleted_is_left_alone_but_names_its_members),
        cmocka_unit_test(a_member_of_the_catalogue_is_kept_in_the_model),
        cmocka_unit_test(a_step_finds_no_more_rows_than_one_change_has),
        cmocka_unit_test(a_step_looks_at_no_more_shards_than_a_turn_may),
    };

    return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}

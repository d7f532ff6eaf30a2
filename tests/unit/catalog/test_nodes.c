#include "given.h"

static bool is_replaced(const struct model *model, uint64_t id)
{
    return model_node_by_id(model, id)->replaced;
}

static void a_new_id_with_a_known_name_replaces_the_others_of_that_name(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_true(is_replaced(model, 2));
    assert_false(is_replaced(model, 20));
    assert_false(is_replaced(model, 1));
    assert_int_equal(model_node_count(model), 4);
    assert_int_equal(model_node_unreplaced(model), 3);

    assert_int_equal(come_back(model, 2, 200), ERR_OK);
    assert_true(is_replaced(model, 2));
    assert_true(is_replaced(model, 20));
    assert_false(is_replaced(model, 200));
    model_free(model);
}

static void a_node_says_of_itself_neither_that_it_is_replaced_nor_that_it_is_not(void **state)
{
    struct model *model = given_cluster();
    struct model_node node = node_row(3, "c");

    node.replaced = true;
    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    assert_false(is_replaced(model, 3));
    assert_int_equal(come_back(model, 3, 30), ERR_OK);
    node.replaced = false;
    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    assert_true(is_replaced(model, 3));
    assert_false(is_replaced(model, 30));
    model_free(model);
}

static void a_known_node_that_takes_a_name_replaces_nobody(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(come_back(model, 2, 1), ERR_OK); /* 1 is called as 2 is, from now on */
    assert_false(is_replaced(model, 2));
    assert_false(is_replaced(model, 1));
    model_free(model);
}

static void nodes_without_a_name_do_not_replace_one_another(void **state)
{
    struct model *model = given_cluster();
    struct model_node node = { .id = 8 };

    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    node.id = 9;
    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    assert_false(is_replaced(model, 8));
    model_free(model);
}

static enum err replace(struct model *model, uint64_t lost, uint64_t id, uint64_t replaces)
{
    struct model_node node = node_row(lost, "a");

    node.id = id;
    return apply(model, change_replace_node(stamp, &node, replaces));
}

/* 20 and 200 both asked for the place of 2: the one forgot again, or they are copies. */
static void two_orders_for_one_place_do_not_cross(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(replace(model, 2, 200, 2), ERR_OK);
    assert_int_equal(replace(model, 2, 20, 2), ERR_BUSY);
    assert_true(is_replaced(model, 2));
    assert_false(is_replaced(model, 200));
    assert_null(model_node_by_id(model, 20));
    assert_int_equal(replace(model, 2, 20, 200), ERR_OK);
    assert_true(is_replaced(model, 200));
    model_free(model);
}

static void an_order_for_a_place_that_went_brings_nobody_in(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(replace(model, 3, 30, 2), ERR_BUSY); /* another name's */
    assert_int_equal(replace(model, 3, 30, 0), ERR_BUSY);
    assert_int_equal(apply(model, change_drain_node(stamp, 3, true)), ERR_OK);
    assert_int_equal(apply(model, change_forget_node(stamp, 3)), ERR_OK);
    assert_int_equal(replace(model, 3, 30, 3), ERR_BUSY);
    assert_null(model_node_by_id(model, 30));
    assert_int_equal(replace(model, 3, 30, 0), ERR_OK);
    model_free(model);
}

static void a_full_cluster_may_lose_a_disk(void **state)
{
    struct model *model = given_cluster();

    for (uint64_t id = 4; id <= NODES_MAX; id++)
        assert_int_equal(add_node(model, id, "a"), ERR_OK);
    assert_int_equal(come_back(model, 2, 200), ERR_OK);
    assert_int_equal(add_node(model, NODES_MAX + 1, "a"), ERR_BUSY);
    assert_int_equal(model_node_unreplaced(model), NODES_MAX);
    model_free(model);
}

static void replaced_nodes_have_a_maximum_too(void **state)
{
    struct model *model = given_cluster();
    uint64_t id = 1000;

    while (model_node_count(model) < NODE_ROWS_MAX)
        assert_int_equal(come_back(model, 2, id++), ERR_OK);
    assert_int_equal(come_back(model, 2, id), ERR_BUSY);
    assert_false(is_replaced(model, id - 1));
    assert_int_equal(apply(model, change_forget_node(stamp, 1000)), ERR_OK);
    assert_int_equal(come_back(model, 2, id), ERR_OK);
    model_free(model);
}

static void a_replaced_node_gets_no_replicas(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    const struct model_stream *stream = given_stream(model, "river", 6);
    for (uint32_t i = 0; i < stream->shard_count; i++) {
        assert_false(model_shard_has(&stream->shards[i], 2));
        assert_true(model_shard_has(&stream->shards[i], 20)); /* three are left */
    }
    model_free(model);
}

static void a_replaced_node_that_no_shard_names_can_be_forgotten(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_OK);
    assert_null(model_node_by_id(model, 2));
    assert_int_equal(model_node_count(model), 3);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_NOT_FOUND);
    model_free(model);
}

static void a_node_that_a_shard_names_is_not_forgotten(void **state)
{
    struct model *model = given_cluster();
    struct change_members row = { .group = 2, .epoch = 2, .member_count = 3 };

    given_active(model, "river", 1);
    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_CLOSED);
    assert_non_null(model_node_by_id(model, 2));

    const struct model_shard *shard = model_shard_by_group(model, 2, NULL);
    for (uint32_t i = 0; i < 3; i++)
        row.members[i] = shard->members[i] == 2 ? 20 : shard->members[i];
    assert_int_equal(apply(model, change_set_members(stamp, &row, 1)), ERR_OK);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_OK);
    model_free(model);
}

static void a_node_that_is_not_replaced_is_not_forgotten(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_CLOSED);
    assert_int_equal(model_node_count(model), 3);
    model_free(model);
}

static void a_member_of_the_catalogue_is_not_forgotten(void **state)
{
    struct model *model = given_cluster();
    const struct seal with = { .epoch = 2, .member_count = 3, .members = { 1, 2, 3 } };
    const struct seal without = { .epoch = 3, .member_count = 3, .members = { 1, 20, 3 } };

    apply_seal(model, model_index(model) + 1, 2, &with);
    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_CLOSED);
    apply_seal(model, model_index(model) + 1, 2, &without);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_OK);
    model_free(model);
}

static void a_draining_node_gets_no_replicas_and_may_have_some_again(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK);
    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK); /* once more */
    const struct model_stream *stream = given_stream(model, "river", 6);
    for (uint32_t i = 0; i < stream->shard_count; i++)
        assert_false(model_shard_has(&stream->shards[i], 2));
    assert_int_equal(apply(model, change_drain_node(stamp, 2, false)), ERR_OK);
    stream = given_stream(model, "brook", 1); /* it has the fewest */
    assert_true(model_shard_has(&stream->shards[0], 2));
    model_free(model);
}

static void with_too_few_nodes_that_do_not_drain_no_stream_is_made(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK);
    assert_int_equal(apply_placed(model, create_change("river", 1, 0)), ERR_UNAVAILABLE);
    model_free(model);
}

static void what_a_node_says_of_itself_does_not_end_its_drain(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK);
    assert_int_equal(add_node(model, 2, "b"), ERR_OK);
    assert_true(model_node_by_id(model, 2)->draining);
    struct model_node node = node_row(3, "c");
    node.draining = true;
    assert_int_equal(apply(model, change_set_node(stamp, &node)), ERR_OK);
    assert_false(model_node_by_id(model, 3)->draining);
    model_free(model);
}

static void who_comes_back_in_the_place_of_a_draining_node_drains(void **state)
{
    struct model *model = given_cluster();

    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK);
    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_true(model_node_by_id(model, 20)->draining);
    assert_int_equal(apply(model, change_drain_node(stamp, 20, false)), ERR_OK);
    assert_int_equal(come_back(model, 2, 200), ERR_OK); /* 2 drains still, and is replaced */
    assert_false(model_node_by_id(model, 200)->draining);
    assert_int_equal(apply(model, change_drain_node(stamp, 2, false)), ERR_CLOSED);
    assert_int_equal(apply(model, change_drain_node(stamp, 99, true)), ERR_NOT_FOUND);
    model_free(model);
}

static void a_drained_node_is_forgotten_when_no_shard_names_it(void **state)
{
    struct model *model = given_cluster();
    struct change_members row = { .group = 2, .epoch = 2, .member_count = 3 };

    given_active(model, "river", 1);
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    assert_int_equal(apply(model, change_drain_node(stamp, 2, true)), ERR_OK);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_CLOSED);

    const struct model_shard *shard = model_shard_by_group(model, 2, NULL);
    for (uint32_t i = 0; i < 3; i++)
        row.members[i] = shard->members[i] == 2 ? 4 : shard->members[i];
    assert_int_equal(apply(model, change_set_members(stamp, &row, 1)), ERR_OK);
    assert_int_equal(apply(model, change_forget_node(stamp, 2)), ERR_OK);
    assert_null(model_node_by_id(model, 2));
    model_free(model);
}

static void a_draining_node_comes_into_no_group(void **state)
{
    struct model *model = given_cluster();
    struct change_members row = { .group = 2, .epoch = 2, .member_count = 3 };

    given_active(model, "river", 1);
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    assert_int_equal(apply(model, change_drain_node(stamp, 4, true)), ERR_OK);
    const struct model_shard *shard = model_shard_by_group(model, 2, NULL);
    for (uint32_t i = 0; i < 3; i++)
        row.members[i] = shard->members[i] == 2 ? 4 : shard->members[i];
    assert_int_equal(apply(model, change_set_members(stamp, &row, 1)), ERR_CLOSED);
    assert_int_equal(model_shard_by_group(model, 2, NULL)->epoch, 1);
    model_free(model);
}

/* Every bit of a drain turned over: refused, or one that this version knows. */
static void damaged_drains_are_refused_or_harmless(void **state)
{
    struct model *model = given_cluster();
    struct buf *bytes = change_drain_node(stamp, 2, true);

    for (size_t at = 0; at < bytes->len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct reason reason = { .text = "" };
            struct buf *damaged = buf_copy(buf_slice(bytes));
            damaged->data[at] ^= (unsigned char)(1u << bit);
            enum err err =
                apply_change(model, model->index + 1, 2, buf_slice(damaged), &reason);
            assert_true((err == ERR_OK) == (reason.text[0] == 0));
            assert_int_equal(model_node_count(model), 3);
            buf_unref(damaged);
        }
    }
    for (size_t len = 1; len < bytes->len; len++) {
        struct reason reason = { .text = "" };
        enum err err = apply_change(model, model->index + 1, 2, slice_of(bytes->data, len),
                                    &reason);
        assert_int_not_equal(err, ERR_OK);
    }
    buf_unref(bytes);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_id_with_a_known_name_replaces_the_others_of_that_name),
        cmocka_unit_test(a_node_says_of_itself_neither_that_it_is_replaced_nor_that_it_is_not),
        cmocka_unit_test(a_known_node_that_takes_a_name_replaces_nobody),
        cmocka_unit_test(nodes_without_a_name_do_not_replace_one_another),
        cmocka_unit_test(two_orders_for_one_place_do_not_cross),
        cmocka_unit_test(an_order_for_a_place_that_went_brings_nobody_in),
        cmocka_unit_test(a_full_cluster_may_lose_a_disk),
        cmocka_unit_test(replaced_nodes_have_a_maximum_too),
        cmocka_unit_test(a_replaced_node_gets_no_replicas),
        cmocka_unit_test(a_replaced_node_that_no_shard_names_can_be_forgotten),
        cmocka_unit_test(a_node_that_a_shard_names_is_not_forgotten),
        cmocka_unit_test(a_node_that_is_not_replaced_is_not_forgotten),
        cmocka_unit_test(a_draining_node_gets_no_replicas_and_may_have_some_again),
        cmocka_unit_test(with_too_few_nodes_that_do_not_drain_no_stream_is_made),
        cmocka_unit_test(what_a_node_says_of_itself_does_not_end_its_drain),
        cmocka_unit_test(who_comes_back_in_the_place_of_a_draining_node_drains),
        cmocka_unit_test(a_drained_node_is_forgotten_when_no_shard_names_it),
        cmocka_unit_test(a_draining_node_comes_into_no_group),
        cmocka_unit_test(damaged_drains_are_refused_or_harmless),
        cmocka_unit_test(a_member_of_the_catalogue_is_not_forgotten),
    };

    return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}

#include "../catalog/given.h"

#include "control/members.h"

/* A shard that nobody leads by the catalogue's word, and a node that is down: 0, none. */
struct told {
    uint64_t down, full;
};

static bool told_up(void *ctx, uint64_t node)
{
    return node != ((const struct told *)ctx)->down;
}

static bool told_full(void *ctx, uint64_t node)
{
    return node == ((const struct told *)ctx)->full;
}

static struct members_world world_of(struct told *told)
{
    return (struct members_world){ .up = told_up,
                                   .full = told_full,
                                   .ctx = told,
                                   .most = CONTROL_MOVES_AT_ONCE,
                                   .room = CONTROL_MOVES_AT_ONCE,
                                   .prefer = true };
}

/* Nodes 1, 2, 3 and a stream that is in use, of `shards` on them, of all of which 1 is first. */
static struct model *given(uint32_t shards)
{
    struct model *model = given_cluster();

    given_active(model, "river", shards);
    for (uint64_t group = 2; group < 2 + shards; group++) {
        struct model_shard *shard = model_shard_change(model, group);
        memcpy(shard->members, (uint64_t[GROUP_MEMBERS_MAX]){ 1, 2, 3 }, sizeof(shard->members));
        shard->state = SHARD_OPEN;
    }
    model->cluster_version = VERSION_PREFERS;
    return model;
}

static uint32_t firsts(const struct model *model, uint64_t node)
{
    const struct model_shard *row;
    uint32_t count = 0;

    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        count += row->members[0] == node;
    }
    return count;
}

/* One pass, applied; how many shards are to have another leader. */
static uint32_t pass(struct model *model, struct members_world world)
{
    static struct members_look look;
    uint32_t orders = 0;

    members_begin(&look, model, &world, NULL, 0);
    while (!look.done) {
        members_step(&look, model, &world);
        orders += look.orders;
        assert_int_equal(look.orders, look.row_count);
        if (look.row_count > 0)
            assert_int_equal(apply(model, change_set_members(stamp, look.rows, look.row_count)),
                             ERR_OK);
    }
    return orders;
}

static void who_leads_all_gives_to_the_others_until_it_is_even(void **state)
{
    struct told told = { .down = 0 };
    struct model *model = given(6);

    assert_int_equal(pass(model, world_of(&told)), 4);
    for (uint64_t node = 1; node <= 3; node++)
        assert_int_equal(firsts(model, node), 2);
    for (uint64_t group = 2; group < 8; group++) {
        const struct model_shard *row = model_shard_by_group(model, group, NULL);
        assert_int_equal(row->epoch, 1);
        assert_int_equal(row->members[0] + row->members[1] + row->members[2], 6);
    }
    assert_int_equal(pass(model, world_of(&told)), 0);
    model_free(model);
}

static void one_more_than_another_is_no_reason(void **state)
{
    struct told told = { .down = 0 };
    struct model *model = given(1);

    assert_int_equal(pass(model, world_of(&told)), 0);
    assert_int_equal(firsts(model, 1), 1);
    model_free(model);
}

static void so_many_at_a_time(void **state)
{
    struct told told = { .down = 0 };
    struct model *model = given(3 * CONTROL_ORDERS_AT_ONCE);

    assert_int_equal(pass(model, world_of(&told)), CONTROL_ORDERS_AT_ONCE);
    assert_int_equal(pass(model, world_of(&told)), CONTROL_ORDERS_AT_ONCE);
    assert_int_equal(pass(model, world_of(&told)), 0);
    assert_int_equal(firsts(model, 1), CONTROL_ORDERS_AT_ONCE);
    model_free(model);
}

static void a_node_that_is_down_or_full_is_not_preferred_and_keeps_what_it_had(void **state)
{
    struct told told = { .down = 2 };
    struct model *model = given(6);

    assert_int_equal(pass(model, world_of(&told)), 3);
    assert_int_equal(firsts(model, 2), 0);
    assert_int_equal(firsts(model, 3), 3);
    told = (struct told){ .down = 1 };
    assert_int_equal(pass(model, world_of(&told)), 1); /* 3 gives to 2; 1 will be back */
    assert_int_equal(firsts(model, 1), 3);
    told = (struct told){ .full = 2 };
    assert_int_equal(pass(model, world_of(&told)), 0);
    model_free(model);
}

static void only_open_shards_of_streams_in_use_count(void **state)
{
    struct told told = { .down = 0 };
    struct model *model = given(4);

    for (uint64_t group = 3; group < 6; group++)
        model_shard_change(model, group)->state = SHARD_CLOSED;
    assert_int_equal(pass(model, world_of(&told)), 0);
    assert_int_equal(firsts(model, 1), 4);
    for (uint64_t group = 3; group < 6; group++)
        model_shard_change(model, group)->state = SHARD_OPEN;
    uint64_t id = model_stream_by_name(model, slice_text("river"))->id;
    assert_int_equal(apply(model, change_delete_stream(stamp, id)), ERR_OK);
    assert_int_equal(pass(model, world_of(&told)), 0);
    model_free(model);
}

static void not_while_somebody_leaves_nor_when_it_is_not_asked_for(void **state)
{
    struct told told = { .down = 0 };
    struct members_world world = world_of(&told);
    struct model *model = given(6);

    world.prefer = false;
    assert_int_equal(pass(model, world), 0);
    world.prefer = true;
    assert_int_equal(apply(model, change_drain_node(stamp, 3, true)), ERR_OK);
    assert_int_equal(pass(model, world), 0);
    assert_int_equal(apply(model, change_drain_node(stamp, 3, false)), ERR_OK);
    model->cluster_version = VERSION_PREFERS - 1;
    assert_int_equal(pass(model, world), 0);
    model->cluster_version = VERSION_PREFERS;
    assert_int_equal(pass(model, world), 4);
    model_free(model);
}

static void who_was_drained_and_is_not_removed_keeps_nobody(void **state)
{
    struct told told = { .down = 0 };
    struct model *model = given(6);

    model->cluster_version = VERSION_FIRST;
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    assert_int_equal(apply(model, change_drain_node(stamp, 4, true)), ERR_OK);
    model->cluster_version = VERSION_PREFERS;
    assert_int_equal(pass(model, world_of(&told)), 4);
    assert_int_equal(firsts(model, 4), 0);
    model_free(model);
}

/* It takes a place at first, and what it is first of by another change. */
static void a_node_that_is_added_comes_to_lead(void **state)
{
    struct told told = { .down = 0 };
    struct members_world world = world_of(&told);
    struct model *model = given(6);
    static struct members_look look;

    assert_int_equal(pass(model, world), 4);
    model->cluster_version = VERSION_FIRST;
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    model->cluster_version = VERSION_PREFERS;
    world.spread = true;
    for (uint32_t i = 0; i < 20; i++) {
        members_begin(&look, model, &world, NULL, 0);
        do
            members_step(&look, model, &world);
        while (!look.done && look.row_count == 0);
        if (look.row_count == 0)
            break;
        assert_true(look.orders == 0 ? look.row_count == 1 : look.orders == look.row_count);
        assert_int_equal(apply(model, change_set_members(stamp, look.rows, look.row_count)),
                         ERR_OK);
    }
    assert_int_equal(look.row_count, 0);
    assert_true(firsts(model, 4) >= 1 && firsts(model, 1) >= 1);
    for (uint64_t node = 1; node <= 4; node++)
        assert_true(firsts(model, node) <= 2);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_leads_all_gives_to_the_others_until_it_is_even),
        cmocka_unit_test(one_more_than_another_is_no_reason),
        cmocka_unit_test(so_many_at_a_time),
        cmocka_unit_test(a_node_that_is_down_or_full_is_not_preferred_and_keeps_what_it_had),
        cmocka_unit_test(only_open_shards_of_streams_in_use_count),
        cmocka_unit_test(not_while_somebody_leaves_nor_when_it_is_not_asked_for),
        cmocka_unit_test(who_was_drained_and_is_not_removed_keeps_nobody),
        cmocka_unit_test(a_node_that_is_added_comes_to_lead),
    };

    return cmocka_run_group_tests_name("preferred", tests, NULL, NULL);
}

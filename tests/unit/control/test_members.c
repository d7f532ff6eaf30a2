#include "../catalog/given.h"

#include "control/members.h"

static bool is_not(void *ctx, uint64_t node)
{
    return node != *(uint64_t *)ctx;
}

#define MOST CONTROL_MOVES_AT_ONCE
static const struct members_world all_up = { .most = MOST, .room = MOST, .room_again = MOST };

/* Nodes 1, 2, 3 and a stream of `shards` on them, in this order everywhere. */
static struct model *given(uint32_t shards)
{
    struct model *model = given_cluster();

    given_active(model, "river", shards);
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

/* ---- draining, dead, and a better spread ---- */

/* What a test says of the nodes and groups besides the model. */
struct told {
    uint64_t down, dead, full;  /* node ids; 0: none */
    uint64_t moving;            /* a group */
    uint64_t leader;            /* of all groups */
};

static bool told_up(void *ctx, uint64_t node)
{
    const struct told *told = ctx;
    return node != told->down && node != told->dead;
}

static bool told_full(void *ctx, uint64_t node)
{
    return node == ((const struct told *)ctx)->full;
}

static bool told_dead(void *ctx, uint64_t node)
{
    return node == ((const struct told *)ctx)->dead;
}

static bool told_moving(void *ctx, uint64_t group)
{
    return group == ((const struct told *)ctx)->moving;
}

static uint64_t told_leader(void *ctx, uint64_t group)
{
    return ((const struct told *)ctx)->leader;
}

static struct members_world world_of(struct told *told)
{
    return (struct members_world){ .up = told_up, .full = told_full, .dead = told_dead,
                                   .moves = told_moving, .leader = told_leader, .ctx = told,
                                   .most = MOST, .room = MOST, .room_again = MOST };
}

/* A whole pass up to its first step that found something. */
static struct members_look *passed(const struct model *model, const struct members_world *world)
{
    static struct members_look look;

    members_begin(&look, model, world, NULL, 0);
    do
        members_step(&look, model, world);
    while (!look.done && look.row_count == 0);
    return &look;
}

/* What place `at` of group 2 waits for. */
static enum members_why why_of(const struct model *model, const struct members_world *world,
                               uint32_t at, struct reason *said)
{
    static struct members_nodes nodes;
    const struct model_stream *stream = NULL;
    const struct model_shard *row = model_shard_by_group(model, 2, &stream);
    uint64_t comer = 0;

    nodes.count = 0;
    members_nodes_fill(&nodes, model, world);
    enum members_why why = members_place(&nodes, world, stream, row, at, &comer);
    assert_true((why == MEMBERS_GOES || why == MEMBERS_LEADS) == (comer != 0));
    members_say(why, &nodes, world, row, at, said);
    assert_int_not_equal(said->text[0], 0);
    return why;
}

static void drain(struct model *model, uint64_t node)
{
    assert_int_equal(apply(model, change_drain_node(stamp, node, true)), ERR_OK);
}

static void places_of_a_draining_node_go_to_the_emptiest_of_its_zone(void **state)
{
    struct told told = { .leader = 1 };
    struct members_world world = world_of(&told);
    struct model *model = given(3);

    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    assert_int_equal(add_node(model, 5, "b"), ERR_OK);
    assert_int_equal(add_node(model, 6, "b"), ERR_OK);
    model_shard_change(model, 4)->members[1] = 5; /* so that 6 is the emptiest */
    drain(model, 2);
    struct members_look *look = passed(model, &world);
    assert_int_equal(look->row_count, 2);
    expect_members(&look->rows[0], 1, 6, 3);
    expect_members(&look->rows[1], 1, 5, 3); /* both have one now, and 5 comes first */
    assert_int_equal(look->moves, 2);
    model_free(model);
}

static void a_draining_node_that_leads_hands_over_first(void **state)
{
    struct told told = { .leader = 2 };
    struct members_world world = world_of(&told);
    struct reason said = { .text = "" };
    struct model *model = given(1);

    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    drain(model, 2);
    assert_int_equal(passed(model, &world)->row_count, 0);
    assert_int_equal(why_of(model, &world, 1, &said), MEMBERS_LEADS);
    told.down = 2; /* a dead one leads nothing, whatever was heard of it */
    assert_int_equal(passed(model, &world)->row_count, 1);
    model_free(model);
}

static void no_more_groups_move_at_once_than_there_is_room_for(void **state)
{
    struct told told = { .leader = 1 };
    struct members_world world = world_of(&told);
    struct model *model = given(CONTROL_MOVES_AT_ONCE + 2);

    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    drain(model, 2);
    assert_int_equal(passed(model, &world)->row_count, CONTROL_MOVES_AT_ONCE);
    world.room = 1;
    assert_int_equal(passed(model, &world)->row_count, 1);
    world.room = 0;
    assert_int_equal(passed(model, &world)->row_count, 0);
    model_free(model);
}

static void a_group_that_moves_is_left_alone(void **state)
{
    struct told told = { .moving = 2, .leader = 1 };
    struct members_world world = world_of(&told);
    struct reason said = { .text = "" };
    struct model *model = given(2);

    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    drain(model, 2);
    struct members_look *look = passed(model, &world);
    assert_int_equal(look->row_count, 1);
    assert_int_equal(look->rows[0].group, 3);
    assert_int_equal(why_of(model, &world, 1, &said), MEMBERS_ON_WAY);
    model_free(model);
}

static void those_that_stay_must_be_a_majority_while_another_is_filled(void **state)
{
    struct told told = { .down = 3, .leader = 1 };
    struct members_world world = world_of(&told);
    struct reason said = { .text = "" };
    struct model *model = given(1);

    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    drain(model, 2);
    assert_int_equal(passed(model, &world)->row_count, 0);
    assert_int_equal(why_of(model, &world, 1, &said), MEMBERS_FEW);
    assert_string_equal(said.text, "1 of the other 2 members are up, and 2 must be while a new one "
                                   "is filled");
    model_shard_change(model, 2)->member_count = 2;
    assert_int_equal(why_of(model, &world, 1, &said), MEMBERS_FEW);
    model_shard_change(model, 2)->member_count = 1;
    assert_int_equal(apply(model, change_drain_node(stamp, 1, true)), ERR_OK);
    assert_int_equal(why_of(model, &world, 0, &said), MEMBERS_FEW);
    assert_non_null(strstr(said.text, "has no other replica"));
    model_free(model);
}

static void without_another_node_in_the_zone_nothing_happens_and_it_is_said(void **state)
{
    struct told told = { .full = 5, .leader = 1 };
    struct members_world world = world_of(&told);
    struct reason said = { .text = "" };
    struct model *model = given(1);

    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    assert_int_equal(add_node(model, 5, "b"), ERR_OK); /* its log is full */
    drain(model, 2);
    assert_int_equal(passed(model, &world)->row_count, 0);
    assert_int_equal(why_of(model, &world, 1, &said), MEMBERS_NO_ROOM);
    assert_string_equal(said.text,
                        "no other node in b without a replica of it is up and has room");
    told.full = 0;
    drain(model, 5); /* it leaves itself */
    assert_int_equal(why_of(model, &world, 1, &said), MEMBERS_NO_ROOM);
    model_free(model);
}

static void across_zones_a_zone_without_a_member_is_preferred(void **state)
{
    struct told told = { .leader = 1 };
    struct members_world world = world_of(&told);
    struct model *model = given(1);

    world.across_zones = true;
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    drain(model, 2);
    expect_members(&passed(model, &world)->rows[0], 1, 4, 3);
    assert_int_equal(add_node(model, 5, "d"), ERR_OK);
    expect_members(&passed(model, &world)->rows[0], 1, 5, 3);
    assert_int_equal(add_node(model, 6, "b"), ERR_OK);
    expect_members(&passed(model, &world)->rows[0], 1, 6, 3);
    model_free(model);
}

static void a_dead_node_gives_its_places_away_and_one_that_is_only_down_does_not(void **state)
{
    struct told told = { .down = 2, .leader = 1 };
    struct members_world world = world_of(&told);
    struct model *model = given(1);

    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    assert_int_equal(passed(model, &world)->row_count, 0);
    told = (struct told){ .dead = 2, .leader = 1 };
    world.room = world.room_again = 0;
    assert_int_equal(passed(model, &world)->row_count, 0);
    world.room_again = 1; /* drains do not hold it up */
    struct members_look *look = passed(model, &world);
    assert_int_equal(look->row_count, 1);
    expect_members(&look->rows[0], 1, 4, 3);
    assert_int_equal(apply(model, change_set_members(stamp, look->rows, 1)), ERR_OK);
    look = passed(model, &world);
    assert_int_equal(look->row_count, 0);
    assert_int_equal(members_unnamed(look), 0); /* it may come back: an operator removes it */
    model_free(model);
}

static void a_lost_disk_of_a_draining_node_goes_where_the_node_would(void **state)
{
    struct told told = { .leader = 1 };
    struct members_world world = world_of(&told);
    struct model *model = given(1);

    drain(model, 2);
    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    assert_true(model_node_by_id(model, 20)->draining);
    assert_int_equal(passed(model, &world)->row_count, 0); /* nobody else is there */
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    expect_members(&passed(model, &world)->rows[0], 1, 4, 3);
    model_free(model);
}

/* Simulator, drain, seed 122: its old place had nobody to go to for ever. */
static void a_node_whose_own_place_waits_for_it_takes_no_other(void **state)
{
    struct model *model = given(1);

    assert_int_equal(come_back(model, 2, 20), ERR_OK); /* in zone "a", as node 1 */
    assert_int_equal(apply(model, change_drain_node(stamp, 1, true)), ERR_OK);
    expect_members(&passed(model, &all_up)->rows[0], 1, 20, 3);
    model_free(model);
}

static void where_it_has_one_already_another_node_takes_the_old_one(void **state)
{
    struct model *model = given(1);

    assert_int_equal(come_back(model, 2, 20), ERR_OK);
    model_shard_change(model, 2)->members[0] = 20;
    assert_int_equal(passed(model, &all_up)->row_count, 0);
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    expect_members(&passed(model, &all_up)->rows[0], 20, 4, 3);
    model_free(model);
}

static void replicas_move_one_at_a_time_to_a_node_of_the_zone_with_two_fewer(void **state)
{
    struct told told = { .leader = 1 };
    struct members_world world = world_of(&told);
    struct model *model = given(3);

    world.spread = true;
    assert_int_equal(apply(model, change_activate_stream(stamp, 1)), ERR_OK);
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    struct members_look *look = passed(model, &world);
    assert_int_equal(look->row_count, 1);
    expect_members(&look->rows[0], 1, 4, 3);
    struct change_members first = look->rows[0];
    world.spread = false;
    assert_int_equal(passed(model, &world)->row_count, 0);
    world.spread = true;
    world.room = CONTROL_MOVES_AT_ONCE - 1; /* one is on its way */
    assert_int_equal(passed(model, &world)->row_count, 0);
    world.room++;
    assert_int_equal(apply(model, change_set_members(stamp, &first, 1)), ERR_OK);
    assert_int_equal(passed(model, &world)->row_count, 0); /* 2 and 1: it does not go back */
    model_free(model);
}

static void the_leader_stays_and_so_do_all_while_somebody_leaves(void **state)
{
    struct told told = { .leader = 2 };
    struct members_world world = world_of(&told);
    struct model *model = given(3);

    world.spread = true;
    assert_int_equal(apply(model, change_activate_stream(stamp, 1)), ERR_OK);
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    assert_int_equal(passed(model, &world)->row_count, 0);
    told.leader = 1;
    drain(model, 3);
    assert_int_equal(passed(model, &world)->row_count, 0);
    model_free(model);
}

static void a_second_member_in_a_zone_goes_to_a_zone_with_none(void **state)
{
    struct told told = { .leader = 1 };
    struct members_world world = world_of(&told);
    struct model *model = given(1);

    world.spread = true;
    assert_int_equal(apply(model, change_activate_stream(stamp, 1)), ERR_OK);
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    model_shard_change(model, 2)->members[2] = 4;
    expect_members(&passed(model, &world)->rows[0], 1, 2, 3);
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
        cmocka_unit_test(places_of_a_draining_node_go_to_the_emptiest_of_its_zone),
        cmocka_unit_test(a_draining_node_that_leads_hands_over_first),
        cmocka_unit_test(no_more_groups_move_at_once_than_there_is_room_for),
        cmocka_unit_test(a_group_that_moves_is_left_alone),
        cmocka_unit_test(those_that_stay_must_be_a_majority_while_another_is_filled),
        cmocka_unit_test(without_another_node_in_the_zone_nothing_happens_and_it_is_said),
        cmocka_unit_test(across_zones_a_zone_without_a_member_is_preferred),
        cmocka_unit_test(a_dead_node_gives_its_places_away_and_one_that_is_only_down_does_not),
        cmocka_unit_test(a_lost_disk_of_a_draining_node_goes_where_the_node_would),
        cmocka_unit_test(a_node_whose_own_place_waits_for_it_takes_no_other),
        cmocka_unit_test(where_it_has_one_already_another_node_takes_the_old_one),
        cmocka_unit_test(replicas_move_one_at_a_time_to_a_node_of_the_zone_with_two_fewer),
        cmocka_unit_test(the_leader_stays_and_so_do_all_while_somebody_leaves),
        cmocka_unit_test(a_second_member_in_a_zone_goes_to_a_zone_with_none),
    };

    return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}

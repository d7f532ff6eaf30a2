#include "../catalog/given.h"

#include "control/members.h"
#include "control/rescue.h"

/* Nodes 1 to 4 and a stream of one shard (group 2) on 1, 2 and 3. */
static struct model *given(void)
{
    struct model *model = given_cluster();

    given_active(model, "river", 1);
    assert_int_equal(add_node(model, 4, "a"), ERR_OK);
    struct model_shard *shard = model_shard_change(model, 2);
    memcpy(shard->members, (uint64_t[GROUP_MEMBERS_MAX]){ 1, 2, 3 }, sizeof(shard->members));
    return model;
}

static struct rescue_look look;

static void heard(uint64_t node, enum rescue_heard what)
{
    look.nodes[look.node_count++] = (struct rescue_node){ .node = node, .heard = what };
}

static struct holding *has(uint64_t node, uint32_t epoch, uint64_t last, uint64_t term)
{
    heard(node, RESCUE_HAS);
    struct holding *holding = &look.nodes[look.node_count - 1].holding;
    *holding = (struct holding){ .epoch = epoch,
                                 .member_count = 3,
                                 .members = { 1, 2, 3 },
                                 .last = last,
                                 .last_term = term,
                                 .applied = last };
    return holding;
}

static void begin(void)
{
    look = (struct rescue_look){ .group = 2 };
}

static void expect_survivor(const struct model *model, uint64_t node)
{
    rescue_choose(&look, model);
    assert_int_equal(look.err, ERR_OK);
    assert_int_equal(look.nodes[look.survivor].node, node);
}

static void expect_none(const struct model *model, enum err err, const char *why)
{
    rescue_choose(&look, model);
    assert_int_equal(look.err, err);
    assert_non_null(strstr(look.reason.text, why));
}

static void the_one_copy_is_the_survivor(void **state)
{
    struct model *model = given();

    begin();
    heard(1, RESCUE_DOWN);
    has(2, 1, 50, 3);
    heard(3, RESCUE_NOTHING);
    heard(4, RESCUE_NOTHING);
    expect_survivor(model, 2);
    model_free(model);
}

static void of_copies_outside_of_a_majority_it_is_the_one_with_most(void **state)
{
    struct model *model = given();

    begin(); /* 3 and 4 went on to another epoch, with 5 and 6 */
    has(1, 1, 90, 9);
    struct holding *later = has(3, 2, 50, 3);
    memcpy(later->members, (uint64_t[]){ 3, 5, 6 }, 3 * sizeof(uint64_t));
    heard(2, RESCUE_DOWN);
    expect_survivor(model, 3);

    begin(); /* a term counts more than an index */
    memcpy(has(1, 1, 50, 4)->members, (uint64_t[]){ 1, 7, 8 }, 3 * sizeof(uint64_t));
    memcpy(has(2, 1, 90, 3)->members, (uint64_t[]){ 1, 7, 8 }, 3 * sizeof(uint64_t));
    expect_survivor(model, 1);
    model_free(model);
}

static void a_majority_and_a_leader_need_no_rescue(void **state)
{
    struct model *model = given();

    begin();
    has(1, 1, 50, 3);
    has(2, 1, 40, 3);
    heard(3, RESCUE_DOWN);
    expect_none(model, ERR_CLOSED, "needs no rescue");
    begin();
    has(1, 1, 50, 3)->leads = true;
    heard(2, RESCUE_DOWN);
    heard(3, RESCUE_DOWN);
    expect_none(model, ERR_CLOSED, "(0000000000000001) leads it");
    model_free(model);
}

/* The look reached one of three members, and the other two reach that one. */
static void a_leader_that_one_hears_needs_no_rescue(void **state)
{
    struct model *model = given();

    begin();
    heard(3, RESCUE_DOWN);
    strcpy(look.nodes[0].name, "three");
    has(1, 1, 50, 3)->hears = 3;
    heard(2, RESCUE_DOWN);
    expect_none(model, ERR_CLOSED, "hears its leader, node three "
                "(0000000000000003): it needs no rescue");
    rescue_choose_catalog(&look);
    assert_int_equal(look.err, ERR_CLOSED);
    look.nodes[1].holding.hears = 0; /* any more */
    expect_survivor(model, 1);
    model_free(model);
}

static void who_cannot_be_fed_makes_no_majority(void **state)
{
    struct model *model = given();

    begin();
    has(1, 1, 90, 3)->first = 60;
    has(2, 1, 58, 3);
    heard(3, RESCUE_NOTHING);
    expect_survivor(model, 1);
    look.nodes[1].holding.last = 59;
    expect_none(model, ERR_CLOSED, "needs no rescue");
    model_free(model);
}

/* Nobody leads it, and what a member's log has let go of, or has behind the END, makes no
 * difference to who answers. */
static void a_majority_that_rests_needs_no_rescue(void **state)
{
    struct model *model = given();
    struct model_shard *shard = model_shard_change(model, 2);

    shard->state = SHARD_CLOSED;
    shard->rests_in = shard->epoch;
    begin();
    has(1, 1, 90, 4)->first = 91;
    has(2, 1, 58, 3);
    heard(3, RESCUE_DOWN);
    expect_none(model, ERR_CLOSED, "its group rests: it has no leader and needs none");
    expect_none(model, ERR_CLOSED, "2 of 3 are up: it needs no rescue");
    begin(); /* one alone answers too; but the lost ones are to be replaced */
    has(1, 1, 90, 4);
    heard(2, RESCUE_DOWN);
    heard(3, RESCUE_DOWN);
    expect_survivor(model, 1);
    model_free(model);
}

static void half_a_copy_is_none(void **state)
{
    struct model *model = given();

    begin();
    has(1, 1, 50, 3)->member_count = 0;
    heard(2, RESCUE_DOWN);
    heard(3, RESCUE_DOWN);
    expect_none(model, ERR_NOT_FOUND, "no node that is up has a whole copy");
    look.group = 9;
    expect_none(model, ERR_NOT_FOUND, "no shard of group 9");
    model_free(model);
}

/* One that hangs comes back with what would have been given up. */
static void who_is_connected_and_silent_is_waited_for(void **state)
{
    struct model *model = given();

    begin();
    has(1, 1, 50, 3);
    heard(2, RESCUE_DOWN);
    heard(3, RESCUE_SILENT);
    expect_none(model, ERR_BUSY, "does not say what it has");
    look.nodes[2].replaced = true;
    expect_survivor(model, 1);
    begin();
    heard(3, RESCUE_SILENT);
    expect_none(model, ERR_BUSY, "does not say what it has");
    begin(); /* a majority is there without it */
    has(1, 1, 50, 3);
    has(2, 1, 50, 3);
    heard(3, RESCUE_SILENT);
    expect_none(model, ERR_CLOSED, "needs no rescue");
    model_free(model);
}

static void rescue(struct model *model, uint64_t survivor, uint64_t index, uint64_t term)
{
    uint64_t aside[] = { 2, 3 };
    struct change_rescue row = { .group = 2,
                                 .epoch = model_shard_by_group(model, 2, NULL)->epoch,
                                 .survivor = survivor,
                                 .index = index,
                                 .term = term,
                                 .aside = aside,
                                 .aside_count = 2 };

    assert_int_equal(apply(model, change_rescue_shard(stamp, &row)), ERR_OK);
}

static void copies_of_a_history_that_ended_count_no_more(void **state)
{
    struct model *model = given();

    rescue(model, 1, 50, 3);
    begin();
    heard(1, RESCUE_DOWN); /* the survivor is lost too, before or after it began */
    has(2, 1, 90, 3);
    has(3, 1, 90, 3);
    expect_none(model, ERR_NOT_FOUND, "no node that is up");

    begin();
    has(1, 1, 50, 3); /* it is about to begin */
    expect_none(model, ERR_CLOSED, "is being rescued");

    begin();
    has(1, 1, 51, 3); /* it has another end than was confirmed: somebody must look again */
    expect_survivor(model, 1);

    begin();
    has(1, MODEL_RESCUE_EPOCHS + 1, 60, 4);
    heard(2, RESCUE_NOTHING);
    expect_survivor(model, 1);
    model_free(model);
}

/* ---- it grows again ---- */

static bool is_not_2(void *ctx, uint64_t node)
{
    return node != 2;
}

static void it_grows_by_one_node_of_a_zone_that_has_none(void **state)
{
    struct model *model = given();
    struct members_world world = { .most = CONTROL_MOVES_AT_ONCE,
                                   .room = CONTROL_MOVES_AT_ONCE,
                                   .room_again = CONTROL_MOVES_AT_ONCE };
    static struct members_look members;

    assert_int_equal(add_node(model, 5, "b"), ERR_OK);
    members_begin(&members, model, &world, NULL, 0);
    assert_true(members.done); /* nobody leaves, nothing grows */
    rescue(model, 1, 50, 3);
    members_begin(&members, model, &world, NULL, 0);
    for (uint32_t i = 0; i < 3 && members.row_count == 0; i++)
        members_step(&members, model, &world);
    assert_int_equal(members.row_count, 1);
    assert_int_equal(members.rows[0].epoch, MODEL_RESCUE_EPOCHS + 1);
    assert_int_equal(members.rows[0].member_count, 2);
    assert_int_equal(members.rows[0].members[0], 1);
    assert_int_equal(members.rows[0].members[1], 5); /* 4 stands in the zone of 1; 2, 3 are aside */
    struct buf *change = change_set_members(stamp, members.rows, 1);
    assert_int_equal(apply(model, change), ERR_OK);

    world.up = is_not_2;
    members_begin(&members, model, &world, NULL, 0);
    for (uint32_t i = 0; i < 3 && members.row_count == 0; i++)
        members_step(&members, model, &world);
    assert_int_equal(members.row_count, 1);
    assert_int_equal(members.rows[0].member_count, 3);
    assert_int_equal(members.rows[0].members[2], 4); /* better than none */
    change = change_set_members(stamp, members.rows, 1);
    assert_int_equal(apply(model, change), ERR_OK);
    members_begin(&members, model, &world, NULL, 0);
    assert_true(members.done);
    model_free(model);
}

/* ---- what a node says ---- */

static void a_holding_is_read_as_it_was_written(void **state)
{
    struct holding read, holding = { .epoch = 7, .member_count = 2, .members = { 5, 6 },
                                     .first = 2, .last = 90, .last_term = 3, .last_time_ms = 4,
                                     .applied = 88, .records = 1000, .open = true };
    struct buf *bytes = holding_encode(&holding);

    assert_true(holding_decode(&read, buf_slice(bytes)));
    assert_memory_equal(&read, &holding, sizeof(read));
    for (size_t len = 0; len < bytes->len; len++)
        assert_false(holding_decode(&read, slice_of(bytes->data, len)));
    bytes->data[0] = 9; /* another format */
    assert_false(holding_decode(&read, buf_slice(bytes)));
    buf_unref(bytes);
    holding.hears = 6;
    bytes = holding_encode(&holding);
    assert_true(holding_decode(&read, buf_slice(bytes)));
    assert_memory_equal(&read, &holding, sizeof(read));
    assert_false(holding_decode(&read, slice_of(bytes->data, bytes->len - 8)));
    buf_unref(bytes);
    holding.applied = 91; /* more than it has */
    bytes = holding_encode(&holding);
    assert_false(holding_decode(&read, buf_slice(bytes)));
    buf_unref(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_copy_is_the_survivor),
        cmocka_unit_test(of_copies_outside_of_a_majority_it_is_the_one_with_most),
        cmocka_unit_test(a_majority_and_a_leader_need_no_rescue),
        cmocka_unit_test(a_leader_that_one_hears_needs_no_rescue),
        cmocka_unit_test(who_cannot_be_fed_makes_no_majority),
        cmocka_unit_test(a_majority_that_rests_needs_no_rescue),
        cmocka_unit_test(half_a_copy_is_none),
        cmocka_unit_test(who_is_connected_and_silent_is_waited_for),
        cmocka_unit_test(copies_of_a_history_that_ended_count_no_more),
        cmocka_unit_test(it_grows_by_one_node_of_a_zone_that_has_none),
        cmocka_unit_test(a_holding_is_read_as_it_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

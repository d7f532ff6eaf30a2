#include "../catalog/given.h"

#include "control/members.h"

static bool is_first_or_last(void *ctx, uint64_t node)
{
    return node == 1 || node == 4;
}

static bool is_second(void *ctx, uint64_t node)
{
    return node == 2;
}

static bool all_move(void *ctx, uint64_t group)
{
    return true;
}

static uint32_t rows_of(const struct model *model)
{
    const struct members_world world = { .up = is_first_or_last,
                                         .dead = is_second,
                                         .moves = all_move,
                                         .most = CONTROL_MOVES_AT_ONCE,
                                         .room = CONTROL_MOVES_AT_ONCE,
                                         .room_again = CONTROL_MOVES_AT_ONCE };
    struct members_look look;

    members_begin(&look, model, &world, NULL, 0);
    while (!look.done)
        members_step(&look, model, &world);
    return look.row_count;
}

/* 2 is dead, 3 is down, and the group is on its way: only what was never there need not wait. */
static void a_stream_in_creating_waits_for_no_majority(void **state)
{
    struct model *model = given_cluster();

    given_stream(model, "river", 1);
    assert_int_equal(add_node(model, 4, "b"), ERR_OK);
    assert_int_equal(rows_of(model), 1);
    assert_int_equal(apply(model, change_activate_stream(stamp, 1)), ERR_OK);
    assert_int_equal(rows_of(model), 0);
    model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_in_creating_waits_for_no_majority),
    };

    return cmocka_run_group_tests_name("members_creating", tests, NULL, NULL);
}

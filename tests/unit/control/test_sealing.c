/* Whose vote is in the START of the next epoch, and who asks for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/placed.h"
#include "control/sealing.h"
#include "control/succession.h"

#define GROUP 5u
#define SELF 2u
#define SEAL_TERM 7u

static const struct log_state state = {
    .group = GROUP, .member_count = 3, .members = { 1, SELF, 3 }
};

static struct {
    struct control control;
    enum replica_role role;
    uint64_t leader;
    struct log_state start;
} world;

/* ---- what is around it ---- */

const struct log_state *log_state(const struct log *log, uint64_t group)
{
    return &state;
}

uint64_t shard_group(const struct shard *shard)
{
    return GROUP;
}

uint64_t shard_leader(const struct shard *shard)
{
    return world.leader;
}

struct shard_status shard_status(const struct shard *shard)
{
    return (struct shard_status){ .replica = { .role = world.role, .epoch = 1 } };
}

bool placed_in(const struct log_state *of, uint64_t node)
{
    for (uint32_t i = 0; i < of->member_count; i++)
        if (of->members[i] == node)
            return true;
    return false;
}

/* Of ends of epochs that nobody asks for here. */

bool shard_leads(const struct shard *shard)
{
    fail();
    return false;
}

bool shard_is_behind(const struct shard *shard, uint64_t node)
{
    fail();
    return false;
}

void shard_seal(struct shard *shard, const struct seal *seal)
{
    fail();
}

void succession_want(struct control *control, uint64_t group, uint32_t epoch, uint64_t from)
{
    fail();
}

enum node_health control_health(const struct control *control, uint64_t node)
{
    fail();
    return NODE_UP;
}

uint64_t control_now_ms(const struct control *control)
{
    fail();
    return 0;
}

/* ---- what it decides ---- */

/* The epoch ends for one of `seal`'s members, and `leader` led it. */
static bool ends(const struct seal *seal, uint64_t leader)
{
    world.control.options.node = SELF;
    world.leader = leader;
    world.role = leader == SELF ? REPLICA_LEADER : REPLICA_FOLLOWER;
    world.start = (struct log_state){ .group = GROUP, .term = SEAL_TERM };
    return sealing_vote(&world.control, NULL, seal, &world.start);
}

static void assert_voted(uint64_t node)
{
    assert_int_equal(world.start.vote, node);
    assert_int_equal(world.start.term, node == 0 ? SEAL_TERM : SEAL_TERM + 1);
}

static void a_follower_has_its_vote_for_the_leader_in_the_start(void **unused)
{
    const struct seal seal = { .epoch = 2, .member_count = 3, .members = { 4, SELF, 3 } };

    assert_false(ends(&seal, 3));
    assert_voted(3);
}

/* It votes for itself in the term that it asks for. */
static void the_leader_asks_and_has_none_in_it(void **unused)
{
    const struct seal seal = { .epoch = 2, .member_count = 3, .members = { 4, SELF, 3 } };

    assert_true(ends(&seal, SELF));
    assert_voted(0);
}

/* Member 4 has not been in the epoch that ends. */
static void where_the_leader_leaves_it_is_the_first_of_those_who_go_on(void **unused)
{
    const struct seal second = { .epoch = 2, .member_count = 3, .members = { 4, 3, SELF } };
    const struct seal first = { .epoch = 2, .member_count = 3, .members = { 4, SELF, 3 } };

    assert_false(ends(&second, 1));
    assert_voted(3);
    assert_true(ends(&first, 1));
    assert_voted(0);
}

static void who_leaves_votes_for_nobody(void **unused)
{
    const struct seal seal = { .epoch = 2, .member_count = 3, .members = { 1, 4, 3 } };

    assert_false(ends(&seal, 3));
    assert_voted(0);
    assert_false(ends(&seal, SELF));
    assert_voted(0);
}

static void nobody_is_chosen_where_no_leader_is_known(void **unused)
{
    const struct seal seal = { .epoch = 2, .member_count = 3, .members = { 4, SELF, 3 } };

    assert_false(ends(&seal, 0));
    assert_voted(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_has_its_vote_for_the_leader_in_the_start),
        cmocka_unit_test(the_leader_asks_and_has_none_in_it),
        cmocka_unit_test(where_the_leader_leaves_it_is_the_first_of_those_who_go_on),
        cmocka_unit_test(who_leaves_votes_for_nobody),
        cmocka_unit_test(nobody_is_chosen_where_no_leader_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

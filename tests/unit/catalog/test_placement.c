#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/placement.h"
#include "env/random.h"

#define SHARDS 60u

static const char *const az_names[] = { "a", "b", "c", "d" };

static struct placement_node node_in(uint64_t id, const char *az)
{
    return (struct placement_node){ .id = id, .az = az, .up = true };
}

static const struct placement_node *node_of(const struct placement_node nodes[], uint32_t count,
                                            uint64_t id)
{
    for (uint32_t i = 0; i < count; i++)
        if (nodes[i].id == id)
            return &nodes[i];
    fail_msg("no such node");
    return NULL;
}

static void must_place(struct placement_node nodes[], uint32_t node_count, uint32_t replication,
                       uint32_t shard_count, uint64_t (*members)[GROUP_MEMBERS_MAX])
{
    struct reason reason = { .text = "" };

    assert_int_equal(
        placement_shards(nodes, node_count, replication, shard_count, members, &reason), ERR_OK);
}

static void each_shard_has_a_replica_in_each_of_three_azs(void **state)
{
    struct placement_node nodes[] = { node_in(1, "a"), node_in(2, "a"), node_in(3, "a"),
                                      node_in(4, "b"), node_in(5, "b"), node_in(6, "c") };
    uint64_t members[SHARDS][GROUP_MEMBERS_MAX];

    must_place(nodes, 6, 3, SHARDS, members);
    for (uint32_t shard = 0; shard < SHARDS; shard++) {
        char seen[4] = "";
        for (uint32_t i = 0; i < 3; i++)
            seen[node_of(nodes, 6, members[shard][i])->az[0] - 'a'] = 'x';
        assert_string_equal(seen, "xxx");
        assert_int_equal(members[shard][3], 0);
    }
}

static void replicas_and_leaders_are_spread_evenly(void **state)
{
    struct placement_node nodes[] = { node_in(1, "a"), node_in(2, "b"), node_in(3, "c"),
                                      node_in(4, "a"), node_in(5, "b"), node_in(6, "c") };
    uint64_t members[SHARDS][GROUP_MEMBERS_MAX];

    must_place(nodes, 6, 3, SHARDS, members);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(nodes[i].replicas, SHARDS * 3 / 6);
        assert_int_equal(nodes[i].preferred, SHARDS / 6);
    }
}

static void leaders_rotate_from_the_first_shard_on(void **state)
{
    struct placement_node nodes[] = { node_in(1, "a"), node_in(2, "b"), node_in(3, "c") };
    uint64_t members[3][GROUP_MEMBERS_MAX];

    must_place(nodes, 3, 3, 3, members);
    assert_int_not_equal(members[0][0], members[1][0]);
    assert_int_not_equal(members[1][0], members[2][0]);
    assert_int_not_equal(members[0][0], members[2][0]);
}

static void a_node_with_less_load_comes_first(void **state)
{
    struct placement_node nodes[] = { node_in(1, "a"), node_in(2, "b"), node_in(3, "c"),
                                      node_in(4, "c") };
    uint64_t members[1][GROUP_MEMBERS_MAX];

    nodes[2].replicas = 7;
    must_place(nodes, 4, 3, 1, members);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_not_equal(members[0][i], 3);
}

static void fewer_azs_than_replicas_are_all_used(void **state)
{
    struct placement_node nodes[] = { node_in(1, "a"), node_in(2, "a"), node_in(3, "a"),
                                      node_in(4, "b") };
    uint64_t members[SHARDS][GROUP_MEMBERS_MAX];

    must_place(nodes, 4, 3, SHARDS, members);
    assert_int_equal(nodes[3].replicas, SHARDS); /* the only one of its AZ is in all */
}

static void a_down_node_gets_nothing(void **state)
{
    struct placement_node nodes[] = { node_in(1, "a"), node_in(2, "b"), node_in(3, "c"),
                                      node_in(4, "b") };
    uint64_t members[SHARDS][GROUP_MEMBERS_MAX];

    nodes[1].up = false;
    must_place(nodes, 4, 3, SHARDS, members);
    assert_int_equal(nodes[1].replicas, 0);
    assert_int_equal(nodes[1].preferred, 0);
}

static void too_few_nodes_place_nothing(void **state)
{
    struct placement_node nodes[] = { node_in(1, "a"), node_in(2, "b"), node_in(3, "c") };
    uint64_t members[1][GROUP_MEMBERS_MAX];
    struct reason reason = { .text = "" };

    nodes[0].up = false;
    assert_int_equal(placement_shards(nodes, 3, 3, 1, members, &reason), ERR_UNAVAILABLE);
    assert_string_equal(reason.text,
                        "each shard wants 3 nodes for its replicas, and 2 are up and not draining");
    assert_int_equal(nodes[1].replicas + nodes[2].replicas, 0);
    assert_int_equal(placement_shards(nodes, 0, 1, 1, members, &reason), ERR_UNAVAILABLE);
}

static void one_node_may_hold_all_single_replicas(void **state)
{
    struct placement_node nodes[] = { node_in(9, "a") };
    uint64_t members[4][GROUP_MEMBERS_MAX];

    must_place(nodes, 1, 1, 4, members);
    for (uint32_t shard = 0; shard < 4; shard++)
        assert_int_equal(members[shard][0], 9);
}

/* Whatever the cluster: no node twice in a shard, nobody who is down, as many AZs as can be. */
static void no_cluster_breaks_the_rules(void **state)
{
    struct random random;

    random_init(&random, 11);
    for (uint32_t round = 0; round < 300; round++) {
        struct placement_node nodes[12];
        uint64_t members[20][GROUP_MEMBERS_MAX];
        uint32_t count = 3 + (uint32_t)random_below(&random, 10), up = 0, azs = 0, in_az[4] = { 0 };
        for (uint32_t i = 0; i < count; i++) {
            uint32_t az = (uint32_t)random_below(&random, 4);
            nodes[i] = node_in(100 + i, az_names[az]);
            nodes[i].up = random_below(&random, 4) != 0;
            nodes[i].replicas = (uint32_t)random_below(&random, 5);
            up += nodes[i].up;
            azs += nodes[i].up && in_az[az]++ == 0;
        }
        if (up < 3)
            continue;
        must_place(nodes, count, 3, 20, members);
        for (uint32_t shard = 0; shard < 20; shard++) {
            uint32_t used[4] = { 0 }, distinct = 0;
            for (uint32_t i = 0; i < 3; i++) {
                const struct placement_node *node = node_of(nodes, count, members[shard][i]);
                assert_true(node->up);
                distinct += used[node->az[0] - 'a']++ == 0;
                for (uint32_t k = 0; k < i; k++)
                    assert_int_not_equal(members[shard][k], members[shard][i]);
            }
            assert_int_equal(distinct, azs < 3 ? azs : 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shard_has_a_replica_in_each_of_three_azs),
        cmocka_unit_test(replicas_and_leaders_are_spread_evenly),
        cmocka_unit_test(leaders_rotate_from_the_first_shard_on),
        cmocka_unit_test(a_node_with_less_load_comes_first),
        cmocka_unit_test(fewer_azs_than_replicas_are_all_used),
        cmocka_unit_test(a_down_node_gets_nothing),
        cmocka_unit_test(too_few_nodes_place_nothing),
        cmocka_unit_test(one_node_may_hold_all_single_replicas),
        cmocka_unit_test(no_cluster_breaks_the_rules),
    };

    return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}

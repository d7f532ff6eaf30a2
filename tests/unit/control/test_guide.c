/* Nodes that have lost their disk: who is told where the cluster is, and whom such a node dials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/control_private.h"

#define DIALS_MOST 32u

static struct {
    struct control *control;
    struct note note;
    bool founded;
    struct model_node row;
    bool spoke; /* the peer: a word of boot `word.boot` */
    struct liveness_word word;
    uint64_t now_ms;
    char dialled[DIALS_MOST][NET_ADDRESS_MAX], undialled[DIALS_MOST][NET_ADDRESS_MAX];
    uint32_t dials, undials;
} world;

/* ---- what is around it ---- */

const struct model *catalog_model(const struct catalog *catalog)
{
    return NULL;
}

bool model_founded(const struct model *model)
{
    return world.founded;
}

uint32_t model_node_count(const struct model *model)
{
    return world.founded ? 1 : 0;
}

const struct model_node *model_node_at(const struct model *model, uint32_t at)
{
    return &world.row;
}

const struct liveness_word *liveness_word_of(const struct liveness *liveness, uint64_t node)
{
    return world.spoke ? &world.word : NULL;
}

uint64_t control_now_ms(const struct control *control)
{
    return world.now_ms;
}

void bootstrap_dial(struct control *control, const char *address)
{
    assert_true(world.dials < DIALS_MOST);
    strcpy(world.dialled[world.dials++], address);
}

void net_undial(struct net *net, const char *address)
{
    assert_true(world.undials < DIALS_MOST);
    strcpy(world.undialled[world.undials++], address);
}

/* ---- tests ---- */

static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.control = calloc(1, sizeof(*world.control));
    assert_non_null(world.control);
    note_init(&world.note, NOTE_OFF, NULL, NULL);
    world.control->world.note = &world.note;
    world.control->bootstrap.joined = true;
    world.control->bootstrap.cluster.id = 77;
    world.founded = true;
    world.row = (struct model_node){ .id = 4, .name = "n1", .peer_address = "a:1" };
    return 0;
}

static int tear_down(void **state)
{
    free(world.control);
    return 0;
}

/* A node at the row's address and of its name that has another id, as its disk was lost. */
static struct bootstrap_peer lost_node(void)
{
    return (struct bootstrap_peer){
        .node = 9, .boot = 5, .up = true, .name = "n1", .address = "a:1"
    };
}

static void who_is_in_no_cluster_is_told_at_once(void **state)
{
    struct bootstrap_peer peer = lost_node();

    assert_true(guide_is_for(world.control, &peer));
}

static void another_name_or_address_is_not_the_lost_node(void **state)
{
    struct bootstrap_peer peer = lost_node();

    strcpy(peer.name, "n2");
    assert_false(guide_is_for(world.control, &peer));
    strcpy(peer.name, "n1");
    strcpy(peer.address, "a:2");
    assert_false(guide_is_for(world.control, &peer));
}

static void one_whose_place_was_taken_is_not_asked_for(void **state)
{
    struct bootstrap_peer peer = lost_node();

    world.row.replaced = true;
    assert_false(guide_is_for(world.control, &peer));
}

static void who_is_in_another_cluster_is_left_alone(void **state)
{
    struct bootstrap_peer peer = lost_node();

    peer.cluster.id = 78;
    world.now_ms = CONTROL_MUTE_MS;
    assert_false(guide_is_for(world.control, &peer));
}

static void who_is_in_none_itself_tells_nobody(void **state)
{
    struct bootstrap_peer peer = lost_node();

    world.control->bootstrap.joined = false;
    assert_false(guide_is_for(world.control, &peer));
    world.control->bootstrap.joined = true;
    world.founded = false;
    assert_false(guide_is_for(world.control, &peer));
}

static void who_is_in_this_one_is_told_when_it_is_mute(void **state)
{
    struct bootstrap_peer peer = lost_node();

    peer.cluster.id = 77;
    peer.up_ms = 1000;
    world.now_ms = 1000 + CONTROL_MUTE_MS - 1;
    assert_false(guide_is_for(world.control, &peer));
    world.now_ms++;
    assert_true(guide_is_for(world.control, &peer));

    world.spoke = true;
    world.word.boot = 4; /* its last process did */
    assert_true(guide_is_for(world.control, &peer));
    world.word.boot = 5;
    assert_false(guide_is_for(world.control, &peer));
}

static void a_node_of_the_model_under_its_id_may_have_changed_its_name(void **state)
{
    struct bootstrap_peer peer = lost_node();

    strcpy(peer.name, "other");
    peer.node = 4;
    assert_true(guide_is_for(world.control, &peer));
}

static void who_has_no_model_dials_whoever_tells_it(void **state)
{
    world.founded = false;
    guide_follow(world.control, "b:1");
    guide_follow(world.control, "b:1");
    guide_follow(world.control, "");
    guide_follow(world.control, "b:2");
    assert_int_equal(world.dials, 2);
    assert_string_equal(world.dialled[0], "b:1");
    assert_string_equal(world.dialled[1], "b:2");
}

static void who_has_a_model_knows_better(void **state)
{
    guide_follow(world.control, "b:1");
    assert_int_equal(world.dials, 0);
}

static void only_the_newest_are_dialled_and_seeds(void **state)
{
    const char *seeds[] = { "b:0" };
    char address[NET_ADDRESS_MAX];

    world.control->options.seeds = seeds;
    world.control->options.seed_count = 1;
    world.founded = false;
    for (uint32_t i = 0; i < CONTROL_GUIDES_MAX + 2; i++) {
        snprintf(address, sizeof(address), "b:%u", i);
        guide_follow(world.control, address);
    }
    assert_int_equal(world.dials, CONTROL_GUIDES_MAX + 2);
    assert_int_equal(world.undials, 1); /* not the seed */
    assert_string_equal(world.undialled[0], "b:1");
}

static void with_a_model_what_was_told_counts_no_more(void **state)
{
    world.founded = false;
    guide_follow(world.control, "a:1");
    guide_follow(world.control, "b:1");
    world.founded = true;
    guide_end(world.control);
    assert_int_equal(world.undials, 1); /* where a node of the model listens stays */
    assert_string_equal(world.undialled[0], "b:1");
    guide_end(world.control);
    assert_int_equal(world.undials, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_in_no_cluster_is_told_at_once),
        TEST(another_name_or_address_is_not_the_lost_node),
        TEST(one_whose_place_was_taken_is_not_asked_for),
        TEST(who_is_in_another_cluster_is_left_alone),
        TEST(who_is_in_none_itself_tells_nobody),
        TEST(who_is_in_this_one_is_told_when_it_is_mute),
        TEST(a_node_of_the_model_under_its_id_may_have_changed_its_name),
        TEST(who_has_no_model_dials_whoever_tells_it),
        TEST(who_has_a_model_knows_better),
        TEST(only_the_newest_are_dialled_and_seeds),
        TEST(with_a_model_what_was_told_counts_no_more),
    };

    return cmocka_run_group_tests_name("guide", tests, NULL, NULL);
}

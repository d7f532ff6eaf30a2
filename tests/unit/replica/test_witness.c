#include "fake.h"

#include <stdlib.h>
#include <string.h>

#include "replica/witness.h"

#define GROUP 9u

/* ---- the engine ---- */

static struct witness *witness_new(uint64_t boot, uint64_t found)
{
    struct witness *witness = calloc(1, sizeof(*witness));

    assert_non_null(witness);
    witness_init(witness, boot, found);
    return witness;
}

static void hear(struct witness *witness, uint64_t node, uint64_t boot, uint64_t turn)
{
    witness_hear(witness, node, &(struct envelope_word){ boot, turn });
}

/* What `about` would read in a frame from `witness`. */
static uint64_t forgot(const struct witness *about, const struct witness *witness, uint64_t node)
{
    struct envelope_frame frame = { .envelopes = 0 };

    witness_say(witness, node, &frame);
    return witness_forgot(about, &frame);
}

static void one_of_whom_nothing_was_heard_has_forgotten_nothing(void **state)
{
    struct witness *other = witness_new(1, 0), *node = witness_new(2, 0);
    struct envelope_frame frame;

    assert_int_equal(forgot(node, other, 7), 0);
    hear(other, 7, 2, 0); /* it spoke before anything of it was durable */
    assert_true(witness_met(other, 7));
    assert_false(witness_met(other, 8));
    assert_int_equal(forgot(node, other, 7), 0);
    witness_say(node, 1, &frame);
    assert_int_equal(frame.said.boot, 2);
    assert_int_equal(frame.said.turn, 0);
    free(other);
    free(node);
}

static void a_log_that_goes_on_contradicts_nobody(void **state)
{
    struct witness *other = witness_new(1, 0), *node = witness_new(2, 0);

    witness_durable(node, 10);
    hear(other, 7, 2, 10);
    assert_int_equal(forgot(node, other, 7), 0);
    witness_init(node, 3, 10);
    assert_int_equal(forgot(node, other, 7), 0);
    witness_durable(node, 11);
    hear(other, 7, 3, 11);
    assert_int_equal(forgot(node, other, 7), 0);
    witness_init(node, 4, 12); /* found more than it had said */
    assert_int_equal(forgot(node, other, 7), 0);
    free(other);
    free(node);
}

static void a_log_that_ends_earlier_is_contradicted_however_far_it_goes_on(void **state)
{
    struct witness *other = witness_new(1, 0), *node = witness_new(3, 9);

    hear(other, 7, 2, 10);
    assert_int_equal(forgot(node, other, 7), 10);
    witness_durable(node, 10);
    assert_int_equal(forgot(node, other, 7), 10);
    witness_durable(node, 50);
    hear(other, 7, 3, 50);
    assert_int_equal(forgot(node, other, 7), 10);
    free(other);
    free(node);
}

static void a_process_set_back_with_its_disk_is_contradicted(void **state)
{
    struct witness *other = witness_new(1, 0), *node = witness_new(2, 5);

    witness_durable(node, 8);
    hear(other, 7, 2, 20); /* said by this boot, before it was set back */
    assert_int_equal(forgot(node, other, 7), 20);
    free(other);
    free(node);
}

static void words_may_arrive_in_any_order(void **state)
{
    struct witness *other = witness_new(1, 0), *node = witness_new(4, 30);

    hear(other, 7, 4, 33);
    hear(other, 7, 2, 20);
    hear(other, 7, 3, 30);
    hear(other, 7, 2, 19);
    witness_durable(node, 33);
    assert_int_equal(forgot(node, other, 7), 0);
    witness_init(node, 4, 29); /* what if it had found one less */
    assert_int_equal(forgot(node, other, 7), 33);
    witness_durable(node, 33);
    assert_int_equal(forgot(node, other, 7), 30);
    free(other);
    free(node);
}

static void the_one_silent_for_longest_makes_room(void **state)
{
    struct witness *witness = witness_new(1, 0);

    for (uint64_t node = 1; node <= WITNESS_PEERS_MAX; node++)
        hear(witness, node, 5, node);
    hear(witness, 1, 5, 100);
    hear(witness, 1000, 5, 6);
    assert_true(witness_met(witness, 1));
    assert_false(witness_met(witness, 2));
    assert_true(witness_met(witness, 3));
    assert_true(witness_met(witness, 1000));
    free(witness);
}

/* ---- in a cluster ---- */

/* Node 3 follows, has acknowledged, and is down. */
static struct fake *cluster_without_3(void)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    for (uint32_t k = 0; k < 5; k++)
        fake_put(fake, leader, 100);
    fake_run(fake, 50);
    fake_kill(fake, leader->node->id == 3 ? 2 : 3);
    return fake;
}

static uint64_t down_in(const struct fake *fake)
{
    return fake->nodes[2].up ? 2 : 3;
}

static void peers_know_how_far_a_log_was_durable(void **state)
{
    struct fake *fake = cluster_without_3();
    uint64_t down = down_in(fake), most = 0;

    for (uint64_t node = 1; node <= 3; node++)
        if (node != down && roster_heard(fake_node(fake, node)->roster, down) > most)
            most = roster_heard(fake_node(fake, node)->roster, down);
    assert_int_equal(most, fake_node(fake, down)->log.durable);
    fake_free(fake);
}

static void a_restart_that_finds_all_takes_part_again(void **state)
{
    struct fake *fake = cluster_without_3();
    uint64_t down = down_in(fake);

    fake_restart(fake, down, 0);
    fake_put(fake, fake_leader(fake, GROUP), 10);
    fake_run(fake, 200);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_int_equal(fake_node(fake, node)->forgotten, 0);
        assert_int_equal(fake_owner(fake, node, GROUP)->applied,
                         fake_leader(fake, GROUP)->applied);
    }
    fake_free(fake);
}

static uint64_t spoken; /* messages of one node; frames without any are no part in anything */

static bool count_spoken(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;

    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    if (message->from == *(uint64_t *)fake->filter_ctx)
        spoken += reader.left;
    return true;
}

static void a_restart_that_finds_less_says_so_once_and_nothing_else(void **state)
{
    struct fake *fake = cluster_without_3();
    uint64_t down = down_in(fake);
    struct fake_node *node = fake_node(fake, down);

    fake->filter = count_spoken;
    fake->filter_ctx = &down;
    spoken = 0;
    fake_restart_forgetful(fake, down, 1);
    fake_run(fake, 5 * FAKE_T);
    assert_int_equal(node->forgotten, 1);
    assert_non_null(strstr(node->forgotten_why.text, REASON_KEEP_DATA));
    assert_int_equal(spoken, 0);
    assert_true(fake_leader(fake, GROUP)->node->id != down);
    fake_put(fake, fake_leader(fake, GROUP), 10);
    fake_free(fake);
}

static uint64_t said; /* the highest turn that one node said to be durable */

static bool note_said(struct fake *fake, const struct fake_message *message)
{
    struct envelope_reader reader;

    assert_true(envelope_reader_init(&reader, buf_slice(message->buf)));
    if (message->from == *(uint64_t *)fake->filter_ctx && reader.frame.said.turn > said)
        said = reader.frame.said.turn;
    return true;
}

/* A turn of its own. */
static void write_something(struct fake *fake, uint64_t node)
{
    struct log *log = &fake_node(fake, node)->log;
    const struct log_state *state = log_state(log, GROUP);

    (void)log_hard(log, GROUP, state->term, state->vote);
}

/* The right directory, put back, does not have what a copy of it wrote before it was found out. */
static void what_a_copy_wrote_is_held_against_nobody(void **state)
{
    struct fake *fake = cluster_without_3();
    uint64_t down = down_in(fake), other = fake_leader(fake, GROUP)->node->id;
    uint64_t heard = roster_heard(fake_node(fake, other)->roster, down);
    uint64_t third = 1 + 2 + 3 - down - other;

    /* What its leader heard it learns only when it has asked the other one whether it may lead. */
    fake_cut(fake, down, other, true);
    fake->filter = note_said;
    fake->filter_ctx = &down;
    said = 0;
    fake_restart_forgetful(fake, down, 1);
    write_something(fake, down);
    fake_run(fake, FAKE_T + FAKE_T / 2);
    fake_cut(fake, down, other, false);
    fake_run(fake, 5 * FAKE_T);
    assert_int_equal(fake_node(fake, down)->forgotten, 1);
    assert_int_equal(said, 0);
    assert_int_equal(roster_heard(fake_node(fake, other)->roster, down), heard);
    assert_in_range(roster_heard(fake_node(fake, third)->roster, down), 0, heard);
    fake_free(fake);
}

/* As long as nobody was promised anything nobody need know; then all hear it, at the latest when
 * the time is over in which somebody could contradict. */
static void one_that_is_trusted_says_how_far_it_goes(void **state)
{
    struct fake *fake = cluster_without_3();
    uint64_t down = down_in(fake), leader = fake_leader(fake, GROUP)->node->id;

    fake_kill(fake, leader);
    fake_kill(fake, 1 + 2 + 3 - down - leader);
    fake->filter = note_said;
    fake->filter_ctx = &down;
    fake_restart(fake, down, 0);
    write_something(fake, down);
    said = 0;
    fake_restart(fake, leader, 0);
    fake_run(fake, 5 * FAKE_T);
    assert_int_equal(said, fake_node(fake, down)->log.durable);
    fake_free(fake);
}

static void nothing_is_believed_before_all_have_spoken(void **state)
{
    struct fake *fake = cluster_without_3();
    uint64_t down = down_in(fake), leader = fake_leader(fake, GROUP)->node->id;
    uint64_t third = 1 + 2 + 3 - down - leader;

    /* The third is up and its frames do not arrive: it might know more. */
    fake_cut(fake, down, third, true);
    fake->filter = count_spoken;
    fake->filter_ctx = &down;
    spoken = 0;
    fake_restart(fake, down, 0);
    fake_run(fake, FAKE_T / 2);
    assert_int_equal(spoken, 0);
    fake_run(fake, 4 * FAKE_T);
    assert_true(spoken > 0);
    assert_int_equal(fake_node(fake, down)->forgotten, 0);
    fake_free(fake);
}

static void a_node_alone_has_no_witness(void **state)
{
    struct fake *fake = fake_new(1);

    fake_group(fake, GROUP, 1, 1);
    fake_put(fake, fake_leader(fake, GROUP), 10);
    fake_run(fake, 50);
    fake_kill(fake, 1);
    fake_restart_forgetful(fake, 1, 1);
    fake_put(fake, fake_leader(fake, GROUP), 10);
    assert_int_equal(fake_node(fake, 1)->forgotten, 0);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_whom_nothing_was_heard_has_forgotten_nothing),
        cmocka_unit_test(a_log_that_goes_on_contradicts_nobody),
        cmocka_unit_test(a_log_that_ends_earlier_is_contradicted_however_far_it_goes_on),
        cmocka_unit_test(a_process_set_back_with_its_disk_is_contradicted),
        cmocka_unit_test(words_may_arrive_in_any_order),
        cmocka_unit_test(the_one_silent_for_longest_makes_room),
        cmocka_unit_test(peers_know_how_far_a_log_was_durable),
        cmocka_unit_test(a_restart_that_finds_all_takes_part_again),
        cmocka_unit_test(a_restart_that_finds_less_says_so_once_and_nothing_else),
        cmocka_unit_test(what_a_copy_wrote_is_held_against_nobody),
        cmocka_unit_test(one_that_is_trusted_says_how_far_it_goes),
        cmocka_unit_test(nothing_is_believed_before_all_have_spoken),
        cmocka_unit_test(a_node_alone_has_no_witness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

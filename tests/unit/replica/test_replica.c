#include "fake.h"

#include <raft.h>
#include <stdlib.h>
#include <string.h>

#define GROUP 3u

static void one_of_three_members_is_elected_and_all_know_it(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 2);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 2);
    fake_run(fake, 200);
    for (uint64_t node = 1; node <= 3; node++) {
        assert_int_equal(fake_owner(fake, node, GROUP)->leader, 2);
        assert_int_equal(fake_owner(fake, node, GROUP)->applied, 2); /* the barrier */
        assert_int_equal(fake_owner(fake, node, GROUP)->heads[2].type, ENTRY_BARRIER);
    }
    fake_free(fake);
}

static void a_put_is_applied_everywhere_before_and_after_it_is_settled(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    for (uint64_t k = 0; k < 50; k++) {
        assert_int_equal(fake_put(fake, leader, 100 + k), 3 + k);
        assert_int_equal(leader->settled_applied, 3 + k);
    }
    fake_run(fake, 300);
    for (uint64_t node = 1; node <= 3; node++) {
        const struct fake_owner *owner = fake_owner(fake, node, GROUP);
        assert_int_equal(owner->applied, 52);
        assert_int_equal(owner->payloads_missing, 0);
        for (uint64_t k = 3; k <= 52; k++) {
            assert_int_equal(owner->heads[k].crc, leader->heads[k].crc);
            assert_true(owner->heads[k].time_ms >= owner->heads[k - 1].time_ms);
        }
    }
    fake_free(fake);
}

static void one_entry_is_in_flight_at_a_time(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    assert_int_equal(fake_propose(leader, 10), ERR_OK);
    assert_int_equal(fake_propose(leader, 10), ERR_BUSY);
    assert_int_equal(fake_propose(fake_owner(fake, 2, GROUP), 10), ERR_NOT_LEADER);
    fake_node(fake, 1)->log.full = true;
    fake_run(fake, 50);
    assert_int_equal(fake_propose(leader, 10), ERR_NO_SPACE);
    fake_free(fake);
}

static void a_single_member_elects_itself_and_acknowledges_after_its_own_write(void **state)
{
    struct fake *fake = fake_new(1);

    fake_group(fake, GROUP, 1, 1);
    fake_run(fake, 5);
    struct fake_owner *leader = fake_owner(fake, 1, GROUP);
    assert_int_equal(leader->role, REPLICA_LEADER);
    assert_true(replica_has_lease(leader->replica));

    fake_node(fake, 1)->log.stalled = true;
    assert_int_equal(fake_propose(leader, 10), ERR_OK);
    fake_run(fake, 1000);
    assert_false(leader->settled);
    fake_node(fake, 1)->log.stalled = false;
    fake_run(fake, 5);
    assert_true(leader->settled);
    assert_int_equal(fake_put(fake, leader, 20), 4);

    fake_kill(fake, 1);
    fake_restart(fake, 1, 1);
    leader = fake_leader(fake, GROUP);
    assert_int_equal(fake_put(fake, leader, 20), 6);
    fake_free(fake);
}

static void nothing_is_promised_before_it_is_on_the_disk(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    fake_run(fake, 100);
    fake_node(fake, 2)->log.stalled = fake_node(fake, 3)->log.stalled = true;
    fake_run(fake, 3 * FAKE_T);
    for (uint64_t node = 1; node <= 3; node++)
        assert_int_equal(fake_owner(fake, node, GROUP)->role, REPLICA_FOLLOWER);
    assert_true(roster_figures(fake_node(fake, 2)->roster).messages_parked > 0);
    fake_node(fake, 3)->log.stalled = false;
    fake_leader(fake, GROUP);
    fake_free(fake);
}

static void a_commit_needs_a_majority(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_run(fake, 200);
    fake_node(fake, 2)->log.stalled = fake_node(fake, 3)->log.stalled = true;
    assert_int_equal(fake_propose(leader, 10), ERR_OK);
    fake_run(fake, 100);
    assert_false(leader->settled);
    fake_node(fake, 3)->log.stalled = false;
    fake_run(fake, 300);
    assert_true(leader->settled);
    assert_int_equal(leader->settled_err, ERR_OK);
    fake_free(fake);
}

static void a_leader_that_is_cut_off_settles_unknown_and_follows_the_next(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *old = fake_leader(fake, GROUP);
    fake_put(fake, old, 10);
    fake_cut_off(fake, 1, true);
    assert_int_equal(fake_propose(old, 10), ERR_OK);
    fake_run(fake, 3 * FAKE_T);
    assert_true(old->settled);
    assert_int_equal(old->settled_err, ERR_UNKNOWN);
    assert_int_equal(old->role, REPLICA_FOLLOWER);
    assert_int_equal(fake_propose(old, 10), ERR_NOT_LEADER);

    struct fake_owner *new = fake_leader(fake, GROUP);
    assert_int_not_equal(new->node->id, 1);
    uint64_t index = fake_put(fake, new, 77);
    fake_cut_off(fake, 1, false);
    fake_run(fake, 4 * FAKE_T);
    assert_true(old->applied >= index);
    assert_int_equal(old->heads[index].crc, new->heads[index].crc);
    fake_free(fake);
}

static void when_a_leader_is_gone_the_preferred_successor_leads_at_once(void **state)
{
    for (uint64_t group = 1; group < 7; group++) {
        struct fake *fake = fake_new(3);

        fake_group(fake, group, 3, 1);
        struct fake_owner *old = fake_leader(fake, group);
        fake_put(fake, old, 10);
        uint64_t preferred = 2 + group % 2; /* since when it was opened */
        for (uint64_t node = 1; node <= 3; node++)
            replica_prefer(fake_owner(fake, node, group)->replica, preferred);
        fake_run(fake, 300);
        fake_kill(fake, old->node->id);
        uint64_t start = fake->now_ms;
        struct fake_owner *new = fake_leader(fake, group);
        assert_true(fake->now_ms - start < 60);
        assert_int_equal(new->node->id, preferred);
        fake_put(fake, new, 10);
        fake_free(fake);
    }
}

static void a_successor_with_an_old_log_makes_room_for_the_next(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *old = fake_leader(fake, GROUP);
    fake_run(fake, 300);
    /* Group 3 of three members: node 2 is the first successor of node 1, and lacks an entry. */
    fake_cut(fake, 1, 2, true);
    fake_put(fake, old, 10);
    fake_kill(fake, 1);
    uint64_t start = fake->now_ms;
    struct fake_owner *new = fake_leader(fake, GROUP);
    assert_int_equal(new->node->id, 3);
    assert_true(fake->now_ms - start < 350);
    fake_free(fake);
}

static void a_leader_that_is_silent_is_waited_for(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *old = fake_leader(fake, GROUP);
    fake_run(fake, 300);
    assert_true(replica_has_lease(old->replica));
    uint64_t cut_ms = clock_mono_ms(&fake_owner(fake, 2, GROUP)->node->clock);
    for (uint64_t id = 1; id <= 3; id++)
        assert_in_range(replica_heard_ms(fake_owner(fake, id, GROUP)->replica), cut_ms - FAKE_T,
                        cut_ms);
    fake_cut_off(fake, 1, true);
    for (uint32_t ms = 0; ms < 6 * FAKE_T; ms++) {
        fake_run(fake, 1);
        bool other = fake_owner(fake, 2, GROUP)->role != REPLICA_FOLLOWER ||
                     fake_owner(fake, 3, GROUP)->role != REPLICA_FOLLOWER;
        assert_false(other && replica_has_lease(old->replica));
    }
    assert_false(replica_has_lease(old->replica));
    /* Who is cut off knows of no leader since; the others know of each other. */
    assert_true(replica_heard_ms(old->replica) <= cut_ms);
    assert_true(replica_heard_ms(fake_owner(fake, 2, GROUP)->replica) > cut_ms);
    fake_free(fake);
}

static void a_follower_that_was_away_is_fed_from_the_log(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    for (uint32_t k = 0; k < 20; k++)
        fake_put(fake, leader, 3000);
    fake_kill(fake, 3);
    for (uint32_t k = 0; k < 300; k++)
        fake_put(fake, leader, 3000);
    fake_restart(fake, 3, 1);
    fake_run(fake, 1500);
    const struct fake_owner *late = fake_owner(fake, 3, GROUP);
    assert_int_equal(late->applied, leader->applied);
    assert_int_equal(late->heads[200].crc, leader->heads[200].crc);
    assert_true(roster_figures(fake_node(fake, 1)->roster).fed_entries >= 250);

    /* libraft has taken over: the next put needs no read. */
    uint64_t reads = fake_node(fake, 1)->log.reads;
    fake_put(fake, leader, 10);
    fake_run(fake, 200);
    assert_int_equal(late->applied, leader->applied);
    assert_int_equal(fake_node(fake, 1)->log.reads, reads);
    fake_free(fake);
}

static void a_follower_without_room_takes_no_entries_and_catches_up_when_it_has_some(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_put(fake, leader, 3000);
    fake_node(fake, 3)->log.full = true;
    const struct log_state *full = log_state(&fake_node(fake, 3)->log, GROUP);
    uint64_t last = full->last;
    for (uint32_t k = 0; k < 50; k++)
        fake_put(fake, leader, 3000);
    assert_int_equal(full->last, last);
    assert_true(roster_figures(fake_node(fake, 3)->roster).refused_entries > 0);
    assert_int_equal(leader->role, REPLICA_LEADER);

    fake_node(fake, 3)->log.full = false;
    fake_run(fake, 1500);
    assert_int_equal(fake_owner(fake, 3, GROUP)->applied, leader->applied);
    fake_free(fake);
}

static bool to_the_deaf_one(struct fake *fake, const struct fake_message *message)
{
    size_t *bytes = fake->filter_ctx;

    if (message->to == 3)
        *bytes += message->buf->len;
    return message->to != 3;
}

/* As one that is being filled: its node is there, and it answers nothing. */
static void a_follower_that_does_not_answer_is_sent_each_entry_once(void **state)
{
    struct fake *fake = fake_new(3);
    size_t bytes = 0;

    fake->filter = to_the_deaf_one;
    fake->filter_ctx = &bytes;
    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    for (uint32_t k = 0; k < 100; k++) {
        fake_put(fake, leader, 3000);
        fake_run(fake, FAKE_BEAT);
    }
    assert_true(bytes < 2 * 100 * 3000);
    fake->filter = NULL;
    fake_run(fake, 1500);
    assert_int_equal(fake_owner(fake, 3, GROUP)->applied, leader->applied);
    fake_free(fake);
}

/* Simulator seed 129: segments of 256 KiB, and a message of 500 KiB that was refused for ever. */
static void a_follower_takes_of_a_message_what_its_log_has_room_for(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_put(fake, leader, 3000);
    fake_kill(fake, 3);
    for (uint32_t k = 0; k < 50; k++)
        fake_put(fake, leader, 3000);
    fake_restart(fake, 3, 1);
    fake_node(fake, 3)->log.room_bytes = 8000; /* two entries */
    fake_run(fake, 3000);
    assert_true(roster_figures(fake_node(fake, 3)->roster).refused_entries > 0);
    assert_int_equal(fake_owner(fake, 3, GROUP)->applied, leader->applied);
    fake_free(fake);
}

static void a_follower_behind_what_libraft_keeps_is_fed_while_puts_go_on(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_kill(fake, 3);
    for (uint32_t k = 0; k < 2500; k++)
        fake_put(fake, leader, 100);
    fake_restart(fake, 3, 1);
    for (uint32_t k = 0; k < 300; k++)
        fake_put(fake, leader, 100);
    fake_run(fake, 500);
    assert_int_equal(fake_owner(fake, 3, GROUP)->applied, leader->applied);
    assert_int_equal(leader->node->id, 1);
    fake_free(fake);
}

/* Simulator, moments, seed 18: the group got no other epoch, and it stayed behind for ever. */
static void a_follower_that_retention_has_overtaken_is_told_of(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_kill(fake, 3);
    for (uint32_t k = 0; k < 2500; k++)
        fake_put(fake, leader, 100);
    assert_int_equal(leader->node->behind, 0);
    log_trim(&fake_node(fake, 1)->log, GROUP, 2400);
    fake_restart(fake, 3, 1);
    fake_run(fake, 1500);
    assert_true(fake_owner(fake, 3, GROUP)->applied < leader->applied);
    assert_int_equal(leader->node->behind, 3);
    assert_int_equal(fake_node(fake, 2)->behind, 0);
    fake_free(fake);
}

static void a_new_leader_feeds_a_follower_from_a_log_it_loaded(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_kill(fake, 3);
    for (uint32_t k = 0; k < 100; k++)
        fake_put(fake, leader, 100);
    fake_kill(fake, 1);
    fake_kill(fake, 2);
    fake_restart(fake, 1, 1);
    fake_restart(fake, 3, 1);
    leader = fake_leader(fake, GROUP);
    assert_int_equal(leader->node->id, 1);
    fake_put(fake, leader, 5);
    fake_run(fake, 500);
    assert_int_equal(fake_owner(fake, 3, GROUP)->applied, leader->applied);
    fake_free(fake);
}

static void a_replica_closes_with_everything_in_flight(void **state)
{
    struct fake *fake = fake_new(3);

    fake_group(fake, GROUP, 3, 1);
    struct fake_owner *leader = fake_leader(fake, GROUP);
    fake_node(fake, 1)->log.stalled = true;
    assert_int_equal(fake_propose(leader, 1000), ERR_OK);
    fake_run(fake, 3);
    fake_kill(fake, 1); /* asserts that it closed */
    assert_true(leader->settled);
    assert_int_equal(leader->settled_err, ERR_UNKNOWN);
    fake_node(fake, 1)->log.stalled = false;
    fake_restart(fake, 1, 1);
    fake_run(fake, 2000);
    fake_put(fake, fake_leader(fake, GROUP), 5);
    fake_free(fake);
}

static void many_groups_share_frames(void **state)
{
    struct fake *fake = fake_new(3);

    for (uint64_t group = 1; group < FAKE_GROUPS_MAX; group++)
        fake_group(fake, group, 3, 1);
    for (uint64_t group = 1; group < FAKE_GROUPS_MAX; group++)
        assert_int_equal(fake_leader(fake, group)->node->id, 1);
    fake_run(fake, 500);
    uint64_t frames = fake->frames;
    fake_run(fake, 1000);
    assert_true(fake->frames - frames <= 60); /* ten beats, two peers, there and back */
    fake_free(fake);
}

static bool lose_some(struct fake *fake, const struct fake_message *message)
{
    uint64_t *seed = fake->filter_ctx;

    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % 10 != 0;
}

static void puts_survive_lost_messages(void **state)
{
    for (uint64_t seed = 1; seed < 6; seed++) {
        struct fake *fake = fake_new(3);
        uint64_t chance = seed, acked[200], count = 0;

        fake_group(fake, GROUP, 3, 1);
        fake->filter = lose_some;
        fake->filter_ctx = &chance;
        for (uint32_t k = 0; k < 200; k++) {
            struct fake_owner *leader = fake_leader(fake, GROUP);
            if (fake_propose(leader, 50) != ERR_OK)
                continue;
            for (uint32_t ms = 0; ms < 3000 && !leader->settled; ms++)
                fake_run(fake, 1);
            assert_true(leader->settled);
            if (leader->settled_err == ERR_OK)
                acked[count++] = leader->settled_index;
        }
        fake->filter = NULL;
        fake_run(fake, 3000);
        assert_true(count > 50);
        for (uint64_t node = 1; node <= 3; node++)
            for (uint64_t k = 0; k < count; k++)
                assert_int_equal(fake_owner(fake, node, GROUP)->heads[acked[k]].crc,
                                 fake_owner(fake, 1, GROUP)->heads[acked[k]].crc);
        assert_int_equal(fake_owner(fake, 1, GROUP)->applied, fake_owner(fake, 3, GROUP)->applied);
        fake_free(fake);
    }
}

/* ---- libraft without memory ---- */

/* Gives libraft its memory, or does not.  Keeps hold of it, because libraft 0.15 forgets the copy
 * of an entry when it has no memory for its log. */
struct scarce {
    struct list blocks;
    uint64_t calls, fail_from, fail_until, failed;
};

struct scarce_block {
    struct list_node link;
    size_t size;
    _Alignas(max_align_t) unsigned char bytes[];
};

static void *scarce_malloc(void *data, size_t size)
{
    struct scarce *scarce = data;
    uint64_t call = scarce->calls++;

    if (call >= scarce->fail_from && call < scarce->fail_until) {
        scarce->failed++;
        return NULL;
    }
    struct scarce_block *block = calloc(1, sizeof(*block) + size);
    block->size = size;
    list_append(&scarce->blocks, &block->link);
    return block->bytes;
}

static void scarce_free(void *data, void *bytes)
{
    if (bytes == NULL)
        return;
    struct scarce_block *block = container_of(bytes, struct scarce_block, bytes);
    list_remove(&block->link);
    free(block);
}

static void *scarce_calloc(void *data, size_t count, size_t size)
{
    return scarce_malloc(data, count * size);
}

static void *scarce_realloc(void *data, void *bytes, size_t size)
{
    void *larger = scarce_malloc(data, size);

    if (larger == NULL || bytes == NULL)
        return larger;
    size_t old = container_of(bytes, struct scarce_block, bytes)->size;
    memcpy(larger, bytes, old < size ? old : size);
    scarce_free(data, bytes);
    return larger;
}

static void *scarce_aligned(void *data, size_t align, size_t size)
{
    return scarce_malloc(data, size);
}

static void scarce_aligned_free(void *data, size_t align, void *bytes)
{
    scarce_free(data, bytes);
}

static void a_libraft_that_ran_out_of_memory_is_opened_anew(void **state)
{
    struct scarce scarce = { 0 };
    struct raft_heap heap = { &scarce,        scarce_malloc,  scarce_free,
                              scarce_calloc,  scarce_realloc, scarce_aligned,
                              scarce_aligned_free };
    uint64_t reopened = 0;

    list_init(&scarce.blocks);
    raft_heap_set(&heap);
    for (uint64_t at = 0; at < 60; at++) {
        struct fake *fake = fake_new(3);

        scarce.fail_from = scarce.fail_until = 0;
        fake_group(fake, GROUP, 3, 1);
        fake_put(fake, fake_leader(fake, GROUP), 100);
        scarce.fail_from = scarce.calls + at;
        scarce.fail_until = scarce.fail_from + 1 + at % 3;
        for (uint32_t k = 0; k < 10; k++) {
            struct fake_owner *leader = fake_leader(fake, GROUP);
            if (fake_propose(leader, 10) == ERR_OK)
                fake_run(fake, 60);
            else
                fake_run(fake, 5);
        }
        fake_run(fake, 4 * FAKE_T);
        uint64_t index = fake_put(fake, fake_leader(fake, GROUP), 100);
        fake_run(fake, 1000);
        for (uint64_t node = 1; node <= 3; node++) {
            assert_true(fake_owner(fake, node, GROUP)->applied >= index);
            assert_int_equal(fake_owner(fake, node, GROUP)->heads[index].crc,
                             fake_owner(fake, 1, GROUP)->heads[index].crc);
            reopened += roster_figures(fake_node(fake, node)->roster).reopened;
        }
        fake_free(fake);
    }
    raft_heap_set_default();
    for (struct list_node *node; (node = list_first(&scarce.blocks)) != NULL;)
        scarce_free(&scarce, container_of(node, struct scarce_block, link)->bytes);
    assert_true(scarce.failed > 50);
    assert_true(reopened > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_three_members_is_elected_and_all_know_it),
        cmocka_unit_test(a_put_is_applied_everywhere_before_and_after_it_is_settled),
        cmocka_unit_test(one_entry_is_in_flight_at_a_time),
        cmocka_unit_test(a_single_member_elects_itself_and_acknowledges_after_its_own_write),
        cmocka_unit_test(nothing_is_promised_before_it_is_on_the_disk),
        cmocka_unit_test(a_commit_needs_a_majority),
        cmocka_unit_test(a_leader_that_is_cut_off_settles_unknown_and_follows_the_next),
        cmocka_unit_test(when_a_leader_is_gone_the_preferred_successor_leads_at_once),
        cmocka_unit_test(a_successor_with_an_old_log_makes_room_for_the_next),
        cmocka_unit_test(a_leader_that_is_silent_is_waited_for),
        cmocka_unit_test(a_follower_that_was_away_is_fed_from_the_log),
        cmocka_unit_test(a_follower_behind_what_libraft_keeps_is_fed_while_puts_go_on),
        cmocka_unit_test(a_follower_that_retention_has_overtaken_is_told_of),
        cmocka_unit_test(a_new_leader_feeds_a_follower_from_a_log_it_loaded),
        cmocka_unit_test(a_follower_without_room_takes_no_entries_and_catches_up_when_it_has_some),
        cmocka_unit_test(a_follower_that_does_not_answer_is_sent_each_entry_once),
        cmocka_unit_test(a_follower_takes_of_a_message_what_its_log_has_room_for),
        cmocka_unit_test(a_replica_closes_with_everything_in_flight),
        cmocka_unit_test(many_groups_share_frames),
        cmocka_unit_test(puts_survive_lost_messages),
        cmocka_unit_test(a_libraft_that_ran_out_of_memory_is_opened_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

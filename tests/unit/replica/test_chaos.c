/* Crashes, power losses, cuts, lost messages and hung disks at one group of three, in the order
 * that a seed gives.  A small relative of the simulator, fast enough to run with each change.
 *
 *     test_chaos [first seed] [seeds]
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

#define GROUP 3u
#define STEPS 400u
#define INDEX_MAX FAKE_ENTRIES_MAX

struct chaos {
    struct fake *fake;
    uint64_t seed, chance;
    uint32_t committed[INDEX_MAX]; /* checksums, 0 = none known */
    uint64_t acked[INDEX_MAX], acked_count, unknown, lost_frames, of_frames;
};

static uint64_t below(struct chaos *chaos, uint64_t limit)
{
    chaos->chance = chaos->chance * 6364136223846793005u + 1442695040888963407u;
    return (chaos->chance >> 33) % limit;
}

static bool lose(struct fake *fake, const struct fake_message *message)
{
    struct chaos *chaos = fake->filter_ctx;

    return chaos->of_frames == 0 || below(chaos, chaos->of_frames) != 0;
}

/* What is applied anywhere is the same everywhere and for ever; one lease at a time. */
static void check(struct chaos *chaos)
{
    uint32_t leases = 0;

    for (uint64_t node = 1; node <= 3; node++) {
        const struct fake_owner *owner = fake_owner(chaos->fake, node, GROUP);

        if (owner->replica == NULL)
            continue;
        leases += replica_has_lease(owner->replica);
        for (uint64_t k = owner->applied; k > 1 && k + 50 > owner->applied; k--) {
            const struct entry_head *head = &owner->heads[k];
            if (head->index == 0)
                break; /* applied before it was opened */
            if (chaos->committed[k] == 0)
                chaos->committed[k] = head->crc;
            if (chaos->committed[k] != head->crc)
                fail_msg("seed %llu: node %llu has another entry %llu",
                         (unsigned long long)chaos->seed, (unsigned long long)node,
                         (unsigned long long)k);
        }
    }
    if (leases > 1)
        fail_msg("seed %llu: two leases", (unsigned long long)chaos->seed);
}

static void put(struct chaos *chaos)
{
    for (uint64_t node = 1; node <= 3; node++) {
        struct fake_owner *owner = fake_owner(chaos->fake, node, GROUP);

        if (owner->replica == NULL)
            continue;
        if (owner->proposed && owner->settled) {
            owner->proposed = false;
            if (owner->settled_err == ERR_OK)
                chaos->acked[chaos->acked_count++] = owner->settled_index;
            else
                chaos->unknown++;
        }
        if (!owner->proposed && owner->role == REPLICA_LEADER &&
            fake_propose(owner, 10 + below(chaos, 2000)) == ERR_OK)
            owner->proposed = true;
    }
}

static void strike(struct chaos *chaos)
{
    struct fake *fake = chaos->fake;
    uint64_t node = 1 + below(chaos, 3);

    switch (below(chaos, 12)) {
    case 0:
        if (fake_node(fake, node)->up)
            fake_power_off(fake, node, below(chaos, 6));
        break;
    case 1:
        if (fake_node(fake, node)->up)
            fake_kill(fake, node);
        break;
    case 2:
        for (uint64_t k = 1; k <= 3; k++)
            if (fake_node(fake, k)->up)
                fake_power_off(fake, k, below(chaos, 6));
        break;
    case 3:
    case 4:
    case 5:
        for (uint64_t k = 1; k <= 3; k++)
            if (!fake_node(fake, k)->up)
                fake_restart(fake, k, 1);
        break;
    case 6:
        fake_cut_off(fake, node, true);
        break;
    case 7:
        fake->cut[node][1 + below(chaos, 3)] = true;
        break;
    case 8:
        for (uint64_t k = 1; k <= 3; k++)
            fake_cut_off(fake, k, false);
        break;
    case 9:
        fake_node(fake, node)->log.stalled = true;
        break;
    case 10:
        for (uint64_t k = 1; k <= 3; k++)
            fake_node(fake, k)->log.stalled = false;
        break;
    default:
        chaos->of_frames = below(chaos, 2) == 0 ? 0 : 2 + below(chaos, 20);
        break;
    }
}

static void heal(struct chaos *chaos)
{
    struct fake *fake = chaos->fake;

    chaos->of_frames = 0;
    for (uint64_t k = 1; k <= 3; k++) {
        fake_node(fake, k)->log.stalled = false;
        fake_cut_off(fake, k, false);
        if (!fake_node(fake, k)->up)
            fake_restart(fake, k, 1);
    }
    struct fake_owner *leader = NULL;
    for (uint32_t ms = 0; ms < 10000; ms++) {
        fake_run(fake, 1);
        check(chaos);
        put(chaos);
    }
    for (uint64_t k = 1; k <= 3; k++)
        if (fake_owner(fake, k, GROUP)->role == REPLICA_LEADER)
            leader = fake_owner(fake, k, GROUP);
    if (leader == NULL)
        fail_msg("seed %llu: nobody leads", (unsigned long long)chaos->seed);
    for (uint32_t ms = 0; ms < 1000; ms++) {
        fake_run(fake, 1);
        check(chaos);
    }
    for (uint64_t k = 1; k <= 3; k++)
        if (fake_owner(fake, k, GROUP)->applied != leader->applied) {
            for (uint64_t n = 1; n <= 3; n++) {
                const struct replica_status status =
                    replica_status(fake_owner(fake, n, GROUP)->replica);
                print_error("node %llu: term %llu role %d leader %llu applied %llu last %llu\n",
                            (unsigned long long)n, (unsigned long long)status.term,
                            (int)status.role, (unsigned long long)status.leader,
                            (unsigned long long)status.applied, (unsigned long long)status.last);
            }
            fail_msg("seed %llu: node %llu is behind", (unsigned long long)chaos->seed,
                     (unsigned long long)k);
        }
    for (uint64_t k = 0; k < chaos->acked_count; k++)
        if (chaos->committed[chaos->acked[k]] == 0 || chaos->acked[k] > leader->applied)
            fail_msg("seed %llu: entry %llu is lost", (unsigned long long)chaos->seed,
                     (unsigned long long)chaos->acked[k]);
}

static void run(uint64_t seed)
{
    struct chaos *chaos = calloc(1, sizeof(*chaos));

    chaos->seed = seed;
    chaos->chance = seed * 0x9e3779b97f4a7c15u;
    chaos->fake = fake_new(3);
    chaos->fake->filter = lose;
    chaos->fake->filter_ctx = chaos;
    chaos->fake->delay_ms = 1 + below(chaos, 5);
    fake_group(chaos->fake, GROUP, 3, 1);
    for (uint32_t step = 0; step < STEPS && chaos->acked_count < 1500; step++) {
        if (below(chaos, 6) == 0)
            strike(chaos);
        for (uint64_t ms = 1 + below(chaos, below(chaos, 4) == 0 ? 400 : 20); ms > 0; ms--) {
            fake_run(chaos->fake, 1);
            check(chaos);
            put(chaos);
        }
    }
    heal(chaos);
    fake_free(chaos->fake);
    free(chaos);
}

static uint64_t first_seed = 1, seed_count = 3;

static void no_seed_finds_a_violation(void **state)
{
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++)
        run(seed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_seed_finds_a_violation),
    };

    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        seed_count = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

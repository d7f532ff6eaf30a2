#include "control/founding.h"

#include <string.h>

#include "base/mutant.h"

static bool all_free(const struct founding_seed seeds[], uint32_t seed_count);
static uint32_t choose(const struct founding_seed seeds[], uint32_t seed_count,
                       uint64_t members[GROUP_MEMBERS_MAX]);
static const struct founding_seed *next(const struct founding_seed seeds[], uint32_t seed_count,
                                        const struct founding_seed *const taken[],
                                        uint32_t taken_count, bool new_az);
static bool comes_before(const struct founding_seed *a, const struct founding_seed *b);

enum founding founding_decide(const struct founding_seed seeds[], uint32_t seed_count,
                              uint64_t self, uint64_t members[GROUP_MEMBERS_MAX],
                              uint32_t *member_count)
{
    bool listed = false;
    uint64_t lowest = UINT64_MAX;

    if (!all_free(seeds, seed_count))
        return FOUNDING_WAIT;
    for (uint32_t i = 0; i < seed_count; i++) {
        listed |= seeds[i].node == self;
        if (seeds[i].node < lowest)
            lowest = seeds[i].node;
    }
    if (!listed || lowest != self)
        return FOUNDING_THEIRS;
    *member_count = choose(seeds, seed_count, members);
    return FOUNDING_OURS;
}

static bool all_free(const struct founding_seed seeds[], uint32_t seed_count)
{
    for (uint32_t i = 0; i < seed_count; i++) {
        if (!seeds[i].answered || seeds[i].cluster != 0)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (seeds[k].node == seeds[i].node)
                return false;
    }
    return seed_count > 0;
}

static uint32_t choose(const struct founding_seed seeds[], uint32_t seed_count,
                       uint64_t members[GROUP_MEMBERS_MAX])
{
    const struct founding_seed *taken[FOUNDING_MEMBERS_MAX];
    uint32_t count = 0;

    for (int pass = 0; pass < 2; pass++) {
        const struct founding_seed *seed = NULL;
        while (count < FOUNDING_MEMBERS_MAX &&
               (seed = next(seeds, seed_count, taken, count, pass == 0)) != NULL)
            taken[count++] = seed;
    }
    for (uint32_t i = 0; i < count; i++)
        members[i] = taken[i]->node;
    return count;
}

/* The first by name that is not taken and, in the first pass, brings another AZ. */
static const struct founding_seed *next(const struct founding_seed seeds[], uint32_t seed_count,
                                        const struct founding_seed *const taken[],
                                        uint32_t taken_count, bool new_az)
{
    const struct founding_seed *best = NULL;

    for (uint32_t i = 0; i < seed_count; i++) {
        bool fits = true;
        for (uint32_t k = 0; k < taken_count && fits; k++)
            fits = taken[k] != &seeds[i] && !(new_az && strcmp(taken[k]->az, seeds[i].az) == 0);
        if (fits && (best == NULL || comes_before(&seeds[i], best)))
            best = &seeds[i];
    }
    return best;
}

static bool comes_before(const struct founding_seed *a, const struct founding_seed *b)
{
    int order = strcmp(a->name, b->name);

    return order != 0 ? order < 0 : a->node < b->node;
}

bool founding_waited(struct founding_wait *wait, uint64_t now_ms, uint64_t wait_ms)
{
    if (!wait->waiting || now_ms - wait->looked_ms > FOUNDING_LOOK_MS_MAX)
        *wait = (struct founding_wait){ .waiting = true, .since_ms = now_ms };
    wait->looked_ms = now_ms;
    return now_ms - wait->since_ms >= wait_ms || MUTANT(founded_at_once);
}

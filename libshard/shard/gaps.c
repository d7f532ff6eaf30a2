#include "shard/gaps.h"

#include "base/mutant.h"

uint64_t gaps_out(const struct gaps *gaps, uint64_t index)
{
    uint64_t jumped = 0;

    for (uint32_t i = 0; i < gaps->count && index > gaps->at[i] && !MUTANT(rescue_no_gap); i++)
        jumped += GAP_STEP;
    return index + jumped;
}

struct position gaps_position_out(const struct gaps *gaps, struct position position)
{
    position.index = gaps_out(gaps, position.index);
    return position;
}

struct position gaps_position_in(const struct gaps *gaps, struct position place)
{
    uint32_t behind = 0; /* so many gaps lie below it */

    if (MUTANT(rescue_no_gap))
        return place;
    while (behind < gaps->count && place.index > gaps->at[behind] + (behind + 1) * GAP_STEP)
        behind++;
    struct position position = { place.index - behind * GAP_STEP, place.ordinal };
    if (behind < gaps->count && position.index > gaps->at[behind])
        position = (struct position){ .index = gaps->at[behind] + 1 };
    return position;
}

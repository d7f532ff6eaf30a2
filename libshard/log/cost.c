#include "log/log_private.h"

/* How large a frame may become of what nobody waits for (log_fill()).
 *
 * A synchronous write takes a fixed time, which the smallest shows, and one for its bytes.  A frame
 * that takes about twice the fixed one leaves the disk half of its speed, and whatever comes behind
 * it waits no longer than that: entries that clients wait for, reads, and other writers of the same
 * disk.  Where the fixed time is short, the least that is worth a write is what counts. */

#define SMALL_BYTES (64u * 1024u)
#define LARGE_BYTES (256u * 1024u)
#define WRITE_NS_MAX UINT64_C(10000000000) /* one that took longer says no more of the disk */
#define LEAST_OF_WRITES 32u
#define MEAN_WRITES 8u
#define MIB (UINT64_C(1) << 20)

static uint64_t less_of(uint64_t least, uint64_t ns)
{
    return least == 0 || ns < least ? ns : least;
}

static void take_small(struct write_cost *cost, uint64_t ns)
{
    cost->fixed_ns = less_of(cost->fixed_ns, ns);
    cost->next_ns = less_of(cost->next_ns, ns);
    if (++cost->next_count < LEAST_OF_WRITES)
        return;
    cost->fixed_ns = cost->next_ns;
    cost->next_ns = cost->next_count = 0;
}

static void take_large(struct write_cost *cost, uint64_t mib_ns)
{
    cost->mib_ns =
        cost->mib_ns == 0 ? mib_ns : (cost->mib_ns * (MEAN_WRITES - 1) + mib_ns) / MEAN_WRITES;
}

void cost_wrote(struct write_cost *cost, uint64_t bytes, uint64_t ns)
{
    if (ns > WRITE_NS_MAX)
        ns = WRITE_NS_MAX;
    if (bytes <= SMALL_BYTES)
        take_small(cost, ns);
    else if (bytes >= LARGE_BYTES)
        take_large(cost, (ns > cost->fixed_ns ? ns - cost->fixed_ns : 0) * MIB / bytes);
}

uint64_t cost_frame_bytes(const struct write_cost *cost)
{
    if (cost->mib_ns == 0)
        return FRAME_BYTES_MIN;
    uint64_t bytes = cost->fixed_ns * MIB / cost->mib_ns;
    if (bytes < FRAME_BYTES_MIN)
        return FRAME_BYTES_MIN;
    return bytes < FRAME_BYTES_MAX ? bytes : FRAME_BYTES_MAX;
}

/* process.h - what /metrics says of the process itself and of its links to peers. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdint.h>

#include "base/metric.h"
#include "peer/net_peer.h"

struct process_figures {
    const struct net *net;
    struct gauge *memory_bytes, *peers_up, *peer_links, *peer_calls;
    struct counter *cpu_ms, *frames_in, *frames_out, *bytes_in, *bytes_out, *lost, *dropped;
};

/* Registers them; `figures` and `net` must outlive the last print. */
void process_figures_init(struct process_figures *figures, struct metrics *metrics,
                          const struct net *net);

#endif

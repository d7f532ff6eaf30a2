#include "process.h"

#include <uv.h>

#include "base/limits.h"

static void refresh(void *ctx)
{
    struct process_figures *figures = ctx;
    const struct net_peer_figures *from = net_peer_figures(figures->net);
    uv_rusage_t usage;
    size_t memory;

    if (uv_resident_set_memory(&memory) == 0)
        gauge_set(figures->memory_bytes, (int64_t)memory);
    if (uv_getrusage(&usage) == 0)
        figures->cpu_ms->value =
            (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
            (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    gauge_set(figures->peers_up, (int64_t)from->peers_up);
    gauge_set(figures->peer_links, (int64_t)from->links_in);
    gauge_set(figures->peer_calls, (int64_t)from->calls);
    figures->frames_in->value = from->frames_in;
    figures->frames_out->value = from->frames_out;
    figures->bytes_in->value = from->bytes_in;
    figures->bytes_out->value = from->bytes_out;
    figures->lost->value = from->lost;
    figures->dropped->value = from->dropped;
}

void process_figures_init(struct process_figures *figures, struct metrics *metrics,
                          const struct net *net)
{
    *figures = (struct process_figures){
        .net = net,
        .memory_bytes = metrics_gauge(metrics, "process_resident_memory_bytes",
                                      "Resident memory of the process.", NULL),
        .cpu_ms = metrics_counter(metrics, "braid_process_cpu_milliseconds_total",
                                  "User and system time of the process.", NULL),
        .peers_up = metrics_gauge(metrics, "braid_peers_up", "Nodes with both lanes up.", NULL),
        .peer_links = metrics_gauge(metrics, "braid_peer_links", "Links that peers opened.", NULL),
        .peer_calls = metrics_gauge(metrics, "braid_peer_calls", "Calls without an answer.", NULL),
        .frames_in = metrics_counter(metrics, "braid_peer_received_frames_total",
                                     "Frames from peers.", NULL),
        .frames_out = metrics_counter(metrics, "braid_peer_sent_frames_total", "Frames to peers.",
                                      NULL),
        .bytes_in = metrics_counter(metrics, "braid_peer_received_bytes_total",
                                    "Bytes from peers.", NULL),
        .bytes_out = metrics_counter(metrics, "braid_peer_sent_bytes_total", "Bytes to peers.",
                                     NULL),
        .lost = metrics_counter(metrics, "braid_peer_lost_total", "Links that broke.", NULL),
        .dropped = metrics_counter(metrics, "braid_peer_dropped_total",
                                   "Messages that were not sent.", NULL),
    };
    metrics_on_print(metrics, refresh, figures);
}

#include "bench_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <uv.h>

#include "catalog/version.h"
#include "env/real.h"
#include "peer/net_peer.h"
#include "table/rocks.h"

#define NODES_MOST 8u
#define TEXT_MAX 512u

static void must(enum err err, const char *what, const struct reason *reason)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "bench: %s: %s: %s\n", what, err_name(err), reason->text);
    exit(1);
}

static void failed(void *ctx, const struct reason *reason)
{
    must(ERR_IO, "the log failed", reason);
}

static uint64_t wall_ms(void *ctx)
{
    return clock_wall_ms(ctx);
}

static void open_world(struct bench_node *node, const struct bench_node_options *options)
{
    char path[TEXT_MAX];
    struct reason reason = { "" };

    node->loop = uv_default_loop();
    node->clock = clock_uv_new(node->loop);
    node->work = work_uv_new(node->loop);
    note_init(&node->note, NOTE_WARN, wall_ms, node->clock);
    note_to_file(&node->note, stderr);
    random_init(&node->random, (uint64_t)time(NULL) * 8 + options->at);
    snprintf(path, sizeof path, "%s/node-%u", options->directory, options->at + 1);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/node-%u/log", options->directory, options->at + 1);
    must(disk_posix_open(path, node->loop, &node->note, &node->disk, &reason), "disk", &reason);
    snprintf(path, sizeof path, "%s/node-%u/table", options->directory, options->at + 1);
    must(table_open(&node->table, path, &reason), "table", &reason);
}

void bench_node_open(struct bench_node *node, const struct bench_node_options *options)
{
    static char seeds[NODES_MOST][32], name[16], az[16];
    static const char *seed_list[NODES_MOST];
    struct reason reason = { "" };
    uint64_t id, boot;

    open_world(node, options);
    for (uint32_t i = 0; i < options->count; i++) {
        snprintf(seeds[i], sizeof seeds[i], "127.0.0.1:%u", options->port + i);
        seed_list[i] = seeds[i];
    }
    snprintf(name, sizeof name, "n%u", options->at + 1);
    snprintf(az, sizeof az, "az%u", options->at % 3 + 1);
    boot = random_id(&node->random);
    must(control_identity(node->table, &node->random, &id, &reason), "identity", &reason);
    struct net_peer_options peer = { .node = id,
                                     .boot = boot,
                                     .host = "127.0.0.1",
                                     .port = (uint16_t)(options->port + options->at),
                                     .address = seeds[options->at],
                                     .note = &node->note };
    must(net_peer_open(&node->net, node->loop, node->clock, &peer, &reason), "peers", &reason);
    struct control_options control = { .node = id,
                                       .boot = boot,
                                       .name = name,
                                       .az = az,
                                       .client_address = seeds[options->at],
                                       .peer_address = seeds[options->at],
                                       .operations_address = seeds[options->at],
                                       .seeds = seed_list,
                                       .seed_count = options->count == 1 ? 0 : options->count,
                                       .replication = options->count >= 3 ? 3 : 1,
                                       .region = "bench-1",
                                       .account = "000000000000",
                                       .knows = VERSION_KNOWN,
                                       .segment_bytes = options->segment_bytes,
                                       .segments_ahead = options->segments_ahead,
                                       .election_timeout_ms = 500,
                                       .heartbeat_ms = 150,
                                       .tick_ms = 75,
                                       .tail_bytes_max = 64u << 20,
                                       .on_failed = failed };
    struct control_world world = { .clock = node->clock,
                                   .random = &node->random,
                                   .work = node->work,
                                   .disk = node->disk,
                                   .table = node->table,
                                   .net = node->net,
                                   .note = &node->note };
    must(control_open(&node->control, &control, &world, &reason), "control", &reason);
    must(route_open(&node->route, node->control, node->net, node->clock), "routes", &reason);
}

double bench_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

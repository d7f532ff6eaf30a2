/* bench_node.h - a whole node without doors, in a process of its own, for benchmarks.
 *
 * The same objects as in braidd, on the real world: clock, workers, disk,
 * RocksDB, peers over TCP.  What is left out is HTTP.
 */
#ifndef BENCH_NODE_H
#define BENCH_NODE_H

#include <stdint.h>

#include "api/route.h"
#include "base/note.h"
#include "control/control.h"

struct uv_loop_s;

struct bench_node {
    struct uv_loop_s *loop;
    struct clock *clock;
    struct work_pool *work;
    struct disk *disk;
    struct table *table;
    struct net *net;
    struct random random;
    struct note note;
    struct control *control;
    struct route *route;
};

struct bench_node_options {
    uint32_t at, count;    /* which of how many nodes */
    uint16_t port;         /* node k listens on port + k, on 127.0.0.1 */
    const char *directory; /* an empty one for each node is made below */
    uint64_t segment_bytes;
    uint32_t segments_ahead; /* written before the start, as a recycled log's are */
};

/* Opens it or ends the process with a sentence on standard error. */
void bench_node_open(struct bench_node *node, const struct bench_node_options *options);

/* Milliseconds, from a clock that does not jump. */
double bench_now_ms(void);

#endif

/* fixture.h - one node's log, and a model of what must be in it.
 *
 * fixture.c is the model and the checks.  The world below the log is that of fixture_real.c, a
 * folder on the real disk with real tables; fixture_sim.c has another one. */
#ifndef TESTS_LOG_FIXTURE_H
#define TESTS_LOG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "env/real.h"
#include "log/log.h"
#include "table/rocks.h"

#define MIB (1024u * 1024u)
#define GROUPS 64u
#define ENTRIES_MAX 4096u
#define NODE_ID 7u

struct model_entry {
    uint64_t term, time_ms;
    uint32_t epoch, length;
};

/* What a group must be.  Entry `i` has index start + 1 + i. */
struct model_group {
    bool exists;
    uint64_t start, term, vote, first, applied;
    uint32_t epoch, count;
    struct model_entry entries[ENTRIES_MAX];
};

struct node {
    char path[64];
    uint64_t id, segment_bytes, bytes_max;
    uv_loop_t loop;
    uv_timer_t tick; /* no round of the loop sleeps for ever */
    struct clock *clock;
    struct work_pool *work;
    struct note note;
    struct random random;
    struct disk *disk;
    struct table *table;
    struct log *log; /* NULL while closed */
    uint64_t durable;
    bool failed, closed;
    bool spoiled; /* beside `failed` */
    struct reason reason; /* of the failure, or of the last open */
    struct log_damage damage; /* found last, and the sentence about it */
    struct reason damage_why;
    unsigned damages;
    struct model_group groups[GROUPS];
    uint64_t now_ms;
};

/* An empty directory; node_fini() removes it. */
void node_init(struct node *node);
void node_fini(struct node *node);

/* For a world's part: a node without one; options, and nothing known yet of what they tell. */
void node_clear(struct node *node);
struct log_options node_options(struct node *node);

enum err node_try_open(struct node *node);
void node_open(struct node *node);
void node_close(struct node *node);
void node_reopen(struct node *node);

/* One round of the loop; waits for something to happen. */
void node_turn(struct node *node);
void node_wait(struct node *node, uint64_t turn);
void node_wait_all(struct node *node);
/* Until every full segment is filed. */
void node_wait_filed(struct node *node);

/* Each changes log and model alike, and returns the turn; while the log is closed, the model. */
uint64_t node_start(struct node *node, uint64_t group);
/* Of the next epoch, which keeps what is there up to `at` and lets go of the rest: from where the
 * group began to what is not applied. */
uint64_t node_start_again(struct node *node, uint64_t group, uint64_t at);
uint64_t node_append(struct node *node, uint64_t group, uint32_t length);
/* Appends `count` entries, each when the one before it is durable. */
void node_fill(struct node *node, uint64_t group, unsigned count, uint32_t length);
uint64_t node_truncate(struct node *node, uint64_t group, uint64_t from);
uint64_t node_hard(struct node *node, uint64_t group, uint64_t term, uint64_t vote);
void node_apply(struct node *node, uint64_t group, uint64_t index);
void node_trim(struct node *node, uint64_t group, uint64_t first);
void node_forget(struct node *node, uint64_t group);

/* One of the above, chosen by `random` and the model only. */
void node_random_op(struct node *node, struct random *random);

struct entry_head model_head(const struct node *node, uint64_t group, uint64_t index);
struct buf *model_payload(uint64_t group, uint64_t index, const struct model_entry *entry);
uint64_t model_last(const struct node *node, uint64_t group);

enum err node_read(struct node *node, struct log_read *req);
/* States and every readable entry are what the model says. */
void node_check(struct node *node);

/* Whether states and ends of all groups are what the model says; reads nothing. */
bool node_matches(const struct node *node);
/* What the log says was trimmed and applied, which may lag after a crash, goes into the model. */
void node_take_hints(struct node *node);

/* The file that holds the segment with the highest number, and where its last frame is. */
struct tail_place {
    char path[160];
    uint64_t number, frame, frame_bytes, end;
};
struct tail_place node_tail(const struct node *node);
/* File of a segment, by number; false when there is none. */
bool node_segment_path(const struct node *node, uint64_t number, char path[160]);
void file_xor(const char *path, uint64_t offset, unsigned char mask);
void file_write(const char *path, uint64_t offset, const void *bytes, size_t len);
void file_read(const char *path, uint64_t offset, void *bytes, size_t len);

#endif

/* fake.h - a clock, a log and a replica of one group, in memory, for the tests of shard/.
 *
 * Implements the functions of env/clock.h, log/log.h and replica/replica.h that
 * shard/ calls.  Nothing happens by itself: fake_turn() runs the deferred calls
 * and answers what was asked of the log, fake_commit() applies the entry that
 * flies.
 */
#ifndef TESTS_UNIT_SHARD_FAKE_H
#define TESTS_UNIT_SHARD_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "env/clock.h"
#include "env/timer.h"
#include "log/log.h"
#include "replica/replica.h"
#include "replica/roster.h"

#define FAKE_GROUP 7u
#define FAKE_ENTRIES_MAX 8192u
#define FAKE_ASKED_MAX 256u

struct clock {
    uint64_t mono_ms, wall_ms;
    struct list defers;
    struct timer *timer; /* that runs, until timer_ms */
    uint64_t timer_ms;
};

struct log {
    struct log_state state;
    struct log_read_entry entries[FAKE_ENTRIES_MAX]; /* at state.start_index + 1 + n */
    uint32_t count;
    bool heads_in_memory; /* whether log_head() finds them */
    uint64_t damaged;     /* its payload cannot be read; 0 = none */
    enum err err;         /* what reads and seeks say, ERR_OK = the truth */
    struct log_read *reads[FAKE_ASKED_MAX];
    struct log_seek *seeks[FAKE_ASKED_MAX];
    uint32_t read_count, seek_count; /* asked and not answered */
    uint32_t reads_total, seeks_total, trims_total;
    uint64_t last_asked; /* of the newest log_read() */
    uint32_t last_given; /* entries, likewise */
};

struct replica {
    const struct replica_events *events;
    void *ctx;
    enum err refuse; /* what replica_propose() says, ERR_OK = accept */
    enum replica_role role;
    bool lease;
    uint64_t heard_ms, applied_time_ms;
    struct proposal *proposal; /* flying */
    struct buf *payload;
    uint16_t records;
    uint32_t proposals_total;
    uint64_t preferred; /* as it was set last */
    enum entry_type type; /* of the last proposal */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct roster {
    struct replica *replica;
};

struct fake {
    struct clock clock;
    struct log log;
    struct replica replica;
    struct roster roster;
};

/* A group that starts at (1, 1), led from here, wall clock at 1,000,000,000 ms. */
void fake_init(struct fake *fake);
void fake_fini(struct fake *fake);

/* Deferred calls until there are none, then answers of the log, until neither is left. */
void fake_turn(struct fake *fake);

/* Deferred calls only. */
void fake_defers(struct fake *fake);

/* Appends an entry and applies it.  `in_memory`: the payload comes with it. */
void fake_apply(struct fake *fake, enum entry_type type, struct buf *payload, uint16_t records,
                bool in_memory);

/* An entry of `count` records whose data are `data_bytes` long, keys "k". */
void fake_apply_records(struct fake *fake, uint16_t count, size_t data_bytes, bool in_memory);

/* Commits what flies; the proposal's callback runs. */
void fake_commit(struct fake *fake);

/* Leadership is lost: what flies has an unknown outcome. */
void fake_depose(struct fake *fake);

#endif

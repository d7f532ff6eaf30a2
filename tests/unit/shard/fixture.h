/* fixture.h - an open shard on the fakes, for the tests that go through shard.h. */
#ifndef TESTS_UNIT_SHARD_FIXTURE_H
#define TESTS_UNIT_SHARD_FIXTURE_H

#include "unit.h"

#include <string.h>

#include "base/limits.h"
#include "fake.h"
#include "shard/shard.h"

#define RETENTION_MS 100000u
#define TAIL_BYTES 100000000u

struct fixture {
    struct fake fake;
    size_t tail_bytes_left;
    struct shard *shard;
    struct shard_options options;
    int role_count, closed_count;
    enum replica_role role;
    uint64_t leader;
};

static inline void fixture_on_role(void *ctx, struct shard *shard, enum replica_role role,
                                   uint64_t leader)
{
    struct fixture *f = ctx;

    f->role_count++;
    f->role = role;
    f->leader = leader;
}

static inline void fixture_on_closed(void *ctx)
{
    struct fixture *f = ctx;

    f->closed_count++;
    f->shard = NULL;
}

static inline enum err fixture_open(struct fixture *f, struct reason *reason)
{
    struct shard_world world = { .clock = &f->fake.clock,
                                 .log = &f->fake.log,
                                 .roster = &f->fake.roster,
                                 .tail_bytes_left = &f->tail_bytes_left };

    return shard_open(&f->shard, &f->options, &world, fixture_on_role, NULL, f, reason);
}

/* A fixture whose shard is not open yet. */
static inline int fixture_setup_closed(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){ .tail_bytes_left = TAIL_BYTES };
    fake_init(&fixture.fake);
    fixture.options = (struct shard_options){
        .group = FAKE_GROUP,
        .name = { .created_s = 1700000000, .shard = 3 },
        .retention_ms = RETENTION_MS,
        .tail_bytes_max = TAIL_BYTES,
        .putq = { .entry_bytes_max = ENTRY_BYTES_MAX, .waiting_bytes_max = 4 * ENTRY_BYTES_MAX },
    };
    *state = &fixture;
    return 0;
}

static inline int fixture_setup(void **state)
{
    fixture_setup_closed(state);
    return fixture_open(*state, NULL) == ERR_OK ? 0 : -1;
}

static inline void fixture_close(struct fixture *f)
{
    if (f->shard == NULL)
        return;
    shard_close(f->shard, fixture_on_closed, f);
    fake_turn(&f->fake);
    if (f->fake.replica.proposal != NULL)
        fake_depose(&f->fake);
    f->fake.replica.closed(f->fake.replica.closed_ctx);
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    fixture_close(f);
    fake_fini(&f->fake);
    return f->shard == NULL && f->tail_bytes_left == TAIL_BYTES ? 0 : -1;
}

/* A read that remembers how it ended. */
struct reading {
    struct shard_read req;
    int count;
    enum err err;
};

static inline void reading_done(struct shard_read *req, enum err err)
{
    struct reading *reading = container_of(req, struct reading, req);

    reading->count++;
    reading->err = err;
}

/* Starts a read; the answer comes with fake_turn(). */
static inline void reading_start(struct fixture *f, struct reading *reading, struct position from,
                                 uint32_t records_max, size_t bytes_max)
{
    *reading = (struct reading){ .req = { .from = from,
                                          .records_max = records_max,
                                          .bytes_max = bytes_max,
                                          .now_ms = f->fake.clock.wall_ms,
                                          .hidden_ms = f->fake.clock.wall_ms } };
    shard_read(f->shard, &reading->req, reading_done);
}

/* Reads and waits for the answer; shard_read_fini() is the caller's. */
static inline enum err read_now(struct fixture *f, struct reading *reading, struct position from,
                                uint32_t records_max, size_t bytes_max)
{
    reading_start(f, reading, from, records_max, bytes_max);
    assert_int_equal(reading->count, 0);
    fake_turn(&f->fake);
    assert_int_equal(reading->count, 1);
    return reading->err;
}

static inline struct position at(uint64_t index, uint32_t ordinal)
{
    return (struct position){ .index = index, .ordinal = ordinal };
}

#define assert_position(position, index_, ordinal_)                                                \
    do {                                                                                           \
        assert_int_equal((position).index, (index_));                                              \
        assert_int_equal((position).ordinal, (ordinal_));                                          \
    } while (0)

#endif

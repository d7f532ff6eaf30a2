/* test_river.c - a shard on the real log, replica, disk and tables: one node, one member.
 *
 * The other tests of this folder stand on fakes; this one shows that the fakes tell the truth.
 */
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/limits.h"
#include "env/real.h"
#include "shard/command.h"
#include "shard/shard.h"
#include "table/rocks.h"

#define GROUP 7u
#define NODE UINT64_C(0x1001)
#define PUTS 200u
#define RECORDS 5u /* in each put */
#define WAIT_S 20  /* a bound for what hangs, no measure */
#define ALL GET_RECORDS_MAX, GET_BYTES_MAX

/* ---- a node without peers ---- */

struct net {
    int unused;
};

void net_handle(struct net *net, enum net_kind kind, net_message_cb on_message,
                net_request_cb on_request, void *ctx)
{
}

void net_listen(struct net *net, net_event_cb cb, void *ctx)
{
}

void net_forget(struct net *net, const void *ctx)
{
}

bool net_is_up(const struct net *net, uint64_t node)
{
    return false;
}

bool net_is_gone(const struct net *net, uint64_t node)
{
    return false;
}

bool net_send(struct net *net, uint64_t node, enum net_lane lane, enum net_kind kind,
              struct buf *const parts[], uint32_t part_count)
{
    return false;
}

size_t net_queued(const struct net *net, uint64_t node, enum net_lane lane)
{
    return 0;
}

struct river {
    char dir[64];
    uv_loop_t loop;
    struct clock *clock;
    struct work_pool *work;
    struct disk *disk;
    struct table *table;
    struct note note;
    struct random random;
    struct net net;
    struct log *log;
    struct roster *roster;
    struct shard *shard;
    size_t tail_bytes_left;
    bool shard_closed, log_closed;
    uint32_t puts_done;
};

static uint64_t note_time(void *ctx)
{
    return 0;
}

/* One turn of the loop, which does not sleep: a loop in which nothing happens any more must not
 * hang the test. */
static void turn(struct river *river)
{
    uv_run(&river->loop, UV_RUN_NOWAIT);
    usleep(100);
}

/* Runs the loop until `*done`. */
static void run_until(struct river *river, const bool *done)
{
    time_t end = time(NULL) + WAIT_S;

    while (!*done) {
        assert_true(time(NULL) < end);
        turn(river);
    }
}

static void on_durable(void *ctx, uint64_t turn)
{
    struct river *river = ctx;

    if (river->roster != NULL)
        roster_durable(river->roster, turn);
}

static void on_failed(void *ctx, const struct reason *reason)
{
    fail_msg("%s", reason->text);
}

static void on_role(void *ctx, struct shard *shard, enum replica_role role, uint64_t leader)
{
}

static void must(enum err err, const struct reason *reason)
{
    if (err != ERR_OK)
        fail_msg("%s: %s", err_name(err), reason->text);
}

static void world_open(struct river *river)
{
    struct reason reason = { "" };
    char path[96];

    assert_int_equal(uv_loop_init(&river->loop), 0);
    note_init(&river->note, NOTE_OFF, note_time, NULL);
    random_init(&river->random, 1);
    river->clock = clock_uv_new(&river->loop);
    river->work = work_uv_new(&river->loop);
    assert_non_null(river->clock);
    assert_non_null(river->work);
    snprintf(path, sizeof(path), "%s/log", river->dir);
    must(disk_posix_open(path, &river->loop, &river->note, &river->disk, &reason), &reason);
    snprintf(path, sizeof(path), "%s/table", river->dir);
    must(table_open(&river->table, path, &reason), &reason);
}

static void log_and_roster_open(struct river *river)
{
    const struct log_options log_options = {
        .node = NODE,
        .segment_bytes = 64u << 10, /* many full ones, so that reads meet filed entries too */
        .segments_ahead = 1,
        .on_durable = on_durable,
        .on_failed = on_failed,
        .ctx = river,
    };
    const struct log_world log_world = {
        .disk = river->disk,
        .table = river->table,
        .clock = river->clock,
        .random = &river->random,
        .work = river->work,
    };
    const struct roster_options roster_options = {
        .node = NODE,
        .boot = 1,
        .on_forgotten = on_failed,
        .ctx = river,
        .election_timeout_ms = 100,
        .heartbeat_ms = 20,
        .tick_ms = 10,
        .payload_cache_bytes = 1u << 20,
    };
    struct reason reason = { "" };

    must(log_open(&river->log, &log_options, &log_world, &reason), &reason);
    const struct roster_world roster_world = {
        .clock = river->clock, .random = &river->random, .net = &river->net, .log = river->log
    };
    must(roster_open(&river->roster, &roster_options, &roster_world), &reason);
}

/* A new group gets its START; then the shard is opened and leads. */
static void shard_start(struct river *river, size_t tail_bytes)
{
    const struct shard_options options = {
        .group = GROUP,
        .preferred = NODE,
        .eager = true,
        .name = { .created_s = 1700000000, .shard = 1 },
        .retention_ms = UINT64_C(86400000),
        .tail_bytes_max = tail_bytes,
        .putq = { .entry_bytes_max = ENTRY_BYTES_MAX,
                  .waiting_bytes_max = PUTQ_WAITING_BYTES_MAX },
    };
    const struct shard_world world = {
        .clock = river->clock,
        .log = river->log,
        .roster = river->roster,
        .tail_bytes_left = &river->tail_bytes_left,
    };
    struct reason reason = { "" };

    if (log_state(river->log, GROUP) == NULL) {
        const struct log_state start = {
            .group = GROUP,
            .epoch = 1,
            .member_count = 1,
            .members = { NODE },
            .start_index = 1,
            .start_term = 1,
            .term = 1,
        };
        log_start(river->log, &start);
    }
    river->tail_bytes_left = tail_bytes;
    must(shard_open(&river->shard, &options, &world, on_role, NULL, river, &reason), &reason);
    for (time_t end = time(NULL) + WAIT_S; !shard_leads(river->shard);) {
        assert_true(time(NULL) < end);
        turn(river);
    }
}

static void river_open(struct river *river, size_t tail_bytes)
{
    world_open(river);
    log_and_roster_open(river);
    shard_start(river, tail_bytes);
}

static void set_true(void *ctx)
{
    *(bool *)ctx = true;
}

static void river_close(struct river *river)
{
    river->shard_closed = river->log_closed = false;
    shard_close(river->shard, set_true, &river->shard_closed);
    run_until(river, &river->shard_closed);
    roster_close(river->roster);
    river->roster = NULL;
    log_save(river->log);
    log_close(river->log, set_true, &river->log_closed);
    run_until(river, &river->log_closed);
    table_close(river->table);
    disk_posix_close(river->disk);
    work_uv_free(river->work);
    clock_uv_free(river->clock);
    uv_run(&river->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&river->loop), 0);
}

static int setup(void **state)
{
    static struct river river;

    river = (struct river){ .dir = "/tmp/shard-river-XXXXXX" };
    *state = &river;
    return mkdtemp(river.dir) == NULL ? -1 : 0;
}

static int forget(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
    return remove(path);
}

static int teardown(void **state)
{
    struct river *river = *state;

    return nftw(river->dir, forget, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- puts and reads ---- */

struct putting {
    struct put put;
    struct river *river;
    unsigned char bytes[256];
    enum err err;
    struct seqno first;
};

static void putting_done(struct put *put, enum err err, struct seqno first)
{
    struct putting *putting = container_of(put, struct putting, put);

    putting->err = err;
    putting->first = first;
    putting->river->puts_done++;
}

/* RECORDS records whose data are the number of the put and of the record. */
static void putting_start(struct river *river, struct putting *putting, uint32_t number)
{
    unsigned char *end = putting->bytes;
    bool throttled;

    *putting = (struct putting){ .river = river };
    for (uint32_t nth = 0; nth < RECORDS; nth++) {
        uint32_t data[2] = { number, nth };
        struct record record = { .key = slice_text("key"), .data = slice_of(data, sizeof(data)) };
        end = command_encode_record(end, &record);
    }
    putting->put = (struct put){
        .records = slice_of(putting->bytes, (size_t)(end - putting->bytes)),
        .record_count = RECORDS,
        .done = putting_done,
    };
    assert_int_equal(shard_put(river->shard, &putting->put, &throttled), ERR_OK);
}

static void put_all(struct river *river, struct putting puttings[PUTS])
{
    time_t end = time(NULL) + WAIT_S;

    river->puts_done = 0;
    for (uint32_t number = 0; number < PUTS; number++) {
        putting_start(river, &puttings[number], number);
        if (number % 20 == 19)
            uv_run(&river->loop, UV_RUN_NOWAIT); /* several entries, not one */
    }
    while (river->puts_done < PUTS) {
        assert_true(time(NULL) < end);
        turn(river);
    }
    for (uint32_t number = 0; number < PUTS; number++) {
        assert_int_equal(puttings[number].err, ERR_OK);
        if (number > 0)
            assert_int_equal(
                seqno_compare(puttings[number - 1].first, puttings[number].first), -1);
    }
}

struct reading {
    struct shard_read req;
    enum err err;
    bool done;
};

static void reading_done(struct shard_read *req, enum err err)
{
    struct reading *reading = container_of(req, struct reading, req);

    reading->err = err;
    reading->done = true;
}

static void read_at(struct river *river, struct reading *reading, struct position from,
                    uint32_t records_max, size_t bytes_max)
{
    *reading = (struct reading){ .req = { .from = from,
                                          .records_max = records_max,
                                          .bytes_max = bytes_max,
                                          .now_ms = clock_wall_ms(river->clock),
                                          .hidden_ms = clock_wall_ms(river->clock) } };
    shard_read(river->shard, &reading->req, reading_done);
    run_until(river, &reading->done);
    must(reading->err, &reading->req.reason);
}

/* The records of all puts, in order, each at the sequence number that its put was told. */
static void expect_all(struct river *river, const struct putting puttings[PUTS],
                       uint32_t records_max)
{
    struct position from = { .index = 0 };
    uint32_t found = 0;
    struct reading reading;

    do {
        read_at(river, &reading, from, records_max, GET_BYTES_MAX);
        for (uint32_t p = 0; p < reading.req.part_count; p++) {
            const struct read_part *part = &reading.req.parts[p];
            struct command_walk walk = command_walk_start(part->records);
            struct record record;
            uint32_t ordinal = part->first_ordinal;
            for (; command_walk_next(&walk, &record) == ERR_OK; ordinal++, found++) {
                uint32_t data[2];
                assert_int_equal(record.data.len, sizeof(data));
                memcpy(data, record.data.data, sizeof(data));
                assert_int_equal(data[0], found / RECORDS);
                assert_int_equal(data[1], found % RECORDS);
                assert_int_equal(part->index, puttings[data[0]].first.index);
                assert_int_equal(ordinal, puttings[data[0]].first.ordinal + data[1]);
                assert_int_equal(part->time_ms / 1000, puttings[data[0]].first.time_s);
            }
        }
        from = reading.req.next;
        shard_read_fini(&reading.req);
    } while (reading.req.behind_ms > 0);
    assert_int_equal(found, PUTS * RECORDS);
}

struct locating {
    struct locate req;
    enum err err;
    bool done;
};

static void locating_done(struct locate *req, enum err err)
{
    struct locating *locating = container_of(req, struct locating, req);

    locating->err = err;
    locating->done = true;
}

static struct position locate(struct river *river, struct locate in)
{
    struct locating locating = { .req = in };

    locating.req.hidden_ms = clock_wall_ms(river->clock);
    shard_locate(river->shard, &locating.req, locating_done);
    run_until(river, &locating.done);
    assert_int_equal(locating.err, ERR_OK);
    return locating.req.position;
}

static void what_is_put_is_read_from_memory(void **state)
{
    struct river *river = *state;
    static struct putting puttings[PUTS];

    river_open(river, 1u << 20);
    put_all(river, puttings);
    expect_all(river, puttings, GET_RECORDS_MAX);
    expect_all(river, puttings, 7);
    river_close(river);
}

static void what_is_put_is_read_from_the_disk(void **state)
{
    struct river *river = *state;
    static struct putting puttings[PUTS];

    river_open(river, 0);
    put_all(river, puttings);
    expect_all(river, puttings, GET_RECORDS_MAX);
    expect_all(river, puttings, 77);
    river_close(river);
}

static void a_restart_loses_nothing_and_doubles_nothing(void **state)
{
    struct river *river = *state;
    static struct putting puttings[PUTS];
    struct shard_status before;

    river_open(river, 1u << 20);
    put_all(river, puttings);
    before = shard_status(river->shard);
    river_close(river);
    for (int restart = 0; restart < 2; restart++) {
        river_open(river, 1u << 20);
        expect_all(river, puttings, GET_RECORDS_MAX);
        struct shard_status after = shard_status(river->shard);
        assert_int_equal(after.records, PUTS * RECORDS);
        assert_int_equal(after.bytes, before.bytes);
        assert_int_equal(after.newest_time_ms, before.newest_time_ms);
        river_close(river);
    }
}

static void all_types_of_iterators_find_their_place(void **state)
{
    struct river *river = *state;
    static struct putting puttings[PUTS];

    river_open(river, 0);
    put_all(river, puttings);

    struct seqno middle = puttings[PUTS / 2].first;
    struct position at = locate(river, (struct locate){ .type = LOCATE_LATEST });
    assert_true(at.index > puttings[PUTS - 1].first.index);
    at = locate(river, (struct locate){ .type = LOCATE_AT_SEQUENCE_NUMBER, .seqno = middle });
    assert_int_equal(at.index, middle.index);
    assert_int_equal(at.ordinal, middle.ordinal);
    at = locate(river, (struct locate){ .type = LOCATE_AFTER_SEQUENCE_NUMBER, .seqno = middle });
    assert_int_equal(at.ordinal, middle.ordinal + 1);

    struct position horizon = locate(river, (struct locate){ .type = LOCATE_TRIM_HORIZON });
    assert_true(horizon.index <= puttings[0].first.index);
    at = locate(river, (struct locate){ .type = LOCATE_AT_TIMESTAMP, .time_ms = 1 });
    assert_int_equal(at.index, horizon.index);
    uint64_t newest_ms = shard_status(river->shard).newest_time_ms;
    at = locate(river, (struct locate){ .type = LOCATE_AT_TIMESTAMP, .time_ms = newest_ms });
    assert_true(at.index <= puttings[PUTS - 1].first.index);
    at = locate(river, (struct locate){ .type = LOCATE_AT_TIMESTAMP, .time_ms = newest_ms + 1 });
    assert_true(at.index > puttings[PUTS - 1].first.index);
    river_close(river);
}

static void retention_hides_and_then_drops(void **state)
{
    struct river *river = *state;
    static struct putting puttings[PUTS];
    struct reading reading;

    river_open(river, 0);
    put_all(river, puttings);
    uint64_t later_ms = clock_wall_ms(river->clock) + 86400000 + 1000;
    uint64_t last = puttings[PUTS - 1].first.index;
    for (time_t end = time(NULL) + WAIT_S; log_state(river->log, GROUP)->first <= last;) {
        assert_true(time(NULL) < end);
        shard_retain(river->shard, later_ms, UINT64_MAX - 1);
        later_ms += RETENTION_GRACE_MS;
        turn(river);
    }
    assert_true(shard_status(river->shard).horizon > last);
    read_at(river, &reading, (struct position){ .index = 0 }, ALL);
    assert_int_equal(reading.req.record_count, 0);
    assert_int_equal(reading.req.behind_ms, 0);
    shard_read_fini(&reading.req);

    /* It goes on behind the gap, before and after a restart. */
    struct putting after;
    river->puts_done = 0;
    putting_start(river, &after, 0);
    for (time_t end = time(NULL) + WAIT_S; river->puts_done == 0;) {
        assert_true(time(NULL) < end);
        turn(river);
    }
    assert_int_equal(after.err, ERR_OK);
    river_close(river);
    river_open(river, 0);
    read_at(river, &reading, (struct position){ .index = 0 }, ALL);
    assert_int_equal(reading.req.record_count, RECORDS);
    shard_read_fini(&reading.req);
    river_close(river);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_read_from_memory),
        TEST(what_is_put_is_read_from_the_disk),
        TEST(a_restart_loses_nothing_and_doubles_nothing),
        TEST(all_types_of_iterators_find_their_place),
        TEST(retention_hides_and_then_drops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

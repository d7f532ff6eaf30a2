/* A subscription, with a fan and a leader that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/handler.h"
#include "api/subscription.h"
#include "base/limits.h"
#include "base/metric.h"
#include "still_clock.h"

static struct {
    struct api api;
    struct model_stream stream;
    struct model_shard shard;
    struct model_consumer consumer;
    bool registered;
    struct subscription *subscription;
    struct fan_reader *reader; /* that waits for its next event */
    int asked;
    struct route_grant *grant; /* that waits for its answer */
    int events, ends;
    char event[4096]; /* the last one */
    size_t event_len;
    struct buf *records;
    struct counter *whole, *failed;
    uint32_t bytes_per_s;
} world;

/* ---- what is around it ---- */

static char the_fan;

struct fan *fan_new(const struct fan_world *around)
{
    return (struct fan *)(void *)&the_fan;
}

void fan_close(struct fan *fan, fan_closed_cb cb, void *ctx)
{
    cb(ctx);
}

enum err fan_join(struct fan *fan, struct fan_reader *reader, uint64_t group)
{
    assert_int_equal(group, world.shard.group);
    return ERR_OK;
}

void fan_next(struct fan_reader *reader, fan_cb cb)
{
    assert_null(world.reader);
    reader->cb = cb;
    world.reader = reader;
    world.asked++;
}

void fan_leave(struct fan_reader *reader)
{
    world.reader = NULL;
}

void route_grant(struct route *route, struct route_grant *req, route_grant_cb cb)
{
    assert_true(req->ask.renews);
    req->cb = cb;
    world.grant = req;
}

void route_grant_cancel(struct route_grant *req)
{
    world.grant = NULL;
}

struct catalog *control_catalog(struct control *control)
{
    return NULL;
}

uint32_t control_stream_limit(const struct control *control, const struct model_stream *stream,
                              enum limit limit)
{
    assert_int_equal(limit, LIMIT_CONSUMER_BYTES);
    return world.bytes_per_s;
}

const struct model *catalog_model(const struct catalog *catalog)
{
    return NULL;
}

const struct model_stream *model_stream_by_id(const struct model *model, uint64_t id)
{
    return id == world.stream.id ? &world.stream : NULL;
}

const struct model_consumer *model_consumer_by_id(const struct model_stream *stream, uint64_t id)
{
    return world.registered && id == world.consumer.id ? &world.consumer : NULL;
}

const char *model_account(const struct model *model)
{
    return "000000000000";
}

uint64_t random_id(struct random *random)
{
    return 5;
}

/* ---- what tests do ---- */

static void on_event(void *ctx, struct buf *event)
{
    world.events++;
    world.event_len = event->len < sizeof(world.event) ? event->len : sizeof(world.event);
    memcpy(world.event, event->data, world.event_len);
}

static void on_end(void *ctx)
{
    world.ends++;
    subscription_free(world.subscription);
    world.subscription = NULL;
}

static const struct subscription_events events = { .on_event = on_event, .on_end = on_end };

static bool event_has(const char *text)
{
    return memmem(world.event, world.event_len, text, strlen(text)) != NULL;
}

/* The door has room for the next one. */
static void room(void)
{
    subscription_room(world.subscription);
    still_clock_turn();
}

static void tell(enum err err)
{
    struct fan_reader *reader = world.reader;

    assert_non_null(reader);
    world.reader = NULL;
    reader->cb(reader, err);
    still_clock_turn();
}

/* The fan has one record, or nothing. */
static void give(bool record, bool ended)
{
    struct fan_reader *reader = world.reader;

    assert_non_null(reader);
    reader->event = record || ended ? world.records : NULL;
    reader->record_count = record ? 1 : 0;
    reader->record_bytes = record ? 1000 : 0;
    reader->next = (struct position){ .index = reader->from.index + (record ? 1 : 0) };
    reader->ended = ended;
    tell(ERR_OK);
}

static void renewed(enum err err)
{
    struct route_grant *grant = world.grant;

    assert_non_null(grant);
    world.grant = NULL;
    grant->cb(grant, err);
    still_clock_turn();
}

/* Up to the wait for its first records. */
static void begin(void)
{
    const struct subscription_wanted wanted = { .stream = &world.stream,
                                                .shard = &world.shard,
                                                .consumer = &world.consumer };

    assert_int_equal(subscription_new(&world.subscription, &world.api, &wanted), ERR_OK);
    subscription_begin(world.subscription, (struct position){ .index = 4 });
    subscription_start(world.subscription, &events, NULL);
    room();
    assert_int_equal(world.events, 1);
    assert_true(event_has("initial-response"));
    room();
    assert_int_equal(world.asked, 1);
    assert_int_equal(world.reader->from.index, 4);
}

static void passes(uint64_t ms)
{
    for (; ms > 0 && world.ends == 0; ms--) {
        still_clock_pass(1);
        if (world.grant != NULL)
            renewed(ERR_OK);
    }
}

static void all_closed(void *ctx)
{
    assert_ptr_equal(ctx, &world.api);
}

static int set_up(void **state)
{
    memset(&world, 0, sizeof(world));
    world.api.world.clock = still_clock_open();
    world.api.world.metrics = metrics_new();
    world.stream = (struct model_stream){ .id = 1, .name = "river", .status = STREAM_ACTIVE };
    world.shard = (struct model_shard){ .number = 3, .group = 7 };
    world.consumer = (struct model_consumer){ .id = 2, .name = "reader" };
    world.registered = true;
    world.records = buf_copy(slice_text("some records"));
    world.whole = metrics_counter(world.api.world.metrics, "braid_subscriptions_ended_total",
                                  "Subscriptions that ended, by how.", "how=\"whole\"");
    world.failed = metrics_counter(world.api.world.metrics, "braid_subscriptions_ended_total",
                                   "Subscriptions that ended, by how.", "how=\"exception\"");
    return subscriptions_open(&world.api, world.api.world.metrics) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    subscription_free(world.subscription);
    subscriptions_close(&world.api, all_closed);
    metrics_free(world.api.world.metrics);
    buf_unref(world.records);
    still_clock_turn();
    still_clock_close();
    return 0;
}

/* ---- events ---- */

static void each_event_waits_for_the_one_before(void **state)
{
    begin();
    give(true, false);
    assert_int_equal(world.events, 2);
    assert_true(event_has("some records"));
    assert_null(world.reader); /* its client has not taken it yet */
    passes(1000);
    assert_null(world.reader);
    room();
    assert_int_equal(world.reader->from.index, 5);
}

static void silence_is_broken_by_an_event_without_records(void **state)
{
    begin();
    passes(SUBSCRIPTION_QUIET_MS - SUBSCRIPTION_TICK_MS);
    assert_int_equal(world.events, 1);
    passes(2 * SUBSCRIPTION_TICK_MS);
    assert_int_equal(world.events, 2);
    assert_true(event_has("\"Records\":[]"));
    give(true, false); /* waits: its client has not taken the empty one */
    assert_int_equal(world.events, 2);
    room();
    assert_int_equal(world.events, 3);
    assert_true(event_has("some records"));
}

static void an_answer_without_records_that_came_at_once_is_followed_by_a_pause(void **state)
{
    begin();
    give(false, false);
    assert_null(world.reader);
    passes(SUBSCRIPTION_PAUSE_MS);
    assert_int_equal(world.asked, 2);
    passes(SHARD_WATCH_MS);
    give(false, false);
    passes(1);
    assert_int_equal(world.asked, 3); /* the leader had let it wait */
}

static void a_consumer_has_a_bandwidth(void **state)
{
    world.bytes_per_s = 2000;
    begin();
    for (int at = 0; at < 2; at++) { /* a second's worth may come at once */
        give(true, false);
        room();
        assert_non_null(world.reader);
    }
    give(true, false);
    room();
    assert_null(world.reader);
    passes(499);
    assert_null(world.reader);
    passes(1);
    assert_non_null(world.reader);
}

/* ---- moments ---- */

static void a_shard_that_is_busy_is_asked_again(void **state)
{
    begin();
    for (int at = 0; at < 20; at++) {
        tell(at % 2 == 0 ? ERR_BUSY : ERR_NO_MEMORY);
        assert_null(world.reader);
        passes(SUBSCRIPTION_PAUSE_MS);
        assert_non_null(world.reader);
    }
    assert_int_equal(world.asked, 21);
    give(true, false);
    assert_true(event_has("some records"));
    room();
    passes(SUBSCRIPTION_BUSY_MS);
    tell(ERR_BUSY);
    room(); /* what was is no more counted */
    assert_int_equal(world.failed->value, 0);
    passes(SUBSCRIPTION_PAUSE_MS);
    give(true, false);
    room();
}

static void one_that_is_busy_for_too_long_ends_it(void **state)
{
    int asked;

    begin();
    asked = world.asked;
    for (uint64_t ms = 0; ms < SUBSCRIPTION_BUSY_MS; ms += SUBSCRIPTION_PAUSE_MS) {
        tell(ERR_BUSY);
        assert_int_equal(world.failed->value, 0);
        passes(SUBSCRIPTION_PAUSE_MS);
        if (world.events > 1) /* the empty ones that tell its client that it is there */
            room();
    }
    assert_int_equal(world.asked - asked, SUBSCRIPTION_BUSY_MS / SUBSCRIPTION_PAUSE_MS);
    assert_true(world.events >= 3);
    (void)memset(world.reader->reason.text, 0, sizeof(world.reader->reason.text));
    strcpy(world.reader->reason.text, "64 reads wait");
    tell(ERR_BUSY);
    assert_int_equal(world.failed->value, 1);
    assert_true(event_has("InternalFailureException"));
    assert_true(event_has("64 reads wait"));
    room();
    assert_int_equal(world.ends, 1);
}

/* ---- ends ---- */

static void the_end_of_its_shard_is_its_own(void **state)
{
    begin();
    give(false, true);
    assert_int_equal(world.events, 2);
    assert_int_equal(world.whole->value, 1);
    assert_int_equal(world.failed->value, 0);
    room();
    assert_int_equal(world.ends, 1);
}

static void after_five_minutes_it_is_over(void **state)
{
    begin();
    for (uint64_t ms = 0; ms + 1000 < SUBSCRIPTION_LIFE_MS; ms += 1000) {
        passes(1000);
        room();
        assert_int_equal(world.ends, 0);
    }
    passes(1000 + SUBSCRIPTION_TICK_MS);
    assert_int_equal(world.ends, 1);
    assert_int_equal(world.whole->value, 1);
}

static void a_younger_one_ends_it(void **state)
{
    begin();
    while (world.grant == NULL)
        still_clock_pass(1);
    renewed(ERR_EXISTS);
    assert_true(event_has("ResourceInUseException"));
    assert_true(event_has("000000000000:river:shardId-000000000003:reader"));
    assert_int_equal(world.failed->value, 1);
    room();
    assert_int_equal(world.ends, 1);
}

static void its_consumer_is_deregistered(void **state)
{
    begin();
    world.registered = false;
    passes(SUBSCRIPTION_TICK_MS);
    assert_true(event_has("ResourceNotFoundException"));
    room();
    assert_int_equal(world.ends, 1);
}

static void its_shard_is_gone(void **state)
{
    begin();
    tell(ERR_CLOSED);
    assert_true(event_has("ResourceNotFoundException"));
    assert_true(event_has("Shard shardId-000000000003 in stream river under account 000000000000 "
                          "does not exist"));
    room();
    assert_int_equal(world.ends, 1);
}

static void who_does_not_take_the_last_event_is_left(void **state)
{
    begin();
    give(true, false); /* not taken */
    world.registered = false;
    passes(SUBSCRIPTION_TICK_MS + SUBSCRIPTION_FAREWELL_MS - 1);
    assert_int_equal(world.ends, 0);
    passes(SUBSCRIPTION_TICK_MS);
    assert_int_equal(world.ends, 1);
    assert_int_equal(world.events, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_event_waits_for_the_one_before),
        TEST(silence_is_broken_by_an_event_without_records),
        TEST(an_answer_without_records_that_came_at_once_is_followed_by_a_pause),
        TEST(a_consumer_has_a_bandwidth),
        TEST(a_shard_that_is_busy_is_asked_again),
        TEST(one_that_is_busy_for_too_long_ends_it),
        TEST(the_end_of_its_shard_is_its_own),
        TEST(after_five_minutes_it_is_over),
        TEST(a_younger_one_ends_it),
        TEST(its_consumer_is_deregistered),
        TEST(its_shard_is_gone),
        TEST(who_does_not_take_the_last_event_is_left),
    };

    return cmocka_run_group_tests_name("subscription", tests, NULL, NULL);
}

/* Which shards DescribeStream and ListShards show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/describe.h"

#define DAY_MS UINT64_C(86400000)
#define CREATED_MS UINT64_C(1700000000500)
#define CLOSED_MS (CREATED_MS + 10 * DAY_MS)

/* A parent, and a child. */
static struct model_shard shards[] = {
    { .group = 2, .number = 0, .state = SHARD_CLOSED, .closed_ms = CLOSED_MS },
    { .group = 3, .number = 1, .opened_ms = CLOSED_MS, .parents = { 0 }, .parent_count = 1 },
};
static const struct model_stream stream = {
    .created_ms = CREATED_MS, .retention_hours = 24, .shards = shards, .shard_count = 2
};

static uint64_t reading_ms;
static _Alignas(max_align_t) unsigned char taken[4096];

/* ---- what is around it ---- */

uint64_t control_reading_ms(const struct control *control)
{
    return reading_ms;
}

void *request_take(struct request *request, size_t bytes)
{
    assert_in_range(bytes, 1, sizeof(taken));
    memset(taken, 0, sizeof(taken));
    return taken;
}

void request_fail_err(struct request *request, enum err err, const struct reason *reason)
{
    fail();
}

const struct model_settings *model_settings(const struct model_stream *of)
{
    return NULL;
}

/* ---- tests ---- */

/* On a node whose own clock is at `now_ms`. */
static uint32_t shown(uint64_t now_ms)
{
    struct arena arena;
    struct api api = { .caught_up = true };
    struct request request = { .api = &api, .arena = &arena, .now_ms = now_ms };
    struct shard_out_list list = { .count = 0 };
    bool more = true;

    arena_init(&arena, 1 << 16);
    assert_true(describe_shards(&request, &stream, 0, 10, &list, &more));
    assert_false(more);
    arena_fini(&arena);
    return list.count;
}

static void a_parent_is_shown_until_readers_see_nothing_of_it(void **state)
{
    reading_ms = CLOSED_MS + DAY_MS;
    assert_int_equal(shown(reading_ms), 2);
    reading_ms++;
    assert_int_equal(shown(reading_ms), 1);
}

static void a_node_whose_clock_is_ahead_hides_no_parent(void **state)
{
    reading_ms = CLOSED_MS + 1000;
    assert_int_equal(shown(reading_ms + 2 * DAY_MS), 2);
}

static void a_node_that_knows_no_agreed_clock_hides_no_parent(void **state)
{
    reading_ms = 0;
    assert_int_equal(shown(CLOSED_MS + 2 * DAY_MS), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parent_is_shown_until_readers_see_nothing_of_it),
        cmocka_unit_test(a_node_whose_clock_is_ahead_hides_no_parent),
        cmocka_unit_test(a_node_that_knows_no_agreed_clock_hides_no_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "control/scale.h"

#define NOW UINT64_C(1000000)
#define MOST 16u

static const struct scale_rule rule = {
    .window_ms = 60000, .quiet_ms = 86400000, .bytes_per_s = 1048576, .records_per_s = 1000
};

/* ---- one shard ---- */

static enum scale_word after_a_minute(uint64_t bytes, uint64_t records)
{
    struct scale_load load = scale_begin(7, 1000, 10, NOW);

    scale_look(&load, &rule, 1000 + bytes, 10 + records, NOW + 60000);
    return load.word;
}

static void half_of_what_it_takes_makes_it_hot(void **state)
{
    assert_int_equal(after_a_minute(60 * UINT64_C(524288), 0), SCALE_HOT);
    assert_int_equal(after_a_minute(60 * UINT64_C(524288) - 60 * 1049, 0), SCALE_STAYS);
    assert_int_equal(after_a_minute(0, 60 * 500), SCALE_HOT);
    assert_int_equal(after_a_minute(0, 60 * 499), SCALE_STAYS);
}

static void a_moment_makes_nothing_hot(void **state)
{
    struct scale_load load = scale_begin(7, 0, 0, NOW);

    scale_look(&load, &rule, 10 * UINT64_C(1048576), 0, NOW + 1000);
    assert_int_equal(load.word, SCALE_STAYS);
    scale_look(&load, &rule, 10 * UINT64_C(1048576), 0, NOW + 60000);
    assert_int_equal(load.word, SCALE_STAYS); /* a sixth, over the minute */
}

static void what_was_hot_is_so_for_a_minute(void **state)
{
    struct scale_load load = scale_begin(7, 0, 0, NOW);

    scale_look(&load, &rule, 0, 60000, NOW + 60000);
    scale_look(&load, &rule, 0, 60000, NOW + 119999);
    assert_int_equal(load.word, SCALE_HOT);
    scale_look(&load, &rule, 0, 60000, NOW + 120000);
    assert_int_equal(load.word, SCALE_STAYS);
}

static void a_quiet_day_makes_it_quiet(void **state)
{
    struct scale_load load = scale_begin(7, 0, 0, NOW);
    uint64_t records = 0, now_ms = NOW;

    for (; now_ms < NOW + rule.quiet_ms - 60000; records += 60 * 249) {
        now_ms += 60000;
        scale_look(&load, &rule, 0, records, now_ms);
        assert_int_equal(load.word, SCALE_STAYS);
    }
    now_ms += 60000;
    scale_look(&load, &rule, 0, records, now_ms);
    assert_int_equal(load.word, SCALE_QUIET);
    scale_look(&load, &rule, 0, records + 60 * 250, now_ms + 60000);
    assert_int_equal(load.word, SCALE_STAYS); /* another day is needed */
    scale_look(&load, &rule, 0, records + 60 * 250, now_ms + 60000 + rule.quiet_ms - 1);
    assert_int_equal(load.word, SCALE_STAYS);
}

static void one_that_was_opened_again_is_measured_anew(void **state)
{
    struct scale_load load = scale_begin(7, 5000, 5000, NOW);

    scale_look(&load, &rule, 10, 1, NOW + 60000); /* it counts from 0 again */
    assert_int_equal(load.word, SCALE_STAYS);
    scale_look(&load, &rule, 10, 60001, NOW + 120000);
    assert_int_equal(load.word, SCALE_HOT);
}

/* ---- a stream ---- */

static struct {
    struct model_shard shards[MOST];
    uint32_t open[MOST];
    struct model_stream stream;
    enum scale_word words[MOST];
} world;

static void given(uint32_t count, const char *words)
{
    u128_bits part = ((u128_bits)1 << 127) / count * 2;

    world.stream = (struct model_stream){ .shards = world.shards,
                                          .shard_count = count,
                                          .open = world.open,
                                          .open_count = count };
    for (uint32_t i = 0; i < count; i++) {
        world.shards[i] = (struct model_shard){ .group = 100 + i, .number = i };
        world.shards[i].hash_first.v = i * part;
        world.shards[i].hash_last.v = (i + 1) * part - 1;
        world.open[i] = i;
        world.words[i] = words[i] == 'h' ? SCALE_HOT : words[i] == 'q' ? SCALE_QUIET : SCALE_STAYS;
    }
}

static enum scale_word word_of(void *ctx, uint64_t group)
{
    return world.words[group - 100];
}

/* The steps as text: "0 2+3". */
static const char *steps_of(uint32_t most)
{
    static char text[128];
    struct reshard_step *steps;
    uint32_t count, len = 0;

    text[0] = 0;
    if (!scale_steps(&world.stream, word_of, NULL, most, &steps, &count))
        return text;
    for (uint32_t i = 0; i < count; i++) {
        len += (uint32_t)snprintf(text + len, sizeof(text) - len, i == 0 ? "%u" : " %u",
                                  steps[i].parents[0]);
        if (steps[i].parent_count == 2)
            len += (uint32_t)snprintf(text + len, sizeof(text) - len, "+%u", steps[i].parents[1]);
        else
            assert_true(steps[i].middle.v == world.shards[steps[i].parents[0]].hash_first.v +
                        (world.shards[1].hash_first.v - world.shards[0].hash_first.v) / 2);
    }
    free(steps);
    return text;
}

static void all_that_are_hot_are_split_at_once(void **state)
{
    given(4, "hhhh");
    assert_string_equal(steps_of(200), "0 1 2 3"); /* the stream takes twice as much */
    given(4, "h--h");
    assert_string_equal(steps_of(200), "0 3");
    given(4, "----");
    assert_string_equal(steps_of(200), "");
}

static void no_more_than_the_most(void **state)
{
    given(4, "hhhh");
    assert_string_equal(steps_of(6), "0 1");
    assert_string_equal(steps_of(4), "");
    assert_string_equal(steps_of(3), "");
}

static void quiet_neighbours_become_one(void **state)
{
    given(8, "qqqqqqqq");
    assert_string_equal(steps_of(200), "0+1 2+3 4+5 6+7");
    given(8, "q-qqqq-q");
    assert_string_equal(steps_of(200), "2+3 4+5");
    given(8, "-qqq-qq-");
    assert_string_equal(steps_of(200), "1+2 5+6");
}

static void no_fewer_than_a_new_stream_has(void **state)
{
    given(6, "qqqqqq");
    assert_string_equal(steps_of(200), "0+1 2+3");
    given(4, "qqqq");
    assert_string_equal(steps_of(200), "");
    given(2, "qq");
    assert_string_equal(steps_of(200), "");
}

static void nothing_is_merged_while_some_are_hot(void **state)
{
    given(8, "hqqqqqqq");
    assert_string_equal(steps_of(200), "0");
    assert_string_equal(steps_of(8), ""); /* nor when it may not be split */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_what_it_takes_makes_it_hot),
        cmocka_unit_test(a_moment_makes_nothing_hot),
        cmocka_unit_test(what_was_hot_is_so_for_a_minute),
        cmocka_unit_test(a_quiet_day_makes_it_quiet),
        cmocka_unit_test(one_that_was_opened_again_is_measured_anew),
        cmocka_unit_test(all_that_are_hot_are_split_at_once),
        cmocka_unit_test(no_more_than_the_most),
        cmocka_unit_test(quiet_neighbours_become_one),
        cmocka_unit_test(no_fewer_than_a_new_stream_has),
        cmocka_unit_test(nothing_is_merged_while_some_are_hot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

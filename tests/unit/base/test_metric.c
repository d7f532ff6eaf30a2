#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/expose.h"
#include "base/limits.h"

static bool printed(struct metrics *metrics, const char *line)
{
    struct writer writer;

    writer_init(&writer, 1 << 20);
    expose_print(metrics, &writer);
    writer_u8(&writer, 0);
    assert_false(writer.failed);
    bool found = strstr((const char *)writer_slice(&writer).data, line) != NULL;
    writer_fini(&writer);
    return found;
}

static void counters_and_gauges_print_in_families(void **state)
{
    struct metrics *metrics = metrics_new();
    struct counter *put = metrics_counter(metrics, "braid_calls_total", "Calls.", "op=\"put\"");
    struct gauge *up = metrics_gauge(metrics, "braid_peers_up", "Peers up.", NULL);
    struct counter *get = metrics_counter(metrics, "braid_calls_total", "Calls.", "op=\"get\"");

    counter_add(put, 3);
    counter_add(get, 1);
    gauge_set(up, 4);
    gauge_add(up, -6);
    assert_true(printed(metrics, "# HELP braid_calls_total Calls.\n"
                                 "# TYPE braid_calls_total counter\n"
                                 "braid_calls_total{op=\"put\"} 3\n"
                                 "braid_calls_total{op=\"get\"} 1\n"
                                 "# HELP braid_peers_up Peers up.\n"
                                 "# TYPE braid_peers_up gauge\n"
                                 "braid_peers_up -2\n"));
    metrics_free(metrics);
}

static void the_same_name_and_labels_are_the_same_series(void **state)
{
    struct metrics *metrics = metrics_new();
    struct counter *first = metrics_counter(metrics, "a_total", "A.", "x=\"1\"");

    assert_ptr_equal(metrics_counter(metrics, "a_total", "A.", "x=\"1\""), first);
    assert_ptr_not_equal(metrics_counter(metrics, "a_total", "A.", "x=\"2\""), first);
    assert_ptr_not_equal(metrics_counter(metrics, "a_total", "A.", NULL), first);
    metrics_free(metrics);
}

static void a_value_lies_in_the_first_bucket_that_is_not_below_it(void **state)
{
    for (unsigned at = 1; at < HISTOGRAM_BUCKETS - 1; at++) {
        struct histogram histogram = { .first = 16 };
        uint64_t bound = (uint64_t)16 << at;

        histogram_record(&histogram, bound / 2);
        histogram_record(&histogram, bound / 2 + 1);
        histogram_record(&histogram, bound);
        assert_int_equal(histogram.counts[at - 1], 1);
        assert_int_equal(histogram.counts[at], 2);
    }
    struct histogram histogram = { .first = 16 };
    histogram_record(&histogram, 0);
    histogram_record(&histogram, 16);
    histogram_record(&histogram, UINT64_MAX);
    assert_int_equal(histogram.counts[0], 2);
    assert_int_equal(histogram.counts[HISTOGRAM_BUCKETS - 1], 1);
}

static void a_histogram_prints_running_totals_in_seconds(void **state)
{
    struct metrics *metrics = metrics_new();
    struct histogram *latency = metrics_seconds(metrics, "put_seconds", "Puts.", "op=\"put\"");

    histogram_record(latency, 10);
    histogram_record(latency, 20);
    histogram_record(latency, 1000000);
    assert_true(printed(metrics, "# TYPE put_seconds histogram\n"
                                 "put_seconds_bucket{op=\"put\",le=\"1.6e-05\"} 1\n"
                                 "put_seconds_bucket{op=\"put\",le=\"3.2e-05\"} 2\n"));
    assert_true(printed(metrics, "put_seconds_bucket{op=\"put\",le=\"+Inf\"} 3\n"
                                 "put_seconds_sum{op=\"put\"} 1.00003\n"
                                 "put_seconds_count{op=\"put\"} 3\n"));
    metrics_free(metrics);
}

static void a_quantile_is_its_bucket_s_bound(void **state)
{
    struct histogram histogram = { .first = 1 };

    assert_int_equal(histogram_at(&histogram, 0.5), 0);
    for (uint64_t i = 1; i <= 100; i++)
        histogram_record(&histogram, i <= 90 ? 3 : 1000);
    assert_int_equal(histogram_at(&histogram, 0.5), 4);
    assert_int_equal(histogram_at(&histogram, 0.9), 4);
    assert_int_equal(histogram_at(&histogram, 0.99), 1024);
}

static void over_the_maximum_series_count_but_do_not_print(void **state)
{
    struct metrics *metrics = metrics_new();
    static char labels[METRIC_SERIES_MAX + 10][16];

    for (unsigned i = 0; i < METRIC_SERIES_MAX + 10; i++) {
        snprintf(labels[i], sizeof(labels[i]), "i=\"%u\"", i);
        counter_add(metrics_counter(metrics, "many_total", "Many.", labels[i]), 1);
    }
    assert_true(printed(metrics, "many_total{i=\"2047\"} 1\n"));
    assert_false(printed(metrics, "many_total{i=\"2048\"}"));
    metrics_free(metrics);
}

static void set_to_seven(void *ctx)
{
    gauge_set(ctx, 7);
}

static void gauges_can_be_computed_when_asked(void **state)
{
    struct metrics *metrics = metrics_new();

    metrics_on_print(metrics, set_to_seven, metrics_gauge(metrics, "depth", "Depth.", NULL));
    assert_true(printed(metrics, "\ndepth 7\n"));
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_print_in_families),
        cmocka_unit_test(the_same_name_and_labels_are_the_same_series),
        cmocka_unit_test(a_value_lies_in_the_first_bucket_that_is_not_below_it),
        cmocka_unit_test(a_histogram_prints_running_totals_in_seconds),
        cmocka_unit_test(a_quantile_is_its_bucket_s_bound),
        cmocka_unit_test(over_the_maximum_series_count_but_do_not_print),
        cmocka_unit_test(gauges_can_be_computed_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

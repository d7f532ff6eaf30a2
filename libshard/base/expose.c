#include "base/expose.h"

#include <inttypes.h>

#define US_PER_SECOND 1e6

static void print_family(const struct family *family, struct writer *writer);
static void print_value(const struct family *family, const struct series *series,
                        struct writer *writer);
static void print_histogram(const struct family *family, const struct series *series,
                            struct writer *writer);

void expose_print(struct metrics *metrics, struct writer *writer)
{
    for (const struct family *family = metrics_families(metrics); family != NULL;
         family = family->next)
        print_family(family, writer);
}

static void print_family(const struct family *family, struct writer *writer)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_SECONDS] = "histogram",
        [METRIC_SIZES] = "histogram",
    };

    if (family->series == NULL)
        return;
    writer_printf(writer, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                  kinds[family->kind]);
    for (const struct series *series = family->series; series != NULL; series = series->next) {
        if (family->kind == METRIC_COUNTER || family->kind == METRIC_GAUGE)
            print_value(family, series, writer);
        else
            print_histogram(family, series, writer);
    }
}

static void print_value(const struct family *family, const struct series *series,
                        struct writer *writer)
{
    const char *labels = series->labels == NULL ? "" : series->labels;
    const char *open = *labels == 0 ? "" : "{";
    const char *close = *labels == 0 ? "" : "}";

    writer_printf(writer, "%s%s%s%s ", family->name, open, labels, close);
    if (family->kind == METRIC_COUNTER)
        writer_printf(writer, "%" PRIu64 "\n", series->counter.value);
    else
        writer_printf(writer, "%" PRId64 "\n", series->gauge.value);
}

/* Prometheus's buckets count all values up to their bound, ours only their own. */
static void print_histogram(const struct family *family, const struct series *series,
                            struct writer *writer)
{
    const struct histogram *histogram = &series->histogram;
    const char *labels = series->labels == NULL ? "" : series->labels;
    const char *comma = *labels == 0 ? "" : ",";
    const char *open = *labels == 0 ? "" : "{";
    const char *close = *labels == 0 ? "" : "}";
    double unit = family->kind == METRIC_SECONDS ? US_PER_SECOND : 1;
    uint64_t below = 0;

    for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        below += histogram->counts[i];
        writer_printf(writer, "%s_bucket{%s%sle=\"%.15g\"} %" PRIu64 "\n", family->name, labels,
                      comma, (double)(histogram->first << i) / unit, below);
    }
    writer_printf(writer, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", family->name, labels, comma,
                  histogram->count);
    writer_printf(writer, "%s_sum%s%s%s %.15g\n", family->name, open, labels, close,
                  (double)histogram->sum / unit);
    writer_printf(writer, "%s_count%s%s%s %" PRIu64 "\n", family->name, open, labels, close,
                  histogram->count);
}

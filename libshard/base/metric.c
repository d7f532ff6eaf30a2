#include "base/metric.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/limits.h"

struct refresher {
    metrics_refresh_cb cb;
    void *ctx;
};

struct metrics {
    struct family *families;
    unsigned series_count;
    struct series spare; /* what a caller gets when there is no room; never printed */
    struct refresher refreshers[METRIC_REFRESHERS_MAX];
    unsigned refresher_count;
};

static struct series *series_get(struct metrics *metrics, const char *name, const char *help,
                                 const char *labels, enum metric_kind kind);
static struct family *family_get(struct metrics *metrics, const char *name, const char *help,
                                 enum metric_kind kind);

struct metrics *metrics_new(void)
{
    return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (struct family *family; (family = metrics->families) != NULL;) {
        metrics->families = family->next;
        for (struct series *series; (series = family->series) != NULL;) {
            family->series = series->next;
            free(series);
        }
        free(family);
    }
    free(metrics);
}

struct counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                const char *labels)
{
    return &series_get(metrics, name, help, labels, METRIC_COUNTER)->counter;
}

struct gauge *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                            const char *labels)
{
    return &series_get(metrics, name, help, labels, METRIC_GAUGE)->gauge;
}

struct histogram *metrics_seconds(struct metrics *metrics, const char *name, const char *help,
                                  const char *labels)
{
    struct histogram *histogram =
        &series_get(metrics, name, help, labels, METRIC_SECONDS)->histogram;

    histogram->first = 16;
    return histogram;
}

struct histogram *metrics_sizes(struct metrics *metrics, const char *name, const char *help,
                                const char *labels)
{
    struct histogram *histogram = &series_get(metrics, name, help, labels, METRIC_SIZES)->histogram;

    histogram->first = 1;
    return histogram;
}

void metrics_on_print(struct metrics *metrics, metrics_refresh_cb cb, void *ctx)
{
    ensure(metrics->refresher_count < METRIC_REFRESHERS_MAX);
    metrics->refreshers[metrics->refresher_count++] = (struct refresher){ .cb = cb, .ctx = ctx };
}

const struct family *metrics_families(struct metrics *metrics)
{
    for (unsigned i = 0; i < metrics->refresher_count; i++)
        metrics->refreshers[i].cb(metrics->refreshers[i].ctx);
    return metrics->families;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    unsigned at = 0;

    /* The first bucket whose bound first * 2^at is not below the value. */
    if (value > histogram->first)
        at = 64 - (unsigned)__builtin_clzll((value - 1) / histogram->first);
    if (at >= HISTOGRAM_BUCKETS)
        at = HISTOGRAM_BUCKETS - 1;
    histogram->counts[at]++;
    histogram->count++;
    histogram->sum += value;
}

uint64_t histogram_at(const struct histogram *histogram, double part)
{
    uint64_t below = 0;

    for (unsigned at = 0; at < HISTOGRAM_BUCKETS; at++) {
        below += histogram->counts[at];
        if (below > 0 && (double)below >= part * (double)histogram->count)
            return histogram->first << at;
    }
    return 0;
}

static struct series *series_get(struct metrics *metrics, const char *name, const char *help,
                                 const char *labels, enum metric_kind kind)
{
    struct family *family = family_get(metrics, name, help, kind);
    if (family == NULL)
        return &metrics->spare;

    struct series **end = &family->series;
    for (; *end != NULL; end = &(*end)->next) {
        const char *there = (*end)->labels;
        if (there == labels || (there != NULL && labels != NULL && strcmp(there, labels) == 0))
            return *end;
    }
    if (metrics->series_count == METRIC_SERIES_MAX)
        return &metrics->spare;

    struct series *series = calloc(1, sizeof(*series));
    if (series == NULL)
        return &metrics->spare;
    series->labels = labels;
    metrics->series_count++;
    *end = series;
    return series;
}

static struct family *family_get(struct metrics *metrics, const char *name, const char *help,
                                 enum metric_kind kind)
{
    struct family **end = &metrics->families;

    for (; *end != NULL; end = &(*end)->next) {
        if (strcmp((*end)->name, name) == 0) {
            ensure((*end)->kind == kind);
            return *end;
        }
    }

    struct family *family = calloc(1, sizeof(*family));
    if (family == NULL)
        return NULL;
    *family = (struct family){ .name = name, .help = help, .kind = kind };
    *end = family;
    return family;
}

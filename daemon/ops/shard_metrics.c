/* The shard level metrics that clients have put on with EnableEnhancedMonitoring, of the shards on
 * this node: by stream and shard, where braid_shard_... has the groups' numbers.  Each node counts
 * what went through it as the shard's leader; the sum over the nodes is the shard's. */
#include <inttypes.h>
#include <stdlib.h>

#include "api/name.h"
#include "base/limits.h"
#include "ops/ops_private.h"

struct monitored {
    const char *stream;
    uint32_t shard, monitoring;
    struct shard_status status;
};

struct shard_family {
    const char *name, *type, *help;
    uint64_t (*value)(const struct shard_status *status);
};

#define FAMILIES(X)                                                                                \
    X(METRIC_IN_BYTES, incoming_bytes_total, counter, "IncomingBytes.", put_bytes)                 \
    X(METRIC_IN_RECORDS, incoming_records_total, counter, "IncomingRecords.", put_records)         \
    X(METRIC_OUT_BYTES, outgoing_bytes_total, counter, "OutgoingBytes.", read_bytes)               \
    X(METRIC_OUT_RECORDS, outgoing_records_total, counter, "OutgoingRecords.", read_records)       \
    X(METRIC_PUTS_REFUSED, write_throughput_exceeded_total, counter,                               \
      "WriteProvisionedThroughputExceeded.", put_throttled)                                        \
    X(METRIC_READS_REFUSED, read_throughput_exceeded_total, counter,                               \
      "ReadProvisionedThroughputExceeded.", read_throttled)                                        \
    X(METRIC_ITERATOR_AGE, iterator_age_milliseconds, gauge,                                       \
      "IteratorAgeMilliseconds, of the last read.", read_behind_ms)

#define VALUE(metric, id, type, help, field)                                                       \
    static uint64_t value_##id(const struct shard_status *status)                                  \
    {                                                                                              \
        return status->field;                                                                      \
    }
FAMILIES(VALUE)

static const struct shard_family families[METRIC_COUNT] = {
#define ROW(metric, id, type, help, field)                                                         \
    [metric] = { "braid_stream_shard_" #id, #type, help, value_##id },
    FAMILIES(ROW)
};

static uint32_t gather(const struct ops *ops, struct monitored rows[OPS_SHARDS_MAX])
{
    const struct control *control = ops->world.control;
    const struct model *model = catalog_model(control_catalog(ops->world.control));
    const struct model_stream *stream;
    struct shard *shard;
    uint32_t count = 0;

    for (uint64_t after = 0;
         count < OPS_SHARDS_MAX && (shard = control_shard_next(control, after)) != NULL;) {
        after = shard_group(shard);
        if (model_shard_by_group(model, after, &stream) == NULL ||
            model_settings(stream)->monitoring == 0)
            continue;
        rows[count++] = (struct monitored){ .stream = stream->name,
                                            .shard = shard_name(shard).shard,
                                            .monitoring = model_settings(stream)->monitoring,
                                            .status = shard_status(shard) };
    }
    return count;
}

static void print(const struct shard_family *family, uint32_t metric, const struct monitored rows[],
                  uint32_t count, struct writer *writer)
{
    char name[SHARD_NAME_BYTES];
    bool headed = false;

    for (uint32_t i = 0; i < count; i++) {
        if ((rows[i].monitoring >> metric & 1) == 0)
            continue;
        if (!headed)
            writer_printf(writer, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
                          family->name, family->type);
        headed = true;
        writer_printf(writer, "%s{stream=\"%s\",shard=\"%s\"} %" PRIu64 "\n", family->name,
                      rows[i].stream, shard_name_print(rows[i].shard, name),
                      family->value(&rows[i].status));
    }
}

void shard_metrics_print(const struct ops *ops, struct writer *writer)
{
    struct monitored *rows = calloc(OPS_SHARDS_MAX, sizeof(*rows));
    uint32_t count = rows == NULL ? 0 : gather(ops, rows);

    for (uint32_t metric = 0; metric < METRIC_COUNT; metric++)
        print(&families[metric], metric, rows, count, writer);
    free(rows);
}

#include "stream_table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "table.h"

const char *stream_table_time(double seconds, char text[TIME_TEXT_MAX])
{
    time_t at = (time_t)seconds;
    struct tm local;

    if (localtime_r(&at, &local) == NULL ||
        strftime(text, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &local) == 0)
        snprintf(text, TIME_TEXT_MAX, "%.0f", seconds);
    return text;
}

static const char *member(const json_t *tree, const char *name)
{
    return json_string_value(json_object_get(tree, name));
}

static const char *created(const json_t *stream, char text[TIME_TEXT_MAX])
{
    return stream_table_time(json_number_value(json_object_get(stream, "StreamCreationTimestamp")),
                             text);
}

enum outcome stream_table_list(const struct cli *cli, const json_t *streams)
{
    static const char *const columns[] = { "STREAM", "STATUS", "MODE", "CREATED" };
    struct table *table = table_open(4, columns);
    char at[TIME_TEXT_MAX];

    if (json_array_size(streams) == 0) {
        table_drop(table);
        puts("No streams. 'braid stream create NAME --shards N' makes one.");
        return OUTCOME_OK;
    }
    for (size_t i = 0; i < json_array_size(streams); i++) {
        const json_t *stream = json_array_get(streams, i);
        table_row(table, member(stream, "StreamName"), member(stream, "StreamStatus"),
                  member(json_object_get(stream, "StreamModeDetails"), "StreamMode"),
                  created(stream, at));
    }
    return table_print(table) ? OUTCOME_OK : cli_no_memory(cli);
}

static void limits_print(json_t *limits)
{
    const char *name;
    json_t *value;

    json_object_foreach(limits, name, value)
    {
        if (json_is_string(value))
            printf("%s: %s\n", name, json_string_value(value));
        else
            printf("%s: %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
    }
    putchar('\n');
}

enum outcome stream_table_describe(const struct cli *cli, const json_t *summary,
                                   const json_t *shards, json_t *limits)
{
    static const char *const columns[] = { "SHARD", "FROM HASH KEY", "TO HASH KEY",
                                           "FROM SEQUENCE NUMBER", "STATE" };
    struct table *table = table_open(5, columns);
    char at[TIME_TEXT_MAX];

    printf("%s: %s, %" JSON_INTEGER_FORMAT " open shards, keeps records %" JSON_INTEGER_FORMAT
           " hours, created %s\n%s\n",
           member(summary, "StreamName"), member(summary, "StreamStatus"),
           json_integer_value(json_object_get(summary, "OpenShardCount")),
           json_integer_value(json_object_get(summary, "RetentionPeriodHours")),
           created(summary, at), member(summary, "StreamARN"));
    limits_print(limits);
    for (size_t i = 0; i < json_array_size(shards); i++) {
        const json_t *shard = json_array_get(shards, i);
        const json_t *hashes = json_object_get(shard, "HashKeyRange");
        const json_t *numbers = json_object_get(shard, "SequenceNumberRange");
        bool open = json_object_get(numbers, "EndingSequenceNumber") == NULL;

        table_row(table, member(shard, "ShardId"), member(hashes, "StartingHashKey"),
                  member(hashes, "EndingHashKey"), member(numbers, "StartingSequenceNumber"),
                  open ? "open" : "closed");
    }
    return table_print(table) ? OUTCOME_OK : cli_no_memory(cli);
}

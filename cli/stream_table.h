/* stream_table.h - streams and shards as tables for people. */
#ifndef CLI_STREAM_TABLE_H
#define CLI_STREAM_TABLE_H

#include "cli.h"

/* An array of AWS's StreamSummary. */
enum outcome stream_table_list(const struct cli *cli, const json_t *streams);

/* A StreamDescriptionSummary, an array of Shard, and limits of its own by name, or NULL. */
enum outcome stream_table_describe(const struct cli *cli, const json_t *summary,
                                   const json_t *shards, json_t *limits);

/* Seconds since the epoch as "2026-01-31 12:00:00"; local time. */
#define TIME_TEXT_MAX 32u
const char *stream_table_time(double seconds, char text[TIME_TEXT_MAX]);

#endif

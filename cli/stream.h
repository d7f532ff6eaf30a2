/* stream.h - the verbs of `braid stream`, and what other verbs ask about streams. */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include "cli.h"

enum outcome stream_list(struct cli *cli, int argc, char **argv);
enum outcome stream_create(struct cli *cli, int argc, char **argv);
enum outcome stream_describe(struct cli *cli, int argc, char **argv);
enum outcome stream_set(struct cli *cli, int argc, char **argv);
enum outcome stream_split(struct cli *cli, int argc, char **argv);
enum outcome stream_merge(struct cli *cli, int argc, char **argv);
enum outcome stream_delete(struct cli *cli, int argc, char **argv);

/* All shards of a stream, an array of AWS's Shard; the caller's.  Complains itself. */
enum outcome stream_shards(const struct cli *cli, struct client *client, const char *name,
                           json_t **shards);

/* Looks until the stream is ACTIVE, or gone when `gone`, or it is `deadline_ms` (cli_now_ms()).
 * Complains itself. */
enum outcome stream_await(const struct cli *cli, struct client *client, uint64_t deadline_ms,
                          bool gone);

/* DescribeStreamSummary's StreamDescriptionSummary; the caller's.  Complains itself. */
enum outcome stream_summary(const struct cli *cli, struct client *client, const char *name,
                            json_t **summary);

#endif

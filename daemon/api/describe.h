/* describe.h - streams and shards of the model as replies show them.
 *
 * All texts are copied to the request's arena: the model may change before the
 * reply is encoded.  For the files of this folder only.
 */
#ifndef API_DESCRIBE_H
#define API_DESCRIBE_H

#include "api/handler.h"
#include "api/shard_filter.h"

/* The wire's value of a status. */
struct choice describe_status(enum stream_status status);

struct stream_mode_details describe_mode(enum stream_mode mode);

/* The shard level metrics that are on: bits of enum stream_metric.  False: the request has
 * failed. */
bool describe_metrics(struct request *request, uint32_t monitoring, struct metrics_name_list *ret);

/* Likewise, as streams show them: one item, also when none is on.  False: the request has
 * failed. */
bool describe_monitoring(struct request *request, const struct model_stream *stream,
                         struct enhanced_metrics_out_list *ret);

/* NONE or KMS. */
struct choice describe_encryption(const struct model_stream *stream);

struct warm_throughput_out describe_warm(const struct model_settings *settings);

/* Copies of text; `ok` becomes false when there is no memory. */
struct slice describe_text(struct request *request, const char *text, bool *ok);
struct slice describe_arn(struct request *request, const char *stream, bool *ok);

/* By the clock that readers see records by: a parent is shown as long as one can be read. */
bool describe_passes(const struct request *request, const struct shard_filter *filter,
                     const struct model_stream *stream, const struct model_shard *shard);

/* At most `limit` shards of the stream, from place `from` on: open, and closed within retention;
 * `more`: others follow.  False: the request has failed. */
bool describe_shards(struct request *request, const struct model_stream *stream, uint32_t from,
                     uint32_t limit, struct shard_out_list *ret, bool *more);
bool describe_shard(struct request *request, const struct model_shard *shard,
                    struct shard_out *ret);

#endif

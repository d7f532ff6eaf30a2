/* resource.h - what a ResourceARN names: a stream, or a consumer of one.
 *
 * Tags and policies are kept of streams only.
 *
 * For the files of this folder only.
 */
#ifndef API_RESOURCE_H
#define API_RESOURCE_H

#include "api/setting.h"

/* As setting_begin(), of a stream's ARN. */
struct setting *resource_begin(struct request *request, const struct slice *arn);

/* To look at.  NULL: the handler will run again, or the request has failed; return at once. */
const struct model_stream *resource_stream(struct request *request, struct slice arn);

#endif

/* resource.h - what a ResourceARN names: a stream, or a consumer of one.
 *
 * For the files of this folder only.
 */
#ifndef API_RESOURCE_H
#define API_RESOURCE_H

#include "api/setting.h"

/* As setting_begin(), of whatever the ARN names. */
struct setting *resource_begin(struct request *request, const struct slice *arn);

/* What it has; borrowed from the model. */
struct resource {
    struct tags_of tags;
    const char *policy; /* NULL: none */
};

/* To look at.  False: the handler will run again, or the request has failed; return at once. */
bool resource_look(struct request *request, const struct slice *arn, struct resource *ret);

#endif

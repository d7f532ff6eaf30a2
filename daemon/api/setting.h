/* setting.h - what the operations that set something of a stream, or of one of its consumers, have
 * in common.
 *
 *     struct setting *setting = setting_begin(request, name, arn);
 *     if (setting == NULL)
 *         return;
 *     ... judge setting->stream, alter setting->wanted ...
 *     setting_propose(setting, out);
 *
 * The handler judges what the catalogue's leader knows, not an older model of
 * this node; when somebody else sets something of the same stream meanwhile, it
 * runs again from its start, up to SETTING_TRIES_MAX times.  Tags and a policy
 * are set alike of both.
 *
 * For the files of this folder only.
 */
#ifndef API_SETTING_H
#define API_SETTING_H

#include "api/handler.h"
#include "api/tags.h"
#include "catalog/change_consumers.h"
#include "catalog/change_settings.h"

struct setting {
    struct request *request;
    const struct model_stream *stream; /* as it is; until setting_propose() */
    struct change_settings wanted;     /* as it shall be; what it borrows, likewise */
    const struct model_consumer *consumer; /* whose it is, and not the stream's; or NULL */
    struct change_consumer wanted_of_it;
    /* private */
    struct slice name;  /* of the stream */
    struct slice shown; /* the consumer, as the client gave it */
    uint32_t tries;
    void *out;
    struct catalog_change change;
};

/* The stream by name or ARN, NULL for what was not given; it is ACTIVE.
 * NULL: the handler will run again, or the request has failed; return at once. */
struct setting *setting_begin(struct request *request, const struct slice *name,
                              const struct slice *arn);

/* Likewise the consumer of that ARN. */
struct setting *setting_begin_consumer(struct request *request, const struct slice *arn);

/* Its tags, and whose they are; what they shall be. */
struct tags_of setting_tags(const struct setting *setting);
struct tags_owner setting_owner(const struct setting *setting);
void setting_set_tags(struct setting *setting, struct tags_of tags);

/* Its policy, NULL for none; what it shall be. */
const char *setting_policy(const struct setting *setting);
void setting_set_policy(struct setting *setting, char *policy);

/* Notes that something is done now that may be done `most` times (a limit) in 24 hours.  False: it
 * was. */
bool setting_note(struct model_times *times, uint64_t now_ms, uint32_t most);

/* The handler is done: `out` goes to the client when it is so. */
void setting_propose(struct setting *setting, void *out);

#endif

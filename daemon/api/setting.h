/* setting.h - what the operations that set something of a stream have in common.
 *
 *     struct setting *setting = setting_begin(request, name, arn);
 *     if (setting == NULL)
 *         return;
 *     ... judge setting->stream, alter setting->wanted ...
 *     setting_propose(setting, out);
 *
 * The handler judges what the catalogue's leader knows, not an older model of
 * this node; when somebody else sets something of the same stream meanwhile, it
 * runs again from its start, up to SETTING_TRIES_MAX times.
 *
 * For the files of this folder only.
 */
#ifndef API_SETTING_H
#define API_SETTING_H

#include "api/handler.h"
#include "api/tags.h"
#include "catalog/change_settings.h"

struct setting {
    struct request *request;
    const struct model_stream *stream; /* as it is; until setting_propose() */
    struct change_settings wanted;     /* as it shall be; what it borrows, likewise */
    /* private */
    struct slice name;
    uint32_t tries;
    void *out;
    struct catalog_change change;
};

/* The stream by name or ARN, NULL for what was not given; it is ACTIVE.
 * NULL: the handler will run again, or the request has failed; return at once. */
struct setting *setting_begin(struct request *request, const struct slice *name,
                              const struct slice *arn);

/* The stream's tags, and whose they are. */
struct tags_of setting_tags(const struct setting *setting);
struct tags_owner setting_owner(const struct setting *setting);

/* Notes that something is done now that may be done `most` times in 24 hours.  False: it was. */
bool setting_note(struct model_times *times, uint64_t now_ms, uint32_t most);

/* The handler is done: `out` goes to the client when it is so. */
void setting_propose(struct setting *setting, void *out);

#endif

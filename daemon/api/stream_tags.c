/* AddTagsToStream, RemoveTagsFromStream and ListTagsForStream. */
#include "api/setting.h"
#include "api/tags.h"
#include "base/limits.h"

static void propose(struct setting *setting, struct tags_of tags)
{
    setting_set_tags(setting, tags);
    setting_propose(setting, NULL);
}

void add_tags_to_stream_handle(struct request *request)
{
    const struct add_tags_to_stream_in *in = request->in;
    struct setting *setting = setting_begin(request, in->has_stream_name ? &in->stream_name : NULL,
                                            in->has_stream_arn ? &in->stream_arn : NULL);
    struct tags_of tags;

    if (setting != NULL && tags_add(request, setting_owner(setting), setting_tags(setting),
                                    &in->tags, &tags))
        propose(setting, tags);
}

void remove_tags_from_stream_handle(struct request *request)
{
    const struct remove_tags_from_stream_in *in = request->in;
    struct setting *setting = setting_begin(request, in->has_stream_name ? &in->stream_name : NULL,
                                            in->has_stream_arn ? &in->stream_arn : NULL);
    struct tags_of tags;

    if (setting != NULL && tags_remove(request, setting_owner(setting), setting_tags(setting),
                                       &in->tag_keys, &tags))
        propose(setting, tags);
}

void list_tags_for_stream_handle(struct request *request)
{
    const struct list_tags_for_stream_in *in = request->in;
    const struct model_stream *stream;
    struct list_tags_for_stream_out *out;
    struct slice name;
    bool more = false;

    if (!request_fresh(request) ||
        !request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = request_stream(request, name);
    out = stream == NULL ? NULL : request_take(request, sizeof(*out));
    if (out == NULL ||
        !tags_show(request, (struct tags_of){ stream->tags, stream->tag_count },
                   in->has_exclusive_start_tag_key ? &in->exclusive_start_tag_key : NULL,
                   in->has_limit ? (uint32_t)in->limit : TAGS_MAX, &out->tags, &more))
        return;
    out->has_tags = true;
    wire_set(out, has_more_tags, more);
    request_reply(request, out);
}

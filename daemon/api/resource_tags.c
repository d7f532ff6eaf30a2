/* TagResource, UntagResource and ListTagsForResource. */
#include "api/resource.h"
#include "base/limits.h"

static void propose(struct setting *setting, struct tags_of tags)
{
    setting_set_tags(setting, tags);
    setting_propose(setting, NULL);
}

void tag_resource_handle(struct request *request)
{
    const struct tag_resource_in *in = request->in;
    struct setting *setting = resource_begin(request, &in->resource_arn);
    struct tags_of tags;

    if (setting != NULL && tags_add(request, setting_owner(setting), setting_tags(setting),
                                    &in->tags, &tags))
        propose(setting, tags);
}

void untag_resource_handle(struct request *request)
{
    const struct untag_resource_in *in = request->in;
    struct setting *setting = resource_begin(request, &in->resource_arn);
    struct tags_of tags;

    if (setting != NULL && tags_remove(request, setting_owner(setting), setting_tags(setting),
                                       &in->tag_keys, &tags))
        propose(setting, tags);
}

void list_tags_for_resource_handle(struct request *request)
{
    const struct resource_in *in = request->in;
    struct list_tags_for_resource_out *out;
    struct resource resource;
    bool more;

    if (!resource_look(request, &in->resource_arn, &resource))
        return;
    out = request_take(request, sizeof(*out));
    if (out == NULL || !tags_show(request, resource.tags, NULL, TAGS_MAX, &out->tags, &more))
        return;
    out->has_tags = true;
    request_reply(request, out);
}

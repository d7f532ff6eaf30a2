/* tags.h - tags, whatever they are on: AWS's rules, and lists of them.
 *
 * Lists of the model go in and new ones come out, in the request's arena: in
 * the order of their keys' bytes, each key once.
 *
 * For the files of this folder only.
 */
#ifndef API_TAGS_H
#define API_TAGS_H

#include "api/handler.h"

/* Who has them, for messages: "stream river under account ..." */
struct tags_owner {
    const char *kind; /* "stream", "consumer" */
    struct slice name;
};

struct tags_of {
    const struct model_tag *items;
    uint32_t count;
};

/* What there is, and `more` over it.  False: the request has failed. */
bool tags_add(struct request *request, struct tags_owner owner, struct tags_of have,
              const struct text_map *more, struct tags_of *ret);

/* What there is, without those keys; it need not have them.  False: the request has failed. */
bool tags_remove(struct request *request, struct tags_owner owner, struct tags_of have,
                 const struct tag_key_list *keys, struct tags_of *ret);

/* Up to `limit` as a reply shows them, behind the key `after` when it is not NULL.  `*more`: there
 * are others behind them.  False: the request has failed. */
bool tags_show(struct request *request, struct tags_of have, const struct slice *after,
               uint32_t limit, struct tag_out_list *ret, bool *more);

#endif

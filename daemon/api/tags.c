#include "api/tags.h"

#include <stdlib.h>

#include "api/describe.h"
#include "base/limits.h"

static bool keys_check(struct request *request, struct tags_owner owner, const char *verb,
                       const struct slice *text);
static bool count_check(struct request *request, struct tags_owner owner, uint32_t count);
static int by_key(const void *a, const void *b);

/* ---- what a tag may be of ---- */

static bool is_between(uint32_t c, uint32_t low, uint32_t high)
{
    return c >= low && c <= high;
}

/* Unicode's letters, by the blocks that have them: a table of each would be large, and AWS's is not
 * known. */
static bool is_letter(uint32_t c)
{
    return is_between(c, 0xc0, 0x1fff) || is_between(c, 0x2c00, 0xd7ff) ||
           is_between(c, 0xf900, 0xfdff) || is_between(c, 0xfe70, 0xfefc) ||
           is_between(c, 0xff10, 0xffdc) || is_between(c, 0x10000, 0x1efff) ||
           is_between(c, 0x20000, 0x3ffff) || c == 0xaa || c == 0xb5 || c == 0xba;
}

static bool is_allowed(uint32_t c)
{
    if (c >= 0x80)
        return is_letter(c) || c == 0xa0;
    return is_between(c, 'a', 'z') || is_between(c, 'A', 'Z') || is_between(c, '0', '9') ||
           is_between(c, '\t', '\r') || (c != 0 && strchr(" _./=+-%@:", (int)c) != NULL);
}

/* The next character; the text is UTF-8. */
static uint32_t next_of(struct slice text, size_t *at)
{
    unsigned char first = text.data[(*at)++];
    uint32_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t c = more == 0 ? first : first & (0x3fu >> more);

    for (; more > 0 && *at < text.len; more--)
        c = c << 6 | (text.data[(*at)++] & 0x3fu);
    return c;
}

static bool text_allowed(struct slice text)
{
    for (size_t at = 0; at < text.len;)
        if (!is_allowed(next_of(text, &at)))
            return false;
    return true;
}

/* False: the request has failed.  `text`: of a key or a value. */
static bool keys_check(struct request *request, struct tags_owner owner, const char *verb,
                       const struct slice *text)
{
    if (!text_allowed(*text)) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Some tags contain invalid characters. Valid characters: Unicode letters, "
                     "digits, white space, _ . / = + - %% @.");
        return false;
    }
    if (text->len > 0 && memchr(text->data, '%', text->len) != NULL) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Failed to %s %s %.*s under account %s because some tags contained illegal "
                     "characters. The allowed characters are Unicode letters, white-spaces, "
                     "'_',',','/','=','+','-','@'.", verb, owner.kind, (int)owner.name.len,
                     (const char *)owner.name.data, request->account);
        return false;
    }
    return true;
}

static bool is_reserved(struct slice key)
{
    return key.len >= 4 && memcmp(key.data, "aws:", 4) == 0;
}

static bool pairs_check(struct request *request, struct tags_owner owner,
                        const struct text_map *tags)
{
    for (uint32_t i = 0; i < tags->count; i++) {
        if (!keys_check(request, owner, "add tags to", &tags->items[i].key) ||
            !keys_check(request, owner, "add tags to", &tags->items[i].value))
            return false;
        if (is_reserved(tags->items[i].key)) {
            request_fail(request, ERROR_INVALID_ARGUMENT,
                         "Failed to add tags to %s %.*s under account %s because keys that begin "
                         "with aws: are reserved.", owner.kind, (int)owner.name.len,
                         (const char *)owner.name.data, request->account);
            return false;
        }
    }
    return true;
}

/* ---- lists ---- */

static struct model_tag *find(struct model_tag *tags, uint32_t count, struct slice key)
{
    for (uint32_t i = 0; i < count; i++)
        if (slice_equal(slice_text(tags[i].key), key))
            return &tags[i];
    return NULL;
}

/* NULL: there is no memory; the request has failed. */
static char *copy_of(struct request *request, struct slice text)
{
    char *copy = request_take(request, text.len + 1);

    if (copy != NULL && text.len > 0)
        memcpy(copy, text.data, text.len);
    return copy;
}

bool tags_add(struct request *request, struct tags_owner owner, struct tags_of have,
              const struct text_map *more, struct tags_of *ret)
{
    if (!pairs_check(request, owner, more))
        return false;
    struct model_tag *tags =
        request_take(request, ((size_t)have.count + more->count + 1) * sizeof(*tags));
    uint32_t count = have.count;

    if (tags == NULL)
        return false;
    if (count > 0)
        memcpy(tags, have.items, count * sizeof(*tags));
    for (uint32_t i = 0; i < more->count; i++) {
        struct model_tag *same = find(tags, count, more->items[i].key);
        if (same == NULL)
            same = &tags[count++];
        same->key = copy_of(request, more->items[i].key);
        if (same->key == NULL)
            return false;
        same->value = copy_of(request, more->items[i].value);
        if (same->value == NULL)
            return false;
    }
    if (!count_check(request, owner, count))
        return false;
    qsort(tags, count, sizeof(*tags), by_key);
    *ret = (struct tags_of){ .items = tags, .count = count };
    return true;
}

static bool count_check(struct request *request, struct tags_owner owner, uint32_t count)
{
    if (count <= TAGS_MAX)
        return true;
    request_fail(request, ERROR_INVALID_ARGUMENT,
                 "Failed to add tags to %s %.*s under account %s because a given %s cannot have "
                 "more than %u tags associated with it.", owner.kind, (int)owner.name.len,
                 (const char *)owner.name.data, request->account, owner.kind, TAGS_MAX);
    return false;
}

static int by_key(const void *a, const void *b)
{
    const struct model_tag *left = a, *right = b;

    return strcmp(left->key, right->key);
}

bool tags_remove(struct request *request, struct tags_owner owner, struct tags_of have,
                 const struct tag_key_list *keys, struct tags_of *ret)
{
    struct model_tag *tags;
    uint32_t count = 0;

    for (uint32_t i = 0; i < keys->count; i++)
        if (!keys_check(request, owner, "remove tags from", &keys->items[i]))
            return false;
    tags = request_take(request, ((size_t)have.count + 1) * sizeof(*tags));
    if (tags == NULL)
        return false;
    for (uint32_t i = 0; i < have.count; i++) {
        bool gone = false;
        for (uint32_t k = 0; k < keys->count; k++)
            gone |= slice_equal(slice_text(have.items[i].key), keys->items[k]);
        if (!gone)
            tags[count++] = have.items[i];
    }
    *ret = (struct tags_of){ .items = tags, .count = count };
    return true;
}

bool tags_show(struct request *request, struct tags_of have, const struct slice *after,
               uint32_t limit, struct tag_out_list *ret, bool *more)
{
    struct model_tag *sorted = request_take(request, ((size_t)have.count + 1) * sizeof(*sorted));
    struct tag_out *items =
        sorted == NULL ? NULL : request_take(request, ((size_t)have.count + 1) * sizeof(*items));
    const char *behind = after == NULL || items == NULL ? NULL : copy_of(request, *after);
    uint32_t count = 0, at = 0;
    bool ok = true;

    if (items == NULL || (after != NULL && behind == NULL))
        return false;
    if (have.count > 0)
        memcpy(sorted, have.items, have.count * sizeof(*sorted));
    qsort(sorted, have.count, sizeof(*sorted), by_key);
    while (behind != NULL && at < have.count && strcmp(sorted[at].key, behind) <= 0)
        at++;
    for (; at < have.count && count < limit; at++, count++) {
        wire_set(&items[count], key, describe_text(request, sorted[at].key, &ok));
        wire_set(&items[count], value, describe_text(request, sorted[at].value, &ok));
    }
    if (!ok) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return false;
    }
    *ret = (struct tag_out_list){ .items = items, .count = count };
    *more = at < have.count;
    return true;
}

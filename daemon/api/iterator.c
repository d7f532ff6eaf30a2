#include "api/iterator.h"

#include <stdio.h>
#include <time.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "shard/seqno.h"

#define FIXED_BYTES 33u

enum err iterator_print(const struct iterator *iterator, struct slice secret,
                        struct digest *digest, struct arena *arena, struct slice *ret)
{
    unsigned char content[FIXED_BYTES + MODEL_NAME_MAX];
    size_t name_len = strnlen(iterator->stream_name, MODEL_NAME_MAX);

    put_u64(content, iterator->stream);
    put_u64(content + 8, iterator->group);
    put_u32(content + 16, iterator->shard);
    put_u64(content + 20, iterator->position.index);
    put_u32(content + 28, iterator->position.ordinal);
    content[32] = (unsigned char)name_len;
    memcpy(content + FIXED_BYTES, iterator->stream_name, name_len);

    struct token token = { .kind = TOKEN_ITERATOR,
                           .issued_ms = iterator->issued_ms,
                           .nonce = iterator->nonce,
                           .content = slice_of(content, FIXED_BYTES + name_len) };
    return token_seal(&token, secret, digest, arena, ret);
}

enum err iterator_parse(struct slice text, struct slice secret, struct digest *digest,
                        struct iterator *ret)
{
    unsigned char room[TOKEN_BYTES_MAX];
    struct token token;

    if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"')
        text = slice_of(text.data + 1, text.len - 2);
    enum err err = token_open(text, TOKEN_ITERATOR, secret, digest, room, &token);
    if (err != ERR_OK)
        return err;

    struct reader reader = reader_of(token.content);
    struct iterator found = { .stream = reader_u64(&reader),
                              .issued_ms = token.issued_ms,
                              .nonce = token.nonce };
    found.group = reader_u64(&reader);
    found.shard = reader_u32(&reader);
    found.position.index = reader_u64(&reader);
    found.position.ordinal = reader_u32(&reader);
    struct slice name = reader_bytes(&reader, reader_u8(&reader));
    if (!reader_done(&reader) || name.len > MODEL_NAME_MAX)
        return ERR_INVALID;
    memcpy(found.stream_name, name.data, name.len);
    *ret = found;
    return ERR_OK;
}

/* One made by a node whose clock is ahead of ours is young, not old. */
bool iterator_expired(const struct iterator *iterator, uint64_t now_ms)
{
    return now_ms > iterator->issued_ms && now_ms - iterator->issued_ms > ITERATOR_LIFE_MS;
}

char *iterator_time_print(uint64_t ms, char text[ITERATOR_TIME_MAX])
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(ms / 1000);
    struct tm at;

    if (gmtime_r(&seconds, &at) == NULL) {
        (void)snprintf(text, ITERATOR_TIME_MAX, "?");
        return text;
    }
    (void)snprintf(text, ITERATOR_TIME_MAX, "%s %s %02d %02d:%02d:%02d UTC %d", days[at.tm_wday],
                   months[at.tm_mon], at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec,
                   at.tm_year + 1900);
    return text;
}

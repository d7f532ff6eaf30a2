/* Any head of a request as one that is signed.
 *
 * What must hold:
 *
 *   - what it claims is read or refused, and the refusal is printable;
 *   - its canonical text is the same when headers of other names, parts of the query and the signed
 *     names come in another order, and when the names come in another case;
 *   - the claim and the text are the same when each byte of the query is spelt with a percent sign;
 *   - nobody has signed it: there is no key, and with one the signature is another.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/canonical.h"
#include "base/ensure.h"
#include "base/limits.h"

#define TEXT_MAX 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a world with one key ---- */

uint64_t clock_wall_ms(struct clock *clock)
{
    return UINT64_C(1795245311999);
}

uint64_t clock_mono_ms(struct clock *clock)
{
    return 1000;
}

const struct credential *keyring_find(const struct keyring *keyring, struct slice key_id)
{
    static const unsigned char secret[] = "nobody has ever heard of it";
    static const struct credential credential = { .secret = { secret, sizeof(secret) - 1 } };

    return slice_equal(key_id, slice_text("AKIDEXAMPLE")) ? &credential : NULL;
}

uint64_t keyring_version(const struct keyring *keyring)
{
    return 1;
}

/* ---- the same in another order ---- */

/* Pieces of `text` between marks, the last one first. */
static struct slice reversed(struct slice text, char mark, char *room)
{
    size_t end = text.len, at = 0;
    bool begun = false;

    for (size_t i = text.len + 1; i-- > 0;) {
        if (i > 0 && text.data[i - 1] != (unsigned char)mark)
            continue;
        if (begun)
            room[at++] = mark;
        begun = true;
        if (end > i)
            memcpy(room + at, text.data + i, end - i);
        at += end - i;
        end = i == 0 ? 0 : i - 1;
    }
    return slice_of(room, at);
}

static struct slice shouted(struct slice text, char *room)
{
    for (size_t i = 0; i < text.len; i++)
        room[i] = (char)(text.data[i] >= 'a' && text.data[i] <= 'z' ? text.data[i] ^ 0x20
                                                                    : text.data[i]);
    return slice_of(room, text.len);
}

/* Headers of one name keep their order. */
static void sort_headers(struct http_header *headers, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t k = i; k > 0; k--) {
            struct slice a = headers[k - 1].name, b = headers[k].name;
            size_t least = a.len < b.len ? a.len : b.len;
            int order = least == 0 ? 0 : memcmp(a.data, b.data, least);

            if (order > 0 || (order == 0 && a.len <= b.len))
                break;
            struct http_header moved = headers[k];
            headers[k] = headers[k - 1];
            headers[k - 1] = moved;
        }
}

static void check_orders(const struct http_request *request, struct slice names)
{
    static char query[TEXT_MAX], turned[TEXT_MAX], loud[TEXT_MAX];
    struct http_header headers[HTTP_HEADERS_MAX];
    struct canonical_request first = { .method = request->method,
                                       .path = request->path,
                                       .query = request->query,
                                       .headers = request->headers,
                                       .header_count = request->header_count,
                                       .signed_names = names };
    struct canonical_request second = first;
    struct slice text, again;

    if (request->header_count > 0)
        memcpy(headers, request->headers, request->header_count * sizeof(headers[0]));
    sort_headers(headers, request->header_count);
    second.headers = headers;
    second.query = reversed(request->query, '&', query);
    second.signed_names = shouted(reversed(names, ';', turned), loud);
    enum err err = canonical_print(&first, request->arena, &text);
    /* of two things that are wrong the first one counts */
    ensure((canonical_print(&second, request->arena, &again) == ERR_OK) == (err == ERR_OK));
    ensure(err != ERR_OK || slice_equal(text, again));
}

/* ---- the same in another spelling ---- */

/* Decoded, and then each byte with a percent sign; at most three times as long. */
static char *spell_piece(struct slice text, struct arena *arena, char *to)
{
    struct slice plain;

    ensure(canonical_decode(text, arena, &plain) == ERR_OK);
    for (size_t i = 0; i < plain.len; i++)
        to += sprintf(to, "%%%02x", plain.data[i]);
    return to;
}

static struct slice spelt(struct slice query, struct arena *arena)
{
    char *room = arena_raw(arena, 3 * query.len + 1), *to = room;
    size_t from = 0;

    ensure(room != NULL);
    if (query.len == 0)
        return query; /* there is no place that it could be at */
    for (size_t i = 0; i <= query.len; i++) {
        /* of a part only the first '=' is a mark, but another one may be spelt either way */
        if (i < query.len && query.data[i] != '&' && query.data[i] != '=')
            continue;
        to = spell_piece(slice_of(query.data + from, i - from), arena, to);
        if (i < query.len)
            *to++ = (char)query.data[i];
        from = i + 1;
    }
    return slice_of(room, (size_t)(to - room));
}

static void check_spellings(struct auth *auth, const struct http_request *request)
{
    struct http_request other = *request;
    struct auth_check plain, spelling;

    other.query = spelt(request->query, request->arena);
    auth_begin(auth, request, &plain);
    auth_begin(auth, &other, &spelling);
    ensure(plain.refusal.reason == spelling.refusal.reason);
    ensure(plain.claim.expires_s == spelling.claim.expires_s &&
           plain.claim.signed_s == spelling.claim.signed_s &&
           plain.claim.unsigned_payload == spelling.claim.unsigned_payload);
    ensure(slice_equal(plain.claim.signature, spelling.claim.signature) &&
           slice_equal(plain.claim.token, spelling.claim.token));
    ensure(slice_equal(plain.canonical, spelling.canonical));
    auth_end(auth, &plain, request);
    auth_end(auth, &spelling, &other);
}

/* ---- one head ---- */

static void check_claim(struct auth *auth, struct http_request *request, struct digest *digest)
{
    struct auth_check check;

    auth_begin(auth, request, &check);
    ensure(!auth_verify(&check, request, digest));
    auth_end(auth, &check, request);
    struct slice message = check.refusal.error.message;
    for (size_t i = 0; i < message.len; i++)
        ensure(message.data[i] == '\n' || (message.data[i] >= ' ' && message.data[i] < 0x7f));
    ensure(check.refusal.reason != REFUSAL_NONE && check.refusal.error.type != ERROR_TYPE_NONE);
}

/* The piece before the next line feed. */
static struct slice line(struct slice *text)
{
    const unsigned char *end = text->len == 0 ? NULL : memchr(text->data, '\n', text->len);
    struct slice found = slice_of(text->data, end == NULL ? text->len
                                                          : (size_t)(end - text->data));

    *text = end == NULL ? slice_of(NULL, 0) : slice_of(end + 1, text->len - found.len - 1);
    return found;
}

/* Lines: path, query, signed names, then "name:value" ... */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[HTTP_HEADERS_MAX];
    struct slice rest = slice_of(data, size < TEXT_MAX ? size : TEXT_MAX);
    struct metrics *metrics = metrics_new();
    struct digest *digest = digest_new();
    struct note note;
    struct arena arena;
    struct auth_world world = { .note = &note, .metrics = metrics };
    struct auth *auth;

    ensure(metrics != NULL && digest != NULL);
    note_init(&note, NOTE_OFF, NULL, NULL);
    arena_init(&arena, 1 << 22);
    ensure(auth_open(&auth, &world, NULL, 0) == ERR_OK);
    struct http_request request = { .method = slice_text("POST"),
                                    .headers = headers,
                                    .arena = &arena,
                                    .peer = "" };
    request.path = line(&rest);
    request.query = line(&rest);
    struct slice names = line(&rest);
    while (rest.len > 0 && request.header_count < HTTP_HEADERS_MAX) {
        struct slice text = line(&rest);
        const unsigned char *colon = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
        size_t len = colon == NULL ? text.len : (size_t)(colon - text.data);

        headers[request.header_count++] = (struct http_header){
            .name = slice_of(text.data, len),
            .value = colon == NULL ? slice_of(NULL, 0) : slice_of(colon + 1, text.len - len - 1)
        };
    }
    check_orders(&request, names);
    check_spellings(auth, &request);
    check_claim(auth, &request, digest);
    auth_close(auth);
    arena_fini(&arena);
    digest_free(digest);
    metrics_free(metrics);
    return 0;
}

#include "auth/canonical.h"

#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"

/* A name and a value of the query, encoded. */
struct part {
    struct slice name, value;
};

static enum err print_path(struct slice path, struct arena *arena, struct writer *to);
static enum err print_query(struct slice query, struct arena *arena, struct writer *to);
static enum err print_headers(const struct canonical_request *request, struct arena *arena,
                              struct writer *to);

enum err canonical_print(const struct canonical_request *request, struct arena *arena,
                         struct slice *ret)
{
    struct writer writer;

    writer_init(&writer, CANONICAL_BYTES_MAX);
    writer_bytes(&writer, request->method);
    writer_u8(&writer, '\n');
    enum err err = print_path(request->path, arena, &writer);
    writer_u8(&writer, '\n');
    if (err == ERR_OK)
        err = print_query(request->query, arena, &writer);
    writer_u8(&writer, '\n');
    if (err == ERR_OK)
        err = print_headers(request, arena, &writer);
    if (err == ERR_OK && writer.failed)
        err = ERR_TOO_BIG;
    if (err == ERR_OK) {
        char *text = arena_text(arena, writer_slice(&writer));
        if (text == NULL)
            err = ERR_NO_MEMORY;
        else
            *ret = slice_of(text, writer.len);
    }
    writer_fini(&writer);
    return err;
}

/* ---- escapes ---- */

static bool is_unreserved(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           byte == '-' || byte == '_' || byte == '.' || byte == '~';
}

static int digit_of(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The encoding of `byte` at `to`; its length, 3 at most. */
static size_t encode(unsigned char byte, unsigned char *to)
{
    static const char digits[] = "0123456789ABCDEF";

    if (is_unreserved(byte)) {
        *to = byte;
        return 1;
    }
    to[0] = '%';
    to[1] = (unsigned char)digits[byte >> 4];
    to[2] = (unsigned char)digits[byte & 15];
    return 3;
}

/* The byte at the front, and how many characters say it. */
static size_t decode(struct slice text, unsigned char *ret)
{
    if (text.data[0] == '%' && text.len >= 3) {
        int high = digit_of(text.data[1]), low = digit_of(text.data[2]);

        if (high >= 0 && low >= 0) {
            *ret = (unsigned char)(high << 4 | low);
            return 3;
        }
    }
    *ret = text.data[0];
    return 1;
}

enum err canonical_decode(struct slice text, struct arena *arena, struct slice *ret)
{
    unsigned char *bytes = arena_raw(arena, text.len + 1);

    if (bytes == NULL)
        return ERR_NO_MEMORY;
    *ret = slice_of(bytes, canonical_decode_front(text, bytes, text.len));
    return ERR_OK;
}

size_t canonical_decode_front(struct slice text, unsigned char *to, size_t room)
{
    size_t len = 0;

    while (text.len > 0 && len < room) {
        size_t taken = decode(text, &to[len++]);
        text = slice_of(text.data + taken, text.len - taken);
    }
    return len;
}

/* Decoded and encoded again, so that all spellings of one text become the same. */
static enum err encode_anew(struct slice text, struct arena *arena, struct slice *ret)
{
    unsigned char *bytes = arena_raw(arena, text.len * 3 + 1), byte;
    size_t len = 0;

    if (bytes == NULL)
        return ERR_NO_MEMORY;
    while (text.len > 0) {
        size_t taken = decode(text, &byte);
        len += encode(byte, bytes + len);
        text = slice_of(text.data + taken, text.len - taken);
    }
    *ret = slice_of(bytes, len);
    return ERR_OK;
}

/* ---- path ---- */

/* The piece of `text` before the first `mark`; `text` goes on behind it.  `*last`: there was no
 * mark. */
static struct slice piece(struct slice *text, char mark, bool *last)
{
    const unsigned char *end = text->len == 0 ? NULL : memchr(text->data, mark, text->len);
    struct slice found = *text;

    *last = end == NULL;
    if (end == NULL) {
        *text = slice_of(NULL, 0);
        return found;
    }
    found.len = (size_t)(end - found.data);
    *text = slice_of(end + 1, text->len - found.len - 1);
    return found;
}

/* Without empty and dot segments; `bytes` has room for the path and a slash. */
static size_t flatten(struct slice path, unsigned char *bytes)
{
    bool slash = path.len > 0 && path.data[path.len - 1] == '/', last = false;
    size_t len = 0;

    while (!last) {
        struct slice segment = piece(&path, '/', &last);

        if (segment.len == 0 || slice_equal(segment, slice_text(".")))
            continue;
        if (slice_equal(segment, slice_text(".."))) {
            while (len > 0 && bytes[--len] != '/')
                continue;
            continue;
        }
        bytes[len++] = '/';
        memcpy(bytes + len, segment.data, segment.len);
        len += segment.len;
    }
    if (slash || len == 0)
        bytes[len++] = '/';
    return len;
}

static enum err print_path(struct slice path, struct arena *arena, struct writer *to)
{
    unsigned char *flat = arena_raw(arena, path.len + 2), room[3];

    if (flat == NULL)
        return ERR_NO_MEMORY;
    size_t len = flatten(path, flat);
    for (size_t i = 0; i < len; i++)
        if (flat[i] == '/')
            writer_u8(to, '/');
        else
            writer_bytes(to, slice_of(room, encode(flat[i], room)));
    return ERR_OK;
}

/* ---- query ---- */

static int compare_slices(struct slice a, struct slice b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least == 0 ? 0 : memcmp(a.data, b.data, least);

    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    int order = compare_slices(left->name, right->name);

    return order != 0 ? order : compare_slices(left->value, right->value);
}

static enum err print_query(struct slice query, struct arena *arena, struct writer *to)
{
    struct part parts[AUTH_QUERY_PARTS_MAX];
    uint32_t count = 0;
    bool last = query.len == 0;

    while (!last) {
        bool bare;
        struct slice value = piece(&query, '&', &last), name = piece(&value, '=', &bare);
        struct part part;

        if (name.len == 0 && value.len == 0)
            continue;
        if (encode_anew(name, arena, &part.name) != ERR_OK ||
            encode_anew(value, arena, &part.value) != ERR_OK)
            return ERR_NO_MEMORY;
        if (slice_equal(part.name, slice_text("X-Amz-Signature")))
            continue;
        if (count == AUTH_QUERY_PARTS_MAX)
            return ERR_TOO_BIG;
        parts[count++] = part;
    }
    if (count > 1)
        qsort(parts, count, sizeof(parts[0]), compare_parts);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            writer_u8(to, '&');
        writer_bytes(to, parts[i].name);
        writer_u8(to, '=');
        writer_bytes(to, parts[i].value);
    }
    return ERR_OK;
}

/* ---- headers ---- */

const struct http_header *canonical_header(const struct http_header *headers, uint32_t count,
                                           struct slice name)
{
    for (uint32_t i = 0; i < count; i++)
        if (slice_equal(headers[i].name, name))
            return &headers[i];
    return NULL;
}

bool canonical_signs(struct slice signed_names, const char *name)
{
    bool last = false;

    while (!last) {
        struct slice found = piece(&signed_names, ';', &last);
        if (found.len == strlen(name) &&
            strncasecmp((const char *)found.data, name, found.len) == 0)
            return true;
    }
    return false;
}

static int compare_names(const void *a, const void *b)
{
    return compare_slices(*(const struct slice *)a, *(const struct slice *)b);
}

/* The names one by one, in lower case and in order. */
static enum err list_names(struct slice text, struct slice names[HTTP_HEADERS_MAX],
                           struct arena *arena, uint32_t *ret)
{
    unsigned char *lower = arena_raw(arena, text.len + 1);
    struct slice rest = slice_of(lower, text.len);
    uint32_t count = 0;
    bool last = false;

    if (lower == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = text.data[i];

        if (byte <= ' ' || byte >= 0x7f)
            return ERR_INVALID;
        lower[i] = byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
    }
    while (!last) {
        struct slice name = piece(&rest, ';', &last);

        if (name.len == 0)
            return ERR_INVALID;
        if (count == HTTP_HEADERS_MAX)
            return ERR_TOO_BIG;
        names[count++] = name;
    }
    qsort(names, count, sizeof(names[0]), compare_names);
    for (uint32_t i = 1; i < count; i++)
        if (slice_equal(names[i - 1], names[i]))
            return ERR_INVALID;
    *ret = count;
    return ERR_OK;
}

/* Blanks are gone at the ends and one each within. */
static void print_value(struct slice value, struct writer *to)
{
    bool begun = false, blank = false;

    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == ' ' || value.data[i] == '\t') {
            blank = true;
            continue;
        }
        if (blank && begun)
            writer_u8(to, ' ');
        begun = true;
        blank = false;
        writer_u8(to, value.data[i]);
    }
}

/* All headers of one name; a name without a header has an empty value. */
static void print_header(const struct canonical_request *request, struct slice name,
                         struct writer *to)
{
    struct slice sought = name, host = slice_text("host"), authority = slice_text(":authority");
    bool begun = false;

    if (slice_equal(name, host) &&
        canonical_header(request->headers, request->header_count, host) == NULL)
        sought = authority;
    if (slice_equal(name, authority) &&
        canonical_header(request->headers, request->header_count, authority) == NULL)
        sought = host;
    writer_bytes(to, name);
    writer_u8(to, ':');
    for (uint32_t i = 0; i < request->header_count; i++) {
        if (!slice_equal(request->headers[i].name, sought))
            continue;
        if (begun)
            writer_u8(to, ',');
        begun = true;
        print_value(request->headers[i].value, to);
    }
    writer_u8(to, '\n');
}

static enum err print_headers(const struct canonical_request *request, struct arena *arena,
                              struct writer *to)
{
    struct slice names[HTTP_HEADERS_MAX];
    uint32_t count;
    enum err err = list_names(request->signed_names, names, arena, &count);

    if (err != ERR_OK)
        return err;
    for (uint32_t i = 0; i < count; i++)
        print_header(request, names[i], to);
    for (uint32_t i = 0; i < count; i++) {
        writer_u8(to, i == 0 ? '\n' : ';');
        writer_bytes(to, names[i]);
    }
    writer_u8(to, '\n');
    return ERR_OK;
}

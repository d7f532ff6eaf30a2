#include "base/base64.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/base64_private.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of each character, 0x80 for one that is not in the alphabet. */
#define NOT_IN_ALPHABET 0x80
static const unsigned char sixes[256] = {
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x3e, 0x80, 0x80, 0x80, 0x3f,
    0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
    0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
};

static void encode_triples(const unsigned char **in, size_t triples, char **out);
static struct base64_result fault(enum base64_fault fault, size_t at);
static bool decode_quads(const unsigned char **in, size_t quads, unsigned char **out);

void base64_encode(struct slice bytes, char *text)
{
    const unsigned char *in = bytes.data;
    size_t rest = bytes.len % 3;

    encode_triples(&in, bytes.len / 3, &text);
    if (rest == 0)
        return;

    unsigned second = rest == 2 ? in[1] : 0;
    text[0] = alphabet[in[0] >> 2];
    text[1] = alphabet[(in[0] & 3) << 4 | second >> 4];
    text[2] = rest == 2 ? alphabet[(second & 15) << 2] : '=';
    text[3] = '=';
}

struct base64_result base64_decode(struct slice text, void *bytes)
{
    const unsigned char *in = text.data;
    unsigned char *out = bytes;

    if (text.len % 4 != 0)
        return fault(BASE64_LENGTH, text.len);
    if (text.len == 0)
        return (struct base64_result){ .len = 0 };

    size_t padding = 0;
    if (in[text.len - 1] == '=')
        padding = in[text.len - 2] == '=' ? 2 : 1;

    if (!decode_quads(&in, text.len / 4 - (padding > 0), &out)) {
        while (sixes[*in] < NOT_IN_ALPHABET)
            in++;
        return fault(BASE64_CHAR, (size_t)(in - text.data));
    }

    if (padding > 0) {
        unsigned first = sixes[in[0]], second = sixes[in[1]];
        unsigned third = padding == 1 ? sixes[in[2]] : 0;
        size_t at = (size_t)(in - text.data);

        if ((first | second | third) & NOT_IN_ALPHABET) {
            at += first & NOT_IN_ALPHABET ? 0 : second & NOT_IN_ALPHABET ? 1 : 2;
            return fault(BASE64_CHAR, at);
        }
        if (padding == 2 ? (second & 15) != 0 : (third & 3) != 0)
            return fault(BASE64_TAIL, at + 3 - padding);
        *out++ = (unsigned char)(first << 2 | second >> 4);
        if (padding == 1)
            *out++ = (unsigned char)(second << 4 | third >> 2);
    }
    return (struct base64_result){ .len = (size_t)(out - (unsigned char *)bytes) };
}

static struct base64_result fault(enum base64_fault fault, size_t at)
{
    return (struct base64_result){ .fault = fault, .at = at };
}

static void encode_triples(const unsigned char **in, size_t triples, char **out)
{
    const unsigned char *from = *in;
    char *to = *out;

#if defined(__x86_64__)
    if (triples > 0 && base64_wide()) {
        size_t done = base64_encode_wide(from, triples, to);

        from += 3 * done;
        to += 4 * done;
        triples -= done;
    }
#endif
    for (; triples > 0; triples--, from += 3, to += 4) {
        uint32_t bits = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];

        to[0] = alphabet[bits >> 18];
        to[1] = alphabet[bits >> 12 & 63];
        to[2] = alphabet[bits >> 6 & 63];
        to[3] = alphabet[bits & 63];
    }
    *in = from;
    *out = to;
}

/* False at a quad with a wrong character; `in` stands there then. */
static bool decode_quads(const unsigned char **in, size_t quads, unsigned char **out)
{
    const unsigned char *from = *in;
    unsigned char *to = *out;

#if defined(__x86_64__)
    if (quads > 0 && base64_wide()) {
        size_t done = base64_decode_wide(from, quads, to);

        from += 4 * done;
        to += 3 * done;
        quads -= done;
    }
#endif
    for (; quads > 0; quads--, from += 4, to += 3) {
        uint32_t a = sixes[from[0]], b = sixes[from[1]], c = sixes[from[2]], d = sixes[from[3]];
        uint32_t bits = a << 18 | b << 12 | c << 6 | d;

        if ((a | b | c | d) & NOT_IN_ALPHABET)
            break;
        to[0] = (unsigned char)(bits >> 16);
        to[1] = (unsigned char)(bits >> 8);
        to[2] = (unsigned char)bits;
    }
    *in = from;
    *out = to;
    return quads == 0;
}

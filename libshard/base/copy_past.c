#include "base/copy_past.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#if defined(__x86_64__)

#define LINE 64u
#define SMALL_BYTES 8192u /* below, the ordinary copy is at least as fast */

static void copy_lines(unsigned char *to, const unsigned char *from, size_t lines)
{
    for (; lines > 0; lines--, to += LINE, from += LINE) {
        const __m128i *in = (const void *)from;
        __m128i *out = (void *)to;
        __m128i a = _mm_loadu_si128(in), b = _mm_loadu_si128(in + 1);
        __m128i c = _mm_loadu_si128(in + 2), d = _mm_loadu_si128(in + 3);

        _mm_stream_si128(out, a);
        _mm_stream_si128(out + 1, b);
        _mm_stream_si128(out + 2, c);
        _mm_stream_si128(out + 3, d);
    }
    _mm_sfence(); /* such stores are ordered by nothing else */
}

void copy_past_cache(void *to, const void *from, size_t len)
{
    if (len < SMALL_BYTES) {
        memcpy(to, from, len);
        return;
    }

    unsigned char *out = to;
    const unsigned char *in = from;
    size_t before = -(uintptr_t)out % LINE; /* up to the first whole line */
    memcpy(out, in, before);
    size_t lines = (len - before) / LINE;
    copy_lines(out + before, in + before, lines);
    size_t done = before + lines * LINE;
    memcpy(out + done, in + done, len - done);
}

#else

void copy_past_cache(void *to, const void *from, size_t len)
{
    memcpy(to, from, len);
}

#endif

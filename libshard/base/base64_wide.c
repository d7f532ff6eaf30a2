/* 24 bytes to 32 characters and back in one step, after Mula and Lemire, "Faster
 * Base64 Encoding and Decoding Using AVX2 Instructions" (2018).  Both halves of a
 * 32-byte register work alike on 12 bytes and 16 characters each.
 */
#include "base/base64_private.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

static __m256i both(__m128i half) AVX2;
static __m256i characters(__m256i sixes) AVX2;
static __m256i join(__m256i sixes) AVX2;

AVX2 size_t base64_encode_wide(const unsigned char *in, size_t triples, char *out)
{
    /* Bytes a b c of each triple as b a c b: each of two 16-bit words holds two sixes. */
    const __m256i spread = both(_mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
    size_t done = 0;

    /* 28 bytes are loaded for 24 that are used. */
    for (; triples - done >= 10; done += 8, in += 24, out += 32) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)in);
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(in + 12));
        __m256i bytes = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);

        /* Multiplying shifts each word's sixes by amounts of their own. */
        __m256i first_third = _mm256_mulhi_epu16(
            _mm256_and_si256(bytes, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
        __m256i second_fourth = _mm256_mullo_epi16(
            _mm256_and_si256(bytes, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
        __m256i text = characters(_mm256_or_si256(first_third, second_fourth));
        _mm256_storeu_si256((__m256i *)(void *)out, text);
    }
    return done;
}

AVX2 size_t base64_decode_wide(const unsigned char *in, size_t quads, unsigned char *out)
{
    /* One bit per group of legal characters; a character is wrong when the sets that its two
     * halves forbid have a bit in common. */
    const __m256i forbidden_low =
        both(_mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a,
                           0x1b, 0x1b, 0x1b, 0x1a));
    const __m256i forbidden_high =
        both(_mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10,
                           0x10, 0x10, 0x10, 0x10));
    /* What turns a character of each group into its six; '/' borrows an unused place. */
    const __m256i distance =
        both(_mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i slash = _mm256_set1_epi8('/');
    size_t done = 0;

    for (; quads - done >= 8; done += 8, in += 32, out += 24) {
        __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)in);
        __m256i high = _mm256_and_si256(_mm256_srli_epi32(text, 4), slash);
        __m256i low = _mm256_and_si256(text, slash);

        if (!_mm256_testz_si256(_mm256_shuffle_epi8(forbidden_low, low),
                                _mm256_shuffle_epi8(forbidden_high, high)))
            break;
        __m256i group = _mm256_add_epi8(_mm256_cmpeq_epi8(text, slash), high);
        __m256i bytes = join(_mm256_add_epi8(text, _mm256_shuffle_epi8(distance, group)));
        _mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(bytes));
        _mm_storel_epi64((__m128i *)(void *)(out + 16), _mm256_extracti128_si256(bytes, 1));
    }
    return done;
}

AVX2 static __m256i both(__m128i half)
{
    return _mm256_broadcastsi128_si256(half);
}

/* The distance from a six to its character: 0 for A-Z, 1 for a-z, 2 .. 11 for the digits,
 * 12 for '+', 13 for '/'. */
AVX2 static __m256i characters(__m256i sixes)
{
    const __m256i distance =
        both(_mm_setr_epi8(65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0));
    __m256i after_capitals = _mm256_cmpgt_epi8(sixes, _mm256_set1_epi8(25)); /* -1 where true */
    __m256i group = _mm256_sub_epi8(_mm256_subs_epu8(sixes, _mm256_set1_epi8(51)), after_capitals);

    return _mm256_add_epi8(sixes, _mm256_shuffle_epi8(distance, group));
}

/* Four sixes to three bytes, eight times, and the 24 bytes to the front. */
AVX2 static __m256i join(__m256i sixes)
{
    __m256i twelves = _mm256_maddubs_epi16(sixes, _mm256_set1_epi32(0x01400140));
    __m256i triples = _mm256_madd_epi16(twelves, _mm256_set1_epi32(0x00011000));
    __m256i packed = _mm256_shuffle_epi8(
        triples, both(_mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1)));

    return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
}

#endif

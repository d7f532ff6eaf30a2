/* base64_private.h - the wide twin of base64.c's inner loops, for processors with AVX2. */
#ifndef BASE_BASE64_PRIVATE_H
#define BASE_BASE64_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__x86_64__)

static inline bool base64_wide(void)
{
    return __builtin_cpu_supports("avx2");
}

/* Encodes triples from the front and returns how many; those near the end, which a wide load
 * would overrun, are left.  For base64_wide() only. */
size_t base64_encode_wide(const unsigned char *in, size_t triples, char *out);

/* Decodes quads from the front and returns how many; stops before one with a wrong character,
 * or when too few are left.  Writes no byte too many.  For base64_wide() only. */
size_t base64_decode_wide(const unsigned char *in, size_t quads, unsigned char *out);

#endif

#endif

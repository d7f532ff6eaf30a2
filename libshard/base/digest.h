/* digest.h - fingerprints of bytes.
 *
 *     md5          places a record: the hash of its partition key (not for secrets)
 *     sha256, hmac_sha256   signatures and forgery-proof tokens
 *     crc32c       every frame and entry on disk and on the wire
 *     xxh3         hash tables and samples; may change, so never stored
 *
 * `struct digest` holds OpenSSL's context, so that hashing a short key allocates
 * nothing; one per thread that hashes.  crc32c and xxh3 need none.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define MD5_BYTES 16u
#define SHA256_BYTES 32u

struct digest;

/* NULL when there is no memory, or when OpenSSL has no MD5 (FIPS mode). */
struct digest *digest_new(void);
void digest_free(struct digest *digest);

void digest_md5(struct digest *digest, struct slice bytes, unsigned char ret[MD5_BYTES]);
void digest_sha256(struct digest *digest, struct slice bytes, unsigned char ret[SHA256_BYTES]);
void digest_hmac_sha256(struct digest *digest, struct slice key, struct slice bytes,
                        unsigned char ret[SHA256_BYTES]);

/* SHA-256 of bytes that come in pieces: start, add ..., end.  No other digest of the same
 * `struct digest` in between. */
void digest_sha256_start(struct digest *digest);
void digest_sha256_add(struct digest *digest, struct slice bytes);
void digest_sha256_end(struct digest *digest, unsigned char ret[SHA256_BYTES]);

/* Castagnoli's CRC.  `crc` is 0, or the answer for the bytes before. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same without the processor's instruction: what other processors get, and a check on it. */
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len);

/* Two pieces' answers to that of both in a row; `second_len` is the second's length. */
uint32_t crc32c_join(uint32_t first, uint32_t second, uint64_t second_len);

uint64_t xxh3(const void *bytes, size_t len, uint64_t seed);

#endif

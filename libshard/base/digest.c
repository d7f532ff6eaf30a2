#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/ensure.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SHA256_BLOCK_BYTES 64u

/* Fetching an algorithm and making a context cost far more than hashing a
 * partition key: both are done once. */
struct digest {
    EVP_MD *md5;
    EVP_MD *sha256;
    EVP_MD_CTX *md5_ctx;    /* one per algorithm: OpenSSL starts a context anew faster than it */
    EVP_MD_CTX *sha256_ctx; /* turns one algorithm's context into another's */
};

static void hash(EVP_MD_CTX *ctx, const EVP_MD *md, struct slice bytes, unsigned char *ret);

struct digest *digest_new(void)
{
    struct digest *digest = calloc(1, sizeof(*digest));

    if (digest == NULL)
        return NULL;
    digest->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    digest->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    digest->md5_ctx = EVP_MD_CTX_new();
    digest->sha256_ctx = EVP_MD_CTX_new();
    if (digest->md5 != NULL && digest->sha256 != NULL && digest->md5_ctx != NULL &&
        digest->sha256_ctx != NULL)
        return digest;
    digest_free(digest);
    return NULL;
}

void digest_free(struct digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->md5_ctx);
    EVP_MD_CTX_free(digest->sha256_ctx);
    EVP_MD_free(digest->md5);
    EVP_MD_free(digest->sha256);
    free(digest);
}

void digest_md5(struct digest *digest, struct slice bytes, unsigned char ret[MD5_BYTES])
{
    hash(digest->md5_ctx, digest->md5, bytes, ret);
}

void digest_sha256(struct digest *digest, struct slice bytes, unsigned char ret[SHA256_BYTES])
{
    hash(digest->sha256_ctx, digest->sha256, bytes, ret);
}

/* RFC 2104: H(key ^ opad, H(key ^ ipad, bytes)). */
void digest_hmac_sha256(struct digest *digest, struct slice key, struct slice bytes,
                        unsigned char ret[SHA256_BYTES])
{
    unsigned char inner[SHA256_BLOCK_BYTES] = { 0 };
    unsigned char outer[SHA256_BLOCK_BYTES];
    unsigned char sum[SHA256_BYTES];

    if (key.len > sizeof(inner))
        digest_sha256(digest, key, inner);
    else if (key.len > 0)
        memcpy(inner, key.data, key.len);
    for (size_t i = 0; i < sizeof(inner); i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }

    digest_sha256_start(digest);
    digest_sha256_add(digest, slice_of(inner, sizeof(inner)));
    digest_sha256_add(digest, bytes);
    digest_sha256_end(digest, sum);

    digest_sha256_start(digest);
    digest_sha256_add(digest, slice_of(outer, sizeof(outer)));
    digest_sha256_add(digest, slice_of(sum, sizeof(sum)));
    digest_sha256_end(digest, ret);
    explicit_bzero(inner, sizeof(inner));
    explicit_bzero(outer, sizeof(outer));
}

/* OpenSSL's digests in memory fail only when memory does, and then at the first
 * use of a context: a wrong hash must not come out of it. */
void digest_sha256_start(struct digest *digest)
{
    ensure(EVP_DigestInit_ex2(digest->sha256_ctx, digest->sha256, NULL) == 1);
}

void digest_sha256_add(struct digest *digest, struct slice bytes)
{
    ensure(EVP_DigestUpdate(digest->sha256_ctx, bytes.data, bytes.len) == 1);
}

void digest_sha256_end(struct digest *digest, unsigned char ret[SHA256_BYTES])
{
    ensure(EVP_DigestFinal_ex(digest->sha256_ctx, ret, NULL) == 1);
}

uint64_t xxh3(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}

static void hash(EVP_MD_CTX *ctx, const EVP_MD *md, struct slice bytes, unsigned char *ret)
{
    ensure(EVP_DigestInit_ex2(ctx, md, NULL) == 1);
    ensure(EVP_DigestUpdate(ctx, bytes.data, bytes.len) == 1);
    ensure(EVP_DigestFinal_ex(ctx, ret, NULL) == 1);
}

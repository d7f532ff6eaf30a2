/* sigv4.h - AWS's Signature Version 4: from a secret and a canonical text to a signature.
 *
 *     key     = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), service), "aws4_request")
 *     to sign = "AWS4-HMAC-SHA256" LF stamp LF day/region/service/aws4_request LF hash of the text
 *     signature = HMAC(key, to sign), in hex
 *
 * An engine, for both sides.  A key is good for one day, one region and one
 * service; it is as secret as what it was made of.
 */
#ifndef AUTH_SIGV4_H
#define AUTH_SIGV4_H

#include "base/digest.h"
#include "base/slice.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_SERVICE "kinesis"
#define SIGV4_TERM "aws4_request"
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD" /* in place of the body's hash */

#define SIGV4_KEY_BYTES SHA256_BYTES
#define SIGV4_HEX_CHARS (2u * SHA256_BYTES)
#define SIGV4_DAY_CHARS 8u    /* 20261128 */
#define SIGV4_STAMP_CHARS 16u /* 20261128T195100Z */
/* what there is to sign: lengths of the parts before day and region, and of the hash */
#define SIGV4_TO_SIGN_CHARS_MAX 512u

struct sigv4_scope {
    struct slice day, region, service;
};

/* `secret` has at most CREDENTIAL_SECRET_CHARS_MAX characters. */
void sigv4_key(struct digest *digest, struct slice secret, const struct sigv4_scope *scope,
               unsigned char ret[SIGV4_KEY_BYTES]);

/* Prints what is signed, cut to fit; its length.  The scope's texts together have at most 256
 * characters. */
size_t sigv4_to_sign(struct digest *digest, struct slice stamp, const struct sigv4_scope *scope,
                     struct slice canonical, char ret[SIGV4_TO_SIGN_CHARS_MAX]);

void sigv4_sign(struct digest *digest, const unsigned char key[SIGV4_KEY_BYTES],
                struct slice to_sign, char ret[SIGV4_HEX_CHARS]);

/* The hash of a body, as it stands in a canonical text. */
void sigv4_hash(struct digest *digest, struct slice body, char ret[SIGV4_HEX_CHARS]);

/* 20261128T195100Z of a time in seconds since 1970, with an end mark. */
void sigv4_stamp(uint64_t s, char ret[SIGV4_STAMP_CHARS + 1]);

/* The time of a stamp.  False: it is none. */
MUST_CHECK bool sigv4_stamp_parse(struct slice text, uint64_t *ret_s);

/* Takes equally long wherever they differ, so that no signature can be guessed piece by piece. */
bool sigv4_same(struct slice a, struct slice b);

#endif

#include "auth/sigv4.h"

#include <stdio.h>
#include <time.h>

#include "base/ensure.h"
#include "base/limits.h"

#define PREFIX "AWS4"

static void hex(const unsigned char *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 15];
    }
}

void sigv4_key(struct digest *digest, struct slice secret, const struct sigv4_scope *scope,
               unsigned char ret[SIGV4_KEY_BYTES])
{
    char first[sizeof(PREFIX) - 1 + CREDENTIAL_SECRET_CHARS_MAX];
    unsigned char key[SIGV4_KEY_BYTES];

    ensure(secret.len > 0 && secret.len <= CREDENTIAL_SECRET_CHARS_MAX);
    memcpy(first, PREFIX, sizeof(PREFIX) - 1);
    memcpy(first + sizeof(PREFIX) - 1, secret.data, secret.len);
    digest_hmac_sha256(digest, slice_of(first, sizeof(PREFIX) - 1 + secret.len), scope->day, key);
    digest_hmac_sha256(digest, slice_of(key, sizeof(key)), scope->region, key);
    digest_hmac_sha256(digest, slice_of(key, sizeof(key)), scope->service, key);
    digest_hmac_sha256(digest, slice_of(key, sizeof(key)), slice_text(SIGV4_TERM), ret);
    explicit_bzero(first, sizeof(first));
    explicit_bzero(key, sizeof(key));
}

size_t sigv4_to_sign(struct digest *digest, struct slice stamp, const struct sigv4_scope *scope,
                     struct slice canonical, char ret[SIGV4_TO_SIGN_CHARS_MAX])
{
    char hash[SIGV4_HEX_CHARS];

    sigv4_hash(digest, canonical, hash);
    int printed = snprintf(ret, SIGV4_TO_SIGN_CHARS_MAX,
                           SIGV4_ALGORITHM "\n%.*s\n%.*s/%.*s/%.*s/" SIGV4_TERM "\n%.*s",
                           (int)stamp.len, (const char *)stamp.data, (int)scope->day.len,
                           (const char *)scope->day.data, (int)scope->region.len,
                           (const char *)scope->region.data, (int)scope->service.len,
                           (const char *)scope->service.data, (int)sizeof(hash), hash);
    ensure(printed > 0 && (size_t)printed < SIGV4_TO_SIGN_CHARS_MAX);
    return (size_t)printed;
}

void sigv4_sign(struct digest *digest, const unsigned char key[SIGV4_KEY_BYTES],
                struct slice to_sign, char ret[SIGV4_HEX_CHARS])
{
    unsigned char mark[SHA256_BYTES];

    digest_hmac_sha256(digest, slice_of(key, SIGV4_KEY_BYTES), to_sign, mark);
    hex(mark, sizeof(mark), ret);
}

void sigv4_hash(struct digest *digest, struct slice body, char ret[SIGV4_HEX_CHARS])
{
    unsigned char sum[SHA256_BYTES];

    digest_sha256(digest, body, sum);
    hex(sum, sizeof(sum), ret);
}

void sigv4_stamp(uint64_t s, char ret[SIGV4_STAMP_CHARS + 1])
{
    time_t at = (time_t)s;
    struct tm tm;

    ensure(gmtime_r(&at, &tm) != NULL &&
           strftime(ret, SIGV4_STAMP_CHARS + 1, "%Y%m%dT%H%M%SZ", &tm) == SIGV4_STAMP_CHARS);
}

static int number(const unsigned char *digits, size_t count)
{
    int value = 0;

    while (count-- > 0)
        value = value * 10 + (*digits++ - '0');
    return value;
}

bool sigv4_stamp_parse(struct slice text, uint64_t *ret_s)
{
    if (text.len != SIGV4_STAMP_CHARS)
        return false;
    for (size_t i = 0; i < SIGV4_STAMP_CHARS; i++)
        if (i == 8 ? text.data[i] != 'T' : i == 15 ? text.data[i] != 'Z'
                                                   : text.data[i] < '0' || text.data[i] > '9')
            return false;

    struct tm tm = { .tm_year = number(text.data, 4) - 1900,
                     .tm_mon = number(text.data + 4, 2) - 1,
                     .tm_mday = number(text.data + 6, 2),
                     .tm_hour = number(text.data + 9, 2),
                     .tm_min = number(text.data + 11, 2),
                     .tm_sec = number(text.data + 13, 2) };
    if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    *ret_s = (uint64_t)timegm(&tm);
    return true;
}

bool sigv4_same(struct slice a, struct slice b)
{
    unsigned char differ = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differ |= a.data[i] ^ b.data[i];
    return differ == 0;
}

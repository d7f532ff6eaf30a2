#include "client/sign.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/canonical.h"
#include "auth/credentials.h"
#include "auth/sigv4.h"
#include "base/limits.h"

#define JSON_TYPE "application/x-amz-json-1.1"
#define SIGNED_NAMES "content-type;host;x-amz-date;x-amz-target"
#define REGION_DEFAULT "us-east-1"
#define HOST_CHARS_MAX 512u
#define ARENA_BYTES_MAX (1024u * 1024u)

struct signer {
    struct credentials *file;
    struct credential credential;
    struct slice region;
    struct digest *digest;
};

/* What is sent and signed. */
struct parts {
    char host[HOST_CHARS_MAX], path[HOST_CHARS_MAX];
    char target[128], stamp[SIGV4_STAMP_CHARS + 1];
    char signature[SIGV4_HEX_CHARS + 1];
};

/* ---- whose key ---- */

/* It becomes a part of headers. */
static bool is_plain(const char *text, size_t max)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f)
            return false;
    return len > 0 && len <= max;
}

static enum err take_environment(struct signer *signer, bool *found, struct reason *reason)
{
    const char *key_id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");

    *found = key_id != NULL && secret != NULL && *key_id != 0 && *secret != 0;
    if (!*found)
        return ERR_OK;
    if (!is_plain(key_id, CREDENTIAL_KEY_CHARS_MAX) || strchr(key_id, '/') != NULL) {
        reason_set(reason, "AWS_ACCESS_KEY_ID is no access key");
        return ERR_INVALID;
    }
    if (!is_plain(secret, CREDENTIAL_SECRET_CHARS_MAX)) {
        reason_set(reason, "AWS_SECRET_ACCESS_KEY is no secret of an access key");
        return ERR_INVALID;
    }
    if (token != NULL && *token != 0 && !is_plain(token, CREDENTIAL_TOKEN_CHARS_MAX)) {
        reason_set(reason, "AWS_SESSION_TOKEN is no session token");
        return ERR_INVALID;
    }
    signer->credential = (struct credential){ .key_id = slice_text(key_id),
                                              .secret = slice_text(secret),
                                              .token = slice_text(token == NULL ? "" : token) };
    return ERR_OK;
}

static enum err take_region(struct signer *signer, struct reason *reason)
{
    const char *region = getenv("AWS_REGION");

    if (region == NULL || *region == 0)
        region = getenv("AWS_DEFAULT_REGION");
    if (region == NULL || *region == 0)
        region = REGION_DEFAULT;
    if (!is_plain(region, AUTH_REGION_CHARS_MAX) || strchr(region, '/') != NULL) {
        reason_set(reason, "AWS_REGION or AWS_DEFAULT_REGION is no region");
        return ERR_INVALID;
    }
    signer->region = slice_text(region);
    return ERR_OK;
}

enum err signer_new(struct signer **ret, const char *file, struct reason *reason)
{
    struct signer *signer = calloc(1, sizeof(*signer));
    bool found = true;

    if (signer == NULL)
        return ERR_NO_MEMORY;
    signer->digest = digest_new();
    enum err err = signer->digest == NULL ? ERR_NO_MEMORY : take_region(signer, reason);
    if (err == ERR_OK && file == NULL) {
        err = take_environment(signer, &found, reason);
    } else if (err == ERR_OK) {
        err = credentials_read(file, &signer->file, NULL, reason);
        if (err == ERR_OK)
            signer->credential = *credentials_at(signer->file, 0);
        else if (err != ERR_NO_MEMORY)
            err = ERR_INVALID;
    }
    if (err == ERR_OK && found) {
        *ret = signer;
        return ERR_OK;
    }
    signer_free(signer);
    if (err == ERR_OK)
        *ret = NULL;
    return err;
}

void signer_free(struct signer *signer)
{
    if (signer == NULL)
        return;
    credentials_free(signer->file);
    digest_free(signer->digest);
    free(signer);
}

/* ---- one call ---- */

/* "http://host:port/path" without the scheme. */
static void take_address(const char *endpoint, struct parts *parts)
{
    const char *host = strstr(endpoint, "://");

    host = host == NULL ? endpoint : host + 3;
    const char *path = host + strcspn(host, "/");
    (void)snprintf(parts->host, sizeof(parts->host), "%.*s", (int)(path - host), host);
    (void)snprintf(parts->path, sizeof(parts->path), "%.*s/", (int)sizeof(parts->path) - 2, path);
}

static enum err sign(const struct signer *signer, struct slice body, struct parts *parts)
{
    const struct http_header headers[] = {
        { slice_text("content-type"), slice_text(JSON_TYPE) },
        { slice_text("host"), slice_text(parts->host) },
        { slice_text("x-amz-date"), slice_text(parts->stamp) },
        { slice_text("x-amz-target"), slice_text(parts->target) },
    };
    struct canonical_request request = { .method = slice_text("POST"),
                                         .path = slice_text(parts->path),
                                         .headers = headers,
                                         .header_count = sizeof(headers) / sizeof(headers[0]),
                                         .signed_names = slice_text(SIGNED_NAMES) };
    struct sigv4_scope scope = { .day = slice_of(parts->stamp, SIGV4_DAY_CHARS),
                                 .region = signer->region,
                                 .service = slice_text(SIGV4_SERVICE) };
    unsigned char key[SIGV4_KEY_BYTES];
    char hash[SIGV4_HEX_CHARS], to_sign[SIGV4_TO_SIGN_CHARS_MAX];
    struct arena arena;
    struct slice text;

    arena_init(&arena, ARENA_BYTES_MAX);
    enum err err = canonical_print(&request, &arena, &text);
    sigv4_hash(signer->digest, body, hash);
    char *whole = err == ERR_OK ? arena_printf(&arena, "%s%.*s", (const char *)text.data,
                                               (int)sizeof(hash), hash)
                                : NULL;
    if (whole != NULL) {
        size_t len = sigv4_to_sign(signer->digest, slice_text(parts->stamp), &scope,
                                   slice_text(whole), to_sign);
        sigv4_key(signer->digest, signer->credential.secret, &scope, key);
        sigv4_sign(signer->digest, key, slice_of(to_sign, len), parts->signature);
        explicit_bzero(key, sizeof(key));
    }
    arena_fini(&arena);
    return whole == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static bool append(struct curl_slist **headers, const char *format, ...) PRINTF_LIKE(2, 3);

static bool append(struct curl_slist **headers, const char *format, ...)
{
    char line[CREDENTIAL_TOKEN_CHARS_MAX + 128];
    va_list args;

    va_start(args, format);
    int printed = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    struct curl_slist *longer = printed < 0 || (size_t)printed >= sizeof(line)
                                    ? NULL
                                    : curl_slist_append(*headers, line);
    if (longer == NULL)
        return false;
    *headers = longer;
    return true;
}

/* Servers that do not check signatures may still want to see the form of one. */
struct curl_slist *sign_headers(const struct signer *signer, const struct signed_call *call)
{
    struct curl_slist *headers = NULL;
    struct slice key_id = signer == NULL ? slice_text("braid") : signer->credential.key_id;
    struct slice region = signer == NULL ? slice_text(REGION_DEFAULT) : signer->region;
    struct slice token = signer == NULL ? slice_text("") : signer->credential.token;
    struct parts parts = { .host = "" };

    take_address(call->endpoint, &parts);
    sigv4_stamp(call->now_s, parts.stamp);
    memset(parts.signature, '0', SIGV4_HEX_CHARS);
    (void)snprintf(parts.target, sizeof(parts.target), "Kinesis_20131202.%s", call->operation);
    if (signer != NULL && sign(signer, call->body, &parts) != ERR_OK)
        return NULL;
    if (append(&headers, "Content-Type: " JSON_TYPE) && append(&headers, "Host: %s", parts.host) &&
        append(&headers, "X-Amz-Target: %s", parts.target) &&
        append(&headers, "X-Amz-Date: %s", parts.stamp) &&
        append(&headers,
               "Authorization: " SIGV4_ALGORITHM " Credential=%.*s/%.8s/%.*s/" SIGV4_SERVICE
               "/" SIGV4_TERM ", SignedHeaders=" SIGNED_NAMES ", Signature=%s",
               (int)key_id.len, (const char *)key_id.data, parts.stamp, (int)region.len,
               (const char *)region.data, parts.signature) &&
        (token.len == 0 || append(&headers, "X-Amz-Security-Token: %.*s", (int)token.len,
                                  (const char *)token.data)) &&
        append(&headers, "Expect:") /* none: the body follows at once */)
        return headers;
    curl_slist_free_all(headers);
    return NULL;
}

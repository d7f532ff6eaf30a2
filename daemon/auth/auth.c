#include "auth/auth.h"

#include <stdlib.h>

#include "auth/canonical.h"
#include "auth/signing_keys.h"
#include "base/limits.h"

struct auth {
    struct auth_world world;
    const char *const *regions;
    uint32_t region_count;
    struct digest *digest;
    struct signing_keys *keys;
    uint64_t version; /* of the keyring that `keys` were made from */
    struct counter *accepted, *refused[REFUSAL_COUNT];
    uint64_t told_ms;  /* when refusals were last told of; 0: never */
    uint64_t untold;
};

static bool check_key(struct auth *auth, struct arena *arena, struct auth_check *check);
static bool check_scope(struct auth *auth, struct arena *arena, struct auth_check *check);
static bool check_names(const struct http_request *request, struct auth_check *check);
static bool check_payload(const struct auth *auth, struct arena *arena, struct auth_check *check);
static bool check_date(struct auth *auth, struct arena *arena, struct auth_check *check);
static void tell(struct auth *auth, const struct auth_check *check, const char *peer);

static void metrics_register(struct auth *auth, struct metrics *metrics)
{
    static const char *const labels[REFUSAL_COUNT] = {
#define REFUSAL_LABEL(name, text, type) [name] = "reason=\"" text "\"",
        AUTH_REFUSALS(REFUSAL_LABEL)
#undef REFUSAL_LABEL
    };

    auth->accepted = metrics_counter(metrics, "braid_auth_accepted_total",
                                     "Requests with a good signature.", NULL);
    for (enum refusal_reason reason = REFUSAL_NONE + 1; reason < REFUSAL_COUNT; reason++)
        auth->refused[reason] =
            metrics_counter(metrics, "braid_auth_refused_total",
                            "Requests without a good signature, by reason.", labels[reason]);
}

enum err auth_open(struct auth **ret, const struct auth_world *world, const char *const *regions,
                   uint32_t region_count)
{
    struct auth *auth = calloc(1, sizeof(*auth));

    if (auth == NULL)
        return ERR_NO_MEMORY;
    auth->world = *world;
    auth->regions = regions;
    auth->region_count = region_count;
    auth->digest = digest_new();
    auth->keys = signing_keys_new();
    if (auth->digest == NULL || auth->keys == NULL) {
        auth_close(auth);
        return ERR_NO_MEMORY;
    }
    metrics_register(auth, world->metrics);
    *ret = auth;
    return ERR_OK;
}

void auth_close(struct auth *auth)
{
    if (auth == NULL)
        return;
    digest_free(auth->digest);
    signing_keys_free(auth->keys);
    free(auth);
}

/* ---- before the body ---- */

void auth_begin(struct auth *auth, const struct http_request *request, struct auth_check *check)
{
    struct arena *arena = request->arena;
    struct canonical_request canonical = { .method = request->method,
                                           .path = request->path,
                                           .query = request->query,
                                           .headers = request->headers,
                                           .header_count = request->header_count };

    *check = (struct auth_check){ .version = keyring_version(auth->world.keyring) };
    if (check->version != auth->version)
        signing_keys_clear(auth->keys);
    auth->version = check->version;
    if (!claim_read(request, arena, &check->claim, &check->refusal))
        return;
    canonical.signed_names = check->claim.signed_names;
    enum err err = canonical_print(&canonical, arena, &check->canonical);
    if (err == ERR_NO_MEMORY)
        refusal_set(&check->refusal, arena, REFUSAL_NO_MEMORY, "Out of memory.");
    else if (err != ERR_OK)
        refusal_set(&check->refusal, arena, REFUSAL_INCOMPLETE,
                    "SignedHeaders must be names of different headers with ';' between, %u at "
                    "most, and a query must have %u parts at most.",
                    HTTP_HEADERS_MAX, AUTH_QUERY_PARTS_MAX);
    else if (check_key(auth, arena, check) && check_scope(auth, arena, check) &&
             check_names(request, check) && check_payload(auth, arena, check) &&
             check_date(auth, arena, check))
        return;
    explicit_bzero(check->key, sizeof(check->key));
}

static bool is_text(struct slice slice, const char *text)
{
    return slice_equal(slice, slice_text(text));
}

static bool check_key(struct auth *auth, struct arena *arena, struct auth_check *check)
{
    const struct claim *claim = &check->claim;
    const struct credential *credential = keyring_find(auth->world.keyring, claim->key_id);
    static const char sentence[] = "The security token included in the request is invalid.";

    if (credential == NULL) {
        refusal_set(&check->refusal, arena, REFUSAL_UNKNOWN_KEY, "%s", sentence);
        return false;
    }
    check->known = true;
    if (credential->token.len > 0 && !sigv4_same(credential->token, claim->token)) {
        refusal_set(&check->refusal, arena, REFUSAL_TOKEN, "%s", sentence);
        return false;
    }
    check->cached =
        signing_keys_find(auth->keys, claim->key_id, &claim->scope, check->key);
    if (!check->cached)
        sigv4_key(auth->digest, credential->secret, &claim->scope, check->key);
    return true;
}

static bool is_our_region(const struct auth *auth, struct slice region)
{
    if (region.len == 0 || region.len > AUTH_REGION_CHARS_MAX)
        return false;
    for (uint32_t i = 0; i < auth->region_count; i++)
        if (is_text(region, auth->regions[i]))
            return true;
    return auth->region_count == 0;
}

static bool check_scope(struct auth *auth, struct arena *arena, struct auth_check *check)
{
    const struct claim *claim = &check->claim;
    const struct sigv4_scope *scope = &claim->scope;
    char texts[4][256] = { "", "", "", "" };

    if (!is_our_region(auth, scope->region))
        (void)snprintf(texts[0], sizeof(texts[0]),
                       "Credential should be scoped to a valid region, not '%.*s'. ",
                       (int)(scope->region.len < 128 ? scope->region.len : 128),
                       (const char *)scope->region.data);
    if (!is_text(scope->service, SIGV4_SERVICE))
        (void)snprintf(texts[1], sizeof(texts[1]),
                       "Credential should be scoped to correct service: '" SIGV4_SERVICE "'. ");
    if (!is_text(claim->term, SIGV4_TERM))
        (void)snprintf(texts[2], sizeof(texts[2]),
                       "Credential should be scoped with a valid terminator: '" SIGV4_TERM
                       "', not '%.*s'. ",
                       (int)(claim->term.len < 128 ? claim->term.len : 128),
                       (const char *)claim->term.data);
    if (!slice_equal(scope->day, slice_of(claim->stamp.data, SIGV4_DAY_CHARS)))
        (void)snprintf(texts[3], sizeof(texts[3]),
                       "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                       "date from HTTP: '%.*s' != '%.8s', from '%.16s'.",
                       (int)(scope->day.len < 32 ? scope->day.len : 32),
                       (const char *)scope->day.data, (const char *)claim->stamp.data,
                       (const char *)claim->stamp.data);
    if (texts[0][0] == 0 && texts[1][0] == 0 && texts[2][0] == 0 && texts[3][0] == 0)
        return true;
    refusal_set(&check->refusal, arena, REFUSAL_SCOPE, "%s%s%s%s", texts[0], texts[1], texts[2],
                texts[3]);
    return false;
}

/* A request must not be good at another endpoint, or for another operation. */
static bool check_names(const struct http_request *request, struct auth_check *check)
{
    struct slice names = check->claim.signed_names;
    const char *lacking = NULL;

    if (!canonical_signs(names, "host") && !canonical_signs(names, ":authority"))
        lacking = "'Host' or ':authority'";
    else if (!canonical_signs(names, "x-amz-target"))
        lacking = "'X-Amz-Target'";
    if (lacking == NULL)
        return true;
    refusal_set(&check->refusal, request->arena, REFUSAL_UNSIGNED_HEADER,
                "%s must be a 'SignedHeader' in the AWS Authorization.", lacking);
    return false;
}

/* AWS's Kinesis takes none of these either: only S3 does. */
static bool check_payload(const struct auth *auth, struct arena *arena, struct auth_check *check)
{
    if (!check->claim.unsigned_payload || auth->world.unsigned_payload)
        return true;
    refusal_set(&check->refusal, arena, REFUSAL_UNSIGNED_BODY,
                "The body must be signed: '" SIGV4_UNSIGNED "' as its hash is not taken here. Let "
                "the client sign payloads, or set unsigned-payload = yes on the nodes.");
    return false;
}

/* How long a signature is good, in AWS's words for it. */
static void print_span(char ret[32], uint64_t s)
{
    bool minutes = s % 60 == 0;

    (void)snprintf(ret, 32, "%llu %s.", (unsigned long long)(minutes ? s / 60 : s),
                   minutes ? "min" : "sec");
}

static bool check_date(struct auth *auth, struct arena *arena, struct auth_check *check)
{
    const struct claim *claim = &check->claim;
    uint64_t now_s = clock_wall_ms(auth->world.clock) / 1000;
    uint64_t good_s = claim->has_expires ? claim->expires_s : AUTH_SKEW_S;
    char now[SIGV4_STAMP_CHARS + 1], bound[SIGV4_STAMP_CHARS + 1], span[32];

    sigv4_stamp(now_s, now);
    if (claim->signed_s + good_s < now_s) {
        sigv4_stamp(now_s - good_s, bound);
        print_span(span, good_s);
        refusal_set(&check->refusal, arena, REFUSAL_EXPIRED,
                    "Signature expired: %.16s is now earlier than %s (%s - %s)",
                    (const char *)claim->stamp.data, bound, now, span);
        return false;
    }
    if (claim->signed_s <= now_s + AUTH_SKEW_S)
        return true;
    sigv4_stamp(now_s + AUTH_SKEW_S, bound);
    print_span(span, AUTH_SKEW_S);
    refusal_set(&check->refusal, arena, REFUSAL_EARLY,
                "Signature not yet current: %.16s is still later than %s (%s + %s)",
                (const char *)claim->stamp.data, bound, now, span);
    return false;
}

/* ---- with the body ---- */

bool auth_verify(struct auth_check *check, const struct http_request *request,
                 struct digest *digest)
{
    const struct claim *claim = &check->claim;
    char hash[SIGV4_HEX_CHARS], to_sign[SIGV4_TO_SIGN_CHARS_MAX], signature[SIGV4_HEX_CHARS];
    struct slice payload = slice_of(hash, sizeof(hash));

    if (check->refusal.reason != REFUSAL_NONE)
        return false;
    if (claim->unsigned_payload)
        payload = slice_text(SIGV4_UNSIGNED);
    else
        sigv4_hash(digest, request->body, hash);

    char *canonical = arena_raw(request->arena, check->canonical.len + payload.len);
    if (canonical == NULL) {
        refusal_set(&check->refusal, request->arena, REFUSAL_NO_MEMORY, "Out of memory.");
        return false;
    }
    memcpy(canonical, check->canonical.data, check->canonical.len);
    memcpy(canonical + check->canonical.len, payload.data, payload.len);
    struct slice whole = slice_of(canonical, check->canonical.len + payload.len);
    size_t len = sigv4_to_sign(digest, claim->stamp, &claim->scope, whole, to_sign);
    sigv4_sign(digest, check->key, slice_of(to_sign, len), signature);
    check->proved = sigv4_same(slice_of(signature, sizeof(signature)), claim->signature);
    if (check->proved)
        return true;
    refusal_set(&check->refusal, request->arena, REFUSAL_SIGNATURE,
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service "
                "documentation for details.\n\nThe Canonical String for this request should have "
                "been\n'%.*s'\n\nThe String-to-Sign should have been\n'%.*s'\n",
                (int)whole.len, (const char *)whole.data, (int)len, to_sign);
    return false;
}

void auth_end(struct auth *auth, struct auth_check *check, const struct http_request *request)
{
    if (check->proved) {
        counter_add(auth->accepted, 1);
        if (!check->cached && check->version == auth->version)
            signing_keys_put(auth->keys, check->claim.key_id, &check->claim.scope, check->key);
    } else if (check->refusal.reason != REFUSAL_NONE) {
        counter_add(auth->refused[check->refusal.reason], 1);
        tell(auth, check, request->peer);
    }
    explicit_bzero(check->key, sizeof(check->key));
}

/* What a client sent is not repeated: it may be a secret in the wrong place.  The name of a key
 * that we know is none. */
static void tell(struct auth *auth, const struct auth_check *check, const char *peer)
{
    uint64_t now_ms = clock_mono_ms(auth->world.clock);
    struct slice key_id = check->known ? check->claim.key_id : slice_text("?");

    auth->untold++;
    if (auth->told_ms != 0 && now_ms - auth->told_ms < AUTH_NOTE_MS)
        return;
    note_event(auth->world.note, NOTE_WARN, "request.unproved",
               "reason=%s key=%.*s peer=%s requests=%llu",
               refusal_label(check->refusal.reason), (int)key_id.len, (const char *)key_id.data,
               peer, (unsigned long long)auth->untold);
    auth->told_ms = now_ms;
    auth->untold = 0;
}

#include "auth/claim.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "auth/canonical.h"
#include "base/limits.h"

#define DATE_CHARS_MAX 40u
#define PREFIX "X-Amz-"
#define NAME_CHARS_MAX 32u /* of a part of a query; what is longer is none of ours */

/* The parts of an Authorization header, and of a presigned address's query. */
enum part { PART_ALGORITHM, PART_CREDENTIAL, PART_SIGNATURE, PART_SIGNED_HEADERS, PART_DATE,
            PART_EXPIRES, PART_TOKEN, PART_CONTENT, PART_COUNT };

static const char *const query_names[PART_COUNT] = {
    [PART_ALGORITHM] = "X-Amz-Algorithm",
    [PART_CREDENTIAL] = "X-Amz-Credential",
    [PART_SIGNATURE] = "X-Amz-Signature",
    [PART_SIGNED_HEADERS] = "X-Amz-SignedHeaders",
    [PART_DATE] = "X-Amz-Date",
    [PART_EXPIRES] = "X-Amz-Expires",
    [PART_TOKEN] = "X-Amz-Security-Token",
    [PART_CONTENT] = "X-Amz-Content-Sha256",
};

/* A claim on its way. */
struct reading {
    const struct http_request *request;
    struct arena *arena;
    struct slice parts[PART_COUNT];
    struct refusal *refusal;
    /* the query: */
    uint32_t found;                  /* 1 << part */
    char twice[NAME_CHARS_MAX + 1];  /* one that is there again */
    char prefixed[NAME_CHARS_MAX + 1]; /* one that begins like them */
};

static bool read_query(struct reading *reading);
static bool one_place(const struct reading *reading, struct slice authorization);
static bool read_header(struct reading *reading, struct slice authorization);
static bool query_is_whole(const struct reading *reading);
static bool take_credential(const struct reading *reading, struct claim *claim);
static bool take_date(const struct reading *reading, struct claim *claim);
static bool take_expires(const struct reading *reading, struct claim *claim);

static struct slice header(const struct reading *reading, const char *name)
{
    const struct http_header *found = canonical_header(
        reading->request->headers, reading->request->header_count, slice_text(name));
    return found == NULL ? slice_of(NULL, 0) : found->value;
}

bool claim_read(const struct http_request *request, struct arena *arena, struct claim *ret,
                struct refusal *refusal)
{
    struct reading reading = { .request = request, .arena = arena, .refusal = refusal };
    struct slice authorization = header(&reading, "authorization");
    struct claim claim = { .has_expires = false };

    if (!read_query(&reading) || !one_place(&reading, authorization))
        return false;
    bool presigned = authorization.len == 0;
    if (presigned ? !query_is_whole(&reading) : !read_header(&reading, authorization))
        return false;
    claim.signed_names = reading.parts[PART_SIGNED_HEADERS];
    claim.signature = reading.parts[PART_SIGNATURE];
    claim.token = reading.parts[PART_TOKEN];
    if (claim.token.len == 0)
        claim.token = header(&reading, "x-amz-security-token");
    claim.unsigned_payload = slice_equal(header(&reading, "x-amz-content-sha256"),
                                         slice_text(SIGV4_UNSIGNED)) ||
                             slice_equal(reading.parts[PART_CONTENT], slice_text(SIGV4_UNSIGNED));
    if (!take_credential(&reading, &claim) || !take_date(&reading, &claim) ||
        !take_expires(&reading, &claim))
        return false;
    *ret = claim;
    return true;
}

/* ---- where it stands ---- */

static bool out_of_memory(const struct reading *reading)
{
    refusal_set(reading->refusal, reading->arena, REFUSAL_NO_MEMORY, "Out of memory.");
    return false;
}

/* One name of the query and its value, as they came. */
static bool take_pair(struct reading *reading, struct slice name, struct slice value)
{
    char text[NAME_CHARS_MAX + 1];
    size_t len = canonical_decode_front(name, (unsigned char *)text, sizeof(text));
    struct slice plain = slice_of(text, len);

    if (len < strlen(PREFIX) || strncasecmp(text, PREFIX, strlen(PREFIX)) != 0)
        return true;
    (void)snprintf(reading->prefixed, sizeof(reading->prefixed), "%.*s", (int)len, text);
    for (enum part part = 0; part < PART_COUNT; part++) {
        if (!slice_equal(plain, slice_text(query_names[part])))
            continue;
        if ((reading->found & 1u << part) != 0)
            (void)snprintf(reading->twice, sizeof(reading->twice), "%s", query_names[part]);
        reading->found |= 1u << part;
        if (canonical_decode(value, reading->arena, &reading->parts[part]) != ERR_OK)
            return out_of_memory(reading);
    }
    return true;
}

static bool read_query(struct reading *reading)
{
    struct slice rest = reading->request->query;

    while (rest.len > 0) {
        const unsigned char *end = memchr(rest.data, '&', rest.len);
        struct slice pair = slice_of(rest.data, end == NULL ? rest.len : (size_t)(end - rest.data));
        const unsigned char *mark = pair.len == 0 ? NULL : memchr(pair.data, '=', pair.len);
        size_t name_len = mark == NULL ? pair.len : (size_t)(mark - pair.data);
        struct slice value = mark == NULL ? slice_of(NULL, 0)
                                          : slice_of(mark + 1, pair.len - name_len - 1);

        rest = end == NULL ? slice_of(NULL, 0) : slice_of(end + 1, rest.len - pair.len - 1);
        if (!take_pair(reading, slice_of(pair.data, name_len), value))
            return false;
    }
    return true;
}

/* It is signed in the header or in the query, and nothing of the other is there. */
static bool one_place(const struct reading *reading, struct slice authorization)
{
    bool presigned = (reading->found & 1u << PART_ALGORITHM) != 0;
    bool signed_header = authorization.len >= 5 && memcmp(authorization.data, "AWS4-", 5) == 0;

    if (presigned ? authorization.len > 0 : signed_header && reading->prefixed[0] != 0) {
        refusal_set(reading->refusal, reading->arena, REFUSAL_BOTH,
                    "Found both '%s' as a query-string param and 'Authorization' as HTTP header.",
                    presigned ? query_names[PART_ALGORITHM] : reading->prefixed);
        return false;
    }
    if (!presigned && !signed_header) {
        refusal_set(reading->refusal, reading->arena, REFUSAL_MISSING,
                    "Missing Authentication Token");
        return false;
    }
    if (presigned && reading->twice[0] != 0) {
        refusal_set(reading->refusal, reading->arena, REFUSAL_INCOMPLETE,
                    "AWS query-string parameters must include '%s' once. Re-examine the "
                    "query-string parameters.",
                    reading->twice);
        return false;
    }
    return true;
}

static bool query_is_whole(const struct reading *reading)
{
    char text[512];
    size_t len = 0;

    for (enum part part = 0; part <= PART_EXPIRES; part++)
        if (reading->parts[part].len == 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len,
                                    "AWS query-string parameters must include '%s'. ",
                                    query_names[part]);
    if (len == 0)
        return true;
    refusal_set(reading->refusal, reading->arena, REFUSAL_INCOMPLETE,
                "%sRe-examine the query-string parameters.", text);
    return false;
}

/* One "Name=value" behind the algorithm. */
static void take_part(struct reading *reading, struct slice text)
{
    static const struct {
        const char *name;
        enum part part;
    } names[] = { { "Credential=", PART_CREDENTIAL },
                  { "SignedHeaders=", PART_SIGNED_HEADERS },
                  { "Signature=", PART_SIGNATURE } };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i].name);

        if (text.len >= len && memcmp(text.data, names[i].name, len) == 0)
            reading->parts[names[i].part] = slice_of(text.data + len, text.len - len);
    }
}

static bool header_is_whole(const struct reading *reading, struct slice authorization)
{
    bool dated = header(reading, "x-amz-date").len > 0 || header(reading, "date").len > 0;
    const char *texts[] = {
        reading->parts[PART_CREDENTIAL].len > 0
            ? ""
            : "Authorization header requires 'Credential' parameter. ",
        reading->parts[PART_SIGNATURE].len > 0
            ? ""
            : "Authorization header requires 'Signature' parameter. ",
        reading->parts[PART_SIGNED_HEADERS].len > 0
            ? ""
            : "Authorization header requires 'SignedHeaders' parameter. ",
        dated ? ""
              : "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                "header. "
    };

    if (texts[0][0] == 0 && texts[1][0] == 0 && texts[2][0] == 0 && texts[3][0] == 0)
        return true;
    refusal_set(reading->refusal, reading->arena, REFUSAL_INCOMPLETE,
                "%s%s%s%sAuthorization=%.*s", texts[0], texts[1], texts[2], texts[3],
                (int)authorization.len, (const char *)authorization.data);
    return false;
}

/* AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=... with commas or blanks. */
static bool read_header(struct reading *reading, struct slice authorization)
{
    size_t at = 0;

    while (at < authorization.len) {
        size_t from = at;

        while (at < authorization.len && authorization.data[at] != ',' &&
               authorization.data[at] != ' ' && authorization.data[at] != '\t')
            at++;
        struct slice word = slice_of(authorization.data + from, at - from);
        if (from == 0)
            reading->parts[PART_ALGORITHM] = word;
        else
            take_part(reading, word);
        at++;
    }
    return header_is_whole(reading, authorization);
}

/* ---- what it says ---- */

/* key/day/region/service/term; the key may hold no slash. */
static bool take_credential(const struct reading *reading, struct claim *claim)
{
    struct slice text = reading->parts[PART_CREDENTIAL], fields[5];
    struct slice algorithm = reading->parts[PART_ALGORITHM];
    const unsigned char *at = text.data, *end = text.data + text.len;
    size_t count = 0;

    if (!slice_equal(algorithm, slice_text(SIGV4_ALGORITHM))) {
        refusal_set(reading->refusal, reading->arena, REFUSAL_INCOMPLETE,
                    "Unsupported AWS 'algorithm': '%.*s'.", (int)algorithm.len,
                    (const char *)algorithm.data);
        return false;
    }
    while (count < 5) {
        const unsigned char *slash = memchr(at, '/', (size_t)(end - at));
        const unsigned char *stop = slash == NULL ? end : slash;

        fields[count++] = slice_of(at, (size_t)(stop - at));
        at = stop;
        if (slash == NULL)
            break;
        at++;
    }
    if (count < 5 || at != end || fields[4].len == 0) {
        refusal_set(reading->refusal, reading->arena, REFUSAL_INCOMPLETE,
                    "Credential must have exactly 5 slash-delimited elements, e.g. "
                    "keyid/date/region/service/term, got '%.*s'",
                    (int)text.len, (const char *)text.data);
        return false;
    }
    claim->key_id = fields[0];
    claim->scope = (struct sigv4_scope){ .day = fields[1], .region = fields[2],
                                         .service = fields[3] };
    claim->term = fields[4];
    return true;
}

/* "Sat, 28 Nov 2026 19:51:00 GMT", as HTTP's own Date has it. */
static bool parse_http_date(struct slice text, uint64_t *ret_s)
{
    char copy[DATE_CHARS_MAX + 1];
    struct tm tm = { .tm_sec = 0 };

    if (text.len == 0 || text.len > DATE_CHARS_MAX)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    const char *end = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (end == NULL || *end != 0 || tm.tm_year < 70 || tm.tm_year > 8099)
        return false;
    *ret_s = (uint64_t)timegm(&tm);
    return true;
}

static bool take_date(const struct reading *reading, struct claim *claim)
{
    struct slice text = reading->parts[PART_DATE];

    if (text.len == 0)
        text = header(reading, "x-amz-date");
    if (text.len == 0)
        text = header(reading, "date");
    if (sigv4_stamp_parse(text, &claim->signed_s)) {
        claim->stamp = text;
        return true;
    }
    if (header(reading, "x-amz-date").len == 0 && parse_http_date(text, &claim->signed_s)) {
        char *stamp = arena_raw(reading->arena, SIGV4_STAMP_CHARS + 1);

        if (stamp == NULL)
            return out_of_memory(reading);
        sigv4_stamp(claim->signed_s, stamp);
        claim->stamp = slice_of(stamp, SIGV4_STAMP_CHARS);
        return true;
    }
    refusal_set(reading->refusal, reading->arena, REFUSAL_INCOMPLETE,
                "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
                "http://en.wikipedia.org/wiki/ISO_8601",
                (int)text.len, (const char *)text.data);
    return false;
}

static bool take_expires(const struct reading *reading, struct claim *claim)
{
    struct slice text = reading->parts[PART_EXPIRES];
    uint32_t value = 0;

    if (text.len == 0)
        return true;
    for (size_t i = 0; i < text.len && value <= AUTH_EXPIRES_S_MAX; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            value = UINT32_MAX;
            break;
        }
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (value >= 1 && value <= AUTH_EXPIRES_S_MAX) {
        claim->has_expires = true;
        claim->expires_s = value;
        return true;
    }
    refusal_set(reading->refusal, reading->arena, REFUSAL_INCOMPLETE,
                "X-Amz-Expires must be a number of seconds from 1 to %u. Re-examine the "
                "query-string parameters.",
                AUTH_EXPIRES_S_MAX);
    return false;
}

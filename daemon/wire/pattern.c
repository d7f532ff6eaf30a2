#include "wire/pattern.h"

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_name(unsigned char c)
{
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
}

/* Java's \s, as the model is written for Java. */
static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool all(struct slice text, bool (*is)(unsigned char))
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is(text.data[i]))
            return false;
    }
    return true;
}

static bool starts_with(struct slice text, size_t at, const char *what)
{
    size_t len = strlen(what);
    return at <= text.len && text.len - at >= len && memcmp(text.data + at, what, len) == 0;
}

/* A line end at `at`, which Java's dot does not match: \n, \r, U+0085, U+2028, U+2029. */
static bool is_line_end(struct slice text, size_t at)
{
    unsigned char c = text.data[at];

    return c == '\n' || c == '\r' || starts_with(text, at, "\xc2\x85") ||
           starts_with(text, at, "\xe2\x80\xa8") || starts_with(text, at, "\xe2\x80\xa9");
}

/* 0|([1-9]\d{0,more}) */
static bool match_number(struct slice text, size_t more)
{
    if (text.len == 0 || text.len > more + 1 || !all(text, is_digit))
        return false;
    return text.data[0] != '0' || text.len == 1;
}

static bool match_stream_id(struct slice text)
{
    if (text.len != 24 || text.data[20] != '-')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (i != 20 && !is_lower(text.data[i]) && !is_digit(text.data[i]))
            return false;
    }
    return true;
}

/* `:\d{12}:` at `at`. */
static bool account_at(struct slice text, size_t at)
{
    if (!starts_with(text, at, ":") || text.len - at < 14)
        return false;
    return all(slice_of(text.data + at + 1, 12), is_digit) && text.data[at + 13] == ':';
}

/* `:\d{12}:stream/` at `at`. */
static bool stream_at(struct slice text, size_t at)
{
    return account_at(text, at) && starts_with(text, at + 13, ":stream/");
}

/* arn:aws.*:kinesis:.*:\d{12}:stream/\S+
 *
 * One way through is enough, and it can be chosen without going back: the first
 * ":kinesis:" leaves most to what follows; the last account part leaves least
 * to \S+, and what lies before it may be anything within the line. */
static bool match_stream_arn(struct slice text)
{
    const size_t service_bytes = strlen(":kinesis:"),
                 account_bytes = strlen(":123456789012:stream/");
    size_t service, account = 0;
    bool found = false;

    if (!starts_with(text, 0, "arn:aws"))
        return false;
    for (service = strlen("arn:aws"); !starts_with(text, service, ":kinesis:"); service++) {
        if (service >= text.len)
            return false;
    }
    for (size_t at = service + service_bytes; at + account_bytes < text.len; at++) {
        if (stream_at(text, at)) {
            account = at;
            found = true;
        }
    }
    if (!found)
        return false;

    for (size_t i = 0; i < account; i++) {
        if (is_line_end(text, i))
            return false;
    }
    for (size_t i = account + account_bytes; i < text.len; i++) {
        if (is_space(text.data[i]))
            return false;
    }
    return true;
}

/* How many bytes before `end` are of the kind. */
static size_t run_before(struct slice text, size_t end, bool (*is)(unsigned char))
{
    size_t at = end;

    while (at > 0 && is(text.data[at - 1]))
        at--;
    return end - at;
}

/* `what` stands right before `*end`, which moves to its start. */
static bool ends_before(struct slice text, size_t *end, const char *what)
{
    size_t len = strlen(what);

    if (*end < len || !starts_with(text, *end - len, what))
        return false;
    *end -= len;
    return true;
}

/* ^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/NAME\/consumer\/NAME:[0-9]+
 *
 * From the end: no name has a colon or a slash in it, so there is one way.  Before "stream" the
 * first ":kinesis:" leaves most to what follows. */
static bool match_consumer_arn(struct slice text)
{
    size_t end = text.len, run = run_before(text, end, is_digit);

    end -= run;
    if (run == 0 || !ends_before(text, &end, ":"))
        return false;
    run = run_before(text, end, is_name);
    end -= run;
    if (run == 0 || !ends_before(text, &end, "/consumer/"))
        return false;
    run = run_before(text, end, is_name);
    end -= run;
    if (run == 0 || !ends_before(text, &end, "stream/") || !starts_with(text, 0, "arn:aws"))
        return false;

    struct slice front = slice_of(text.data, end);
    bool service = false, account = false;
    for (size_t at = strlen("arn:aws"); at < front.len; at++) {
        if (is_line_end(front, at))
            return false;
        /* the colon that ends ":kinesis:" may not begin the account */
        if (!service && starts_with(front, at, ":kinesis:")) {
            service = true;
            at += strlen(":kinesis:") - 1;
        } else if (service && account_at(front, at)) {
            account = true;
        }
    }
    return account;
}

/* arn:aws.*:kinesis:.*:\d{12}:.*stream/\S+
 *
 * As above: the first ":kinesis:" and the first account behind it leave most to ".*stream/", and
 * the last "stream/" leaves least to \S+. */
static bool match_resource_arn(struct slice text)
{
    const size_t service_bytes = strlen(":kinesis:"), account_bytes = strlen(":123456789012:"),
                 mark_bytes = strlen("stream/");
    size_t at = strlen("arn:aws"), mark = 0;

    if (!starts_with(text, 0, "arn:aws"))
        return false;
    while (at < text.len && !starts_with(text, at, ":kinesis:"))
        at++;
    for (at += service_bytes; at < text.len && !account_at(text, at);)
        at++;
    for (at += account_bytes; at < text.len; at++)
        if (starts_with(text, at, "stream/") && at + mark_bytes < text.len)
            mark = at;
    if (mark == 0)
        return false;

    for (size_t i = 0; i < mark; i++) {
        if (is_line_end(text, i))
            return false;
    }
    for (size_t i = mark + mark_bytes; i < text.len; i++) {
        if (is_space(text.data[i]))
            return false;
    }
    return true;
}

bool pattern_match(enum pattern pattern, struct slice text)
{
    switch (pattern) {
    case PATTERN_NAME:
        return text.len > 0 && all(text, is_name);
    case PATTERN_STREAM_ARN:
        return match_stream_arn(text);
    case PATTERN_RESOURCE_ARN:
        return match_resource_arn(text);
    case PATTERN_STREAM_ID:
        return match_stream_id(text);
    case PATTERN_CONSUMER_ARN:
        return match_consumer_arn(text);
    case PATTERN_SEQUENCE_NUMBER:
        return match_number(text, 128);
    case PATTERN_HASH_KEY:
        return match_number(text, 38);
    case PATTERN_ANY:
    case PATTERN_COUNT:
        break;
    }
    return true;
}

const char *pattern_text(enum pattern pattern)
{
    switch (pattern) {
    case PATTERN_NAME:
        return "[a-zA-Z0-9_.-]+";
    case PATTERN_STREAM_ARN:
        return "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+";
    case PATTERN_RESOURCE_ARN:
        return "arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+";
    case PATTERN_STREAM_ID:
        return "[a-z0-9]{20}-[a-z0-9]{3}";
    case PATTERN_CONSUMER_ARN:
        return "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer"
               "\\/[a-zA-Z0-9_.-]+:[0-9]+";
    case PATTERN_SEQUENCE_NUMBER:
        return "0|([1-9]\\d{0,128})";
    case PATTERN_HASH_KEY:
        return "0|([1-9]\\d{0,38})";
    case PATTERN_ANY:
    case PATTERN_COUNT:
        break;
    }
    return "";
}

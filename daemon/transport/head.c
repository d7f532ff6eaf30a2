/* A whole head: request line and headers, up to the empty line.
 *
 * h1.c has seen to it that each line ends with CR LF, that no line begins with
 * a blank and that there is no control character.  The rest is checked here,
 * then http-parser reads it and says what the headers mean.
 */
#include <http_parser.h>
#include <strings.h>

#include "base/ensure.h"
#include "transport/h1_private.h"

static bool request_line_check(struct h1 *h1);
static bool header_lines_check(struct h1 *h1);
static bool target_check(struct h1 *h1);
static bool refuse_errno(struct h1 *h1, enum http_errno number);
static bool facts_collect(struct h1 *h1, const http_parser *parser);
static bool framing_check(struct h1 *h1, const http_parser *parser);

static bool is_token_char(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

static bool begins_nocase(struct slice value, const char *text)
{
    size_t len = strlen(text);

    return value.len >= len && strncasecmp((const char *)value.data, text, len) == 0;
}

static bool equal_nocase(struct slice value, const char *text)
{
    return value.len == strlen(text) && begins_nocase(value, text);
}

static struct http_header *header_last(struct h1 *h1)
{
    ensure(h1->request.header_count > 0);
    /* The request shows them as constant; this is their maker. */
    return (struct http_header *)(uintptr_t)&h1->request.headers[h1->request.header_count - 1];
}

static int on_target(http_parser *parser, const char *at, size_t len)
{
    struct h1 *h1 = parser->data;

    h1->request.target = slice_of(at, len);
    return 0;
}

static int on_name(http_parser *parser, const char *at, size_t len)
{
    struct h1 *h1 = parser->data;

    if (h1->request.header_count + 1 >= h1->line_count)
        return 1; /* more names than lines: http-parser and we disagree */
    h1->request.header_count++;
    *header_last(h1) = (struct http_header){ .name = slice_of(at, len) };
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct http_header *header = header_last(parser->data);

    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    header->value = slice_of(at, len);
    return 0;
}

bool head_parse(struct h1 *h1)
{
    static const http_parser_settings settings = {
        .on_url = on_target, .on_header_field = on_name, .on_header_value = on_value
    };
    http_parser parser;

    if (!request_line_check(h1) || !header_lines_check(h1))
        return false;

    uint32_t count = h1->line_count - 1; /* the lines behind the first */
    if (count > HTTP_HEADERS_MAX)
        return h1_refuse(h1, 431, "too many headers");
    h1->request.headers = arena_take(&h1->arena, (count + 1) * sizeof(struct http_header));
    if (h1->request.headers == NULL)
        return h1_refuse(h1, 503, "out of memory");

    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = h1;
    size_t taken = http_parser_execute(&parser, &settings, (char *)h1->head, h1->head_len);
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK)
        return refuse_errno(h1, HTTP_PARSER_ERRNO(&parser));
    if (taken != h1->head_len || h1->request.header_count != count)
        return h1_refuse(h1, 400, "malformed request");
    return target_check(h1) && facts_collect(h1, &parser) && framing_check(h1, &parser);
}

/* METHOD SP target SP HTTP/1.x CR LF */
static bool request_line_check(struct h1 *h1)
{
    const unsigned char *at = h1->head;
    const unsigned char *end = memchr(at, '\r', h1->head_len);
    const unsigned char *from = at;

    while (at < end && is_token_char(*at))
        at++;
    h1->request.method = slice_of(from, (size_t)(at - from));
    if (at == from || at == end || *at != ' ')
        return h1_refuse(h1, 400, "malformed request line");
    from = ++at;
    while (at < end && *at > ' ' && *at < 0x7f)
        at++;
    if (at == from || at == end || *at != ' ')
        return h1_refuse(h1, 400, "malformed request line");

    struct slice version = slice_of(at + 1, (size_t)(end - at - 1));
    if (version.len != 8 || memcmp(version.data, "HTTP/", 5) != 0 || version.data[6] != '.')
        return h1_refuse(h1, 400, "malformed request line");
    if (version.data[5] != '1' || (version.data[7] != '0' && version.data[7] != '1'))
        return h1_refuse(h1, 505, "this port speaks HTTP/1.0 and HTTP/1.1");
    h1->request.major = 1;
    h1->request.minor = (uint8_t)(version.data[7] - '0');
    return true;
}

/* token ":" anything; the names to lower case, in place */
static bool header_lines_check(struct h1 *h1)
{
    unsigned char *at = memchr(h1->head, '\n', h1->head_len);
    unsigned char *end = h1->head + h1->head_len - 2; /* the empty line */

    for (at++; at < end; at++) {
        unsigned char *from = at;
        for (; is_token_char(*at); at++)
            if (*at >= 'A' && *at <= 'Z')
                *at |= 0x20;
        if (at == from || *at != ':')
            return h1_refuse(h1, 400, "malformed header");
        at = memchr(at, '\n', (size_t)(end - at));
        ensure(at != NULL); /* each line has its end */
    }
    return true;
}

static bool refuse_errno(struct h1 *h1, enum http_errno number)
{
    switch (number) {
    case HPE_INVALID_METHOD:
        return h1_refuse(h1, 501, "unknown method");
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return h1_refuse(h1, 400, "malformed, repeated or contradicted content-length");
    case HPE_INVALID_TRANSFER_ENCODING:
        return h1_refuse(h1, 400, "malformed transfer-encoding");
    case HPE_HEADER_OVERFLOW:
        return h1_refuse(h1, 431, "headers are too long");
    default:
        return h1_refuse(h1, 400, "malformed request");
    }
}

/* Sets path and query.  "/path?query", "*" for OPTIONS, or "http://host/path?query". */
static bool target_check(struct h1 *h1)
{
    struct http_request *request = &h1->request;
    struct slice rest = request->target;

    if (rest.data == NULL || memchr(rest.data, '#', rest.len) != NULL)
        return h1_refuse(h1, 400, "malformed target");
    size_t scheme = begins_nocase(rest, "http://")    ? 7
                    : begins_nocase(rest, "https://") ? 8
                                                      : 0;
    if (scheme > 0) {
        size_t skip = scheme;
        while (skip < rest.len && rest.data[skip] != '/' && rest.data[skip] != '?')
            skip++;
        if (skip == scheme)
            return h1_refuse(h1, 400, "malformed target");
        rest = slice_of(rest.data + skip, rest.len - skip);
    } else if (rest.data[0] != '/' &&
               !(slice_equal(rest, slice_text("*")) &&
                 slice_equal(request->method, slice_text("OPTIONS")))) {
        return h1_refuse(h1, 400, "malformed target");
    }
    http_request_split(request, rest);
    return true;
}

static bool facts_collect(struct h1 *h1, const http_parser *parser)
{
    struct http_request *request = &h1->request;
    uint32_t hosts = 0;

    request->verb = http_verb_of(request->method);
    request->keep_alive = http_should_keep_alive(parser) != 0;
    if (parser->method == HTTP_CONNECT)
        return h1_refuse(h1, 501, "this is no proxy");
    for (uint32_t at = 0; at < request->header_count; at++) {
        const struct http_header *header = &request->headers[at];
        if (equal_nocase(header->name, "host"))
            hosts++;
        if (equal_nocase(header->name, "expect")) {
            if (!equal_nocase(header->value, "100-continue"))
                return h1_refuse(h1, 417, "unknown expectation");
            h1->facts.expects_continue = request->minor > 0;
        }
    }
    if (hosts > 1 || (hosts == 0 && request->minor > 0))
        return h1_refuse(h1, 400, "exactly one host header is needed");
    return true;
}

/* How long is the body?  Two answers, or one that needs interpretation, are no answer. */
static bool framing_check(struct h1 *h1, const http_parser *parser)
{
    const struct http_request *request = &h1->request;
    uint32_t lengths = 0, codings = 0;

    for (uint32_t at = 0; at < request->header_count; at++) {
        struct slice value = request->headers[at].value;
        if (equal_nocase(request->headers[at].name, "transfer-encoding")) {
            codings++;
            if (!equal_nocase(value, "chunked"))
                return h1_refuse(h1, 501, "unknown transfer-encoding");
        } else if (equal_nocase(request->headers[at].name, "content-length")) {
            lengths++;
            for (size_t digit = 0; digit < value.len; digit++)
                if (value.data[digit] < '0' || value.data[digit] > '9')
                    return h1_refuse(h1, 400, "malformed content-length");
            if (value.len == 0)
                return h1_refuse(h1, 400, "malformed content-length");
        }
    }
    if (lengths > 1 || codings > 1 || lengths + codings > 1)
        return h1_refuse(h1, 400, "the body's length is given twice");
    if (codings > 0 && request->minor == 0)
        return h1_refuse(h1, 400, "transfer-encoding in HTTP/1.0");
    h1->facts.chunked = codings > 0;
    h1->facts.content_length = lengths > 0 ? parser->content_length : 0;
    if (h1->facts.content_length > h1->options.body_bytes_max)
        return h1_refuse(h1, 413, "body is too long");
    return true;
}

#include "transport/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/ensure.h"
#include "base/limits.h"

/* The status line and our own headers need no more. */
#define OWN_BYTES_MAX 256u

static const char *phrase(int status);
static void put(struct buf *head, struct slice bytes);
static void put_text(struct buf *head, const char *format, ...) PRINTF_LIKE(2, 3);

const char *reply_date(struct reply_date *date, uint64_t wall_ms)
{
    /* strftime() would say it in the language of the locale. */
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint64_t second = wall_ms / 1000;
    time_t time = (time_t)second;
    struct tm tm;

    if (date->text[0] != '\0' && date->second == second)
        return date->text;
    if (gmtime_r(&time, &tm) == NULL || tm.tm_year > 8099)
        tm = (struct tm){ .tm_year = 70, .tm_mday = 1, .tm_wday = 4 };
    snprintf(date->text, sizeof(date->text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             days + 3 * tm.tm_wday, tm.tm_mday % 100, months + 3 * tm.tm_mon,
             (1900 + tm.tm_year) % 10000, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
    date->second = second;
    return date->text;
}

static bool is_name(struct slice name)
{
    for (size_t at = 0; at < name.len; at++)
        if (name.data[at] <= ' ' || name.data[at] >= 0x7f || name.data[at] == ':')
            return false;
    return name.len > 0;
}

static bool is_value(struct slice value)
{
    for (size_t at = 0; at < value.len; at++)
        if ((value.data[at] < ' ' && value.data[at] != '\t') || value.data[at] == 0x7f)
            return false;
    return true;
}

static bool is_ours(struct slice name)
{
    static const char *const ours[] = { "date", "content-length", "connection",
                                        "transfer-encoding" };

    for (size_t at = 0; at < sizeof(ours) / sizeof(ours[0]); at++)
        if (name.len == strlen(ours[at]) &&
            strncasecmp((const char *)name.data, ours[at], name.len) == 0)
            return true;
    return false;
}

bool reply_is_sane(const struct http_reply *reply)
{
    size_t bytes = OWN_BYTES_MAX;

    for (uint32_t at = 0; at < reply->header_count; at++) {
        const struct http_header *header = &reply->headers[at];
        if (!is_name(header->name) || !is_value(header->value) || is_ours(header->name))
            return false;
        bytes += header->name.len + header->value.len + 4;
    }
    return reply->status >= 200 && reply->status <= 599 && bytes <= HTTP_REPLY_HEAD_BYTES_MAX;
}

struct buf *reply_head(const struct http_reply *reply, const struct reply_manner *manner)
{
    size_t room = OWN_BYTES_MAX;

    for (uint32_t at = 0; at < reply->header_count; at++)
        room += reply->headers[at].name.len + reply->headers[at].value.len + 4;

    struct buf *head = buf_new(room);
    if (head == NULL)
        return NULL;
    head->len = 0; /* grows as it is written; the room is known to suffice */
    put_text(head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", reply->status, phrase(reply->status),
             manner->date);
    if (manner->in_pieces && manner->minor > 0)
        put(head, slice_text("Transfer-Encoding: chunked\r\n"));
    else if (!manner->in_pieces && reply->status != 204 && reply->status != 304)
        put_text(head, "Content-Length: %zu\r\n", manner->body_len);
    for (uint32_t at = 0; at < reply->header_count; at++) {
        put(head, reply->headers[at].name);
        put(head, slice_text(": "));
        put(head, reply->headers[at].value);
        put(head, slice_text("\r\n"));
    }
    if (!manner->keep_alive)
        put(head, slice_text("Connection: close\r\n"));
    else if (manner->minor == 0)
        put(head, slice_text("Connection: keep-alive\r\n"));
    put(head, slice_text("\r\n"));
    ensure(head->len <= room);
    return head;
}

static void put(struct buf *head, struct slice bytes)
{
    if (bytes.len > 0)
        memcpy(head->data + head->len, bytes.data, bytes.len);
    head->len += bytes.len;
}

static void put_text(struct buf *head, const char *format, ...)
{
    char text[OWN_BYTES_MAX];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ensure(len >= 0 && (size_t)len < sizeof(text));
    put(head, slice_of(text, (size_t)len));
}

static const char *phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        { 200, "OK" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 413, "Payload Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t at = 0; at < sizeof(phrases) / sizeof(phrases[0]); at++)
        if (phrases[at].status == status)
            return phrases[at].phrase;
    return status < 300 ? "OK" : status < 400 ? "Redirect" : status < 500 ? "Refused" : "Failed";
}

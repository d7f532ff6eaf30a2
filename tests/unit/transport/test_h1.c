/* The HTTP/1 engine over raw bytes: whole, and byte by byte, with the same result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "transport/h1.h"
#include "transport/h1_private.h"

#define HOST "Host: a\r\n"
#define BODY_MAX 1000

struct raw_case {
    const char *what;
    const char *bytes;
    int status;       /* of the refusal; 0: whole; -1: more is needed */
    const char *body; /* of a whole one; NULL: empty */
};

static const struct raw_case cases[] = {
    { "a plain request", "GET / HTTP/1.1\r\n" HOST "\r\n", 0, NULL },
    { "a request with a body", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 0,
      "hello" },
    { "HTTP/1.0 needs no host", "GET / HTTP/1.0\r\n\r\n", 0, NULL },
    { "one empty line before it", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0, NULL },
    { "absolute form", "GET http://a/x?y HTTP/1.1\r\n" HOST "\r\n", 0, NULL },
    { "OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, NULL },
    { "a header without a value", "GET / HTTP/1.1\r\n" HOST "X:\r\n\r\n", 0, NULL },
    { "a value of blanks", "GET / HTTP/1.1\r\n" HOST "X: \t \r\n\r\n", 0, NULL },
    { "bytes over 127 in a value", "GET / HTTP/1.1\r\n" HOST "X: \xc3\xa4\r\n\r\n", 0, NULL },
    { "a chunked body",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0,
      "hello" },
    { "two chunks, hex in both cases",
      "POST / HTTP/1.1\r\n" HOST
      "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\nb\r\nabcdefghijk\r\n0\r\n\r\n",
      0, "0123456789abcdefghijk" },
    { "chunked in capitals",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n", 0, "x" },
    { "an empty chunked body",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, NULL },
    { "a chunk extension",
      "POST / HTTP/1.1\r\n" HOST
      "Transfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\nx\r\n0;z\r\n\r\n",
      0, "x" },
    { "leading zeros of a chunk size",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0001\r\nx\r\n000\r\n\r\n", 0,
      "x" },
    { "trailers",
      "POST / HTTP/1.1\r\n" HOST
      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n",
      0, "x" },
    { "expect 100-continue",
      "PUT / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", 0, "x" },
    { "a body of the maximum's length is not refused at its head",
      "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n", -1, NULL },
    { "half a request line", "GET / HT", -1, NULL },
    { "a head without its end", "GET / HTTP/1.1\r\n" HOST, -1, NULL },
    { "half a body", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel", -1, NULL },
    { "half a chunk",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", -1, NULL },
    { "chunks without their end",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", -1, NULL },

    /* Two lengths */
    { "length and coding",
      "POST / HTTP/1.1\r\n" HOST
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400, NULL },
    { "coding and length",
      "POST / HTTP/1.1\r\n" HOST
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      400, NULL },
    { "two lengths that differ",
      "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, NULL },
    { "two equal lengths",
      "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, NULL },
    { "a list of lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello", 400,
      NULL },
    { "a negative length", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, NULL },
    { "a length with a plus", "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello", 400,
      NULL },
    { "a length in hex", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello", 400, NULL },
    { "an empty length", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, NULL },
    { "a length of two words", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n", 400,
      NULL },
    { "a length over 64 bits",
      "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551621\r\n\r\nhello", 400, NULL },
    { "a length over the maximum", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n", 413,
      NULL },
    { "a chunk over the maximum",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", -1, NULL },
    { "gzip, chunked",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, NULL },
    { "chunked, identity",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n", 400, NULL },
    { "identity", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 400, NULL },
    { "chunked in quotes", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n",
      400, NULL },
    { "an xchunked coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 400,
      NULL },
    { "chunked twice",
      "POST / HTTP/1.1\r\n" HOST
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400, NULL },
    { "chunked in HTTP/1.0",
      "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL },

    /* The chunked coding */
    { "a chunk size that is none",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, NULL },
    { "no chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n\r\n", 400,
      NULL },
    { "a chunk size with a sign",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n", 400, NULL },
    { "a chunk size with 0x",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n", 400, NULL },
    { "a blank before a chunk size",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n 1\r\nx\r\n", 400, NULL },
    { "a chunk size over 64 bits",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n",
      400, NULL },
    { "a bare LF behind a chunk size",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400, NULL },
    { "another byte behind a chunk size's CR",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\rXx\r\n0\r\n\r\n", 400,
      NULL },
    { "a chunk longer than its size",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400,
      NULL },
    { "another byte for a chunk's CR",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nxX\n0\r\n\r\n", 400,
      NULL },
    { "a bare LF behind a chunk",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n", 400, NULL },
    { "a bare LF in an extension",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a\nx\r\n0\r\n\r\n", 400,
      NULL },
    { "a bare LF in the trailers",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n", 400, NULL },
    { "a folded trailer",
      "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", 400,
      NULL },

    /* Lines */
    { "bare LFs", "GET / HTTP/1.1\nHost: a\n\n", 400, NULL },
    { "a bare LF in the headers", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, NULL },
    { "a bare LF as the head's end", "GET / HTTP/1.1\r\n" HOST "\n", 400, NULL },
    { "a bare CR in a value", "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400, NULL },
    { "a folded header", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400, NULL },
    { "a header folded with a tab", "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", 400, NULL },
    { "a blank before the first header", "GET / HTTP/1.1\r\n " HOST "\r\n", 400, NULL },
    { "a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, NULL },
    { "a tab before the colon",
      "POST / HTTP/1.1\r\n" HOST "Content-Length\t: 5\r\n\r\nhello", 400, NULL },
    { "a header without a colon", "GET / HTTP/1.1\r\n" HOST "nonsense\r\n\r\n", 400, NULL },
    { "a header without a name", "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", 400, NULL },
    { "a bracket in a name", "GET / HTTP/1.1\r\n" HOST "X(y): a\r\n\r\n", 400, NULL },
    { "a byte over 127 in a name", "GET / HTTP/1.1\r\n" HOST "X\xe4: a\r\n\r\n", 400, NULL },
    { "a control character in a value", "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", 400, NULL },
    { "a DEL in a value", "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n", 400, NULL },
    { "two empty lines before it", "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "a LF before it", "\nGET / HTTP/1.1\r\n" HOST "\r\n", 400, NULL },

    /* The request line */
    { "no version", "GET /\r\n" HOST "\r\n", 400, NULL },
    { "no target", "GET HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "an empty target", "GET  HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "two blanks before the version", "GET /  HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "a tab for a blank", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "a blank behind the version", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400, NULL },
    { "a blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "a byte over 127 in the target", "GET /\xe4 HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "a fragment in the target", "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "a target without a slash", "GET a HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "GET *", "GET * HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "an absolute form without a host", "GET http:///x HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "another scheme", "GET ftp://a/x HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505, NULL },
    { "HTTP/0.9", "GET / HTTP/0.9\r\n" HOST "\r\n", 505, NULL },
    { "HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 505, NULL },
    { "HTTP/1.10", "GET / HTTP/1.10\r\n" HOST "\r\n", 400, NULL },
    { "http in small letters", "GET / http/1.1\r\n" HOST "\r\n", 400, NULL },
    { "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, NULL },
    { "a TLS greeting", "\x16\x03\x01\x02\x01", 400, NULL },
    { "a method that nobody knows", "BREW / HTTP/1.1\r\n" HOST "\r\n", 501, NULL },
    { "a method in small letters", "get / HTTP/1.1\r\n" HOST "\r\n", 501, NULL },
    { "a bracket in the method", "G(T / HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
    { "CONNECT", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 400, NULL },

    /* Headers that have a meaning */
    { "no host", "GET / HTTP/1.1\r\n\r\n", 400, NULL },
    { "two hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, NULL },
    { "another expectation", "POST / HTTP/1.1\r\n" HOST "Expect: magic\r\n\r\n", 417, NULL },
    { "an upgrade is overlooked",
      "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0, NULL },
};

static const struct h1_options options = { .body_bytes_max = BODY_MAX,
                                           .arena_bytes_max = 1u << 20 };

/* Feeds at most `step` bytes at once and answers how many were taken. */
static size_t feed(struct h1 *h1, const char *bytes, size_t len, size_t step)
{
    size_t at = 0;

    while (at < len && (h1_state(h1) == H1_HEAD || h1_state(h1) == H1_BODY)) {
        size_t some = len - at < step ? len - at : step;
        size_t taken = h1_feed(h1, slice_of(bytes + at, some));
        assert_true(taken == some || h1_state(h1) == H1_WHOLE || h1_state(h1) == H1_REFUSED);
        at += taken;
    }
    return at;
}

static void check_case(const struct raw_case *row, size_t step)
{
    struct h1 *h1 = h1_new(&options, NULL);
    const char *sentence = "";
    int status;

    feed(h1, row->bytes, strlen(row->bytes), step);
    status = h1_state(h1) == H1_WHOLE     ? 0
             : h1_state(h1) == H1_REFUSED ? h1_refusal(h1, &sentence)
                                          : -1;
    if (status != row->status)
        fail_msg("%s: %d %s, not %d (steps of %zu)", row->what, status, sentence, row->status,
                 step);
    if (status > 0)
        assert_true(strlen(sentence) > 5);
    if (status == 0) {
        struct http_request *request = h1_request(h1);
        assert_true(slice_equal(request->body, slice_text(row->body != NULL ? row->body : "")));
        for (size_t at = 0; at < HTTP_BODY_PADDING; at++)
            assert_int_equal(request->body.data[request->body.len + at], 0);
    }
    h1_free(h1);
}

static void odd_and_hostile_requests_are_judged_as_the_table_says(void **state)
{
    assert_true(sizeof(cases) / sizeof(cases[0]) >= 60);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++)
        check_case(&cases[at], SIZE_MAX);
}

static void how_the_bytes_are_cut_makes_no_difference(void **state)
{
    for (size_t step = 1; step <= 7; step++)
        for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++)
            check_case(&cases[at], step);
}

static void a_nul_in_the_head_is_refused(void **state)
{
    static const char bytes[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
    struct h1 *h1 = h1_new(&options, NULL);
    const char *sentence;

    feed(h1, bytes, sizeof(bytes) - 1, SIZE_MAX);
    assert_int_equal(h1_state(h1), H1_REFUSED);
    assert_int_equal(h1_refusal(h1, &sentence), 400);
    h1_free(h1);
}

static void a_request_shows_its_parts(void **state)
{
    static const char bytes[] = "POST /a/b?c=d&e HTTP/1.1\r\nHOST: example\r\n"
                                "X-Amz-Target:  Kinesis_20131202.PutRecord \t\r\n"
                                "Content-Length: 2\r\n\r\n{}";
    struct h1 *h1 = h1_new(&options, NULL);

    assert_int_equal(feed(h1, bytes, sizeof(bytes) - 1, SIZE_MAX), sizeof(bytes) - 1);
    struct http_request *request = h1_request(h1);
    assert_int_equal(request->verb, HTTP_VERB_POST);
    assert_true(slice_equal(request->method, slice_text("POST")));
    assert_true(slice_equal(request->target, slice_text("/a/b?c=d&e")));
    assert_true(slice_equal(request->path, slice_text("/a/b")));
    assert_true(slice_equal(request->query, slice_text("c=d&e")));
    assert_int_equal(request->header_count, 3);
    assert_true(slice_equal(request->headers[0].name, slice_text("host")));
    assert_true(slice_equal(http_request_header(request, "x-amz-target")->value,
                            slice_text("Kinesis_20131202.PutRecord")));
    assert_null(http_request_header(request, "x-amz"));
    assert_true(request->keep_alive);
    assert_true(arena_take(request->arena, 100) != NULL);

    struct buf *part = buf_part(request->body_buf, request->body);
    h1_next(h1);
    assert_memory_equal(part->data, "{}", 2); /* outlives the request */
    buf_unref(part);
    h1_free(h1);
}

static void the_absolute_form_is_cut_to_its_path(void **state)
{
    static const char *const rows[][3] = {
        { "http://a:80/x?y", "/x", "y" },
        { "HTTP://a", "/", "" },
        { "https://a?y", "/", "y" },
    };

    for (size_t at = 0; at < 3; at++) {
        struct h1 *h1 = h1_new(&options, NULL);
        char bytes[128];
        int len = snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\n" HOST "\r\n", rows[at][0]);
        feed(h1, bytes, (size_t)len, SIZE_MAX);
        struct http_request *request = h1_request(h1);
        assert_true(slice_equal(request->path, slice_text(rows[at][1])));
        assert_true(slice_equal(request->query, slice_text(rows[at][2])));
        h1_free(h1);
    }
}

static void keep_alive_follows_version_and_header(void **state)
{
    static const struct {
        const char *version, *header;
        bool keep_alive;
    } rows[] = {
        { "1.1", "", true },
        { "1.1", "Connection: close\r\n", false },
        { "1.1", "Connection: x, Close\r\n", false },
        { "1.0", "", false },
        { "1.0", "Connection: keep-alive\r\n", true },
    };

    for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
        struct h1 *h1 = h1_new(&options, NULL);
        char bytes[128];
        int len = snprintf(bytes, sizeof(bytes), "GET / HTTP/%s\r\n" HOST "%s\r\n",
                           rows[at].version, rows[at].header);
        feed(h1, bytes, (size_t)len, SIZE_MAX);
        assert_int_equal(h1_request(h1)->keep_alive, rows[at].keep_alive);
        h1_free(h1);
    }
}

static void what_is_pipelined_behind_a_request_is_not_taken(void **state)
{
    static const char bytes[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nxGET /next";
    struct h1 *h1 = h1_new(&options, NULL);

    assert_int_equal(h1_feed(h1, slice_of(bytes, sizeof(bytes) - 1)), sizeof(bytes) - 1 - 9);
    assert_int_equal(h1_state(h1), H1_WHOLE);
    h1_next(h1);
    assert_int_equal(h1_state(h1), H1_HEAD);
    assert_false(h1_begun(h1));
    h1_free(h1);
}

static int refusal_of(struct h1 *h1)
{
    const char *sentence;

    assert_int_equal(h1_state(h1), H1_REFUSED);
    return h1_refusal(h1, &sentence);
}

static void heads_are_bounded(void **state)
{
    static char bytes[2 * HTTP_HEAD_BYTES_MAX];
    struct h1 *h1 = h1_new(&options, NULL);

    memset(bytes, 'a', sizeof(bytes));
    memcpy(bytes, "GET /", 5);
    feed(h1, bytes, sizeof(bytes), 100);
    assert_int_equal(refusal_of(h1), 414);

    h1_next(h1);
    memcpy(bytes, "GET / HTTP/1.1\r\nX: ", 19);
    feed(h1, bytes, sizeof(bytes), SIZE_MAX);
    assert_int_equal(refusal_of(h1), 431);

    /* One that fits to the byte */
    h1_next(h1);
    memcpy(bytes, "GET / HTTP/1.0\r\nX: ", 19);
    memcpy(bytes + HTTP_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
    feed(h1, bytes, HTTP_HEAD_BYTES_MAX, 1000);
    assert_int_equal(h1_state(h1), H1_WHOLE);
    h1_free(h1);
}

static void the_number_of_headers_is_bounded(void **state)
{
    static char bytes[HTTP_HEAD_BYTES_MAX];

    for (unsigned count = HTTP_HEADERS_MAX; count <= HTTP_HEADERS_MAX + 1; count++) {
        struct h1 *h1 = h1_new(&options, NULL);
        size_t len = (size_t)snprintf(bytes, sizeof(bytes), "GET / HTTP/1.0\r\n");
        for (unsigned at = 0; at < count; at++)
            len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "x%u: y\r\n", at);
        memcpy(bytes + len, "\r\n", 2);
        feed(h1, bytes, len + 2, SIZE_MAX);
        if (count == HTTP_HEADERS_MAX)
            assert_int_equal(h1_request(h1)->header_count, count);
        else
            assert_int_equal(refusal_of(h1), 431);
        h1_free(h1);
    }
}

static void chunk_lines_trailers_and_sums_are_bounded(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
    static char bytes[2 * HTTP_TRAILER_BYTES_MAX];
    struct h1 *h1 = h1_new(&options, NULL);

    memset(bytes, 'a', sizeof(bytes));
    feed(h1, head, sizeof(head) - 1, SIZE_MAX);
    memcpy(bytes, "1;", 2);
    feed(h1, bytes, HTTP_CHUNK_LINE_BYTES_MAX + 2, SIZE_MAX);
    assert_int_equal(refusal_of(h1), 400);

    h1_next(h1);
    feed(h1, head, sizeof(head) - 1, SIZE_MAX);
    memcpy(bytes, "0\r\nA:", 5);
    feed(h1, bytes, sizeof(bytes), SIZE_MAX);
    assert_int_equal(refusal_of(h1), 400);

    h1_next(h1);
    feed(h1, head, sizeof(head) - 1, SIZE_MAX);
    for (int at = 0; at <= BODY_MAX && h1_state(h1) == H1_BODY; at++) {
        assert_true(h1_body_bytes(h1) <= BODY_MAX);
        feed(h1, "1\r\nx\r\n", 6, SIZE_MAX);
    }
    assert_int_equal(refusal_of(h1), 413);
    h1_free(h1);
}

static void a_large_body_arrives_as_it_was_sent(void **state)
{
    struct h1_options large = { .body_bytes_max = 4u << 20, .arena_bytes_max = 1u << 20 };
    struct h1 *h1 = h1_new(&large, NULL);
    size_t len = 3u << 20;
    unsigned char *body = malloc(len);
    char head[128];

    for (size_t at = 0; at < len; at++)
        body[at] = (unsigned char)(at * 7 + at / 251);
    int head_len = snprintf(head, sizeof(head),
                            "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", len);
    feed(h1, head, (size_t)head_len, SIZE_MAX);
    feed(h1, (char *)body, len, 65536);
    assert_true(slice_equal(h1_request(h1)->body, slice_of(body, len)));
    for (size_t at = 0; at < HTTP_BODY_PADDING; at++)
        assert_int_equal(h1_request(h1)->body.data[len + at], 0);
    free(body);
    h1_free(h1);
}

static void bodies_of_all_requests_have_a_budget(void **state)
{
    struct budget budget = { .most = 150 };
    struct h1 *first = h1_new(&options, &budget);
    struct h1 *second = h1_new(&options, &budget);
    static const char bytes[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nx";

    feed(first, bytes, sizeof(bytes) - 1, SIZE_MAX);
    assert_int_equal(h1_state(first), H1_BODY);
    assert_int_equal(budget.used, 100);
    feed(second, bytes, sizeof(bytes) - 1, SIZE_MAX);
    assert_int_equal(refusal_of(second), 503);
    h1_next(first);
    assert_int_equal(budget.used, 0);
    h1_next(second);
    feed(second, bytes, sizeof(bytes) - 1, SIZE_MAX);
    assert_int_equal(h1_state(second), H1_BODY);
    h1_free(first);
    h1_free(second);
    assert_int_equal(budget.used, 0);
}

static void who_waits_for_100_continue_is_told_once(void **state)
{
    static const char head[] =
        "PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    struct h1 *h1 = h1_new(&options, NULL);

    assert_false(h1_expects_continue(h1));
    feed(h1, head, sizeof(head) - 1, SIZE_MAX);
    assert_true(h1_expects_continue(h1));
    assert_false(h1_expects_continue(h1));
    h1_next(h1);
    feed(h1, head, sizeof(head) - 1, SIZE_MAX);
    feed(h1, "x", 1, SIZE_MAX);
    assert_false(h1_expects_continue(h1)); /* it did not wait */
    h1_free(h1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_and_hostile_requests_are_judged_as_the_table_says),
        cmocka_unit_test(how_the_bytes_are_cut_makes_no_difference),
        cmocka_unit_test(a_nul_in_the_head_is_refused),
        cmocka_unit_test(a_request_shows_its_parts),
        cmocka_unit_test(the_absolute_form_is_cut_to_its_path),
        cmocka_unit_test(keep_alive_follows_version_and_header),
        cmocka_unit_test(what_is_pipelined_behind_a_request_is_not_taken),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(the_number_of_headers_is_bounded),
        cmocka_unit_test(chunk_lines_trailers_and_sums_are_bounded),
        cmocka_unit_test(a_large_body_arrives_as_it_was_sent),
        cmocka_unit_test(bodies_of_all_requests_have_a_budget),
        cmocka_unit_test(who_waits_for_100_continue_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

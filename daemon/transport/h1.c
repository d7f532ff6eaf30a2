#include "transport/h1.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "transport/h1_private.h"

/* Most heads fit; a longer one moves to a place of HTTP_HEAD_BYTES_MAX. */
#define HEAD_ROOM_AT_FIRST 2048u

static size_t take_head(struct h1 *h1, struct slice bytes);
static bool head_byte(struct h1 *h1, unsigned char byte);
static bool head_room(struct h1 *h1);
static void head_ends(struct h1 *h1);
static size_t take_body(struct h1 *h1, struct slice bytes);
static bool take_data(struct h1 *h1, struct slice data);
static void whole(struct h1 *h1);

struct h1 *h1_new(const struct h1_options *options, struct budget *budget)
{
    struct h1 *h1 = calloc(1, sizeof(*h1));

    if (h1 == NULL)
        return NULL;
    h1->options = *options;
    h1->budget = budget;
    arena_init(&h1->arena, options->arena_bytes_max);
    return h1;
}

void h1_free(struct h1 *h1)
{
    if (h1 == NULL)
        return;
    body_drop(&h1->body, h1->budget);
    arena_fini(&h1->arena);
    free(h1);
}

void h1_drop_body(struct h1 *h1)
{
    body_drop(&h1->body, h1->budget);
}

void h1_next(struct h1 *h1)
{
    struct h1_options options = h1->options;
    struct budget *budget = h1->budget;

    body_drop(&h1->body, h1->budget);
    arena_fini(&h1->arena);
    *h1 = (struct h1){ .options = options, .budget = budget };
    arena_init(&h1->arena, options.arena_bytes_max);
}

enum h1_state h1_state(const struct h1 *h1)
{
    return h1->state;
}

bool h1_begun(const struct h1 *h1)
{
    return h1->begun;
}

bool h1_expects_continue(struct h1 *h1)
{
    bool expects = h1->state == H1_BODY && h1->facts.expects_continue && h1->body.len == 0;

    h1->facts.expects_continue = false;
    return expects;
}

size_t h1_body_bytes(const struct h1 *h1)
{
    return h1->body.len;
}

struct http_request *h1_request(struct h1 *h1)
{
    ensure(h1->state == H1_WHOLE);
    return &h1->request;
}

int h1_refusal(const struct h1 *h1, const char **sentence)
{
    ensure(h1->state == H1_REFUSED);
    *sentence = h1->sentence;
    return h1->status;
}

bool h1_refuse(struct h1 *h1, int status, const char *sentence)
{
    h1->state = H1_REFUSED;
    h1->status = status;
    h1->sentence = sentence;
    return false;
}

size_t h1_feed(struct h1 *h1, struct slice bytes)
{
    size_t taken = 0;

    ensure(h1->state == H1_HEAD || h1->state == H1_BODY);
    if (h1->state == H1_HEAD)
        taken = take_head(h1, bytes);
    if (h1->state == H1_BODY)
        taken += take_body(h1, slice_of(bytes.data + taken, bytes.len - taken));
    return taken;
}

/* ---- the head ---- */

static size_t take_head(struct h1 *h1, struct slice bytes)
{
    size_t at = 0;

    while (at < bytes.len && h1->state == H1_HEAD)
        if (!head_byte(h1, bytes.data[at++]))
            break;
    return at;
}

/* What can be refused is refused at once: an attacker shall not be able to hold a connection
 * with a head that can never become a request. */
static bool head_byte(struct h1 *h1, unsigned char byte)
{
    unsigned char last = h1->last;

    h1->begun = true;
    h1->last = byte;
    if ((byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f)
        return h1_refuse(h1, 400, "control character in the head");
    if ((byte == '\n') != (last == '\r'))
        return h1_refuse(h1, 400, "a line of the head does not end with CR LF");
    if (h1->line_count == 0 && h1->line_len == 0 && (byte == '\r' || byte == '\n')) {
        /* RFC 9112, 2.2: an empty line before the request is to be overlooked. */
        h1->empty_lines += byte == '\n';
        return h1->empty_lines <= 1 || h1_refuse(h1, 400, "empty lines before the request");
    }
    if (h1->line_len == 0 && (byte == ' ' || byte == '\t'))
        return h1_refuse(h1, 400, "a line of the head begins with a blank");
    if (!head_room(h1))
        return false;
    h1->head[h1->head_len++] = byte;
    if (byte != '\r' && byte != '\n') {
        h1->line_len++;
    } else if (byte == '\n') {
        if (h1->line_len == 0)
            head_ends(h1);
        else
            h1->line_count++;
        h1->line_len = 0;
    }
    return true;
}

static bool head_room(struct h1 *h1)
{
    if (h1->head_len < h1->head_room)
        return true;
    if (h1->head_room == HTTP_HEAD_BYTES_MAX)
        return h1->line_count == 0 ? h1_refuse(h1, 414, "the request line is too long")
                                   : h1_refuse(h1, 431, "headers are too long");

    size_t room = h1->head_room == 0 ? HEAD_ROOM_AT_FIRST : HTTP_HEAD_BYTES_MAX;
    unsigned char *head = arena_raw(&h1->arena, room);
    if (head == NULL)
        return h1_refuse(h1, 503, "out of memory");
    if (h1->head_len > 0)
        memcpy(head, h1->head, h1->head_len);
    h1->head = head;
    h1->head_room = room;
    return true;
}

static void head_ends(struct h1 *h1)
{
    if (!head_parse(h1))
        return;
    h1->state = H1_BODY;
    if (!h1->facts.chunked && h1->facts.content_length == 0)
        whole(h1);
}

/* ---- the body ---- */

static size_t take_body(struct h1 *h1, struct slice bytes)
{
    size_t len = bytes.len;
    const char *sentence;
    struct slice data;

    if (!h1->facts.chunked) {
        size_t want = (size_t)h1->facts.content_length - h1->body.len;
        size_t taken = len < want ? len : want;
        if (taken > 0 && take_data(h1, slice_of(bytes.data, taken)) && taken == want)
            whole(h1);
        return taken;
    }
    while (bytes.len > 0 && h1->state == H1_BODY) {
        if (!chunk_take(&h1->chunk, &bytes, &data, &sentence))
            h1_refuse(h1, 400, sentence);
        else if (data.len > 0)
            take_data(h1, data);
        if (h1->chunk.state == CHUNK_DONE)
            whole(h1);
    }
    return len - bytes.len;
}

static bool take_data(struct h1 *h1, struct slice data)
{
    size_t most = h1->facts.chunked ? h1->options.body_bytes_max : (size_t)h1->facts.content_length;
    const char *sentence = NULL;
    int status = body_add(&h1->body, h1->budget, most, data, &sentence);

    return status == 0 || h1_refuse(h1, status, sentence);
}

static void whole(struct h1 *h1)
{
    struct http_request *request = &h1->request;

    body_show(&h1->body, request);
    request->arena = &h1->arena;
    request->peer = "";
    h1->state = H1_WHOLE;
}

#include "transport/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "transport/slow_reader.h"

static void read_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void read_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);
static void write_on_done(uv_write_t *write, int status);
static void parts_drop(struct conn *conn);
static void deadline_on_time(struct timer *timer);
static bool close_begin(struct conn *conn);
static void close_on_closed(uv_handle_t *handle);
static void peer_name(struct conn *conn, struct sockaddr_storage *place);

enum err conn_init(struct conn *conn, struct uv_loop_s *loop, struct conn_shared *shared)
{
    *conn = (struct conn){ .shared = shared };
    if (uv_tcp_init(loop, &conn->tcp) != 0)
        return ERR_NO_MEMORY;
    conn->tcp.data = conn->write.data = conn->shutdown.data = conn;
    return ERR_OK;
}

enum err conn_start(struct conn *conn, struct sockaddr_storage *place)
{
    uv_tcp_nodelay(&conn->tcp, 1);
    peer_name(conn, place);
    conn_resume(conn);
    return conn->reading ? ERR_OK : ERR_IO;
}

static void peer_name(struct conn *conn, struct sockaddr_storage *place)
{
    int len = sizeof(*place);
    char host[46] = "?";

    memset(place, 0, sizeof(*place));
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)place, &len) != 0)
        return; /* gone again; the read will say so */
    bool six = place->ss_family == AF_INET6;
    if (six)
        uv_ip6_name((struct sockaddr_in6 *)place, host, sizeof(host));
    else
        uv_ip4_name((struct sockaddr_in *)place, host, sizeof(host));
    snprintf(conn->peer, sizeof(conn->peer), six ? "[%s]:%u" : "%s:%u", host,
             ntohs(((struct sockaddr_in *)place)->sin_port));
}

/* ---- reading ---- */

void conn_pause(struct conn *conn)
{
    if (!conn->reading)
        return;
    conn->reading = false;
    uv_read_stop((uv_stream_t *)&conn->tcp);
}

void conn_resume(struct conn *conn)
{
    if (conn->reading || conn->closing || conn->half)
        return;
    conn->reading =
        uv_read_start((uv_stream_t *)&conn->tcp, read_on_alloc, read_on_bytes) == 0;
}

static void read_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *conn = handle->data;

    *buf = uv_buf_init((char *)conn->shared->scratch, (unsigned)conn->shared->scratch_bytes);
}

static void read_on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct conn *conn = stream->data;

    if (len == 0 || conn->closing)
        return;
    if (len == UV_EOF) {
        conn_pause(conn);
        conn->half = true;
        conn->shared->events->on_half(conn);
    } else if (len < 0) {
        conn_pause(conn);
        conn->half = true;
        conn->shared->events->on_end(conn, ERR_IO);
    } else {
        *conn->shared->bytes_in += (uint64_t)len;
        conn->shared->events->on_bytes(conn, slice_of(buf->base, (size_t)len));
    }
}

/* ---- writing ---- */

enum err conn_write(struct conn *conn, struct buf *const parts[], uint32_t part_count)
{
    ensure(!conn->writing && !conn->closing && part_count > 0);

    uv_buf_t *bufs = calloc(part_count, sizeof(*bufs));
    conn->parts = calloc(part_count, sizeof(struct buf *));
    if (bufs == NULL || conn->parts == NULL) {
        free(bufs);
        parts_drop(conn);
        return ERR_NO_MEMORY;
    }
    for (uint32_t at = 0; at < part_count; at++) {
        conn->parts[at] = buf_ref(parts[at]);
        bufs[at] = uv_buf_init((char *)parts[at]->data, (unsigned)parts[at]->len);
    }
    conn->part_count = part_count;
    int status =
        uv_write(&conn->write, (uv_stream_t *)&conn->tcp, bufs, part_count, write_on_done);
    free(bufs); /* libuv has its own copy of the list */
    if (status != 0) {
        parts_drop(conn);
        return ERR_IO;
    }
    conn->writing = true;
    slow_reader_written(conn);
    return ERR_OK;
}

static void write_on_done(uv_write_t *write, int status)
{
    struct conn *conn = write->data;

    for (uint32_t at = 0; status == 0 && at < conn->part_count; at++)
        *conn->shared->bytes_out += conn->parts[at]->len;
    conn->writing = false;
    slow_reader_sent(conn);
    parts_drop(conn);
    if (conn->closing)
        return;
    if (status != 0)
        conn->shared->events->on_end(conn, ERR_IO);
    else
        conn->shared->events->on_sent(conn);
}

static void parts_drop(struct conn *conn)
{
    for (uint32_t at = 0; at < conn->part_count; at++)
        buf_unref(conn->parts[at]);
    free(conn->parts);
    conn->parts = NULL;
    conn->part_count = 0;
}

void conn_write_maybe(struct conn *conn, struct slice bytes)
{
    union { /* libuv takes no const, and does not write */
        const unsigned char *from;
        char *to;
    } data = { .from = bytes.data };
    uv_buf_t buf = uv_buf_init(data.to, (unsigned)bytes.len);

    if (!conn->writing && !conn->closing)
        uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
}

void conn_shutdown(struct conn *conn)
{
    if (!conn->closing)
        uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, NULL);
}

/* ---- time, end ---- */

void conn_deadline(struct conn *conn, uint32_t after_ms)
{
    if (after_ms == 0 || conn->closing)
        timer_stop(&conn->deadline);
    else
        timer_start(conn->shared->clock, &conn->deadline, after_ms, deadline_on_time);
}

static void deadline_on_time(struct timer *timer)
{
    struct conn *conn = container_of(timer, struct conn, deadline);

    conn->shared->events->on_deadline(conn);
}

void conn_close(struct conn *conn)
{
    if (close_begin(conn))
        uv_close((uv_handle_t *)&conn->tcp, close_on_closed);
}

void conn_reset(struct conn *conn)
{
    if (close_begin(conn) && uv_tcp_close_reset(&conn->tcp, close_on_closed) != 0)
        uv_close((uv_handle_t *)&conn->tcp, close_on_closed);
}

static bool close_begin(struct conn *conn)
{
    if (conn->closing)
        return false;
    conn->closing = true;
    conn->reading = false;
    timer_stop(&conn->deadline);
    slow_reader_end(conn);
    return true;
}

static void close_on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    ensure(!conn->writing); /* libuv has cancelled it, and said so before */
    conn->shared->events->on_closed(conn);
}

#include "transport/slow_reader.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/ensure.h"
#include "base/limits.h"

static void held_set(struct conn *conn);
static size_t unread_bytes(struct conn *conn);
static uint64_t taken_bytes(struct conn *conn);
static void stall_on_time(struct timer *timer);
static void shed_on_defer(struct defer *defer);
static struct conn *slowest(struct conn_shared *shared);

void slow_reader_written(struct conn *conn)
{
    size_t bytes = 0;

    for (uint32_t at = 0; at < conn->part_count; at++)
        bytes += conn->parts[at]->len;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp) > 0)
        conn->write_bytes = bytes;
    if (list_linked(&conn->slow))
        conn->given_bytes += bytes;
    held_set(conn);
}

void slow_reader_sent(struct conn *conn)
{
    conn->write_bytes = 0;
    held_set(conn);
}

void conn_behind(struct conn *conn, size_t bytes)
{
    conn->behind_bytes = conn->closing ? 0 : bytes;
    held_set(conn);
}

void slow_reader_end(struct conn *conn)
{
    conn->write_bytes = conn->behind_bytes = 0;
    held_set(conn);
}

/* Counts what waits for the reader now; from the first byte to the last it is watched. */
static void held_set(struct conn *conn)
{
    struct conn_shared *shared = conn->shared;
    size_t bytes = conn->write_bytes + conn->behind_bytes;

    *shared->held = *shared->held - conn->held_bytes + bytes;
    conn->held_bytes = bytes;
    if (bytes == 0) {
        timer_stop(&conn->stall);
        list_remove(&conn->slow);
        return;
    }
    if (!list_linked(&conn->slow)) {
        conn->given_bytes = conn->looked_given = unread_bytes(conn);
        conn->looked_taken = 0;
        conn->began_ms = clock_mono_ms(shared->clock);
        list_append(&shared->slow, &conn->slow);
        timer_start(shared->clock, &conn->stall, shared->stall_ms, stall_on_time);
    }
    if (*shared->held > shared->held_max)
        defer_run(shared->clock, &shared->shed, shed_on_defer);
}

bool conn_reserve(struct conn_shared *shared, size_t bytes)
{
    if (shared->reserved > 0 && shared->reserved + bytes > shared->held_max)
        return false;
    shared->reserved += bytes;
    *shared->held += bytes;
    if (*shared->held > shared->held_max)
        defer_run(shared->clock, &shared->shed, shed_on_defer);
    return true;
}

void conn_unreserve(struct conn_shared *shared, size_t bytes)
{
    ensure(bytes <= shared->reserved);
    shared->reserved -= bytes;
    *shared->held -= bytes;
}

/* Given: in our queue, or in the kernel's and not acknowledged.  The first alone would move
 * in leaps of a megabyte, because the kernel reports room in its queue so seldom. */
static size_t unread_bytes(struct conn *conn)
{
    size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);
    uv_os_fd_t fd = -1;
    int in_kernel = 0;

    if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) != 0 || ioctl(fd, SIOCOUTQ, &in_kernel) != 0)
        return queued;
    return queued + (size_t)in_kernel;
}

/* Of what was given since it began to wait. */
static uint64_t taken_bytes(struct conn *conn)
{
    uint64_t unread = unread_bytes(conn);

    return conn->given_bytes > unread ? conn->given_bytes - unread : 0;
}

/* Stalled: too little was taken, and not even what was there at the last look.  What its owner
 * holds back behind that is for the owner to watch. */
static void stall_on_time(struct timer *timer)
{
    struct conn *conn = container_of(timer, struct conn, stall);
    uint64_t taken = taken_bytes(conn);

    if (taken >= conn->looked_taken + HTTP_REPLY_STRETCH_BYTES || taken >= conn->looked_given) {
        conn->looked_taken = taken;
        conn->looked_given = conn->given_bytes;
        timer_start(conn->shared->clock, timer, conn->shared->stall_ms, stall_on_time);
        return;
    }
    slow_reader_end(conn);
    conn->shared->events->on_end(conn, ERR_TIMEOUT);
}

/* ---- too much at once ---- */

static void shed_on_defer(struct defer *defer)
{
    struct conn_shared *shared = container_of(defer, struct conn_shared, shed);

    /* Without slow readers it is one reservation, larger than the maximum. */
    while (*shared->held > shared->held_max && !list_empty(&shared->slow)) {
        struct conn *conn = slowest(shared);
        slow_reader_end(conn);
        shared->events->on_end(conn, ERR_BUSY);
    }
}

/* By bytes per second since its write began.  Who has just begun has taken nothing yet and is
 * spared, unless all have: then it is the oldest. */
static struct conn *slowest(struct conn_shared *shared)
{
    uint64_t now = clock_mono_ms(shared->clock), found_bytes = 0, found_ms = 1;
    struct list_node *first = list_first(&shared->slow);

    ensure(first != NULL);
    struct conn *found = container_of(first, struct conn, slow);
    for (struct list_node *node = first; node != NULL;
         node = list_next(&shared->slow, node)) {
        struct conn *conn = container_of(node, struct conn, slow);
        uint64_t ms = now - conn->began_ms;

        if (ms <= HTTP_REPLY_GRACE_MS)
            break; /* those behind it are younger */
        uint64_t bytes = taken_bytes(conn);
        if (node == first || bytes * found_ms < found_bytes * ms) {
            found = conn;
            found_bytes = bytes;
            found_ms = ms;
        }
    }
    return found;
}

#include "transport/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ensure.h"
#include "base/limits.h"

#define DRAIN_BYTES 16384u /* of a request that is refused unread */

static int listen_at(struct listener *listener, struct sockaddr_storage *place);
static void poll_resume(struct listener *listener);
static void poll_on_event(uv_poll_t *poll, int status, int events);
static bool take_one(struct listener *listener);
static bool turn_one_away(struct listener *listener);
static void say_farewell(struct listener *listener, int fd);
static void again_on_time(struct timer *timer);
static void on_handle_closed(uv_handle_t *handle);

enum err listener_open(struct listener *listener, struct uv_loop_s *loop,
                       const struct listener_world *world, const char *host, uint16_t port,
                       struct reason *reason)
{
    struct sockaddr_storage place = { 0 };

    *listener = (struct listener){ .world = *world, .fd = -1, .waiting_fd = -1, .reserve_fd = -1 };
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&place) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&place) != 0) {
        reason_set(reason, "%s: not a numeric IP address", host);
        return ERR_INVALID;
    }
    int status = listen_at(listener, &place);
    if (status == 0)
        status = uv_poll_init(loop, &listener->poll, listener->fd);
    listener->open = status == 0;
    listener->poll.data = listener;
    if (status != 0) {
        reason_set(reason, "listen on %s port %u: %s", host, port, uv_strerror(status));
        if (listener->fd >= 0)
            close(listener->fd);
        return ERR_IO;
    }
    listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* Both families have the port in the same place. */
    listener->port = ntohs(((struct sockaddr_in *)&place)->sin_port);
    poll_resume(listener);
    return ERR_OK;
}

/* 0, or libuv's number of what failed; `place` becomes where it really listens. */
static int listen_at(struct listener *listener, struct sockaddr_storage *place)
{
    socklen_t len = place->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                 : sizeof(struct sockaddr_in);
    const int on = 1;

    listener->fd = socket(place->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 ||
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(listener->fd, (struct sockaddr *)place, len) != 0 ||
        listen(listener->fd, HTTP_BACKLOG) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)place, &len) != 0)
        return uv_translate_sys_error(errno);
    return 0;
}

static void poll_resume(struct listener *listener)
{
    if (!listener->open || listener->polling)
        return;
    ensure(uv_poll_start(&listener->poll, UV_READABLE, poll_on_event) == 0);
    listener->polling = true;
}

static void poll_pause(struct listener *listener)
{
    listener->polling = false;
    uv_poll_stop(&listener->poll);
}

/* The system has no means for one more now. */
static void poll_later(struct listener *listener)
{
    poll_pause(listener);
    timer_start(listener->world.clock, &listener->again, HTTP_ACCEPT_AGAIN_MS, again_on_time);
}

static void poll_on_event(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    for (uint32_t at = 0; at < HTTP_ACCEPTS_MAX && listener->open && !listener->ready; at++)
        if (!take_one(listener))
            return;
    if (listener->open && listener->ready)
        poll_pause(listener); /* until it is taken */
}

/* False: there is nothing more to take now. */
static bool take_one(struct listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        listener->waiting_fd = fd;
        listener->ready = true;
        listener->world.on_ready(listener);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE)
        return turn_one_away(listener);
    if (errno == ENOBUFS || errno == ENOMEM) {
        poll_later(listener);
        return false;
    }
    return errno == ECONNABORTED || errno == EINTR;
}

enum err listener_accept(struct listener *listener, uv_tcp_t *tcp)
{
    int fd = listener->waiting_fd;

    ensure(listener->ready);
    listener->ready = false;
    listener->waiting_fd = -1;
    poll_resume(listener);
    if (uv_tcp_open(tcp, fd) == 0)
        return ERR_OK;
    close(fd);
    return ERR_IO;
}

/* ---- those who are sent away ---- */

void listener_refuse(struct listener *listener)
{
    int fd = listener->waiting_fd;

    ensure(listener->ready);
    listener->ready = false;
    listener->waiting_fd = -1;
    poll_resume(listener);
    say_farewell(listener, fd);
}

/* Out of descriptors.  False: not even the reserve is there, or nobody waits. */
static bool turn_one_away(struct listener *listener)
{
    int fd = -1;

    if (listener->reserve_fd >= 0) {
        close(listener->reserve_fd);
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    bool starved = fd < 0 && (listener->reserve_fd < 0 || errno != EAGAIN);
    if (fd >= 0)
        say_farewell(listener, fd);
    listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (starved)
        poll_later(listener);
    return fd >= 0;
}

/* There is no descriptor to linger with: what has come is read, so that closing does not reset
 * the connection and take the farewell with it.  All of it is as good as it can be. */
static void say_farewell(struct listener *listener, int fd)
{
    struct slice text = listener->world.farewell;
    unsigned char bytes[DRAIN_BYTES];

    (void)send(fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    (void)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    close(fd);
    listener->world.on_refused(listener);
}

static void again_on_time(struct timer *timer)
{
    poll_resume(container_of(timer, struct listener, again));
}

/* ---- the end ---- */

void listener_close(struct listener *listener, listener_cb cb)
{
    ensure(listener->open);
    listener->open = listener->ready = false;
    listener->on_closed = cb;
    timer_stop(&listener->again);
    if (listener->waiting_fd >= 0)
        close(listener->waiting_fd);
    if (listener->reserve_fd >= 0)
        close(listener->reserve_fd);
    listener->waiting_fd = listener->reserve_fd = -1;
    uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    close(listener->fd);
    listener->on_closed(listener);
}

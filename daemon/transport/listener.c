#include "transport/listener.h"

#include <string.h>

#include "base/ensure.h"
#include "base/limits.h"

static void on_connection(uv_stream_t *stream, int status);
static void on_handle_closed(uv_handle_t *handle);

enum err listener_open(struct listener *listener, struct uv_loop_s *loop, const char *host,
                       uint16_t port, listener_cb on_ready, struct reason *reason)
{
    struct sockaddr_storage place = { 0 };
    int len = sizeof(place);

    *listener = (struct listener){ .on_ready = on_ready };
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&place) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&place) != 0) {
        reason_set(reason, "%s: not a numeric IP address", host);
        return ERR_INVALID;
    }
    int status = uv_tcp_init(loop, &listener->tcp);
    listener->open = status == 0;
    listener->tcp.data = listener;
    if (status == 0)
        status = uv_tcp_bind(&listener->tcp, (struct sockaddr *)&place, 0);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&listener->tcp, HTTP_BACKLOG, on_connection);
    if (status == 0)
        status = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&place, &len);
    if (status != 0) {
        reason_set(reason, "listen on %s port %u: %s", host, port, uv_strerror(status));
        return ERR_IO;
    }
    /* Both families have the port in the same place. */
    listener->port = ntohs(((struct sockaddr_in *)&place)->sin_port);
    return ERR_OK;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;

    if (status != 0 || !listener->open)
        return; /* for example out of descriptors: libuv goes on when there are some */
    listener->ready = true;
    listener->on_ready(listener);
}

enum err listener_accept(struct listener *listener, uv_tcp_t *tcp)
{
    ensure(listener->ready);
    listener->ready = false;
    return uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)tcp) == 0 ? ERR_OK : ERR_IO;
}

void listener_close(struct listener *listener, listener_cb cb)
{
    ensure(listener->open);
    listener->open = listener->ready = false;
    listener->on_closed = cb;
    uv_close((uv_handle_t *)&listener->tcp, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    listener->on_closed(listener);
}

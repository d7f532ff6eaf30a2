/* server_world.h - a whole HTTP port over real sockets on 127.0.0.1.
 *
 * Server and visitors share one loop. Each test makes a world of its own and frees it, and
 * world_free() asserts that nothing is left in the loop. A visitor belongs to its test until
 * visitor_close(), and its memory to the loop from then on. */
#ifndef SERVER_WORLD_H
#define SERVER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "env/timer.h"
#include "transport/http_server.h"

#define PATIENCE_MS 20000
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

struct world {
    uv_loop_t loop;
    struct clock *clock;
    struct timer patience;
    int waited_ms;
    struct http_server *server;
    const char *from; /* visitors come from this address; NULL: from any */
    bool hold; /* exchanges wait in `held` */
    struct http_exchange *held[1024];
    int held_count;
    int requests;
    bool drained, closed;
};

struct visitor {
    struct world *world;
    uv_tcp_t tcp;
    uv_connect_t connect;
    bool connected, ended, reset;
    char *got;
    size_t got_len, got_room;
};

/* Wakes the loop each millisecond, and counts. */
void patience_on_time(struct timer *timer);

/* Runs the loop until `condition` holds; fails the test when it waits for too long. */
#define until(world, condition)                                                                    \
    do {                                                                                           \
        (world)->waited_ms = 0;                                                                    \
        timer_start((world)->clock, &(world)->patience, 1, patience_on_time);                      \
        while (!(condition))                                                                       \
            uv_run(&(world)->loop, UV_RUN_ONCE);                                                   \
        timer_stop(&(world)->patience);                                                            \
    } while (0)

/* Lets what is under way arrive. */
void turns(struct world *world, int count);

struct world *world_new(struct http_server_options options);
struct world *world_plain(void);
void world_free(struct world *world);

/* What the world does with a request: holds it, or answers it at once with its own body. */
void on_request(void *ctx, struct http_exchange *exchange);
void echo(struct http_exchange *exchange);
void on_server_closed(void *ctx);
void on_server_drained(void *ctx);

/* A connected visitor that reads nothing; one that reads all it is sent. */
struct visitor *visitor_new(struct world *world);
struct visitor *visitor_open(struct world *world);
void visitor_listen(struct visitor *client); /* from now on */
void visitor_close(struct visitor *client);
void visitor_send_bytes(struct visitor *client, const char *bytes, size_t len);
void visitor_send(struct visitor *client, const char *text);
bool visitor_got(const struct visitor *client, const char *text);
int visitor_count(const struct visitor *client, const char *text);

/* Sends on a new connection and expects `status_line` there, then the end. */
void expect_refusal(struct world *world, const char *bytes, const char *status_line);

#endif

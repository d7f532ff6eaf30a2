#include <stdlib.h>

#include "base/ensure.h"
#include "transport/http_private.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_BYTES (sizeof(PREFACE) - 1)

static void on_bytes(struct conn *conn, struct slice bytes);
static void on_half(struct conn *conn);
static void on_sent(struct conn *conn);
static void on_deadline(struct conn *conn);
static void on_end(struct conn *conn, enum err err);
static void on_closed(struct conn *conn);
static bool origin_look(struct client *client, const struct sockaddr_storage *place);
static void first_bytes(struct client *client, struct slice bytes);
static void settle_for_h1(struct client *client);

const struct conn_events client_events = {
    .on_bytes = on_bytes,
    .on_half = on_half,
    .on_sent = on_sent,
    .on_deadline = on_deadline,
    .on_end = on_end,
    .on_closed = on_closed,
};

enum err client_accept(struct http_server *server, bool away)
{
    struct h1_options options = { .body_bytes_max = server->options.body_bytes_max,
                                  .arena_bytes_max = server->options.arena_bytes_max };
    struct client *client = calloc(1, sizeof(*client));
    struct sockaddr_storage place;

    if (client == NULL)
        return ERR_NO_MEMORY;
    client->server = server;
    client->away = away;
    client->bodies = (struct budget){
        .most = options.body_bytes_max > H2_BODIES_BYTES_MAX ? options.body_bytes_max
                                                             : H2_BODIES_BYTES_MAX,
        .over = "too many bodies at once on this connection, try again later"
    };
    client->h1 = h1_new(&options, &client->bodies);
    if (client->h1 == NULL || conn_init(&client->conn, server->loop, &server->shared) != ERR_OK) {
        h1_free(client->h1);
        free(client);
        return ERR_NO_MEMORY;
    }
    list_append(&server->clients, &client->link);
    if (away)
        server->away_count++;
    else
        server->figures.connections++;
    if (listener_accept(&server->listener, &client->conn.tcp) != ERR_OK ||
        conn_start(&client->conn, &place) != ERR_OK || !origin_look(client, &place))
        client_close(client);
    else if (client->away)
        settle_for_h1(client); /* it is told so before it has said what it speaks */
    else
        h1_client_begin(client);
    server->figures.accepted += !client->away;
    server->figures.turned_away += client->away;
    return ERR_OK;
}

/* Where it comes from, and whether there are too many from there.  False: it is hung up on, without
 * memory, or because too many are being told already. */
static bool origin_look(struct client *client, const struct sockaddr_storage *place)
{
    struct http_server *server = client->server;

    client->origin = origin_enter(&server->origins, place);
    if (client->origin == NULL)
        return false;
    client->bodies.whole = &client->origin->bodies;
    if (client->away || budget_take(&client->origin->served, 1) == NULL)
        return true;
    client->away = true;
    server->figures.connections--;
    server->away_count++;
    return server->away_count <= HTTP_TURNED_AWAY_MAX;
}

/* ---- which framing ---- */

static void first_bytes(struct client *client, struct slice bytes)
{
    size_t taken = 0;

    while (taken < bytes.len && client->preface_bytes < PREFACE_BYTES &&
           bytes.data[taken] == (unsigned char)PREFACE[client->preface_bytes]) {
        client->preface_bytes++;
        taken++;
    }
    bytes = slice_of(bytes.data + taken, bytes.len - taken);
    if (client->preface_bytes == PREFACE_BYTES) {
        if (h2_client_begin(client) != ERR_OK) {
            client_close(client);
            return;
        }
        client->framing->on_bytes(client, slice_of(PREFACE, PREFACE_BYTES));
    } else if (bytes.len > 0) {
        settle_for_h1(client);
    }
    if (bytes.len > 0 && client->state != CLIENT_CLOSED && client->state != CLIENT_LINGERING)
        client->framing->on_bytes(client, bytes);
}

/* What it has sent is no preface: it was the beginning of something else. */
static void settle_for_h1(struct client *client)
{
    client->framing = &framing_h1;
    if (client->away)
        h1_client_refuse(client, 503, "too many connections, try again later");
    else if (client->preface_bytes > 0)
        client->framing->on_bytes(client, slice_of(PREFACE, client->preface_bytes));
}

/* ---- what happens ---- */

static void on_bytes(struct conn *conn, struct slice bytes)
{
    struct client *client = container_of(conn, struct client, conn);

    if (client->state == CLIENT_LINGERING)
        return;
    if (client->framing == NULL)
        first_bytes(client, bytes);
    else
        client->framing->on_bytes(client, bytes);
}

static void on_half(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);

    if (client->framing == NULL || client->state == CLIENT_LINGERING)
        client_close(client);
    else
        client->framing->on_half(client);
}

static void on_sent(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);

    client->framing->on_sent(client);
}

static void on_deadline(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);

    if (client->state == CLIENT_LINGERING) {
        client_close(client);
        return;
    }
    if (client->framing == NULL)
        settle_for_h1(client);
    if (client->state == CLIENT_READING || client->preface_bytes == 0)
        client->framing->on_deadline(client);
}

void client_part(struct client *client)
{
    if (client->framing != NULL && client->framing->part != NULL && client->state == CLIENT_READING)
        client->framing->part(client);
}

void client_drain(struct client *client)
{
    if (client->framing != NULL)
        client->framing->drain(client);
    else if (client->preface_bytes == 0)
        client_close(client);
}

/* ---- ends ---- */

void client_linger(struct client *client)
{
    buf_unref(client->pending);
    client->pending = NULL;
    if (client->conn.half) {
        client_close(client);
        return;
    }
    client->state = CLIENT_LINGERING;
    if (client->framing->closed != NULL)
        client->framing->closed(client);
    conn_shutdown(&client->conn);
    conn_deadline(&client->conn, client->server->options.deadlines.linger_ms);
    conn_resume(&client->conn);
}

static void on_end(struct conn *conn, enum err err)
{
    struct client *client = container_of(conn, struct client, conn);

    if (err != ERR_TIMEOUT && err != ERR_BUSY) {
        client_close(client);
        return;
    }
    server_reader_cut(client, err);
    client->state = CLIENT_CLOSED;
    conn_reset(conn);
    client_close(client);
}

void client_close(struct client *client)
{
    client->state = CLIENT_CLOSED;
    if (client->framing != NULL && client->framing->closed != NULL)
        client->framing->closed(client);
    conn_close(&client->conn);
}

static void on_closed(struct conn *conn)
{
    struct client *client = container_of(conn, struct client, conn);

    client->ended = true;
    client_free_when_done(client);
}

void client_free_when_done(struct client *client)
{
    if (!client->ended || (client->framing != NULL && !client->framing->done(client)))
        return;
    buf_unref(client->pending);
    h2_client_free(client->h2);
    h1_free(client->h1);
    server_client_ended(client);
    free(client);
}

/* stranger.h - who may be at the other end of a connection and is none of our nodes.
 *
 * A raw is a bare socket that connects to node 0 and sends what it is told.  A puppet is dialled by
 * node 0: it accepts, greets as it is told, and says nothing else.
 */
#ifndef STRANGER_H
#define STRANGER_H

#include "net_world.h"
#include "peer/frame.h"

struct raw {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    bool connected, closed;
    size_t got;
    char room[4096];
};

#define STRINGS_MAX 64

struct string {
    struct puppet *puppet;
    uv_tcp_t tcp;
    bool greeted, open;
    char room[4096];
};

struct puppet {
    struct world *world;
    uv_tcp_t tcp;
    uint16_t port;
    uint64_t node, boot;
    bool lanes_differ; /* the bulk lane is greeted with another boot number */
    bool lane_wrong;
    bool mute;
    int handles; /* of libuv, not closed yet: the last one frees the puppet */
    int string_count;
    struct string strings[STRINGS_MAX];
};

struct raw *raw_open(struct world *world, uint16_t port);
void raw_send(struct raw *raw, const void *bytes, size_t len);
void raw_close(struct raw *raw);
size_t frame_bytes(unsigned char *bytes, struct frame_header header, struct buf *body);
struct raw *raw_greeted(struct world *world, uint64_t node);
void string_close(struct string *string);

/* As a process that is killed with bytes unread: the other end's next write fails at once. */
void string_reset(struct string *string);

struct puppet *puppet_new(struct world *world, uint64_t node, uint64_t boot);
void puppet_cut(struct puppet *puppet);

/* After the world's nets: so that nobody dials it any more. */
void puppet_free(struct puppet *puppet);

void puppet_dial(struct world *world, const struct puppet *puppet);

#endif

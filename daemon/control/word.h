/* word.h - the messages of control between nodes: proto/peer.proto, Hello, Foundation, Leading. */
#ifndef CONTROL_WORD_H
#define CONTROL_WORD_H

#include "base/buf.h"
#include "base/err.h"
#include "control/identity.h"
#include "control/liveness.h"
#include "catalog/model.h"

/* What a node says of itself in the greeting of a link. */
struct word_hello {
    struct identity_cluster cluster;
    char name[MODEL_NAME_MAX + 1];
    char az[MODEL_NAME_MAX + 1];
    char client_address[MODEL_ADDRESS_MAX];
    char peer_address[MODEL_ADDRESS_MAX];
    char operations_address[MODEL_ADDRESS_MAX];
    bool seed;
};

/* Packing gives one reference, NULL when there is no memory; reading says ERR_INVALID to what no
 * node says. */
struct buf *word_hello_pack(const struct word_hello *hello);
MUST_CHECK enum err word_hello_read(struct slice bytes, struct word_hello *ret);

/* Which cluster there is, and where one of its nodes listens. */
struct word_foundation {
    struct identity_cluster cluster;
    char peer_address[MODEL_ADDRESS_MAX]; /* "": not said */
};

struct buf *word_foundation_pack(const struct word_foundation *foundation);
MUST_CHECK enum err word_foundation_read(struct slice bytes, struct word_foundation *ret);

struct buf *word_leading_pack(const struct liveness_word *word,
                              const struct identity_cluster *cluster);

/* A message that was read; its lists live until word_leading_fini(). */
struct word_leading {
    struct liveness_word word;
    struct identity_cluster cluster; /* id 0: none, or nothing sensible */
    void *message;
};
MUST_CHECK enum err word_leading_read(struct slice bytes, struct word_leading *ret);
void word_leading_fini(struct word_leading *leading);

#endif

/* answer.h - what goes over the wire between the catalogues of two nodes: proto/peer.proto,
 * ChangeAnswer, CatalogAsk, CatalogAnswer. */
#ifndef CATALOG_ANSWER_H
#define CATALOG_ANSWER_H

#include "base/buf.h"
#include "base/err.h"
#include "env/net.h"
#include "log/log.h"

/* What became of a change. */
struct change_answer {
    uint64_t index;  /* where it stands; 0: it provably was not proposed, or nobody knows */
    uint64_t leader; /* whom to ask instead; 0 = unknown */
    struct reason reason;
};

void answer_change(struct net_incoming *incoming, enum err err, const struct change_answer *answer);

/* ERR_CORRUPT: not such an answer. */
MUST_CHECK enum err answer_change_read(struct slice bytes, struct change_answer *ret);

/* What is asked of a member: what comes from an index on, or only how far it is. */
struct catalog_ask {
    uint64_t from;
    bool how_far;
};

/* One reference; NULL when there is no memory. */
struct buf *answer_ask(struct catalog_ask ask);
MUST_CHECK enum err answer_ask_read(struct slice bytes, struct catalog_ask *ret);

/* How far the member was that gave this CatalogAnswer.  ERR_CORRUPT: it is none. */
MUST_CHECK enum err answer_applied_read(struct slice bytes, uint64_t *applied);

/* Entries, or an image (then `count` is 0), or neither: nothing new. */
void answer_log(struct net_incoming *incoming, const struct log_read_entry entries[],
                uint32_t count, const struct buf *image, uint64_t applied);

/* An error without more. */
void answer_refuse(struct net_incoming *incoming, enum err err);

#endif

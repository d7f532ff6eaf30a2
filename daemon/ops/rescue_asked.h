/* rescue_asked.h - one request for /shards/rescue or /cluster/rescue that is under way: what
 * rescues.c does, and rescue_words.c says. */
#ifndef OPS_RESCUE_ASKED_H
#define OPS_RESCUE_ASKED_H

#include "control/rescue.h"
#include "ops/ops_private.h"

/* What an operator has seen, and confirms. */
struct confirmed {
    uint64_t epoch, survivor, index, term;
    char by[AUDIT_BY_MAX + 1];
};

struct rescue_asked {
    struct ops *ops;
    struct http_exchange *exchange;
    bool acts, looking, changing;
    bool catalog; /* not a shard but the catalogue itself */
    struct confirmed confirmed;
    char stream[MODEL_NAME_MAX + 1];
    uint32_t shard;
    struct rescue_look look;
    struct catalog_change change; /* of a shard */
    struct buf *bytes;            /* likewise */
    struct catalog_rescue rescue; /* of the catalogue */
    struct audit_line *line;
    enum err err; /* of the change, or of the rescue; and */
    struct reason reason;
};

/* The answer to a look; one reference, NULL: no memory. */
struct buf *rescue_page(const struct rescue_asked *asked);

/* A line of the audit log; likewise. */
struct buf *rescue_line(const struct rescue_asked *asked, const char *state);

#endif

/* ops_fake.h - an operations port of which only changes, rescues and the audit log are real.
 *
 * The file system is real too, but no worker runs before the test says so: as long as none does,
 * the disk of the audit log hangs.
 */
#ifndef OPS_FAKE_H
#define OPS_FAKE_H

#include "control/rescue.h"
#include "ops/ask.h"
#include "ops/ops_private.h"
#include "still_clock.h"

#define FAKE_GROUP 5u /* of the only shard */
#define FAKE_LOG_BYTES 16384u

/* A request of an operator's, and what he hears. */
struct asker {
    struct http_exchange exchange;
    int status; /* 0: nothing yet */
    char said[1024];
};

struct ops_fake {
    struct ops ops;
    char path[64];
    struct list works;       /* of struct work: for fake_work() */
    uint32_t offered;        /* changes of the catalogue so far */
    uint64_t timeout_ms;     /* of the last */
    struct catalog_change *change; /* it, while it is under way */
    struct rescue_look *looks[OPS_RESCUES_MAX];
    uint32_t look_count; /* so far */
    uint32_t rescued;    /* the catalogue was, so often */
    struct catalog_rescue *rescue;
};

extern struct ops_fake fake;

int fake_open(void **state);
int fake_close(void **state);

/* One that says `query`. */
void asker_init(struct asker *asker, enum http_verb verb, const char *query);

/* A worker does what waits longest.  False: nothing waits. */
bool fake_work(void);

void fake_changed(enum err err);

/* It found what query_of_rescue[] confirms. */
extern const char query_of_rescue[];
void fake_looked(uint32_t at);

/* What the audit log has now. */
void fake_log(char text[FAKE_LOG_BYTES]);
uint32_t fake_log_lines(void);

#endif

/* catalog_private.h - the parts of a catalogue and what they ask of each other.
 *
 *     catalog.c   the object: its replica, applying in order, listeners, the end
 *     epoch.c     the group's own members: from one epoch to the next
 *     propose.c   changes asked on this node: find the leader, wait for the answer
 *     intake.c    on the leader: changes of all nodes, one entry in flight
 *     serve.c     on a member: the log for nodes that follow
 *     follow.c    on the others: asking for it
 *     keep.c      the image in the table, and trimming the log behind it
 *     rescue.c    goes on from this node's copy
 *     relic.c     what another node's rescue ended
 *     tail.c      what the log has behind a model
 *     behind.c    whether that changes how long records are kept
 */
#ifndef CATALOG_CATALOG_PRIVATE_H
#define CATALOG_CATALOG_PRIVATE_H

#include "base/list.h"
#include "catalog/catalog.h"
#include "catalog/model_private.h"
#include "replica/replica.h"
#include "replica/seal.h"

struct intake_item;

struct intake {
    struct list waiting; /* of struct intake_item */
    uint32_t waiting_count;
    size_t waiting_bytes;
    struct intake_item *flying; /* at the replica, or applied and not settled yet */
};

struct serve {
    struct list waiting; /* of struct serve_asker, the one that waits longest first */
    uint32_t count;      /* waiting or reading */
    struct timer timer;
};

struct follow {
    struct net_call call;
    bool asking;
    bool once;      /* a member's log failed it, or it is behind: ask another member one time */
    uint64_t from;  /* who is known to have more; 0: nobody in particular */
    uint32_t turns; /* which member is asked next */
    struct timer timer;
};

struct keep {
    struct timer timer;
    bool writing;
    uint64_t pause_ms; /* until it is tried again, on a full disk; 0: the last try was good */
    uint64_t saved; /* the image on the disk stands here */
    uint64_t saved_term, saved_time_ms;
    uint64_t kept;  /* catalog_set_kept() */
};

struct epoch {
    struct seal wanted; /* to be proposed before the changes that wait; epoch 0 = none */
    struct proposal proposal;
    bool sealing; /* it is at the replica */
    uint32_t of;  /* the replica's */
    bool over;    /* the replica's has ended: it says and stores nothing any more */
    bool eager;   /* it led */
    bool closing; /* the replica, for another one or for none */
};

struct behind {
    uint64_t first, next; /* that are, or were, read */
    uint64_t last, last_term; /* up to this one; 0: nothing was */
    uint32_t epoch;           /* of the log then */
    bool reading, keeps;      /* the second: none of them changes how long records are kept */
    struct log_read read;
};

struct rescue_job;
struct tail;

struct catalog {
    uint64_t node;
    struct catalog_world world;
    struct model *model;
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t member_count;

    struct replica *replica; /* NULL on nodes outside the group */
    enum replica_role role;
    uint64_t leader, hint;
    uint64_t hinted[GROUP_MEMBERS_MAX]; /* catalog_hint_members() */
    uint32_t hinted_count;
    uint64_t peer; /* catalog_hint_peer() */

    uint64_t committed; /* as far as this member may apply */
    struct log_read read;
    bool reading;
    struct timer read_again;

    struct {
        catalog_applied_cb cb;
        void *ctx;
    } listeners[CATALOG_LISTENERS_MAX];
    uint32_t listener_count;
    struct defer changed;

    change_up_fn up;
    void *up_ctx;

    struct list refreshing; /* of struct catalog_refresh */
    struct list jobs; /* of struct propose_job */
    uint32_t job_count;
    struct intake intake;
    struct serve serve;
    struct follow follow;
    struct keep keep;
    struct epoch epoch;
    struct behind behind;
    struct rescue_job *rescue; /* NULL: none is under way */
    struct tail *relic_job;    /* of a model of another history; NULL: none */
    struct buf *relic;         /* a model of another history, for the tables; NULL: none */
    uint64_t relic_key;

    bool closing;
    uint32_t busy; /* things under way that call back into this struct */
    struct defer finish;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* ---- catalog.c ---- */

/* Applies the entry behind the model's last one. */
void catalog_apply(struct catalog *catalog, const struct entry_head *head, struct slice payload);

/* Puts `model` in the place of the present one. */
void catalog_replace(struct catalog *catalog, struct model *model);

/* The model or the leader changed: everybody hears of it at the end of this turn. */
void catalog_changed(struct catalog *catalog);

/* Reads from this node's log what is committed and not in the model. */
void catalog_catch_up(struct catalog *catalog);

extern const struct replica_events catalog_events;

/* Something that was counted in `busy` has ended. */
void catalog_idle(struct catalog *catalog);

/* ---- tail.c ---- */
/* Whether this node's log has all that the model says, and maybe more behind it: else the model
 * knows of more that is committed. */
bool tail_extends(const struct catalog *catalog, const struct model *model);
/* Whether it goes another way than the model: nothing of that was agreed on. */
bool tail_differs(const struct catalog *catalog, const struct model *model);
/* Up to `last`; calls `done`, maybe from inside. */
struct tail {
    struct catalog *catalog;
    struct model *model; /* whoever asks frees it */
    uint64_t last;
    void (*done)(struct tail *tail, enum err err, const struct reason *reason);
    struct log_read read; /* private */
};
void tail_apply(struct tail *tail);

/* ---- behind.c ---- */
/* Whether what this node's log has behind the model, if anything, is known to change no stream's
 * retention; catalog_look_behind() finds out. */
bool behind_keeps_retention(const struct catalog *catalog);

/* ---- epoch.c ---- */
/* Brings this node's part in the group to the newest epoch that it knows. */
void epoch_look(struct catalog *catalog);
/* The replica's epoch has ended. */
void epoch_sealed(struct catalog *catalog);
/* The replica of the epoch in the log. */
MUST_CHECK enum err epoch_open(struct catalog *catalog, bool eager, struct reason *reason);
/* True when the end of the epoch is on its way: no change goes behind it. */
bool epoch_propose(struct catalog *catalog);
/* The replica, which is there and does not close yet. */
void epoch_close_replica(struct catalog *catalog);

/* ---- rescue.c ---- */
/* The replica has closed, and a rescue waits for it. */
void rescue_closed(struct catalog *catalog);
/* No image is being written: a rescue that waits for that goes on. */
void rescue_write(struct catalog *catalog);
/* An image was, or it failed; `untouched`: nothing of it was written.  False: it was not the
 * rescue's. */
bool rescue_written(struct catalog *catalog, enum err err, bool untouched, struct reason *reason);
void rescue_close(struct catalog *catalog);

/* ---- relic.c ---- */
/* `next` comes in the model's place.  True: it is of another history, and the model is taken over;
 * relic_begin() is next.  Until what the log has behind it is applied too, no image is written, and
 * the log not given up. */
bool relic_take(struct catalog *catalog, const struct model *next);
void relic_begin(struct catalog *catalog);
/* Into a batch with an image of the new history; a reference to what was put there, or NULL. */
struct buf *relic_put(struct catalog *catalog, struct table_batch *batch);
void relic_written(struct catalog *catalog, const struct buf *relic);

/* ---- refresh.c ---- */
void refresh_changed(struct catalog *catalog);
void refresh_close(struct catalog *catalog);

/* ---- propose.c ---- */
void propose_changed(struct catalog *catalog);
void propose_close(struct catalog *catalog);

/* ---- intake.c ---- */
void intake_open(struct catalog *catalog);
void intake_changed(struct catalog *catalog);
/* The entry at `index` was applied with this answer. */
void intake_applied(struct catalog *catalog, uint64_t index, enum err err,
                    const struct reason *reason);
/* Another model is in the place of the one before. */
void intake_replaced(struct catalog *catalog);
void intake_close(struct catalog *catalog);

/* ---- serve.c ---- */
void serve_open(struct catalog *catalog);
void serve_changed(struct catalog *catalog);
void serve_close(struct catalog *catalog);

/* ---- follow.c ---- */
void follow_start(struct catalog *catalog);
void follow_close(struct catalog *catalog);

/* ---- keep.c ---- */
/* Blocking.  Reads the image, if there is one. */
MUST_CHECK enum err keep_open(struct catalog *catalog, struct reason *reason);
void keep_changed(struct catalog *catalog);
/* The image is wanted on the disk as soon as possible. */
void keep_now(struct catalog *catalog);
void keep_trim(struct catalog *catalog);
/* The image of another model, while none is being written; rescue_written() hears of it.  False: no
 * memory. */
bool keep_write(struct catalog *catalog, const struct model *model);
void keep_close(struct catalog *catalog);

#endif

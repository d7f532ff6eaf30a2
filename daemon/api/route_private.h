/* route_private.h - what the files of the route share. */
#ifndef API_ROUTE_PRIVATE_H
#define API_ROUTE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/route.h"
#include "api/route_message.h"
#include "base/limits.h"
#include "env/timer.h"

enum job_kind { JOB_PUT, JOB_READ, JOB_LOCATE, JOB_GRANT, JOB_KINDS };

struct route {
    struct control *control;
    struct net *net;
    struct clock *clock;
    struct list jobs;     /* of struct route_job: asked here, for clients of this node */
    struct list waits[ROUTE_WAIT_LISTS]; /* of them: for a leader, by its group */
    uint32_t job_count;   /* with those whose asker has been answered */
    uint32_t places[JOB_KINDS]; /* of the kind, taken; ROUTE_JOBS_MAX each */
    size_t put_bytes;     /* of records that jobs hold */
    uint64_t hurry_ms;    /* the next attempt of who waits for a leader that is known, or nearly, */
    uint32_t hurried;     /* and how many others are made in the same millisecond */
    uint32_t served_puts; /* of other nodes, being done here */
    uint32_t served_reads; /* and their locates */
    struct recents grants; /* of shards that this node leads, or led */
    bool closed;          /* freed when the last job and the last served call are gone */
};

/* A read asks the leader first, then whoever has a copy; so does anything that is asked of a group
 * that rests, whose members all answer. */
enum job_round { ROUND_LEADER, ROUND_ANYBODY };

#define TRIED_HERE (1u << 31)

struct route_job {
    struct list_node link; /* in route.jobs */
    struct list_node wait; /* in route.waits, from one attempt to the next */
    struct route *route;
    enum job_kind kind;
    bool placed;           /* counts in route.places */
    void *req;             /* struct route_put and so on; NULL: the asker has been answered */
    uint64_t group;
    uint64_t due_ms;       /* monotonic */
    uint64_t asked;        /* the node of the present attempt; 0 = nobody yet */
    uint64_t hint;         /* who leads, says the last answer; 0 = nobody knows */
    uint32_t hints;        /* followed in a row */
    uint64_t known;        /* who led as far as this node knew when the round began; 0 = nobody */
    uint32_t soons;        /* short pauses so far, for one that was about to lead */
    uint32_t anews;        /* ended early so far, for one that became known meanwhile */
    uint64_t began_ms;     /* monotonic */
    enum job_round round;
    bool no_place;         /* said by one who was asked since the last pause, */
    bool other_end;        /* and by one that it cannot for another cause */
    uint32_t full_rounds;  /* in a row, in which all said that they have no place */
    uint32_t tried;        /* in ROUND_ANYBODY: TRIED_HERE, and a bit per member of the shard */
    uint32_t first_place;  /* in ROUND_ANYBODY: of the member that is asked first */
    bool here;             /* the shard of this node has our request */
    bool hung;             /* it still has one of the same asker, that it did not answer in time */
    bool done;             /* `err` waits to be delivered */
    enum err err;
    struct reason reason;
    struct timer timer;    /* the next attempt, or the deadline of a request that is `here` */
    struct defer defer;
    struct net_call call;
    struct buf *records;   /* JOB_PUT */
    struct seqno first;    /* JOB_PUT: the result */
    bool throttled;        /* not of JOB_LOCATE: with ERR_BUSY */
    bool moved;            /* JOB_PUT: with ERR_CLOSED */
    struct position position; /* JOB_LOCATE: the result */
    struct grant_ask grant;   /* JOB_GRANT */
    struct read_answer read_answer; /* JOB_READ: the result */
    struct buf *answer;    /* JOB_READ, from another node: holds the result's bytes */
    union {
        struct put put;
        struct shard_read read;
        struct locate locate;
    };
};


/* Begins, or goes on, with time left or not.  May finish the job, but tells nobody at once. */
void job_attempt(struct route_job *job);

/* Everybody was asked: the next attempt comes after a pause, or at once when another leader became
 * known meanwhile. */
void job_wait(struct route_job *job);

/* After a short one: whoever was asked last is about to lead.  Likewise. */
void job_wait_soon(struct route_job *job);

/* The end of a pause, or of the patience with this node's own shard. */
void job_on_timer(struct timer *timer);

/* Those that wait for a leader of the group make their next attempt at once, ROUTE_HURRIED_MAX of
 * all groups in a millisecond. */
void job_leader_known(struct route *route, uint64_t group);

/* Tells the asker at the end of this turn; the job is gone then, or waits for its shard. */
void job_finish(struct route_job *job, enum err err);

/* Another job for the same asker: this one stays with the shard that does not let go of it.  NULL:
 * there is no place for one. */
struct route_job *job_anew(struct route_job *job);

/* The shard of this node does not have it any more. */
void job_free(struct route_job *job);

/* Frees the route when it is closed and nothing uses it any more. */
void route_settle(struct route *route);

/* Who leads the group as far as this node knows, or answers for it when it rests; 0 = unknown.  Its
 * own replica hears it first. */
uint64_t route_leader(const struct route *route, uint64_t group);

/* Whether this node answers for the shard, one of its own: it leads it, or it rests. */
bool route_answers(const struct shard *shard);

/* A place for what `req` asks. ERR_BUSY, ERR_NO_MEMORY. */
MUST_CHECK enum err job_new(struct route *route, enum job_kind kind, void *req, void **ret);

/* This node leads the shard. */
MUST_CHECK enum err grant_here(struct route_job *job);

/* net_request_cb of NET_GRANT. */
void grant_serve(void *ctx, const struct net_message *message, struct net_incoming *incoming);

/* Answers with an error; ERR_NOT_LEADER says whom to ask. */
void route_refuse(struct route *route, struct net_incoming *incoming, uint64_t group, enum err err,
                  const struct refusal *more);

/* Registers the kinds of calls that other nodes make. */
void route_serve(struct route *route);

/* From now on they are refused. */
void route_serve_nothing(struct net *net);

#endif

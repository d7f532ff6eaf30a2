/* replica_private.h - what the files of replica/ share: the structs and the
 * calls between them.
 *
 *     roster.c   ticks, frames, durable turns       -> replicas
 *     replica.c  life cycle, proposals, what the owner hears
 *     instance.c libraft's start and end, its state machine
 *     io_log.c   raft_io towards the log            io_net.c  towards the peers
 *     letter.c   messages that arrived
 *     fence.c    rules between libraft and the world
 *     election.c who asks for votes when            feed.c    followers behind libraft
 *
 * One rule for all: libraft is called from a turn of the loop, never from
 * inside itself, and after each call stands replica_settle().  Owners are
 * called from roster_work() only.
 */
#ifndef REPLICA_REPLICA_PRIVATE_H
#define REPLICA_REPLICA_PRIVATE_H

#include <raft.h>

#include "base/list.h"
#include "env/timer.h"
#include "replica/envelope.h"
#include "replica/outbox.h"
#include "replica/payload.h"
#include "replica/replica.h"
#include "replica/roster.h"
#include "replica/witness.h"

struct feed;

#define ADDRESS_BYTES 24u

/* One member of the group's epoch.  What follows the address is a leader's view of a follower, and
 * is forgotten at each change of leadership. */
struct member {
    uint64_t node;
    struct outbox_peer *peer; /* NULL for this node */
    char address[ADDRESS_BYTES]; /* the id in decimal: libraft wants a string */
    uint64_t match;           /* its log equals ours up to here */
    uint64_t hint;            /* it may lack this one, from its last rejection; 0 = unknown */
    uint64_t heard_ms;        /* when we sent the newest message that it answered; 0 = none */
    bool held;                /* F3: a success waits for our barrier */
    uint64_t held_index;
    uint64_t probe_prev, probe_end; /* F6: entries sent and not answered */
    uint64_t beat_ms;               /* last heartbeat in place of libraft's */
    uint64_t refused_ms;                      /* when it was last said to be behind retention */
    struct feed *feed;                        /* NULL when libraft reaches it */
};

/* Entries on their way to the disk. */
struct append {
    struct list_node link; /* in the roster's list, in the order of turns */
    struct list_node own;  /* in the replica's */
    struct replica *replica;
    struct raft_io_append *req;
    raft_io_append_cb cb;
    uint64_t turn, term, first, last;
    bool as_leader;
};

/* A message that was sent, or dropped: libraft waits to hear of it. */
struct sent {
    struct replica *replica;
    struct raft_io_send *req;
    raft_io_send_cb cb;
    int status;
};

/* One entry in libraft's hands, proposed here. */
struct request {
    struct raft_apply raft;
    struct list_node link; /* in `requests` or `lost` */
    struct replica *replica;
    struct proposal *proposal; /* NULL for a barrier */
    uint64_t index, term;
};

/* A committed entry that its owner has not heard of yet. */
struct applied {
    struct list_node link;
    struct entry_head head;
    struct buf *payload;
};

struct letter_entry {
    struct entry_head head;
    struct slice payload; /* lies in the letter's frame */
};

/* One message that arrived. */
struct letter {
    struct list_node link;
    uint64_t from;
    struct envelope envelope;
    struct buf *frame; /* a reference when there are entries */
    size_t bytes;
    struct letter_entry entries[];
};

enum transfer_phase { TRANSFER_NONE, TRANSFER_DRAIN, TRANSFER_QUIET, TRANSFER_BACK };

/* A leader's handing over, replica/transfer.h. */
struct transfer {
    struct timer timer;
    enum transfer_phase phase;
    uint64_t target, due_ms; /* of the phase */
    uint64_t begun_ms;
    bool fed; /* the target, with what it lacked */
};

struct replica {
    /* what a tick and a message look at first, close together: there may be thousands of us */
    struct roster *roster;
    uint64_t group;
    uint64_t calm_until_ms; /* following: libraft's election timer cannot fire before; 0 = ask it */
    uint64_t applied, hinted;
    struct letter *vote_held;
    bool started, broken, closing;
    bool over; /* its SEAL is applied */
    uint32_t epoch, member_count, self;
    struct member members[GROUP_MEMBERS_MAX];
    uint64_t start_index, start_term, preferred;
    const struct replica_events *events;
    void *ctx;

    struct raft raft; /* public calls only: its fields are not ours */
    struct raft_io io;
    struct raft_fsm fsm;
    raft_io_tick_cb tick;
    raft_io_recv_cb recv;

    /* what libraft was told and told us */
    uint64_t term, vote;
    uint64_t committed, committed_term, committed_time_ms; /* last one it applied */
    uint64_t loaded_last; /* entries up to here may have no payload in memory */
    uint64_t seal_index;  /* 0 = no SEAL in the log */
    uint64_t hard_turn;   /* F7: the turn that makes term, vote and truncations durable, */
    uint64_t claim_turn;  /* and that of its START and its last entry */
    struct list appends;
    struct raft_io_snapshot_put *put;
    raft_io_snapshot_put_cb put_cb;

    /* the call into libraft that is under way */
    struct buf *offer;            /* payload of the entry being proposed */
    const struct letter *reading; /* AppendEntries being received */
    uint32_t reading_skip;        /* its entries that were left out, F18 */
    uint64_t reading_end;         /* index up to which it speaks */
    uint64_t completing_term;     /* F2: term of the append being completed; 0 = none */

    /* leading */
    bool led_last; /* of those that were known to lead since it was opened */
    bool leading;
    uint64_t lead_term, lead_since_ms;
    uint64_t barrier_index; /* 0 = not proposed yet */
    bool barrier_durable, barrier_applied;
    struct list requests, lost;
    struct transfer transfer;

    /* following */
    uint64_t verified_term, verified_index; /* F12 */
    uint64_t stamp, stamp_term, stamp_from; /* of the newest AppendEntries read */
    struct letter *early; /* F22 */
    struct list inbox;
    size_t inbox_bytes;

    /* elections */
    uint64_t time_shift_ms, opened_ms;
    bool forgetful; /* may have promised a leader something before it was opened */
    struct list_node hurry_link;
    uint64_t hurry_ms, hurry_gone;
    uint32_t hurry_again_ms, hurry_more_ms, hurry_left;
    uint64_t let_go_stamp, let_go_term; /* of the leader's word that this hurry follows; 0 = none */
    bool let_go_only; /* another member was chosen by that word */
    bool muted;       /* what libraft asks for in this call does not go out */
    struct raft_request_vote asked; /* for votes of its term; 0: not since it followed */
    uint64_t sent_ms;               /* when it was sent last */
    bool refused;                   /* by somebody, in that term */
    uint32_t granted;               /* by these members: bits */

    /* what the owner has heard */
    enum replica_role role;
    uint64_t role_leader;
    uint64_t applied_term, applied_time_ms; /* of `applied` */
    uint64_t heard_ms; /* of a leader, replica_heard_ms() */
    uint64_t hinted_ms;
    struct list committed_queue;

    struct list_node ready; /* in the roster's list of those with something to do */
    struct list_node closing_link;
    uint32_t reads; /* of feeds, under way */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* One replica; its group beside it, so that a search does not visit the replicas. */
struct roster_row {
    uint64_t group;
    struct replica *replica;
};

struct roster {
    struct roster_options options;
    struct roster_world world;
    struct outbox outbox;
    struct witness witness;
    uint64_t opened_ms;
    bool trusted;   /* whoever could contradict the log has spoken, or had the time to */
    bool forgotten; /* S8: takes no part any more */
    bool retired;   /* asks for no votes */
    bool ails;      /* asks for them last */
    struct payload_store payloads;
    struct roster_row *rows; /* in ascending order of groups */
    size_t row_count, row_room;
    uint64_t changes;
    uint64_t changed[ROSTER_CHANGES_KEPT]; /* groups, by change */
    struct list appends; /* of all replicas, in the order of turns */
    struct sent *sent;
    size_t sent_count, sent_room;
    struct {
        struct list waiting; /* of struct feed: for their turn to read the log */
        uint32_t reading;    /* at most FEEDS_READ_MAX */
    } feeds;
    struct list ready, closing, hurried;
    struct defer work;
    struct timer ticker, hurry;
    struct roster_figures figures;
};

/* ---- replica.c ---- */
/* To be called after each call into libraft. */
void replica_settle(struct replica *replica);
/* It has something to do at the end of the turn. */
void replica_wake(struct replica *replica);
/* What it has to do, at the end of the turn.  Calls the owner. */
void replica_turn(struct replica *replica);
/* One tick of the roster's timer. */
void replica_tick(struct replica *replica);
/* Ends what is closing, when it can.  True when it is freed. */
bool replica_finish(struct replica *replica);
struct member *replica_member(struct replica *replica, uint64_t node);
uint64_t replica_now_ms(const struct replica *replica);

/* Who begins an epoch has all up to its SEAL: this is its index.  0: the replica began elsewhere,
 * or it is not known. */
uint64_t replica_begun_with(const struct replica *replica);

/* No more leader; legal when it is none. */
void replica_lead_end(struct replica *replica);

/* ---- instance.c ---- */
MUST_CHECK enum err instance_start(struct replica *replica, struct reason *reason);
/* libraft forgets everything, the log keeps it; legal when it was not started. */
void instance_stop(struct replica *replica);
void instance_restart(struct replica *replica);

/* ---- roster.c ---- */
void roster_add_work(struct roster *roster);

/* Another replica_glance() is to be had of the group's replica, or it comes or goes. */
void roster_note_change(struct roster *roster, uint64_t group);

MUST_CHECK enum err roster_insert(struct roster *roster, struct replica *replica);
void roster_remove(struct roster *roster, struct replica *replica);

/* ---- io_log.c ---- */
void io_log_init(struct replica *replica);
/* Tells libraft that the entries are durable; frees `append`. */
void io_log_complete(struct append *append);
void io_log_complete_put(struct replica *replica);
/* F11: everything that libraft waits for, before it closes. */
void io_log_cancel(struct replica *replica);

/* ---- io_net.c ---- */
void io_net_init(struct replica *replica);
/* A message of this group and epoch; takes the letter. */
void io_net_receive(struct replica *replica, struct letter *letter);
/* Gives libraft what waited and may pass now. */
void io_net_pump(struct replica *replica);
/* F3: the successes that waited for the barrier. */
void io_net_release(struct replica *replica);
void io_net_cancel(struct replica *replica);
/* Sends one AppendEntries of this leadership, cut into parts. */
void io_net_append(struct replica *replica, struct member *member, uint64_t prev_index,
                   uint64_t prev_term, const struct outbox_entry *entries, uint32_t count);
/* A heartbeat that each member accepts: at the epoch's start. */
void io_net_beat(struct replica *replica, struct member *member);
/* One that has no more than a type and a stamp. */
void io_net_word(struct replica *replica, struct member *member, enum envelope_type type,
                 uint64_t stamp);

/* ---- letter.c ---- */
void letter_free(struct letter *letter);
/* The heads of its entries from `skip` on, `append->n_entries`, in libraft's memory.  False: there
 * is none. */
MUST_CHECK bool letter_entries(const struct letter *letter, uint32_t skip,
                               struct raft_append_entries *append);

#endif

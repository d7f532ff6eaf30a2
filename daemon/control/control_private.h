/* control_private.h - the parts of a node's control and what they ask of each other.
 *
 *     control.c    builds and tears down, and the answers of control.h
 *     bootstrap.c  which cluster this node belongs to
 *     guide.c      tells those that have lost everything, and hears of it
 *     enrol.c      the founding in the model, this node's row there, links to the others
 *     gossip.c     says what this node leads, hears what others lead
 *     host.c       opens and closes this node's shards
 *     lifecycle.c  on the catalogue's leader: streams into ACTIVE and out of DELETING
 *     reshard.c    likewise: splits and merges, from BeginReshard to CommitReshard
 *     stranded.c   likewise: open shards that have ended, and nobody knows why
 *     ending.c     ends a shard that this node leads, when the former asks
 *     retire.c     on the catalogue's leader: closed shards that nobody can read any more go
 *     replace.c    on the catalogue's leader: who takes the places of nodes that leave
 *     epoch_catalog.c   for the catalogue's own group: who came back without a disk, by voters.h
 *     moving.c     which groups are on their way to other members
 *     nodes.c      what operators ask about nodes
 *     whole.c      on the catalogue's leader: shards that all members have whole
 *     rest.c       which groups of closed shards run no Raft
 *     copies.c     what this node has of shards that it left: trimmed, and let go by the former
 *     retain.c     trims by the agreed time
 *     overtaken.c  a member that retention overtook gets a new epoch to come into
 *     ailing.c     whether this node should lead nothing
 *     balance.c    hands groups that this node leads to the members that are preferred
 *     room.c       says when the log is full
 *     succession.c epochs: who is behind   fill.c  fills them up, moves slowly (moved.h)
 *                  epoch_serve.c  answers them, by pace.h
 *     damage.c     says when entries of the log are damaged
 *     repair.c     fetches them from other members, and gives them to others
 *     compare.c    compares replicas with those of other members   compare_serve.c  answers
 *     leave.c      before it: hands over all that this node leads
 *     stop.c       the graceful end
 */
#ifndef CONTROL_CONTROL_PRIVATE_H
#define CONTROL_CONTROL_PRIVATE_H

#include "base/list.h"
#include "control/allowance.h"
#include "control/absence.h"
#include "control/ailment.h"
#include "control/compare_message.h"
#include "control/control.h"
#include "control/founding.h"
#include "control/guide.h"
#include "control/heirs.h"
#include "control/identity.h"
#include "control/leaders.h"
#include "control/liveness.h"
#include "control/members.h"
#include "control/pace.h"
#include "control/renewal.h"
#include "control/rescue.h"
#include "control/scale.h"

/* A node that this one has a link to, as it described itself. */
struct bootstrap_peer {
    uint64_t node, boot;
    uint64_t up_ms; /* monotonic, of the link */
    bool up, foreign; /* foreign: of another cluster, and said so */
    struct identity_cluster cluster;
    bool apart; /* of a rescue of the catalogue that was made apart from this node's, and said so */
    char name[MODEL_NAME_MAX + 1];
    char az[MODEL_NAME_MAX + 1];
    char dialled[NET_ADDRESS_MAX + 1]; /* the address that it answered at */
    char address[MODEL_ADDRESS_MAX];   /* the one that it gives itself */
    bool talking, asked;               /* `call` is under way; it is a question */
    struct net_call call;
    struct control *control;
};

struct bootstrap {
    struct identity_cluster cluster; /* durable; id 0: none yet */
    bool joined;                     /* the catalogue knows it */
    bool founder;
    bool writing;
    struct founding_wait founding;
    struct bootstrap_peer peers[CONTROL_PEERS_MAX];
    uint32_t peer_count, shown; /* the second counts peer_show() */
    struct timer timer;
};

struct enrol {
    struct catalog_change change; /* FOUND or SET_NODE */
    bool changing;
    bool replaced; /* another node has taken this one's name: noted, and not fought over */
    bool listed;   /* this node's row was seen in the model, */
    uint64_t history; /* of this rescue of the catalogue: model_token() */
    struct renewal_former former; /* ids that this node gave up, until its row is seen */
    uint64_t opened_ms;
    struct reason why; /* it waits to come back under its new one */
    uint64_t said_ms;  /* that was said then */
    uint32_t dialled_count;
    char dialled[NODE_ROWS_MAX][NET_ADDRESS_MAX]; /* where nodes of the model are, or were */
};

struct host_shard;

struct host {
    struct host_shard **shards; /* ascending by group */
    uint32_t count, room, live; /* live: open or closing */
    struct timer timer;
    bool again;     /* the model changed while a pass was under way */
    int phase;      /* enum host_phase */
    uint64_t after; /* the group looked at last in this phase */
    uint32_t missing, missing_now; /* shards of ACTIVE streams that are not open: last pass, this */
    bool sealing;   /* in this pass a leader was asked to end an epoch: look again soon, */
    bool sealing_more; /* or sooner, as more of them wait for their turn */
    uint32_t seals; /* leaders that were asked for the first time since `seals_ms` */
    uint64_t seals_ms, index; /* index: the model's when the last pass began */
    bool passed;    /* at least one pass is complete */
    uint64_t noted; /* groups up to this one that nobody knows were noted */
    void (*closed)(struct control *control);
    void (*leader_known)(void *ctx, uint64_t group); /* NULL: nobody wants to hear of it */
    void *leader_ctx;
};

struct comer;

/* When a node was last told that a group is in a later epoch. */
struct epoch_told {
    uint64_t group, node, again_ms;
};

/* Pulls of this node that are under way, and what wakes those that wait (filling.c). */
struct filling {
    uint32_t calls;
    uint64_t bytes; /* asked for */
    uint64_t came_ms, first_ms; /* a group came last, and the first of those that gather */
    struct timer timer;
};

struct succession {
    struct comer **comers;
    uint32_t count, room;
    uint32_t active; /* asking, closing or pulling */
    struct filling filling;
    uint64_t stuck, stuck_until_ms; /* a node that did not answer a pull (control/giver.c) */
    struct list pulls_waiting; /* of others, of struct pulled */
    uint32_t pulls, pulls_at_once, pulls_read; /* of others: all; those that the log reads for */
    uint64_t pulls_read_bytes;
    struct pace pace;
    struct timer pace_timer;
    struct epoch_told told[EPOCH_WORDS_MAX];
};

struct gossip {
    struct timer every, soon;
};

struct lifecycle_end {
    uint64_t stream, index; /* the model's index when this leader first saw it in DELETING */
};

struct lifecycle {
    struct catalog_change change;
    bool changing;
    struct timer timer;
    struct lifecycle_end ends[CONTROL_DELETING_MAX];
    uint32_t end_count;
};

/* A parent: what its leader was asked, and has said. */
struct reshard_parent {
    struct control *control;
    uint64_t group;   /* 0: the place is free */
    uint32_t number, epoch;
    bool ends;        /* the question was to end, else whether it could */
    bool asking, able, ended;
    uint64_t able_ms; /* monotonic: when it said so */
    struct shard_ending ending;
    struct net_call call;
};

struct reshard_change {
    struct control *control;
    struct catalog_change change;
    bool under_way;
};

struct stranded {
    uint64_t turn;   /* the group that was taken up last: the next one is behind it */
    uint64_t said;   /* of groups up to this one it was said that they cannot be; 0: of none */
    bool under_way;  /* what begins is for one of them */
};

struct reshard {
    struct timer timer;
    struct reshard_change commit, begin; /* a begin that cannot be placed holds up no commit */
    uint64_t begin_ms; /* not before: the last one failed */
    uint32_t turn;     /* of the streams that begin */
    struct stranded stranded;
    struct reshard_parent parents[CATALOG_ENDS_MAX];
};

struct scaling {
    struct timer timer;
    struct scale_load *loads; /* of shards that this node leads, ascending by group */
    uint32_t count;
    struct catalog_change change;
    bool changing;
    uint64_t again_ms; /* not before: the last one failed */
    uint32_t turn;     /* of the streams */
};

struct retire {
    struct timer timer;
    struct catalog_change change;
    bool changing;
};

struct moving {
    uint64_t *groups; /* that this node comes into, or leaves, ascending */
    uint32_t count, room;
    uint64_t index; /* the model's when it looked; 0: the list is not whole */
};

struct replace {
    struct timer timer;
    struct absence absence;
    bool leading;         /* it led the catalogue at the last look */
    uint64_t spread_ms;   /* when replicas may be looked at for a better spread */
    uint64_t moved_index; /* of the last change of members, or of the model when it began to lead */
    uint32_t replaced;    /* rows of lost disks that the model had at its last change */
    struct catalog_change change; /* SET_MEMBERS or FORGET_NODE */
    bool changing;
    bool passing;
    uint64_t forgetting; /* the node that FORGET_NODE removes; 0: the change is the other one */
    struct members_look look;
};

struct overtaken {
    struct catalog_change change; /* SET_MEMBERS */
    bool changing;
    uint64_t groups[CATALOG_MEMBERS_ROWS_MAX]; /* of leaders here, to be asked for next */
    uint32_t epochs[CATALOG_MEMBERS_ROWS_MAX];
    uint32_t count;
};

struct whole {
    struct timer timer;
    struct catalog_change change; /* WHOLE_SHARDS */
    bool changing;
    uint64_t after;      /* the group looked at last */
    uint64_t pass_index; /* the model's when this pass began, */
    uint64_t done_index; /* and when the last one did that found nothing */
    bool found;          /* something, in this pass */
    struct change_whole rows[CATALOG_WHOLE_ROWS_MAX]; /* in the model at `index` */
    uint32_t count, looks;
    uint64_t index;
};

struct copies {
    struct timer timer;
    uint64_t after;       /* the group looked at last in this pass */
    bool sought;          /* one was trimmed in this pass, or is about to be */
    uint64_t sought_last; /* the group that was */
    bool seeking;
    struct log_seek seek;
    struct control_copies counting, figures;
};

struct retain {
    struct timer timer;
    struct catalog_refresh refresh;
    struct rescue_look look;
    bool asking;
    uint64_t asked_ms; /* agreed when that was asked */
    uint64_t asked_mono_ms, known_mono_ms; /* monotonic: the same, and for `now_ms` */
    uint64_t now_ms;   /* agreed, for retention: the catalogue is known as of then; 0: not yet */
    uint64_t after;
    bool passing;
};

struct reading_clock {
    uint64_t agreed_ms; /* at the last look that found one; 0: none did yet */
    uint64_t looked_ms; /* monotonic */
};

struct ailing {
    struct ailments ailments;
    struct ailment_writes writes;
    enum ailment now;
    uint64_t begun; /* times that it did */
    uint64_t write_us, hangs_us, peers_us; /* of the last look */
    int64_t clock_off_ms;                  /* likewise */
};

struct balance {
    struct timer timer;
    struct leaders leaders;
    struct heirs heirs;     /* of this round over the groups, when this node is to lead nothing */
    uint64_t after;         /* the group looked at last */
    uint64_t moved, failed; /* of roster_figures, at the last look */
    uint64_t refused;       /* tries that did not begin: the member was not ready for it */
};

/* A group that is being handed over. */
struct leave_flight {
    uint64_t group, heir;
};

struct leave {
    struct timer timer;
    void (*left)(void *ctx);
    void *ctx;
    uint64_t begun_ms;
    struct heirs heirs;
    struct leave_flight flying[CONTROL_LEAVE_AT_ONCE];
    uint32_t flying_count;
    uint64_t after;     /* the group looked at last in this round; */
    bool walked;        /* or all were */
    uint32_t postponed; /* groups of this round that the next one tries */
    uint32_t moved;
};

struct room {
    uint32_t looks;    /* in a row that found the log full */
    uint64_t noted_ms; /* when that was said last; 0 = it has room */
};

struct damage_notes {
    uint64_t begun_ms; /* of this minute; 0 = none yet */
    uint64_t unsaid;   /* findings since the last line */
    uint32_t said;     /* lines in this minute */
};

struct repair {
    struct timer timer;
    bool soon;              /* the timer runs because something was found */
    struct entry_head head; /* under way, or looked at last in this round */
    uint32_t asked;         /* members that were asked for it, or passed over */
    uint64_t node;          /* the one that is asked */
    bool asking;            /* `call` is under way */
    struct net_call call;
    struct log_mend mend;
    struct buf *payload; /* NULL unless it is being written */
    uint32_t served;     /* entries that are read for others */
    uint64_t noted_ms;   /* when a failure was said last */
    struct control_repairs figures;
};

struct compare {
    struct timer timer;
    bool running;  /* a pass is under way */
    bool asking;   /* `call` is, and `read` holds what it is about */
    uint64_t begun_ms;
    uint64_t group, node, next; /* under way: with this member, from this entry on */
    uint32_t member, epoch;     /* its place in the group's members; the group's */
    uint32_t yields, said;
    struct log_read read;
    struct net_call call;
    struct compare_ask ask;
    uint32_t served; /* others' questions that are being read for */
    struct control_compares pass, figures;
};

struct control {
    struct control_options options; /* its texts belong to this struct */
    char *texts[7];
    char *seeds[CONTROL_SEEDS_MAX];
    struct control_world world;
    struct log *log;
    struct scrub *scrub; /* NULL: the log is not searched */
    struct roster *roster;
    struct catalog *catalog;
    size_t tail_bytes_left;

    struct liveness liveness;
    struct bootstrap bootstrap;
    struct guide guide;
    struct enrol enrol;
    struct host host;
    struct gossip gossip;
    struct succession succession;
    struct allowance allowance, moves; /* of fills and repairs; of moves, which pay both */
    struct lifecycle lifecycle;
    struct reshard reshard;
    struct retire retire;
    struct scaling scaling;
    struct moving moving;
    struct replace replace;
    struct overtaken overtaken;
    uint64_t aside_noted[CONTROL_ASIDE_NOTED_MAX]; /* groups whose copy was said to be put aside */
    uint32_t voters_told; /* the catalogue's epoch that this node has said to its members */
    struct whole whole;
    struct copies copies;
    struct retain retain;
    struct ailing ailing;
    struct reading_clock reading;
    struct balance balance;
    struct leave leave;
    struct room room;
    struct damage_notes damage;
    struct repair repair;
    struct compare compare;

    bool aimed;          /* `ready_index` is known */
    bool caught_up;      /* the catalogue got there */
    uint64_t caught_up_ms;
    uint64_t ready_index;

    bool leaving; /* about to be closed: control_leave() */
    bool closing;
    uint64_t drain_due_ms;
    struct timer drain;
    uint32_t busy; /* jobs on workers */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

uint64_t control_now_ms(const struct control *control); /* monotonic */
void control_fail(struct control *control, const struct reason *reason);
/* Ends this node, which is no part of its cluster any more; its directory must not be used
 * again. */
void control_remove(struct control *control, const struct reason *reason);
/* Whether the catalogue got as far as its leader was when this node started. */
void control_catch_up(struct control *control);
struct change_stamp control_stamp(struct control *control);

/* ---- bootstrap.c ---- */
/* After the catalogue is open, before anything is dialled; blocking. */
MUST_CHECK enum err bootstrap_open(struct control *control, struct reason *reason);
void bootstrap_peer_up(struct control *control, const struct net_peer *peer);
void bootstrap_peer_down(struct control *control, uint64_t node);
/* What a node said later than in its greeting. */
void bootstrap_peer_said(struct control *control, uint64_t node,
                         const struct identity_cluster *cluster);
/* How far its catalogue is, and of which rescue: a node in a history that has ended is told. */
void bootstrap_peer_at(struct control *control, uint64_t node, uint64_t index, uint64_t token);
/* Greets, and starts without an image, with the members that the catalogue has now. */
void bootstrap_members(struct control *control);
/* False for nodes of another cluster: what they say is not listened to. */
bool bootstrap_is_ours(const struct control *control, uint64_t node);
void bootstrap_dial(struct control *control, const char *address);
void bootstrap_close(struct control *control);
/* Whether this node is one of its own seeds.  Another one can join a cluster, but found none. */
bool bootstrap_is_seed(const struct control *control);

/* ---- enrol.c ---- */
MUST_CHECK enum err enrol_open(struct control *control, struct reason *reason);
void enrol_changed(struct control *control);
void enrol_close(struct control *control);

/* ---- gossip.c ---- */
void gossip_open(struct control *control);
/* What this node leads has changed. */
void gossip_soon(struct control *control);
/* To all, at once. */
void gossip_now(struct control *control);
void gossip_close(struct control *control);

/* ---- host.c ---- */
void host_open(struct control *control);
/* The model may want something else: a pass begins. */
void host_kick(struct control *control);
struct shard *host_find(const struct control *control, uint64_t group);
struct shard *host_next(const struct control *control, uint64_t after);
/* Open, or not quite closed. */
bool host_has(const struct control *control, uint64_t group);
/* Whether this node may still have shards to open or to close. */
bool host_busy(const struct control *control);
/* Closes the open shard of `group`; succession_closed() hears of it. */
void host_end(struct control *control, uint64_t group);
/* Closes all, then calls `closed` once. */
void host_close(struct control *control, void (*closed)(struct control *control));

/* ---- lifecycle.c ---- */
void lifecycle_open(struct control *control);
void lifecycle_look(struct control *control);
void lifecycle_close(struct control *control);

/* ---- reshard.c ---- */
void reshard_open(struct control *control);
void reshard_look(struct control *control);
void reshard_close(struct control *control);

/* ---- stranded.c ---- */
struct reshard_step;
/* What an open shard needs that has ended, the next one in turn; false: there is none. */
bool stranded_next(struct control *control, const struct model_stream **stream,
                   struct reshard_step *step);
/* What came of it: said once of each until one of them could be replaced. */
void stranded_done(struct control *control, enum err err, const struct reason *reason);

/* ---- ending.c ---- */
void ending_open(struct control *control);
void ending_close(struct control *control);
/* What a leader is asked: NULL without memory. */
struct buf *ending_ask(uint64_t group, bool ends);
/* ERR_CORRUPT. */
MUST_CHECK enum err ending_read(struct slice answer, struct shard_ending *ret);

/* ---- scaling.c ---- */
void scaling_open(struct control *control);
void scaling_close(struct control *control);
/* The groups of that word, ascending; there is room for all that this node has. */
size_t scaling_list(const struct control *control, enum scale_word word, uint64_t groups[]);

/* ---- retire.c, retain.c ---- */
void retire_open(struct control *control);
void retire_close(struct control *control);
void retain_open(struct control *control);
void retain_close(struct control *control);

/* ---- replace.c ---- */
void replace_open(struct control *control);
void replace_close(struct control *control);
void replace_changed(struct control *control);
/* What members.h is told, as this node sees it. */
struct members_world replace_world(struct control *control);

/* ---- moving.c ---- */
/* Before each word: what moves here.  False: no memory. */
MUST_CHECK bool moving_look(struct control *control);
/* Whether each node that is up has said what moves there at this index of the model, or later. */
bool moving_known(const struct control *control, uint64_t index);
/* The group is on its way, here or on a node that is up; on that one. */
bool moving_has(const struct control *control, uint64_t group);
bool moving_on(const struct control *control, uint64_t node, uint64_t group);
uint32_t moving_count(const struct control *control); /* CONTROL_MOVES_AT_ONCE_MAX at most */
void moving_close(struct control *control);

/* ---- overtaken.c ---- */
/* The group, which this node leads in this epoch, needs the next one with the same members: one
 * of them is away, and retention waits for it, or has taken what it lacks.
 * roster_options.on_behind. */
void overtaken_told(void *ctx, uint64_t group, uint32_t epoch, uint64_t node);
void overtaken_close(struct control *control);

/* ---- whole.c ---- */
void whole_open(struct control *control);
void whole_close(struct control *control);

/* ---- rest.c ---- */
/* Whether this node has the row's group up to its END, and it does not rest. */
bool rest_has_end(const struct control *control, const struct model_shard *row);
/* Whether this node's member of it is to be opened without Raft. */
bool rest_opens(const struct control *control, const struct model_shard *row);
/* Whether it is open, and to be opened anew, because it is to rest from now on, or to wake. */
bool rest_turns(const struct control *control, const struct model_shard *row,
                const struct shard *shard);

/* ---- copies.c ---- */
void copies_open(struct control *control);
void copies_close(struct control *control);

/* ---- limits.c ---- */
struct quota_limits limits_of_shard(const struct control *control,
                                    const struct model_stream *stream);

/* ---- ailing.c ---- */
/* Once a second. */
void ailing_look(struct control *control);

/* reading.c: once a second */
void reading_look(struct control *control);

/* ---- balance.c ---- */
void balance_open(struct control *control);
void balance_close(struct control *control);

/* ---- room.c ---- */
/* Every few seconds. */
void room_look(struct control *control);
/* With less room than this it counts as full. */
uint64_t room_some(const struct control *control);
/* Whether it takes records. */
bool room_has_some(const struct control *control);
/* Whether it takes no group that would have to be filled now. */
bool room_is_full(const struct control *control);
/* Whether it was said that it is full, and is so still. */
bool room_is_short(const struct control *control);

/* ---- damage.c ---- */
/* For log_options.on_damaged; `ctx` is the control. */
void damage_on_found(void *ctx, const struct log_damage *damage, const struct reason *why);
/* For scrub_options.on_pass. */
void damage_on_pass(void *ctx, const struct scrub_pass *pass);
/* Whether this node is the group's only member. */
bool damage_is_alone(const struct control *control, uint64_t group);

/* ---- repair.c ---- */
void repair_open(struct control *control);
/* A damaged entry was found. */
void repair_wake(struct control *control);
void repair_close(struct control *control);

/* ---- compare.c, compare_serve.c ---- */
void compare_open(struct control *control);
void compare_close(struct control *control);
/* For net_handle(). */
void compare_on_ask(void *ctx, const struct net_message *message, struct net_incoming *incoming);
void compare_on_ask_closed(void *ctx, const struct net_message *message,
                           struct net_incoming *incoming);

/* ---- stop.c ---- */
/* A job on a worker has ended. */
void stop_idle(struct control *control);

#endif

/* comer.h - a group of this node on its way into the newest epoch.
 *
 *     succession.c  who must come in, and when; the end of an epoch
 *     giver.c       whom
 *     fill.c        comparing and filling up, once the newest epoch was answered
 *     filling.c     which of those that are filled pulls next, and how much
 *     moved.c       whether one of them only moves
 */
#ifndef CONTROL_COMER_H
#define CONTROL_COMER_H

#include "control/control_private.h"
#include "control/epoch_message.h"

enum comer_phase {
    COMER_WAITS,  /* for its turn, or for the next try */
    COMER_ASKS,
    COMER_CLOSES, /* the shard of the earlier epoch */
    COMER_COMPARES,
    COMER_PULLS
};

/* A group of this node that lacks the newest epoch. */
struct comer {
    struct control *control;
    uint64_t group;
    uint32_t epoch; /* known to exist, or wanted */
    enum comer_phase phase;
    uint64_t from;  /* whom to ask first; 0 = a member of the row */
    uint32_t woken; /* by words of this epoch, so often */
    uint32_t turn;  /* which member next */
    uint32_t other_turn; /* likewise which node that is none */
    uint32_t common_asked; /* who gives to others, so often */
    bool queued;    /* waits until others are through (FILLS_MAX) */
    uint32_t wait_ms;
    struct net_call call;
    bool calling;
    struct timer timer;
    /* answered */
    uint64_t source, giver; /* who is asked; who was the last that could give */
    struct epoch_answer answer;
    uint32_t begun_epoch; /* of one that leaves: which of its members have begun */
    uint64_t begun[GROUP_MEMBERS_MAX];
    uint32_t begun_count;
    uint64_t kept;   /* own entries up to here are the group's; 0 = those that are applied */
    uint64_t next;   /* first entry that is lacking, or is to be compared */
    uint64_t next_ms; /* not later than that one's time */
    uint32_t asked_bytes; /* by the pull that is under way; 0: none is, or it compares */
    uint32_t entry_bytes; /* the largest entry of the last answer */
    uint64_t filled_bytes;
    uint64_t round_ms; /* it began to pull what the last answer was of, */
    uint64_t last_round_ms; /* and took so long with what the one before was of; 0: none was */
    uint64_t asked_further; /* who was asked anew */
    bool gave;       /* the source has given some of it: it is asked first when a pull fails */
    bool urgent;     /* it is no mere move (moved.h), or was none once */
    bool live;       /* it ran here in the last epoch when it heard of this one */
};

#define COMER_WAIT_MS_FIRST 10u

/* ---- succession.c ---- */
/* Tries again after a pause that grows. */
void comer_later(struct comer *comer);
void comer_free(struct comer *comer);
/* Whether it runs here in the last epoch, or did when it heard of this one: it lacks little if
 * anything, and writers may wait for it. */
bool comer_is_live(const struct comer *comer);
/* Of `timer`: goes on where the comer waits. */
void comer_on_timer(struct timer *timer);

/* ---- giver.c ---- */
/* The node to ask next; 0: nobody is up. */
uint64_t giver_choose(struct comer *comer);
/* Whether what `source` has answered is left, because a member that gives to others may begin in a
 * moment: what is pulled from that one costs no read of its own.  Then it is to be asked soon. */
bool giver_awaits_common(struct comer *comer);
/* The node has not answered a pull in time; for STUCK_MS it is nobody's choice while another is up,
 * and nobody pulls from it. */
void giver_failed(struct control *control, uint64_t node);
bool giver_is_stuck(const struct control *control, uint64_t node);
/* Of one that leaves: whether it has heard that this member of the next epoch has begun. */
bool giver_has_begun(const struct comer *comer, uint64_t node);

/* ---- fill.c ---- */
/* No shard of the group is open here, and `answer` is of a newer epoch than the log has. */
void fill_adopt(struct comer *comer);
/* What the one that answered has let go was too old there, and goes here too: even before the
 * answer's epoch may be entered, because a full log takes no changes of the catalogue that would
 * allow it.  No shard of the group is open here, and the log knows it. */
void fill_let_go(struct comer *comer);
/* Pulls `asked_bytes`. */
void fill_ask(struct comer *comer);

/* ---- filling.c ---- */
void filling_open(struct control *control);
void filling_close(struct control *control);
/* It is about to pull: others may come in a moment, and it waits for them unless writers may wait
 * for it. */
void filling_came(struct comer *comer);
/* Whether it went on from the last epoch and lacks only the last few entries: writers may wait. */
bool filling_lacks_little(const struct comer *comer);
/* Lets those pull that may. */
void filling_kick(struct control *control);
/* The comer's pull, if one was under way, is over and gave so many bytes. */
void filling_answered(struct comer *comer, size_t bytes);
/* It took so many that are no pull's: who compares waits for nothing, and those that pull pay. */
void filling_took(struct comer *comer, size_t bytes);

#endif

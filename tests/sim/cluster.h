/* cluster.h - nodes of the real code on simulated worlds: how they start, stop and die.
 *
 * A node is everything from control/ downwards, and api/route.h on top, as in
 * the daemon; what lies below env/ is simulated.
 */
#ifndef SIM_CLUSTER_H
#define SIM_CLUSTER_H

#include "history.h"
#include "net_sim.h"
#include "world.h"

/* What a seed switches on, and its sizes (swarm testing: each seed another mixture). */
struct cluster_options {
    uint32_t node_count;
    uint32_t replication;
    uint32_t shard_count;
    uint32_t client_count;
    uint64_t segment_bytes;
    uint64_t log_bytes_max; /* 0 = the disk decides */
    uint64_t read_gap_bytes;
    uint32_t put_pause_ms; /* mean pause of a client between puts */
    uint64_t put_bytes_most; /* all clients; then they put little and seldom; 0 = no limit */
    struct net_weather weather;
    uint32_t transfer_pause_ms; /* mean pause between leaders' handing over, 0 = never */
    uint32_t reseal_pause_ms; /* mean pause between epochs that are ended, 0 = never */
    bool balance;               /* nodes hand leaders back to those that are preferred */
    bool churn;                 /* streams come and go */
    bool drain;                 /* nodes are drained now and then */
    bool two_builds;            /* nodes are restarted with an older build too (builds.h) */
    uint32_t knows;             /* builds of this cluster version; 0: of the newest */
    uint32_t replace_after_ms;  /* a node that is down for so long is given up; 0: never */
    uint32_t founding_wait_ms;  /* 0: nobody holds the cluster before it is founded */
    uint32_t faults;            /* bits of enum fault, nemesis.h */
    uint32_t steady;            /* those that come every few seconds besides */
    uint32_t fault_pause_ms;    /* at most, between two that are tried */
    bool compare;               /* replicas are compared with each other */
    bool rot;                   /* bits flip on the disks, rot.h */
    bool unsearched;            /* and nobody looks for them: to see that this is found */
    bool aimed;                 /* faults at leaders at elections */
    uint32_t isolate_first_of;  /* one in so many new leaders is cut off after its first entry */
    uint32_t moments;           /* bits of enum moment, moments.h: which are aimed at, */
    uint32_t moment_of;         /* and how often: one in so many */
    uint32_t drift_ppm_max;     /* how far clocks go wrong */
    uint32_t skew_ms_max;       /* how far wall clocks are apart from the start */
    uint32_t wall_speed;        /* of all wall clocks, so that retention comes about */
    uint32_t retention_hours;   /* of the stream */
    uint32_t retention_hours_first; /* with which it is created; 0: the same */
    bool tail_readers;         /* no reader begins anew */
    uint32_t unheard_terms;    /* at most, by which a start raises a group's term */
    bool all_first;            /* the stream is created when all nodes are in */
    bool large;                 /* some records are of many blocks */
    bool forgets;               /* nodes keep little in memory of what they have applied */
    bool subscribers;           /* some readers wait at the tip, */
    uint32_t away_ms;           /* and at times none, for so long at most; 0: they stay */
    bool tide;                  /* streams in ON_DEMAND mode are scaled, tide.h */
};

struct cluster {
    struct world *world;
    struct cluster_options options;
    struct history *history;
    bool healing;   /* no more faults */
    bool hush;      /* clients begin no put */
    uint64_t flips; /* bits */
    uint64_t starts, kills, powers, pauses, cuts, jumps, stalls, stops, aimed, wipes;
    uint64_t id_lost_ns; /* when a disk was lost last, and its node's id with it; 0: never */
    uint64_t struck, disk_errors, disk_deaths, fulls, reseals;
    uint64_t transfers, handed_over;     /* begun; come about, as far as seen */
    uint64_t stream;                     /* id of the stream, 0 until it is ACTIVE */
    void *workload;                      /* of workload.h */
    void *subscribers;                   /* of subscribers.c, NULL when there are none */
    void *sights;                        /* of checks.c */
    void *promises;                      /* of promises.c */
    void *moments;                       /* of moments.c */
    void *figure8;                       /* of figure8.c, NULL when it is not played */
    void *forgotten;                     /* of forgotten.c, likewise */
    void *rolling;                       /* of rolling.c, likewise */
    void *pause;                         /* of pause.c, likewise */
    uint64_t members_changed;            /* epochs behind the first ones, as far as seen */
    bool drain_ending;                   /* the check drains, nobody else */
    uint64_t handed_seen[SIM_NODES_MAX]; /* of each node's process, in this life */
    uint32_t handed_life[SIM_NODES_MAX];
    void *rot;             /* of rot.c, NULL when no bits flip */
    uint64_t leader_terms; /* leaderships seen */
    bool unplayed;         /* the scenario never came to what it plays */
};

static inline struct cluster *cluster_of(struct world *world)
{
    return world->cluster;
}

void cluster_init(struct cluster *cluster, struct world *world,
                  const struct cluster_options *options);
void cluster_fini(struct cluster *cluster);

/* To which fills of this seed are limited; 0: they are not. */
uint64_t cluster_fill_bytes_per_s(const struct world *world);
/* Likewise those that are moves, alone. */
uint64_t cluster_move_bytes_per_s(const struct world *world);

/* Starts the node's process, unless it runs. */
void cluster_start(struct world *world, struct sim_node *node);

/* Ends it at once. */
void cluster_kill(struct world *world, struct sim_node *node, enum death death);

/* Ends it as soon as the present event has run. */
void cluster_doom(struct sim_node *node, enum death death);

/* Ends it in an orderly way, as SIGTERM does. */
void cluster_stop(struct world *world, struct sim_node *node);

/* Starts it after a while. */
void cluster_start_later(struct world *world, struct sim_node *node, uint64_t delay_ns);

#endif

#include "scenario.h"

#include <stdio.h>
#include <string.h>

#include "ailing.h"
#include "brook.h"
#include "builds.h"
#include "catalog/version.h"
#include "creating.h"
#include "drain.h"
#include "far_clock.h"
#include "figure8.h"
#include "forgotten.h"
#include "full_elections.h"
#include "giver.h"
#include "handover.h"
#include "leaver.h"
#include "lost_catalog.h"
#include "lost_majority.h"
#include "lost_seeds.h"
#include "moments.h"
#include "nemesis.h"
#include "overtaken.h"
#include "pause.h"
#include "raised.h"
#include "reshard.h"
#include "rolling.h"
#include "stale_server.h"
#include "stale_voter.h"
#include "starved.h"
#include "subscribers.h"
#include "swarm.h"
#include "tide.h"
#include "unheard.h"

/* ---- what scenarios change ---- */

static void as_it_is(struct cluster_options *options)
{
}

/* Nothing but the scenario. */
static void calm(struct cluster_options *options)
{
    options->weather.loss_of = 0;
    options->weather.repeats = false;
    options->transfer_pause_ms = options->reseal_pause_ms = 0;
    options->aimed = false;
    options->isolate_first_of = 0;
    options->moments = 0;
    options->churn = false;
    options->rot = false;
    options->faults = 0;
    options->wall_speed = 1;
    options->drift_ppm_max = options->skew_ms_max = 0;
}

/* Its groups go to other epochs, so that the copy has something to write before it has spoken. */
static void choose_old_copy(struct cluster_options *options)
{
    calm(options);
    options->reseal_pause_ms = 100;
}

/* Some segments are full and filed, one is being written, some are free. */
static void choose_lost_file(struct cluster_options *options)
{
    calm(options);
    options->large = true;
    options->segment_bytes = 262144;
    options->put_pause_ms = 10;
}

/* One shard, one client, nothing but the schedule. */
static void choose_figure8(struct cluster_options *options)
{
    calm(options);
    options->shard_count = options->client_count = 1;
    options->put_pause_ms = 25;
}

/* Often, beside the seed's random faults; leaders are aimed at in the other seeds. */
static void choose_handover(struct cluster_options *options)
{
    options->transfer_pause_ms = 200;
    options->balance = false; /* what came about is to be its own */
    options->faults &= ~(unsigned)(FAULT_FULL | FAULT_WRITE_ERROR | FAULT_READ_ERROR);
    options->moments = 0;
    options->aimed = false;
    options->isolate_first_of = 0;
}

/* Links break all the time, and what they carried comes again over the next. */
static void choose_twice(struct cluster_options *options)
{
    options->weather.repeats = options->weather.lingers = true;
    options->weather.loss_of = 200 + options->put_pause_ms * 20;
}

static void choose_rot(struct cluster_options *options)
{
    options->rot = true;
}

static void choose_unsearched(struct cluster_options *options)
{
    options->rot = options->unsearched = true;
    options->wall_speed = 1; /* what retention takes need not be found */
}

/* Many full segments, and all copies stay: blocks go bad in which several entries lie. */
static void choose_bad_blocks(struct cluster_options *options)
{
    options->faults |= FAULT_READ_ERROR;
    options->faults &= ~(unsigned)FAULT_WIPE;
    options->rot = true;
    options->wall_speed = 1;
    options->segment_bytes = 262144;
}

static void choose_lost_disk(struct cluster_options *options)
{
    options->faults |= FAULT_WIPE;
}

/* What a member that is filled was given waits for its disk, as full segments are filed. */
static void choose_slow_fill(struct cluster_options *options)
{
    options->faults = FAULT_WIPE | FAULT_SLOW | FAULT_STALL;
    options->steady = FAULT_SLOW;
    options->large = true;
    options->segment_bytes = 262144;
    options->wall_speed = 1;
    options->moments = 1u << MOMENT_SEGMENT_FILED | 1u << MOMENT_FILL_GOES_ON;
    options->moment_of = 20;
    if (options->put_pause_ms > 20)
        options->put_pause_ms = 20;
}

static void choose_disk_errors(struct cluster_options *options)
{
    options->faults |= FAULT_WRITE_ERROR | FAULT_READ_ERROR | FAULT_WIPE;
    options->steady = FAULT_WRITE_ERROR | FAULT_READ_ERROR;
    options->rot = options->large = true;
    options->segment_bytes = 262144;
}

/* Small segments and many records: what a node made before its disk was full is soon used up. */
static void choose_full_disk(struct cluster_options *options)
{
    options->faults |= FAULT_FULL;
    options->steady = FAULT_FULL;
    options->faults &= ~(unsigned)FAULT_SLOW;
    options->large = true;
    options->segment_bytes = 262144;
    if (options->put_pause_ms > 20)
        options->put_pause_ms = 20;
}

static void choose_moments(struct cluster_options *options)
{
    options->faults |= FAULT_WIPE | FAULT_WRITE_ERROR;
    options->moments = SCENARIO_MOMENTS;
    options->reseal_pause_ms = 1000;
}

/* Segments fill up, are filed, and let go again within seconds. */
static void choose_retention(struct cluster_options *options)
{
    options->faults &= ~(unsigned)FAULT_CLOCK;
    options->fault_pause_ms = 6000; /* a node looks for old records every five seconds it lives */
    options->aimed = false;
    options->skew_ms_max = 0;
    options->wall_speed = 900;
    options->retention_hours = 1;
    options->segment_bytes = 262144;
    options->large = true;
    options->moments = 1u << MOMENT_TRIM | 1u << MOMENT_SEGMENT_FREED |
                       1u << MOMENT_SEGMENT_OPENED | 1u << MOMENT_SEGMENT_FILED;
    if (options->put_pause_ms > 20)
        options->put_pause_ms = 20;
}

/* A stream that is kept beside one that is gone after four seconds, in a log that is too small for
 * both. */
static void choose_mixed_retention(struct cluster_options *options)
{
    options->faults &= ~(unsigned)FAULT_CLOCK;
    options->fault_pause_ms = 6000; /* as in choose_retention() */
    options->aimed = false;
    options->skew_ms_max = 0;
    options->wall_speed = 900;
    options->retention_hours = 24 * 365;
    options->segment_bytes = 262144;
    options->read_gap_bytes = 0; /* blocks that cannot be read lie in gaps too (seed 60037) */
    options->log_bytes_max = 32 * options->segment_bytes;
    options->put_bytes_most = options->log_bytes_max / 4;
    options->large = false;
    options->forgets = false; /* full_log_holds is found by half as many seeds else */
    options->moments = 1u << MOMENT_TRIM | 1u << MOMENT_SEGMENT_FREED |
                       1u << MOMENT_SEGMENT_OPENED | 1u << MOMENT_SEGMENT_FILED |
                       1u << MOMENT_SEGMENT_EMPTIED;
    if (options->put_pause_ms < 40)
        options->put_pause_ms = 40;
    if (options->client_count > 6)
        options->client_count = 6;
}

static void choose_full_elections(struct cluster_options *options)
{
    calm(options);
    choose_mixed_retention(options);
    options->moments = 0;
    options->churn = true;
}

/* Nothing grows old, but by one clock. */
static void choose_far_clock(struct cluster_options *options)
{
    options->faults &= ~(unsigned)FAULT_CLOCK; /* it would set that clock */
    options->fault_pause_ms = 6000; /* as in choose_retention() */
    options->aimed = false;
    options->skew_ms_max = 0;
    options->wall_speed = 900; /* a log drops nothing before its grace of a minute is over */
    options->retention_hours = 24 * 365;
}

/* Records would be too old after four seconds, if that were not raised in the first of them. */
static void choose_raised(struct cluster_options *options)
{
    calm(options);
    options->wall_speed = 900;
    options->retention_hours = 24 * 365;
    options->retention_hours_first = 1;
    options->segment_bytes = 262144;
    options->shard_count = 6; /* so that somebody else leads one */
    options->client_count = 12;
    options->put_pause_ms = 60;
}

/* One node is away for so long that nobody has what it lacks. */
static void choose_overtaken(struct cluster_options *options)
{
    calm(options);
    options->wall_speed = 900;
    options->retention_hours = 1;
    options->segment_bytes = 262144;
    options->shard_count = 1 + options->shard_count % 2;
    options->client_count = 4 * options->shard_count;
    options->put_pause_ms = 60; /* more than libraft remembers */
}

/* The first stream is the one, and what was lost comes back at once. */
static void choose_creating(struct cluster_options *options)
{
    calm(options);
    options->all_first = true;
    options->shard_count = 6; /* so that one lies on nodes whose disks may be lost together */
}

/* All lose power again and again, with logs of other lengths and terms of their own. */
static void choose_unheard(struct cluster_options *options)
{
    calm(options);
    options->faults = FAULT_POWER_ALL | FAULT_CUT | FAULT_CUT_ONE_WAY | FAULT_STALL;
    options->fault_pause_ms = 1200;
    options->unheard_terms = 8;
    options->shard_count = 16;
    options->client_count = 64;
    options->put_pause_ms = 40;
}

static void choose_leaver(struct cluster_options *options)
{
    calm(options);
    options->all_first = true;
    options->shard_count = 6;
    options->balance = false;
}

static void choose_stale_voter(struct cluster_options *options)
{
    choose_leaver(options);
    options->replace_after_ms = 6000;
    options->shard_count = 3;
}

static void choose_lost_majority(struct cluster_options *options)
{
    choose_leaver(options);
    options->replication = 3;
}

static void choose_lost_seeds(struct cluster_options *options)
{
    choose_leaver(options);
    options->founding_wait_ms = FOUNDING_WAIT_MS;
    options->shard_count = 3;
}

/* Sometimes three nodes, and nothing of a shard is left but one copy; sometimes some that are in
 * none of the catalogue's groups. */
static void choose_lost_catalog(struct cluster_options *options)
{
    choose_leaver(options);
    options->replication = 3;
    options->shard_count = 4;
}

/* One to six seconds until a node is given up, by what else the seed has. */
static void choose_drain(struct cluster_options *options)
{
    options->drain = true;
    options->rot |= options->put_pause_ms % 2 == 0;
    options->replace_after_ms = 1000 + options->put_pause_ms % 10 * 500;
}

/* Nodes are drained while nothing else happens: clients must hardly notice. */
static void choose_drain_pause(struct cluster_options *options)
{
    calm(options);
    options->drain = options->balance = options->all_first = true;
    options->replace_after_ms = 0;
    options->weather = (struct net_weather){ .delay_ns = 200 * SIM_US, .jitter_ns = 100 * SIM_US };
    options->put_pause_ms = 20;
    if (options->client_count % 2 == 0)
        options->transfer_pause_ms = 1000; /* also to members that are about to leave */
    options->segment_bytes = 64u << 20; /* a slow disk makes files slowly */
}

/* Below the version in which copies of shards that nodes left are let go: only retention takes what
 * is in them. */
static void choose_kept_copies(struct cluster_options *options)
{
    choose_retention(options);
    options->drain = true;
    options->replace_after_ms = 2000;
    options->knows = VERSION_WHOLE - 1;
    options->churn = false; /* its streams keep records for longer */
}

/* One node ails, and nothing else is wrong. */
static void choose_ailing(struct cluster_options *options)
{
    calm(options);
    options->segment_bytes = 4u << 20;
    options->shard_count += 2;
    options->client_count = 2 * options->shard_count;
    options->put_pause_ms = 40;
}

static void choose_full_node(struct cluster_options *options)
{
    choose_ailing(options);
    options->segment_bytes = 262144;
    options->large = true;
    /* Much is written: emptying gives back what frames leave unused. */
    options->shard_count = 3;
    options->client_count = 6;
    options->put_pause_ms = 10;
}

/* Replicas are compared while segments fill up and are filed. */
static void choose_compared(struct cluster_options *options)
{
    options->compare = true;
    options->large = true;
    options->segment_bytes = 262144;
    options->faults &= ~(unsigned)FAULT_FULL;
    if (options->put_pause_ms > 20)
        options->put_pause_ms = 20;
}

/* The catalogue changes all the time. */
static void choose_upgrade(struct cluster_options *options)
{
    options->churn = true;
}

static void choose_fan_out(struct cluster_options *options)
{
    options->subscribers = true;
}

static void choose_rolling(struct cluster_options *options)
{
    calm(options);
    options->segment_bytes = 4u << 20; /* a new one is made before it is needed */
}

/* No fault at all: how fast simulated time goes. */
static void choose_load(struct cluster_options *options)
{
    calm(options);
    options->shard_count = 16;
    options->client_count = 32;
    options->put_pause_ms = 100;
    options->segment_bytes = 1048576;
    options->tail_readers = true;
    options->forgets = true;
    options->read_gap_bytes = 16384;
    options->weather.slow_of = 0;
}

/* Shards are few at first, and clients many enough for all that there are later. */
static void choose_reshard(struct cluster_options *options)
{
    options->churn = false;
    options->shard_count = 1 + options->shard_count % 3;
    options->client_count = 24;
    options->put_pause_ms += 20;
}

/* A closed shard is gone after three seconds and a look of the catalogue's leader. */
static void choose_outlived(struct cluster_options *options)
{
    choose_reshard(options);
    options->faults &= ~(unsigned)FAULT_CLOCK;
    options->fault_pause_ms = 6000; /* the leader looks when it has led for seconds */
    options->skew_ms_max = 0;
    options->wall_speed = 1200;
    options->retention_hours = 1;
    options->subscribers = true;
    options->away_ms = 15000;
}

/* Each shard takes less than its clients put. */
static void choose_tide(struct cluster_options *options)
{
    choose_reshard(options);
    options->tide = true;
}

static void choose_behind_end(struct cluster_options *options)
{
    calm(options);
    choose_reshard(options);
}

/* There are a few closed shards soon, and they are left alone for long enough to rest. */
static void choose_resting(struct cluster_options *options)
{
    choose_reshard(options);
    choose_drain(options);
    choose_lost_disk(options);
    options->fault_pause_ms = 6000;
    options->replace_after_ms += 3000;
}

static void outlived_check(struct world *world)
{
    reshard_check(world);
    subscribers_check_outlived(world);
}

static const struct scenario scenarios[] = {
    { "swarm", "another mixture of all faults in each seed", .swarm = true, .choose = as_it_is,
      .start = swarm_start, .before_healing = swarm_before_healing, .at_the_end = swarm_check },
    { "figure-8", "the schedule of rule F3", .three_nodes = true, .scripted = true,
      .choose = choose_figure8, .start = figure8_start },
    { "forgotten-tail", "a log that lost its end: rule S8", .three_nodes = true, .scripted = true,
      .choose = calm, .start = forgotten_start, .at_the_end = forgotten_check },
    { "old-copy", "likewise; an old copy of a directory, and who can tell is out of reach",
      .more_nodes = true, .scripted = true, .choose = choose_old_copy,
      .start = forgotten_start_copy, .at_the_end = forgotten_check },
    { "lost-file", "likewise; a file of it is gone, or ends earlier", .three_nodes = true,
      .scripted = true, .choose = choose_lost_file, .start = forgotten_start_files,
      .at_the_end = forgotten_check },
    { "forgotten-two", "likewise while another node is down", .more_nodes = true,
      .scripted = true, .choose = choose_leaver, .start = forgotten_start_two,
      .at_the_end = forgotten_check },
    { "starved", "memory runs out while libraft asks for some", .three_nodes = true,
      .scripted = true, .choose = calm, .start = starved_start, .before_healing = starved_end },
    { "hand-over", "leaders hand over, several times a second", .choose = choose_handover,
      .before_healing = handover_check },
    { "twice", "links break, and messages come again over the next", .choose = choose_twice },
    { "bit-rot", "bits flip on the disks", .choose = choose_rot },
    { "bad-blocks", "the disks cannot read some blocks any more", .choose = choose_bad_blocks },
    { "bit-rot-unsearched", "and nobody looks: must be found", .choose = choose_unsearched },
    { "lost-disk", "disks are lost whole", .more_nodes = true, .choose = choose_lost_disk },
    { "slow-fill", "lost disks come back slow, and faults strike while they are filled",
      .more_nodes = true, .choose = choose_slow_fill },
    { "disk-errors", "writes and reads fail, blocks cannot be read, disks are replaced",
      .more_nodes = true, .choose = choose_disk_errors },
    { "full-disk", "disks are full for a while", .choose = choose_full_disk },
    { "moments", "faults at SEAL, START, fill, filing and the like", .more_nodes = true,
      .choose = choose_moments },
    { "retention", "records grow old and segments are used again", .choose = choose_retention },
    { "mixed-retention", "segments are emptied: records that stay, and others that do not",
      .choose = choose_mixed_retention, .start = brook_start, .before_healing = brook_check },
    { "full-elections", "full logs have no room for a new leader's barrier", .three_nodes = true,
      .scripted = true, .choose = choose_full_elections, .start = full_elections_start,
      .before_healing = full_elections_end },
    { "overtaken", "a node is away for longer than records are kept", .three_nodes = true,
      .scripted = true, .choose = choose_overtaken, .start = overtaken_start,
      .at_the_end = overtaken_check },
    { "far-clock", "one clock is years ahead, and nothing may be gone",
      .choose = choose_far_clock, .start = far_clock_start },
    { "raised-retention", "a node does not hear that retention is raised", .three_nodes = true,
      .scripted = true, .choose = choose_raised, .start = raised_start,
      .at_the_end = raised_check },
    { "creating", "two disks are lost while a stream is created", .more_nodes = true,
      .scripted = true, .choose = choose_creating, .start = creating_start,
      .at_the_end = creating_check },
    { "unheard", "elections that nobody else heard of", .three_nodes = true,
      .choose = choose_unheard, .before_healing = unheard_end },
    { "leaver", "a disk is lost when another member has just left", .more_nodes = true,
      .scripted = true, .choose = choose_leaver, .start = leaver_start },
    { "voter-leaver", "likewise in the catalogue's own group", .six_nodes = true,
      .scripted = true, .choose = choose_leaver, .start = leaver_start_voters },
    { "giver", "who gives a member the end of its epoch is lost", .more_nodes = true,
      .scripted = true, .choose = choose_leaver, .start = giver_start },
    { "hearsay", "likewise, and the other one that began the next forgets it", .more_nodes = true,
      .scripted = true, .choose = choose_leaver, .start = giver_start_hearsay },
    { "left-alone", "likewise, and none but one that has left has the end of the epoch",
      .more_nodes = true, .scripted = true, .choose = choose_leaver, .start = giver_start_left },
    { "stale-server", "a former leader of the catalogue follows, and is followed",
      .six_nodes = true, .scripted = true, .choose = choose_leaver,
      .start = stale_server_start, .at_the_end = stale_server_check },
    { "told-voter", "likewise stale-voter, but one whom it asks has left and can tell it",
      .six_nodes = true, .scripted = true, .choose = choose_stale_voter,
      .start = stale_voter_start_told, .before_healing = stale_voter_finish,
      .at_the_end = stale_voter_check },
    { "stale-voter", "a member of the catalogue comes back when all others are new",
      .six_nodes = true, .scripted = true, .choose = choose_stale_voter,
      .start = stale_voter_start, .before_healing = stale_voter_finish,
      .at_the_end = stale_voter_check },
    { "lost-majority", "two disks of three are lost for good, and shards are rescued",
      .more_nodes = true, .scripted = true, .choose = choose_lost_majority,
      .start = lost_majority_start, .before_healing = lost_majority_finish,
      .at_the_end = lost_majority_check },
    { "lost-catalog", "two of the catalogue's three members are lost for good, and it is rescued",
      .scripted = true, .choose = choose_lost_catalog, .start = lost_catalog_start,
      .at_the_end = lost_catalog_check },
    { "lost-seeds", "all seeds lose their disks, and other nodes hold the cluster",
      .six_nodes = true, .scripted = true, .choose = choose_lost_seeds,
      .start = lost_seeds_start, .at_the_end = lost_seeds_check },
    { "drain", "nodes are drained, and given up when they are away", .more_nodes = true,
      .choose = choose_drain, .start = drain_start },
    { "kept-copies", "likewise; what was left is not let go, and retention takes it",
      .more_nodes = true, .choose = choose_kept_copies, .start = drain_start },
    { "drain-pause", "nodes are drained, nothing else happens, and no put waits for it long",
      .six_nodes = true, .scripted = true, .choose = choose_drain_pause, .start = pause_start,
      .before_healing = pause_check },
    { "rolling-restart", "all nodes are stopped in turn, and no put fails",
      .scripted = true, .choose = choose_rolling, .start = rolling_start,
      .before_healing = rolling_check },
    { "upgrade", "nodes of two builds, restarted with either, and the cluster version is raised",
      .choose = choose_upgrade, .start = builds_start, .before_healing = builds_end,
      .at_the_end = builds_check },
    { "reshard", "shards are split and merged all the time", .choose = choose_reshard,
      .start = reshard_start, .before_healing = reshard_strand, .at_the_end = reshard_check },
    { "outlived", "likewise; closed shards are gone before their readers come to the end",
      .choose = choose_outlived, .start = reshard_start, .at_the_end = outlived_check },
    { "tide", "a stream in ON_DEMAND mode is scaled by its load", .choose = choose_tide,
      .start = tide_start, .before_healing = tide_rise, .at_the_end = tide_check },
    { "resting", "closed shards rest, and wake because nodes are drained and disks lost",
      .more_nodes = true, .choose = choose_resting, .start = reshard_start_few,
      .before_healing = reshard_strand, .at_the_end = reshard_check },
    { "behind-end", "shards end while one of their members hears nothing of their leader",
      .three_nodes = true, .scripted = true, .choose = choose_behind_end,
      .start = reshard_start_behind, .at_the_end = reshard_check },
    { "fan-out", "readers wait at the tip, in all seeds", .choose = choose_fan_out },
    { "compared", "replicas are compared with each other", .choose = choose_compared },
    { "slow-disk", "one disk becomes slow: its node gives up its leaders, and has them again",
      .scripted = true, .choose = choose_ailing, .before_healing = ailing_slow },
    { "hung-disk", "the writes of one disk hang: likewise",
      .scripted = true, .choose = choose_ailing, .before_healing = ailing_hung },
    { "wrong-clock", "one clock is wrong: likewise",
      .scripted = true, .choose = choose_ailing, .before_healing = ailing_clock },
    { "full-node", "one disk is full: likewise",
      .scripted = true, .choose = choose_full_node, .before_healing = ailing_full },
    { "load", "no faults, 16 shards: for the speed", .three_nodes = true, .scripted = true,
      .choose = choose_load },
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < SCENARIOS; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}

const char *scenario_list(void)
{
    static char text[8192];
    size_t len = 0;

    for (size_t i = 0; i < SCENARIOS; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s (%s)%s", scenarios[i].name,
                                scenarios[i].what, i + 1 < SCENARIOS ? ", " : "");
    return text;
}

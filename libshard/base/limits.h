/* limits.h - every maximum of the system, with its reason.
 *
 * One file, so that memory and latency under overload can be added up by
 * reading it.  A limit that an operator may change is an option in
 * daemon/config.def whose default stands here.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* ---- records: what can be; AWS's limits, which an operator may change, are in
 * daemon/catalog/limit.def ---- */
/* data + partition key, AWS's default MaxRecordSizeInKiB */
#define RECORD_BYTES_MAX (1024u * 1024u)
#define PUT_CALL_RECORDS_MAX 4000u            /* PutRecords: what WIRE_TOKENS_MAX holds */
#define GET_RECORDS_MAX 10000u                /* GetRecords.Limit */
#define RECORD_KIB_MAX 10240u                 /* a stream's MaxRecordSizeInKiB */
#define RETENTION_HOURS_MAX 8760u             /* a stream's, a year */
#define RETENTION_HOURS_MIN 24u               /* that a client may ask for, AWS's */
#define GET_BYTES_MAX (10u * 1024u * 1024u)   /* GetRecords answer */
#define PARTITION_KEY_CHARS_MAX 256u

/* ---- entries ---- */
#define ENTRY_RECORDS_MAX 512u                /* 9 bits of a sequence number */
#define ENTRY_BYTES_MAX (1024u * 1024u) /* gathered records; one larger record may stand alone */
/* what one entry can ever hold: a 10 MiB record and its key */
#define ENTRY_PAYLOAD_MAX (12u * 1024u * 1024u)

/* ---- groups and nodes ---- */
#define RESCUES_MAX 16u /* forced successions of one shard; each takes GAP_STEP of its numbers */
#define GROUP_MEMBERS_MAX 5u                  /* replicas of one group; three unless configured */
#define IMAGE_BYTES_MAX 64u /* applied state that rides in SEAL, START and state rows */
#define NODES_MAX 64u
#define NODE_ROWS_MAX (2u * NODES_MAX) /* in the catalogue: with those that others have replaced */

/* ---- shards ---- */
#define PUTQ_WAITING_BYTES_MAX (8u * 1024u * 1024u) /* of puts behind an entry: eight full ones */
#define PUTQ_WAITING_PUTS_MAX 1024u /* of them: two full entries of single records */
#define TAIL_ENTRIES_MAX 4096u /* newest entries of a shard in memory; bytes are bounded apart */
/* reads of one shard that wait for the log, each with an answer's memory */
#define SHARD_WATCH_MS 1500u /* a reader waits so long for records: below ROUTE_TRY_MS */
#define SHARD_WATCHES_MAX 1024u /* of one shard; one more is answered at once */
#define SHARD_READS_MAX 64u
#define READ_TRIES_MAX 8u /* looks into the log for one answer that finds only barriers */
/* between hidden and dropped: a reader on its way comes to its end */
#define RETENTION_GRACE_MS 60000u

/* ---- the log ---- */
#define FRAME_BYTES_MAX (4u * 1024u * 1024u)  /* one synchronous write; a larger one is alone */
#define FRAME_BYTES_MIN (512u * 1024u)        /* and so much on any disk, if nobody waits for it */
#define LOG_RUN_ENTRIES_MAX 1024u             /* of one index row: 5 to 40 KiB to decode */
/* decoded index rows: as many as there are groups side by side, in one read each (FILLS_MAX) */
#define LOG_ROWS_CACHED_MAX 1024u
#define LOG_ROWS_CACHED_BYTES (8u * 1024u * 1024u) /* of them, or one */
/* that come with one which a shared read looks up, while there is room for those of all groups */
#define LOG_ROWS_AHEAD 3u
#define LOG_READS_MAX 16u                     /* extents of one log_read() under way at once */
#define LOG_READ_EXTENT_MAX (1024u * 1024u)   /* one read of the disk; checked in under 1 ms */
#define LOG_BLOCK_BYTES (2u * 1024u * 1024u)  /* read at once for shared reads: a huge page */
#define LOG_BLOCKS_MAX 32u /* of them kept for the next such read: 64 MiB while they go on */
#define LOG_BLOCKS_READ_MAX 4u                /* of them read at once */
#define LOG_BLOCKS_BACKGROUND_MAX 2u          /* in the background: one ahead, and */
#define LOG_BLOCK_PIECE_BYTES (512u * 1024u)  /* in pieces: writes get in between */
/* frames of so much in the mean make the next segments reserved ones (supply.c) */
#define LOG_RESERVE_FRAME_BYTES (64u * 1024u)
#define LOG_READ_GAP_MAX (64u * 1024u)        /* foreign bytes worth reading to save a read */
/* damaged entries that are remembered; a disk with more of them is to be replaced */
#define LOG_DAMAGED_MAX 1024u
#define LOG_MENDS_MAX 1u /* damaged entries written again at once: three times their memory */
#define LOG_MEND_WRITE_BYTES (256u * 1024u) /* one write of it: frames get in between */
#define SCRUB_READ_BYTES (256u * 1024u) /* payloads of one read, or one larger entry */
#define SCRUB_FIRST_MS 60000u /* after a start, when a node has better things to do */
#define SCRUB_YIELD_MS 5u /* a read is put off so long while entries wait for the disk, */
#define SCRUB_YIELDS_MAX 20u /* and so often: a busy node's log is read through too */
#define SCRUB_BYTES_PER_S_MIN (64u * 1024u)
#define SCRUB_BYTES_PER_S_MAX (1024u * 1024u * 1024u)
/* emptying a segment: only in a log of at least so many files, */
#define LOG_EMPTY_FILES_MIN 8u
#define LOG_FILES_KEPT_BACK 2u /* of each of which one is not for new entries, so many at most; */
#define LOG_EMPTY_AHEAD 2u /* when so many more than are kept ahead are left free at most; */
#define LOG_EMPTY_GAIN 8u /* one of which this part is dead at least, else puts are refused; */
#define LOG_EMPTY_BYTES_PER_S (64u * 1024u * 1024u) /* read and written, one segment at a time; */
#define LOG_EMPTY_WINDOW_BYTES (4u * 1024u * 1024u) /* in memory twice, sorted by group; */
#define LOG_EMPTY_YIELD_MS 5u /* a window waits so long while entries wait for the disk, */
#define LOG_EMPTY_YIELDS_MAX 4u /* and so often, unless puts are refused; */
#define LOG_EMPTY_ENTRIES_MAX (1024u * 1024u) /* moved by one batch: 64 MiB to know them; */
#define LOG_EMPTY_SPLIT_MAX 4u /* into so many others; */
#define LOG_EMPTY_AGAIN_MS 10000u /* one with a damaged entry is left so long: a peer's copy */
#define LOG_SURVEY_EVERY_MS 100u /* what is alive in all segments, while they run low, */
#define LOG_SURVEY_SHARE 20u /* or so many times what the last look took; */
#define LOG_SURVEY_EXTENTS_MAX 4096u /* looked at in one turn */
#define LOG_CREATE_BACKOFF_MS_MAX 10000u      /* between tries to make a segment on a full disk */
#define LOG_TABLE_BACKOFF_MS_MAX 10000u       /* between tries to write to full tables */
/* holds ENTRY_PAYLOAD_MAX and its heads */
#define LOG_SEGMENT_BYTES_MIN (16u * 1024u * 1024u)
#define LOG_SEGMENT_BYTES_MAX (2u * 1024u * 1024u * 1024u) /* places of payloads have 32 bits */

/* ---- room on the disk (env/space.h) ---- */
/* segments leave so much free, or 5 % of a smaller disk: for the tables, and for a start */
#define DISK_HEADROOM_BYTES (256u * 1024u * 1024u)
/* tables leave so much free, or an eighth of the headroom: RocksDB writes more than it is given,
 * and a write of its own that fails may end the process */
#define TABLE_HEADROOM_BYTES (32u * 1024u * 1024u)
/* so little is enough for a row or two: a start on a full disk must come to its end */
#define TABLE_HEADROOM_SMALL_BYTES (1024u * 1024u)
#define TABLE_BATCH_SMALL_BYTES 4096u         /* what counts as a row or two */

/* ---- raft ---- */
/* of one AppendEntries: its heads are 6 KiB, its parts fit one writev */
#define ENVELOPE_ENTRIES_MAX 128u
#define RAFT_FRAME_BYTES_MAX (4u * 1024u * 1024u) /* one frame to a peer, or one larger entry */
#define RAFT_FRAME_PARTS_MAX 256u             /* payloads in one frame */
/* payloads of one AppendEntries, or one larger entry */
#define RAFT_APPEND_BYTES_MAX (1024u * 1024u)
/* what libraft sends of a tail; the rest is fed */
#define RAFT_BURST_BYTES_MAX (4u * 1024u * 1024u)
/* waiting to one peer; beyond it heartbeats only */
#define RAFT_PEER_BYTES_MAX (32u * 1024u * 1024u)
/* a log that is so far behind its disk takes no more entries from leaders */
#define RAFT_PENDING_BYTES_MAX (64u * 1024u * 1024u)
/* messages that wait for the disk; more are dropped */
#define RAFT_PARKED_BYTES_MAX (64u * 1024u * 1024u)
/* messages that wait at one replica; more are dropped */
#define RAFT_INBOX_BYTES_MAX (16u * 1024u * 1024u)
#define RAFT_TRAILING_ENTRIES 1024u /* applied heads that libraft keeps: 140 KB a busy group */
#define WITNESS_PEERS_MAX (2u * NODES_MAX)    /* nodes whose words are kept: NET_PEERS_MAX */
#define FEED_NOTE_MS 60000u /* a member behind retention is named in the diagnostics so often */
#define FEED_MESSAGES_MAX 2u                  /* unanswered, to one follower that is behind */
#define FEEDS_READ_MAX 2u /* of a node's feeds read what is not filed at once, each so much: */
#define FEED_READ_BYTES_MAX (1024u * 1024u)
#define TRANSFER_BEHIND_MAX 16u /* a member that lacks more entries is not handed the lead */
#define SEAL_BEHIND_MAX 8u /* likewise: nor does the epoch end, if it can be helped */
#define TRANSFER_DRAIN_MS 200u  /* so long a leader that hands over waits for what is in flight, */
#define TRANSFER_AILING_MS 1000u /* or so long when its own disk may be what it waits for, */
#define TRANSFER_FEED_MS 10u    /* and gives the chosen member itself what that lacks after it, */
#define TRANSFER_LOOK_MS 2u     /* looking so often, */
#define TRANSFER_QUIET_MS 100u  /* and so long for the new leader; then it leads on */
#define TRANSFER_ASK_MS 5u      /* the others let go before the chosen one asks, */
#define TRANSFER_AGAIN_MS 20u   /* which asks again after it, */
#define TRANSFER_TRIES 3u       /* so many times in all */
#define APPLIED_HINT_ENTRIES 256u             /* a restart applies again at most so many, */
#define APPLIED_HINT_MS 1000u                 /* or what came in this time */

/* ---- the catalogue ---- */
#define CATALOG_STREAMS_MAX 10000u            /* rows of streams; the image stays under a few MiB */
#define CATALOG_SHARDS_MAX 20000u /* of all streams: 2 MB of image, packed in a few ms */
#define STREAM_SHARDS_MAX 10000u /* of one stream, AWS's largest quota: a change of 1 MB */
/* of the image's streams: half of what one frame to a peer holds */
#define PUT_ROUNDS_MAX 4u /* a put meets so many reshards in a row, then the client tries again */
#define CATALOG_ENDS_MAX 256u /* shards that one change closes or forgets */
#define CATALOG_BYTES_MAX (8u * 1024u * 1024u)
#define STREAM_TAGS_MAX 50u                   /* AWS's */
#define STREAM_CONSUMERS_MAX 200u             /* ten times AWS's: looked through one by one */
#define TAG_KEY_BYTES_MAX 512u                /* 128 characters in UTF-8 */
#define TAG_VALUE_BYTES_MAX 1024u             /* 256 characters in UTF-8 */
#define POLICY_BYTES_MAX 20480u               /* AWS's */
#define KEY_ID_BYTES_MAX 8192u                /* 2,048 characters in UTF-8 */
/* of a stream in 24 hours, starts, and stops, AWS's; no more of other changes are remembered */
#define ENCRYPTIONS_MAX 25u
#define CATALOG_MEMBERS_ROWS_MAX 64u          /* groups that one change gives new members */
#define CATALOG_WHOLE_ROWS_MAX 256u /* groups that one change says are whole on all members */
#define CATALOG_JOBS_MAX 256u                 /* changes asked on this node at once */
#define CATALOG_INTAKE_MAX 256u /* changes that wait at the leader, one entry each in turn */
#define CATALOG_INTAKE_BYTES_MAX (32u * 1024u * 1024u) /* their bytes */
#define CATALOG_PAUSE_MS 20u                  /* before a change is offered again */
#define CATALOG_ASKERS_MAX (2u * NODES_MAX)   /* followers that wait at a member for news */
#define CATALOG_ASK_WAIT_MS 1000u /* so long: then an empty answer shows that the member lives */
#define CATALOG_ASK_TIMEOUT_MS 3000u          /* a follower asks another member then */
#define CATALOG_ASK_PAUSE_MS 50u              /* after an answer that was of no use */
#define CATALOG_READ_BYTES_MAX (1024u * 1024u) /* changes of one answer or one catching up */
#define CATALOG_IMAGE_EVERY_MS 3000u          /* the image is written when the model has changed */
#define CATALOG_IMAGE_CHANGES_MAX 256u /* or after so many changes: what a restart applies again */
#define CATALOG_IMAGE_BACKOFF_MS_MAX 60000u   /* between tries to write it to full tables */
#define CATALOG_RESCUES_MAX 15u /* of the catalogue itself; each takes 2^16 epochs of every shard */
#define CATALOG_LOG_KEPT 8u /* entries behind the image: each may keep a segment alive */

/* ---- what makes a node match the catalogue (control) ---- */
#define CONTROL_LEADING_EVERY_MS 1000u        /* which groups a node leads, said to all */
#define CONTROL_LEADING_GATHER_MS 20u /* changes of leaders gather so long before they are told */
#define CONTROL_SILENT_MS 3000u               /* nothing heard so long: the node counts as down */
/* so long is a node up and mute, until it is told where this one is: it seems not to know */
#define CONTROL_MUTE_MS 10000u
#define CONTROL_GUIDES_MAX 8u /* addresses that such a node was told and keeps: the newest */
#define CONTROL_CLOCK_MS 60000u               /* a clock heard so long ago still counts */
#define CONTROL_HOLDING_MS 1000u /* a node says what it has of a group, or counts as down */
#define CONTROL_ASIDE_NOTED_MAX 64u /* groups put aside of which no second line is written */
#define CONTROL_PEERS_MAX (2u * NODES_MAX)    /* nodes heard of, those of wiped disks included */
#define CONTROL_LOOKS_PER_TURN 512u /* rows of shards looked at before the loop gets its turn */
#define CONTROL_OPENS_PER_TURN 8u /* replicas opened or closed in one turn: each reads its heads */
#define CONTROL_RETAIN_EVERY_MS 5000u         /* retention, and the log's hints */
#define CONTROL_RETAIN_ASK_MS 2000u           /* how far the catalogue is, before each pass */
#define CONTROL_READING_MS 10000u             /* settings known so long ago still hide records */
#define CONTROL_RETAINS_PER_TURN 64u          /* shards trimmed in one turn */
#define CONTROL_CHANGE_MS 5000u               /* for a change that a node makes for itself */
/* who takes the place of one that lost its disk is not ready before it has its shards, or so long
 * when nobody can give them */
#define CONTROL_PLACE_MS 10000u
/* a node that has forgotten gets a new id by itself, so often in such a time: more than that is an
 * ill disk */
#define RENEWALS_MAX 3u
#define RENEWALS_MS (24u * 3600u * 1000u)
/* directories of its former ids that a node keeps: with so many it gets no further id until a
 * person has moved or removed some.  More than RENEWALS_MAX: an ill disk is called that first */
#define FORGOTTEN_KEPT_MAX 4u
#define CONTROL_RENEWED_SAY_MS 60000u /* between lines that say why it waits */
#define CONTROL_WHOLE_EVERY_MS 1000u /* between looks for shards that all members have whole */
#define CONTROL_WHOLE_LOOKS 4u /* looks at what was found, before others have their turn */
#define CONTROL_COPIES_EVERY_MS 2000u /* between looks at copies that this node has left */
#define CONTROL_MEMBERS_MS 500u /* between looks for shards that need another epoch, */
#define CONTROL_MEMBERS_SOON_MS 10u /* and to the one when a node has come for a lost disk */
/* groups of draining and dead nodes that are on their way to new members: each lacks one until it
 * is filled, and writers see a pause */
#define CONTROL_MOVES_AT_ONCE 4u
#define CONTROL_MOVES_AT_ONCE_MAX 64u /* that an operator may ask for: moves-at-once */
#define CONTROL_SPREAD_MS 2000u /* between looks for one that moves to be spread better, */
#define CONTROL_ORDERS_AT_ONCE 8u /* and for so many that are to have another leader */
#define CONTROL_RETRY_MS 1000u                /* before what failed is tried again */
#define FOUNDING_LOOK_MS_MAX (2u * CONTROL_RETRY_MS) /* after more its wait begins anew */
#define CONTROL_SEAL_MS 100u /* before a leader is asked again to end its epoch */
#define CONTROL_SEAL_BEHIND_MS 10000u /* those who go on are waited for while they are behind */
/* epochs that are ended at once, every so often: each costs its writers the time of a hand-over,
 * and all at once of a node's many would each take as long as all of them */
#define CONTROL_SEALS_AT_ONCE 4u
#define CONTROL_SEALS_EVERY_MS 20u
#define SEAL_AGAIN_MS 1000u /* before a SEAL that could not be read is read again */
/* members of groups that this node fills up at once: side by side they share the other's reads */
#define FILLS_MAX 1024u
#define FILLS_LIVE_MAX 64u /* besides, of those that ran in the last epoch when the next began */
#define FILL_WINDOW_BYTES (16u * 1024u * 1024u) /* asked for and not answered, all of them */
#define FILL_CALLS_MIN 4u /* of them, a quarter of the groups, but so many, */
#define FILL_CALLS_MAX 128u /* and no more: one larger entry may come for each */
#define FILL_SPREAD_BYTES (32u * 1024u * 1024u) /* one round: half of what blocks hold */
#define FILL_BYTES_MIN (32u * 1024u)          /* asked for in one call, at least, */
#define FILL_BYTES_MAX (4u * 1024u * 1024u)   /* and at most; or one larger entry */
/* Or so much for what only moves: all that comes in a turn is one write, and votes and what clients
 * put on the same node wait for it. */
#define FILL_MOVE_BYTES (512u * 1024u)
#define FILL_COMPARE_BYTES (64u * 1024u)      /* likewise, to compare */
#define FILL_PULL_MS 100u /* one call asks for no more than a limit allows in so long */
/* What only moves, and took longer than this, asks anew how far the other is: what it still lacks
 * in the end it gets as a member, and no limit holds that. */
#define FILL_ROUND_MS 1000u
/* Taken and not durable yet, before the next: what else is written waits behind it. */
#define FILL_PENDING_BYTES_MAX (4u * 1024u * 1024u)
#define FILL_BYTES_PER_S_MIN (64u * 1024u)    /* of a limit: less is taken for a slip */
#define FILL_BYTES_PER_S_MAX (UINT64_C(1) << 40)
#define ALLOWANCE_BURST_MS 100u /* of rate that nobody used: so much may be taken at once later */
#define FILL_CALL_MS 5000u                    /* for one call */
/* before the first pull, since a group came last, and in all: those that begin together are read
 * together, and epochs that end have their writers wait */
#define FILL_GATHER_MS 100u
#define FILL_GATHER_MS_MAX 5000u
#define FILL_WAIT_MS 2u                       /* for the disk, or for room */
/* A member that ran in the last epoch when the next one began, and lacks no more than so many of
 * its entries: writers may wait for it.  It waits for no others, and what it asks for, so much or
 * one larger entry, is read at once. */
#define FILL_TAIL_ENTRIES 16u
#define FILL_TAIL_BYTES (1024u * 1024u)
#define PULLS_MAX 512u                        /* calls that wait here for their answers */
#define PULLS_READ_MAX 128u                   /* of them: that the log reads for at once, */
#define PULLS_READ_BYTES_MAX (32u * 1024u * 1024u) /* and what they ask for */
/* besides: for members that writers may wait for, read whatever else is; more of them go before the
 * others */
#define PULLS_AT_ONCE_MAX 16u
/* while this node has clients one of the others is read at a time, and then it rests
 * (control/pace.h): */
#define PACE_CALM_MS 250u /* it has them until nothing was applied for so long */
#define PACE_REST_MIN 0u /* a rest, in quarters of what the read took: none, */
#define PACE_REST_FIRST 6u /* longer than it at first, */
#define PACE_REST_MAX 64u /* and sixteen times as long while the log's writes are slow, */
#define PACE_REST_MS_MAX 10u /* but no longer: the floor of a fill's speed */
#define PACE_LATE_MS_MAX 2u /* rests that ended late are made up for to here */
#define PACE_BYTE_NS 1u /* of the loop, for each byte that is given: checked and sent */
#define PACE_GAVE_MS 1000u /* and what writes take without it is known when it is so long ago */
#define PACE_LOOK_MS 50u /* a look at the log's writes; slow are those that take */
#define PACE_WRITE_TIMES 2u /* so many times what they take while nothing is read for others, */
#define PACE_WRITE_MS 1u /* and so much more */
#define PACE_LEARN_MS 250u /* nothing is given for so long at most, until that is known */
#define PACE_DOUBT_MS 10000u /* learned again when the longest rests have not helped so long */
#define EPOCH_WORDS_MAX 64u /* strangers remembered, so that each is answered now and then only */
#define CONTROL_RESHARD_MS 10u /* between looks while shards are split or merged */
#define CONTROL_SCALE_EVERY_MS 1000u /* between looks at the load of streams in ON_DEMAND mode */
#define CONTROL_SCALE_AGAIN_MS 60000u /* before one that failed, for want of room, is tried again */
#define CONTROL_END_ASK_MS 1000u /* for the answer of a shard's leader */
#define CONTROL_RETIRE_EVERY_MS 10000u /* between looks for closed shards that nobody can read */
#define CONTROL_DELETING_MAX 64u /* streams whose end the catalogue's leader awaits at once */
#define CONTROL_DAMAGE_NOTES_MAX 5u /* lines a minute about damaged entries; more are counted */
/* damaged entries, one by one (LOG_MENDS_MAX), with pauses as for so many bytes a second */
#define CONTROL_REPAIR_BYTES_PER_S (16u * 1024u * 1024u)
#define CONTROL_REPAIR_SOON_MS 10u /* from the finding of damage to the first question */
#define CONTROL_REPAIR_ASK_MS 10000u /* for an answer: 12 MiB at worst, on a slow link */
#define CONTROL_REPAIR_AGAIN_MS 10000u /* before entries that nobody gave are asked for again */
#define CONTROL_REPAIR_NOTE_MS 60000u /* between two lines about those */
#define CONTROL_REPAIR_SERVED_MAX 2u /* entries read at once for other nodes; then ERR_BUSY */
/* replicas are compared by the heads of so many entries at once, one call at a time; */
#define CONTROL_COMPARE_ENTRIES_MAX 1024u
#define CONTROL_COMPARE_COST_BYTES 4096u /* each costs so much of scrub-bytes-per-s, or more; */
#define CONTROL_COMPARE_ASK_MS 5000u
#define CONTROL_COMPARE_SERVED_MAX 2u /* at once for other nodes; then ERR_BUSY */
#define CONTROL_COMPARE_NOTES_MAX 5u  /* lines of one pass; more are counted */
/* leaders go back to the preferred member: a look so often, with so many tries, */
#define CONTROL_LEADERS_EVERY_MS 1000u
#define CONTROL_LEADERS_AT_ONCE 8u
#define CONTROL_LEADERS_CALM_MS 10000u /* when the member has been up for so long; */
#define CONTROL_LEADERS_RETRY_MS 30000u /* a group that was tried is left alone for so long, */
#define CONTROL_LEADERS_LEAVE_MS 2000u /* or for so long by a node that is to lead nothing */
/* a node that ails leads nothing (control/ailment.h): so many leaders go at one look, */
#define CONTROL_AIL_AT_ONCE 32u
/* when its log has been full for so long, */
#define CONTROL_FULL_AFTER_MS 3000u
/* or its disk slow: a write takes so long, and so many times what it takes on the others, */
#define CONTROL_SLOW_US 20000u
#define CONTROL_SLOW_TIMES 4u
#define CONTROL_SLOW_AFTER_MS 10000u
#define CONTROL_SLOW_LOOKS 5u /* writes of so many looks, a second each, are taken together; */
#define CONTROL_HUNG_US 3000000u /* a single one under way for so long is reason enough, */
#define CONTROL_HUNG_AFTER_MS 500u /* when it is not over at once: the process may have slept */
/* or its clock so far off those of the majority, for so long */
#define CONTROL_CLOCK_OFF_MS 5000u
#define CONTROL_CLOCK_OFF_AFTER_MS 3000u
/* it is well when it has been so for this long, */
#define CONTROL_WELL_AFTER_MS 30000u
/* twice as long each time that it ails again so soon, but no longer than this */
#define CONTROL_RELAPSE_MS 600000u
#define CONTROL_WELL_AFTER_MS_MAX 600000u
/* a graceful stop hands over all that the node leads, and waits so long for it; */
#define CONTROL_LEAVE_MS 10000u
#define CONTROL_LEAVE_AT_ONCE 32u /* so many groups at once: their votes share the disks' turns; */
#define CONTROL_LEAVE_LOOK_MS 2u /* it looks so often, */
#define CONTROL_LEAVE_AGAIN_MS 100u /* and so long after a round that left some for another */
#define CONTROL_LEAVE_LINGER_MS 100u /* and so long until nobody takes it for a leader any more */
#define CONTROL_DRAIN_MS 1000u                /* a graceful stop waits so long for proposals */
#define CONTROL_DRAIN_LOOK_MS 5u              /* and looks so often */
/* applied payloads that the replicas hold */
#define CONTROL_PAYLOADS_BYTES_MAX (32u * 1024u * 1024u)
#define CONTROL_TAIL_BYTES_MAX (8u * 1024u * 1024u) /* newest entries of one shard in memory */
/* records that wait for one shard's next entry */
#define CONTROL_WAITING_BYTES_MAX (16u * 1024u * 1024u)

/* ---- the process ---- */
/* open files that connections leave to log, tables and peers; half of them all if that is less */
#define OPEN_FILES_OWN 4096u

/* ---- the loop ---- */
#define TURN_ROUNDS_MAX 16u /* deferred calls that defer again; then sockets get a turn */
#define WORK_RUNNING_MAX 2u /* of libuv's 4 threads; the others are for the disk */
#define DISK_READS_MAX 16u /* handed to libuv's threads at once; more wait their turn */

/* ---- requests on their way to a shard (api/route) ---- */
/* of one kind, asked by this node's clients: 500 shards of 32 PutRecords */
#define ROUTE_JOBS_MAX 16384u
#define ROUTE_PUT_BYTES_MAX (256u * 1024u * 1024u) /* records that they hold */
#define ROUTE_SERVED_MAX 16384u               /* puts asked by other nodes, and reads apart */
#define ROUTE_SERVED_PUT_MS 6000u /* one waits here so long: its asker has time left for another */
#define ROUTE_HINTS_MAX 3u                    /* "ask that one" followed in a row; then a pause */
#define ROUTE_WAIT_PART 4u /* a leader is looked for again after this part of the wait so far, */
#define ROUTE_WAIT_MIN_MS 10u                 /* but so much, */
#define ROUTE_WAIT_MAX_MS 80u /* and an election takes one or two seconds at worst */
#define ROUTE_SOON_MS 2u /* when it is about to lead, as it says itself; doubles, */
#define ROUTE_SOONS_MAX 4u /* and so many for one request */
#define ROUTE_ANEWS_MAX 4u /* pauses of it that end early, as another leader became known */
#define ROUTE_HURRIED_MAX 64u /* attempts in a millisecond of those whose leader has become known */
#define ROUTE_WAIT_LISTS 256u /* of those that wait, by group: a replica here hears of leaders */
/* A read for which no replica has a place asks again after so long, twice as long each time, */
#define ROUTE_FULL_WAIT_MIN_MS 200u
#define ROUTE_FULL_WAIT_MAX_MS 1600u /* but so long: to ask at once would add to what is too much */
#define RATES_MAX 65536u /* streams and shards whose calls of the last second a node has counted */
#define GRANTS_MAX 65536u                     /* subscriptions of shards that one node leads */
#define GRANT_HOLD_MS 5000u                   /* as AWS: then a new one takes over */
#define GRANT_LIFE_MS 15000u                  /* one that nobody renews is forgotten */
#define ROUTE_TRY_MS 2000u /* one replica's time to answer a read; then the next */

/* ---- between nodes (peer) ---- */
/* addresses dialled, and nodes known: some are on their way out */
#define NET_PEERS_MAX (2u * NODES_MAX)
/* ENTRY_PAYLOAD_MAX and what envelopes add */
#define PEER_FRAME_BYTES_MAX (16u * 1024u * 1024u + 65536u)
/* one node's; beyond it raft sends again anyway */
#define PEER_RAFT_QUEUE_BYTES_MAX (32u * 1024u * 1024u)
/* one node's; a few of the largest calls or answers */
#define PEER_BULK_QUEUE_BYTES_MAX (64u * 1024u * 1024u)
/* an answer that is sent however much waits: no put's or change's is longer */
#define PEER_SHORT_ANSWER_BYTES_MAX 4096u
#define PEER_LINKS_IN_MAX (4u * NODES_MAX) /* two lanes of each node, twice while they dial anew */
#define PEER_CALLS_MAX 65536u                 /* waiting for answers of all nodes */
#define PEER_INCOMING_MAX 4096u /* calls of one link that are not answered; then ERR_BUSY */
#define PEER_WRITE_PIECES_MAX 1024u           /* of one write: Linux takes no more at once */
#define PEER_READ_BYTES 65536u /* read at once; larger bodies are read to their place */
#define PEER_PLACES_MAX 8u                    /* IP addresses of one name that are tried */
#define PEER_BACKLOG 128                      /* connections that wait to be accepted */
#define PEER_PING_MS 500u                    /* silence of our own before we say that we live */
#define PEER_SILENCE_MS 2000u                 /* silence of the other before it counts as lost */
#define PEER_GREETING_MS 3000u                /* to connect and to say who one is */
#define PEER_PAUSE_MS_MIN 10u                 /* before an address is dialled again; doubles */
#define PEER_PAUSE_MS_MAX 500u                /* so long may a node that came back stay unnoticed */
/* default: all other nodes have reached a node that listens, also those that were just trying in
 * vain, and have told it which cluster they are */
#define FOUNDING_WAIT_MS (PEER_GREETING_MS + PEER_PAUSE_MS_MAX + 500u)

/* ---- clients (transport) ---- */
#define HTTP_CONNECTIONS_MAX 4096u            /* default; each may hold 64 KiB of pipelined bytes */
#define HTTP_TURNED_AWAY_MAX 64u /* over the maximum, being told so; more wait in the backlog */
#define HTTP_BACKLOG 511                      /* connections that wait to be accepted */
#define HTTP_ACCEPTS_MAX 32u                  /* taken in one turn of the loop */
#define HTTP_ACCEPT_AGAIN_MS 100u             /* after the system had no means for one more */
#define HTTP_HEAD_BYTES_MAX 16384u            /* request line and headers */
#define HTTP_HEADERS_MAX 128u                 /* of one request; SDKs send about 15 */
#define HTTP_CHUNK_LINE_BYTES_MAX 256u        /* a chunk's size and extensions */
#define HTTP_TRAILER_BYTES_MAX 4096u          /* behind a chunked body; read and dropped */
/* default: 10 MiB of a PutRecords in base64, keys and names */
#define HTTP_BODY_BYTES_MAX (16u * 1024u * 1024u)
/* default: of all requests at once; then 503 */
#define HTTP_BODIES_BYTES_MAX (512u * 1024u * 1024u)
/* default: what one address may have of all connections, bodies and HTTP/2 requests, in percent */
#define HTTP_ADDRESS_SHARE 75u
/* default: of all replies that wait for their readers; then the slowest readers are hung up on */
#define HTTP_REPLIES_BYTES_MAX (512u * 1024u * 1024u)
#define HTTP_REPLY_GRACE_MS 1000u /* who reads for so long or less is not the slowest */
/* default: one request's head, parsed body and answer */
#define HTTP_ARENA_BYTES_MAX (64u * 1024u * 1024u)
#define HTTP_REPLY_HEAD_BYTES_MAX 16384u      /* status line and headers of a reply */
/* one piece of a reply in pieces: as REPLY_BYTES_MAX, the largest answer to one GetRecords */
#define HTTP_PIECE_BYTES_MAX (32u * 1024u * 1024u)
#define HTTP_HEAD_MS 10000u /* from a request's first byte to the end of its head */
#define HTTP_BODY_MS 30000u /* in each such stretch HTTP_BODY_STRETCH_BYTES must come */
#define HTTP_BODY_STRETCH_BYTES 65536u        /* 2 KiB/s: slower is no client but an attack */
#define HTTP_IDLE_MS 75000u /* between requests; longer than load balancers wait */
/* in each such stretch a client takes HTTP_REPLY_STRETCH_BYTES of its reply, or the rest of it */
#define HTTP_WRITE_MS 30000u
#define HTTP_REPLY_STRETCH_BYTES 65536u       /* 2 KiB/s, as for bodies */
#define HTTP_SLOW_NOTE_MS 60000u /* slow readers that were hung up on are told of so often */
#define HTTP_LINGER_MS 2000u /* after a refusal, so that it is read before the reset */
/* requests of one HTTP/2 connection at once; those that it has given up count until their reply */
#define H2_STREAMS_MAX 512u
#define H2_PORT_STREAMS_MAX 16384u /* and of all; one more is refused, to be sent again */
/* bodies on their way, of one request and of one connection */
#define H2_STREAM_WINDOW_BYTES (1u << 20)
#define H2_WINDOW_BYTES (4u << 20)
#define H2_BODIES_BYTES_MAX (128u * 1024u * 1024u) /* held for one connection; then 503 */
/* replies that wait for one connection's reader; until there are fewer its requests wait */
#define H2_REPLIES_BYTES_MAX (64u * 1024u * 1024u)
#define H2_WRITE_BYTES_MAX (256u * 1024u) /* one write */
#define H2_CONTINUATIONS_MAX 8u /* frames that go on with a head: HTTP_HEAD_BYTES_MAX needs one */
#define H2_SETTINGS_MAX 32u /* of one frame */
/* frames of our own that wait for a reader; then its socket is not read, and at last it is hung up
 * on */
#define H2_OWN_FRAMES_MAX 256u
#define H2_ACKS_MAX 1000u
/* requests given up, or refused for a fault of the client's, in a burst and each second */
#define H2_RESETS_MAX 1000u
#define H2_RESETS_PER_S 50u
/* a head that is far too long is reset, and counts as so many */
#define H2_HEAD_BYTES_READ (2u * HTTP_HEAD_BYTES_MAX)
#define H2_LONG_HEAD_RESETS 50u
/* requests whose bodies did not come in time, likewise: 512 that never end are all late at once */
#define H2_LATE_MAX 100u
#define H2_LATE_PER_S 1u
/* likewise frames that bring no request any further: pings, settings, empty data */
#define H2_IDLE_FRAMES_MAX 1000u
#define H2_IDLE_FRAMES_PER_S 100u
#define H2_WINDOW_UPDATES_EARNED 4u /* by each request and each data frame sent */
#define H2_GOODBYE_MS 1000u /* from the notice of a stop to the last request that is taken */
#define HTTP_DRAIN_MS 10000u /* a graceful stop waits so long for requests that run */

/* ---- who asks (auth) ---- */
#define CREDENTIALS_MAX 1024u                 /* access keys of one file */
#define CREDENTIALS_BYTES_MAX (1024u * 1024u) /* of that file */
#define CREDENTIALS_LOOK_MS 1000u             /* the file is looked at so often */
#define CREDENTIAL_KEY_CHARS_MAX 128u         /* an access key's name, AWS's maximum */
#define CREDENTIAL_SECRET_CHARS_MIN 16u       /* guessing a shorter one from a request is cheap */
#define CREDENTIAL_SECRET_CHARS_MAX 128u      /* AWS's have 40 */
#define CREDENTIAL_TOKEN_CHARS_MAX 4096u      /* a session token's */
#define AUTH_REGION_CHARS_MAX 64u             /* a scope's region; AWS's have 14 at most */
#define AUTH_REGIONS_MAX 16u                  /* that a configuration lists */
#define AUTH_SIGNING_KEYS_MAX 256u /* remembered: keys times days times regions in use; 60 KiB */
#define AUTH_SKEW_S 900u           /* a request's date may be so far off, as AWS's own rule says */
#define AUTH_EXPIRES_S_MAX 604800u /* a presigned address is good for so long at most: a week */
#define AUTH_QUERY_PARTS_MAX 64u   /* names in a query; a presigned address has eight */
#define AUTH_NOTE_MS 10000u        /* requests that were refused are told of so often */
/* the text that is signed: a head, of which percent signs make up to three times as much */
#define CANONICAL_BYTES_MAX (4u * HTTP_HEAD_BYTES_MAX)
/* of a refusal: the canonical text, the text to sign and a sentence */
#define AUTH_MESSAGE_BYTES_MAX (5u * HTTP_HEAD_BYTES_MAX)

/* ---- operations (api) ---- */
/* bodies and replies that the loop parses and encodes itself (D5) */
#define API_LOOP_BYTES_MAX 65536u
#define API_REFRESH_MS 500u                   /* to learn what the catalogue's leader knows */
#define API_CHANGE_TIMEOUT_MS 10000u          /* a change of the catalogue: several elections */
#define WARM_MIBPS_MAX 10240u /* WarmThroughputMiBps: 10 GiB/s, AWS's */
#define SETTING_TRIES_MAX 8u /* when others set the same stream at the same time */
#define SHARDS_MAX 20000u                     /* of all streams: AWS's largest quota */
#define STREAMS_CREATING_MAX 64u /* at once: bounds what the catalogue's leader watches */
#define STREAMS_PAGE_MAX 100u                 /* ListStreams */
#define CONSUMERS_PAGE_MAX 100u                /* ListStreamConsumers */
#define SHARDS_DESCRIBED_MAX 100u             /* DescribeStream */
#define SHARDS_PAGE_DEFAULT 1000u             /* ListShards, unless MaxResults says otherwise */
#define ON_DEMAND_SHARDS 4u                   /* of a new stream in ON_DEMAND mode, as AWS */
#define TAGS_MAX 50u                          /* of a stream, as AWS */
#define PAGE_TOKEN_LIFE_MS 300000u            /* as AWS */
#define REPLY_BYTES_MAX (32u * 1024u * 1024u) /* in JSON: GET_BYTES_MAX in base64, and names */
#define ERROR_TEXT_BYTES_MAX 2048u            /* an error's sentence; names in it are shorter */

/* ---- subscriptions (api/subscription, api/fan) ---- */
#define SUBSCRIPTIONS_MAX 8192u               /* of clients of one node */
/* of one event: a whole entry, so that each ends where one does, or one larger record */
#define SUBSCRIPTION_EVENT_BYTES ENTRY_BYTES_MAX
#define SUBSCRIPTION_EVENT_RECORDS 4096u      /* likewise: 8 entries of the most records */
#define SUBSCRIPTION_EVENT_MAX HTTP_PIECE_BYTES_MAX /* encoded */
#define SUBSCRIPTION_LIFE_MS 300000u          /* as AWS; the client subscribes again */
#define SUBSCRIPTION_QUIET_MS 4000u           /* then an event without records */
#define SUBSCRIPTION_RENEW_MS 3000u           /* how often the leader is told that it goes on */
#define SUBSCRIPTION_TICK_MS 500u             /* how often all of that is looked at */
#define SUBSCRIPTION_PAUSE_MS 100u            /* after an empty answer that came at once */
#define SUBSCRIPTION_FAREWELL_MS 10000u       /* for the client to take its last event */
#define SUBSCRIPTION_BUSY_MS 10000u           /* without room for an event; then it ends */
#define FAN_LAST_MS 1000u /* an event stays so long for those who come to its place */
#define FAN_FIRST_BYTES 65536u /* the first event of one that may be far behind, or not at all */

/* ---- the operations port (ops) ---- */
#define OPS_CONNECTIONS_MAX 256u
#define OPS_BODY_BYTES_MAX 4096u              /* nobody sends one */
#define OPS_PAGE_BYTES_MAX (16u * 1024u * 1024u)
#define OPS_SHARDS_MAX 256u                   /* shards of a node with rows in /metrics */
#define OPS_NODE_SHARDS_MAX 200u              /* shown by one /nodes, with what each waits for */
#define OPS_CHANGES_MAX 8u                    /* changes of nodes that are under way at once */
#define OPS_RESCUES_MAX 2u                    /* looks at lost shards, or rescues, at once */
#define OPS_CHANGE_MS 2500u                   /* for one, with its first audit line */
#define OPS_AUDIT_MS 1000u /* for a line of the audit log; both times whoever asked waits 5 s */
#define OPS_AUDIT_LINES_MAX 64u               /* of them, that wait for the disk */
#define OPS_STREAM_SHARDS_MAX 1000u           /* shown by one /streams; more are counted */

/* ---- diagnostics ---- */
#define NOTE_LINE_BYTES_MAX 2048u             /* one event; longer ones are cut */
#define METRIC_SERIES_MAX 2048u               /* a scrape stays under about 1 MiB */
#define METRIC_REFRESHERS_MAX 16u /* one per module that computes its gauges when asked */

/* ---- requests on the wire ---- */
/* 10 MiB of a PutRecords in base64, keys and names */
#define WIRE_BODY_BYTES_MAX (16u * 1024u * 1024u)
/* brackets, names, values and marks of a body: PUT_CALL_RECORDS_MAX records make 64,000 */
#define WIRE_TOKENS_MAX 65536u
#define WIRE_DEPTH_MAX 32u /* the model nests five deep; unknown members may a little deeper */
#define VALIDATION_ITEMS_MAX 10u     /* AWS reports no more of them at once */
/* of a client's value in a message: 501 entries rendered, no 10 MiB */
#define ERROR_VALUE_BYTES_MAX (64u * 1024u)

#endif

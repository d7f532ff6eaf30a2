/* limits.h - every maximum of the system, with its reason.
 *
 * One file, so that memory and latency under overload can be added up by
 * reading it.  A limit that an operator may change is an option in
 * daemon/config.def whose default stands here.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* ---- records (AWS's published limits) ---- */
#define RECORD_BYTES_MAX (1024u * 1024u)      /* data + partition key, AWS's default MaxRecordSizeInKiB */
#define RECORDS_PER_CALL_MAX 500u             /* PutRecords */
#define PUT_BYTES_MAX (10u * 1024u * 1024u)   /* PutRecords, data + partition keys */
#define GET_RECORDS_MAX 10000u                /* GetRecords.Limit */
#define GET_BYTES_MAX (10u * 1024u * 1024u)   /* GetRecords answer */
#define PARTITION_KEY_CHARS_MAX 256u

/* ---- entries ---- */
#define ENTRY_RECORDS_MAX 512u                /* 9 bits of a sequence number */
#define ENTRY_BYTES_MAX (1024u * 1024u)       /* gathered records; one larger record may stand alone */
#define ENTRY_PAYLOAD_MAX (12u * 1024u * 1024u) /* what one entry can ever hold: a 10 MiB record and its key */

/* ---- groups and nodes ---- */
#define GROUP_MEMBERS_MAX 5u                  /* replicas of one group; three unless configured */
#define IMAGE_BYTES_MAX 64u                   /* applied state that rides in SEAL, START and state rows */
#define NODES_MAX 64u

/* ---- the loop ---- */
#define TURN_ROUNDS_MAX 16u                   /* deferred calls that defer again; then sockets get a turn */
#define WORK_RUNNING_MAX 2u                   /* of libuv's 4 threads; the others are for the disk */
#define DISK_READS_MAX 16u                    /* handed to libuv's threads at once; more wait their turn */

/* ---- diagnostics ---- */
#define NOTE_LINE_BYTES_MAX 2048u             /* one event; longer ones are cut */
#define METRIC_SERIES_MAX 2048u               /* a scrape stays under about 1 MiB */
#define METRIC_REFRESHERS_MAX 16u             /* one per module that computes its gauges when asked */

/* ---- requests on the wire ---- */
#define JSON_BODY_BYTES_MAX (16u * 1024u * 1024u) /* PUT_BYTES_MAX in base64, keys and names */
#define JSON_TOKENS_MAX 65536u       /* brackets, names, values and marks of a body: 500 records make 8,000 */
#define JSON_DEPTH_MAX 32u           /* the model nests five deep; unknown members may a little deeper */
#define VALIDATION_ITEMS_MAX 10u     /* AWS reports no more of them at once */
#define ERROR_VALUE_BYTES_MAX (64u * 1024u) /* of a client's value in a message: 501 entries rendered, no 10 MiB */

#endif

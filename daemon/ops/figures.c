/* What /metrics says of the parts that count for themselves: their figures are
 * copied into the registry whenever somebody asks. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "ops/ops_private.h"

enum figure_kind { FIGURE_COUNTER, FIGURE_GAUGE };

/* X(place, kind, name, help) */
#define FIGURES(X)                                                                                 \
    X(LOG_FRAME_BYTES, COUNTER, "braid_log_frame_bytes_total", "Bytes of frames written.")         \
    X(LOG_PAYLOAD_BYTES, COUNTER, "braid_log_payload_bytes_total", "Bytes of payload in them.")    \
    X(LOG_ENTRIES, COUNTER, "braid_log_entries_total", "Entries written.")                         \
    X(LOG_WRITES, COUNTER, "braid_log_writes_total", "Synchronous writes.")                        \
    X(LOG_WRITE_NS, COUNTER, "braid_log_write_nanoseconds_total", "Time spent in them.")           \
    X(LOG_WRITE_NS_MAX, GAUGE, "braid_log_write_nanoseconds_max", "The slowest one so far.")       \
    X(LOG_READS, COUNTER, "braid_log_reads_total", "Reads from segments.")                         \
    X(LOG_READ_BYTES, COUNTER, "braid_log_read_bytes_total", "Bytes read from segments.")          \
    X(LOG_LOOKUPS, COUNTER, "braid_log_lookups_total", "Index rows looked up in the tables.")      \
    X(LOG_CORRUPT, COUNTER, "braid_log_corrupt_entries_total", "Reads of damaged entries.")        \
    X(LOG_DAMAGED, GAUGE, "braid_log_entries_damaged", "Damaged entries that are known of now.")   \
    X(LOG_REPAIRED, COUNTER, "braid_log_entries_repaired_total", "Damaged ones written again.")    \
    X(LOG_MOVED, COUNTER, "braid_log_entries_moved_total", "Of them, those written elsewhere.")    \
    X(LOG_UNREPAIRED, COUNTER, "braid_log_repairs_failed_total", "Tries to do so in vain.")        \
    X(SCRUB_BYTES, COUNTER, "braid_log_scrubbed_bytes_total", "Read in search of damage.")         \
    X(SCRUB_PASSES, COUNTER, "braid_log_scrub_passes_total", "Times that all of the log was.")     \
    X(SCRUB_PASS, GAUGE, "braid_log_scrub_pass", "Number of the pass under way, 0 = none.")        \
    X(SCRUB_DAMAGED, COUNTER, "braid_log_scrub_damaged_total", "Damaged ones met by it.")        \
    X(COMPARE_PASSES, COUNTER, "braid_log_compare_passes_total", "Comparings with other members.") \
    X(COMPARED, COUNTER, "braid_log_compared_entries_total", "Entries compared with them.")        \
    X(DIFFERENCES, COUNTER, "braid_log_differences_total", "Entries in which replicas differ.")    \
    X(UNCOMPARED, COUNTER, "braid_log_compares_unanswered_total", "Members that did not answer.")  \
    X(COPIES, GAUGE, "braid_copies_left", "Copies held of shards that this node left.")            \
    X(COPY_ENTRIES, GAUGE, "braid_copies_left_entries", "Entries in them.")                        \
    X(RELEASED, COUNTER, "braid_copies_released_total", "Such copies that were let go.")           \
    X(LOG_TORN, GAUGE, "braid_log_torn_frames", "Torn last frames cut off at the last start.")     \
    X(LOG_OPEN, GAUGE, "braid_log_segments_open", "Segments whose index is in memory.")            \
    X(LOG_FULL, GAUGE, "braid_log_segments_full", "Segments that are filed.")                      \
    X(LOG_FREE, GAUGE, "braid_log_segments_free", "Segments ready for use.")                       \
    X(LOG_EMPTIED, COUNTER, "braid_log_segments_emptied_total", "Segments with little alive.")     \
    X(LOG_ASIDE, COUNTER, "braid_log_aside_bytes_total", "Payload that lived there, moved.")       \
    X(LOG_NOT_EMPTIED, COUNTER, "braid_log_empties_failed_total", "Such moves given up.")          \
    X(LOG_BYTES, GAUGE, "braid_log_bytes", "Size of all segment files.")                           \
    X(LOG_PENDING, GAUGE, "braid_log_pending_bytes", "Given to the log, not durable yet.")         \
    X(LOG_ROOM, GAUGE, "braid_log_has_room", "1 while the log takes records, 0 when it is full.")  \
    X(LOG_MAKES_FAILED, COUNTER, "braid_log_segments_failed_total", "Segments not made.")          \
    X(REPLICAS, GAUGE, "braid_replicas", "Replicas open on this node.")                            \
    X(LEADERS, GAUGE, "braid_leaders", "Groups that this node leads.")                             \
    X(MOVED, COUNTER, "braid_leaders_moved_total", "Groups that this node handed to another.")     \
    X(NOT_MOVED, COUNTER, "braid_leaders_not_moved_total", "Such hand-overs that failed.")         \
    X(MOVES_REFUSED, COUNTER, "braid_leaders_moves_refused_total",                                 \
      "Those not begun: the other was not ready for it.")                                          \
    X(AILS, GAUGE, "braid_ails",                                                                   \
      "Why this node leads nothing: 0 it is well, 1 full, 2 slow, 3 clock.")                       \
    X(AILED, COUNTER, "braid_ailed_total", "Times that this node began to ail.")                   \
    X(WRITE_US, GAUGE, "braid_log_write_microseconds_now", "A write's average of the last 5 s.")   \
    X(OTHERS_WRITE_US, GAUGE, "braid_log_write_microseconds_others", "The same on other nodes.")   \
    X(CLOCK_OFF, GAUGE, "braid_clock_off_milliseconds", "This clock ahead of the majority's.")     \
    X(ELECTIONS, COUNTER, "braid_elections_total", "Elections that this node started.")            \
    X(PROPOSALS, COUNTER, "braid_proposals_total", "Entries proposed here.")                       \
    X(APPLIED, COUNTER, "braid_applied_entries_total", "Entries applied here.")                    \
    X(SENT, COUNTER, "braid_raft_messages_sent_total", "Raft messages sent.")                      \
    X(RECEIVED, COUNTER, "braid_raft_messages_received_total", "Raft messages received.")          \
    X(DROPPED, COUNTER, "braid_raft_messages_dropped_total", "Raft messages dropped.")             \
    X(REFUSED, COUNTER, "braid_raft_messages_without_room_total",                                  \
      "Messages whose entries the log had no room for.")                                           \
    X(FRAMES, COUNTER, "braid_raft_frames_sent_total", "Frames that carried them.")                \
    X(FED_BYTES, COUNTER, "braid_fed_bytes_total", "Sent from the log to followers behind.")       \
    X(REOPENED, COUNTER, "braid_replicas_reopened_total", "Replicas that had to be reopened.")     \
    X(NODES, GAUGE, "braid_nodes", "Nodes of the cluster.")                                        \
    X(NODES_UP, GAUGE, "braid_nodes_up", "Those that this node hears from.")                       \
    X(FORGOTTEN_BYTES, GAUGE, "braid_forgotten_bytes", "Kept of former ids of this node.")         \
    X(FORGOTTEN_COUNT, GAUGE, "braid_forgotten_directories",                                       \
      "Directories forgotten-N that this node keeps.")                                             \
    X(STREAMS, GAUGE, "braid_streams", "Streams of the cluster.")                                  \
    X(SHARDS, GAUGE, "braid_shards", "Shards of the cluster.")                                     \
    X(CATALOG_INDEX, GAUGE, "braid_catalog_index", "Last change of the catalogue applied here.")   \
    X(CATALOG_RESCUES, GAUGE, "braid_catalog_rescues",                                             \
      "Times that the catalogue went on from one copy, its majority being lost.")                  \
    X(BALANCING_PAUSED, GAUGE, "braid_balancing_paused",                                           \
      "1 from 'braid cluster balancing pause' to 'resume'.")                                       \
    X(READY, GAUGE, "braid_ready", "1 when /readyz says 200.")                                     \
    X(HTTP_OPEN, GAUGE, "braid_http_connections", "Connections of clients.")                       \
    X(HTTP_ACCEPTED, COUNTER, "braid_http_accepted_total", "Connections accepted.")                \
    X(HTTP_TURNED_AWAY, COUNTER, "braid_http_turned_away_total", "Connections refused with 503.")  \
    X(HTTP_REFUSED, COUNTER, "braid_http_refused_total", "Requests refused before dispatch.")      \
    X(HTTP_TIMED_OUT, COUNTER, "braid_http_timed_out_total", "Connections that were too slow.")    \
    X(HTTP_SLOW, COUNTER, "braid_http_slow_readers_total",                                         \
      "Hung up on: read their replies too slowly.")                                                \
    X(HTTP_SHED, COUNTER, "braid_http_shed_readers_total",                                         \
      "Hung up on: slowest while replies reached replies-bytes-max.")                              \
    X(HTTP_REPLY_BYTES, GAUGE, "braid_http_reply_bytes",                                           \
      "Of replies that are being made or wait for slow readers.")                                  \
    X(HTTP_MOST, GAUGE, "braid_http_connections_max", "Connections that are served.")              \
    X(HTTP_BYTES_IN, COUNTER, "braid_http_received_bytes_total", "Bytes from clients.")            \
    X(HTTP_BYTES_OUT, COUNTER, "braid_http_sent_bytes_total", "Bytes to clients.")                 \
    X(HTTP_H2_OPEN, GAUGE, "braid_http_h2_connections", "Connections that speak HTTP/2.")          \
    X(HTTP_H2_REFUSED, COUNTER, "braid_http_h2_refused_streams_total",                             \
      "HTTP/2 requests over a maximum, to be sent again.")                                         \
    X(HTTP_H2_FLOODS, COUNTER, "braid_http_h2_floods_total",                                       \
      "HTTP/2 connections hung up on: too many resets, or frames for nothing.")                    \
    X(HTTP_EXCHANGES, GAUGE, "braid_http_exchanges", "Requests that wait for their reply.")

enum figure {
#define FIGURE_ENUM(place, kind, name, help) FIGURE_##place,
    FIGURES(FIGURE_ENUM) FIGURE_COUNT
};

struct figures {
    const struct ops *ops;
    struct counter *counters[FIGURE_COUNT];
    struct gauge *gauges[FIGURE_COUNT];
};

static void refresh(void *ctx);
static void refresh_log(struct figures *figures);
static void refresh_scrub(struct figures *figures);
static void refresh_roster(struct figures *figures);
static void refresh_cluster(struct figures *figures);
static void refresh_wellness(struct figures *figures);
static void refresh_http(struct figures *figures);

struct figures *figures_new(struct ops *ops)
{
    struct metrics *metrics = ops->world.metrics;
    struct figures *figures = calloc(1, sizeof(*figures));

    if (figures == NULL)
        return NULL;
    figures->ops = ops;
#define FIGURE_REGISTER(place, kind, name, help)                                        \
    if (FIGURE_##kind == FIGURE_COUNTER)                                                \
        figures->counters[FIGURE_##place] = metrics_counter(metrics, name, help, NULL); \
    else                                                                                \
        figures->gauges[FIGURE_##place] = metrics_gauge(metrics, name, help, NULL);
    FIGURES(FIGURE_REGISTER)
    metrics_on_print(metrics, refresh, figures);
    return figures;
}

void figures_free(struct figures *figures)
{
    free(figures);
}

static void set(struct figures *figures, enum figure figure, uint64_t value)
{
    if (figures->counters[figure] != NULL)
        figures->counters[figure]->value = value;
    else
        gauge_set(figures->gauges[figure], (int64_t)value);
}

static void refresh(void *ctx)
{
    struct figures *figures = ctx;

    refresh_log(figures);
    refresh_scrub(figures);
    refresh_roster(figures);
    refresh_cluster(figures);
    refresh_wellness(figures);
    refresh_http(figures);
}

static void refresh_log(struct figures *figures)
{
    const struct log *log = control_log(figures->ops->world.control);
    struct log_figures from = log_figures(log);

    set(figures, FIGURE_LOG_FRAME_BYTES, from.bytes_framed);
    set(figures, FIGURE_LOG_PAYLOAD_BYTES, from.bytes_payload);
    set(figures, FIGURE_LOG_ENTRIES, from.entries);
    set(figures, FIGURE_LOG_WRITES, from.write_count);
    set(figures, FIGURE_LOG_WRITE_NS, from.write_ns_sum);
    set(figures, FIGURE_LOG_WRITE_NS_MAX, from.write_ns_max);
    set(figures, FIGURE_LOG_READS, from.reads);
    set(figures, FIGURE_LOG_LOOKUPS, from.lookups);
    set(figures, FIGURE_LOG_READ_BYTES, from.read_bytes);
    set(figures, FIGURE_LOG_CORRUPT, from.corrupt_entries);
    set(figures, FIGURE_LOG_DAMAGED, from.damaged_entries);
    set(figures, FIGURE_LOG_TORN, log_recovery(log).torn_frames);
    set(figures, FIGURE_LOG_OPEN, from.segments_open);
    set(figures, FIGURE_LOG_FULL, from.segments_full);
    set(figures, FIGURE_LOG_FREE, from.segments_free);
    set(figures, FIGURE_LOG_EMPTIED, from.segments_emptied);
    set(figures, FIGURE_LOG_ASIDE, from.bytes_aside);
    set(figures, FIGURE_LOG_NOT_EMPTIED, from.empties_failed);
    set(figures, FIGURE_LOG_BYTES, from.bytes_total);
    set(figures, FIGURE_LOG_PENDING, log_pending_bytes(log));
    set(figures, FIGURE_LOG_ROOM, log_has_room(log, ENTRY_BYTES_MAX));
    set(figures, FIGURE_LOG_MAKES_FAILED, from.creates_failed);
}

static void refresh_scrub(struct figures *figures)
{
    struct scrub_figures from = control_scrub(figures->ops->world.control);
    struct control_compares compares = control_compares(figures->ops->world.control);

    struct log_figures log = log_figures(control_log(figures->ops->world.control));

    set(figures, FIGURE_LOG_REPAIRED, log.mended_entries);
    set(figures, FIGURE_LOG_MOVED, log.moved_entries);
    set(figures, FIGURE_LOG_UNREPAIRED, control_repairs(figures->ops->world.control).failed);
    set(figures, FIGURE_SCRUB_BYTES, from.bytes);
    set(figures, FIGURE_SCRUB_PASSES, from.passes);
    set(figures, FIGURE_SCRUB_PASS, from.pass);
    set(figures, FIGURE_SCRUB_DAMAGED, from.damaged);
    set(figures, FIGURE_COMPARE_PASSES, compares.passes);
    set(figures, FIGURE_COMPARED, compares.entries);
    set(figures, FIGURE_DIFFERENCES, compares.differences);
    set(figures, FIGURE_UNCOMPARED, compares.unanswered);
}

static void refresh_roster(struct figures *figures)
{
    struct roster_figures from = roster_figures(control_roster(figures->ops->world.control));

    set(figures, FIGURE_REPLICAS, from.replicas);
    set(figures, FIGURE_LEADERS, from.leaders);
    set(figures, FIGURE_MOVED, from.transfers);
    set(figures, FIGURE_NOT_MOVED, from.transfers_failed);
    set(figures, FIGURE_MOVES_REFUSED, control_moves_refused(figures->ops->world.control));
    set(figures, FIGURE_ELECTIONS, from.elections);
    set(figures, FIGURE_PROPOSALS, from.proposals);
    set(figures, FIGURE_APPLIED, from.applied_entries);
    set(figures, FIGURE_SENT, from.messages_sent);
    set(figures, FIGURE_RECEIVED, from.messages_received);
    set(figures, FIGURE_DROPPED, from.dropped_messages);
    set(figures, FIGURE_REFUSED, from.refused_entries);
    set(figures, FIGURE_FRAMES, from.frames_sent);
    set(figures, FIGURE_FED_BYTES, from.fed_bytes);
    set(figures, FIGURE_REOPENED, from.reopened);
}

static void refresh_cluster(struct figures *figures)
{
    const struct control *control = figures->ops->world.control;
    const struct model *model = catalog_model(control_catalog(figures->ops->world.control));
    struct reason why;
    uint32_t up = 0;

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        up += !node->replaced && control_health(control, node->id) == NODE_UP;
    }
    set(figures, FIGURE_NODES, model_node_unreplaced(model));
    set(figures, FIGURE_NODES_UP, up);
    set(figures, FIGURE_FORGOTTEN_BYTES, figures->ops->world.forgotten.bytes);
    set(figures, FIGURE_FORGOTTEN_COUNT, figures->ops->world.forgotten.count);
    set(figures, FIGURE_STREAMS, model_stream_count(model));
    set(figures, FIGURE_SHARDS, model_shard_total(model));
    set(figures, FIGURE_CATALOG_INDEX, model_index(model));
    set(figures, FIGURE_CATALOG_RESCUES, model_resume_count(model));
    set(figures, FIGURE_BALANCING_PAUSED, model_balancing_paused_ms(model) != 0);
    set(figures, FIGURE_COPIES, control_copies(control).held);
    set(figures, FIGURE_COPY_ENTRIES, control_copies(control).entries);
    set(figures, FIGURE_RELEASED, control_copies(control).released);
    set(figures, FIGURE_READY, control_ready(control, &why) && !figures->ops->stopping);
}

static void refresh_wellness(struct figures *figures)
{
    struct control_wellness from = control_wellness(figures->ops->world.control);

    set(figures, FIGURE_AILS, from.ails);
    set(figures, FIGURE_AILED, from.begun);
    set(figures, FIGURE_WRITE_US, from.write_us);
    set(figures, FIGURE_OTHERS_WRITE_US, from.others_write_us);
    set(figures, FIGURE_CLOCK_OFF, (uint64_t)from.clock_off_ms); /* a gauge: it may be below 0 */
}

static void refresh_http(struct figures *figures)
{
    const struct http_server_figures *from = http_server_figures(figures->ops->world.clients);

    set(figures, FIGURE_HTTP_OPEN, from->connections);
    set(figures, FIGURE_HTTP_ACCEPTED, from->accepted);
    set(figures, FIGURE_HTTP_TURNED_AWAY, from->turned_away);
    set(figures, FIGURE_HTTP_REFUSED, from->refused);
    set(figures, FIGURE_HTTP_TIMED_OUT, from->timed_out);
    set(figures, FIGURE_HTTP_SLOW, from->slow_readers);
    set(figures, FIGURE_HTTP_SHED, from->shed_readers);
    set(figures, FIGURE_HTTP_REPLY_BYTES, from->reply_bytes);
    set(figures, FIGURE_HTTP_MOST, from->connections_max);
    set(figures, FIGURE_HTTP_BYTES_IN, from->bytes_in);
    set(figures, FIGURE_HTTP_BYTES_OUT, from->bytes_out);
    set(figures, FIGURE_HTTP_H2_OPEN, from->h2_connections);
    set(figures, FIGURE_HTTP_H2_REFUSED, from->h2_refused_streams);
    set(figures, FIGURE_HTTP_H2_FLOODS, from->h2_floods);
    set(figures, FIGURE_HTTP_EXCHANGES, from->exchanges);
}

/* ---- shards ---- */

struct shard_figure {
    const char *name, *type, *help;
    uint64_t (*value)(const struct shard_status *status);
};

#define SHARD_FIGURES(X)                                                                  \
    X(leads, gauge, "1 where this node leads the shard.", replica.role == REPLICA_LEADER) \
    X(term, gauge, "Raft term.", replica.term)                                            \
    X(applied_index, gauge, "Newest entry applied here.", replica.applied)                \
    X(last_index, gauge, "Newest entry stored here.", replica.last)                       \
    X(records_total, counter, "Records since the shard was created.", records)            \
    X(bytes_total, counter, "Bytes of them.", bytes)                                      \
    X(put_records_total, counter, "Records put here.", put_records)                       \
    X(put_bytes_total, counter, "Bytes put here.", put_bytes)                             \
    X(put_throttled_total, counter, "Puts over the shard's limit.", put_throttled)        \
    X(read_records_total, counter, "Records read here.", read_records)                    \
    X(read_bytes_total, counter, "Bytes read here.", read_bytes)                          \
    X(read_throttled_total, counter, "Reads over the shard's limit.", read_throttled)

#define SHARD_VALUE(id, type, help, field)                        \
    static uint64_t value_##id(const struct shard_status *status) \
    {                                                             \
        return (uint64_t)(status->field);                         \
    }
SHARD_FIGURES(SHARD_VALUE)

static const struct shard_figure shard_figures[] = {
#define SHARD_ROW(id, type, help, field) { "braid_shard_" #id, #type, help, value_##id },
    SHARD_FIGURES(SHARD_ROW)
};

#define SHARD_FIGURE_COUNT (sizeof(shard_figures) / sizeof(shard_figures[0]))

/* A family's rows stand together, so that the shards are walked once and printed often. */
void shards_print(const struct ops *ops, struct writer *writer)
{
    const struct control *control = ops->world.control;
    struct shard_status *statuses = calloc(OPS_SHARDS_MAX, sizeof(*statuses));
    uint32_t *numbers = calloc(OPS_SHARDS_MAX, sizeof(*numbers));
    struct shard *shard;
    uint32_t count = 0;

    if (statuses == NULL || numbers == NULL)
        goto out;
    for (uint64_t after = 0;
         count < OPS_SHARDS_MAX && (shard = control_shard_next(control, after)) != NULL; count++) {
        after = shard_group(shard);
        statuses[count] = shard_status(shard);
        numbers[count] = shard_name(shard).shard;
    }
    for (uint32_t i = 0; count > 0 && i < SHARD_FIGURE_COUNT; i++) {
        const struct shard_figure *figure = &shard_figures[i];

        writer_printf(writer, "# HELP %s %s\n# TYPE %s %s\n", figure->name, figure->help,
                      figure->name, figure->type);
        for (uint32_t at = 0; at < count; at++)
            writer_printf(writer, "%s{group=\"%" PRIu64 "\",shard=\"%" PRIu32 "\"} %" PRIu64 "\n",
                          figure->name, statuses[at].replica.group, numbers[at],
                          figure->value(&statuses[at]));
    }
out:
    free(statuses);
    free(numbers);
}

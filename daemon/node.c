#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "api/route.h"
#include "auth/auth.h"
#include "base/ensure.h"
#include "catalog/version.h"
#include "control/control.h"
#include "data_dir.h"
#include "env/random.h"
#include "env/real.h"
#include "env/timer.h"
#include "http/door.h"
#include "identity_copy.h"
#include "open_files.h"
#include "ops/ops.h"
#include "peer/net_peer.h"
#include "process.h"
#include "renew.h"
#include "table/rocks.h"
#include "transport/http_server.h"
#include "who_may.h"

#define READY_LOOK_MS 20u /* until the node is ready; then no more */

struct node {
    const struct config *config;
    uv_loop_t loop;
    struct clock *clock;
    struct work_pool *work;
    struct note note;
    struct random random;
    struct data_dir dir;
    struct disk *disk;
    struct table *table;
    uint64_t id, boot;
    uint64_t files; /* that the process may open */
    uint32_t connections_max;
    struct net *net;
    struct control *control;
    struct route *route;
    struct metrics *metrics;
    struct process_figures process;
    struct api *api;
    struct keyring *keyring; /* NULL: nobody is asked who he is; auth likewise */
    struct auth *auth;
    struct door *door;
    struct http_server *clients;
    struct ops *ops;
    struct http_server *operations;
    struct timer ready;
    bool stopping;
    struct renew_world renewing;
    bool forgot; /* its data directory is to be put aside at the next start */
};

static enum node_status status_of(enum node_status step, enum err err);
static enum err open_loop(struct node *node, struct reason *reason);
static enum err open_data(struct node *node, struct reason *reason);
static enum err open_net(struct node *node, struct reason *reason);
static enum err open_control(struct node *node, struct reason *reason);
static enum err open_api(struct node *node, struct reason *reason);
static enum err open_auth(struct node *node, struct reason *reason);
static enum err open_door(struct node *node, struct reason *reason);
static enum err open_clients(struct node *node, struct reason *reason);
static enum err open_operations(struct node *node, struct reason *reason);
static uint64_t note_time(void *ctx);
static void on_failed(void *ctx, const struct reason *reason);
static void on_forgotten(void *ctx, const struct reason *reason, bool noted);
static void on_ended(void *ctx, const struct reason *reason);
static enum err data_failed(struct node *node, enum err err, struct reason *reason);
static void say_started(struct node *node);
static void look_ready(struct timer *timer);
static void stop_on_left(void *ctx);
static void stop_on_drained(void *ctx);
static void stop_on_clients_closed(void *ctx);
static void stop_on_operations_closed(void *ctx);
static void stop_on_ops_closed(void *ctx);
static void stop_on_keyring_closed(void *ctx);
static void stop_on_api_closed(void *ctx);
static void stop_on_control_closed(void *ctx);
static void stop_on_net_closed(void *ctx);

/* ---- up ---- */

enum node_status node_open(struct node **ret, const struct config *config, struct reason *reason)
{
    static const struct {
        enum err (*open)(struct node *node, struct reason *reason);
        enum node_status status; /* when it fails */
    } steps[] = {
        { open_loop, NODE_FAILED },    { open_data, NODE_BAD_DATA },
        { open_net, NODE_FAILED },     { open_control, NODE_BAD_DATA },
        { open_api, NODE_FAILED },     { open_auth, NODE_BAD_CONFIG },
        { open_door, NODE_FAILED },    { open_clients, NODE_FAILED },
        { open_operations, NODE_FAILED },
    };
    struct node *node = calloc(1, sizeof(*node));

    if (node == NULL) {
        reason_set(reason, "no memory");
        return NODE_FAILED;
    }
    node->config = config;
    node->dir.lock = -1;
    *ret = node; /* for node_abandon() */
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum err err = steps[i].open(node, reason);
        if (err != ERR_OK)
            return node->forgot ? NODE_FORGOT : status_of(steps[i].status, err);
    }
    say_started(node);
    timer_start(node->clock, &node->ready, 0, look_ready);
    return NODE_STOPPED;
}

/* Of the data directory some may be otherwise at the next start, so that a supervisor has to try:
 * no memory, no room, a disk that fails or cannot be written, another process on the directory. */
static enum node_status status_of(enum node_status step, enum err err)
{
    bool passing = err == ERR_NO_MEMORY || err == ERR_NO_SPACE || err == ERR_IO || err == ERR_BUSY;

    return step == NODE_BAD_DATA && passing ? NODE_FAILED : step;
}

static enum err open_loop(struct node *node, struct reason *reason)
{
    enum note_level level = NOTE_INFO;
    uint64_t seed;

    if (uv_loop_init(&node->loop) != 0) {
        reason_set(reason, "the system gives no event loop");
        return ERR_NO_MEMORY;
    }
    node->clock = clock_uv_new(&node->loop);
    node->work = work_uv_new(&node->loop);
    node->metrics = metrics_new();
    if (node->clock == NULL || node->work == NULL || node->metrics == NULL) {
        reason_set(reason, "no memory");
        return ERR_NO_MEMORY;
    }
    ensure(note_level_parse(node->config->note_level, &level) == ERR_OK);
    note_init(&node->note, level, note_time, node->clock);
    note_to_file(&node->note, stderr);
    node->files = open_files_raise();
    node->connections_max = open_files_connections(node->files, node->config->connections_max);
    random_secret(&node->random, &seed, sizeof(seed));
    random_init(&node->random, seed);
    return ERR_OK;
}

static enum err open_data(struct node *node, struct reason *reason)
{
    const struct config *config = node->config;
    enum err err = data_dir_open(&node->dir, config->temporary ? "" : config->data_dir,
                                 config->name, reason);

    if (err != ERR_OK)
        return err;
    err = disk_posix_open(node->dir.log, &node->loop, &node->note, &node->disk, reason);
    if (err != ERR_OK)
        return data_failed(node, err, reason);
    err = table_open(&node->table, node->dir.table, reason);
    node->boot = random_id(&node->random);
    node->renewing = (struct renew_world){
        &node->dir, node->table, config, &node->note, node->clock };
    if (err == ERR_OK)
        err = node->dir.marked ? renew_marked(reason)
                               : control_identity(node->table, &node->random, &node->id, reason);
    if (err != ERR_OK)
        return data_failed(node, err, reason);
    identity_copy_make(&node->dir, node->table, &node->note);
    return ERR_OK;
}

static enum err keep_identity(void *ctx, struct reason *reason)
{
    struct node *node = ctx;

    return identity_copy_write(&node->dir, node->table, reason);
}

static enum err open_net(struct node *node, struct reason *reason)
{
    const struct config *config = node->config;
    struct net_peer_options options = { .node = node->id,
                                        .boot = node->boot,
                                        .host = config->peer_at.host,
                                        .port = config->peer_at.port,
                                        .address = config->peer_advertise,
                                        .note = &node->note };

    enum err err = net_peer_open(&node->net, &node->loop, node->clock, &options, reason);
    if (err != ERR_OK)
        reason_wrap(reason, "peer-listen");
    return err;
}

static enum err open_control(struct node *node, struct reason *reason)
{
    const struct config *config = node->config;
    struct control_options options = {
        .node = node->id,
        .boot = node->boot,
        .name = config->name,
        .az = config->az,
        .client_address = config->client_advertise,
        .peer_address = config->peer_advertise,
        .operations_address = config->operations_advertise,
        .seeds = config->seed_list,
        .seed_count = config->seed_count,
        .founding_wait_ms = config->founding_wait_ms,
        .replication = (uint32_t)config->replication,
        .region = config->region,
        .account = config->account,
        .knows = config->cluster_version_max == 0 ? VERSION_KNOWN
                                                  : (uint32_t)config->cluster_version_max,
        .segment_bytes = config->segment_bytes,
        .segments_ahead = (uint32_t)config->segments_ahead,
        .log_bytes_max = config->log_bytes_max,
        .scrub_period_ms = config->scrub_period_s * 1000,
        .scrub_bytes_per_s = config->scrub_bytes_per_s,
        .fill_bytes_per_s = config->fill_bytes_per_s,
        .move_bytes_per_s = config->move_bytes_per_s,
        .compare_period_ms = config->scrub_period_s * 1000,
        .clock_off_max_ms = CONTROL_CLOCK_OFF_MS,
        .balance_leaders = strcmp(config->balance_leaders, "yes") == 0,
        .replace_after_ms = config->replace_after_s * 1000,
        .replace_across_zones = strcmp(config->replace_across_zones, "yes") == 0,
        .balance_replicas = strcmp(config->balance_replicas, "yes") == 0,
        .moves_at_once = (uint32_t)config->moves_at_once,
        .election_timeout_ms = (uint32_t)config->election_timeout_ms,
        .heartbeat_ms = (uint32_t)config->heartbeat_ms,
        .tick_ms = (uint32_t)config->tick_ms,
        .tail_bytes_max = config->tail_bytes_max,
        .scale_window_ms = config->on_demand_window_s * 1000,
        .scale_quiet_ms = config->on_demand_quiet_s * 1000,
        .limits = config->limits,
        .on_failed = on_failed,
        .on_forgotten = on_forgotten,
        .on_removed = on_ended,
        .on_outdated = on_ended,
        .keep_identity = keep_identity,
        .ctx = node,
    };
    struct control_world world = { .clock = node->clock,
                                   .random = &node->random,
                                   .work = node->work,
                                   .disk = node->disk,
                                   .table = node->table,
                                   .net = node->net,
                                   .note = &node->note };
    enum err err = control_open(&node->control, &options, &world, reason);

    return err == ERR_OK ? ERR_OK : data_failed(node, err, reason);
}

/* Damage that a start finds, or that was found before, means: what this node promised may be
 * forgotten. */
static enum err data_failed(struct node *node, enum err err, struct reason *reason)
{
    if (err == ERR_CORRUPT && node->renewing.dir != NULL) {
        enum err renewed = renew(&node->renewing, reason);
        node->forgot = renewed == ERR_OK;
        err = node->forgot ? err : renewed;
    }
    reason_wrap(reason, "data directory %s", node->dir.path);
    return err;
}

/* Events that are being made count with the replies of the port; without it nobody gets them. */
static bool events_take(void *ctx, size_t bytes)
{
    const struct node *node = ctx;

    return node->clients == NULL || http_server_reserve(node->clients, bytes);
}

static void events_give_back(void *ctx, size_t bytes)
{
    const struct node *node = ctx;

    if (node->clients != NULL)
        http_server_unreserve(node->clients, bytes);
}

static enum err open_api(struct node *node, struct reason *reason)
{
    struct api_world world = { .node = node->id,
                               .control = node->control,
                               .clock = node->clock,
                               .random = &node->random,
                               .work = node->work,
                               .metrics = node->metrics,
                               .events = { events_take, events_give_back, node } };
    enum err err = route_open(&node->route, node->control, node->net, node->clock);

    world.route = node->route;
    if (err == ERR_OK)
        err = api_open(&node->api, &world);
    if (err != ERR_OK)
        reason_set(reason, "no memory, or this OpenSSL has no MD5");
    return err;
}

static enum err open_auth(struct node *node, struct reason *reason)
{
    const struct config *config = node->config;
    struct keyring_world keyring = { .clock = node->clock,
                                     .work = node->work,
                                     .note = &node->note,
                                     .metrics = node->metrics };

    if (!config->signed_clients)
        return ERR_OK;
    enum err err = keyring_open(&node->keyring, config->credentials, &keyring, reason);
    if (err != ERR_OK) {
        reason_wrap(reason, "credentials");
        return err;
    }
    struct auth_world world = { .keyring = node->keyring,
                                .clock = node->clock,
                                .note = &node->note,
                                .metrics = node->metrics,
                                .unsigned_payload =
                                    strcmp(config->unsigned_payload, "yes") == 0 };
    err = auth_open(&node->auth, &world, config->region_list, config->region_count);
    if (err != ERR_OK)
        reason_set(reason, "no memory");
    return err;
}

static enum err open_door(struct node *node, struct reason *reason)
{
    struct door_world world = { .api = node->api,
                                .clock = node->clock,
                                .random = &node->random,
                                .work = node->work,
                                .auth = node->auth,
                                .metrics = node->metrics };
    enum err err = door_open(&node->door, &world);

    if (err != ERR_OK)
        reason_set(reason, "no memory");
    return err;
}

static enum err open_clients(struct node *node, struct reason *reason)
{
    const struct config *config = node->config;
    struct http_server_options options = { .host = config->client_at.host,
                                           .port = config->client_at.port,
                                           .connections_max = node->connections_max,
                                           .body_bytes_max = config->body_bytes_max,
                                           .bodies_bytes_max = config->bodies_bytes_max,
                                           .address_share = (uint32_t)config->address_share,
                                           .replies_bytes_max = config->replies_bytes_max,
                                           .name = "client",
                                           .note = &node->note,
                                           .on_request = door_on_request,
                                           .ctx = node->door };

    enum err err = http_server_open(&node->clients, &node->loop, node->clock, &options, reason);
    if (err != ERR_OK)
        reason_wrap(reason, "client-listen");
    return err;
}

static enum err open_operations(struct node *node, struct reason *reason)
{
    const struct config *config = node->config;
    struct data_dir_kept kept = renew_kept(&node->dir, &node->note);
    struct ops_world world = { .control = node->control,
                               .metrics = node->metrics,
                               .clock = node->clock,
                               .clients = node->clients,
                               .name = config->name,
                               .version = BRAID_VERSION, .forgotten = { kept.count, kept.bytes },
                               .who_may = { config->auth, config->sigv4_regions,
                                            strcmp(config->peers_unproved, "yes") == 0 },
                               .audit = { node->dir.audit, node->work, node->clock } };
    struct http_server_options options = { .host = config->operations_at.host,
                                           .port = config->operations_at.port,
                                           .connections_max = OPS_CONNECTIONS_MAX,
                                           .body_bytes_max = OPS_BODY_BYTES_MAX,
                                           .name = "operations",
                                           .note = &node->note,
                                           .on_request = ops_on_request };
    enum err err = ops_open(&node->ops, &world);

    if (err != ERR_OK) {
        reason_set(reason, "no memory");
        return err;
    }
    process_figures_init(&node->process, node->metrics, node->net);
    options.ctx = node->ops;
    err = http_server_open(&node->operations, &node->loop, node->clock, &options, reason);
    if (err != ERR_OK)
        reason_wrap(reason, "operations-listen");
    return err;
}

/* ---- while it runs ---- */

struct uv_loop_s *node_loop(struct node *node)
{
    return &node->loop;
}

struct note *node_note(struct node *node)
{
    return &node->note;
}

void node_run(struct node *node)
{
    (void)uv_run(&node->loop, UV_RUN_DEFAULT);
}

static uint64_t note_time(void *ctx)
{
    return clock_wall_ms(ctx);
}

/* The log is dead: whatever this node goes on to say could be wrong. */
static void on_failed(void *ctx, const struct reason *reason)
{
    node_abandon(ctx, NODE_FAILED, reason);
}

static void on_forgotten(void *ctx, const struct reason *reason, bool noted)
{
    struct node *node = ctx;
    struct reason why = *reason;
    enum err err = renew_running(&node->renewing, noted, &why);

    reason_wrap(&why, "data directory %s", node->dir.path);
    node_abandon(node, err == ERR_OK ? NODE_FORGOT : status_of(NODE_BAD_DATA, err), &why);
}

/* Started again it would end again. */
static void on_ended(void *ctx, const struct reason *reason)
{
    node_abandon(ctx, NODE_BAD_DATA, reason);
}

void node_abandon(struct node *node, enum node_status status, const struct reason *reason)
{
    fprintf(stderr, "braidd: %s\n", reason->text);
    fflush(NULL);
    if (node != NULL)
        data_dir_close(&node->dir);
    _exit(status);
}

static void say_started(struct node *node)
{
    const struct config *config = node->config;

    note_event(&node->note, NOTE_INFO, "node.started",
               "name=%s az=%s node=%016llx client=%s peer=%s operations=%s data=%s version=%s",
               config->name, config->az, (unsigned long long)node->id, config->client_listen,
               config->peer_listen, config->operations_listen, node->dir.path, BRAID_VERSION);
    if (node->connections_max < config->connections_max)
        note_event(&node->note, NOTE_WARN, "connections.fewer",
                   "max=%u text=\"connections-max is %llu, but this process may open %llu files, "
                   "and log and tables need some: %u connections are served at once, more are "
                   "answered with 503; raise the limit of open files (LimitNOFILE, ulimit -Hn) or "
                   "lower connections-max\"",
                   node->connections_max, (unsigned long long)config->connections_max,
                   (unsigned long long)node->files, node->connections_max);
    who_may_say(&node->note, config, node->keyring == NULL ? 0 : keyring_count(node->keyring));
    (void)sd_notifyf(0, "READY=1\nSTATUS=Listening for clients on %s\nMAINPID=%ld",
                     config->client_listen, (long)getpid());
}

static void look_ready(struct timer *timer)
{
    struct node *node = container_of(timer, struct node, ready);
    struct reason why;

    if (!control_ready(node->control, &why)) {
        timer_start(node->clock, timer, READY_LOOK_MS, look_ready);
        return;
    }
    note_event(&node->note, NOTE_INFO, "node.ready", "name=%s", node->config->name);
    (void)sd_notifyf(0, "STATUS=Ready for clients on %s", node->config->client_listen);
    if (node->config->dev) {
        printf("Braid is ready: aws kinesis list-streams --endpoint-url http://%s\n",
               node->config->client_listen);
        fflush(stdout);
    }
}

/* ---- down ---- */

void node_stop(struct node *node)
{
    ensure(!node->stopping);
    node->stopping = true;
    note_event(&node->note, NOTE_INFO, "node.stopping", "name=%s", node->config->name);
    (void)sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
    timer_stop(&node->ready);
    ops_stopping(node->ops);
    http_server_part(node->clients);
    control_leave(node->control, stop_on_left, node);
}

/* Until here clients were served as ever; from now on others serve them. */
static void stop_on_left(void *ctx)
{
    struct node *node = ctx;
    http_server_drain(node->clients, stop_on_drained, node);
}

static void stop_on_drained(void *ctx)
{
    struct node *node = ctx;
    http_server_close(node->clients, stop_on_clients_closed, node);
}

static void stop_on_clients_closed(void *ctx)
{
    struct node *node = ctx;

    node->clients = NULL;
    http_server_close(node->operations, stop_on_operations_closed, node);
}

static void stop_on_operations_closed(void *ctx)
{
    struct node *node = ctx;

    ops_close(node->ops, stop_on_ops_closed, node);
}

static void stop_on_ops_closed(void *ctx)
{
    struct node *node = ctx;

    door_close(node->door);
    auth_close(node->auth);
    if (node->keyring != NULL)
        keyring_close(node->keyring, stop_on_keyring_closed, node);
    else
        stop_on_keyring_closed(node);
}

static void stop_on_keyring_closed(void *ctx)
{
    struct node *node = ctx;

    api_close(node->api, stop_on_api_closed, node);
}

static void stop_on_api_closed(void *ctx)
{
    struct node *node = ctx;

    route_close(node->route);
    net_goodbye(node->net);
    control_close(node->control, stop_on_control_closed, node);
}

static void stop_on_control_closed(void *ctx)
{
    struct node *node = ctx;
    net_peer_close(node->net, stop_on_net_closed, node);
}

/* The loop ends by itself when the last handle is closed. */
static void stop_on_net_closed(void *ctx)
{
    struct node *node = ctx;

    table_close(node->table);
    disk_posix_close(node->disk);
    work_uv_free(node->work);
    clock_uv_free(node->clock);
    node->note.time_ms = NULL;
    note_event(&node->note, NOTE_INFO, "node.stopped", "name=%s", node->config->name);
}

void node_free(struct node *node)
{
    ensure(uv_loop_close(&node->loop) == 0);
    metrics_free(node->metrics);
    data_dir_close(&node->dir);
    free(node);
}

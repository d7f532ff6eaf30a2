/* The rules that no row of config.def can say by itself. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/credentials.h"
#include "base/limits.h"
#include "catalog/model.h"
#include "config_private.h"
#include "control/control.h"
#include "env/disk.h"

#define DEV_SEGMENT_BYTES (16u * 1024u * 1024u)
#define DEV_TAIL_BYTES (64u * 1024u * 1024u)
#define ACCOUNT_DIGITS 12u
#define REPLICATION_DEFAULT 3u

static void take_dev_defaults(struct config *config);
static void take_name(struct config *config);
static void check_listen(struct config *config, const char *name, const char *text,
                         struct listen_at *ret);
static void check_advertise(struct config *config, const char *name, const struct listen_at *at,
                            const char *listen, const char **advertise);
static void check_ports(struct config *config);
static void check_auth(struct config *config);
static void check_peers(struct config *config);
static void check_credentials(struct config *config);
static void check_seeds(struct config *config);
static void check_sizes(struct config *config);
static void check_segments(struct config *config);
static void take_limits(struct config *config);
static void check_times(struct config *config);
static void check_name(struct config *config, const char *name, const char *text);
static void check_account(struct config *config);
static bool is_address(const char *text);
static const char *where(const struct config *config, const char *name);

enum err config_check(struct config *config)
{
    if (config->dev)
        take_dev_defaults(config);
    take_name(config);
    take_limits(config);
    check_name(config, "name", config->name);
    check_name(config, "az", config->az);
    check_name(config, "region", config->region);
    check_account(config);
    if (config->data_dir[0] == 0 && !config->temporary)
        config_error(config, where(config, "data-dir"), "data-dir: it cannot be empty");
    config->signed_clients = strcmp(config->auth, "sigv4") == 0;
    check_listen(config, "client-listen", config->client_listen, &config->client_at);
    check_listen(config, "peer-listen", config->peer_listen, &config->peer_at);
    check_listen(config, "operations-listen", config->operations_listen, &config->operations_at);
    if (config->error_count == 0) {
        check_ports(config);
        check_auth(config);
        check_peers(config);
        check_advertise(config, "client-advertise", &config->client_at, config->client_listen,
                        &config->client_advertise);
        check_advertise(config, "peer-advertise", &config->peer_at, config->peer_listen,
                        &config->peer_advertise);
        check_advertise(config, "operations-advertise", &config->operations_at,
                        config->operations_listen, &config->operations_advertise);
    }
    check_credentials(config);
    check_seeds(config);
    check_sizes(config);
    check_times(config);
    return config->error_count == 0 ? ERR_OK : ERR_INVALID;
}

/* For --dev, where neither file nor flags said otherwise. */
static void take_dev_defaults(struct config *config)
{
    if (config->given_in[config_option_find("segment-bytes")] == NULL)
        config->segment_bytes = DEV_SEGMENT_BYTES;
    if (config->given_in[config_option_find("segments-ahead")] == NULL)
        config->segments_ahead = 1;
    if (config->given_in[config_option_find("tail-bytes-max")] == NULL)
        config->tail_bytes_max = DEV_TAIL_BYTES;
    if (config->given_in[config_option_find("name")] == NULL)
        config->name = "dev";
    config->temporary = config->given_in[config_option_find("data-dir")] == NULL;
    if (config->temporary)
        config->data_dir = "";
    if (config->replication > 1)
        config_error(config, where(config, "replication"),
                     "replication: with --dev there is one node, hence one replica");
    if (config->seeds[0] != 0)
        config_error(config, where(config, "seeds"), "seeds: with --dev there is one node only");
}

/* Those that nobody has set. */
static void take_limits(struct config *config)
{
    bool aws = strcmp(config->limits_unsaid, "aws") == 0;

    for (uint32_t i = 0; i < LIMIT_COUNT; i++)
        if (config->limits.of[i] == 0)
            config->limits.of[i] = aws ? limit_row((enum limit)i)->usual : LIMIT_UNLIMITED;
}

/* The host's name, up to its first dot. */
static void take_name(struct config *config)
{
    char host[MODEL_NAME_MAX + 1] = "";

    if (config->name[0] != 0)
        return;
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = 0;
    host[strcspn(host, ".")] = 0;
    const char *copy = arena_text(&config->arena, slice_text(host[0] == 0 ? "node" : host));
    if (copy != NULL)
        config->name = copy;
}

/* ---- addresses ---- */

/* "127.0.0.1:4567" or "[::1]:4567". */
static void check_listen(struct config *config, const char *name, const char *text,
                         struct listen_at *ret)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    unsigned char bytes[sizeof(struct in6_addr)];
    char *end = NULL;
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';

    if (bracketed) {
        text++;
        len -= 2;
    }
    if (colon == NULL || len == 0 || len >= sizeof(ret->host) || colon[1] < '0' || colon[1] > '9' ||
        *end != 0 || port == 0 || port > UINT16_MAX) {
        config_error(config, where(config, name),
                     "%s: '%s' is not host:port with a port from 1 to 65535", name,
                     bracketed ? text - 1 : text);
        return;
    }
    memcpy(ret->host, text, len);
    ret->host[len] = 0;
    ret->port = (uint16_t)port;
    if (!bracketed && inet_pton(AF_INET, ret->host, bytes) == 1) {
        ret->loopback = bytes[0] == 127;
        ret->everywhere = memcmp(bytes, "\0\0\0\0", 4) == 0;
    } else if (bracketed && inet_pton(AF_INET6, ret->host, bytes) == 1) {
        ret->loopback = memcmp(bytes, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
        ret->everywhere = memcmp(bytes, &in6addr_any, sizeof(in6addr_any)) == 0;
    } else {
        config_error(config, where(config, name),
                     "%s: '%s' is not a numeric address, such as 127.0.0.1 or [::1]", name,
                     ret->host);
    }
}

static void check_ports(struct config *config)
{
    uint16_t client = config->client_at.port, peer = config->peer_at.port;
    uint16_t operations = config->operations_at.port;

    if (client == peer || client == operations || peer == operations)
        config_error(config, where(config, "operations-listen"),
                     "client-listen, peer-listen and operations-listen need three ports");
}

/* ---- who may connect ---- */

static void check_auth(struct config *config)
{
    if (!config->client_at.loopback && strcmp(config->auth, "loopback") == 0)
        config_error(config, where(config, "client-listen"),
                     "client-listen: %s is not loopback, and nobody who connects is asked who he "
                     "is; have requests signed (auth = sigv4), or if that is what you want, say "
                     "auth = none",
                     config->client_at.host);
}

/* Links between nodes prove nothing yet, however clients are asked. */
static void check_peers(struct config *config)
{
    bool open = strcmp(config->peers_unproved, "yes") == 0;

    if (open && !config->signed_clients)
        config_error(config, where(config, "peers-unproved"),
                     "peers-unproved: counts with auth = sigv4 only; remove it");
    if (config->peer_at.loopback || open || strcmp(config->auth, "none") == 0)
        return;
    if (config->signed_clients)
        config_error(config, where(config, "peer-listen"),
                     "peer-listen: %s is not loopback, and nodes are not asked who they are: "
                     "whoever can connect to it may read and write everything, without a "
                     "signature; if the network keeps strangers from it, say peers-unproved = yes",
                     config->peer_at.host);
    else
        config_error(config, where(config, "peer-listen"),
                     "peer-listen: %s is not loopback, and nobody who connects is asked who he "
                     "is; if that is what you want, say auth = none",
                     config->peer_at.host);
}

static void check_regions(struct config *config)
{
    char *text = arena_text(&config->arena, slice_text(config->sigv4_regions)), *rest = text;

    if (text == NULL || *text == 0)
        return;
    for (char *region; (region = strsep(&rest, ",")) != NULL;) {
        region += strspn(region, " \t");
        region[strcspn(region, " \t")] = 0;
        check_name(config, "sigv4-regions", region);
        if (config->region_count == AUTH_REGIONS_MAX) {
            config_error(config, where(config, "sigv4-regions"), "sigv4-regions: more than %u",
                         AUTH_REGIONS_MAX);
            return;
        }
        config->region_list[config->region_count++] = region;
    }
}

/* The file is read here too, so that --check-config finds what is wrong with it. */
static void check_credentials(struct config *config)
{
    struct credentials *credentials;
    struct reason reason = { "" };
    enum err err;

    check_regions(config);
    if (!config->signed_clients) {
        if (config->credentials[0] != 0)
            config_error(config, where(config, "credentials"),
                         "credentials: nobody is asked for them; say auth = sigv4, or remove it");
        return;
    }
    if (config->credentials[0] == 0)
        config_error(config, where(config, "auth"),
                     "auth: sigv4 needs access keys: say credentials = FILE");
    else if ((err = credentials_read(config->credentials, &credentials, NULL, &reason)) == ERR_OK)
        credentials_free(credentials);
    else
        config_error(config, where(config, "credentials"), "credentials: %s%s", reason.text,
                     err == ERR_NOT_FOUND ? "; name the file of access keys, a copy of the other "
                                            "nodes'" : "");
}

static void check_advertise(struct config *config, const char *name, const struct listen_at *at,
                            const char *listen, const char **advertise)
{
    if ((*advertise)[0] == 0 && at->everywhere)
        config_error(config, where(config, name),
                     "%s: needed, because others cannot connect to %s", name, listen);
    else if ((*advertise)[0] == 0)
        *advertise = listen;
    else if (!is_address(*advertise))
        config_error(config, where(config, name), "%s: '%s' is not host:port", name, *advertise);
}

/* A cluster is founded when each seed has answered, each a different node. */
static bool is_new_seed(struct config *config, const char *seed)
{
    for (uint32_t i = 0; i < config->seed_count; i++)
        if (strcmp(config->seed_list[i], seed) == 0) {
            config_error(config, where(config, "seeds"),
                         "seeds: %s is listed twice; each seed is another node", seed);
            return false;
        }
    return true;
}

/* Not an error: a node that is added later joins by the same list as the first ones have. */
static void check_own_seed(struct config *config)
{
    for (uint32_t i = 0; i < config->seed_count; i++)
        if (strcmp(config->seed_list[i], config->peer_advertise) == 0)
            return;
    config_warn(config, where(config, "seeds"),
                "seeds: %s, where others reach this node's peer-listen, is not among them, so this "
                "node can only join a cluster that they have founded; if it is one of the first "
                "nodes, list it on all of them, spelled the same",
                config->peer_advertise);
}

static void check_seeds(struct config *config)
{
    char *text = arena_text(&config->arena, slice_text(config->seeds)), *rest = text;

    if (config->replication == 0)
        config->replication = config->seeds[0] == 0 ? 1 : REPLICATION_DEFAULT;
    if (text == NULL || *text == 0)
        return;
    for (char *seed; (seed = strsep(&rest, ",")) != NULL;) {
        seed += strspn(seed, " \t");
        seed[strcspn(seed, " \t")] = 0;
        if (!is_address(seed)) {
            config_error(config, where(config, "seeds"), "seeds: '%s' is not host:port", seed);
            return;
        }
        if (config->seed_count == CONTROL_SEEDS_MAX) {
            config_error(config, where(config, "seeds"), "seeds: more than %u", CONTROL_SEEDS_MAX);
            return;
        }
        if (!is_new_seed(config, seed))
            return;
        config->seed_list[config->seed_count++] = seed;
    }
    if (config->error_count == 0)
        check_own_seed(config);
}

static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);

    return colon != NULL && colon != text && strlen(text) < MODEL_ADDRESS_MAX &&
           colon[1] >= '0' && colon[1] <= '9' && *end == 0 && port >= 1 && port <= UINT16_MAX &&
           strcspn(text, " \t,") == strlen(text);
}

/* ---- sizes, times, names ---- */

static void check_sizes(struct config *config)
{
    uint64_t least = (config->segments_ahead + 2) * config->segment_bytes;

    if (config->segment_bytes % DISK_ALIGN != 0)
        config_error(config, where(config, "segment-bytes"), "segment-bytes: not a multiple of %u",
                     DISK_ALIGN);
    if (config->log_bytes_max != 0 && config->log_bytes_max < least)
        config_error(config, where(config, "log-bytes-max"),
                     "log-bytes-max: less than %" PRIu64
                     ": the open segment, one that is emptied and segments-ahead", least);
    else if (config->log_bytes_max != 0)
        check_segments(config);
}

/* Not an error: a small log does its work, as long as retention alone makes room in it. */
static void check_segments(struct config *config)
{
    uint64_t count = config->log_bytes_max / config->segment_bytes;

    if (count < LOG_EMPTY_FILES_MIN * LOG_FILES_KEPT_BACK)
        config_warn(config, where(config, "log-bytes-max"),
                    "log-bytes-max: has room for %" PRIu64 " segments; with less than %u what lets "
                    "go of records may wait until retention makes room, and with less than %u "
                    "records that stay long keep the room of those beside them",
                    count, LOG_EMPTY_FILES_MIN * LOG_FILES_KEPT_BACK, LOG_EMPTY_FILES_MIN);
}

static void check_rate(struct config *config, const char *name, uint64_t bytes_per_s)
{
    if (bytes_per_s != 0 && bytes_per_s < FILL_BYTES_PER_S_MIN)
        config_error(config, where(config, name),
                     "%s: less than 64K, so that a disk would be filled for years; 0 is no limit",
                     name);
}

static void check_times(struct config *config)
{
    if (config->heartbeat_ms * 3 > config->election_timeout_ms)
        config_error(config, where(config, "heartbeat-ms"),
                     "heartbeat-ms: more than a third of election-timeout-ms, so that one that is "
                     "late would end a leader");
    check_rate(config, "fill-bytes-per-s", config->fill_bytes_per_s);
    check_rate(config, "move-bytes-per-s", config->move_bytes_per_s);
    if (config->tick_ms * 2 > config->heartbeat_ms)
        config_error(config, where(config, "tick-ms"), "tick-ms: more than half of heartbeat-ms");
}

static void check_name(struct config *config, const char *name, const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    if (text[0] == 0 || strlen(text) > MODEL_NAME_MAX || text[strspn(text, allowed)] != 0)
        config_error(config, where(config, name),
                     "%s: '%s' is not 1 to %u letters, digits, '_', '.' and '-'", name, text,
                     MODEL_NAME_MAX);
}

static void check_account(struct config *config)
{
    if (strlen(config->account) != ACCOUNT_DIGITS ||
        strspn(config->account, "0123456789") != ACCOUNT_DIGITS)
        config_error(config, where(config, "account"), "account: '%s' is not %u digits",
                     config->account, ACCOUNT_DIGITS);
}

/* Where the option was given; its default's place if it was not. */
static const char *where(const struct config *config, const char *name)
{
    const char *given = config->given_in[config_option_find(name)];
    return given == NULL ? "default" : given;
}

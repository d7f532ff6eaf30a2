#include "local_plan.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONES 3u
#define REPLICATION 3u /* where there are so many nodes */
#define SEGMENT_TEXT "16M"

static enum err too_long(struct reason *reason)
{
    reason_set(reason, "the name of the cluster's folder has more than %u characters",
               LOCAL_DIR_BYTES_MAX - 1);
    return ERR_TOO_BIG;
}

enum err local_plan_dir(char dir[LOCAL_DIR_BYTES_MAX], struct reason *reason)
{
    const char *named = getenv("BRAID_LOCAL_DIR");
    const char *shared = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int len;

    if (named != NULL && *named != '\0') {
        len = snprintf(dir, LOCAL_DIR_BYTES_MAX, "%s", named);
    } else if (shared != NULL && *shared != '\0') {
        len = snprintf(dir, LOCAL_DIR_BYTES_MAX, "%s/braid/local", shared);
    } else if (home != NULL && *home != '\0') {
        len = snprintf(dir, LOCAL_DIR_BYTES_MAX, "%s/.local/share/braid/local", home);
    } else {
        reason_set(reason, "no folder for the cluster: name one with --dir or $BRAID_LOCAL_DIR");
        return ERR_NOT_FOUND;
    }
    if (len < (int)LOCAL_DIR_BYTES_MAX)
        return ERR_OK;
    return too_long(reason);
}

static enum err read_plan(const char *path, struct local_plan *plan, struct reason *reason)
{
    json_error_t fault;
    json_int_t nodes = 0, port = 0;
    int unlimited = 0;
    json_t *tree = json_load_file(path, 0, &fault);

    if (tree == NULL && json_error_code(&fault) == json_error_cannot_open_file) {
        enum err err = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
        reason_set(reason,
                   err == ERR_NOT_FOUND ? "there is no local cluster in %s" : "%s cannot be read",
                   plan->dir);
        return err;
    }

    bool whole =
        tree != NULL && json_unpack(tree, "{s:I, s:I, s?b}", "nodes", &nodes, "port", &port,
                                    "unlimited", &unlimited) == 0;
    json_decref(tree);
    if (!whole || nodes < 1 || nodes > LOCAL_NODES_MAX || port < 1 || port > LOCAL_PORT_MAX) {
        reason_set(reason, "%s is not a description of a local cluster", path);
        return ERR_CORRUPT;
    }
    plan->node_count = (uint32_t)nodes;
    plan->port = (uint32_t)port;
    plan->unlimited = unlimited != 0;
    return ERR_OK;
}

enum err local_plan_load(struct local_plan **ret, const char *dir, struct reason *reason)
{
    struct local_plan *plan = calloc(1, sizeof(*plan));
    char path[LOCAL_PATH_BYTES_MAX];
    enum err err = ERR_OK;

    if (plan == NULL)
        return ERR_NO_MEMORY;
    if (dir == NULL)
        err = local_plan_dir(plan->dir, reason);
    else if (snprintf(plan->dir, sizeof(plan->dir), "%s", dir) >= (int)sizeof(plan->dir))
        err = too_long(reason);
    if (err == ERR_OK) {
        char *whole = realpath(plan->dir, NULL);
        if (whole != NULL && strlen(whole) < sizeof(plan->dir))
            snprintf(plan->dir, sizeof(plan->dir), "%s", whole);
        free(whole);
        snprintf(path, sizeof(path), "%s/cluster.json", plan->dir);
        err = read_plan(path, plan, reason);
    }
    if (err != ERR_OK) {
        free(plan);
        return err;
    }
    *ret = plan;
    return ERR_OK;
}

/* mkdir -p */
static enum err make_dirs(const char *dir, struct reason *reason)
{
    char path[LOCAL_PATH_BYTES_MAX];

    snprintf(path, sizeof(path), "%s", dir);
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        bool last = *at == '\0';
        *at = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            reason_set(reason, "make the folder %s: %s", path, strerror(errno));
            return ERR_IO;
        }
        if (last)
            return ERR_OK;
        *at = '/';
    }
}

static enum err write_plan(const struct local_plan *plan, struct reason *reason)
{
    char path[LOCAL_PATH_BYTES_MAX], fresh[LOCAL_PATH_BYTES_MAX];

    snprintf(path, sizeof(path), "%s/cluster.json", plan->dir);
    snprintf(fresh, sizeof(fresh), "%s/cluster.json.new", plan->dir);
    FILE *out = fopen(fresh, "w");
    if (out != NULL)
        fprintf(out, "{\"nodes\": %u, \"port\": %u, \"unlimited\": %s}\n", plan->node_count,
                plan->port, plan->unlimited ? "true" : "false");
    if (out == NULL || fclose(out) != 0 || rename(fresh, path) != 0) {
        reason_set(reason, "write %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    return ERR_OK;
}

enum err local_plan_save(struct local_plan *plan, struct reason *reason)
{
    struct local_node node;
    enum err err = make_dirs(plan->dir, reason);

    if (err != ERR_OK)
        return err;
    char *whole = realpath(plan->dir, NULL);
    if (whole == NULL || strlen(whole) >= sizeof(plan->dir)) {
        reason_set(reason, "%s: %s", plan->dir, whole == NULL ? strerror(errno) : "too long");
        free(whole);
        return ERR_IO;
    }
    snprintf(plan->dir, sizeof(plan->dir), "%s", whole);
    free(whole);
    for (uint32_t i = 1; i <= plan->node_count && err == ERR_OK; i++) {
        local_plan_node(plan, i, &node);
        err = make_dirs(node.data, reason);
    }
    return err == ERR_OK ? write_plan(plan, reason) : err;
}

void local_plan_node(const struct local_plan *plan, uint32_t number, struct local_node *node)
{
    *node = (struct local_node){ .number = number };
    snprintf(node->name, sizeof(node->name), "node-%u", number);
    snprintf(node->az, sizeof(node->az), "az%u", (number - 1) % ZONES + 1);
    for (uint32_t i = 0; i < 3; i++)
        node->ports[i] = plan->port + 10 * (number - 1) + i;
    snprintf(node->dir, sizeof(node->dir), "%s/%s", plan->dir, node->name);
    snprintf(node->data, sizeof(node->data), "%s/%s/data", plan->dir, node->name);
    snprintf(node->config, sizeof(node->config), "%s/%s/braidd.conf", plan->dir, node->name);
    snprintf(node->log, sizeof(node->log), "%s/%s/braidd.log", plan->dir, node->name);
    snprintf(node->pid, sizeof(node->pid), "%s/%s/braidd.pid", plan->dir, node->name);
}

void local_node_url(const struct local_node *node, enum local_port port,
                    char url[LOCAL_URL_BYTES_MAX])
{
    snprintf(url, LOCAL_URL_BYTES_MAX, "http://127.0.0.1:%u", node->ports[port]);
}

void local_plan_urls(const struct local_plan *plan, enum local_port port,
                     char urls[LOCAL_URLS_BYTES_MAX])
{
    struct local_node node;
    size_t len = 0;

    for (uint32_t i = 1; i <= plan->node_count; i++) {
        local_plan_node(plan, i, &node);
        len += (size_t)snprintf(urls + len, LOCAL_URLS_BYTES_MAX - len, "%shttp://127.0.0.1:%u",
                                i == 1 ? "" : ",", node.ports[port]);
    }
}

void local_plan_config(const struct local_plan *plan, const struct local_node *node, FILE *out)
{
    fprintf(out, "# Made by 'braid local up' at each start: changes here are lost.\n");
    fprintf(out, "name = %s\naz = %s\ndata-dir = %s\n", node->name, node->az, node->data);
    fprintf(out, "client-listen = 127.0.0.1:%u\n", node->ports[LOCAL_PORT_CLIENT]);
    fprintf(out, "peer-listen = 127.0.0.1:%u\n", node->ports[LOCAL_PORT_PEER]);
    fprintf(out, "operations-listen = 127.0.0.1:%u\n", node->ports[LOCAL_PORT_OPERATIONS]);
    fprintf(out, "seeds = ");
    for (uint32_t i = 1; i <= plan->node_count; i++) {
        struct local_node seed;
        local_plan_node(plan, i, &seed);
        fprintf(out, "%s127.0.0.1:%u", i == 1 ? "" : ",", seed.ports[LOCAL_PORT_PEER]);
    }
    fprintf(out, "\nfounding-wait-ms = 0\n"); /* all nodes are seeds */
    fprintf(out, "replication = %u\n", plan->node_count < REPLICATION ? 1 : REPLICATION);
    fprintf(out, "segment-bytes = " SEGMENT_TEXT "\n");
    fprintf(out, "limits = %s\n", plan->unlimited ? "unlimited" : "aws");
}

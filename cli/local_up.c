/* local_up.c - `braid local up` and `braid local start N`. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ensure.h"
#include "local.h"
#include "local_process.h"
#include "progress.h"

#define READY_LOOK_MS 50u
#define LOG_LINES 8u

struct up_options {
    const char *dir;
    long nodes, port; /* 0: not said */
    const char *limits; /* "aws", "unlimited", or NULL: not said */
};

/* One node on its way up. */
struct rising {
    struct local_node node;
    int pid;
    bool started; /* by us: its end can be seen */
    bool ready;
};

static enum outcome make_plan(struct cli *cli, const struct up_options *options,
                              struct local_plan **ret);
static enum outcome start(struct cli *cli, const struct local_plan *plan, struct rising *rising);
static enum outcome await(struct cli *cli, struct rising *all, uint32_t count);
static enum outcome report(struct cli *cli, const struct local_plan *plan);
static enum outcome report_one(struct cli *cli, const struct rising *rising);

/* Before the options, so that they count over it. */
static void take_environment(struct up_options *options, struct argp_state *state)
{
    const char *port = getenv("BRAID_PORT");

    if (port != NULL && *port != '\0')
        options->port = cli_number(state, "BRAID_PORT", port, 1, LOCAL_PORT_MAX);
}

static error_t parse_up(int key, char *arg, struct argp_state *state)
{
    struct up_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        take_environment(options, state);
        return 0;
    case 'd':
        options->dir = arg;
        return 0;
    case 'n':
        options->nodes = cli_number(state, "--nodes", arg, 1, LOCAL_NODES_MAX);
        return 0;
    case 'p':
        options->port = cli_number(state, "--port", arg, 1, LOCAL_PORT_MAX);
        return 0;
    case 'l':
        if (strcmp(arg, "aws") != 0 && strcmp(arg, "unlimited") != 0)
            argp_error(state, "--limits is aws or unlimited, not '%s'", arg);
        options->limits = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum outcome local_up(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "nodes", 'n', "N", 0, "how many nodes; default 3", 0 },
        { "dir", 'd', "DIR", 0,
          "folder of the cluster; default $BRAID_LOCAL_DIR, else ~/.local/share/braid/local", 0 },
        { "port", 'p', "P", 0,
          "node K answers clients at P + 10(K-1); default $BRAID_PORT, else 4567", 0 },
        { "limits", 'l', "WHICH", 0,
          "'aws': a shard takes 1 MiB and 1,000 records a second, and so on; 'unlimited': all that "
          "this machine can do; default as before, at first aws", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse_up,
        .timeout = "how long to wait until all are ready; default 60",
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Starts a cluster of braidd processes on this machine, in three zones, reachable "
                "from this machine only. Run again it starts only what does not run."
    };
    struct up_options options = { .dir = NULL };
    struct local_plan *plan = NULL;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = make_plan(cli, &options, &plan);
    if (outcome != OUTCOME_OK)
        return outcome;
    ensure(plan != NULL);

    struct rising *all = calloc(plan->node_count, sizeof(*all));
    if (all == NULL) {
        free(plan);
        return cli_no_memory(cli);
    }
    for (uint32_t i = 0; i < plan->node_count && outcome == OUTCOME_OK; i++) {
        local_plan_node(plan, i + 1, &all[i].node);
        outcome = start(cli, plan, &all[i]);
    }
    if (outcome == OUTCOME_OK)
        outcome = await(cli, all, plan->node_count);
    if (outcome == OUTCOME_OK)
        outcome = report(cli, plan);
    free(all);
    free(plan);
    return outcome;
}

enum outcome local_start(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = { .options = local_dir_option,
                                       .parser = local_parse_dir,
                                       .arguments = "N",
                                       .which = LOCAL_WHICH_NODE,
                                       .one = LOCAL_ONE_NODE,
                                       .timeout = "how long to wait until it is ready; default 60",
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Starts node N of the local cluster again." };
    const char *dir = NULL;
    struct rising rising = { .pid = 0 };
    struct local_plan *plan;

    cli_parse(cli, &syntax, argc, argv, &dir);
    enum outcome outcome = local_open_node(cli, dir, &plan, &rising.node);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = start(cli, plan, &rising);
    if (outcome == OUTCOME_OK)
        outcome = await(cli, &rising, 1);
    if (outcome == OUTCOME_OK)
        outcome = report_one(cli, &rising);
    free(plan);
    return outcome;
}

static bool port_is_free(uint32_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return true;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    bool taken =
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 && errno == EADDRINUSE;
    close(fd);
    return !taken;
}

/* Better said here than in a log, and before anything is written. */
static enum outcome check_ports(struct cli *cli, const struct local_node *node)
{
    for (uint32_t i = 0; i < 3; i++) {
        if (!port_is_free(node->ports[i]))
            return cli_fail(cli, OUTCOME_FAILED,
                            "%s needs port %u, which another program holds.\n"
                            "Stop that program, or use other ports: --port P --dir DIR.",
                            node->name, node->ports[i]);
    }
    return OUTCOME_OK;
}

static bool wants_unlimited(const struct up_options *options, const struct local_plan *plan)
{
    return options->limits == NULL ? plan->unlimited : strcmp(options->limits, "unlimited") == 0;
}

/* Of a cluster that is there.  What runs goes on as it was configured. */
static enum outcome change_limits(struct cli *cli, const struct up_options *options,
                                  struct local_plan *plan)
{
    struct reason reason = { "" };

    if (wants_unlimited(options, plan) == plan->unlimited)
        return OUTCOME_OK;
    plan->unlimited = !plan->unlimited;
    if (local_plan_save(plan, &reason) != ERR_OK)
        return cli_fail(cli, OUTCOME_FAILED, "%s", reason.text);
    fprintf(stderr, "A node has the limits '%s' from its next start on.\n", options->limits);
    return OUTCOME_OK;
}

static enum outcome new_plan(struct cli *cli, const struct up_options *options,
                             struct local_plan *plan)
{
    struct reason reason = { "" };
    struct local_node node;
    enum outcome outcome = OUTCOME_OK;
    enum err err = ERR_OK;

    plan->node_count = options->nodes == 0 ? 3 : (uint32_t)options->nodes;
    plan->port = options->port == 0 ? LOCAL_PORT_DEFAULT : (uint32_t)options->port;
    plan->unlimited = wants_unlimited(options, plan);
    for (uint32_t i = 1; i <= plan->node_count && outcome == OUTCOME_OK; i++) {
        local_plan_node(plan, i, &node);
        outcome = check_ports(cli, &node);
    }
    if (outcome != OUTCOME_OK)
        return outcome;
    if (options->dir == NULL)
        err = local_plan_dir(plan->dir, &reason);
    else if (snprintf(plan->dir, sizeof(plan->dir), "%s", options->dir) >= (int)sizeof(plan->dir))
        return cli_fail(cli, OUTCOME_USAGE, "--dir is too long");
    if (err == ERR_OK)
        err = local_plan_save(plan, &reason);
    return err == ERR_OK ? OUTCOME_OK : cli_fail(cli, OUTCOME_FAILED, "%s", reason.text);
}

/* The cluster that the folder holds, else a new one. */
static enum outcome make_plan(struct cli *cli, const struct up_options *options,
                              struct local_plan **ret)
{
    struct reason reason = { "" };
    struct local_plan *plan;
    enum err err = local_plan_load(&plan, options->dir, &reason);

    if (err == ERR_OK) {
        bool same = (options->nodes == 0 || options->nodes == (long)plan->node_count) &&
                    (options->port == 0 || options->port == (long)plan->port);
        if (!same) {
            cli_fail(cli, OUTCOME_EXISTS,
                     "%s holds a cluster of %u nodes at port %u already.\n"
                     "Start that one with 'braid local up', make another one with --dir, or remove "
                     "it with\n'braid local down --erase'.",
                     plan->dir, plan->node_count, plan->port);
            free(plan);
            return OUTCOME_EXISTS;
        }
        enum outcome changed = change_limits(cli, options, plan);
        if (changed == OUTCOME_OK)
            *ret = plan;
        else
            free(plan);
        return changed;
    }
    if (err != ERR_NOT_FOUND)
        return cli_fail(cli, err == ERR_TOO_BIG ? OUTCOME_USAGE : OUTCOME_FAILED, "%s",
                        reason.text);

    plan = calloc(1, sizeof(*plan));
    if (plan == NULL)
        return cli_no_memory(cli);
    enum outcome outcome = new_plan(cli, options, plan);
    if (outcome == OUTCOME_OK)
        *ret = plan;
    else
        free(plan);
    return outcome;
}

static enum outcome write_config(struct cli *cli, const struct local_plan *plan,
                                 const struct local_node *node)
{
    FILE *out = fopen(node->config, "w");

    if (out != NULL)
        local_plan_config(plan, node, out);
    if (out != NULL && fclose(out) == 0)
        return OUTCOME_OK;
    return cli_fail(cli, OUTCOME_FAILED, "write %s: %s", node->config, strerror(errno));
}

static enum outcome start(struct cli *cli, const struct local_plan *plan, struct rising *rising)
{
    const struct local_node *node = &rising->node;
    struct reason reason = { "" };
    char program[PATH_MAX];

    rising->pid = local_pid(node);
    if (rising->pid != 0)
        return OUTCOME_OK;
    enum outcome outcome = check_ports(cli, node);
    if (outcome == OUTCOME_OK)
        outcome = write_config(cli, plan, node);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (process_braidd(program, sizeof(program), &reason) != ERR_OK)
        return cli_fail(cli, OUTCOME_NOT_FOUND, "%s; build it, or add its folder to PATH",
                        reason.text);
    if (process_start(program, node->config, node->log, node->pid, &rising->pid, &reason) != ERR_OK)
        return cli_fail(cli, OUTCOME_FAILED, "%s: %s", node->name, reason.text);
    rising->started = true;
    return OUTCOME_OK;
}

struct look {
    struct rising *all;
    uint32_t count;
    uint32_t left; /* not ready yet */
    uint64_t began_ms;
    struct reason why; /* what one of them waits for */
    struct progress progress;
};

/* One look at each node that was not ready yet. */
static enum outcome look_once(struct cli *cli, struct look *look)
{
    char url[LOCAL_URL_BYTES_MAX], how[64];

    look->left = 0;
    for (uint32_t i = 0; i < look->count; i++) {
        struct rising *rising = &look->all[i];
        if (rising->ready)
            continue;
        if (rising->started && process_ended(rising->pid, how, sizeof(how))) {
            progress_clear(&look->progress);
            cli_fail(cli, OUTCOME_FAILED, "%s %s; the end of %s:", rising->node.name, how,
                     rising->node.log);
            process_print_tail(rising->node.log, LOG_LINES, "  ", stderr);
            return OUTCOME_FAILED;
        }
        if (local_ready(&rising->node, LOCAL_READY_S, &look->why) != ERR_OK) {
            reason_wrap(&look->why, "%s", rising->node.name);
            look->left++;
            continue;
        }
        rising->ready = true;
        local_node_url(&rising->node, LOCAL_PORT_CLIENT, url);
        progress_clear(&look->progress);
        fprintf(stderr, "%s in %s: %s at %s (%.1f s)\n", rising->node.name, rising->node.az,
                rising->started ? "ready" : "runs already", url,
                (double)(cli_now_ms() - look->began_ms) / 1000);
    }
    return OUTCOME_OK;
}

static enum outcome await(struct cli *cli, struct rising *all, uint32_t count)
{
    struct look look = { .all = all, .count = count, .began_ms = cli_now_ms() };
    uint64_t end_ms = cli_deadline_ms(cli, look.began_ms);

    progress_init(&look.progress);
    for (;;) {
        enum outcome outcome = look_once(cli, &look);
        uint64_t passed_ms = cli_now_ms() - look.began_ms;
        if (outcome != OUTCOME_OK || look.left == 0) {
            progress_clear(&look.progress);
            return outcome;
        }
        if (cli_now_ms() > end_ms) {
            progress_clear(&look.progress);
            return cli_fail(cli, OUTCOME_TIMEOUT,
                            "not ready after %ld s: %s.\n"
                            "It goes on starting; look again with 'braid local status'.",
                            cli->timeout_s, look.why.text);
        }
        progress_show(&look.progress, "%.1f s, waiting for %s", (double)passed_ms / 1000,
                      look.why.text);
        cli_pause_ms(READY_LOOK_MS);
    }
}

static enum outcome report(struct cli *cli, const struct local_plan *plan)
{
    char urls[LOCAL_URLS_BYTES_MAX];

    local_plan_urls(plan, LOCAL_PORT_CLIENT, urls);
    if (cli->output == OUTPUT_JSON) {
        return cli_print_json(cli, json_pack("{s:s, s:i, s:s}", "dir", plan->dir, "nodes",
                                             (int)plan->node_count, "endpoints", urls));
    }
    printf("%u nodes are ready; their data is in %s\n", plan->node_count, plan->dir);
    return OUTCOME_OK;
}

static enum outcome report_one(struct cli *cli, const struct rising *rising)
{
    char url[LOCAL_URL_BYTES_MAX];

    local_node_url(&rising->node, LOCAL_PORT_CLIENT, url);
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:s, s:i, s:s}", "started", rising->node.name, "pid",
                                             rising->pid, "endpoint", url));
    printf("%s, process %d: ready\n", rising->node.name, rising->pid);
    return OUTCOME_OK;
}

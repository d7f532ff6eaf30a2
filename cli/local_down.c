/* local_down.c - `braid local down` and `braid local kill N`. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "local.h"
#include "local_process.h"

#define STOP_S 30
#define KILL_MS 10000u
#define FOLDERS_OPEN_MAX 16

struct down_options {
    const char *dir;
    bool erase, yes;
};

static enum outcome stop_all(struct cli *cli, const struct local_plan *plan, uint32_t *stopped);
static enum outcome may_erase(struct cli *cli, const struct local_plan *plan, bool yes);
static enum outcome erase(struct cli *cli, const struct local_plan *plan);

static error_t parse_down(int key, char *arg, struct argp_state *state)
{
    struct down_options *options = state->input;

    switch (key) {
    case 'd':
        options->dir = arg;
        return 0;
    case 'e':
        options->erase = true;
        return 0;
    case 'y':
        options->yes = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum outcome local_down(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = { { "dir", 'd', "DIR", 0, "folder of the cluster", 0 },
                                               { "erase", 'e', NULL, 0,
                                                 "remove the cluster's data too; asks first", 0 },
                                               { "yes", 'y', NULL, 0, "do not ask", 0 },
                                               { 0 } };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse_down,
        .timeout = "how long to wait until they have stopped; default 30",
        .timeout_s = STOP_S,
        .text = "Stops the nodes of the local cluster. Its data stays: 'braid local up' goes on "
                "with it."
    };
    struct down_options options = { .dir = NULL };
    struct local_plan *plan;
    uint32_t stopped = 0;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = local_open(cli, options.dir, &plan);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (options.erase)
        outcome = may_erase(cli, plan, options.yes);
    if (outcome == OUTCOME_OK)
        outcome = stop_all(cli, plan, &stopped);
    if (outcome == OUTCOME_OK && options.erase)
        outcome = erase(cli, plan);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_pack("{s:s, s:i, s:b}", "dir", plan->dir, "stopped",
                                                (int)stopped, "erased", options.erase));
    else if (outcome == OUTCOME_OK && options.erase)
        printf("The cluster in %s is gone.\n", plan->dir);
    else if (outcome == OUTCOME_OK)
        printf("%s; the data stays in %s\n", stopped == 0 ? "No node ran" : "All nodes are down",
               plan->dir);
    free(plan);
    return outcome;
}

/* All are told at once, so that none elects itself to what another one gives up. */
static enum outcome stop_all(struct cli *cli, const struct local_plan *plan, uint32_t *stopped)
{
    int pids[LOCAL_NODES_MAX];
    struct local_node node;
    enum outcome outcome = OUTCOME_OK;
    uint64_t end_ms = cli_deadline_ms(cli, cli_now_ms());

    for (uint32_t i = 0; i < plan->node_count; i++) {
        local_plan_node(plan, i + 1, &node);
        pids[i] = local_pid(&node);
        if (pids[i] != 0 && kill(pids[i], SIGTERM) != 0 && errno != ESRCH)
            return cli_fail(cli, OUTCOME_FAILED, "stop %s, process %d: %s", node.name, pids[i],
                            strerror(errno));
    }
    for (uint32_t i = 0; i < plan->node_count; i++) {
        local_plan_node(plan, i + 1, &node);
        if (pids[i] == 0)
            continue;
        uint64_t now_ms = cli_now_ms();
        if (!process_await_end(pids[i], node.config,
                               now_ms < end_ms ? (uint32_t)(end_ms - now_ms) : 0)) {
            outcome = cli_fail(cli, OUTCOME_TIMEOUT,
                               "%s, process %d, has not stopped after %ld s; "
                               "its log is %s.\n'braid local kill %u' ends it.",
                               node.name, pids[i], cli->timeout_s, node.log, i + 1);
            continue;
        }
        unlink(node.pid);
        ++*stopped;
        fprintf(stderr, "%s: stopped\n", node.name);
    }
    return outcome;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    return remove(path);
}

/* Asked before anything is stopped: who says no wants the cluster as it is. */
static enum outcome may_erase(struct cli *cli, const struct local_plan *plan, bool yes)
{
    char question[LOCAL_PATH_BYTES_MAX + 64];

    snprintf(question, sizeof(question), "Remove all records of the cluster in %s?", plan->dir);
    if (yes || cli_ask(question))
        return OUTCOME_OK;
    return cli_fail(cli, OUTCOME_FAILED,
                    "nothing was stopped or removed; --yes removes without asking");
}

static enum outcome erase(struct cli *cli, const struct local_plan *plan)
{
    char path[LOCAL_PATH_BYTES_MAX];
    struct local_node node;

    /* Only what `up` has made: the folder may hold other things. */
    for (uint32_t i = 1; i <= plan->node_count; i++) {
        local_plan_node(plan, i, &node);
        if (nftw(node.dir, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS) != 0 &&
            errno != ENOENT)
            return cli_fail(cli, OUTCOME_FAILED, "remove %s: %s", node.dir, strerror(errno));
    }
    snprintf(path, sizeof(path), "%s/cluster.json", plan->dir);
    if (unlink(path) != 0)
        return cli_fail(cli, OUTCOME_FAILED, "remove %s: %s", path, strerror(errno));
    rmdir(plan->dir);
    return OUTCOME_OK;
}

static enum outcome kill_node(struct cli *cli, const struct local_node *node)
{
    int pid = local_pid(node);

    if (pid == 0)
        return cli_fail(cli, OUTCOME_NOT_FOUND, "%s does not run", node->name);
    if (kill(pid, SIGKILL) != 0 && errno != ESRCH)
        return cli_fail(cli, OUTCOME_FAILED, "kill %s, process %d: %s", node->name, pid,
                        strerror(errno));
    if (!process_await_end(pid, node->config, KILL_MS))
        return cli_fail(cli, OUTCOME_TIMEOUT, "%s, process %d, was killed but is still there",
                        node->name, pid);
    unlink(node->pid);
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:s, s:i}", "killed", node->name, "pid", pid));
    printf("%s, process %d: killed\n", node->name, pid);
    return OUTCOME_OK;
}

enum outcome local_kill(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .options = local_dir_option,
        .parser = local_parse_dir,
        .arguments = "N",
        .which = LOCAL_WHICH_NODE,
        .one = LOCAL_ONE_NODE,
        .text = "Kills node N of the local cluster as a power switch would (SIGKILL). 'braid local "
                "start N' brings it back."
    };
    const char *dir = NULL;
    struct local_plan *plan;
    struct local_node node;

    cli_parse(cli, &syntax, argc, argv, &dir);
    enum outcome outcome = local_open_node(cli, dir, &plan, &node);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = kill_node(cli, &node);
    free(plan);
    return outcome;
}

/* local_status.c - `braid local status`, and what the other verbs of `local` share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local.h"
#include "local_process.h"
#include "table.h"

const struct argp_option local_dir_option[] = {
    { "dir", 'd', "DIR", 0, "folder of the cluster", 0 }, { 0 }
};

error_t local_parse_dir(int key, char *arg, struct argp_state *state)
{
    const char **dir = state->input;

    if (key != 'd')
        return ARGP_ERR_UNKNOWN;
    *dir = arg;
    return 0;
}

enum outcome local_open(const struct cli *cli, const char *dir, struct local_plan **ret)
{
    struct reason reason = { "" };
    enum err err = local_plan_load(ret, dir, &reason);

    if (err == ERR_OK)
        return OUTCOME_OK;
    if (err == ERR_NO_MEMORY)
        return cli_no_memory(cli);
    return cli_fail(cli, err == ERR_TOO_BIG ? OUTCOME_USAGE : cli_outcome(err), "%s%s", reason.text,
                    err == ERR_NOT_FOUND ? "; 'braid local up' makes one" : "");
}

enum outcome local_open_node(const struct cli *cli, const char *dir, struct local_plan **ret,
                             struct local_node *node)
{
    char *end;
    long number = strtol(cli->argument, &end, 10);

    if (*end != '\0' || number < 1 || number > (long)LOCAL_NODES_MAX)
        return cli_fail(cli, OUTCOME_USAGE, "N is a number from 1 to %u, not '%s'",
                        LOCAL_NODES_MAX, cli->argument);
    enum outcome outcome = local_open(cli, dir, ret);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (number > (long)(*ret)->node_count) {
        outcome = cli_fail(cli, OUTCOME_NOT_FOUND, "the cluster in %s has %u nodes, no node %ld",
                           (*ret)->dir, (*ret)->node_count, number);
        free(*ret);
        return outcome;
    }
    local_plan_node(*ret, (uint32_t)number, node);
    return OUTCOME_OK;
}

int local_pid(const struct local_node *node)
{
    return process_find(node->pid, node->config);
}

enum err local_ready(const struct local_node *node, uint32_t timeout_s, struct reason *why)
{
    char url[LOCAL_URL_BYTES_MAX];
    struct client_options options = { .endpoints = url,
                                      .timeout_ms = timeout_s * 1000,
                                      .attempts_max = 1 };
    struct client_answer answer;
    struct client *client;

    local_node_url(node, LOCAL_PORT_OPERATIONS, url);
    enum err err = client_open(&client, &options, why);
    if (err != ERR_OK)
        return err;
    err = client_get(client, "/readyz", &answer);
    if (err == ERR_UNREACHABLE)
        reason_set(why, "its operations port does not answer yet");
    else if (err != ERR_OK && answer.status != 0 && answer.body.len > 0)
        reason_set(why, "%.*s", (int)strcspn((const char *)answer.body.data, "\n"),
                   (const char *)answer.body.data);
    else if (err != ERR_OK)
        *why = answer.reason;
    client_close(client);
    return err;
}

struct status_row {
    struct local_node node;
    int pid;
    enum err ready; /* ERR_OK: it is */
    struct reason why;
};

static void look(const struct local_plan *plan, uint32_t number, uint32_t timeout_s,
                 struct status_row *row)
{
    local_plan_node(plan, number, &row->node);
    row->pid = local_pid(&row->node);
    row->ready = row->pid == 0 ? ERR_UNREACHABLE
                               : local_ready(&row->node, timeout_s, &row->why);
}

static json_t *row_json(const struct status_row *row)
{
    char url[LOCAL_URL_BYTES_MAX], operations[LOCAL_URL_BYTES_MAX];

    local_node_url(&row->node, LOCAL_PORT_CLIENT, url);
    local_node_url(&row->node, LOCAL_PORT_OPERATIONS, operations);
    json_t *tree = json_pack("{s:s, s:s, s:b, s:b, s:s, s:s, s:s}", "name", row->node.name, "az",
                             row->node.az, "running", row->pid != 0, "ready", row->ready == ERR_OK,
                             "endpoint", url, "operations", operations, "log", row->node.log);
    json_object_set_new(tree, "pid", row->pid != 0 ? json_integer(row->pid) : json_null());
    if (row->why.text[0] != '\0')
        json_object_set_new(tree, "waiting_for", json_string(row->why.text));
    return tree;
}

static void add_row(struct table *table, const struct status_row *row)
{
    char url[LOCAL_URL_BYTES_MAX], operations[LOCAL_URL_BYTES_MAX], pid[16] = "-";
    char state[REASON_BYTES_MAX + 32] = "down";

    local_node_url(&row->node, LOCAL_PORT_CLIENT, url);
    local_node_url(&row->node, LOCAL_PORT_OPERATIONS, operations);
    if (row->pid != 0)
        snprintf(pid, sizeof(pid), "%d", row->pid);
    if (row->ready == ERR_OK)
        snprintf(state, sizeof(state), "ready");
    else if (row->pid != 0)
        snprintf(state, sizeof(state), "%s: %s",
                 row->ready == ERR_TIMEOUT ? "does not answer" : "starting", row->why.text);
    table_row(table, row->node.name, row->node.az, pid, url, operations, state);
}

static enum outcome print_status(struct cli *cli, const struct local_plan *plan)
{
    json_t *nodes = json_array();
    static const char *const columns[] = {
        "NODE", "ZONE", "PID", "CLIENTS", "OPERATIONS", "STATE"
    };
    struct table *table = table_open(6, columns);
    struct status_row row;

    for (uint32_t i = 1; i <= plan->node_count; i++) {
        row = (struct status_row){ .pid = 0 };
        look(plan, i, (uint32_t)cli->timeout_s, &row);
        add_row(table, &row);
        json_array_append_new(nodes, row_json(&row));
    }
    if (cli->output == OUTPUT_TABLE) {
        json_decref(nodes);
        return table_print(table) ? OUTCOME_OK : cli_no_memory(cli);
    }
    table_drop(table);
    return cli_print_json(cli, json_pack("{s:s, s:o}", "dir", plan->dir, "nodes", nodes));
}

enum outcome local_status(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = { .options = local_dir_option,
                                       .parser = local_parse_dir,
                                       .timeout = "how long each node may take to answer; "
                                                  "default 2",
                                       .timeout_s = LOCAL_READY_S,
                                       .text = "Shows which nodes of the local cluster run, and "
                                               "whether they are ready." };
    const char *dir = NULL;
    struct local_plan *plan;

    cli_parse(cli, &syntax, argc, argv, &dir);
    enum outcome outcome = local_open(cli, dir, &plan);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = print_status(cli, plan);
    free(plan);
    return outcome;
}

/* node.c - the verbs that change nodes; node_show.c has those that only look. */
#include "node.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "member.h"
#include "operations.h"
#include "progress.h"
#include "stuck.h"

#define DRAIN_WAIT_S 3600 /* of --wait: a drain copies all that the node has */
#define LAST_LOOK_MS 1000u /* after --timeout, for what is left to be said */
#define LOOK_MS 200u
#define SHARDS_SHOWN 10u /* those that wait, for people */

#define WHICH_NODE "which node? 'braid node list' shows them"
#define ONE_NODE "one node only"
#define NO_SUCH_NODE "'braid node list' shows which nodes there are."

static const struct argp_option drain_options[] = {
    { "wait", 'w', NULL, 0, "wait until they are gone; shows how far it is", 0 }, { 0 }
};
static const struct argp_option remove_options[] = {
    { "wait", 'w', NULL, 0, "wait while it has replicas, or shards are on their way", 0 }, { 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bool *wait = state->input;

    if (key != 'w')
        return ARGP_ERR_UNKNOWN;
    *wait = true;
    return 0;
}

/* ---- what the cluster is asked ---- */

/* "/nodes/drain?name=node%204" */
static enum outcome path_of(const struct cli *cli, const char *act,
                            char path[OPERATIONS_PATH_BYTES_MAX])
{
    const unsigned char *at = (const unsigned char *)cli->argument;
    size_t len = (size_t)snprintf(path, OPERATIONS_PATH_BYTES_MAX, "/nodes%s?name=", act);

    for (; *at != 0 && len + 4 <= OPERATIONS_PATH_BYTES_MAX; at++) {
        bool plain = isalnum(*at) || strchr("-_.", *at) != NULL;
        len += (size_t)snprintf(path + len, OPERATIONS_PATH_BYTES_MAX - len,
                                plain ? "%c" : "%%%02x", *at);
    }
    if (*at == 0)
        return OUTCOME_OK;
    return cli_fail(cli, OUTCOME_USAGE, "'%s' is no name of a node: it is too long",
                    cli->argument);
}

static enum outcome change(const struct cli *cli, struct client *client, const char *act)
{
    char path[OPERATIONS_PATH_BYTES_MAX];
    enum outcome outcome = path_of(cli, act, path);

    return outcome == OUTCOME_OK ? operations_change(cli, client, path, NO_SUCH_NODE) : outcome;
}

/* The node as one of the cluster sees it. */
static enum outcome look(const struct cli *cli, struct client *client, json_t **ret)
{
    char path[OPERATIONS_PATH_BYTES_MAX];
    enum outcome outcome = path_of(cli, "", path);

    return outcome == OUTCOME_OK ? operations_look(cli, client, path, NO_SUCH_NODE, ret) : outcome;
}

static enum outcome say(const struct cli *cli, const char *what)
{
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:s, s:s}", "node", cli->argument, "status", what));
    printf("Node %s: %s\n", cli->argument, what);
    return OUTCOME_OK;
}

/* ---- drain ---- */

/* Each shard that is left or on its way, and why. */
static void print_left(const json_t *node)
{
    const json_t *shards = json_object_get(node, "shards");
    json_int_t left =
        (json_int_t)json_array_size(shards) + member_count(node, "shards_left_out");
    const char *waits = json_string_value(json_object_get(node, "waits_for"));

    if (left == 0 && waits != NULL)
        fprintf(stderr, "  %s\n", waits);
    for (size_t i = 0; i < json_array_size(shards) && i < SHARDS_SHOWN; i++) {
        const json_t *shard = json_array_get(shards, i);
        fprintf(stderr, "  shard %" JSON_INTEGER_FORMAT " of stream %s: %s\n",
                member_count(shard, "number"), member_text(shard, "stream"),
                member_text(shard, "why"));
    }
    if (left > (json_int_t)SHARDS_SHOWN)
        fprintf(stderr, "  ... and %" JSON_INTEGER_FORMAT " more\n",
                left - (json_int_t)SHARDS_SHOWN);
}

static enum outcome too_late(const struct cli *cli, const json_t *node)
{
    cli_fail(cli, OUTCOME_TIMEOUT,
             "node %s has %" JSON_INTEGER_FORMAT " replica%s still after %ld s, and %"
             JSON_INTEGER_FORMAT " shard%s on the way; it goes on:",
             cli->argument, member_count(node, "replicas"),
             member_count(node, "replicas") == 1 ? "" : "s", cli->timeout_s,
             member_count(node, "moving"), member_count(node, "moving") == 1 ? " is" : "s are");
    print_left(node);
    fprintf(stderr, "'braid node drain %s --wait' waits on, 'braid node undrain %s' ends it.\n",
            cli->argument, cli->argument);
    return OUTCOME_TIMEOUT;
}

/* Once, where a script or a person would wait for an hour to read it. */
static void say_stuck(struct progress *progress, const struct cli *cli, const json_t *node)
{
    progress_clear(progress);
    fprintf(stderr, "nothing has left node %s, and nothing has arrived, for %u s:\n",
            cli->argument, STUCK_MS / 1000u);
    print_left(node);
}

static void show(struct progress *progress, const struct cli *cli, const json_t *node,
                 json_int_t most, uint64_t passed_ms)
{
    const char *waits = json_string_value(json_object_get(node, "waits_for"));

    progress_step(progress, passed_ms, "node %s: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                  " replicas are gone, %" JSON_INTEGER_FORMAT " shards on their way%s%s",
                  cli->argument, most - member_count(node, "replicas"), most,
                  member_count(node, "moving"), waits == NULL ? "" : "; ",
                  waits == NULL ? "" : waits);
}

/* Until nothing is left on it, and what moved is whole elsewhere. */
static enum outcome await_drained(const struct cli *cli, struct client *client)
{
    uint64_t began_ms = cli_now_ms(), end_ms = cli_deadline_ms(cli, began_ms);
    enum outcome outcome = OUTCOME_OK;
    struct progress progress;
    struct stuck stuck;
    json_int_t most = 0;
    bool done = false;

    progress_init(&progress);
    stuck_init(&stuck, began_ms);
    client_until(client, end_ms + LAST_LOOK_MS);
    while (outcome == OUTCOME_OK && !done) {
        json_t *node = NULL;

        outcome = look(cli, client, &node);
        if (member_count(node, "replicas") > most)
            most = member_count(node, "replicas");
        done = outcome != OUTCOME_OK || member_is_true(node, "drained");
        if (!done && cli_now_ms() > end_ms) {
            progress_clear(&progress);
            outcome = too_late(cli, node);
        } else if (!done) {
            if (stuck_look(&stuck, member_count(node, "replicas"), member_count(node, "moving"),
                           cli_now_ms()))
                say_stuck(&progress, cli, node);
            show(&progress, cli, node, most, cli_now_ms() - began_ms);
            cli_pause_ms(LOOK_MS);
        }
        json_decref(node);
    }
    progress_clear(&progress);
    return outcome;
}

enum outcome node_drain(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .options = drain_options,
        .parser = parse,
        .arguments = "NODE",
        .which = WHICH_NODE,
        .one = ONE_NODE,
        .timeout = "how long to wait; default 3600",
        .timeout_s = DRAIN_WAIT_S,
        .text = "Moves the node's replicas to other nodes of its zone, a few at a time, and gives "
                "it no new ones. It goes on when this command ends. What is stuck is shown shard "
                "by shard when nothing has changed for a minute, and when --wait ends without "
                "success."
    };
    struct client *client;
    bool wait = false;

    cli_parse(cli, &syntax, argc, argv, &wait);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = change(cli, client, "/drain");
    if (outcome == OUTCOME_OK && wait)
        outcome = await_drained(cli, client);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, wait ? "drained" : "draining") : outcome;
}

enum outcome node_undrain(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .arguments = "NODE",
        .which = WHICH_NODE,
        .one = ONE_NODE,
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Ends a drain: the node may have replicas again. Those that are gone do not come "
                "back by themselves."
    };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, NULL);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = change(cli, client, "/undrain");
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, "not draining") : outcome;
}

/* ---- remove ---- */

/* One that is down and has nothing is as good as drained. */
static enum outcome drain_dead(const struct cli *cli, struct client *client)
{
    json_t *node = NULL;
    enum outcome outcome = look(cli, client, &node);

    if (outcome == OUTCOME_OK && !member_is_true(node, "up") &&
        !member_is_true(node, "draining") && !member_is_true(node, "replaced") &&
        member_count(node, "replicas") == 0)
        outcome = change(cli, client, "/drain");
    json_decref(node);
    return outcome;
}

/* Tried again while shards are on their way. */
static enum outcome remove_node(const struct cli *cli, struct client *client, bool wait)
{
    uint64_t end_ms = cli_deadline_ms(cli, cli_now_ms());
    char path[OPERATIONS_PATH_BYTES_MAX];
    enum outcome outcome = path_of(cli, "/remove", path);

    if (outcome != OUTCOME_OK)
        return outcome;
    client_until(client, end_ms + LAST_LOOK_MS);
    for (bool again = false;; again = true) {
        struct client_answer answer;
        enum err err = operations_post(client, path, &answer);
        if (err == ERR_OK)
            return OUTCOME_OK;
        /* An earlier try may have done it, and its answer was lost. */
        if (answer.status == 404 && (again || answer.attempts > 1))
            return OUTCOME_OK;
        if (err == ERR_TIMEOUT)
            return cli_fail(cli, OUTCOME_TIMEOUT,
                            "%s\nThe outcome is unknown. If that was node %s itself, it has ended: "
                            "'braid node list' at another node shows whether it is gone.",
                            answer.reason.text, cli->argument);
        if (!wait || cli_now_ms() > end_ms || !operations_may_wait(&answer))
            return operations_complain(cli, err, &answer, NO_SUCH_NODE);
        cli_pause_ms(LOOK_MS);
    }
}

enum outcome node_remove(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .options = remove_options,
        .parser = parse,
        .arguments = "NODE",
        .which = WHICH_NODE,
        .one = ONE_NODE,
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Takes a drained node, or one that is down and has no replicas, out of the "
                "cluster. Its process ends by itself, and its data directory is not used again."
    };
    struct client *client;
    bool wait = false;

    cli_parse(cli, &syntax, argc, argv, &wait);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = drain_dead(cli, client);
    if (outcome == OUTCOME_OK)
        outcome = remove_node(cli, client, wait);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, "removed") : outcome;
}

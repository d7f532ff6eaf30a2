/* node.c - the verbs that change nodes; node_show.c has those that only look. */
#include "node.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "progress.h"

#define TIMEOUT_S_DEFAULT 3600 /* of --wait: a drain copies all that the node has */
#define REMOVE_WAIT_S_DEFAULT 60
#define LOOK_MS 200u
#define PATH_BYTES_MAX 512u
#define SHARDS_SHOWN 10u /* those that wait, for people */

struct node_options {
    const char *name;
    long timeout_s;
    bool wait;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct node_options *options = state->input;

    switch (key) {
    case 'w':
        options->wait = true;
        return 0;
    case 't':
        options->timeout_s = cli_number(state, "--timeout", arg, 1, 30 * 86400L);
        return 0;
    case ARGP_KEY_ARG:
        if (options->name != NULL)
            argp_error(state, "one node only");
        options->name = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which node? 'braid node list' shows them");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what the cluster is asked ---- */

/* "/nodes/drain?name=node%204" */
static bool path_of(const char *act, const char *name, char path[PATH_BYTES_MAX])
{
    size_t len = (size_t)snprintf(path, PATH_BYTES_MAX, "/nodes%s?name=", act);

    for (const unsigned char *at = (const unsigned char *)name; *at != 0; at++) {
        bool plain = isalnum(*at) || strchr("-_.", *at) != NULL;
        if (len + 4 > PATH_BYTES_MAX)
            return false;
        len += (size_t)snprintf(path + len, PATH_BYTES_MAX - len, plain ? "%c" : "%%%02x", *at);
    }
    return true;
}

/* What a refusal says is the outcome: `answer` is one of /nodes. */
static enum outcome complain(const struct cli *cli, enum err err,
                             const struct client_answer *answer)
{
    json_t *tree = answer->body.len == 0 ? NULL
                                         : json_loadb((const char *)answer->body.data,
                                                      answer->body.len, 0, NULL);
    bool wait = json_is_true(json_object_get(tree, "wait"));

    json_decref(tree);
    if (answer->status == 404)
        return cli_fail(cli, OUTCOME_NOT_FOUND, "%s\n'braid node list' shows which nodes there "
                        "are.", answer->reason.text);
    if (answer->status == 403)
        return cli_fail(cli, OUTCOME_FAILED, "%s\nRun it on a machine of the cluster, with "
                        "--operations naming its own port.", answer->reason.text);
    if (answer->status == 409)
        return cli_fail(cli, wait ? OUTCOME_TIMEOUT : OUTCOME_FAILED, "%s", answer->reason.text);
    return cluster_complain(cli, err, &answer->reason);
}

static enum outcome change(const struct cli *cli, struct client *client, const char *act,
                           const char *name)
{
    struct client_answer answer;
    char path[PATH_BYTES_MAX];

    if (!path_of(act, name, path))
        return cli_fail(cli, OUTCOME_USAGE, "'%s' is no name of a node: it is too long", name);
    enum err err = client_post(client, path, slice_text("{}"), &answer);
    return err == ERR_OK ? OUTCOME_OK : complain(cli, err, &answer);
}

/* The node as one of the cluster sees it. */
static enum outcome look(const struct cli *cli, struct client *client, const char *name,
                         json_t **ret)
{
    struct client_answer answer;
    char path[PATH_BYTES_MAX];

    if (!path_of("", name, path))
        return cli_fail(cli, OUTCOME_USAGE, "'%s' is no name of a node: it is too long", name);
    enum err err = client_get(client, path, &answer);
    if (err != ERR_OK)
        return complain(cli, err, &answer);
    *ret = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
    if (*ret == NULL)
        return cli_fail(cli, OUTCOME_FAILED, "the answer of %s is not JSON", path);
    return OUTCOME_OK;
}

static json_int_t number(const json_t *node, const char *name)
{
    return json_integer_value(json_object_get(node, name));
}

static enum outcome say(const struct cli *cli, const char *name, const char *what)
{
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:s, s:s}", "node", name, "status", what));
    printf("Node %s: %s\n", name, what);
    return OUTCOME_OK;
}

/* ---- drain ---- */

/* Each shard that is left, and why. */
static void print_left(const json_t *node)
{
    const json_t *shards = json_object_get(node, "shards");
    json_int_t left = number(node, "replicas");

    for (size_t i = 0; i < json_array_size(shards) && i < SHARDS_SHOWN; i++) {
        const json_t *shard = json_array_get(shards, i);
        const char *why = json_string_value(json_object_get(shard, "why"));
        fprintf(stderr, "  shard %" JSON_INTEGER_FORMAT " of stream %s: %s\n",
                number(shard, "number"), json_string_value(json_object_get(shard, "stream")),
                why == NULL ? "-" : why);
    }
    if (left > (json_int_t)SHARDS_SHOWN)
        fprintf(stderr, "  ... and %" JSON_INTEGER_FORMAT " more\n",
                left - (json_int_t)SHARDS_SHOWN);
}

static enum outcome too_late(const struct cli *cli, const struct node_options *options,
                             const json_t *node)
{
    cli_fail(cli, OUTCOME_TIMEOUT,
             "node %s has %" JSON_INTEGER_FORMAT " replicas still after %ld s, and %"
             JSON_INTEGER_FORMAT " shards are on their way; it goes on:",
             options->name, number(node, "replicas"), options->timeout_s, number(node, "moving"));
    print_left(node);
    fprintf(stderr, "'braid node drain %s --wait' waits on, 'braid node undrain %s' ends it.\n",
            options->name, options->name);
    return OUTCOME_TIMEOUT;
}

static void show(struct progress *progress, const struct node_options *options, const json_t *node,
                 json_int_t most, uint64_t passed_ms)
{
    const char *waits = json_string_value(json_object_get(node, "waits_for"));

    progress_show(progress, "%.1f s, node %s: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                  " replicas are gone, %" JSON_INTEGER_FORMAT " shards on their way%s%s",
                  (double)passed_ms / 1000, options->name, most - number(node, "replicas"), most,
                  number(node, "moving"), waits == NULL ? "" : "; ", waits == NULL ? "" : waits);
}

/* Until nothing is left on it, and what moved is whole elsewhere. */
static enum outcome await_drained(const struct cli *cli, struct client *client,
                                  const struct node_options *options)
{
    uint64_t began_ms = cli_now_ms();
    struct progress progress;
    json_int_t most = 0;

    progress_init(&progress);
    for (;;) {
        json_t *node = NULL;
        enum outcome outcome = look(cli, client, options->name, &node);
        uint64_t passed_ms = cli_now_ms() - began_ms;
        bool done = outcome == OUTCOME_OK && json_is_true(json_object_get(node, "drained"));

        if (outcome != OUTCOME_OK || done) {
            progress_clear(&progress);
            json_decref(node);
            return outcome;
        }
        if (number(node, "replicas") > most)
            most = number(node, "replicas");
        show(&progress, options, node, most, passed_ms);
        if (passed_ms > (uint64_t)options->timeout_s * 1000) {
            progress_clear(&progress);
            outcome = too_late(cli, options, node);
        }
        json_decref(node);
        if (outcome != OUTCOME_OK)
            return outcome;
        cli_pause_ms(LOOK_MS);
    }
}

enum outcome node_drain(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "wait", 'w', NULL, 0, "wait until they are gone; shows how far it is", 0 },
        { "timeout", 't', "SECONDS", 0, "how long to wait; default 3600", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse,
        .arguments = "NODE",
        .text = "Moves the node's replicas to other nodes of its zone, a few at a time, and gives "
                "it no new ones. It goes on when this command ends. What is stuck is shown shard "
                "by shard when --wait ends without success."
    };
    struct node_options options = { .timeout_s = TIMEOUT_S_DEFAULT };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = change(cli, client, "/drain", options.name);
    if (outcome == OUTCOME_OK && options.wait)
        outcome = await_drained(cli, client, &options);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, options.name, options.wait ? "drained" : "draining")
                                 : outcome;
}

enum outcome node_undrain(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .parser = parse,
        .arguments = "NODE",
        .text = "Ends a drain: the node may have replicas again. Those that are gone do not come "
                "back by themselves."
    };
    struct node_options options = { .name = NULL };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = change(cli, client, "/undrain", options.name);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, options.name, "not draining") : outcome;
}

/* ---- remove ---- */

/* One that is down and has nothing is as good as drained. */
static enum outcome drain_dead(const struct cli *cli, struct client *client, const char *name)
{
    json_t *node = NULL;
    enum outcome outcome = look(cli, client, name, &node);

    if (outcome == OUTCOME_OK && !json_is_true(json_object_get(node, "up")) &&
        !json_is_true(json_object_get(node, "draining")) &&
        !json_is_true(json_object_get(node, "replaced")) && number(node, "replicas") == 0)
        outcome = change(cli, client, "/drain", name);
    json_decref(node);
    return outcome;
}

/* Tried again while shards are on their way. */
static enum outcome remove_node(const struct cli *cli, struct client *client,
                                const struct node_options *options)
{
    uint64_t began_ms = cli_now_ms();
    char path[PATH_BYTES_MAX];

    if (!path_of("/remove", options->name, path))
        return cli_fail(cli, OUTCOME_USAGE, "'%s' is no name of a node: it is too long",
                        options->name);
    for (bool again = false;; again = true) {
        struct client_answer answer;
        enum err err = client_post(client, path, slice_text("{}"), &answer);
        bool late = cli_now_ms() - began_ms > (uint64_t)options->timeout_s * 1000;
        if (err == ERR_OK)
            return OUTCOME_OK;
        /* An earlier try may have done it, and its answer was lost. */
        if (answer.status == 404 && (again || answer.attempts > 1))
            return OUTCOME_OK;
        if (err == ERR_TIMEOUT)
            return cli_fail(cli, OUTCOME_TIMEOUT,
                            "%s\nThe outcome is unknown. If that was node %s itself, it has ended: "
                            "'braid node list' at another node shows whether it is gone.",
                            answer.reason.text, options->name);
        if (!options->wait || late || answer.status != 409 ||
            strstr((const char *)answer.body.data, "\"wait\":true") == NULL)
            return complain(cli, err, &answer);
        cli_pause_ms(LOOK_MS);
    }
}

enum outcome node_remove(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "wait", 'w', NULL, 0, "wait while it has replicas, or shards are on their way", 0 },
        { "timeout", 't', "SECONDS", 0, "how long to wait; default 60", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse,
        .arguments = "NODE",
        .text = "Takes a drained node, or one that is down and has no replicas, out of the "
                "cluster. Its process ends by itself, and its data directory is not used again."
    };
    struct node_options options = { .timeout_s = REMOVE_WAIT_S_DEFAULT };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = drain_dead(cli, client, options.name);
    if (outcome == OUTCOME_OK)
        outcome = remove_node(cli, client, &options);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, options.name, "removed") : outcome;
}

/* shard.c - `braid shard rescue`: says what would be lost, asks, and does it. */
#include "shard.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cluster.h"

#define PATH_BYTES_MAX 512u
#define STREAM_NAME_MAX 128u
#define NAME_MAX_BYTES (STREAM_NAME_MAX + 24u)
#define TIME_TEXT_MAX 32u
#define BY_MAX 48u
#define AWS_PREFIX "shardId-"

struct rescue_options {
    const char *stream, *shard;
    const char *yes; /* the shard's name, for scripts */
    unsigned long number;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct rescue_options *options = state->input;
    char *rest = NULL;

    switch (key) {
    case 'y':
        options->yes = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (options->stream == NULL) {
            options->stream = arg;
            return 0;
        }
        if (options->shard != NULL)
            argp_error(state, "one shard only");
        options->shard = arg;
        if (strncmp(arg, AWS_PREFIX, strlen(AWS_PREFIX)) == 0)
            arg += strlen(AWS_PREFIX);
        options->number = strtoul(arg, &rest, 10);
        if (*arg < '0' || *arg > '9' || *rest != '\0')
            argp_error(state, "'%s' is no shard: 0, or shardId-000000000000", options->shard);
        return 0;
    case ARGP_KEY_END:
        if (options->shard == NULL)
            argp_error(state, "which shard? 'braid stream describe STREAM' shows them");
        if (strlen(options->stream) > STREAM_NAME_MAX ||
            strspn(options->stream, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_.-") != strlen(options->stream))
            argp_error(state, "'%s' is no name of a stream", options->stream);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- the cluster ---- */

static enum outcome complain(const struct cli *cli, enum err err,
                             const struct client_answer *answer)
{
    if (answer->status == 404)
        return cli_fail(cli, OUTCOME_NOT_FOUND, "%s\n'braid stream describe STREAM' shows the "
                        "shards.", answer->reason.text);
    if (answer->status == 403)
        return cli_fail(cli, OUTCOME_FAILED, "%s\nRun it on a machine of the cluster, with "
                        "--operations naming its own port.", answer->reason.text);
    if (answer->status == 409)
        return cli_fail(cli, OUTCOME_FAILED, "%s", answer->reason.text);
    return cluster_complain(cli, err, &answer->reason);
}

static enum outcome look(const struct cli *cli, struct client *client,
                         const struct rescue_options *options, json_t **ret)
{
    struct client_answer answer;
    char path[PATH_BYTES_MAX];

    snprintf(path, sizeof(path), "/shards/rescue?stream=%s&shard=%lu", options->stream,
             options->number);
    enum err err = client_get(client, path, &answer);
    if (err != ERR_OK)
        return complain(cli, err, &answer);
    *ret = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
    if (*ret == NULL)
        return cli_fail(cli, OUTCOME_FAILED, "the answer of %s is not JSON", path);
    return OUTCOME_OK;
}

static const json_t *survivor_of(const json_t *found)
{
    const json_t *nodes = json_object_get(found, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++)
        if (json_is_true(json_object_get(json_array_get(nodes, i), "survivor")))
            return json_array_get(nodes, i);
    return NULL;
}

static json_int_t number(const json_t *tree, const char *name)
{
    return json_integer_value(json_object_get(tree, name));
}

static const char *text(const json_t *tree, const char *name)
{
    const char *found = json_string_value(json_object_get(tree, name));

    return found == NULL ? "?" : found;
}

/* Who asks, for the audit log: letters and digits of the user's name. */
static void user_name(char by[BY_MAX])
{
    struct passwd entry, *user = NULL;
    char names[1024];
    size_t len = 0;

    if (getpwuid_r(getuid(), &entry, names, sizeof(names), &user) != 0)
        user = NULL;
    for (const char *at = user == NULL ? "" : user->pw_name; *at != 0 && len + 1 < BY_MAX; at++)
        by[len++] = strchr("&=%# ?+", *at) != NULL ? '_' : *at;
    by[len] = 0;
    if (len == 0)
        snprintf(by, BY_MAX, "uid-%u", (unsigned)getuid());
}

static enum outcome act(const struct cli *cli, struct client *client,
                        const struct rescue_options *options, const json_t *found)
{
    const json_t *survivor = survivor_of(found);
    struct client_answer answer;
    char path[PATH_BYTES_MAX], by[BY_MAX];

    user_name(by);
    snprintf(path, sizeof(path),
             "/shards/rescue?stream=%s&shard=%lu&epoch=%" JSON_INTEGER_FORMAT
             "&survivor=%s&index=%" JSON_INTEGER_FORMAT "&term=%" JSON_INTEGER_FORMAT "&by=%s",
             options->stream, options->number, number(found, "epoch"), text(survivor, "id"),
             number(survivor, "last"), number(survivor, "last_term"), by);
    enum err err = client_post(client, path, slice_text("{}"), &answer);
    return err == ERR_OK ? OUTCOME_OK : complain(cli, err, &answer);
}

/* ---- in words ---- */

static const char *time_text(json_int_t ms, char room[TIME_TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (ms == 0 || gmtime_r(&seconds, &tm) == NULL)
        return "never";
    strftime(room, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return room;
}

static void print_node(const json_t *node)
{
    char at[TIME_TEXT_MAX];

    fprintf(stderr, "  %s (%s): ", text(node, "name"), text(node, "id"));
    if (strcmp(text(node, "has"), "copy") != 0) {
        const char *why = json_is_true(json_object_get(node, "disk_lost"))
                              ? "its disk is lost"
                              : strcmp(text(node, "has"), "down") == 0 ? "it does not answer"
                                                                       : "it has nothing of it";
        fprintf(stderr, "%s", why);
        if (number(node, "down_ms") > 0)
            fprintf(stderr, "; not heard for %" JSON_INTEGER_FORMAT " s at least",
                    number(node, "down_ms") / 1000);
        fprintf(stderr, "\n");
        return;
    }
    fprintf(stderr, "entries up to %" JSON_INTEGER_FORMAT " (term %" JSON_INTEGER_FORMAT
            ", epoch %" JSON_INTEGER_FORMAT "), the newest of %s; known acknowledged up to %"
            JSON_INTEGER_FORMAT "%s%s\n",
            number(node, "last"), number(node, "last_term"), number(node, "epoch"),
            time_text(number(node, "last_time_ms"), at), number(node, "known_committed"),
            json_is_true(json_object_get(node, "whole")) ? "" : "; no whole copy",
            json_is_true(json_object_get(node, "survivor")) ? "; THE SURVIVOR" : "");
}

static void explain(const char *name, const json_t *found)
{
    const json_t *nodes = json_object_get(found, "nodes"), *survivor = survivor_of(found);
    char at[TIME_TEXT_MAX];

    fprintf(stderr, "Shard %s, epoch %" JSON_INTEGER_FORMAT ":\n", name, number(found, "epoch"));
    for (size_t i = 0; i < json_array_size(nodes); i++)
        print_node(json_array_get(nodes, i));
    if (survivor == NULL)
        return;
    fprintf(stderr,
            "\nIt would go on from what node %s has. LOST FOR GOOD would be what was\n"
            "acknowledged and that node lacks: of the time after %s, how much\n"
            "nobody can say. The last %" JSON_INTEGER_FORMAT " of its entries may never have been "
            "acknowledged;\nthey are kept.\n"
            "Copies on other nodes are put aside: kept on their disks, never used again. If one\n"
            "of these nodes can be started with its data, start it instead.\n\n",
            text(survivor, "name"), time_text(number(survivor, "last_time_ms"), at),
            number(survivor, "last") - number(survivor, "known_committed"));
}

/* Typed, not nodded at. */
static enum outcome confirm(const struct cli *cli, const struct rescue_options *options,
                            const char *name)
{
    char typed[NAME_MAX_BYTES + 2];

    if (options->yes != NULL) {
        if (strcmp(options->yes, name) == 0)
            return OUTCOME_OK;
        return cli_fail(cli, OUTCOME_USAGE, "--yes says '%s', and the shard is '%s': nothing was "
                        "done", options->yes, name);
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return cli_fail(cli, OUTCOME_USAGE, "there is no terminal to ask at: nothing was done. "
                        "Scripts say --yes %s", name);
    fprintf(stderr, "Type the shard's name, %s, to do it: ", name);
    if (fgets(typed, sizeof(typed), stdin) == NULL)
        typed[0] = '\0';
    typed[strcspn(typed, "\n")] = '\0';
    if (strcmp(typed, name) == 0)
        return OUTCOME_OK;
    return cli_fail(cli, OUTCOME_FAILED, "nothing was done");
}

static enum outcome rescue(const struct cli *cli, struct client *client,
                           const struct rescue_options *options)
{
    char name[NAME_MAX_BYTES];
    json_t *found = NULL;

    snprintf(name, sizeof(name), "%s/%lu", options->stream, options->number);
    enum outcome outcome = look(cli, client, options, &found);
    if (outcome != OUTCOME_OK)
        return outcome;
    explain(name, found);
    if (!json_is_true(json_object_get(found, "possible")))
        outcome = cli_fail(cli, OUTCOME_FAILED, "shard %s: %s", name, text(found, "why_not"));
    if (outcome == OUTCOME_OK)
        outcome = confirm(cli, options, name);
    if (outcome == OUTCOME_OK)
        outcome = act(cli, client, options, found);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_pack("{s:s, s:s, s:s}", "shard", name, "status",
                                                "rescued", "survivor",
                                                text(survivor_of(found), "name")));
    else if (outcome == OUTCOME_OK)
        printf("Shard %s goes on from node %s. The audit log of the node that was asked says what\n"
               "was done. Other nodes become its replicas one at a time.\n",
               name, text(survivor_of(found), "name"));
    json_decref(found);
    return outcome;
}

enum outcome shard_rescue(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "yes", 'y', "STREAM/SHARD", 0, "confirms, instead of asking: the shard's exact name", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse,
        .arguments = "STREAM SHARD",
        .text = "For a shard whose majority is lost for good: shows what is left of it and what "
                "would be lost, asks, and lets it go on from the one copy that has most. What only "
                "the lost nodes had is lost. Nothing is done while a majority can come back by "
                "itself."
    };
    struct rescue_options options = { .stream = NULL };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = rescue(cli, client, &options);
    client_close(client);
    return outcome;
}

/* shard.c - `braid shard rescue`: says what would be lost, asks, and does it. */
#include "shard.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "member.h"
#include "operations.h"

#define STREAM_NAME_MAX 128u
#define NAME_MAX_BYTES (STREAM_NAME_MAX + 24u)
#define TIME_TEXT_MAX 32u
#define BY_MAX 48u
#define AWS_PREFIX "shardId-"
#define NO_SUCH_SHARD "'braid stream describe STREAM' shows the shards."

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

static enum outcome look(const struct cli *cli, struct client *client,
                         const struct rescue_options *options, json_t **ret)
{
    char path[OPERATIONS_PATH_BYTES_MAX];

    snprintf(path, sizeof(path), "/shards/rescue?stream=%s&shard=%lu", options->stream,
             options->number);
    return operations_look(cli, client, path, NO_SUCH_SHARD, ret);
}

static const json_t *survivor_of(const json_t *found)
{
    const json_t *nodes = json_object_get(found, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++)
        if (json_is_true(json_object_get(json_array_get(nodes, i), "survivor")))
            return json_array_get(nodes, i);
    return NULL;
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
    char path[OPERATIONS_PATH_BYTES_MAX], by[BY_MAX];

    user_name(by);
    snprintf(path, sizeof(path),
             "/shards/rescue?stream=%s&shard=%lu&epoch=%" JSON_INTEGER_FORMAT
             "&survivor=%s&index=%" JSON_INTEGER_FORMAT "&term=%" JSON_INTEGER_FORMAT "&by=%s",
             options->stream, options->number, member_count(found, "epoch"),
             member_text(survivor, "id"), member_count(survivor, "last"),
             member_count(survivor, "last_term"), by);
    client_until(client, cli_deadline_ms(cli, cli_now_ms())); /* a person may have thought long */
    return operations_change(cli, client, path, NO_SUCH_SHARD);
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

    fprintf(stderr, "  %s (%s): ", member_text(node, "name"), member_text(node, "id"));
    if (strcmp(member_text(node, "has"), "copy") != 0) {
        bool down = strcmp(member_text(node, "has"), "down") == 0;
        const char *why = member_is_true(node, "disk_lost") ? "its disk is lost"
                          : down                            ? "it does not answer"
                                                            : "it has nothing of it";
        fprintf(stderr, "%s", why);
        if (member_count(node, "down_ms") > 0)
            fprintf(stderr, "; not heard for %" JSON_INTEGER_FORMAT " s at least",
                    member_count(node, "down_ms") / 1000);
        fprintf(stderr, "\n");
        return;
    }
    fprintf(stderr, "entries up to %" JSON_INTEGER_FORMAT " (term %" JSON_INTEGER_FORMAT
            ", epoch %" JSON_INTEGER_FORMAT "), the newest of %s; known acknowledged up to %"
            JSON_INTEGER_FORMAT "%s%s\n",
            member_count(node, "last"), member_count(node, "last_term"),
            member_count(node, "epoch"), time_text(member_count(node, "last_time_ms"), at),
            member_count(node, "known_committed"),
            member_is_true(node, "whole") ? "" : "; no whole copy",
            member_is_true(node, "survivor") ? "; THE SURVIVOR" : "");
}

static void explain(const char *name, const json_t *found)
{
    const json_t *nodes = json_object_get(found, "nodes"), *survivor = survivor_of(found);
    char at[TIME_TEXT_MAX];

    fprintf(stderr, "Shard %s, epoch %" JSON_INTEGER_FORMAT ":\n", name,
            member_count(found, "epoch"));
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
            member_text(survivor, "name"), time_text(member_count(survivor, "last_time_ms"), at),
            member_count(survivor, "last") - member_count(survivor, "known_committed"));
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
    if (!member_is_true(found, "possible"))
        outcome = cli_fail(cli, OUTCOME_FAILED, "shard %s: %s", name,
                           member_text(found, "why_not"));
    if (outcome == OUTCOME_OK)
        outcome = confirm(cli, options, name);
    if (outcome == OUTCOME_OK)
        outcome = act(cli, client, options, found);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_pack("{s:s, s:s, s:s}", "shard", name, "status",
                                                "rescued", "survivor",
                                                member_text(survivor_of(found), "name")));
    else if (outcome == OUTCOME_OK)
        printf("Shard %s goes on from node %s. The audit log of the node that was asked says what\n"
               "was done. Other nodes become its replicas one at a time.\n",
               name, member_text(survivor_of(found), "name"));
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
        .timeout = "how long to wait for the cluster; default 60",
        .timeout_s = CLI_TIMEOUT_S,
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

/* shard.c - `braid shard rescue`: says what would be lost, asks, and does it. */
#include "shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "member.h"
#include "operations.h"
#include "rescue.h"

#define STREAM_NAME_MAX 128u
#define NAME_MAX_BYTES (STREAM_NAME_MAX + 24u)
#define AWS_PREFIX "shardId-"
#define NO_SUCH_SHARD \
    "'braid stream list' shows the streams, 'braid stream describe STREAM' the shards of one."

struct rescue_options {
    const char *stream, *shard;
    const char *yes; /* the shard's name, for scripts */
    unsigned long number;
};

unsigned long shard_number(struct argp_state *state, const char *name)
{
    const char *digits = strncmp(name, AWS_PREFIX, strlen(AWS_PREFIX)) == 0
                             ? name + strlen(AWS_PREFIX)
                             : name;
    char *rest = NULL;
    unsigned long number = strtoul(digits, &rest, 10);

    if (*digits < '0' || *digits > '9' || *rest != '\0')
        argp_error(state, "'%s' is no shard: 0, or shardId-000000000000", name);
    return number;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct rescue_options *options = state->input;

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
        options->number = shard_number(state, arg);
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

static enum outcome act(const struct cli *cli, struct client *client,
                        const struct rescue_options *options, const json_t *found)
{
    const json_t *survivor = rescue_survivor(found);
    char path[OPERATIONS_PATH_BYTES_MAX];

    snprintf(path, sizeof(path),
             "/shards/rescue?stream=%s&shard=%lu&epoch=%" JSON_INTEGER_FORMAT
             "&survivor=%s&index=%" JSON_INTEGER_FORMAT "&term=%" JSON_INTEGER_FORMAT,
             options->stream, options->number, member_count(found, "epoch"),
             member_text(survivor, "id"), member_count(survivor, "last"),
             member_count(survivor, "last_term"));
    client_until(client, cli_deadline_ms(cli, cli_now_ms())); /* a person may have thought long */
    return operations_change(cli, client, path, NO_SUCH_SHARD);
}

/* ---- in words ---- */

static void explain(const char *name, const json_t *found)
{
    const json_t *nodes = json_object_get(found, "nodes"), *survivor = rescue_survivor(found);
    char at[RESCUE_TIME_MAX];

    fprintf(stderr, "Shard %s, epoch %" JSON_INTEGER_FORMAT ":\n", name,
            member_count(found, "epoch"));
    for (size_t i = 0; i < json_array_size(nodes); i++)
        rescue_print_node(json_array_get(nodes, i));
    if (survivor == NULL)
        return;
    fprintf(stderr,
            "\nIt would go on from what node %s has. LOST FOR GOOD would be what was\n"
            "acknowledged and that node lacks: of the time after %s, how much\n"
            "nobody can say. The last %" JSON_INTEGER_FORMAT " of its entries may never have been "
            "acknowledged;\nthey are kept.\n"
            "Copies on other nodes are put aside: kept on their disks, never used again. If one\n"
            "of these nodes can be started with its data, start it instead.\n\n",
            member_text(survivor, "name"), rescue_time(member_count(survivor, "last_time_ms"), at),
            member_count(survivor, "last") - member_count(survivor, "known_committed"));
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
        outcome = rescue_confirm(cli, "shard", name, options->yes);
    if (outcome == OUTCOME_OK)
        outcome = act(cli, client, options, found);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_pack("{s:s, s:s, s:s}", "shard", name, "status",
                                                "rescued", "survivor",
                                                member_text(rescue_survivor(found), "name")));
    else if (outcome == OUTCOME_OK)
        printf("Shard %s goes on from node %s. The audit log of the node that was asked says what\n"
               "was done. Other nodes become its replicas one at a time.\n",
               name, member_text(rescue_survivor(found), "name"));
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

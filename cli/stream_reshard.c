/* stream_reshard.c - `braid stream split`, `merge`: they wait until the children take records. */
#include <stdio.h>
#include <string.h>

#include "base/u128.h"
#include "shard.h"
#include "stream.h"

#define SHARD_ID_BYTES 32u
#define PARENTS_MAX 2u

struct reshard_options {
    const char *stream;
    const char *at; /* the hash key where the second child begins; NULL: the middle */
    unsigned long parents[PARENTS_MAX];
    unsigned wanted, given;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct reshard_options *options = state->input;
    struct u128 hash_key;

    switch (key) {
    case 'a':
        if (u128_parse(slice_text(arg), &hash_key) != ERR_OK)
            argp_error(state, "--at is a hash key, a whole number from 0 to 2^128 - 1: '%s'", arg);
        options->at = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (options->stream == NULL)
            options->stream = arg;
        else if (options->given == options->wanted)
            argp_error(state, "too many shards; %s", options->wanted == 1 ? "one is split"
                                                                          : "two are merged");
        else
            options->parents[options->given++] = shard_number(state, arg);
        return 0;
    case ARGP_KEY_END:
        if (options->given < options->wanted)
            argp_error(state, "which %s? 'braid stream describe NAME' shows them",
                       options->wanted == 1 ? "shard" : "two shards");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *shard_id(unsigned long number, char text[SHARD_ID_BYTES])
{
    snprintf(text, SHARD_ID_BYTES, "shardId-%012lu", number);
    return text;
}

static bool hash_key_of(const json_t *shard, const char *name, struct u128 *ret)
{
    const char *text = json_string_value(json_object_get(json_object_get(shard, "HashKeyRange"),
                                                         name));

    return text != NULL && u128_parse(slice_text(text), ret) == ERR_OK;
}

/* Where the second of two equal halves begins.  The cluster refuses a shard of one hash key. */
static enum outcome find_middle(const struct cli *cli, struct client *client, const char *id,
                                char ret[U128_TEXT_BYTES])
{
    json_t *shards = NULL;
    struct u128 first, last;
    bool found = false;
    enum outcome outcome = stream_shards(cli, client, cli->argument, &shards);

    if (outcome != OUTCOME_OK)
        return outcome;
    for (size_t i = 0; i < json_array_size(shards) && !found; i++) {
        const json_t *shard = json_array_get(shards, i);
        const char *name = json_string_value(json_object_get(shard, "ShardId"));

        found = name != NULL && strcmp(name, id) == 0 &&
                hash_key_of(shard, "StartingHashKey", &first) &&
                hash_key_of(shard, "EndingHashKey", &last);
    }
    json_decref(shards);
    if (!found)
        return cli_fail(cli, OUTCOME_NOT_FOUND,
                        "stream %s has no shard %s; 'braid stream describe %s' shows them",
                        cli->argument, id, cli->argument);
    u128_print((struct u128){ .v = first.v + (last.v - first.v) / 2 + 1 }, ret);
    return OUTCOME_OK;
}

static enum outcome split(const struct cli *cli, struct client *client,
                          const struct reshard_options *options)
{
    char id[SHARD_ID_BYTES], middle[U128_TEXT_BYTES];
    const char *at = options->at;

    shard_id(options->parents[0], id);
    if (at == NULL) {
        enum outcome outcome = find_middle(cli, client, id, middle);
        if (outcome != OUTCOME_OK)
            return outcome;
        at = middle;
    }
    return cli_call(cli, client, "SplitShard",
                    json_pack("{s:s, s:s, s:s}", "StreamName", cli->argument, "ShardToSplit", id,
                              "NewStartingHashKey", at),
                    NULL);
}

static enum outcome merge(const struct cli *cli, struct client *client,
                          const struct reshard_options *options)
{
    char one[SHARD_ID_BYTES], other[SHARD_ID_BYTES];

    return cli_call(cli, client, "MergeShards",
                    json_pack("{s:s, s:s, s:s}", "StreamName", cli->argument, "ShardToMerge",
                              shard_id(options->parents[0], one), "AdjacentShardToMerge",
                              shard_id(options->parents[1], other)),
                    NULL);
}

static bool is_child(const json_t *shard, const char *parent)
{
    const char *first = json_string_value(json_object_get(shard, "ParentShardId"));
    const char *second = json_string_value(json_object_get(shard, "AdjacentParentShardId"));

    return (first != NULL && strcmp(first, parent) == 0) ||
           (second != NULL && strcmp(second, parent) == 0);
}

/* The children, by their parent's name. */
static enum outcome say(const struct cli *cli, struct client *client, const char *parent)
{
    json_t *shards = NULL, *children = json_array();
    enum outcome outcome = stream_shards(cli, client, cli->argument, &shards);

    for (size_t i = 0; i < json_array_size(shards); i++) {
        json_t *shard = json_array_get(shards, i);
        if (is_child(shard, parent))
            json_array_append(children, json_object_get(shard, "ShardId"));
    }
    json_decref(shards);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:s, s:o}", "stream", cli->argument, "shards",
                                             children));
    for (size_t i = 0; outcome == OUTCOME_OK && i < json_array_size(children); i++)
        printf("%s\n", json_string_value(json_array_get(children, i)));
    json_decref(children);
    return outcome;
}

static enum outcome run(struct cli *cli, const struct reshard_options *options)
{
    uint64_t deadline_ms = cli_deadline_ms(cli, cli_now_ms());
    char parent[SHARD_ID_BYTES];
    struct client *client;

    cli->argument = options->stream;
    enum outcome outcome = cli_client(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = options->wanted == 1 ? split(cli, client, options) : merge(cli, client, options);
    if (outcome == OUTCOME_OK)
        outcome = stream_await(cli, client, deadline_ms, false);
    if (outcome == OUTCOME_OK)
        outcome = say(cli, client, shard_id(options->parents[0], parent));
    client_close(client);
    return outcome;
}

enum outcome stream_split(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "at", 'a', "HASHKEY", 0,
          "the hash key where the second of both begins; default: the middle", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = { .options = rows,
                                       .parser = parse,
                                       .arguments = "NAME SHARD",
                                       .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Splits a shard into two, waits until they take "
                                               "records, and prints them." };
    struct reshard_options options = { .wanted = 1 };

    cli_parse(cli, &syntax, argc, argv, &options);
    return run(cli, &options);
}

enum outcome stream_merge(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = { .parser = parse,
                                       .arguments = "NAME SHARD SHARD",
                                       .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Merges two shards whose hash keys are neighbours "
                                               "into one, waits until it takes records, and "
                                               "prints it." };
    struct reshard_options options = { .wanted = 2 };

    cli_parse(cli, &syntax, argc, argv, &options);
    return run(cli, &options);
}

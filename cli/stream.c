#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operations.h"
#include "progress.h"
#include "stream_table.h"

#define LIMITS_LOOK_MS 3000u /* for an operations port, which may not be there */
#define LOOK_MS 100u /* half of the DescribeStreamSummary that AWS allows a second */
#define SHARDS_MAX_ASKED 10000

#define WHICH_STREAM "which stream? 'braid stream list' lists them"
#define ONE_STREAM "one stream only"

struct stream_options {
    long shards;
    bool no_wait, yes;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct stream_options *options = state->input;

    switch (key) {
    case 's':
        options->shards = cli_number(state, "--shards", arg, 1, SHARDS_MAX_ASKED);
        return 0;
    case 'w':
        options->no_wait = true;
        return 0;
    case 'y':
        options->yes = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- list ---- */

static enum outcome gather(const struct cli *cli, struct client *client, json_t *streams)
{
    json_t *page = NULL;
    char *last = NULL;
    enum outcome outcome;

    for (bool more = true; more;) {
        json_t *in =
            last == NULL ? json_object() : json_pack("{s:s}", "ExclusiveStartStreamName", last);
        outcome = cli_call(cli, client, "ListStreams", in, &page);
        if (outcome != OUTCOME_OK)
            break;
        const json_t *summaries = json_object_get(page, "StreamSummaries");
        size_t count = json_array_size(summaries);
        for (size_t i = 0; i < count; i++)
            json_array_append(streams, json_array_get(summaries, i));
        free(last);
        last = count == 0 ? NULL
                          : strdup(json_string_value(json_object_get(
                                json_array_get(summaries, count - 1), "StreamName")));
        more = json_is_true(json_object_get(page, "HasMoreStreams")) && last != NULL;
        json_decref(page);
    }
    free(last);
    return outcome;
}

enum outcome stream_list(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = { .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Lists all streams." };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, NULL);
    enum outcome outcome = cli_client(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;

    json_t *streams = json_array();
    outcome = gather(cli, client, streams);
    client_close(client);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_pack("{s:O}", "StreamSummaries", streams));
    else if (outcome == OUTCOME_OK)
        outcome = stream_table_list(cli, streams);
    json_decref(streams);
    return outcome;
}

/* ---- describe ---- */

enum outcome stream_summary(const struct cli *cli, struct client *client, const char *name,
                            json_t **summary)
{
    json_t *answer;
    enum outcome outcome = cli_call(cli, client, "DescribeStreamSummary",
                                    json_pack("{s:s}", "StreamName", name), &answer);

    if (outcome != OUTCOME_OK)
        return outcome;
    *summary = json_incref(json_object_get(answer, "StreamDescriptionSummary"));
    json_decref(answer);
    return *summary != NULL ? OUTCOME_OK
                            : cli_fail(cli, OUTCOME_FAILED, "the answer makes no sense");
}

enum outcome stream_shards(const struct cli *cli, struct client *client, const char *name,
                           json_t **shards)
{
    json_t *in = json_pack("{s:s}", "StreamName", name);
    json_t *all = json_array(), *page;

    while (in != NULL) {
        enum outcome outcome = cli_call(cli, client, "ListShards", in, &page);
        if (outcome != OUTCOME_OK) {
            json_decref(all);
            return outcome;
        }
        json_array_extend(all, json_object_get(page, "Shards"));
        const json_t *token = json_object_get(page, "NextToken");
        in = token == NULL ? NULL : json_pack("{s:s}", "NextToken", json_string_value(token));
        json_decref(page);
    }
    *shards = all;
    return OUTCOME_OK;
}

/* Those of its own, from an operations port: the Kinesis API does not know them.  NULL: no such
 * port answers, or it says nothing of them. */
static json_t *limits_of(const struct cli *cli, const char *name)
{
    char path[OPERATIONS_PATH_BYTES_MAX];
    struct client_answer answer;
    struct client *client;
    json_t *tree = NULL, *limits;

    if (cli_operations(cli, &client) != OUTCOME_OK)
        return NULL;
    snprintf(path, sizeof(path), "/streams?name=%s", name);
    client_until(client, cli_now_ms() + LIMITS_LOOK_MS);
    if (client_get(client, path, &answer) == ERR_OK)
        tree = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
    client_close(client);
    limits = json_incref(json_object_get(
        json_array_get(json_object_get(tree, "streams"), 0), "limits"));
    json_decref(tree);
    return limits;
}

enum outcome stream_describe(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = { .arguments = "NAME",
                                       .which = WHICH_STREAM,
                                       .one = ONE_STREAM,
                                       .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Describes a stream and its shards." };
    json_t *summary = NULL, *shards = NULL, *limits = NULL;
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, NULL);
    enum outcome outcome = cli_client(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = stream_summary(cli, client, cli->argument, &summary);
    /* ListShards refuses a stream that is not ready; then it has no shards to show. */
    const char *status = json_string_value(json_object_get(summary, "StreamStatus"));
    if (outcome == OUTCOME_OK && strcmp(status, "ACTIVE") == 0)
        outcome = stream_shards(cli, client, cli->argument, &shards);
    client_close(client);
    if (outcome == OUTCOME_OK && shards == NULL)
        shards = json_array();
    if (outcome == OUTCOME_OK)
        limits = limits_of(cli, cli->argument);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_pack("{s:O, s:O, s:O*}", "StreamDescriptionSummary",
                                                summary, "Shards", shards, "Limits", limits));
    else if (outcome == OUTCOME_OK)
        outcome = stream_table_describe(cli, summary, shards, limits);
    json_decref(limits);
    json_decref(summary);
    json_decref(shards);
    return outcome;
}

/* ---- create and delete ---- */

enum outcome stream_await(const struct cli *cli, struct client *client, uint64_t deadline_ms,
                          bool gone)
{
    uint64_t began_ms = cli_now_ms();
    struct progress progress;

    progress_init(&progress);
    for (;;) {
        struct client_answer answer;
        json_t *in = json_pack("{s:s}", "StreamName", cli->argument), *out = NULL;
        enum err err = client_call_json(client, "DescribeStreamSummary", in, &out, &answer);
        const char *status = json_string_value(
            json_object_get(json_object_get(out, "StreamDescriptionSummary"), "StreamStatus"));
        bool done = gone ? err == ERR_NOT_FOUND
                         : err == ERR_OK && status != NULL && strcmp(status, "ACTIVE") == 0;
        uint64_t passed_ms = cli_now_ms() - began_ms;

        progress_show(&progress, "%.1f s, stream %s is %s", (double)passed_ms / 1000, cli->argument,
                      status == NULL ? "not seen" : status);
        json_decref(in);
        json_decref(out);
        if (done) {
            progress_clear(&progress);
            return OUTCOME_OK;
        }
        if (cli_now_ms() >= deadline_ms) {
            progress_clear(&progress);
            return cli_fail(cli, OUTCOME_TIMEOUT,
                            "stream %s is not %s after %ld s; look again "
                            "with 'braid stream describe %s'",
                            cli->argument, gone ? "gone" : "ACTIVE", cli->timeout_s,
                            cli->argument);
        }
        cli_pause_ms(LOOK_MS);
    }
}

static enum outcome say(const struct cli *cli, const char *what)
{
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli,
                              json_pack("{s:s, s:s}", "stream", cli->argument, "status", what));
    printf("Stream %s: %s\n", cli->argument, what);
    return OUTCOME_OK;
}

enum outcome stream_create(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "shards", 's', "N", 0, "how many shards; default 1", 0 },
        { "no-wait", 'w', NULL, 0, "do not wait until it takes records", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = { .options = rows,
                                       .parser = parse,
                                       .arguments = "NAME",
                                       .which = WHICH_STREAM,
                                       .one = ONE_STREAM,
                                       .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Creates a stream and waits until it takes "
                                               "records." };
    struct stream_options options = { .shards = 1 };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = cli_client(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    uint64_t deadline_ms = cli_deadline_ms(cli, cli_now_ms());
    outcome = cli_call(
        cli, client, "CreateStream",
        json_pack("{s:s, s:i}", "StreamName", cli->argument, "ShardCount", (int)options.shards),
        NULL);
    if (outcome == OUTCOME_OK && !options.no_wait)
        outcome = stream_await(cli, client, deadline_ms, false);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, options.no_wait ? "CREATING" : "ACTIVE")
                                 : outcome;
}

enum outcome stream_delete(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "yes", 'y', NULL, 0, "do not ask", 0 },
        { "no-wait", 'w', NULL, 0, "do not wait until it is gone", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = { .options = rows,
                                       .parser = parse,
                                       .arguments = "NAME",
                                       .which = WHICH_STREAM,
                                       .one = ONE_STREAM,
                                       .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Deletes a stream and all of its records; asks "
                                               "first." };
    struct stream_options options = { .yes = false };
    struct client *client;
    char question[256];

    cli_parse(cli, &syntax, argc, argv, &options);
    snprintf(question, sizeof(question), "Delete stream %s and all of its records?", cli->argument);
    if (!options.yes && !cli_ask(question))
        return cli_fail(cli, OUTCOME_FAILED, "nothing was deleted; --yes deletes without asking");
    enum outcome outcome = cli_client(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    uint64_t deadline_ms = cli_deadline_ms(cli, cli_now_ms());
    outcome = cli_call(cli, client, "DeleteStream",
                       json_pack("{s:s}", "StreamName", cli->argument), NULL);
    if (outcome == OUTCOME_OK && !options.no_wait)
        outcome = stream_await(cli, client, deadline_ms, true);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, options.no_wait ? "DELETING" : "deleted")
                                 : outcome;
}

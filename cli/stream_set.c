#include <stdio.h>
#include <string.h>

#include "operations.h"
#include "stream.h"

#define HOURS_LEAST 24
#define HOURS_MOST 8760
#define SHARDS_MOST 100000
#define LIMITS_MOST 24u

struct set_options {
    long hours, shards; /* 0: not given */
    const char *limits[LIMITS_MOST]; /* "name=value" */
    uint32_t limit_count;
};

/* Which there are, the node says. */
static void take_limit(struct set_options *options, const char *text, struct argp_state *state)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzKMG0123456789-";
    size_t len = strcspn(text, "=");

    if (text[len] == 0 || strspn(text, allowed) != len || text[len + 1] == 0 ||
        text[len + 1 + strspn(text + len + 1, allowed)] != 0)
        argp_error(state, "--limit is like put-bytes-per-s=2M, not '%s'", text);
    else if (options->limit_count == LIMITS_MOST)
        argp_error(state, "more than %u times --limit", LIMITS_MOST);
    else
        options->limits[options->limit_count++] = text;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct set_options *options = state->input;

    switch (key) {
    case 'r':
        options->hours = cli_number(state, "--retention", arg, HOURS_LEAST, HOURS_MOST);
        return 0;
    case 's':
        options->shards = cli_number(state, "--shards", arg, 1, SHARDS_MOST);
        return 0;
    case 'l':
        take_limit(options, arg, state);
        return 0;
    case ARGP_KEY_END:
        if (options->hours == 0 && options->shards == 0 && options->limit_count == 0)
            argp_error(state, "set what? --retention HOURS, --shards N, --limit NAME=VALUE");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* AWS has one operation for each direction. */
static enum outcome set_hours(const struct cli *cli, struct client *client, long hours)
{
    json_t *summary = NULL;
    enum outcome outcome = stream_summary(cli, client, cli->argument, &summary);

    if (outcome != OUTCOME_OK)
        return outcome;
    bool up = json_integer_value(json_object_get(summary, "RetentionPeriodHours")) <= hours;
    json_decref(summary);
    return cli_call(
        cli, client, up ? "IncreaseStreamRetentionPeriod" : "DecreaseStreamRetentionPeriod",
        json_pack("{s:s, s:i}", "StreamName", cli->argument, "RetentionPeriodHours", (int)hours),
        NULL);
}

/* From twice to half as many at once, as on AWS.  Records come and are read meanwhile. */
static enum outcome set_shards(const struct cli *cli, struct client *client, long shards)
{
    uint64_t deadline_ms = cli_deadline_ms(cli, cli_now_ms());
    enum outcome outcome =
        cli_call(cli, client, "UpdateShardCount",
                 json_pack("{s:s, s:i, s:s}", "StreamName", cli->argument, "TargetShardCount",
                           (int)shards, "ScalingType", "UNIFORM_SCALING"),
                 NULL);

    return outcome == OUTCOME_OK ? stream_await(cli, client, deadline_ms, false) : outcome;
}

static enum outcome set_limits(const struct cli *cli, const struct set_options *options)
{
    char path[OPERATIONS_PATH_BYTES_MAX];
    struct client *client;
    int len = snprintf(path, sizeof(path), "/streams/limits?name=%s", cli->argument);

    for (uint32_t i = 0; i < options->limit_count && len < (int)sizeof(path); i++)
        len += snprintf(path + len, sizeof(path) - (size_t)len, "&%s", options->limits[i]);
    if (len >= (int)sizeof(path))
        return cli_fail(cli, OUTCOME_USAGE, "too many limits for one call");
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = operations_change(cli, client, path, "'braid stream list' lists the streams");
    client_close(client);
    return outcome;
}

static enum outcome say(const struct cli *cli, const struct set_options *options)
{
    if (cli->output == OUTPUT_JSON) {
        json_t *said = json_pack("{s:s}", "stream", cli->argument);
        if (options->hours != 0)
            json_object_set_new(said, "retention_hours", json_integer(options->hours));
        if (options->shards != 0)
            json_object_set_new(said, "shards", json_integer(options->shards));
        if (options->limit_count != 0)
            json_object_set_new(said, "limits", json_integer(options->limit_count));
        return cli_print_json(cli, said);
    }
    if (options->hours != 0)
        printf("Stream %s keeps records for %ld hours\n", cli->argument, options->hours);
    if (options->shards != 0)
        printf("Stream %s has %ld open shards\n", cli->argument, options->shards);
    for (uint32_t i = 0; i < options->limit_count; i++)
        printf("Stream %s: %s\n", cli->argument, options->limits[i]);
    return OUTCOME_OK;
}

enum outcome stream_set(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "retention", 'r', "HOURS", 0,
          "how long records are kept, 24 to 8760; what is older then is gone at once", 0 },
        { "shards", 's', "N", 0,
          "how many shards take records, from half to twice as many as now; waits until they do",
          0 },
        { "limit", 'l', "NAME=VALUE", 0,
          "a limit of its own, as put-bytes-per-s=2M, or =unlimited; =default: the cluster's "
          "again; may be said several times",
          0 },
        { 0 }
    };
    const struct cli_syntax syntax = { .options = rows,
                                       .parser = parse,
                                       .arguments = "NAME",
                                       .which = "which stream? 'braid stream list' lists them",
                                       .one = "one stream only",
                                       .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Sets how long a stream keeps its records, and how "
                                               "many shards it has, and limits of its own." };
    struct set_options options = { .hours = 0 };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = cli_client(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (options.limit_count != 0)
        outcome = set_limits(cli, &options);
    if (outcome == OUTCOME_OK && options.hours != 0)
        outcome = set_hours(cli, client, options.hours);
    if (outcome == OUTCOME_OK && options.shards != 0)
        outcome = set_shards(cli, client, options.shards);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, &options) : outcome;
}

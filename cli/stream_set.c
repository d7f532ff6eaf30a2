#include <stdio.h>

#include "stream.h"

#define HOURS_LEAST 24
#define HOURS_MOST 8760

struct set_options {
    long hours; /* 0: not given */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct set_options *options = state->input;

    switch (key) {
    case 'r':
        options->hours = cli_number(state, "--retention", arg, HOURS_LEAST, HOURS_MOST);
        return 0;
    case ARGP_KEY_END:
        if (options->hours == 0)
            argp_error(state, "set what? --retention HOURS");
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

static enum outcome say(const struct cli *cli, long hours)
{
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:s, s:i}", "stream", cli->argument,
                                             "retention_hours", (int)hours));
    printf("Stream %s keeps records for %ld hours\n", cli->argument, hours);
    return OUTCOME_OK;
}

enum outcome stream_set(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "retention", 'r', "HOURS", 0,
          "how long records are kept, 24 to 8760; what is older then is gone at once", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = { .options = rows,
                                       .parser = parse,
                                       .arguments = "NAME",
                                       .which = "which stream? 'braid stream list' lists them",
                                       .one = "one stream only",
                                       .timeout = CLI_TIMEOUT_TEXT,
                                       .timeout_s = CLI_TIMEOUT_S,
                                       .text = "Sets how long a stream keeps its records." };
    struct set_options options = { .hours = 0 };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &options);
    enum outcome outcome = cli_client(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = set_hours(cli, client, options.hours);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli, options.hours) : outcome;
}

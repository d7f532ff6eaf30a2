#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "local_plan.h"

#define ENDPOINT_DEFAULT "http://127.0.0.1:4567"
#define OPERATIONS_DEFAULT "http://127.0.0.1:4569"
#define TIMEOUT_S_MAX (30 * 86400L)

enum shared_option { OPTION_ENDPOINT = 0x1000, OPTION_OPERATIONS, OPTION_CREDENTIALS };

static const struct argp_option shared_options[] = {
    { NULL, 'h', NULL, OPTION_HIDDEN, "give this help list", 90 },
    { "output", 'o', "FORMAT", 0, "table (for people; default) or json (for programs)", 90 },
    { "endpoint", OPTION_ENDPOINT, "URL[,URL...]", 0,
      "client ports of the cluster; default: $BRAID_ENDPOINT, else the local cluster's, "
      "else " ENDPOINT_DEFAULT,
      90 },
    { "operations", OPTION_OPERATIONS, "URL[,URL...]", 0,
      "operations ports; default: $BRAID_OPERATIONS, else the local cluster's, "
      "else " OPERATIONS_DEFAULT,
      90 },
    { "credentials", OPTION_CREDENTIALS, "FILE", 0,
      "calls are signed with the first access key of this file (lines 'ACCESS_KEY = SECRET'); "
      "default: $BRAID_CREDENTIALS, else the key of $AWS_ACCESS_KEY_ID, if there is one",
      90 },
    { 0 }
};

static error_t parse_shared(int key, char *arg, struct argp_state *state)
{
    struct cli *cli = state->input;

    switch (key) {
    case 'h':
        argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
        return 0;
    case 'o':
        if (strcmp(arg, "table") == 0)
            cli->output = OUTPUT_TABLE;
        else if (strcmp(arg, "json") == 0)
            cli->output = OUTPUT_JSON;
        else
            argp_error(state, "--output is 'table' or 'json', not '%s'", arg);
        return 0;
    case OPTION_ENDPOINT:
        cli->endpoint = arg;
        return 0;
    case OPTION_OPERATIONS:
        cli->operations = arg;
        return 0;
    case OPTION_CREDENTIALS:
        cli->credentials = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cli_argp = { .options = shared_options, .parser = parse_shared };

/* argp hands a child its input through the parent's parser: so ours stands above the verb's. */
struct parsing {
    struct cli *cli;
    const struct cli_syntax *syntax;
    void *input;
};

/* An argument of a verb that has one, or none. */
static error_t take_argument(const struct parsing *parsing, char *arg, struct argp_state *state)
{
    if (parsing->syntax->arguments == NULL)
        argp_error(state, "unexpected argument '%s'", arg);
    if (parsing->syntax->which == NULL)
        return ARGP_ERR_UNKNOWN;
    if (parsing->cli->argument != NULL)
        argp_error(state, "%s", parsing->syntax->one);
    parsing->cli->argument = arg;
    return 0;
}

static error_t parse_root(int key, char *arg, struct argp_state *state)
{
    struct parsing *parsing = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = parsing->cli;
        if (parsing->syntax->parser != NULL)
            state->child_inputs[1] = parsing->input;
        return 0;
    case ARGP_KEY_ARG:
        return take_argument(parsing, arg, state);
    case ARGP_KEY_NO_ARGS:
        if (parsing->syntax->which != NULL)
            argp_error(state, "%s", parsing->syntax->which);
        return 0;
    case 't':
        parsing->cli->timeout_s = cli_number(state, "--timeout", arg, 1, TIMEOUT_S_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void cli_parse(struct cli *cli, const struct cli_syntax *syntax, int argc, char **argv, void *input)
{
    struct argp verb = { .options = syntax->options, .parser = syntax->parser };
    struct argp_child children[3] = { { .argp = &cli_argp } };
    const struct argp_option timeout[] = { { "timeout", 't', "SECONDS", 0, syntax->timeout, 0 },
                                           { 0 } };
    struct argp argp = { .options = syntax->timeout == NULL ? NULL : timeout,
                         .parser = parse_root,
                         .args_doc = syntax->arguments,
                         .doc = syntax->text,
                         .children = children };
    struct parsing parsing = { .cli = cli, .syntax = syntax, .input = input };

    cli->timeout_s = syntax->timeout_s;
    if (verb.parser != NULL)
        children[1].argp = &verb;
    argv[0] = cli->verb; /* for argp's complaints */
    if (argp_parse(&argp, argc, argv, 0, NULL, &parsing) != 0)
        exit(cli_no_memory(cli));
}

long cli_number(struct argp_state *state, const char *name, const char *text, long min, long max)
{
    char *end;

    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
        argp_error(state, "%s is a number from %ld to %ld, not '%s'", name, min, max, text);
    return value;
}

uint64_t cli_deadline_ms(const struct cli *cli, uint64_t since_ms)
{
    return cli->timeout_s == 0 ? UINT64_MAX : since_ms + (uint64_t)cli->timeout_s * 1000;
}

enum outcome cli_fail(const struct cli *cli, enum outcome outcome, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s: ", cli->verb);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return outcome;
}

enum outcome cli_no_memory(const struct cli *cli)
{
    return cli_fail(cli, OUTCOME_FAILED, "out of memory");
}

enum outcome cli_outcome(enum err err)
{
    switch (err) {
    case ERR_OK:
        return OUTCOME_OK;
    case ERR_NOT_FOUND:
        return OUTCOME_NOT_FOUND;
    case ERR_EXISTS:
        return OUTCOME_EXISTS;
    case ERR_UNREACHABLE:
        return OUTCOME_UNREACHABLE;
    case ERR_TIMEOUT:
    case ERR_UNKNOWN:
    case ERR_UNAVAILABLE:
    case ERR_BUSY:
        return OUTCOME_TIMEOUT;
    default:
        return OUTCOME_FAILED;
    }
}

static enum outcome open_client(const struct cli *cli, const char *endpoints,
                                enum local_port port, struct client **ret)
{
    const char *said = getenv("BRAID_CREDENTIALS");
    struct client_options options = {
        .endpoints = endpoints,
        .sign = port == LOCAL_PORT_CLIENT,
        .credentials = cli->credentials != NULL           ? cli->credentials
                       : said != NULL && *said != '\0' ? said
                                                         : NULL,
        .timeout_ms = port == LOCAL_PORT_OPERATIONS ? CLI_OPERATIONS_MS : 0
    };
    struct reason reason = { "" };
    enum err err = client_open(ret, &options, &reason);

    if (err == ERR_OK) {
        client_until(*ret, cli_deadline_ms(cli, cli_now_ms()));
        return OUTCOME_OK;
    }
    return err == ERR_INVALID ? cli_fail(cli, OUTCOME_USAGE, "%s", reason.text)
                              : cli_no_memory(cli);
}

/* What a flag or the environment names, else the ports of the local cluster's nodes. */
static enum outcome choose(const struct cli *cli, const char *named, const char *variable,
                           enum local_port port, const char *standard, struct client **ret)
{
    const char *said = getenv(variable);
    struct local_plan *plan = NULL;
    char list[LOCAL_URLS_BYTES_MAX];

    if (named != NULL)
        return open_client(cli, named, port, ret); /* an empty one is a mistake, and is told */
    if (said != NULL && *said != '\0')
        return open_client(cli, said, port, ret);
    if (local_plan_load(&plan, NULL, NULL) != ERR_OK)
        return open_client(cli, standard, port, ret);
    local_plan_urls(plan, port, list);
    free(plan);
    return open_client(cli, list, port, ret);
}

enum outcome cli_client(const struct cli *cli, struct client **ret)
{
    return choose(cli, cli->endpoint, "BRAID_ENDPOINT", LOCAL_PORT_CLIENT, ENDPOINT_DEFAULT, ret);
}

enum outcome cli_operations(const struct cli *cli, struct client **ret)
{
    return choose(cli, cli->operations, "BRAID_OPERATIONS", LOCAL_PORT_OPERATIONS,
                  OPERATIONS_DEFAULT, ret);
}

enum outcome cli_complain(const struct cli *cli, enum err err, const struct reason *reason)
{
    const char *next = "";

    if (err == ERR_UNREACHABLE)
        next = "\nNo node answers. Start a cluster with 'braid local up', or name one with "
               "--endpoint.";
    else if (err == ERR_NOT_FOUND)
        next = "\n'braid stream list' shows which streams there are.";
    else if (err == ERR_TIMEOUT || err == ERR_UNKNOWN)
        next = "\nThe outcome is unknown. 'braid cluster status' shows which nodes are up.";
    else if (err == ERR_UNAVAILABLE)
        next = "\nA node answered, but the cluster cannot do it now; nothing was done.\n"
               "'braid cluster status' shows which nodes are down: start them, and try again.";
    else if (err == ERR_BUSY)
        next = "\nNothing was done: the cluster is asked too fast. Try again later.";
    return cli_fail(cli, cli_outcome(err), "%s%s", reason->text, next);
}

enum outcome cli_call(const struct cli *cli, struct client *client, const char *operation,
                      json_t *in, json_t **out)
{
    struct client_answer answer;
    json_t *tree = NULL;

    if (in == NULL)
        return cli_no_memory(cli);
    enum err err = client_call_json(client, operation, in, &tree, &answer);
    json_decref(in);
    if (err == ERR_INVALID && answer.status != 0 && answer.type[0] == '\0')
        return cli_fail(cli, OUTCOME_FAILED,
                        "%s\nThat is no answer of the Kinesis API: --endpoint names client ports.",
                        answer.reason.text);
    if (err != ERR_OK)
        return cli_complain(cli, err, &answer.reason);
    if (out != NULL)
        *out = tree;
    else
        json_decref(tree);
    return OUTCOME_OK;
}

enum outcome cli_print_json(const struct cli *cli, json_t *tree)
{
    if (tree == NULL)
        return cli_no_memory(cli);
    int failed = json_dumpf(tree, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(tree);
    if (failed != 0 && ferror(stdout) == 0)
        return cli_no_memory(cli);
    putchar('\n');
    return OUTCOME_OK;
}

uint64_t cli_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cli_pause_ms(uint32_t ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L };

    while (nanosleep(&left, &left) != 0)
        continue;
}

bool cli_ask(const char *question)
{
    char answer[16];

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return false;
    answer[strcspn(answer, "\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

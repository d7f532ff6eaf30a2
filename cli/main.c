/* main.c - the command line `braid`: finds the verb and runs it. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balancing.h"
#include "cli.h"
#include "cluster.h"
#include "local.h"
#include "node.h"
#include "output.h"
#include "put.h"
#include "shard.h"
#include "stream.h"
#include "tail.h"
#include "upgrade.h"

#define VERSION "0.1.0"

static const struct verb verbs[] = {
    { "local", "up", "", "start a cluster on this machine", local_up },
    { "local", "down", "", "stop it; its data stays", local_down },
    { "local", "status", "", "which of its nodes run", local_status },
    { "local", "kill", "N", "kill node N without warning (SIGKILL)", local_kill },
    { "local", "start", "N", "start node N again", local_start },
    { "cluster", "status", "", "nodes, zones, who is up, who leads what", cluster_status },
    { "cluster", "upgrade", "", "use what all nodes have learnt with a newer braidd",
      cluster_upgrade },
    { "cluster", "balancing", "pause|resume", "let leaders and replicas stay where they are",
      cluster_balancing },
    { "cluster", "rescue", "", "let the catalogue go on whose majority is lost", cluster_rescue },
    { "node", "list", "", "nodes, and what those wait for that are to leave", node_list },
    { "node", "add", "", "how a node is added", node_add },
    { "node", "drain", "NODE", "move its replicas to other nodes", node_drain },
    { "node", "undrain", "NODE", "let it have replicas again", node_undrain },
    { "node", "remove", "NODE", "take a drained node out of the cluster", node_remove },
    { "shard", "rescue", "STREAM SHARD", "let a shard go on whose majority is lost", shard_rescue },
    { "stream", "list", "", "names of all streams", stream_list },
    { "stream", "create", "NAME", "create a stream and wait until it takes records",
      stream_create },
    { "stream", "describe", "NAME", "a stream and its shards", stream_describe },
    { "stream", "set", "NAME", "set how long a stream keeps its records, how many shards it has",
      stream_set },
    { "stream", "split", "NAME SHARD", "split a shard into two", stream_split },
    { "stream", "merge", "NAME SHARD SHARD", "merge two neighbouring shards into one",
      stream_merge },
    { "stream", "delete", "NAME", "delete a stream and its records", stream_delete },
    { "put", NULL, "STREAM", "put standard input into a stream, one record a line", put_run },
    { "tail", NULL, "STREAM", "print the records of a stream as they come", tail_run },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* What stands before the noun, and where the noun is. */
struct command_line {
    struct cli *cli;
    int noun_at; /* 0: there is none */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct command_line *line = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = line->cli;
        return 0;
    case 'V':
        puts("braid " VERSION);
        exit(OUTCOME_OK);
    case ARGP_KEY_ARG:
        line->noun_at = state->next - 1;
        state->next = state->argc; /* the rest is the verb's */
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* One line for each verb of the noun; of all when it is NULL. */
static void print_verbs(const char *noun, FILE *out)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        char name[64];
        if (noun != NULL && strcmp(verbs[i].noun, noun) != 0)
            continue;
        snprintf(name, sizeof(name), "%s%s%s %s", verbs[i].noun, verbs[i].name == NULL ? "" : " ",
                 verbs[i].name == NULL ? "" : verbs[i].name, verbs[i].arguments);
        fprintf(out, "  %-24s %s\n", name, verbs[i].text);
    }
}

static char *verb_list(int key, const char *text, void *input)
{
    char *list = NULL;
    size_t len = 0;

    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)(uintptr_t)text;
    FILE *out = open_memstream(&list, &len);
    if (out == NULL)
        return NULL;
    fputs("Verbs ('braid NOUN VERB --help' says more):\n\n", out);
    print_verbs(NULL, out);
    fputs("\nExit codes: 0 done, 1 failed, 2 usage, 3 no node can be reached,\n"
          "4 no such stream, node or cluster, 5 it exists already, 6 not done in time or\n"
          "not possible now: try again, 7 done, but standard output could not be written\n",
          out);
    fclose(out);
    return list;
}

static const struct verb *verb_find(const char *noun, const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].noun, noun) != 0)
            continue;
        if (verbs[i].name == NULL || (name != NULL && strcmp(verbs[i].name, name) == 0))
            return &verbs[i];
    }
    return NULL;
}

static enum outcome run_verb(struct cli *cli, const struct verb *verb, int argc, char **argv)
{
    snprintf(cli->verb, sizeof(cli->verb), "braid %s%s%s", verb->noun,
             verb->name == NULL ? "" : " ", verb->name == NULL ? "" : verb->name);
    return verb->run(cli, argc, argv);
}

static bool is_noun(const char *text)
{
    bool known = false;

    for (size_t i = 0; i < VERB_COUNT; i++)
        known = known || strcmp(verbs[i].noun, text) == 0;
    return known;
}

static bool asks_for_help(const char *text)
{
    static const char *const words[] = { "--help", "-h", "-?", "help" };
    bool asks = false;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && text != NULL; i++)
        asks = asks || strcmp(text, words[i]) == 0;
    return asks;
}

/* "braid stream --help", "braid help stream" */
static enum outcome print_noun(struct cli *cli, const char *noun)
{
    const struct verb *verb = verb_find(noun, NULL);
    char room[16], flag[] = "--help", *argv[] = { room, flag, NULL };

    if (verb != NULL) { /* the noun is the verb */
        snprintf(room, sizeof(room), "%s", noun);
        return run_verb(cli, verb, 2, argv);
    }
    printf("Usage: braid %s VERB [OPTIONS]\n\n", noun);
    print_verbs(noun, stdout);
    printf("\n'braid %s VERB --help' says more.\n", noun);
    return OUTCOME_OK;
}

/* The noun is unknown, or its verb: says which there are. */
static enum outcome complain(const char *noun, const char *name)
{
    const char *before = "";

    if (!is_noun(noun)) {
        fprintf(stderr, "braid: there is no '%s'; 'braid --help' lists what there is\n", noun);
        return OUTCOME_USAGE;
    }
    if (name == NULL)
        fprintf(stderr, "braid %s: a verb must follow: ", noun);
    else
        fprintf(stderr, "braid %s: there is no verb '%s'; there are: ", noun, name);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (verbs[i].name == NULL || strcmp(verbs[i].noun, noun) != 0)
            continue;
        fprintf(stderr, "%s%s", before, verbs[i].name);
        before = ", ";
    }
    fputc('\n', stderr);
    return OUTCOME_USAGE;
}

static enum outcome run(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "version", 'V', NULL, 0, "print the version", -1 }, { 0 }
    };
    const struct argp_child children[] = { { .argp = &cli_argp }, { 0 } };
    const struct argp argp = { .options = options,
                               .parser = parse,
                               .children = children,
                               .args_doc = "NOUN VERB [OPTIONS]",
                               .doc = "Looks after a Braid cluster, and puts records into its "
                                      "streams and gets them back.\v ",
                               .help_filter = verb_list };
    struct command_line line = { .cli = cli };

    argv[0] = cli->verb; /* for argp's complaints */
    argp_err_exit_status = OUTCOME_USAGE;
    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line) != 0)
        return OUTCOME_FAILED;
    if (line.noun_at == 0) {
        argp_help(&argp, stderr, ARGP_HELP_STD_USAGE, argv[0]);
        return OUTCOME_USAGE;
    }

    const char *noun = argv[line.noun_at];
    const char *name = line.noun_at + 1 < argc ? argv[line.noun_at + 1] : NULL;
    const struct verb *verb = verb_find(noun, name);
    if (asks_for_help(noun) && name != NULL)
        return is_noun(name) ? print_noun(cli, name) : complain(name, NULL);
    if (asks_for_help(noun)) {
        char flag[] = "--help", *asked[] = { cli->verb, flag, NULL };
        return argp_parse(&argp, 2, asked, 0, NULL, &line) == 0 ? OUTCOME_OK : OUTCOME_FAILED;
    }
    if (verb == NULL && is_noun(noun) && asks_for_help(name))
        return print_noun(cli, noun);
    if (verb == NULL)
        return complain(noun, name);

    int at = verb->name == NULL ? line.noun_at : line.noun_at + 1;
    return run_verb(cli, verb, argc - at, argv + at);
}

int main(int argc, char **argv)
{
    struct cli cli = { .verb = "braid", .output = OUTPUT_TABLE };

    output_watch(&cli);
    exit(run(&cli, argc, argv)); /* not by return: what looks after the output needs `cli` */
}

/* cli.h - what the verbs of `braid` share: options, endpoints, errors, exit codes.
 *
 * Each noun has a file (stream.c, put.c, ...) with one function per verb.  A
 * verb parses its own options with argp, the shared ones come in as a child
 * parser; then it calls the cluster through cli_call(), which says in one
 * sentence what went wrong and turns it into an exit code.
 *
 * What a program asked for goes to standard output; progress and complaints go
 * to standard error.  That the former was written is checked in output.h, once
 * for all verbs.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "client/client.h"

/* Exit codes; scripts rely on them.  README.md and --help list them. */
enum outcome {
    OUTCOME_OK = 0,
    OUTCOME_FAILED = 1,
    OUTCOME_USAGE = 2,
    OUTCOME_UNREACHABLE = 3, /* no node answers */
    OUTCOME_NOT_FOUND = 4,   /* no such stream, node or cluster */
    OUTCOME_EXISTS = 5,      /* it is there already */
    OUTCOME_TIMEOUT = 6,     /* not done in time, or not possible now: it may be tried again */
    OUTCOME_OUTPUT = 7       /* done, but standard output could not be written */
};

enum output { OUTPUT_TABLE, OUTPUT_JSON };

struct cli {
    char verb[48]; /* "braid stream list": begins each complaint */
    enum output output;
    const char *endpoint;   /* of --endpoint; NULL when it was not given */
    const char *operations; /* of --operations; likewise */
    const char *credentials; /* of --credentials; likewise */
    const char *argument;   /* the verb's only one */
    long timeout_s;         /* of --timeout, else the verb's own; 0: no end */
    int output_errno;       /* why standard output cannot be written; output.h */
};

/* For one try of a call to an operations port.  No act there takes so long but a rescue of the
 * catalogue (catalog_rescue()), which takes as long as the survivor's disk: who is silent until
 * then is stuck, or its disk is. */
#define CLI_OPERATIONS_MS 5000u

/* Of most verbs. */
#define CLI_TIMEOUT_S 60
#define CLI_TIMEOUT_TEXT "how long to wait; default 60"

/* One verb of the table in main.c. */
struct verb {
    const char *noun, *name; /* name is NULL when the noun is the verb: put, tail */
    const char *arguments;   /* for the list in --help */
    const char *text;
    enum outcome (*run)(struct cli *cli, int argc, char **argv);
};

/* --output, --endpoint, --operations, --credentials; its input is the struct cli. */
extern const struct argp cli_argp;

/* What a verb accepts besides. */
struct cli_syntax {
    const struct argp_option *options; /* NULL: none */
    argp_parser_t parser;              /* state->input is `input` of cli_parse(); NULL: none */
    const char *arguments, *text;
    const char *which, *one; /* said when the only argument is missing, and when there are two;
                              * NULL: there is none, or the parser takes them */
    const char *timeout;     /* of --timeout, for --help; NULL: there is no such option */
    long timeout_s;          /* when it is not given */
};

/* Parses a verb's command line.  On a mistake argp says what it is and exits with OUTCOME_USAGE;
 * --help exits with 0. */
void cli_parse(struct cli *cli, const struct cli_syntax *syntax, int argc, char **argv,
               void *input);

/* A whole number of an option within bounds; complains through argp otherwise. */
long cli_number(struct argp_state *state, const char *name, const char *text, long min, long max);

/* When --timeout is over that began at `since_ms`; UINT64_MAX: never. */
uint64_t cli_deadline_ms(const struct cli *cli, uint64_t since_ms);

/* Prints "<verb>: <sentence>" on standard error; returns `outcome`. */
enum outcome cli_fail(const struct cli *cli, enum outcome outcome, const char *format, ...)
    PRINTF_LIKE(3, 4);

enum outcome cli_no_memory(const struct cli *cli);

/* The exit code for an error of a call. */
enum outcome cli_outcome(enum err err);

/* A client for the client ports, or the operations ports: what the option names, else the
 * environment (BRAID_ENDPOINT, BRAID_OPERATIONS), else the local cluster's nodes.  Its calls end
 * with --timeout, which begins now.  OUTCOME_OK, or it has complained. */
enum outcome cli_client(const struct cli *cli, struct client **ret);
enum outcome cli_operations(const struct cli *cli, struct client **ret);

/* Calls and complains.  Takes the reference on `in`, which may be NULL for want of memory; `out`
 * may be NULL. */
enum outcome cli_call(const struct cli *cli, struct client *client, const char *operation,
                      json_t *in, json_t **out);

/* Complains about a failed call, with what to do next. */
enum outcome cli_complain(const struct cli *cli, enum err err, const struct reason *reason);

/* Prints a tree as text, indented, and a new line; takes the reference.  Whether it could be
 * written is not asked here. */
enum outcome cli_print_json(const struct cli *cli, json_t *tree);

/* The monotonic clock. */
uint64_t cli_now_ms(void);
void cli_pause_ms(uint32_t ms);

/* Asks on the terminal; true on "y" or "yes".  Without a terminal: false. */
bool cli_ask(const char *question);

#endif

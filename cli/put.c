#include "put.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "batch.h"
#include "client/fault.h"
#include "lines.h"
#include "progress.h"

#define PAUSE_MS 200u

struct put_options {
    const char *key, *field; /* at most one of them */
};

/* One run of the verb. */
struct putting {
    const struct cli *cli;
    struct put_options options;
    struct client *client;
    struct batch batch;
    struct lines lines;
    struct progress progress;
    uint64_t began_ms;
    size_t record_bytes_max; /* the stream's, of key and data together; 0: not known */
    bool answered; /* some node has stored something */
    enum err doubt; /* what kept a node from saying whether the stream is there */
    struct reason doubt_reason;
    uint64_t records, bytes, calls, retried;
};

static enum outcome look_for_stream(struct putting *putting);
static enum outcome read_all(struct putting *putting);
static enum outcome add(struct putting *putting, struct slice line);
static enum outcome flush(struct putting *putting);
static enum outcome refuse(struct putting *putting, const char *format, ...) PRINTF_LIKE(2, 3);
static enum outcome call(struct putting *putting, struct reason *refusal, enum err *err);
static enum outcome report(struct putting *putting);

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct put_options *options = state->input;

    switch (key) {
    case 'k':
        options->key = arg;
        if (*arg == '\0' || strlen(arg) > PUT_KEY_BYTES_MAX)
            argp_error(state, "--key must have 1 to %u characters", PUT_KEY_CHARS_MAX);
        return 0;
    case 'f':
        options->field = arg;
        return 0;
    case ARGP_KEY_END:
        if (options->key != NULL && options->field != NULL)
            argp_error(state, "--key or --key-field, not both");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum outcome put_run(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "key", 'k', "TEXT", 0, "partition key of all records: keeps them in order, in one shard",
          0 },
        { "key-field", 'f', "NAME", 0,
          "each line is a JSON object, and its member NAME is the partition key", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse,
        .arguments = "STREAM",
        .which = "into which stream? 'braid stream list' lists them",
        .one = "one stream only; records come from standard input",
        .timeout = "give up when nothing could be stored for so long; default 60",
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Puts standard input into a stream, one record a line. Without a key option the "
                "fingerprint of the line is its partition key, which spreads records over all "
                "shards. Records of the same key keep their order."
    };
    struct putting *putting = calloc(1, sizeof(*putting));

    if (putting == NULL)
        return cli_no_memory(cli);
    putting->cli = cli;
    cli_parse(cli, &syntax, argc, argv, &putting->options);
    putting->began_ms = cli_now_ms();
    enum outcome outcome = cli_client(cli, &putting->client);
    if (outcome == OUTCOME_OK) {
        progress_init(&putting->progress);
        batch_init(&putting->batch, putting->cli->argument);
        lines_init(&putting->lines, STDIN_FILENO);
        outcome = look_for_stream(putting);
        if (outcome == OUTCOME_OK)
            outcome = read_all(putting);
        if (outcome == OUTCOME_OK && putting->doubt != ERR_OK && !putting->answered)
            outcome = cli_complain(cli, putting->doubt, &putting->doubt_reason);
        progress_clear(&putting->progress);
        if (outcome == OUTCOME_OK || putting->answered) {
            enum outcome said = report(putting);
            outcome = outcome == OUTCOME_OK ? said : outcome;
        }
        lines_fini(&putting->lines);
        batch_fini(&putting->batch);
        client_close(putting->client);
    }
    free(putting);
    return outcome;
}

/* A wrong name is said at once, and not only when the first line comes, or never when none does.
 * What passes is left to the puts, which have --timeout for it. */
static enum outcome look_for_stream(struct putting *putting)
{
    struct client_answer answer;
    json_t *in = json_pack("{s:s}", "StreamName", putting->cli->argument), *out = NULL;

    if (in == NULL)
        return cli_no_memory(putting->cli);
    enum err err =
        client_call_json(putting->client, "DescribeStreamSummary", in, &out, &answer);
    json_decref(in);
    putting->record_bytes_max =
        (size_t)json_integer_value(json_object_get(
            json_object_get(out, "StreamDescriptionSummary"), "MaxRecordSizeInKiB")) *
        1024;
    json_decref(out);
    putting->doubt = err;
    putting->doubt_reason = answer.reason;
    bool late = cli_now_ms() >= cli_deadline_ms(putting->cli, putting->began_ms);
    if (err == ERR_OK || (fault_is_passing(err) && err != ERR_UNREACHABLE && !late))
        return OUTCOME_OK;
    return cli_complain(putting->cli, err, &answer.reason);
}

/* The line that was read last cannot be a record.  Those before it are stored first, so that all
 * lines before the one that is named are there, and none after it. */
static enum outcome refuse(struct putting *putting, const char *format, ...)
{
    enum outcome outcome = flush(putting);
    struct reason reason;
    va_list args;

    if (outcome != OUTCOME_OK)
        return outcome;
    va_start(args, format);
    vsnprintf(reason.text, sizeof(reason.text), format, args);
    va_end(args);
    progress_clear(&putting->progress);
    return cli_fail(putting->cli, OUTCOME_FAILED, "line %" PRIu64 " %s%s",
                    putting->lines.number, reason.text,
                    putting->lines.number > 1 ? "; the lines before it are stored" : "");
}

static enum outcome read_all(struct putting *putting)
{
    struct lines *lines = &putting->lines;
    struct slice line;

    for (;;) {
        enum outcome outcome = OUTCOME_OK;
        enum err err = lines_next(lines, &line);

        if (err == ERR_OK)
            outcome = add(putting, line);
        else if (err == ERR_BUSY || err == ERR_NOT_FOUND)
            outcome = flush(putting);
        else if (err == ERR_TOO_BIG)
            outcome = refuse(putting, "has more than %u MiB, more than a record can",
                             LINE_BYTES_MAX >> 20);
        else if (err == ERR_IO)
            outcome =
                cli_fail(putting->cli, OUTCOME_FAILED, "read standard input: %s", strerror(errno));
        else
            outcome = cli_no_memory(putting->cli);
        if (outcome != OUTCOME_OK || err == ERR_NOT_FOUND)
            return outcome;
    }
}

enum err put_key_of_field(struct slice line, const char *field, char key[PUT_KEY_BYTES_MAX + 1],
                          struct reason *reason)
{
    json_error_t fault;
    json_t *tree = json_loadb((const char *)line.data, line.len, JSON_ALLOW_NUL, &fault);
    const json_t *value = json_object_get(tree, field);
    enum err err = ERR_OK;
    int len = 0;

    if (tree == NULL) {
        reason_set(reason, "is not JSON: %s", fault.text);
        return ERR_INVALID;
    }
    if (json_is_string(value)) {
        len = (int)json_string_length(value);
        if (len <= (int)PUT_KEY_BYTES_MAX)
            snprintf(key, PUT_KEY_BYTES_MAX + 1, "%s", json_string_value(value));
    } else if (json_is_number(value) || json_is_boolean(value)) {
        len = (int)json_dumpb(value, key, PUT_KEY_BYTES_MAX, JSON_ENCODE_ANY);
        key[len <= (int)PUT_KEY_BYTES_MAX ? len : 0] = '\0';
    } else {
        reason_set(reason, "has no member '%s' that is a text or a number", field);
        err = ERR_INVALID;
    }
    if (err == ERR_OK && (len == 0 || len > (int)PUT_KEY_BYTES_MAX || strlen(key) != (size_t)len)) {
        reason_set(reason, "has a member '%s' that is no partition key: 1 to %u characters", field,
                   PUT_KEY_CHARS_MAX);
        err = ERR_INVALID;
    }
    json_decref(tree);
    return err;
}

void put_key_of_line(struct slice line, char key[PUT_KEY_BYTES_MAX + 1])
{
    snprintf(key, PUT_KEY_BYTES_MAX + 1, "%016" PRIx64, xxh3(line.data, line.len, 0));
}

static enum outcome add(struct putting *putting, struct slice line)
{
    struct reason reason = { "" };
    char key[PUT_KEY_BYTES_MAX + 1];

    if (putting->options.key != NULL)
        snprintf(key, sizeof(key), "%s", putting->options.key);
    else if (putting->options.field == NULL)
        put_key_of_line(line, key);
    else if (put_key_of_field(line, putting->options.field, key, &reason) != ERR_OK)
        return refuse(putting, "%s", reason.text);
    if (putting->record_bytes_max > 0 && strlen(key) + line.len > putting->record_bytes_max)
        return refuse(putting, "has %zu bytes and its key %zu; a record of stream %s may have %zu",
                      line.len, strlen(key), putting->cli->argument, putting->record_bytes_max);

    if (!batch_fits(&putting->batch, strlen(key) + line.len)) {
        enum outcome outcome = flush(putting);
        if (outcome != OUTCOME_OK)
            return outcome;
    }
    return batch_add(&putting->batch, slice_text(key), line) == ERR_OK
               ? OUTCOME_OK
               : cli_no_memory(putting->cli);
}

static enum outcome give_up(struct putting *putting, enum err err, const struct reason *refusal)
{
    progress_clear(&putting->progress);
    if (err != ERR_OK)
        return cli_complain(putting->cli, err, refusal);
    return cli_fail(putting->cli, OUTCOME_TIMEOUT,
                    "nothing could be stored for %ld s: %s\n"
                    "'braid cluster status' shows which nodes are up.",
                    putting->cli->timeout_s, refusal->text);
}

/* Sends what is gathered until all of it is stored. */
static enum outcome flush(struct putting *putting)
{
    uint64_t progress_ms = cli_now_ms();
    uint32_t before = putting->batch.count;
    char number[NUMBER_TEXT_MAX];

    while (putting->batch.count > 0) {
        struct reason refusal = { "" };
        enum err err = ERR_OK;

        client_until(putting->client, cli_deadline_ms(putting->cli, progress_ms));
        enum outcome outcome = call(putting, &refusal, &err);

        if (outcome != OUTCOME_OK)
            return outcome;
        if (putting->batch.count < before)
            progress_ms = cli_now_ms();
        if (putting->batch.count == 0)
            break;
        if (cli_now_ms() + PAUSE_MS >= cli_deadline_ms(putting->cli, progress_ms))
            return give_up(putting, err, &refusal);
        before = putting->batch.count;
        putting->retried += before;
        cli_pause_ms(PAUSE_MS);
    }
    progress_show(&putting->progress, "%s records stored",
                  progress_number(putting->records, number));
    return OUTCOME_OK;
}

/* One call.  OUTCOME_OK with records left in the batch: they may be sent again, `refusal` and `err`
 * say why. */
static enum outcome call(struct putting *putting, struct reason *refusal, enum err *err)
{
    struct client_answer answer;
    struct batch_result result = { .stored = 0 };

    AUTO_UNREF struct buf *request = batch_request(&putting->batch);
    if (request == NULL)
        return cli_no_memory(putting->cli);
    *err = client_call(putting->client, "PutRecords", buf_slice(request), &answer);
    putting->calls += answer.attempts;
    *refusal = answer.reason;
    if (fault_is_passing(*err) && (*err != ERR_UNREACHABLE || putting->answered))
        return OUTCOME_OK; /* a cluster that was there comes back */
    if (*err != ERR_OK) {
        progress_clear(&putting->progress);
        return cli_complain(putting->cli, *err, &answer.reason);
    }

    putting->answered = true;
    json_t *tree = json_loadb((const char *)answer.body.data, answer.body.len, 0, NULL);
    enum err settled = batch_settle(&putting->batch, tree, &result);
    json_decref(tree);
    if (settled != ERR_OK)
        return cli_fail(putting->cli, OUTCOME_FAILED, "the answer to PutRecords makes no sense");
    putting->records += result.stored;
    putting->bytes += result.stored_bytes;
    *refusal = result.refusal;
    return OUTCOME_OK;
}

static enum outcome report(struct putting *putting)
{
    double seconds = (double)(cli_now_ms() - putting->began_ms) / 1000;
    double rate = seconds > 0 ? (double)putting->records / seconds : (double)putting->records;
    char records[NUMBER_TEXT_MAX], per_second[NUMBER_TEXT_MAX];

    if (putting->cli->output == OUTPUT_JSON)
        return cli_print_json(putting->cli, json_pack("{s:s, s:I, s:I, s:f, s:I, s:I}", "stream",
                                                      putting->cli->argument, "records",
                                                      (json_int_t)putting->records, "bytes",
                                                      (json_int_t)putting->bytes, "seconds",
                                                      seconds, "calls", (json_int_t)putting->calls,
                                                      "retried", (json_int_t)putting->retried));
    fprintf(stderr, "%s record%s (%.1f MB) stored in %.1f s: %s records/s",
            progress_number(putting->records, records), putting->records == 1 ? "" : "s",
            (double)putting->bytes / 1e6, seconds,
            progress_number((uint64_t)rate, per_second));
    if (putting->retried > 0)
        fprintf(stderr, "; %s sent again", progress_number(putting->retried, records));
    fputc('\n', stderr);
    return OUTCOME_OK;
}

#include "tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/fault.h"
#include "output.h"
#include "stream.h"
#include "tail_format.h"

/* AWS allows five GetRecords a second and shard.  A shard with nothing new is asked less often. */
#define POLL_MS_MIN 200u
#define POLL_MS_MAX 1000u
#define TROUBLE_MS 60000u /* without any answer; then it gives up */
#define DRY_MS 5000u      /* so long a shard without a leader is asked whether there is more */
#define RECORDS_PER_CALL 10000

enum from { FROM_LATEST, FROM_START, FROM_TIME };

struct tail_options {
    enum from from;
    uint64_t since_ms; /* FROM_TIME */
    long records_max;  /* 0: no end */
    bool no_follow, from_start;
};

struct tail_shard {
    const char *id;
    char *iterator; /* NULL: to be asked for, or the shard is read to its end */
    char *last;     /* sequence number of the newest record that was printed */
    uint64_t due_ms;
    uint32_t pause_ms;
    bool current; /* nothing more was there at the last look */
    uint64_t dry_ms; /* since when looks brought nothing, and not that this was all; 0: they did */
    bool ended;
    bool from_start; /* it was split off or merged since: all in it is new */
};

/* One run of the verb. */
struct tailing {
    struct cli *cli;
    struct tail_options options;
    struct client *client;
    json_t *shard_list; /* owns the shards' names */
    struct tail_shard *shards;
    size_t shard_count;
    json_t *children; /* as GetRecords names them, of shards that have ended since the last round */
    uint64_t began_wall_ms, began_ms, answered_ms;
    uint64_t records;
};

static enum outcome open_shards(struct tailing *tailing);
static enum outcome adopt(struct tailing *tailing);
static enum outcome follow(struct tailing *tailing);
static enum outcome look(struct tailing *tailing, struct tail_shard *shard);
static enum outcome locate(struct tailing *tailing, struct tail_shard *shard);
static enum outcome print(struct tailing *tailing, struct tail_shard *shard, const json_t *answer);
static enum outcome trouble(struct tailing *tailing, enum err err,
                            const struct client_answer *answer);

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct tail_options *options = state->input;

    switch (key) {
    case 'b':
        options->from_start = true;
        return 0;
    case 's':
        options->from = FROM_TIME;
        if (tail_format_since(arg, wall_ms(), &options->since_ms) != ERR_OK)
            argp_error(state, "--since is like 90s, 10m, 2h, 3d or 1767225600.5, not '%s'", arg);
        return 0;
    case 'n':
        options->records_max = cli_number(state, "--max", arg, 1, 1000000000);
        return 0;
    case 'x':
        options->no_follow = true;
        return 0;
    case ARGP_KEY_END:
        if (options->from_start && options->from == FROM_TIME)
            argp_error(state, "--from-start or --since, not both");
        if (options->from_start)
            options->from = FROM_START;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void tailing_fini(struct tailing *tailing)
{
    for (size_t i = 0; i < tailing->shard_count; i++) {
        free(tailing->shards[i].iterator);
        free(tailing->shards[i].last);
    }
    free(tailing->shards);
    json_decref(tailing->shard_list);
    json_decref(tailing->children);
    client_close(tailing->client);
}

/* When --timeout is over. */
static uint64_t end_ms(const struct tailing *tailing)
{
    return cli_deadline_ms(tailing->cli, tailing->began_ms);
}

enum outcome tail_run(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "from-start", 'b', NULL, 0, "begin with the oldest record", 0 },
        { "since", 's', "TIME", 0,
          "begin with the records since: 90s, 10m, 2h, 3d ago, or seconds "
          "since the epoch",
          0 },
        { "max", 'n', "N", 0, "end after N records", 0 },
        { "no-follow", 'x', NULL, 0, "end when nothing more is there", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse,
        .arguments = "STREAM",
        .which = "which stream? 'braid stream list' lists them",
        .one = "one stream only",
        .timeout = "end after so long; exit code 6 if --max was not reached",
        .text = "Prints the records of all shards as they come, each record's data on a line, "
                "until it is interrupted. Begins with what comes from now on. With --output json "
                "each line is an object with key and sequence number too."
    };
    struct tailing tailing = { .cli = cli, .began_ms = cli_now_ms(), .began_wall_ms = wall_ms() };

    cli_parse(cli, &syntax, argc, argv, &tailing.options);
    tailing.answered_ms = tailing.began_ms;
    enum outcome outcome = cli_client(cli, &tailing.client);
    if (outcome == OUTCOME_OK)
        outcome = open_shards(&tailing);
    if (outcome == OUTCOME_OK)
        outcome = follow(&tailing);
    tailing_fini(&tailing);
    return outcome;
}

/* Takes all positions first, so that LATEST means one moment for all shards. */
static enum outcome open_shards(struct tailing *tailing)
{
    enum outcome outcome =
        stream_shards(tailing->cli, tailing->client, tailing->cli->argument, &tailing->shard_list);
    size_t count = json_array_size(tailing->shard_list);

    if (outcome != OUTCOME_OK)
        return outcome;
    tailing->shards = calloc(count + 1, sizeof(*tailing->shards));
    if (tailing->shards == NULL)
        return cli_no_memory(tailing->cli);
    tailing->shard_count = count;
    tailing->children = json_array();
    if (tailing->children == NULL)
        return cli_no_memory(tailing->cli);
    for (size_t i = 0; i < count && outcome == OUTCOME_OK; i++) {
        struct tail_shard *shard = &tailing->shards[i];
        shard->id =
            json_string_value(json_object_get(json_array_get(tailing->shard_list, i), "ShardId"));
        shard->pause_ms = POLL_MS_MIN;
        outcome = locate(tailing, shard);
    }
    return outcome;
}

static struct tail_shard *shard_find(const struct tailing *tailing, const char *id)
{
    for (size_t i = 0; i < tailing->shard_count; i++)
        if (id != NULL && strcmp(tailing->shards[i].id, id) == 0)
            return &tailing->shards[i];
    return NULL;
}

/* What a key has in a parent comes before what it has in a child: so that one waits for all its
 * parents, and is named again by the last of them. */
static bool is_next(const struct tailing *tailing, const json_t *child)
{
    const char *id = json_string_value(json_object_get(child, "ShardId"));
    const json_t *parents = json_object_get(child, "ParentShards");

    for (size_t i = 0; i < json_array_size(parents); i++) {
        const struct tail_shard *parent =
            shard_find(tailing, json_string_value(json_array_get(parents, i)));
        if (parent != NULL && !parent->ended)
            return false;
    }
    return id != NULL && shard_find(tailing, id) == NULL;
}

/* The shards that go on where others have ended. */
static enum outcome adopt(struct tailing *tailing)
{
    size_t count = tailing->shard_count + json_array_size(tailing->children);
    struct tail_shard *shards = realloc(tailing->shards, count * sizeof(*shards));

    if (shards == NULL)
        return cli_no_memory(tailing->cli);
    tailing->shards = shards;
    for (size_t i = 0; i < json_array_size(tailing->children); i++) {
        json_t *child = json_array_get(tailing->children, i);
        if (!is_next(tailing, child))
            continue;
        if (json_array_append(tailing->shard_list, child) != 0)
            return cli_no_memory(tailing->cli);
        shards[tailing->shard_count++] = (struct tail_shard){
            .id = json_string_value(json_object_get(child, "ShardId")),
            .pause_ms = POLL_MS_MIN,
            .from_start = true,
        };
    }
    json_array_clear(tailing->children);
    return OUTCOME_OK;
}

/* Without a leader nobody says that a shard has no more records. */
static bool is_dry(const struct tail_shard *shard)
{
    return shard->dry_ms != 0 && cli_now_ms() - shard->dry_ms >= DRY_MS;
}

static bool all_read(const struct tailing *tailing)
{
    for (size_t i = 0; i < tailing->shard_count; i++) {
        const struct tail_shard *shard = &tailing->shards[i];
        if (!shard->ended && !(tailing->options.no_follow && (shard->current || is_dry(shard))))
            return false;
    }
    return true;
}

static enum outcome end(const struct tailing *tailing)
{
    for (size_t i = 0; i < tailing->shard_count; i++)
        if (is_dry(&tailing->shards[i]))
            return cli_fail(tailing->cli, OUTCOME_TIMEOUT,
                            "%s has no leader within reach, which alone could say that this is "
                            "all\n'braid cluster status' shows which nodes are up.",
                            tailing->shards[i].id);
    return OUTCOME_OK;
}

static enum outcome follow(struct tailing *tailing)
{
    const struct tail_options *options = &tailing->options;

    for (;;) {
        uint64_t now_ms = cli_now_ms(), next_ms = now_ms + POLL_MS_MAX;

        for (size_t i = 0; i < tailing->shard_count; i++) {
            struct tail_shard *shard = &tailing->shards[i];
            if (!shard->ended && shard->due_ms <= now_ms && cli_now_ms() < end_ms(tailing)) {
                enum outcome outcome = look(tailing, shard);
                if (outcome != OUTCOME_OK)
                    return outcome;
                if (options->records_max > 0 && tailing->records >= (uint64_t)options->records_max)
                    return OUTCOME_OK;
            }
            if (!shard->ended && shard->due_ms < next_ms)
                next_ms = shard->due_ms;
        }
        if (json_array_size(tailing->children) > 0) {
            enum outcome outcome = adopt(tailing);
            if (outcome != OUTCOME_OK)
                return outcome;
            continue;
        }
        if (all_read(tailing))
            return end(tailing);
        now_ms = cli_now_ms();
        if (now_ms >= end_ms(tailing)) {
            if (options->records_max == 0)
                return OUTCOME_OK;
            return cli_fail(tailing->cli, OUTCOME_TIMEOUT, "%llu of %ld records after %ld s",
                            (unsigned long long)tailing->records, options->records_max,
                            tailing->cli->timeout_s);
        }
        if (next_ms > end_ms(tailing))
            next_ms = end_ms(tailing);
        if (next_ms > now_ms)
            cli_pause_ms((uint32_t)(next_ms - now_ms));
    }
}

/* One GetRecords. */
static enum outcome look(struct tailing *tailing, struct tail_shard *shard)
{
    uint64_t asked_ms = cli_now_ms();
    long limit = RECORDS_PER_CALL;
    struct client_answer answer;
    json_t *out = NULL;

    if (shard->iterator == NULL) {
        shard->due_ms = asked_ms + shard->pause_ms;
        return locate(tailing, shard);
    }
    if (tailing->options.records_max > 0 &&
        tailing->options.records_max - (long)tailing->records < limit)
        limit = tailing->options.records_max - (long)tailing->records;
    json_t *in = json_pack("{s:s, s:i}", "ShardIterator", shard->iterator, "Limit", (int)limit);
    if (in == NULL)
        return cli_no_memory(tailing->cli);
    enum err err = client_call_json(tailing->client, "GetRecords", in, &out, &answer);
    json_decref(in);
    if (err != ERR_OK) {
        shard->pause_ms = POLL_MS_MAX;
        shard->due_ms = asked_ms + shard->pause_ms;
    }
    if (err == ERR_EXPIRED) {
        free(shard->iterator);
        shard->iterator = NULL;
        return OUTCOME_OK;
    }
    if (err != ERR_OK)
        return trouble(tailing, err, &answer);

    tailing->answered_ms = asked_ms;
    enum outcome outcome = print(tailing, shard, out);
    bool empty = json_array_size(json_object_get(out, "Records")) == 0;
    const json_t *next = json_object_get(out, "NextShardIterator");
    shard->current = json_number_value(json_object_get(out, "MillisBehindLatest")) <= 0;
    shard->dry_ms = !empty || shard->current ? 0 : shard->dry_ms != 0 ? shard->dry_ms : asked_ms;
    shard->pause_ms = !empty || !shard->current           ? POLL_MS_MIN
                      : shard->pause_ms * 2 < POLL_MS_MAX ? shard->pause_ms * 2
                                                          : POLL_MS_MAX;
    shard->due_ms = asked_ms + shard->pause_ms;
    free(shard->iterator);
    shard->iterator = json_is_string(next) ? strdup(json_string_value(next)) : NULL;
    shard->ended = shard->iterator == NULL;
    if (shard->ended && json_is_array(json_object_get(out, "ChildShards")) &&
        json_array_extend(tailing->children, json_object_get(out, "ChildShards")) != 0)
        outcome = cli_no_memory(tailing->cli);
    json_decref(out);
    return outcome;
}

/* After the last printed record, if there was one; else where the user wants to begin. */
static json_t *position(const struct tailing *tailing, const struct tail_shard *shard)
{
    json_t *in =
        json_pack("{s:s, s:s}", "StreamName", tailing->cli->argument, "ShardId", shard->id);
    enum from from = shard->from_start ? FROM_START : tailing->options.from;
    uint64_t since_ms = tailing->options.since_ms;

    /* An iterator for LATEST that expired before anything came must not skip what came since. */
    if (from == FROM_LATEST && cli_now_ms() - tailing->began_ms > POLL_MS_MAX) {
        from = FROM_TIME;
        since_ms = tailing->began_wall_ms;
    }
    if (shard->last != NULL) {
        json_object_set_new(in, "ShardIteratorType", json_string("AFTER_SEQUENCE_NUMBER"));
        json_object_set_new(in, "StartingSequenceNumber", json_string(shard->last));
    } else if (from == FROM_TIME) {
        json_object_set_new(in, "ShardIteratorType", json_string("AT_TIMESTAMP"));
        json_object_set_new(in, "Timestamp", json_real((double)since_ms / 1000));
    } else {
        json_object_set_new(in, "ShardIteratorType",
                            json_string(from == FROM_START ? "TRIM_HORIZON" : "LATEST"));
    }
    return in;
}

static enum outcome locate(struct tailing *tailing, struct tail_shard *shard)
{
    struct client_answer answer;
    json_t *in = position(tailing, shard), *out = NULL;

    if (in == NULL)
        return cli_no_memory(tailing->cli);
    enum err err = client_call_json(tailing->client, "GetShardIterator", in, &out, &answer);
    json_decref(in);
    if (err != ERR_OK)
        return trouble(tailing, err, &answer);

    const char *iterator = json_string_value(json_object_get(out, "ShardIterator"));
    shard->iterator = iterator == NULL ? NULL : strdup(iterator);
    json_decref(out);
    if (shard->iterator == NULL)
        return cli_fail(tailing->cli, OUTCOME_FAILED, "no iterator for %s", shard->id);
    tailing->answered_ms = cli_now_ms();
    return OUTCOME_OK;
}

static enum outcome print(struct tailing *tailing, struct tail_shard *shard, const json_t *answer)
{
    const json_t *records = json_object_get(answer, "Records");
    size_t count = json_array_size(records);

    for (size_t i = 0; i < count; i++) {
        const json_t *record = json_array_get(records, i);
        enum err err = tailing->cli->output == OUTPUT_JSON
                           ? tail_format_json(record, shard->id, stdout)
                           : tail_format_data(record, stdout);
        if (ferror(stdout) != 0)
            return output_flush(tailing->cli);
        if (err == ERR_NO_MEMORY)
            return cli_no_memory(tailing->cli);
        if (err != ERR_OK)
            return cli_fail(tailing->cli, OUTCOME_FAILED, "a record of %s makes no sense",
                            shard->id);
        tailing->records++;
    }
    if (count > 0) {
        const char *last = json_string_value(
            json_object_get(json_array_get(records, count - 1), "SequenceNumber"));
        free(shard->last);
        shard->last = last == NULL ? NULL : strdup(last);
    }
    return output_flush(tailing->cli);
}

/* What passes is waited out, as long as it does not last; but only once something was printed or
 * located: a cluster that never answered is a mistake of the command line. */
static enum outcome trouble(struct tailing *tailing, enum err err,
                            const struct client_answer *answer)
{
    bool began = tailing->answered_ms != tailing->began_ms;
    uint64_t now_ms = cli_now_ms();

    if (fault_is_passing(err) && began &&
        (now_ms - tailing->answered_ms < TROUBLE_MS || now_ms >= end_ms(tailing)))
        return OUTCOME_OK;
    return cli_complain(tailing->cli, err, &answer->reason);
}

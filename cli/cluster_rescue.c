/* cluster_rescue.c - `braid cluster rescue`: the catalogue's majority is lost for good.  Says what
 * is left of it, asks, and lets it go on: asked of any node, done by the survivor itself. */
#include <stdio.h>
#include <string.h>

#include "cluster.h"
#include "member.h"
#include "operations.h"
#include "rescue.h"

#define URL_BYTES_MAX 300u
#define NO_COPY "Ask a node that was in the cluster before, or start one with its data."

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const char **yes = state->input;

    if (key == ARGP_KEY_ARG)
        argp_error(state, "it takes no names");
    if (key != 'y')
        return ARGP_ERR_UNKNOWN;
    *yes = arg;
    return 0;
}

/* The client of the node that answered, when that one is the survivor; else one of its own. */
static enum outcome at_survivor(const struct cli *cli, const json_t *survivor,
                                struct client **ret)
{
    const char *address = member_text(survivor, "operations_address");
    char url[URL_BYTES_MAX];
    struct reason reason = { .text = "" };
    struct client_options options = { .endpoints = url, .timeout_ms = CLI_OPERATIONS_MS };

    if (strchr(address, ':') == NULL)
        return cli_fail(cli, OUTCOME_FAILED, "the node that was asked does not know where node %s "
                        "is: run this on that node's machine", member_text(survivor, "name"));
    snprintf(url, sizeof(url), "http://%s", address);
    if (client_open(ret, &options, &reason) == ERR_OK) {
        client_until(*ret, cli_deadline_ms(cli, cli_now_ms())); /* a person may think long */
        return OUTCOME_OK;
    }
    return cli_fail(cli, OUTCOME_FAILED, "node %s, at %s: %s", member_text(survivor, "name"),
                    address, reason.text);
}

static enum outcome act(const struct cli *cli, struct client *client, const json_t *found)
{
    const json_t *survivor = rescue_survivor(found);
    struct client_answer answer;
    struct client *other = NULL;
    char path[OPERATIONS_PATH_BYTES_MAX];

    snprintf(path, sizeof(path),
             "/cluster/rescue?epoch=%" JSON_INTEGER_FORMAT
             "&survivor=%s&index=%" JSON_INTEGER_FORMAT "&term=%" JSON_INTEGER_FORMAT,
             member_count(found, "epoch"), member_text(survivor, "id"),
             member_count(survivor, "last"), member_count(survivor, "last_term"));
    enum outcome outcome = OUTCOME_OK;
    if (!member_is_true(survivor, "asked"))
        outcome = at_survivor(cli, survivor, &other);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (other == NULL)
        client_until(client, cli_deadline_ms(cli, cli_now_ms())); /* a person may think long */
    enum err err = operations_post(other == NULL ? client : other, path, &answer);
    if (err != ERR_OK && answer.status == 403)
        outcome = cli_fail(cli, OUTCOME_FAILED, "%s\nOnly node %s can do it: run this on its "
                           "machine, with --operations naming its own port.", answer.reason.text,
                           member_text(survivor, "name"));
    else if (err != ERR_OK)
        outcome = operations_complain(cli, err, &answer, NULL);
    if (other != NULL)
        client_close(other);
    return outcome;
}

static void explain(const json_t *found)
{
    const json_t *nodes = json_object_get(found, "nodes"), *survivor = rescue_survivor(found);
    char at[RESCUE_TIME_MAX];

    fprintf(stderr, "The catalogue of cluster %s:\n", member_text(found, "cluster"));
    for (size_t i = 0; i < json_array_size(nodes); i++)
        rescue_print_node(json_array_get(nodes, i));
    if (survivor == NULL)
        return;
    fprintf(stderr,
            "\nIt would go on from what node %s has, with %" JSON_INTEGER_FORMAT
            " stream%s. LOST FOR GOOD would be\n"
            "what was changed in it after %s: streams that were created\n"
            "are unknown (their records stay on the disks, and nobody serves them), streams that\n"
            "were deleted are back without their records, and so it is with nodes, moves of\n"
            "replicas and rescues of shards. Nobody can say how much that is.\n"
            "Of records nothing is lost by it. Shards that have no majority need 'braid shard\n"
            "rescue' afterwards. If one of the lost members can be started with its data, start\n"
            "it instead.\n\n",
            member_text(survivor, "name"), member_count(survivor, "streams"),
            member_count(survivor, "streams") == 1 ? "" : "s",
            rescue_time(member_count(survivor, "last_time_ms"), at));
}

static enum outcome rescue(const struct cli *cli, struct client *client, const char *yes)
{
    json_t *found = NULL;
    enum outcome outcome = operations_look(cli, client, "/cluster/rescue", NO_COPY, &found);

    if (outcome != OUTCOME_OK)
        return outcome;
    explain(found);
    const char *name = member_text(rescue_survivor(found), "name");
    if (!member_is_true(found, "possible"))
        outcome = cli_fail(cli, OUTCOME_FAILED, "the catalogue: %s",
                           member_text(found, "why_not"));
    if (outcome == OUTCOME_OK)
        outcome = rescue_confirm(cli, "survivor", name, yes);
    if (outcome == OUTCOME_OK)
        outcome = act(cli, client, found);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_pack("{s:s, s:s, s:s}", "cluster",
                                                member_text(found, "cluster"), "status", "rescued",
                                                "survivor", name));
    else if (outcome == OUTCOME_OK)
        printf("The catalogue goes on from node %s, whose audit log says what was done.\n"
               "Other nodes become members one at a time: 'braid cluster status' shows them.\n"
               "Then look at the shards: those without a leader need 'braid shard rescue'.\n",
               name);
    json_decref(found);
    return outcome;
}

enum outcome cluster_rescue(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option rows[] = {
        { "yes", 'y', "NODE", 0, "confirms, instead of asking: the exact name of the survivor", 0 },
        { 0 }
    };
    const struct cli_syntax syntax = {
        .options = rows,
        .parser = parse,
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "For a cluster whose catalogue has lost its majority for good: shows what is left "
                "of it and what would be lost, asks, and lets it go on from the one copy that has "
                "most. Nothing is done while a majority can come back by itself. Run it on the "
                "survivor's machine."
    };
    const char *yes = NULL;
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, &yes);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = rescue(cli, client, yes);
    client_close(client);
    return outcome;
}

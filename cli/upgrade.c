/* upgrade.c - the cluster version: raising it, and what it says to people. */
#include "upgrade.h"

#include <stdio.h>

#include "cluster.h"
#include "member.h"
#include "operations.h"

/* Those that do not know the newest version, by name. */
static void print_behind(const json_t *cluster, json_int_t newest)
{
    const json_t *nodes = json_object_get(cluster, "nodes");
    const char *before = "";

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        json_int_t knows = member_count(node, "knows");
        if (member_is_true(node, "replaced") || knows >= newest)
            continue;
        printf("%s%s ", before, member_text(node, "name"));
        if (knows == 0)
            printf("is down and has not said");
        else
            printf("knows %" JSON_INTEGER_FORMAT, knows);
        before = ", ";
    }
}

static bool all_know(const json_t *cluster, json_int_t newest)
{
    const json_t *nodes = json_object_get(cluster, "nodes");
    bool all = true;

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        all &= member_is_true(node, "replaced") || member_count(node, "knows") >= newest;
    }
    return all;
}

void upgrade_print(const json_t *cluster)
{
    json_int_t version = member_count(cluster, "cluster_version");
    json_int_t newest = member_count(cluster, "cluster_version_newest");

    if (newest <= version)
        return;
    printf("\nThe cluster is at version %" JSON_INTEGER_FORMAT ". ", version);
    if (all_know(cluster, newest)) {
        printf("All nodes know version %" JSON_INTEGER_FORMAT ": 'braid cluster upgrade'\nraises "
               "it, and the older braidd cannot come back then.\n", newest);
        return;
    }
    printf("Version %" JSON_INTEGER_FORMAT " comes when all nodes know it:\n", newest);
    print_behind(cluster, newest);
    printf(".\n");
}

/* A node that was just told may not have applied it: the version is the highest that one says. */
static enum outcome say(struct cli *cli)
{
    json_t *cluster = NULL;
    enum outcome outcome = cluster_look(cli, &cluster);
    json_int_t version = member_count(cluster, "cluster_version");

    json_decref(cluster);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:I}", "cluster_version", version));
    printf("The cluster is at version %" JSON_INTEGER_FORMAT "\n", version);
    return OUTCOME_OK;
}

enum outcome cluster_upgrade(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Raises the cluster version to the newest that its nodes know, when all of them "
                "know it: after the last one was restarted with the newer braidd. From then on "
                "the cluster uses what came with that version, and an older braidd refuses to "
                "start. Run twice it does no harm."
    };
    struct client *client;

    cli_parse(cli, &syntax, argc, argv, NULL);
    enum outcome outcome = cli_operations(cli, &client);
    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = operations_change(cli, client, "/cluster/upgrade", NULL);
    client_close(client);
    return outcome == OUTCOME_OK ? say(cli) : outcome;
}

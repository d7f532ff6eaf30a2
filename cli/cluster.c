#include "cluster.h"

#include <stdio.h>
#include <string.h>

#include "balancing.h"
#include "member.h"
#include "operations.h"
#include "table.h"
#include "upgrade.h"

/* "1 stream", "2 streams" */
static void print_count(const json_t *tree, const char *name, const char *one)
{
    json_int_t number = member_count(tree, name);

    printf("%" JSON_INTEGER_FORMAT " %s%s", number, one, number == 1 ? "" : "s");
}

/* What the node is to the catalogue.  By id: a node that lost its disk is there twice under one
 * name, and its old self goes on being a member. */
static const char *role_of(const json_t *catalog, const json_t *node)
{
    const json_t *id = json_object_get(node, "id");
    const json_t *members = json_object_get(catalog, "member_ids");

    if (json_equal(json_object_get(catalog, "leader_id"), id))
        return "leader";
    for (size_t i = 0; i < json_array_size(members); i++) {
        if (json_equal(json_array_get(members, i), id))
            return "member";
    }
    return "";
}

static bool is_up(const json_t *node)
{
    return member_is_true(node, "up");
}

/* A replaced node has the name of the one that came in its place, which has a row of its own. */
static const char *state_of(const json_t *node)
{
    if (member_is_true(node, "replaced"))
        return "replaced";
    if (member_is_true(node, "draining"))
        return is_up(node) ? "draining" : "draining, down";
    if (member_is_true(node, "dead"))
        return "dead"; /* down for longer than replace-after-s */
    if (is_up(node) && json_is_string(json_object_get(node, "ails")))
        return "ailing";
    return is_up(node) ? "up" : "down";
}

enum outcome cluster_print_nodes(const struct cli *cli, const json_t *cluster)
{
    static const char *const columns[] = { "NODE",     "ZONE",    "STATE",     "LEADS",
                                           "REPLICAS", "CLIENTS", "CATALOGUE", "ID" };
    struct table *table = table_open(8, columns);
    const json_t *catalog = json_object_get(cluster, "catalog");
    char leads[24], replicas[24];
    const json_t *nodes = json_object_get(cluster, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);

        snprintf(leads, sizeof(leads), "%" JSON_INTEGER_FORMAT, member_count(node, "leads"));
        snprintf(replicas, sizeof(replicas), "%" JSON_INTEGER_FORMAT,
                 member_count(node, "replicas"));
        table_row(table, member_text(node, "name"), member_text(node, "az"),
                  state_of(node), leads, replicas, member_text(node, "client_address"),
                  role_of(catalog, node), member_text(node, "id"));
    }
    return table_print(table) ? OUTCOME_OK : cli_no_memory(cli);
}

/* Reads and puts go on without the catalogue, so that nothing else tells of it. */
static void print_headless(const json_t *cluster)
{
    const json_t *catalog = json_object_get(cluster, "catalog");
    const json_t *nodes = json_object_get(cluster, "nodes");
    unsigned members = (unsigned)json_array_size(json_object_get(catalog, "member_ids"));
    unsigned up = 0;

    if (json_is_string(json_object_get(catalog, "leader_id")))
        return;
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        up += is_up(node) && role_of(catalog, node)[0] != '\0';
    }
    printf("\nThe catalogue has no leader: %u of its %u members %s up, and streams are created\n"
           "and deleted only when %u of them are and have elected one.\n",
           up, members, up == 1 ? "is" : "are", members / 2 + 1);
    if (up <= members / 2)
        printf("If their disks are lost for good: docs/runbooks/lost-majority.md.\n");
}

void cluster_print_waiting(const json_t *cluster)
{
    const json_t *nodes = json_object_get(cluster, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const char *waits = json_string_value(json_object_get(node, "waits_for"));
        if (waits == NULL || member_is_true(node, "replaced"))
            continue;
        printf("\n%s is %s and has ", member_text(node, "name"), state_of(node));
        print_count(node, "replicas", "replica");
        printf(" still:\n%s.\n", waits);
        if (!is_up(node))
            printf("The cluster waits for it: start %s again, or add a node in %s "
                   "('braid node add').\n", member_text(node, "name"), member_text(node, "az"));
    }
}

/* Why the node leads nothing. */
static const char *ailment_of(const json_t *node)
{
    static const char *const texts[][2] = {
        { "full", "its log has no room: make room on its disk (docs/runbooks/full-disk.md)" },
        { "slow", "its disk is slower than the others' (docs/runbooks/slow-disk.md)" },
        { "clock", "its clock is not that of the majority (docs/runbooks/wrong-clock.md)" },
    };
    const char *name = json_string_value(json_object_get(node, "ails"));

    for (size_t i = 0; name != NULL && i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(name, texts[i][0]) == 0)
            return texts[i][1];
    return name;
}

void cluster_print_ailing(const json_t *cluster)
{
    const json_t *nodes = json_object_get(cluster, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const char *why = ailment_of(node);
        if (why == NULL || !is_up(node))
            continue;
        printf("\n%s is to lead nothing, and leads %" JSON_INTEGER_FORMAT " of its shards:\n%s.\n",
               member_text(node, "name"), member_count(node, "leads"), why);
        if (member_count(node, "leads") > 0)
            printf("What it leads goes to members that are well; those have none, or it takes a "
                   "moment.\n");
        else
            printf("It is handed shards again when it has been well for a while.\n");
    }
}

/* Of the node that was asked: nobody else knows. */
static void print_forgotten(const json_t *cluster)
{
    if (member_count(cluster, "forgotten_bytes") > 0)
        printf("\n%s keeps %" JSON_INTEGER_FORMAT " bytes that it had under ids whose promises it "
               "forgot,\nin %" JSON_INTEGER_FORMAT " director%s forgotten-N; with %"
               JSON_INTEGER_FORMAT " it gets no further id.\nWhen all is whole, remove them: "
               "docs/runbooks/lost-node.md.\n",
               member_text(cluster, "node"), member_count(cluster, "forgotten_bytes"),
               member_count(cluster, "forgotten_directories"),
               member_count(cluster, "forgotten_directories") == 1 ? "y" : "ies",
               member_count(cluster, "forgotten_directories_max"));
}

static enum outcome print(const struct cli *cli, const json_t *cluster)
{
    if (!member_is_true(cluster, "founded")) {
        printf("%s %s\n", member_text(cluster, "node"), member_text(cluster, "waiting_for"));
        return OUTCOME_OK;
    }
    printf("Seen by %s: ", member_text(cluster, "node"));
    print_count(cluster, "streams", "stream");
    printf(", ");
    print_count(cluster, "shards", "shard");
    printf(", ");
    print_count(cluster, "replication", "replica");
    printf(" of each, cluster version %" JSON_INTEGER_FORMAT "\n\n",
           member_count(cluster, "cluster_version"));
    enum outcome outcome = cluster_print_nodes(cli, cluster);
    print_headless(cluster);
    upgrade_print(cluster);
    balancing_print(cluster);
    cluster_print_waiting(cluster);
    cluster_print_ailing(cluster);
    print_forgotten(cluster);
    if (!member_is_true(cluster, "ready"))
        printf("\n%s is not ready: it %s\n", member_text(cluster, "node"),
               member_text(cluster, "waiting_for"));
    return outcome;
}

enum outcome cluster_status(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Shows the nodes of the cluster, their zones, who is up, how many shards each "
                "leads, and who leads the catalogue, as the first node that answers sees it."
    };
    json_t *cluster = NULL;

    cli_parse(cli, &syntax, argc, argv, NULL);
    enum outcome outcome = cluster_look(cli, &cluster);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_incref(cluster));
    else if (outcome == OUTCOME_OK)
        outcome = print(cli, cluster);
    json_decref(cluster);
    return outcome;
}

enum outcome cluster_look(const struct cli *cli, json_t **ret)
{
    struct client *client;
    enum outcome outcome = cli_operations(cli, &client);

    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = operations_look(cli, client, "/cluster", NULL, ret);
    client_close(client);
    return outcome;
}

/* node_show.c - `braid node list` and `braid node add`: what there is, and how there is more. */
#include <stdio.h>
#include <string.h>

#include "cluster.h"
#include "member.h"
#include "node.h"

enum outcome node_list(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Shows the nodes of the cluster, and what the replicas of those wait for that are "
                "to leave it, as the first node that answers sees it."
    };
    json_t *cluster = NULL;

    cli_parse(cli, &syntax, argc, argv, NULL);
    enum outcome outcome = cluster_look(cli, &cluster);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(cli, json_incref(json_object_get(cluster, "nodes")));
    else if (outcome == OUTCOME_OK) {
        outcome = cluster_print_nodes(cli, cluster);
        cluster_print_waiting(cluster);
        cluster_print_ailing(cluster);
    }
    json_decref(cluster);
    return outcome;
}

/* Peer addresses of the catalogue's members that are to stay. */
static json_t *seeds_of(const json_t *cluster)
{
    const json_t *nodes = json_object_get(cluster, "nodes");
    json_t *seeds = json_array();

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        if (!member_is_true(node, "replaced") && !member_is_true(node, "draining") &&
            member_is_true(node, "in_catalog"))
            json_array_append(seeds, json_object_get(node, "peer_address"));
    }
    return seeds;
}

static void print_seeds(const json_t *seeds)
{
    for (size_t i = 0; i < json_array_size(seeds); i++)
        printf("%s%s", i == 0 ? "" : ", ", json_string_value(json_array_get(seeds, i)));
}

enum outcome node_add(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "Prints how a node is added: it joins by itself when it is started with the seeds "
                "of the cluster. Nothing is changed."
    };
    json_t *cluster = NULL;

    cli_parse(cli, &syntax, argc, argv, NULL);
    enum outcome outcome = cluster_look(cli, &cluster);
    json_t *seeds = seeds_of(cluster);
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON) {
        outcome = cli_print_json(cli, json_pack("{s:O}", "seeds", seeds));
    } else if (outcome == OUTCOME_OK) {
        printf("On the new machine, install braidd and say in /etc/braid/braidd.conf:\n\n"
               "    name = NAME                  # one that no other node has\n"
               "    az = ZONE                    # where it stands\n"
               "    client-listen = ADDRESS:4567\n"
               "    peer-listen = ADDRESS:4568   # as the other nodes reach it\n"
               "    operations-listen = 127.0.0.1:4569\n"
               "    seeds = ");
        print_seeds(seeds);
        printf("\n    auth = none                  # as the others say it\n\n"
               "Start it with an empty data directory (systemctl enable --now braidd). It joins\n"
               "within seconds, and 'braid node list' shows it. New streams use it at once, and\n"
               "replicas of its zone move to it, one at a time.\n");
    }
    json_decref(seeds);
    json_decref(cluster);
    return outcome;
}

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

/* Who may connect, as the node that answers has it.  An older one does not say: then what stands
 * there is refused by --check-config, and no guess opens the new node to strangers. */
static void print_who_may(const json_t *cluster)
{
    const char *auth = json_string_value(json_object_get(cluster, "auth"));
    const char *regions = json_string_value(json_object_get(cluster, "sigv4_regions"));

    printf("    # who may connect: as the other nodes have it\n"
           "    auth = %s\n", auth == NULL ? "AS_ON_THE_OTHER_NODES" : auth);
    if (auth == NULL || strcmp(auth, "sigv4") != 0)
        return;
    printf("    # a copy of the other nodes' file of access keys; only braidd's user may read it\n"
           "    credentials = FILE\n");
    if (regions != NULL && regions[0] != '\0')
        printf("    sigv4-regions = %s\n", regions);
    if (member_is_true(cluster, "peers_unproved"))
        printf("    peers-unproved = yes\n");
}

static void print_how(const json_t *cluster, const json_t *seeds)
{
    printf("On the new machine, install braidd and say in /etc/braid/braidd.conf, with your own\n"
           "words for those in capitals:\n\n"
           "    # one that no other node has\n"
           "    name = NAME\n"
           "    # where it stands\n"
           "    az = ZONE\n"
           "    client-listen = ADDRESS:4567\n"
           "    # as the other nodes reach it\n"
           "    peer-listen = ADDRESS:4568\n"
           "    operations-listen = 127.0.0.1:4569\n"
           "    seeds = ");
    print_seeds(seeds);
    printf("\n");
    print_who_may(cluster);
    printf("\nLimits and times, where the other nodes have their own, as they have them. 'braidd\n"
           "--check-config --config /etc/braid/braidd.conf' says what is still wrong.\n"
           "Start it with an empty data directory (systemctl enable --now braidd). It joins\n"
           "within seconds, and 'braid node list' shows it. New streams use it at once, and\n"
           "replicas of its zone move to it, one at a time.\n");
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
    if (outcome == OUTCOME_OK && cli->output == OUTPUT_JSON)
        outcome = cli_print_json(
            cli, json_pack("{s:O, s:O?, s:O?, s:O?}", "seeds", seeds,
                           "auth", json_object_get(cluster, "auth"),
                           "sigv4_regions", json_object_get(cluster, "sigv4_regions"),
                           "peers_unproved", json_object_get(cluster, "peers_unproved")));
    else if (outcome == OUTCOME_OK)
        print_how(cluster, seeds);
    json_decref(seeds);
    json_decref(cluster);
    return outcome;
}

#include "balancing.h"

#include <stdio.h>
#include <string.h>

#include "member.h"
#include "operations.h"
#include "rescue.h"

void balancing_print(const json_t *cluster)
{
    json_int_t since_ms = member_count(cluster, "balancing_paused_ms");
    char since[RESCUE_TIME_MAX];

    if (since_ms == 0)
        return;
    printf("\nBalancing is paused since %s: leaders and replicas stay where they are.\n"
           "Drains and the replacement of dead nodes go on. 'braid cluster balancing resume'\n"
           "ends it.\n", rescue_time(since_ms, since));
}

static enum outcome ask(const struct cli *cli, bool pauses)
{
    struct client *client;
    enum outcome outcome = cli_operations(cli, &client);

    if (outcome != OUTCOME_OK)
        return outcome;
    outcome = operations_change(cli, client,
                                pauses ? "/cluster/balancing/pause" : "/cluster/balancing/resume",
                                NULL);
    client_close(client);
    return outcome;
}

enum outcome cluster_balancing(struct cli *cli, int argc, char **argv)
{
    const struct cli_syntax syntax = {
        .arguments = "pause|resume",
        .which = "pause or resume? 'braid cluster status' says whether it is paused",
        .one = "pause or resume, one of them",
        .timeout = CLI_TIMEOUT_TEXT,
        .timeout_s = CLI_TIMEOUT_S,
        .text = "pause: the leaders of shards are not handed to the nodes that are to lead them, "
                "and replicas do not move to be spread better, in the whole cluster, until "
                "'resume', over restarts too. What moves already comes to its end. Drains, the "
                "replacement of lost disks and dead nodes, and leaders that leave a node which is "
                "stopped, drained or ailing are no balancing: they go on. 'braid cluster status' "
                "says since when it is paused, and the audit log who did it."
    };

    cli_parse(cli, &syntax, argc, argv, NULL);
    bool pauses = strcmp(cli->argument, "pause") == 0;
    if (!pauses && strcmp(cli->argument, "resume") != 0)
        return cli_fail(cli, OUTCOME_USAGE, "'%s' is neither pause nor resume", cli->argument);
    enum outcome outcome = ask(cli, pauses);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (cli->output == OUTPUT_JSON)
        return cli_print_json(cli, json_pack("{s:b}", "balancing_paused", pauses));
    printf(pauses ? "Balancing is paused\n" : "Balancing goes on\n");
    return OUTCOME_OK;
}

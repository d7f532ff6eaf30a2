#include "rescue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "member.h"

#define TYPED_MAX 256u

const json_t *rescue_survivor(const json_t *found)
{
    const json_t *nodes = json_object_get(found, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++)
        if (json_is_true(json_object_get(json_array_get(nodes, i), "survivor")))
            return json_array_get(nodes, i);
    return NULL;
}

const char *rescue_time(json_int_t ms, char room[RESCUE_TIME_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (ms == 0 || gmtime_r(&seconds, &tm) == NULL)
        return "never";
    strftime(room, RESCUE_TIME_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return room;
}

void rescue_print_node(const json_t *node)
{
    char at[RESCUE_TIME_MAX];

    fprintf(stderr, "  %s (%s): ", member_text(node, "name"), member_text(node, "id"));
    if (strcmp(member_text(node, "has"), "copy") != 0) {
        bool down = strcmp(member_text(node, "has"), "down") == 0;
        bool silent = strcmp(member_text(node, "has"), "silent") == 0;
        const char *why = member_is_true(node, "disk_lost") ? "its disk is lost"
                          : down                            ? "it is down"
                          : silent                          ? "it is connected, and does not answer"
                                                            : "it has nothing of it";
        fprintf(stderr, "%s", why);
        if (member_count(node, "down_ms") > 0)
            fprintf(stderr, "; not heard for %" JSON_INTEGER_FORMAT " s at least",
                    member_count(node, "down_ms") / 1000);
        fprintf(stderr, "\n");
        return;
    }
    fprintf(stderr, "entries up to %" JSON_INTEGER_FORMAT " (term %" JSON_INTEGER_FORMAT
            ", epoch %" JSON_INTEGER_FORMAT "), the newest of %s; known acknowledged up to %"
            JSON_INTEGER_FORMAT "%s%s\n",
            member_count(node, "last"), member_count(node, "last_term"),
            member_count(node, "epoch"), rescue_time(member_count(node, "last_time_ms"), at),
            member_count(node, "known_committed"),
            member_is_true(node, "whole") ? "" : "; no whole copy",
            member_is_true(node, "survivor") ? "; THE SURVIVOR" : "");
}

/* Typed, not nodded at. */
enum outcome rescue_confirm(const struct cli *cli, const char *what, const char *name,
                            const char *yes)
{
    char typed[TYPED_MAX];

    if (yes != NULL) {
        if (strcmp(yes, name) == 0)
            return OUTCOME_OK;
        return cli_fail(cli, OUTCOME_USAGE, "--yes says '%s', and the %s is '%s': nothing was "
                        "done", yes, what, name);
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return cli_fail(cli, OUTCOME_USAGE, "there is no terminal to ask at: nothing was done. "
                        "Scripts say --yes %s", name);
    fprintf(stderr, "Type the name of the %s, %s, to do it: ", what, name);
    if (fgets(typed, sizeof(typed), stdin) == NULL)
        typed[0] = '\0';
    typed[strcspn(typed, "\n")] = '\0';
    if (strcmp(typed, name) == 0)
        return OUTCOME_OK;
    return cli_fail(cli, OUTCOME_FAILED, "nothing was done");
}

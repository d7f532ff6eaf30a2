#include "operations.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "member.h"

#define BY_BYTES 48u

static json_t *tree_of(const struct client_answer *answer)
{
    return answer->body.len == 0
               ? NULL
               : json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
}

/* What an operations port says when it does not do it; other servers say no such thing. */
struct refusal {
    bool is_one, wait; /* it passes */
};

static struct refusal refusal_of(const struct client_answer *answer)
{
    json_t *tree = tree_of(answer);
    const json_t *wait = json_object_get(tree, "wait");
    struct refusal refusal = { .is_one = json_is_boolean(wait), .wait = json_is_true(wait) };

    json_decref(tree);
    return refusal;
}

bool operations_may_wait(const struct client_answer *answer)
{
    return answer->status == 409 && refusal_of(answer).wait;
}

enum outcome operations_complain(const struct cli *cli, enum err err,
                                 const struct client_answer *answer, const char *none)
{
    struct refusal refusal = refusal_of(answer);
    long status = refusal.is_one ? answer->status : 0;
    const char *next = "";
    enum outcome outcome = cli_outcome(err);

    if (status == 409) {
        outcome = refusal.wait ? OUTCOME_TIMEOUT : OUTCOME_FAILED;
    } else if (status == 404 && none != NULL) {
        outcome = OUTCOME_NOT_FOUND;
        next = none;
    } else if (status == 403) {
        outcome = OUTCOME_FAILED;
        next = "Run it on a machine of the cluster, with --operations naming its own port.";
    } else if (err == ERR_UNREACHABLE) {
        next = "No node answers. Start a cluster with 'braid local up', or name the operations "
               "ports\nof one with --operations.";
    } else if (err == ERR_TIMEOUT) {
        next = "A node is there and says nothing: its process may be stopped or overloaded.";
    } else if (err == ERR_INVALID) {
        next = "That is no answer of an operations port, as --operations names them.";
    }
    return cli_fail(cli, outcome, "%s%s%s", answer->reason.text, next[0] == '\0' ? "" : "\n",
                    next);
}

enum outcome operations_look(const struct cli *cli, struct client *client, const char *path,
                             const char *none, json_t **ret)
{
    struct client_answer answer;
    enum err err = client_get(client, path, &answer);

    if (err != ERR_OK)
        return operations_complain(cli, err, &answer, none);
    *ret = tree_of(&answer);
    return *ret != NULL ? OUTCOME_OK
                        : cli_fail(cli, OUTCOME_FAILED, "the answer of %s is not JSON", path);
}

/* Who asks, for the audit log: letters and digits of the user's name. */
static void user_print(char by[BY_BYTES])
{
    struct passwd entry, *user = NULL;
    char names[1024];
    size_t len = 0;

    if (getpwuid_r(getuid(), &entry, names, sizeof(names), &user) != 0)
        user = NULL;
    for (const char *at = user == NULL ? "" : user->pw_name;
         *at != 0 && len + 1 < BY_BYTES; at++)
        by[len++] = strchr("&=%# ?+", *at) != NULL ? '_' : *at;
    by[len] = 0;
    if (len == 0)
        snprintf(by, BY_BYTES, "uid-%u", (unsigned)getuid());
}

static void warn_of(const struct client_answer *answer);

enum err operations_post(struct client *client, const char *path, struct client_answer *ret)
{
    char whole[OPERATIONS_PATH_BYTES_MAX + BY_BYTES + sizeof("&by=")], by[BY_BYTES];

    user_print(by);
    (void)snprintf(whole, sizeof(whole), "%s%sby=%s", path, strchr(path, '?') == NULL ? "?" : "&",
                   by);
    enum err err = client_post(client, whole, slice_text("{}"), ret);
    if (err == ERR_OK)
        warn_of(ret);
    return err;
}

/* It was done, and something about it was not: that the audit log could not be written. */
static void warn_of(const struct client_answer *answer)
{
    json_t *tree = tree_of(answer);
    const char *message = json_string_value(json_object_get(tree, "message"));

    if (message != NULL && strncmp(message, "done;", 5) == 0)
        fprintf(stderr, "braid: %s\n", message);
    json_decref(tree);
}

enum outcome operations_change(const struct cli *cli, struct client *client, const char *path,
                               const char *none)
{
    struct client_answer answer;
    enum err err = operations_post(client, path, &answer);

    return err == ERR_OK ? OUTCOME_OK : operations_complain(cli, err, &answer, none);
}

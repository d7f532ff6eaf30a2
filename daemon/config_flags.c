#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "config_private.h"

#define EXIT_BAD_FLAGS 2

enum { FLAG_CONFIG = 256, FLAG_CHECK, FLAG_DEV, FLAG_VERSION, FLAG_OPTIONS };

static const char purpose[] =
    "One node of a Braid cluster: streams behind the Kinesis API.\v"
    "An option is a flag here and a line \"name = value\" in the file.  Flags count over the "
    "file.\n"
    "Exit status: 0 stopped as asked, 1 a failure, of which a start may be free later, 2 a wrong "
    "configuration, 3 a data directory that must not be started over, 4 what this node promised "
    "may be forgotten: started again it comes back under a new id.";

static error_t on_flag(int key, char *value, struct argp_state *state);
static const struct argp_option *describe(struct config *config);

void config_read_flags(struct config *config, int argc, char **argv)
{
    struct argp argp = { .options = describe(config), .parser = on_flag, .doc = purpose };

    ensure(argp.options != NULL);
    argp_err_exit_status = EXIT_BAD_FLAGS;
    (void)argp_parse(&argp, argc, argv, 0, NULL, config);
}

static error_t on_flag(int key, char *value, struct argp_state *state)
{
    struct config *config = state->input;

    switch (key) {
    case FLAG_CONFIG:
        config->file = value;
        return 0;
    case FLAG_CHECK:
        config->check_only = true;
        return 0;
    case FLAG_DEV:
        config->dev = true;
        return 0;
    case FLAG_VERSION:
        printf("braidd %s\n", BRAID_VERSION);
        exit(0);
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", value);
        return 0;
    default:
        break;
    }
    if (key < FLAG_OPTIONS || key >= FLAG_OPTIONS + (int)config_option_count())
        return ARGP_ERR_UNKNOWN; /* argp's own events */
    if (config->flag_count == sizeof(config->flags) / sizeof(config->flags[0])) {
        argp_error(state, "too many flags");
        return 0;
    }
    config->flags[config->flag_count++] = (struct config_flag){
        .option = (uint32_t)(key - FLAG_OPTIONS), .value = value
    };
    return 0;
}

/* argp's table: ours and one row per option. */
static const struct argp_option *describe(struct config *config)
{
    static const struct argp_option own[] = {
        { "config", FLAG_CONFIG, "FILE", 0, "read options from FILE", 1 },
        { "check-config", FLAG_CHECK, NULL, 0,
          "print the options as they count and exit, with status 2 if any is wrong", 1 },
        { "dev", FLAG_DEV, NULL, 0,
          "one node for developers: replication 1, loopback, ready at once; without --data-dir a "
          "temporary directory that goes when the process ends", 1 },
        { "version", FLAG_VERSION, NULL, 0, "print the version and exit", 1 },
    };
    uint32_t own_count = sizeof(own) / sizeof(own[0]);
    struct argp_option *all =
        arena_take(&config->arena, (own_count + config_option_count() + 1) * sizeof(*all));

    if (all == NULL)
        return NULL;
    memcpy(all, own, sizeof(own));
    for (uint32_t option = 0; option < config_option_count(); option++) {
        const struct option_row *row = config_option(option);

        all[own_count + option] = (struct argp_option){ .name = row->name,
                                                        .key = FLAG_OPTIONS + (int)option,
                                                        .arg = "VALUE",
                                                        .doc = row->help,
                                                        .group = 2 };
    }
    return all;
}

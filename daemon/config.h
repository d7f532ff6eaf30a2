/* config.h - what braidd was told: file, flags, defaults.
 *
 *     config_init -> config_read -> config_check -> the fields -> config_fini
 *
 * config.def lists the options.  What is wrong is gathered, so that a user sees
 * all of it at once; each error names where it stands, the key and the rule.
 *
 * Start of the process only.  Texts belong to the config.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "catalog/limit.h"

#define CONFIG_ERRORS_MAX 16u /* more are counted only */
#define CONFIG_WARNINGS_MAX 4u
#define CONFIG_HOST_MAX 64u

/* Where to listen. */
struct listen_at {
    char host[CONFIG_HOST_MAX]; /* a numeric address */
    uint16_t port;
    bool loopback;
    bool everywhere; /* 0.0.0.0 or [::] */
};

struct config {
    /* options that are flags only */
    bool dev;         /* --dev: one node, at once */
    bool check_only;  /* --check-config */
    const char *file; /* --config; NULL: none */

#define TEXT(field, name, value, text) const char *field;
#define LISTEN(field, name, value, text) const char *field;
#define NUMBER(field, name, value, min, max, text) uint64_t field;
#define SIZE(field, name, value, min, max, text) uint64_t field;
#define CHOICE(field, name, value, values, text) const char *field;
#include "config.def"
    struct limits limits; /* as they count, after config_check(); before it 0 is not said */

    /* worked out by config_check() */
    struct listen_at client_at, peer_at, operations_at;
    const char *seed_list[NODES_MAX];
    uint32_t seed_count;
    const char *region_list[AUTH_REGIONS_MAX]; /* of sigv4-regions */
    uint32_t region_count;
    bool signed_clients; /* auth = sigv4 */
    bool temporary; /* --dev without data-dir: the directory goes when the process ends */

    /* private */
    struct arena arena;
    uint32_t error_count;
    struct reason errors[CONFIG_ERRORS_MAX];
    uint32_t warning_count;
    struct reason warnings[CONFIG_WARNINGS_MAX];
    const char *given_in[128]; /* by option: where; NULL: it has its default */
    uint32_t flag_count;
    struct config_flag {
        uint32_t option;
        const char *value;
    } flags[128];
};

/* Defaults. */
void config_init(struct config *config);
void config_fini(struct config *config);

/* Reads the command line; ends the process for --help, --usage, --version, and for an unknown flag
 * with status 2.  Then reads the file that it names, and counts the flags over it. */
void config_read(struct config *config, int argc, char **argv);

/* Reads one file.  Part of config_read(). */
void config_read_file(struct config *config, const char *path);

/* The rules that concern several options.  ERR_INVALID: something was wrong, here or before; see
 * config_print_errors(). */
MUST_CHECK enum err config_check(struct config *config);

void config_print_errors(const struct config *config, FILE *to);

/* What is allowed and may still not be what was meant. */
void config_print_warnings(const struct config *config, FILE *to);

/* The options as they count, as a file that says the same. */
void config_print(const struct config *config, FILE *to);

#endif

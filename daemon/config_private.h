/* config_private.h - what the files of the configuration share. */
#ifndef CONFIG_PRIVATE_H
#define CONFIG_PRIVATE_H

#include <stddef.h>

#include "config.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_LISTEN,
    OPTION_NUMBER,
    OPTION_SIZE,
    OPTION_CHOICE,
    OPTION_LIMIT
};

/* A row of config.def. */
struct option_row {
    enum option_kind kind;
    const char *name;
    size_t at;          /* of the field in struct config */
    const char *text;   /* default of texts */
    uint64_t number;    /* default of numbers */
    uint64_t min, max;  /* of numbers */
    const char *values; /* of a choice: "one|another" */
    enum limit limit;
    const char *help;
};

#define CONFIG_OPTIONS_MAX 128u
#define CONFIG_VALUE_MAX 1024u /* characters of a value */

uint32_t config_option_count(void);
const struct option_row *config_option(uint32_t option);

/* The option of that name, '_' and '-' being the same; config_option_count() when there is none. */
uint32_t config_option_find(const char *name);

/* Gives an option its value, or notes why not.  `where` names the place for the message and must
 * outlive the config. */
void config_set(struct config *config, uint32_t option, const char *where, const char *value);

/* Notes an error: "where: what". */
void config_error(struct config *config, const char *where, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Notes what is allowed, but worth a look: "where: what". */
void config_warn(struct config *config, const char *where, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Reads the command line into config->flags and the fields that are flags only. */
void config_read_flags(struct config *config, int argc, char **argv);

#endif

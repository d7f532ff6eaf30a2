#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/version.h"
#include "config_private.h"

#define ARENA_BYTES_MAX (1024u * 1024u)

static const struct option_row rows[] = {
#define TEXT(field, key, value, words)                                                             \
    { .kind = OPTION_TEXT, .name = (key), .at = offsetof(struct config, field),                    \
      .text = (value), .help = (words) },
#define LISTEN(field, key, value, words)                                                           \
    { .kind = OPTION_LISTEN, .name = (key), .at = offsetof(struct config, field),                  \
      .text = (value), .help = (words) },
#define NUMBER(field, key, value, least, most, words)                                              \
    { .kind = OPTION_NUMBER, .name = (key), .at = offsetof(struct config, field),                  \
      .number = (value), .min = (least), .max = (most), .help = (words) },
#define SIZE(field, key, value, least, most, words)                                                \
    { .kind = OPTION_SIZE, .name = (key), .at = offsetof(struct config, field),                    \
      .number = (value), .min = (least), .max = (most), .help = (words) },
#define CHOICE(field, key, value, set, words)                                                      \
    { .kind = OPTION_CHOICE, .name = (key), .at = offsetof(struct config, field),                  \
      .text = (value), .values = (set), .help = (words) },
#include "config.def"
#define STREAM_LIMIT(id, key, usual, most, sort, words)                                            \
    { .kind = OPTION_LIMIT, .name = (key), .limit = LIMIT_##id, .help = (words) },
#define CLUSTER_LIMIT(id, key, usual, most, sort, words)                                           \
    { .kind = OPTION_LIMIT, .name = (key), .limit = LIMIT_##id, .help = (words) },
#include "catalog/limit.def"
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) <= CONFIG_OPTIONS_MAX, "given_in has room for all");

static const char **text_field(struct config *config, const struct option_row *row);
static uint64_t *number_field(struct config *config, const struct option_row *row);
static bool is_number(const struct option_row *row);
static enum err take_number(const struct option_row *row, const char *value, uint64_t *ret);
static void print_limit(const struct config *config, enum limit limit, FILE *to);
static bool take_choice(const struct option_row *row, const char *value);

uint32_t config_option_count(void)
{
    return sizeof(rows) / sizeof(rows[0]);
}

const struct option_row *config_option(uint32_t option)
{
    return &rows[option];
}

uint32_t config_option_find(const char *name)
{
    uint32_t option = 0;

    for (; option < config_option_count(); option++) {
        const char *a = rows[option].name, *b = name;

        while (*a != 0 && (*a == *b || (*a == '-' && *b == '_'))) {
            a++;
            b++;
        }
        if (*a == 0 && *b == 0)
            break;
    }
    return option;
}

void config_init(struct config *config)
{
    *config = (struct config){ .dev = false };
    arena_init(&config->arena, ARENA_BYTES_MAX);
    for (uint32_t option = 0; option < config_option_count(); option++) {
        const struct option_row *row = &rows[option];

        if (is_number(row))
            *number_field(config, row) = row->number;
        else if (row->kind != OPTION_LIMIT)
            *text_field(config, row) = row->text;
    }
}

void config_fini(struct config *config)
{
    arena_fini(&config->arena);
}

void config_read(struct config *config, int argc, char **argv)
{
    config_read_flags(config, argc, argv);
    if (config->file != NULL)
        config_read_file(config, config->file);
    for (uint32_t i = 0; i < config->flag_count; i++) {
        const struct config_flag *flag = &config->flags[i];
        const char *where = arena_printf(&config->arena, "--%s", rows[flag->option].name);

        config_set(config, flag->option, where == NULL ? "flag" : where, flag->value);
    }
}

void config_set(struct config *config, uint32_t option, const char *where, const char *value)
{
    const struct option_row *row = &rows[option];
    char *copy = arena_text(&config->arena, slice_text(value));

    if (copy == NULL || strlen(value) > CONFIG_VALUE_MAX) {
        config_error(config, where, "%s: longer than %u characters", row->name, CONFIG_VALUE_MAX);
        return;
    }
    if (is_number(row)) {
        if (take_number(row, value, number_field(config, row)) != ERR_OK) {
            config_error(config, where, "%s: '%s' is not %s from %" PRIu64 " to %" PRIu64,
                         row->name, value,
                         row->kind == OPTION_SIZE ? "a size (1024, 64K, 16M, 1G)" : "a number",
                         row->min, row->max);
            return;
        }
    } else if (row->kind == OPTION_LIMIT) {
        if (!limit_parse(row->limit, value, &config->limits.of[row->limit])) {
            config_error(config, where, "%s: '%s' is not 'unlimited', nor %s from 1 to %" PRIu32,
                         row->name, value,
                         limit_row(row->limit)->kind == LIMIT_SIZE
                             ? "a size (1024, 64K, 16M, 1G)" : "a number",
                         limit_row(row->limit)->most);
            return;
        }
    } else if (row->kind == OPTION_CHOICE && !take_choice(row, value)) {
        config_error(config, where, "%s: '%s' is none of %s", row->name, value, row->values);
        return;
    } else {
        *text_field(config, row) = copy;
    }
    config->given_in[option] = where;
}

/* What is wrong, behind where it stands; a flag's name is not said twice. */
static void set_at(struct reason *reason, const char *where, const char *text)
{
    const char *flag = strncmp(where, "--", 2) == 0 ? where + 2 : NULL;
    size_t len = flag == NULL ? 0 : strlen(flag);

    if (flag != NULL && strncmp(text, flag, len) == 0 && strncmp(text + len, ": ", 2) == 0)
        text += len + 2;
    reason_set(reason, "%s: %s", where, text);
}

void config_error(struct config *config, const char *where, const char *format, ...)
{
    char text[REASON_BYTES_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (config->error_count < CONFIG_ERRORS_MAX)
        set_at(&config->errors[config->error_count], where, text);
    config->error_count++;
}

void config_print_errors(const struct config *config, FILE *to)
{
    for (uint32_t i = 0; i < config->error_count && i < CONFIG_ERRORS_MAX; i++)
        fprintf(to, "braidd: %s\n", config->errors[i].text);
    if (config->error_count > CONFIG_ERRORS_MAX)
        fprintf(to, "braidd: and %u more\n", config->error_count - CONFIG_ERRORS_MAX);
}

void config_warn(struct config *config, const char *where, const char *format, ...)
{
    char text[REASON_BYTES_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (config->warning_count < CONFIG_WARNINGS_MAX)
        set_at(&config->warnings[config->warning_count++], where, text);
}

void config_print_warnings(const struct config *config, FILE *to)
{
    for (uint32_t i = 0; i < config->warning_count; i++)
        fprintf(to, "braidd: warning: %s\n", config->warnings[i].text);
}

void config_print(const struct config *config, FILE *to)
{
    for (uint32_t option = 0; option < config_option_count(); option++) {
        const struct option_row *row = &rows[option];
        const char *field = (const char *)config + row->at;

        fprintf(to, "# %s\n", row->help);
        if (row->kind == OPTION_LIMIT)
            print_limit(config, row->limit, to);
        else if (is_number(row))
            fprintf(to, "%s = %" PRIu64 "\n", row->name, *(const uint64_t *)(const void *)field);
        else
            fprintf(to, "%s = %s\n", row->name, *(const char *const *)(const void *)field);
    }
}

static void print_limit(const struct config *config, enum limit limit, FILE *to)
{
    if (limit_is_off(config->limits.of[limit]))
        fprintf(to, "%s = unlimited\n", limit_row(limit)->name);
    else
        fprintf(to, "%s = %" PRIu32 "\n", limit_row(limit)->name, config->limits.of[limit]);
}

/* ---- fields and values ---- */

static const char **text_field(struct config *config, const struct option_row *row)
{
    return (const char **)(void *)((char *)config + row->at);
}

static uint64_t *number_field(struct config *config, const struct option_row *row)
{
    return (uint64_t *)(void *)((char *)config + row->at);
}

static bool is_number(const struct option_row *row)
{
    return row->kind == OPTION_NUMBER || row->kind == OPTION_SIZE;
}

static enum err take_number(const struct option_row *row, const char *value, uint64_t *ret)
{
    static const char suffixes[] = "KMGT";
    uint64_t number = 0;
    const char *at = value;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return ERR_INVALID;
    if (at == value)
        return ERR_INVALID;
    if (*at != 0 && row->kind == OPTION_SIZE) {
        const char *suffix = strchr(suffixes, *at++);

        if (suffix == NULL ||
            __builtin_mul_overflow(number, UINT64_C(1) << 10 * (suffix - suffixes + 1), &number))
            return ERR_INVALID;
    }
    if (*at != 0 || number < row->min || number > row->max)
        return ERR_INVALID;
    *ret = number;
    return ERR_OK;
}

static bool take_choice(const struct option_row *row, const char *value)
{
    size_t len = strlen(value);

    for (const char *at = row->values; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, value, len) == 0 && (at[len] == '|' || at[len] == 0))
            return len > 0;
    }
    return false;
}

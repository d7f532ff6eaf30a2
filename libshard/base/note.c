#include "base/note.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"

static const char *const levels[] = { "debug", "info", "warn", "error", "off" };

static size_t print_time(char *text, size_t room, uint64_t ms);
static size_t bounded(int printed, size_t room);
static void file_sink(void *ctx, const char *line, size_t len);

void note_init(struct note *note, enum note_level least, note_time_fn time_ms, void *time_ctx)
{
    *note = (struct note){ .least = least, .time_ms = time_ms, .time_ctx = time_ctx };
}

void note_to_file(struct note *note, FILE *file)
{
    note_to(note, file_sink, file);
}

void note_to(struct note *note, note_sink_fn sink, void *ctx)
{
    note->sink = sink;
    note->sink_ctx = ctx;
}

void note_event(struct note *note, enum note_level level, const char *event, const char *format,
                ...)
{
    char line[NOTE_LINE_BYTES_MAX];
    size_t room = sizeof(line) - 1; /* for the line feed */
    size_t len = 0;
    va_list args;

    if (note == NULL || note->sink == NULL || level < note->least || level >= NOTE_OFF)
        return;

    if (note->time_ms != NULL)
        len = print_time(line, room, note->time_ms(note->time_ctx));
    len += bounded(snprintf(line + len, room - len, "level=%s event=%s ", levels[level], event),
                   room - len);
    va_start(args, format);
    len += bounded(vsnprintf(line + len, room - len, format, args), room - len);
    va_end(args);
    if (line[len - 1] == ' ')
        len--;

    /* An event is one line, whatever a path or a peer's name holds. */
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    }
    line[len++] = '\n';
    note->sink(note->sink_ctx, line, len);
}

enum err note_level_parse(const char *name, enum note_level *ret)
{
    for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(levels[i], name) == 0) {
            *ret = (enum note_level)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

const char *note_quote(struct note_value *room, const char *value)
{
    char *out = room->text;
    char *end = room->text + sizeof(room->text) - 2; /* the closing quote and the end mark */
    bool plain = value[0] != 0;

    for (const char *c = value; *c != 0; c++)
        plain = plain && (unsigned char)*c > 0x20 && *c != '"' && *c != '=' && *c != 0x7f;
    if (!plain)
        *out++ = '"';
    for (const char *c = value; *c != 0 && out + 1 < end; c++) {
        if (*c == '"' || *c == '\\')
            *out++ = '\\';
        *out++ = *c;
    }
    if (!plain)
        *out++ = '"';
    *out = 0;
    return room->text;
}

/* "ts=2026-03-01T12:00:00.123Z " */
static size_t print_time(char *text, size_t room, uint64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL)
        return 0;
    int printed = snprintf(text, room, "ts=%04d-%02d-%02dT%02d:%02d:%02d.%03uZ ", tm.tm_year + 1900,
                           tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                           (unsigned)(ms % 1000));
    return bounded(printed, room);
}

/* How many characters really lie there after snprintf() said `printed`. */
static size_t bounded(int printed, size_t room)
{
    if (printed < 0 || room == 0)
        return 0;
    return (size_t)printed < room ? (size_t)printed : room - 1;
}

static void file_sink(void *ctx, const char *line, size_t len)
{
    FILE *file = ctx;

    /* Nobody can be told that the diagnostics cannot be written. */
    (void)!fwrite(line, 1, len, file);
    fflush(file);
}

#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define BETWEEN_MS 100u

void progress_init(struct progress *progress)
{
    *progress = (struct progress){ .terminal = isatty(STDERR_FILENO) == 1 };
}

void progress_show(struct progress *progress, const char *format, ...)
{
    uint64_t now_ms;
    va_list args;

    if (!progress->terminal || (now_ms = cli_now_ms()) < progress->due_ms)
        return;
    progress->due_ms = now_ms + BETWEEN_MS;
    progress->shown = true;
    fputs("\r\033[K", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fflush(stderr);
}

void progress_step(struct progress *progress, uint64_t passed_ms, const char *format, ...)
{
    char line[PROGRESS_LINE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (progress->terminal) {
        progress_show(progress, "%.1f s, %s", (double)passed_ms / 1000, line);
        return;
    }
    if (passed_ms < progress->line_ms || strcmp(line, progress->line) == 0)
        return;
    progress->line_ms = passed_ms + PROGRESS_LINES_MS;
    memcpy(progress->line, line, sizeof(line));
    fprintf(stderr, "%.1f s, %s\n", (double)passed_ms / 1000, line);
    fflush(stderr);
}

void progress_clear(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
    progress->due_ms = 0;
}

const char *progress_number(uint64_t number, char text[NUMBER_TEXT_MAX])
{
    char digits[NUMBER_TEXT_MAX];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    char *out = text;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

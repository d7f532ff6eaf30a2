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

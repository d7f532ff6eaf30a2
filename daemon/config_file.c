/* The file: lines "name = value", read by inih, which does not tell its handler
 * the line's number: hence a reader of our own that counts. */
#include <errno.h>
#include <ini.h>
#include <string.h>

#include "config_private.h"

struct file {
    struct config *config;
    const char *path;
    FILE *stream;
    uint32_t line;
};

static char *read_line(char *to, int room, void *ctx);
static int on_line(void *ctx, const char *section, const char *name, const char *value);
static const char *place(const struct file *file);

void config_read_file(struct config *config, const char *path)
{
    struct file file = { .config = config, .path = path, .stream = fopen(path, "re") };

    if (file.stream == NULL) {
        config_error(config, path, "%s", strerror(errno));
        return;
    }
    if (ini_parse_stream(read_line, &file, on_line, &file) > 0 && config->error_count == 0)
        config_error(config, path, "a line that is not 'name = value'");
    if (ferror(file.stream) != 0)
        config_error(config, path, "cannot be read");
    fclose(file.stream);
}

static char *read_line(char *to, int room, void *ctx)
{
    struct file *file = ctx;
    size_t len;

    if (fgets(to, room, file->stream) == NULL)
        return NULL;
    file->line++;
    len = strlen(to);
    if (len > 0 && to[len - 1] != '\n' && feof(file->stream) == 0) {
        config_error(file->config, place(file), "longer than %d characters", room - 2);
        for (int c = 0; c != EOF && c != '\n';)
            c = fgetc(file->stream);
        to[0] = '\n';
        to[1] = 0;
        return to;
    }
    /* A line that says nothing in inih's eyes must not pass in silence; nor may a section, which is
     * nothing to it until a value follows. */
    char *text = to + strspn(to, " \t\r\n");
    bool section = *text == '[';
    if (section)
        config_error(file->config, place(file), "%.*s: there are no sections; remove this line",
                     (int)strcspn(text, "\r\n"), text);
    else if (*text != 0 && *text != '#' && *text != ';' && strpbrk(text, "=:") == NULL)
        config_error(file->config, place(file), "not 'name = value'");
    else
        return to;
    to[0] = '\n';
    to[1] = 0;
    return to;
}

static int on_line(void *ctx, const char *section, const char *name, const char *value)
{
    struct file *file = ctx;
    uint32_t option = config_option_find(name);
    const char *where = place(file);

    if (option == config_option_count())
        config_error(file->config, where, "%s: there is no such option", name);
    else if (file->config->given_in[option] != NULL)
        config_error(file->config, where, "%s: given before, at %s", name,
                     file->config->given_in[option]);
    else
        config_set(file->config, option, where, value);
    return 1;
}

static const char *place(const struct file *file)
{
    const char *text = arena_printf(&file->config->arena, "%s:%u", file->path, file->line);
    return text == NULL ? file->path : text;
}

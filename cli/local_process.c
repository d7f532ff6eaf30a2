#include "local_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

#define COMMAND_LINE_BYTES_MAX 65536u
#define TAIL_BYTES_MAX 8192u
#define LOOK_MS 20u
#define STARTED_LOOKS 100

extern char **environ;

enum err process_braidd(char *path, size_t room, struct reason *reason)
{
    static const char *const beside[] = { "/braidd", "/../daemon/braidd", "/../libexec/braidd" };
    char own[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
    const char *list = getenv("PATH");

    if (len > 0) {
        own[len] = '\0';
        *strrchr(own, '/') = '\0';
        for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
            snprintf(path, room, "%s%s", own, beside[i]);
            if (access(path, X_OK) == 0)
                return ERR_OK;
        }
    }
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t part = strcspn(at, ":");
        snprintf(path, room, "%.*s/braidd", (int)part, at);
        if (part > 0 && access(path, X_OK) == 0)
            return ERR_OK;
        at += part + (at[part] == ':');
    }
    reason_set(reason, "the program braidd is neither beside %s nor in PATH",
               len > 0 ? own : "braid");
    return ERR_NOT_FOUND;
}

static enum err write_pid(const char *path, int pid, struct reason *reason)
{
    FILE *out = fopen(path, "w");

    if (out != NULL)
        fprintf(out, "%d\n", pid);
    if (out != NULL && fclose(out) == 0)
        return ERR_OK;
    reason_set(reason, "write %s: %s", path, strerror(errno));
    return ERR_IO;
}

bool process_is_ours(const char *text, size_t len, const char *config)
{
    bool named = false;

    for (size_t at = 0; at < len;) {
        size_t word = strnlen(text + at, len - at);
        if (named && word == strlen(config) && memcmp(text + at, config, word) == 0)
            return true;
        named = word == strlen("--config") && memcmp(text + at, "--config", word) == 0;
        at += word + 1;
    }
    return false;
}

static bool lives(int pid, const char *config)
{
    char path[64];
    char *text = malloc(COMMAND_LINE_BYTES_MAX);
    bool ours = false;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    FILE *in = text == NULL ? NULL : fopen(path, "r");
    if (in != NULL) {
        /* A process that ended and that nobody has waited for has an empty command line. */
        size_t len = fread(text, 1, COMMAND_LINE_BYTES_MAX, in);
        ours = process_is_ours(text, len, config);
        fclose(in);
    }
    free(text);
    return ours;
}

enum err process_start(const char *program, const char *config, const char *log,
                       const char *pid_file, int *pid, struct reason *reason)
{
    char *argv[] = { strdup(program), strdup("--config"), strdup(config), NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    pid_t child = 0;
    int failed = ENOMEM;

    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    if (argv[0] != NULL && argv[1] != NULL && argv[2] != NULL) {
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
        posix_spawn_file_actions_adddup2(&files, 1, 2);
        failed = posix_spawn(&child, program, &files, &attributes, argv, environ);
    }
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    for (size_t i = 0; i < 3; i++)
        free(argv[i]);
    if (failed != 0) {
        reason_set(reason, "start %s: %s", program, strerror(failed));
        return ERR_IO;
    }
    *pid = child;

    /* The kernel shows a command line only a moment after the program has been loaded; one that has
     * ended by now has none, which process_ended() says. */
    for (int i = 0; i < STARTED_LOOKS && !lives(child, config); i++)
        cli_pause_ms(1);
    return write_pid(pid_file, child, reason);
}

int process_find(const char *pid_file, const char *config)
{
    int pid = 0;
    FILE *in = fopen(pid_file, "r");

    if (in == NULL)
        return 0;
    if (fscanf(in, "%d", &pid) != 1 || pid <= 1)
        pid = 0;
    fclose(in);
    return pid != 0 && lives(pid, config) ? pid : 0;
}

/* Whether the process still holds something: ports and locks go only with its last thread, well
 * after its command line.  What nobody waits for stays as an empty shell ('Z') for ever. */
static bool holds(int pid)
{
    char path[64], text[512], state = 'X';
    long threads = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return false;
    size_t len = fread(text, 1, sizeof(text) - 1, in);
    fclose(in);
    text[len] = '\0';
    const char *name_end = strrchr(text, ')'); /* the name may hold anything */
    if (name_end == NULL || sscanf(name_end + 1,
                                   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u "
                                   "%*u %*d %*d %*d %*d %ld",
                                   &state, &threads) != 2)
        return false;
    return (state != 'Z' && state != 'X') || threads > 1;
}

bool process_await_end(int pid, const char *config, uint32_t timeout_ms)
{
    uint64_t end_ms = cli_now_ms() + timeout_ms;

    while (lives(pid, config) || holds(pid)) {
        if (cli_now_ms() >= end_ms)
            return false;
        cli_pause_ms(LOOK_MS);
    }
    return true;
}

bool process_ended(int pid, char *how, size_t room)
{
    int status;

    if (waitpid(pid, &status, WNOHANG) != pid)
        return false;
    if (WIFSIGNALED(status))
        snprintf(how, room, "ended by signal %d", WTERMSIG(status));
    else
        snprintf(how, room, "ended with exit code %d", WEXITSTATUS(status));
    return true;
}

void process_print_tail(const char *path, unsigned lines, const char *prefix, FILE *out)
{
    char text[TAIL_BYTES_MAX + 1];
    FILE *in = fopen(path, "r");

    if (in == NULL)
        return;
    if (fseek(in, -(long)TAIL_BYTES_MAX, SEEK_END) != 0)
        rewind(in);
    size_t len = fread(text, 1, TAIL_BYTES_MAX, in);
    fclose(in);
    text[len] = '\0';
    if (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';

    char *at = text + len;
    while (at > text && lines > 0) {
        at--;
        if (*at == '\n' && --lines == 0) {
            at++;
            break;
        }
    }
    for (char *line; (line = strsep(&at, "\n")) != NULL;)
        fprintf(out, "%s%s\n", prefix, line);
}

/* local_process.h - a daemon that outlives the command that started it.
 *
 * A pid file alone proves nothing: the number may belong to another program by
 * now.  So a process counts as ours only if its command line names our
 * configuration file ("--config FILE").
 */
#ifndef CLI_LOCAL_PROCESS_H
#define CLI_LOCAL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* The path of `braidd`: beside this program, else beside it in the build folder, else from PATH.
 * ERR_NOT_FOUND. */
MUST_CHECK enum err process_braidd(char *path, size_t room, struct reason *reason);

/* Runs `program --config CONFIG` in a session of its own, its output at the end of `log`, and
 * writes the pid file.  ERR_IO: the reason says why. */
MUST_CHECK enum err process_start(const char *program, const char *config, const char *log,
                                  const char *pid_file, int *pid, struct reason *reason);

/* The process that the pid file names if it lives and is ours, else 0. */
int process_find(const char *pid_file, const char *config);

/* Whether the command line `text`, `len` bytes with an end mark behind each word, has the word
 * `config` behind "--config". */
bool process_is_ours(const char *text, size_t len, const char *config);

/* Waits until the process is gone; false when `timeout_ms` passed first. */
bool process_await_end(int pid, const char *config, uint32_t timeout_ms);

/* True when a child has ended; `how` says how in a few words. */
bool process_ended(int pid, char *how, size_t room);

/* Prints the last lines of a file, each with `prefix` before it. */
void process_print_tail(const char *path, unsigned lines, const char *prefix, FILE *out);

#endif

/* open_files.h - how many files the process may open, and how many of them clients get.
 *
 * A connection is an open file, and so is a segment of the log or a file of the
 * tables: if clients took them all, the node could not go on writing.
 *
 * Start of the process only.
 */
#ifndef OPEN_FILES_H
#define OPEN_FILES_H

#include <stdint.h>

/* Raises what the process may open to what it may raise it to; returns that. */
uint64_t open_files_raise(void);

/* How many of `wanted` connections a process with `files` can serve: it keeps OPEN_FILES_OWN for
 * itself, or half of them when that is less. */
uint32_t open_files_connections(uint64_t files, uint64_t wanted);

#endif

/* real.h - how the daemon makes its world: clock, workers and disk on libuv.
 *
 * Whoever builds a process includes this and env_real_dep; all others see the
 * contracts only (clock.h, timer.h, work.h, disk.h, random.h).
 *
 *     new/open  ->  uv_run() ... uv_stop()  ->  free/close  ->  uv_run() once more
 *
 * Everything here is called by the thread that runs the loop, and calls back on
 * it.  uv.h ends handles in the loop: free and close give memory back only when
 * the loop runs once more.  Clock and disk keep their loop alive until then.
 */
#ifndef ENV_REAL_H
#define ENV_REAL_H

#include "base/err.h"
#include "base/note.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/work.h"

struct uv_loop_s;

/* The loop's clock: one per loop.  NULL when there is no memory. */
struct clock *clock_uv_new(struct uv_loop_s *loop);

/* Timers that run are stopped, deferred calls are dropped. */
void clock_uv_free(struct clock *clock);

/* Workers on libuv's threads, WORK_RUNNING_MAX jobs at once.  NULL when there is no memory. */
struct work_pool *work_uv_new(struct uv_loop_s *loop);

/* No job may be under way or wait. */
void work_uv_free(struct work_pool *pool);

/* Blocking.  Opens the data directory `path`, makes it if its parent exists, removes files that
 * were half made and starts the thread that writes.  Says in a note when the file system refuses
 * O_DIRECT: then all goes through the page cache, with fdatasync.
 *
 * ERR_BUSY        another process has it open
 * ERR_NO_SPACE    not even a block can be written
 * ERR_IO          anything else, for example no permission; the reason says it
 * ERR_NO_MEMORY */
MUST_CHECK enum err disk_posix_open(const char *path, struct uv_loop_s *loop, struct note *note,
                                    struct disk **ret, struct reason *reason);

/* All files are closed and no request is under way. */
void disk_posix_close(struct disk *disk);

#endif

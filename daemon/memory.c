/* memory.c - the process's memory: jemalloc in place of the C library's.
 *
 * A node has entries of thousands of sizes, for seconds, of many groups: glibc's allocator walks
 * through the free pieces that they leave, for milliseconds where a group closes or opens, and its
 * heap hardly shrinks (docs/performance.md).  Not under sanitizers, which have their own.
 */

/* Read by jemalloc at its start (its manual, "TUNING").  Freed memory is the system's again after
 * some seconds, also when a node has fallen idle, which by default the next call would see to.  Few
 * arenas: one thread does nearly all. */
extern const char *malloc_conf __attribute__((visibility("default")));
const char *malloc_conf = "narenas:2,background_thread:true,dirty_decay_ms:3000,muzzy_decay_ms:0";

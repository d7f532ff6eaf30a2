/* ensure.h - assertions that are always on.
 *
 * A broken promise of our own code stops the process: a node that is wrong
 * about itself must not go on acknowledging records.  Never for input from
 * outside, which gets an `enum err`.
 */
#ifndef BASE_ENSURE_H
#define BASE_ENSURE_H

#define ensure(condition)                                                                          \
    ((condition) ? (void)0 : ensure_failed(#condition, __FILE__, __LINE__, __func__))

/* Writes one line to standard error and aborts. */
__attribute__((noreturn, cold)) void ensure_failed(const char *condition, const char *file,
                                                   int line, const char *function);

#endif

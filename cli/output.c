#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void at_end(int status, void *ctx);

/* A socket must not get the number of a stream that whoever started us has closed: what is printed
 * would go to a node.  Opened for the wrong direction, the stream fails as a closed one does. */
static void hold_standard_streams(void)
{
    static const int directions[] = { O_WRONLY, O_RDONLY, O_RDONLY };

    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", directions[fd]) < 0)
            _exit(OUTCOME_FAILED); /* and nowhere to say so */
    }
}

void output_watch(struct cli *cli)
{
    hold_standard_streams();
    if (on_exit(at_end, cli) != 0)
        abort();
}

enum outcome output_flush(struct cli *cli)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return OUTCOME_OK;
    if (cli->output_errno == 0)
        cli->output_errno = errno;
    return OUTCOME_OUTPUT;
}

/* So a shell sees what it sees of every program whose reader has gone, even where SIGPIPE was
 * ignored when this one was started. */
static void end_as_sigpipe(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(SIGPIPE);
}

static void at_end(int status, void *ctx)
{
    struct cli *cli = ctx;
    enum outcome outcome = output_flush(cli);

    if (fclose(stdout) != 0 && outcome == OUTCOME_OK) {
        cli->output_errno = errno; /* some file systems say only here that the disk is full */
        outcome = OUTCOME_OUTPUT;
    }
    if (outcome == OUTCOME_OK)
        return;
    if (cli->output_errno == EPIPE)
        end_as_sigpipe();
    fprintf(stderr, "%s: write standard output: %s; what was printed is not whole\n", cli->verb,
            strerror(cli->output_errno));
    _exit(status == OUTCOME_OK ? (int)outcome : status);
}

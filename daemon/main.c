/* main.c - arguments, signals, exit status; nothing else. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "config.h"
#include "node.h"
#include "process.h"

struct signals {
    struct node *node;
    uv_signal_t handles[2];
    bool stopping;
};

static enum node_status print_checked(struct config *config);
static void signals_listen(struct signals *signals);
static void signals_close(struct signals *signals);
static void on_signal(uv_signal_t *handle, int number);

int main(int argc, char **argv)
{
    struct config config;
    struct node *node = NULL;
    struct reason reason = { .text = "" };
    enum node_status status;

    config_init(&config);
    config_read(&config, argc, argv);
    if (config_check(&config) != ERR_OK) {
        config_print_errors(&config, stderr);
        config_fini(&config);
        return NODE_BAD_CONFIG;
    }
    if (config.check_only)
        return print_checked(&config);
    (void)signal(SIGPIPE, SIG_IGN);
    status = node_open(&node, &config, &reason);
    if (status != NODE_STOPPED)
        node_abandon(node, status, &reason);

    struct signals signals = { .node = node };
    signals_listen(&signals);
    node_run(node);
    signals_close(&signals);
    node_run(node); /* for the handles' last words */
    node_free(node);
    config_fini(&config);
    return NODE_STOPPED;
}

/* --check-config of a configuration that is right. */
static enum node_status print_checked(struct config *config)
{
    config_print_warnings(config, stderr);
    config_print(config, stdout);
    config_fini(config);
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return NODE_STOPPED;
    fprintf(stderr, "braidd: write standard output: %s\n", strerror(errno));
    return NODE_FAILED;
}

static void signals_listen(struct signals *signals)
{
    static const int numbers[2] = { SIGTERM, SIGINT };

    for (int i = 0; i < 2; i++) {
        uv_signal_init(node_loop(signals->node), &signals->handles[i]);
        signals->handles[i].data = signals;
        uv_signal_start(&signals->handles[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&signals->handles[i]);
    }
}

static void signals_close(struct signals *signals)
{
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&signals->handles[i], NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;

    if (signals->stopping) {
        struct reason reason;
        reason_set(&reason, "asked twice to stop: stopping at once");
        node_abandon(signals->node, NODE_FAILED, &reason);
    }
    signals->stopping = true;
    node_stop(signals->node);
}

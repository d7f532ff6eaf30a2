#include "auth/keyring.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "base/list.h"
#include "env/timer.h"

struct keyring {
    struct keyring_world world;
    const char *path;
    struct credentials *credentials;
    uint64_t version;
    struct credentials_stamp read; /* of the file that was read, or refused, last */
    struct timer timer;
    struct gauge *keys, *file_refused;
    struct counter *reads, *refused;
    /* the look that is under way */
    struct work work;
    bool working;
    struct credentials_stamp seen; /* at the last look */
    bool due;                      /* the file was read, with what follows: */
    struct credentials *fresh;     /* NULL: it was refused */
    struct reason reason;
    /* closing */
    keyring_cb on_closed;
    void *ctx;
    struct defer closed;
};

static void look(struct timer *timer);
static void look_run(struct work *work);
static void look_on_done(struct work *work);
static void take(struct keyring *keyring);

static void metrics_register(struct keyring *keyring, struct metrics *metrics)
{
    static const char reads[] = "braid_auth_file_reads_total";
    static const char help[] = "Readings of the file of credentials, by outcome.";

    keyring->keys = metrics_gauge(metrics, "braid_auth_keys", "Access keys that count now.", NULL);
    keyring->file_refused = metrics_gauge(
        metrics, "braid_auth_file_refused",
        "1 while the file of credentials is broken and the keys before it count.", NULL);
    keyring->reads = metrics_counter(metrics, reads, help, "outcome=\"ok\"");
    keyring->refused = metrics_counter(metrics, reads, help, "outcome=\"refused\"");
}

enum err keyring_open(struct keyring **ret, const char *path, const struct keyring_world *world,
                      struct reason *reason)
{
    struct keyring *keyring = calloc(1, sizeof(*keyring));

    if (keyring == NULL)
        return ERR_NO_MEMORY;
    keyring->world = *world;
    keyring->path = path;
    enum err err = credentials_read(path, &keyring->fresh, &keyring->read, reason);
    if (err != ERR_OK) {
        free(keyring);
        return err;
    }
    keyring->seen = keyring->read;
    metrics_register(keyring, world->metrics);
    take(keyring);
    timer_start(world->clock, &keyring->timer, CREDENTIALS_LOOK_MS, look);
    *ret = keyring;
    return ERR_OK;
}

static void finish_close(struct defer *defer)
{
    struct keyring *keyring = container_of(defer, struct keyring, closed);
    keyring_cb cb = keyring->on_closed;
    void *ctx = keyring->ctx;

    credentials_free(keyring->fresh);
    credentials_free(keyring->credentials);
    free(keyring);
    cb(ctx);
}

void keyring_close(struct keyring *keyring, keyring_cb cb, void *ctx)
{
    ensure(keyring->on_closed == NULL);
    timer_stop(&keyring->timer);
    keyring->on_closed = cb;
    keyring->ctx = ctx;
    if (!keyring->working)
        defer_run(keyring->world.clock, &keyring->closed, finish_close);
}

/* ---- looks ---- */

static void look(struct timer *timer)
{
    struct keyring *keyring = container_of(timer, struct keyring, timer);

    keyring->working = true;
    work_start(keyring->world.work, &keyring->work, look_run, look_on_done);
}

/* Another thread; the loop touches none of these meanwhile. */
static void look_run(struct work *work)
{
    struct keyring *keyring = container_of(work, struct keyring, work);
    struct credentials_stamp now = credentials_look(keyring->path);
    bool settled = credentials_same(&now, &keyring->seen);

    keyring->seen = now;
    keyring->due = settled && !credentials_same(&now, &keyring->read);
    if (!keyring->due)
        return;
    keyring->read = now; /* of a file that is not there, too */
    keyring->reason = (struct reason){ "" };
    struct credentials_stamp stamp;
    if (credentials_read(keyring->path, &keyring->fresh, &stamp, &keyring->reason) != ERR_OK)
        keyring->fresh = NULL;
    else
        keyring->read = stamp;
}

static void look_on_done(struct work *work)
{
    struct keyring *keyring = container_of(work, struct keyring, work);

    keyring->working = false;
    if (keyring->on_closed != NULL) {
        defer_run(keyring->world.clock, &keyring->closed, finish_close);
        return;
    }
    if (keyring->due)
        take(keyring);
    keyring->due = false;
    timer_start(keyring->world.clock, &keyring->timer, CREDENTIALS_LOOK_MS, look);
}

static void take(struct keyring *keyring)
{
    gauge_set(keyring->file_refused, keyring->fresh == NULL);
    if (keyring->fresh == NULL) {
        counter_add(keyring->refused, 1);
        note_event(keyring->world.note, NOTE_ERROR, "credentials.refused",
                   "why=%s keys=%u text=\"the access keys that were read before still count; "
                   "correct the file, it is read again when it changes\"",
                   NOTE_QUOTED(keyring->reason.text), keyring_count(keyring));
        return;
    }
    counter_add(keyring->reads, 1);
    credentials_free(keyring->credentials);
    keyring->credentials = keyring->fresh;
    keyring->fresh = NULL;
    keyring->version++;
    gauge_set(keyring->keys, keyring_count(keyring));
    note_event(keyring->world.note, NOTE_INFO, "credentials.read", "file=%s keys=%u",
               NOTE_QUOTED(keyring->path), keyring_count(keyring));
}

/* ---- keys ---- */

const struct credential *keyring_find(const struct keyring *keyring, struct slice key_id)
{
    return credentials_find(keyring->credentials, key_id);
}

uint32_t keyring_count(const struct keyring *keyring)
{
    return credentials_count(keyring->credentials);
}

uint64_t keyring_version(const struct keyring *keyring)
{
    return keyring->version;
}

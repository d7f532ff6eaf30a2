/* The short way of a small write: the loop hands it to the kernel itself and hears of its end by
 * the event that the writing thread uses too.  That saves waking the thread, a quarter of what a
 * lone write takes (docs/adr/0007-a-lone-write-needs-no-thread.md).
 *
 * io_submit() must not hold up the loop.  It can, when the file system has to wait before it has
 * passed the write on (its journal waits for a disk that hangs, or it knows no asynchronous writes
 * and does them in the call).  So only a disk that has just answered is trusted, with one small
 * write at a time, and one call that took long sends all writes to the thread for a while. */
#include <errno.h>
#include <libaio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "env/disk_posix_private.h"

#define AIO_BYTES_MAX (64u * 1024u) /* more is copied and mapped for longer than a thread wakes */
#define AIO_TRUST_NS 1000000000u /* how long an answer of the disk counts */
#define AIO_SUBMIT_NS_MAX 5000000u /* a call that takes longer has waited for something */
#define AIO_DISTRUST_NS 1000000000u /* and then the thread writes for this long */

struct disk_aio {
    io_context_t context;
    struct iocb iocb;
    struct disk_io *flying; /* with the kernel; NULL: none */
    uint64_t from_ns;       /* trusted from then */
    uint64_t until_ns;      /* until then */
};

void disk_aio_open(struct disk *disk)
{
    struct disk_aio *aio = disk->direct ? calloc(1, sizeof(*aio)) : NULL;

    if (aio != NULL && io_setup(1, &aio->context) != 0) { /* fs.aio-max-nr; then the thread */
        free(aio);
        aio = NULL;
    }
    disk->aio = aio;
}

void disk_aio_close(struct disk *disk)
{
    if (disk->aio == NULL)
        return;
    ensure(disk->aio->flying == NULL);
    ensure(io_destroy(disk->aio->context) == 0);
    free(disk->aio);
    disk->aio = NULL;
}

void disk_aio_trust(struct disk *disk)
{
    if (disk->aio != NULL)
        disk->aio->until_ns = uv_hrtime() + AIO_TRUST_NS;
}

bool disk_aio_start(struct disk *disk, struct disk_io *req)
{
    struct disk_aio *aio = disk->aio;
    uint64_t now = uv_hrtime();

    if (aio == NULL || req->len > AIO_BYTES_MAX || now < aio->from_ns || now >= aio->until_ns)
        return false;
    ensure(aio->flying == NULL);

    struct iocb *iocb = &aio->iocb;
    io_prep_pwrite(iocb, req->file->fd, req->bytes, req->len, (long long)req->offset);
    io_set_eventfd(iocb, disk->event_fd);
    int count = io_submit(aio->context, 1, &iocb);
    uint64_t after = uv_hrtime();
    if (count != 1 || after - now > AIO_SUBMIT_NS_MAX)
        aio->from_ns = after + AIO_DISTRUST_NS;
    if (count != 1)
        return false; /* it has not begun; if the disk is at fault, the thread will say so */
    aio->flying = req;
    return true;
}

struct disk_io *disk_aio_take(struct disk *disk, bool *whole)
{
    struct disk_aio *aio = disk->aio;
    struct timespec none = { 0 };
    struct io_event event;

    if (aio == NULL || aio->flying == NULL ||
        io_getevents(aio->context, 0, 1, &event, &none) != 1)
        return NULL;

    struct disk_io *req = aio->flying;
    long written = (long)event.res; /* or the negative errno */
    aio->flying = NULL;
    *whole = written == (long)req->len;
    if (written <= 0) {
        disk_failed_errno(&req->reason, written < 0 ? (int)-written : EIO, "write %s/%s at %llu",
                          disk->path, req->file->name, (unsigned long long)req->offset);
        req->err = ERR_IO;
    }
    return req;
}

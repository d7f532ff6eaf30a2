#include "auth/secret_memory.h"

#include <string.h>
#include <sys/mman.h>

#include "base/ensure.h"

void *secret_memory_new(size_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, bytes, MADV_DONTDUMP); /* as good as it can be had */
    return memory;
}

void secret_memory_free(void *memory, size_t bytes)
{
    if (memory == NULL)
        return;
    explicit_bzero(memory, bytes);
    ensure(munmap(memory, bytes) == 0);
}

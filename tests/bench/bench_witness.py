"""What the machine itself does meanwhile, seen by two processes that have nothing to do with Braid.

    with Witness(folder) as witness:
        witness.begins()
        ...
        print(witness.saw())

One writes 4 KiB to the same place of a file of its own every WRITE_EVERY_S, past the cache and durable, as a
log writes: the longest such write is the disk's own pause. The other one sleeps for SLEEP_S: how much later
it wakes is what a process waits for a processor. All nodes of a benchmark, its clients and these two share one disk
and its processors.
"""

import mmap
import multiprocessing
import os
import time

from bench_cluster import HERE  # noqa: F401  (it makes tests/lib importable)
from braid_cluster import die_with_parent

WRITE_BYTES = 4096
WRITE_EVERY_S = 0.01
SLEEP_S = 0.002


def note(longest, seconds, began):
    with longest.get_lock():
        if seconds > longest[0]:
            longest[0], longest[1] = seconds, began


def write(path, longest):
    die_with_parent()
    block = mmap.mmap(-1, WRITE_BYTES)  # aligned, as O_DIRECT wants it
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_DSYNC, 0o600)
    while True:
        began = time.time()
        os.pwrite(file, block, 0)
        note(longest, time.time() - began, began)
        time.sleep(WRITE_EVERY_S)


def sleep(longest):
    die_with_parent()
    while True:
        began = time.time()
        time.sleep(SLEEP_S)
        note(longest, time.time() - began - SLEEP_S, began)


class Witness:
    def __init__(self, folder):
        self.written, self.slept = (multiprocessing.Array("d", 2) for _ in range(2))
        self.processes = [
            multiprocessing.Process(target=write, args=(os.path.join(folder, "witness"),
                                                        self.written), daemon=True),
            multiprocessing.Process(target=sleep, args=(self.slept,), daemon=True)]

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.join()

    def begins(self):
        for longest in (self.written, self.slept):
            with longest.get_lock():
                longest[0] = longest[1] = 0

    def saw(self):
        return (f"the machine: longest raw write of 4 KiB {told(self.written)}, longest wait for a"
                f" processor {told(self.slept)}")


def told(longest):
    with longest.get_lock():
        seconds, began = longest
    return (f"{1000 * seconds:.0f} ms, from {time.strftime('%T', time.gmtime(began))}"
            f".{int(began % 1 * 1000):03} on")

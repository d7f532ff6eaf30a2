"""Writers that go on while something happens to a cluster, and what they see of it.

    with Foreground(cluster, stream, shards, names) as writers:
        normal = writers.watch(lambda: time.sleep(10))     a Seen: p50_ms, p99_ms, worst_ms, gap_ms
        during = writers.watch(lambda: ...)

They run in a thread of their own: one record of 1 KiB after the other, with pauses, each to one shard,
WRITERS_MAX of the stream's or as many as is said, through the named nodes, which must stay.
"""

import threading
import time
from typing import NamedTuple

from bench_writer import Crowd, Writer

WRITERS_MAX = 16
AGAIN_S = 0.005  # after a refusal


class Gap(NamedTuple):
    """Between two acknowledgements of a writer."""
    seconds: float
    began: float  # by time.monotonic()
    shard: int


class Steady(Writer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.last = None  # when it was acknowledged last
        self.gap = Gap(0.0, 0.0, self.shard)
        self.first_sent = None  # of the record that is under way, refusals included

    def send(self, now):
        if self.first_sent is None:
            self.first_sent = now
        super().send(now)

    def acknowledged(self, _, now):
        self.crowd.times.append(now - self.first_sent)
        self.waits_until(now)
        self.first_sent, self.last = None, now

    def waits_until(self, now):
        if self.last is not None:
            self.gap = max(self.gap, Gap(now - self.last, self.last, self.shard))

    def refused(self, now):
        self.due = now + AGAIN_S

    def hung_up(self, _):
        raise RuntimeError(f"a node that stays hung up on the writer of shard {self.shard}")


class Moving(Steady):
    """Its hash key's shard may be split or merged meanwhile."""

    def check_shard(self, body):
        if b'"shardId-' not in body:
            raise RuntimeError(f"a shard expected: {body}")


class Seen:
    def __init__(self, times, gaps, refusals):
        times = sorted(times)
        self.puts, self.refusals = len(times), refusals
        self.p50_ms = times[len(times) // 2] * 1000
        self.p99_ms = times[len(times) * 99 // 100] * 1000
        self.worst_ms = times[-1] * 1000
        self.gaps = sorted(gaps)  # the longest of each writer
        self.gap_ms = self.gaps[-1].seconds * 1000

    def __str__(self):
        return (f"p50 {self.p50_ms:.1f}, p99 {self.p99_ms:.1f}, worst {self.worst_ms:.0f} ms of"
                f" {self.puts} puts, {self.refusals} refused; longest gap {self.gap_ms:.0f} ms")


class Foreground(Crowd):
    def __init__(self, cluster, stream, shards, names, pause_s=0.02, record_bytes=1024,
                 kind=Steady, writers_max=WRITERS_MAX):
        super().__init__(pause_s)
        count = min(writers_max, shards)
        self.writers = [kind(self, stream, i * shards // count, shards, record_bytes)
                        for i in range(count)]
        self.addresses = [cluster.host_port(name) for name in names]
        self.times = []
        self.over = threading.Event()
        self.fault = None
        self.thread = threading.Thread(target=self.go)

    def __enter__(self):
        for i, writer in enumerate(self.writers):
            writer.connect(self.addresses[i % len(self.addresses)])
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for writer in self.writers:
            writer.close()

    def go(self):
        try:
            self.run(float("inf"), self.over.is_set)
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = fault

    def watch(self, action):
        """What the writers see until `action` returns."""
        refusals = sum(writer.refusals for writer in self.writers)
        self.times = []
        for writer in self.writers:
            writer.gap = Gap(0.0, 0.0, writer.shard)
        action()
        time.sleep(0.2)
        if self.fault is not None:
            raise self.fault
        for writer in self.writers:
            writer.waits_until(time.monotonic())  # one that still waits counts as well
        return Seen(list(self.times), [writer.gap for writer in self.writers],
                    sum(writer.refusals for writer in self.writers) - refusals)


__all__ = ["Foreground", "Moving"]

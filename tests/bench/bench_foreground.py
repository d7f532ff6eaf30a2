"""Writers that go on while something happens to a cluster, and what they see of it.

    with Foreground(cluster, stream, shards, names) as writers:
        normal = writers.watch(lambda: time.sleep(10))     a Seen: p50_ms, p99_ms, worst_ms, gap_ms
        during = writers.watch(lambda: ...)

They run in a process of their own, which does nothing else: one record of 1 KiB after the other, with pauses, each to
one shard, WRITERS_MAX of the stream's or as many as is said, through the named nodes, which must stay. How long that
process itself did not come to look at its connections is said too: all writers then seem to wait.
"""

import array
import multiprocessing
import time
from typing import NamedTuple

from bench_writer import Crowd, Writer
from braid_cluster import die_with_parent

WRITERS_MAX = 16
AGAIN_S = 0.005  # after a refusal
LINGER_S = 0.2   # behind what is watched: what is under way comes to its end
ANSWER_S = 60


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

    def begin(self, now):
        self.gap = Gap(0.0, 0.0, self.shard)
        self.last = now

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
    def __init__(self, times, gaps, refusals, turn_s):
        times = sorted(times)
        self.puts, self.refusals = len(times), refusals
        self.p50_ms = times[len(times) // 2] * 1000
        self.p99_ms = times[len(times) * 99 // 100] * 1000
        self.worst_ms = times[-1] * 1000
        self.gaps = sorted(gaps)  # the longest of each writer
        self.gap_ms = self.gaps[-1].seconds * 1000
        self.turn_ms = turn_s * 1000

    def __str__(self):
        return (f"p50 {self.p50_ms:.1f}, p99 {self.p99_ms:.1f}, worst {self.worst_ms:.0f} ms of"
                f" {self.puts} puts, {self.refusals} refused; longest gap {self.gap_ms:.0f} ms, from"
                f" {self.clock()} on (the writers' process looked every {self.turn_ms:.0f} ms at the"
                f" latest)")

    def clock(self):
        """When the longest gap began, for who looks into the logs."""
        at = time.time() - (time.monotonic() - self.gaps[-1].began)
        return f"{time.strftime('%T', time.gmtime(at))}.{int(at % 1 * 1000):03}"


class Writers(Crowd):
    """In their process. `pipe`: each message begins a watch, or ends one and is answered."""

    def __init__(self, pipe, pause_s, kind, shapes):
        super().__init__(pause_s)
        self.pipe = pipe
        self.writers = [kind(self, *shape) for shape in shapes]
        self.begin(time.monotonic())

    def begin(self, now):
        self.times = array.array("d")
        self.refusals = sum(writer.refusals for writer in self.writers)
        self.turn, self.turn_s = now, 0.0
        for writer in self.writers:
            writer.begin(now)

    def serve(self):
        """True when the other end has gone."""
        now = time.monotonic()
        self.turn, self.turn_s = now, max(self.turn_s, now - self.turn)
        if not self.pipe.poll():
            return False
        try:
            begins = self.pipe.recv()
        except EOFError:
            return True
        for writer in self.writers:
            writer.waits_until(now)  # one that still waits counts as well
        if not begins:
            self.pipe.send((self.times, [tuple(writer.gap) for writer in self.writers],
                            sum(writer.refusals for writer in self.writers) - self.refusals,
                            self.turn_s))
        self.begin(time.monotonic())
        return False


def write(pipe, other, addresses, *arguments):
    die_with_parent()
    other.close()  # its end is the parent's alone: when that goes, this one is to end
    crowd = Writers(pipe, *arguments)
    for i, writer in enumerate(crowd.writers):
        writer.connect(addresses[i % len(addresses)])
    crowd.run(float("inf"), crowd.serve)


class Foreground:
    def __init__(self, cluster, stream, shards, names, pause_s=0.02, record_bytes=1024,
                 kind=Steady, writers_max=WRITERS_MAX):
        count = min(writers_max, shards)
        shapes = [(stream, i * shards // count, shards, record_bytes) for i in range(count)]
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(
            target=write, daemon=True,
            args=(theirs, self.pipe, [cluster.host_port(name) for name in names], pause_s, kind,
                  shapes))
        self.theirs = theirs

    def __enter__(self):
        self.process.start()
        self.theirs.close()
        return self

    def __exit__(self, *_):
        self.pipe.close()
        self.process.join(ANSWER_S)
        self.process.kill()  # another child that was forked since may hold the pipe open

    def watch(self, action):
        """What the writers see until `action` returns."""
        self.pipe.send(True)
        action()
        time.sleep(LINGER_S)
        self.pipe.send(False)
        if not self.pipe.poll(ANSWER_S):
            raise RuntimeError(f"the writers' process does not answer within {ANSWER_S} s")
        times, gaps, refusals, turn_s = self.pipe.recv()
        return Seen(times, [Gap(*gap) for gap in gaps], refusals, turn_s)


__all__ = ["Foreground", "Moving"]

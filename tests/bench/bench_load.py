"""What the benchmarks that move data share: a stream is filled, a node's pages are read, and how fast
it writes is watched.
"""

import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request

from bench_cluster import build_dir

LOOK_S = 0.02
SAMPLE_S = 0.25
RATE_S = 2.0  # the highest rate is taken over so long


def text_of(cluster, path, name):
    url = cluster.nodes[name]["operations"] + path
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def is_ready(cluster, name):
    try:
        text_of(cluster, "/readyz", name)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True


def metric(cluster, name, what):
    return int(re.search(rf"^{what} (\d+)$", text_of(cluster, "/metrics", name), re.M).group(1))


def wait(look, seconds, what):
    began = time.monotonic()
    while not look():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(LOOK_S)
    return time.monotonic() - began


def put_for(cluster, stream, seconds, names):
    """Puts through these nodes; returns bench-http's lines."""
    program = os.path.join(build_dir(), "tests", "bench", "bench-http")
    endpoints = ",".join(cluster.nodes[name]["endpoint"] for name in names)
    result = subprocess.run([program, "--endpoint", endpoints, "--stream", stream, "--seconds",
                             str(seconds), "--connections", "8"],
                            check=True, capture_output=True, text=True)
    return result.stdout


def bytes_on(cluster, name):
    return metric(cluster, name, "braid_log_payload_bytes_total")


def fill(cluster, stream, gigabytes):
    """Until a node has so much."""
    names = list(cluster.nodes)
    began, put = time.monotonic(), 0
    while put < gigabytes * 1e9:
        put_for(cluster, stream, 10, names)
        put = bytes_on(cluster, names[0])
    print(f"filled       {put / 1e9:.1f} GB per node in {time.monotonic() - began:.0f} s",
          flush=True)


class Rates:
    """Samples how much a node has written, until it is stopped."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.samples = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.go)
        self.thread.start()

    def go(self):
        while not self.over.wait(SAMPLE_S):
            try:
                self.samples.append((time.monotonic(), bytes_on(self.cluster, self.name)))
            except (OSError, AttributeError):
                continue  # it is down

    def highest(self):
        """Bytes per second over RATE_S or a little more."""
        self.over.set()
        self.thread.join()
        best, first = 0, 0
        for at, (when, count) in enumerate(self.samples):
            while first < at and when - self.samples[first + 1][0] >= RATE_S:
                first += 1
            since, had = self.samples[first]
            if when - since >= RATE_S:
                best = max(best, (count - had) / (when - since))
        return best


__all__ = ["RATE_S", "Rates", "bytes_on", "fill", "is_ready", "metric", "put_for", "text_of", "wait"]

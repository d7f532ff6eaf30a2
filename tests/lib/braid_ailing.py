"""A node that ails leads nothing: what the tests of full-disk, slow-disk and wrong-clock share."""

import threading
import time

import botocore.exceptions
from braid_cluster import wait_until

STREAM = "river"
AWAY_S = 60  # a checked build on a busy machine; see the limits CONTROL_*_AFTER_MS
BACK_S = 120  # CONTROL_WELL_AFTER_MS, CONTROL_LEADERS_CALM_MS and a few looks


class Writer:
    """Puts records all the while, at these nodes in turn: something must be written to be slow."""

    def __init__(self, cluster, size=100, pause_s=0.02, numbers=(1, 2, 3)):
        self.cluster, self.size, self.pause_s, self.numbers = cluster, size, pause_s, numbers
        self.latencies = []  # (when it began, seconds)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        count = 0
        while not self.ending.wait(self.pause_s):
            began = time.monotonic()
            count += 1
            try:
                self.cluster.client(self.numbers[count % len(self.numbers)]).put_record(
                    StreamName=STREAM, PartitionKey=f"k{count}", Data=bytes(self.size))
                self.latencies.append((began, time.monotonic() - began))
            except botocore.exceptions.ClientError:
                pass  # what an SDK tries again

    def since(self, began):
        return sorted(took for at, took in self.latencies if at >= began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()


def seen(cluster, number):
    """The node as another one sees it."""
    name = cluster[number].name
    return next(node for node in cluster.state(1 if number != 1 else 2)["nodes"]
                if node["name"] == name and not node["replaced"])


def spread(cluster):
    cluster.create_stream(STREAM, shards=6)
    for number in (1, 2, 3):
        wait_until(lambda number=number: seen(cluster, number)["leads"] == 2, 60,
                   f"node {number} leads its shards")


def await_away(cluster, number, what):
    """It says what ails it, everywhere, and leads nothing."""
    node = cluster[number]
    wait_until(lambda: seen(cluster, number)["ails"] == what, AWAY_S, f"it says {what}")
    wait_until(lambda: seen(cluster, number)["leads"] == 0, AWAY_S, "it leads nothing")
    wait_until(lambda: node.metric("braid_leaders") == 0, AWAY_S, "nor the catalogue")
    assert f"event=node.ails what={what}" in node.log_text()


def is_said(status, cluster, number):
    """What `braid cluster status` says meanwhile; not in the moment after an election that nobody
    else could win, before it hands over again."""
    return ("ailing" in status and
            f"{cluster[number].name} is to lead nothing, and leads 0" in status)


def await_back(cluster, number, leads=2):
    wait_until(lambda: seen(cluster, number)["ails"] is None, BACK_S, "it is well")
    wait_until(lambda: seen(cluster, number)["leads"] == leads, BACK_S, "it leads again")

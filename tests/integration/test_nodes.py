"""Nodes come and go: drained, removed, given up when they stay away; nobody who writes notices."""

import json
import threading

import pytest
from braid_cluster import Cluster, run_braid, wait_until
from braid_records import read_stream

SHARDS = 4
MOVED_S = 60
ATTEMPTS = 10  # of a call: a shard takes no puts while its members change


def braid(cluster, *arguments, number=1):
    return run_braid(*arguments, env={"BRAID_OPERATIONS": cluster[number].operations})


def node_of(cluster, number):
    """The node's row in /cluster, as the first node that answers sees it; None: it has none."""
    state = cluster.state()
    rows = [row for row in state["nodes"] if row["name"] == cluster[number].name]
    return rows[0] if rows else None


def members(cluster):
    return [set(shard["replicas"]) for shard in cluster.streams("s")["shards"]]


class Writer:
    """Puts one record after the other, to all shards, and stops at a fault."""

    def __init__(self, cluster, number):
        self.client = cluster.client(number, attempts=ATTEMPTS)
        self.acknowledged, self.failures = [], []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stop.is_set():
            text = f"w/{len(self.acknowledged)}"
            try:
                self.client.put_record(StreamName="s", PartitionKey=text, Data=text.encode())
            except Exception as fault:  # whatever it is, the writer had to notice
                self.failures.append(fault)
                return
            self.acknowledged.append(text)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive(), "a put has neither an answer nor a time-out"

    def check(self, cluster, number):
        assert not self.failures, self.failures
        assert len(self.acknowledged) > SHARDS, "it hardly wrote"
        records = read_stream(cluster.client(number, attempts=ATTEMPTS), "s").values()
        found = {record["Data"].decode() for shard in records for record in shard}
        lost = [text for text in self.acknowledged if text not in found]
        assert not lost, f"{len(lost)} of {len(self.acknowledged)} records are lost: {lost[:5]}"


@pytest.fixture
def four():
    """Four nodes in three zones: node-1 and node-4 stand in one."""
    with Cluster(nodes=4, options={"replication": "3", "replace-after-s": "2"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        yield cluster


def test_a_drained_node_gives_its_shards_away_and_is_removed(four):
    before = members(four)
    assert any("node-4" in shard for shard in before), before
    with Writer(four, 2) as writer:
        wait_until(lambda: len(writer.acknowledged) > 20, 30, "it writes")
        drained = braid(four, "node", "drain", "node-4", "--wait", "--timeout", "60",
                        "--output", "json")
        assert drained.returncode == 0, drained.stderr
        assert json.loads(drained.stdout) == {"node": "node-4", "status": "drained"}
        assert all(shard == {"node-1", "node-2", "node-3"} for shard in members(four))
        assert node_of(four, 4)["draining"]
        four.create_stream("new", shards=SHARDS)
        replicas = [shard["replicas"] for shard in four.streams("new")["shards"]]
        assert not any("node-4" in shard for shard in replicas), replicas

        removed = braid(four, "node", "remove", "node-4", "--wait")
        assert removed.returncode == 0, removed.stderr
        assert four[4].await_end() == 3  # its data directory is not to be used again
        assert "this node was removed from its cluster" in four[4].log_text()
        wait_until(lambda: node_of(four, 4) is None, 10, "its row goes on every node")
    writer.check(four, 1)

    again = braid(four, "node", "drain", "node-4")
    assert again.returncode == 4 and b"no such node" in again.stderr, again.stderr

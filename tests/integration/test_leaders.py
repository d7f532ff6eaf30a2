"""Leaders go back to a node that was away, and nobody who writes meanwhile has to notice."""

import collections
import re
import threading

import pytest
from braid_cluster import Cluster, wait_until
from braid_records import read_stream

SHARDS = 9
BACK_S = 60
ATTEMPTS = 3  # of a call, as boto3 makes them by itself in its standard mode


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        yield cluster


def leading(cluster):
    """How many shards each node leads, by name: {"node-1": 3, ...}."""
    return collections.Counter(shard["leader"] for shard in cluster.streams("s")["shards"])


def is_even(cluster):
    return leading(cluster) == {node.name: SHARDS // 3 for node in cluster.nodes}


def said_moved(text):
    return sum(int(count) for count in re.findall(r"event=leaders.moved count=(\d+)", text))


class Writer:
    """Puts one record after the other, to all shards, at one node."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        self.acknowledged, self.failures, self.retries = [], [], 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stop.is_set():
            text = f"{self.name}/{len(self.acknowledged) + len(self.failures)}"
            try:
                answer = self.client.put_record(StreamName="s", PartitionKey=text,
                                                Data=text.encode())
            except Exception as fault:  # whatever it is, the writer had to notice
                self.failures.append(fault)
                continue
            self.retries += answer["ResponseMetadata"]["RetryAttempts"]
            self.acknowledged.append(text)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(90)
        assert not self.thread.is_alive(), "a put has neither an answer nor a time-out"


def lose_and_start(cluster, number):
    """kill -9; when the others lead all of its shards, it is started again."""
    cluster.kill(number)
    others = {node.name for node in cluster.nodes if node.number != number}
    wait_until(lambda: set(leading(cluster)) == others, 60, "the others lead all shards")
    cluster.start(number)


def check_records(cluster, writers):
    found = [record["Data"].decode() for records in
             read_stream(cluster.client(3, attempts=3), "s").values() for record in records]
    times = collections.Counter(found)
    for writer in writers:
        assert not writer.failures, writer.failures[:5]
        assert len(writer.acknowledged) > SHARDS, "it hardly wrote"
        assert not [text for text in writer.acknowledged if times[text] == 0], "records are lost"


def test_leaders_go_back_to_a_node_that_was_away_while_writers_write(cluster):
    cluster.create_stream("s", shards=SHARDS)
    wait_until(lambda: is_even(cluster), 60, "a new stream is led evenly")
    lose_and_start(cluster, 3)
    with (Writer(cluster.client(1, attempts=ATTEMPTS), "w1") as one,
          Writer(cluster.client(2, attempts=ATTEMPTS), "w2") as two):
        wait_until(lambda: is_even(cluster), BACK_S, "led evenly again")
    moved = sum(cluster[number].metric("braid_leaders_moved_total") for number in (1, 2))
    print(f"{len(one.acknowledged)} and {len(two.acknowledged)} records, {one.retries} and "
          f"{two.retries} attempts more than that, {moved} shards moved")
    assert moved >= SHARDS // 3
    # Each of them says so when it looks again.
    wait_until(lambda: sum(said_moved(cluster[number].log_text()) for number in (1, 2)) == moved,
               10, f"{moved} moves are said")
    check_records(cluster, [one, two])


def test_a_node_that_is_told_not_to_hands_nothing_back():
    with Cluster(nodes=3, options={"balance-leaders": "no"}) as cluster:
        cluster.create_stream("s", shards=SHARDS)
        lose_and_start(cluster, 3)
        cluster.await_ready()
        # Longer than a node has to be up before it is handed anything.
        with pytest.raises(AssertionError, match="not within"):
            wait_until(lambda: "node-3" in leading(cluster), 15, "node-3 leads a shard")

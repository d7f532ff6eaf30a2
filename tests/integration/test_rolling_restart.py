"""All nodes are restarted in turn by SIGTERM, and nobody who writes or reads has to notice.

Clients are given one name for the whole cluster, as a DNS name with an address for each node is:
whoever connects tries one address after the other.  All else is boto3 in its standard mode.
"""

import collections
import re
import socket
import threading
import time

import boto3
import pytest
from botocore.config import Config
from braid_cluster import Cluster, wait_until
from braid_records import iterator, read_stream

SHARDS = 9
ATTEMPTS = 3  # of a call, as boto3 makes them by itself in its standard mode
NAME = "braid.test"
BETWEEN_S = 1.0  # from a node's being ready to the next one's stop
STOPPED_S = 20   # a hand-over's longest time, and room for a busy machine
LEADING = re.compile(r"event=leaders.handed_over count=(\d+) kept=(\d+)")


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        yield cluster


@pytest.fixture
def name_service(cluster, monkeypatch):
    """NAME stands for all nodes, in another order each time."""
    real = socket.getaddrinfo
    asked = collections.Counter()

    def look_up(host, *arguments, **named):
        if host != NAME:
            return real(host, *arguments, **named)
        asked[host] += 1
        turn = asked[host] % len(cluster.nodes)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", node.client_port))
                for node in cluster.nodes[turn:] + cluster.nodes[:turn]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def client_of_all():
    config = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    connect_timeout=5, read_timeout=30)
    return boto3.session.Session().client(
        "kinesis", endpoint_url=f"http://{NAME}:4567", region_name="us-east-1",
        aws_access_key_id="any", aws_secret_access_key="any", config=config)


class Visitor:
    """Calls one after the other in a thread of its own, until told to stop."""

    def __init__(self, name):
        self.name, self.client = name, client_of_all()
        self.calls = self.retries = 0
        self.failures = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stop.is_set():
            self.calls += 1
            try:
                answer = self.step()
                self.retries += answer["ResponseMetadata"]["RetryAttempts"]
            except Exception as fault:  # whatever it is, the client had to notice
                self.failures.append(f"{self.name}, call {self.calls}: {fault!r}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(90)
        assert not self.thread.is_alive(), "a call has neither an answer nor a time-out"


class Writer(Visitor):
    """One record after the other, to all shards; every fourth call has several."""

    def __init__(self, name):
        super().__init__(name)
        self.acknowledged = []

    def step(self):
        parts = 5 if self.calls % 4 == 0 else 1
        texts = [f"{self.name}/{self.calls}/{part}" for part in range(parts)]
        if len(texts) == 1:
            answer = self.client.put_record(StreamName="s", PartitionKey=texts[0], Data=texts[0])
            self.acknowledged += texts
            return answer
        answer = self.client.put_records(StreamName="s", Records=[
            {"PartitionKey": text, "Data": text} for text in texts])
        for text, result in zip(texts, answer["Records"]):
            if "SequenceNumber" in result:
                self.acknowledged.append(text)
            else:
                self.failures.append(f"{text}: {result}")
        return answer


class Reader(Visitor):
    """Reads all shards from their beginning on, in turns."""

    def __init__(self, name):
        super().__init__(name)
        shards = self.client.list_shards(StreamName="s")["Shards"]
        self.iterators = [iterator(self.client, "s", shard["ShardId"]) for shard in shards]

    def step(self):
        answer = self.client.get_records(ShardIterator=self.iterators[0], Limit=1000)
        self.iterators = self.iterators[1:] + [answer["NextShardIterator"]]
        time.sleep(0.01)
        return answer


def restart(cluster, number):
    """Returns how many groups the node led when it was told to stop.  On a busy machine it may have
    lost all of its leads, and gets them back."""
    node = cluster[number]
    wait_until(lambda: node.name in [shard["leader"] for shard in cluster.streams("s")["shards"]],
               60, f"{node.name} leads a shard")
    before = len(node.log_text())
    began = time.monotonic()
    assert cluster.stop(number) == 0
    assert time.monotonic() - began < STOPPED_S
    said = LEADING.findall(node.log_text()[before:])
    assert len(said) == 1, f"{node.name} says: {node.log_text()[before:]}"
    assert said[0][1] == "0", f"{node.name} kept leaders: {said}"
    cluster.start(number)
    cluster.await_ready()
    time.sleep(BETWEEN_S)
    return int(said[0][0])


def check_records(cluster, writers):
    found = collections.Counter(
        record["Data"].decode() for records in
        read_stream(cluster.client(3, attempts=ATTEMPTS), "s").values() for record in records)
    for writer in writers:
        assert len(writer.acknowledged) > 10 * SHARDS, "it hardly wrote"
        lost = [text for text in writer.acknowledged if found[text] == 0]
        assert not lost, f"{len(lost)} records are lost: {lost[:5]}"


def test_nobody_notices_when_all_nodes_are_restarted_in_turn(cluster, name_service):
    cluster.create_stream("s", shards=SHARDS)
    with (Writer("w1") as one, Writer("w2") as two, Writer("w3") as three, Reader("r") as reader):
        wait_until(lambda: min(len(w.acknowledged) for w in (one, two, three)) > SHARDS, 30,
                   "writers write")
        moved = [restart(cluster, node.number) for node in cluster.nodes]
    visitors = [one, two, three, reader]
    print(f"{[visitor.calls for visitor in visitors]} calls, "
          f"{[visitor.retries for visitor in visitors]} attempts more than that, "
          f"{moved} groups handed over")
    failures = [failure for visitor in visitors for failure in visitor.failures]
    assert not failures, f"{len(failures)} failures: {failures[:5]}"
    assert sum(moved) > SHARDS, "the shards of each node, and the catalogue"
    check_records(cluster, [one, two, three])


def test_a_node_without_others_stops_at_once():
    with Cluster(nodes=1) as alone:
        alone.create_stream("s", shards=2)
        began = time.monotonic()
        assert alone.stop(1) == 0
        assert time.monotonic() - began < 5, "nobody could have taken over"
        assert "count=0 kept=3" in alone[1].log_text()


def test_all_nodes_stop_at_once_when_all_are_told_to(cluster):
    cluster.create_stream("s", shards=SHARDS)
    began = time.monotonic()
    stops = [threading.Thread(target=cluster.stop, args=[node.number]) for node in cluster.nodes]
    for stop in stops:
        stop.start()
    for stop in stops:
        stop.join()
    assert time.monotonic() - began < 10

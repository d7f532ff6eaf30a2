"""The client port over HTTP/2 by prior knowledge, and its end while clients are at work."""

import base64
import json
import subprocess
import threading

import braid_h2
import pytest
from braid_cluster import Cluster, wait_until
from braid_http import headers_of

WRITERS = 4
AT_ONCE = 16  # puts of one writer


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("river", shards=4)
        yield cluster


def curl(node, operation, body):
    """(HTTP version, status, tree)"""
    command = ["curl", "--silent", "--http2-prior-knowledge", "--data-binary", "@-",
               "--write-out", "\n%{http_version} %{http_code}"]
    for name, value in headers_of(operation).items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run([*command, f"http://127.0.0.1:{node.client_port}/"], check=True,
                          timeout=60, input=json.dumps(body).encode(), stdout=subprocess.PIPE)
    text, _, last = done.stdout.decode().rpartition("\n")
    version, status = last.split()
    return version, int(status), json.loads(text) if text else None


def test_curl_puts_lists_and_reads(cluster):
    node = cluster[1]
    version, status, put = curl(node, "PutRecord", {
        "StreamName": "river", "PartitionKey": "k", "Data": base64.b64encode(b"a record").decode()})
    assert (version, status) == ("2", 200)
    version, status, names = curl(node, "ListStreams", {})
    assert (version, status, names["StreamNames"]) == ("2", 200, ["river"])
    _, status, place = curl(node, "GetShardIterator", {
        "StreamName": "river", "ShardId": put["ShardId"],
        "ShardIteratorType": "AT_SEQUENCE_NUMBER",
        "StartingSequenceNumber": put["SequenceNumber"]})
    assert status == 200
    _, status, got = curl(node, "GetRecords", {"ShardIterator": place["ShardIterator"]})
    assert status == 200
    assert [base64.b64decode(record["Data"]) for record in got["Records"]] == [b"a record"]


def test_an_error_is_the_one_of_http_1(cluster):
    version, status, fault = curl(cluster[1], "DescribeStream", {"StreamName": "nowhere"})
    assert (version, status) == ("2", 400)
    assert fault["__type"] == "ResourceNotFoundException"


def test_calls_share_a_connection_and_large_ones_do_not_hold_up_small_ones(cluster):
    connection = braid_h2.Connection(cluster[2].client_port)
    data = base64.b64encode(b"x" * (1 << 19)).decode()
    large = [connection.send("PutRecords", {
        "StreamName": "river",
        "Records": [{"PartitionKey": f"{call}.{at}", "Data": data} for at in range(8)]})
        for call in range(2)]
    small = [connection.send("ListShards", {"StreamName": "river"}) for _ in range(20)]
    for call in small:
        status, tree = connection.take(call)
        assert status == 200 and len(tree["Shards"]) == 4
    for call in large:
        status, tree = connection.take(call)
        assert status == 200 and len(tree["Records"]) == 8
    assert cluster[2].metric("braid_http_h2_connections") == 1
    connection.close()
    wait_until(lambda: cluster[2].metric("braid_http_h2_connections") == 0, 10, "hung up")


class Writer(threading.Thread):
    """Puts with AT_ONCE under way; asked to go, it takes its answers and goes to another node."""

    def __init__(self, cluster, name):
        super().__init__(daemon=True)
        self.cluster, self.name = cluster, name
        self.enough = threading.Event()
        self.put = self.moved = 0
        self.failures = []

    def connect(self):
        nodes = [node for node in self.cluster.nodes if node.running()]
        for node in nodes[self.moved % len(nodes):] + nodes:
            try:
                return braid_h2.Connection(node.client_port)
            except ConnectionRefusedError:
                continue
        raise ConnectionError("no node takes connections")

    def run(self):
        try:
            connection = self.connect()
            while not self.enough.is_set():
                connection = self.round(connection)
            connection.close()
        except Exception as failure:  # pylint: disable=broad-except
            self.failures.append(repr(failure))

    def round(self, connection):
        if connection.parting:
            connection.close()
            self.moved += 1
            connection = self.connect()
        calls = [connection.send("PutRecord", {
            "StreamName": "river", "PartitionKey": f"{self.name}.{self.put + at}", "Data": "eHg="})
            for at in range(AT_ONCE)]
        for call in calls:
            try:
                status, tree = connection.take(call)
            except braid_h2.Gone:
                continue  # never taken: it may be sent again
            self.put += 1
            if status != 200:
                self.failures.append((status, tree))
        return connection


def test_a_node_that_stops_fails_no_call(cluster):
    writers = [Writer(cluster, f"writer-{at}") for at in range(WRITERS)]
    for writer in writers:
        writer.start()
    wait_until(lambda: all(writer.put >= AT_ONCE for writer in writers), 30, "all write")
    for number in (1, 2, 3):
        cluster.stop(number)
        before = [writer.put for writer in writers]
        wait_until(lambda before=before: all(writer.failures or writer.put > count for writer, count
                                             in zip(writers, before)), 60, "all go on")
        assert [writer.failures for writer in writers] == [[]] * WRITERS
        cluster.start(number)
        cluster.await_node(number)
    for writer in writers:
        writer.enough.set()
    for writer in writers:
        writer.join(60)
    assert [writer.failures for writer in writers] == [[]] * WRITERS
    assert sum(writer.moved for writer in writers) >= WRITERS

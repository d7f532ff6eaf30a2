"""Clients that do not read what they asked for, and more clients than files."""

import json
import re
import subprocess

from braid_cluster import Cluster, braidd, die_with_parent, is_checked, wait_until
from braid_http import call, connect, headers_of, read_all

MEBIBYTE = 1 << 20
REPLIES_MAX = 64 * MEBIBYTE
READERS = 30  # of 13 MiB of JSON each: six times what may wait


def request(operation, body):
    text = json.dumps(body).encode()
    lines = [f"{name}: {value}" for name, value in headers_of(operation).items()]
    return "\r\n".join(["POST / HTTP/1.1", "Host: localhost", f"Content-Length: {len(text)}",
                        *lines, "", ""]).encode() + text


def resident_bytes(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) * 1024


def test_slow_readers_share_a_bounded_memory_and_others_are_served():
    readers = []
    with Cluster(nodes=1, options={"replies-bytes-max": "64M"}) as cluster:
        node, client = cluster[1], cluster.client(1)
        cluster.create_stream("wide")
        for _ in range(10):
            client.put_record(StreamName="wide", PartitionKey="k", Data=b"x" * (MEBIBYTE - 1))
        place = client.get_shard_iterator(StreamName="wide", ShardId="shardId-000000000000",
                                          ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        before = resident_bytes(node)
        answered = node.metric("braid_http_requests_total")
        for number in range(READERS):
            readers.append(connect(node))
            readers[-1].sendall(request("GetRecords", {"ShardIterator": place}))
            wait_until(lambda number=number: node.metric("braid_http_requests_total")
                       == answered + number + 1, 30, f"reply {number}")
            assert node.metric("braid_http_reply_bytes") <= REPLIES_MAX
        wait_until(lambda: node.metric("braid_http_shed_readers_total") > 0, 30, "readers shed")
        if not is_checked():  # a sanitizer keeps what is freed
            assert resident_bytes(node) - before < 4 * REPLIES_MAX
        assert len(client.get_records(ShardIterator=place)["Records"]) == 10
        assert "event=readers.cut" in node.log_text()
        for reader in readers:
            reader.close()
        wait_until(lambda: node.metric("braid_http_reply_bytes") == 0, 30, "nothing held")


def start_with_files(node, soft, hard):
    """prlimit becomes braidd: the limits are there before it looks."""
    with open(node.log, "ab") as log:
        node.process = subprocess.Popen(
            ["prlimit", f"--nofile={soft}:{hard}", braidd(), "--config", node.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)


def test_a_soft_limit_of_files_is_raised():
    with Cluster(nodes=1, options={"connections-max": "400"}, start=False) as cluster:
        start_with_files(cluster[1], 256, 10000)
        cluster.await_ready()
        assert cluster[1].metric("braid_http_connections_max") == 400
        with open(f"/proc/{cluster[1].process.pid}/limits", encoding="ascii") as file:
            assert re.search(r"Max open files\s+10000\s+10000", file.read())
        assert "event=connections.fewer" not in cluster[1].log_text()


def test_fewer_files_than_connections_are_said_and_answered():
    held = []
    with Cluster(nodes=1, start=False, options={"address-share": "100"}) as cluster:
        node = cluster[1]
        start_with_files(node, 300, 300)
        cluster.await_ready()
        assert "event=connections.fewer" in node.log_text()
        assert node.metric("braid_http_connections_max") == 150
        try:
            for _ in range(150):
                held.append(connect(node))
                held[-1].sendall(request("ListStreams", {}))
                assert held[-1].recv(65536).startswith(b"HTTP/1.1 200")
            for _ in range(20):
                with connect(node) as one_more:
                    assert read_all(one_more).startswith(b"HTTP/1.1 503")
            assert node.metric("braid_http_turned_away_total") == 20
        finally:
            for connection in held:
                connection.close()
        wait_until(lambda: call(node, "ListStreams", {})[0] == 200, 30, "room again")

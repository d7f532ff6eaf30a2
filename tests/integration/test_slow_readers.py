"""Clients that do not read what they asked for, and more clients than files."""

import json
import re
import subprocess

from braid_cluster import Cluster, is_checked, wait_until
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
        for number in range(READERS):
            readers.append(connect(node))
            readers[-1].sendall(request("GetRecords", {"ShardIterator": place}))
            wait_until(lambda number=number: node.metric("braid_http_sent_bytes_total") >= 0
                       and node.metric("braid_http_exchanges") == 0, 30, f"reply {number}")
            assert node.metric("braid_http_reply_bytes") <= REPLIES_MAX
        wait_until(lambda: node.metric("braid_http_shed_readers_total") > 0, 30, "readers shed")
        if not is_checked():  # a sanitizer keeps what is freed
            assert resident_bytes(node) - before < 4 * REPLIES_MAX
        assert len(client.get_records(ShardIterator=place)["Records"]) == 10
        assert "event=readers.cut" in node.log_text()
        for reader in readers:
            reader.close()
        wait_until(lambda: node.metric("braid_http_reply_bytes") == 0, 30, "nothing held")


def test_fewer_files_than_connections_are_said_and_answered():
    held = []
    with Cluster(nodes=1, start=False) as cluster:
        node = cluster[1]
        node.start()
        subprocess.run(["prlimit", f"--pid={node.process.pid}", "--nofile=300:300"], check=True)
        cluster.await_ready()
        most = int(node.metric("braid_http_connections_max"))
        if most == 150:  # the limit came before the process looked
            assert "event=connections.fewer" in node.log_text()
        answers = []
        for _ in range(320):
            held.append(connect(node))
            held[-1].settimeout(1)
        held[-1].settimeout(30)
        answers.append(read_all(held[-1]))
        assert answers[0].startswith(b"HTTP/1.1 503"), answers
        assert node.running()
        for connection in held:
            connection.close()
        wait_until(lambda: call(node, "ListStreams", {})[0] == 200, 30, "room again")

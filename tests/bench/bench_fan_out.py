"""How soon a consumer has a record.

    BRAID_BUILD=build/bench python3 tests/bench/bench_fan_out.py

Three nodes on this machine, one shard, 1 KiB records, one at a time with a pause.  Measured in one
process with plain sockets: from the answer to PutRecord until the event with the record is read.
The consumers are subscribed at the node that leads and at one that does not.
"""

import base64
import json
import os
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from braid_cluster import Cluster  # noqa: E402
from braid_events import Events  # noqa: E402
from braid_http import headers_of  # noqa: E402

PUTS = 400
PAUSE_S = 0.005
DATA = base64.b64encode(b"x" * 1024).decode()
SHARD = "shardId-000000000000"


def request(operation, body):
    text = json.dumps(body)
    head = "".join(f"{name}: {value}\r\n" for name, value in
                   {**headers_of(operation), "Host": "x", "Content-Length": len(text)}.items())
    return f"POST / HTTP/1.1\r\n{head}\r\n{text}".encode()


class Consumer(threading.Thread):
    """Notes when each record came."""

    def __init__(self, port, consumer):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(request("SubscribeToShard", {
            "ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}}))
        self.came = {}
        self.start()

    def run(self):
        events, rest = Events(), b""
        while b"\r\n\r\n" not in rest:
            rest += self.socket.recv(65536)
        rest = rest.partition(b"\r\n\r\n")[2]
        while True:
            size, found, behind = rest.partition(b"\r\n")
            if found and len(behind) >= int(size, 16) + 2:
                chunk, rest = behind[:int(size, 16)], behind[int(size, 16) + 2:]
                now = time.perf_counter()
                for _, tree in events.feed(chunk):
                    for record in tree.get("Records", []):
                        self.came[record["SequenceNumber"]] = now
                continue
            try:
                more = self.socket.recv(1 << 20)
            except OSError:
                return
            if not more:
                return
            rest += more


def put_all(port, count):
    """[(sequence number, when it was acknowledged)]"""
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    whole = request("PutRecord", {"StreamName": "fan", "PartitionKey": "k", "Data": DATA})
    acknowledged = []
    for _ in range(count):
        client.sendall(whole)
        answer = b""
        while not answer.endswith(b"}"):
            answer += client.recv(65536)
        now = time.perf_counter()
        acknowledged.append((json.loads(answer[answer.index(b"{"):])["SequenceNumber"], now))
        time.sleep(PAUSE_S)
    return acknowledged


def show(what, consumers, acknowledged):
    late = sorted((one.came[number] - then) * 1000 for one in consumers
                  for number, then in acknowledged)
    print(f"{what}: p50 {statistics.median(late):.2f} ms, p99 {late[len(late) * 99 // 100]:.2f} ms,"
          f" {len(late)} records")


def resident_mb(node):
    return node.metric("process_resident_memory_bytes") / 1e6


def main():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("fan")
        leader = int(cluster.streams("fan")["shards"][0]["leader"].split("-")[-1])
        other = leader % 3 + 1
        client = cluster.client(1)
        arn = client.describe_stream_summary(StreamName="fan")["StreamDescriptionSummary"]
        arns = [client.register_stream_consumer(StreamARN=arn["StreamARN"], ConsumerName=f"c-{i}")
                ["Consumer"]["ConsumerARN"] for i in range(20)]
        for what, number, count in (("1 at the leader", leader, 1), ("1 elsewhere", other, 1),
                                    ("20 at the leader", leader, 20)):
            before = resident_mb(cluster[leader])
            consumers = [Consumer(cluster[number].client_port, consumer)
                         for consumer in arns[:count]]
            time.sleep(1)
            acknowledged = put_all(cluster[leader].client_port, PUTS)
            time.sleep(1)
            show(what, consumers, acknowledged)
            print(f"  leader: {resident_mb(cluster[leader]) - before:+.1f} MB")
            for consumer in consumers:
                consumer.socket.shutdown(socket.SHUT_RDWR)
                consumer.socket.close()
            time.sleep(5)


main()

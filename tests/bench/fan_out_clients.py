"""What bench_fan_out.py reads and writes with: plain sockets, one thread or process each."""

import base64
import json
import multiprocessing
import os
import selectors
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from braid_events import Events  # noqa: E402
from braid_http import headers_of  # noqa: E402

DATA = base64.b64encode(b"x" * 1024).decode()


def request(operation, body):
    text = json.dumps(body)
    head = "".join(f"{name}: {value}\r\n" for name, value in
                   {**headers_of(operation), "Host": "x", "Content-Length": len(text)}.items())
    return f"POST / HTTP/1.1\r\n{head}\r\n{text}".encode()


def connect(port):
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def ask(client, whole):
    """The body of the answer."""
    client.sendall(whole)
    got = b""
    while b"\r\n\r\n" not in got:
        got += client.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += client.recv(1 << 20)
    assert head.startswith(b"HTTP/1.1 200"), body[:300]
    return body


def subscribe(port, consumer, shard, where="LATEST"):
    client = connect(port)
    client.sendall(request("SubscribeToShard", {
        "ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": where}}))
    return client


class Consumer(threading.Thread):
    """A subscription that notes when each record came."""

    def __init__(self, port, consumer, shard):
        super().__init__(daemon=True)
        self.socket = subscribe(port, consumer, shard)
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

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Poller(threading.Thread):
    """GetRecords, one after the other, with a pause; notes when each record came."""

    def __init__(self, port, stream, shard, pause_s):
        super().__init__(daemon=True)
        self.socket = connect(port)
        self.pause_s = pause_s
        self.came = {}
        self.ends = False
        answer = ask(self.socket, request("GetShardIterator", {
            "StreamName": stream, "ShardId": shard, "ShardIteratorType": "LATEST"}))
        self.iterator = json.loads(answer)["ShardIterator"]
        self.start()

    def run(self):
        while not self.ends:
            tree = json.loads(ask(self.socket, request("GetRecords",
                                                       {"ShardIterator": self.iterator})))
            now = time.perf_counter()
            for record in tree["Records"]:
                self.came[record["SequenceNumber"]] = now
            self.iterator = tree["NextShardIterator"]
            time.sleep(self.pause_s)

    def close(self):
        self.ends = True
        self.join()
        self.socket.close()


def put_one_by_one(port, stream, count, pause_s):
    """[(sequence number, when it was acknowledged)]"""
    client = connect(port)
    whole = request("PutRecord", {"StreamName": stream, "PartitionKey": "k", "Data": DATA})
    acknowledged = []
    for _ in range(count):
        answer = ask(client, whole)
        now = time.perf_counter()
        acknowledged.append((json.loads(answer)["SequenceNumber"], now))
        time.sleep(pause_s)
    client.close()
    return acknowledged


class Load:
    """A process that puts records of 1 KiB, `batch` at a time, by turns over all shards; at
    `per_s` bytes a second, or as fast as it is answered."""

    def __init__(self, port, stream, batch, per_s=None, writers=2):
        self.done = multiprocessing.Value("Q", 0)
        self.process = multiprocessing.Process(
            target=self.run, args=(port, stream, batch, per_s, writers), daemon=True)
        self.process.start()

    def run(self, port, stream, batch, per_s, writers):
        for one in range(1, writers):
            threading.Thread(target=self.write, daemon=True,
                             args=(port, stream, batch, per_s and per_s / writers, one)).start()
        self.write(port, stream, batch, per_s and per_s / writers, 0)

    def write(self, port, stream, batch, per_s, seed):
        client = connect(port)
        whole = request("PutRecords", {"StreamName": stream, "Records": [
            {"PartitionKey": f"{seed}-{n}", "Data": DATA} for n in range(batch)]})
        due = time.perf_counter()
        while True:
            ask(client, whole)
            with self.done.get_lock():
                self.done.value += batch * 1024
            if per_s:
                due += batch * 1024 / per_s
                time.sleep(max(0, due - time.perf_counter()))

    def stop(self):
        self.process.terminate()
        self.process.join()


class Counting(multiprocessing.Process):
    """Subscriptions in a process of their own that count bytes; `idle`: they read nothing."""

    def __init__(self, wanted):
        super().__init__(daemon=True)
        self.wanted = wanted
        self.bytes = multiprocessing.Array("Q", len(wanted))
        self.start()

    def run(self):
        chosen = selectors.DefaultSelector()
        for place, one in enumerate(self.wanted):
            client = subscribe(*one)
            client.setblocking(False)
            chosen.register(client, selectors.EVENT_READ, place)
        while True:
            for key, _ in chosen.select():
                got = key.fileobj.recv(1 << 20)
                self.bytes[key.data] += len(got)
                if not got:
                    chosen.unregister(key.fileobj)

    def stop(self):
        self.terminate()
        self.join()

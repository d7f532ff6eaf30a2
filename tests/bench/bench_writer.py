"""Writers of the benchmarks that stop nodes: all in one thread, each with one shard and one
connection, one record after the other.

What becomes of a put is for the subclass: acknowledged(), refused(), hung_up().
"""

import base64
import os
import selectors
import socket
import time

from bench_cluster import HERE  # noqa: F401  (it makes tests/lib importable)
from braid_http import headers_of
from braid_records import hash_key_of


class Crowd:
    """The writers and their loop."""

    def __init__(self, pause_s):
        self.pause_s = pause_s
        self.selector = selectors.DefaultSelector()
        self.writers = []

    def run(self, seconds, done=lambda: False):
        """Lets the writers write until `done()`; False: it was not in this time."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for writer in self.writers:
                if writer.is_due(now):
                    writer.send(now)
            for key, _ in self.selector.select(0.001):
                key.data.read()
            if done():
                return True
        return False


class Writer:
    def __init__(self, crowd, stream, shard, shards, record_bytes):
        self.crowd, self.shard = crowd, shard
        self.body = (f'{{"StreamName":"{stream}","PartitionKey":"writer-{shard}",'
                     f'"ExplicitHashKey":"{hash_key_of(shard, shards)}",'
                     f'"Data":"{base64.b64encode(os.urandom(record_bytes)).decode()}"}}').encode()
        self.socket = None
        self.due = 0.0    # when the next request goes out, unless one is under way
        self.sent = None  # when the one under way went out
        self.got = b""
        self.acks = self.refusals = 0

    def is_due(self, now):
        return self.socket is not None and self.sent is None and self.due <= now

    def connect(self, address):
        self.close()
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30)
        lines = [f"Host: {address[0]}:{address[1]}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in headers_of("PutRecord").items()]
        head = "POST / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
        self.request = head.encode() + self.body
        self.crowd.selector.register(self.socket, selectors.EVENT_READ, self)

    def close(self):
        if self.socket is not None:
            self.crowd.selector.unregister(self.socket)
            self.socket.close()
        self.socket, self.sent, self.got = None, None, b""

    def send(self, now):
        self.got = b""
        self.sent = now
        self.socket.sendall(self.request)

    def read(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            self.hung_up(time.monotonic())
            return
        self.got += piece
        head, end, body = self.got.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return
        self.answered(head, body, time.monotonic())

    def check_shard(self, body):
        if f'"shardId-{self.shard:012d}"'.encode() not in body:
            raise RuntimeError(f"shard {self.shard} expected: {body}")

    def answered(self, head, body, now):
        sent, self.sent = self.sent, None
        if b"connection: close" in head.lower():
            self.close()
        if head.startswith(b"HTTP/1.1 200"):
            self.check_shard(body)
            self.acks += 1
            self.due = now + self.crowd.pause_s
            self.acknowledged(sent, now)
        elif head.startswith(b"HTTP/1.1 5") or b"ProvisionedThroughputExceeded" in body:
            self.refusals += 1
            self.refused(now)
        else:
            raise RuntimeError(f"{head.splitlines()[0]}: {body}")


__all__ = ["Crowd", "Writer"]

"""The Kinesis API over HTTP/2 by prior knowledge: many calls at once on one connection."""

import json
import socket

import h2.config
import h2.connection
import h2.events
from braid_http import headers_of


class Gone(Exception):
    """The server takes no more calls on this connection; this one it has not taken."""


class Connection:
    """One connection of one thread: send() calls, then take() their answers in any order."""

    def __init__(self, port, timeout=30):
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.answers = {}  # stream: [status, body, whole]
        self.parting = False  # it has been asked to go
        self.last = None  # stream that the server will still answer
        self.push()

    def push(self):
        self.socket.sendall(self.h2.data_to_send())

    def send(self, operation, body, signed=None):
        """The number to take() the answer by.  `signed`: of braid_sign, instead of the other two."""
        text = json.dumps(body).encode() if signed is None else signed.body
        headers = headers_of(operation) if signed is None else signed.headers
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", "POST"), (":scheme", "http"), (":path", "/"),
                  (":authority", f"127.0.0.1:{self.port}"), ("content-length", str(len(text)))]
        fields += [(name.lower(), value) for name, value in headers.items()]
        self.answers[stream] = [None, b"", False]
        self.h2.send_headers(stream, fields)
        while text:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room == 0:
                self.push()
                self.pull()
                continue
            self.h2.send_data(stream, text[:room])
            text = text[room:]
        self.h2.end_stream(stream)
        self.push()
        return stream

    def take(self, stream):
        """(status, tree) of a call; Gone: the server never took it."""
        while not self.answers[stream][2]:
            if self.last is not None and stream > self.last:
                raise Gone
            self.pull()
        status, text, _ = self.answers.pop(stream)
        return status, json.loads(text) if text else None

    def call(self, operation, body):
        return self.take(self.send(operation, body))

    def pull(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("hung up on with calls that are not answered")
        # The library knows no requests after a GOAWAY; a client has to go on with those it has.
        for event in self.h2.receive_data(self.goaways_of(data)):
            self.happened(event)
        self.push()

    def goaways_of(self, data):
        """Takes GOAWAY frames out of the bytes, and notes what they say."""
        self.rest = getattr(self, "rest", b"") + data
        kept = b""
        while len(self.rest) >= 9:
            size = 9 + int.from_bytes(self.rest[:3], "big")
            if len(self.rest) < size:
                break
            frame, self.rest = self.rest[:size], self.rest[size:]
            if frame[3] == 7:
                self.parting = True
                last = int.from_bytes(frame[9:13], "big")
                self.last = last if last < 2 ** 31 - 1 else None
            else:
                kept += frame
        return kept

    def happened(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.answers[event.stream_id][0] = int(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.DataReceived):
            self.answers[event.stream_id][1] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.answers[event.stream_id][2] = True
        elif isinstance(event, h2.events.StreamReset):
            raise ConnectionError(f"stream {event.stream_id} reset: {event.error_code}")

    def close(self):
        self.socket.close()

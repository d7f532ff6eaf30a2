"""Event streams as bytes: what SubscribeToShard answers, for clients that read the socket."""

import json
import zlib


class Events:
    """feed() bytes; messages come out as (type, tree), exceptions as (name, tree)."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        found = []
        while len(self.rest) >= 12:
            size = int.from_bytes(self.rest[:4], "big")
            assert zlib.crc32(self.rest[:8]) == int.from_bytes(self.rest[8:12], "big")
            if len(self.rest) < size:
                break
            message, self.rest = self.rest[:size], self.rest[size:]
            assert zlib.crc32(message[:-4]) == int.from_bytes(message[-4:], "big")
            found.append(self.parse(message))
        return found

    @staticmethod
    def parse(message):
        end = 12 + int.from_bytes(message[4:8], "big")
        headers, at = {}, 12
        while at < end:
            name = message[at + 1:at + 1 + message[at]].decode()
            at += 1 + message[at]
            assert message[at] == 7
            size = int.from_bytes(message[at + 1:at + 3], "big")
            headers[name] = message[at + 3:at + 3 + size].decode()
            at += 3 + size
        kind = headers.get(":event-type") or headers[":exception-type"]
        assert headers[":message-type"] == ("event" if ":event-type" in headers else "exception")
        return kind, json.loads(message[end:-4])

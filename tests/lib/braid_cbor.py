"""CBOR as Kinesis's clients speak it (RFC 8949), written apart from what it tests: no libcbor here.

    encode(tree)     bytes; `spread`: strings, lists and maps of indefinite length
    decode(bytes)    one value; ValueError when there is less or more than that

Texts are str, byte strings bytes, tags Tag(number, value).
"""

import struct
from typing import NamedTuple

UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP, TAG, OTHER = range(8)
BREAK = object()


class Tag(NamedTuple):
    number: int
    value: object


def head(kind, count):
    if count < 24:
        return bytes([kind << 5 | count])
    for more, form, limit in ((24, ">B", 8), (25, ">H", 16), (26, ">I", 32), (27, ">Q", 64)):
        if count < 1 << limit:
            return bytes([kind << 5 | more]) + struct.pack(form, count)
    raise ValueError(f"{count} is too large")


def encode_string(kind, data, spread):
    if not spread:
        return head(kind, len(data)) + data
    at = len(data) // 2
    while kind == TEXT and at < len(data) and data[at] & 0xc0 == 0x80:
        at += 1  # a piece ends with a whole character
    pieces = (data[:at], data[at:])
    return (bytes([kind << 5 | 31]) + b"".join(head(kind, len(piece)) + piece for piece in pieces)
            + b"\xff")


def encode_many(kind, count, parts, spread):
    if spread:
        return bytes([kind << 5 | 31]) + b"".join(parts) + b"\xff"
    return head(kind, count) + b"".join(parts)


def encode(tree, spread=False):
    if tree is None:
        return b"\xf6"
    if isinstance(tree, bool):
        return b"\xf5" if tree else b"\xf4"
    if isinstance(tree, int):
        return head(UNSIGNED, tree) if tree >= 0 else head(NEGATIVE, -1 - tree)
    if isinstance(tree, float):
        return b"\xfb" + struct.pack(">d", tree)
    if isinstance(tree, str):
        return encode_string(TEXT, tree.encode(), spread)
    if isinstance(tree, bytes):
        return encode_string(BYTES, tree, spread)
    if isinstance(tree, Tag):
        return head(TAG, tree.number) + encode(tree.value, spread)
    if isinstance(tree, dict):
        return encode_many(MAP, len(tree), (encode(name, spread) + encode(value, spread)
                                            for name, value in tree.items()), spread)
    return encode_many(LIST, len(tree), (encode(value, spread) for value in tree), spread)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError(f"ends {self.at + count - len(self.data)} bytes too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def head(self):
        """(kind, what its head counts; None: until a break, low bits)."""
        first = self.take(1)[0]
        kind, low = first >> 5, first & 31
        if low < 24:
            return kind, low, low
        if low < 28:
            return kind, int.from_bytes(self.take(1 << (low - 24)), "big"), low
        if low == 31 and kind not in (UNSIGNED, NEGATIVE, TAG):
            return kind, None, low
        raise ValueError(f"byte {first:02x} means nothing")

    def string(self, kind, count):
        if count is not None:
            data = self.take(count)
            return data.decode() if kind == TEXT else data
        pieces = list(self.until_break())
        return ("" if kind == TEXT else b"").join(pieces)

    def until_break(self):
        while (value := self.value(may_break=True)) is not BREAK:
            yield value

    def values(self, count):
        if count is None:
            return list(self.until_break())
        return [self.value() for _ in range(count)]

    def map(self, count):
        flat = self.values(None if count is None else 2 * count)
        tree = dict(zip(flat[::2], flat[1::2], strict=True))
        if len(tree) * 2 != len(flat):
            raise ValueError(f"a name is there twice: {flat[::2]}")
        return tree

    def other(self, count, low, may_break):
        if count is None and may_break:
            return BREAK
        if low in (25, 26, 27):
            size = 1 << (low - 24)
            return struct.unpack({2: ">e", 4: ">f", 8: ">d"}[size], count.to_bytes(size, "big"))[0]
        if low in (20, 21, 22):
            return {20: False, 21: True, 22: None}[low]
        raise ValueError(f"simple value {low} at {self.at - 1}")

    def value(self, may_break=False):
        kind, count, low = self.head()
        if kind == UNSIGNED:
            return count
        if kind == NEGATIVE:
            return -1 - count
        if kind in (BYTES, TEXT):
            return self.string(kind, count)
        if kind == LIST:
            return self.values(count)
        if kind == MAP:
            return self.map(count)
        if kind == TAG:
            return Tag(count, self.value())
        return self.other(count, low, may_break)


def decode(data):
    reader = Reader(data)
    value = reader.value()
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes behind the value")
    return value

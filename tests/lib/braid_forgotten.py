"""A node whose log loses its end while it is down: what its next start takes for a torn write."""

import glob
import os
import struct
import time

BLOCK = 4096
MAGIC = b"braid-fr"
NUMBER_AT = 48
HEARD_S = 0.4  # four heartbeats: each node has told the others how far its log is durable


def newest_frame(data):
    """File and offset of the last frame that was written."""
    found = []
    for path in glob.glob(os.path.join(data, "log", "*")):
        with open(path, "rb") as file:
            offset = 0
            while head := file.read(BLOCK):
                if head.startswith(MAGIC):
                    found.append((struct.unpack_from(">Q", head, NUMBER_AT)[0], path, offset))
                offset += BLOCK
    return max(found)[1:]


def flip_bit(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def lose_the_end(cluster, number):
    """Kills the node; at its next start the last frame of its log looks like a torn one."""
    time.sleep(HEARD_S)
    cluster.kill(number)
    path, offset = newest_frame(cluster[number].data)
    flip_bit(path, offset + NUMBER_AT + 7)

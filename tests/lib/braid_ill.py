"""Machines on which something is wrong: slow or failing writes, a wrong clock, no room
(ill_machine.c); or a small file system, which others can fill."""

import os
import subprocess

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ill_machine.c")


class IllMachine:
    """For one node, before it starts; what is wrong can change while it runs."""

    def __init__(self, node):
        self.dir = node.dir
        library = os.path.join(self.dir, "ill_machine.so")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        node.env = {"LD_PRELOAD": library, "ILL_MACHINE": self.dir,
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                                    ":verify_asan_link_order=0"}

    def set(self, name, number):
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(str(number))
        os.replace(path + ".new", path)


class SmallDisk:
    """A file system of its own for the data of one node, before it starts.  It is mounted where
    nobody but the node's process sees it, and is gone with that.  Needs root."""

    def __init__(self, node, size):
        self.node = node
        node.starter = ["unshare", "--mount", "sh", "-c",
                        'mount -t tmpfs -o "size=$0,mode=700" tmpfs "$1" && shift && exec "$@"',
                        size, node.data]

    @property
    def foreign(self):
        return f"/proc/{self.node.process.pid}/root{self.node.data}/foreign"

    def free_bytes(self):
        space = os.statvfs(os.path.dirname(self.foreign))
        return space.f_bavail * space.f_frsize

    def fill(self):
        """Somebody else's file takes all that is free, to the last block."""
        with open(self.foreign, "ab") as file:
            os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, self.free_bytes())

    def make_room(self):
        os.unlink(self.foreign)

"""Machines on which something is wrong: slow writes, a wrong clock, no room (ill_machine.c)."""

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

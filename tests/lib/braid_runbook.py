"""Runs the commands of a runbook, as they stand there, against a cluster of a test.

    book = Runbook("lost-node", cluster, {"NODE": "node-3"})
    book.run("braid node list", node=1)     as if typed on the machine of node 1

Words of the command are replaced and nothing else is: the reader's (NODE), and those that name a
machine's ports and paths.  `systemctl`, `journalctl`, `timedatectl` and `chronyc` are stand-ins that act
on the test's node: tests/lib/stand_in.
"""

import os
import re
import socket
import subprocess
import tempfile
import time

from braid_cluster import ROOT, build_dir
from braid_runbook_text import commands_of

STAND_INS = os.path.join(ROOT, "tests", "lib", "stand_in")
LOOK_S = 0.02


class Runbook:
    def __init__(self, name, cluster, words=None):
        with open(os.path.join(ROOT, "docs", "runbooks", name + ".md"), encoding="utf-8") as file:
            self.commands = commands_of(file.read())
        self.name, self.cluster, self.words = name, cluster, dict(words or {})

    def run(self, command, node=1, status=0, timeout_s=120, words=None, stdin=""):
        """Runs a command of the book on the machine of `node`; a CompletedProcess with texts.
        `status`: what it must end with; None: whatever it is."""
        assert command in self.commands, f"'{command}' is no command of {self.name}.md"
        node = self.cluster[node]
        line = self.words_put(command, node, words or {})
        with tempfile.TemporaryDirectory(prefix="braid-runbook-") as folder:
            ran = self.shell(line, node, folder, timeout_s, stdin)
        assert status is None or ran.returncode == status, (
            f"'{line}' ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
        return ran

    def words_put(self, command, node, words):
        machine = {"127.0.0.1:4569": f"127.0.0.1:{node.operations_port}",
                   "127.0.0.1:4567": f"127.0.0.1:{node.client_port}",
                   "/etc/braid/braidd.conf": node.config, "/var/lib/braid": node.data}
        known = {**machine, **self.words, **words}
        names = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
        return re.sub(rf"(?<!\w)(?:{names})(?!\w)", lambda found: str(known[found.group()]),
                      command)

    def shell(self, line, node, folder, timeout_s, stdin):
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([STAND_INS, os.path.join(build_dir(), "cli"),
                                     os.path.join(build_dir(), "daemon"), os.environ["PATH"]]),
            "BRAID_OPERATIONS": node.operations, "BRAID_ENDPOINT": node.endpoint,
            "STAND_IN_CLOCK": os.path.join(node.dir, "clock_ms"), "STAND_IN_LOG": node.log, "STAND_IN_SOCKET": os.path.join(folder, "socket"),
        }
        with socket.socket(socket.AF_UNIX) as server, \
                open(os.path.join(folder, "in"), "w+", encoding="utf-8") as given, \
                open(os.path.join(folder, "out"), "w+", encoding="utf-8") as out, \
                open(os.path.join(folder, "err"), "w+", encoding="utf-8") as err:
            given.write(stdin)
            given.seek(0)
            server.bind(environment["STAND_IN_SOCKET"])
            server.listen()
            server.settimeout(LOOK_S)
            process = subprocess.Popen(["/bin/sh", "-c", line], env=environment, stdin=given,
                                       stdout=out, stderr=err)
            self.serve(server, process, node, time.monotonic() + timeout_s, line)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(line, process.returncode, out.read(), err.read())

    def serve(self, server, process, node, end, line):
        """Does what the stand-in of systemctl asks for, until the command has ended."""
        while process.poll() is None:
            if time.monotonic() > end:
                process.kill()
                process.wait()
                raise AssertionError(f"'{line}' has not ended in time")
            try:
                asker, _ = server.accept()
            except TimeoutError:
                continue
            with asker:
                asker.settimeout(5)
                status = self.systemctl(asker.recv(256).decode().split(), node)
                asker.sendall(b"%d" % status)

    def systemctl(self, arguments, node):
        """The exit status of it: the node's process is the service."""
        verb, units = arguments[0], [word for word in arguments[1:] if word != "--now"]
        assert units == ["braidd"], f"systemctl {arguments}: only for braidd"
        if verb == "is-active":
            return 0 if node.running() else 3
        if node.process is not None and not node.running():
            node.await_end()
        if verb == "kill":
            node.kill()
        if verb in ("stop", "restart", "disable") and node.running():
            node.stop()
        if verb in ("start", "restart", "enable") and not node.running():
            node.start()
        assert verb in ("start", "stop", "restart", "enable", "disable", "kill"), verb
        return 0

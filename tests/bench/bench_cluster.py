"""What the benchmarks in Python share: a local cluster in a folder of its own, and the facts that
belong beside every figure.

    with BenchCluster(nodes=3) as cluster:
        cluster.pids()                  of the nodes that run, by name
        cluster.kill("node-2"); cluster.start("node-2")
        cluster.add({"move-bytes-per-s": "16M"})    one node more

Started and stopped with `braid local`, but for one that is added; whatever becomes of the program,
only processes of this cluster are ended, by their numbers.  $BRAID_BUILD is the build folder.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.dont_write_bytecode = True

from braid_cluster import braid, build_dir  # noqa: E402

PORT_FIRST, PORT_LAST = 10000, 30000
LOG_LINES = 20


def print_circumstances():
    """The command, the machine, the date: figures mean nothing without."""
    release = os.uname()
    print("command     ", " ".join(sys.argv))
    print(f"machine      {os.cpu_count()} cores, {release.sysname} {release.release}"
          f" {release.machine}, load average {load_average()}")
    print("date        ", time.strftime("%F %T UTC", time.gmtime()), flush=True)


def load_average():
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def end_on_sigterm():
    """So that what was started is cleaned up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def free_port(nodes):
    """The first port of a local cluster whose ports nobody held a moment ago."""
    for _ in range(100):
        port = random.randrange(PORT_FIRST, PORT_LAST, 10)
        probes = []
        try:
            for offset in (10 * node + kind for node in range(nodes) for kind in range(3)):
                probes.append(socket.socket())
                probes[-1].bind(("127.0.0.1", port + offset))
            return port
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free ports")


class BenchCluster:
    def __init__(self, nodes=3):
        self.parent = tempfile.mkdtemp(prefix="braid-bench-")
        self.dir = os.path.join(self.parent, "cluster")
        self.node_count = nodes
        self.nodes = {}  # name -> what `braid local status` says of it

    def __enter__(self):
        try:
            self.braid("local", "up", "--nodes", str(self.node_count), "--port",
                       str(free_port(self.node_count + 1)), "--limits", "unlimited")
            for node in self.status():
                self.nodes[node["name"]] = node
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.print_logs()
        self.close()

    def print_logs(self):
        """The ends of the nodes' logs, which go with the folder."""
        for number in range(1, self.node_count + 1):
            path = os.path.join(self.dir, f"node-{number}", "braidd.log")
            print(f"---- {path}", file=sys.stderr)
            with open(path, encoding="utf-8", errors="replace") as file:
                print("".join(file.readlines()[-LOG_LINES:]), file=sys.stderr)

    def close(self):
        try:
            self.braid("local", "down")
        except (subprocess.SubprocessError, RuntimeError) as fault:
            print(f"braid local down: {fault}", file=sys.stderr)
        for pid in self.pids().values():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.parent, ignore_errors=True)

    def braid(self, *arguments, timeout_s=180):
        """Runs a verb of the command line upon this cluster; returns its standard output."""
        result = subprocess.run([braid(), *arguments], timeout=timeout_s, check=False, text=True,
                                capture_output=True,
                                env={**os.environ, "BRAID_LOCAL_DIR": self.dir,
                                     "BRAID_ENDPOINT": "", "BRAID_OPERATIONS": ""}
                                if not self.nodes else self.environment())
        if result.returncode != 0:
            raise RuntimeError(f"braid {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def environment(self):
        return {**os.environ, "BRAID_LOCAL_DIR": self.dir,
                "BRAID_ENDPOINT": ",".join(n["endpoint"] for n in self.nodes.values()),
                "BRAID_OPERATIONS": ",".join(n["operations"] for n in self.nodes.values())}

    def status(self):
        return json.loads(self.braid("local", "status", "--output", "json"))["nodes"]

    def pids(self):
        """Process numbers by name, of those that are braidd with a configuration of ours."""
        found = {}
        for number in range(1, self.node_count + 1):
            folder = os.path.join(self.dir, f"node-{number}")
            try:
                with open(os.path.join(folder, "braidd.pid"), encoding="ascii") as file:
                    pid = int(file.read())
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                    if os.path.join(folder, "braidd.conf") in file.read():
                        found[f"node-{number}"] = pid
            except (OSError, ValueError):
                continue
        return found

    def signal(self, name, what):
        """Returns when it was sent, by time.monotonic()."""
        pid = self.pids()[name]
        at = time.monotonic()
        os.kill(pid, what)
        return at

    def kill(self, name):
        """SIGKILL, and waits until it is gone."""
        self.braid("local", "kill", name.rpartition("-")[2])

    def start(self, name):
        self.braid("local", "start", name.rpartition("-")[2])

    def start_with(self, name, *flags):
        """As `braid local start`, which writes the configuration anew, with flags more."""
        folder = os.path.join(self.dir, name)
        with open(os.path.join(folder, "braidd.log"), "ab") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [os.path.join(build_dir(), "daemon", "braidd"), "--config",
                 os.path.join(folder, "braidd.conf"), *flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        with open(os.path.join(folder, "braidd.pid"), "w", encoding="ascii") as file:
            file.write(f"{process.pid}\n")
        return process

    def add(self, options):
        """One more node, in the zone of the first, with these lines in its configuration; returns
        its name.  It has no address in the seeds, as one that joins later."""
        self.node_count += 1
        name = f"node-{self.node_count}"
        folder = os.path.join(self.dir, name)
        os.makedirs(folder)
        with open(os.path.join(self.dir, "node-1", "braidd.conf"), encoding="ascii") as file:
            lines = dict(line.rstrip("\n").split(" = ", 1) for line in file if " = " in line)
        lines.update(options, name=name)
        lines["data-dir"] = os.path.join(folder, "data")
        for kind in ("client-listen", "peer-listen", "operations-listen"):
            host, _, port = lines[kind].rpartition(":")
            lines[kind] = f"{host}:{int(port) + 10 * (self.node_count - 1)}"
        with open(os.path.join(folder, "braidd.conf"), "w", encoding="ascii") as file:
            file.writelines(f"{key} = {value}\n" for key, value in lines.items())
        self.start_with(name)
        self.nodes[name] = {"name": name, "endpoint": "http://" + lines["client-listen"],
                            "operations": "http://" + lines["operations-listen"]}
        return name

    def page(self, path, name=None):
        """A page of the operations port in JSON, of the named node or of the first."""
        node = self.nodes[name] if name else next(iter(self.nodes.values()))
        with urllib.request.urlopen(node["operations"] + path, timeout=10) as answer:
            return json.load(answer)

    def leaders(self, stream, name=None):
        """Which node leads each shard of a stream, as one node sees it; None: nobody, or the node
        has not heard yet that the stream is ACTIVE."""
        try:
            seen = self.page(f"/streams?name={stream}", name)["streams"][0]
        except urllib.error.HTTPError:
            return {0: None}
        return {shard["number"]: shard["leader"] if seen["status"] == "ACTIVE" else None
                for shard in seen["shards"]}

    def await_active(self, stream, timeout_s=60):
        """Until every node has heard that the stream is ACTIVE, and who leads its shards."""
        end = time.monotonic() + timeout_s
        while True:
            seen = [self.leaders(stream, name) for name in self.nodes]
            if all(None not in one.values() and one == seen[0] for one in seen):
                return
            if time.monotonic() > end:
                raise RuntimeError(f"{stream} is not ACTIVE after {timeout_s} s: {seen}")
            time.sleep(0.05)

    def host_port(self, name):
        host, _, port = self.nodes[name]["endpoint"].rpartition("/")[2].partition(":")
        return host, int(port)


__all__ = ["BenchCluster", "build_dir", "end_on_sigterm", "load_average", "print_circumstances"]

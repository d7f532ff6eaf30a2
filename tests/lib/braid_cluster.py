"""A real cluster of braidd processes for tests: in a temporary folder, on free loopback ports.

    with Cluster(nodes=3) as cluster:
        cluster.client(1).put_record(...)       boto3, at node 1
        cluster.kill(2); cluster.start(2); cluster.await_ready()

$BRAID_BUILD is the build folder.  Every process that is started here ends with the test program,
whatever becomes of it.  A report of a sanitizer or a failed ensure() in a node's log fails the
test that closes the cluster, or calls check_logs().
"""

import atexit
import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODELS = os.path.join(ROOT, "tests", "lib", "models")
READY_S = 60  # a sanitizer's build on a busy machine; a release build needs less than one second
STOP_S = 60
LOG_LINES_SHOWN = 60
# For clusters none of whose nodes dies: one that waits for a processor for long keeps its lead.
STEADY = {"election-timeout-ms": "3000"}
# AWS's limits of what an application has for itself; what all share is left out, as programs that know
# nothing of each other meet that at any time.
OWN_LIMITS = {
    "put-bytes-per-s": "1M", "put-records-per-s": "1000", "put-records-per-call": "500",
    "put-bytes-per-call": "10M", "read-bytes-per-s": "2M", "read-calls-per-s": "5",
    "consumer-bytes-per-s": "2M", "subscribe-calls-per-s": "1",
    "get-shard-iterator-calls-per-s": "5", "list-shards-calls-per-s": "1000",
    "list-stream-consumers-calls-per-s": "5", "describe-stream-consumer-calls-per-s": "20",
    "deregister-stream-consumer-calls-per-s": "5", "consumers-per-stream": "20",
    "update-shard-counts-per-day": "10", "mode-switches-per-day": "2",
    "encryptions-per-day": "25", "record-kib": "1024"}
PORTS_FLOOR = 10000
PORTS_BLOCK = 32  # of nodes of one cluster, and more

FATAL = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:"
                   r"|ensure\(.*\) failed|SUMMARY: \w+Sanitizer")

open_clusters = []  # for the logs that a failed test prints
port_locks = []  # of the blocks of ports that this program has


def build_dir():
    named = os.environ.get("BRAID_BUILD")
    choices = [named] if named else [os.path.join(ROOT, "build", kind)
                                     for kind in ("checked", "release")]
    for choice in choices:
        if os.path.exists(os.path.join(choice, "daemon", "braidd")):
            return os.path.abspath(choice)
    raise RuntimeError(f"no daemon/braidd in {choices}: build it, and set BRAID_BUILD")


def braidd():
    return os.path.join(build_dir(), "daemon", "braidd")


def braid():
    return os.path.join(build_dir(), "cli", "braid")


def is_checked():
    """Whether braidd was built with a sanitizer: it is then several times slower."""
    with open(braidd(), "rb") as file:
        return b"__asan_init" in file.read()


def claim(block):
    """Whether no other test program has this block of ports, nor will have it until this one ends: a
    name of Linux, which is gone with its program, and of the name space that the ports are of."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0braid-test-ports-{block}")
    except OSError:
        lock.close()
        return False
    port_locks.append(lock)
    return True


def free(ports):
    try:
        for port in ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def free_ports(count):
    """Ports in a row that nobody held a moment ago, below those that the kernel gives to clients.  No
    other test program takes them later: a node that is down comes back to its own."""
    assert count <= PORTS_BLOCK
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        end = int(file.read().split()[0])
    blocks = list(range(PORTS_FLOOR, end - PORTS_BLOCK, PORTS_BLOCK))
    random.SystemRandom().shuffle(blocks)
    for first in blocks:
        ports = list(range(first, first + count))
        if claim(first) and free(ports):
            return ports
    raise RuntimeError(f"all ports from {PORTS_FLOOR} to {end} are in use")


def die_with_parent():
    """In the child: SIGKILL when this program ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait_until(condition, timeout_s, what):
    """Polls until `condition()` is true, and returns what it answered."""
    end = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.05)


class Node:
    """One braidd: where it listens, where its data lies, its process."""

    def __init__(self, number, directory, ports):
        self.number = number
        self.name = f"node-{number}"
        self.az = f"az{(number - 1) % 3 + 1}"
        self.client_port, self.peer_port, self.operations_port = ports
        self.dir = os.path.join(directory, self.name)
        self.data = os.path.join(self.dir, "data")
        self.config = os.path.join(self.dir, "braidd.conf")
        self.log = os.path.join(self.dir, "braidd.log")
        self.process = None
        self.env = {}  # what its process has besides ours
        self.starter = []  # a program that becomes braidd, with its arguments
        os.makedirs(self.data)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.client_port}"

    @property
    def operations(self):
        return f"http://127.0.0.1:{self.operations_port}"

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def audited(self):
        """The lines of its audit log."""
        with open(os.path.join(self.data, "audit.log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def write_config(self, seeds, options):
        lines = {
            "name": self.name, "az": self.az, "data-dir": self.data,
            "client-listen": f"127.0.0.1:{self.client_port}",
            "peer-listen": f"127.0.0.1:{self.peer_port}",
            "operations-listen": f"127.0.0.1:{self.operations_port}",
            "seeds": ",".join(seeds), "founding-wait-ms": "0", "segment-bytes": "16M",
        }
        lines.update(options)
        with open(self.config, "w", encoding="ascii") as file:
            file.writelines(f"{key} = {value}\n" for key, value in lines.items())

    def start(self, arguments=()):
        assert not self.running(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.starter, braidd(), "--config", self.config,
                                             *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.env},
                                            preexec_fn=die_with_parent)

    def get(self, path, timeout=5):
        """(status, text) of a GET at the operations port; (0, reason) when nobody answers."""
        try:
            with urllib.request.urlopen(self.operations + path, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as fault:
            return fault.code, fault.read().decode()
        except OSError as fault:
            return 0, str(fault)

    def ready(self):
        return self.running() and self.get("/readyz")[0] == 200

    def metric(self, name):
        """The sum of all series of a metric; 0 when there is none."""
        status, text = self.get("/metrics")
        assert status == 200, text
        found = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (-?[0-9.e+]+)$", text, re.M)
        return sum(float(value) for value in found)

    def kill(self):
        """As a power switch for the process: SIGKILL."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_S)
        self.process = None
        return status

    def await_end(self, timeout_s=STOP_S):
        """The exit status of a node that is expected to end by itself."""
        status = self.process.wait(timeout_s)
        self.process = None
        return status


class Cluster:
    """N nodes in N zones or fewer.  `options` are lines for every node's configuration.  With `keys`,
    {access key: secret}, requests must be signed with one of them; clients take the first.  Nothing is
    limited, so that no test waits for AWS's rates, unless `options` set limits."""

    def __init__(self, nodes=3, options=None, start=True, keys=None):
        self.dir = tempfile.mkdtemp(prefix="braid-test-")
        self.options = {"replication": "3" if nodes >= 3 else "1", "limits": "unlimited"}
        self.options.update(options or {})
        self.key = next(iter(keys.items())) if keys else ("any", "any")
        self.credentials = os.path.join(self.dir, "credentials")
        if keys:
            self.write_credentials("".join(f"{key} = {value}\n" for key, value in keys.items()))
            self.options.update({"auth": "sigv4", "credentials": self.credentials})
        ports = free_ports(3 * nodes)
        self.nodes = [Node(i + 1, self.dir, ports[3 * i:3 * i + 3]) for i in range(nodes)]
        self.clients = {}
        open_clusters.append(self)
        atexit.register(self.end)
        seeds = [f"127.0.0.1:{node.peer_port}" for node in self.nodes]
        for node in self.nodes:
            node.write_config(seeds if nodes > 1 else [], self.options)
        if start:
            self.start_all()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(check=kind is None)

    def write_credentials(self, text, mode=0o600):
        """As an operator would: a new file in the place of the old one."""
        with open(self.credentials + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.credentials + ".new", mode)
        os.rename(self.credentials + ".new", self.credentials)

    def __getitem__(self, number):
        return self.nodes[number - 1]

    def start_all(self):
        for node in self.nodes:
            if not node.running():
                node.start()
        self.await_ready()

    def start_three(self, shards):
        """Of four nodes the first three, who are the seeds of all, with a stream "s": returns
        these.  Node 4 joins when it is started; it stands in the zone of node 1."""
        seeds = [f"127.0.0.1:{self[number].peer_port}" for number in (1, 2, 3)]
        for node in self.nodes:
            node.write_config(seeds, self.options)
        for number in (1, 2, 3):
            self.start(number)
        self.await_ready()
        self.create_stream("s", shards=shards)
        return seeds

    def await_ready(self, timeout_s=READY_S):
        for node in self.nodes:
            if node.process is not None:
                self.await_node(node.number, timeout_s)

    def await_node(self, number, timeout_s=READY_S):
        node = self[number]

        def look():
            assert node.running(), f"{node.name} ended with {node.process.returncode}"
            return node.ready()

        try:
            wait_until(look, timeout_s, f"{node.name} ready")
        except AssertionError as fault:
            raise AssertionError(f"{fault}; it says: {node.get('/readyz')}") from None

    def kill(self, number):
        self[number].kill()

    def stop(self, number):
        return self[number].stop()

    def start(self, number):
        self[number].start()

    def client(self, number, attempts=1, timeout_s=30, key=None, newest=False, **config):
        """A boto3 client of a node.  One attempt means that tests see every error.  `key` is an
        access key and its secret.  `newest`: it knows the operations and members of MODELS."""
        import boto3
        import botocore.session
        from botocore.config import Config

        access, secret = key or self.key
        of = (number, attempts, timeout_s, access, secret, newest, tuple(sorted(config.items())))
        if of not in self.clients:
            config = Config(retries={"mode": "standard", "total_max_attempts": attempts},
                            connect_timeout=5, read_timeout=timeout_s, max_pool_connections=32,
                            **config)
            session = botocore.session.Session()
            if newest:
                session.get_component("data_loader").search_paths.insert(0, MODELS)
            self.clients[of] = boto3.session.Session(botocore_session=session).client(
                "kinesis", endpoint_url=self[number].endpoint, region_name="us-east-1",
                aws_access_key_id=access, aws_secret_access_key=secret, config=config)
        return self.clients[of]

    def state(self, number=None):
        """/cluster as one node sees it; None when it does not answer."""
        for node in self.nodes if number is None else [self[number]]:
            if node.running():
                status, text = node.get("/cluster")
                if status == 200:
                    return json.loads(text)
        return None

    def streams(self, name):
        """/streams of one stream, as the first node that answers sees it."""
        for node in self.nodes:
            if node.running():
                status, text = node.get(f"/streams?name={name}")
                if status == 200:
                    return json.loads(text)["streams"][0]
        return None

    def create_stream(self, name, shards=1, number=1):
        client = self.client(number, attempts=5)
        client.create_stream(StreamName=name, ShardCount=shards)
        self.await_active(name)

    def await_active(self, name):
        """Until every node that runs has heard of it: the others follow within milliseconds."""

        def look(client):
            try:
                return client.describe_stream_summary(StreamName=name)[
                    "StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
            except client.exceptions.ResourceNotFoundException:
                return False

        for node in self.nodes:
            if node.running():
                client = self.client(node.number, attempts=5)
                wait_until(lambda client=client: look(client), READY_S,
                           f"{name} ACTIVE at {node.name}")

    def fatal_lines(self):
        found = []
        for node in self.nodes:
            found += [f"{node.name}: {line}" for line in node.log_text().splitlines()
                      if FATAL.search(line)]
        return found

    def check_logs(self):
        found = self.fatal_lines()
        assert not found, "\n".join(found[:20])

    def log_tails(self):
        return [(node.log, "\n".join(node.log_text().splitlines()[-LOG_LINES_SHOWN:]))
                for node in self.nodes]

    def end(self):
        """Ends every process; the folder stays."""
        for node in self.nodes:
            if node.running():
                node.kill()

    def close(self, check=True):
        """Stops the nodes gracefully, looks at their logs, and removes the folder."""
        statuses = {}
        if check:
            running = [node for node in self.nodes if node.running()]
            for node in running:
                node.process.send_signal(signal.SIGTERM)
            for node in running:
                try:
                    statuses[node.name] = node.process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    statuses[node.name] = f"still running {STOP_S} s after SIGTERM"
        self.end()
        atexit.unregister(self.end)
        fatal = self.fatal_lines()
        wrong = {name: status for name, status in statuses.items() if status != 0}
        if check and (fatal or wrong):
            raise AssertionError(f"exit statuses {wrong}; logs in {self.dir}:\n"
                                 + "\n".join(fatal[:20] or [text for _, text in self.log_tails()]))
        if self in open_clusters:
            open_clusters.remove(self)
        shutil.rmtree(self.dir, ignore_errors=True)


def run_braid(*arguments, stdin=None, timeout=120, env=None):
    """Runs the command line; a CompletedProcess with bytes."""
    return subprocess.run([braid(), *arguments], input=stdin, timeout=timeout, check=False,
                          stdin=None if stdin is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **(env or {})})

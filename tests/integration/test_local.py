"""`braid local` and deploy/quickstart: a cluster on this machine, from nothing to nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from braid_cluster import FATAL, ROOT, braid, build_dir, free_ports, run_braid

LOCAL_PORTS = 23  # from the first port of three nodes, ten apart, to the last
QUICKSTART = os.path.join(ROOT, "deploy", "quickstart")


@pytest.fixture
def place():
    """A folder and a port; whatever still runs there afterwards is ended by its pid."""
    folder = tempfile.mkdtemp(prefix="braid-local-")
    env = {"BRAID_LOCAL_DIR": os.path.join(folder, "cluster"), "BRAID_PORT": str(free_ports(LOCAL_PORTS)[0])}
    yield env
    done = run_braid("local", "status", "--output", "json", env=env)
    if done.returncode == 0:
        for node in json.loads(done.stdout)["nodes"]:
            if node["pid"] is not None:
                os.kill(node["pid"], signal.SIGKILL)
    shutil.rmtree(folder)


def status(env):
    done = run_braid("local", "status", "--output", "json", env=env)
    assert done.returncode == 0, done.stderr
    return {node["name"]: node for node in json.loads(done.stdout)["nodes"]}


def ok(env, *arguments, stdin=None):
    done = run_braid(*arguments, stdin=stdin, env=env)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done


def test_a_local_cluster_from_up_to_erase(place):
    up = ["local", "up", "--timeout", "120"]
    ok(place, *up)
    first = status(place)
    assert first["node-1"]["endpoint"] == f"http://127.0.0.1:{place['BRAID_PORT']}"
    assert [first[f"node-{k}"]["az"] for k in (1, 2, 3)] == ["az1", "az2", "az3"]
    assert all(node["ready"] for node in first.values())

    ok(place, *up)  # again: nothing happens
    assert {name: node["pid"] for name, node in status(place).items()} == {
        name: node["pid"] for name, node in first.items()}
    assert run_braid("local", "up", "--nodes", "1", env=place).returncode == 5

    ok(place, "stream", "create", "s", "--shards", "3")
    ok(place, "local", "kill", "2")
    assert [node["running"] for node in status(place).values()] == [True, False, True]
    assert status(place)["node-2"]["pid"] is None
    os.kill(first["node-3"]["pid"], signal.SIGSTOP)
    assert "does not answer: " in ok(place, "local", "status", "--timeout", "1").stdout.decode()
    os.kill(first["node-3"]["pid"], signal.SIGCONT)
    assert run_braid("local", "kill", "2", env=place).returncode == 4
    ok(place, "put", "s", stdin=b"one\ntwo\nthree\n")
    started = json.loads(ok(place, "local", "start", "2", "--timeout", "120", "-o", "json").stdout)
    assert started == {"started": "node-2", "pid": status(place)["node-2"]["pid"],
                       "endpoint": first["node-2"]["endpoint"]}
    refused = run_braid("local", "down", "--erase", env=place)  # nobody there to be asked
    assert refused.returncode == 1 and b"nothing was stopped or removed" in refused.stderr
    assert all(node["ready"] for node in status(place).values())
    assert sorted(ok(place, "tail", "s", "--from-start", "--max", "3").stdout.split()) == [
        b"one", b"three", b"two"]

    os.kill(first["node-3"]["pid"], signal.SIGSTOP)
    late = run_braid("local", "down", "--timeout", "1", env=place)
    assert late.returncode == 6 and b"has not stopped after 1 s" in late.stderr, late.stderr
    os.kill(first["node-3"]["pid"], signal.SIGCONT)
    ok(place, "local", "down")
    ok(place, "local", "down")  # again: nothing to stop
    assert not any(node["running"] for node in status(place).values())
    ok(place, *up)
    back = ok(place, "tail", "s", "--from-start", "--max", "3").stdout
    assert sorted(back.split()) == [b"one", b"three", b"two"]
    ok(place, "local", "down", "--erase", "--yes")
    assert not os.path.exists(place["BRAID_LOCAL_DIR"])
    assert run_braid("local", "status", env=place).returncode == 4


def test_a_pid_file_of_another_process_is_not_believed(place):
    os.makedirs(os.path.join(place["BRAID_LOCAL_DIR"], "node-1"))
    with open(os.path.join(place["BRAID_LOCAL_DIR"], "cluster.json"), "w", encoding="ascii") as file:
        json.dump({"nodes": 1, "port": int(place["BRAID_PORT"])}, file)
    with open(os.path.join(place["BRAID_LOCAL_DIR"], "node-1", "braidd.pid"), "w",
              encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    assert status(place)["node-1"]["running"] is False
    assert run_braid("local", "kill", "1", env=place).returncode == 4
    ok(place, "local", "down")


def test_a_port_is_a_number_wherever_it_comes_from(place):
    for port in ("x", "0", "65536", "4567 "):
        done = run_braid("local", "up", env={**place, "BRAID_PORT": port})
        assert done.returncode == 2
        assert f"BRAID_PORT is a number from 1 to 65445, not '{port}'".encode() in done.stderr
        done = run_braid("local", "up", "--port", port, env=place)
        assert done.returncode == 2 and b"--port is a number" in done.stderr
    assert not os.path.exists(place["BRAID_LOCAL_DIR"])


def test_a_taken_port_is_said_in_one_sentence(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(place["BRAID_PORT"]) + 11))
        taken.listen()
        done = run_braid("local", "up", "--port", place["BRAID_PORT"],
                         env={**place, "BRAID_PORT": "1"})  # the option counts over it
    assert done.returncode == 1
    assert f"node-2 needs port {int(place['BRAID_PORT']) + 11}".encode() in done.stderr
    assert not os.path.exists(os.path.join(place["BRAID_LOCAL_DIR"], "cluster.json"))


def test_the_quickstart_twice(place):
    env = {**os.environ, **place, "BUILD": build_dir(),
           "PATH": os.path.dirname(braid()) + ":" + os.environ["PATH"]}
    for run in (1, 2):
        done = subprocess.run([QUICKSTART], env=env, timeout=300, check=False, cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        text = done.stdout.decode()
        assert done.returncode == 0, text
        assert "read back 10000 records: the same, line for line" in text, (run, text)
    assert "it is there already" in text
    for number in (1, 2, 3):
        log = os.path.join(place["BRAID_LOCAL_DIR"], f"node-{number}", "braidd.log")
        with open(log, encoding="utf-8") as file:
            assert not FATAL.search(file.read())
    ok(place, "local", "down", "--erase", "--yes")

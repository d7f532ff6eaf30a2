"""kill -9 of any node at any moment under load: what was acknowledged is there, in order, once.

$BRAID_KILLS says how many kills (default 6; of all at once half as many), $BRAID_SEED which.
"""

import json
import os
import random
import signal
import statistics
import subprocess
import threading
import time

import pytest
from braid_cluster import Cluster, braid, die_with_parent, run_braid, wait_until
from braid_load import Load
from braid_records import read_stream

KILLS = int(os.environ.get("BRAID_KILLS", "6"))
SEED = int(os.environ.get("BRAID_SEED") or time.time())


@pytest.fixture
def cluster():
    with Cluster(nodes=3) as cluster:
        yield cluster


def clients_of(cluster):
    return [cluster.client(number, timeout_s=20) for number in (1, 2, 3)]


def test_no_acknowledged_record_is_lost_when_nodes_are_killed(cluster):
    chance = random.Random(SEED)
    print(f"BRAID_SEED={SEED} BRAID_KILLS={KILLS}")
    cluster.create_stream("killed", shards=3)
    with Load(clients_of(cluster), "killed", seed=SEED) as load:
        for kill in range(KILLS):
            before = load.count()
            time.sleep(chance.uniform(0.1, 1.0))
            number = chance.choice([1, 2, 3])
            cluster.kill(number)
            time.sleep(chance.choice([0, chance.uniform(0, 2.0)]))
            cluster.start(number)
            # Sometimes the next one falls before this one is whole.
            if chance.random() < 0.8:
                cluster.await_ready()
            if kill % 2:
                wait_until(lambda before=before: load.count() > before, 60, "puts go on")
        cluster.await_ready()
        before = load.count()
        wait_until(lambda: load.count() > before + 20, 60, "puts go on")
    print(load.describe())
    first = load.check(cluster.client(1, attempts=3))
    assert load.check(cluster.client(2, attempts=3)) == first
    cluster.check_logs()


def test_no_acknowledged_record_is_lost_when_all_nodes_are_killed_at_once(cluster):
    chance = random.Random(SEED)
    cluster.create_stream("dark", shards=3)
    ready_s = []
    with Load(clients_of(cluster), "dark", seed=SEED) as load:
        for _ in range(max(1, KILLS // 2)):
            before = load.count()
            wait_until(lambda before=before: load.count() > before + 20, 60, "puts go on")
            time.sleep(chance.uniform(0, 0.2))
            for number in (1, 2, 3):
                os.kill(cluster[number].process.pid, signal.SIGKILL)
            for number in (1, 2, 3):
                cluster.kill(number)
            began = time.monotonic()
            cluster.start_all()
            ready_s.append(time.monotonic() - began)
    print(f"{len(ready_s)} times all killed, all ready after {statistics.median(ready_s):.2f} s"
          f" (median), {max(ready_s):.2f} s (worst)")
    print(load.describe())
    load.check(cluster.client(1, attempts=3))


def test_a_follower_that_was_down_catches_up_and_serves_alone(cluster):
    """Also: without a majority puts fail in bounded time, and what is committed can be read."""
    cluster.create_stream("behind", shards=3)
    client = cluster.client(1, attempts=5)
    cluster.kill(3)
    sent = []
    for batch in range(8):
        texts = [f"{batch}/{i}" for i in range(250)]
        answer = client.put_records(StreamName="behind", Records=[
            {"Data": text.encode() + b"x" * 200, "PartitionKey": text} for text in texts])
        failed = [o for o in answer["Records"] if "ErrorCode" in o]
        assert not failed, failed[0]
        sent += texts
    cluster.start(3)
    cluster.await_ready()
    applied = "braid_shard_applied_index"
    wait_until(lambda: cluster[3].metric(applied) >= cluster[1].metric(applied), 60,
               "node 3 has applied what node 1 has")

    cluster.kill(1)
    cluster.kill(2)
    survivor = cluster.client(3, timeout_s=60)
    began = time.monotonic()
    with pytest.raises(survivor.exceptions.ClientError) as fault:
        survivor.put_record(StreamName="behind", PartitionKey="k", Data=b"x")
    took_s = time.monotonic() - began
    error = fault.value.response
    print(f"without a majority a put fails after {took_s:.1f} s: {error['Error']}")
    assert error["ResponseMetadata"]["HTTPStatusCode"] in (500, 503), error
    assert took_s < 30

    read = read_stream(cluster.client(3, attempts=3), "behind", alone=True)
    back = sorted(record["PartitionKey"] for records in read.values() for record in records)
    assert back == sorted(sent)
    done = run_braid("tail", "behind", "--from-start", "--no-follow",
                     env={"BRAID_ENDPOINT": cluster[3].endpoint})
    assert done.returncode == 6 and b"has no leader within reach" in done.stderr, done.stderr
    assert done.stdout.count(b"\n") == len(sent)

    cluster.start(1)
    cluster.await_ready()
    put = cluster.client(3, attempts=10, timeout_s=30).put_record
    wait_until(lambda: put(StreamName="behind", PartitionKey="k", Data=b"y"), 60, "puts go again")


def test_a_graceful_stop_hands_over_and_loses_nothing(cluster):
    cluster.create_stream("stopped", shards=3)
    with Load(clients_of(cluster), "stopped", seed=SEED) as load:
        for number in (1, 2, 3):
            before = load.count()
            wait_until(lambda before=before: load.count() > before + 50, 60, "load")
            began = time.monotonic()
            assert cluster.stop(number) == 0, cluster[number].log_text()[-2000:]
            print(f"{cluster[number].name} stopped in {time.monotonic() - began:.1f} s")
            before = load.count()
            wait_until(lambda before=before: load.count() > before + 20, 60, "the others take over")
            cluster.start(number)
            cluster.await_ready()
    print(load.describe())
    load.check(cluster.client(1, attempts=3))


def test_braid_put_and_tail_go_on_while_nodes_are_killed(cluster):
    """The command line changes over to another node, and stores every line at least once."""
    cluster.create_stream("piped", shards=3)
    env = {**os.environ, "BRAID_ENDPOINT": ",".join(node.endpoint for node in cluster.nodes)}
    tail = subprocess.Popen([braid(), "tail", "piped", "--from-start", "--output", "json"],
                            stdout=subprocess.PIPE, env=env, preexec_fn=die_with_parent)
    put = subprocess.Popen([braid(), "put", "piped"], stdin=subprocess.PIPE, env=env,
                           preexec_fn=die_with_parent)
    seen = set()
    reader = threading.Thread(daemon=True, target=lambda: [
        seen.add(json.loads(line)["Data"]) for line in tail.stdout])
    reader.start()
    try:
        lines = [f"line {i}" for i in range(300)]
        for i, line in enumerate(lines):
            put.stdin.write(line.encode() + b"\n")
            put.stdin.flush()
            if i in (60, 160):
                cluster.kill(1 + i // 100)
            elif i in (110, 210):
                cluster.start(1 + i // 200)
                cluster.await_ready()
            time.sleep(0.01)
        put.stdin.close()
        assert put.wait(90) == 0
        wait_until(lambda: seen >= set(lines), 60, "tail has printed every line")
    finally:
        for process in (put, tail):
            process.kill()
            process.wait()
    reader.join(30)
    assert seen == set(lines)

"""How soon a consumer has a record, and what consumers cost.

    BRAID_BUILD=build/bench python3 tests/bench/bench_fan_out.py latency|bandwidth|many|sharing

Three nodes and the clients on this machine.

  latency    one shard, 1 KiB records one at a time: from the answer to PutRecord until a fan-out
             consumer, at the node that leads and at another, and a polling reader have read it;
             idle, and while another stream of 16 shards takes half of what it took as fast as it
             could
  bandwidth  1 and 20 consumers of one shard that is written at 2 MiB/s: what each gets, CPU and
             memory of the node that leads, over the same without consumers
  many       100 shards with 2 consumers each: CPU and memory of all nodes, idle and with 1 MiB/s
             over all shards, over the same without consumers
  sharing    1 and 20 consumers that read nothing while 64 MiB are put: memory of their node
"""

import statistics
import sys
import time

from fan_out_clients import (Consumer, Counting, Load, Poller, put_one_by_one, subscribe)
from braid_cluster import Cluster

PUTS = 400
SHARD = "shardId-000000000000"
MIB = 1 << 20


def consumers_of(cluster, stream, count):
    client = cluster.client(1)
    arn = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    return [client.register_stream_consumer(StreamARN=arn, ConsumerName=f"c-{i}")
            ["Consumer"]["ConsumerARN"] for i in range(count)]


def leader_of(cluster, stream):
    return int(cluster.streams(stream)["shards"][0]["leader"].split("-")[-1])


def resident_mib(cluster, numbers):
    return sum(cluster[n].metric("process_resident_memory_bytes") for n in numbers) / MIB


def cpu_ms(cluster, numbers):
    return sum(cluster[n].metric("braid_process_cpu_milliseconds_total") for n in numbers)


class Span:
    """What nodes use over some seconds."""

    def __init__(self, cluster, numbers, seconds):
        before = cpu_ms(cluster, numbers)
        time.sleep(seconds)
        self.core = (cpu_ms(cluster, numbers) - before) / seconds / 10
        self.mib = resident_mib(cluster, numbers)

    def __str__(self):
        return f"{self.core:.1f} % of a core, {self.mib:.1f} MiB"


# ---- latency ----

def late_ms(reader, acknowledged):
    late = sorted((reader.came[number] - then) * 1000 for number, then in acknowledged)
    return (f"p50 {statistics.median(late):.2f} ms, p99 {late[len(late) * 99 // 100]:.2f} ms, "
            f"{len(late)} records")


def readers(cluster, arn, leader):
    other = leader % 3 + 1
    yield "fan-out, at the leader", lambda: Consumer(cluster[leader].client_port, arn, SHARD)
    yield "fan-out, elsewhere", lambda: Consumer(cluster[other].client_port, arn, SHARD)
    yield "polling, without a pause", lambda: Poller(cluster[leader].client_port, "fan", SHARD, 0)
    yield "polling, 5 times a second", lambda: Poller(cluster[leader].client_port, "fan", SHARD,
                                                      0.2)


def measure_latency(cluster, what, arn, leader):
    for name, make in readers(cluster, arn, leader):
        reader = make()
        time.sleep(1)
        acknowledged = put_one_by_one(cluster[leader].client_port, "fan", PUTS, 0.005)
        time.sleep(1)
        print(f"{what}, {name}: {late_ms(reader, acknowledged)}", flush=True)
        reader.close()
        time.sleep(5 if isinstance(reader, Consumer) else 0)


def latency():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("fan")
        cluster.create_stream("load", shards=16)
        arn, leader = consumers_of(cluster, "fan", 1)[0], leader_of(cluster, "fan")
        measure_latency(cluster, "idle", arn, leader)
        load = Load(cluster[1].client_port, "load", 250)
        time.sleep(2)
        begun = load.done.value
        time.sleep(8)
        most = (load.done.value - begun) / 8
        load.stop()
        print(f"the load at its most: {most / MIB:.1f} MiB/s")
        time.sleep(2)
        load = Load(cluster[1].client_port, "load", 250, most / 2)
        measure_latency(cluster, "half load", arn, leader)
        load.stop()


# ---- what consumers cost ----

def counted(counting, seconds):
    before = list(counting.bytes)
    time.sleep(seconds)
    return sorted((now - then) * 3 / 4 / seconds / MIB for now, then in zip(counting.bytes, before))


def bandwidth():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("fan")
        arns, leader = consumers_of(cluster, "fan", 20), leader_of(cluster, "fan")
        load = Load(cluster[leader].client_port, "fan", 128, 2 * MIB, writers=1)
        time.sleep(20) # the newest records stay in memory: it is full of them
        without = Span(cluster, [leader], 10)
        print(f"no consumers: {without}", flush=True)
        for count in (1, 20):
            counting = Counting([(cluster[leader].client_port, arn, SHARD)
                                 for arn in arns[:count]])
            time.sleep(5)
            got = counted(counting, 2)
            span = Span(cluster, [leader], 20)
            got = counted(counting, 5)
            print(f"{count} consumers: {span}; each {(span.core - without.core) / count:.2f} % of "
                  f"a core, {(span.mib - without.mib) / count:.2f} MiB; each got {got[0]:.2f} to "
                  f"{got[-1]:.2f} MiB/s of records", flush=True)
            counting.stop()
            time.sleep(6)
        load.stop()


def many():
    everybody = [1, 2, 3]
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("fan", shards=100)
        arns = consumers_of(cluster, "fan", 2)
        shards = [f"shardId-{n:012d}" for n in range(100)]
        time.sleep(5)
        for what, per_s in (("idle", None), ("1 MiB/s", MIB)):
            load = Load(cluster[1].client_port, "fan", 100, per_s, 1) if per_s else None
            time.sleep(20 if load else 2)
            without = Span(cluster, everybody, 10)
            counting = Counting([(cluster[1 + place % 3].client_port, arn, shard)
                                 for arn in arns for place, shard in enumerate(shards)])
            time.sleep(10)
            span = Span(cluster, everybody, 20)
            print(f"{what}: without {without}; with 200 consumers {span}; each "
                  f"{(span.core - without.core) / 200:.3f} % of a core, "
                  f"{(span.mib - without.mib) / 200 * 1024:.0f} KiB", flush=True)
            counting.stop()
            time.sleep(6)
            if load:
                load.stop()


def sharing():
    with Cluster(nodes=3) as cluster:
        cluster.create_stream("fan")
        arns, leader = consumers_of(cluster, "fan", 20), leader_of(cluster, "fan")
        for count in (0, 1, 20):
            idle = [subscribe(cluster[leader].client_port, arn, SHARD) for arn in arns[:count]]
            time.sleep(2)
            before = resident_mib(cluster, [leader])
            load = Load(cluster[leader].client_port, "fan", 500, 16 * MIB, writers=1)
            while load.done.value < 64 * MIB:
                time.sleep(0.1)
            load.stop()
            time.sleep(3)
            held = cluster[leader].metric("braid_http_reply_bytes") / MIB
            print(f"{count} that read nothing: {resident_mib(cluster, [leader]) - before:+.1f} MiB "
                  f"resident, replies that wait: {held:.1f} MiB", flush=True)
            for client in idle:
                client.close()
            time.sleep(6)


{"latency": latency, "bandwidth": bandwidth, "many": many, "sharing": sharing}[sys.argv[1]]()

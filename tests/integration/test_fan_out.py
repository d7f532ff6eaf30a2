"""Subscriptions: HTTP/2, kill -9 of the leader, readers that do not read, a stop."""

import base64
import itertools
import json
import socket
import threading
import time

import braid_h2
import h2.events
import pytest
from braid_cluster import Cluster, wait_until
from braid_events import Events
from braid_http import headers_of
from braid_records import error_of

SHARD = "shardId-000000000000"
names = itertools.count(1)


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=3) as cluster:
        yield cluster


@pytest.fixture
def stream(cluster):
    name = f"fan-{next(names)}"
    cluster.create_stream(name)
    return name


def consumer_of(cluster, stream, name="reader"):
    client = cluster.client(1)
    arn = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    made = client.register_stream_consumer(StreamARN=arn, ConsumerName=name)["Consumer"]
    return made["ConsumerARN"]


def leader_of(cluster, stream):
    return cluster.streams(stream)["shards"][0]["leader"]


class Reader(threading.Thread):
    """Subscribes at one node after the other, and goes on where it was, until it has `count`."""

    def __init__(self, cluster, consumer, count, numbers=(1, 2, 3)):
        super().__init__(daemon=True)
        self.clients = [cluster.client(number) for number in numbers]
        self.consumer, self.count = consumer, count
        self.data, self.times, self.faults = [], [], []
        self.place = {"Type": "TRIM_HORIZON"}
        self.subscriptions = 0
        self.start()

    def run(self):
        for client in itertools.cycle(self.clients):
            try:
                answer = client.subscribe_to_shard(ConsumerARN=self.consumer, ShardId=SHARD,
                                                   StartingPosition=self.place)
                self.subscriptions += 1
                for event in answer["EventStream"]:
                    self.take(event["SubscribeToShardEvent"])
                    if len(self.data) >= self.count:
                        answer["EventStream"].close()
                        return
            except Exception as fault:
                self.faults.append(str(fault)[:200])
                time.sleep(0.3)

    def take(self, event):
        now = time.time()
        for record in event["Records"]:
            self.data.append(record["Data"])
            self.times.append(now)
        self.place = {"Type": "AFTER_SEQUENCE_NUMBER",
                      "SequenceNumber": event["ContinuationSequenceNumber"]}


def put(clients, stream, data, attempts_s=30):
    """Puts one record at one of the nodes; returns when it was acknowledged."""
    end = time.monotonic() + attempts_s
    while True:
        try:
            return next(clients).put_record(StreamName=stream, PartitionKey="k", Data=data)
        except Exception:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_http_2_gives_events_of_many_subscriptions_on_one_connection(cluster, stream):
    client = cluster.client(1)
    consumers = [consumer_of(cluster, stream, f"c-{i}") for i in range(5)]
    connection = Subscriber(cluster[2].client_port)
    calls = [connection.subscribe(consumer) for consumer in consumers]
    for i in range(20):
        client.put_record(StreamName=stream, PartitionKey="k", Data=b"%04d" % i)
    for call in calls:
        connection.until(call, 20)
        assert connection.kinds[call][0] == "initial-response"
        assert connection.data[call] == [b"%04d" % i for i in range(20)]
    connection.close()
    wait_until(lambda: cluster[2].metric("braid_subscriptions") == 0, 10, "let go")


class Subscriber(braid_h2.Connection):
    """An HTTP/2 connection whose answers are events; reads only in until()."""

    def __init__(self, port):
        super().__init__(port)
        self.events, self.kinds, self.data = {}, {}, {}

    def subscribe(self, consumer, kind="TRIM_HORIZON"):
        call = self.send("SubscribeToShard", {"ConsumerARN": consumer, "ShardId": SHARD,
                                              "StartingPosition": {"Type": kind}})
        self.events[call], self.kinds[call], self.data[call] = Events(), [], []
        return call

    def happened(self, event):
        super().happened(event)
        if isinstance(event, h2.events.DataReceived) and event.stream_id in self.events:
            call = event.stream_id
            for kind, tree in self.events[call].feed(event.data):
                self.kinds[call].append(kind)
                self.data[call] += [base64.b64decode(record["Data"])
                                    for record in tree.get("Records", [])]

    def until(self, call, count, timeout_s=30):
        end = time.monotonic() + timeout_s
        while len(self.data[call]) < count:
            assert time.monotonic() < end
            self.pull()


def test_a_killed_leader_costs_no_record_and_repeats_none(cluster, stream):
    consumer = consumer_of(cluster, stream)
    count = 300
    reader = Reader(cluster, consumer, count)
    clients = itertools.cycle([cluster.client(number) for number in (1, 2, 3)])
    for i in range(count):
        put(clients, stream, b"%06d" % i)
        if i == 100:
            killed = int(leader_of(cluster, stream).split("-")[-1])
            cluster.kill(killed)
        if i == 200:
            cluster.start(killed)
    reader.join(60)
    assert not reader.is_alive(), (len(reader.data), reader.faults)
    # What a put that was offered again stored twice is read twice: the log says what there is.
    there = [record["Data"] for record in log_of(cluster, stream, count)]
    assert reader.data == there[:len(reader.data)]
    assert set(reader.data) == {b"%06d" % i for i in range(count)} or len(there) > count
    cluster.await_ready()


def log_of(cluster, stream, count):
    from braid_records import iterator, read_on

    client = cluster.client(1, attempts=5)
    return read_on(client, iterator(client, stream, SHARD), count=count)


def test_readers_that_do_not_read_cost_bounded_memory(cluster, stream):
    client = cluster.client(1)
    consumers = [consumer_of(cluster, stream, f"slow-{i}") for i in range(10)]
    node = cluster[2]
    sockets = [subscribe_and_stall(node.client_port, consumer) for consumer in consumers]
    wait_until(lambda: node.metric("braid_subscriptions") == 10, 10, "all subscribed")
    before = node.metric("process_resident_memory_bytes")
    data = b"x" * 1000000
    for _ in range(60):
        client.put_record(StreamName=stream, PartitionKey="k", Data=data)
    time.sleep(2)
    grown = node.metric("process_resident_memory_bytes") - before
    given = node.metric("braid_subscription_events_total")
    print(f"10 stalled readers, 60 MB put: {grown / 1e6:.1f} MB more, {given:.0f} events")
    reader = Reader(cluster, consumer_of(cluster, stream, "quick"), 60, numbers=(2,))
    reader.join(60)
    assert reader.data == [data] * 60
    for stalled in sockets:
        stalled.close()
    wait_until(lambda: node.metric("braid_subscriptions") == 0, 20, "let go")


def subscribe_and_stall(port, consumer):
    """A subscription whose client never reads."""
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.connect(("127.0.0.1", port))
    text = json.dumps({"ConsumerARN": consumer, "ShardId": SHARD,
                       "StartingPosition": {"Type": "TRIM_HORIZON"}})
    head = "".join(f"{name}: {value}\r\n" for name, value in
                   {**headers_of("SubscribeToShard"), "Host": "x",
                    "Content-Length": str(len(text))}.items())
    stalled.sendall(f"POST / HTTP/1.1\r\n{head}\r\n{text}".encode())
    return stalled


def test_a_node_that_stops_ends_its_subscriptions_and_they_go_on_elsewhere(cluster, stream):
    consumer = consumer_of(cluster, stream)
    reader = Reader(cluster, consumer, 40, numbers=(3, 1, 2))
    client = cluster.client(1)
    for i in range(20):
        client.put_record(StreamName=stream, PartitionKey="k", Data=b"%04d" % i)
    wait_until(lambda: len(reader.data) == 20, 20, "read")
    assert cluster[3].stop() == 0
    for i in range(20, 40):
        put(itertools.repeat(client), stream, b"%04d" % i)
    reader.join(60)
    assert reader.data == [b"%04d" % i for i in range(40)], reader.faults
    cluster.start(3)
    cluster.await_ready()


def test_a_consumer_may_be_told_how_often_it_may_subscribe():
    with Cluster(nodes=1, options={"subscribe-calls-per-s": "1"}) as cluster:
        cluster.create_stream("river")
        client, consumer = cluster.client(1), consumer_of(cluster, "river")
        wanted = {"ConsumerARN": consumer, "ShardId": SHARD,
                  "StartingPosition": {"Type": "LATEST"}}
        first = client.subscribe_to_shard(**wanted)["EventStream"]
        assert error_of(client.subscribe_to_shard, **wanted) == (
            "LimitExceededException", 400, f"Rate exceeded for consumer {consumer} and shard {SHARD}")
        time.sleep(1.1)
        assert error_of(client.subscribe_to_shard, **wanted)[0] == "ResourceInUseException"
        first.close()

"""SubscribeToShard over HTTP/1.1 with boto3; every event is held against botocore's model."""

import time

import pytest
from braid_records import error_of
from braid_reshard import KEYS, wait_active

SHARD = "shardId-000000000000"


@pytest.fixture
def made(cluster, kinesis, node, new_name):
    """A stream of its own with a consumer: its name and the consumer's ARN."""
    name = new_name()
    cluster.create_stream(name, number=node.number)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]
    yield name, consumer["ConsumerARN"]
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


@pytest.fixture
def plain(cluster, node):
    return cluster.client(node.number)


def subscribe(client, consumer, shard=SHARD, **position):
    return client.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard,
                                     StartingPosition=position or {"Type": "TRIM_HORIZON"})


def events_of(stream, records=0, events=0):
    """Events until so many records, and so many of them, have come."""
    found, count = [], 0
    for event in stream["EventStream"]:
        found.append(event["SubscribeToShardEvent"])
        count += len(found[-1]["Records"])
        if count >= records and len(found) >= events:
            break
    stream["EventStream"].close()
    return found


def data_of(events):
    return [record["Data"] for event in events for record in event["Records"]]


def put(client, name, count, first=0):
    return [client.put_record(StreamName=name, PartitionKey="k",
                              Data=b"%06d" % i)["SequenceNumber"]
            for i in range(first, first + count)]


def test_records_are_pushed_as_they_come(plain, made):
    name, consumer = made
    numbers = put(plain, name, 3)
    stream = subscribe(plain, consumer)
    assert stream["ResponseMetadata"]["HTTPHeaders"]["content-type"] == (
        "application/vnd.amazon.eventstream")
    events = iter(stream["EventStream"])
    got = []
    while len(got) < 3:
        event = next(events)["SubscribeToShardEvent"]
        got += event["Records"]
    assert [record["Data"] for record in got] == [b"000000", b"000001", b"000002"]
    assert [record["SequenceNumber"] for record in got] == numbers
    assert {record["PartitionKey"] for record in got} == {"k"}
    assert abs(got[0]["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60
    assert event["MillisBehindLatest"] == 0
    for i in range(3, 8):
        number, = put(plain, name, 1, i)
        event = next(events)["SubscribeToShardEvent"]
        while not event["Records"]:
            event = next(events)["SubscribeToShardEvent"]
        assert [record["SequenceNumber"] for record in event["Records"]] == [number]
    stream["EventStream"].close()


def last_of(stream):
    """All records until the stream ends by itself, and its last event."""
    events = [event["SubscribeToShardEvent"] for event in stream["EventStream"]]
    return data_of(events), events[-1]


def test_a_shard_that_is_split_or_merged_ends_with_its_children(plain, kinesis, made):
    name, consumer = made
    put(plain, name, 3)
    stream = subscribe(plain, consumer)
    kinesis.split_shard(StreamName=name, ShardToSplit=SHARD, NewStartingHashKey=str(KEYS // 2))
    got, last = last_of(stream)
    assert got == [b"000000", b"000001", b"000002"]
    assert "ContinuationSequenceNumber" not in last and last["MillisBehindLatest"] == 0
    assert [(child["ShardId"], child["ParentShards"], int(child["HashKeyRange"]["StartingHashKey"]))
            for child in last["ChildShards"]] == [
                ("shardId-000000000001", [SHARD], 0),
                ("shardId-000000000002", [SHARD], KEYS // 2)]

    wait_active(kinesis, name)
    left, right = (child["ShardId"] for child in last["ChildShards"])
    stream = subscribe(plain, consumer, right)
    kinesis.merge_shards(StreamName=name, ShardToMerge=left, AdjacentShardToMerge=right)
    _, last = last_of(stream)
    (child,) = last["ChildShards"]
    assert (child["ShardId"], sorted(child["ParentShards"])) == ("shardId-000000000003",
                                                                  [left, right])
    # Who comes to a closed shard reads it to its end.
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    late = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="late")["Consumer"]
    got, again = last_of(subscribe(plain, late["ConsumerARN"]))
    assert got == [b"000000", b"000001", b"000002"] and len(again["ChildShards"]) == 2


def test_an_idle_shard_gives_an_event_at_least_every_5_s(plain, made):
    name, consumer = made
    put(plain, name, 1)
    stream = subscribe(plain, consumer, Type="LATEST")
    began, times, numbers = time.monotonic(), [], []
    for event in stream["EventStream"]:
        event = event["SubscribeToShardEvent"]
        assert event["Records"] == []
        assert event["MillisBehindLatest"] == 0
        times.append(time.monotonic() - began)
        numbers.append(event["ContinuationSequenceNumber"])
        if len(times) == 2:
            break
    stream["EventStream"].close()
    assert times[0] < 6 and times[1] - times[0] < 6
    put(plain, name, 1, 1)
    time.sleep(max(0, 5.2 - (time.monotonic() - began)))
    for kind in ("AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"):
        again = subscribe(plain, consumer, Type=kind, SequenceNumber=numbers[-1])
        assert data_of(events_of(again, 1)) == [b"000001"]
        time.sleep(5.2)


@pytest.mark.parametrize("kind", ["AFTER_SEQUENCE_NUMBER", "AT_SEQUENCE_NUMBER"])
def test_a_reader_goes_on_where_an_event_ended(plain, made, kind):
    name, consumer = made
    put(plain, name, 5)
    first = events_of(subscribe(plain, consumer), 5)
    put(plain, name, 5, 5)
    time.sleep(5.2)
    after = subscribe(plain, consumer, Type=kind,
                      SequenceNumber=first[-1]["ContinuationSequenceNumber"])
    assert data_of(first) + data_of(events_of(after, 10 - len(data_of(first)))) == [
        b"%06d" % i for i in range(10)]


def test_all_starting_positions(kinesis, plain, made):
    name, consumer = made
    numbers = put(plain, name, 2)
    time.sleep(1.1)
    then = int(time.time())
    numbers += put(plain, name, 2, 2)
    arn = consumer.split("/consumer/")[0]
    for i, (position, wanted) in enumerate([
            ({"Type": "TRIM_HORIZON"}, [0, 1, 2, 3]),
            ({"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": numbers[1]}, [1, 2, 3]),
            ({"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": numbers[1]}, [2, 3]),
            ({"Type": "AT_TIMESTAMP", "Timestamp": then}, [2, 3]),
            ({"Type": "AT_TIMESTAMP", "Timestamp": 1}, [0, 1, 2, 3])]):
        other = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c-{i}")["Consumer"]
        events = events_of(subscribe(plain, other["ConsumerARN"], **position), len(wanted))
        assert data_of(events) == [b"%06d" % i for i in wanted], position


def test_a_second_subscription_is_refused_for_5_s_and_takes_over_then(cluster, plain, made,
                                                                     account):
    name, consumer = made
    began = time.monotonic()
    first = subscribe(plain, consumer)
    used = ("ResourceInUseException", 400, "Another active subscription exists for this consumer: "
            f"{account}:{name}:{SHARD}:reader")
    for number in (1, 2, 3):
        assert error_of(subscribe, client=cluster.client(number), consumer=consumer) == used
    time.sleep(max(0, 5.2 - (time.monotonic() - began)))
    second = subscribe(cluster.client(2), consumer)
    with pytest.raises(Exception) as ended:
        for event in first["EventStream"]:
            assert time.monotonic() - began < 20
    assert "Another active subscription exists" in str(ended.value)
    assert "ResourceInUseException" in str(ended.value)
    put(plain, name, 1)
    assert data_of(events_of(second, 1)) == [b"000000"]


def test_a_consumer_that_is_deregistered_reads_no_more(kinesis, plain, made):
    name, consumer = made
    stream = subscribe(plain, consumer)
    arn = consumer.split("/consumer/")[0]
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    with pytest.raises(Exception) as ended:
        for _ in stream["EventStream"]:
            pass
    assert "ResourceNotFoundException" in str(ended.value)
    assert error_of(subscribe, client=plain, consumer=consumer)[0] == "ResourceNotFoundException"
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")


def test_what_cannot_be_subscribed_to(kinesis, made, account):
    name, consumer = made
    other = consumer + "1"
    assert error_of(subscribe, client=kinesis, consumer=other) == (
        "ResourceNotFoundException", 400, f"Consumer {other}, account {account} not found.")
    assert error_of(subscribe, client=kinesis, consumer=consumer,
                    shard="shardId-000000000009") == (
        "ResourceNotFoundException", 400,
        f"Shard shardId-000000000009 in stream {name} under account {account} does not exist")
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        assert error_of(subscribe, client=kinesis, consumer=consumer, Type=kind) == (
            "InvalidArgumentException", 400, "Must specify SequenceNumber in a StartingPosition "
            "of type AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER.")
        assert error_of(subscribe, client=kinesis, consumer=consumer, Type=kind,
                        SequenceNumber="17")[:2] == ("InvalidArgumentException", 400)
    assert error_of(subscribe, client=kinesis, consumer=consumer, Type="AT_TIMESTAMP") == (
        "InvalidArgumentException", 400,
        "Must specify Timestamp in a StartingPosition of type AT_TIMESTAMP.")
    assert error_of(subscribe, client=kinesis, consumer=consumer, Type="AT_TIMESTAMP",
                    Timestamp=time.time() + 3600)[:2] == ("InvalidArgumentException", 400)

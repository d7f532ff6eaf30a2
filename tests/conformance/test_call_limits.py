"""Limits of one call, and of how many of a stream there may be: of the cluster, and of streams that
have their own.  Each is met, and what is one below it passes."""

import concurrent.futures
import json

import botocore.exceptions
import pytest
from braid_cluster import Cluster, run_braid, wait_until
from braid_http import CBOR_TYPE, JSON_TYPE, Speaking, call, fault
from braid_records import error_of, iterator

SHARD = "shardId-000000000000"
LOWERED = {"put-records-per-call": "5", "put-bytes-per-call": "2M", "get-records-per-call": "10",
           "get-bytes-per-call": "1M", "consumers-per-stream": "2", "shards-per-stream": "3",
           "record-kib": "2048", "streams-creating": "1"}
LARGE = b"x" * 16384  # five of them make a body that a worker parses


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=1, options=LOWERED) as cluster:
        yield cluster


@pytest.fixture
def kinesis(cluster):
    return cluster.client(1)


@pytest.fixture(params=[JSON_TYPE, CBOR_TYPE], ids=["json", "cbor"])
def node(request, cluster):
    return Speaking(cluster[1], request.param)


@pytest.fixture
def stream(cluster, new_name):
    name = new_name()
    cluster.create_stream(name)
    return name


def braid(cluster, *arguments):
    node = cluster[1]
    done = run_braid(*arguments, env={"BRAID_ENDPOINT": node.endpoint,
                                      "BRAID_OPERATIONS": node.operations})
    assert done.returncode == 0, done
    return done.stdout.decode()


def set_limit(cluster, stream, *limits):
    braid(cluster, "stream", "set", stream, *[part for limit in limits
                                              for part in ("--limit", limit)])


def put(node, stream, count, data="", **more):
    return call(node, "PutRecords", {"StreamName": stream, **more, "Records": [
        {"Data": data, "PartitionKey": str(at)} for at in range(count)]})


def too_long(count):
    return f"at 'records' failed to satisfy constraint: Member must have length less than or " \
        f"equal to {count}"


# ---- records of a PutRecords ----

@pytest.mark.parametrize("data", ["", LARGE.decode()], ids=["small", "large"])
def test_the_clusters_number_of_records_is_in_awss_words(node, stream, data):
    assert put(node, stream, 5, data)[0] == 200
    status, name, message = fault(put(node, stream, 6, data))
    assert (status, name) == (400, "ValidationException")
    assert message.startswith("1 validation error detected: Value '[com.amazonaws.kinesis.")
    assert message.endswith(too_long(5))


def test_an_unknown_stream_has_the_clusters_number(node):
    status, name, message = fault(put(node, "nobody", 6))
    assert (status, name) == (400, "ValidationException")
    assert message.endswith(too_long(5))


def test_other_faults_are_said_beside_it(node, stream):
    status, name, message = fault(call(node, "PutRecords", {"StreamName": stream, "Records": [
        {"Data": "", "PartitionKey": "" if at == 2 else "k"} for at in range(6)]}))
    assert (status, name) == (400, "ValidationException")
    assert message.startswith("2 validation errors detected: ")
    assert too_long(5) + "; Value '' at 'records.3.member.partitionKey'" in message


@pytest.mark.parametrize("data", ["", LARGE.decode()], ids=["small", "large"])
@pytest.mark.parametrize("own, most", [("3", 3), ("600", 600), ("unlimited", 4000)])
def test_a_stream_has_a_number_of_records_of_its_own(cluster, node, stream, own, most, data):
    set_limit(cluster, stream, f"put-records-per-call={own}", "put-bytes-per-call=unlimited")
    data = data if most < 600 else data[:1024]
    status, answer, _ = put(node, stream, most, data)
    assert status == 200
    assert answer["FailedRecordCount"] == 0 and len(answer["Records"]) == most
    status, name, message = fault(put(node, stream, most + 1, data))
    assert (status, name) == (400, "ValidationException")
    assert message.endswith(too_long(most))


def test_many_records_go_to_many_shards_in_their_order(cluster, kinesis, new_name):
    name = new_name()
    cluster.create_stream(name, shards=50)
    set_limit(cluster, name, "put-records-per-call=4000")
    answer = kinesis.put_records(StreamName=name, Records=[
        {"Data": b"%d" % at, "PartitionKey": f"key-{at % 997}"} for at in range(4000)])
    assert answer["FailedRecordCount"] == 0
    newest = {}
    for outcome in answer["Records"]:
        assert int(outcome["SequenceNumber"]) > newest.get(outcome["ShardId"], 0)
        newest[outcome["ShardId"]] = int(outcome["SequenceNumber"])
    assert len(newest) == 50


# ---- bytes of a PutRecords ----

@pytest.mark.parametrize("own, most, words", [
    (None, 2 << 20, "2 MB"), ("1M", 1 << 20, "1 MB"), ("1500000", 1500000, "1500000 bytes"),
    ("4M", 4 << 20, "4 MB")])
def test_bytes_of_a_call(cluster, kinesis, stream, own, most, words):
    if own is not None:
        set_limit(cluster, stream, f"put-bytes-per-call={own}")
    records = [{"Data": b"x" * (most // 4 - 1), "PartitionKey": str(at)} for at in range(4)]
    assert kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0
    records[3]["Data"] += b"x" * (most - 4 * (most // 4) + 1)
    assert error_of(kinesis.put_records, StreamName=stream, Records=records) == (
        "InvalidArgumentException", 400, f"Records size exceeds {words} limit")


def test_more_than_ten_mebibytes_where_the_body_holds_them(cluster, kinesis, stream):
    set_limit(cluster, stream, "put-bytes-per-call=unlimited", "put-records-per-call=6")
    records = [{"Data": b"x" * ((2 << 20) - 1), "PartitionKey": "k"}] * 5 + [
        {"Data": b"x" * (1 << 20), "PartitionKey": "k"}]
    assert kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0


# ---- GetRecords ----

def test_records_of_a_read(cluster, kinesis, stream):
    for _ in range(6):
        kinesis.put_records(StreamName=stream,
                            Records=[{"Data": b"", "PartitionKey": "k"}] * 5)
    begin = iterator(kinesis, stream, SHARD)
    assert len(kinesis.get_records(ShardIterator=begin)["Records"]) == 10
    assert len(kinesis.get_records(ShardIterator=begin, Limit=10)["Records"]) == 10
    words = "1 validation error detected: Value '{}' at 'limit' failed to satisfy constraint: " \
        "Member must have value less than or equal to {}"
    assert error_of(kinesis.get_records, ShardIterator=begin, Limit=11) == (
        "ValidationException", 400, words.format(11, 10))
    assert error_of(kinesis.get_records, ShardIterator="AAAA", Limit=11) == (
        "ValidationException", 400, words.format(11, 10))
    set_limit(cluster, stream, "get-records-per-call=25")
    assert len(kinesis.get_records(ShardIterator=begin)["Records"]) == 25
    assert len(kinesis.get_records(ShardIterator=begin, Limit=25)["Records"]) == 25
    assert error_of(kinesis.get_records, ShardIterator=begin, Limit=26) == (
        "ValidationException", 400, words.format(26, 25))
    set_limit(cluster, stream, "get-records-per-call=unlimited")
    assert len(kinesis.get_records(ShardIterator=begin, Limit=10000)["Records"]) == 30
    assert error_of(kinesis.get_records, ShardIterator=begin, Limit=10001) == (
        "ValidationException", 400, words.format(10001, 10000))


def test_bytes_of_a_read(cluster, kinesis, stream):
    for _ in range(4):
        kinesis.put_record(StreamName=stream, Data=b"x" * 400000, PartitionKey="k")
    begin = iterator(kinesis, stream, SHARD)
    assert len(kinesis.get_records(ShardIterator=begin)["Records"]) == 2
    set_limit(cluster, stream, "get-bytes-per-call=1300000")
    assert len(kinesis.get_records(ShardIterator=begin)["Records"]) == 3
    set_limit(cluster, stream, "get-bytes-per-call=1000")  # one larger record goes in any case
    assert len(kinesis.get_records(ShardIterator=begin)["Records"]) == 1


# ---- how many of a stream there may be ----

def too_many_consumers(stream, most):
    return ("LimitExceededException", 400, f"Failed to register consumer for stream {stream} "
            "under account 000000000000 because a given stream cannot have more than "
            f"{most} consumers registered with it.")


def test_of_consumers_that_come_at_once_so_many_are_registered(kinesis, stream):
    """Whether the node sees that there are too many, or the catalogue does a moment later."""
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamARN"]

    def register(number):
        try:
            kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"reader-{number}")
        except kinesis.exceptions.LimitExceededException as fault:
            return fault.response["Error"]["Message"]
        return "registered"

    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        said = list(threads.map(register, range(24)))
    assert sorted(said) == sorted(["registered"] * 2 + [too_many_consumers(stream, 2)[2]] * 22)


def test_consumers_of_a_stream(cluster, kinesis, stream):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"][
        "StreamARN"]

    def register(number):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"reader-{number}")

    def met(most):
        return error_of(kinesis.register_stream_consumer, StreamARN=arn,
                        ConsumerName="more") == too_many_consumers(stream, most)

    register(0)
    register(1)
    assert met(2)
    set_limit(cluster, stream, "consumers-per-stream=30")
    for number in range(2, 30):
        register(number)
    assert met(30)
    set_limit(cluster, stream, "consumers-per-stream=unlimited")
    for number in range(30, 200):
        register(number)
    assert met(200)
    listed = kinesis.get_paginator("list_stream_consumers").paginate(StreamARN=arn)
    assert sum(len(page["Consumers"]) for page in listed) == 200


def test_shards_that_update_shard_count_may_ask_for(cluster, kinesis, new_name):
    name = new_name()
    cluster.create_stream(name, shards=2)

    def update(target):
        kinesis.update_shard_count(StreamName=name, TargetShardCount=target,
                                   ScalingType="UNIFORM_SCALING")

    with pytest.raises(botocore.exceptions.ClientError, match="4 is more than the 3 shards"):
        update(4)
    set_limit(cluster, name, "shards-per-stream=4")
    update(4)
    cluster.await_active(name)
    with pytest.raises(botocore.exceptions.ClientError, match="5 is more than the 4 shards"):
        update(5)


def test_the_size_of_records_of_a_new_stream(kinesis, stream):
    kinesis.put_record(StreamName=stream, Data=b"x" * ((2 << 20) - 1), PartitionKey="k")
    code, _, message = error_of(kinesis.put_record, StreamName=stream, Data=b"x" * ((2 << 20) + 1),
                                PartitionKey="k")
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 2097152" in message


def test_streams_in_creating(cluster, kinesis, new_name):
    """The first has so many shards that it is CREATING still when the second is asked for."""
    many, other = new_name(), new_name()
    kinesis.create_stream(StreamName=many, ShardCount=500)
    assert error_of(kinesis.create_stream, StreamName=other, ShardCount=1) == (
        "LimitExceededException", 400,
        f"Rate exceeded for stream {other} under account 000000000000.")
    cluster.await_active(many)
    kinesis.create_stream(StreamName=other, ShardCount=1)
    kinesis.delete_stream(StreamName=many)
    cluster.await_active(other)


# ---- what an operator has done is in the audit log ----

def test_limits_that_are_set_are_in_the_audit_log(cluster, stream):
    set_limit(cluster, stream, "put-records-per-call=7", "read-bytes-per-s=unlimited")
    set_limit(cluster, stream, "put-records-per-call=default")
    asked, first, _, second = cluster[1].audited()[-4:]
    assert asked.pop("state") == "asked" and asked.pop("time") <= first["time"]
    assert asked == {name: first[name] for name in asked}
    assert (first["act"], first["state"], first["stream"], first["on"]) == (
        "stream.limits", "done", stream, cluster[1].name)
    assert first["limits"] == {"put-records-per-call": "7", "read-bytes-per-s": "unlimited"}
    assert first["by"] and first["time"].endswith("Z")
    assert second["limits"] == {"put-records-per-call": "default"}
    wait_until(lambda: json.loads(braid(cluster, "stream", "describe", stream, "-o", "json"))[
        "Limits"] == {"read-bytes-per-s": "unlimited"}, 60, "what the log says is so")

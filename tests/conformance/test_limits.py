"""Limits, each with the error and the words of AWS's.

The clusters of the other files have none.  Buckets hold one second's worth and go into debt for what
is larger, so that a small limit and a large request refuse what follows for longer than any test
takes.  A rate of calls is met by calling until it refuses.
"""

import pytest
from braid_cluster import Cluster
from braid_shapes import watch

SHARD = "shardId-000000000000"
MANY = 200  # calls: more than any rate of a test allows in the time that they take


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=3, options={"limits": "aws", "put-records-per-s": "10",
                                   "put-bytes-per-s": "1000",
                                   "read-bytes-per-s": "100"}) as cluster:
        yield cluster


@pytest.fixture(params=[1, 2, 3])
def kinesis(request, cluster):
    return watch(cluster.client(request.param, newest=True))


@pytest.fixture
def stream(cluster, new_name):
    """Its limits have not been used yet."""
    name = new_name()
    cluster.create_stream(name)
    return name


def refusal(call, **arguments):
    """(type, message) of what `call` fails with at last."""
    for _ in range(MANY):
        try:
            call(**arguments)
        except Exception as fault:  # pylint: disable=broad-except
            error = fault.response["Error"]
            assert fault.response["ResponseMetadata"]["HTTPStatusCode"] == 400
            return error["Code"], error["Message"]
    raise AssertionError(f"{MANY} calls and no limit")


def rate_exceeded(stream, shard=SHARD):
    return ("ProvisionedThroughputExceededException",
            f"Rate exceeded for shard {shard} in stream {stream} under account 000000000000.")


def records(count, data=b"x"):
    return [{"Data": data, "PartitionKey": str(at)} for at in range(count)]


def iterator(kinesis, stream):
    return kinesis.get_shard_iterator(StreamName=stream, ShardId=SHARD,
                                      ShardIteratorType="TRIM_HORIZON")["ShardIterator"]


def test_records_of_a_shard(kinesis, stream):
    assert kinesis.put_records(StreamName=stream, Records=records(500))["FailedRecordCount"] == 0
    assert refusal(kinesis.put_record, StreamName=stream, Data=b"x",
                   PartitionKey="1") == rate_exceeded(stream)
    answer = kinesis.put_records(StreamName=stream, Records=records(3))
    assert answer["FailedRecordCount"] == 3
    code, message = rate_exceeded(stream)
    assert answer["Records"] == [{"ErrorCode": code, "ErrorMessage": message}] * 3


def test_bytes_of_a_shard(kinesis, stream):
    kinesis.put_record(StreamName=stream, Data=b"x" * 1000000, PartitionKey="1")
    assert refusal(kinesis.put_record, StreamName=stream, Data=b"x",
                   PartitionKey="1") == rate_exceeded(stream)


def test_each_record_has_its_shards_outcome(cluster, kinesis, new_name):
    """The first shard has had its share, the second has not."""
    name = new_name()
    cluster.create_stream(name, shards=2)
    low, high = "0", str(2 ** 128 - 1)
    kinesis.put_record(StreamName=name, Data=b"x" * 1000000, PartitionKey="1", ExplicitHashKey=low)
    answer = kinesis.put_records(StreamName=name, Records=[
        {"Data": b"x", "PartitionKey": "1", "ExplicitHashKey": key} for key in (low, high, low)])
    assert answer["FailedRecordCount"] == 2
    code, message = rate_exceeded(name)
    assert answer["Records"][0] == answer["Records"][2] == {"ErrorCode": code,
                                                            "ErrorMessage": message}
    assert answer["Records"][1]["ShardId"] == "shardId-000000000001"


def read_exceeded(stream):
    return ("ProvisionedThroughputExceededException",
            f"Rate exceeded for Shard - 000000000000/{stream}/{SHARD}")


def test_bytes_read_of_a_shard(kinesis, stream):
    kinesis.put_record(StreamName=stream, Data=b"x" * 100000, PartitionKey="1")
    begin = iterator(kinesis, stream)
    assert len(kinesis.get_records(ShardIterator=begin)["Records"]) == 1
    assert refusal(kinesis.get_records, ShardIterator=begin) == read_exceeded(stream)


def test_reads_of_a_shard(kinesis, stream):
    assert refusal(kinesis.get_records,
                   ShardIterator=iterator(kinesis, stream)) == read_exceeded(stream)


def test_a_stream_that_is_slowed_does_not_slow_another(cluster, kinesis, stream, new_name):
    kinesis.put_records(StreamName=stream, Records=records(500))
    other = new_name()
    cluster.create_stream(other)
    assert kinesis.put_records(StreamName=other, Records=records(500))["FailedRecordCount"] == 0

"""Limits, each with the error and the words of AWS's.

The clusters of the other files have none.  Buckets hold one second's worth and go into debt for what
is larger, so that a small limit and a large request refuse what follows for longer than any test
takes.  A rate of calls is met by calling from many threads until it refuses.
"""

import concurrent.futures
import json

import botocore.exceptions
import pytest
from braid_cluster import STEADY, Cluster, run_braid, wait_until
from braid_shapes import watch

SHARD = "shardId-000000000000"
LOWERED = {"list-shards-calls-per-s": "5", "update-shard-counts-per-day": "2",
           "shards-per-account": "1000", "on-demand-streams": "2",
           "describe-stream-calls-per-s": "5", "describe-stream-summary-calls-per-s": "5"}
AT_ONCE, ROUNDS = 25, 8  # calls: no rate that is met here is above 10 a second


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=3, options={"limits": "aws", "put-records-per-s": "10",
                                   "put-bytes-per-s": "1000",
                                   "read-bytes-per-s": "100", **LOWERED, **STEADY}) as cluster:
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


def arn_of(cluster, name):
    """Whatever rate was just met."""
    return cluster.client(1, attempts=5).describe_stream_summary(StreamName=name)[
        "StreamDescriptionSummary"]["StreamARN"]


def refusal(call, **arguments):
    """(type, message) of what `call` fails with; None when it does not."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as fault:
        assert fault.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return fault.response["Error"]["Code"], fault.response["Error"]["Message"]
    return None


def refusals(call, **arguments):
    """{(type, message)} of what fails when `call` is made many times at once."""

    def one(_):
        return refusal(call, **arguments)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        for _ in range(ROUNDS):
            refused = set(threads.map(one, range(AT_ONCE))) - {None}
            if refused:
                return refused
    raise AssertionError(f"{ROUNDS * AT_ONCE} calls and no limit")


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
    assert refusals(kinesis.get_records,
                    ShardIterator=iterator(kinesis, stream)) == {read_exceeded(stream)}


def test_a_stream_that_is_slowed_does_not_slow_another(cluster, kinesis, stream, new_name):
    kinesis.put_records(StreamName=stream, Records=records(500))
    other = new_name()
    cluster.create_stream(other)
    assert kinesis.put_records(StreamName=other, Records=records(500))["FailedRecordCount"] == 0


# ---- calls ----

def stream_exceeded(stream):
    return ("LimitExceededException",
            f"Rate exceeded for stream {stream} under account 000000000000.")


def passing(kinesis, operation):
    """What the call is refused with for other reasons than its rate passes."""
    faults = kinesis.exceptions

    def call(**arguments):
        try:
            getattr(kinesis, operation)(**arguments)
        except (faults.InvalidArgumentException, faults.ResourceInUseException,
                faults.ResourceNotFoundException, faults.ValidationException):
            pass

    return call


@pytest.mark.parametrize("operation, arguments", [
    ("create_stream", {"ShardCount": 1}), ("delete_stream", {}), ("describe_stream", {}),
    ("describe_stream_summary", {}), ("list_tags_for_stream", {}),
    ("add_tags_to_stream", {"Tags": {"a": "b"}}), ("remove_tags_from_stream", {"TagKeys": ["a"]}),
    ("split_shard", {"ShardToSplit": SHARD, "NewStartingHashKey": "1"}),
    ("merge_shards", {"ShardToMerge": SHARD, "AdjacentShardToMerge": SHARD}),
    ("update_shard_count", {"TargetShardCount": 1, "ScalingType": "UNIFORM_SCALING"}),
    ("list_shards", {}),
])
def test_calls_that_name_a_stream(kinesis, stream, operation, arguments):
    assert refusals(passing(kinesis, operation), StreamName=stream,
                    **arguments) == {stream_exceeded(stream)}


@pytest.mark.parametrize("operation, arguments", [
    ("register_stream_consumer", {"ConsumerName": "one"}), ("list_stream_consumers", {}),
    ("update_stream_warm_throughput", {"WarmThroughputMiBps": 1}),
])
def test_calls_that_name_a_stream_by_its_arn(cluster, kinesis, stream, operation, arguments):
    arn = arn_of(cluster, stream)
    assert refusals(passing(kinesis, operation), StreamARN=arn,
                    **arguments) == {stream_exceeded(stream)}


@pytest.mark.parametrize("operation", ["describe_stream_consumer", "deregister_stream_consumer"])
def test_calls_that_name_a_consumer(cluster, kinesis, stream, operation):
    arn = arn_of(cluster, stream)
    client = cluster.client(1, attempts=5)
    names = [f"reader-{at}" for at in range(10)]
    for name in names:
        client.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    left = iter(names * AT_ONCE * ROUNDS)
    assert refusals(lambda: passing(kinesis, operation)(
        StreamARN=arn, ConsumerName=next(left))) == {stream_exceeded(stream)}


@pytest.mark.parametrize("operation, arguments", [
    ("list_streams", {}), ("describe_limits", {}), ("describe_account_settings", {}),
    ("update_account_settings",
     {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}),
])
def test_calls_that_concern_the_account(kinesis, operation, arguments):
    assert refusals(getattr(kinesis, operation), **arguments) == {
        ("LimitExceededException", "Rate exceeded for account 000000000000.")}


def test_iterators_of_a_shard(kinesis, stream):
    assert refusals(iterator, kinesis=kinesis, stream=stream) == {rate_exceeded(stream)}


# ---- how many, and how often in a day ----

def settle(cluster, name):
    cluster.await_active(name)
    return cluster.client(1, attempts=5).describe_stream_summary(StreamName=name)[
        "StreamDescriptionSummary"]["OpenShardCount"]


def test_update_shard_count_in_a_day(cluster, kinesis, stream):
    """Counted by the catalogue: another node knows it, too, and one that was started since."""
    client = cluster.client(2, attempts=5)
    for target in (2, 1):
        client.update_shard_count(StreamName=stream, TargetShardCount=target,
                                  ScalingType="UNIFORM_SCALING")
        assert settle(cluster, stream) == target
    client.update_shard_count(StreamName=stream, TargetShardCount=1,
                              ScalingType="UNIFORM_SCALING")  # it has as many
    assert settle(cluster, stream) == 1

    assert refusal(kinesis.update_shard_count, StreamName=stream, TargetShardCount=2,
                   ScalingType="UNIFORM_SCALING") == (
        "LimitExceededException", f"UpdateShardCount has changed stream {stream} under account "
        "000000000000 2 times within 24 hours. Try again later.")


def test_shards_of_the_account(cluster, kinesis, new_name):
    now = cluster.client(1, attempts=5).describe_limits()
    assert now["ShardLimit"] == 1000

    code, message = refusal(kinesis.create_stream, StreamName=new_name(), ShardCount=1000)
    assert code == "LimitExceededException"
    assert message.startswith(
        "This request would exceed the shard limit for the account 000000000000 in us-east-1. "
        f"Current shard count for the account: {now['OpenShardCount']}. Limit: 1000. Number of "
        "additional shards that would have resulted from this request: 1000.")


def test_on_demand_streams_of_the_account(cluster, kinesis, new_name):
    client = cluster.client(1, attempts=5)
    names = [new_name(), new_name()]
    assert client.describe_limits()["OnDemandStreamCountLimit"] == 2
    for name in names:
        client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
        cluster.await_active(name)
    words = ("LimitExceededException", "This request would exceed the limit of streams in "
             "ON_DEMAND mode for the account 000000000000 in us-east-1, which is 2.")
    assert refusal(kinesis.create_stream, StreamName=new_name(),
                   StreamModeDetails={"StreamMode": "ON_DEMAND"}) == words
    for name in names:
        client.delete_stream(StreamName=name)
    wait_until(lambda: client.describe_limits()["OnDemandStreamCount"] == 0, 60, "both gone")


# ---- of one stream ----

def braid(cluster, *arguments, status=0):
    """Whatever rate was just met, as creating a stream may: it is asked until it is ACTIVE."""
    env = {"BRAID_ENDPOINT": ",".join(node.endpoint for node in cluster.nodes),
           "BRAID_OPERATIONS": ",".join(node.operations for node in cluster.nodes)}

    def run():
        done = run_braid(*arguments, env=env)
        return None if b"asked too fast" in done.stderr else done

    done = wait_until(run, 60, "a rate that is not met")
    assert done.returncode == status, done
    return done.stdout.decode() + done.stderr.decode()


def limits_of(cluster, stream):
    return json.loads(braid(cluster, "stream", "describe", stream, "-o", "json"))["Limits"]


def test_a_stream_has_limits_of_its_own(cluster, kinesis, stream):
    braid(cluster, "stream", "set", stream, "--limit", "put-records-per-s=unlimited", "--limit",
          "put-bytes-per-s=64K")
    assert limits_of(cluster, stream) == {"put-records-per-s": "unlimited",
                                          "put-bytes-per-s": 65536}
    assert "put-bytes-per-s: 65536" in braid(cluster, "stream", "describe", stream)
    # The leader hears of it a moment after the node that was asked.
    wait_until(lambda: put_twice(kinesis, stream) == [0, 0], 60, "two large puts, one after another")
    large = {"StreamName": stream, "Data": b"x" * 1000000, "PartitionKey": "1"}
    wait_until(lambda: refusal(kinesis.put_record, **large) is None, 60, "a bucket that is full")
    assert refusal(kinesis.put_record, **large) == rate_exceeded(stream)


def put_twice(kinesis, stream):
    return [kinesis.put_records(StreamName=stream, Records=records(500))["FailedRecordCount"]
            for _ in range(2)]


def test_a_limit_goes_back_to_the_clusters(cluster, stream):
    braid(cluster, "stream", "set", stream, "--limit", "read-calls-per-s=7")
    braid(cluster, "stream", "set", stream, "--limit", "subscribe-calls-per-s=3")
    braid(cluster, "stream", "set", stream, "--limit", "read-calls-per-s=default")
    assert limits_of(cluster, stream) == {"subscribe-calls-per-s": 3}


def test_a_wrong_limit_is_named_with_what_it_may_be(cluster, stream):
    said = braid(cluster, "stream", "set", stream, "--limit", "put-records-per-s=0", status=1)
    assert "put-records-per-s is default, unlimited, or a number from 1 to 4294967294" in said
    said = braid(cluster, "stream", "set", stream, "--limit", "create-stream-calls-per-s=1",
                 status=1)
    assert "which limit? docs/limits.md lists them" in said
    assert "like put-bytes-per-s=2M" in braid(cluster, "stream", "set", stream, "--limit", "much",
                                              status=2)
    assert "there is no stream 'none'" in braid(cluster, "stream", "set", "none", "--limit",
                                              "put-records-per-s=1", status=4)
    assert limits_of(cluster, stream) == {}

"""One call of every operation, and the errors as the SDK's own exceptions, with boto3."""

import datetime
import json
import sys
import time

import boto3
from botocore import xform_name

STREAM = "walk-python"
kinesis = boto3.client("kinesis")
walked = []


class Wrong(Exception):
    """A sentence for whoever runs the script: what was answered that should not have been."""


def expect(holds, what):
    if not holds:
        raise Wrong(what)


def ask(operation, **members):
    answer = getattr(kinesis, xform_name(operation))(**members)
    walked.append(operation)
    return answer


def is_refused(exception, operation, **members):
    """Or answered.  The error is the SDK's exception class of its name, with a message."""
    try:
        getattr(kinesis, xform_name(operation))(**members)
    except getattr(kinesis.exceptions, exception) as fault:
        expect(fault.response["Error"]["Message"], f"{operation}: {exception} without a message")
        expect(fault.response["ResponseMetadata"]["RequestId"], f"{operation}: no request id")
        return True
    return False


def refused(exception, operation, **members):
    expect(is_refused(exception, operation, **members),
           f"{operation} was answered, not refused with {exception}")


def pages(operation, member, **arguments):
    found = [item for page in kinesis.get_paginator(xform_name(operation)).paginate(**arguments)
             for item in page[member]]
    walked.append(operation)
    return found


def create():
    ask("CreateStream", StreamName=STREAM, ShardCount=2, Tags={"made by": "python"})
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    expect(STREAM in pages("ListStreams", "StreamNames", Limit=1), "ListStreams: not there")
    told = ask("DescribeStream", StreamName=STREAM)["StreamDescription"]
    expect(len(told["Shards"]) == 2, "DescribeStream: not two shards")
    expect(isinstance(told["StreamCreationTimestamp"], datetime.datetime), "no time of creation")
    told = ask("DescribeStreamSummary", StreamName=STREAM)["StreamDescriptionSummary"]
    expect(told["OpenShardCount"] == 2, "DescribeStreamSummary: not two open shards")
    return told["StreamARN"]


def account():
    expect(ask("DescribeLimits")["ShardLimit"] > 0, "DescribeLimits: no limit")
    settings = {"Status": "ENABLED"}
    ask("UpdateAccountSettings", MinimumThroughputBillingCommitment=settings)
    told = ask("DescribeAccountSettings")["MinimumThroughputBillingCommitment"]
    expect(told["Status"] == "ENABLED", "DescribeAccountSettings: not as updated")


def expect_three(got):
    expect([record["Data"] for record in got] == [b"\0one", b"two", b""], f"not as put: {got}")
    age = datetime.datetime.now(datetime.timezone.utc) - got[0]["ApproximateArrivalTimestamp"]
    expect(abs(age) < datetime.timedelta(minutes=5), f"a record is {age} old")


def records(shards):
    put = ask("PutRecord", StreamName=STREAM, Data=b"\0one", PartitionKey="k", ExplicitHashKey="0")
    expect(put["ShardId"] == shards[0]["ShardId"], "PutRecord: not in the first shard")
    more = ask("PutRecords", StreamName=STREAM, Records=[
        {"Data": data, "PartitionKey": "k", "ExplicitHashKey": "0"} for data in (b"two", b"")])
    expect(more["FailedRecordCount"] == 0, "PutRecords: a record failed")
    for start in ({"ShardIteratorType": "TRIM_HORIZON"},
                  {"ShardIteratorType": "AT_SEQUENCE_NUMBER",
                   "StartingSequenceNumber": put["SequenceNumber"]},
                  {"ShardIteratorType": "AT_TIMESTAMP",
                   "Timestamp": datetime.datetime(2020, 1, 1)}):
        position = ask("GetShardIterator", StreamName=STREAM, ShardId=put["ShardId"], **start)
        back = ask("GetRecords", ShardIterator=position["ShardIterator"], Limit=10)
        expect_three(back["Records"])


def consumers(arn, shard):
    for name in ("one", "two"):
        consumer = ask("RegisterStreamConsumer", StreamARN=arn, ConsumerName=name)["Consumer"]
    listed = pages("ListStreamConsumers", "Consumers", StreamARN=arn,
                   PaginationConfig={"PageSize": 1})
    expect(len(listed) == 2, "ListStreamConsumers: not two")
    of = {"ConsumerARN": consumer["ConsumerARN"]}
    told = ask("DescribeStreamConsumer", **of)["ConsumerDescription"]
    expect(told["StreamARN"] == arn, "DescribeStreamConsumer: of another stream")
    events = ask("SubscribeToShard", ShardId=shard, StartingPosition={"Type": "TRIM_HORIZON"},
                 **of)["EventStream"]
    got = next(iter(events))["SubscribeToShardEvent"]["Records"]
    expect_three(got)
    refused_while_one_stands(ShardId=shard, StartingPosition={"Type": "LATEST"}, **of)
    events.close()
    ask("DeregisterStreamConsumer", **of)


def refused_while_one_stands(**subscription):
    """The youngest stands for five seconds.  A leader that is new to its shard, and has not heard of
    it, grants one more; then that one stands."""
    for _ in range(2):
        time.sleep(1.1)  # a consumer asks once a second
        if is_refused("ResourceInUseException", "SubscribeToShard", **subscription):
            return
    raise Wrong("SubscribeToShard: two more were granted, each a second after another")


def settings(arn):
    ask("AddTagsToStream", StreamName=STREAM, Tags={"a": "1", "ü": "2"})
    ask("RemoveTagsFromStream", StreamName=STREAM, TagKeys=["a"])
    tags = ask("ListTagsForStream", StreamName=STREAM)["Tags"]
    expect({tag["Key"] for tag in tags} == {"made by", "ü"}, f"tags: {tags}")
    ask("TagResource", ResourceARN=arn, Tags={"b": "3"})
    ask("UntagResource", ResourceARN=arn, TagKeys=["ü"])
    tags = ask("ListTagsForResource", ResourceARN=arn)["Tags"]
    expect({tag["Key"] for tag in tags} == {"made by", "b"}, f"tags: {tags}")
    ask("IncreaseStreamRetentionPeriod", StreamName=STREAM, RetentionPeriodHours=48)
    ask("DecreaseStreamRetentionPeriod", StreamName=STREAM, RetentionPeriodHours=24)
    metrics = {"StreamName": STREAM, "ShardLevelMetrics": ["IncomingBytes"]}
    expect(ask("EnableEnhancedMonitoring", **metrics)["DesiredShardLevelMetrics"] == [
        "IncomingBytes"], "EnableEnhancedMonitoring: not as asked")
    ask("DisableEnhancedMonitoring", **metrics)
    key = {"StreamName": STREAM, "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    ask("StartStreamEncryption", **key)
    ask("StopStreamEncryption", **key)
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    ask("PutResourcePolicy", ResourceARN=arn, Policy=policy)
    expect(ask("GetResourcePolicy", ResourceARN=arn)["Policy"] == policy, "another policy")
    ask("DeleteResourcePolicy", ResourceARN=arn)


def shape(arn):
    ask("SplitShard", StreamName=STREAM, ShardToSplit="shardId-000000000000",
        NewStartingHashKey=str(2 ** 126))
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    ask("MergeShards", StreamName=STREAM, ShardToMerge="shardId-000000000002",
        AdjacentShardToMerge="shardId-000000000003")
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    scaled = ask("UpdateShardCount", StreamName=STREAM, TargetShardCount=4,
                 ScalingType="UNIFORM_SCALING")
    expect((scaled["CurrentShardCount"], scaled["TargetShardCount"]) == (2, 4), f"scaled: {scaled}")
    time.sleep(1)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    ask("UpdateMaxRecordSize", StreamARN=arn, MaxRecordSizeInKiB=2048)
    ask("UpdateStreamMode", StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    warm = ask("UpdateStreamWarmThroughput", StreamARN=arn, WarmThroughputMiBps=8)
    expect(warm["WarmThroughput"]["TargetMiBps"] == 8, f"warm throughput: {warm}")
    ask("UpdateStreamRecordDistributionStrategy", StreamARN=arn, RecordDistributionStrategy="AUTO")


def errors(arn):
    refused("ResourceNotFoundException", "DescribeStreamSummary", StreamName="nobody")
    refused("ResourceInUseException", "CreateStream", StreamName=STREAM, ShardCount=1)
    refused("InvalidArgumentException", "GetRecords", ShardIterator="none")
    refused("ValidationException", "UpdateMaxRecordSize", StreamARN=arn, MaxRecordSizeInKiB=99999)
    refused("LimitExceededException", "CreateStream", StreamName="wide", ShardCount=1000000)
    for operation in ("ListChannels", "ListQueues"):  # what this API does not have
        try:
            getattr(kinesis, xform_name(operation))()
        except kinesis.exceptions.ClientError as fault:
            code = fault.response["Error"]["Code"]
            expect(code == "UnknownOperationException", f"{operation}: {code}")
    stranger = boto3.client("kinesis", aws_secret_access_key="wrong", aws_access_key_id="sdk")
    try:
        stranger.list_streams()
        raise Wrong("a wrong secret was let in")
    except kinesis.exceptions.ClientError as fault:
        code = fault.response["Error"]["Code"]
        expect(code == "InvalidSignatureException", f"a wrong secret: {code}")


def main():
    arn = create()
    account()
    shards = ask("ListShards", StreamName=STREAM)["Shards"]
    records(shards)
    consumers(arn, shards[0]["ShardId"])
    settings(arn)
    shape(arn)
    errors(arn)
    ask("DeleteStream", StreamName=STREAM, EnforceConsumerDeletion=True)
    kinesis.get_waiter("stream_not_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    print("walked:", *sorted(set(walked)))


if __name__ == "__main__":
    try:
        main()
    except Wrong as fault:
        sys.exit(f"walk in Python: {fault}")

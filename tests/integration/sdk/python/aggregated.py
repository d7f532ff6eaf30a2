"""Aggregated records, made and taken apart by the Kinesis aggregation library for Python."""

import base64
import sys

import boto3
from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import deaggregate_records

STREAM = "aggregated-python"
USERS = [(f"key-{number}", str(number * (2 ** 128 // 1000)), f"record {number}".encode())
         for number in range(1000)]
kinesis = boto3.client("kinesis")


def put():
    """Puts what the aggregator gives; returns the bytes."""
    sent = []

    def send(record):
        partition_key, hash_key, data = record.get_contents()
        kinesis.put_record(StreamName=STREAM, PartitionKey=partition_key, Data=data,
                           ExplicitHashKey=hash_key)
        sent.append(data)

    aggregator = RecordAggregator(max_size=20000)
    aggregator.on_record_complete(send, execute_on_new_thread=False)
    for user in USERS:
        partition_key, hash_key, data = user
        aggregator.add_user_record(partition_key, data, hash_key)
    send(aggregator.clear_and_get())
    return sent


def event_of(record):
    """As the library takes a record: the way AWS Lambda hands it to a function."""
    return {"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": record["PartitionKey"],
                        "sequenceNumber": record["SequenceNumber"],
                        "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
                        "data": base64.b64encode(record["Data"]).decode()}}


def main():
    kinesis.create_stream(StreamName=STREAM, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
    sent = put()
    iterator = kinesis.get_shard_iterator(StreamName=STREAM, ShardId="shardId-000000000000",
                                          ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    if [record["Data"] for record in records] != sent:
        sys.exit("aggregated in Python: not the bytes that were put")
    users = [(record["partitionKey"], record["explicitHashKey"], base64.b64decode(record["data"]))
             for record in (record["kinesis"] for record in
                            deaggregate_records([event_of(record) for record in records]))]
    if users != USERS:
        sys.exit("aggregated in Python: not the users' records that were put")
    kinesis.delete_stream(StreamName=STREAM)
    print(f"aggregated: {len(users)} records of users in {len(sent)} records")


if __name__ == "__main__":
    main()

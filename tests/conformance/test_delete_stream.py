"""DeleteStream."""

from braid_cluster import wait_until
from braid_records import error_of, iterator, read_stream


def test_a_deleted_stream_is_gone_everywhere(cluster, kinesis, node, new_name, account):
    name = new_name()
    cluster.create_stream(name, shards=2, number=node.number)
    kinesis.delete_stream(StreamName=name)
    for number in (1, 2, 3):
        client = cluster.client(number)
        wait_until(lambda client=client: name not in client.list_streams()["StreamNames"], 30,
                   f"{name} gone at node {number}")
        assert error_of(client.describe_stream, StreamName=name) == (
            "ResourceNotFoundException", 400, f"Stream {name} under account {account} not found.")


def test_a_name_can_be_used_again_and_old_records_stay_gone(cluster, kinesis, node, new_name):
    name = new_name()
    cluster.create_stream(name, number=node.number)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"old")
    position = iterator(kinesis, name, "shardId-000000000000")
    kinesis.delete_stream(StreamName=name)
    wait_until(lambda: name not in kinesis.list_streams()["StreamNames"], 30, f"{name} gone")
    cluster.create_stream(name, number=node.number)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b"new")
    records = read_stream(kinesis, name)["shardId-000000000000"]
    assert [record["Data"] for record in records] == [b"new"]
    assert error_of(kinesis.get_records, ShardIterator=position)[1] == 400
    kinesis.delete_stream(StreamName=name)


def test_an_unknown_stream_is_not_found(kinesis, account):
    assert error_of(kinesis.delete_stream, StreamName="nobody") == (
        "ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")

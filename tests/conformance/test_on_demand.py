"""Streams in ON_DEMAND mode get more shards under load and fewer without; with windows of seconds,
and shards that take ten records a second."""

import pytest
from braid_cluster import STEADY, Cluster, wait_until
from braid_reshard import read_lineage

WAIT_S = 120


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=3, options={"put-records-per-s": "10", "on-demand-window-s": "1",
                                   "on-demand-quiet-s": "3",
                                   "shards-per-on-demand-stream": "8", **STEADY}) as cluster:
        yield cluster


def summary(client, stream):
    return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]


def put_some(client, stream, numbers, acknowledged):
    """500 records for all shards; those that are stored."""
    batch = [{"Data": str(next(numbers)).encode(), "PartitionKey": str(at)} for at in range(500)]
    answer = client.put_records(StreamName=stream, Records=batch)
    acknowledged.update(record["Data"] for record, result in zip(batch, answer["Records"])
                        if "SequenceNumber" in result)


def test_capacity_doubles_under_load_and_shrinks_without(cluster):
    client = cluster.client(1)
    numbers, acknowledged = iter(range(10 ** 9)), set()
    client.create_stream(StreamName="tide", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    cluster.await_active("tide")
    assert summary(client, "tide")["OpenShardCount"] == 4

    def doubled():
        put_some(client, "tide", numbers, acknowledged)
        return summary(client, "tide")["OpenShardCount"] == 8

    wait_until(doubled, WAIT_S, "eight shards under load")
    for _ in range(20):
        put_some(client, "tide", numbers, acknowledged)
        assert summary(client, "tide")["OpenShardCount"] <= 8
    wait_until(lambda: summary(client, "tide")["OpenShardCount"] == 4, WAIT_S,
               "four shards without load")
    assert summary(client, "tide")["StreamStatus"] in ("ACTIVE", "UPDATING")

    roots = [f"shardId-{number:012d}" for number in range(4)]
    found = [record["Data"] for _, record in read_lineage(client, "tide", roots)]
    assert len(found) == len(set(found)) and set(found) == acknowledged


def test_a_provisioned_stream_keeps_its_shards(cluster):
    client = cluster.client(2)
    numbers = iter(range(10 ** 9))
    cluster.create_stream("rill", shards=1)
    client.create_stream(StreamName="flood", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    cluster.await_active("flood")

    def both():
        put_some(client, "rill", numbers, set())
        put_some(client, "flood", numbers, set())
        return summary(client, "flood")["OpenShardCount"] == 8

    wait_until(both, WAIT_S, "eight shards of the other")
    assert summary(client, "rill")["OpenShardCount"] == 1

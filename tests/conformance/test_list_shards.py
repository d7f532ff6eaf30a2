"""ListShards."""

import datetime

from braid_http import call, fault
from braid_records import SHARDS_OF_THREE, error_of


def test_all_shards_are_listed(kinesis, stream):
    answer = kinesis.list_shards(StreamName=stream)
    assert [shard["ShardId"] for shard in answer["Shards"]] == SHARDS_OF_THREE
    assert "NextToken" not in answer


def test_shards_come_in_pages_by_token(kinesis, stream):
    seen, more = [], {"StreamName": stream}
    while more:
        answer = kinesis.list_shards(MaxResults=1, **more)
        assert len(answer["Shards"]) == 1
        seen.append(answer["Shards"][0]["ShardId"])
        more = {"NextToken": answer["NextToken"]} if "NextToken" in answer else None
    assert seen == SHARDS_OF_THREE


def test_a_filter_names_the_open_shards(kinesis, stream):
    for kind in ("AT_LATEST", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON"):
        answer = kinesis.list_shards(StreamName=stream, ShardFilter={"Type": kind})
        assert [shard["ShardId"] for shard in answer["Shards"]] == SHARDS_OF_THREE, kind
    after = kinesis.list_shards(StreamName=stream, ShardFilter={
        "Type": "AFTER_SHARD_ID", "ShardId": SHARDS_OF_THREE[0]})
    assert [shard["ShardId"] for shard in after["Shards"]] == SHARDS_OF_THREE[1:]


def test_a_token_stands_alone(kinesis, stream, account):
    arn = f"arn:aws:kinesis:us-east-1:{account}:stream/{stream}"
    token = kinesis.list_shards(StreamName=stream, MaxResults=1)["NextToken"]
    for name, value in (("StreamName", stream), ("StreamARN", arn),
                        ("ExclusiveStartShardId", SHARDS_OF_THREE[0]),
                        ("StreamCreationTimestamp", 1), ("ShardFilter", {"Type": "AT_LATEST"})):
        assert error_of(kinesis.list_shards, NextToken=token, **{name: value}) == (
            "InvalidArgumentException", 400,
            f"NextToken and {name} cannot be provided together.")


def test_without_a_name_and_a_token_nothing_is_asked_for(kinesis):
    assert error_of(kinesis.list_shards) == (
        "InvalidArgumentException", 400, "Either NextToken or StreamName should be provided.")


def test_the_creation_time_says_which_stream_is_meant(kinesis, cluster, account, new_name):
    """Whoever has it of a stream that was deleted does not read the next one of its name."""
    name = new_name()
    cluster.create_stream(name)
    created = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"][
        "StreamCreationTimestamp"]
    assert len(kinesis.list_shards(StreamName=name, StreamCreationTimestamp=created)["Shards"]) == 1
    for other in (1, created + datetime.timedelta(seconds=1)):
        assert error_of(kinesis.list_shards, StreamName=name, StreamCreationTimestamp=other) == (
            "ResourceNotFoundException", 400, f"Stream {name} under account {account} not found.")


def test_a_filter_needs_what_its_type_says(kinesis, stream):
    for kind, text in (
            ("AFTER_SHARD_ID", "ShardId must be provided in a ShardFilter of type AFTER_SHARD_ID."),
            ("AT_TIMESTAMP", "Timestamp must be provided in a ShardFilter of type AT_TIMESTAMP or "
                             "FROM_TIMESTAMP."),
            ("FROM_TIMESTAMP", "Timestamp must be provided in a ShardFilter of type AT_TIMESTAMP or "
                               "FROM_TIMESTAMP.")):
        assert error_of(kinesis.list_shards, StreamName=stream, ShardFilter={"Type": kind}) == (
            "InvalidArgumentException", 400, text)


def test_a_forged_token_is_refused(kinesis):
    assert error_of(kinesis.list_shards, NextToken="AAAA")[:2] == ("InvalidArgumentException", 400)


def test_an_unknown_stream_is_not_found(node, account):
    assert fault(call(node, "ListShards", {"StreamName": "nobody"})) == (
        400, "ResourceNotFoundException", f"Stream nobody under account {account} not found.")

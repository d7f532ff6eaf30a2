"""ListShards."""

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


def test_a_token_and_a_name_together_are_refused(kinesis, stream):
    token = kinesis.list_shards(StreamName=stream, MaxResults=1)["NextToken"]
    assert error_of(kinesis.list_shards, StreamName=stream, NextToken=token) == (
        "InvalidArgumentException", 400, "NextToken and StreamName cannot be provided together.")


def test_a_forged_token_is_refused(kinesis):
    assert error_of(kinesis.list_shards, NextToken="AAAA")[:2] == ("InvalidArgumentException", 400)


def test_an_unknown_stream_is_not_found(node, account):
    assert fault(call(node, "ListShards", {"StreamName": "nobody"})) == (
        400, "ResourceNotFoundException", f"Stream nobody under account {account} not found.")

"""AddTagsToStream, RemoveTagsFromStream and ListTagsForStream; and CreateStream's Tags."""

import threading

import pytest
from braid_http import call, fault
from braid_records import error_of

INVALID = ("Some tags contain invalid characters. Valid characters: Unicode letters, digits, white "
           "space, _ . / = + - % @.")


@pytest.fixture
def made(cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=1)
    return name


def tags_of(client, name, **more):
    answer = client.list_tags_for_stream(StreamName=name, **more)
    return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}


def test_tags_are_added_written_over_and_removed(kinesis, made):
    assert tags_of(kinesis, made) == {}
    kinesis.add_tags_to_stream(StreamName=made, Tags={"team": "river", "stage": ""})
    assert tags_of(kinesis, made) == {"team": "river", "stage": ""}
    kinesis.add_tags_to_stream(StreamName=made, Tags={"team": "delta", "Größe": "µ / 水 a_b.c=+-@:"})
    assert tags_of(kinesis, made) == {"team": "delta", "stage": "",
                                      "Größe": "µ / 水 a_b.c=+-@:"}
    kinesis.remove_tags_from_stream(StreamName=made, TagKeys=["team", "never there"])
    assert tags_of(kinesis, made) == {"stage": "", "Größe": "µ / 水 a_b.c=+-@:"}


def test_a_stream_may_be_named_by_its_arn(kinesis, made):
    arn = kinesis.describe_stream_summary(StreamName=made)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.add_tags_to_stream(StreamARN=arn, Tags={"a": "b"})
    assert kinesis.list_tags_for_stream(StreamARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    kinesis.remove_tags_from_stream(StreamARN=arn, TagKeys=["a"])
    assert kinesis.list_tags_for_stream(StreamARN=arn)["Tags"] == []


def test_what_was_tagged_at_one_node_is_listed_by_the_others_at_once(cluster, kinesis, node, made):
    for at in range(10):
        kinesis.add_tags_to_stream(StreamName=made, Tags={"at": str(at)})
        other = cluster.client(node.number % 3 + 1)
        assert tags_of(other, made) == {"at": str(at)}


def test_pages_are_in_the_order_of_the_keys_bytes(kinesis, made):
    keys = ["b", "B", "a", "aa", "10", "9", "é", "z"]
    kinesis.add_tags_to_stream(StreamName=made, Tags={key: key for key in keys})
    seen, more, after = [], True, {}
    while more:
        answer = kinesis.list_tags_for_stream(StreamName=made, Limit=3, **after)
        assert 1 <= len(answer["Tags"]) <= 3
        seen += [tag["Key"] for tag in answer["Tags"]]
        more = answer["HasMoreTags"]
        after = {"ExclusiveStartTagKey": seen[-1]}
    assert seen == sorted(keys, key=lambda key: key.encode())
    assert list(tags_of(kinesis, made, ExclusiveStartTagKey="aZ")) == ["aa", "b", "z", "é"]
    assert tags_of(kinesis, made, ExclusiveStartTagKey="ü") == {}


def test_a_stream_has_at_most_fifty(kinesis, made, account):
    kinesis.add_tags_to_stream(StreamName=made, Tags={f"k{n}": "v" for n in range(49)})
    text = (f"Failed to add tags to stream {made} under account {account} because a given stream "
            "cannot have more than 50 tags associated with it.")
    assert error_of(kinesis.add_tags_to_stream, StreamName=made, Tags={"x": "", "y": ""}) == (
        "InvalidArgumentException", 400, text)
    kinesis.add_tags_to_stream(StreamName=made, Tags={"x": "", "k1": "other"})
    assert len(tags_of(kinesis, made)) == 50
    kinesis.add_tags_to_stream(StreamName=made, Tags={f"k{n}": "w" for n in range(49)})
    assert error_of(kinesis.add_tags_to_stream, StreamName=made,
                    Tags={f"n{n}": "" for n in range(200)}) == (
        "InvalidArgumentException", 400, text)


def test_of_many_at_once_none_is_lost(cluster, node, made):
    failed = []

    def add(number):
        try:
            cluster.client(number % 3 + 1, attempts=10).add_tags_to_stream(
                StreamName=made, Tags={f"of-{number}": ""})
        except Exception as fault:  # it is told below, not in a thread
            failed.append(fault)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert tags_of(cluster.client(node.number), made) == {f"of-{n}": "" for n in range(12)}


@pytest.mark.parametrize("tags", [{"a<b": ""}, {"a": "b;c"}, {"a": "\U0001f30a"}, {"a": "\x07"}])
def test_characters_that_tags_may_not_have(kinesis, stream, tags):
    assert error_of(kinesis.add_tags_to_stream, StreamName=stream, Tags=tags) == (
        "InvalidArgumentException", 400, INVALID)


def test_a_percent_sign_has_a_message_of_its_own(kinesis, stream, account):
    rest = (f"stream {stream} under account {account} because some tags contained illegal "
            "characters. The allowed characters are Unicode letters, white-spaces, "
            "'_',',','/','=','+','-','@'.")
    assert error_of(kinesis.add_tags_to_stream, StreamName=stream, Tags={"a": "5%"}) == (
        "InvalidArgumentException", 400, "Failed to add tags to " + rest)
    assert error_of(kinesis.remove_tags_from_stream, StreamName=stream, TagKeys=["a", "5%"]) == (
        "InvalidArgumentException", 400, "Failed to remove tags from " + rest)


def test_keys_of_aws_are_reserved(kinesis, stream):
    name, status, message = error_of(kinesis.add_tags_to_stream, StreamName=stream,
                                     Tags={"aws:cloudformation:stack-name": "x"})
    assert (name, status) == ("InvalidArgumentException", 400) and "aws:" in message
    assert tags_of(kinesis, stream) == {}


def test_an_unknown_stream_is_not_found(kinesis, account):
    expected = ("ResourceNotFoundException", 400,
                f"Stream nowhere under account {account} not found.")
    assert error_of(kinesis.add_tags_to_stream, StreamName="nowhere", Tags={"a": ""}) == expected
    assert error_of(kinesis.remove_tags_from_stream, StreamName="nowhere",
                    TagKeys=["a"]) == expected
    assert error_of(kinesis.list_tags_for_stream, StreamName="nowhere") == expected


@pytest.mark.parametrize("operation, body, path, text", [
    ("AddTagsToStream", {"StreamName": "s"}, "tags", "Member must not be null"),
    ("AddTagsToStream", {"StreamName": "s", "Tags": {}}, "tags",
     "Member must have length greater than or equal to 1"),
    ("AddTagsToStream", {"StreamName": "s", "Tags": {"k" * 129: ""}}, "tags",
     "Map keys must satisfy constraint: [Member must have length less than or equal to 128, "
     "Member must have length greater than or equal to 1]"),
    ("AddTagsToStream", {"StreamName": "s", "Tags": {"k": "v" * 257}}, "tags",
     "Map value must satisfy constraint: [Member must have length less than or equal to 256, "
     "Member must have length greater than or equal to 0]"),
    ("RemoveTagsFromStream", {"StreamName": "s", "TagKeys": []}, "tagKeys",
     "Member must have length greater than or equal to 1"),
    ("RemoveTagsFromStream", {"StreamName": "s", "TagKeys": ["k"] * 51}, "tagKeys",
     "Member must have length less than or equal to 50"),
    ("ListTagsForStream", {"StreamName": "s", "Limit": 51}, "limit",
     "Member must have value less than or equal to 50"),
    ("ListTagsForStream", {"StreamName": "s", "Limit": 0}, "limit",
     "Member must have value greater than or equal to 1"),
])
def test_what_the_model_forbids_is_a_validation_error(node, operation, body, path, text):
    status, name, message = fault(call(node, operation, body))
    assert (status, name) == (400, "ValidationException")
    assert f" at '{path}' failed to satisfy constraint: {text}" in message, message


def test_a_stream_is_created_with_tags(cluster, kinesis, new_name):
    name = new_name()
    kinesis.create_stream(StreamName=name, ShardCount=1, Tags={"b": "2", "a": "1"})
    assert tags_of(kinesis, name) == {"a": "1", "b": "2"}
    cluster.await_active(name)
    kinesis.add_tags_to_stream(StreamName=name, Tags={"c": "3"})
    assert tags_of(kinesis, name) == {"a": "1", "b": "2", "c": "3"}
    assert error_of(kinesis.create_stream, StreamName=new_name(), ShardCount=1,
                    Tags={"a": "?"}) == ("InvalidArgumentException", 400, INVALID)

"""TagResource, UntagResource and ListTagsForResource.  The rules of tags are in
test_stream_tags.py."""

import pytest
from braid_http import call, fault
from braid_records import error_of


@pytest.fixture
def arn(cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=1)
    summary = cluster.client(1).describe_stream_summary(StreamName=name)
    return summary["StreamDescriptionSummary"]["StreamARN"]


def test_tags_of_a_stream_in_both_forms(kinesis, arn):
    name = arn.rpartition("/")[2]
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    kinesis.tag_resource(ResourceARN=arn, Tags={"team": "river", "stage": "test"})
    kinesis.add_tags_to_stream(StreamName=name, Tags={"stage": "live"})
    expected = [{"Key": "stage", "Value": "live"}, {"Key": "team", "Value": "river"}]
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == expected
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == expected
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["stage", "none"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == expected[1:]


def test_the_rules_are_those_of_a_streams_tags(kinesis, arn, account):
    assert error_of(kinesis.tag_resource, ResourceARN=arn, Tags={"a": "?"})[:2] == (
        "InvalidArgumentException", 400)
    name = arn.rpartition("/")[2]
    assert error_of(kinesis.tag_resource, ResourceARN=arn,
                    Tags={f"k{n}": "" for n in range(51)}) == (
        "InvalidArgumentException", 400,
        f"Failed to add tags to stream {name} under account {account} because a given stream "
        "cannot have more than 50 tags associated with it.")


def test_what_is_not_there_is_not_found(kinesis, arn, account):
    nowhere = arn.rpartition("/")[0] + "/nowhere"
    expected = ("ResourceNotFoundException", 400,
                f"Stream nowhere under account {account} not found.")
    assert error_of(kinesis.tag_resource, ResourceARN=nowhere, Tags={"a": ""}) == expected
    assert error_of(kinesis.untag_resource, ResourceARN=nowhere, TagKeys=["a"]) == expected
    assert error_of(kinesis.list_tags_for_resource, ResourceARN=nowhere) == expected
    consumer = arn + "/consumer/fisher:1700000000"
    for operation, more in ((kinesis.tag_resource, {"Tags": {"a": ""}}),
                            (kinesis.untag_resource, {"TagKeys": ["a"]}),
                            (kinesis.list_tags_for_resource, {})):
        name, status, message = error_of(operation, ResourceARN=consumer, **more)
        assert (name, status) == ("ResourceNotFoundException", 400)
        assert message.startswith("Consumer ")
        assert message.endswith(f", account {account} not found.")


@pytest.fixture
def consumer(kinesis, arn):
    """The ARN of one that was registered with a tag."""
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fisher",
                                            Tags={"team": "river"})
    return made["Consumer"]["ConsumerARN"]


def test_tags_of_a_consumer_are_its_own(cluster, kinesis, arn, consumer):
    assert kinesis.list_tags_for_resource(ResourceARN=consumer)["Tags"] == [
        {"Key": "team", "Value": "river"}]
    kinesis.tag_resource(ResourceARN=consumer, Tags={"team": "sea", "stage": "live"})
    expected = [{"Key": "stage", "Value": "live"}, {"Key": "team", "Value": "sea"}]
    for number in (1, 2, 3):
        there = cluster.client(number, newest=True).list_tags_for_resource(ResourceARN=consumer)
        assert there["Tags"] == expected
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    kinesis.untag_resource(ResourceARN=consumer, TagKeys=["stage", "none"])
    assert kinesis.list_tags_for_resource(ResourceARN=consumer)["Tags"] == expected[1:]
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    again = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fisher")["Consumer"]
    assert kinesis.list_tags_for_resource(ResourceARN=again["ConsumerARN"])["Tags"] == []


def test_the_rules_are_those_of_a_consumers_tags_too(kinesis, arn, consumer, account):
    many = {f"k{n}": "" for n in range(51)}
    too_many = ("InvalidArgumentException", 400,
                f"Failed to add tags to consumer fisher under account {account} because a given "
                "consumer cannot have more than 50 tags associated with it.")
    assert error_of(kinesis.tag_resource, ResourceARN=consumer, Tags=many) == too_many
    assert error_of(kinesis.tag_resource, ResourceARN=consumer, Tags={"a": "?"})[:2] == (
        "InvalidArgumentException", 400)
    assert error_of(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="other",
                    Tags=many)[2] == too_many[2].replace("fisher", "other")
    assert [one["ConsumerName"] for one in
            kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]] == ["fisher"]


@pytest.mark.parametrize("operation, body, path, text", [
    ("TagResource", {"ResourceARN": "arn:aws:kinesis:r:123456789012:stream/s"}, "tags",
     "Member must not be null"),
    ("UntagResource", {"TagKeys": ["a"]}, "resourceARN", "Member must not be null"),
    ("ListTagsForResource", {"ResourceARN": "arn:aws:sqs:r:123456789012:stream/s"}, "resourceARN",
     "Member must satisfy regular expression pattern: "
     "arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+"),
    ("ListTagsForResource", {"ResourceARN": "arn:aws:kinesis:r:123456789012:stream/"},
     "resourceARN", "Member must satisfy regular expression pattern: "),
])
def test_what_the_model_forbids_is_a_validation_error(node, operation, body, path, text):
    status, name, message = fault(call(node, operation, body))
    assert (status, name) == (400, "ValidationException")
    assert f" at '{path}' failed to satisfy constraint: {text}" in message, message

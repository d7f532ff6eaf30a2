"""PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy: kept and given back, no more."""

import json

import pytest
from braid_http import call, fault
from braid_records import error_of


@pytest.fixture
def arn(cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=1)
    summary = cluster.client(1).describe_stream_summary(StreamName=name)
    return summary["StreamDescriptionSummary"]["StreamARN"]


def policy_of(arn, bytes_of_text=0):
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Sid": "é" + "x" * bytes_of_text, "Effect": "Allow", "Principal": {"AWS": "123456789012"},
        "Action": "kinesis:PutRecord", "Resource": arn}]}, indent=1, ensure_ascii=False)


def test_a_policy_is_given_back_letter_for_letter(kinesis, arn):
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
    for text in (policy_of(arn), policy_of(arn, 10000)):
        kinesis.put_resource_policy(ResourceARN=arn, Policy=text)
        assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == text
    kinesis.delete_resource_policy(ResourceARN=arn)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"


def test_what_is_not_there_cannot_be_deleted(kinesis, arn):
    assert error_of(kinesis.delete_resource_policy, ResourceARN=arn) == (
        "ResourceNotFoundException", 400, f"No resource policy found for resource ARN {arn}.")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}x", "x" * 20481,
                                  '{"a": "' + "x" * 20472 + '"}'])
def test_a_policy_is_a_json_object_of_at_most_twenty_kibibytes(kinesis, arn, text):
    assert error_of(kinesis.put_resource_policy, ResourceARN=arn, Policy=text)[:2] == (
        "InvalidArgumentException", 400)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"


def test_the_largest_one_is_kept(kinesis, arn):
    text = '{"a": "' + "x" * 20471 + '"}'
    kinesis.put_resource_policy(ResourceARN=arn, Policy=text)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == text
    kinesis.add_tags_to_stream(StreamName=arn.rpartition("/")[2], Tags={"a": "b"})
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == text


def test_a_consumer_has_a_policy_of_its_own(cluster, kinesis, arn):
    consumer = kinesis.register_stream_consumer(
        StreamARN=arn, ConsumerName="fisher")["Consumer"]["ConsumerARN"]
    assert kinesis.get_resource_policy(ResourceARN=consumer)["Policy"] == "{}"
    text = policy_of(consumer, 10000)
    kinesis.put_resource_policy(ResourceARN=consumer, Policy=text)
    kinesis.tag_resource(ResourceARN=consumer, Tags={"a": "b"})
    for number in (1, 2, 3):
        there = cluster.client(number, newest=True).get_resource_policy(ResourceARN=consumer)
        assert there["Policy"] == text
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
    assert error_of(kinesis.put_resource_policy, ResourceARN=consumer, Policy="[]")[:2] == (
        "InvalidArgumentException", 400)
    kinesis.delete_resource_policy(ResourceARN=consumer)
    assert kinesis.get_resource_policy(ResourceARN=consumer)["Policy"] == "{}"
    assert error_of(kinesis.delete_resource_policy, ResourceARN=consumer) == (
        "ResourceNotFoundException", 400,
        f"No resource policy found for resource ARN {consumer}.")


def test_what_is_unknown_is_not_found(kinesis, arn, account):
    nowhere = arn.rpartition("/")[0] + "/nowhere"
    for operation, more in ((kinesis.put_resource_policy, {"Policy": "{}"}),
                            (kinesis.get_resource_policy, {}),
                            (kinesis.delete_resource_policy, {})):
        assert error_of(operation, ResourceARN=nowhere, **more) == (
            "ResourceNotFoundException", 400,
            f"Stream nowhere under account {account} not found.")
        assert error_of(operation, ResourceARN=arn + "/consumer/c:1", **more)[:2] == (
            "ResourceNotFoundException", 400)


@pytest.mark.parametrize("operation, body, path", [
    ("PutResourcePolicy", {"ResourceARN": "arn:aws:kinesis:r:123456789012:stream/s"}, "policy"),
    ("GetResourcePolicy", {}, "resourceARN"), ("DeleteResourcePolicy", {}, "resourceARN")])
def test_what_the_model_requires_must_be_there(node, operation, body, path):
    status, name, message = fault(call(node, operation, body))
    assert (status, name) == (400, "ValidationException")
    assert f"Value null at '{path}' failed to satisfy constraint: Member must not be null" in message

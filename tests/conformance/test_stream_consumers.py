"""RegisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers, DeregisterStreamConsumer."""

import re
import time

import pytest
from braid_records import error_of

NOBODY = "arn:aws:kinesis:us-east-1:123456789012:stream/nobody"


@pytest.fixture
def made(cluster, kinesis, node, new_name):
    """The ARN of a stream of its own."""
    name = new_name()
    cluster.create_stream(name, number=node.number)
    yield kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def register(kinesis, stream, name):
    return kinesis.register_stream_consumer(StreamARN=stream, ConsumerName=name)["Consumer"]


def test_a_consumer_is_registered_and_active_at_every_node(cluster, kinesis, made):
    consumer = register(kinesis, made, "reader.1")
    assert consumer["ConsumerName"] == "reader.1"
    assert consumer["ConsumerStatus"] == "CREATING"
    assert abs(consumer["ConsumerCreationTimestamp"].timestamp() - time.time()) < 60
    seconds = int(consumer["ConsumerCreationTimestamp"].timestamp())
    assert consumer["ConsumerARN"] == f"{made}/consumer/reader.1:{seconds}"
    for number in (1, 2, 3):
        found = cluster.client(number).describe_stream_consumer(
            ConsumerARN=consumer["ConsumerARN"])["ConsumerDescription"]
        assert found == {**consumer, "ConsumerStatus": "ACTIVE", "StreamARN": made}


def test_a_consumer_is_found_by_name_and_by_both(kinesis, made):
    arn = register(kinesis, made, "a")["ConsumerARN"]
    for named in ({"StreamARN": made, "ConsumerName": "a"},
                  {"StreamARN": made, "ConsumerName": "a", "ConsumerARN": arn},
                  {"StreamARN": made, "ConsumerARN": arn}):
        found = kinesis.describe_stream_consumer(**named)["ConsumerDescription"]
        assert found["ConsumerARN"] == arn


def test_what_names_nobody_or_two_is_invalid(kinesis, made):
    arn = register(kinesis, made, "a")["ConsumerARN"]
    too_little = ("InvalidArgumentException", 400,
                  "Either ConsumerARN or both StreamARN and ConsumerName should be provided.")
    two = ("InvalidArgumentException", 400,
           "ConsumerARN, StreamARN and ConsumerName name different consumers.")
    for call in (kinesis.describe_stream_consumer, kinesis.deregister_stream_consumer):
        assert error_of(call) == too_little
        assert error_of(call, StreamARN=made) == too_little
        assert error_of(call, ConsumerName="a") == too_little
        assert error_of(call, ConsumerARN=arn, ConsumerName="b") == two
        assert error_of(call, ConsumerARN=arn, StreamARN=NOBODY) == two


def test_an_unknown_consumer_is_not_found(kinesis, made, account):
    arn = register(kinesis, made, "a")["ConsumerARN"]
    other = re.sub(r"\d+$", "1000000000", arn)
    for call in (kinesis.describe_stream_consumer, kinesis.deregister_stream_consumer):
        assert error_of(call, StreamARN=made, ConsumerName="b") == (
            "ResourceNotFoundException", 400, f"Consumer b, account {account} not found.")
        assert error_of(call, ConsumerARN=other) == (
            "ResourceNotFoundException", 400, f"Consumer {other}, account {account} not found.")
        assert error_of(call, StreamARN=NOBODY, ConsumerName="b") == (
            "ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")


def test_an_arn_that_is_none_is_refused_in_the_models_words(kinesis, made):
    message = error_of(kinesis.describe_stream_consumer, ConsumerARN=made)[2]
    assert message == (
        "1 validation error detected: Value '" + made + "' at 'consumerARN' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: ^(arn):aws.*:kinesis:.*:"
        "\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+")


def test_a_name_is_registered_once_and_comes_back_with_another_arn(kinesis, made, account):
    first = register(kinesis, made, "a")["ConsumerARN"]
    stream = made.split("/")[-1]
    assert error_of(kinesis.register_stream_consumer, StreamARN=made, ConsumerName="a") == (
        "ResourceInUseException", 400,
        f"Consumer a under stream {stream} already exists for account {account}.")
    kinesis.deregister_stream_consumer(ConsumerARN=first)
    assert error_of(kinesis.describe_stream_consumer, ConsumerARN=first)[0] == (
        "ResourceNotFoundException")
    assert register(kinesis, made, "a")["ConsumerARN"] != first


def test_only_an_existing_stream_takes_consumers(kinesis, account):
    gone = ("ResourceNotFoundException", 400, f"Stream nobody under account {account} not found.")
    assert error_of(kinesis.register_stream_consumer, StreamARN=NOBODY, ConsumerName="a") == gone
    assert error_of(kinesis.list_stream_consumers, StreamARN=NOBODY) == gone


def test_a_stream_has_at_most_20_consumers_and_lists_them_in_pages(kinesis, made):
    names = [f"c-{i:02}" for i in range(20)]
    for name in names:
        register(kinesis, made, name)
    assert error_of(kinesis.register_stream_consumer, StreamARN=made,
                    ConsumerName="one-more")[:2] == ("LimitExceededException", 400)
    summary = kinesis.describe_stream_summary(StreamARN=made)["StreamDescriptionSummary"]
    assert summary["ConsumerCount"] == 20

    whole = kinesis.list_stream_consumers(StreamARN=made)
    assert [consumer["ConsumerName"] for consumer in whole["Consumers"]] == names
    assert {consumer["ConsumerStatus"] for consumer in whole["Consumers"]} == {"ACTIVE"}
    assert "NextToken" not in whole
    listed, more = [], {}
    while True:
        page = kinesis.list_stream_consumers(StreamARN=made, MaxResults=7, **more)
        listed += [consumer["ConsumerName"] for consumer in page["Consumers"]]
        assert len(page["Consumers"]) <= 7
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert listed == names


def test_a_token_of_another_list_is_invalid(cluster, kinesis, made, new_name):
    register(kinesis, made, "a")
    register(kinesis, made, "b")
    token = kinesis.list_stream_consumers(StreamARN=made, MaxResults=1)["NextToken"]
    assert error_of(kinesis.list_streams, NextToken=token)[0] == "InvalidArgumentException"
    assert error_of(kinesis.list_stream_consumers, StreamARN=made, NextToken="x") == (
        "InvalidArgumentException", 400, "Invalid NextToken.")
    assert error_of(kinesis.list_stream_consumers, StreamARN=made, NextToken=token,
                    StreamCreationTimestamp=0) == (
        "InvalidArgumentException", 400,
        "NextToken and StreamCreationTimestamp cannot be provided together.")


def test_the_creation_time_says_which_stream_is_meant(kinesis, made, account):
    stream = made.split("/")[-1]
    register(kinesis, made, "a")
    created = kinesis.describe_stream_summary(StreamARN=made)["StreamDescriptionSummary"][
        "StreamCreationTimestamp"]
    assert len(kinesis.list_stream_consumers(
        StreamARN=made, StreamCreationTimestamp=created)["Consumers"]) == 1
    assert error_of(kinesis.list_stream_consumers, StreamARN=made,
                    StreamCreationTimestamp=1) == (
        "ResourceNotFoundException", 400, f"Stream {stream} under account {account} not found.")


def test_a_stream_with_consumers_is_deleted_only_with_them(cluster, kinesis, node, new_name,
                                                          account):
    name = new_name()
    cluster.create_stream(name, number=node.number)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    register(kinesis, arn, "a")
    for more in ({}, {"EnforceConsumerDeletion": False}):
        assert error_of(kinesis.delete_stream, StreamName=name, **more) == (
            "ResourceInUseException", 400,
            f"DeleteStream can\u2019t delete {account}:{name} because there are consumers "
            f"associated with this data stream. To delete {name} anyway, set the "
            "EnforceConsumerDeletion parameter to true to force the deletion of all the consumers "
            "that are associated with it.")
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)

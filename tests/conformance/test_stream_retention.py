"""IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod.  That records past it are not
returned, exactly at the boundary, is in tests/unit/shard/test_retention.c: here it would take a
day."""

import threading

import pytest
from braid_http import call, fault
from braid_records import error_of


@pytest.fixture
def made(cluster, new_name):
    name = new_name()
    cluster.create_stream(name, shards=1)
    return name


def hours_of(client, name):
    hours = client.describe_stream(StreamName=name)["StreamDescription"]["RetentionPeriodHours"]
    summary = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == hours
    return hours


def test_it_goes_up_and_down(kinesis, made):
    assert hours_of(kinesis, made) == 24
    kinesis.increase_stream_retention_period(StreamName=made, RetentionPeriodHours=8760)
    assert hours_of(kinesis, made) == 8760
    kinesis.decrease_stream_retention_period(StreamName=made, RetentionPeriodHours=25)
    assert hours_of(kinesis, made) == 25


def test_a_stream_may_be_named_by_its_arn(kinesis, made):
    arn = kinesis.describe_stream(StreamName=made)["StreamDescription"]["StreamARN"]
    kinesis.increase_stream_retention_period(StreamARN=arn, RetentionPeriodHours=30)
    kinesis.decrease_stream_retention_period(StreamARN=arn, StreamName=made,
                                             RetentionPeriodHours=29)
    assert hours_of(kinesis, made) == 29


def test_what_it_is_already_may_be_asked_for(kinesis, made):
    kinesis.increase_stream_retention_period(StreamName=made, RetentionPeriodHours=24)
    kinesis.decrease_stream_retention_period(StreamName=made, RetentionPeriodHours=24)
    assert hours_of(kinesis, made) == 24


@pytest.mark.parametrize("hours, text", [
    (23, "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is "
         "too short."),
    (-1, "Minimum allowed retention period is 24 hours. Requested retention period (-1 hours) is "
         "too short."),
    (8761, "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours)"
           " is too long."),
    (2147483647, "Maximum allowed retention period is 8760 hours. Requested retention period "
                 "(2147483647 hours) is too long."),
])
def test_there_is_a_least_and_a_most(kinesis, stream, hours, text):
    for way in (kinesis.increase_stream_retention_period,
                kinesis.decrease_stream_retention_period):
        assert error_of(way, StreamName=stream, RetentionPeriodHours=hours) == (
            "InvalidArgumentException", 400, text)


def test_each_way_refuses_the_other(kinesis, made):
    kinesis.increase_stream_retention_period(StreamName=made, RetentionPeriodHours=48)
    assert error_of(kinesis.increase_stream_retention_period, StreamName=made,
                    RetentionPeriodHours=47) == (
        "InvalidArgumentException", 400,
        f"Requested retention period (47 hours) for stream {made} can not be shorter than existing "
        "retention period (48 hours). Use DecreaseRetentionPeriod API.")
    assert error_of(kinesis.decrease_stream_retention_period, StreamName=made,
                    RetentionPeriodHours=49) == (
        "InvalidArgumentException", 400,
        f"Requested retention period (49 hours) for stream {made} can not be longer than existing "
        "retention period (48 hours). Use IncreaseRetentionPeriod API.")
    assert hours_of(kinesis, made) == 48


def test_what_another_node_has_just_set_is_what_counts(cluster, kinesis, node, made):
    for hours in range(25, 35):
        others = cluster.client(node.number % 3 + 1)
        others.increase_stream_retention_period(StreamName=made, RetentionPeriodHours=hours)
        kinesis.decrease_stream_retention_period(StreamName=made, RetentionPeriodHours=hours)


def test_of_many_at_once_each_is_applied_or_refused(cluster, node, made):
    outcomes = []

    def raise_to(hours):
        client = cluster.client(hours % 3 + 1)
        try:
            client.increase_stream_retention_period(StreamName=made, RetentionPeriodHours=hours)
            outcomes.append(hours)
        except client.exceptions.InvalidArgumentException:
            pass

    threads = [threading.Thread(target=raise_to, args=(hours,)) for hours in range(40, 46)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hours_of(cluster.client(1), made) == 45 and 45 in outcomes


def test_an_unknown_stream_is_not_found(kinesis, account):
    for way in (kinesis.increase_stream_retention_period,
                kinesis.decrease_stream_retention_period):
        assert error_of(way, StreamName="nowhere", RetentionPeriodHours=1) == (
            "ResourceNotFoundException", 400,
            f"Stream nowhere under account {account} not found.")


@pytest.mark.parametrize("operation", ["IncreaseStreamRetentionPeriod",
                                       "DecreaseStreamRetentionPeriod"])
def test_what_the_model_forbids_is_a_validation_error(node, operation):
    status, name, message = fault(call(node, operation, {"StreamName": "a b"}))
    assert (status, name) == (400, "ValidationException")
    assert message.startswith("2 validation errors detected: ")
    assert ("Value null at 'retentionPeriodHours' failed to satisfy constraint: "
            "Member must not be null") in message


def test_it_outlives_the_nodes(cluster, new_name):
    made = new_name()
    cluster.create_stream(made, shards=1)
    cluster.client(1).increase_stream_retention_period(StreamName=made, RetentionPeriodHours=100)
    for number in (1, 2, 3):
        cluster.kill(number)
        cluster.start(number)
        cluster.await_ready()
    for number in (1, 2, 3):
        assert hours_of(cluster.client(number), made) == 100

"""ListStreams."""

from braid_records import error_of


def test_names_come_sorted_and_in_pages(cluster, kinesis, node, new_name):
    names = [f"page-{node.number}-{letter}" for letter in "cab"]
    for name in names:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    for name in names:
        cluster.await_active(name)

    seen, after = [], f"page-{node.number}-"
    while True:
        answer = kinesis.list_streams(Limit=2, ExclusiveStartStreamName=after)
        assert len(answer["StreamNames"]) <= 2
        seen += answer["StreamNames"]
        after = seen[-1]
        if not answer["HasMoreStreams"]:
            break
    mine = [name for name in seen if name.startswith(f"page-{node.number}-")]
    assert mine == sorted(names)
    assert seen == sorted(seen)
    for name in names:
        kinesis.delete_stream(StreamName=name)


def test_a_limit_of_nothing_is_a_validation_error(kinesis, node):
    from braid_http import call, fault

    assert fault(call(node, "ListStreams", {"Limit": 0}))[:2] == (400, "ValidationException")
    assert error_of(kinesis.list_streams, Limit=10001)[0] == "ValidationException"

"""What is no proper request of any operation: AWS's answer, never a hang, never a crash."""

import http.client

import pytest
from braid_http import call, fault


@pytest.fixture(autouse=True)
def still_there(node):
    yield
    assert call(node, "ListStreams", {})[0] == 200


@pytest.mark.parametrize("body", [b"{", b"not json", b"\xff\xfe", b'"text"', b"[]", b"7", b"null",
                                  b'{"StreamName": "a"', b'{"Limit": 1}{', b"\x00", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_a_serialization_error(node, body):
    status, name, _ = fault(call(node, "ListStreams", body))
    assert (status, name) == (400, "SerializationException")


def test_no_body_at_all_is_a_serialization_error(node):
    assert fault(call(node, "ListStreams", b""))[:2] == (400, "SerializationException")


@pytest.mark.parametrize("operation", ["Nonsense", "", "putrecord", "x" * 3000])
def test_an_unknown_operation_is_named_so(node, operation):
    assert fault(call(node, operation, {}))[:2] == (400, "UnknownOperationException")


@pytest.mark.parametrize("body, text", [
    ({"StreamName": 7}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be "
                        "converted to an String"),
    ({"StreamName": True}, "class java.lang.Boolean can not be converted to an String"),
    ({"StreamName": []}, "Start of list found where not expected"),
    ({"StreamName": {}}, "Start of structure or map found where not expected."),
    ({"StreamName": "a", "Limit": "7"}, "class java.lang.String can not be converted to an Integer"),
    ({"StreamName": "a", "Limit": False},
     "class java.lang.Boolean can not be converted to an Integer"),
])
def test_a_wrong_type_is_a_serialization_error(node, body, text):
    assert fault(call(node, "DescribeStream", body)) == (400, "SerializationException", text)


def test_unknown_members_and_nulls_are_ignored(node):
    status, tree, _ = call(node, "ListStreams", {"Limit": None, "Colour": {"of": ["the", 1]}})
    assert status == 200 and "StreamNames" in tree


def test_a_body_over_the_limit_is_413(node):
    connection = http.client.HTTPConnection("127.0.0.1", node.client_port, timeout=30)
    connection.putrequest("POST", "/")
    connection.putheader("X-Amz-Target", "Kinesis_20131202.PutRecords")
    connection.putheader("Content-Type", "application/x-amz-json-1.1")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (413, b"")  # as AWS
    connection.close()


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_verbs_than_post_are_forbidden(node, verb):
    connection = http.client.HTTPConnection("127.0.0.1", node.client_port, timeout=30)
    connection.request(verb, "/")
    assert connection.getresponse().status == 403
    connection.close()


def test_an_answer_has_the_headers_that_sdks_read(node):
    _, _, headers = call(node, "ListStreams", {})
    for name in ("x-amzn-RequestId", "x-amz-id-2", "Date", "Content-Length", "Content-Type"):
        assert headers.get(name), f"{name} in {dict(headers)}"

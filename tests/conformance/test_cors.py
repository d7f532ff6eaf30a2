"""CORS: a browser's page may call any operation."""

import http.client

import pytest
from braid_http import CBOR_TYPE, headers_of

EXPOSED = ("x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,"
           "Date")
ORIGIN = {"Origin": "https://shop.example"}


def ask(node, verb, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", node.client_port, timeout=30)
    try:
        connection.request(verb, "/", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_a_preflight_is_told_that_all_is_allowed(node):
    status, body, headers = ask(node, "OPTIONS", headers={
        **ORIGIN, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-amz-date,x-amz-target"})
    assert (status, body) == (200, b"")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Methods"] == "POST"
    assert headers["Access-Control-Allow-Headers"] == (
        "authorization,content-type,x-amz-date,x-amz-target")
    assert headers["Access-Control-Max-Age"] == "172800"
    assert headers["Content-Length"] == "0" and headers["x-amzn-RequestId"]
    for name in ("x-amz-id-2", "Content-Type", "Access-Control-Expose-Headers"):
        assert name not in headers


def test_a_preflight_that_asks_for_nothing_is_told_so_much(node):
    status, body, headers = ask(node, "OPTIONS", headers=ORIGIN)
    assert (status, body) == (200, b"")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Methods" not in headers
    assert "Access-Control-Allow-Headers" not in headers


@pytest.mark.parametrize("verb, body, more, status", [
    ("POST", b"{}", headers_of("ListStreams"), 200),
    ("POST", b"\xa0", headers_of("ListStreams", CBOR_TYPE), 200),
    ("POST", b"{", headers_of("ListStreams"), 400),
    ("POST", b"{}", headers_of("Fly"), 400),
    ("POST", b'{"StreamName": "nobody"}', headers_of("DescribeStreamSummary"), 400),
    ("POST", b"{}", headers_of("ListStreams", "text/html"), 404),
    ("GET", None, {}, 403),
])
def test_any_answer_to_a_page_may_be_read_by_it(node, verb, body, more, status):
    found, _, headers = ask(node, verb, body, {**ORIGIN, **more})
    assert found == status
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"] == EXPOSED
    assert headers["x-amzn-RequestId"] and headers["x-amz-id-2"]


def test_who_is_no_page_hears_nothing_of_it(node):
    for verb, body, headers in (("POST", b"{}", headers_of("ListStreams")), ("OPTIONS", None, {})):
        _, _, found = ask(node, verb, body, headers)
        assert not [name for name in found if name.lower().startswith("access-control")]

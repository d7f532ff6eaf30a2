"""Clients that are slow, broken or too many."""

import time

import pytest
from braid_cluster import Cluster, wait_until
from braid_http import call, connect, headers_of, read_all


def head(operation, length):
    lines = [f"{name}: {value}" for name, value in headers_of(operation).items()]
    return "\r\n".join(["POST / HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *lines,
                        "", ""]).encode()


def test_two_requests_in_a_row_on_one_connection(node):
    with connect(node) as connection:
        for _ in range(2):
            connection.sendall(head("ListStreams", 2) + b"{}")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_body_in_pieces_is_one_request(node):
    with connect(node) as connection:
        for byte in head("ListStreams", 2) + b"{}":
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_client_that_hangs_up_half_way_does_no_harm(node):
    for cut in (5, 60, len(head("ListStreams", 1000)) + 10):
        with connect(node) as connection:
            connection.sendall((head("ListStreams", 1000) + b"x" * 100)[:cut])
    assert call(node, "ListStreams", {})[0] == 200


@pytest.mark.parametrize("text", [b"\x00\x01\x02\x03\r\n\r\n", b"GET\r\n\r\n",
                                  b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                  b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                  b"Transfer-Encoding: chunked\r\n\r\n{}",
                                  b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n"])
def test_what_is_not_http_gets_a_4xx_and_is_hung_up_on(node, text):
    with connect(node) as connection:
        connection.sendall(text)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert call(node, "ListStreams", {})[0] == 200


# Alone in its cluster: here it is about time, and about all connections being taken.
@pytest.fixture(scope="module")
def small():
    with Cluster(nodes=1, options={"connections-max": "8", "address-share": "100"}) as cluster:
        yield cluster


def test_a_request_that_stops_half_way_is_timed_out(small):
    began = time.monotonic()
    with connect(small[1], timeout=60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-")
        answer = read_all(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408"), answer[:200]
    assert time.monotonic() - began < 45
    assert call(small[1], "ListStreams", {})[0] == 200


def test_too_many_connections_are_refused_politely(small):
    held = []
    try:
        for _ in range(8):
            held.append(connect(small[1]))
            held[-1].sendall(head("ListStreams", 2) + b"{}")
            assert held[-1].recv(65536).startswith(b"HTTP/1.1 200")
        with connect(small[1]) as one_more:
            assert read_all(one_more).startswith(b"HTTP/1.1 503")
        held[0].sendall(head("ListStreams", 2) + b"{}")
        assert held[0].recv(65536).startswith(b"HTTP/1.1 200")
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: call(small[1], "ListStreams", {})[0] == 200, 30, "room again")

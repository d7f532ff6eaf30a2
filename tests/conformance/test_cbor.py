"""What is CBOR's own.  All that both encodings have in common is in the other files: each of their
tests runs in CBOR too."""

import hashlib
import http.client

import pytest
from braid_cbor import Tag, decode, encode
from braid_http import CBOR_TYPE, JSON_TYPE, Speaking, call, fault, headers_of
from braid_records import SHARDS_OF_THREE, hash_key_of


@pytest.fixture
def cbor(cluster):
    yield Speaking(cluster[3], CBOR_TYPE)
    assert call(cluster[3], "ListStreams", {})[0] == 200


@pytest.mark.parametrize("body", [
    "ff", "a0a0", "a1", "bf", "bf6161ff", "a16161c1", "a101", "a10102", "a161616261", "a16161f818",
    "a161615bffffffffffffffff00", "a161619bffffffffffffffff00", "a16161bbffffffffffffffff00",
    "a161615f6161ff", "a161617f4161ff", "a1616161ff", "a161611c", "a16161" + "9f" * 100_000,
    "a16161" + "c6" * 100_000 + "00", "a161619f" + "f6" * 100_000 + "ff"])
def test_a_body_that_is_no_cbor_is_a_serialization_error(cbor, body):
    answer = call(cbor, "ListStreams", bytes.fromhex(body))
    assert fault(answer) == (400, "SerializationException", None)
    assert answer[2]["Content-Type"] == CBOR_TYPE


def test_json_in_cbors_name_is_refused_and_the_other_way_round(cbor, cluster):
    assert fault(call(cbor, "ListStreams", b"{}"))[:2] == (400, "SerializationException")
    assert fault(call(cluster[3], "ListStreams", encode({})))[:2] == (400,
                                                                      "SerializationException")


@pytest.mark.parametrize("content_type", [
    "", "text/html", "application/json", "application/cbor", CBOR_TYPE])
def test_without_a_body_the_answer_is_cbor_unless_json_is_asked_for(cbor, content_type):
    for operation, name in (("ListStreams", "SerializationException"),
                            ("Fly", "UnknownOperationException")):
        answer = call(cbor, operation, b"", content_type=content_type)
        assert fault(answer) == (400, name, None)
        assert answer[2]["Content-Type"] == CBOR_TYPE


def test_parameters_of_the_content_type_do_not_count(cbor):
    status, tree, _ = call(cbor, "ListStreams", encode({}), content_type=CBOR_TYPE + "; a=b")
    assert status == 200 and "StreamNames" in tree


@pytest.mark.parametrize("limit", [
    "07", "1807", "190007", "1a00000007", "1b0000000000000007", "f94700", "fa40e00000",
    "fb401c000000000000", "d80707"])
def test_a_number_may_have_any_width(cbor, limit):
    body = b"\xa1\x65Limit" + bytes.fromhex(limit)
    status, tree, _ = call(cbor, "ListStreams", body)
    assert status == 200 and len(tree["StreamNames"]) <= 7


def get_all(cbor, stream, when=None):
    start = ({"ShardIteratorType": "TRIM_HORIZON"} if when is None
             else {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": when})
    _, tree, _ = call(cbor, "GetShardIterator", {
        "StreamName": stream, "ShardId": SHARDS_OF_THREE[0], **start})
    status, tree, _ = call(cbor, "GetRecords", {"ShardIterator": tree["ShardIterator"]})
    assert status == 200, tree
    return tree["Records"]


def test_bytes_of_all_kinds_come_back_as_byte_strings(cbor, cluster, stream):
    blobs = [b"", b"\x00", bytes(range(256)), hashlib.sha256(b"").digest() * 3000]
    for spread in (False, True):
        body = encode({"StreamName": stream, "Records": [
            {"Data": blob, "PartitionKey": "k\u00fcste \U0001f30a",
             "ExplicitHashKey": hash_key_of(0)} for blob in blobs]}, spread)
        status, tree, _ = call(cbor, "PutRecords", body)
        assert (status, tree["FailedRecordCount"]) == (200, 0)
    records = get_all(cbor, stream)
    assert [record["Data"] for record in records] == blobs * 2
    assert {record["PartitionKey"] for record in records} == {"k\u00fcste \U0001f30a"}

    arrived = records[4]["ApproximateArrivalTimestamp"]
    assert arrived.number == 1 and isinstance(arrived.value, int)
    for when in (arrived, arrived.value, float(arrived.value), Tag(1, float(arrived.value))):
        again = get_all(cbor, stream, when)
        assert again[-1]["SequenceNumber"] == records[-1]["SequenceNumber"]
        assert all(r["ApproximateArrivalTimestamp"].value >= arrived.value for r in again)


def test_an_answer_has_indefinite_lengths_as_from_aws(cbor):
    connection = http.client.HTTPConnection("127.0.0.1", cbor.client_port, timeout=30)
    connection.request("POST", "/", encode({}), headers_of("ListStreams", CBOR_TYPE))
    body = connection.getresponse().read()
    connection.close()
    assert body[:13] == b"\xbf\x6bStreamNames" and body[13] == 0x9f and body[-1] == 0xff
    assert set(decode(body)) >= {"StreamNames", "HasMoreStreams"}


def test_both_encodings_on_one_connection(cbor):
    connection = http.client.HTTPConnection("127.0.0.1", cbor.client_port, timeout=30)
    for content_type, body in ((CBOR_TYPE, encode({})), (JSON_TYPE, b"{}"),
                               (CBOR_TYPE, b"\xbf"), (JSON_TYPE, b"{"), (CBOR_TYPE, encode({}))):
        connection.request("POST", "/", body, headers_of("ListStreams", content_type))
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == content_type
        assert answer.status == (400 if len(body) == 1 and body in (b"\xbf", b"{") else 200)
        answer.read()
    connection.close()

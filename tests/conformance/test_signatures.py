"""Signature Version 4: who may, who may not, and in which words."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest
from botocore.exceptions import ClientError
from braid_cluster import STEADY, Cluster, braidd, run_braid, wait_until
from braid_h2 import Connection
from braid_http import call, fault
from braid_shapes import watch
from braid_sign import AuthoritySigner, signed

KEY = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
OTHER = ("second.key-2", "another/secret+of=its/own!")
WRONG = (KEY[0], "not-the-secret-of-anybody-here")
AWS = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else shutil.which("aws")
READ_S = 30  # of the file, after a change: two looks, a second each


@pytest.fixture(scope="module")
def guarded():
    """Three nodes that ask for signatures."""
    with Cluster(nodes=3, keys=dict([KEY, OTHER]), options=STEADY) as cluster:
        cluster.create_stream("guarded", shards=2)
        yield cluster
        for node in cluster.nodes:  # whatever was tried here
            for secret in (KEY[1], OTHER[1], WRONG[1]):
                assert secret not in node.log_text()
                assert secret not in node.get("/metrics")[1]
                assert secret not in node.get("/cluster")[1]


@pytest.fixture(params=[1, 2, 3], ids=["node-1", "node-2", "node-3"])
def door(request, guarded):
    return guarded[request.param]


@pytest.fixture
def first(guarded):
    return guarded[1]


def refused(answer, kind):
    status, name, message = fault(answer)
    assert (status, name) == (400, kind), message
    return message


def test_boto3_puts_and_gets(guarded, door):
    client = watch(guarded.client(door.number))
    put = client.put_records(StreamName="guarded", Records=[
        {"Data": b"x" * 3000, "PartitionKey": str(i)} for i in range(100)])
    assert put["FailedRecordCount"] == 0  # a body that is hashed on a worker
    put = client.put_record(StreamName="guarded", PartitionKey="k", Data=b"here")
    iterator = client.get_shard_iterator(
        StreamName="guarded", ShardId=put["ShardId"], ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=put["SequenceNumber"])["ShardIterator"]
    assert client.get_records(ShardIterator=iterator)["Records"][0]["Data"] == b"here"


def test_each_key_of_the_file_counts(guarded, door):
    assert "guarded" in guarded.client(door.number, key=OTHER).list_streams()["StreamNames"]


def test_any_region_counts(door):
    assert signed(door, "ListStreams", {}, KEY, region="mars-north-1").send()[0] == 200


def test_boto3_with_a_wrong_secret(guarded, door):
    with pytest.raises(ClientError) as caught:
        guarded.client(door.number, key=WRONG).list_streams()
    assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_an_unsigned_request(door):
    answer = signed(door, "ListStreams", {}, KEY).tamper(authorization=None).send()
    assert refused(answer, "MissingAuthenticationTokenException") == "Missing Authentication Token"
    answer = signed(door, "ListStreams", {}, KEY).tamper(authorization="Bearer abc").send()
    assert refused(answer, "MissingAuthenticationTokenException") == "Missing Authentication Token"


def test_a_wrong_secret_is_told_the_texts_that_count(first):
    message = refused(signed(first, "ListStreams", {}, WRONG).send(), "InvalidSignatureException")
    assert message.startswith(
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details."
        "\n\nThe Canonical String for this request should have been\n'POST\n/\n\ncontent-type:"
        "application/x-amz-json-1.1\nhost:127.0.0.1:")
    assert "\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n" in message
    assert message.endswith("'\n")


def test_an_unknown_key(door):
    answer = signed(door, "ListStreams", {}, ("AKIDNOBODY", KEY[1])).send()
    assert refused(answer, "UnrecognizedClientException") == \
        "The security token included in the request is invalid."


def test_a_key_is_not_half_of_another(first):
    for name in (KEY[0][:-1], KEY[0] + "X", KEY[0].lower()):
        refused(signed(first, "ListStreams", {}, (name, KEY[1])).send(),
                "UnrecognizedClientException")


@pytest.mark.parametrize("change", [
    {"body": b'{"Limit": 2}'},
    {"path": "/?a=b"},
    {"path": "/x"},
    {"x_amz_target": "Kinesis_20131202.DescribeNothing"},
    {"x_amz_target": "Kinesis_20131202.DeleteStream"},
    {"host": "127.0.0.1:1"},
    {"content_type": "application/x-amz-json-1.1; charset=utf-8"},
])
def test_what_was_changed_on_the_way(first, change):
    tampered = signed(first, "ListStreams", {"Limit": 1}, KEY).tamper(**change)
    if change.get("x_amz_target", "").endswith("Nothing"):
        assert fault(tampered.send())[1] == "UnknownOperationException"
    else:
        refused(tampered.send(), "InvalidSignatureException")


def test_a_large_body_that_was_changed(first):
    body = json.dumps({"StreamName": "guarded", "PartitionKey": "k",
                       "Data": "QUJD" * 50000}).encode()
    assert signed(first, "PutRecord", body, KEY).send()[0] == 200
    changed = body.replace(b"QUJDQUJD", b"QUJDQUJE", 1)
    refused(signed(first, "PutRecord", body, KEY).tamper(body=changed).send(),
            "InvalidSignatureException")


@pytest.mark.parametrize("minutes, counts", [(-20, False), (-14, True), (14, True), (20, False)])
def test_a_clock_that_is_off(first, minutes, counts):
    answer = signed(first, "ListStreams", {}, KEY, clock_off_s=60 * minutes).send()
    if counts:
        assert answer[0] == 200
        return
    message = refused(answer, "InvalidSignatureException")
    stamp = r"[0-9]{8}T[0-9]{6}Z"
    assert re.fullmatch(
        rf"Signature expired: {stamp} is now earlier than {stamp} \({stamp} - 15 min\.\)"
        if minutes < 0 else
        rf"Signature not yet current: {stamp} is still later than {stamp} \({stamp} \+ 15 min\.\)",
        message), message
    assert "Date" in answer[2]  # SDKs correct their clocks by it


def test_a_presigned_address(first):
    query = {"presigned_s": 60}
    assert signed(first, "ListStreams", {}, KEY, **query).send()[0] == 200
    refused(signed(first, "ListStreams", {}, WRONG, **query).send(), "InvalidSignatureException")
    refused(signed(first, "ListStreams", {}, KEY, **query).tamper(body=b'{"Limit": 1}').send(),
            "InvalidSignatureException")
    changed = signed(first, "ListStreams", {}, KEY, **query)
    refused(changed.tamper(path=changed.path.replace("Expires=60", "Expires=600")).send(),
            "InvalidSignatureException")


def test_a_presigned_address_lives_as_long_as_it_says(first):
    old = {"clock_off_s": -1200}
    assert signed(first, "ListStreams", {}, KEY, presigned_s=3600, **old).send()[0] == 200
    message = refused(signed(first, "ListStreams", {}, KEY, presigned_s=600, **old).send(),
                      "InvalidSignatureException")
    assert message.startswith("Signature expired: ")
    refused(signed(first, "ListStreams", {}, KEY, presigned_s=604801).send(),
            "IncompleteSignatureException")


def test_both_ways_at_once(first):
    twice = signed(first, "ListStreams", {}, KEY, presigned_s=60).tamper(
        authorization="AWS4-HMAC-SHA256 Credential=a/b/c/d/e")
    assert refused(twice.send(), "InvalidSignatureException") == (
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")


def test_a_presigned_address_in_another_spelling_lives_no_longer(first):
    """The signature is the same with each of these: what was signed is read, however it is spelt."""
    old = signed(first, "ListStreams", {}, KEY, presigned_s=60, clock_off_s=-120)
    for plain, spelt in (("X-Amz-Expires", "X%2DAmz-Expires"), ("X-Amz-Expires", "X-Amz-%45xpires"),
                         ("Expires=60", "Expires=6%30")):
        again = signed(first, "ListStreams", {}, KEY, presigned_s=60, clock_off_s=-120)
        answer = again.tamper(path=again.path.replace(plain, spelt)).send()
        assert refused(answer, "InvalidSignatureException").startswith("Signature expired: ")
        good = signed(first, "ListStreams", {}, KEY, presigned_s=60)
        assert good.tamper(path=good.path.replace(plain, spelt)).send()[0] == 200
    parts = dict(pair.split("=", 1) for pair in old.path.split("?", 1)[1].split("&"))
    header = (f"AWS4-HMAC-SHA256 Credential={parts['X-Amz-Credential'].replace('%2F', '/')}, "
              f"SignedHeaders={parts['X-Amz-SignedHeaders'].replace('%3B', ';')}, "
              f"Signature={parts['X-Amz-Signature']}")
    for path in (old.path, old.path.replace("X-Amz-Algorithm", "X%2DAmz-Algorithm"),
                 "/?" + old.path.split("&", 1)[1]):
        moved = signed(first, "ListStreams", {}, KEY, presigned_s=60)
        answer = moved.tamper(path=path, authorization=header, x_amz_date=parts["X-Amz-Date"]).send()
        assert refused(answer, "InvalidSignatureException").startswith("Found both 'X-Amz-")


def test_each_part_of_a_presigned_address_is_there_once(first):
    for more in ("X-Amz-Expires=600", "X-Amz-Signature=00", "X%2DAmz-Date=20200101T000000Z"):
        address = signed(first, "ListStreams", {}, KEY, presigned_s=60)
        answer = address.tamper(path=f"{address.path}&{more}").send()
        assert "once. Re-examine the query-string parameters." in refused(
            answer, "IncompleteSignatureException")


def test_a_body_that_is_not_part_of_what_is_signed(first):
    free = signed(first, "ListStreams", {}, KEY, unsigned_payload=True)
    assert refused(free.send(), "InvalidSignatureException") == (
        "The body must be signed: 'UNSIGNED-PAYLOAD' as its hash is not taken here. Let the client "
        "sign payloads, or set unsigned-payload = yes on the nodes.")


def test_bodies_that_are_not_signed_may_be_allowed():
    with Cluster(nodes=1, keys=dict([KEY]), options={"unsigned-payload": "yes"}) as cluster:
        node = cluster[1]
        free = signed(node, "ListStreams", {}, KEY, unsigned_payload=True)
        assert free.send()[0] == 200
        assert free.tamper(body=b'{"Limit": 1}').send()[0] == 200
        # who did not say so when signing cannot say so afterwards
        refused(signed(node, "ListStreams", {}, KEY).tamper(
            x_amz_content_sha256="UNSIGNED-PAYLOAD").send(), "InvalidSignatureException")


@pytest.mark.parametrize("authorization, lacking", [
    ("AWS4-HMAC-SHA256", ["Credential", "Signature", "SignedHeaders"]),
    ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e", ["Signature", "SignedHeaders"]),
    ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature=ab", ["SignedHeaders"]),
    ("AWS4-HMAC-SHA256 Credential=, SignedHeaders=host, Signature=ab", ["Credential"]),
])
def test_a_header_that_lacks_parts(first, authorization, lacking):
    answer = signed(first, "ListStreams", {}, KEY).tamper(authorization=authorization).send()
    assert refused(answer, "IncompleteSignatureException") == "".join(
        f"Authorization header requires '{part}' parameter. " for part in lacking
    ) + f"Authorization={authorization}"


def test_a_header_without_a_date(first):
    answer = signed(first, "ListStreams", {}, KEY).tamper(x_amz_date=None).send()
    assert refused(answer, "IncompleteSignatureException").startswith(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        "Authorization=AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")


def test_a_query_that_lacks_parts(first):
    answer = signed(first, "ListStreams", {}, KEY).tamper(
        authorization=None, x_amz_date=None, path="/?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-SignedHeaders=host").send()
    assert refused(answer, "IncompleteSignatureException") == (
        "AWS query-string parameters must include 'X-Amz-Credential'. "
        "AWS query-string parameters must include 'X-Amz-Signature'. "
        "AWS query-string parameters must include 'X-Amz-Date'. "
        "AWS query-string parameters must include 'X-Amz-Expires'. "
        "Re-examine the query-string parameters.")


@pytest.mark.parametrize("credential", ["a", "a/b/c/d", "a/b/c/d/e/f", "a/b/c/d/"])
def test_a_credential_of_another_form(first, credential):
    answer = signed(first, "ListStreams", {}, KEY).tamper(
        authorization=f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, "
        "Signature=ab").send()
    assert refused(answer, "IncompleteSignatureException") == (
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        f"keyid/date/region/service/term, got '{credential}'")


def test_a_signature_for_another_service(first):
    answer = signed(first, "ListStreams", {}, KEY, service="firehose").send()
    assert refused(answer, "InvalidSignatureException") == (
        "Credential should be scoped to correct service: 'kinesis'. ")


def test_the_operation_must_be_signed(first):
    request = signed(first, "ListStreams", {}, KEY)
    named = request.headers["Authorization"]
    answer = request.tamper(authorization=named.replace(";x-amz-target", "")).send()
    assert refused(answer, "InvalidSignatureException") == (
        "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.")
    answer = request.tamper(authorization=named.replace("host;", "")).send()
    assert refused(answer, "InvalidSignatureException") == (
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")


def test_a_session_token_that_nobody_asked_for(first):
    assert signed(first, "ListStreams", {}, KEY, token="whatever").send()[0] == 200


def test_what_awss_order_answers_before_it_asks(first):
    """A body that is no object, and what is no operation, are said to everybody."""
    assert fault(call(first, "ListStreams", b"[1"))[:2] == (400, "SerializationException")
    assert fault(call(first, "ListStreams", b""))[:2] == (400, "SerializationException")
    assert fault(call(first, "NoSuch", b"{}"))[:2] == (400, "UnknownOperationException")
    # and what is wrong with the operation's own members is not
    refused(call(first, "ListStreams", b'{"Limit": "many"}'), "UnrecognizedClientException")
    refused(call(first, "ListStreams", b'{"Limit": 0}'), "UnrecognizedClientException")


def test_refusals_are_counted_by_reason(guarded):
    node = guarded[2]

    def count(reason):
        found = re.search(rf'braid_auth_refused_total{{reason="{reason}"}} ([0-9]+)',
                          node.get("/metrics")[1])
        return int(found[1])

    before = {reason: count(reason) for reason in ("missing", "unknown_key", "signature")}
    accepted = node.metric("braid_auth_accepted_total")
    signed(node, "ListStreams", {}, WRONG).send()
    signed(node, "ListStreams", {}, ("AKIDNOBODY", "x")).send()
    signed(node, "ListStreams", {}, ("AKIDNOBODY", "x")).send()
    signed(node, "ListStreams", {}, KEY).send()
    assert {reason: count(reason) - was for reason, was in before.items()} == {
        "missing": 0, "unknown_key": 2, "signature": 1}
    assert node.metric("braid_auth_accepted_total") == accepted + 1
    assert "event=request.unproved" in node.log_text()


# ---- other clients ----

@pytest.mark.parametrize("name", ["host", ":authority"])
def test_http_2(door, name):
    """AWS's Java SDK signs `host` over HTTP/2, which sends none; the JavaScript one `:authority`."""
    how = {"signer": AuthoritySigner} if name == ":authority" else {}
    connection = Connection(door.client_port)
    try:
        request = signed(door, "ListStreams", {"Limit": 1}, KEY, **how)
        assert name in re.search("SignedHeaders=([^,]*)", request.headers["Authorization"])[1].split(
            ";")
        status, tree = connection.take(connection.send("ListStreams", None, request))
        assert status == 200 and tree["StreamNames"] == ["guarded"]
        put = signed(door, "PutRecord", {"StreamName": "guarded", "PartitionKey": "k",
                                         "Data": "QUJD" * 50000}, KEY, **how)  # hashed on a worker
        assert connection.take(connection.send("PutRecord", None, put))[0] == 200
        request.tamper(body=b'{"Limit": 2}')
        status, tree = connection.take(connection.send("ListStreams", None, request))
        assert (status, tree["__type"]) == (400, "InvalidSignatureException")
        other = signed(door, "ListStreams", {}, WRONG, **how)
        status, tree = connection.take(connection.send("ListStreams", None, other))
        assert (status, tree["__type"]) == (400, "InvalidSignatureException")
        request.tamper(authorization=None)
        status, tree = connection.take(connection.send("ListStreams", None, request))
        assert (status, tree["__type"]) == (400, "MissingAuthenticationTokenException")
    finally:
        connection.close()


def test_the_aws_cli(first):
    def run(key, *arguments):
        done = subprocess.run(
            [AWS, "kinesis", *arguments, "--endpoint-url", first.endpoint],
            capture_output=True, timeout=120, check=False,
            env={**os.environ, "AWS_PAGER": "", "AWS_ACCESS_KEY_ID": key[0],
                 "AWS_SECRET_ACCESS_KEY": key[1]})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    status, out, said = run(KEY, "put-record", "--stream-name", "guarded", "--partition-key", "k",
                            "--data", "aGVyZQ==")
    assert status == 0 and "SequenceNumber" in out, said
    status, _, said = run(WRONG, "list-streams")
    assert status != 0 and "InvalidSignatureException" in said


def test_the_command_line(guarded, first, tmp_path):
    def braid(*arguments, status=0, **env):
        done = run_braid(*arguments, stdin=b"a\nb\nc\n", env={
            "BRAID_ENDPOINT": ",".join(node.endpoint for node in guarded.nodes), **env})
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    key = {"AWS_ACCESS_KEY_ID": OTHER[0], "AWS_SECRET_ACCESS_KEY": OTHER[1]}
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    braid("stream", "create", "by-braid", "--shards", "2", **key)
    braid("put", "by-braid", **key)
    told = braid("tail", "by-braid", "--from-start", "--no-follow", **key)
    assert all(line in told.split() for line in (b"a", b"b", b"c")), told

    path = tmp_path / "keys"
    path.write_text(f"{KEY[0]} = {KEY[1]}\n", encoding="ascii")
    said = braid("stream", "list", "--credentials", str(path), status=2, **none)
    assert b"chmod 600" in said
    path.chmod(0o600)
    assert b"by-braid" in braid("stream", "list", "--credentials", str(path), **none)
    assert b"by-braid" in braid("stream", "list", BRAID_CREDENTIALS=str(path), **none)
    said = braid("stream", "list", status=1, **none)
    assert b"requests must be signed: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said
    said = braid("stream", "list", status=1, AWS_ACCESS_KEY_ID=WRONG[0],
                 AWS_SECRET_ACCESS_KEY=WRONG[1])
    assert b"InvalidSignatureException" in said and WRONG[1].encode() not in said


# ---- the file ----

def test_the_file_is_read_again_when_it_changes():
    fresh = ("AKIDFRESH", "a secret/of+the=night".replace(" ", "-"))
    with Cluster(nodes=1, keys=dict([KEY])) as cluster:
        node = cluster[1]

        def counts(key):
            return signed(node, "ListStreams", {}, key).send()[0] == 200

        def await_line(text):
            wait_until(lambda: text in node.log_text(), READ_S, text)

        assert counts(KEY) and not counts(fresh)
        cluster.write_credentials(f"{fresh[0]} = {fresh[1]}\n")
        wait_until(lambda: counts(fresh), READ_S, "the new key counts")
        assert not counts(KEY)
        assert not counts((fresh[0], KEY[1]))

        # a secret that changed under a key whose signing key is remembered
        cluster.write_credentials(f"{fresh[0]} = {KEY[1]}\n")
        wait_until(lambda: counts((fresh[0], KEY[1])), READ_S, "the new secret counts")
        assert not counts(fresh)

        for text, mode, why in [
                ("no key at all\n", 0o600, "line 1 is not 'ACCESS_KEY = SECRET'"),
                (f"{KEY[0]} = short\n", 0o600, "fewer than 16 characters"),
                (f"{KEY[0]} = {KEY[1]}\n", 0o644, "mode 0644"),
                ("", 0o600, "there is no access key in it")]:
            cluster.write_credentials(text, mode)
            await_line(why)
            assert counts((fresh[0], KEY[1])), "the keys before still count"
            assert node.metric("braid_auth_file_refused") == 1
        assert "short" not in node.log_text() and "no key at all" not in node.log_text()
        cluster.write_credentials(f"{KEY[0]} = {KEY[1]} the-token\n")
        wait_until(lambda: node.metric("braid_auth_file_refused") == 0, READ_S, "read again")
        assert signed(node, "ListStreams", {}, KEY, token="the-token").send()[0] == 200
        refused(signed(node, "ListStreams", {}, KEY).send(), "UnrecognizedClientException")
        refused(signed(node, "ListStreams", {}, KEY, token="the-token-2").send(),
                "UnrecognizedClientException")
        assert not any(secret in node.log_text() for secret in (KEY[1], fresh[1], "the-token"))


def test_regions_may_be_few():
    with Cluster(nodes=1, keys=dict([KEY]),
                 options={"sigv4-regions": "eu-central-1, local"}) as cluster:
        assert signed(cluster[1], "ListStreams", {}, KEY, region="local").send()[0] == 200
        assert refused(signed(cluster[1], "ListStreams", {}, KEY).send(),
                       "InvalidSignatureException") == (
            "Credential should be scoped to a valid region, not 'us-east-1'. ")
        assert "event=auth.sigv4 keys=1 regions=" in cluster[1].log_text()


def test_a_start_without_keys_is_refused(tmp_path):
    path = tmp_path / "keys"

    def start(*more):
        done = subprocess.run([braidd(), "--check-config", "--auth", "sigv4", *more],
                              capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    status, _, said = start()
    assert status == 2 and "auth: sigv4 needs access keys: say credentials = FILE" in said
    status, _, said = start("--credentials", str(path))
    assert status == 2 and f"{path}: No such file or directory" in said
    path.write_text(f"{KEY[0]} = {KEY[1]}\n", encoding="ascii")
    path.chmod(0o640)
    status, _, said = start("--credentials", str(path))
    assert status == 2 and "others than its owner have access to it (mode 0640)" in said
    path.chmod(0o600)
    status, shown, said = start("--credentials", str(path), "--client-listen", "0.0.0.0:4567",
                                "--client-advertise", "10.0.0.1:4567")
    assert (status, said) == (0, "")
    assert f"\ncredentials = {path}\n" in shown and KEY[1] not in shown


def test_the_clock_of_this_test_is_the_nodes(first):
    """What the tests above count on."""
    answer = signed(first, "ListStreams", {}, KEY).send()
    sent = time.mktime(time.strptime(answer[2]["Date"], "%a, %d %b %Y %H:%M:%S GMT"))
    assert abs(sent - time.mktime(time.gmtime())) < 60

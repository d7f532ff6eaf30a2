/* Requests that real clients sent, and what becomes of them: captured from the AWS CLI over
 * HTTP/1.1 and from the JavaScript SDK over HTTP/2, with the secret "secret". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/canonical.h"
#include "base/limits.h"
#include "fixture.h"

static void what_the_aws_cli_signs_is_good(void **state)
{
    expect_good(*state);
}

static void what_the_javascript_sdk_signs_over_http_2_is_good(void **state)
{
    struct fixture *fixture = *state;

    fixture->request.header_count = 0;
    fixture->request.body =
        slice_text("{\"Data\":\"aGk=\",\"StreamName\":\"s\",\"PartitionKey\":\"p\"}");
    world.wall_s = SENT_S + 564;
    header(fixture, ":authority", "127.0.0.1:4603");
    header(fixture, "amz-sdk-invocation-id", "d8dbce6c-7d99-4c1e-b6a4-cfc70d4575d7");
    header(fixture, "amz-sdk-request", "attempt=1; max=1");
    header(fixture, "content-length", "51");
    header(fixture, "content-type", "application/x-amz-json-1.1");
    header(fixture, "x-amz-content-sha256",
           "90152f4c0ee98e42ba15dfb54265d0bc43617866c9c54278c699e0b785cb4f2c");
    header(fixture, "x-amz-date", "20261121T072435Z");
    header(fixture, "x-amz-target", "Kinesis_20131202.PutRecord");
    header(fixture, "x-amz-user-agent", "aws-sdk-js/3.1142.0");
    header(fixture, "authorization",
           "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/kinesis/aws4_request, "
           "SignedHeaders=:authority;amz-sdk-invocation-id;amz-sdk-request;content-length;"
           "content-type;x-amz-content-sha256;x-amz-date;x-amz-target;x-amz-user-agent, "
           "Signature=25febba74ada04cbb732391b3ddeeaf8d0157e6ed5db4844159a388b3367ff0f");
    expect_good(fixture);
    /* a server whose engine calls it host has the same text */
    header_of(fixture, ":authority")->name = slice_text("host");
    expect_good(fixture);
}

static void commas_and_blanks_between_the_parts_are_free(void **state)
{
    struct fixture *fixture = *state;

    header_of(fixture, "authorization")->value = slice_text(
        "AWS4-HMAC-SHA256  Signature=eca329eabcc71df9768c9087e631dffb399d0c240292139627541710c1eab"
        "179,SignedHeaders=content-type;host;x-amz-date;x-amz-target,,"
        "Credential=AKIDEXAMPLE/20261121/us-east-1/kinesis/aws4_request");
    expect_good(fixture);
}

static void each_byte_of_a_signature_counts(void **state)
{
    struct fixture *fixture = *state;
    char changed[sizeof(CLI_AUTHORIZATION)];

    for (size_t i = 1; i <= SIGV4_HEX_CHARS; i++) {
        memcpy(changed, CLI_AUTHORIZATION, sizeof(changed));
        changed[sizeof(changed) - 1 - i] ^= 1;
        header_of(fixture, "authorization")->value = slice_text(changed);
        expect_refusal(fixture, REFUSAL_SIGNATURE, "The request signature we calculated does not");
    }
    header_of(fixture, "authorization")->value =
        slice_of(CLI_AUTHORIZATION, sizeof(CLI_AUTHORIZATION) - 2);
    expect_refusal(fixture, REFUSAL_SIGNATURE, "The request signature we calculated does not");
}

static void each_byte_of_a_body_counts(void **state)
{
    struct fixture *fixture = *state;

    fixture->request.body.len--;
    expect_refusal(fixture, REFUSAL_SIGNATURE, "The request signature we calculated does not");
}

static void what_differs_is_shown_to_who_signed(void **state)
{
    struct fixture *fixture = *state;

    world.secret = "another secret";
    expect_refusal(
        fixture, REFUSAL_SIGNATURE,
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details."
        "\n\nThe Canonical String for this request should have been\n'POST\n/\n\ncontent-type:"
        "application/x-amz-json-1.1\nhost:127.0.0.1:4602\nx-amz-date:20261121T071511Z\n"
        "x-amz-target:Kinesis_20131202.PutRecord\n\ncontent-type;host;x-amz-date;x-amz-target\n"
        "d6511e41754c998972519c89894bad0985296f417076b27874de2cb04a762221'\n\nThe String-to-Sign "
        "should have been\n'AWS4-HMAC-SHA256\n20261121T071511Z\n20261121/us-east-1/kinesis/"
        "aws4_request\nded6d7f2a4fc36fb2ba512d99e96508793b6c43c4d008ef6e576075678cf94ec'\n");
    assert_null(strstr(fixture->lines, "another"));
}

static void a_date_counts_for_a_quarter_of_an_hour(void **state)
{
    struct fixture *fixture = *state;

    world.wall_s = SENT_S + AUTH_SKEW_S;
    expect_good(fixture);
    world.wall_s++;
    expect_refusal(fixture, REFUSAL_EXPIRED,
                   "Signature expired: 20261121T071511Z is now earlier than 20261121T071512Z "
                   "(20261121T073012Z - 15 min.)");
    world.wall_s = SENT_S - AUTH_SKEW_S;
    expect_good(fixture);
    world.wall_s--;
    expect_refusal(fixture, REFUSAL_EARLY,
                   "Signature not yet current: 20261121T071511Z is still later than "
                   "20261121T071510Z (20261121T070010Z + 15 min.)");
}

static void http_s_own_date_will_do(void **state)
{
    struct fixture *fixture = *state;

    *header_of(fixture, "x-amz-date") = (struct http_header){
        .name = slice_text("date"), .value = slice_text("Sat, 21 Nov 2026 07:15:11 GMT")
    };
    check(fixture);
    assert_int_equal(fixture->check.refusal.reason, REFUSAL_SIGNATURE);
    assert_non_null(memmem(fixture->check.refusal.error.message.data,
                           fixture->check.refusal.error.message.len,
                           "AWS4-HMAC-SHA256\n20261121T071511Z\n", 34));
}

static void a_date_that_is_none_is_said(void **state)
{
    struct fixture *fixture = *state;
    const char *wrong[] = { "20261121T071511", "2026-11-21T07:15:11Z", "20261321T071511Z",
                            "20261121T241511Z", "20261100T071511Z", "19691121T071511Z",
                            "Sat, 21 Nov 2026 07:15:11 GMT", "x" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        header_of(fixture, "x-amz-date")->value = slice_text(wrong[i]);
        expect_refusal(fixture, REFUSAL_INCOMPLETE, "Date must be in ISO-8601 'basic format'. Got");
    }
}

static void a_scope_is_of_the_same_day_and_service(void **state)
{
    struct fixture *fixture = *state;

    header_of(fixture, "authorization")->value = slice_text(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122//s3/aws5, "
        "SignedHeaders=host;x-amz-target, Signature=ab");
    expect_refusal(fixture, REFUSAL_SCOPE,
                   "Credential should be scoped to a valid region, not ''. "
                   "Credential should be scoped to correct service: 'kinesis'. "
                   "Credential should be scoped with a valid terminator: 'aws4_request', not "
                   "'aws5'. "
                   "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
                   "from HTTP: '20261122' != '20261121', from '20261121T071511Z'.");
}

static void what_is_repeated_is_printable(void **state)
{
    struct fixture *fixture = *state;

    header_of(fixture, "authorization")->value =
        slice_text("AWS4-HMAC-SHA256 Credential=\xff\xfe\x7f");
    check(fixture);
    struct slice message = fixture->check.refusal.error.message;
    for (size_t i = 0; i < message.len; i++)
        assert_in_range(message.data[i], ' ', 0x7e);
    assert_non_null(memmem(message.data, message.len, "Credential=???", 14));
}

static void a_session_token_is_asked_for_where_there_is_one(void **state)
{
    struct fixture *fixture = *state;

    world.token = "token";
    expect_refusal(fixture, REFUSAL_TOKEN, "The security token included in the request is");
    header(fixture, "x-amz-security-token", "token");
    expect_good(fixture);
    header_of(fixture, "x-amz-security-token")->value = slice_text("tokem");
    expect_refusal(fixture, REFUSAL_TOKEN, "The security token included in the request is");
    world.token = "";
    expect_good(fixture);
}

static void a_remembered_key_is_forgotten_with_its_secret(void **state)
{
    struct fixture *fixture = *state;

    expect_good(fixture);
    assert_false(fixture->check.cached);
    expect_good(fixture);
    assert_true(fixture->check.cached);
    world.secret = "another secret";
    world.version++;
    check(fixture);
    assert_false(fixture->check.proved);
    world.secret = "secret";
    world.version++;
    expect_good(fixture);
    assert_false(fixture->check.cached);
}

/* The file changed while a worker hashed the body. */
static void a_key_of_an_old_secret_is_not_remembered(void **state)
{
    struct fixture *fixture = *state;
    struct auth_check late;

    auth_begin(fixture->auth, &fixture->request, &late);
    world.secret = "another secret";
    world.version++;
    check(fixture);
    assert_true(auth_verify(&late, &fixture->request, fixture->digest));
    auth_end(fixture->auth, &late, &fixture->request);
    check(fixture);
    assert_false(fixture->check.proved);
}

static void refusals_are_told_of_now_and_then(void **state)
{
    struct fixture *fixture = *state;

    fixture->request.body.len--;
    for (int i = 0; i < 5; i++)
        check(fixture);
    assert_non_null(strstr(fixture->lines, "event=request.unproved reason=signature "
                                           "key=AKIDEXAMPLE peer=127.0.0.1:1 requests=1\n"));
    assert_null(strstr(strstr(fixture->lines, "unproved") + 1, "unproved"));
    world.mono_ms += AUTH_NOTE_MS;
    header_of(fixture, "authorization")->value = slice_text(
        "AWS4-HMAC-SHA256 Credential=my-own-secret/20261121/us-east-1/kinesis/aws4_request, "
        "SignedHeaders=host;x-amz-target, Signature=ab");
    check(fixture);
    assert_non_null(strstr(fixture->lines, "reason=unknown_key key=? peer=127.0.0.1:1 requests=5"));
    assert_null(strstr(fixture->lines, "my-own"));
}

static void what_is_wrong_before_is_not_hashed(void **state)
{
    struct fixture *fixture = *state;

    header_of(fixture, "authorization")->name = slice_text("x-authorization");
    auth_begin(fixture->auth, &fixture->request, &fixture->check);
    assert_int_equal(fixture->check.refusal.reason, REFUSAL_MISSING);
    assert_false(auth_verify(&fixture->check, &fixture->request, NULL));
    auth_end(fixture->auth, &fixture->check, &fixture->request);
}

/* Without a worker's digest there is no verdict: nothing is counted, nothing remembered. */
static void without_a_verdict_nothing_is_proved(void **state)
{
    struct fixture *fixture = *state;

    auth_begin(fixture->auth, &fixture->request, &fixture->check);
    auth_end(fixture->auth, &fixture->check, &fixture->request);
    assert_false(fixture->check.proved);
    expect_good(fixture);
    assert_false(fixture->check.cached);
}

static void without_memory_the_answer_says_so(void **state)
{
    struct fixture *fixture = *state;

    for (size_t bytes = 0; bytes < 4096 && !fixture->check.proved; bytes += 64) {
        arena_fini(&fixture->arena);
        arena_init(&fixture->arena, bytes);
        check(fixture);
        if (!fixture->check.proved)
            assert_int_equal(fixture->check.refusal.error.type, ERROR_SERVICE_UNAVAILABLE);
    }
    assert_true(fixture->check.proved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AUTH(what_the_aws_cli_signs_is_good),
        WITH_AUTH(what_the_javascript_sdk_signs_over_http_2_is_good),
        WITH_AUTH(commas_and_blanks_between_the_parts_are_free),
        WITH_AUTH(each_byte_of_a_signature_counts),
        WITH_AUTH(each_byte_of_a_body_counts),
        WITH_AUTH(what_differs_is_shown_to_who_signed),
        WITH_AUTH(a_date_counts_for_a_quarter_of_an_hour),
        WITH_AUTH(http_s_own_date_will_do),
        WITH_AUTH(a_date_that_is_none_is_said),
        WITH_AUTH(a_scope_is_of_the_same_day_and_service),
        WITH_AUTH(what_is_repeated_is_printable),
        WITH_AUTH(a_session_token_is_asked_for_where_there_is_one),
        WITH_AUTH(a_remembered_key_is_forgotten_with_its_secret),
        WITH_AUTH(a_key_of_an_old_secret_is_not_remembered),
        WITH_AUTH(refusals_are_told_of_now_and_then),
        WITH_AUTH(what_is_wrong_before_is_not_hashed),
        WITH_AUTH(without_a_verdict_nothing_is_proved),
        WITH_AUTH(without_memory_the_answer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

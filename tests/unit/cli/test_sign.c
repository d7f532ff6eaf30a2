/* The headers of a call: what the AWS CLI would have sent, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/sign.h"

#define SENT_S 1795245311u /* 2026-11-21 07:15:11 UTC */

static int set_up(void **state)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    unsetenv("AWS_SESSION_TOKEN");
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    return 0;
}

static struct signer *signer_of_environment(void)
{
    struct signer *signer = NULL;
    struct reason reason = { "" };

    assert_int_equal(signer_new(&signer, NULL, &reason), ERR_OK);
    return signer;
}

static bool has(const struct curl_slist *headers, const char *line)
{
    for (; headers != NULL; headers = headers->next)
        if (strcmp(headers->data, line) == 0)
            return true;
    return false;
}

static struct curl_slist *headers_of(const struct signer *signer)
{
    struct signed_call call = {
        .endpoint = "http://127.0.0.1:4602",
        .operation = "PutRecord",
        .body = slice_text(
            "{\"StreamName\": \"s\", \"Data\": \"YUdrPQ==\", \"PartitionKey\": \"p\"}"),
        .now_s = SENT_S
    };
    struct curl_slist *headers = sign_headers(signer, &call);

    assert_non_null(headers);
    return headers;
}

static void a_call_is_signed_as_the_aws_cli_signs_it(void **state)
{
    struct signer *signer = signer_of_environment();
    struct curl_slist *headers = headers_of(signer);

    assert_true(has(headers, "Host: 127.0.0.1:4602"));
    assert_true(has(headers, "X-Amz-Date: 20261121T071511Z"));
    assert_true(has(headers,
                    "Authorization: AWS4-HMAC-SHA256 "
                    "Credential=AKIDEXAMPLE/20261121/us-east-1/kinesis/aws4_request, "
                    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                    "Signature=eca329eabcc71df9768c9087e631dffb399d0c240292139627541710c1eab179"));
    curl_slist_free_all(headers);
    signer_free(signer);
}

static void a_session_token_goes_with_it(void **state)
{
    setenv("AWS_SESSION_TOKEN", "tok/en==", 1);
    struct signer *signer = signer_of_environment();
    struct curl_slist *headers = headers_of(signer);

    assert_true(has(headers, "X-Amz-Security-Token: tok/en=="));
    curl_slist_free_all(headers);
    signer_free(signer);
}

static void without_a_key_there_is_no_signer(void **state)
{
    unsetenv("AWS_SECRET_ACCESS_KEY");
    assert_null(signer_of_environment());
    struct curl_slist *headers = headers_of(NULL);
    assert_true(has(headers, "X-Amz-Target: Kinesis_20131202.PutRecord"));
    curl_slist_free_all(headers);
}

static void what_would_break_a_header_is_refused(void **state)
{
    static const struct {
        const char *name, *value, *why;
    } wrong[] = { { "AWS_ACCESS_KEY_ID", "A\r\nX: y", "AWS_ACCESS_KEY_ID is no access key" },
                  { "AWS_ACCESS_KEY_ID", "A/B", "AWS_ACCESS_KEY_ID is no access key" },
                  { "AWS_SECRET_ACCESS_KEY", "a b", "AWS_SECRET_ACCESS_KEY is no secret" },
                  { "AWS_SESSION_TOKEN", "a\nb", "AWS_SESSION_TOKEN is no session token" },
                  { "AWS_REGION", "a b", "AWS_REGION or AWS_DEFAULT_REGION is no region" } };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct signer *signer = NULL;
        struct reason reason = { "" };

        (void)set_up(state);
        setenv(wrong[i].name, wrong[i].value, 1);
        assert_int_equal(signer_new(&signer, NULL, &reason), ERR_INVALID);
        assert_non_null(strstr(reason.text, wrong[i].why));
        assert_null(strstr(reason.text, wrong[i].value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_call_is_signed_as_the_aws_cli_signs_it, set_up),
        cmocka_unit_test_setup(a_session_token_goes_with_it, set_up),
        cmocka_unit_test_setup(without_a_key_there_is_no_signer, set_up),
        cmocka_unit_test_setup(what_would_break_a_header_is_refused, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

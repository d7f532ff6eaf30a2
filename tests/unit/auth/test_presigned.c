/* Addresses that are signed, what is made of them by who has no secret, and bodies that are not
 * signed. */
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

#define CREDENTIAL "AKIDEXAMPLE%2F20261121%2Fus-east-1%2Fkinesis%2Faws4_request"
#define ADDRESS                                                                                    \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" CREDENTIAL                                \
    "&X-Amz-Date=20261121T071511Z&X-Amz-SignedHeaders=host%3Bx-amz-target&"

/* What its owner signs of `query`, with the body of compose(). */
static void sign(struct fixture *fixture, const char *query, char ret[SIGV4_HEX_CHARS])
{
    const struct sigv4_scope scope = { .day = slice_text("20261121"),
                                       .region = slice_text("us-east-1"),
                                       .service = slice_text("kinesis") };
    struct canonical_request request = { .method = slice_text("POST"),
                                         .path = slice_text("/"),
                                         .query = slice_text(query),
                                         .headers = fixture->headers,
                                         .header_count = fixture->request.header_count,
                                         .signed_names = slice_text("host;x-amz-target") };
    unsigned char key[SIGV4_KEY_BYTES];
    char to_sign[SIGV4_TO_SIGN_CHARS_MAX], whole[4096];
    struct slice canonical;

    assert_int_equal(canonical_print(&request, &fixture->arena, &canonical), ERR_OK);
    memcpy(whole, canonical.data, canonical.len);
    sigv4_hash(fixture->digest, fixture->request.body, whole + canonical.len);
    size_t len = sigv4_to_sign(fixture->digest, slice_text("20261121T071511Z"), &scope,
                               slice_of(whole, canonical.len + SIGV4_HEX_CHARS), to_sign);
    sigv4_key(fixture->digest, slice_text("secret"), &scope, key);
    sigv4_sign(fixture->digest, key, slice_of(to_sign, len), ret);
}

/* The request is sent to `sent` with the signature of `made`. */
static void address_send(struct fixture *fixture, const char *made, const char *sent)
{
    char signature[SIGV4_HEX_CHARS], *query = arena_raw(&fixture->arena, 4096);

    header_of(fixture, "authorization")->name = slice_text("x-none");
    header_of(fixture, "x-amz-date")->name = slice_text("x-none-either");
    sign(fixture, made, signature);
    (void)snprintf(query, 4096, "%s&X-Amz-Signature=%.*s", sent, SIGV4_HEX_CHARS, signature);
    fixture->request.query = slice_text(query);
}

static void a_presigned_address_is_good_for_as_long_as_it_says(void **state)
{
    struct fixture *fixture = *state;

    address_send(fixture, ADDRESS "X-Amz-Expires=60", ADDRESS "X-Amz-Expires=60");
    expect_good(fixture);
    world.wall_s = SENT_S + 60;
    expect_good(fixture);
    world.wall_s = SENT_S + 61;
    expect_refusal(fixture, REFUSAL_EXPIRED, "Signature expired: 20261121T071511Z is now earlier");
}

/* These have the signature of the plain one: the text that is signed is the same. */
static void another_spelling_makes_an_address_last_no_longer(void **state)
{
    static const char *const spellings[] = { ADDRESS "X%2DAmz-Expires=60",
                                             ADDRESS "X-Amz-%45xpires=60",
                                             ADDRESS "%58%2d%41%6d%7A-Expires=%36%30",
                                             "X%2DAmz-Expires=60&" ADDRESS };
    struct fixture *fixture = *state;

    for (size_t at = 0; at < sizeof(spellings) / sizeof(spellings[0]); at++) {
        fixture->request.header_count = 0;
        compose(fixture);
        address_send(fixture, ADDRESS "X-Amz-Expires=60", spellings[at]);
        world.wall_s = SENT_S;
        expect_good(fixture);
        world.wall_s = SENT_S + 61;
        expect_refusal(fixture, REFUSAL_EXPIRED, "Signature expired: ");
    }
}

static void an_address_says_how_long_it_is_good(void **state)
{
    struct fixture *fixture = *state;

    address_send(fixture, ADDRESS, ADDRESS);
    expect_refusal(fixture, REFUSAL_INCOMPLETE,
                   "AWS query-string parameters must include 'X-Amz-Expires'. Re-examine");
}

static void nothing_of_an_address_is_there_twice(void **state)
{
    static const char *const more[] = { "X-Amz-Expires=600&", "X%2DAmz-Expires=60&",
                                        "X-Amz-Signature=00&", "X-Amz-Algorithm&" };
    struct fixture *fixture = *state;
    char query[1024];

    for (size_t at = 0; at < sizeof(more) / sizeof(more[0]); at++) {
        fixture->request.header_count = 0;
        compose(fixture);
        (void)snprintf(query, sizeof(query), "%s%s", more[at], ADDRESS "X-Amz-Expires=60");
        address_send(fixture, query, query);
        check(fixture);
        assert_int_equal(fixture->check.refusal.reason, REFUSAL_INCOMPLETE);
        assert_non_null(strstr((const char *)fixture->check.refusal.error.message.data,
                               " once. Re-examine"));
    }
}

/* In a header it would have no end but the quarter of an hour. */
static void an_address_is_not_made_a_header(void **state)
{
    static const char *const queries[] = { "X-Amz-Expires=60", "X%2DAmz-Expires=60",
                                           "x-amz-anything", "a=b&X-Amz-Date=20261121T071511Z" };
    struct fixture *fixture = *state;

    for (size_t at = 0; at < sizeof(queries) / sizeof(queries[0]); at++) {
        fixture->request.query = slice_text(queries[at]);
        expect_refusal(fixture, REFUSAL_BOTH, at == 2 ? "Found both 'x-amz-anything' as a query"
                                                      : "Found both 'X-Amz-");
    }
    fixture->request.query = slice_text(ADDRESS "X-Amz-Expires=60");
    expect_refusal(fixture, REFUSAL_BOTH, "Found both 'X-Amz-");
}

static void a_body_has_to_be_signed_unless_it_is_said_that_it_need_not(void **state)
{
    struct fixture *fixture = *state;

    header(fixture, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    expect_refusal(fixture, REFUSAL_UNSIGNED_BODY, "The body must be signed: 'UNSIGNED-PAYLOAD' ");
    assert_non_null(strstr(fixture->lines, "reason=unsigned_body"));
    fixture->request.header_count = 0;
    compose(fixture);
    address_send(fixture, ADDRESS "X-Amz-Expires=60&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD",
                 ADDRESS "X-Amz-Expires=60&X-Amz-Content-Sha256=UNSIGNED%2dPAYLOAD");
    expect_refusal(fixture, REFUSAL_UNSIGNED_BODY, "The body must be signed: 'UNSIGNED-PAYLOAD' ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AUTH(a_presigned_address_is_good_for_as_long_as_it_says),
        WITH_AUTH(another_spelling_makes_an_address_last_no_longer),
        WITH_AUTH(an_address_says_how_long_it_is_good),
        WITH_AUTH(nothing_of_an_address_is_there_twice),
        WITH_AUTH(an_address_is_not_made_a_header),
        WITH_AUTH(a_body_has_to_be_signed_unless_it_is_said_that_it_need_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* fixture.h - a node's check of signatures, and the request that the AWS CLI sent it. */
#ifndef AUTH_FIXTURE_H
#define AUTH_FIXTURE_H

#include "auth/auth.h"

#define SENT_S 1795245311u /* 2026-11-21 07:15:11 UTC */

/* What it was signed with. */
#define CLI_AUTHORIZATION                                                                          \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/kinesis/aws4_request, "            \
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "                                    \
    "Signature=eca329eabcc71df9768c9087e631dffb399d0c240292139627541710c1eab179"

/* Clock and keyring; at first it is the moment of the request, and its key's secret is "secret". */
struct world {
    uint64_t wall_s, mono_ms;
    uint64_t version;
    const char *token;
    const char *secret;
    uint32_t lookups;
};

extern struct world world;

/* One request. */
struct fixture {
    struct auth *auth;
    struct metrics *metrics;
    struct note note;
    struct digest *digest;
    struct arena arena;
    struct http_header headers[16];
    struct http_request request;
    struct auth_check check;
    char lines[2048]; /* what was said */
};

int set_up(void **state);
int tear_down(void **state);

/* The request anew. */
void compose(struct fixture *fixture);
void header(struct fixture *fixture, const char *name, const char *value);
struct http_header *header_of(struct fixture *fixture, const char *name);

/* All of its check; the two others expect how it ends. */
void check(struct fixture *fixture);
void expect_good(struct fixture *fixture);
void expect_refusal(struct fixture *fixture, enum refusal_reason reason, const char *begin);

#define WITH_AUTH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif

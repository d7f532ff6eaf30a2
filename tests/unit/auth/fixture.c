#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the fake world ---- */

struct world world;

uint64_t clock_wall_ms(struct clock *clock)
{
    return world.wall_s * 1000 + 999;
}

uint64_t clock_mono_ms(struct clock *clock)
{
    return world.mono_ms;
}

const struct credential *keyring_find(const struct keyring *keyring, struct slice key_id)
{
    static struct credential credential;

    world.lookups++;
    credential = (struct credential){ .key_id = slice_text("AKIDEXAMPLE"),
                                      .secret = slice_text(world.secret),
                                      .token = slice_text(world.token) };
    return slice_equal(key_id, credential.key_id) ? &credential : NULL;
}

uint64_t keyring_version(const struct keyring *keyring)
{
    return world.version;
}

/* ---- one request ---- */

static void sink(void *ctx, const char *line, size_t len)
{
    struct fixture *fixture = ctx;
    size_t at = strlen(fixture->lines);

    (void)snprintf(fixture->lines + at, sizeof(fixture->lines) - at, "%.*s", (int)len, line);
}

void header(struct fixture *fixture, const char *name, const char *value)
{
    fixture->headers[fixture->request.header_count++] =
        (struct http_header){ .name = slice_text(name), .value = slice_text(value) };
}

/* As the AWS CLI sent it. */
void compose(struct fixture *fixture)
{
    static const char body[] =
        "{\"StreamName\": \"s\", \"Data\": \"YUdrPQ==\", \"PartitionKey\": \"p\"}";

    fixture->request = (struct http_request){ .method = slice_text("POST"),
                                              .path = slice_text("/"),
                                              .headers = fixture->headers,
                                              .body = slice_text(body),
                                              .arena = &fixture->arena,
                                              .peer = "127.0.0.1:1" };
    header(fixture, "host", "127.0.0.1:4602");
    header(fixture, "content-type", "application/x-amz-json-1.1");
    header(fixture, "x-amz-target", "Kinesis_20131202.PutRecord");
    header(fixture, "x-amz-date", "20261121T071511Z");
    header(fixture, "authorization", CLI_AUTHORIZATION);
}

int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct auth_world auth_world = { .note = &fixture->note };

    memset(&world, 0, sizeof(world));
    world.wall_s = SENT_S;
    world.mono_ms = 1000000;
    world.version = 1;
    world.secret = "secret";
    world.token = "";
    note_init(&fixture->note, NOTE_INFO, NULL, NULL);
    note_to(&fixture->note, sink, fixture);
    fixture->metrics = metrics_new();
    fixture->digest = digest_new();
    auth_world.metrics = fixture->metrics;
    arena_init(&fixture->arena, 1 << 22);
    assert_int_equal(auth_open(&fixture->auth, &auth_world, NULL, 0), ERR_OK);
    compose(fixture);
    *state = fixture;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *fixture = *state;

    auth_close(fixture->auth);
    metrics_free(fixture->metrics);
    digest_free(fixture->digest);
    arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

struct http_header *header_of(struct fixture *fixture, const char *name)
{
    for (uint32_t i = 0; i < fixture->request.header_count; i++)
        if (slice_equal(fixture->headers[i].name, slice_text(name)))
            return &fixture->headers[i];
    fail_msg("no header %s", name);
    return NULL;
}

void check(struct fixture *fixture)
{
    struct auth_check *check = &fixture->check;

    auth_begin(fixture->auth, &fixture->request, check);
    bool proved = auth_verify(check, &fixture->request, fixture->digest);
    assert_int_equal(proved, check->proved);
    assert_int_equal(proved, check->refusal.reason == REFUSAL_NONE);
    auth_end(fixture->auth, check, &fixture->request);
    for (size_t i = 0; i < sizeof(check->key); i++)
        assert_int_equal(check->key[i], 0);
}

void expect_good(struct fixture *fixture)
{
    check(fixture);
    assert_true(fixture->check.proved);
}

void expect_refusal(struct fixture *fixture, enum refusal_reason reason, const char *begin)
{
    check(fixture);
    assert_int_equal(fixture->check.refusal.reason, reason);
    struct slice message = fixture->check.refusal.error.message;
    if (message.len < strlen(begin) || memcmp(message.data, begin, strlen(begin)) != 0)
        fail_msg("'%.*s' does not begin with '%s'", (int)message.len, (const char *)message.data,
                 begin);
}

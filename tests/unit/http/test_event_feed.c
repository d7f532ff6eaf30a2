#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_pieces.h"
#include "http/event_feed.h"

uint64_t random_u64(struct random *random)
{
    return 7;
}

const struct http_header *http_request_header(const struct http_request *request, const char *name)
{
    return NULL;
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    fail();
}

struct fixture {
    struct arena arena;
    struct http_exchange exchange;
    struct subscription subscription;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    memset(&pieces, 0, sizeof(pieces));
    arena_init(&f->arena, 65536);
    f->exchange.request.arena = &f->arena;
    event_feed_begin(&f->exchange, NULL, &f->subscription);
    assert_int_equal(pieces.begun, 1);
    assert_int_equal(pieces.status, 200);
    assert_int_equal(f->subscription.rooms, 0);
}

static void end(struct fixture *f)
{
    assert_int_equal(f->subscription.frees, 1);
    assert_int_equal(pieces.ended, 1);
    arena_fini(&f->arena);
}

static void an_event_comes_when_the_last_one_is_gone(void **state)
{
    struct fixture f;
    struct buf event = { .len = 0 };

    begin(&f);
    pieces.events->on_room(pieces.ctx, &f.exchange);
    assert_int_equal(f.subscription.rooms, 1);
    f.subscription.events->on_event(f.subscription.ctx, &event);
    assert_int_equal(pieces.given, 1);
    assert_int_equal(f.subscription.rooms, 1);
    f.subscription.events->on_end(f.subscription.ctx);
    end(&f);
}

static void it_ends_when_its_client_is_gone(void **state)
{
    struct fixture f;

    begin(&f);
    pieces.events->on_gone(pieces.ctx, &f.exchange);
    end(&f);
}

static void it_ends_when_the_port_is_about_to_be_drained(void **state)
{
    struct fixture f;

    begin(&f);
    pieces.events->on_part(pieces.ctx, &f.exchange);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_comes_when_the_last_one_is_gone),
        cmocka_unit_test(it_ends_when_its_client_is_gone),
        cmocka_unit_test(it_ends_when_the_port_is_about_to_be_drained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

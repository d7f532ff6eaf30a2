#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/json.h"

static void values_stand_in_their_order_with_commas_between(void **state)
{
    struct json json;
    struct buf *text;

    json_init(&json, 1000);
    json_object(&json, NULL);
    json_text(&json, "name", "n1");
    json_text(&json, "leader", NULL);
    json_list(&json, "list");
    json_number(&json, NULL, 1);
    json_bool(&json, NULL, true);
    json_end_list(&json);
    json_list(&json, "empty");
    json_end_list(&json);
    json_object(&json, "inner");
    json_end_object(&json);
    json_id(&json, "id", UINT64_MAX);
    json_end_object(&json);
    text = json_take(&json);
    assert_non_null(text);
    assert_true(slice_equal(
        buf_slice(text),
        slice_text("{\"name\":\"n1\",\"leader\":null,\"list\":[1,true],\"empty\":[],\"inner\":{},"
                   "\"id\":\"ffffffffffffffff\"}\n")));
    buf_unref(text);
}

static void what_would_end_a_text_is_escaped(void **state)
{
    struct json json;
    struct buf *text;

    json_init(&json, 1000);
    json_text(&json, NULL, "a\"b\\c\nd\x01");
    text = json_take(&json);
    assert_true(slice_equal(buf_slice(text), slice_text("\"a\\\"b\\\\c\\u000ad\\u0001\"\n")));
    buf_unref(text);
}

static void over_the_maximum_there_is_no_text(void **state)
{
    struct json json;

    json_init(&json, 8);
    json_text(&json, NULL, "more than eight");
    assert_null(json_take(&json));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_in_their_order_with_commas_between),
        cmocka_unit_test(what_would_end_a_text_is_escaped),
        cmocka_unit_test(over_the_maximum_there_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

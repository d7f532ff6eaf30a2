/* Texts of requests that must come out the same on both sides, whatever happened to case, order,
 * blanks and escapes. */
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

static struct arena arena;

static int set_up(void **state)
{
    arena_init(&arena, 1 << 22);
    return 0;
}

static int tear_down(void **state)
{
    arena_fini(&arena);
    return 0;
}

/* ---- one text ---- */

static const char *text_of(const struct canonical_request *request)
{
    struct slice text;

    assert_int_equal(canonical_print(request, &arena, &text), ERR_OK);
    assert_int_equal(text.data[text.len], 0);
    return (const char *)text.data;
}

static void expect_path(const char *path, const char *expected)
{
    struct canonical_request request = { .method = slice_text("POST"),
                                         .path = slice_text(path),
                                         .signed_names = slice_text("host") };
    char whole[1024];

    (void)snprintf(whole, sizeof(whole), "POST\n%s\n\nhost:\n\nhost\n", expected);
    assert_string_equal(text_of(&request), whole);
}

static void expect_query(const char *query, const char *expected)
{
    struct canonical_request request = { .method = slice_text("GET"),
                                         .path = slice_text("/"),
                                         .query = slice_text(query),
                                         .signed_names = slice_text("host") };
    char whole[1024];

    (void)snprintf(whole, sizeof(whole), "GET\n/\n%s\nhost:\n\nhost\n", expected);
    assert_string_equal(text_of(&request), whole);
}

/* `headers`: name, value, ..., NULL. */
static void expect_headers(const char *const *headers, const char *names, const char *expected)
{
    struct http_header list[8];
    struct canonical_request request = { .method = slice_text("POST"),
                                         .path = slice_text("/"),
                                         .headers = list,
                                         .signed_names = slice_text(names) };
    char whole[1024];

    for (; headers[0] != NULL; headers += 2)
        list[request.header_count++] = (struct http_header){ .name = slice_text(headers[0]),
                                                             .value = slice_text(headers[1]) };
    (void)snprintf(whole, sizeof(whole), "POST\n/\n\n%s\n", expected);
    assert_string_equal(text_of(&request), whole);
}

/* ---- paths ---- */

static void dots_and_double_slashes_are_gone(void **state)
{
    expect_path("/", "/");
    expect_path("", "/");
    expect_path("//", "/");
    expect_path("/./", "/");
    expect_path("/foo/..", "/");
    expect_path("/foo/bar/../..", "/");
    expect_path("/../..", "/");
    expect_path("/foo/../../bar", "/bar");
    expect_path("//foo//", "/foo/");
    expect_path("/./foo", "/foo");
    expect_path("/foo/./bar/", "/foo/bar/");
    expect_path("/...", "/...");
    expect_path("/.hidden/..x", "/.hidden/..x");
}

static void a_path_is_encoded_once_more(void **state)
{
    expect_path("/a%20b", "/a%2520b");
    expect_path("/-._~0aZ", "/-._~0aZ");
    expect_path("/\xe1\x88\xb4", "/%E1%88%B4");
    expect_path("/a:b*c", "/a%3Ab%2Ac");
}

/* ---- queries ---- */

static void a_query_is_sorted_by_name_and_value(void **state)
{
    expect_query("", "");
    expect_query("Param2=value2&Param1=value1", "Param1=value1&Param2=value2");
    expect_query("a=2&a=1", "a=1&a=2");
    expect_query("ab=1&a=1", "a=1&ab=1");
    expect_query("a=x&A=y", "A=y&a=x");
    expect_query("a-b=1&a=2", "a=2&a-b=1");
}

static void a_name_may_be_alone(void **state)
{
    expect_query("acl", "acl=");
    expect_query("acl=", "acl=");
    expect_query("=v", "=v");
    expect_query("&&a=1&", "a=1");
    expect_query("a=b=c", "a=b%3Dc");
}

static void escapes_have_one_spelling(void **state)
{
    expect_query("a=%7e%2f%2F~/", "a=~%2F%2F~%2F");
    expect_query("a=x+y", "a=x%2By");
    expect_query("a=%", "a=%25");
    expect_query("a=%4", "a=%254");
    expect_query("a=%zz", "a=%25zz");
    expect_query("%61=%62", "a=b");
    expect_query("a=%00%ff", "a=%00%FF");
}

static void the_signature_itself_is_left_out(void **state)
{
    expect_query("X-Amz-Signature=abc&b=1", "b=1");
    expect_query("X-Amz-Si%67nature=abc&b=1", "b=1");
    expect_query("x-amz-signature=abc", "x-amz-signature=abc");
}

static void a_query_has_a_maximum(void **state)
{
    char query[4 * AUTH_QUERY_PARTS_MAX + 8] = "";
    struct canonical_request request = { .path = slice_text("/"),
                                         .signed_names = slice_text("host") };
    struct slice text;

    for (uint32_t i = 0; i < AUTH_QUERY_PARTS_MAX; i++)
        strcat(query, "a=1&");
    request.query = slice_text(query);
    assert_int_equal(canonical_print(&request, &arena, &text), ERR_OK);
    strcat(query, "a=1");
    request.query = slice_text(query);
    assert_int_equal(canonical_print(&request, &arena, &text), ERR_TOO_BIG);
}

/* ---- headers ---- */

static void headers_are_sorted_by_name(void **state)
{
    const char *headers[] = { "x-b", "2", "host", "h", "x-a", "1", NULL };

    expect_headers(headers, "x-b;host;x-a", "host:h\nx-a:1\nx-b:2\n\nhost;x-a;x-b");
    expect_headers(headers, "Host;X-A", "host:h\nx-a:1\n\nhost;x-a");
}

static void headers_of_one_name_are_one_line_in_their_order(void **state)
{
    const char *headers[] = { "a", "z", "host", "h", "a", "b", "a", "z", NULL };

    expect_headers(headers, "a;host", "a:z,b,z\nhost:h\n\na;host");
}

static void blanks_are_one_or_none(void **state)
{
    const char *headers[] = { "a", "  x   y\t z  ", "b", "\"a   b\"", "c", "", "d", " \t ", NULL };

    expect_headers(headers, "a;b;c;d", "a:x y z\nb:\"a b\"\nc:\nd:\n\na;b;c;d");
}

static void a_header_that_is_not_there_is_empty(void **state)
{
    const char *headers[] = { "host", "h", NULL };

    expect_headers(headers, "host;x-a", "host:h\nx-a:\n\nhost;x-a");
}

static void host_and_authority_stand_for_each_other(void **state)
{
    const char *host[] = { "host", "h:1", NULL }, *authority[] = { ":authority", "a:2", NULL };
    const char *both[] = { ":authority", "a:2", "host", "h:1", NULL };

    expect_headers(host, ":authority;x", ":authority:h:1\nx:\n\n:authority;x");
    expect_headers(authority, "host", "host:a:2\n\nhost");
    expect_headers(authority, ":authority", ":authority:a:2\n\n:authority");
    expect_headers(both, "host", "host:h:1\n\nhost");
    expect_headers(both, ":authority;host", ":authority:a:2\nhost:h:1\n\n:authority;host");
}

static void signed_names_are_different_names(void **state)
{
    const char *wrong[] = { "", ";", "host;", ";host", "host;;a", "host;host", "host;HOST",
                            "host a",  "host\n", "h\xc3\xb6st" };
    struct slice text;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct canonical_request request = { .path = slice_text("/"),
                                             .signed_names = slice_text(wrong[i]) };
        assert_int_equal(canonical_print(&request, &arena, &text), ERR_INVALID);
    }
}

static void signed_names_have_a_maximum(void **state)
{
    char names[8 * HTTP_HEADERS_MAX] = "a0";
    struct canonical_request request = { .path = slice_text("/") };
    struct slice text;

    for (uint32_t i = 1; i < HTTP_HEADERS_MAX; i++)
        (void)snprintf(names + strlen(names), 8, ";a%u", i);
    request.signed_names = slice_text(names);
    assert_int_equal(canonical_print(&request, &arena, &text), ERR_OK);
    strcat(names, ";b");
    request.signed_names = slice_text(names);
    assert_int_equal(canonical_print(&request, &arena, &text), ERR_TOO_BIG);
}

static void names_are_found_whole_and_in_any_case(void **state)
{
    assert_true(canonical_signs(slice_text("a;host;b"), "host"));
    assert_true(canonical_signs(slice_text("Host"), "host"));
    assert_false(canonical_signs(slice_text("hosts;xhost"), "host"));
    assert_false(canonical_signs(slice_of(NULL, 0), "host"));
}

static void without_memory_it_says_so(void **state)
{
    struct canonical_request request = { .path = slice_text("/"),
                                         .query = slice_text("a=1"),
                                         .signed_names = slice_text("host") };
    struct slice text;
    enum err err = ERR_NO_MEMORY;

    for (size_t bytes = 0; err != ERR_OK; bytes += 16) {
        arena_fini(&arena);
        arena_init(&arena, bytes);
        err = canonical_print(&request, &arena, &text);
        assert_true(err == ERR_OK || err == ERR_NO_MEMORY);
    }
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(dots_and_double_slashes_are_gone),
        WITH_ARENA(a_path_is_encoded_once_more),
        WITH_ARENA(a_query_is_sorted_by_name_and_value),
        WITH_ARENA(a_name_may_be_alone),
        WITH_ARENA(escapes_have_one_spelling),
        WITH_ARENA(the_signature_itself_is_left_out),
        WITH_ARENA(a_query_has_a_maximum),
        WITH_ARENA(headers_are_sorted_by_name),
        WITH_ARENA(headers_of_one_name_are_one_line_in_their_order),
        WITH_ARENA(blanks_are_one_or_none),
        WITH_ARENA(a_header_that_is_not_there_is_empty),
        WITH_ARENA(host_and_authority_stand_for_each_other),
        WITH_ARENA(signed_names_are_different_names),
        WITH_ARENA(signed_names_have_a_maximum),
        WITH_ARENA(names_are_found_whole_and_in_any_case),
        WITH_ARENA(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "local_plan.h"

static void nodes_are_ten_ports_apart_in_three_zones(void **state)
{
    const struct local_plan plan = { .dir = "/d", .node_count = 4, .port = 4567 };
    struct local_node node;

    local_plan_node(&plan, 1, &node);
    assert_string_equal(node.name, "node-1");
    assert_string_equal(node.az, "az1");
    assert_int_equal(node.ports[LOCAL_PORT_CLIENT], 4567);
    assert_int_equal(node.ports[LOCAL_PORT_PEER], 4568);
    assert_int_equal(node.ports[LOCAL_PORT_OPERATIONS], 4569);
    assert_string_equal(node.config, "/d/node-1/braidd.conf");
    assert_string_equal(node.data, "/d/node-1/data");

    local_plan_node(&plan, 4, &node);
    assert_string_equal(node.az, "az1");
    assert_int_equal(node.ports[LOCAL_PORT_CLIENT], 4597);
}

static void urls_name_all_nodes(void **state)
{
    const struct local_plan plan = { .dir = "/d", .node_count = 3, .port = 4567 };
    char urls[LOCAL_URLS_BYTES_MAX];

    local_plan_urls(&plan, LOCAL_PORT_OPERATIONS, urls);
    assert_string_equal(urls, "http://127.0.0.1:4569,http://127.0.0.1:4579,http://127.0.0.1:4589");
}

static void the_longest_list_of_urls_has_room(void **state)
{
    const struct local_plan plan = { .dir = "/d",
                                     .node_count = LOCAL_NODES_MAX,
                                     .port = LOCAL_PORT_MAX };
    char urls[LOCAL_URLS_BYTES_MAX];

    local_plan_urls(&plan, LOCAL_PORT_OPERATIONS, urls);
    assert_int_equal(strlen(urls), LOCAL_NODES_MAX * strlen("http://127.0.0.1:65000,") - 1);
}

static char *config_of(const struct local_plan *plan, uint32_t number)
{
    struct local_node node;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    local_plan_node(plan, number, &node);
    local_plan_config(plan, &node, out);
    fclose(out);
    return text;
}

static void a_configuration_says_everything(void **state)
{
    const struct local_plan plan = { .dir = "/d", .node_count = 3, .port = 4567 };
    char *text = config_of(&plan, 2);

    assert_non_null(strstr(text, "\nname = node-2\naz = az2\ndata-dir = /d/node-2/data\n"));
    assert_non_null(strstr(text, "\nclient-listen = 127.0.0.1:4577\n"));
    assert_non_null(strstr(text, "\npeer-listen = 127.0.0.1:4578\n"));
    assert_non_null(strstr(text, "\noperations-listen = 127.0.0.1:4579\n"));
    assert_non_null(strstr(text, "\nseeds = 127.0.0.1:4568,127.0.0.1:4578,127.0.0.1:4588\n"));
    assert_non_null(strstr(text, "\nfounding-wait-ms = 0\nreplication = 3\n"));
    assert_non_null(strstr(text, "\nlimits = aws\n"));
    free(text);
}

static void limits_may_be_lifted(void **state)
{
    const struct local_plan plan = {
        .dir = "/d", .node_count = 3, .port = 4567, .unlimited = true
    };
    char *text = config_of(&plan, 2);

    assert_non_null(strstr(text, "\nlimits = unlimited\n"));
    free(text);
}

static void two_nodes_keep_one_copy(void **state)
{
    const struct local_plan plan = { .dir = "/d", .node_count = 2, .port = 4567 };
    char *text = config_of(&plan, 1);

    assert_non_null(strstr(text, "\nreplication = 1\n"));
    free(text);
}

static void a_saved_plan_is_loaded_again(void **state)
{
    char dir[] = "/tmp/braid-plan-XXXXXX", nested[64], path[128];
    struct local_plan plan = { .node_count = 3, .port = 5000, .unlimited = true }, *loaded;

    assert_non_null(mkdtemp(dir));
    snprintf(nested, sizeof(nested), "%s/a/b", dir);
    assert_int_equal(local_plan_load(&loaded, nested, NULL), ERR_NOT_FOUND);
    snprintf(plan.dir, sizeof(plan.dir), "/dev/null/a");
    assert_int_equal(local_plan_save(&plan, NULL), ERR_IO);
    snprintf(plan.dir, sizeof(plan.dir), "%s", nested);
    assert_int_equal(local_plan_save(&plan, NULL), ERR_OK);
    assert_int_equal(local_plan_load(&loaded, nested, NULL), ERR_OK);
    assert_int_equal(loaded->node_count, 3);
    assert_int_equal(loaded->port, 5000);
    assert_true(loaded->unlimited);
    assert_string_equal(loaded->dir, nested);
    free(loaded);

    snprintf(path, sizeof(path), "%s/cluster.json", nested);
    static const char *const wrong[] = { "",
                                         "{}",
                                         "[]",
                                         "{\"nodes\": 0, \"port\": 1}",
                                         "{\"nodes\": 17, \"port\": 1}",
                                         "{\"nodes\": 1, \"port\": 65536}",
                                         "{\"nodes\": \"3\", \"port\": 1}" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(wrong[i], out);
        fclose(out);
        assert_int_equal(local_plan_load(&loaded, nested, NULL), ERR_CORRUPT);
    }
    snprintf(path, sizeof(path), "rm -r '%s'", dir);
    assert_int_equal(system(path), 0);
}

static void the_folder_comes_from_the_environment(void **state)
{
    char dir[LOCAL_DIR_BYTES_MAX];

    setenv("BRAID_LOCAL_DIR", "/a", 1);
    setenv("XDG_DATA_HOME", "/b", 1);
    setenv("HOME", "/c", 1);
    assert_int_equal(local_plan_dir(dir, NULL), ERR_OK);
    assert_string_equal(dir, "/a");
    unsetenv("BRAID_LOCAL_DIR");
    assert_int_equal(local_plan_dir(dir, NULL), ERR_OK);
    assert_string_equal(dir, "/b/braid/local");
    unsetenv("XDG_DATA_HOME");
    assert_int_equal(local_plan_dir(dir, NULL), ERR_OK);
    assert_string_equal(dir, "/c/.local/share/braid/local");
    unsetenv("HOME");
    assert_int_equal(local_plan_dir(dir, NULL), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_ten_ports_apart_in_three_zones),
        cmocka_unit_test(urls_name_all_nodes),
        cmocka_unit_test(the_longest_list_of_urls_has_room),
        cmocka_unit_test(a_configuration_says_everything),
        cmocka_unit_test(limits_may_be_lifted),
        cmocka_unit_test(two_nodes_keep_one_copy),
        cmocka_unit_test(a_saved_plan_is_loaded_again),
        cmocka_unit_test(the_folder_comes_from_the_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

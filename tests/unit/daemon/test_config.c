#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

struct fixture {
    struct config config;
    char path[64];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    config_init(&fixture->config);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    config_fini(&fixture->config);
    if (fixture->path[0] != 0)
        unlink(fixture->path);
    free(fixture);
    return 0;
}

/* Reads flags, at most three pairs of words; NULL ends them. */
static enum err with_flags(struct fixture *fixture, const char *a, const char *b, const char *c,
                           const char *d)
{
    char words[5][256];
    char *argv[6] = { words[0], words[1], words[2], words[3], words[4], NULL };
    const char *given[5] = { "braidd", a, b, c, d };
    int argc = 0;

    for (; argc < 5 && given[argc] != NULL; argc++)
        (void)snprintf(words[argc], sizeof(words[argc]), "%s", given[argc]);
    argv[argc] = NULL;
    config_read(&fixture->config, argc, argv);
    return config_check(&fixture->config);
}

static enum err with_file(struct fixture *fixture, const char *text)
{
    FILE *file;
    int fd;

    (void)snprintf(fixture->path, sizeof(fixture->path), "/tmp/braid-config-XXXXXX");
    fd = mkstemp(fixture->path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    return with_flags(fixture, "--config", fixture->path, NULL, NULL);
}

static void expect_error(const struct fixture *fixture, const char *part)
{
    if (fixture->config.error_count == 0)
        fail_msg("no error, but '%s' was expected", part);
    if (strstr(fixture->config.errors[0].text, part) == NULL)
        fail_msg("'%s' does not say '%s'", fixture->config.errors[0].text, part);
}

/* ---- what is right ---- */

static void the_defaults_are_right(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, NULL, NULL, NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.client_at.port, 4567);
    assert_true(fixture->config.client_at.loopback);
    assert_int_equal(fixture->config.replication, 1);
    assert_int_equal(fixture->config.seed_count, 0);
    assert_true(fixture->config.name[0] != 0);
    assert_string_equal(fixture->config.peer_advertise, "127.0.0.1:4568");
}

static void a_flag_counts_over_the_file(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "az = here\nreplication = 5\n"), ERR_OK);
    assert_string_equal(fixture->config.az, "here");
    config_fini(&fixture->config);
    config_init(&fixture->config);
    assert_int_equal(with_flags(fixture, "--config", fixture->path, "--az", "there"), ERR_OK);
    assert_string_equal(fixture->config.az, "there");
    assert_int_equal(fixture->config.replication, 5);
}

static void sizes_have_suffixes(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "segment-bytes = 16M\nlog-bytes-max=2G\n"), ERR_OK);
    assert_int_equal(fixture->config.segment_bytes, 16 * 1024 * 1024);
    assert_int_equal(fixture->config.log_bytes_max, UINT64_C(2147483648));
}

static void underscores_and_dashes_are_the_same(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "segment_bytes = 16M\n"), ERR_OK);
    assert_int_equal(fixture->config.segment_bytes, 16 * 1024 * 1024);
}

static void seeds_are_a_list(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "seeds = a.example:4568, [::1]:4568,10.0.0.1:1\n"),
                     ERR_OK);
    assert_int_equal(fixture->config.seed_count, 3);
    assert_int_equal(fixture->config.replication, 3);
    assert_string_equal(fixture->config.seed_list[0], "a.example:4568");
    assert_string_equal(fixture->config.seed_list[1], "[::1]:4568");
    assert_string_equal(fixture->config.seed_list[2], "10.0.0.1:1");
}

static void a_developers_node_is_alone_and_temporary(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--dev", NULL, NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.replication, 1);
    assert_true(fixture->config.temporary);
    assert_string_equal(fixture->config.name, "dev");
}

static void a_developers_node_may_have_a_directory(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--dev", "--data-dir", "/tmp/d", NULL), ERR_OK);
    assert_false(fixture->config.temporary);
    assert_string_equal(fixture->config.data_dir, "/tmp/d");
}

static void what_is_printed_can_be_read_back(void **state)
{
    struct fixture *fixture = *state;
    char first[16384] = "", second[16384] = "";
    FILE *file;

    assert_int_equal(with_flags(fixture, "--name", "n1", "--segment-bytes", "16M"), ERR_OK);
    file = fmemopen(first, sizeof(first), "w");
    config_print(&fixture->config, file);
    fclose(file);
    config_fini(&fixture->config);
    config_init(&fixture->config);
    assert_int_equal(with_file(fixture, first), ERR_OK);
    file = fmemopen(second, sizeof(second), "w");
    config_print(&fixture->config, file);
    fclose(file);
    assert_string_equal(first, second);
}

/* ---- what is wrong ---- */

static void an_unknown_key_is_named_with_its_line(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "# a comment\n\nflavour = mint\n"), ERR_INVALID);
    expect_error(fixture, ":3: flavour: there is no such option");
}

static void a_bad_number_is_named_with_its_rule(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "replication = 9\n"), ERR_INVALID);
    expect_error(fixture, ":1: replication: '9' is not a number from 0 to 5");
}

static void a_bad_flag_is_named(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--tick-ms", "soon", NULL, NULL), ERR_INVALID);
    expect_error(fixture, "--tick-ms: 'soon' is not a number from 5 to 5000");
}

static void a_number_that_overflows_is_no_number(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--log-bytes-max", "99999999999999999999", NULL, NULL),
                     ERR_INVALID);
    assert_int_equal(with_flags(fixture, "--log-bytes-max", "99999999999999T", NULL, NULL),
                     ERR_INVALID);
    assert_int_equal(fixture->config.log_bytes_max, 0);
}

static void a_size_with_a_tail_is_none(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--segment-bytes", "16Mx", NULL, NULL), ERR_INVALID);
    expect_error(fixture, "segment-bytes: '16Mx' is not a size");
}

static void a_line_without_a_value_is_named(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "az = a\nauth\n"), ERR_INVALID);
    expect_error(fixture, ":2: not 'name = value'");
}

static void a_line_that_is_too_long_is_named(void **state)
{
    struct fixture *fixture = *state;
    char text[4096];

    memset(text, 'x', sizeof(text));
    memcpy(text, "seeds = ", 8);
    memcpy(text + sizeof(text) - 2, "\n", 2);
    assert_int_equal(with_file(fixture, text), ERR_INVALID);
    expect_error(fixture, ":1: longer than");
    assert_int_equal(fixture->config.error_count, 1);
}

static void a_key_given_twice_is_named(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "az = a\naz = b\n"), ERR_INVALID);
    expect_error(fixture, ":2: az: given before");
}

static void sections_are_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "[node]\naz = a\n"), ERR_INVALID);
    expect_error(fixture, "there are no sections");
}

static void an_empty_section_is_refused_too(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "az = a\n  [node]\n"), ERR_INVALID);
    expect_error(fixture, ":2: [node]: there are no sections; remove this line");
    assert_int_equal(fixture->config.error_count, 1);
}

static void seeds_are_different_nodes(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "az = a\nseeds = 127.0.0.1:4568, a:1, 127.0.0.1:4568\n"),
                     ERR_INVALID);
    expect_error(fixture, ":2: seeds: 127.0.0.1:4568 is listed twice");
}

/* It may be meant: a node that is added later has the seeds of the first ones. */
static void a_node_that_is_none_of_its_seeds_is_warned(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--seeds", "10.0.0.1:4568", NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.warning_count, 1);
    assert_non_null(strstr(fixture->config.warnings[0].text,
                           "--seeds: 127.0.0.1:4568, where others reach"));
}

static void a_node_among_its_seeds_is_not(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--seeds", "a:1,127.0.0.1:4568", NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.warning_count, 0);
    config_fini(&fixture->config);
    config_init(&fixture->config);
    assert_int_equal(with_flags(fixture, "--seeds", "a:1,b:1", "--peer-advertise", "b:1"), ERR_OK);
    assert_int_equal(fixture->config.warning_count, 0);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--config", "/nowhere/braidd.conf", NULL, NULL),
                     ERR_INVALID);
    expect_error(fixture, "/nowhere/braidd.conf: No such file");
}

static void other_addresses_than_loopback_need_auth_none_in_so_many_words(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--client-listen", "10.1.2.3:4567", NULL, NULL),
                     ERR_INVALID);
    expect_error(fixture, "--client-listen: 10.1.2.3 is not loopback");
}

static void peers_need_it_too(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--peer-listen", "10.1.2.3:4568", NULL, NULL),
                     ERR_INVALID);
    expect_error(fixture, "peer-listen: 10.1.2.3 is not loopback");
}

static void with_auth_none_any_address_will_do(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(
        with_flags(fixture, "--client-listen", "10.1.2.3:4567", "--auth", "none"), ERR_OK);
    assert_false(fixture->config.client_at.loopback);
}

static void signed_requests_open_clients_port_alone(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(
        with_file(fixture, "auth = sigv4\nclient-listen = 10.1.2.3:4567\n"
                           "peer-listen = 10.1.2.3:4568\ncredentials = /nowhere/keys\n"),
        ERR_INVALID);
    expect_error(fixture, "peer-listen: 10.1.2.3 is not loopback, and nodes are not asked");
    assert_int_equal(fixture->config.error_count, 2);
    assert_non_null(
        strstr(fixture->config.errors[1].text, "credentials: /nowhere/keys: No such file"));
}

static void peers_that_prove_nothing_are_let_in_in_so_many_words(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(
        with_file(fixture, "auth = sigv4\npeer-listen = 10.1.2.3:4568\npeers-unproved = yes\n"),
        ERR_INVALID);
    expect_error(fixture, "auth: sigv4 needs access keys: say credentials = FILE");
    assert_int_equal(fixture->config.error_count, 1);
}

static void what_counts_with_signatures_only_is_said(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "peers-unproved = yes\ncredentials = /nowhere/keys\n"),
                     ERR_INVALID);
    expect_error(fixture, "peers-unproved: counts with auth = sigv4 only");
    assert_non_null(
        strstr(fixture->config.errors[1].text, "credentials: nobody is asked for them"));
}

static void regions_of_signatures_are_a_list(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--sigv4-regions", "eu-1 , local", NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.region_count, 2);
    assert_string_equal(fixture->config.region_list[0], "eu-1");
    assert_string_equal(fixture->config.region_list[1], "local");
}

static void no_other_word_opens_the_door(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--auth", "non", NULL, NULL), ERR_INVALID);
    expect_error(fixture, "auth: 'non' is none of loopback|none|sigv4");
    assert_string_equal(fixture->config.auth, "loopback");
}

static void everywhere_needs_an_address_for_others(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--operations-listen", "0.0.0.0:4569", NULL, NULL),
                     ERR_INVALID);
    expect_error(fixture, "operations-advertise: needed");
}

static void addresses_to_listen_on_are_numeric(void **state)
{
    static const char *const wrong[] = { "localhost:4567", "127.0.0.1", "127.0.0.1:", ":4567",
                                         "127.0.0.1:0", "127.0.0.1:65536", "::1:4567",
                                         "[127.0.0.1]:4567", "127.0.0.1:45x" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct fixture *fixture = *state;

        config_fini(&fixture->config);
        config_init(&fixture->config);
        if (with_flags(fixture, "--client-listen", wrong[i], NULL, NULL) != ERR_INVALID)
            fail_msg("'%s' was taken", wrong[i]);
    }
}

static void three_ports_are_needed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--client-listen", "127.0.0.1:4569", NULL, NULL),
                     ERR_INVALID);
    expect_error(fixture, "three ports");
}

static void heartbeats_must_fit_into_the_election_timeout(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--heartbeat-ms", "200", NULL, NULL), ERR_INVALID);
    expect_error(fixture, "heartbeat-ms: more than a third of election-timeout-ms");
}

static void a_limit_of_fills_is_none_or_no_slip(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--fill-bytes-per-s", "1000", NULL, NULL), ERR_INVALID);
    expect_error(fixture, "fill-bytes-per-s: less than 64K");
}

static void a_limit_of_moves_is_none_or_no_slip(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--move-bytes-per-s", "65535", NULL, NULL), ERR_INVALID);
    expect_error(fixture, "move-bytes-per-s: less than 64K");
}

static void moves_have_a_limit_of_their_own_unless_it_is_lifted(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--fill-bytes-per-s", "50M", NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.move_bytes_per_s, 64 * 1024 * 1024);
}

static void moves_may_be_unlimited(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--move-bytes-per-s", "0", NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.move_bytes_per_s, 0);
}

static void a_limit_of_fills_may_be_any_other(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--fill-bytes-per-s", "50M", NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.fill_bytes_per_s, 50 * 1024 * 1024);
}

static void limits_are_those_of_aws_unless_they_are_set(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t *of = fixture->config.limits.of;

    assert_int_equal(with_file(fixture, "put-bytes-per-s = 64K\nread-calls-per-s = unlimited\n"),
                     ERR_OK);
    assert_int_equal(of[LIMIT_PUT_BYTES], 65536);
    assert_int_equal(of[LIMIT_READ_CALLS], LIMIT_UNLIMITED);
    assert_int_equal(of[LIMIT_PUT_RECORDS], 1000);
    assert_int_equal(of[LIMIT_READ_BYTES], 2 * 1024 * 1024);
}

static void limits_are_lifted_all_at_once_but_those_that_are_set(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t *of = fixture->config.limits.of;

    assert_int_equal(with_file(fixture, "limits = unlimited\nput-records-per-s = 10\n"), ERR_OK);
    assert_int_equal(of[LIMIT_PUT_RECORDS], 10);
    assert_int_equal(of[LIMIT_PUT_BYTES], LIMIT_UNLIMITED);
    assert_int_equal(of[LIMIT_SUBSCRIBE_CALLS], LIMIT_UNLIMITED);
}

static void a_limit_is_a_number_or_none(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--subscribe-calls-per-s", "1001", "--put-records-per-s",
                                "0"), ERR_INVALID);
    expect_error(fixture, "--subscribe-calls-per-s: '1001' is not 'unlimited', nor a number from 1 "
                          "to 1000");
    assert_int_equal(fixture->config.error_count, 2);
}

static void a_limit_of_records_has_no_suffix(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--put-records-per-s", "1K", "--put-bytes-per-s", "4G"),
                     ERR_INVALID);
    expect_error(fixture, "put-records-per-s: '1K' is not 'unlimited', nor a number from 1 to ");
    assert_int_equal(fixture->config.error_count, 2); /* 4G is one byte too many */
}

static void a_log_must_have_room_for_its_segments(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--log-bytes-max", "512M", NULL, NULL), ERR_INVALID);
    expect_error(fixture, "log-bytes-max: less than");
}

static void a_log_of_few_segments_is_warned_of(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_flags(fixture, "--log-bytes-max", "4095M", NULL, NULL), ERR_OK);
    assert_non_null(strstr(fixture->config.warnings[0].text,
                           "--log-bytes-max: has room for 15 segments; with less than 16"));
    config_fini(&fixture->config);
    config_init(&fixture->config);
    assert_int_equal(with_flags(fixture, "--log-bytes-max", "4G", NULL, NULL), ERR_OK);
    assert_int_equal(fixture->config.warning_count, 0);
}

static void everything_that_is_wrong_is_said_at_once(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(with_file(fixture, "a = 1\nb = 2\nreplication = x\naccount = 12\n"),
                     ERR_INVALID);
    assert_int_equal(fixture->config.error_count, 4);
}

#define WITH_CONFIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CONFIG(the_defaults_are_right),
        WITH_CONFIG(a_flag_counts_over_the_file),
        WITH_CONFIG(sizes_have_suffixes),
        WITH_CONFIG(underscores_and_dashes_are_the_same),
        WITH_CONFIG(seeds_are_a_list),
        WITH_CONFIG(a_developers_node_is_alone_and_temporary),
        WITH_CONFIG(a_developers_node_may_have_a_directory),
        WITH_CONFIG(what_is_printed_can_be_read_back),
        WITH_CONFIG(an_unknown_key_is_named_with_its_line),
        WITH_CONFIG(a_bad_number_is_named_with_its_rule),
        WITH_CONFIG(a_bad_flag_is_named),
        WITH_CONFIG(a_number_that_overflows_is_no_number),
        WITH_CONFIG(a_size_with_a_tail_is_none),
        WITH_CONFIG(a_line_without_a_value_is_named),
        WITH_CONFIG(a_line_that_is_too_long_is_named),
        WITH_CONFIG(a_key_given_twice_is_named),
        WITH_CONFIG(sections_are_refused),
        WITH_CONFIG(an_empty_section_is_refused_too),
        WITH_CONFIG(seeds_are_different_nodes),
        WITH_CONFIG(a_node_that_is_none_of_its_seeds_is_warned),
        WITH_CONFIG(a_node_among_its_seeds_is_not),
        WITH_CONFIG(a_file_that_is_not_there_is_named),
        WITH_CONFIG(other_addresses_than_loopback_need_auth_none_in_so_many_words),
        WITH_CONFIG(peers_need_it_too),
        WITH_CONFIG(with_auth_none_any_address_will_do),
        WITH_CONFIG(signed_requests_open_clients_port_alone),
        WITH_CONFIG(peers_that_prove_nothing_are_let_in_in_so_many_words),
        WITH_CONFIG(what_counts_with_signatures_only_is_said),
        WITH_CONFIG(regions_of_signatures_are_a_list),
        WITH_CONFIG(no_other_word_opens_the_door),
        WITH_CONFIG(everywhere_needs_an_address_for_others),
        WITH_CONFIG(addresses_to_listen_on_are_numeric),
        WITH_CONFIG(three_ports_are_needed),
        WITH_CONFIG(heartbeats_must_fit_into_the_election_timeout),
        WITH_CONFIG(a_log_must_have_room_for_its_segments),
        WITH_CONFIG(a_log_of_few_segments_is_warned_of),
        WITH_CONFIG(limits_are_those_of_aws_unless_they_are_set),
        WITH_CONFIG(limits_are_lifted_all_at_once_but_those_that_are_set),
        WITH_CONFIG(a_limit_is_a_number_or_none),
        WITH_CONFIG(a_limit_of_records_has_no_suffix),
        WITH_CONFIG(a_limit_of_fills_is_none_or_no_slip),
        WITH_CONFIG(a_limit_of_fills_may_be_any_other),
        WITH_CONFIG(a_limit_of_moves_is_none_or_no_slip),
        WITH_CONFIG(moves_have_a_limit_of_their_own_unless_it_is_lifted),
        WITH_CONFIG(moves_may_be_unlimited),
        WITH_CONFIG(everything_that_is_wrong_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

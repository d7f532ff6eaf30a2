/* A file of access keys: what is read, what is refused, and that no refusal repeats a secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/credentials.h"
#include "base/limits.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

static char path[] = "/tmp/braid-credentials-XXXXXX";

static int set_up(void **state)
{
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    return 0;
}

static int tear_down(void **state)
{
    return unlink(path);
}

static void fill(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

static struct credentials *read_good(const char *text)
{
    struct credentials *credentials = NULL;
    struct reason reason = { "" };

    fill(text);
    enum err err = credentials_read(path, &credentials, NULL, &reason);
    assert_string_equal(reason.text, "");
    assert_int_equal(err, ERR_OK);
    return credentials;
}

static void expect_refused(const char *text, const char *why)
{
    struct credentials *credentials = NULL;
    struct reason reason = { "" };

    fill(text);
    assert_int_equal(credentials_read(path, &credentials, NULL, &reason), ERR_INVALID);
    assert_memory_equal(reason.text, path, strlen(path));
    if (strstr(reason.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", reason.text, why);
}

static void keys_are_found_by_their_names(void **state)
{
    struct credentials *credentials = read_good("# ours\n\n  ; theirs\n"
                                                "AKID = " SECRET "\n"
                                                "second.key_2-b=" SECRET "x  the/token==\r\n"
                                                "third = =" SECRET "=");
    const struct credential *found = credentials_find(credentials, slice_text("AKID"));

    assert_int_equal(credentials_count(credentials), 3);
    assert_ptr_equal(found, credentials_at(credentials, 0));
    assert_true(slice_equal(found->secret, slice_text(SECRET)));
    assert_int_equal(found->token.len, 0);
    found = credentials_find(credentials, slice_text("second.key_2-b"));
    assert_true(slice_equal(found->secret, slice_text(SECRET "x")));
    assert_true(slice_equal(found->token, slice_text("the/token==")));
    found = credentials_find(credentials, slice_text("third"));
    assert_true(slice_equal(found->secret, slice_text("=" SECRET "=")));
    assert_null(credentials_find(credentials, slice_text("AKI")));
    assert_null(credentials_find(credentials, slice_text("AKID2")));
    assert_null(credentials_find(credentials, slice_text("")));
    credentials_free(credentials);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    expect_refused("", "there is no access key in it");
    expect_refused("# nothing\n", "there is no access key in it");
    expect_refused("[default]\naws_access_key_id = AKID\n", "line 1 is not 'ACCESS_KEY = SECRET'");
    expect_refused("\n\nAKID\n", "line 3 is not 'ACCESS_KEY = SECRET'");
    expect_refused("AKID =\n", "line 1: there is no secret behind '='");
    expect_refused("AKID = short\n", "line 1: the secret has fewer than 16 characters");
    expect_refused("AK/ID = " SECRET "\n", "line 1: what stands before '=' is no access key");
    expect_refused(" = " SECRET "\n", "line 1: what stands before '=' is no access key");
    expect_refused("A = " SECRET " token more\n", "line 1: there is something behind");
    expect_refused("A = " SECRET "\xc3\xa4\n", "line 1: the secret has more than 128");
    expect_refused("A = " SECRET "\nB = " SECRET "\nA = " SECRET "\n",
                   "line 3: this access key stands in a line before");
}

/* Who has mixed up key and secret finds neither in the journal. */
static void what_is_wrong_is_not_repeated(void **state)
{
    const char *wrong[] = { SECRET "\n", SECRET " = AKID\n", "AKID : " SECRET "\n",
                            "AKID = " SECRET " " SECRET " " SECRET "\n", "[" SECRET "]\n" };
    struct credentials *credentials = NULL;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct reason reason = { "" };

        fill(wrong[i]);
        assert_int_equal(credentials_read(path, &credentials, NULL, &reason), ERR_INVALID);
        assert_null(strstr(reason.text, "wJalr"));
        assert_null(strstr(reason.text, "AKID "));
    }
}

static void only_its_owner_may_have_access(void **state)
{
    struct credentials *credentials = NULL;
    const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666 };

    fill("AKID = " SECRET "\n");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct reason reason = { "" };

        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(credentials_read(path, &credentials, NULL, &reason), ERR_INVALID);
        assert_non_null(strstr(reason.text, "chmod 600"));
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(credentials_read(path, &credentials, NULL, NULL), ERR_OK);
    credentials_free(credentials);
}

static void only_files_are_read(void **state)
{
    struct credentials *credentials = NULL;
    struct reason reason = { "" };

    assert_int_equal(credentials_read("/nowhere/at/all", &credentials, NULL, &reason),
                     ERR_NOT_FOUND);
    assert_string_equal(reason.text, "/nowhere/at/all: No such file or directory");
    assert_int_equal(credentials_read("/dev/null", &credentials, NULL, &reason), ERR_INVALID);
    assert_string_equal(reason.text, "/dev/null: it is no file");
    assert_int_equal(credentials_read("/tmp", &credentials, NULL, &reason), ERR_INVALID);
}

static void maxima_hold(void **state)
{
    size_t room = (size_t)(CREDENTIALS_MAX + 1) * 64;
    char *text = calloc(1, room), *at = text;

    for (uint32_t i = 0; i < CREDENTIALS_MAX; i++)
        at += sprintf(at, "key-%u = " SECRET "\n", i);
    struct credentials *credentials = read_good(text);
    assert_int_equal(credentials_count(credentials), CREDENTIALS_MAX);
    credentials_free(credentials);
    (void)sprintf(at, "one-more = " SECRET "\n");
    expect_refused(text, "there are more than 1024 access keys");
    free(text);

    assert_int_equal(truncate(path, CREDENTIALS_BYTES_MAX + 1), 0);
    struct reason reason = { "" };
    assert_int_equal(credentials_read(path, &credentials, NULL, &reason), ERR_INVALID);
    assert_non_null(strstr(reason.text, "more than 1048576 bytes"));
}

static void another_file_has_another_stamp(void **state)
{
    struct credentials *credentials = read_good("AKID = " SECRET "\n");
    struct credentials_stamp first, second;

    credentials_free(credentials);
    assert_int_equal(credentials_read(path, &credentials, &first, NULL), ERR_OK);
    credentials_free(credentials);
    second = credentials_look(path);
    assert_true(credentials_same(&first, &second));
    fill("AKID = " SECRET "2\n");
    second = credentials_look(path);
    assert_false(credentials_same(&first, &second));
    second = credentials_look("/nowhere/at/all");
    assert_int_equal(second.inode, 0);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(keys_are_found_by_their_names),
        WITH_FILE(what_is_wrong_is_said_with_its_line),
        WITH_FILE(what_is_wrong_is_not_repeated),
        WITH_FILE(only_its_owner_may_have_access),
        WITH_FILE(only_files_are_read),
        WITH_FILE(maxima_hold),
        WITH_FILE(another_file_has_another_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

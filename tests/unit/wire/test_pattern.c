#include "wire_test.h"

#include "wire/pattern.h"

static bool match(enum pattern pattern, const char *text)
{
    return pattern_match(pattern, slice_text(text));
}

static void names_are_letters_digits_and_three_marks(void **state)
{
    assert_true(match(PATTERN_NAME, "abcXYZ019_.-"));
    assert_false(match(PATTERN_NAME, ""));
    assert_false(match(PATTERN_NAME, "a/b"));
    assert_false(match(PATTERN_NAME, "a "));
    assert_false(match(PATTERN_NAME, "a\n"));
    assert_false(match(PATTERN_NAME, "\xc3\xa9"));
    assert_false(pattern_match(PATTERN_NAME, slice_of("a\0b", 3)));
}

static void numbers_have_no_leading_zero_and_an_end(void **state)
{
    char digits[131];

    memset(digits, '9', sizeof(digits));
    assert_true(match(PATTERN_SEQUENCE_NUMBER, "0"));
    assert_true(match(PATTERN_SEQUENCE_NUMBER,
                      "49646437577108476416916876405825929425585429676275269634"));
    assert_false(match(PATTERN_SEQUENCE_NUMBER, ""));
    assert_false(match(PATTERN_SEQUENCE_NUMBER, "00"));
    assert_false(match(PATTERN_SEQUENCE_NUMBER, "-1"));
    assert_false(match(PATTERN_SEQUENCE_NUMBER, "1x"));
    assert_true(pattern_match(PATTERN_SEQUENCE_NUMBER, slice_of(digits, 129)));
    assert_false(pattern_match(PATTERN_SEQUENCE_NUMBER, slice_of(digits, 130)));
    assert_true(match(PATTERN_HASH_KEY, "340282366920938463463374607431768211455"));
    assert_true(pattern_match(PATTERN_HASH_KEY, slice_of(digits, 39)));
    assert_false(pattern_match(PATTERN_HASH_KEY, slice_of(digits, 40)));
}

static void stream_ids_have_two_parts(void **state)
{
    assert_true(match(PATTERN_STREAM_ID, "abcdefghij0123456789-a0z"));
    assert_false(match(PATTERN_STREAM_ID, "abcdefghij0123456789-a0"));
    assert_false(match(PATTERN_STREAM_ID, "abcdefghij0123456789_a0z"));
    assert_false(match(PATTERN_STREAM_ID, "Abcdefghij0123456789-a0z"));
    assert_false(match(PATTERN_STREAM_ID, "abcdefghij012345678--a0z"));
}

static void stream_arns_match_as_the_expression_does(void **state)
{
    assert_true(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:us-east-1:123456789012:stream/s"));
    assert_true(match(PATTERN_STREAM_ARN, "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a/b"));
    assert_true(match(PATTERN_STREAM_ARN, "arn:aws:kinesis::123456789012:stream/s"));
    assert_true(
        match(PATTERN_STREAM_ARN, "arn:aws:kinesis:kinesis:a:kinesis:x:123456789012:stream/s"));
    assert_true(match(PATTERN_STREAM_ARN,
                      "arn:aws:kinesis:x:123456789012:stream/y z:123456789012:stream/s"));
    assert_true(match(PATTERN_STREAM_ARN,
                      "arn:aws:kinesis:x:123456789012:stream/:123456789012:stream/"));
    assert_false(match(PATTERN_STREAM_ARN, ""));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:us-east-1:123456789012:stream/"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:us-east-1:12345678901:stream/s"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:us-east-1:123456789012:stream/s t"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:us\neast:123456789012:stream/s"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:us\xe2\x80\xa8"
                                           "e:123456789012:stream/s"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:kinesis:123456789012:stream/s"));
    assert_false(match(PATTERN_STREAM_ARN, "arn:aws:sqs:us-east-1:123456789012:stream/s"));
    assert_false(match(PATTERN_STREAM_ARN, "xarn:aws:kinesis:us-east-1:123456789012:stream/s"));
}

static void consumer_arns_match_as_the_expression_does(void **state)
{
    const char *good[] = {
        "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1700000000",
        "arn:aws-cn:kinesis::123456789012:stream/s/consumer/c:0",
        "arn:aws:kinesis:x:123456789012:any thing/stream/s.1/consumer/c_-.d:12",
        "arn:aws:kinesis:a:kinesis:x:123456789012::stream/s/consumer/c:1",
    };
    const char *bad[] = {
        "", "arn:aws", "arn:aws:kinesis:us-east-1:123456789012:stream/s",
        "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c",
        "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:",
        "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1x",
        "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/:1",
        "arn:aws:kinesis:us-east-1:123456789012:stream//consumer/c:1",
        "arn:aws:kinesis:us-east-1:123456789012:stream/s t/consumer/c:1",
        "arn:aws:kinesis:us-east-1:12345678901:stream/s/consumer/c:1",
        "arn:aws:kinesis:123456789012:stream/s/consumer/c:1",
        "arn:aws:sqs:us-east-1:123456789012:stream/s/consumer/c:1",
        "arn:aws:kinesis:us\neast:123456789012:stream/s/consumer/c:1",
        "xarn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(match(PATTERN_CONSUMER_ARN, good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(match(PATTERN_CONSUMER_ARN, bad[i]));
}

static void hostile_text_takes_linear_time(void **state)
{
    struct world *w = *state;
    const char *unit = ":kinesis:123456789012:stream/";
    size_t len = strlen(unit), count = 50000;
    char *text = arena_take(&w->arena, 7 + len * count + 2);

    /* A backtracking matcher would try each pair of units: 2.5e9 steps. */
    memcpy(text, "arn:aws", 7);
    for (size_t i = 0; i < count; i++)
        memcpy(text + 7 + i * len, unit, len);
    text[7 + len * count] = ' ';
    assert_false(match(PATTERN_STREAM_ARN, text));
    text[7 + len * count] = 'x';
    assert_true(match(PATTERN_STREAM_ARN, text));
    assert_true(match(PATTERN_RESOURCE_ARN, text));
}

static void a_resource_is_a_stream_or_what_stands_behind_one(void **state)
{
    const char *good[] = {
        "arn:aws:kinesis:r:123456789012:stream/s",
        "arn:aws-cn:kinesis::123456789012:stream/s/consumer/c:17",
        "arn:aws:kinesis:r:123456789012:*/stream/s",
        "arn:aws:kinesis:kinesis:r:123456789012:123456789012:stream/stream/",
    };
    const char *bad[] = {
        "", "arn:aws", "arn:aws:kinesis:", "arn:aws:kinesis:r:123456789012:stream/",
        "arn:aws:kinesis:r:123456789012:stream/a b", "arn:aws:kinesis:r:12345678901:stream/s",
        "arn:aws:kinesis:123456789012:stream/s", "arn:aws:kinesis:r:123456789012stream/s",
        "arn:aws:sqs:r:123456789012:stream/s", "arn:aws:kinesis:r:123456789012:\nstream/s",
        "x arn:aws:kinesis:r:123456789012:stream/s",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(match(PATTERN_RESOURCE_ARN, good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(match(PATTERN_RESOURCE_ARN, bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(names_are_letters_digits_and_three_marks),
        world_test(numbers_have_no_leading_zero_and_an_end),
        world_test(stream_ids_have_two_parts),
        world_test(a_resource_is_a_stream_or_what_stands_behind_one),
        world_test(stream_arns_match_as_the_expression_does),
        world_test(consumer_arns_match_as_the_expression_does),
        world_test(hostile_text_takes_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

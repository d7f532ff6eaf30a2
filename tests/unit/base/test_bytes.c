#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bytes.h"

static void what_a_writer_writes_a_reader_reads(void **state)
{
    struct writer writer;

    writer_init(&writer, 1 << 20);
    writer_u8(&writer, 0x12);
    writer_u16(&writer, 0x3456);
    writer_u32(&writer, 0x789abcde);
    writer_u64(&writer, 0xf0123456789abcdeu);
    writer_varint(&writer, 300);
    writer_bytes(&writer, slice_text("key"));
    AUTO_UNREF struct buf *buf = writer_take(&writer);

    static const unsigned char head[] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde };
    assert_memory_equal(buf->data, head, sizeof(head));

    struct reader reader = reader_of(buf_slice(buf));
    assert_int_equal(reader_u8(&reader), 0x12);
    assert_int_equal(reader_u16(&reader), 0x3456);
    assert_int_equal(reader_u32(&reader), 0x789abcde);
    assert_int_equal(reader_u64(&reader), 0xf0123456789abcdeu);
    assert_int_equal(reader_varint(&reader), 300);
    assert_true(slice_equal(reader_bytes(&reader, 3), slice_text("key")));
    assert_true(reader_done(&reader));
}

static void reading_past_the_end_is_bad_for_good(void **state)
{
    struct reader reader = reader_of(slice_text("abc"));

    assert_int_equal(reader_u16(&reader), 0x6162);
    assert_int_equal(reader_u16(&reader), 0);
    assert_true(reader.bad);
    assert_int_equal(reader_u8(&reader), 0);
    assert_int_equal(reader_bytes(&reader, SIZE_MAX).len, 0);
    assert_false(reader_done(&reader));
}

static void varints_of_every_length_come_back(void **state)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int below = 0; below < 2; below++) {
            uint64_t value = ((uint64_t)1 << bit) - (uint64_t)below;
            unsigned char bytes[VARINT_BYTES_MAX];
            size_t len = varint_put(bytes, value);
            struct reader reader = reader_of(slice_of(bytes, len));
            struct reader cut = reader_of(slice_of(bytes, len - 1));

            assert_int_equal(varint_bytes(value), len);
            assert_true(reader_varint(&reader) == value);
            assert_true(reader_done(&reader));
            reader_varint(&cut);
            assert_true(cut.bad);
        }
    }
}

static void a_varint_of_more_than_64_bits_is_bad(void **state)
{
    struct reader reader = reader_of(slice_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
    struct reader endless = reader_of(slice_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));

    assert_int_equal(reader_varint(&reader), 0);
    assert_true(reader.bad);
    assert_int_equal(reader_varint(&endless), 0);
    assert_true(endless.bad);
}

static void a_writer_stops_at_its_maximum_for_good(void **state)
{
    struct writer writer;

    writer_init(&writer, 10);
    writer_bytes(&writer, slice_text("12345678"));
    writer_u32(&writer, 1);
    assert_true(writer.failed);
    writer_u8(&writer, 1);
    assert_int_equal(writer.len, 8);
    assert_null(writer_take(&writer));
    assert_false(writer.failed);
    writer_bytes(&writer, slice_text("1234567890"));
    assert_false(writer.failed);
    writer_fini(&writer);
}

static void a_writer_grows_and_prints(void **state)
{
    struct writer writer;
    size_t expected = 0;

    writer_init(&writer, SIZE_MAX);
    for (int i = 0; i < 1000; i++) {
        writer_printf(&writer, "%d,", i);
        expected += i < 10 ? 2 : i < 100 ? 3 : 4;
    }
    assert_int_equal(writer_slice(&writer).len, expected);
    assert_memory_equal(writer_slice(&writer).data + expected - 8, "998,999,", 8);
    writer_fini(&writer);
}

static void nothing_written_is_an_empty_buf(void **state)
{
    struct writer writer;

    writer_init(&writer, 0);
    AUTO_UNREF struct buf *buf = writer_take(&writer);
    assert_int_equal(buf->len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_writer_writes_a_reader_reads),
        cmocka_unit_test(reading_past_the_end_is_bad_for_good),
        cmocka_unit_test(varints_of_every_length_come_back),
        cmocka_unit_test(a_varint_of_more_than_64_bits_is_bad),
        cmocka_unit_test(a_writer_stops_at_its_maximum_for_good),
        cmocka_unit_test(a_writer_grows_and_prints),
        cmocka_unit_test(nothing_written_is_an_empty_buf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

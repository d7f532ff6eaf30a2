/* How fast requests and replies pass through JSON.
 *
 *     build/tests/bench/bench-json [seconds per figure]
 *
 * PutRecords of 500 x 1 KiB is decoded and validated, GetRecords with the same
 * records is encoded.  Figures count the bytes of the JSON text; one thread,
 * warm caches, memory given back after each request as the daemon does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/ensure.h"
#include "wire/json.h"
#include "wire/shapes.h"
#include "wire/validate.h"

#define RECORDS 500
#define RECORD_BYTES 1024

static double now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void report(const char *what, size_t bytes, uint64_t rounds, double seconds)
{
    printf("%-26s %9zu bytes %9.1f us %8.0f MB/s\n", what, bytes, seconds / (double)rounds * 1e6,
           (double)bytes * (double)rounds / seconds / 1e6);
}

static void encode(const struct shape *shape, const void *in, struct writer *writer)
{
    writer_init(writer, 64u << 20);
    ensure(json_encode(shape, in, writer) == ERR_OK);
}

static void fill(unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
}

static void bench_decode(struct slice body, double seconds_max, bool check)
{
    double start = now_seconds(), passed;
    uint64_t rounds = 0;

    do {
        struct arena arena;
        struct put_records_in in;
        struct wire_error error;

        arena_init(&arena, 64u << 20);
        ensure(json_decode(&shape_put_records_in, body, &arena, &in, &error) == ERR_OK);
        ensure(in.records.count == RECORDS);
        if (check)
            ensure(validate(&shape_put_records_in, &in, &arena, &error) == ERR_OK);
        arena_fini(&arena);
        rounds++;
    } while ((passed = now_seconds() - start) < seconds_max);
    report(check ? "PutRecords in, validated" : "PutRecords in", body.len, rounds, passed);
}

static void bench_encode(const struct get_records_out *out, double seconds_max)
{
    double start = now_seconds(), passed;
    uint64_t rounds = 0;
    size_t bytes;

    do {
        struct writer writer;

        encode(&shape_get_records_out, out, &writer);
        bytes = writer_slice(&writer).len;
        writer_fini(&writer);
        rounds++;
    } while ((passed = now_seconds() - start) < seconds_max);
    report("GetRecords out", bytes, rounds, passed);
}

int main(int argc, char **argv)
{
    static unsigned char bytes[RECORDS * RECORD_BYTES];
    static struct put_records_entry entries[RECORDS];
    static struct record_out records[RECORDS];
    struct put_records_in in = { 0 };
    struct get_records_out out = { 0 };
    struct writer body;
    double seconds_max = argc > 1 ? atof(argv[1]) : 1;

    fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < RECORDS; i++) {
        struct slice data = slice_of(bytes + i * RECORD_BYTES, RECORD_BYTES);
        wire_set(&entries[i], data, data);
        wire_set(&entries[i], partition_key, slice_text("device-0123456789"));
        wire_set(&records[i], data, data);
        wire_set(&records[i], partition_key, slice_text("device-0123456789"));
        wire_set(&records[i], approximate_arrival_timestamp_ms, 1545084650987 + (int64_t)i);
        wire_set(&records[i], sequence_number,
                 slice_text("49646437577108476416916876405825929425585429676275269634"));
    }
    wire_set(&in, stream_name, slice_text("river"));
    wire_set(&in, records, (struct put_records_entry_list){ .items = entries, .count = RECORDS });
    wire_set(&out, records, (struct record_out_list){ .items = records, .count = RECORDS });
    wire_set(&out, millis_behind_latest, 0);

    encode(&shape_put_records_in, &in, &body);
    bench_decode(writer_slice(&body), seconds_max, false);
    bench_decode(writer_slice(&body), seconds_max, true);
    writer_fini(&body);
    bench_encode(&out, seconds_max);
    return 0;
}

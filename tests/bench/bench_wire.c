/* How fast requests and replies pass through each encoding.
 *
 *     build/tests/bench/bench-wire [seconds per figure] [rounds]
 *
 * PutRecords of 500 x 1 KiB is decoded and validated, GetRecords with the same
 * records is encoded; "together" is both, one after the other.  Figures are
 * seconds of CPU, and count the bytes of the bodies, and those of the records
 * alone.  Below it what else a request costs by its bytes: base64 (a part of
 * JSON's figures), the body's hash for the signature, and the partition keys'.
 * One thread, memory given back after each request as the daemon does; each
 * figure is the median of its rounds, which take turns with the others'.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/ensure.h"
#include "wire/encoding.h"
#include "wire/shapes.h"
#include "wire/validate.h"

#define RECORDS 500
#define RECORD_BYTES 1024
#define PARTITION_KEY "device-0123456789"
#define KEY_CHARS (sizeof(PARTITION_KEY) - 1)
#define BODY_BYTES_MAX (64u << 20)
#define ROUNDS_MAX 99

struct subject {
    const char *name;
    const struct encoding *encoding;
    struct writer body; /* of PutRecords */
    size_t reply_bytes;
    double in[ROUNDS_MAX], out[ROUNDS_MAX]; /* seconds of one of each */
};

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fill(unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
}

static double decode_seconds(const struct subject *subject, double seconds_max)
{
    double start = cpu_seconds(), passed;
    uint64_t done = 0;

    do {
        struct arena arena;
        struct put_records_in in;
        struct wire_error error;

        arena_init(&arena, BODY_BYTES_MAX);
        ensure(wire_decode(subject->encoding, &shape_put_records_in, writer_slice(&subject->body),
                           &arena, &in, &error) == ERR_OK);
        ensure(in.records.count == RECORDS);
        ensure(validate(&shape_put_records_in, &in, &arena, &error) == ERR_OK);
        arena_fini(&arena);
        done++;
    } while ((passed = cpu_seconds() - start) < seconds_max);
    return passed / (double)done;
}

static double encode_seconds(struct subject *subject, const struct get_records_out *out,
                             double seconds_max)
{
    double start = cpu_seconds(), passed;
    uint64_t done = 0;

    do {
        struct writer writer;

        writer_init(&writer, BODY_BYTES_MAX);
        ensure(wire_encode(subject->encoding, &shape_get_records_out, out, &writer) == ERR_OK);
        subject->reply_bytes = writer_slice(&writer).len;
        writer_fini(&writer);
        done++;
    } while ((passed = cpu_seconds() - start) < seconds_max);
    return passed / (double)done;
}

/* What else is done with the bytes of such a request. */
struct part {
    const char *name;
    void (*run)(struct digest *digest, struct slice bytes);
    struct slice bytes; /* of all that one run takes */
    double took[ROUNDS_MAX];
};

static char base64_text[RECORDS * 4 * (RECORD_BYTES + 2) / 3];
static unsigned char base64_bytes[RECORDS * (RECORD_BYTES + 3)];

static void run_base64_encode(struct digest *digest, struct slice bytes)
{
    (void)digest;
    for (size_t i = 0; i < RECORDS; i++)
        base64_encode(slice_of(bytes.data + i * RECORD_BYTES, RECORD_BYTES),
                      base64_text + i * base64_chars(RECORD_BYTES));
}

static void run_base64_decode(struct digest *digest, struct slice bytes)
{
    const size_t chars = base64_chars(RECORD_BYTES);

    (void)digest;
    for (size_t i = 0; i < RECORDS; i++) {
        struct base64_result result = base64_decode(
            slice_of(bytes.data + i * chars, chars), base64_bytes + i * base64_bytes_max(chars));

        ensure(result.fault == BASE64_OK && result.len == RECORD_BYTES);
    }
}

static void run_sha256(struct digest *digest, struct slice bytes)
{
    unsigned char hash[SHA256_BYTES];

    digest_sha256(digest, bytes, hash);
}

static void run_md5(struct digest *digest, struct slice bytes)
{
    unsigned char hash[MD5_BYTES];

    for (size_t i = 0; i < RECORDS; i++)
        digest_md5(digest, slice_of(bytes.data + i * KEY_CHARS, KEY_CHARS), hash);
}

static double part_seconds(const struct part *part, struct digest *digest, double seconds_max)
{
    double start = cpu_seconds(), passed;
    uint64_t done = 0;

    do {
        part->run(digest, part->bytes);
        done++;
    } while ((passed = cpu_seconds() - start) < seconds_max);
    return passed / (double)done;
}

static int by_value(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(values[0]), by_value);
    return values[count / 2];
}

static void line(const char *encoding, const char *what, size_t body_bytes, size_t record_bytes,
                 double seconds)
{
    printf("%-5s %-26s %9zu bytes %8.1f us %7.0f MB/s of bodies %7.0f MB/s of records\n", encoding,
           what, body_bytes, seconds * 1e6, (double)body_bytes / seconds / 1e6,
           (double)record_bytes / seconds / 1e6);
}

static void report(struct subject *subject, int rounds)
{
    double in = median(subject->in, rounds), out = median(subject->out, rounds);
    size_t body_bytes = writer_slice(&subject->body).len;
    size_t records = RECORDS * RECORD_BYTES;

    line(subject->name, "PutRecords in, validated", body_bytes, records, in);
    line(subject->name, "GetRecords out", subject->reply_bytes, records, out);
    line(subject->name, "together", body_bytes + subject->reply_bytes, 2 * records, in + out);
}

static unsigned char data_bytes[RECORDS * RECORD_BYTES];

static void prepare(struct put_records_in *in, struct get_records_out *out)
{
    static struct put_records_entry entries[RECORDS];
    static struct record_out records[RECORDS];

    fill(data_bytes, sizeof(data_bytes));
    for (size_t i = 0; i < RECORDS; i++) {
        struct slice data = slice_of(data_bytes + i * RECORD_BYTES, RECORD_BYTES);
        wire_set(&entries[i], data, data);
        wire_set(&entries[i], partition_key, slice_text(PARTITION_KEY));
        wire_set(&records[i], data, data);
        wire_set(&records[i], partition_key, slice_text(PARTITION_KEY));
        wire_set(&records[i], approximate_arrival_timestamp_ms, 1545084650987 + (int64_t)i);
        wire_set(&records[i], sequence_number,
                 slice_text("49646437577108476416916876405825929425585429676275269634"));
    }
    wire_set(in, stream_name, slice_text("river"));
    wire_set(in, records, (struct put_records_entry_list){ .items = entries, .count = RECORDS });
    wire_set(out, records, (struct record_out_list){ .items = records, .count = RECORDS });
    wire_set(out, millis_behind_latest, 0);
}

static void measure_parts(struct slice json, struct slice cbor, double seconds_max, int rounds)
{
    struct part parts[] = {
        { .name = "base64 of the records, out", .run = run_base64_encode,
          .bytes = slice_of(data_bytes, sizeof(data_bytes)) },
        { .name = "base64 of the records, in", .run = run_base64_decode,
          .bytes = slice_of(base64_text, RECORDS * base64_chars(RECORD_BYTES)) },
        { .name = "SHA-256 of the JSON body", .run = run_sha256, .bytes = json },
        { .name = "SHA-256 of the CBOR body", .run = run_sha256, .bytes = cbor },
        { .name = "MD5 of the partition keys", .run = run_md5,
          .bytes = slice_of(data_bytes, RECORDS * KEY_CHARS) },
    };
    const size_t count = sizeof(parts) / sizeof(parts[0]);
    struct digest *digest = digest_new();

    ensure(digest != NULL);
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++)
            parts[i].took[round] = part_seconds(&parts[i], digest, seconds_max);
    for (size_t i = 0; i < count; i++)
        line("", parts[i].name, parts[i].bytes.len, RECORDS * RECORD_BYTES,
             median(parts[i].took, rounds));
    digest_free(digest);
}

int main(int argc, char **argv)
{
    static struct subject subjects[] = { { .name = "JSON", .encoding = &encoding_json },
                                         { .name = "CBOR", .encoding = &encoding_cbor } };
    const size_t count = sizeof(subjects) / sizeof(subjects[0]);
    struct put_records_in in = { 0 };
    struct get_records_out out = { 0 };
    double seconds_max = argc > 1 ? atof(argv[1]) : 0.2;
    int rounds = argc > 2 ? atoi(argv[2]) : 9;

    ensure(rounds > 0 && rounds <= ROUNDS_MAX);
    prepare(&in, &out);
    for (size_t i = 0; i < count; i++) {
        writer_init(&subjects[i].body, BODY_BYTES_MAX);
        ensure(wire_encode(subjects[i].encoding, &shape_put_records_in, &in, &subjects[i].body) ==
               ERR_OK);
    }
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            subjects[i].in[round] = decode_seconds(&subjects[i], seconds_max);
            subjects[i].out[round] = encode_seconds(&subjects[i], &out, seconds_max);
        }
    }
    for (size_t i = 0; i < count; i++)
        report(&subjects[i], rounds);
    measure_parts(writer_slice(&subjects[0].body), writer_slice(&subjects[1].body), seconds_max,
                  rounds);
    for (size_t i = 0; i < count; i++)
        writer_fini(&subjects[i].body);
    return 0;
}

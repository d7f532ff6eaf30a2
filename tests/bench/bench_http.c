/* bench-http - records per second through the JSON door of a cluster that runs.
 *
 *     bench-http --endpoint HOST:PORT[,...] --stream S [--connections C] [--records R]
 *                [--bytes B] [--seconds T] [--warm W] [--pids P[,...]]
 *
 * C connections, each with one PutRecords of R records of B bytes under way: a
 * reply is answered with the next request.  A connection keeps its body, which
 * is made once with keys of its own, so that every shard gets its part.  The
 * processes P are the servers, whose processor time is counted; they and this
 * program are measured over the same T seconds, after W seconds of the same.
 * One thread, epoll.
 */
#include <argp.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/ensure.h"
#include "wire/encoding.h"
#include "wire/shapes.h"

#define CONNECTIONS_MAX 4096u
#define PIDS_MAX 64u
#define REPLY_BYTES_MAX ((size_t)4 << 20)
#define REQUEST_BYTES_MAX ((size_t)64 << 20)
#define KEY_BYTES 16u

struct arguments {
    char *endpoints, *pids;
    const char *stream;
    uint32_t connections, records, bytes;
    double seconds, warm_s;
};

/* One HTTP connection, closed loop. */
struct connection {
    struct bench *bench;
    const char *host;
    char *port;
    int socket;
    struct writer request;
    size_t sent;
    char *reply;
    size_t reply_bytes;
    double began_ms;
};

struct tally {
    uint64_t requests, records, failed_records, refused_requests, broken;
};

struct bench {
    struct arguments arguments;
    struct connection *connections;
    int epoll;
    bool counting;
    struct tally tally;
    double *samples;
    size_t sample_count, sample_room;
    char refusal[256]; /* the first one, as the server said it */
};

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static _Noreturn void stop(const char *what, const char *whom)
{
    fprintf(stderr, "bench-http: %s: %s\n", whom, what);
    exit(1);
}

/* ---- requests ---- */

static void body_make(const struct arguments *arguments, struct writer *body)
{
    struct put_records_in in = { 0 };
    struct put_records_entry *entries = calloc(arguments->records, sizeof *entries);
    size_t key_bytes = (size_t)arguments->records * KEY_BYTES;
    char *keys = malloc(key_bytes + 1);
    unsigned char *data = malloc(arguments->bytes);

    ensure(entries != NULL && keys != NULL && data != NULL);
    for (uint32_t i = 0; i < arguments->records; i++) {
        uint64_t key = 0;
        ensure(getrandom(&key, sizeof key, 0) == sizeof key);
        snprintf(keys + (size_t)i * KEY_BYTES, KEY_BYTES + 1, "%016llx", (unsigned long long)key);
    }
    for (uint32_t at = 0; at < arguments->bytes; at += 256) {
        size_t piece = arguments->bytes - at < 256 ? arguments->bytes - at : 256;
        ensure(getrandom(data + at, piece, 0) == (ssize_t)piece);
    }
    for (uint32_t i = 0; i < arguments->records; i++) {
        wire_set(&entries[i], data, slice_of(data, arguments->bytes));
        wire_set(&entries[i], partition_key, slice_of(keys + (size_t)i * KEY_BYTES, KEY_BYTES));
    }
    wire_set(&in, stream_name, slice_text(arguments->stream));
    wire_set(&in, records,
             (struct put_records_entry_list){ .items = entries, .count = arguments->records });
    writer_init(body, REQUEST_BYTES_MAX);
    ensure(wire_encode(&encoding_json, &shape_put_records_in, &in, body) == ERR_OK);
    free(entries);
    free(keys);
    free(data);
}

static void request_make(const struct arguments *arguments, struct connection *connection)
{
    struct writer body;
    char head[1024];

    body_make(arguments, &body);
    int bytes = snprintf(head, sizeof head,
                         "POST / HTTP/1.1\r\nHost: %s:%s\r\n"
                         "X-Amz-Target: Kinesis_20131202.PutRecords\r\n"
                         "Content-Type: application/x-amz-json-1.1\r\n"
                         "X-Amz-Date: 20260101T000000Z\r\n"
                         "Authorization: AWS4-HMAC-SHA256 "
                         "Credential=any/20260101/us-east-1/kinesis/aws4_request, "
                         "SignedHeaders=host;x-amz-date;x-amz-target, Signature=%064d\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         connection->host, connection->port, 0, writer_slice(&body).len);
    ensure(bytes > 0 && (size_t)bytes < sizeof head);
    writer_init(&connection->request, REQUEST_BYTES_MAX);
    writer_bytes(&connection->request, slice_of(head, (size_t)bytes));
    writer_bytes(&connection->request, writer_slice(&body));
    ensure(!connection->request.failed);
    writer_fini(&body);
}

/* ---- connections ---- */

static void connection_open(struct connection *connection)
{
    struct addrinfo *place = NULL, wanted = { .ai_socktype = SOCK_STREAM };
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
    int one = 1;

    if (getaddrinfo(connection->host, connection->port, &wanted, &place) != 0)
        stop("no such address", connection->host);
    connection->socket = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 ||
        connect(connection->socket, place->ai_addr, place->ai_addrlen) != 0)
        stop(strerror(errno), connection->port);
    freeaddrinfo(place);
    (void)setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    event.data.ptr = connection;
    if (epoll_ctl(connection->bench->epoll, EPOLL_CTL_ADD, connection->socket, &event) != 0)
        stop(strerror(errno), "epoll");
}

static void connection_begin(struct connection *connection)
{
    connection->sent = 0;
    connection->reply_bytes = 0;
    connection->began_ms = now_ms();
}

static void connection_renew(struct connection *connection)
{
    struct bench *bench = connection->bench;

    close(connection->socket);
    if (bench->counting) {
        bench->tally.broken++;
        bench->tally.failed_records += bench->arguments.records;
    }
    connection_begin(connection);
    connection_open(connection);
}

static void send_more(struct connection *connection)
{
    struct slice request = writer_slice(&connection->request);

    while (connection->sent < request.len) {
        ssize_t bytes = send(connection->socket, request.data + connection->sent,
                             request.len - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (bytes < 0)
            return; /* full, or broken: then the reading side is told */
        connection->sent += (size_t)bytes;
    }
}

/* ---- replies ---- */

/* Bytes of the whole reply, 0 while its head is not there. */
static size_t reply_whole(const struct connection *connection, const char **body)
{
    static const char name[] = "content-length:";
    size_t length = 0;

    const char *end = memmem(connection->reply, connection->reply_bytes, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    for (const char *line = connection->reply; line < end;) {
        if (strncasecmp(line, name, sizeof name - 1) == 0)
            length = strtoul(line + sizeof name - 1, NULL, 10);
        line = (const char *)memchr(line, '\n', (size_t)(end + 2 - line)) + 1;
    }
    *body = end + 4;
    return (size_t)(*body - connection->reply) + length;
}

static void sample_add(struct bench *bench, double sample_ms)
{
    if (bench->sample_count == bench->sample_room) {
        bench->sample_room = bench->sample_room == 0 ? 4096 : 2 * bench->sample_room;
        bench->samples = realloc(bench->samples, bench->sample_room * sizeof *bench->samples);
        ensure(bench->samples != NULL);
    }
    bench->samples[bench->sample_count++] = sample_ms;
}

static void note_refusal(struct bench *bench, const char *text, size_t bytes)
{
    size_t kept = bytes < sizeof bench->refusal - 1 ? bytes : sizeof bench->refusal - 1;

    if (bench->refusal[0] == 0)
        memcpy(bench->refusal, text, kept);
}

static void reply_take(struct connection *connection, const char *body)
{
    static const char failed_name[] = "\"FailedRecordCount\":";
    struct bench *bench = connection->bench;
    size_t body_bytes = connection->reply_bytes - (size_t)(body - connection->reply);
    uint64_t failed = bench->arguments.records;

    if (!bench->counting)
        return;
    const char *count = memmem(body, body_bytes, failed_name, sizeof failed_name - 1);
    if (strncmp(connection->reply, "HTTP/1.1 200", 12) == 0 && count != NULL) {
        failed = strtoul(count + sizeof failed_name - 1, NULL, 10);
        bench->tally.requests++;
        sample_add(bench, now_ms() - connection->began_ms);
    } else {
        bench->tally.refused_requests++;
        note_refusal(bench, body, body_bytes);
    }
    if (failed > 0 && count != NULL) {
        const char *error = memmem(body, body_bytes, "\"ErrorCode\"", 11);
        if (error != NULL)
            note_refusal(bench, error, body_bytes - (size_t)(error - body));
    }
    bench->tally.failed_records += failed;
    bench->tally.records += bench->arguments.records - failed;
}

static void read_more(struct connection *connection)
{
    const char *body = NULL;

    for (;;) {
        ssize_t bytes = recv(connection->socket, connection->reply + connection->reply_bytes,
                             REPLY_BYTES_MAX - connection->reply_bytes, MSG_DONTWAIT);
        if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (bytes <= 0) {
            connection_renew(connection);
            return;
        }
        connection->reply_bytes += (size_t)bytes;
        connection->reply[connection->reply_bytes] = 0;
        size_t whole = reply_whole(connection, &body);
        if (whole > REPLY_BYTES_MAX)
            stop("a reply that is too long", connection->port);
        if (whole == 0 || connection->reply_bytes < whole)
            continue;
        reply_take(connection, body);
        connection_begin(connection);
        send_more(connection);
    }
}

static void run_until(struct bench *bench, double end_ms)
{
    struct epoll_event events[256];

    for (double left; (left = end_ms - now_ms()) > 0;) {
        int count = epoll_wait(bench->epoll, events, 256, (int)left + 1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) != 0)
                send_more(connection);
            if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
                read_more(connection);
        }
    }
}

/* ---- processor time ---- */

struct cpu {
    double user_s, system_s;
};

static struct cpu cpu_of_process(long pid)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        stop("no such process", path);
    fclose(file);
    const char *rest = strrchr(line, ')'); /* a name may hold anything */
    if (rest == NULL ||
        sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) != 2)
        stop("cannot be read", path);
    double ticks = (double)sysconf(_SC_CLK_TCK);
    return (struct cpu){ (double)user / ticks, (double)system / ticks };
}

static struct cpu cpu_of_servers(const struct arguments *arguments)
{
    struct cpu sum = { 0, 0 };

    for (const char *at = arguments->pids; at != NULL && *at != 0;) {
        char *end;
        struct cpu one = cpu_of_process(strtol(at, &end, 10));
        sum.user_s += one.user_s;
        sum.system_s += one.system_s;
        at = *end == ',' ? end + 1 : "";
    }
    return sum;
}

static struct cpu cpu_of_client(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (struct cpu){
        (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
        (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
    };
}

/* ---- the report ---- */

static void print_circumstances(int argc, char **argv)
{
    struct utsname name;
    char date[64];
    double load[3] = { 0, 0, 0 };
    time_t now = time(NULL);

    ensure(uname(&name) == 0);
    strftime(date, sizeof date, "%F %T UTC", gmtime(&now));
    (void)getloadavg(load, 3);
    printf("command     ");
    for (int i = 0; i < argc; i++)
        printf(" %s", argv[i]);
    printf("\nmachine      %ld cores, %s %s %s, load average %.2f %.2f %.2f\ndate         %s\n",
           sysconf(_SC_NPROCESSORS_ONLN), name.sysname, name.release, name.machine, load[0],
           load[1], load[2], date);
    fflush(stdout);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const struct bench *bench, double q)
{
    return bench->sample_count == 0
               ? 0 : bench->samples[(size_t)((double)(bench->sample_count - 1) * q)];
}

static void print_cpu(const char *who, struct cpu before, struct cpu now, double gigabytes,
                      double seconds)
{
    double user_s = now.user_s - before.user_s, system_s = now.system_s - before.system_s;

    printf("%-12s %.2f CPU seconds per GB (user %.2f, system %.2f), %.2f cores busy\n", who,
           (user_s + system_s) / gigabytes, user_s / gigabytes, system_s / gigabytes,
           (user_s + system_s) / seconds);
}

static void print_tally(struct bench *bench, double seconds)
{
    const struct tally *tally = &bench->tally;

    if (bench->sample_count > 0)
        qsort(bench->samples, bench->sample_count, sizeof *bench->samples, by_size);
    printf("throughput   %.1f MB/s of payload, %.0f records/s, %.0f requests/s\n",
           (double)tally->records * bench->arguments.bytes / seconds / 1e6,
           (double)tally->records / seconds, (double)tally->requests / seconds);
    printf("latency      p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", quantile(bench, 0.5),
           quantile(bench, 0.99), quantile(bench, 1));
    printf("failures     %llu of %llu records, %llu requests refused, %llu connections broken\n",
           (unsigned long long)tally->failed_records,
           (unsigned long long)(tally->failed_records + tally->records),
           (unsigned long long)tally->refused_requests, (unsigned long long)tally->broken);
    if (bench->refusal[0] != 0)
        printf("first        %s\n", bench->refusal);
}

/* ---- the run ---- */

static void open_all(struct bench *bench)
{
    char *places[64], *state = NULL;
    uint32_t place_count = 0;

    for (char *at = strtok_r(bench->arguments.endpoints, ",", &state); at != NULL;
         at = strtok_r(NULL, ",", &state))
        if (place_count < 64)
            places[place_count++] = strncmp(at, "http://", 7) == 0 ? at + 7 : at;
    bench->connections = calloc(bench->arguments.connections, sizeof *bench->connections);
    bench->epoll = epoll_create1(EPOLL_CLOEXEC);
    ensure(place_count > 0 && bench->connections != NULL && bench->epoll >= 0);
    for (uint32_t i = 0; i < bench->arguments.connections; i++) {
        struct connection *connection = &bench->connections[i];
        char *host = strdup(places[i % place_count]);
        char *colon = host == NULL ? NULL : strrchr(host, ':');

        if (colon == NULL)
            stop("not host:port", places[i % place_count]);
        *colon = 0;
        connection->bench = bench;
        connection->host = host;
        connection->port = colon + 1;
        connection->reply = malloc(REPLY_BYTES_MAX + 1);
        ensure(connection->reply != NULL);
        request_make(&bench->arguments, connection);
        connection_begin(connection);
        connection_open(connection);
    }
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'e':
        arguments->endpoints = value;
        return 0;
    case 'S':
        arguments->stream = value;
        return 0;
    case 'p':
        arguments->pids = value;
        return 0;
    case 'c':
        arguments->connections = (uint32_t)strtoul(value, NULL, 10);
        return arguments->connections >= 1 && arguments->connections <= CONNECTIONS_MAX ? 0
                                                                                        : EINVAL;
    case 'r':
        arguments->records = (uint32_t)strtoul(value, NULL, 10);
        return arguments->records >= 1 ? 0 : EINVAL;
    case 'b':
        arguments->bytes = (uint32_t)strtoul(value, NULL, 10);
        return arguments->bytes >= 1 ? 0 : EINVAL;
    case 's':
        arguments->seconds = strtod(value, NULL);
        return 0;
    case 'w':
        arguments->warm_s = strtod(value, NULL);
        return 0;
    case ARGP_KEY_END:
        if (arguments->endpoints == NULL || arguments->stream == NULL)
            argp_error(state, "--endpoint and --stream are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    { "endpoint", 'e', "HOST:PORT[,...]", 0, "Client ports; connections take turns", 0 },
    { "stream", 'S', "NAME", 0, "A stream that is there", 0 },
    { "connections", 'c', "C", 0, "Connections, one request each (default 16)", 0 },
    { "records", 'r', "R", 0, "Records of one request (default 500)", 0 },
    { "bytes", 'b', "B", 0, "Bytes of one record (default 1024)", 0 },
    { "seconds", 's', "T", 0, "Measured time (default 10)", 0 },
    { "warm", 'w', "W", 0, "Seconds before it (default 2)", 0 },
    { "pids", 'p', "P[,...]", 0, "Servers whose processor time is counted", 0 },
    { 0 },
};

int main(int argc, char **argv)
{
    static const struct argp argp = { options, parse, NULL, "PutRecords through the JSON door.",
                                      NULL, NULL, NULL };
    static struct bench bench = { .arguments = { .connections = 16,
                                                 .records = 500,
                                                 .bytes = 1024,
                                                 .seconds = 10,
                                                 .warm_s = 2 } };

    print_circumstances(argc, argv);
    if (argp_parse(&argp, argc, argv, 0, NULL, &bench.arguments) != 0)
        return 2;
    open_all(&bench);
    run_until(&bench, now_ms() + bench.arguments.warm_s * 1e3);

    struct cpu servers = cpu_of_servers(&bench.arguments), client = cpu_of_client();
    double began_ms = now_ms();
    bench.counting = true;
    run_until(&bench, began_ms + bench.arguments.seconds * 1e3);
    double seconds = (now_ms() - began_ms) / 1e3;
    struct cpu servers_now = cpu_of_servers(&bench.arguments), client_now = cpu_of_client();

    double gigabytes = (double)bench.tally.records * bench.arguments.bytes / 1e9;
    print_tally(&bench, seconds);
    if (bench.arguments.pids != NULL && gigabytes > 0)
        print_cpu("servers", servers, servers_now, gigabytes, seconds);
    if (gigabytes > 0)
        print_cpu("client", client, client_now, gigabytes, seconds);
    return 0;
}

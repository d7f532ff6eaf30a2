/* libbraid against servers that are a few lines of this file: in a thread each, on a port that the
 * kernel picks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/client.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n{\"a\": 1}"
#define BODY_503 "{\"__type\":\"ServiceUnavailable\",\"message\":\"later\"}"
#define BODY_400 "{\"__type\":\"x#ResourceNotFoundException\",\"message\":\"no s\"}"

/* Answers connections one after the other, then stops listening. */
struct server {
    int fd;
    uint16_t port;
    const char *answers[4]; /* "" hangs up without one */
    uint32_t answer_count;
    char request[4096]; /* the last one */
    void *(*runs)(void *server); /* NULL: serve() */
    pthread_t thread;
};

static void *serve(void *ctx)
{
    struct server *server = ctx;

    for (uint32_t i = 0; i < server->answer_count; i++) {
        int fd = accept(server->fd, NULL, NULL);
        ssize_t len = recv(fd, server->request, sizeof(server->request) - 1, 0);
        server->request[len > 0 ? len : 0] = '\0';
        const char *answer = server->answers[i];
        if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) >= 0)
            shutdown(fd, SHUT_WR);
        close(fd);
    }
    close(server->fd);
    return NULL;
}

static void server_open(struct server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(address);

    while (server->answer_count < 4 && server->answers[server->answer_count] != NULL)
        server->answer_count++;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->fd, 4), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL,
                                    server->runs == NULL ? serve : server->runs, server),
                     0);
}

static struct client *client_of(const char *endpoints)
{
    struct client_options options = { .endpoints = endpoints, .timeout_ms = 10000 };
    struct reason reason = { "" };
    struct client *client;

    assert_int_equal(client_open(&client, &options, &reason), ERR_OK);
    return client;
}

static void a_call_sends_what_an_sdk_sends(void **state)
{
    struct server server = { .answers = { OK_ANSWER } };
    struct client_answer answer;
    char endpoint[64];

    server_open(&server);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u/", server.port);
    struct client *client = client_of(endpoint);
    assert_int_equal(client_call(client, "ListStreams", slice_text("{}"), &answer), ERR_OK);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.attempts, 1);
    assert_string_equal((const char *)answer.body.data, "{\"a\": 1}");
    pthread_join(server.thread, NULL);
    assert_memory_equal(server.request, "POST / HTTP/1.1\r\n", 17);
    assert_non_null(strstr(server.request, "\r\nX-Amz-Target: Kinesis_20131202.ListStreams\r\n"));
    assert_non_null(strstr(server.request, "\r\nContent-Type: application/x-amz-json-1.1\r\n"));
    assert_non_null(strstr(server.request, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential="));
    assert_non_null(strstr(server.request, "\r\n\r\n{}"));
    client_close(client);
}

static void a_post_says_that_it_is_json_and_a_refusal_comes_with_its_sentence(void **state)
{
    struct server server = { .answers = { "HTTP/1.1 409 No\r\nConnection: close\r\n"
                                          "Content-Length: 40\r\n\r\n"
                                          "{\"message\":\"not drained\",\"wait\":false } " } };
    struct client_answer answer;
    char endpoint[64];

    server_open(&server);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", server.port);
    struct client *client = client_of(endpoint);
    assert_int_equal(client_post(client, "/nodes/remove?name=n4", slice_text("{}"), &answer),
                     ERR_INVALID);
    assert_int_equal(answer.status, 409);
    assert_int_equal(answer.attempts, 1);
    assert_non_null(strstr(answer.reason.text, "not drained"));
    pthread_join(server.thread, NULL);
    assert_memory_equal(server.request, "POST /nodes/remove?name=n4 HTTP/1.1\r\n", 37);
    assert_non_null(strstr(server.request, "\r\nContent-Type: application/json\r\n"));
    client_close(client);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void a_deadline_ends_a_call_to_a_node_that_is_silent(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* takes all, answers nothing */
    socklen_t len = sizeof(address);
    struct client_answer answer;
    char endpoint[64];

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", ntohs(address.sin_port));
    struct client *client = client_of(endpoint); /* three attempts of ten seconds */
    uint64_t began_ms = now_ms();
    client_until(client, began_ms + 300);
    assert_int_equal(client_call(client, "ListStreams", slice_text("{}"), &answer), ERR_TIMEOUT);
    assert_int_equal(answer.attempts, 1);
    assert_in_range(now_ms() - began_ms, 250, 5000);
    client_close(client);
    close(fd);
}

static void a_deadline_ends_the_pauses_too(void **state)
{
    struct client_options options = { .endpoints = "http://127.0.0.1:1", .attempts_max = 1000 };
    struct reason reason = { "" };
    struct client_answer answer;
    struct client *client;

    assert_int_equal(client_open(&client, &options, &reason), ERR_OK);
    uint64_t began_ms = now_ms();
    client_until(client, began_ms + 300);
    assert_int_equal(client_call(client, "ListStreams", slice_text("{}"), &answer),
                     ERR_UNREACHABLE);
    assert_in_range(answer.attempts, 1, 999);
    assert_in_range(now_ms() - began_ms, 250, 5000);
    client_close(client);
}

static void the_next_node_is_asked_when_one_fails(void **state)
{
    struct server unavailable = { .answers = { "HTTP/1.1 503 No\r\nConnection: close\r\n"
                                               "Content-Length: 49\r\n\r\n" BODY_503 } };
    struct server silent = { .answers = { "" } };
    struct server good = { .answers = { OK_ANSWER, OK_ANSWER } };
    struct client_answer answer;
    char endpoints[256];

    server_open(&unavailable);
    server_open(&silent);
    server_open(&good);
    snprintf(endpoints, sizeof(endpoints),
             "http://127.0.0.1:1,http://127.0.0.1:%u,http://127.0.0.1:%u,http://127.0.0.1:%u",
             unavailable.port, silent.port, good.port);
    struct client *client = client_of(endpoints);
    assert_int_equal(client_call(client, "ListStreams", slice_text("{}"), &answer), ERR_OK);
    assert_int_equal(answer.attempts, 4);
    assert_int_equal(client_call(client, "ListStreams", slice_text("{}"), &answer), ERR_OK);
    assert_int_equal(answer.attempts, 1); /* the one that answered is asked first */
    pthread_join(unavailable.thread, NULL);
    pthread_join(silent.thread, NULL);
    pthread_join(good.thread, NULL);
    client_close(client);
}

/* Answers once, takes a second request on the same connection, and is gone. */
static void *serve_and_end(void *ctx)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    struct server *server = ctx;
    int fd = accept(server->fd, NULL, NULL);

    if (recv(fd, server->request, sizeof(server->request), 0) > 0 &&
        send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) > 0 &&
        recv(fd, server->request, sizeof(server->request), 0) > 0)
        close(server->fd);
    close(fd);
    return NULL;
}

/* libcurl goes on with a new connection by itself when a kept one ends without an answer. */
static void a_request_on_a_kept_connection_that_ends_may_have_been_done(void **state)
{
    struct server server = { .answers = { NULL }, .runs = serve_and_end };
    struct client_answer answer;
    char endpoint[64];

    server_open(&server);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", server.port);
    struct client *client = client_of(endpoint);
    assert_int_equal(client_call(client, "ListStreams", slice_text("{}"), &answer), ERR_OK);
    assert_int_equal(client_call(client, "PutRecords", slice_text("{}"), &answer), ERR_TIMEOUT);
    pthread_join(server.thread, NULL);
    client_close(client);
}

static void a_mistake_of_ours_is_not_repeated(void **state)
{
    struct server server = { .answers = { "HTTP/1.1 400 No\r\nConnection: close\r\n"
                                          "Content-Length: 57\r\n\r\n" BODY_400 } };
    struct client_answer answer;
    char endpoint[64];
    json_t *in = json_object(), *out = NULL;

    server_open(&server);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", server.port);
    struct client *client = client_of(endpoint);
    assert_int_equal(client_call_json(client, "DescribeStream", in, &out, &answer), ERR_NOT_FOUND);
    assert_int_equal(answer.attempts, 1);
    assert_string_equal(answer.type, "ResourceNotFoundException");
    assert_non_null(strstr(answer.reason.text, "ResourceNotFoundException: no s"));
    assert_null(out);
    pthread_join(server.thread, NULL);
    json_decref(in);
    client_close(client);
}

static void nobody_there_is_unreachable(void **state)
{
    struct client *client = client_of("http://127.0.0.1:1");
    struct client_answer answer;

    assert_int_equal(client_get(client, "/readyz", &answer), ERR_UNREACHABLE);
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.attempts, 3);
    assert_memory_equal(answer.reason.text, "http://127.0.0.1:1: ", 20);
    client_close(client);
}

/* A node that is down must not hide what one that is up has said. */
static void a_refusal_counts_more_than_a_node_that_is_down(void **state)
{
    struct server unavailable = { .answers = { "HTTP/1.1 503 No\r\nConnection: close\r\n"
                                               "Content-Length: 49\r\n\r\n" BODY_503 } };
    struct client_answer answer;
    char endpoints[256];

    server_open(&unavailable);
    snprintf(endpoints, sizeof(endpoints),
             "http://127.0.0.1:%u,http://127.0.0.1:1,http://127.0.0.1:1", unavailable.port);
    struct client *client = client_of(endpoints);
    assert_int_equal(client_call(client, "CreateStream", slice_text("{}"), &answer),
                     ERR_UNAVAILABLE);
    assert_int_equal(answer.attempts, 3);
    assert_int_equal(answer.status, 503);
    assert_string_equal(answer.type, "ServiceUnavailable");
    assert_non_null(strstr(answer.reason.text, "ServiceUnavailable: later"));
    assert_int_equal(answer.body.len, 0);
    pthread_join(unavailable.thread, NULL);
    client_close(client);
}

static void an_unknown_outcome_counts_more_than_a_refusal(void **state)
{
    struct server silent = { .answers = { "" } };
    struct server unavailable = { .answers = { "HTTP/1.1 503 No\r\nConnection: close\r\n"
                                               "Content-Length: 49\r\n\r\n" BODY_503 } };
    struct client_answer answer;
    char endpoints[256];

    server_open(&silent);
    server_open(&unavailable);
    snprintf(endpoints, sizeof(endpoints),
             "http://127.0.0.1:%u,http://127.0.0.1:%u,http://127.0.0.1:1", silent.port,
             unavailable.port);
    struct client *client = client_of(endpoints);
    assert_int_equal(client_call(client, "PutRecords", slice_text("{}"), &answer), ERR_TIMEOUT);
    assert_int_equal(answer.attempts, 3);
    assert_int_equal(answer.status, 0);
    pthread_join(silent.thread, NULL);
    pthread_join(unavailable.thread, NULL);
    client_close(client);
}

static void what_is_no_endpoint_is_refused(void **state)
{
    static const char *const wrong[] = { "", "127.0.0.1:4567", "ftp://a", "http://a,,http://b" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct client_options options = { .endpoints = wrong[i] };
        struct reason reason = { "" };
        struct client *client;
        assert_int_equal(client_open(&client, &options, &reason), ERR_INVALID);
        assert_true(reason.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_sends_what_an_sdk_sends),
        cmocka_unit_test(a_post_says_that_it_is_json_and_a_refusal_comes_with_its_sentence),
        cmocka_unit_test(a_deadline_ends_a_call_to_a_node_that_is_silent),
        cmocka_unit_test(a_deadline_ends_the_pauses_too),
        cmocka_unit_test(the_next_node_is_asked_when_one_fails),
        cmocka_unit_test(a_request_on_a_kept_connection_that_ends_may_have_been_done),
        cmocka_unit_test(a_mistake_of_ours_is_not_repeated),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test(a_refusal_counts_more_than_a_node_that_is_down),
        cmocka_unit_test(an_unknown_outcome_counts_more_than_a_refusal),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

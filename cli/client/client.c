#include "client/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "client/fault.h"
#include "client/sign.h"

#define TIMEOUT_MS_DEFAULT 30000u
#define CONNECT_TIMEOUT_MS 2000L
#define ATTEMPTS_DEFAULT 3u
#define URL_CHARS_MAX 512u
#define PATH_CHARS_MAX 512u

struct client {
    CURL *curl;
    struct signer *signer; /* NULL: requests are not signed */
    char *endpoints[CLIENT_ENDPOINTS_MAX];
    uint32_t endpoint_count;
    uint32_t current; /* the endpoint that is asked first */
    uint32_t attempts_max;
    uint32_t timeout_ms;  /* of one attempt */
    uint64_t deadline_ms; /* of all; 0: none */
    char *answer; /* what has come of the current answer, with an end mark */
    size_t answer_len, answer_room;
    char why[CURL_ERROR_SIZE]; /* curl's sentence */
};

/* What is asked of one node after the other. */
struct asking {
    const char *path;
    const char *operation; /* of the Kinesis API, with headers of its own; NULL: none */
    struct curl_slist *headers;
    const struct slice *body; /* NULL: a GET */
};

static enum err take_endpoints(struct client *client, const char *list, struct reason *reason);
static enum err call(struct client *client, const struct asking *asking,
                     struct client_answer *answer);
static enum err attempt(struct client *client, const struct asking *asking,
                        struct client_answer *answer);
static enum err perform(struct client *client, const char *path, struct client_answer *answer);
static void read_fault(struct client *client, struct client_answer *answer);
static size_t write_on_bytes(char *bytes, size_t size, size_t count, void *ctx);

enum err client_open(struct client **ret, const struct client_options *options,
                     struct reason *reason)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return ERR_NO_MEMORY;
    enum err err = take_endpoints(client, options->endpoints, reason);
    if (err == ERR_OK && options->sign)
        err = signer_new(&client->signer, options->credentials, reason);
    if (err != ERR_OK) {
        client_close(client);
        return err;
    }
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        client_close(client);
        return ERR_NO_MEMORY;
    }
    client->attempts_max = options->attempts_max != 0                  ? options->attempts_max
                           : client->endpoint_count > ATTEMPTS_DEFAULT ? client->endpoint_count
                                                                       : ATTEMPTS_DEFAULT;

    client->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_MS_DEFAULT;
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_PROXY, ""); /* a cluster is never behind one */
    curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->why);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, write_on_bytes);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
    *ret = client;
    return ERR_OK;
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    signer_free(client->signer);
    for (uint32_t i = 0; i < client->endpoint_count; i++)
        free(client->endpoints[i]);
    free(client->answer);
    free(client);
}

void client_until(struct client *client, uint64_t deadline_ms)
{
    client->deadline_ms = deadline_ms;
}

/* What curl will not take later is said before anything is sent. */
static bool is_url(const char *text, size_t len)
{
    char *copy = strndup(text, len);
    CURLU *url = curl_url();
    bool whole = copy != NULL && url != NULL && (strncmp(copy, "http://", 7) == 0 ||
                                                 strncmp(copy, "https://", 8) == 0) &&
                 curl_url_set(url, CURLUPART_URL, copy, 0) == CURLUE_OK;

    curl_url_cleanup(url);
    free(copy);
    return whole;
}

static enum err take_endpoints(struct client *client, const char *list, struct reason *reason)
{
    for (const char *at = list; *at != '\0';) {
        size_t len = strcspn(at, ",");
        size_t kept = len;

        while (kept > 0 && at[kept - 1] == '/')
            kept--;
        if (!is_url(at, len)) {
            reason_set(reason, "'%.*s' is not an endpoint such as http://127.0.0.1:4567", (int)len,
                       at);
            return ERR_INVALID;
        }
        if (client->endpoint_count == CLIENT_ENDPOINTS_MAX || kept > URL_CHARS_MAX) {
            reason_set(reason, "more than %u endpoints, or one of more than %u characters",
                       CLIENT_ENDPOINTS_MAX, URL_CHARS_MAX);
            return ERR_INVALID;
        }
        client->endpoints[client->endpoint_count] = strndup(at, kept);
        if (client->endpoints[client->endpoint_count] == NULL)
            return ERR_NO_MEMORY;
        client->endpoint_count++;
        at += len + (at[len] == ',');
    }
    if (client->endpoint_count > 0)
        return ERR_OK;
    reason_set(reason, "no endpoint was named");
    return ERR_INVALID;
}

enum err client_call(struct client *client, const char *operation, struct slice body,
                     struct client_answer *answer)
{
    struct asking asking = { .path = "/", .operation = operation, .body = &body };

    *answer = (struct client_answer){ 0 };
    return call(client, &asking, answer);
}

enum err client_call_json(struct client *client, const char *operation, json_t *in, json_t **out,
                          struct client_answer *answer)
{
    char *text = json_dumps(in, JSON_COMPACT);

    *answer = (struct client_answer){ 0 };
    if (text == NULL)
        return ERR_NO_MEMORY;
    enum err err = client_call(client, operation, slice_text(text), answer);
    free(text);
    if (err != ERR_OK)
        return err;

    json_error_t fault;
    json_t *tree = answer->body.len == 0 ? json_object()
                                         : json_loadb((const char *)answer->body.data,
                                                      answer->body.len, JSON_ALLOW_NUL, &fault);
    if (tree == NULL) {
        reason_set(&answer->reason, "%s: the answer to %s is not JSON: %s",
                   client->endpoints[client->current], operation, fault.text);
        return ERR_CORRUPT;
    }
    *out = tree;
    return ERR_OK;
}

enum err client_get(struct client *client, const char *path, struct client_answer *answer)
{
    struct asking asking = { .path = path };

    *answer = (struct client_answer){ 0 };
    return call(client, &asking, answer);
}

enum err client_post(struct client *client, const char *path, struct slice body,
                     struct client_answer *answer)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct asking asking = { .path = path, .headers = headers, .body = &body };

    *answer = (struct client_answer){ 0 };
    if (headers == NULL)
        return ERR_NO_MEMORY;
    enum err err = call(client, &asking, answer);
    curl_slist_free_all(headers);
    return err;
}

/* What is left until the deadline, `most` at most. */
static uint32_t time_left_ms(const struct client *client, uint32_t most)
{
    struct timespec now;

    if (client->deadline_ms == 0)
        return most;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (now_ms >= client->deadline_ms)
        return 0;
    return client->deadline_ms - now_ms < most ? (uint32_t)(client->deadline_ms - now_ms) : most;
}

static void pause_ms(uint32_t ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L };

    while (nanosleep(&left, &left) != 0)
        continue;
}

/* How much a passing error says.  A call that some node may have done, or has refused, must not
 * end as "no node can be reached" because the node that was asked last is down. */
static int weight(enum err err)
{
    switch (err) {
    case ERR_TIMEOUT:
    case ERR_UNKNOWN:
        return 3; /* the outcome is unknown, whatever others say */
    case ERR_UNAVAILABLE:
    case ERR_BUSY:
        return 2;
    default:
        return 1;
    }
}

/* Goes around the endpoints at once, and waits only after each has failed. */
static enum err call(struct client *client, const struct asking *asking,
                     struct client_answer *answer)
{
    struct client_answer telling = { 0 }; /* what the weightiest error came with */
    enum err err = ERR_UNREACHABLE, worst = ERR_UNREACHABLE;

    const struct slice *body = asking->body;
    if (body != NULL) {
        curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body->data);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    } else {
        curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    }
    for (uint32_t i = 0; i < client->attempts_max; i++) {
        uint32_t round = i / client->endpoint_count;
        uint64_t random = 0;

        if (i > 0 && (i % client->endpoint_count == 0 || err == ERR_BUSY)) {
            if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
                random = UINT64_MAX;
            pause_ms(time_left_ms(client, fault_pause_ms(round > 0 ? round : 1, random)));
        }
        if (i > 0 && time_left_ms(client, 1) == 0)
            break;
        answer->attempts = i + 1;
        err = attempt(client, asking, answer);
        if (!fault_is_passing(err))
            break;
        if (weight(err) >= weight(worst)) {
            telling = *answer;
            telling.body = slice_of("", 0); /* the next answer takes its place */
            worst = err;
        }
        if (err != ERR_BUSY)
            client->current = (client->current + 1) % client->endpoint_count;
    }
    if (fault_is_passing(err) && weight(err) < weight(worst)) {
        telling.attempts = answer->attempts;
        *answer = telling;
        err = worst;
    }
    return err;
}

/* What is signed is of one node and one moment. */
static enum err attempt(struct client *client, const struct asking *asking,
                        struct client_answer *answer)
{
    struct curl_slist *headers = NULL;

    if (asking->operation != NULL) {
        struct signed_call call = { .endpoint = client->endpoints[client->current],
                                    .operation = asking->operation,
                                    .body = *asking->body,
                                    .now_s = (uint64_t)time(NULL) };
        headers = sign_headers(client->signer, &call);
        if (headers == NULL)
            return ERR_NO_MEMORY;
    }
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER,
                     headers != NULL ? headers : asking->headers);
    enum err err = perform(client, asking->path, answer);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return err;
}

/* Whatever the transfer has ended with: libcurl repeats a request by itself when a kept connection
 * ends without an answer, and then tells only of the last try. */
static bool was_sent(const struct client *client)
{
    long bytes = 0;

    return curl_easy_getinfo(client->curl, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK && bytes > 0;
}

static enum err perform(struct client *client, const char *path, struct client_answer *answer)
{
    const char *endpoint = client->endpoints[client->current];
    uint32_t left_ms = time_left_ms(client, client->timeout_ms);
    char url[URL_CHARS_MAX + PATH_CHARS_MAX];

    answer->status = 0;
    answer->type[0] = '\0';
    client->answer_len = 0;
    client->why[0] = '\0';
    snprintf(url, sizeof(url), "%s%s", endpoint, path);
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, left_ms > 0 ? (long)left_ms : 1L);

    CURLcode code = curl_easy_perform(client->curl);
    answer->body = slice_of(client->answer, client->answer_len);
    if (code == CURLE_OK) {
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->status);
        read_fault(client, answer);
        if (fault_is_rate(answer->type, answer->reason.text))
            return ERR_BUSY;
        return fault_of_answer(answer->status, answer->type);
    }
    reason_set(&answer->reason, "%s: %s", endpoint,
               client->why[0] != '\0' ? client->why : curl_easy_strerror(code));
    if (was_sent(client))
        return ERR_TIMEOUT;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR: /* before anything was asked */
    case CURLE_PEER_FAILED_VERIFICATION:
        return ERR_UNREACHABLE;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NO_MEMORY;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_INVALID;
    default:
        return ERR_TIMEOUT; /* something may have been sent */
    }
}

/* AWS's name and sentence, from a body that may be anything. */
static void read_fault(struct client *client, struct client_answer *answer)
{
    if (answer->status >= 200 && answer->status < 300)
        return;

    json_t *tree = answer->body.len == 0 ? NULL
                                         : json_loadb((const char *)answer->body.data,
                                                      answer->body.len, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(tree, "__type"));
    const char *text = json_string_value(json_object_get(tree, "message"));

    if (text == NULL)
        text = json_string_value(json_object_get(tree, "Message"));
    if (type != NULL && strrchr(type, '#') != NULL)
        type = strrchr(type, '#') + 1;
    if (type != NULL)
        snprintf(answer->type, sizeof(answer->type), "%s", type);
    if (text == NULL && tree == NULL && answer->body.len > 0)
        text = client->answer;
    reason_set(&answer->reason, "%s: %s%s%.*s", client->endpoints[client->current],
               type != NULL ? type : "", type != NULL && text != NULL ? ": " : "",
               text != NULL ? (int)strcspn(text, "\n") : 0, text != NULL ? text : "");
    if (type == NULL && text == NULL)
        reason_set(&answer->reason, "%s: HTTP status %ld", client->endpoints[client->current],
                   answer->status);
    if (client->signer == NULL && fault_is_unproved(answer->type))
        reason_wrap(&answer->reason, "requests must be signed: set AWS_ACCESS_KEY_ID and "
                                     "AWS_SECRET_ACCESS_KEY, or name a file of access keys "
                                     "(--credentials)");
    json_decref(tree);
}

static size_t write_on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct client *client = ctx;
    size_t len = size * count;
    size_t needed = client->answer_len + len + 1;

    if (needed > CLIENT_ANSWER_BYTES_MAX)
        return 0; /* curl gives up */
    if (needed > client->answer_room) {
        size_t room = client->answer_room * 2 > needed ? client->answer_room * 2 : needed;
        char *larger = realloc(client->answer, room);
        if (larger == NULL)
            return 0;
        client->answer = larger;
        client->answer_room = room;
    }
    memcpy(client->answer + client->answer_len, bytes, len);
    client->answer_len += len;
    client->answer[client->answer_len] = '\0';
    return len;
}

#include "ops_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct ops_fake fake;

const char query_of_rescue[] = "stream=s&shard=0&epoch=3&survivor=2&index=40&term=6&by=ann";

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

int fake_open(void **state)
{
    struct audit_options options = { .path = fake.path };

    memset(&fake, 0, sizeof(fake));
    list_init(&fake.works);
    strcpy(fake.path, "audit.XXXXXX");
    int file = mkstemp(fake.path);
    assert_true(file >= 0);
    close(file);
    fake.ops.world.name = "node-1";
    fake.ops.world.clock = options.clock = still_clock_open();
    assert_int_equal(audit_open(&fake.ops.audit, &options), ERR_OK);
    return 0;
}

int fake_close(void **state)
{
    bool closed = false;

    changes_stopping(&fake.ops);
    rescues_stopping(&fake.ops);
    audit_close(fake.ops.audit, on_closed, &closed);
    while (fake_work())
        ;
    still_clock_turn();
    assert_true(closed);
    still_clock_close();
    unlink(fake.path);
    return 0;
}

/* ---- the port ---- */

void asker_init(struct asker *asker, enum http_verb verb, const char *query)
{
    *asker = (struct asker){ .status = 0 };
    asker->exchange.request.verb = verb;
    asker->exchange.request.query = slice_text(query);
    asker->exchange.request.peer = "127.0.0.1:9";
}

const struct http_header *http_request_header(const struct http_request *request, const char *name)
{
    static struct http_header header;

    header.value = slice_text("application/json");
    return &header;
}

void http_exchange_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct asker *asker = container_of(exchange, struct asker, exchange);

    assert_int_equal(asker->status, 0);
    asker->status = reply->status;
    (void)snprintf(asker->said, sizeof(asker->said), "%.*s", (int)reply->body[0]->len,
                   (const char *)reply->body[0]->data);
}

void http_exchange_reply_text(struct http_exchange *exchange, int status, const char *content_type,
                              struct slice text)
{
    container_of(exchange, struct asker, exchange)->status = status;
}

/* ---- the disk of the audit log ---- */

void work_start(struct work_pool *pool, struct work *work, work_fn run, work_cb done)
{
    work->run = run;
    work->done = done;
    list_append(&fake.works, &work->link);
}

bool fake_work(void)
{
    struct list_node *first = list_pop(&fake.works);

    if (first == NULL)
        return false;
    struct work *work = container_of(first, struct work, link);
    work->run(work);
    work->done(work);
    return true;
}

void fake_log(char text[FAKE_LOG_BYTES])
{
    FILE *file = fopen(fake.path, "r");

    assert_non_null(file);
    text[fread(text, 1, FAKE_LOG_BYTES - 1, file)] = 0;
    fclose(file);
}

uint32_t fake_log_lines(void)
{
    char text[FAKE_LOG_BYTES];
    uint32_t count = 0;

    fake_log(text);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    return count;
}

/* ---- the catalogue ---- */

struct catalog *control_catalog(struct control *control)
{
    return NULL;
}

const struct model *catalog_model(const struct catalog *catalog)
{
    return NULL;
}

void catalog_change(struct catalog *catalog, struct catalog_change *req, struct slice change,
                    uint64_t timeout_ms, catalog_change_cb cb)
{
    *req = (struct catalog_change){ .cb = cb };
    fake.change = req;
    fake.timeout_ms = timeout_ms;
    fake.offered++;
}

void catalog_change_cancel(struct catalog_change *req)
{
    assert_ptr_equal(req, fake.change);
    fake.change = NULL;
}

void fake_changed(enum err err)
{
    struct catalog_change *change = fake.change;

    assert_non_null(change);
    fake.change = NULL;
    if (err != ERR_OK)
        reason_set(&change->reason, "it \"says\" no");
    change->cb(change, err);
}

/* ---- what a rescue looks at ---- */

const struct model_stream *model_stream_by_name(const struct model *model, struct slice name)
{
    static const struct model_stream stream = { .name = "s" };

    return &stream;
}

const struct model_shard *model_shard_by_number(const struct model_stream *stream, uint32_t number)
{
    static const struct model_shard shard = { .group = FAKE_GROUP };

    return &shard;
}

const struct model_shard *model_shard_by_group(const struct model *model, uint64_t group,
                                               const struct model_stream **stream)
{
    return NULL;
}

bool model_shard_has(const struct model_shard *shard, uint64_t node)
{
    return false;
}

const struct model_node *model_node_by_id(const struct model *model, uint64_t id)
{
    return NULL;
}

uint64_t model_cluster(const struct model *model)
{
    return 1;
}

uint32_t model_resume_count(const struct model *model)
{
    return 0;
}

const struct model_resume *model_resume_at(const struct model *model, uint32_t at)
{
    return NULL;
}

bool catalog_copy(const struct catalog *catalog, struct catalog_copy *ret)
{
    return true;
}

uint32_t catalog_members(const struct catalog *catalog, uint64_t members[GROUP_MEMBERS_MAX])
{
    return 0;
}

bool catalog_rescues(const struct catalog *catalog)
{
    return false;
}

void catalog_rescue_cancel(struct catalog_rescue *req)
{
    fake.rescue = NULL;
}

enum err rescue_catalog(struct control *control, const struct rescue_look *look,
                        struct catalog_rescue *req, catalog_rescue_cb cb)
{
    fake.rescue = req;
    fake.rescued++;
    return ERR_OK;
}

struct buf *rescue_change(struct control *control, const struct rescue_look *look)
{
    return buf_copy(slice_text("a change"));
}

void rescue_look(struct control *control, struct rescue_look *look, uint64_t group,
                 rescue_look_cb cb)
{
    assert_true(fake.look_count < OPS_RESCUES_MAX);
    look->group = group;
    look->cb = cb;
    fake.looks[fake.look_count++] = look;
}

void rescue_look_cancel(struct rescue_look *look)
{
}

void fake_looked(uint32_t at)
{
    struct rescue_look *look = fake.looks[at];

    look->epoch = 3;
    look->node_count = 1;
    look->nodes[0] = (struct rescue_node){
        .node = 2, .own = true, .heard = RESCUE_HAS,
        .holding = { .last = 40, .last_term = 6 },
    };
    look->cb(look);
}

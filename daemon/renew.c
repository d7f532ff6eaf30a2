#include "renew.h"

#include <string.h>

#include "control/renewal.h"
#include "identity_copy.h"
#include "table/rocks.h"

static void take_advice_away(struct reason *lost);
static enum err make_next(const struct renew_world *world, struct reason *why);
static enum err check_kept(const struct data_dir *dir, struct reason *why);
static bool has_others(const struct config *config);

enum err renew(const struct renew_world *world, struct reason *reason)
{
    struct reason why = { "" };
    enum err err = make_next(world, &why);
    bool passing = err == ERR_NO_SPACE || err == ERR_IO || err == ERR_NO_MEMORY;

    if (err == ERR_OK)
        take_advice_away(reason);
    if (err != ERR_CLOSED) /* who has nobody is told as ever */
        note_event(world->note, NOTE_ERROR, err == ERR_OK ? "node.renewed" : "node.not_renewed",
                   "lost=%s why=%s", NOTE_QUOTED(reason->text), NOTE_QUOTED(why.text));
    if (err == ERR_OK)
        reason_set(reason, "what this node promised may be forgotten; started again it comes back "
                   "by itself, under a new id, and keeps what is here in a directory forgotten-N");
    else if (err == ERR_BUSY)
        reason_set(reason, "%s; then " REASON_KEEP_DATA, why.text);
    else if (err == ERR_TOO_BIG)
        reason_set(reason, "what this node promised may be forgotten, and it has no new id: %s",
                   why.text);
    else if (passing)
        reason_set(reason, "what this node promised may be forgotten, and the tables of a new id "
                   "cannot be made: %s", why.text);
    return err == ERR_OK || passing ? err : ERR_CORRUPT;
}

enum err renew_running(const struct renew_world *world, bool noted, struct reason *reason)
{
    struct reason why = { "" };
    enum err err = renew(world, reason);

    if (err == ERR_OK || noted || data_dir_mark(world->dir, &why) == ERR_OK)
        return err;
    note_event(world->note, NOTE_ERROR, "node.not_marked", "why=%s", NOTE_QUOTED(why.text));
    reason_set(reason, "what this node promised may be forgotten, and nothing in it can say so: "
                       "%s; " REASON_KEEP_DATA, why.text);
    return ERR_CORRUPT;
}

enum err renew_marked(struct reason *reason)
{
    reason_set(reason, "this node has forgotten what it promised, which was found out when its "
                       "disk took nothing; " REASON_KEEP_DATA);
    return ERR_CORRUPT;
}

/* What was found ends with what to do where nobody does anything about it. */
static void take_advice_away(struct reason *lost)
{
    char *advice = strstr(lost->text, "; " REASON_KEEP_DATA);

    if (advice != NULL)
        *advice = 0;
}

/* Its tables say it, or when they cannot, their copy.  ERR_CORRUPT: neither. */
static enum err look(const struct renew_world *world, struct renewal_node *node,
                     struct reason *why)
{
    struct reason copy = { "" };
    enum err err = ERR_CORRUPT;

    if (world->table != NULL)
        err = renewal_look(world->table, node, why);
    else
        reason_set(why, "its tables cannot be opened");
    if (err != ERR_CORRUPT)
        return err;
    enum err copied = identity_copy_read(world->dir, node, &copy);
    if (copied == ERR_NOT_FOUND)
        reason_set(&copy, "there is no file '" DATA_DIR_IDENTITY "'");
    if (copied != ERR_OK) {
        struct reason tables = *why;
        reason_set(why, "%s, and %s, which would say who this node is", tables.text, copy.text);
    }
    return copied == ERR_NOT_FOUND ? ERR_CORRUPT : copied;
}

/* The tables of the new id, which take the place of the old ones at the next start. */
static enum err make_next(const struct renew_world *world, struct reason *why)
{
    struct renewal_node node;
    struct renewal renewal;
    struct table *fresh;
    enum err err = look(world, &node, why);

    if (err == ERR_OK)
        err = renewal_plan(&node, clock_wall_ms(world->clock), &renewal, why);

    if (err == ERR_OK && !has_others(world->config)) {
        reason_set(why, "seeds: they name no other node, by which it could find its cluster again");
        err = ERR_INVALID;
    }
    if (err == ERR_OK)
        err = check_kept(world->dir, why);
    if (err == ERR_OK)
        err = data_dir_begin_anew(world->dir, why);
    if (err == ERR_OK)
        err = table_open(&fresh, world->dir->making, why);
    if (err != ERR_OK)
        return err;
    err = renewal_write(fresh, &renewal, why);
    table_close(fresh);
    return err == ERR_OK ? data_dir_commit_anew(world->dir, why) : err;
}

/* Nobody but an operator removes what is kept, and it must not fill the disk meanwhile. */
static enum err check_kept(const struct data_dir *dir, struct reason *why)
{
    uint32_t count = data_dir_kept(dir).count;

    if (count < FORGOTTEN_KEPT_MAX)
        return ERR_OK;
    reason_set(why, "%u directories forgotten-N of former ids are there, at most %u are kept: move "
               "them to another disk, or remove those that the runbook lost-node.md says may go; "
               "then start it again", count, FORGOTTEN_KEPT_MAX);
    return ERR_TOO_BIG;
}

static bool has_others(const struct config *config)
{
    bool found = false;

    for (uint32_t i = 0; i < config->seed_count; i++)
        found |= strcmp(config->seed_list[i], config->peer_advertise) != 0;
    return found;
}

struct data_dir_kept renew_kept(const struct data_dir *dir, struct note *note)
{
    struct data_dir_kept kept = data_dir_kept(dir);

    if (dir->aside[0] != 0)
        note_event(note, NOTE_WARN, "data.put_aside", "directory=%s", NOTE_QUOTED(dir->aside));
    if (kept.count > 0)
        note_event(note, NOTE_WARN, "data.kept",
                   "directories=%u most=%u bytes=%llu text=\"%s/forgotten-N: what this node had "
                   "under ids whose promises it forgot; when the cluster is whole again, remove "
                   "it\"",
                   kept.count, FORGOTTEN_KEPT_MAX, (unsigned long long)kept.bytes, dir->path);
    if (kept.bytes > kept.free_bytes)
        note_event(note, NOTE_WARN, "data.kept_no_room",
                   "bytes=%llu free=%llu text=\"%s has less room than what is kept there of former "
                   "ids, so that this node may not get back all that it had: move forgotten-N to "
                   "another disk\"",
                   (unsigned long long)kept.bytes, (unsigned long long)kept.free_bytes, dir->path);
    return kept;
}

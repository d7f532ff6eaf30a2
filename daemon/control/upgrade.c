#include "control/upgrade.h"

#include <stdio.h>
#include <string.h>

#include "catalog/version.h"
#include "control/control_private.h"

#define NAMES_BYTES_MAX 160u /* in a sentence */

static void name_add(char names[NAMES_BYTES_MAX], const struct model_node *row, uint32_t knows);

uint32_t upgrade_knows(const struct control *control, uint64_t node)
{
    const struct model_node *row = model_node_by_id(catalog_model(control->catalog), node);
    const struct liveness_word *word = liveness_word_of(&control->liveness, node);

    if (node == control->options.node)
        return control->options.knows;
    if (word != NULL && control_health(control, node) == NODE_UP)
        return word->knows;
    return row == NULL ? 0 : row->knows;
}

uint32_t upgrade_newest(const struct control *control)
{
    const struct model *model = catalog_model(control->catalog);
    uint32_t newest = model_version(model);

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *row = model_node_at(model, i);
        uint32_t knows = row->replaced ? 0 : upgrade_knows(control, row->id);
        if (knows > newest)
            newest = knows;
    }
    return newest;
}

/* Of a cluster that is a moment old: who has no row yet would not be asked what it knows, and could
 * not read its own group's changes any more.  The model does not say who founded that group. */
static bool members_have_rows(const struct control *control)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control->catalog, members);
    bool all = true;

    for (uint32_t i = 0; i < count; i++)
        all &= model_node_by_id(catalog_model(control->catalog), members[i]) != NULL;
    return all;
}

enum err upgrade_change(struct control *control, struct buf **ret, struct reason *reason)
{
    const struct model *model = catalog_model(control->catalog);
    uint64_t nodes[NODE_ROWS_MAX];
    uint32_t knows[NODE_ROWS_MAX], count = 0, behind = 0;
    struct change_raise raise = { .version = upgrade_newest(control),
                                  .nodes = nodes,
                                  .knows = knows };
    char names[NAMES_BYTES_MAX] = "";

    if (!model_founded(model)) {
        reason_set(reason, "the cluster is not founded yet");
        return ERR_UNAVAILABLE;
    }
    if (!members_have_rows(control)) {
        reason_set(reason, "not all members of the catalogue have registered yet: try again");
        return ERR_UNAVAILABLE;
    }
    if (raise.version == model_version(model)) {
        reason_set(reason, "no node knows a later cluster version than %u", raise.version);
        return ERR_EXISTS;
    }
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *row = model_node_at(model, i);
        nodes[count] = row->id;
        knows[count] = upgrade_knows(control, row->id);
        if (!row->replaced && knows[count] < raise.version) {
            name_add(names, row, knows[count]);
            behind++;
        }
        count++;
    }
    if (behind > 0) {
        reason_set(reason, "%u of %u nodes do not know cluster version %u: %s. Start the newer "
                   "braidd there, or take out who does not come back ('braid node drain'); nothing "
                   "has changed", behind, model_node_unreplaced(model), raise.version, names);
        return ERR_BUSY;
    }
    raise.node_count = count;
    *ret = change_raise_version(control_stamp(control), &raise);
    return *ret == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* "node-1 knows 1, node-2 is down"; the first of them, when they are many. */
static void name_add(char names[NAMES_BYTES_MAX], const struct model_node *row, uint32_t knows)
{
    char text[MODEL_NAME_MAX + 32];
    size_t len = strlen(names);

    if (knows == 0)
        snprintf(text, sizeof(text), "%s%s is down", len == 0 ? "" : ", ", row->name);
    else
        snprintf(text, sizeof(text), "%s%s knows %u", len == 0 ? "" : ", ", row->name, knows);
    if (len + strlen(text) + sizeof(", ...") <= NAMES_BYTES_MAX)
        strcpy(names + len, text);
    else if (len < 3 || strcmp(names + len - 3, "...") != 0)
        strcpy(names + len, ", ...");
}

#include "control/absence.h"

void absence_look(struct absence *absence, uint64_t node, bool up, uint64_t now_ms)
{
    if (up) {
        absence_forget(absence, node);
        return;
    }
    if (absence_ms(absence, node, now_ms) != 0 || absence->count == NODE_ROWS_MAX)
        return;
    absence->nodes[absence->count++] = (struct absence_node){ .node = node, .since_ms = now_ms };
}

uint64_t absence_ms(const struct absence *absence, uint64_t node, uint64_t now_ms)
{
    for (uint32_t i = 0; i < absence->count; i++)
        if (absence->nodes[i].node == node)
            return now_ms > absence->nodes[i].since_ms ? now_ms - absence->nodes[i].since_ms : 1;
    return 0;
}

bool absence_say(struct absence *absence, uint64_t node)
{
    for (uint32_t i = 0; i < absence->count; i++) {
        if (absence->nodes[i].node != node || absence->nodes[i].said)
            continue;
        absence->nodes[i].said = true;
        return true;
    }
    return false;
}

void absence_forget(struct absence *absence, uint64_t node)
{
    for (uint32_t i = 0; i < absence->count; i++) {
        if (absence->nodes[i].node != node)
            continue;
        absence->nodes[i] = absence->nodes[--absence->count];
        return;
    }
}

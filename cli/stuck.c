#include "stuck.h"

void stuck_init(struct stuck *stuck, uint64_t now_ms)
{
    *stuck = (struct stuck){ .left = -1, .moving = -1, .changed_ms = now_ms };
}

bool stuck_look(struct stuck *stuck, int64_t left, int64_t moving, uint64_t now_ms)
{
    if (left != stuck->left || moving != stuck->moving)
        *stuck = (struct stuck){ .left = left, .moving = moving, .changed_ms = now_ms };
    if (stuck->said || now_ms - stuck->changed_ms < STUCK_MS)
        return false;
    stuck->said = true;
    return true;
}

#include "control/leaders.h"

static bool is_left_alone(const struct leaders *leaders, const struct leaders_group *group,
                          uint64_t now_ms)
{
    uint64_t for_ms = group->leaves ? CONTROL_LEADERS_LEAVE_MS : CONTROL_LEADERS_RETRY_MS;

    for (uint32_t i = 0; i < LEADERS_TRIES_MAX; i++) {
        const struct leaders_try *tried = &leaders->tries[i];
        if (tried->group == group->group && now_ms - tried->at_ms < for_ms)
            return true;
    }
    return false;
}

bool leaders_should_move(const struct leaders *leaders, const struct leaders_group *group,
                         uint64_t now_ms)
{
    if (!group->leads || group->preferred == group->self || group->preferred == 0)
        return false;
    if (!group->up || (!group->leaves && now_ms - group->up_ms < CONTROL_LEADERS_CALM_MS))
        return false;
    return !is_left_alone(leaders, group, now_ms);
}

void leaders_tried(struct leaders *leaders, uint64_t group, uint64_t target, uint64_t now_ms)
{
    leaders->tries[leaders->next] =
        (struct leaders_try){ .group = group, .target = target, .at_ms = now_ms };
    leaders->next = (leaders->next + 1) % LEADERS_TRIES_MAX;
}

uint64_t leaders_tried_with(const struct leaders *leaders, uint64_t group)
{
    for (uint32_t back = 1; back <= LEADERS_TRIES_MAX; back++) {
        uint32_t at = (leaders->next + LEADERS_TRIES_MAX - back) % LEADERS_TRIES_MAX;
        if (leaders->tries[at].group == group)
            return leaders->tries[at].target;
    }
    return 0;
}

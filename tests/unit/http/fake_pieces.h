/* fake_pieces.h - a subscription, and a reply in pieces, that note what is done to them. */
#ifndef TESTS_UNIT_HTTP_FAKE_PIECES_H
#define TESTS_UNIT_HTTP_FAKE_PIECES_H

#include "api/subscription.h"
#include "transport/long_reply.h"

struct subscription {
    const struct subscription_events *events;
    void *ctx;
    int rooms, frees;
};

struct pieces {
    const struct long_reply_events *events;
    void *ctx;
    int status, begun, given, ended;
};
extern struct pieces pieces;

#endif

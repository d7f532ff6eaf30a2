#include "who_may.h"

#include <string.h>

#include "config.h"

void who_may_say(struct note *note, const struct config *config, uint32_t keys)
{
    if (config->signed_clients)
        note_event(note, NOTE_INFO, "auth.sigv4",
                   "keys=%u regions=%s text=\"requests to %s must be signed; nothing is "
                   "encrypted\"",
                   keys,
                   config->region_count == 0 ? "any" : NOTE_QUOTED(config->sigv4_regions),
                   config->client_listen);
    else if (strcmp(config->auth, "none") == 0)
        note_event(note, NOTE_WARN, "auth.none",
                   "text=\"requests are not signed and links not encrypted: whoever can connect to "
                   "%s or %s can read and write everything\"",
                   config->client_listen, config->peer_listen);
    else
        note_event(note, NOTE_INFO, "auth.loopback",
                   "text=\"requests are not signed: whoever is on this machine can read and write "
                   "everything\"");
    if (config->signed_clients && !config->peer_at.loopback)
        note_event(note, NOTE_WARN, "peers.unproved",
                   "text=\"nodes are not asked who they are: whoever can connect to %s can read "
                   "and write everything\"",
                   config->peer_listen);
}

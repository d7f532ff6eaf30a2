/* StartStreamEncryption and StopStreamEncryption: the setting, and what answers say of it.  Nothing
 * is encrypted by it. */
#include "api/setting.h"
#include "base/limits.h"

/* NULL: return at once. */
static struct setting *begin(struct request *request)
{
    const struct encryption_in *in = request->in;
    struct setting *setting = setting_begin(request, in->has_stream_name ? &in->stream_name : NULL,
                                            in->has_stream_arn ? &in->stream_arn : NULL);

    if (setting != NULL && in->encryption_type.value != WIRE_ENCRYPTION_KMS) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "EncryptionType must be KMS.");
        return NULL;
    }
    if (setting != NULL && memchr(in->key_id.data, 0, in->key_id.len) != NULL) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "KeyId is not the name of a key.");
        return NULL;
    }
    return setting;
}

/* False: the request has failed. */
static bool note(struct setting *setting, struct model_times *times, const char *what)
{
    uint32_t most = control_stream_limit(setting->request->api->world.control, setting->stream,
                                         LIMIT_ENCRYPTIONS);

    if (setting_note(times, setting->request->now_ms, most))
        return true;
    request_fail(setting->request, ERROR_LIMIT_EXCEEDED,
                 "Encryption of stream %s under account %s was %s %u times within 24 hours. Try "
                 "again later.", setting->stream->name, setting->request->account, what,
                 most);
    return false;
}

void start_stream_encryption_handle(struct request *request)
{
    const struct encryption_in *in = request->in;
    struct setting *setting = begin(request);

    if (setting == NULL || !note(setting, &setting->wanted.settings.encrypted, "started"))
        return;
    setting->wanted.settings.key_id = request_take(request, in->key_id.len + 1);
    if (setting->wanted.settings.key_id == NULL)
        return;
    memcpy(setting->wanted.settings.key_id, in->key_id.data, in->key_id.len);
    setting_propose(setting, NULL);
}

void stop_stream_encryption_handle(struct request *request)
{
    struct setting *setting = begin(request);

    if (setting == NULL || !note(setting, &setting->wanted.settings.decrypted, "stopped"))
        return;
    setting->wanted.settings.key_id = NULL;
    setting_propose(setting, NULL);
}

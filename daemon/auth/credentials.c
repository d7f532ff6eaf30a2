#include "auth/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/secret_memory.h"
#include "base/limits.h"

struct credentials {
    char *text; /* the file, in memory for secrets; the rows point into it */
    size_t room;
    uint32_t count;
    struct credential rows[CREDENTIALS_MAX];
};

static struct credentials_stamp stamp_of(const struct stat *stat);
static enum err open_file(const char *path, int *ret, struct stat *stat, struct reason *reason);
static enum err read_text(int file, struct credentials *credentials, size_t *ret_len);
static enum err parse(struct credentials *credentials, size_t len, struct reason *reason);

enum err credentials_read(const char *path, struct credentials **ret,
                          struct credentials_stamp *stamp, struct reason *reason)
{
    struct credentials *credentials = calloc(1, sizeof(*credentials));
    struct stat stat = { .st_size = 0 };
    size_t len = 0;
    int file = -1;

    if (credentials == NULL)
        return ERR_NO_MEMORY;
    enum err err = open_file(path, &file, &stat, reason);
    if (stamp != NULL)
        *stamp = stamp_of(&stat);
    if (err == ERR_OK) {
        credentials->room = (size_t)stat.st_size + 1;
        credentials->text = secret_memory_new(credentials->room);
        err = credentials->text == NULL ? ERR_NO_MEMORY : read_text(file, credentials, &len);
        if (err == ERR_IO)
            reason_set(reason, "%s", errno == 0 ? "it changed while it was read" : strerror(errno));
    }
    if (file >= 0)
        close(file);
    if (err == ERR_OK)
        err = parse(credentials, len, reason);
    if (err == ERR_NO_MEMORY)
        reason_set(reason, "no memory");
    if (err != ERR_OK) {
        reason_wrap(reason, "%s", path);
        credentials_free(credentials);
        return err;
    }
    *ret = credentials;
    return ERR_OK;
}

void credentials_free(struct credentials *credentials)
{
    if (credentials == NULL)
        return;
    secret_memory_free(credentials->text, credentials->room);
    free(credentials);
}

/* ---- the file ---- */

static enum err open_file(const char *path, int *ret, struct stat *stat, struct reason *reason)
{
    /* Not to wait for whoever writes into a pipe; that it is none is looked at below. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    *ret = file;
    if (file < 0 || fstat(file, stat) != 0) {
        reason_set(reason, "%s", strerror(errno));
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    }
    if (!S_ISREG(stat->st_mode))
        reason_set(reason, "it is no file");
    else if ((stat->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        reason_set(reason, "others than its owner have access to it (mode %04o): chmod 600",
                   stat->st_mode & 07777u);
    else if (stat->st_uid != 0 && stat->st_uid != geteuid())
        reason_set(reason, "it belongs to user %u, and is read by user %u: chown it",
                   (unsigned)stat->st_uid, (unsigned)geteuid());
    else if ((uint64_t)stat->st_size > CREDENTIALS_BYTES_MAX)
        reason_set(reason, "it has more than %u bytes", CREDENTIALS_BYTES_MAX);
    else
        return ERR_OK;
    return ERR_INVALID;
}

static enum err read_text(int file, struct credentials *credentials, size_t *ret_len)
{
    size_t len = 0;

    errno = 0;
    while (len < credentials->room) {
        ssize_t got = read(file, credentials->text + len, credentials->room - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    if (len != credentials->room - 1) { /* the size that it had a moment ago */
        errno = 0;
        return ERR_IO;
    }
    *ret_len = len;
    return ERR_OK;
}

static struct credentials_stamp stamp_of(const struct stat *stat)
{
    return (struct credentials_stamp){
        .device = stat->st_dev,
        .inode = stat->st_ino,
        .bytes = (uint64_t)stat->st_size,
        .changed_s = stat->st_ctim.tv_sec,
        .changed_ns = stat->st_ctim.tv_nsec,
        .modified_s = stat->st_mtim.tv_sec,
        .modified_ns = stat->st_mtim.tv_nsec,
    };
}

struct credentials_stamp credentials_look(const char *path)
{
    struct stat found;

    if (stat(path, &found) != 0)
        return (struct credentials_stamp){ .inode = 0 };
    return stamp_of(&found);
}

bool credentials_same(const struct credentials_stamp *a, const struct credentials_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed_s == b->changed_s && a->changed_ns == b->changed_ns &&
           a->modified_s == b->modified_s && a->modified_ns == b->modified_ns;
}

/* ---- its lines ---- */

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static void trim(struct slice *text)
{
    while (text->len > 0 && is_blank(text->data[0]))
        *text = slice_of(text->data + 1, text->len - 1);
    while (text->len > 0 && is_blank(text->data[text->len - 1]))
        text->len--;
}

/* The word at the front; `text` goes on behind the blanks that follow it. */
static struct slice word(struct slice *text)
{
    size_t len = 0;

    while (len < text->len && !is_blank(text->data[len]))
        len++;
    struct slice found = slice_of(text->data, len);
    *text = slice_of(text->data + len, text->len - len);
    trim(text);
    return found;
}

static bool is_key_id(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = text.data[i];

        if (!((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
              byte == '_' || byte == '-' || byte == '.'))
            return false;
    }
    return text.len > 0 && text.len <= CREDENTIAL_KEY_CHARS_MAX;
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    return true;
}

/* What is wrong with a row; NULL: nothing. */
static const char *fault_of(const struct credentials *credentials, const struct credential *row,
                            struct slice rest)
{
    if (!is_key_id(row->key_id))
        return "what stands before '=' is no access key: letters, digits, '_', '-' and '.', 128 at "
               "most";
    if (credentials_find(credentials, row->key_id) != NULL)
        return "this access key stands in a line before";
    if (row->secret.len == 0)
        return "there is no secret behind '='";
    if (!is_printable(row->secret) || row->secret.len > CREDENTIAL_SECRET_CHARS_MAX)
        return "the secret has more than 128 characters, or some that are not printable ASCII";
    if (row->secret.len < CREDENTIAL_SECRET_CHARS_MIN)
        return "the secret has fewer than 16 characters, so that it can be guessed from one "
               "request: take 'openssl rand -base64 30'";
    if (!is_printable(row->token) || row->token.len > CREDENTIAL_TOKEN_CHARS_MAX)
        return "the session token has more than 4096 characters, or some that are not printable "
               "ASCII";
    if (rest.len > 0)
        return "there is something behind secret and session token";
    if (credentials->count == CREDENTIALS_MAX)
        return "there are more than 1024 access keys";
    return NULL;
}

static enum err parse_line(struct credentials *credentials, struct slice line, uint32_t number,
                           struct reason *reason)
{
    struct credential row = { .token = { .len = 0 } };

    trim(&line);
    if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
        return ERR_OK;
    const unsigned char *mark = memchr(line.data, '=', line.len);
    if (line.data[0] == '[' || mark == NULL) {
        reason_set(reason, "line %u is not 'ACCESS_KEY = SECRET'; there are no sections", number);
        return ERR_INVALID;
    }
    row.key_id = slice_of(line.data, (size_t)(mark - line.data));
    struct slice rest = slice_of(mark + 1, line.len - row.key_id.len - 1);
    trim(&row.key_id);
    trim(&rest);
    row.secret = word(&rest);
    row.token = word(&rest);

    const char *fault = fault_of(credentials, &row, rest);
    if (fault != NULL) {
        reason_set(reason, "line %u: %s", number, fault);
        return ERR_INVALID;
    }
    credentials->rows[credentials->count++] = row;
    return ERR_OK;
}

static enum err parse(struct credentials *credentials, size_t len, struct reason *reason)
{
    struct slice rest = slice_of(credentials->text, len);

    for (uint32_t number = 1; rest.len > 0; number++) {
        const unsigned char *end = memchr(rest.data, '\n', rest.len);
        struct slice line =
            slice_of(rest.data, end == NULL ? rest.len : (size_t)(end - rest.data));

        rest = end == NULL ? slice_of(NULL, 0) : slice_of(end + 1, rest.len - line.len - 1);
        enum err err = parse_line(credentials, line, number, reason);
        if (err != ERR_OK)
            return err;
    }
    if (credentials->count > 0)
        return ERR_OK;
    reason_set(reason, "there is no access key in it");
    return ERR_INVALID;
}

uint32_t credentials_count(const struct credentials *credentials)
{
    return credentials->count;
}

const struct credential *credentials_at(const struct credentials *credentials, uint32_t number)
{
    return &credentials->rows[number];
}

/* A few keys as a rule: 1,024 of them take some microseconds. */
const struct credential *credentials_find(const struct credentials *credentials,
                                          struct slice key_id)
{
    for (uint32_t i = 0; i < credentials->count; i++)
        if (slice_equal(credentials->rows[i].key_id, key_id))
            return &credentials->rows[i];
    return NULL;
}

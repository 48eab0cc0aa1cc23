/*
 * embed.c - the options of a server inside a program. Layer: server.
 *
 * They become those of the command line, which server.c knows; running it is in server.c, too.
 */
#include <mpmd/server.h>

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "server/options.h"
#include "server/server.h"

static int
check(const struct mpm_server_options *o, struct mpm_error *err)
{
    if (o->size != sizeof *o)
        return mpm__fail(err, MPM_EINVAL, 0, "options.size is %zu, not sizeof(struct mpm_server_options) = %zu",
            o->size, sizeof *o);
    if (o->authkey == NULL || o->authkey_len == 0)
        return mpm__fail(err, MPM_EINVAL, 0, "no authkey: clients need the same key; an empty one lets everybody in");
    if (o->authkey_len > MPM_KEY_MAX)
        return mpm__fail(err, MPM_EINVAL, 0, "authkey_len %zu: at most %d bytes", o->authkey_len, MPM_KEY_MAX);
    if ((unsigned)o->on_owner_death > MPM_DEATH_BREAK)
        return mpm__fail(err, MPM_EINVAL, 0, "on_owner_death %d: give one of enum mpm_death_policy", o->on_owner_death);
    if (o->log_level < MPM_LOG_NONE || o->log_level > MPM_LOG_DEBUG)
        return mpm__fail(err, MPM_EINVAL, 0, "log_level %d: give one of enum mpm_log_level", o->log_level);
    if (o->max_connections > MPM_LIMIT_CONNECTIONS)
        return mpm__fail(err, MPM_EINVAL, 0, "max_connections %zu: at most %d", o->max_connections,
            MPM_LIMIT_CONNECTIONS);
    if (o->max_message != 0 && (o->max_message < MPM_LIMIT_MESSAGE_MIN || o->max_message > UINT32_MAX))
        return mpm__fail(err, MPM_EINVAL, 0, "max_message %llu: give bytes from %d to %llu",
            (unsigned long long)o->max_message, MPM_LIMIT_MESSAGE_MIN, (unsigned long long)UINT32_MAX);
    if (o->max_memory > INT64_MAX)
        return mpm__fail(err, MPM_EINVAL, 0, "max_memory %llu: at most %lld", (unsigned long long)o->max_memory,
            (long long)INT64_MAX);
    if (o->auth_timeout_ns < 0)
        return mpm__fail(err, MPM_EINVAL, 0, "auth_timeout_ns %lld: give nanoseconds, or MPM_FOREVER",
            (long long)o->auth_timeout_ns);
    return 0;
}

/* to: with every default. */
static int
translate(const struct mpm_server_options *from, struct mpm_options *to, struct mpm_error *err)
{
    int r = 0;

    to->on_owner_death = from->on_owner_death;
    to->queue_requests = from->queue_requests != 0;
    if (from->max_connections != 0)
        to->max_connections = from->max_connections;
    if (from->max_message != 0)
        to->max_message = from->max_message;
    to->max_memory = from->max_memory;
    if (from->auth_timeout_ns != 0)
        to->auth_timeout_ns = from->auth_timeout_ns;
    if ((to->key.bytes = mpm__alloc(MPM_KEY_MAX + 2)) == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    memcpy(to->key.bytes, from->authkey, from->authkey_len);
    to->key.len = from->authkey_len;
    for (size_t i = 0; r == 0 && i < from->n_listen; i++)
        r = mpm__options_add_listen(to, from->listen[i], err);
    for (size_t i = 0; r == 0 && i < from->n_registrations; i++)
        r = mpm__options_add_registered(to, from->registrations[i], err);
    return r;
}

static void
nothing(void *user, enum mpm_log_level level, const char *area, const char *text)
{
    (void)user;
    (void)level;
    (void)area;
    (void)text;
}

int
mpm_server_open(const struct mpm_server_options *options, struct mpm_server **out, struct mpm_error *err)
{
    struct mpm_error why = {0};
    struct mpm_log log, *before = mpm__log_here;
    struct mpm_server *s = NULL;
    struct mpm_options o;
    int r;

    if ((r = check(options, err)) != 0)
        return r;
    log = (struct mpm_log){
        .level = options->log != NULL ? options->log_level : MPM_LOG_NONE,
        .line = options->log != NULL ? options->log : nothing,
        .user = options->log_user,
    };
    mpm__log_here = &log;
    mpm__options_init(&o);
    if ((r = translate(options, &o, &why)) == 0 && (r = mpm__server_new(&o, &log, &s, &why)) == 0)
        r = mpm__server_listen(s, &o, &why);
    if (r == 0) {
        mpm__server_sweep(s);
        *out = s;
    } else {
        mpm_server_close(s);
        mpm__fail(err, r, 0, "%s", why.code != 0 ? why.text : mpm_error_text(r));
    }
    mpm__log_here = before;
    mpm__options_wipe(&o);
    return r;
}

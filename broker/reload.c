/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP. Whoever takes up something new is a part. Each looks at the new configuration first and says whether it could be taken; when all
 * can, each commits, which changes what is in use. The configuration that was committed lives until the next one has been. */
#include "reload.h"
#include "access.h"
#include "certificates.h"
#include "codes.h"
#include "log.h"
#include "queues.h"
#include "service.h"

struct part {
    int (*check)(const struct config *next, struct config_error *error);
    void (*commit)(struct server *server, const struct config *next);
};

static void commit_limits(struct server *server, const struct config *next)
{
    server_reconfigure(server, &next->server);
}

/* They were good a moment ago; if they are no more, what holds goes on. */
static void commit_certificates(struct server *server, const struct config *next)
{
    struct config_error error;
    if (certificates_take(server, next, &error) != JQ_OK)
        server_error("%s; the last ones stay", error.text);
}

static void commit_access(struct server *server, const struct config *next)
{
    struct config_error error;
    if (access_load(server, next, &error) != JQ_OK)
        server_error("%s; the last ones stay", error.text);
}

static void commit_log(struct server *server, const struct config *next)
{
    (void)server;
    log_configure(&next->log);
}

static const struct part parts[] = {
    {.check = config_check},
    {.commit = commit_log},
    {.commit = commit_limits},
    {.check = certificates_check, .commit = commit_certificates},
    {.check = access_check, .commit = commit_access},
};
enum { PARTS = sizeof parts / sizeof *parts };

int reload_check(const struct config *config, struct config_error *error)
{
    int code = JQ_OK;
    for (unsigned i = 0; i < PARTS && code == JQ_OK; i++)
        code = parts[i].check ? parts[i].check(config, error) : JQ_OK;
    return code;
}

static void tell(void *user, const char *text, bool late)
{
    bool *some = user;
    *some = true;
    server_log("configuration: %s%s", text, late ? "; that needs a restart" : "");
}

static void commit_all(struct reload *reload, struct config *next)
{
    bool some = false;
    for (unsigned i = 0; i < PARTS; i++) {
        if (parts[i].commit)
            parts[i].commit(reload->server, next);
    }
    config_compare(reload->again ? &reload->last : reload->first, next, tell, &some);
    server_log("configuration: read again%s", some ? "" : ", nothing has changed");
    if (reload->again)
        config_fini(&reload->last);
    reload->last = *next;
    reload->again = true;
}

static int stays_closed(struct server *server, const struct config *next, struct config_error *error)
{
    bool access = next->users || next->permissions.count > 0;
    return server_stays_closed(server, &next->server.tls, access, error->text, sizeof error->text);
}

static void reload_now(struct reload *reload)
{
    struct config next;
    struct config_error error;
    const struct config *before = reload->again ? &reload->last : reload->first;
    int code = options_config(reload->options, &next, &error);
    if (code == JQ_OK)
        code = reload_check(&next, &error);
    if (code == JQ_OK)
        code = stays_closed(reload->server, &next, &error);
    if (code == JQ_OK) /* last, for it cannot be only looked at */
        code = queues_declare(reload->server, &next, before, &error);
    if (code == JQ_OK) {
        commit_all(reload, &next);
        return;
    }
    server_error("configuration: nothing is changed: %s", error.text);
    config_fini(&next);
}

/* The service manager waits for its end. */
static void on_reload(void *user)
{
    service_tell_reloading();
    reload_now(user);
    service_tell("READY=1");
}

void reload_init(struct reload *reload, struct server *server, const struct options *options,
                 const struct config *first)
{
    *reload = (struct reload){.server = server, .options = options, .first = first};
    server_on_reload(server, on_reload, reload);
}

void reload_fini(struct reload *reload)
{
    if (reload->again)
        config_fini(&reload->last);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP. Whoever takes up something new is a part. Each looks at the new configuration first and says whether it could be taken; when all
 * can, each commits, which changes what is in use. What is told is how that differs from what has been running until then. */
#include "reload.h"
#include "access.h"
#include "certificates.h"
#include "codes.h"
#include "log.h"
#include "pages.h"
#include "queues.h"
#include "service.h"

struct part {
    int (*check)(const struct config *next, struct config_error *error);
    void (*commit)(struct reload *reload, const struct config *next, bool *some); /* some: it has told of a change */
};

static void commit_limits(struct reload *reload, const struct config *next, bool *some)
{
    (void)some;
    server_reconfigure(reload->server, &next->server);
}

/* They were good a moment ago; if they are no more, what holds goes on. */
static void commit_certificates(struct reload *reload, const struct config *next, bool *some)
{
    struct config_error error;
    if (certificates_take(reload->server, next, &error) != JQ_OK)
        server_error("%s; the last ones stay", error.text);
    *some = *some || next->server.tls.cert; /* it has told what is in the file now */
}

static void commit_access(struct reload *reload, const struct config *next, bool *some)
{
    static const char *const words[AUTH_CHANGES] = {"new", "gone", "there with another password"};
    struct access_told told = {0};
    struct config_error error;
    if (access_load(reload->server, next, &told, &error) != JQ_OK)
        server_error("%s; the last ones stay", error.text);
    for (unsigned i = 0; i < AUTH_CHANGES; i++) {
        if (told.count[i] == 0)
            continue;
        server_log("configuration: access.users: %u %s: %s", told.count[i], words[i], told.names[i]);
        *some = true;
    }
}

static void commit_pages(struct reload *reload, const struct config *next, bool *some)
{
    struct config_error error;
    bool other;
    if (pages_take(reload->admin, next, &other, &error) != JQ_OK)
        server_error("%s; the last token stays", error.text);
    if (!other)
        return;
    server_log("configuration: http.token_file: the token is another one");
    *some = true;
}

/* As loud as the louder of both until all is told. */
static void commit_log(struct reload *reload, const struct config *next, bool *some)
{
    struct log_config log = next->log;
    (void)some;
    if (log.level < reload->running->log.level)
        log.level = reload->running->log.level;
    log_configure(&log);
}

static const struct part parts[] = {
    {.check = config_check},
    {.commit = commit_log},
    {.commit = commit_limits},
    {.check = certificates_check, .commit = commit_certificates},
    {.check = access_check, .commit = commit_access},
    {.check = pages_check, .commit = commit_pages},
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
    if (late)
        server_warn("configuration: %s; that needs a restart", text);
    else
        server_log("configuration: %s", text);
}

static void commit_all(struct reload *reload, struct config *next)
{
    bool some = false;
    for (unsigned i = 0; i < PARTS; i++) {
        if (parts[i].commit)
            parts[i].commit(reload, next, &some);
    }
    config_compare(reload->running, next, tell, &some);
    server_log("configuration: read again%s", some ? "" : ", nothing has changed");
    log_configure(&next->log);
    config_take(reload->running, next);
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
    int code = options_config(reload->options, &next, &error);
    if (code == JQ_OK)
        code = reload_check(&next, &error);
    if (code == JQ_OK)
        code = stays_closed(reload->server, &next, &error);
    if (code == JQ_OK) /* last, for it cannot be only looked at */
        code = queues_declare(reload->server, &next, reload->running, &error);
    if (code == JQ_OK)
        commit_all(reload, &next);
    else
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

void reload_init(struct reload *reload, struct server *server, const struct options *options, struct config *running)
{
    *reload = (struct reload){.server = server, .options = options, .running = running};
    server_on_reload(server, on_reload, reload);
}

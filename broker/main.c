/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd: puts the parts together. Where to listen when nothing is said, and the exit status, are decided here. */
#include "access.h"
#include "certificates.h"
#include "codes.h"
#include "config.h"
#include "log.h"
#include "options.h"
#include "pages.h"
#include "passwd.h"
#include "queues.h"
#include "reload.h"
#include "service.h"
#include "transport.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FAILED = 1 };

/* The folder of the user's own socket is made if need be, for the user only. */
static int make_own_folder(const struct config *config)
{
    char folder[sizeof((struct jqw_url *)0)->path];
    const char *path = config_listener(config, 0)->listener.url.path;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (mkdir(folder, S_IRWXU) == 0 || errno == EEXIST)
        return 0;
    server_fail("cannot make the folder %s: %s (say where with --listen)", folder, strerror(errno));
    return FAILED;
}

static int listen_at(struct server *server, struct server_listener *listener, const char *place)
{
    char why[512], text[512];
    int code = server_listen(server, listener, why, sizeof why);
    if (code != JQ_OK)
        server_fail("%s%s%s", place ? place : "", place ? ": " : "", why);
    if (code == JQ_DENIED)
        server_fail(
            "a user is made by 'joinqd passwd', or by JOINQD_USER and JOINQD_PASSWORD_FILE: see joinqd.conf(5)");
    if (code != JQ_OK)
        return FAILED;
    jqw_url_format(&listener->url, text, sizeof text);
    printf("joinqd: listening on %s\n", text);
    return 0;
}

/* A socket that is passed takes the place of the listener with the same address, and of the user's own one; those left are as listeners
 * of which nothing is said. */
static int listen_all(struct server *server, const struct config *config, struct service_sockets *given)
{
    int status = config->own_socket && given->count == 0 ? make_own_folder(config) : 0;
    uint32_t count = config->own_socket && given->count > 0 ? 0 : config->listeners.count;
    for (uint32_t i = 0; i < count && status == 0; i++) {
        const struct config_listener *wanted = config_listener(config, i);
        struct server_listener listener = wanted->listener;
        listener.given_fd = service_take(given, &listener.url);
        status = listen_at(server, &listener, wanted->item.place);
    }
    for (unsigned i = 0; i < given->count && status == 0; i++) {
        if (given->list[i].fd == 0)
            continue;
        struct server_listener listener = {.url = given->list[i].url, .given_fd = given->list[i].fd};
        status = listen_at(server, &listener, NULL);
    }
    return status;
}

/* Queues, users and certificates, before anybody is listened to. */
static int prepare(struct server *server, const struct config *config)
{
    struct config_error error;
    int code = queues_declare(server, config, NULL, &error);
    if (code == JQ_OK)
        code = access_load(server, config, NULL, &error);
    if (code == JQ_OK)
        code = certificates_take(server, config, &error);
    if (code == JQ_OK)
        return 0;
    server_fail("%s", error.text);
    return FAILED;
}

static int begin_pages(struct server *server, const struct config *config, struct admin **admin)
{
    struct config_error error;
    if (pages_begin(server, config, admin, &error) == JQ_OK)
        return 0;
    server_fail("%s", error.text);
    return FAILED;
}

static int run(struct server *server, const struct config *config, struct service_sockets *given, struct admin **admin)
{
    int status = prepare(server, config);
    if (status == 0)
        status = listen_all(server, config, given);
    if (status == 0)
        status = begin_pages(server, config, admin);
    if (status == 0) {
        service_tell("READY=1\nSTATUS=serving");
        puts("joinqd: ready");
        fflush(stdout);
        status = server_run(server);
    }
    admin_free(*admin);
    return status;
}

static int serve(const struct options *options, struct config *config, struct service_sockets *given)
{
    struct server *server;
    struct reload reload;
    log_configure(&config->log);
    int code = server_new(&config->server, &server);
    if (code != JQ_OK) {
        if (!config->server.data)
            server_fail("cannot begin: out of memory, or of randomness");
        return FAILED;
    }
    reload_init(&reload, server, options, config);
    int status = config->server.repair ? server_run(server) : run(server, config, given, &reload.admin);
    server_free(server);
    log_left_out(true);
    return status;
}

/* What the start would refuse. */
static int check_start(const struct config *config)
{
    struct config_error error;
    bool access = config->users || config->permissions.count > 0;
    bool clients_known = server_tls_knows_clients(&config->server.tls);
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        const struct config_listener *listener = config_listener(config, i);
        const char *open = server_would_refuse(&listener->listener, access, clients_known);
        if (!open)
            continue;
        const char *place = listener->item.place;
        server_fail("%s%s%s is refused: %s", place ? place : "", place ? ": " : "", listener->item.title, open);
        return FAILED;
    }
    if (pages_would_start(config, &error) == JQ_OK && queues_check(config, &error) == JQ_OK)
        return 0;
    server_fail("%s", error.text);
    return FAILED;
}

static int act(const struct options *options, struct config *config)
{
    bool wants_data = options->check_data || options->copy_to || options->repair;
    if (wants_data && !config->server.data)
        return options_wrong(
            "--check-data, --copy-data and --repair want to know where: --data FOLDER, or one that is configured");
    if (options->check && check_start(config) != 0)
        return FAILED;
    if (options->dump)
        config_dump(config, stdout);
    if (options->check || options->dump)
        return 0;
    if (options->copy_to)
        return server_copy_data(config->server.data, options->copy_to);
    if (options->check_data)
        return server_check_data(config->server.data);
    struct service_sockets given = {0};
    char why[512];
    if (!options->repair && service_sockets(&given, why, sizeof why) != JQ_OK) {
        server_fail("%s", why);
        return FAILED;
    }
    config->server.notify = service_tell;
    config->server.alive_ns = service_alive_ns();
    return serve(options, config, &given);
}

/* Until the server takes it (broker/server/reload.c) it waits: it would end the process. */
static void hold_hangups(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    struct options options;
    struct config config;
    struct config_error error;
    umask(S_IRWXG | S_IRWXO); /* whatever it makes is for its user only, unless it is said otherwise */
    if (argc > 1 && strcmp(argv[1], "passwd") == 0)
        return passwd_main(argc - 1, argv + 1);
    hold_hangups();
    int status = options_read(&options, argc, argv);
    if (status >= 0)
        return status;
    status = FAILED;
    if (options_config(&options, &config, &error) == JQ_OK && reload_check(&config, &error) == JQ_OK)
        status = act(&options, &config);
    else
        server_fail("%s", error.text);
    config_fini(&config);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd: puts the parts together. Where to listen when nothing is said, and the exit status, are decided here. */
#include "access.h"
#include "admin.h"
#include "codes.h"
#include "config.h"
#include "log.h"
#include "options.h"
#include "passwd.h"
#include "queues.h"
#include "service.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FAILED = 1, USAGE = 2 };

/* The user's own socket; clients look there, too. Its folder is made if need be, for the user only. */
static int own_socket(struct config *config)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char folder[sizeof((struct jqw_url *)0)->path], text[sizeof folder + 32];
    struct config_listener *listener;
    struct config_error error;
    snprintf(folder, sizeof folder, "%s/joinq", runtime && runtime[0] == '/' ? runtime : "/run");
    if (mkdir(folder, S_IRWXU) != 0 && errno != EEXIST) {
        server_log("cannot make the folder %s: %s (say where with --listen)", folder, strerror(errno));
        return FAILED;
    }
    snprintf(text, sizeof text, "unix://%s/joinqd.sock", folder);
    if (config_add_listener(config, text, &listener, &error) != JQ_OK) {
        server_log("%s", error.text);
        return FAILED;
    }
    return 0;
}

static int listen_at(struct server *server, struct server_listener *listener)
{
    char why[512], text[512];
    if (server_listen(server, listener, why, sizeof why) != JQ_OK) {
        server_log("%s", why);
        return FAILED;
    }
    jqw_url_format(&listener->url, text, sizeof text);
    printf("joinqd: listening on %s\n", text);
    return 0;
}

/* A socket that is passed takes the place of the listener with the same address; those left are as listeners of which nothing is said. */
static int listen_all(struct server *server, const struct config *config, struct service_sockets *given)
{
    int status = 0;
    for (uint32_t i = 0; i < config->listeners.count && status == 0; i++) {
        struct server_listener listener = config_listener(config, i)->listener;
        listener.given_fd = service_take(given, &listener.url);
        status = listen_at(server, &listener);
    }
    for (unsigned i = 0; i < given->count && status == 0; i++) {
        if (given->list[i].fd == 0)
            continue;
        struct server_listener listener = {.url = given->list[i].url, .given_fd = given->list[i].fd};
        status = listen_at(server, &listener);
    }
    return status;
}

/* Where nothing is said, and nothing passed, the user's own socket is listened on. */
static int find_sockets(struct config *config, struct service_sockets *given)
{
    char why[512];
    if (service_sockets(given, why, sizeof why) != JQ_OK) {
        server_log("%s", why);
        return FAILED;
    }
    return given->count == 0 && config->listeners.count == 0 ? own_socket(config) : 0;
}

static int declare_all(struct server *server, const struct config *config)
{
    struct config_error error;
    if (queues_declare(server, config, NULL, &error) == JQ_OK)
        return 0;
    server_log("%s", error.text);
    return FAILED;
}

/* As a broker with this configuration would have it, but for the broker. */
static int check_certificates(const struct config *config)
{
    char why[512];
    struct jqw_tls *tls = NULL;
    if (config->server.tls.cert && jqw_tls_new(&config->server.tls, &tls, why, sizeof why) != JQ_OK) {
        server_log("TLS: %s", why);
        return FAILED;
    }
    jqw_tls_unref(tls);
    return 0;
}

static int take_certificates(struct server *server, const struct config *config)
{
    char why[512];
    if (server_tls_prepare(server, &config->server.tls, why, sizeof why) != JQ_OK) {
        server_log("TLS: %s", why);
        return FAILED;
    }
    server_tls_commit(server);
    return 0;
}

/* NULL in *admin: none are wanted. */
static int begin_pages(struct server *server, const struct config *config, struct admin **admin)
{
    struct admin_config pages = {.url = config->http.url, .allow_network = config->http.allow_network};
    char why[512], *token = NULL;
    if (!config->http.listen)
        return 0;
    int code = JQ_OK;
    if (config->http.token_file)
        code = config_secret_read(config->http.token_file, &token, why, sizeof why);
    pages.token = token;
    if (code == JQ_OK)
        code = admin_new(&pages, server, admin, why, sizeof why);
    free(token);
    if (code != JQ_OK) {
        server_log("%s", why);
        return FAILED;
    }
    printf("joinqd: pages on http://%s:%u\n", pages.url.host, pages.url.port);
    return 0;
}

static int give_access(struct server *server, const struct config *config)
{
    struct config_error error;
    if (access_load(server, config, &error) == JQ_OK)
        return 0;
    server_log("%s", error.text);
    return FAILED;
}

static int run(struct server *server, const struct config *config, struct service_sockets *given)
{
    struct admin *admin = NULL;
    int status = declare_all(server, config);
    if (status == 0)
        status = give_access(server, config);
    if (status == 0)
        status = take_certificates(server, config);
    if (status == 0)
        status = listen_all(server, config, given);
    if (status == 0)
        status = begin_pages(server, config, &admin);
    if (status == 0) {
        service_tell("READY=1\nSTATUS=serving");
        puts("joinqd: ready");
        fflush(stdout);
        status = server_run(server);
    }
    admin_free(admin);
    return status;
}

static int serve(const struct config *config, struct service_sockets *given)
{
    struct server *server;
    int code = server_new(&config->server, &server);
    if (code != JQ_OK) {
        if (!config->server.data)
            server_log("cannot begin: out of memory, or of randomness");
        return FAILED;
    }
    int status = config->server.repair ? server_run(server) : run(server, config, given);
    server_free(server);
    return status;
}

static int act(const struct options *options, struct config *config)
{
    bool wants_data = options->check_data || options->copy_to || options->repair;
    if (wants_data && !config->server.data) {
        server_log("--check-data, --copy-data and --repair want to know where: no data folder is configured");
        return USAGE;
    }
    if (options->dump)
        config_dump(config, stdout);
    if (options->check || options->dump)
        return check_certificates(config);
    if (options->copy_to)
        return server_copy_data(config->server.data, options->copy_to);
    if (options->check_data)
        return server_check_data(config->server.data);
    struct service_sockets given = {0};
    if (!options->repair && find_sockets(config, &given) != 0)
        return FAILED;
    config->server.notify = service_tell;
    config->server.alive_ns = service_alive_ns();
    return serve(config, &given);
}

int main(int argc, char **argv)
{
    struct options options;
    struct config config;
    struct config_error error;
    if (argc > 1 && strcmp(argv[1], "passwd") == 0)
        return passwd_main(argc - 1, argv + 1);
    int status = options_read(&options, argc, argv);
    if (status >= 0)
        return status;
    status = FAILED;
    if (options_config(&options, &config, &error) == JQ_OK && config_check(&config, &error) == JQ_OK &&
        access_check(&config, &error) == JQ_OK)
        status = act(&options, &config);
    else
        server_log("%s", error.text);
    config_fini(&config);
    return status;
}

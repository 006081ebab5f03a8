/* SPDX-License-Identifier: Apache-2.0 */
/* The options of joinqd, and the configuration that they and the file make. */
#include "options.h"
#include "codes.h"
#include "environment.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { GO_ON = -1, DONE = 0, USAGE = 2 };

static const char usage[] =
    "usage: joinqd [-c FILE] [--listen URL]... [--data FOLDER] [--max-memory SIZE] [--check] [--version] [--help]\n"
    "       joinqd passwd [--iterations N] [--file FILE] USER\n";

static const char help[] =
    "\n"
    "Serves joinq queues. Without --listen: on a Unix socket that only its user can open,\n"
    "$XDG_RUNTIME_DIR/joinq/joinqd.sock, or /run/joinq/joinqd.sock where that is not set.\n"
    "\n"
    "  -c, --config FILE  what joinqd.conf(5) describes; the other options go before what it says\n"
    "  --listen URL       listen here; may be given several times:\n"
    "                       unix:///path         a Unix socket, for its user only\n"
    "                       joinq://host[:port]  TCP on a loopback address; port 0 takes any\n"
    "                       joinqs://host[:port] TLS; its certificate is in the configuration\n"
    "  --allow-anonymous-network\n"
    "                     listen also on addresses that are not of the loopback, where everybody who\n"
    "                     reaches them may do everything\n"
    "  --data FOLDER      keep durable queues here; the folder is made if need be, and is for one\n"
    "                     broker. Without it no queue can be durable\n"
    "  --max-memory SIZE  take no more than this for clients and messages: bytes, or with K, M, G\n"
    "                     (half of the machine's memory unless told)\n"
    "  --check-data       verify the data folder, say what is wrong with it, and end\n"
    "  --copy-data TO     make a copy of the data folder in another one, while a broker works on it\n"
    "                     or not; verify it, and end\n"
    "  --repair           keep all that can be read of a damaged data folder, and end; what cannot\n"
    "                     is told, and its files copied away\n"
    "  --check            check the command line and the file, and end\n"
    "  --dump-config      print the configuration that they make, as a file, and end\n"
    "  --version          print the version, and end\n"
    "  --help             print this, and end\n"
    "\n"
    "When it listens, it prints a line for each listener and then 'joinqd: ready'. SIGTERM or\n"
    "SIGINT ends it when the last answers are out, or after five seconds; a second one at once.\n"
    "\n"
    "passwd makes a user's line of the users file: joinqd passwd --help.\n"
    "\n"
    "  joinqd --listen unix:///tmp/jq.sock --listen joinq://127.0.0.1:0\n";

int options_wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("joinqd: ", stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n%s", usage);
    va_end(arguments);
    return USAGE;
}

static int read_listen(struct options *options, const char *text)
{
    if (options->listen_count == OPTIONS_LISTEN_MAX)
        return options_wrong("--listen %s: too many listeners", text);
    options->listen[options->listen_count++] = text;
    return GO_ON;
}

enum { LISTEN = 1, ANONYMOUS, DATA, CHECK_DATA, COPY_DATA, REPAIR, MAX_MEMORY, CHECK, DUMP, VERSION, HELP };
static const struct option longs[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"config", required_argument, NULL, 'c'},
    {"allow-anonymous-network", no_argument, NULL, ANONYMOUS},
    {"data", required_argument, NULL, DATA},
    {"check-data", no_argument, NULL, CHECK_DATA},
    {"copy-data", required_argument, NULL, COPY_DATA},
    {"repair", no_argument, NULL, REPAIR},
    {"max-memory", required_argument, NULL, MAX_MEMORY},
    {"check", no_argument, NULL, CHECK},
    {"dump-config", no_argument, NULL, DUMP},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int take_option(struct options *options, int option)
{
    switch (option) {
    case 'c':
        options->file = optarg;
        return GO_ON;
    case LISTEN:
        return read_listen(options, optarg);
    case ANONYMOUS:
        options->allow_anonymous_network = true;
        return GO_ON;
    case MAX_MEMORY:
        options->max_memory = optarg;
        return GO_ON;
    case CHECK:
        options->check = true;
        return GO_ON;
    case DUMP:
        options->dump = true;
        return GO_ON;
    case DATA:
        options->data = optarg;
        return GO_ON;
    case CHECK_DATA:
        options->check_data = true;
        return GO_ON;
    case COPY_DATA:
        options->copy_to = optarg;
        return GO_ON;
    case REPAIR:
        options->repair = true;
        return GO_ON;
    case VERSION:
        puts("joinqd " JOINQ_VERSION);
        return DONE;
    case HELP:
        fputs(usage, stdout);
        fputs(help, stdout);
        return DONE;
    default: /* getopt has said what is wrong */
        fputs(usage, stderr);
        return USAGE;
    }
}

/* ---- what the line says ---- */

static int apply_listen(const struct options *options, struct config *config, struct config_error *error)
{
    if (options->listen_count > 0)
        config_clear(config, "listen");
    for (unsigned i = 0; i < options->listen_count; i++) {
        struct config_listener *listener;
        if (config_add_listener(config, options->listen[i], "--listen", &listener, error) != JQ_OK)
            return JQ_INVALID;
        listener->listener.allow_anonymous_network = options->allow_anonymous_network;
    }
    return JQ_OK;
}

static int apply_line(const struct options *options, struct config *config, struct config_error *error)
{
    int code = apply_listen(options, config, error);
    if (code == JQ_OK && options->data)
        code = config_set(config, "data", "folder", options->data, "--data", error);
    if (code == JQ_OK && options->max_memory)
        code = config_set(config, "limits", "max_memory", options->max_memory, "--max-memory", error);
    return code;
}

/* Each by itself; what file and environment say is read later. */
static int check_values(const struct options *options)
{
    struct config config;
    struct config_error error = {0};
    config_init(&config);
    int code = apply_line(options, &config, &error);
    config_fini(&config);
    return code == JQ_OK ? GO_ON : options_wrong("%s", error.text);
}

int options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){0};
    int option, status = GO_ON;
    while (status == GO_ON && (option = getopt_long(argc, argv, "c:", longs, NULL)) != -1)
        status = take_option(options, option);
    if (status == GO_ON && optind < argc)
        return options_wrong("'%s' is no option", argv[optind]);
    return status == GO_ON ? check_values(options) : status;
}

/* ---- with the file ---- */

/* Clients look there, too. */
static int apply_own_socket(struct config *config, struct config_error *error)
{
    struct config_listener *listener;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char text[512];
    if (config->listeners.count > 0)
        return JQ_OK;
    config->own_socket = true;
    snprintf(text, sizeof text, "unix://%s/joinq/joinqd.sock", runtime && runtime[0] == '/' ? runtime : "/run");
    return config_add_listener(config, text, NULL, &listener, error);
}

int options_config(const struct options *options, struct config *config, struct config_error *error)
{
    config_init(config);
    int code = options->file ? config_read(config, options->file, error) : JQ_OK;
    if (code == JQ_OK)
        code = environment_config(config, error);
    if (code == JQ_OK)
        code = apply_line(options, config, error);
    if (code == JQ_OK)
        code = apply_own_socket(config, error);
    if (code == JQ_OK)
        code = config_finish(config, error);
    config->server.repair = options->repair;
    return code;
}

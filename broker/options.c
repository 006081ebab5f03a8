/* SPDX-License-Identifier: Apache-2.0 */
/* The options of joinqd. What a later version brings is refused by name, so that nothing is accepted that is not kept. */
#include "options.h"
#include "codes.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GO_ON = -1, DONE = 0, USAGE = 2 };
enum { MEMORY_MIN = 16 * 1024 * 1024 };

static const char usage[] =
    "usage: joinqd [--listen URL]... [--data FOLDER] [--max-memory SIZE] [--check] [--version] [--help]\n";

static const char help[] =
    "\n"
    "Serves joinq queues. Without --listen: on a Unix socket that only its user can open,\n"
    "$XDG_RUNTIME_DIR/joinq/joinqd.sock, or /run/joinq/joinqd.sock where that is not set.\n"
    "\n"
    "  --listen URL       listen here; may be given several times:\n"
    "                       unix:///path         a Unix socket, for its user only\n"
    "                       joinq://host[:port]  TCP on a loopback address; port 0 takes any\n"
    "  --data FOLDER      keep durable queues here; the folder is made if need be, and is for one\n"
    "                     broker. Without it no queue can be durable\n"
    "  --max-memory SIZE  take no more than this for clients and messages: bytes, or with K, M, G\n"
    "                     (half of the machine's memory unless told)\n"
    "  --check-data       verify the data folder, say what is wrong with it, and end\n"
    "  --repair           keep all that can be read of a damaged data folder, and end; what cannot\n"
    "                     is told, and its files copied away\n"
    "  --check            check the command line, and end\n"
    "  --version          print the version, and end\n"
    "  --help             print this, and end\n"
    "\n"
    "When it listens, it prints a line for each listener and then 'joinqd: ready'. SIGTERM or\n"
    "SIGINT ends it when the last answers are out, or after five seconds; a second one at once.\n"
    "\n"
    "  joinqd --listen unix:///tmp/jq.sock --listen joinq://127.0.0.1:0\n";

__attribute__((format(printf, 1, 2))) static int wrong(const char *format, ...)
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
    const char *why;
    if (options->listen_count == OPTIONS_LISTEN_MAX)
        return wrong("%s: too many listeners", text);
    struct jqw_url *url = &options->listen[options->listen_count];
    if (jqw_url_parse(text, url, &why) != JQ_OK)
        return wrong("--listen %s: %s", text, why);
    if (url->scheme == JQW_URL_TLS)
        return wrong("--listen %s: this version has no TLS", text);
    options->listen_count++;
    return GO_ON;
}

/* A number of bytes, perhaps with a unit. */
static int read_memory(struct options *options, const char *text)
{
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    unsigned long long size = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    bool number = isdigit((unsigned char)text[0]) && errno == 0 && (*end == '\0' || (unit && end[1] == '\0'));
    if (!number || size > UINT64_MAX >> shift)
        return wrong("--max-memory: '%s' is no size: a number, perhaps with K, M or G", text);
    options->config.memory_max = (uint64_t)size << shift;
    if (options->config.memory_max < MEMORY_MIN)
        return wrong("--max-memory %s: at least 16M", text);
    return GO_ON;
}

enum { LISTEN = 1, DATA, CHECK_DATA, REPAIR, MAX_MEMORY, CHECK, VERSION, HELP };
static const struct option longs[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"data", required_argument, NULL, DATA},
    {"check-data", no_argument, NULL, CHECK_DATA},
    {"repair", no_argument, NULL, REPAIR},
    {"max-memory", required_argument, NULL, MAX_MEMORY},
    {"check", no_argument, NULL, CHECK},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int take_option(struct options *options, int option)
{
    switch (option) {
    case LISTEN:
        return read_listen(options, optarg);
    case MAX_MEMORY:
        return read_memory(options, optarg);
    case CHECK:
        options->check = true;
        return GO_ON;
    case DATA:
        options->config.data = optarg;
        return GO_ON;
    case CHECK_DATA:
        options->check_data = true;
        return GO_ON;
    case REPAIR:
        options->config.repair = true;
        return GO_ON;
    case 'c':
        return wrong("-c %s: this version has no configuration file", optarg);
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

int options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){0};
    server_config_init(&options->config);
    int option, status = GO_ON;
    while (status == GO_ON && (option = getopt_long(argc, argv, "c:", longs, NULL)) != -1)
        status = take_option(options, option);
    if (status == GO_ON && optind < argc)
        return wrong("'%s' is no option", argv[optind]);
    if (status == GO_ON && (options->check_data || options->config.repair) && !options->config.data)
        return wrong("--check-data and --repair want to know where: --data FOLDER");
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* joinqd: puts the parts together. Where to listen when nothing is said, and the exit status, are decided here. */
#include "codes.h"
#include "log.h"
#include "options.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FAILED = 1 };

/* The user's own socket; clients look there, too. Its folder is made if need be, for the user only. */
static int own_socket(struct jqw_url *url)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char folder[sizeof url->path], text[sizeof url->path + 32];
    const char *why;
    snprintf(folder, sizeof folder, "%s/joinq", runtime && runtime[0] == '/' ? runtime : "/run");
    if (mkdir(folder, S_IRWXU) != 0 && errno != EEXIST) {
        server_log("cannot make the folder %s: %s (say where with --listen)", folder, strerror(errno));
        return FAILED;
    }
    snprintf(text, sizeof text, "unix://%s/joinqd.sock", folder);
    if (jqw_url_parse(text, url, &why) != JQ_OK) {
        server_log("%s: %s", text, why);
        return FAILED;
    }
    return 0;
}

static int listen_all(struct server *server, struct options *options)
{
    char why[512], text[512];
    for (unsigned i = 0; i < options->listen_count; i++) {
        if (server_listen(server, &options->listen[i], why, sizeof why) != JQ_OK) {
            server_log("%s", why);
            return FAILED;
        }
        jqw_url_format(&options->listen[i], text, sizeof text);
        printf("joinqd: listening on %s\n", text);
    }
    puts("joinqd: ready");
    fflush(stdout);
    return 0;
}

static int serve(struct options *options)
{
    struct server *server;
    int code = server_new(&options->config, &server);
    if (code != JQ_OK) {
        if (!options->config.data)
            server_log("cannot begin: out of memory, or of randomness");
        return FAILED;
    }
    int status = options->config.repair ? 0 : listen_all(server, options);
    if (status == 0)
        status = server_run(server);
    server_free(server);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = options_read(&options, argc, argv);
    if (status >= 0)
        return status;
    if (options.check)
        return 0;
    if (options.check_data)
        return server_check_data(options.config.data);
    if (options.config.repair)
        return serve(&options);
    if (options.listen_count == 0) {
        if (own_socket(&options.listen[0]) != 0)
            return FAILED;
        options.listen_count = 1;
    }
    return serve(&options);
}

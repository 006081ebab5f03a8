/* SPDX-License-Identifier: Apache-2.0 */
/* What a visitor sends to the pages over HTTP, to a broker that has a queue. Whatever it is, the broker goes on, and what is answered is
 * HTTP. The first byte of the input chooses in what pieces it comes. */
#include "admin.h"
#include "codes.h"
#include "state.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TURNS_MAX = 200, ANSWER_SIZE = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct server *server;
static struct admin *admin;
static struct admin_config config;
static char folder[] = "/tmp/joinq-fuzz-XXXXXX";

static void leave(void)
{
    admin_free(admin);
    server_free(server);
    (void)unlink(config.url.path);
    (void)rmdir(folder);
}

static void begin(void)
{
    struct server_config limits;
    struct server_answer answer;
    char why[256];
    server_config_init(&limits);
    JQ_ASSERT(server_new(&limits, &server) == JQ_OK);
    JQ_ASSERT(server_declare(server, "jobs", &(struct engine_queue_options){.max_messages = 1}, &answer) == JQ_OK);
    JQ_ASSERT(mkdtemp(folder));
    config = (struct admin_config){.url = {.scheme = JQW_URL_UNIX}, .token = "token"};
    snprintf(config.url.path, sizeof config.url.path, "%s/s", folder);
    JQ_ASSERT(admin_new(&config, server, &admin, why, sizeof why) == JQ_OK);
    JQ_ASSERT(atexit(leave) == 0);
}

static int visit(void)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    memcpy(there.sun_path, config.url.path, strlen(config.url.path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    JQ_ASSERT(fd >= 0 && connect(fd, (struct sockaddr *)&there, sizeof there) == 0);
    return fd;
}

/* Reads what there is. False: that was all. */
static bool hear(int fd, char *to, size_t *used)
{
    char more[4096];
    ssize_t got = recv(fd, more, sizeof more, 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    size_t room = ANSWER_SIZE - *used, kept = (size_t)got < room ? (size_t)got : room;
    memcpy(to + *used, more, kept);
    *used += kept;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[ANSWER_SIZE];
    size_t used = 0, at = 1;
    if (size < 2)
        return 0;
    if (!server)
        begin();
    size_t piece = data[0] ? data[0] : size;
    int fd = visit();
    bool open = true, said = false;
    for (int i = 0; i < TURNS_MAX && open; i++) {
        size_t some = size - at < piece ? size - at : piece;
        ssize_t sent = some ? send(fd, data + at, some, MSG_NOSIGNAL) : 0;
        at += sent > 0 ? (size_t)sent : 0;
        if (!said && (at == size || (sent < 0 && errno != EAGAIN)))
            said = shutdown(fd, SHUT_WR) == 0;
        ev_run(server->loop, EVRUN_NOWAIT);
        open = hear(fd, answer, &used);
    }
    close(fd);
    ev_run(server->loop, EVRUN_NOWAIT);
    JQ_ASSERT(used == 0 || (used >= 7 && memcmp(answer, "HTTP/1.", 7) == 0));
    return 0;
}

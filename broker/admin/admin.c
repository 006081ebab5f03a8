/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP library (libmicrohttpd) in the broker's loop: it has one descriptor for all that it waits for. A request is suspended until its
 * page is whole. */
#include "admin.h"
#include "codes.h"
#include "page.h"
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
    CONNECTIONS_MAX = 64,
    CONNECTIONS_EACH = 32,      /* of one address */
    TIMEOUT_S = 10,             /* a connection that neither asks nor reads, */
    REQUEST_S = 20,             /* and one that takes longer from one request's end to the next one's */
    REQUEST_MEMORY = 16 * 1024, /* line and headers */
    UPLOAD_MAX = 4096,          /* bytes of a request's body, which nothing needs */
    PAIR_SIZE = 128 * 1024,
    BACKLOG = 64,
};

/* A connection. The library's own bound begins anew with each byte, so that whoever sends few of them would be there for ever. */
struct caller {
    struct MHD_Connection *connection;
    uint64_t since_ns; /* it began, or its last request was over */
    bool ended;
    struct caller *prev, *next;
};

struct visit {
    struct admin *admin;
    struct MHD_Connection *connection;
    struct page page;
    size_t uploaded;
    bool begun, suspended, answered;
    struct visit *prev, *next;
};

struct admin {
    struct MHD_Daemon *daemon;
    struct asker *asker;
    struct jqw_transport end; /* of the pair: ours */
    struct server_guest guest;
    struct page_maker maker;
    bool local;             /* it listens on the loopback */
    struct caller *callers; /* utlist */
    struct visit *visits;   /* utlist */
    char *token;
};

/* ---- a request ---- */

static void page_is_whole(void *user)
{
    struct visit *visit = user;
    if (visit->suspended)
        MHD_resume_connection(visit->connection);
    visit->suspended = false;
}

/* One without a value, or with a byte 0 in it, is empty, for nothing is called so. */
static const char *argument(void *user, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(user, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &size) != MHD_YES)
        return NULL;
    return value && strlen(value) == size ? value : "";
}

static const char *token_of(struct MHD_Connection *connection)
{
    static const char bearer[] = "Bearer ";
    const char *said = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    return said && strncasecmp(said, bearer, strlen(bearer)) == 0 ? said + strlen(bearer) : NULL;
}

/* Where it comes from, without the port. */
static void address_of(struct MHD_Connection *connection, char *to, socklen_t size)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info ? info->client_addr : NULL;
    socklen_t length = from && from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    bool known = from && (from->sa_family == AF_INET || from->sa_family == AF_INET6) &&
                 getnameinfo(from, length, to, size, NULL, 0, NI_NUMERICHOST) == 0;
    if (!known)
        snprintf(to, (size_t)size, "somewhere");
}

/* HEAD is a GET whose text the library keeps back. */
static bool method_known(const char *text, enum page_method *method)
{
    static const struct {
        const char *text;
        enum page_method method;
    } methods[] = {{"GET", PAGE_GET}, {"HEAD", PAGE_GET}, {"POST", PAGE_POST}, {"DELETE", PAGE_DELETE}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        *method = methods[i].method;
        if (strcmp(methods[i].text, text) == 0)
            return true;
    }
    return false;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct page *page)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(page->size, page->text, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    enum MHD_Result done = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page->type);
    if (done == MHD_YES)
        done = MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (done == MHD_YES)
        done = MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (done == MHD_YES && page->status == MHD_HTTP_UNAUTHORIZED)
        done = MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (done == MHD_YES)
        done = MHD_queue_response(connection, page->status, response);
    MHD_destroy_response(response);
    return done;
}

static enum MHD_Result begin(struct visit *visit, const char *path, enum page_method method)
{
    struct MHD_Connection *connection = visit->connection;
    char address[PAGE_ADDRESS_MAX];
    address_of(connection, address, sizeof address);
    const struct page_request request = {
        .address = address,
        .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST),
        .method = method,
        .path = path,
        .token = token_of(connection),
        .argument = argument,
        .user = connection,
    };
    visit->begun = true;
    page_begin(&visit->page, &visit->admin->maker, visit, &request);
    if (visit->page.whole)
        return answer(connection, &visit->page);
    MHD_suspend_connection(connection);
    visit->suspended = true;
    return MHD_YES;
}

/* Called for a request's head, for each piece of its body, at its end, and when it is resumed. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path,
                                  const char *method_text, const char *version, const char *upload, size_t *upload_size,
                                  void **context)
{
    struct visit *visit = *context;
    struct admin *admin = user;
    enum page_method method;
    (void)version;
    (void)upload;
    if (!method_known(method_text, &method))
        return MHD_NO;
    if (!visit) {
        if (!(visit = calloc(1, sizeof *visit)))
            return MHD_NO;
        visit->admin = admin;
        visit->connection = connection;
        DL_APPEND(admin->visits, visit);
        *context = visit;
        return MHD_YES;
    }
    visit->uploaded += *upload_size;
    if (visit->uploaded > UPLOAD_MAX)
        return MHD_NO;
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    return visit->begun ? answer(connection, &visit->page) : begin(visit, path, method);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode how)
{
    struct visit *visit = *context;
    struct admin *admin = user;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    (void)how;
    if (info && info->socket_context)
        ((struct caller *)info->socket_context)->since_ns = server_now();
    if (!visit)
        return;
    if (visit->begun)
        page_fini(&visit->page);
    DL_DELETE(admin->visits, visit);
    free(visit);
    *context = NULL;
}

/* ---- connections ---- */

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct admin *admin = user;
    struct caller *caller = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED && (caller = calloc(1, sizeof *caller))) {
        *caller = (struct caller){.connection = connection, .since_ns = server_now()};
        DL_APPEND(admin->callers, caller);
        *context = caller;
    } else if (what == MHD_CONNECTION_NOTIFY_CLOSED && caller) {
        DL_DELETE(admin->callers, caller);
        free(caller);
        *context = NULL;
    }
}

/* Ends those that take too long, and says when the next one will have. */
static uint64_t end_callers(const struct admin *admin)
{
    const uint64_t most = (uint64_t)REQUEST_S * 1000000000;
    uint64_t now = server_now(), next = UINT64_MAX;
    struct caller *caller;
    DL_FOREACH (admin->callers, caller) {
        uint64_t took = now - caller->since_ns;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(caller->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (caller->ended)
            continue;
        caller->ended = took >= most && info && shutdown(info->connect_fd, SHUT_RDWR) == 0;
        if (took < most)
            next = most - took < next ? most - took : next;
    }
    return next;
}

/* ---- in the loop ---- */

/* What has come from the broker may make pages whole; what is asked for now goes to it. */
static uint64_t run(void *user)
{
    struct admin *admin = user;
    MHD_UNSIGNED_LONG_LONG ms;
    asker_run(admin->asker);
    uint64_t next = end_callers(admin);
    (void)MHD_run(admin->daemon);
    asker_run(admin->asker);
    uint64_t wanted = MHD_get_timeout(admin->daemon, &ms) == MHD_YES ? (uint64_t)ms * 1000000 : UINT64_MAX;
    return wanted < next ? wanted : next;
}

/* ---- beginning and end ---- */

static int listen_at(struct admin_config *config, int *fd, char *why, size_t why_size)
{
    if (jqw_transport_listen(&config->url, BACKLOG, fd) != JQ_OK) {
        snprintf(why, why_size, "cannot listen on %s:%u: %s", config->url.host, config->url.port, strerror(errno));
        return JQ_DISCONNECTED;
    }
    if (config->allow_network || jqw_listens_on_loopback(*fd))
        return JQ_OK;
    close(*fd);
    snprintf(why, why_size,
             "%s is not a loopback address: refused, for whoever reaches it sees the names of all queues; "
             "allow_network = yes in section http allows it",
             config->url.host);
    return JQ_DENIED;
}

static struct MHD_Daemon *daemon_new(struct admin *admin, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, admin,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, admin,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, admin, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_EACH,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)REQUEST_MEMORY, MHD_OPTION_END);
}

static int become_guest(struct admin *admin, struct server *server)
{
    struct jqw_transport theirs;
    int code = jqw_transport_pair(&theirs, &admin->end, PAIR_SIZE);
    if (code != JQ_OK)
        return code;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    admin->asker = asker_new(&admin->end);
    admin->maker = (struct page_maker){
        .asker = admin->asker, .server = server, .token = admin->token, .local = admin->local, .whole = page_is_whole};
    admin->guest =
        (struct server_guest){.fd = info ? info->epoll_fd : -1, .other = &admin->end, .run = run, .user = admin};
    if (!admin->asker || admin->guest.fd < 0)
        code = JQ_OVERLOADED;
    if (code == JQ_OK)
        code = server_guest(server, &admin->guest, &theirs);
    if (code != JQ_OK)
        theirs.ops->close(&theirs);
    return code;
}

int admin_new(struct admin_config *config, struct server *server, struct admin **out, char *why, size_t why_size)
{
    int fd;
    int code = listen_at(config, &fd, why, why_size);
    if (code != JQ_OK)
        return code;
    bool local = config->url.scheme != JQW_URL_UNIX && jqw_listens_on_loopback(fd);
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin && config->token)
        admin->token = strdup(config->token);
    if (admin && (!config->token || admin->token))
        admin->daemon = daemon_new(admin, fd);
    if (!admin || !admin->daemon)
        close(fd);
    if (admin)
        admin->local = local;
    code = admin && admin->daemon ? become_guest(admin, server) : JQ_OVERLOADED;
    if (code == JQ_OK) {
        *out = admin;
        return JQ_OK;
    }
    snprintf(why, why_size, "out of memory, or of descriptors");
    admin_free(admin);
    return code;
}

int admin_token(struct admin *admin, const char *token, bool *other)
{
    bool differs = !token != !admin->token || (token && strcmp(token, admin->token) != 0);
    char *copy = differs && token ? strdup(token) : NULL;
    *other = false;
    if (differs && token && !copy)
        return JQ_OVERLOADED;
    if (differs) {
        free(admin->token);
        admin->token = copy;
        admin->maker.token = copy;
        *other = true;
    }
    return JQ_OK;
}

void admin_free(struct admin *admin)
{
    struct visit *visit;
    if (!admin)
        return;
    DL_FOREACH (admin->visits, visit)
        page_is_whole(visit); /* the library ends none that is suspended */
    if (admin->daemon)
        MHD_stop_daemon(admin->daemon);
    asker_free(admin->asker);
    if (admin->end.ops)
        admin->end.ops->close(&admin->end);
    free(admin->token);
    free(admin);
}

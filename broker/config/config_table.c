/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the configuration file, every one: section by section.
 *
 * To add an option: a member in struct config (config.h) or in what is part of it, its default where that struct is initialised, and an
 * entry here. `size` and `at` come from AT(); say the range, whether SIGHUP changes it (then whoever takes it up is called in
 * broker/reload.c), and what it does. Then write conf/joinqd.conf anew (./dev configuration): a test compares. Only what has effect
 * is an option: nothing is accepted that nobody reads.
 *
 * To add a section with a title (as `listen "URL"`): a struct that begins with struct config_item, a config_list in struct config, init and
 * finish here, and an entry in config_sections. What members own is freed by their kind. */
#include "config_table.h"
#include "codes.h"
#include "wire_limits.h"
#include <string.h>

#define AT(type, member) .at = offsetof(type, member), .size = sizeof((type *)0)->member
#define MS               .scale = 1
#define NS               .scale = 1000000

enum {
    MEBIBYTE = 1024 * 1024,
    HOUR_MS = 3600 * 1000,
    FRAME_BESIDES = 4096, /* what a frame has besides a message */
    LISTENERS_MAX = 16,
    QUEUES_MAX = 10000,
    ACCESS_MAX = 10000,
    HTTP_PORT = 19026, /* the one behind the broker's */
};

/* ---- limits: struct server_config ---- */

#define LIMIT(member) AT(struct config, server.member), .reloads = true
static const struct config_option limits[] = {
    {"max_memory", CONFIG_SIZE, LIMIT(memory_max), .min = 16 * MEBIBYTE, .computed = "half of the machine's memory",
     .help = "Bytes that the broker takes for clients and messages. Beyond it puts, and whatever else would need more, "
             "are answered "
             "with OVERLOADED; gets and dones go on."},
    {"max_connections", CONFIG_COUNT, LIMIT(connections_max), .min = 1, .max = 1000000,
     .help = "Connections at a time, as far as the system gives descriptors. One more is answered with OVERLOADED and "
             "closed; over TLS it is only closed."},
    {"max_connections_per_address", CONFIG_COUNT, LIMIT(address_max), .max = 1000000,
     .help = "Of them, those that may come from one address (of IPv6, from one /64), or on a Unix socket from one "
             "user. One more is answered with OVERLOADED and "
             "closed; over TLS it is only closed. Those that are there already when it is set are not counted. 0: no "
             "bound."},
    {"max_requests", CONFIG_COUNT, LIMIT(requests_max), .max = 1000000000,
     .help = "Requests that one connection may make in a second, of which each twentieth of it has its part; its hello "
             "and a batch are one each. What it sends beyond is read later. 0: no bound."},
    {"max_message", CONFIG_SIZE, LIMIT(message_max), .min = 1024, .max = JQW_MESSAGE_MAX,
     .help = "Bytes of one message. A larger one is answered with TOO_LARGE."},
    {"max_frame", CONFIG_SIZE, LIMIT(frame_max), .min = 64 * 1024, .max = JQW_FRAME_MAX,
     .help = "Bytes of one frame, which is what a client sends in one piece: a batch of messages, for instance. A "
             "larger one ends the "
             "connection. It holds for connections that are made after a change."},
    {"max_waiting", CONFIG_COUNT, LIMIT(waiting_max), .min = 1, .max = 1000000,
     .help = "Waiting requests of one connection. One more is answered with BUSY."},
    {"max_waiting_bytes", CONFIG_SIZE, LIMIT(waiting_bytes_max), .min = 1024,
     .help = "Bytes of the messages in waiting puts of one connection. A put beyond it is answered with OVERLOADED."},
    {"max_output", CONFIG_SIZE, LIMIT(out_max), .min = 64 * 1024,
     .help =
         "Bytes of answers that a connection has not taken, beyond which it is not read and its gets are passed over."},
    {"hello_timeout", CONFIG_TIME, LIMIT(hello_ns), NS, .min = 10, .max = HOUR_MS,
     .help = "Time that a new connection has to say who it is, and to prove it. Later a frame that a client has begun "
             "has to come to its end in this time, or to grow by 1K for each second of it; after two times in a row "
             "without either the connection is ended."},
    {"refuse_delay", CONFIG_TIME, LIMIT(refuse_ns), NS, .max = HOUR_MS,
     .help = "After this time a client is told that its password is wrong."},
    {"idle_timeout", CONFIG_TIME, LIMIT(idle_ns), NS, .max = JQW_TIMEOUT_MS_MAX / 1000,
     .help = "A connection that for so long says nothing, waits for nothing, holds no message and is no producer is "
             "ended. It holds for connections "
             "that are made after a change. 0: never."},
    {"ping_interval", CONFIG_TIME, AT(struct config, server.ping_ns), NS, .min = 100, .max = HOUR_MS,
     .help =
         "How often a client that agreed to it is to be heard; after three times without, its connection is ended."},
    {"linger_timeout", CONFIG_TIME, LIMIT(linger_ns), NS, .min = 10, .max = HOUR_MS,
     .help = "Time that a connection that is being ended has for each piece of its last answers."},
    {"drain_timeout", CONFIG_TIME, LIMIT(drain_ns), NS, .min = 10, .max = HOUR_MS,
     .help = "Time in which a broker that was told to end has ended."},
    {0},
};

static int limits_finish(void *base, char *why, size_t why_size)
{
    const struct config *config = base;
    if (config->server.frame_max >= config->server.message_max + FRAME_BESIDES)
        return JQ_OK;
    snprintf(why, why_size, "max_frame must be above max_message, by 4K at least");
    return JQ_INVALID;
}

/* ---- log ---- */

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const formats[] = {"logfmt", "json", NULL};

#define LOG(member) AT(struct config, log.member), .reloads = true
static const struct config_option logs[] = {
    {"level", CONFIG_CHOICE, LOG(level), .choices = levels, .help = "What is less grave than this is not told."},
    {"format", CONFIG_CHOICE, LOG(format), .choices = formats,
     .help = "How a line is written: as pairs with spaces between them, or as an object of JSON."},
    {"audit", CONFIG_BOOL, LOG(audit),
     .help =
         "Whether refusals are told, and what administers queues (declare, alter, delete, purge, move, pause, resume, "
         "reopen, close at once): who, what, and what came of it. Whatever the level."},
    {0},
};

/* ---- data ---- */

static const struct config_option data[] = {
    {"folder", CONFIG_PATH, AT(struct config, server.data),
     .help = "Where durable queues are kept; made if need be, and for one broker. Without it no queue can be durable."},
    {0},
};

/* ---- tls ---- */

#define TLS(member) AT(struct config, server.tls.member), .reloads = true
static const struct config_option tls[] = {
    {"cert", CONFIG_PATH, TLS(cert),
     .help =
         "The broker's certificate in PEM form, and behind it those of the authorities up to one that clients know. "
         "Without it there is no TLS, and no listener may be joinqs://."},
    {"key", CONFIG_PATH, TLS(key),
     .help = "The key of the certificate, not encrypted; others than its owner and group may not read the file."},
    {"ca", CONFIG_PATH, TLS(ca),
     .help =
         "Certificates of the authorities that clients' certificates come from. With it a client must have one, and "
         "its name is known. Without it clients are not asked for one."},
    {"crl", CONFIG_PATH, TLS(crl),
     .help = "What those authorities have revoked: a list in PEM form of each. One that has expired lets nobody in."},
    {"client_cert_optional", CONFIG_BOOL, TLS(optional),
     .help =
         "Whether clients without a certificate are let in where ca is set. They are somebody only if they say who."},
    {0},
};

static int tls_finish(void *base, char *why, size_t why_size)
{
    const struct jqw_tls_options *options = &((const struct config *)base)->server.tls;
    const char *wrong = NULL;
    if (!options->cert != !options->key)
        wrong = options->cert ? "cert wants its key" : "key wants its cert";
    else if (!options->cert && options->ca)
        wrong = "ca wants a cert";
    else if (!options->ca && (options->crl || options->optional))
        wrong = options->crl ? "crl wants a ca" : "client_cert_optional wants a ca";
    if (!wrong)
        return JQ_OK;
    snprintf(why, why_size, "%s", wrong);
    return JQ_INVALID;
}

/* ---- http ---- */

static const struct config_option http[] = {
    {"listen", CONFIG_TEXT, AT(struct config, http.listen),
     .help =
         "Host and port of the pages for monitoring: /healthz, /readyz, /metrics and /api. Without it there are none. "
         "Their usual port is 19026."},
    {"token_file", CONFIG_SECRET, AT(struct config, http.token_file), .reloads = true,
     .help = "A file whose first line whoever changes something over HTTP has to show; SIGHUP reads it again. Without "
             "it nothing can be changed there."},
    {"allow_network", CONFIG_BOOL, AT(struct config, http.allow_network),
     .help = "Whether an address that is not of the loopback is listened to: whoever reaches it sees the names and "
             "figures of all queues, "
             "and bodies never."},
    {0},
};

static int http_finish(void *base, char *why, size_t why_size)
{
    static const char scheme[] = "joinq://"; /* has the same host and port */
    struct config_http *is = &((struct config *)base)->http;
    char text[sizeof scheme + sizeof is->url.host + 16];
    const char *what = "too long";
    if (!is->listen)
        return JQ_OK;
    bool fits = snprintf(text, sizeof text, "%s%s", scheme, is->listen) < (int)sizeof text;
    if (fits && strchr(is->listen, '@') == NULL && jqw_url_parse(text, &is->url, &what) == JQ_OK) {
        if (!strchr(strchr(is->listen, ']') ? strchr(is->listen, ']') : is->listen, ':'))
            is->url.port = HTTP_PORT;
        return JQ_OK;
    }
    snprintf(why, why_size, "listen = \"%s\" is no host and port: %s", is->listen, what);
    return JQ_INVALID;
}

/* ---- listen "URL" ---- */

static const struct config_option listens[] = {
    {"clients", CONFIG_TEXT, AT(struct config_listener, clients),
     .help =
         "How clients are let in, words with commas: \"password\"; \"certificate\", by the name in it; \"peer\", by "
         "what the kernel says of "
         "the other end of a Unix socket; \"nobody\", without a proof, for what nobody is permitted; or \"open\", "
         "everybody to everything. Unless it is said, it is \"open\" where there are neither users nor permissions; "
         "otherwise \"peer,password\" on a Unix socket and \"password\" elsewhere. Whoever runs the broker, and "
         "root, may do everything by \"peer\"."},
    {"other_users", CONFIG_BOOL, AT(struct config_listener, listener.other_users),
     .help = "Whether other users of the machine may connect to a Unix socket; then clients have to be told apart."},
    {"allow_anonymous_network", CONFIG_BOOL, AT(struct config_listener, listener.allow_anonymous_network),
     .help = "Whether everybody who reaches this address may do everything. Without it an address that is not of the "
             "loopback is "
             "listened to only if clients have to say who they are."},
    {0},
};

static int listener_finish(void *item, char *why, size_t why_size)
{
    struct config_listener *listener = item;
    const char *what;
    if (config_clients_read(listener, why, why_size) != JQ_OK)
        return JQ_INVALID;
    if (jqw_url_parse(listener->item.title, &listener->listener.url, &what) != JQ_OK) {
        snprintf(why, why_size, "listen \"%s\": %s", listener->item.title, what);
        return JQ_INVALID;
    }
    return JQ_OK;
}

/* ---- queue "NAME" ---- */

static const char *const bounds[] = {"queued", "outstanding", NULL};
static const char *const orders[] = {"fifo", "lifo", "priority", NULL};
static const char *const accountings[] = {"lease", "counter", NULL};
static const char *const losses[] = {"wait", "end", "fail", NULL};

#define QUEUE(member)      AT(struct config_queue, options.member)
#define QUEUE_TIME(member) QUEUE(member), MS, .max = JQW_TIMEOUT_MS_MAX
static const struct config_option queues[] = {
    {"max_messages", CONFIG_COUNT, QUEUE(max_messages),
     .help = "So many messages at most; a put waits for room. 0: no bound."},
    {"max_bytes", CONFIG_SIZE, QUEUE(max_bytes), .help = "So many bytes of messages at most. 0: no bound."},
    {"bound", CONFIG_CHOICE, QUEUE(bound), .choices = bounds,
     .help = "What the bounds count: what is queued, or also what is leased."},
    {"order", CONFIG_CHOICE, QUEUE(order), .choices = orders, .help = "Which message is the next."},
    {"accounting", CONFIG_CHOICE, QUEUE(accounting), .choices = accountings,
     .help = "How messages are finished: each by its consumer, or by a count as in Python."},
    {"durable", CONFIG_BOOL, QUEUE(durable), .help = "Whether the queue survives the broker. It needs a data folder."},
    {"sync", CONFIG_TIME, QUEUE_TIME(sync_ms), .word = "always",
     .help = "Of a durable queue: on the disk when it is answered (always), or within this time."},
    {"lease", CONFIG_TIME, QUEUE_TIME(lease_ms),
     .help = "A message not finished in this time is taken back. 0: only when its consumer is gone."},
    {"max_deliveries", CONFIG_COUNT, QUEUE(max_deliveries), .max = UINT16_MAX,
     .help = "A message that failed so often is dead; that wants a dead_letter. 0: never."},
    {"dead_letter", CONFIG_TEXT, AT(struct config_queue, dead_letter),
     .help = "The queue that dead and expired messages go to; \"drop\" to drop and count them; \"none\"."},
    {"ttl", CONFIG_TIME, QUEUE_TIME(ttl_ms),
     .help = "A message put without a time to live expires after this time. 0: never."},
    {"producers", CONFIG_COUNT, QUEUE(producers), .max = ENGINE_PRODUCERS_MAX, .word = "auto",
     .word_value = ENGINE_PRODUCERS_AUTO,
     .help =
         "The queue closes itself when so many producers have finished, or all that are known (auto). 0: it does not."},
    {"on_producer_lost", CONFIG_CHOICE, QUEUE(on_producer_lost), .choices = losses,
     .help = "What it means that a producer is gone and has not finished."},
    {"producer_grace", CONFIG_TIME, QUEUE_TIME(producer_grace_ms), .min = 1,
     .help = "A producer is lost after this time without a connection."},
    {"idle_delete", CONFIG_TIME, QUEUE_TIME(idle_delete_ms),
     .help = "The queue is deleted after this time in which nobody wanted it and it was empty. 0: never."},
    {0},
};

static void queue_init(void *item)
{
    struct config_queue *queue = item;
    queue->options.producer_grace_ms = JQW_PRODUCER_GRACE_MS;
}

static bool name_good(const char *name)
{
    static const char may[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:";
    size_t size = strlen(name);
    return size > 0 && size <= ENGINE_NAME_MAX && strspn(name, may) == size;
}

static int queue_finish(void *item, char *why, size_t why_size)
{
    struct config_queue *queue = item;
    const char *letter = queue->dead_letter;
    bool drop = letter && strcmp(letter, "drop") == 0, none = !letter || strcmp(letter, "none") == 0;
    bool counter = queue->options.accounting == ENGINE_COUNTER;
    const char *wrong = NULL;
    queue->options.dead_drop = drop;
    if (!drop && !none)
        queue->options.dead_letter = (struct engine_text){letter, (uint32_t)strlen(letter)};
    if (!name_good(queue->item.title) || (!drop && !none && !name_good(letter)))
        wrong = "a queue name is 1 to 255 bytes of A-Z a-z 0-9 . _ - / :";
    else if (counter && (queue->options.lease_ms || queue->options.max_deliveries || !none))
        wrong = "counter queues have no lease, max_deliveries or dead_letter";
    else if (queue->options.max_deliveries && none)
        wrong = "max_deliveries needs a dead_letter, or dead_letter = drop";
    else if (queue->options.dead_letter.size && strcmp(letter, queue->item.title) == 0)
        wrong = "its dead letters would come back to it";
    if (!wrong)
        return JQ_OK;
    snprintf(why, why_size, "queue \"%s\": %s", queue->item.title, wrong);
    return JQ_INVALID;
}

/* ---- all ---- */

#define LIST(type, member) .list = offsetof(struct config, member), .item_size = sizeof(struct type)
const struct config_section config_sections[] = {
    {.name = "listen",
     .title = "URL",
     .options = listens,
     LIST(config_listener, listeners),
     .max = LISTENERS_MAX,
     .finish = listener_finish,
     .example = "unix:///run/joinq/joinqd.sock",
     .help = "Where clients connect; as many as there are addresses. Without any: a Unix socket that only its user can "
             "open. "
             "--listen on the command line takes the place of all."},
    {.name = "tls",
     .options = tls,
     .finish = tls_finish,
     .help =
         "Certificates, for listeners that are joinqs://. SIGHUP reads the files again: new connections get what they "
         "say, those that there are go on."},
    {.name = "data", .options = data, .help = "What outlives the broker."},
    {.name = "access",
     .options = config_access_options,
     .help = "Who may come in. Once there are users or permissions, nothing is allowed that no permission allows."},
    {.name = "permission",
     .title = "TEXT",
     .options = config_permission_options,
     LIST(config_permission, permissions),
     .max = ACCESS_MAX,
     .reloads = true,
     .changes = true,
     .finish = config_permission_finish,
     .example = "workers take jobs",
     .help =
         "What somebody may do with some queues; the title is for people. put: put, attach and finish. get: get, and "
         "what comes after it. "
         "join: join and mark. close: close and put_end. declare: declare and alter, and making a queue by a put or "
         "get. peek: peek, export and why. "
         "admin: delete, purge, pause, reopen and move. Who may do any of it may see the numbers of a queue."},
    {.name = "group",
     .title = "NAME",
     .options = config_group_options,
     LIST(config_group, groups),
     .max = ACCESS_MAX,
     .reloads = true,
     .changes = true,
     .finish = config_group_finish,
     .example = "workers",
     .help = "Some users, under one name."},
    {.name = "quota",
     .title = "TEXT",
     .options = config_quota_options,
     LIST(config_quota, quotas),
     .max = ACCESS_MAX,
     .reloads = true,
     .changes = true,
     .finish = config_quota_finish,
     .example = "guests",
     .help = "What a user may take; each has it for itself. The title is for people."},
    {.name = "log",
     .options = logs,
     .help =
         "What is told, on standard error: one line an event. What is too much within ten seconds, about one user or "
         "address, is left out, and then it is told how much that was. Never what is in a message."},
    {.name = "limits", .options = limits, .finish = limits_finish, .help = "What clients may take."},
    {.name = "http", .options = http, .finish = http_finish, .help = "Pages for monitoring, over HTTP."},
    {.name = "queue",
     .title = "NAME",
     .options = queues,
     LIST(config_queue, queues),
     .max = QUEUES_MAX,
     .reloads = true,
     .init = queue_init,
     .finish = queue_finish,
     .example = "jobs",
     .help = "A queue that is declared when the broker starts, as \"joinq declare\" would. If it is there with other "
             "options, as a durable one "
             "may be, the broker does not start."},
    {0},
};

const struct config_section *config_section_find(const char *name)
{
    const struct config_section *section = config_sections;
    while (section->name && strcmp(section->name, name) != 0)
        section++;
    return section->name ? section : NULL;
}

const struct config_option *config_option_find(const struct config_section *section, const char *name)
{
    const struct config_option *option = section->options;
    while (option->name && strcmp(option->name, name) != 0)
        option++;
    return option->name ? option : NULL;
}

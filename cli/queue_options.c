/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a queue on the command line: two tables of one list. An option that alter was not given is told by a value that
 * nobody can write. */
#include "queue_options.h"
#include <stdlib.h>
#include <string.h>

static const char *const bounds[] = {"queued", "outstanding", NULL};
static const char *const accountings[] = {"lease", "counter", NULL};
static const char *const orders[] = {"fifo", "lifo", "priority", NULL};
static const char *const losses[] = {"wait", "end", "fail", NULL};
static const char *const lifetimes[] = {"permanent", "session", "users", NULL};
static const char *const syncs[] = {"always", NULL};
static const char *const if_exists[] = {"same", "ok", NULL};

#define AT(field) offsetof(struct queue_settings, field)
#define COUNT(label, field, unset, text)                                                                   \
    {                                                                                                      \
        .name = label, .kind = OPTION_COUNT, .at = AT(field), .value = "N", .initial = unset, .help = text \
    }
#define TIME(label, field, unset, text)                                                                   \
    {                                                                                                     \
        .name = label, .kind = OPTION_TIME, .at = AT(field), .value = "T", .initial = unset, .help = text \
    }
#define TEXT(label, field, shown, text)                                                   \
    {                                                                                     \
        .name = label, .kind = OPTION_TEXT, .at = AT(field), .value = shown, .help = text \
    }
#define CHOICE(label, field, shown, list, unset, text)                                                            \
    {                                                                                                             \
        .name = label, .kind = OPTION_CHOICE, .at = AT(field), .value = shown, .choices = list, .initial = unset, \
        .help = text                                                                                              \
    }
#define ALTERABLE(unset)                                                                                           \
    COUNT("max", max_messages, unset, "so many messages at most; a put waits for room (0: no bound)"),             \
        {.name = "max-bytes",                                                                                      \
         .kind = OPTION_SIZE,                                                                                      \
         .at = AT(max_bytes),                                                                                      \
         .value = "N",                                                                                             \
         .initial = unset,                                                                                         \
         .help = "so many bytes of bodies at most (0: no bound)"},                                                 \
        CHOICE("bound", bound, "queued|outstanding", bounds, unset,                                                \
               "what the bounds count: what is queued, or also what is leased"),                                   \
        TIME("lease", lease_ms, unset,                                                                             \
             "a message not finished in T is taken back (0: only when its consumer is gone)"),                     \
        COUNT("max-deliveries", max_deliveries, unset, "a message that failed so often is dead (0: never)"),       \
        TEXT("dead-letter", dead_letter, "QUEUE|drop|none", "where dead and expired messages go"),                 \
        TIME("ttl", ttl_ms, unset, "a message put without a time to live expires after T (0: never)"),             \
        TEXT("producers", producers, "N|auto",                                                                     \
             "the queue closes itself when N producers have finished (auto: all known)"),                          \
        CHOICE("on-producer-lost", on_producer_lost, "wait|end|fail", losses, unset,                               \
               "what it means that a producer is gone and has not finished"),                                      \
        TIME("producer-grace", producer_grace_ms, unset, "a producer is lost after T without a connection (10s)"), \
        CHOICE("lifetime", lifetime, "permanent|session|users", lifetimes, unset, "how long the queue lives"),     \
        TIME("idle-delete", idle_delete_ms, unset,                                                                 \
             "deleted after T in which nobody wanted it and it was empty (0: never)"),                             \
    {                                                                                                              \
        .name = "sync", .kind = OPTION_TIME, .at = AT(sync_ms), .value = "always|T", .initial = unset,             \
        .choices = syncs, .help = "durable: on the disk when it is answered, or within T (always)"                 \
    }

const struct option_spec queue_options_declare[] = {
    ALTERABLE(0),
    {.name = "durable",
     .kind = OPTION_FLAG,
     .at = AT(durable),
     .help = "the queue survives the broker: kept on its disk"},
    CHOICE("order", order, "fifo|lifo|priority", orders, 0, "which message is the next"),
    CHOICE("accounting", accounting, "lease|counter", accountings, 0,
           "how messages are finished: each by its consumer, or by a count as in Python"),
    CHOICE("if-exists", if_exists, "same|ok", if_exists, 0,
           "with ok, a queue that exists is left as it is, whatever its options"),
    {0},
};
const struct option_spec queue_options_alter[] = {ALTERABLE(QUEUE_UNSET), {0}};

static int take_producers(const struct cli *cli, const char *text, uint64_t *out)
{
    char *end;
    if (strcmp(text, "auto") == 0) {
        *out = JOINQ_PRODUCERS_AUTO;
        return ARGUMENTS_OK;
    }
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        return arguments_error(cli, "--producers: '%s' is no number and not auto", text);
    return ARGUMENTS_OK;
}

int queue_options_take(const struct cli *cli, const struct queue_settings *given, struct joinq_queue_options *out)
{
    *out = (struct joinq_queue_options)JOINQ_QUEUE_OPTIONS_INIT;
    out->max_messages = given->max_messages;
    out->max_bytes = given->max_bytes;
    out->bound = (enum joinq_bound)given->bound;
    out->accounting = (enum joinq_accounting)given->accounting;
    out->order = (enum joinq_order)given->order;
    out->lease_ms = (uint64_t)given->lease_ms;
    out->max_deliveries = (uint32_t)given->max_deliveries;
    out->ttl_ms = (uint64_t)given->ttl_ms;
    out->on_producer_lost = (enum joinq_on_producer_lost)given->on_producer_lost;
    out->producer_grace_ms = (uint64_t)given->producer_grace_ms;
    out->lifetime = (enum joinq_lifetime)given->lifetime;
    out->idle_delete_ms = (uint64_t)given->idle_delete_ms;
    out->existing_ok = given->if_exists == 1;
    out->dead_drop = given->dead_letter != NULL && strcmp(given->dead_letter, "drop") == 0;
    if (given->dead_letter != NULL && !out->dead_drop && strcmp(given->dead_letter, "none") != 0)
        out->dead_letter = given->dead_letter;
    out->durable = given->durable;
    out->sync_ms = (uint64_t)given->sync_ms;
    return given->producers == NULL ? ARGUMENTS_OK : take_producers(cli, given->producers, &out->producers);
}

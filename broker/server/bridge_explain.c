/* SPDX-License-Identifier: Apache-2.0 */
/* Why something waits, as sentences for people: one line a fact. It knows clients by the name that they gave in hello. */
#include "bridge_state.h"
#include "log_line.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct lines {
    char *to;
    size_t size;
    struct engine_session_id reader;
};

/* A queue that the reader may not see has no name. */
static struct engine_text shown(const struct lines *lines, const struct server *server, struct engine_text name)
{
    return bridge_may_see(server, lines->reader, name) ? name : (struct engine_text){"...", 3};
}

__attribute__((format(printf, 2, 3))) static void add(struct lines *lines, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(lines->to + lines->size, JQW_LINES_MAX + 1 - lines->size, format, arguments);
    va_end(arguments);
    size_t room = JQW_LINES_MAX - lines->size;
    lines->size += size < 0 ? 0 : (size_t)size < room ? (size_t)size : room;
}

/* What a client chose to be called: it ends neither its quotes nor its line. */
static void add_name(struct lines *lines, const char *name, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)name;
    add(lines, "'");
    for (size_t at = 0; at < size;) {
        size_t length = bytes[at] == '\'' ? 0 : log_character(bytes + at, size - at);
        add(lines, "%.*s", length > 0 ? (int)length : 1, length > 0 ? name + at : "?");
        at += length > 0 ? length : 1;
    }
    add(lines, "'");
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void add_time(struct lines *lines, uint64_t ns)
{
    uint64_t seconds = ns / 1000000000;
    if (seconds < 1)
        add(lines, "less than a second");
    else if (seconds < 120)
        add(lines, "%" PRIu64 " s", seconds);
    else if (seconds < 7200)
        add(lines, "%" PRIu64 " min", seconds / 60);
    else
        add(lines, "%" PRIu64 " h", seconds / 3600);
}

static void add_client(struct lines *lines, const struct server *server, struct engine_session_id id)
{
    const struct connection *connection = sessions_find(&server->sessions, id.value);
    if (!connection || !connection->name_size) {
        add(lines, "client %" PRIx64, id.value);
        return;
    }
    add(lines, "client ");
    add_name(lines, connection->name, connection->name_size);
}

static void add_leased(struct lines *lines, const struct server *server, const struct engine_fact *f)
{
    add(lines, "%" PRIu64 " leased message%s, ", f->count, plural(f->count));
    add(lines, f->count == 1 ? "held by " : "the oldest held by ");
    add_client(lines, server, f->session);
    add(lines, " for ");
    add_time(lines, f->age_ns);
}

static void add_delayed(struct lines *lines, const struct engine_fact *f)
{
    add(lines, "%" PRIu64 " delayed message%s, the next ready in ", f->count, plural(f->count));
    add_time(lines, f->until_ns);
}

static void add_put_fact(struct lines *lines, const struct server *server, const struct engine_fact *f)
{
    struct engine_text queue = shown(lines, server, f->queue), other = shown(lines, server, f->other);
    int size = (int)queue.size;
    const char *name = queue.data;
    if (f->kind == ENGINE_FACT_PUT_FULL) {
        add(lines, "a put of ");
        add_client(lines, server, f->session);
        add(lines, " waits for room: queue '%.*s' has %" PRIu64 " of %" PRIu64 " %s", size, name, f->count, f->limit,
            f->bytes ? "bytes" : "messages");
    } else if (f->kind == ENGINE_FACT_PUT_BEHIND) {
        add(lines, "%" PRIu64 " more put%s wait%s behind a put of ", f->count, plural(f->count),
            f->count == 1 ? "s" : "");
        add_client(lines, server, f->session);
    } else if (f->kind == ENGINE_FACT_PUT_PAUSED) {
        add(lines, "%" PRIu64 " put%s wait%s: puts of queue '%.*s' are paused", f->count, plural(f->count),
            f->count == 1 ? "s" : "", size, name);
    } else {
        add(lines, "a cycle: ");
        add_client(lines, server, f->session);
        add(lines, " holds %" PRIu64 " message%s of '%.*s' and waits to put into '%.*s', which is full", f->count,
            plural(f->count), size, name, (int)other.size, other.data);
    }
}

static void add_join_fact(struct lines *lines, const struct server *server, const struct engine_fact *f)
{
    add(lines, "a join waits for ");
    if (f->kind == ENGINE_FACT_JOIN_LEASED)
        add_leased(lines, server, f);
    else if (f->kind == ENGINE_FACT_JOIN_DELAYED)
        add_delayed(lines, f);
    else if (f->kind == ENGINE_FACT_JOIN_PAUSED)
        add(lines, "%" PRIu64 " ready message%s of a queue whose gets are paused", f->count, plural(f->count));
    else if (f->kind == ENGINE_FACT_JOIN_READY)
        add(lines, "%" PRIu64 " ready message%s that no consumer has taken", f->count, plural(f->count));
    else
        add(lines, "%" PRIu64 " more task_done%s", f->count, plural(f->count));
}

static void add_get_fact(struct lines *lines, const struct server *server, const struct engine_fact *f)
{
    if (f->kind == ENGINE_FACT_GET_EMPTY) {
        add(lines, "%" PRIu64 " get%s wait%s: nothing is ready", f->count, plural(f->count), f->count == 1 ? "s" : "");
        return;
    }
    add(lines, "a get waits for ");
    if (f->kind == ENGINE_FACT_GET_DELAYED)
        add_delayed(lines, f);
    else if (f->kind == ENGINE_FACT_GET_LEASED)
        add_leased(lines, server, f);
    else if (f->kind == ENGINE_FACT_GET_PAUSED)
        add(lines, "the end of a pause: gets of queue '%.*s' are paused", (int)f->queue.size, f->queue.data);
    else if (f->kind == ENGINE_FACT_GET_PRODUCERS)
        add(lines, "producers: %" PRIu64 " of %" PRIu64 " have finished", f->count, f->limit);
    else {
        add(lines, "producer ");
        add_name(lines, f->producer.data, f->producer.size);
        add(lines, ", which is lost: it has had no connection for ");
        add_time(lines, f->age_ns);
    }
}

static void add_fact(struct lines *lines, const struct server *server, const struct engine_fact *f)
{
    if (f->kind == ENGINE_FACT_NOTHING_WAITS)
        add(lines, "nothing waits for queue '%.*s'", (int)f->queue.size, f->queue.data);
    else if (f->kind == ENGINE_FACT_BUSY)
        add(lines, "queue '%.*s' is carrying something out: the rest waits for it", (int)f->queue.size, f->queue.data);
    else if (f->kind <= ENGINE_FACT_JOIN_COUNTED)
        add_join_fact(lines, server, f);
    else if (f->kind <= ENGINE_FACT_PUT_CYCLE)
        add_put_fact(lines, server, f);
    else
        add_get_fact(lines, server, f);
}

size_t bridge_explain(const struct server *server, const struct engine_effect *effect, char to[JQW_LINES_MAX + 1])
{
    struct lines lines = {.to = to, .reader = effect->session};
    for (uint32_t i = 0; i < effect->explained.count; i++) {
        if (i > 0)
            add(&lines, "\n");
        add_fact(&lines, server, &effect->explained.item[i]);
    }
    return lines.size;
}

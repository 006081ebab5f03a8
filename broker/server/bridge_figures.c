/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's figures as an answer. Kinds of requests and codes that have not occurred are left out. */
#include "bridge_queues.h"
#include "bridge_state.h"
#include "figures.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 48 };

struct list {
    struct jqw_figure item[JQW_FIGURES_MAX];
    uint32_t count;
    char names[FIGURE_REQUESTS + FIGURE_CODES][NAME_SIZE];
    uint32_t names_used;
};

static const char *const request_names[] = {
#define JQ_OP(name, lower, number, kind) [number] = #lower,
#include "opcodes.def"
#undef JQ_OP
};

static void add(struct list *list, const char *name, uint64_t value)
{
    JQ_ASSERT(list->count < JQW_FIGURES_MAX);
    list->item[list->count++] = (struct jqw_figure){{(const uint8_t *)name, strlen(name)}, value};
}

static void add_kind(struct list *list, const char *prefix, const char *kind, uint64_t value)
{
    if (value == 0)
        return;
    char *name = list->names[list->names_used++];
    int size = snprintf(name, NAME_SIZE, "%s_%s", prefix, kind);
    for (int i = 0; i < size && i < NAME_SIZE; i++)
        name[i] = (char)tolower((unsigned char)name[i]);
    add(list, name, value);
}

static void add_all(struct list *list, const struct figures *figures, bool journal)
{
    for (size_t i = 0; i < figure_kind_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)figures + figure_kinds[i].at, sizeof value);
        if (journal || !figure_is_journals(&figure_kinds[i]))
            add(list, figure_kinds[i].name, value);
    }
    for (uint32_t op = 0; op < FIGURE_REQUESTS && op < sizeof request_names / sizeof *request_names; op++)
        add_kind(list, "requests", request_names[op], figures->requests_by[op]);
    for (int code = 0; code < FIGURE_CODES; code++)
        add_kind(list, "answers", jqw_code_name(code), figures->answers_by[code]);
}

/* It needs nobody but the connection; but it looks at each queue. */
void take_broker(struct connection *connection, const struct jqw_message *message)
{
    struct server *server = connection->server;
    static const char version[] = JOINQ_VERSION;
    struct figures figures;
    struct list list;
    list.count = list.names_used = 0;
    figures_fill(server, &figures);
    add_all(&list, &figures, server->storage.io != NULL);
    bridge_send(connection, &(struct jqw_message){
                                .op = JQW_FIGURES,
                                .request = message->request,
                                .figures = {.code = JQ_OK,
                                            .version = {(const uint8_t *)version, strlen(version)},
                                            .instance = {server->instance, sizeof server->instance},
                                            .data = {server->storage.id, JOURNAL_ID_TOLD},
                                            .item = list.item,
                                            .count = list.count},
                            });
    connection->looks++;
}

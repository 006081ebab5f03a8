/* SPDX-License-Identifier: Apache-2.0 */
/* The figures, then their texts, behind the struct that the caller sees. */
#include "jqc_broker.h"
#include "codes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_SIZE = 16, ID_TEXT = 2 * ID_SIZE + 1 };

struct broker_stat {
    struct joinq_broker_stat stat; /* first: what the caller has is one of these */
    char instance[ID_TEXT], data[ID_TEXT];
    struct joinq_figure figures[]; /* then the texts */
};

static void id_text(char to[ID_TEXT], struct jqw_bytes id)
{
    bool some = false;
    for (size_t i = 0; i < ID_SIZE; i++) {
        snprintf(to + 2 * i, 3, "%02x", id.data[i]);
        some |= id.data[i] != 0;
    }
    if (!some)
        *to = '\0';
}

static char *text_copy(char *to, struct jqw_bytes from, const char **out)
{
    *out = to;
    if (from.size > 0)
        memcpy(to, from.data, from.size);
    to[from.size] = '\0';
    return to + from.size + 1;
}

int jqc_broker_new(const struct jqw_figures *from, struct joinq_broker_stat **out)
{
    size_t texts = from->version.size + 1;
    for (uint32_t i = 0; i < from->count; i++)
        texts += from->item[i].name.size + 1;
    struct broker_stat *all = malloc(sizeof *all + from->count * sizeof *all->figures + texts);
    if (!all)
        return JQ_OVERLOADED;
    id_text(all->instance, from->instance);
    id_text(all->data, from->data);
    all->stat = (struct joinq_broker_stat){
        .instance = all->instance, .data = all->data, .figures = all->figures, .figure_count = from->count};
    char *text = text_copy((char *)&all->figures[from->count], from->version, &all->stat.version);
    for (uint32_t i = 0; i < from->count; i++) {
        text = text_copy(text, from->item[i].name, &all->figures[i].name);
        all->figures[i].value = from->item[i].value;
    }
    *out = &all->stat;
    return JQ_OK;
}

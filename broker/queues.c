/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of the configuration, declared in an order in which each finds where its dead letters go: all of them, or none. */
#include "queues.h"
#include "codes.h"
#include <stdlib.h>
#include <string.h>

struct declaring {
    struct server *server;
    const struct config *config, *before;
    const struct config_queue **made; /* in the order in which they were */
    uint32_t made_count;
    struct config_error *error;
};

static void explain(const struct config_queue *queue, const struct server_answer *answer, struct config_error *error)
{
    config_explain_item(&queue->item, "queue", ": ", error);
    size_t at = strlen(error->text);
    if (answer->differs)
        config_queue_clash(queue, answer->option, answer->is, error->text + at, sizeof error->text - at);
    else
        snprintf(error->text + at, sizeof error->text - at, "%s",
                 *answer->text ? answer->text : jqw_code_text(answer->code));
}

/* Those that it sends dead letters to come first; there is no circle. */
static int declare(struct declaring *all, const struct config_queue *queue)
{
    struct server_answer answer;
    if (all->before && config_queue_named(all->before, queue->item.title))
        return JQ_OK;
    const struct config_queue *letters =
        queue->options.dead_letter.size ? config_queue_named(all->config, queue->dead_letter) : NULL;
    int code = letters ? declare(all, letters) : JQ_OK;
    if (code != JQ_OK)
        return code;
    bool was = server_has_queue(all->server, queue->item.title);
    code = server_declare(all->server, queue->item.title, &queue->options, &answer);
    if (code != JQ_OK)
        explain(queue, &answer, all->error);
    else if (!was)
        all->made[all->made_count++] = queue;
    return code;
}

/* In a data folder there may be one that was declared by a client. */
int queues_check(const struct config *config, struct config_error *error)
{
    for (uint32_t i = 0; i < config->queues.count; i++) {
        const struct config_queue *queue = config_queue(config, i);
        char why[600];
        const struct config_queue *letters =
            queue->options.dead_letter.size ? config_queue_named(config, queue->dead_letter) : NULL;
        if (!queue->options.dead_letter.size || (letters && letters->options.durable >= queue->options.durable))
            continue;
        snprintf(why, sizeof why, ": the dead-letter queue '%s' %s%s", queue->dead_letter,
                 letters ? "is not durable" : "is declared nowhere",
                 letters || !config->server.data ? "" : " here: it has to be in the data folder already");
        config_explain_item(&queue->item, "queue", why, error);
        if (letters || !config->server.data)
            return JQ_INVALID;
        server_fail("%s", error->text);
    }
    return JQ_OK;
}

int queues_declare(struct server *server, const struct config *config, const struct config *before,
                   struct config_error *error)
{
    struct declaring all = {.server = server, .config = config, .before = before, .error = error};
    int code = JQ_OK;
    if (config->queues.count == 0)
        return JQ_OK;
    all.made = calloc(config->queues.count, sizeof(*all.made));
    if (!all.made) {
        snprintf(error->text, sizeof error->text, "out of memory");
        return JQ_OVERLOADED;
    }
    for (uint32_t i = 0; code == JQ_OK && i < config->queues.count; i++)
        code = declare(&all, config_queue(config, i));
    while (code != JQ_OK && all.made_count > 0)
        server_undeclare(server, all.made[--all.made_count]->item.title);
    free(all.made);
    return code;
}

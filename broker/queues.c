/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of the configuration, declared in an order in which each finds where its dead letters go. */
#include "queues.h"
#include "codes.h"

static void explain(const struct config_queue *queue, const struct server_answer *answer, struct config_error *error)
{
    int used =
        snprintf(error->text, sizeof error->text, "%s:%u: queue \"%s\": ", queue->item.file ? queue->item.file : "?",
                 queue->item.line, queue->item.title);
    size_t at = used < (int)sizeof error->text ? (size_t)used : sizeof error->text;
    if (answer->differs)
        config_queue_clash(queue, answer->option, answer->is, error->text + at, sizeof error->text - at);
    else
        snprintf(error->text + at, sizeof error->text - at, "%s",
                 *answer->text ? answer->text : jqw_code_text(answer->code));
}

/* Those that it sends dead letters to come first; there is no circle. */
static int declare(struct server *server, const struct config *config, const struct config *before,
                   const struct config_queue *queue, struct config_error *error)
{
    struct server_answer answer;
    if (before && config_queue_named(before, queue->item.title))
        return JQ_OK;
    const struct config_queue *letters =
        queue->options.dead_letter.size ? config_queue_named(config, queue->dead_letter) : NULL;
    int code = letters ? declare(server, config, before, letters, error) : JQ_OK;
    if (code != JQ_OK)
        return code;
    code = server_declare(server, queue->item.title, &queue->options, &answer);
    if (code != JQ_OK)
        explain(queue, &answer, error);
    return code;
}

int queues_declare(struct server *server, const struct config *config, const struct config *before,
                   struct config_error *error)
{
    int code = JQ_OK;
    for (uint32_t i = 0; code == JQ_OK && i < config->queues.count; i++)
        code = declare(server, config, before, config_queue(config, i), error);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about queues as a whole: their options, their pauses, their end. */
#include "words.h"

#include <string.h>

enum kind { NUMBER, MILLISECONDS, CHOICE, FLAG };

static const struct option {
    const char *word;
    enum engine_option option;
    size_t at;
    enum kind kind;
    const char *const *choices;
} options[] = {
#define AT(option, member) ENGINE_OPTION_##option, offsetof(struct engine_queue_options, member)
    {"max", AT(MAX_MESSAGES, max_messages), NUMBER, NULL},
    {"bytes", AT(MAX_BYTES, max_bytes), NUMBER, NULL},
    {"bound", AT(BOUND, bound), CHOICE, (const char *const[]){"queued", "outstanding", NULL}},
    {"order", AT(ORDER, order), CHOICE, (const char *const[]){"fifo", "lifo", "priority", NULL}},
    {"counter", AT(ACCOUNTING, accounting), FLAG, NULL},
    {"lease", AT(LEASE_MS, lease_ms), MILLISECONDS, NULL},
    {"max-deliveries", AT(MAX_DELIVERIES, max_deliveries), NUMBER, NULL},
    {"ttl", AT(TTL_MS, ttl_ms), MILLISECONDS, NULL},
    {"producers", AT(PRODUCERS, producers), NUMBER, NULL},
    {"on-lost", AT(ON_PRODUCER_LOST, on_producer_lost), CHOICE, (const char *const[]){"wait", "end", "fail", NULL}},
    {"grace", AT(PRODUCER_GRACE_MS, producer_grace_ms), MILLISECONDS, NULL},
    {"lifetime", AT(LIFETIME, lifetime), CHOICE, (const char *const[]){"permanent", "session", "users", NULL}},
    {"idle-delete", AT(IDLE_DELETE_MS, idle_delete_ms), MILLISECONDS, NULL},
    {"sync", AT(SYNC_MS, sync_ms), MILLISECONDS, NULL},
    {"durable", AT(DURABLE, durable), FLAG, NULL},
};

static uint64_t choice(struct words *w, const struct option *option, const char *text)
{
    for (uint64_t i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0)
            return i;
    }
    words_wrong(w, "no such choice");
    return 0;
}

static uint64_t option_value(struct words *w, const struct option *option, const char *text)
{
    switch (option->kind) {
    case CHOICE:
        return choice(w, option, text);
    case MILLISECONDS:
        return words_duration(w, text, 0) / 1000000;
    default:
        return option->option == ENGINE_OPTION_PRODUCERS && strcmp(text, "auto") == 0 ? ENGINE_PRODUCERS_AUTO
                                                                                      : words_number(w, text, 0);
    }
}

static void take_option(struct words *w, const struct option *option)
{
    struct engine_command *c = &w->ask->command;
    uint64_t *member = (uint64_t *)(void *)((char *)&c->declare.options + option->at);
    const char *text = option->kind == FLAG ? NULL : words_value(w, option->word);
    bool given = option->kind == FLAG ? words_flag(w, option->word) : text != NULL;
    if (!given)
        return;
    *member = text ? option_value(w, option, text) : 1;
    c->declare.given |= 1u << option->option;
}

static void take_options(struct words *w)
{
    struct engine_command *c = &w->ask->command;
    const char *letter = words_value(w, "dead-letter");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        take_option(w, &options[i]);
    if (!letter)
        return;
    c->declare.given |= 1u << ENGINE_OPTION_DEAD_LETTER;
    c->declare.options.dead_drop = strcmp(letter, "drop") == 0;
    if (strcmp(letter, "drop") != 0 && strcmp(letter, "none") != 0)
        c->declare.options.dead_letter = words_text(letter);
}

void ask_declare(struct words *w)
{
    struct engine_command *c = &w->ask->command;
    c->declare.options.producer_grace_ms = 10000;
    take_options(w);
    c->declare.existing_ok = words_flag(w, "existing-ok");
    (void)words_queue(w);
}

void ask_alter(struct words *w)
{
    take_options(w);
    (void)words_queue(w);
}

void ask_delete(struct words *w)
{
    w->ask->command.delete_.if_empty = words_flag(w, "if-empty");
    w->ask->command.delete_.force = words_flag(w, "force");
    (void)words_queue(w);
}

/* "pause Q", "pause Q puts", "resume Q gets" */
void ask_pause(struct words *w)
{
    struct engine_command *c = &w->ask->command;
    bool puts = words_flag(w, "puts"), gets = words_flag(w, "gets");
    c->pause.resume = strcmp(w->script->verb, "resume") == 0;
    c->pause.puts = puts || !gets;
    c->pause.gets = gets || !puts;
    (void)words_queue(w);
}

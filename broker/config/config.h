/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of the broker as one checked struct: made of defaults, a file and the command line. What options there are is in
 * config_table.c alone. It starts nothing, and knows nothing of who reads the struct. */
#ifndef JOINQ_CONFIG_CONFIG_H
#define JOINQ_CONFIG_CONFIG_H

#include "base.h"
#include "engine_command.h"
#include "log.h"
#include "server.h"
#include "url.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_WHY_SIZE = 1024 };
#define CONFIG_USER_PLACE \
    "JOINQD_USER" /* a place; what is from there lives as long as the process, and no file can say it */

/* Sections with a title: as many as the file has of one kind. Each item begins with a config_item. */
struct config_list {
    void *items; /* owned */
    uint32_t count;
};

struct config_item {
    char *title; /* owned */
    char *place; /* owned: where it was said: "FILE:LINE" of its end, a variable or a flag; NULL: nowhere */
};

struct config_listener {
    struct config_item item; /* the title is the URL */
    struct server_listener listener;
    char *clients; /* owned: how they are let in, as words */
};

struct config_queue {
    struct config_item item; /* the title is the name */
    struct engine_queue_options options;
    char *dead_letter; /* owned: a name, "drop", "none" or NULL; options have what it means */
};

/* Who may do what; texts are owned. */
struct config_permission {
    struct config_item item; /* the title is for people */
    char *who, *may, *queues;
};
struct config_group {
    struct config_item item; /* the title is the name */
    char *members;
};
struct config_quota {
    struct config_item item; /* the title is for people */
    char *who;
    uint64_t connections, queues, messages, bytes;
};

struct config_http {
    char *listen;     /* owned: host and port; NULL: there are no pages */
    char *token_file; /* owned */
    bool allow_network;
    struct jqw_url url; /* what `listen` says */
};

struct config {
    struct server_config server; /* .data is owned */
    struct log_config log;
    char *users; /* owned: a file */
    struct config_list permissions, groups, quotas;
    struct config_http http;
    bool own_socket; /* nobody said where to listen: the one listener is the user's own socket */
    struct config_list listeners;
    struct config_list queues;
    struct config_list places; /* where options were said: config_place.c */
};

/* What was wrong: "FILE:LINE: what", "VARIABLE: what", or "what". */
struct config_error {
    char text[CONFIG_WHY_SIZE];
};

void config_init(struct config *config);
void config_fini(struct config *config);

/* Adds what a file says; what options say together is for config_finish. JQ_OK; or JQ_INVALID with what is wrong, and the config is good for config_fini only. */
JQ_MUST_USE int config_read(struct config *config, const char *path, struct config_error *error);

/* The same of a text that is in memory, which is changed; the name is for errors, and for where paths are from. */
JQ_MUST_USE int config_read_text(struct config *config, const char *name, char *text, size_t size,
                                 struct config_error *error);

/* Sets one option as the file would; the value is checked as there. The place is the variable or flag that says it. JQ_OK, or JQ_INVALID
 * with what is wrong and nothing changed. */
JQ_MUST_USE int config_set(struct config *config, const char *section, const char *option, const char *value,
                           const char *place, struct config_error *error);
/* Adds `listen "URL" {}`, said at a place that may be NULL; it is given back for its options. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int config_add_listener(struct config *config, const char *url, const char *place,
                                    struct config_listener **listener, struct config_error *error);
/* Forgets all sections of one kind. */
void config_clear(struct config *config, const char *section);

/* To be called when file, environment and command line have all been taken: looks at options of a section together. JQ_OK, or JQ_INVALID
 * with what is wrong. */
JQ_MUST_USE int config_finish(struct config *config, struct config_error *error);

/* Where an option of a section without a title was said last; NULL: nowhere. */
const char *config_place(const struct config *config, const char *section, const char *option);
/* What is wrong with it, with its place; and with a section that has a title. */
void config_explain(const struct config *config, const char *section, const char *option, const char *what,
                    struct config_error *error);
void config_explain_item(const struct config_item *item, const char *section, const char *what,
                         struct config_error *error);

/* What no option can tell by itself, of what has been finished. JQ_OK, or JQ_INVALID with what is wrong. */
JQ_MUST_USE int config_check(const struct config *config, struct config_error *error);

/* Tells what is in `after` and not in `before`, and the other way round, one sentence each; `late` is what only a restart changes. */
typedef void (*config_told)(void *user, const char *text, bool late);
void config_compare(const struct config *before, const struct config *after, config_told told, void *user);

/* Makes `running` what runs once `next` has been taken up without a restart. What it had instead is in `next` then. */
void config_take(struct config *running, struct config *next);

/* How a queue that is there differs, as the engine tells it (server_answer). */
void config_queue_clash(const struct config_queue *queue, enum engine_option option, uint64_t is, char *why,
                        size_t why_size);
const struct config_queue *config_queue_named(const struct config *config, const char *name); /* NULL: none */

struct config_listener *config_listener(const struct config *config, uint32_t i);
struct config_queue *config_queue(const struct config *config, uint32_t i);

/* Items of the lists above as lines that broker/auth reads; owned by the caller, NULL: no memory. */
char *config_permission_line(const void *permission);
char *config_group_line(const void *group);
char *config_quota_line(const void *quota);

/* All that holds, as a file that says the same. */
void config_dump(const struct config *config, FILE *to);
/* The defaults as a file in which each option is explained, and none is set. */
void config_example(FILE *to);
/* The options, in the macros of man(7). */
void config_manual(FILE *to);

/* Checks that a file is there, a regular one, and for nobody but its owner, who is this user or root. JQ_OK, or JQ_INVALID with why. */
JQ_MUST_USE int config_secret_check(const char *path, char *why, size_t why_size);
/* Reads such a file: its first line, which must not be empty, without the newline. *out is owned by the caller. */
JQ_MUST_USE int config_secret_read(const char *path, char **out, char *why, size_t why_size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario scripts as they stand in a file (README.md says how they are written), read into cases and acts. It knows the shape of a
 * script, not what the verbs mean. */
#ifndef SCENARIO_SCRIPT_H
#define SCENARIO_SCRIPT_H

#include "text.h"

/* One request: SESSION[#LABEL] VERB WORDS... [-> EXPECTED] */
struct script_request {
    struct script_request *next;
    int line;
    char *session;
    char *label; /* NULL: none */
    char *verb;
    char **words;
    size_t word_count;
    char *expected; /* canonical; NULL: its answer is listed below, or it has none */
};

/* What else comes, line by line: ": [at TIME] WHO TEXT", and records: "| TEXT" */
struct script_expected {
    struct script_expected *next;
    int line;
    bool timed;
    uint64_t at;
    char *text; /* canonical */
};

enum script_kind {
    SCRIPT_ASK,        /* one request, in a step of its own */
    SCRIPT_STEP,       /* step [at TIME] { ... }: all in one step */
    SCRIPT_AT,         /* at TIME, after TIME: time passes */
    SCRIPT_TURN,       /* turn: one step with nothing to do but what is left */
    SCRIPT_CRASH,      /* crash [TIME]: the broker dies, and is back so much later with what was durable */
    SCRIPT_SYNC,       /* sync: what was handed to the journal is durable */
    SCRIPT_JOURNAL,    /* journal deferred, refuses, accepts */
    SCRIPT_TURNS,      /* turns by hand: no step but those that the script asks for; turns freely: back to normal */
    SCRIPT_MEMORY,     /* memory short: none for a delay of what cannot be read, until `memory` */
    SCRIPT_UNREADABLE, /* unreadable BODY...: of messages, until this is said again; no word: all can be read */
    SCRIPT_DISK,       /* disk waits: whether bodies can be read is not known, until `disk answers` */
    SCRIPT_LIMIT,      /* limit waiting=N bytes=N: the engine's configuration; first in a case */
};

struct script_act {
    struct script_act *next;
    enum script_kind kind;
    int line, line_last;
    bool timed, relative; /* AT, STEP */
    bool late;            /* no step on the way: the loop wakes up at that time and not before */
    uint64_t time;
    char **words; /* JOURNAL, LIMIT */
    size_t word_count;
    struct script_request *requests;
    struct script_expected *expected, *records;
};

struct script_case {
    struct script_case *next;
    int line;
    char *name;
    struct script_act *acts;
};

struct script {
    const char *path;
    struct arena arena;
    char **lines; /* as they stand there, for messages: lines[n - 1] */
    size_t line_count;
    struct script_case *cases;
};

/* False: said on standard error what is wrong with the file and where. The script is to be freed in any case. */
bool script_read(struct script *script, const char *path);
void script_fini(struct script *script);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* One engine and what stands around it in a broker, with time under the script's control: sessions and requests by name, a store
 * that watches its handles, a journal, and answers that wait until the journal is durable. Everything that the engine says is
 * checked for what must hold always (one answer a request, conservation, releases, slices, engine_next), and collected for the
 * player, which compares it with the script. */
#ifndef SCENARIO_WORLD_H
#define SCENARIO_WORLD_H

#include "bodies.h"
#include "engine.h"
#include "journal.h"
#include "script.h"
#include "text.h"

struct session {
    struct session *next;
    const char *name;
    struct engine_session_id id;
    bool fresh;           /* not yet opened in the engine: the next step does it */
    const char *client;   /* by which hello named it; NULL: none did */
    bool live, ended_now; /* ended_now: in the act that runs */
};

struct request {
    struct request *next;
    const struct script_request *script;
    struct session *session;
    uint32_t id;
    enum engine_op op;
    const char *queue;    /* NULL: none */
    uint64_t incarnation; /* of the queue when the request was made; 0: not known then */
    bool answered, held;  /* held: the answer waits for the journal */
    enum jqw_code code;
    enum engine_why why;
};

/* Something that the engine said. */
struct said {
    struct said *next;
    struct session *session;
    struct request *request; /* NULL: an event */
    const char *who;         /* "A", "A#label" */
    char *text;              /* canonical, without who */
    uint64_t time;           /* when it left */
    uint64_t after;
    struct engine_stat *stat;  /* of an answer to stat: for the fields that the script asks for */
    struct engine_range *lost; /* of an event of lost leases */
    uint32_t lost_count;
    bool matched;
};

struct said_list {
    struct said *first, **end;
};

/* Which incarnations a queue name has had. */
struct incarnation {
    struct incarnation *next;
    const char *name;
    uint64_t value;
};

struct monitor_page {
    struct engine_queue_ref queues[ENGINE_LIST_MAX]; /* names lie in the arena */
    uint32_t count;
    bool more;
};

struct world {
    struct arena arena;
    struct engine *engine;
    struct engine_effects effects;
    struct journal *journal;
    struct bodies bodies;
    struct session *sessions, *monitor;
    struct request *requests;
    struct incarnation *incarnations; /* the newest first */
    struct said_list said, held, records;
    struct engine_record *kept; /* all records so far, deep copies */
    uint32_t kept_count, kept_room;
    struct text snapshot;     /* all queues as the monitor saw them last */
    struct monitor_page page; /* of its last list */
    uint64_t now, session_last, record_last;
    uint32_t request_last;
    bool deferred, by_hand;                 /* journal deferred, turns by hand */
    bool snapshots;                         /* one before each crash, and nothing of before it is read */
    uint64_t snapshot_first, snapshot_last; /* records of the last one; 0: none */
    char **unreadable;                      /* bodies */
    size_t unreadable_count;
    bool disk_waits;
    struct unread *unread; /* answers that were not given */
    struct text problem;   /* what went wrong first; empty: nothing */
    /* the allocation sweep */
    bool short_of_memory; /* where messages cannot be read */
    bool astray;          /* it was, where the script does not say so: what comes is not as written */
    uint64_t fail_at;     /* which allocation fails; 0: none */
    uint64_t allocations; /* so far, within the script's steps */
    bool failed;          /* it has failed by now */
};

#define WORLD_START         UINT64_C(1000000000000) /* what a script calls 0s */
#define WORLD_CLIENT_FORGET UINT64_C(3600000000000)

/* False: no engine (in the sweep, the allocation that fails was one of its making). */
bool world_init(struct world *world, const struct engine_config *config);
void world_fini(struct world *world);

/* The engine dies; after `down` ns a new one has what was durable. All sessions have ended. */
void world_crash(struct world *world, const struct engine_config *config, uint64_t down);
/* Keeps copies of records, for a crash (crash.c). */
void world_keep(struct world *world, const struct engine_record *records, uint32_t count);

/* Says what went wrong, unless something has before. */
void world_problem(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool world_broken(const struct world *world);

/* The session of that name; if there is none it is opened with the next step. */
struct session *world_session(struct world *world, const char *name);
void world_end(struct session *session);
struct request *world_request(struct world *world, uint64_t session_id, uint32_t id);
/* The open or answered request that the script calls SESSION#label. */
struct request *world_labelled(struct world *world, const char *session, const char *label);
const char *world_queue_name(const struct world *world, uint64_t incarnation); /* "?" if never met */
/* The nth incarnation (from 1) of a name, or (0) its newest; 0: none known. */
uint64_t world_incarnation(const struct world *world, const char *name, uint64_t nth);
void world_learn(struct world *world, const char *name, uint64_t incarnation);

void said_add(struct said_list *list, struct said *said);
void said_remove(struct said_list *list, struct said *said);
/* Takes the effects of a step: records to the journal, answers to the lists, releases to the store. */
void world_carry_out(struct world *world, bool watched);

/* ---- step.c: time ---- */

/* One engine_step at world->now, carried out. `watched`: a step of the script's; its allocations count, and it may say things. */
void world_step(struct world *world, const struct engine_command *commands, size_t count, bool watched);
/* Steps until the engine has nothing to do now; nothing if turns are made by hand. */
void world_settle(struct world *world);
/* Lets time pass until `time`, with a step whenever the engine asks for one. `late`: one step then, and none before. */
void world_pass(struct world *world, uint64_t time, bool late);
/* What was handed to the journal is durable: answers leave. */
void world_sync(struct world *world);
void world_journal_accepts(struct world *world, bool accepts);
void world_journal_full(struct world *world); /* it takes only what gives space back */
/* What was found unreadable becomes known, and is carried out. */
void world_disk_answers(struct world *world, bool watched);
/* Ends everything, and checks that nothing is left. */
void world_close(struct world *world);

/* ---- unread.c: bodies that cannot be read ---- */

/* Whether this answer is not given, for some of its bodies cannot be read; it is kept. */
bool world_unreadable(struct world *world, const struct engine_effect *effect);
/* The next of those kept, as a command; its request is open again. False: there is none. */
bool world_unread(struct world *world, struct engine_command *command);

/* ---- monitor.c: a session that looks at all queues after each act ---- */

/* Stat of all queues into the snapshot, with the checks that hold at any moment. */
void monitor_look(struct world *world);
void monitor_hear(struct world *world, const struct engine_effect *effect);
/* Deletes every queue. */
void monitor_delete_all(struct world *world);

/* ---- show.c: what the engine says, as a line of a script ---- */

void show_effect(struct world *world, const struct engine_effect *effect, const struct request *request,
                 struct text *out);
void show_record(struct world *world, const struct engine_record *record, struct text *out);
/* The fields of a stat that the script names, as it names them: "OK ready 2 leased 1". */
void show_stat_fields(const struct engine_stat *stat, const char *expected, struct text *out);

#endif

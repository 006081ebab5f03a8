/* SPDX-License-Identifier: Apache-2.0 */
/* Who is it, and what may it do: users with their passwords, names from certificates and from the kernel, permissions and quotas. It must
 * not know frames, connections, queues, the event loop, or the configuration file: it is given lines of text.
 *
 * Whoever is let in goes by a name that says how it was proved:
 *
 *     ann           by a password           unix:ann      by the kernel, on a Unix socket
 *     cert:ann      by a certificate        nobody        by nothing
 *
 * Permissions, groups and quotas speak of these names. In them '*' stands for any bytes, none too; everything else for itself. */
#ifndef JOINQ_AUTH_AUTH_H
#define JOINQ_AUTH_AUTH_H

#include "base.h"
#include "codes.h"
#include "scram.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum auth_verb {
    AUTH_PUT = 1,
    AUTH_GET = 2,
    AUTH_JOIN = 4,
    AUTH_CLOSE = 8,
    AUTH_DECLARE = 16,
    AUTH_PEEK = 32,
    AUTH_ADMIN = 64,
    AUTH_ANY = 127, /* whichever: whoever may do anything with a queue may see that it is there */
};
/* "put"; static. Of several the first. */
const char *auth_verb_name(unsigned verb);

/* How a listener lets clients in. */
enum auth_method {
    AUTH_OPEN = 1,        /* anybody, who then may do everything */
    AUTH_NOBODY = 2,      /* anybody, as `nobody` */
    AUTH_PEER = 4,        /* by what the kernel says of a Unix socket's other end */
    AUTH_CERTIFICATE = 8, /* by the client's certificate */
    AUTH_PASSWORD = 16,
    AUTH_UNTIL_CONFIGURED = 32, /* with AUTH_OPEN: only as long as there are neither users nor permissions */
};
/* The set that a text names: "password", "certificate,password" ... JQ_OK, or JQ_INVALID with `why` filled. */
JQ_MUST_USE int auth_methods_read(const char *text, unsigned *out, char *why, size_t why_size);
/* Whether each who comes in has proved who it is. */
bool auth_methods_prove(unsigned methods);

enum {
    AUTH_NAME_MAX = 300, /* bytes of a name, with what says how it was proved */
    AUTH_GROUPS_MAX = 64,
    AUTH_CHALLENGE_MAX = JQW_SCRAM_MESSAGE_MAX,
};

/* ---- what is configured ---------------------------------------------------------------------------------------------- */

struct auth_lines {
    const char *const *item;
    size_t count;
    const char *const *name; /* what an error about each begins with; NULL: nothing */
};

/* allow:  "WHO VERBS QUEUES"     ann,@workers put,get jobs.*      verbs also: all
 * groups: "NAME WHO"             workers bob,unix:*,cert:worker-*
 * quotas: "WHO LIMIT=NUMBER..."  ann connections=10 queues=5 messages=1000 bytes=1M
 * WHO and QUEUES are lists with commas. @unix:staff is a group that the kernel knows. '*' alone is nobody's: `nobody` is named or nothing. */
enum auth_change { AUTH_USER_NEW, AUTH_USER_GONE, AUTH_USER_OTHER /* another password */, AUTH_CHANGES };
struct auth_source {
    const char *users; /* file of users and their passwords' proofs; NULL: none */
    struct auth_lines allow, groups, quotas;
    void (*changed)(void *told, const char *user,
                    enum auth_change change); /* told of each, once it is so; NULL: nobody is */
    void *told;
};

enum auth_line { AUTH_LINE_ALLOW, AUTH_LINE_GROUP, AUTH_LINE_QUOTA };
/* Whether a line makes sense by itself. JQ_OK, or JQ_INVALID with `why` filled, or JQ_OVERLOADED. */
JQ_MUST_USE int auth_line_check(enum auth_line kind, const char *text, char *why, size_t why_size);

struct auth;
JQ_MUST_USE int auth_new(struct auth **out); /* JQ_OK, JQ_OVERLOADED or JQ_INTERNAL */
void auth_free(struct auth *auth);           /* all subjects have been left before */
/* Takes what is configured, in place of what was: for those who are in already, too. JQ_OK, or with nothing changed JQ_INVALID (`why`
 * says what is wrong and where) or JQ_OVERLOADED. */
JQ_MUST_USE int auth_load(struct auth *auth, const struct auth_source *source, char *why, size_t why_size);
/* Whether users or permissions ever were: then nothing is allowed to anybody but by a line. */
bool auth_configured(const struct auth *auth);

/* ---- who it is -------------------------------------------------------------------------------------------------------- */

/* Whoever is let in; the same for all connections that come by the same name and groups. Counted. */
struct auth_subject;

/* Each: JQ_OK, JQ_OVERLOADED, or JQ_AUTH_FAILED: there is no such name. */
JQ_MUST_USE int auth_anybody(struct auth *auth, bool everything,
                             struct auth_subject **out); /* AUTH_OPEN, AUTH_NOBODY */
/* The other end of a connected Unix socket. Whoever runs the broker, and root, may do everything. Looks names up in the system's
 * databases of users. */
JQ_MUST_USE int auth_peer(struct auth *auth, int fd, struct auth_subject **out);
JQ_MUST_USE int auth_certificate(struct auth *auth, const char *name, struct auth_subject **out);
void auth_leave(struct auth *auth, struct auth_subject *subject); /* NULL is allowed */
const char *auth_name(const struct auth_subject *subject);
/* A user whose entry is no longer there, or is another one: it has to prove itself anew. */
bool auth_is_over(const struct auth_subject *subject);

/* A password, in two steps. */
struct auth_exchange;
JQ_MUST_USE struct auth_exchange *auth_exchange_new(void); /* NULL: no memory */
void auth_exchange_free(struct auth_exchange *exchange);   /* NULL is allowed */
/* What the client says first: `bound` that it has chosen the mechanism bound to TLS; `channel` names the TLS connection, NULL: there is
 * none. JQ_OK with the challenge, as text; JQ_AUTH_FAILED: it makes no sense; JQ_INTERNAL. Unknown users are not told from others. */
JQ_MUST_USE int auth_exchange_first(struct auth *auth, struct auth_exchange *exchange, bool bound,
                                    const uint8_t *channel, const char *data, size_t size,
                                    char out[AUTH_CHALLENGE_MAX + 1]);
/* What it says second. JQ_OK with what the client is to be told, and the subject; JQ_AUTH_FAILED; JQ_OVERLOADED; JQ_INTERNAL. */
JQ_MUST_USE int auth_exchange_final(struct auth *auth, struct auth_exchange *exchange, const char *data, size_t size,
                                    char out[AUTH_CHALLENGE_MAX + 1], struct auth_subject **subject);
/* Who it wants to be, for logs; "" until that was said. */
const char *auth_exchange_user(const struct auth_exchange *exchange);

/* ---- what it may do ---------------------------------------------------------------------------------------------------- */

/* Whether it may do one of these with the queue. */
bool auth_may(const struct auth_subject *subject, unsigned verbs, const char *queue, size_t size);
bool auth_may_everything(const struct auth_subject *subject);
/* The patterns of queues that it may do anything with, at most `max`; valid until the next auth_load. Returns how many; not for who may
 * do everything. */
size_t auth_patterns(const struct auth_subject *subject, const char **out, size_t max);

struct auth_quota {
    uint64_t connections; /* 0: no limit */
    uint64_t queues;      /* that it has made */
    uint64_t messages;    /* put in a second, */
    uint64_t bytes;       /* and of their bodies */
};
const struct auth_quota *auth_quota(const struct auth_subject *subject);
/* A number of its name, in this run; 0 while no quota counts what it has made. */
uint64_t auth_number(const struct auth_subject *subject);
/* A connection more, or one less; `connect` is JQ_OK or JQ_OVERLOADED. All of a name count, whatever groups they come with. */
JQ_MUST_USE int auth_connect(struct auth_subject *subject);
void auth_disconnect(struct auth_subject *subject);
enum auth_rate { AUTH_RATE_NONE, AUTH_RATE_MESSAGES, AUTH_RATE_BYTES };
/* So many messages more, of so many bytes. AUTH_RATE_NONE; or which of the two is used up for this second, and nothing is spent. A batch that
 * begins within the quota passes as a whole, and is paid for after, also by who leaves and comes back. */
enum auth_rate auth_spend(struct auth_subject *subject, uint64_t messages, uint64_t bytes, uint64_t now_ns);

/* ---- entries of the users file ------------------------------------------------------------------------------------------ */

enum { AUTH_ENTRY_MAX = 512 };
/* "name:SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey". JQ_OK, or JQ_INVALID with `why`, or JQ_INTERNAL. */
JQ_MUST_USE int auth_entry_make(const char *name, const char *password, size_t size, uint32_t iterations,
                                char out[AUTH_ENTRY_MAX], char *why, size_t why_size);
/* Whether the entry is this user's, and proves this password. */
bool auth_entry_proves(const char *entry, const char *name, const char *password, size_t size);

/* ---- attempts that failed ------------------------------------------------------------------------------------------------ */

/* A bounded memory of where failed attempts came from: an address may fail AUTH_FAILURES_MAX times, and then once in
 * AUTH_FAILURE_NS; in between nothing from there is looked at. */
enum { AUTH_FAILURES_MAX = 20 };
#define AUTH_FAILURE_NS UINT64_C(2000000000)
struct auth_failures;
JQ_MUST_USE int auth_failures_new(struct auth_failures **out); /* JQ_OK, JQ_OVERLOADED or JQ_INTERNAL */
void auth_failures_free(struct auth_failures *failures);
bool auth_failures_allow(const struct auth_failures *failures, const char *address, uint64_t now_ns);
void auth_failures_add(struct auth_failures *failures, const char *address, uint64_t now_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* How often something may be said: each site (a message that is static) for itself, and of one site each whom a line is about for itself, so
 * that nobody keeps the lines about others from being told. What is left out is counted. It must not know lines nor where they go. */
#ifndef JOINQ_SERVER_LOG_RATE_H
#define JOINQ_SERVER_LOG_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOG_WHO_MAX = 64,     /* bytes of a name that are told */
    LOG_STRANGER_MAX = 20 /* lines of a site in a while about an address from which nobody has come in */
};
#define LOG_WHILE_NS UINT64_C(10000000000) /* in which a site says so much about one: */
enum { LOG_LINES_MAX = 1000 };
enum { LOG_UNPROVED_MAX = 5 * LOG_LINES_MAX }; /* and about all together who have not proved who they are */

/* Whom a line is about. */
struct log_who {
    const char *name; /* "": nobody in particular */
    enum log_known { LOG_STRANGER, LOG_UNPROVED, LOG_PROVED } is;
};

/* Whether one more may be said; otherwise it is counted. */
bool log_rate_allows(const char *site, const struct log_who *who, bool audit, uint64_t now_ns);

/* What was left out. */
struct log_left_out {
    const char *site;
    char name[LOG_WHO_MAX]; /* "": of all those for whom there was no place of their own */
    bool audit;
    uint64_t count;
};
/* When what was left out is to be told; UINT64_MAX: nothing was. */
uint64_t log_rate_due(void);
/* The next of it, which is counted anew then. False: there is nothing more. */
bool log_rate_take(struct log_left_out *out);

#endif

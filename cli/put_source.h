/* SPDX-License-Identifier: Apache-2.0 */
/* Where `put` takes messages from: arguments, whole files, or the records of standard input. It knows no connection. */
#ifndef JOINQ_CLI_PUT_SOURCE_H
#define JOINQ_CLI_PUT_SOURCE_H

#include <joinq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum put_source_kind { PUT_SOURCE_WORDS, PUT_SOURCE_FILES, PUT_SOURCE_INPUT };
enum put_source_state {
    PUT_SOURCE_READY, /* a body was handed out */
    PUT_SOURCE_WAIT,  /* nothing whole has been read: put_source_fill */
    PUT_SOURCE_END,
    PUT_SOURCE_FAILED, /* .error says why */
};
enum { PUT_RECORD_MAX = 64 * 1024 * 1024 /* bytes of a message; far above what a broker takes */ };

struct put_source {
    enum put_source_kind kind;
    char separator; /* of the records of standard input */
    char **words;   /* arguments or files left, ending with NULL */
    char **kept;    /* contents of files handed out since the last release */
    size_t kept_count;
    char *data; /* of standard input: from `start` to `end`, looked through up to `seen` */
    size_t start, seen, end, capacity;
    bool ended;
    struct joinq_body last;
    bool again; /* `last` is the next */
    char error[512];
};

/* words end with NULL; for PUT_SOURCE_INPUT they are not looked at. */
void put_source_init(struct put_source *source, enum put_source_kind kind, char **words, char separator);
void put_source_fini(struct put_source *source);
/* The next body; valid until put_source_release or put_source_fill. */
enum put_source_state put_source_next(struct put_source *source, struct joinq_body *out);
/* The last body is handed out once more by the next put_source_next. */
void put_source_again(struct put_source *source);
/* Bodies handed out are needed no more (but for one that is to come again). */
void put_source_release(struct put_source *source);
/* Reads once from standard input; may wait. Everything whole must have been taken. */
void put_source_fill(struct put_source *source);

#endif

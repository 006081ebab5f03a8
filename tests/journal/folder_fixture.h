/* SPDX-License-Identifier: Apache-2.0 */
/* A folder on the disk in memory, and a journal in it whose record n is a put numbered 10 n with one body. Everything that is not so fails
 * the test at once. */
#ifndef JOINQ_TESTS_JOURNAL_FOLDER_FIXTURE_H
#define JOINQ_TESTS_JOURNAL_FOLDER_FIXTURE_H

#include "disk.h"
#include "journal_file.h"

enum { SEGMENT = 8192, MS = 1000000, BODY = 200 };

struct fixture {
    struct random random;
    struct disk disk;
    struct journal *journal;
    struct journal_report report;
    uint8_t id[JOURNAL_ID_SIZE];
    uint8_t body[BODY + 2];
    uint64_t now, last, seen, gap_first, gap_last, found;
    uint32_t adopted;
    int code;
};

void init(struct fixture *f);
/* What is found from then on is counted anew. */
struct journal_config config_of(struct fixture *f, uint64_t from);
int start(struct fixture *f, uint64_t from);
void check(struct fixture *f, uint64_t from, int code);
/* All that the disk is asked for, at once. */
void work(struct fixture *f);
/* One batch of puts. */
void put(struct fixture *f, uint32_t count, bool now);
uint8_t *segment(struct fixture *f, size_t index, uint64_t *size);
void stop(struct fixture *f); /* as a killed process does */
void end(struct fixture *f);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* PROTOCOL.md against the code: messages and their layouts, codes, fields of stat, limits. Argument: the document. */
#include "schema.h"
#include "wire_show.h"
#include "wire_vectors.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *path;
static char *document;

/* How often the text stands at the beginning of a line. */
static unsigned lines_with(const char *text)
{
    unsigned count = 0;
    for (const char *at = strstr(document, text); at; at = strstr(at + 1, text))
        count += at == document || at[-1] == '\n' ? 1 : 0;
    return count;
}

__attribute__((format(printf, 1, 2))) static void expect_line(const char *format, ...)
{
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (lines_with(line) != 1)
        fail_msg("%u lines begin with: %s", lines_with(line), line);
}

/* Rows of the tables that are numbered: | 12 | `...` | */
static unsigned numbered_rows(void)
{
    unsigned count = 0;
    for (const char *at = strstr(document, "\n| "); at; at = strstr(at + 1, "\n| ")) {
        size_t digits = strspn(at + 3, "0123456789");
        count += digits > 0 && strncmp(at + 3 + digits, " | `", 4) == 0 ? 1 : 0;
    }
    return count;
}

static void messages(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        [JQW_KIND_REQUEST] = "request",
        [JQW_KIND_NOTICE] = "notice",
        [JQW_KIND_ANSWER] = "answer",
        [JQW_KIND_EVENT] = "event",
    };
#define JQ_OP(name, lower, number, kind) expect_line("| %d | `%s` | %s |", number, #name, kinds[JQW_KIND_##kind]);
#include "opcodes.def"
#undef JQ_OP
}

static void expect_layout(uint32_t op)
{
    struct jqw_buffer text = {0};
    layout_show(&text, op);
    text.data[text.size - 1] = '\n';
    assert_int_equal(jqw_buffer_append(&text, "", 1), JQ_OK);
    if (lines_with((const char *)text.data) != 1)
        fail_msg("there is no line\n%s", (const char *)text.data);
    jqw_buffer_fini(&text);
}

static void layouts(void **state)
{
    (void)state;
#define JQ_OP(name, lower, number, kind) expect_layout(number);
#include "opcodes.def"
#undef JQ_OP
}

static void codes(void **state)
{
    (void)state;
#define JQ_CODE(name, number, text) expect_line("| %d | `%s` | %s |\n", number, #name, text);
#include "codes.def"
#undef JQ_CODE
}

static void stat_fields(void **state)
{
    (void)state;
    for (uint32_t key = 0; key < jqw_stat_options.count; key++)
        expect_line("| %" PRIu32 " | `%s` | %s |", key, jqw_stat_options.fields[key].name, key == 0 ? "name" : "u64");
}

static void figures(void **state)
{
    (void)state;
    static const char *const kinds[] = {"gauge", "counter"};
    enum { GAUGE, COUNTER };
    unsigned count = 0;
#define JQ_FIGURE(name, kind, meaning)                                \
    expect_line("| `" #name "` | %s | %s |\n", kinds[kind], meaning); \
    count++;
#include "figures.def"
#undef JQ_FIGURE
    unsigned told = 0;
    for (unsigned i = 0; i < 2; i++) {
        char cell[32];
        snprintf(cell, sizeof cell, "` | %s | ", kinds[i]);
        for (const char *at = strstr(document, cell); at; at = strstr(at + 1, cell))
            told++;
    }
    assert_int_equal(told, count);
}

/* Nothing is in the document's tables that is not in the code's. */
static void nothing_else(void **state)
{
    (void)state;
    unsigned count = jqw_stat_options.count, ops = 0;
#define JQ_CODE(name, number, text) count++;
#include "codes.def"
#undef JQ_CODE
#define JQ_OP(name, lower, number, kind) ops++;
#include "opcodes.def"
#undef JQ_OP
    assert_int_equal(numbered_rows(), count + ops);
    unsigned found = 0;
    for (const char *at = strstr(document, " = ["); at; at = strstr(at + 1, " = ["))
        found++;
    assert_int_equal(found, ops);
}

static void limits(void **state)
{
    (void)state;
#define LIMIT(name) expect_line("| `" #name "` | %" PRIu64 " |", (uint64_t)name)
    LIMIT(JQW_NAME_MAX);
    LIMIT(JQW_TEXT_MAX);
    LIMIT(JQW_BATCH_MAX);
    LIMIT(JQW_RANGES_MAX);
    LIMIT(JQW_SETTLE_MAX);
    LIMIT(JQW_LOST_MAX);
    LIMIT(JQW_LIST_MAX);
    LIMIT(JQW_FIGURES_MAX);
    LIMIT(JQW_MESSAGE_MAX);
    LIMIT(JQW_FRAME_MAX);
    LIMIT(JQW_DEPTH_MAX);
    LIMIT(JQW_VALUES_MAX);
    LIMIT(JQW_LINES_MAX);
    LIMIT(JQW_OPTIONS_MAX);
    LIMIT(JQW_TIMEOUT_MS_MAX);
#undef LIMIT
    expect_line("# The protocol of joinq, version %d\n", JQW_VERSION);
}

static int read_document(void **state)
{
    (void)state;
    document = file_text(path);
    return 0;
}

static int free_document(void **state)
{
    (void)state;
    free(document);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),    cmocka_unit_test(layouts), cmocka_unit_test(codes),
        cmocka_unit_test(stat_fields), cmocka_unit_test(figures), cmocka_unit_test(nothing_else),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, read_document, free_document);
}

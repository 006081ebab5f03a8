/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the log: no value, whatever is in it, makes a second line, a second pair, or anything but what its reader takes for one value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "log_line.h"
#include "log_rate.h"

static struct log_line line;

static const char *one(bool json, const char *value, size_t size)
{
    log_line_begin(&line, json, "");
    log_line_text(&line, "k", value, size);
    log_line_end(&line);
    line.text[line.size] = '\0';
    return line.text;
}

static void test_values(void **unused)
{
    static const struct {
        const char *value, *logfmt, *json;
    } cases[] = {
        {"jobs", "k=jobs\n", "{\"k\":\"jobs\"}\n"},
        {"", "k=\"\"\n", "{\"k\":\"\"}\n"},
        {"two words", "k=\"two words\"\n", "{\"k\":\"two words\"}\n"},
        {"a=b", "k=\"a=b\"\n", "{\"k\":\"a=b\"}\n"},
        {"x\" level=error msg=\"y", "k=\"x\\\" level=error msg=\\\"y\"\n", "{\"k\":\"x\\\" level=error msg=\\\"y\"}\n"},
        {"end\\", "k=\"end\\\\\"\n", "{\"k\":\"end\\\\\"}\n"},
        {"a\nlevel=info", "k=\"a\\nlevel=info\"\n", "{\"k\":\"a\\nlevel=info\"}\n"},
        {"a\r\x1b[2Jb", "k=\"a\\x0d\\x1b[2Jb\"\n", "{\"k\":\"a\\u000d\\u001b[2Jb\"}\n"},
        {"gr\xc3\xbc\xc3\x9f", "k=\"gr\xc3\xbc\xc3\x9f\"\n", "{\"k\":\"gr\xc3\xbc\xc3\x9f\"}\n"},
        {"\xff\xc3", "k=\"\\xff\\xc3\"\n", "{\"k\":\"\\u00ff\\u00c3\"}\n"},
        {"\xc2\x85", "k=\"\\xc2\\x85\"\n", "{\"k\":\"\\u00c2\\u0085\"}\n"},                 /* a control character */
        {"\xc0\xaf", "k=\"\\xc0\\xaf\"\n", "{\"k\":\"\\u00c0\\u00af\"}\n"},                 /* too long */
        {"\xe2\x80\xae", "k=\"\\xe2\\x80\\xae\"\n", "{\"k\":\"\\u00e2\\u0080\\u00ae\"}\n"}, /* turns the text around */
        {"\xed\xa0\x80", "k=\"\\xed\\xa0\\x80\"\n", "{\"k\":\"\\u00ed\\u00a0\\u0080\"}\n"}, /* half a pair */
    };
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(one(false, cases[i].value, strlen(cases[i].value)), cases[i].logfmt);
        assert_string_equal(one(true, cases[i].value, strlen(cases[i].value)), cases[i].json);
    }
    assert_string_equal(one(false, "a\0b", 3), "k=\"a\\x00b\"\n");
}

/* A value that is too long is cut within its quotes; as many as a line may have fit it. */
static void test_long_values(void **unused)
{
    char value[5000];
    (void)unused;
    memset(value, '\n', sizeof value);
    for (int json = 0; json < 2; json++) {
        log_line_begin(&line, json, "<6>");
        for (int i = 0; i < 18; i++)
            log_line_text(&line, "key_of_some_length", value, sizeof value);
        log_line_number(&line, "n", UINT64_MAX);
        log_line_end(&line);
        assert_true(line.size < sizeof line.text);
        assert_ptr_equal(memchr(line.text, '\n', line.size), line.text + line.size - 1);
    }
    memset(value, 'x', sizeof value);
    const char *text = one(false, value, sizeof value);
    assert_true(strlen(text) < LOG_VALUE_MAX + 16);
    assert_string_equal(text + strlen(text) - 5, "...\"\n");
}

/* Every byte, alone and before a quote: the value ends where it ends. */
static void test_every_byte(void **unused)
{
    (void)unused;
    for (int byte = 0; byte < 256; byte++) {
        const char value[] = {(char)byte, '"', ' ', 'x'};
        const char *text = one(false, value, sizeof value);
        const char *end = text + strlen(text);
        assert_true(strncmp(text, "k=\"", 3) == 0);
        assert_string_equal(end - 6, "\\\" x\"\n");
        for (const char *at = text; at < end - 1; at++)
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
}

/* ---- how often ---- */

static uint32_t said(const char *site, const char *name, enum log_known is, uint32_t tries, uint64_t now_ns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tries; i++)
        count += log_rate_allows(site, &(struct log_who){name, is}, true, now_ns);
    return count;
}

static uint64_t left_out_of(const char *name)
{
    struct log_left_out left;
    uint64_t count = 0;
    while (log_rate_take(&left))
        count += strcmp(left.name, name) == 0 ? left.count : 0;
    return count;
}

/* Nobody keeps lines about somebody else from being told, and what is left out is counted for whom it was about. */
static void test_each_for_itself(void **unused)
{
    static const char site[] = "refused", other[] = "denied";
    (void)unused;
    assert_int_equal(log_rate_due(), UINT64_MAX);
    assert_int_equal(said(site, "10.0.0.1", LOG_STRANGER, 30, 5), LOG_STRANGER_MAX);
    assert_int_equal(log_rate_due(), 5 + LOG_WHILE_NS);
    assert_int_equal(said(site, "10.0.0.2", LOG_STRANGER, 30, 6), LOG_STRANGER_MAX);
    assert_int_equal(said(site, "ann", LOG_PROVED, 1200, 7), LOG_LINES_MAX);
    assert_int_equal(said(site, "bob", LOG_PROVED, 1, 7), 1);
    assert_int_equal(said(other, "ann", LOG_PROVED, 1, 7), 1);
    assert_int_equal(left_out_of("10.0.0.1"), 10);
    assert_int_equal(log_rate_due(), UINT64_MAX);
    assert_int_equal(said(site, "10.0.0.1", LOG_STRANGER, 30, 4 + LOG_WHILE_NS), 0);
    assert_int_equal(said(site, "10.0.0.1", LOG_STRANGER, 5, 5 + LOG_WHILE_NS), 5);
    assert_int_equal(left_out_of("10.0.0.1"), 30);
}

/* Very many strangers have a bound together, which who has proved who it is does not come under; each that is left out is counted somewhere. */
static void test_very_many(void **unused)
{
    static const char site[] = "turned away";
    struct log_left_out left;
    char name[16];
    uint64_t told = 0, counted = 0;
    (void)unused;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "10.0.%d.%d", i / 256, i % 256);
        told += said(site, name, LOG_STRANGER, 3, 9);
    }
    assert_int_equal(told, LOG_UNPROVED_MAX);
    assert_int_equal(said(site, "ann", LOG_PROVED, 1, 9), 1);
    while (log_rate_take(&left))
        counted += left.count;
    assert_int_equal(told + counted, 5000 * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),          cmocka_unit_test(test_long_values), cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_each_for_itself), cmocka_unit_test(test_very_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

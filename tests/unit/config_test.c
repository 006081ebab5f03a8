/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of the configuration: a file that others could read, or have put there, is refused; and values of every kind, to and fro. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "codes.h"
#include "config_table.h"

struct folder {
    char path[64];
    char file[128];
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/joinq-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof folder->file, "%s/secret", folder->path);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    (void)unlink(folder->file);
    (void)rmdir(folder->file);
    (void)rmdir(folder->path);
    free(folder);
    return 0;
}

static void write_file(const struct folder *folder, const char *bytes, size_t size, mode_t mode)
{
    FILE *file = fopen(folder->file, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_int_equal(fclose(file), 0);
}

static void test_secret(void **state)
{
    const struct folder *folder = *state;
    char why[256], *secret = NULL;
    write_file(folder, "se cret\nmore\n", 13, 0600);
    assert_int_equal(config_secret_check(folder->file, why, sizeof why), JQ_OK);
    assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_OK);
    assert_string_equal(secret, "se cret");
    free(secret);
    write_file(folder, "x", 1, 0400);
    assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_OK);
    assert_string_equal(secret, "x");
    free(secret);
}

static void test_secret_that_others_could_read(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0601, 0666, 0440};
    const struct folder *folder = *state;
    char why[256], *secret = NULL;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(folder, "x", 1, modes[i]);
        assert_int_equal(config_secret_check(folder->file, why, sizeof why), JQ_INVALID);
        assert_non_null(strstr(why, "chmod 600"));
        assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_INVALID);
        assert_null(secret);
    }
}

static void test_secret_of_somebody_else(void **state)
{
    const struct folder *folder = *state;
    char why[256];
    if (geteuid() != 0)
        skip(); /* only root gives files away */
    write_file(folder, "x", 1, 0600);
    assert_int_equal(chown(folder->file, 65534, (gid_t)-1), 0);
    assert_int_equal(config_secret_check(folder->file, why, sizeof why), JQ_INVALID);
    assert_non_null(strstr(why, "another user"));
}

static void test_what_is_no_secret(void **state)
{
    static char large[5000];
    const struct folder *folder = *state;
    char why[256], *secret = NULL;
    memset(large, 'x', sizeof large);
    assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_INVALID);
    assert_non_null(strstr(why, "No such file"));
    write_file(folder, "", 0, 0600);
    assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_INVALID);
    write_file(folder, "\nx", 2, 0600);
    assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_INVALID);
    write_file(folder, "a\0b", 3, 0600);
    assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_INVALID);
    write_file(folder, large, sizeof large, 0600);
    assert_int_equal(config_secret_read(folder->file, &secret, why, sizeof why), JQ_INVALID);
    assert_int_equal(config_secret_check(folder->path, why, sizeof why), JQ_INVALID);
    assert_non_null(strstr(why, "no regular file"));
    assert_null(secret);
}

/* ---- values ---- */

struct values {
    uint32_t small;
    uint64_t large;
    bool yes;
    char *text;
};

static const char *const words[] = {"red", "green", NULL};
#define AT(member) .at = offsetof(struct values, member), .size = sizeof((struct values *)0)->member
static const struct config_option count = {"count", CONFIG_COUNT, AT(small), .min = 2, .max = 9};
static const struct config_option any = {"any", CONFIG_COUNT, AT(small)};
static const struct config_option size = {"size", CONFIG_SIZE, AT(large)};
static const struct config_option time_ns = {"time", CONFIG_TIME, AT(large), .scale = 1000000};
static const struct config_option choice = {"choice", CONFIG_CHOICE, AT(small), .choices = words};
static const struct config_option yes = {"yes", CONFIG_BOOL, AT(yes)};
static const struct config_option text = {"text", CONFIG_TEXT, AT(text)};
static const struct config_option word = {"word", CONFIG_COUNT, AT(large), .max = 5, .word = "auto", .word_value = 99};

static const struct {
    const struct config_option *option;
    const char *in, *out; /* NULL: it is refused */
} cases[] = {
    {&count, "2", "2"},
    {&count, "9", "9"},
    {&count, "1", NULL},
    {&count, "10", NULL},
    {&count, "-2", NULL},
    {&count, "+2", NULL},
    {&count, " 2", NULL},
    {&count, "2 ", NULL},
    {&count, "0x2", NULL},
    {&any, "4294967295", "4294967295"},
    {&any, "4294967296", NULL},
    {&size, "0", "0"},
    {&size, "1024", "1K"},
    {&size, "1025", "1025"},
    {&size, "3G", "3G"},
    {&size, "3072M", "3G"},
    {&size, "3g", NULL},
    {&size, "K", NULL},
    {&size, "17179869183G", "17179869183G"},
    {&size, "17179869184G", NULL},
    {&size, "18446744073709551615", "18446744073709551615"},
    {&size, "18446744073709551616", NULL},
    {&time_ns, "0", "0"},
    {&time_ns, "1000ms", "1s"},
    {&time_ns, "90s", "90s"},
    {&time_ns, "120m", "2h"},
    {&time_ns, "5", NULL},
    {&time_ns, "1d", NULL},
    {&time_ns, "99999999999999h", NULL},
    {&choice, "green", "green"},
    {&choice, "blue", NULL},
    {&choice, "", NULL},
    {&yes, "yes", "yes"},
    {&yes, "no", "no"},
    {&yes, "true", NULL},
    {&text, "a\"\\$b", "\"a\\\"\\\\\\$b\""},
    {&text, "", NULL},
    {&text, "a\nb", NULL},
    {&word, "auto", "auto"},
    {&word, "5", "5"},
    {&word, "99", NULL},
    {&word, "Auto", NULL},
};

static void test_values(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct values values = {.small = 7, .large = 7};
        char why[256] = "", *out = NULL;
        size_t out_size;
        int code = config_value_read(cases[i].option, cases[i].in, &values, why, sizeof why);
        assert_int_equal(code, cases[i].out ? JQ_OK : JQ_INVALID);
        if (code != JQ_OK) {
            assert_non_null(strstr(why, cases[i].option->name));
            assert_true(values.small == 7 && values.large == 7 && !values.yes && !values.text);
            continue;
        }
        FILE *to = open_memstream(&out, &out_size);
        config_value_write(cases[i].option, &values, to);
        assert_int_equal(fclose(to), 0);
        assert_string_equal(out, cases[i].out);
        free(out);
        free(values.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_secret, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_secret_that_others_could_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_secret_of_somebody_else, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_no_secret, make_folder, remove_folder),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* URLs: what is taken, what is refused, and that they come out as they went in. */
#include "codes.h"
#include "url.h"
#include "wire_limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct jqw_url parsed(const char *text)
{
    struct jqw_url url;
    const char *why = "";
    if (jqw_url_parse(text, &url, &why) != JQ_OK)
        fail_msg("%s: %s", text, why);
    return url;
}

static void expect_address(const char *text, enum jqw_url_scheme scheme, const char *user, const char *host,
                           unsigned port)
{
    struct jqw_url url = parsed(text);
    assert_int_equal(url.scheme, scheme);
    assert_string_equal(url.user, user);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.path, "");
}

static void addresses(void **state)
{
    (void)state;
    expect_address("joinq://localhost", JQW_URL_TCP, "", "localhost", JQW_PORT);
    expect_address("joinq://127.0.0.1:0", JQW_URL_TCP, "", "127.0.0.1", 0);
    expect_address("joinq://a-b.example_1.org:65535", JQW_URL_TCP, "", "a-b.example_1.org", 65535);
    expect_address("joinqs://h:00080", JQW_URL_TLS, "", "h", 80);
    expect_address("joinqs://ann.o+x-y_z@h", JQW_URL_TLS, "ann.o+x-y_z", "h", JQW_PORT);
    expect_address("joinq://[::1]", JQW_URL_TCP, "", "::1", JQW_PORT);
    expect_address("joinq://ann@[2001:db8::7]:1", JQW_URL_TCP, "ann", "2001:db8::7", 1);
    expect_address("joinq://[fe80::1%eth0]:2", JQW_URL_TCP, "", "fe80::1%eth0", 2);
    expect_address("joinq://[::ffff:10.0.0.1]", JQW_URL_TCP, "", "::ffff:10.0.0.1", JQW_PORT);
}

static void paths(void **state)
{
    (void)state;
    char text[200] = "unix:///";
    struct jqw_url url = parsed("unix:///run/joinq.sock");
    assert_int_equal(url.scheme, JQW_URL_UNIX);
    assert_string_equal(url.path, "/run/joinq.sock");
    assert_string_equal(url.host, "");
    assert_string_equal(parsed("unix:///tmp/with space:@%41?#").path, "/tmp/with space:@%41?#");
    url = parsed("unix://ann@/run/jo@inq.sock");
    assert_string_equal(url.user, "ann");
    assert_string_equal(url.path, "/run/jo@inq.sock");
    memset(text + 8, 'a', 106);
    assert_int_equal(strlen(parsed(text).path), 107);
}

static const char *const nonsense[] = {
    "",
    "localhost",
    "joinq:",
    "joinq:/h",
    "JOINQ://h",
    "http://h",
    "joinqx://h",
    " joinq://h",
    "tcp://h:1",
    "joinq://",
    "joinq://:1",
    "joinq://h:",
    "joinq://h:65536",
    "joinq://h:99999",
    "joinq://h:000080",
    "joinq://h:-1",
    "joinq://h:+1",
    "joinq://h:1x",
    "joinq://h: 1",
    "joinq://h:0x10",
    "joinq://h/",
    "joinq://h:1/",
    "joinq://h?x",
    "joinq://h#x",
    "joinq://h h",
    "joinq://h\n",
    "joinq://h%41",
    "joinq://\xc3\xa4",
    "joinq://a:b@h",
    "joinq://a:@h",
    "joinq://:@h",
    "joinq://@h",
    "joinq://a@b@h",
    "joinq://a/b@h",
    "joinq://a b@h",
    "joinq://::1",
    "joinq://2001:db8::7:1",
    "joinq://[::1",
    "joinq://::1]",
    "joinq://[]",
    "joinq://[h]",
    "joinq://[127.0.0.1]",
    "joinq://[::1]x",
    "joinq://[::1]1",
    "joinq://[::1]:",
    "joinq://[::1%]",
    "joinq://[::1%a b]",
    "joinq://[::g]",
    "joinq://[1:2:3:4:5:6:7:8:9]",
    "unix:",
    "unix://",
    "unix://run/joinq",
    "unix://./x",
    "unix:///",
    "unix://@/x",
    "unix://ann:secret@/x",
    "unix://a b@/x",
    "unix://ann@",
    "unix://ann@x",
    "unix:///a\nb",
    "unix:///\x7f",
    "unix:/run/joinq",
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct jqw_url url = {.port = 7};
        const char *why = NULL;
        if (jqw_url_parse(nonsense[i], &url, &why) != JQ_INVALID)
            fail_msg("taken: %s", nonsense[i]);
        assert_non_null(why);
        assert_int_equal(url.port, 7);
    }
}

static void expect_why(const char *text, const char *part)
{
    struct jqw_url url;
    const char *why = "";
    assert_int_equal(jqw_url_parse(text, &url, &why), JQ_INVALID);
    if (!strstr(why, part))
        fail_msg("%s: %s", text, why);
}

static void reasons(void **state)
{
    (void)state;
    expect_why("joinq://ann:secret@h", "password");
    expect_why("joinq://2001:db8::7", "brackets");
    expect_why("joinq://h:70000", "65535");
    expect_why("unix://run/joinq", "absolute");
    expect_why("h:19025", "joinq://");
}

static void lengths(void **state)
{
    (void)state;
    char text[800];
    char host[300];
    memset(host, 'a', sizeof host);
    host[255] = '\0';
    snprintf(text, sizeof text, "joinq://%s@%s:1", host, host);
    assert_int_equal(strlen(parsed(text).host), 255);
    host[255] = 'a';
    host[256] = '\0';
    snprintf(text, sizeof text, "joinq://%s", host);
    expect_why(text, "255");
    snprintf(text, sizeof text, "joinq://%s@h", host);
    expect_why(text, "255");
    snprintf(text, sizeof text, "joinq://[%s]", host);
    expect_why(text, "255");
    memset(host, 'a', 108);
    host[108] = '\0';
    snprintf(text, sizeof text, "unix:///%s", host + 1);
    expect_why(text, "107");
}

static void out_as_they_went_in(void **state)
{
    (void)state;
    static const char *const texts[] = {"joinq://h:1", "joinqs://ann@h:19025", "joinq://ann@[::1]:0", "unix:///a/b",
                                        "unix://ann@/a/b"};
    char text[100];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct jqw_url url = parsed(texts[i]);
        assert_int_equal(jqw_url_format(&url, text, sizeof text), (int)strlen(texts[i]));
        assert_string_equal(text, texts[i]);
    }
    struct jqw_url url = parsed("joinq://localhost");
    assert_int_equal(jqw_url_format(&url, text, 10), 23);
    assert_string_equal(text, "joinq://l");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(paths),   cmocka_unit_test(refused),
        cmocka_unit_test(reasons),   cmocka_unit_test(lengths), cmocka_unit_test(out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

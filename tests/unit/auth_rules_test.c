/* SPDX-License-Identifier: Apache-2.0 */
/* Permissions, groups and quotas: what lines mean, and what is no line. */
#include "auth.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES(...)                                                           \
    {                                                                        \
        .item = (const char *const[]){__VA_ARGS__},                          \
        .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
    }

static struct auth *begin(const struct auth_source *source)
{
    struct auth *auth;
    char why[400] = "";
    assert_int_equal(auth_new(&auth), JQ_OK);
    int code = auth_load(auth, source, why, sizeof why);
    assert_string_equal(why, "");
    assert_int_equal(code, JQ_OK);
    return auth;
}

static struct auth_subject *enter(struct auth *auth, const char *name)
{
    struct auth_subject *subject;
    assert_int_equal(auth_certificate(auth, name, &subject), JQ_OK);
    return subject;
}

static bool may(const struct auth_subject *subject, unsigned verbs, const char *queue)
{
    return auth_may(subject, verbs, queue, strlen(queue));
}

/* proves: AUT-4 */
static void what_no_line_allows_is_not_allowed(void **state)
{
    (void)state;
    const struct auth_source source = {
        .allow = LINES("cert:ann put,get jobs.*,x", "cert:*,unix:* peek *.open", "nobody join lobby", "@ops all *"),
        .groups = LINES("ops cert:root,unix:root-*")};
    struct auth *auth = begin(&source);
    struct auth_subject *ann = enter(auth, "ann"), *bob = enter(auth, "bob"), *root = enter(auth, "root"), *nobody;
    assert_int_equal(auth_anybody(auth, false, &nobody), JQ_OK);
    assert_true(may(ann, AUTH_PUT, "jobs.a") && may(ann, AUTH_GET, "jobs.") && may(ann, AUTH_PUT, "x"));
    assert_true(may(ann, AUTH_PUT, "jobs.a/b:c") && may(ann, AUTH_ANY, "x"));
    assert_false(may(ann, AUTH_PUT, "jobs") || may(ann, AUTH_PUT, "xx") || may(ann, AUTH_PUT, "ajobs.a"));
    assert_false(may(ann, AUTH_JOIN, "x") || may(ann, AUTH_CLOSE, "x") || may(ann, AUTH_DECLARE, "x") ||
                 may(ann, AUTH_PEEK, "x") || may(ann, AUTH_ADMIN, "x"));
    assert_true(may(ann, AUTH_PEEK, "a.open") && may(bob, AUTH_PEEK, ".open"));
    assert_false(may(bob, AUTH_PEEK, "a.opens") || may(bob, AUTH_PUT, "x") || may(bob, AUTH_ANY, "x"));
    for (unsigned verb = AUTH_PUT; verb <= AUTH_ADMIN; verb *= 2)
        assert_true(may(root, verb, "anything"));
    assert_true(may(nobody, AUTH_JOIN, "lobby"));
    assert_false(may(nobody, AUTH_PEEK, "a.open") || may(nobody, AUTH_ANY, "x"));
    assert_false(auth_may_everything(root) || auth_may_everything(nobody));
    auth_leave(auth, nobody);
    auth_leave(auth, root);
    auth_leave(auth, bob);
    auth_leave(auth, ann);
    auth_free(auth);
}

static void patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *queue;
        bool fits;
    } cases[] = {
        {"*", "a", true},        {"*", "a/b", true},         {"a*", "a", true},         {"*a", "a", true},
        {"a*b*c", "abc", true},  {"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-c-b", false}, {"**", "x", true},
        {"*.*", "a.b", true},    {"*.*", "ab", false},       {"a", "A", false},         {"a", "aa", false},
        {"*aab", "aaaab", true}, {"a.b", "a-b", false},      {"ab", "a", false},        {"a*", "ba", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[100];
        snprintf(line, sizeof line, "cert:ann put %s", cases[i].pattern);
        const struct auth_source source = {.allow = LINES(line)};
        struct auth *auth = begin(&source);
        struct auth_subject *ann = enter(auth, "ann");
        if (may(ann, AUTH_PUT, cases[i].queue) != cases[i].fits)
            fail_msg("%s and %s", cases[i].pattern, cases[i].queue);
        auth_leave(auth, ann);
        auth_free(auth);
    }
}

static void lines_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        enum auth_line kind;
        const char *text, *why;
    } wrong[] = {
        {AUTH_LINE_ALLOW, "", "nobody is named"},
        {AUTH_LINE_ALLOW, "ann", "no permission is named"},
        {AUTH_LINE_ALLOW, "ann put", "no queue is named"},
        {AUTH_LINE_ALLOW, "ann put,take q", "'take' is none of"},
        {AUTH_LINE_ALLOW, "ann,,bob put q", "empty word"},
        {AUTH_LINE_ALLOW, "ann put, q", "empty word"},
        {AUTH_LINE_ALLOW, "ann put q r", "too much"},
        {AUTH_LINE_ALLOW, "ann put q?", "a pattern is made of"},
        {AUTH_LINE_GROUP, "", "no name of a group"},
        {AUTH_LINE_GROUP, "@ops ann", "no name of a group"},
        {AUTH_LINE_GROUP, "ops", "nobody is named"},
        {AUTH_LINE_GROUP, "ops @others", "has no groups in it"},
        {AUTH_LINE_QUOTA, "ann", "no limit is named"},
        {AUTH_LINE_QUOTA, "ann connections=0", "a number from 1"},
        {AUTH_LINE_QUOTA, "ann connections=x", "a number from 1"},
        {AUTH_LINE_QUOTA, "ann connections=5x", "a number from 1"},
        {AUTH_LINE_QUOTA, "ann messages=99999999999999999999", "a number from 1"},
        {AUTH_LINE_QUOTA, "ann bytes=0", "a number from 1"},
        {AUTH_LINE_QUOTA, "ann byte=1", "bytes=N"},
        {AUTH_LINE_QUOTA, "ann colour=5", "is none of"},
    };
    char why[400];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        why[0] = '\0';
        assert_int_equal(auth_line_check(wrong[i].kind, wrong[i].text, why, sizeof why), JQ_INVALID);
        if (!strstr(why, wrong[i].why))
            fail_msg("%s: %s", wrong[i].text, why);
    }
    assert_int_equal(auth_line_check(AUTH_LINE_QUOTA, "  ann,@ops \t messages=5K", why, sizeof why), JQ_OK);
}

static void methods(void **state)
{
    (void)state;
    unsigned set;
    char why[200];
    assert_int_equal(auth_methods_read("certificate,password", &set, why, sizeof why), JQ_OK);
    assert_int_equal(set, AUTH_CERTIFICATE | AUTH_PASSWORD);
    assert_true(auth_methods_prove(set));
    assert_int_equal(auth_methods_read("nobody,password", &set, why, sizeof why), JQ_OK);
    assert_false(auth_methods_prove(set) || auth_methods_prove(AUTH_OPEN) || auth_methods_prove(0));
    assert_int_equal(auth_methods_read("open,password", &set, why, sizeof why), JQ_INVALID);
    assert_int_equal(auth_methods_read("passwords", &set, why, sizeof why), JQ_INVALID);
}

/* proves: AUT-6 */
static void what_is_loaded_anew_holds_at_once(void **state)
{
    (void)state;
    char why[400];
    const struct auth_source one = {.allow = LINES("cert:ann put a"), .quotas = LINES("cert:ann connections=1")},
                             two = {.allow = LINES("cert:ann get b")}, wrong = {.allow = LINES("@nowhere get b")},
                             none = {0};
    struct auth *auth = begin(&one);
    struct auth_subject *ann = enter(auth, "ann");
    assert_true(may(ann, AUTH_PUT, "a") && !may(ann, AUTH_GET, "b"));
    assert_int_equal(auth_load(auth, &wrong, why, sizeof why), JQ_INVALID);
    assert_non_null(strstr(why, "there is no group 'nowhere'"));
    assert_true(may(ann, AUTH_PUT, "a") && !may(ann, AUTH_GET, "b"));
    assert_int_equal(auth_quota(ann)->connections, 1);
    assert_int_equal(auth_load(auth, &two, why, sizeof why), JQ_OK);
    assert_true(!may(ann, AUTH_PUT, "a") && may(ann, AUTH_GET, "b"));
    assert_int_equal(auth_quota(ann)->connections, 0);
    assert_int_equal(auth_load(auth, &none, why, sizeof why), JQ_OK);
    assert_true(auth_configured(auth)); /* what was closed stays closed */
    assert_false(may(ann, AUTH_GET, "b"));
    auth_leave(auth, ann);
    auth_free(auth);
}

/* proves: AUT-7 */
static void quotas_are_of_a_name(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    const struct auth_source source = {.quotas = LINES("cert:ann connections=2 messages=100", "* connections=1")};
    struct auth *auth = begin(&source);
    struct auth_subject *ann = enter(auth, "ann"), *again = enter(auth, "ann"), *bob = enter(auth, "bob");
    assert_int_equal(auth_connect(ann), JQ_OK);
    assert_int_equal(auth_connect(again), JQ_OK);
    assert_int_equal(auth_connect(ann), JQ_OVERLOADED);
    assert_int_equal(auth_connect(bob), JQ_OK);
    assert_int_equal(auth_connect(bob), JQ_OVERLOADED);
    auth_disconnect(again);
    assert_int_equal(auth_connect(ann), JQ_OK);
    assert_int_equal(auth_spend(ann, 60, 0, second), AUTH_RATE_NONE);
    assert_int_equal(auth_spend(again, 60, 0, second), AUTH_RATE_NONE); /* begins within it, and is paid for later */
    assert_int_equal(auth_spend(ann, 1, 0, second), AUTH_RATE_MESSAGES);
    assert_int_equal(auth_spend(ann, 1, 0, second + second / 5), AUTH_RATE_MESSAGES);
    assert_int_equal(auth_spend(ann, 1, 0, second + second / 4), AUTH_RATE_NONE);
    assert_int_equal(auth_spend(bob, 1000000, 1000000, second), AUTH_RATE_NONE);
    assert_int_equal(auth_spend(bob, 1000000, 1000000, second), AUTH_RATE_NONE);
    auth_leave(auth, bob);
    auth_leave(auth, again);
    auth_leave(auth, ann);
    auth_free(auth);
}

/* What is beyond one of them spends nothing of the other. proves: AUT-7 */
static void bytes_are_counted_beside_messages(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    const struct auth_source source = {.quotas = LINES("cert:ann messages=3 bytes=1K")};
    struct auth *auth = begin(&source);
    struct auth_subject *ann = enter(auth, "ann");
    assert_int_equal(auth_spend(ann, 1, 1000, second), AUTH_RATE_NONE);
    assert_int_equal(auth_spend(ann, 1, 2072, second), AUTH_RATE_NONE);
    assert_int_equal(auth_spend(ann, 1, 1, second), AUTH_RATE_BYTES);
    assert_int_equal(auth_spend(ann, 1, 0, second), AUTH_RATE_NONE); /* an empty one is none of them */
    assert_int_equal(auth_spend(ann, 1, 0, second), AUTH_RATE_MESSAGES);
    assert_int_equal(auth_spend(ann, 1, 1, 3 * second), AUTH_RATE_BYTES);
    assert_int_equal(auth_spend(ann, 1, 1, 3 * second + second / 100), AUTH_RATE_NONE);
    auth_leave(auth, ann);
    auth_free(auth);
}

/* proves: AUT-7 */
static void who_leaves_and_comes_back_has_paid_for_nothing(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    const struct auth_source source = {.quotas = LINES("* messages=1 bytes=1")}, none = {0};
    char why[400];
    struct auth *auth = begin(&source);
    for (uint64_t i = 0; i < 5; i++) {
        struct auth_subject *ann = enter(auth, "ann");
        assert_int_equal(auth_spend(ann, 3, 0, second + i), i ? AUTH_RATE_MESSAGES : AUTH_RATE_NONE);
        auth_leave(auth, ann);
    }
    struct auth_subject *bob = enter(auth, "bob"), *ann;
    assert_int_equal(auth_spend(bob, 1, 1, 9 * second), AUTH_RATE_NONE);
    auth_leave(auth, bob); /* and what ann owed is forgotten, since it is paid for */
    ann = enter(auth, "ann");
    assert_int_equal(auth_spend(ann, 1, 1, 9 * second), AUTH_RATE_NONE);
    assert_int_equal(auth_load(auth, &none, why, sizeof why), JQ_OK);
    assert_int_equal(auth_spend(ann, 100, 100, 9 * second), AUTH_RATE_NONE);
    auth_leave(auth, ann);
    bob = enter(auth, "bob");
    auth_leave(auth, bob);
    auth_free(auth);
}

/* proves: AUT-3 */
static void the_kernel_says_who_is_there(void **state)
{
    (void)state;
    const struct auth_source source = {.allow = LINES("@unix:nogroup put q")};
    struct auth *auth = begin(&source);
    struct auth_subject *peer;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(auth_peer(auth, fds[0], &peer), JQ_OK);
    assert_true(strncmp(auth_name(peer), "unix:", 5) == 0);
    assert_true(auth_may_everything(peer)); /* who runs this */
    auth_leave(auth, peer);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(auth_peer(auth, fds[0], &peer), JQ_AUTH_FAILED);
    auth_free(auth);
}

/* proves: AUT-3 */
static void names_of_certificates(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "a b", "a,b", "*", "@ops", "a\nb", "a'b"};
    const struct auth_source source = {0};
    struct auth *auth = begin(&source);
    struct auth_subject *subject;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(auth_certificate(auth, wrong[i], &subject), JQ_AUTH_FAILED);
    subject = enter(auth, "host.example:8");
    assert_string_equal(auth_name(subject), "cert:host.example:8");
    auth_leave(auth, subject);
    auth_free(auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_line_allows_is_not_allowed),
        cmocka_unit_test(patterns),
        cmocka_unit_test(lines_that_make_no_sense),
        cmocka_unit_test(methods),
        cmocka_unit_test(what_is_loaded_anew_holds_at_once),
        cmocka_unit_test(quotas_are_of_a_name),
        cmocka_unit_test(bytes_are_counted_beside_messages),
        cmocka_unit_test(who_leaves_and_comes_back_has_paid_for_nothing),
        cmocka_unit_test(the_kernel_says_who_is_there),
        cmocka_unit_test(names_of_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

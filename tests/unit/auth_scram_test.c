/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: the exchange of RFC 7677, both ends against one another, and what is wrong with everything else. */
#include "auth.h"
#include "jqc_scram.h"
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

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define NONCE        CLIENT_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
static const char challenge_7677[] = "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

static struct jqc_credentials credentials_of(const char *user, const char *password)
{
    struct jqc_credentials of = {.password_size = strlen(password)};
    snprintf(of.user, sizeof of.user, "%s", user);
    snprintf(of.password, sizeof of.password, "%s", password);
    return of;
}

/* proves: AUT-2 */
static void the_example_of_the_rfc(void **state)
{
    (void)state;
    static const char nonce[JQW_SCRAM_NONCE + 1] = CLIENT_NONCE;
    static const char proof[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    struct jqc_credentials user = credentials_of("user", "pencil");
    struct jqc_scram scram;
    char text[JQW_SCRAM_MESSAGE_MAX + 1];
    jqc_scram_first(&scram, "user", nonce, JQC_BINDING_NONE, NULL, text);
    assert_string_equal(text, "n,,n=user,r=" CLIENT_NONCE);
    assert_int_equal(jqc_scram_final(&scram, &user, challenge_7677, strlen(challenge_7677), text), JQ_OK);
    assert_string_equal(text, "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_true(jqc_scram_proves(&scram, proof, strlen(proof)));
    static const char other[] = "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_false(jqc_scram_proves(&scram, other, strlen(other)));
    assert_false(jqc_scram_proves(&scram, proof, strlen(proof) - 1));
    assert_false(jqc_scram_proves(&scram, "v=", 2));
    assert_false(jqc_scram_proves(&scram, "e=other-error", 13));
}

/* Whoever takes the broker's place cannot make a client work for days, take its half of the nonce away, or take its answer apart.
 * proves: AUT-2 */
static void challenges_that_make_no_sense(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "r=" NONCE,
        "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
        "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000001",
        "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999",
        "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=",
        "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-5",
        "r=" NONCE ",s=,i=4096",
        "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gR==,i=4096",
        "r=" NONCE ",s=W22Z!J0SNY7soEsUEjb6gQ==,i=4096",
        "r=" CLIENT_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=x" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "m=x,r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    };
    static const char nonce[JQW_SCRAM_NONCE + 1] = CLIENT_NONCE;
    struct jqc_credentials user = credentials_of("user", "pencil");
    struct jqc_scram scram;
    char text[JQW_SCRAM_MESSAGE_MAX + 1];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        jqc_scram_first(&scram, "user", nonce, JQC_BINDING_NONE, NULL, text);
        assert_int_equal(jqc_scram_final(&scram, &user, wrong[i], strlen(wrong[i]), text), JQ_PROTOCOL);
    }
}

/* ---- both ends ---- */

static struct {
    struct auth *auth;
    char path[64];
} fixture;

static void entry_add(FILE *file, const char *user, const char *password)
{
    char entry[AUTH_ENTRY_MAX], why[200];
    assert_int_equal(auth_entry_make(user, password, strlen(password), 4096, entry, why, sizeof why), JQ_OK);
    assert_null(strstr(entry, password));
    fprintf(file, "# of %s\n\n%s\n", user, entry);
}

static void an_entry_proves_its_own_password_only(void **state)
{
    char entry[AUTH_ENTRY_MAX], other[AUTH_ENTRY_MAX], why[200];
    (void)state;
    assert_int_equal(auth_entry_make("ann", "one", 3, 4096, entry, why, sizeof why), JQ_OK);
    assert_int_equal(auth_entry_make("ann", "one", 3, 4096, other, why, sizeof why), JQ_OK);
    assert_string_not_equal(entry, other);
    assert_true(auth_entry_proves(entry, "ann", "one", 3));
    assert_true(auth_entry_proves(other, "ann", "one", 3));
    assert_false(auth_entry_proves(entry, "ann", "two", 3));
    assert_false(auth_entry_proves(entry, "ann", "one2", 4));
    assert_false(auth_entry_proves(entry, "an", "one", 3));
    assert_false(auth_entry_proves(entry, "ann:", "one", 3));
    assert_false(auth_entry_proves("", "ann", "one", 3));
    assert_false(auth_entry_proves("ann:nonsense", "ann", "one", 3));
}

static int begin(void **state)
{
    (void)state;
    char why[400] = "";
    snprintf(fixture.path, sizeof fixture.path, "users-XXXXXX");
    int fd = mkstemp(fixture.path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    entry_add(file, "ann", "her password");
    entry_add(file, "bob", "p\xc3\xa4ssw\xc3\xb6rd");
    assert_int_equal(fclose(file), 0);
    assert_int_equal(auth_new(&fixture.auth), JQ_OK);
    const struct auth_source source = {.users = fixture.path};
    int code = auth_load(fixture.auth, &source, why, sizeof why);
    assert_string_equal(why, "");
    assert_int_equal(code, JQ_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    auth_free(fixture.auth);
    return unlink(fixture.path);
}

/* What the two ends of an exchange know of the channel between them; a middle that changes it is not seen by either. */
struct channels {
    enum jqc_binding client;
    bool bound; /* the mechanism that the client says */
    const uint8_t *of_client, *of_broker;
};
static const struct channels no_tls = {JQC_BINDING_NONE, false, NULL, NULL};

/* JQ_OK: both have proved themselves. */
static int exchange(const char *user, const char *password, const struct channels *channels)
{
    struct jqc_credentials of = credentials_of(user, password);
    struct jqc_scram scram;
    struct auth_exchange *broker = auth_exchange_new();
    struct auth_subject *subject = NULL;
    char nonce[JQW_SCRAM_NONCE + 1], text[JQW_SCRAM_MESSAGE_MAX + 1], answer[AUTH_CHALLENGE_MAX + 1];
    assert_int_equal(jqw_scram_nonce(nonce), JQ_OK);
    jqc_scram_first(&scram, user, nonce, channels->client, channels->of_client, text);
    int code =
        auth_exchange_first(fixture.auth, broker, channels->bound, channels->of_broker, text, strlen(text), answer);
    if (code == JQ_OK) {
        assert_string_equal(auth_exchange_user(broker), user);
        assert_int_equal(jqc_scram_final(&scram, &of, answer, strlen(answer), text), JQ_OK);
        code = auth_exchange_final(fixture.auth, broker, text, strlen(text), answer, &subject);
    }
    if (code == JQ_OK) {
        assert_true(jqc_scram_proves(&scram, answer, strlen(answer)));
        assert_string_equal(auth_name(subject), user);
    }
    auth_leave(fixture.auth, subject);
    auth_exchange_free(broker);
    return code;
}

/* proves: AUT-2 */
static void who_knows_the_password_comes_in(void **state)
{
    (void)state;
    assert_int_equal(exchange("ann", "her password", &no_tls), JQ_OK);
    assert_int_equal(exchange("bob", "p\xc3\xa4ssw\xc3\xb6rd", &no_tls), JQ_OK);
    assert_int_equal(exchange("ann", "her passwore", &no_tls), JQ_AUTH_FAILED);
    assert_int_equal(exchange("ann", "", &no_tls), JQ_AUTH_FAILED);
    assert_int_equal(exchange("bob", "her password", &no_tls), JQ_AUTH_FAILED);
    assert_int_equal(exchange("eve", "her password", &no_tls), JQ_AUTH_FAILED);
    assert_int_equal(exchange("eve", "", &no_tls), JQ_AUTH_FAILED);
}

/* proves: AUT-2 */
static void the_channel_is_bound(void **state)
{
    (void)state;
    uint8_t one[JQW_SCRAM_BINDING] = {1}, other[JQW_SCRAM_BINDING] = {2};
    const struct channels bound = {JQC_BINDING_TLS, true, one, one}, middle = {JQC_BINDING_TLS, true, one, other},
                          downgraded = {JQC_BINDING_REFUSED, false, NULL, one},
                          plain_client = {JQC_BINDING_NONE, false, NULL, one},
                          no_tls_there = {JQC_BINDING_TLS, true, one, NULL},
                          not_said = {JQC_BINDING_TLS, false, one, one}, not_done = {JQC_BINDING_NONE, true, NULL, one};
    assert_int_equal(exchange("ann", "her password", &bound), JQ_OK);
    assert_int_equal(exchange("ann", "her password", &middle), JQ_AUTH_FAILED);
    assert_int_equal(exchange("ann", "her password", &downgraded), JQ_AUTH_FAILED);
    assert_int_equal(exchange("ann", "her password", &plain_client), JQ_OK);
    assert_int_equal(exchange("ann", "her password", &no_tls_there), JQ_AUTH_FAILED);
    assert_int_equal(exchange("ann", "her password", &not_said), JQ_AUTH_FAILED);
    assert_int_equal(exchange("ann", "her password", &not_done), JQ_AUTH_FAILED);
}

/* The salt and the iterations that a name is told. */
static void challenge_of(const char *user, char salt[100])
{
    struct auth_exchange *broker = auth_exchange_new();
    char text[200], answer[AUTH_CHALLENGE_MAX + 1];
    snprintf(text, sizeof text, "n,,n=%s,r=0123456789abcdef", user);
    assert_int_equal(auth_exchange_first(fixture.auth, broker, false, NULL, text, strlen(text), answer), JQ_OK);
    snprintf(salt, 100, "%s", strstr(answer, ",s="));
    auth_exchange_free(broker);
}

/* proves: AUT-2 */
static void unknown_users_look_like_known_ones(void **state)
{
    (void)state;
    char ann[100], eve[100], again[100], mallory[100];
    challenge_of("ann", ann);
    challenge_of("eve", eve);
    challenge_of("eve", again);
    challenge_of("mallory", mallory);
    assert_string_equal(eve, again);
    assert_string_not_equal(eve, mallory);
    assert_int_equal(strlen(eve), strlen(ann));
    assert_string_equal(strstr(eve, ",i="), ",i=4096");
    challenge_of("ann", again);
    assert_string_equal(ann, again);
}

static void first_messages_that_make_no_sense(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "n,,",
        "n,,n=ann",
        "n,,n=ann,r=short",
        "n,,n=,r=0123456789abcdef",
        "n,,n=a=2Cb,r=0123456789abcdef",
        "n,,n=ann,r=0123456789abcdef,x=y",
        "n,,r=0123456789abcdef,n=ann",
        "n,,m=x,n=ann,r=0123456789abcdef",
        "n,a=bob,n=ann,r=0123456789abcdef",
        "p=tls-unique,,n=ann,r=0123456789abcdef",
        "x,,n=ann,r=0123456789abcdef",
        "n,,n=ann,r=0123456789 abcdef",
    };
    char answer[AUTH_CHALLENGE_MAX + 1];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct auth_exchange *broker = auth_exchange_new();
        assert_int_equal(auth_exchange_first(fixture.auth, broker, false, NULL, wrong[i], strlen(wrong[i]), answer),
                         JQ_AUTH_FAILED);
        auth_exchange_free(broker);
    }
}

static void second_messages_that_make_no_sense(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "c=biws", "c=biws,r=x", "c=biws,r=x,p=", "p=x", "c=biws,r=x,p=AAAA,x=y"};
    static const char first[] = "n,,n=ann,r=0123456789abcdef";
    char answer[AUTH_CHALLENGE_MAX + 1];
    struct auth_subject *subject = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct auth_exchange *broker = auth_exchange_new();
        assert_int_equal(auth_exchange_final(fixture.auth, broker, wrong[i], strlen(wrong[i]), answer, &subject),
                         JQ_AUTH_FAILED); /* there was no first one */
        assert_int_equal(auth_exchange_first(fixture.auth, broker, false, NULL, first, strlen(first), answer), JQ_OK);
        assert_int_equal(auth_exchange_final(fixture.auth, broker, wrong[i], strlen(wrong[i]), answer, &subject),
                         JQ_AUTH_FAILED);
        auth_exchange_free(broker);
    }
    assert_null(subject);
}

/* proves: AUT-6 */
static void an_entry_that_changes_in_the_middle(void **state)
{
    (void)state;
    static const char nonce[JQW_SCRAM_NONCE + 1] = "0123456789abcdef01234567";
    struct jqc_credentials ann = credentials_of("ann", "her password");
    struct jqc_scram scram;
    struct auth_exchange *broker = auth_exchange_new();
    struct auth_subject *subject = NULL;
    char text[JQW_SCRAM_MESSAGE_MAX + 1], answer[AUTH_CHALLENGE_MAX + 1], why[400];
    jqc_scram_first(&scram, "ann", nonce, JQC_BINDING_NONE, NULL, text);
    assert_int_equal(auth_exchange_first(fixture.auth, broker, false, NULL, text, strlen(text), answer), JQ_OK);
    assert_int_equal(jqc_scram_final(&scram, &ann, answer, strlen(answer), text), JQ_OK);
    FILE *file = fopen(fixture.path, "w");
    entry_add(file, "ann", "another");
    assert_int_equal(fclose(file), 0);
    const struct auth_source source = {.users = fixture.path};
    assert_int_equal(auth_load(fixture.auth, &source, why, sizeof why), JQ_OK);
    assert_int_equal(auth_exchange_final(fixture.auth, broker, text, strlen(text), answer, &subject), JQ_AUTH_FAILED);
    assert_null(subject);
    auth_exchange_free(broker);
    assert_int_equal(exchange("ann", "another", &no_tls), JQ_OK);
}

/* ---- the file of users ---- */

static void file_is(const char *text, mode_t mode, const char *expected)
{
    char path[] = "wrong-XXXXXX", why[400] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    const struct auth_source source = {.users = path};
    int code = auth_load(fixture.auth, &source, why, sizeof why);
    unlink(path);
    assert_int_equal(code, expected ? JQ_INVALID : JQ_OK);
    if (expected && !strstr(why, expected))
        fail_msg("%s", why);
}

static void files_of_users(void **state)
{
    (void)state;
#define KEYS                                                                                    \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    file_is("ann:" KEYS "\n", 0600, NULL);
    file_is("ann:" KEYS, 0640, NULL);
    file_is("", 0600, NULL);
    file_is("ann:" KEYS "\n", 0644, "open to others");
    file_is("ann:" KEYS "\n", 0620, "open to others");
    file_is("ann:" KEYS "\nann:" KEYS "\n", 0600, ":2: this user stands here twice");
    file_is("# all\n\nann:password\n", 0600, ":3: not what");
    file_is("ann\n", 0600, ":1: a line is");
    file_is("nobody:" KEYS "\n", 0600, ":1: a line is");
    file_is("a b:" KEYS "\n", 0600, ":1: a line is");
    file_is("ann:SCRAM-SHA-256$4095:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n",
            0600, ":1: not what");
    file_is("ann:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=\n", 0600,
            ":1: not what");
    assert_int_equal(exchange("ann", "pencil", &no_tls), JQ_AUTH_FAILED); /* the last one that was good is empty */
    file_is("ann:" KEYS "\n", 0600, NULL);
    assert_int_equal(exchange("ann", "pencil", &no_tls), JQ_OK);
#undef KEYS
}

/* ---- attempts ---- */

/* proves: AUT-2 */
static void too_many_failures_are_not_looked_at(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    struct auth_failures *failures;
    uint64_t now = 1000 * second;
    assert_int_equal(auth_failures_new(&failures), JQ_OK);
    for (int i = 0; i < AUTH_FAILURES_MAX; i++) {
        assert_true(auth_failures_allow(failures, "192.0.2.1", now));
        auth_failures_add(failures, "192.0.2.1", now);
    }
    assert_false(auth_failures_allow(failures, "192.0.2.1", now));
    assert_true(auth_failures_allow(failures, "192.0.2.2", now));
    now += AUTH_FAILURE_NS + 1;
    assert_true(auth_failures_allow(failures, "192.0.2.1", now));
    auth_failures_add(failures, "192.0.2.1", now);
    assert_false(auth_failures_allow(failures, "192.0.2.1", now));
    for (int i = 0; i < 100000; i++) { /* it takes no more memory for more addresses */
        char address[40];
        snprintf(address, sizeof address, "address %d", i);
        auth_failures_add(failures, address, now);
    }
    auth_failures_free(failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(an_entry_proves_its_own_password_only),
        cmocka_unit_test(challenges_that_make_no_sense),
        cmocka_unit_test_setup_teardown(who_knows_the_password_comes_in, begin, end),
        cmocka_unit_test_setup_teardown(the_channel_is_bound, begin, end),
        cmocka_unit_test_setup_teardown(unknown_users_look_like_known_ones, begin, end),
        cmocka_unit_test_setup_teardown(first_messages_that_make_no_sense, begin, end),
        cmocka_unit_test_setup_teardown(second_messages_that_make_no_sense, begin, end),
        cmocka_unit_test_setup_teardown(an_entry_that_changes_in_the_middle, begin, end),
        cmocka_unit_test_setup_teardown(files_of_users, begin, end),
        cmocka_unit_test(too_many_failures_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

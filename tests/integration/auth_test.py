#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Users, passwords and permissions, as whoever has them and whoever has not meets them."""

import os
import subprocess
import unittest

import harness
from auth_case import AuthCase, AuthFolder
from authority import Authority
from wire_client import AUTH_FAILED, DENIED, DISCONNECTED, OK, OVERLOADED, PROTOCOL, packing
from wire_login import SCRAM, SCRAM_PLUS, Login, TlsLogin

NONE = packing.Pairs()
LISTEN = 'listen "joinq://127.0.0.1:0" { }\n'
ALL = 'permission "all" { who = "root" may = "all" queues = "*" }\n'


class Passwords(AuthCase):
    users = ("ann", "root")
    configuration = LISTEN + ALL + 'permission "ann" { who = "ann" may = "put,get,declare" queues = "jobs" }\n'

    def test_the_tool_comes_in(self):
        """proves: AUT-1 AUT-2"""
        self.tool_of("ann")
        self.joinq("put", "jobs", "hello")
        self.assertEqual(self.joinq("get", "jobs", "-n", "1"), "hello\n")
        self.fails(6, "joinq: put: user 'ann' has no permission put for queue 'others'", "put", "others", "x")

    def test_the_tool_with_a_wrong_password(self):
        """proves: AUT-1 AUT-2"""
        self.tool_of("ann", "wrong")
        url = self.environment["JOINQ_URL"]
        self.fails(6, f"joinq: list: cannot connect to {url}: user or password is wrong", "list")
        self.tool_of("eve")
        url = self.environment["JOINQ_URL"]
        self.fails(6, f"joinq: list: cannot connect to {url}: user or password is wrong", "list")

    def test_the_tool_without_one(self):
        """proves: AUT-1 AUT-2"""
        want = "it wants a user, as in joinqs://user@host, and a password"
        self.fails(6, f"joinq: list: cannot connect to {self.url}: {want}", "list")
        self.tool_of("ann")
        del self.environment["JOINQ_PASSWORD_FILE"]
        want = "joinq: list: no password for user 'ann': JOINQ_PASSWORD_FILE names the file that it stands in"
        self.fails(6, want, "list")
        self.environment["JOINQ_PASSWORD_FILE"] = f"{self.made}/nowhere"
        self.fails(6, f"joinq: list: no password for user 'ann': {self.made}/nowhere does not exist", "list")

    def test_wrong_and_unknown_are_told_in_the_same_words(self):
        """proves: AUT-1 AUT-2"""
        answers = []
        for user, password in (("ann", "wrong"), ("eve", "wrong"), ("eve", "")):
            client = Login(self.url, user, password)
            answers.append(client.login())
            self.assertIsNone(client.receive())
            client.close()
        self.assertEqual(answers[0], ["RESULT", AUTH_FAILED, "user or password is wrong", 0, 0])
        self.assertEqual(answers, [answers[0]] * 3)
        said = self.broker.said()
        self.assertIn("'eve'", said)
        self.assertIn("127.0.0.1", said)
        self.assertNotIn("wrong'", said)

    def test_one_attempt_and_no_third_step(self):
        """proves: AUT-1 AUT-2"""
        client = Login(self.url, "ann", "ann")
        text, _ = client.final(client.first()[4])
        self.assertEqual(client.ask("AUTH", SCRAM, text)[0], "WELCOME")
        client.send("AUTH", SCRAM, text)
        self.assertEqual(client.receive()[:3], ["RESULT", 0, PROTOCOL])
        client.close()

    def test_a_proof_holds_once(self):
        """proves: AUT-1 AUT-2"""
        client, other = Login(self.url, "ann", "ann"), Login(self.url, "ann", "ann")
        text, _ = client.final(client.first()[4])
        other.first()
        self.assertEqual(other.ask("AUTH", SCRAM, text)[1], AUTH_FAILED)
        client.close()
        other.close()

    def test_without_tls_there_is_nothing_to_bind_to(self):
        """proves: AUT-1 AUT-2"""
        for header in ("p=tls-exporter,,", "p=tls-unique,,", "x,,"):
            client = Login(self.url, "ann", "ann")
            self.assertEqual(client.challenge[3], SCRAM)
            self.assertEqual(client.first(header)[1], AUTH_FAILED)
            client.close()
        client = Login(self.url, "ann", "ann")
        self.assertEqual(client.ask("AUTH", 2, "p=tls-exporter,,n=ann,r=0123456789abcdef")[1], AUTH_FAILED)
        client.close()

    def test_the_second_step_is_of_the_same_kind(self):
        """proves: AUT-1 AUT-2"""
        client = Login(self.url, "ann", "ann")
        text, _ = client.final(client.first()[4])
        self.assertEqual(client.ask("AUTH", 2, text)[1], AUTH_FAILED)
        client.close()

    def test_who_fails_too_often_is_not_looked_at(self):
        """Others go on meanwhile, and are let in from elsewhere. proves: AUT-1 AUT-2"""
        witness = self.client("ann")
        for _ in range(20):
            client = Login(self.url, "ann", "wrong")
            self.assertEqual(client.login()[1], AUTH_FAILED)
            client.close()
        client = Login(self.url, "ann", "ann")
        self.assertEqual(client.login()[1:3], [OVERLOADED, "too many failed attempts from here, try later"])
        client.close()
        self.assertEqual(witness.put("jobs", [b"x"])[1], OK)
        self.assertIn("too many failed attempts", self.broker.said())

    def test_a_session_of_somebody_else_is_not_ended(self):
        """proves: AUT-1 AUT-2"""
        name = os.urandom(16)
        held = self.client("root", client=name)
        client = Login(self.url, "ann", "ann", client=name)
        self.assertEqual(client.login()[1], DENIED)
        client.close()
        self.assertEqual(held.ask("PING", 1)[1], OK)
        again = self.client("root", client=name)
        self.assertEqual(held.receive()[:3], ["RESULT", 0, DISCONNECTED])
        self.assertEqual(again.ask("PING", 1)[1], OK)


class Sockets(AuthCase):
    users = ("ann",)
    configuration = (
        'listen "unix://FOLDER/socket" { }\n' + 'permission "ann" { who = "ann" may = "put,declare" queues = "jobs" }\n'
    )

    def test_by_the_kernel_or_by_a_password(self):
        """proves: AUT-3"""
        self.joinq("put", "jobs", "of who runs the broker")
        self.joinq("get", "jobs", "-n", "1")
        self.tool_of("ann")
        self.assertIn("unix://ann@/", self.environment["JOINQ_URL"])
        self.joinq("put", "jobs", "of ann")
        self.fails(6, "joinq: get: user 'ann' has no permission get for queue 'jobs'", "get", "jobs", "-n", "1")


class Certificates(AuthCase):
    """Over TLS: by the name in a certificate, or by a password that is bound to the connection."""

    users = ("ann",)
    configuration = (
        'listen "joinqs://127.0.0.1:0" { }\n'
        + 'tls { cert = "CERT" key = "KEY" ca = "CA" client_cert_optional = yes }\n'
        + 'permission "machines" { who = "cert:worker-*" may = "get" queues = "jobs" }\n'
        + 'permission "ann" { who = "ann" may = "put,declare" queues = "jobs" }\n'
    )

    def configure(self, configuration):
        self.ca = Authority(f"{self.made}/ca", "our CA")
        pem, key = self.ca.issue("broker", "DNS:localhost,IP:127.0.0.1")
        for name, file in (("CERT", pem), ("KEY", key), ("CA", self.ca.pem)):
            configuration = configuration.replace(f'"{name}"', f'"{file}"')
        super().configure(configuration)

    def as_machine(self, name):
        pem, key = self.ca.issue(name)
        self.environment = dict(os.environ, JOINQ_URL=self.url, JOINQ_CA=self.ca.pem, JOINQ_CERT=pem, JOINQ_KEY=key)

    def test_by_certificate_and_by_password(self):
        """proves: AUT-2 AUT-3"""
        self.tool_of("ann")
        self.environment["JOINQ_CA"] = self.ca.pem
        self.joinq("put", "jobs", "of ann")
        self.fails(6, "joinq: get: user 'ann' has no permission get for queue 'jobs'", "get", "jobs", "-n", "1")
        self.as_machine("worker-7")
        self.assertEqual(self.joinq("get", "jobs", "-n", "1"), "of ann\n")
        denied = "joinq: put: user 'cert:worker-7' has no permission put for queue 'jobs'"
        self.fails(6, denied, "put", "jobs", "x")
        self.as_machine("ann")  # whose certificate is nobody's password
        denied = "joinq: put: user 'cert:ann' has no permission put for queue 'jobs'"
        self.fails(6, denied, "put", "jobs", "x")

    def test_a_wrong_password_over_tls(self):
        """proves: AUT-2 AUT-3"""
        self.tool_of("ann", "wrong")
        self.environment["JOINQ_CA"] = self.ca.pem
        url = self.environment["JOINQ_URL"]
        self.fails(6, f"joinq: list: cannot connect to {url}: user or password is wrong", "list")

    def test_who_says_that_it_was_not_offered_to_bind(self):
        """Somebody in between has taken the offer away. proves: AUT-2 AUT-3"""
        for header, code in (("n,,", "WELCOME"), ("y,,", "RESULT"), ("p=tls-exporter,,", "RESULT")):
            client = TlsLogin(self.url, "ann", "ann")
            self.assertEqual(client.challenge[3], SCRAM | SCRAM_PLUS)
            answer = client.first(header)
            if answer[0] == "CHALLENGE":
                answer = client.ask("AUTH", SCRAM, client.final(answer[4])[0])
            self.assertEqual(answer[0], code)
            client.close()
        client = TlsLogin(self.url, "ann", "ann")
        client.mechanism = SCRAM_PLUS
        asked = client.first("p=tls-exporter,,")
        self.assertEqual(asked[0], "CHALLENGE")
        self.assertEqual(client.ask("AUTH", SCRAM_PLUS, client.final(asked[4])[0])[1], AUTH_FAILED)  # bound to nothing
        client.close()

    def test_with_neither(self):
        """proves: AUT-2 AUT-3"""
        self.environment = dict(os.environ, JOINQ_URL=self.url, JOINQ_CA=self.ca.pem)
        want = "it wants a user, as in joinqs://user@host, and a password"
        self.fails(6, f"joinq: list: cannot connect to {self.url}: {want}", "list")


class Deadline(AuthCase):
    configuration = "limits { hello_timeout = 50ms }\n" + LISTEN + ALL
    users = ("root",)

    def configure(self, configuration):
        self.write("joinqd.conf", 'access { users = "users" }\n' + configuration)

    def test_who_does_not_say_it_in_time(self):
        """proves: AUT-1"""
        client = Login(self.url, "root", "root")
        said = client.receive()
        self.assertEqual(said[:4], ["RESULT", 0, PROTOCOL, "no password came in time"])
        self.assertIsNone(client.receive())
        client.close()


class Permissions(AuthCase):
    users = ("ann", "bob", "root")
    configuration = (
        LISTEN
        + ALL
        + 'permission "a" { who = "ann" may = "all" queues = "ann.*" }\n'
        + 'permission "b" { who = "@readers" may = "put,get,peek" queues = "open.*" }\n'
        + 'group "readers" { members = "ann,bob" }\n'
    )

    def setUp(self):
        super().setUp()
        self.root, self.ann, self.bob = (self.client(user) for user in ("root", "ann", "bob"))
        for queue in ("ann.one", "ann.two", "open.one", "secret.one"):
            self.assertEqual(self.root.ask("DECLARE", queue, 0, 0, NONE)[1], OK)

    def denied(self, answer, verb, queue):
        user = "ann"
        self.assertEqual(answer[:3], ["RESULT", DENIED, f"user '{user}' has no permission {verb} for queue '{queue}'"])

    def test_each_queue_of_a_request_is_looked_at(self):
        """proves: AUT-4 AUT-5"""
        ask, target = self.ann.ask, lambda queue: packing.Pairs([(0, queue), (2, 1)])
        others = [packing.Pairs([(0, "ann.two")]), packing.Pairs([(0, "secret.one")])]
        self.denied(ask("GET", "ann.one", 0, 0, 1, 0, [], [], others, 0), "get", "secret.one")
        targets = [target("ann.one"), target("secret.one")]
        self.denied(ask("FORWARD", 0, [], targets, [b"x", b"y"], NONE), "put", "secret.one")
        self.denied(ask("FORWARD", 0, [], targets[1:], [b"y"], NONE), "put", "secret.one")
        self.denied(ask("MOVE", "ann.one", 0, "secret.one", 0, 0, NONE), "put", "secret.one")
        self.denied(ask("MOVE", "secret.one", 0, "ann.one", 0, 0, NONE), "admin", "secret.one")
        letters = packing.Pairs([(8, 1), (15, "secret.one")])
        self.denied(ask("DECLARE", "ann.three", 0, 0, letters), "put", "secret.one")
        self.denied(ask("ALTER", "ann.one", 0, 0, 1 << 8 | 1 << 15, letters), "put", "secret.one")
        self.assertEqual(self.root.stat("secret.one")[15], 0)

    def test_a_put_or_get_makes_no_queue_without_declare(self):
        """proves: AUT-4 AUT-5"""
        for answer in (self.bob.put("open.new", [b"x"]), self.bob.get("open.new")):
            self.assertEqual(answer[1], DENIED)
            self.assertIn("has no permission declare to make it", answer[2])
        others = [packing.Pairs([(0, "open.new")])]
        self.assertEqual(self.bob.ask("GET", "open.one", 0, 0, 1, 0, [], [], others, 0)[1], DENIED)
        self.assertEqual(self.bob.put("open.one", [b"x"])[1], OK)
        self.assertEqual(self.ann.put("ann.new", [b"x"])[1], OK)

    def test_what_was_leased_is_finished_without_a_permission(self):
        """proves: AUT-4 AUT-5"""
        self.assertEqual(self.root.put("open.one", [b"x", b"y"])[1], OK)
        got = self.bob.get("open.one", most=2)
        (first, _, attempt, _), = got[7]
        self.assertEqual(self.bob.ask("DONE", [[got[3], first, 1, attempt]])[1], OK)
        self.assertEqual(self.bob.ask("RELEASE", [[got[3], first + 1, 1, attempt]])[1], OK)

    def names(self, client):
        """Names of all queues that a list shows, a page of one at a time."""
        found, after = [], 0
        while True:
            answer = client.ask("LIST", after, 1)
            for queue in answer[3]:
                queue = dict(queue)
                found.append(queue[0])
                after = queue[1]
            if not answer[4]:
                return found

    def test_a_list_shows_what_one_may_see(self):
        """proves: AUT-4 AUT-5"""
        self.assertEqual(self.names(self.root), ["ann.one", "ann.two", "open.one", "secret.one"])
        self.assertEqual(self.names(self.ann), ["ann.one", "ann.two", "open.one"])
        self.assertEqual(self.names(self.bob), ["open.one"])

    def test_a_dead_letter_comes_from_somewhere(self):
        """proves: AUT-4 AUT-5"""
        options = packing.Pairs([(8, 1), (15, "open.one")])
        self.assertEqual(self.root.ask("DECLARE", "secret.jobs", 0, 0, options)[1], OK)
        self.assertEqual(self.root.put("secret.jobs", [b"x", b"y"])[1], OK)
        got = self.root.get("secret.jobs", most=2)
        (first, count, attempt, _), = got[7]
        self.assertEqual(self.root.ask("NACK", [[got[3], first, count, attempt]], 0, 1)[1], OK)
        seen, shown = dict(self.root.get("open.one")[8][0]), dict(self.bob.get("open.one")[8][0])
        self.assertEqual(seen[7], "secret.jobs")
        self.assertEqual((shown[6], shown.get(7, "")), (seen[6], ""))

    def test_why_names_no_queue_that_one_may_not_see(self):
        """Two queues that wait for each other. proves: AUT-4 AUT-5"""
        for queue in ("open.full", "secret.full"):
            self.assertEqual(self.root.ask("DECLARE", queue, 0, 0, packing.Pairs([(1, 1), (5, 1)]))[1], OK)
            self.assertEqual(self.root.put(queue, [b"x"])[1], OK)
        one, two = self.client("root"), self.client("root")
        self.assertEqual(one.get("open.full")[1], OK)
        self.assertEqual(two.get("secret.full")[1], OK)
        one.send("PUT", "secret.full", 0, None, 0, [b"y"], NONE)
        two.send("PUT", "open.full", 0, None, 0, [b"y"], NONE)
        for client in (one, two):
            self.assertEqual(client.ask("PING", 1)[1], OK)
        everything = self.root.ask("WHY", "open.full", 0)[4]
        self.assertIn("secret.full", everything)
        shown = self.bob.ask("WHY", "open.full", 0)[4]
        self.assertNotIn("secret", shown)
        self.assertEqual(shown, everything.replace("secret.full", "..."))


class Quotas(AuthCase):
    users = ("ann", "bob")
    configuration = (
        LISTEN
        + 'permission "all" { who = "*" may = "all" queues = "*" }\n'
        + 'quota "ann" { who = "ann" connections = 2 queues = 2 messages = 10 }\n'
        + 'quota "bob" { who = "bob" bytes = 1K }\n'
    )

    def test_connections(self):
        """proves: AUT-7"""
        clients = [self.client("ann"), self.client("ann")]
        third = Login(self.url, "ann", "ann")
        answer = third.login()
        self.assertEqual(answer[:2], ["RESULT", OVERLOADED])
        self.assertIn("quota", answer[2])
        self.assertIsNone(third.receive())
        third.close()
        for _ in range(3):
            self.client("bob")
        clients[0].close()

        def lets_in():
            with Login(self.url, "ann", "ann") as client:
                return client.login()[0] == "WELCOME"

        self.until(lets_in, "a connection less")

    def test_queues(self):
        """Those that it has made itself, in whichever way, and that are there. proves: AUT-7"""
        ann, bob = self.client("ann"), self.client("bob")
        self.assertEqual(bob.ask("DECLARE", "of-bob", 0, 0, NONE)[1], OK)
        self.assertEqual(ann.ask("DECLARE", "one", 0, 0, NONE)[1], OK)
        self.assertEqual(ann.ask("DECLARE", "one", 0, 0, NONE)[1], OK)
        self.assertEqual(ann.put("two", [b"x"])[1], OK)
        for answer in (ann.put("three", [b"x"]), ann.get("three"), ann.ask("DECLARE", "three", 0, 0, NONE)):
            self.assertEqual(answer[1:3], [OVERLOADED, "this user has made 2 queues, and may have no more"])
        self.assertEqual(ann.put("of-bob", [b"x"])[1], OK)
        self.assertEqual(bob.ask("DELETE", "one", 0, 0)[1], OK)
        ann.close()
        ann = self.client("ann")
        self.assertEqual(ann.put("three", [b"x"])[1], OK)
        self.assertEqual(ann.put("four", [b"x"])[1], OVERLOADED)
        self.assertEqual(bob.put("four", [b"x"])[1], OK)

    def test_messages(self):
        """proves: AUT-7"""
        ann, bob = self.client("ann"), self.client("bob")
        self.assertEqual(ann.put("q", [b"x"] * 1000)[1], OK)  # begins within it
        answer = ann.put("q", [b"x"])
        self.assertEqual(answer[1], OVERLOADED)
        self.assertIn("10 messages a second", answer[2])
        self.assertEqual(bob.put("q", [b"x"] * 1000)[1], OK)
        self.assertEqual(ann.get("q")[1], OK)

    def test_bytes(self):
        """In a put and where results are passed on; a connection made anew changes nothing. proves: AUT-7"""
        bob = self.client("bob")
        self.assertEqual(bob.put("q", [b"x" * 1000] * 1000)[1], OK)  # begins within it
        bob.close()
        bob, ann = self.client("bob"), self.client("ann")
        answer = bob.put("q", [b"x"])
        self.assertEqual(answer[1], OVERLOADED)
        self.assertIn("user 'bob' puts more than 1024 bytes a second", answer[2])
        answer = bob.ask("FORWARD", 0, [], [packing.Pairs([(0, "q"), (2, 1)])], [b"x"], NONE)
        self.assertEqual(answer[1], OVERLOADED)
        self.assertIn("1024 bytes a second", answer[2])
        self.assertEqual(bob.put("q", [b""])[1], OK)
        self.assertEqual(bob.get("q")[1], OK)
        self.assertEqual(ann.put("q", [b"x" * 10000])[1], OK)


class Begin(unittest.TestCase):
    def refuses(self, configuration, words):
        with AuthFolder(configuration) as folder:
            for check in ((), ("--check",)):
                done = subprocess.run(
                    [harness.JOINQD, *check, "-c", f"{folder}/joinqd.conf"], capture_output=True, timeout=60, check=False
                )
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(words, done.stderr.decode())

    def test_what_would_be_open_to_all(self):
        """proves: AUT-3"""
        self.refuses('listen "joinq://0.0.0.0:0" { }\n', "need not prove who they are")
        self.refuses('listen "joinq://0.0.0.0:0" { clients = "nobody,password" }\n', "need not prove who they are")
        self.refuses('listen "unix://FOLDER/s" { other_users = yes }\n', "other users of the machine")
        self.refuses('http { listen = "0.0.0.0:19026" }\n', "is not a loopback address")
        self.refuses('listen "joinq://127.0.0.1:0" { clients = "anybody" }\n', "is none of open")
        for way in ("password", "peer", "certificate", "certificate,peer,password"):
            self.refuses(f'listen "joinq://127.0.0.1:0" {{ clients = "{way}" }}\n', "nobody could come in")
        self.refuses('permission "x" { who = "ann" may = "fly" queues = "*" }\n', "'fly' is none of")
        self.refuses('permission "x" { who = "@birds" may = "put" queues = "*" }\n', "there is no group 'birds'")

    def test_a_quota_that_would_mean_nobody(self):
        """proves: AUT-7"""
        self.refuses('quota "x" { who = "@birds" connections = 1 }\n', "there is no group 'birds'")
        self.refuses('quota "x" { who = "ann,@unix:staff" connections = 1 }\n', "'@unix:staff': a quota is for no group of the machine")


if __name__ == "__main__":
    harness.main()

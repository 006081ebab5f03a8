#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every request there is, before a client has come in and after, under every kind of identity, against a table of what is allowed."""

import os
import re
import shutil
import tempfile
import traceback
import unittest

import harness
from auth_case import AuthCase

from authority import Authority
from wire_client import AUTH_FAILED, DENIED, LAYOUTS, OK, PROTOCOL, Client, packing
from wire_login import PASSWORD, Login, TlsClient, logged_in

NONE = packing.Pairs()
VERBS = ["put", "get", "join", "close", "declare", "peek", "admin"]
ANY = "put, get, join, close, declare, peek or admin"  # where each would do

# What a request needs, all of it. "any": any permission for the queue. A request without an entry fails the test.
NEEDS = {
    "DECLARE": ("declare",), "ALTER": ("declare",), "DELETE": ("admin",), "PUT": ("put",), "GET": ("get",), "DONE": (), "NACK": (),
    "RELEASE": (), "TOUCH": (), "RECEIVED": (), "TASK_DONE": ("get",), "JOIN": ("join",), "MARK": ("join",),
    "CLOSE": ("close",), "PUT_END": ("close",), "ATTACH": ("put",), "FINISH": ("put",), "CANCEL": (), "STAT": ("any",), "LIST": (),
    "PEEK": ("peek",), "EXPORT": ("peek",), "WHY": ("peek",), "PURGE": ("admin",), "REOPEN": ("admin",), "PAUSE": ("admin",),
    "MOVE": ("admin", "put"), "FORWARD": ("put",), "PING": (), "BYE": (), "BROKER": ("admin",),
}  # fmt: skip
THE_HANDSHAKE = {"HELLO", "AUTH"}


def fields_of(name, queue):
    """A request of the kind about a queue, harmless as far as it can be."""
    return {
        "DECLARE": (queue, 0, 1, NONE), "ALTER": (queue, 0, 0, 0, NONE), "DELETE": (queue, 0, 1),
        "PUT": (queue, 0, 0, 0, [b"x"], NONE), "GET": (queue, 0, 0, 1, 0, [], [], [], 0), "DONE": ([],),
        "NACK": ([], 0, 0), "RELEASE": ([],), "TOUCH": ([],), "RECEIVED": (0,), "TASK_DONE": (queue, 0, 1, NONE),
        "JOIN": (queue, 0, 0, 0, 0), "MARK": (queue, 0), "CLOSE": (queue, 0, 0), "PUT_END": (queue, 0, 1, NONE),
        "ATTACH": (queue, 0, "name", 0), "FINISH": (queue, 0, "name"), "CANCEL": (1,), "STAT": (queue, 0),
        "LIST": (0, 100), "PEEK": (queue, 0, 1), "EXPORT": (queue, 0, 0, 1), "WHY": (queue, 0), "PURGE": (queue, 0),
        "REOPEN": (queue, 0), "PAUSE": (queue, 0, 4), "MOVE": (queue, 0, queue, 0, 0, NONE),
        "FORWARD": (0, [], [packing.Pairs([(0, queue), (2, 1)])], [b"x"], NONE), "PING": (7,), "BYE": (0,),
        "BROKER": (0,), "HELLO": (1, os.urandom(16), "", 0), "AUTH": (1, "n,,n=ann,r=0123456789abcdef"),
    }[name]  # fmt: skip


REQUESTS = [layout for layout in LAYOUTS.values() if layout.kind in ("request", "notice")]


def send_one(client, layout, queue):
    client.send(layout.name, *fields_of(layout.name, queue), request=0 if layout.kind == "notice" else None)


class Table(AuthCase):
    users = (*(f"u-{verb}" for verb in VERBS), "u-all", "u-none", "u-elsewhere")
    configuration = (
        "".join(f'permission "{verb}" {{ who = "u-{verb}" may = "{verb}" queues = "q*" }}\n' for verb in VERBS)
        + 'permission "unix" { who = "unix:*" may = "peek" queues = "q*" }\n'
        + 'permission "certificate" { who = "cert:ann" may = "get,close" queues = "q*" }\n'
        + 'permission "nobody" { who = "nobody" may = "join" queues = "q*" }\n'
        + 'permission "all" { who = "u-all" may = "all" queues = "*" }\n'
        + 'permission "elsewhere" { who = "u-elsewhere" may = "all" queues = "r*" }\n'
        + 'listen "joinq://127.0.0.1:0" { clients = "password" }\n'
        + 'listen "joinq://127.0.0.2:0" { clients = "nobody,password" }\n'
        + 'listen "unix://FOLDER/socket" { clients = "peer" other_users = yes }\n'
        + 'listen "joinqs://127.0.0.1:0" { clients = "certificate" }\n'
        + 'tls { cert = "CA/broker.pem" key = "CA/broker.key" ca = "CA/ca.pem" client_cert_optional = yes }\n'
    )

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="joinq-test-")
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.ca = Authority(folder)
        cls.ca.issue("broker")
        cls.ann, cls.bob, cls.odd = (cls.ca.issue(name) for name in ("ann", "bob", "ann,u-all"))
        cls.configuration = cls.configuration.replace("CA/", folder + "/")

    def setUp(self):
        super().setUp()
        self.tcp, self.nobody, self.unix, self.tls = self.broker.urls
        self.assertEqual(self.client("u-all").ask("DECLARE", "q1", 0, 0, NONE)[1], OK)

    def test_every_request_has_an_entry(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        self.assertEqual({layout.name for layout in REQUESTS}, set(NEEDS) | THE_HANDSHAKE)

    # ---- before one is in

    def is_shut_out(self, client, layout):
        send_one(client, layout, "q1")
        answer = client.receive()
        self.assertEqual(answer[:3], ["RESULT", 0, PROTOCOL], (layout.name, answer))
        self.assertIsNone(client.receive(), layout.name)
        client.close()

    def test_nothing_is_done_before_hello(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        for layout in REQUESTS:
            if layout.name != "HELLO":
                for url in (self.tcp, self.nobody, self.unix):
                    self.is_shut_out(Client(url, hello=False), layout)
                for pair in (None, self.ann):
                    self.is_shut_out(TlsClient(self.tls, pair, hello=False), layout)

    def test_nothing_is_done_before_the_password(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        for layout in REQUESTS:
            if layout.name != "AUTH":
                self.is_shut_out(Login(self.tcp, "u-all", "u-all"), layout)

    def test_nothing_is_done_between_its_two_steps(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        for layout in REQUESTS:
            if layout.name != "AUTH":
                client = Login(self.tcp, "u-all", "u-all")
                self.assertEqual(client.first()[0], "CHALLENGE")
                self.is_shut_out(client, layout)

    def test_the_handshake_is_over_after_it(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        for layout in REQUESTS:
            if layout.name in THE_HANDSHAKE:
                self.is_shut_out(logged_in(self.tcp, "u-all", "u-all"), layout)
                self.is_shut_out(Client(self.nobody), layout)
                self.is_shut_out(TlsClient(self.tls, self.ann), layout)

    def test_a_client_that_names_nobody_is_asked(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        with Client(self.tcp) as client:
            self.assertEqual(client.welcome[:2], ["CHALLENGE", OK])
        with Client(self.nobody) as client:
            self.assertEqual(client.welcome[0], "WELCOME")
            self.assertEqual(client.welcome[12:14], ["nobody", ""])
        with Client(self.nobody, flags=PASSWORD) as client:
            self.assertEqual(client.welcome[:2], ["CHALLENGE", OK])

    # ---- after

    def asks_everything(self, connect, allowed, all_queues=False):
        """A client with these permissions asks everything, about a queue that is there and about one that is not."""
        for layout in REQUESTS:
            if layout.name in THE_HANDSHAKE:
                continue
            missing = [need for need in NEEDS[layout.name] if need not in allowed]
            if layout.name == "BROKER":
                missing = [] if all_queues else ["admin"]
            for queue in ("q1", "q-not-there"):
                with connect() as client:
                    self.asks(client, layout, queue, missing)

    def asks(self, client, layout, queue, missing):
        """It is refused for what is missing first, and the refusal names nothing else; or it is not."""
        send_one(client, layout, queue)
        ping = client.send("PING", 1)
        answer = client.receive()
        while answer[1] == 0:
            answer = client.receive()
        if answer[1] != ping:
            self.assertEqual(client.receive()[1], ping)
        denied = answer[0] == "RESULT" and answer[2] == DENIED and "declare to make it" not in answer[3]
        self.assertEqual(denied, bool(missing), (layout.name, answer))
        if denied:
            named = "*" if layout.name == "BROKER" else queue
            verb = ANY if missing[0] == "any" else missing[0]
            text = rf"^user '[^']+' has no permission {verb} for queue '{re.escape(named)}'$"
            self.assertRegex(answer[3], text)

    def test_under_each_permission_alone(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        for verb in VERBS:
            user = f"u-{verb}"
            self.asks_everything(lambda user=user: logged_in(self.tcp, user, user), {verb, "any"})

    def test_under_all_and_none(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        self.asks_everything(lambda: logged_in(self.tcp, "u-none", "u-none"), set())
        self.asks_everything(lambda: logged_in(self.tcp, "u-elsewhere", "u-elsewhere"), set())
        self.asks_everything(lambda: logged_in(self.tcp, "u-all", "u-all"), {*VERBS, "any"}, all_queues=True)

    def test_as_nobody_and_as_who_runs_the_broker(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        self.asks_everything(lambda: Client(self.nobody), {"join", "any"})
        self.asks_everything(lambda: Client(self.unix), {*VERBS, "any"}, all_queues=True)

    def test_by_a_certificate(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        self.asks_everything(lambda: TlsClient(self.tls, self.ann), {"get", "close", "any"})
        self.asks_everything(lambda: TlsClient(self.tls, self.bob), set())

    def test_by_none_and_by_one_whose_name_is_a_list(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        for pair in (None, self.odd):
            for flags in (0, PASSWORD):
                with TlsClient(self.tls, pair, flags=flags) as client:
                    self.assertEqual(client.welcome[:2], ["RESULT", AUTH_FAILED])
                    self.assertIsNone(client.receive())

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_as_another_user_of_the_machine(self):
        """proves: AUT-1 AUT-3 AUT-4"""
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                self.asks_everything(lambda: Client(self.unix), {"peek", "any"})
                os._exit(0)
            except BaseException:  # the parent tells of it
                traceback.print_exc()
                os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


if __name__ == "__main__":
    harness.main()

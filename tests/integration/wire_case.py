# SPDX-License-Identifier: Apache-2.0
"""Tests that talk to a broker over the wire, beside a client that must not notice."""

import os

import harness
from wire_client import OK, PROTOCOL, Client


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


class WireCase(harness.BrokerCase):
    """A broker on a Unix socket and on TCP. A witness works beside each test and is asked at its end whether all is well."""

    arguments = ("--listen", "joinq://127.0.0.1:0")

    def setUp(self):
        super().setUp()
        self.unix, self.tcp = self.broker.urls
        self.witness = self.client(self.unix)
        self.addCleanup(self.all_is_well)

    def client(self, url=None, **options):
        client = Client(url or self.tcp, **options)
        self.addCleanup(client.close)
        return client

    def all_is_well(self):
        """The witness puts, gets and finishes as if nothing had happened."""
        body = b"witness"
        self.assertEqual(self.witness.put("witness", [body])[1], OK)
        got = self.witness.get("witness")
        self.assertEqual((got[1], got[-1]), (OK, [body]))
        (first, count, attempt, _), = got[7]
        self.assertEqual(self.witness.ask("DONE", [[got[3], first, count, attempt]])[1], OK)

    def resident(self):
        """KiB of the broker."""
        return resident_kib(self.broker.process.pid)

    def assert_resident_below(self, kib):
        if "JOINQ_SANITIZED" not in os.environ:  # there, memory is not what it would be
            self.assertLess(self.resident(), kib)

    def is_refused(self, client, code=PROTOCOL, text=None):
        """The broker says with request id 0 why it closes the connection, and does."""
        said = client.receive()
        self.assertEqual(said[:3] if said else said, ["RESULT", 0, code], said)
        if text:
            self.assertIn(text, said[3])
        self.assertIsNone(client.receive())

    def sends_refused(self, data, code=PROTOCOL, text=None):
        """These bytes are refused, before a hello and after."""
        for hello in (False, True):
            client = self.client(hello=hello)
            client.send_bytes(data)
            self.is_refused(client, code, text)

    def works(self, client):
        """The connection goes on."""
        self.assertEqual(client.ask("LIST", 0, 1)[:2], ["STATS", OK])

    def waits(self, client, queue="empty", **options):
        """Sends a get that waits, and returns when the broker has it: its id."""
        before = self.waiting(queue)
        request = client.send("GET", queue, 0, None, 1, 0, [], [], [], 0, **options)
        self.until(lambda: self.waiting(queue) == before + 1, "the get waits")
        return request

    def waiting(self, queue):
        answer = self.witness.ask("STAT", queue, 0)
        return dict(answer[3][0]).get(27, 0) if answer[1] == OK else 0

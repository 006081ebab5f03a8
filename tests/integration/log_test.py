#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The log: who did what and who was refused, in lines that nobody can forge; levels and formats, changed while it runs; never a body."""

import json
import os
import re
import signal
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import harness
from auth_case import AuthFolder, entry
from harness import Broker, end_group
from wire_client import EXISTS, NO_QUEUE, OK, OVERLOADED, Client, packing
from wire_login import logged_in

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class LogCase(unittest.TestCase):
    def start(self, text, *arguments, **options):
        handle, self.file = tempfile.mkstemp(prefix="joinq-test-", suffix=".conf")
        os.close(handle)
        self.addCleanup(os.unlink, self.file)
        self.write(text)
        self.broker = Broker("-c", self.file, *arguments, **options)
        self.addCleanup(self.broker.remove)
        self.addCleanup(end_group, self.broker.process)
        return self.broker

    def write(self, text):
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.file + ".new", self.file)

    def reload(self, text):
        before = self.broker.said().count("configuration")
        self.write(text)
        self.broker.process.send_signal(signal.SIGHUP)
        harness.BrokerCase.until(self, lambda: self.broker.said().count("configuration") > before, "it is read again")

    def client(self, **options):
        client = Client(self.broker.url, **options)
        self.addCleanup(client.close)
        return client

    def lines(self):
        """What it has said, each line as its pairs; every one must be such a line."""
        found = []
        for line in self.broker.said().splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
            else:
                self.assertRegex(line, f"^time={TIME} level=(error|warn|info|debug) msg=")
                pairs = re.findall(r'([a-z_]+)=("(?:\\.|[^"\\])*"|[^ "]*)', line)
                self.assertEqual(" ".join(f"{key}={value}" for key, value in pairs), line)
                found.append({key: value[1:-1] if value.startswith('"') else value for key, value in pairs})
        return found

    def acts(self):
        return [(line["act"], line["queue"], line["result"]) for line in self.lines() if line["msg"] == "audit"]


class Audit(LogCase):
    def administer(self, client):
        plain = packing.Pairs()
        self.assertEqual(client.ask("DECLARE", "a", 0, 0, plain)[1], OK)
        self.assertEqual(client.ask("DECLARE", "a", 0, 0, packing.Pairs([(1, 5)]))[1], EXISTS)
        self.assertEqual(client.put("a", [b"secret body"])[1], OK)
        self.assertEqual(client.ask("PURGE", "a", 0)[1], OK)
        self.assertEqual(client.ask("DELETE", "b", 0, 0)[1], NO_QUEUE)
        self.assertEqual(client.ask("CLOSE", "a", 0, 0)[1], OK)
        self.assertEqual(client.ask("CLOSE", "a", 0, 1)[1], OK)
        self.assertEqual(client.ask("REOPEN", "a", 0)[1], OK)

    WANTED = [
        ("declare", "a", "OK"), ("declare", "a", "EXISTS"), ("purge", "a", "OK"), ("delete", "b", "NO_QUEUE"),
        ("close immediate", "a", "OK"), ("reopen", "a", "OK"),
    ]  # fmt: skip

    def test_acts_are_told_with_who_and_what_came_of_them(self):
        for format_ in ("logfmt", "json"):
            with self.subTest(format_):
                broker = self.start(f"log {{ format = {format_} }}")
                self.administer(self.client())
                self.assertEqual(self.acts(), self.WANTED)
                for line in self.lines():
                    if line["msg"] == "audit":
                        self.assertEqual((line["client"], line["user"]), ("test", "nobody"))
                        self.assertTrue(line["peer"].startswith("unix: process "), line)
                        self.assertTrue(int(line["session"]) > 0)
                self.assertNotIn("secret", broker.said())
                self.assertEqual(broker.stop(), 0)

    def test_whatever_the_level_unless_told_otherwise(self):
        self.start("log { level = error }")
        self.administer(self.client())
        self.assertEqual(self.acts(), self.WANTED)
        self.reload("log { audit = no }")
        self.administer(self.client())
        self.assertEqual(self.acts(), self.WANTED)

    def test_who_finishes_a_producer_that_it_is_not(self):
        """proves: PRD-4"""
        self.start("")
        with self.client() as own, self.client() as other:
            options = packing.Pairs([(4, 2)])
            self.assertEqual(own.ask("DECLARE", "q", 0, 0, options)[1], OK)
            self.assertEqual(own.ask("ATTACH", "q", 0, "mine", 0)[1], OK)
            self.assertEqual(own.ask("FINISH", "q", 0, "mine")[1], OK)
            self.assertEqual(other.ask("FINISH", "q", 0, "its\n")[1], OK)
            self.assertEqual(other.ask("MOVE", "q", 0, "r", 0, 0, packing.Pairs())[1], NO_QUEUE)
        self.assertEqual(self.acts(), [("declare", "q", "OK"), ("finish", "q", "OK"), ("move", "q", "NO_QUEUE")])
        lines = [line for line in self.lines() if line["msg"] == "audit"]
        self.assertEqual((lines[1]["producer"], lines[2]["to"]), ("its\\n", "r"))

    def test_one_connection_too_many(self):
        self.start("limits { max_connections = 1 }")
        first = self.client()
        Client(self.broker.url, hello=False).close()
        harness.BrokerCase.until(self, lambda: "no room for a connection" in self.broker.said(), "it is told")
        self.assertTrue(all("peer" in line for line in self.lines() if line["msg"].startswith("no room")))
        first.close()

    def test_one_connection_of_an_address_too_many(self):
        """It is told in other words, to the client and in the log."""
        self.start("limits { max_connections_per_address = 1 }")
        first = self.client()
        with Client(self.broker.url, hello=False) as second:
            answer = second.receive()
        self.assertEqual((answer[2], answer[3]), (OVERLOADED, "this address has as many connections as it may have"))
        told = [line for line in self.lines() if line["msg"].startswith("no room")]
        self.assertEqual([line["why"] for line in told], [answer[3]])
        first.close()


class Lines(LogCase):
    def test_nobody_forges_a_line(self):
        """A client may call itself what it likes."""
        self.start("")
        names = ['x" level=error msg="all is lost', "a\nlevel=error msg=forged", "\x1b[2J\u202e", "\\"]
        for name in names:
            with Client(self.broker.url, hello=False) as client:
                client.ask("HELLO", 1, os.urandom(16), name, 0)
                client.ask("PURGE", "q", 0)
        lines = [line for line in self.lines() if line["msg"] == "audit"]
        self.assertEqual(len(lines), len(names))
        self.assertEqual({line["level"] for line in self.lines()}, {"info"})

    def test_json_carries_names_as_they_are(self):
        self.start("log { format = json }")
        with Client(self.broker.url, hello=False) as client:
            client.ask("HELLO", 1, os.urandom(16), 'a "name"\n\u00fc', 0)
            client.ask("PURGE", "q", 0)
        self.assertEqual([line["client"] for line in self.lines() if line["msg"] == "audit"], ['a "name"\n\u00fc'])

    def test_levels(self):
        self.start("log { level = warn }")
        self.assertEqual(self.broker.stop(), 0)
        self.assertEqual(self.lines(), [])  # that it ends is no warning

    def flood(self, client, count, queue="q"):
        for _ in range(count):  # each of which has an answer
            client.send("PURGE", queue, 0)
        for _ in range(count):
            client.receive()

    def left_out(self):
        return [(line["of"], line["by"], int(line["suppressed"])) for line in self.lines() if line["msg"] == "lines left out"]

    def test_a_flood_is_cut_and_counted(self):
        """What was left out is told when the while is over, though nothing more happens."""
        self.start("")
        self.flood(self.client(), 1500)
        self.assertEqual(len(self.acts()), 1000)
        harness.BrokerCase.until(self, self.left_out, "what was left out is told")
        self.assertEqual(self.left_out(), [("audit", f"user id {os.getuid()}", 500)])

    def test_what_was_left_out_is_told_at_the_end(self):
        self.start("")
        self.flood(self.client(), 1100)
        self.assertEqual(self.broker.stop(), 0)
        self.assertEqual(self.left_out(), [("audit", f"user id {os.getuid()}", 100)])

    def test_the_flood_of_one_leaves_the_lines_of_others(self):
        """Neither acts nor refusals of somebody else are lost by it, be it by name or by address."""
        listen = 'listen "joinq://127.0.0.1:0" { }\nlisten "joinq://127.0.0.2:0" { clients = "nobody" }\n'
        may = 'permission "x" { who = "ann,bob" may = "all" queues = "q*" }\n'
        with AuthFolder(listen + may + 'access { users = "users" }\n') as folder:
            with open(f"{folder}/users", "w", encoding="ascii") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(entry("ann", "ann") + entry("bob", "bob"))
            self.broker = Broker("-c", f"{folder}/joinqd.conf", listen=False)
            self.addCleanup(self.broker.remove)
            self.addCleanup(end_group, self.broker.process)
            with logged_in(self.broker.urls[0], "ann", "ann") as ann, logged_in(self.broker.urls[0], "bob", "bob") as bob:
                for queue in ("q1", "r1"):  # acts, and refusals
                    self.flood(ann, 1200, queue)
                    self.flood(bob, 1, queue)
            with Client(self.broker.urls[1]) as nobody:
                self.flood(nobody, 1, "q1")
            self.assertEqual(self.broker.stop(), 0)
        users = [line.get("user") for line in self.lines() if line["msg"] == "audit"]
        self.assertEqual((users.count("ann"), users.count("bob")), (1000, 1))
        users = [line.get("user") for line in self.lines() if line["msg"] == "denied"]
        self.assertEqual((users.count("ann"), users.count("bob"), users.count("nobody")), (1000, 1, 1))
        self.assertEqual(sorted(self.left_out()), [("audit", "ann", 200), ("denied", "ann", 200)])

    def test_the_journal_is_told_the_level(self):
        """By what is in front of the line; it knows the time itself."""
        command = 'exec 2>"$0.log"; export JOURNAL_STREAM=$(stat -Lc %d:%i "$0.log"); exec "$@"'
        folder = tempfile.mkdtemp(prefix="joinq-test-")
        broker = self.start("", wrapped=("sh", "-c", command, f"{folder}/it"))
        with Client(broker.url) as client:
            client.ask("PURGE", "q", 0)
        self.assertEqual(broker.stop(), 0)
        with open(f"{folder}/it.log", encoding="utf-8") as file:
            lines = file.read().splitlines()
        os.unlink(f"{folder}/it.log")
        os.rmdir(folder)
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, "^<6>level=info msg=")


if __name__ == "__main__":
    harness.main()

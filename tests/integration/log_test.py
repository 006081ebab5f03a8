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
from harness import Broker, end_group
from wire_client import EXISTS, NO_QUEUE, OK, Client, packing

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

    def test_one_connection_too_many(self):
        self.start("limits { max_connections = 1 }")
        first = self.client()
        Client(self.broker.url, hello=False).close()
        harness.BrokerCase.until(self, lambda: "no room for a connection" in self.broker.said(), "it is told")
        self.assertTrue(all("peer" in line for line in self.lines() if line["msg"].startswith("no room")))
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

    def test_a_flood_is_cut_and_counted(self):
        self.start("")
        client = self.client()
        for _ in range(1500):  # each of which has an answer
            client.send("PURGE", "q", 0)
        for _ in range(1500):
            client.receive()
        self.assertEqual(len(self.acts()), 1000)

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

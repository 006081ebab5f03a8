#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tool beside a broker that follows a script: answers that come in one piece, when something else was asked."""

import fcntl
import os
import socket
import subprocess
import tempfile
import unittest

import harness
import wire_client
from wire_client import END, OK, packing


class Broker(wire_client.Client):
    """The broker's end of one connection; `send` is as a client's, with the request id that is answered."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(wire_client.PATIENCE)
        self.buffer = b""

    def expect(self, name):
        """The next message is this one; returns its request id and fields."""
        message = self.receive()
        assert message and message[0] == name, (name, message)
        return message[1], message[2:]

    def welcome(self):
        request, _ = self.expect("HELLO")
        self.send("WELCOME", 1, bytes(16), False, 1 << 24, 1 << 23, 1000, 1000, 1000, bytes(16), 3600000, 0, "", "", 1, request=request)

    def stat(self, **numbers):
        request, _ = self.expect("STAT")
        fields = packing.Pairs([(0, "q"), (1, 7), (6, numbers.get("lease_ms", 0))])
        self.send("STATS", OK, "", [fields], False, request=request)


def got(request, sequence, body):
    return wire_client.frame("GOT", request, OK, "", 7, 0, [], 0, [[sequence, 1, 1, 0]], [], [body])


def settled(request):
    return wire_client.frame("SETTLED", request, OK, "", 1, [])


class Scripted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="joinq-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.listener.close)
        self.listener.bind(f"{self.folder}/s")
        self.listener.listen(1)

    def start(self, *arguments):
        """Starts the tool; returns the process and the broker's end of its connection, which has been welcomed."""
        process = subprocess.Popen(
            [harness.JOINQ, "--url", f"unix://{self.folder}/s", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.addCleanup(harness.end_group, process)
        broker = Broker(self.listener.accept()[0])
        self.addCleanup(broker.close)
        broker.welcome()
        return process, broker

    def test_a_message_that_comes_with_the_answer_to_a_touch_is_worked_on_at_once(self):
        with open(f"{self.folder}/gate", "w", encoding="ascii") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            script = f'test "$1" = go || flock -s {gate.name} true'
            work, broker = self.start("work", "q", "-j", "2", "--", "sh", "-c", script, "sh", "{}")
            broker.stat()
            broker.send_bytes(got(broker.expect("GET")[0], 1, b"wait"))
            broker.stat(lease_ms=3000)
            get = broker.expect("GET")[0]
            touch = broker.expect("TOUCH")[0]
            broker.send_bytes(settled(touch) + got(get, 2, b"go"))
            request, (ranges,) = broker.expect("DONE")  # and no further TOUCH before
            self.assertEqual(ranges, [[7, 2, 1, 1]])
            broker.send_bytes(settled(request))
            broker.send("GOT", END, "", 7, 0, [], 0, [], [], [], request=broker.expect("GET")[0])
            fcntl.flock(gate, fcntl.LOCK_UN)
            request, (ranges,) = broker.expect("DONE")
            self.assertEqual(ranges, [[7, 1, 1, 1]])
            broker.send_bytes(settled(request))
        _, said = work.communicate(timeout=harness.PATIENCE)
        self.assertEqual(work.returncode, 0, said)
        self.assertIn(b"joinq: work: 2 done, 0 failed", said)

    def test_words_of_a_broker_do_nothing_to_a_terminal(self):
        purge, broker = self.start("purge", "q")
        broker.send("RESULT", 20, "no\n\x1b[2Jforged \u00fc", 0, 0, request=broker.expect("PURGE")[0])
        _, said = purge.communicate(timeout=harness.PATIENCE)
        self.assertEqual((purge.returncode, said.decode()), (6, "joinq: purge: no??[2Jforged \u00fc\n"))

    def test_a_put_whose_connection_ends_says_what_is_certain(self):
        put, broker = self.start("put", "q", "--reconnect=0s", "--timeout", "1h", *["body"] * 500)  # one put waits for the other
        broker.send("RESULT", OK, "", 7, 250, request=broker.expect("PUT")[0])
        broker.expect("PUT")
        broker.close()
        _, said = put.communicate(timeout=harness.PATIENCE)
        self.assertEqual((put.returncode, said), (1, b"joinq: put: the broker closed the connection; at least 250 accepted\n"))


if __name__ == "__main__":
    harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hosts that are gone without a word, and one that is only slow. A socket filter that lets nothing in plays the dead host."""

import ctypes
import fcntl
import socket
import struct
import sys
import termios
import time

sys.dont_write_bytecode = True

import harness
from wire_case import WireCase
from wire_client import OK

SO_ATTACH_FILTER, RETURN = 26, 0x06
NOTICED_S = 15 + 3  # the promise, and what a busy machine adds


def has_sent_all(client):
    """What the client sent has been acknowledged, so that its end of the connection keeps still."""
    return struct.unpack("i", fcntl.ioctl(client.socket, termios.TIOCOUTQ, bytes(4)))[0] == 0


def die(client):
    """From here on nothing reaches the client's end of the connection, not even an acknowledgement."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, 0))
    client.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


class Hosts(WireCase):
    def leased(self):
        return self.witness.stat("jobs")[11]

    def test_dead_hosts_and_a_slow_one(self):
        """proves: LSE-1"""
        self.assertEqual(self.witness.put("jobs", [b"idle", b"late", b"slow"])[1], OK)
        self.assertEqual(self.witness.put("big", [b"x" * 8_000_000])[1], OK)
        idle, late, slow = (self.client(self.tcp) for _ in range(3))
        for client in (idle, late, slow):
            self.assertEqual(client.get("jobs")[1], OK)
        self.waits(late, "line")
        for _ in range(2):
            slow.send("PEEK", "big", 0, 1)
        for client in (idle, late):
            self.until(lambda client=client: has_sent_all(client), "all is acknowledged")
            die(client)
        died = time.monotonic()
        self.assertEqual(self.witness.put("line", [b"for nobody"])[1], OK)
        self.until(lambda: self.leased() == 1, "what the dead ones leased is back")
        self.assertLess(time.monotonic() - died, NOTICED_S)
        self.assertEqual(self.witness.get("line", timeout=None)[-1], [b"for nobody"])
        for _ in range(2):
            self.assertEqual([len(body) for body in slow.receive()[-1]], [8_000_000])
        self.works(slow)
        self.assertEqual(self.leased(), 1)


if __name__ == "__main__":
    harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What no proper client sends: each has its documented answer (PROTOCOL.md, section 9) and costs nobody else anything."""

import os
import random
import resource
import select
import socket
import struct
import sys
import unittest

sys.dont_write_bytecode = True

import harness
from wire_case import WireCase
from wire_client import (
    BUSY, CANCELLED, EMPTY, INVALID, OK, OPS, OVERLOADED, PROTOCOL, TOO_LARGE, Client, frame, packing, raw_frame,
)  # fmt: skip

MESSAGE_MAX, FRAME_MAX = 8 * 1024 * 1024, 16 * 1024 * 1024


class Bytes(WireCase):
    """Streams that are none of ours. proves: FLW-1"""

    def test_garbage(self):
        generator = random.Random(7)
        for _ in range(20):
            garbage = b"\xff" + generator.randbytes(200_000)
            for hello in (False, True):
                client = self.client(hello=hello)
                try:
                    client.send_bytes(garbage)
                except (ConnectionResetError, BrokenPipeError):
                    pass  # the broker need not take it all
                self.assertEqual(client.receive()[:3], ["RESULT", 0, PROTOCOL])

    def test_garbage_in_a_frame(self):
        generator = random.Random(11)
        for size in (1, 2, 3, 10, 1000):
            self.sends_refused(raw_frame(b"\xc1" + generator.randbytes(size - 1)))

    def test_http(self):
        self.sends_refused(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", text="length")

    def test_length_of_4_gib(self):
        before = self.resident()
        self.sends_refused(struct.pack(">I", 0xFFFFFFFF), text="length")
        self.assert_resident_below(before + 1024)

    def test_length_of_0(self):
        self.sends_refused(struct.pack(">I", 0), text="length")

    def test_frame_beyond_the_limit(self):
        self.sends_refused(struct.pack(">I", FRAME_MAX + 1), text="length")

    def test_large_frame_before_hello(self):
        client = self.client(hello=False)
        client.send_bytes(struct.pack(">I", 100_000))
        self.is_refused(client, text="length")

    def test_half_frame(self):
        whole = frame("PUT", 1, "half", 0, 0, 0, [b"x" * 1000], packing.Pairs())
        client = self.client()
        client.send_bytes(whole[:600])
        self.all_is_well()
        client.send_bytes(whole[600:])
        self.assertEqual(client.receive()[:3], ["RESULT", 1, OK])
        client.send_bytes(frame("PUT", 2, "half", 0, 0, 0, [b"y"], packing.Pairs())[:-1])
        client.close()
        self.until(lambda: self.witness.stat("half")[9] == 1, "the whole one is there")

    def test_announced_bytes_take_no_memory(self):
        before = self.resident()
        clients = [self.client() for _ in range(50)]
        for client in clients:
            client.send_bytes(struct.pack(">I", FRAME_MAX) + b"\x95")
        self.all_is_well()
        self.assert_resident_below(before + 2048)

    def test_byte_by_byte(self):
        client = self.client()
        for byte in frame("PUT", 1, "slow", 0, 0, 0, [b"body"], packing.Pairs()):
            client.send_bytes(bytes([byte]))
        self.assertEqual(client.receive()[:3], ["RESULT", 1, OK])


class Messages(WireCase):
    """Frames of msgpack that make no sense, or are malformed."""

    def test_array_of_4_billion(self):
        before = self.resident()
        put = bytes([0x98, OPS["PUT"], 1, 0xA1, 0x71, 0, 0, 0])
        self.sends_refused(raw_frame(b"\xdd\xff\xff\xff\xff"))
        self.sends_refused(raw_frame(put + b"\xdd\xff\xff\xff\xff\xc4\x00"))
        self.sends_refused(raw_frame(put + b"\x91\xc6\xff\xff\xff\xff"))
        self.sends_refused(raw_frame(bytes([0x95, OPS["DECLARE"], 1, 0xA1, 0x71, 0, 0]) + b"\xdf\xff\xff\xff\xff"))
        self.assert_resident_below(before + 1024)

    def test_deep_nesting(self):
        self.sends_refused(raw_frame(b"\x91" * 4000))

    def test_body_beyond_the_limit(self):
        client = self.client()
        self.assertEqual(client.put("big", [b"x" * (MESSAGE_MAX + 1)])[:2], ["RESULT", TOO_LARGE])
        self.works(client)
        self.assertEqual(client.put("big", [b"x" * MESSAGE_MAX])[:2], ["RESULT", OK])
        got = client.get("big")
        self.assertEqual([len(body) for body in got[-1]], [MESSAGE_MAX])

    def test_unknown_opcode(self):
        client = self.client()
        for op in (0, 60, 63, 127, 4000000000):
            client.send_bytes(raw_frame(packing.pack([op, 7, "whatever"])))
            self.assertEqual(client.receive()[:3], ["RESULT", 7, INVALID])
        for name in ("WELCOME", "GOT"):
            client.send_bytes(raw_frame(packing.pack([OPS[name], 7])))
            self.assertIn(client.receive()[2], (INVALID, PROTOCOL))
            client = self.client()
        self.works(client)
        client.send_bytes(raw_frame(packing.pack([99, 0])))
        self.is_refused(client)

    def test_answers_from_a_client(self):
        client = self.client()
        client.send_bytes(frame("RESULT", 7, 0, "", 0, 0))
        self.assertEqual(client.receive()[:3], ["RESULT", 7, INVALID])
        client.send_bytes(frame("EVENT_DRAINING", 0, 5))
        self.is_refused(client)

    def test_request_id_0(self):
        client = self.client()
        client.send_bytes(frame("LIST", 0, 0, 1))
        self.is_refused(client)

    def test_senseless_fields(self):
        client = self.client()
        for fields in (
            ("GET", "", 0, 0, 1, 0, [], [], [], 0),
            ("GET", "q" * 256, 0, 0, 1, 0, [], [], [], 0),
            ("GET", "no spaces", 0, 0, 1, 0, [], [], [], 0),
            ("GET", "q", 0, 0, 0, 0, [], [], [], 0),
            ("GET", "q", 0, 0, 1001, 0, [], [], [], 0),
            ("GET", "q", 0, 0, 1, 64, [], [], [], 0),
            ("GET", "q", 0, -1, 1, 0, [], [], [], 0),
            ("PUT", "q", 0, 0, 0, [], packing.Pairs()),
            ("PUT", "q", 0, 0, 0, [b""] * 1001, packing.Pairs()),
            ("PUT", "q", 0, 0, 0, [b""], packing.Pairs([(9, 1)])),
            ("DONE", [[1, 1, 0, 1]]),
            ("DECLARE", "q", 0, 2, packing.Pairs()),
        ):
            self.assertEqual(client.ask(*fields)[1], INVALID)
        self.works(client)

    def test_bodies_with_long_headers(self):
        """msgpack allows longer headers than needed; they go out short."""
        bodies = b"\xc6\x00\x00\x00\x03abc" + b"\xc5\x00\x00" + b"\xc4\x01z" + b"\xc5\x01\x00" + b"w" * 256
        client = self.client()
        client.send_bytes(raw_frame(bytes([0x98, OPS["PUT"], 1, 0xA1, 0x71, 0, 0, 0]) + b"\x94" + bodies + b"\x80"))
        self.assertEqual(client.receive()[:3], ["RESULT", 1, OK])
        self.assertEqual(client.get("q", 10)[-1], [b"abc", b"", b"z", b"w" * 256])


class Requests(WireCase):
    """Requests that are proper each for itself."""

    def test_duplicate_request_id(self):
        client = self.client()
        request = self.waits(client)
        client.send("LIST", 0, 1, request=request)
        self.is_refused(client, text="in use")

    def test_duplicate_request_id_in_one_write(self):
        client = self.client()
        get = frame("GET", 5, "empty", 0, None, 1, 0, [], [], [], 0)
        client.send_bytes(frame("LIST", 9, 0, 1) + get + get)
        self.assertEqual(client.receive()[:3], ["STATS", 9, OK])
        self.is_refused(client, text="in use")

    def test_what_came_before_is_answered_first(self):
        """The refusal is the last that the broker says."""
        client = self.client()
        puts = [frame("PUT", i, "q", 0, 0, 0, [b"x"], packing.Pairs()) for i in range(2, 502)]
        client.send_bytes(b"".join(puts) + raw_frame(b"\xc1"))
        self.assertEqual({client.receive()[1] for _ in puts}, set(range(2, 502)))
        self.is_refused(client)

    def test_duplicate_request_id_that_makes_no_sense(self):
        client = self.client()
        request = self.waits(client)
        client.send_bytes(raw_frame(packing.pack([99, request])))
        self.is_refused(client, text="in use")

    def test_request_ids_may_come_again_and_fall(self):
        client = self.client()
        for request in (9, 8, 8, 1, 4294967295, 1):
            client.send("LIST", 0, 1, request=request)
            self.assertEqual(client.receive()[:3], ["STATS", request, OK])
        falling = [frame("LIST", request, 0, 1) for request in range(500, 0, -1)]
        client.send_bytes(b"".join(falling))
        self.assertEqual({client.receive()[1] for _ in range(500)}, set(range(1, 501)))

    def test_before_hello(self):
        client = self.client(hello=False)
        client.send("LIST", 0, 1)
        self.is_refused(client, text="hello")

    def test_second_hello(self):
        client = self.client()
        client.send("HELLO", 1, os.urandom(16), "", 0)
        self.is_refused(client, text="hello")

    def test_version_that_nobody_speaks(self):
        client = self.client(hello=False)
        self.assertEqual(client.ask("HELLO", 0, os.urandom(16), "", 0)[:2], ["RESULT", INVALID])
        self.assertIsNone(client.receive())
        newer = self.client(hello=False)
        self.assertEqual(newer.ask("HELLO", 9, os.urandom(16), "", 0)[:2], ["WELCOME", 1])

    def test_received_what_was_not_delivered(self):
        client = self.client()
        client.put("q", [b"a"])
        got = client.get("q", flags=1)
        client.send("RECEIVED", got[4] + 1, request=0)
        self.is_refused(client, text="not delivered")
        self.until(lambda: self.witness.stat("q")[9] == 1, "it came back")

    def test_too_many_waiting(self):
        """proves: FLW-1"""
        client = self.client()
        waiting_max = client.welcome[8]
        for _ in range(waiting_max):
            client.send("GET", "empty", 0, None, 1, 0, [], [], [], 0)
        self.assertEqual(client.ask("GET", "empty", 0, None, 1, 0, [], [], [], 0)[1], BUSY)
        self.works(client)
        target = 2 + waiting_max // 2
        cancel = client.send("CANCEL", target)
        said = {client.receive()[1]: code for code in range(2)}
        self.assertEqual(set(said), {target, cancel})

    def test_cancelled(self):
        """proves: CAN-1"""
        client = self.client()
        request = self.waits(client)
        cancel = client.send("CANCEL", request)
        answers = {answer[1]: answer for answer in (client.receive(), client.receive())}
        self.assertEqual(answers[request][2], CANCELLED)
        self.assertEqual(answers[cancel][-1], 1)

    def test_waiting_puts_hold_too_much(self):
        """proves: PUT-4"""
        client = self.client()
        options = packing.Pairs([(1, 1)])
        self.assertEqual(client.ask("DECLARE", "full", 0, 0, options)[1], OK)
        self.assertEqual(client.put("full", [b""])[1], OK)
        body = b"x" * (MESSAGE_MAX - 100)
        for _ in range(2):
            client.send("PUT", "full", 0, None, 0, [body], packing.Pairs())
        self.assertEqual(client.put("full", [body], timeout=None)[1], OVERLOADED)
        self.works(client)


class Floods(WireCase):
    """Clients that take more than they give."""

    def test_many_requests_in_one_write(self):
        client = self.client()
        count = 20_000
        client.send_bytes(b"".join(frame("PUT", i, "q", 0, 0, 0, [b"x"], packing.Pairs()) for i in range(2, count + 2)))
        self.assertEqual({client.receive()[1] for _ in range(count)}, set(range(2, count + 2)))
        self.assertEqual(self.witness.stat("q")[9], count)

    def test_answers_that_nobody_reads(self):
        """The broker stops to read from who does not read; its memory stays within the output limit."""
        before = self.resident()
        client = self.client()
        client.put("q", [b"x" * 100_000])
        client.socket.setblocking(False)
        peek = frame("PEEK", 2, "q", 0, 1) * 100
        try:
            for _ in range(1000):
                client.socket.send(peek)
        except BlockingIOError:
            pass
        self.all_is_well()
        self.assert_resident_below(before + 40 * 1024)

    def test_deliveries_that_nobody_reads(self):
        """Gets of a client that does not read are passed over. proves: GET-4"""
        client = self.client()
        body = b"x" * 1_000_000
        for _ in range(60):
            self.assertEqual(self.witness.put("q", [body])[1], OK)
        for _ in range(60):
            client.send("GET", "q", 0, None, 1, 0, [], [], [], 0)
        self.all_is_well()
        self.until(lambda: self.witness.stat("q")[11] > 0, "something is delivered")
        left = self.witness.stat("q")[9]
        self.assertGreater(left, 20)
        self.assertEqual(self.witness.get("q")[1], OK)
        for _ in range(59):
            self.assertEqual(client.receive()[2], OK)

    def test_waiting_gets_behind_one_that_does_not_read(self):
        client = self.client()
        body = b"x" * 4_000_000
        for _ in range(8):
            self.witness.put("fill", [body])
        for _ in range(8):
            client.send("GET", "fill", 0, 0, 1, 0, [], [], [], 0)
        client.send("GET", "line", 0, None, 1, 0, [], [], [], 0)
        self.all_is_well()
        self.witness.put("line", [b"for whoever reads"])
        reader = self.client(self.unix)
        got = reader.get("line", timeout=None)
        if got[1] != EMPTY:
            self.assertEqual(got[-1], [b"for whoever reads"])

    def test_connections_that_come_and_go(self):
        for _ in range(2000):
            Client(self.unix, hello=False).close()
        for _ in range(300):
            client = Client(self.unix)
            client.send("GET", "empty", 0, None, 1, 0, [], [], [], 0)
            client.close()
        self.until(lambda: self.waiting("empty") == 0, "nobody waits any more")


class Memory(WireCase):
    """A broker with little memory. proves: PUT-4"""

    arguments = (*WireCase.arguments, "--max-memory", "16M")

    def test_full_memory(self):
        client = self.client()
        body = b"x" * 100_000
        count, code = 0, OK
        while code == OK and count < 1000:
            code = client.put("q", [body])[1]
            count += code == OK
        self.assertEqual(code, OVERLOADED)
        self.assertGreater(count, 100)
        self.assertEqual(self.witness.put("q", [body])[1], OVERLOADED)
        got = client.get("q", 20)
        (first, number, attempt, _), = got[7]
        self.assertEqual(client.ask("DONE", [[got[3], first, number, attempt]])[1], OK)
        self.assertEqual(self.witness.put("q", [body])[1], OK)
        self.assertEqual(client.ask("PURGE", "q", 0)[1], OK)

    def test_queues_without_end(self):
        client = self.client()
        for name, fields in (("DECLARE", (0, packing.Pairs())), ("GET", (0, 1, 0, [], [], [], 0))):
            code, made = OK, 0
            while code in (OK, EMPTY):
                code = client.ask(name, f"{name}-{made}", 0, *fields)[1]
                made += 1
                self.assertLess(made, 100_000)
            self.assertEqual(code, OVERLOADED)
        self.assertEqual(client.get("DECLARE-7")[1], EMPTY)
        self.assert_resident_below(32 * 1024)
        for number in range(2000):
            self.assertEqual(client.ask("DELETE", f"DECLARE-{number}", 0, 0)[1], OK)

    def test_incomplete_frames(self):
        clients = []
        try:
            for _ in range(10):
                clients.append(self.client())
                clients[-1].send_bytes(struct.pack(">I", FRAME_MAX - 5) + b"\x98" + b"\x00" * 4_000_000)
        except (ConnectionResetError, BrokenPipeError):
            pass
        refused = [client for client in clients if select.select([client.socket], [], [], 1)[0]]
        self.assertTrue(refused)
        for client in refused:
            self.assertEqual(client.receive()[:3], ["RESULT", 0, OVERLOADED])
        self.assert_resident_below(64 * 1024)
        for client in clients:
            client.close()
        self.until(lambda: self.witness.put("q", [b"x" * 1_000_000])[1] == OK, "the memory is given back")


class Silence(WireCase):
    """Ten thousand connections that say nothing."""

    COUNT = 10_000

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < self.COUNT + 200:
            self.skipTest(f"no more than {hard} descriptors are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, self.COUNT + 100), hard))
        super().setUp()

    def test_silent_connections(self):
        before = self.resident()
        silent = []
        poller = select.poll()
        for i in range(self.COUNT):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(self.unix.removeprefix("unix://"))
            silent.append(connection)
            poller.register(connection, select.POLLIN)
            if i % 500 == 0:
                self.all_is_well()
        self.assert_resident_below(before + self.COUNT * 2)
        by_descriptor = {connection.fileno(): connection for connection in silent}
        refused = frame("RESULT", 0, PROTOCOL, "no hello came in time", 0, 0)
        while by_descriptor:
            ready = poller.poll(harness.PATIENCE * 1000)
            self.assertTrue(ready, "silent connections are not ended")
            for descriptor, _ in ready:
                self.assertEqual(by_descriptor.pop(descriptor).recv(1000), refused)
                poller.unregister(descriptor)
            self.all_is_well()
        for connection in silent:
            connection.close()


if __name__ == "__main__":
    harness.main()

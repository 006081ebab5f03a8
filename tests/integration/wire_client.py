# SPDX-License-Identifier: Apache-2.0
"""Talks to a broker over the wire, frame by frame, by the independent codec of tests/wire: for what no proper client says."""

import collections
import itertools
import os
import socket
import struct
import sys

WIRE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire")
sys.path.insert(0, WIRE)

import codec  # noqa: E402
import packing  # noqa: E402

PATIENCE = 60  # seconds after which an answer is said to be missing

LAYOUTS = codec.read_protocol(os.path.join(WIRE, "..", "..", "wire", "PROTOCOL.md"))
OPS = {layout.name: layout.op for layout in LAYOUTS.values()}

OK, EMPTY, FULL, TIMEOUT, CLOSED, END = range(6)
LEASE_LOST, CANCELLED = 7, 8
NO_QUEUE, EXISTS, INVALID, TOO_LARGE = 16, 17, 18, 19
DENIED, AUTH_FAILED = 20, 21
OVERLOADED, BUSY, PROTOCOL, DISCONNECTED = 22, 23, 25, 26


def frame(name, request, *fields):
    """The bytes of a message."""
    return codec.encode([OPS[name], request, *fields])


def raw_frame(payload):
    return struct.pack(">I", len(payload)) + payload


def address_of(url):
    """(family, address) of a broker's URL."""
    if url.startswith("unix://"):
        return socket.AF_UNIX, url[len("unix://") :]
    host, port = url.partition("://")[2].rsplit(":", 1)
    return socket.AF_INET, (host, int(port))


class Client:
    """A connection. Messages are (name, request id, fields...)."""

    def __init__(self, url, hello=True, client=None, flags=0):
        self.socket = self.connect(url)
        self.buffer = b""
        self.ids = itertools.count(1)
        if hello:
            self.welcome = self.ask("HELLO", 1, client or os.urandom(16), "test", flags)

    def connect(self, url):
        family, address = address_of(url)
        connected = socket.socket(family, socket.SOCK_STREAM)
        connected.settimeout(PATIENCE)
        connected.connect(address)
        return connected

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, name, *fields, request=None):
        """Sends a request (or a notice, with request=0); returns its id."""
        request = next(self.ids) if request is None else request
        self.send_bytes(frame(name, request, *fields))
        return request

    def _fill(self, size):
        """Reads until there are so many bytes; False at the end of the connection."""
        while len(self.buffer) < size:
            piece = self.socket.recv(1 << 20)
            if not piece:
                return False
            self.buffer += piece
        return True

    def receive(self):
        """The next message: [name, request id, fields...]; None at the end of the connection."""
        if not self._fill(4):
            assert self.buffer == b"", "the connection ended within a frame"
            return None
        (length,) = struct.unpack(">I", self.buffer[:4])
        assert self._fill(4 + length), "the connection ended within a frame"
        whole, self.buffer = self.buffer[: 4 + length], self.buffer[4 + length :]
        code, message = codec.decode(LAYOUTS, whole)
        assert code == "OK", (code, message)
        return [LAYOUTS[message[0]].name, *message[1:]]

    def ask(self, name, *fields):
        """Sends a request and returns the next message, which has to be its answer, without its id: [name, fields...]."""
        request = self.send(name, *fields)
        answer = self.receive()
        assert answer and answer[1] == request, answer
        return [answer[0], *answer[2:]]

    # The usual requests, with the usual values.

    def put(self, queue, bodies, timeout=0, flags=0):
        return self.ask("PUT", queue, 0, timeout, flags, bodies, packing.Pairs())

    def get(self, queue, most=1, timeout=0, flags=0, done=(), release=()):
        return self.ask("GET", queue, 0, timeout, most, flags, list(done), list(release), [], 0)

    def stat(self, queue):
        """The numbers of a queue by their keys; what is not said is 0."""
        answer = self.ask("STAT", queue, 0)
        assert answer[:2] == ["STATS", OK], answer
        return collections.defaultdict(int, answer[3][0])

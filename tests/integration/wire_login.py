# SPDX-License-Identifier: Apache-2.0
"""SCRAM-SHA-256 as a client, by the RFCs and the standard library alone; for clients that prove who they are, or try to."""

import base64
import hashlib
import hmac
import os
import ssl

from wire_client import OPS, Client

assert "AUTH" in OPS
PASSWORD = 2  # flag of HELLO
SCRAM, SCRAM_PLUS = 1, 2  # mechanisms: without a channel, and bound to it


def _sign(key, text):
    return hmac.new(key, text.encode(), "sha256").digest()


class Login(Client):
    """A client that has said hello, and goes on step by step."""

    mechanism = SCRAM

    def __init__(self, url, user, password, client=None, flags=PASSWORD):
        super().__init__(url, hello=False)
        self.user, self.password = user, password
        self.challenge = self.ask("HELLO", 1, client or os.urandom(16), "test", flags)

    def first(self, header="n,,"):
        """Says who it is; the answer."""
        self.bare = f"n={self.user},r={base64.b64encode(os.urandom(18)).decode()}"
        self.header = header
        return self.ask("AUTH", self.mechanism, header + self.bare)

    def final(self, asked):
        """The second message for a challenge, and what the broker has to prove."""
        pieces = dict(piece.split("=", 1) for piece in asked.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self.password.encode(), base64.b64decode(pieces["s"]), int(pieces["i"])
        )
        key = _sign(salted, "Client Key")
        said = f"c={base64.b64encode(self.header.encode()).decode()},r={pieces['r']}"
        signed = f"{self.bare},{asked},{said}"
        signature = _sign(hashlib.sha256(key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature))
        expected = base64.b64encode(_sign(_sign(salted, "Server Key"), signed)).decode()
        return f"{said},p={base64.b64encode(proof).decode()}", f"v={expected}"

    def login(self):
        """All of it: the broker's last answer."""
        answer = self.first()
        if answer[0] != "CHALLENGE":
            return answer
        text, expected = self.final(answer[4])
        answer = self.ask("AUTH", self.mechanism, text)
        if answer[0] == "WELCOME":
            assert answer[12:14] == [self.user, expected], answer
        return answer


def _over_tls(connected, pair=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if pair:
        context.load_cert_chain(*pair)
    return context.wrap_socket(connected)


class TlsLogin(Login):
    """The same over TLS. Python cannot tell what names the connection: nothing can be bound to it."""

    def connect(self, url):
        return _over_tls(super().connect(url))


class TlsClient(Client):
    """A client with a certificate and its key, or without."""

    def __init__(self, url, pair=None, **options):
        self.pair = pair
        super().__init__(url, **options)

    def connect(self, url):
        return _over_tls(super().connect(url), self.pair)


def logged_in(url, user, password, **options):
    client = Login(url, user, password, **options)
    answer = client.login()
    assert answer[0] == "WELCOME", answer
    return client

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinqs://: work over TLS, who is refused and how both sides say so, and what a listener offers to a stranger."""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True

import harness
from authority import Authority, fingerprint, openssl
from harness import JOINQD, PATIENCE
from tls_case import LOCAL, TlsCase
from wire_case import resident_kib
from wire_client import OK, Client, frame
from wire_login import TlsClient


class Work(TlsCase):
    def test_tour(self):
        self.begin()
        self.joinq("declare", "jobs", "--max", "100")
        self.joinq("put", "jobs", given="one\ntwo\nthree\n")
        self.assertEqual(self.lines("peek", "jobs", "-n", "1"), ["one"])
        self.assertEqual(self.lines("get", "jobs", "-n", "2"), ["one", "two"])
        self.assertEqual(self.stat("jobs")["ready"], 1)
        self.joinq("close", "jobs")
        self.assertEqual(self.lines("work", "jobs", "--", "cat"), ["three"])
        self.joinq("join", "jobs")
        self.assertIn("jobs", self.joinq("list"))
        self.joinq("put", "other", "a")
        exported = self.joinq("export", "other")
        self.joinq("import", "copy", given=exported)
        self.joinq("move", "copy", "other")
        self.joinq("purge", "other")
        self.joinq("delete", "other")

    def test_much_and_large(self):
        """Many frames in a record, and many records in a frame."""
        self.begin()
        lines = "".join(f"{i}\n" for i in range(100000))
        self.joinq("put", "many", given=lines)
        self.joinq("close", "many")
        self.assertEqual(self.joinq("get", "many", "--all"), lines)
        body = os.urandom(6_000_000)
        path = os.path.join(self.place, "body")
        with open(path, "wb") as file:
            file.write(body)
        self.joinq("put", "large", "--file", path)
        self.joinq("get", "large", "-n", "1", "-0", status=0)
        self.assertEqual(self.done.stdout, body + b"\0")

    def test_waiting_and_a_killed_client(self):
        """proves: LSE-1"""
        self.begin()
        self.joinq("put", "jobs", "held")
        holder = self.spawn("work", "jobs", "--", "sleep", "1000")
        self.until_stat("jobs", leased=1)
        waiter = self.spawn("get", "jobs", "-n", "1")
        self.until_stat("jobs", getters_waiting=1)
        holder.send_signal(signal.SIGKILL)
        self.assertEqual(self.ends(waiter)[0], "held\n")

    def test_host_name(self):
        self.begin(listen="joinqs://localhost:0")
        self.assertIn("joinqs://localhost:", self.broker.url)
        self.joinq("list")

    def named(self, host):
        """The server name that a client of this host says; it is refused then."""
        names = []

        def on_name(_, name, __):
            names.append(name)
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.ours)
        context.sni_callback = on_name

        def serve(listener):
            with listener.accept()[0] as plain:
                plain.settimeout(PATIENCE)
                with contextlib.suppress(ssl.SSLError), context.wrap_socket(plain, server_side=True):
                    pass

        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(PATIENCE)
            server = threading.Thread(target=serve, args=(listener,))
            server.start()
            self.environment.update(JOINQ_URL=f"joinqs://{host}:{listener.getsockname()[1]}", JOINQ_CA=self.ca.pem)
            self.joinq("list", status=5)
            server.join()
        return names

    def test_a_client_says_which_host_it_wants(self):
        """As server name (SNI), which an address is not."""
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("JOINQ_")}
        self.assertEqual(self.named("localhost"), ["localhost"])
        self.assertEqual(self.named("127.0.0.1"), [None])

    def test_client_certificate(self):
        self.begin(ca=self.ca.pem)
        self.as_client(self.ann)
        self.joinq("put", "jobs", "x")
        self.is_told("clients must have one")

    def test_client_certificate_where_it_is_optional(self):
        self.begin(ca=self.ca.pem, client_cert_optional="yes")
        self.joinq("list")
        self.as_client(self.ann)
        self.joinq("list")

    def test_fingerprint(self):
        stranger = Authority(os.path.join(self.place, "stranger")).issue("whoever", end="20210101000000Z")
        self.begin(stranger)
        self.at(CA=None, FINGERPRINT=fingerprint(stranger[0]))
        self.joinq("list")
        self.at(FINGERPRINT=fingerprint(stranger[0]).replace(":", "").lower())
        self.joinq("list")
        self.at(FINGERPRINT=fingerprint(self.ours[0]))
        self.is_refused("the broker's certificate has another fingerprint, ", "the client refuses TLS")
        self.at(CA=self.ca.pem, FINGERPRINT=fingerprint(stranger[0]))
        self.is_refused("(unknown CA)", "the client does not take this broker's certificate: unknown CA")


GUIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "guide", "certificates.md")


class Guide(TlsCase):
    def test_certificates_as_the_guide_makes_them(self):
        """Its commands, as they stand; then a broker and a client with what they made."""
        with open(GUIDE, encoding="utf-8") as file:
            text = file.read()
        (commands,) = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        (settings,) = re.findall(r"^```\n# joinqd.conf\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        made = subprocess.run(
            ["sh", "-euc", commands], cwd=self.place, capture_output=True, timeout=PATIENCE, text=True, check=True
        )
        self.assertIn("broker.pem: OK\nann.pem: OK\n", made.stdout)
        pem, key, ca, ann, ann_key = (
            os.path.join(self.place, name) for name in ("broker.pem", "broker.key", "ca.pem", "ann.pem", "ann.key")
        )
        self.begin((pem, key), listen="joinqs://localhost:0", ca=ca, trusts=ca)
        self.as_client((ann, ann_key))
        self.joinq("put", "jobs", "hello")
        printed = made.stdout.strip().rpartition("=")[2]
        with open(os.path.join(self.place, "guide.conf"), "w", encoding="utf-8") as file:
            file.write(settings)
        subprocess.run([JOINQD, "-c", file.name, "--check"], timeout=PATIENCE, check=True)
        self.at(CA=None, FINGERPRINT=printed)
        self.assertEqual(self.lines("get", "jobs", "-n", "1"), ["hello"])


class Refused(TlsCase):
    def test_broker_expired(self):
        self.begin(self.ca.issue("old", LOCAL, end="20210101000000Z"))
        self.is_refused(
            "the certificate of the broker's ('old') has expired: it was valid until 2021-01-01 00:00 UTC",
            "the client does not take this broker's certificate: it has expired",
        )
        self.is_told("TLS: the certificate is 'old', EXPIRED at 2021-01-01 00:00 UTC")

    def test_broker_of_the_future(self):
        self.begin(self.ca.issue("young", LOCAL, start="20480101000000Z"))
        self.is_refused("is not valid yet", "the client does not take this broker's certificate")

    def test_wrong_host(self):
        self.begin(self.ca.issue("other.example", "DNS:other.example"))
        self.is_refused(
            "the broker's certificate is for another host ('other.example')",
            "the client does not take this broker's certificate: it is bad, or for another host",
        )

    def test_name_alone_is_no_host(self):
        """Where there are alternative names the common name is none."""
        self.begin(self.ca.issue("localhost", "DNS:other.example"), listen="joinqs://localhost:0")
        self.is_refused("for another host", "this broker's certificate")

    def test_unknown_ca(self):
        stranger = Authority(os.path.join(self.place, "stranger"), "a stranger")
        self.begin(stranger.issue("broker", LOCAL))
        self.is_refused("(unknown CA)", "the client does not take this broker's certificate: unknown CA")
        self.at(CA=None)
        self.is_refused("(unknown CA)", "the client does not take this broker's certificate: unknown CA")

    def test_missing_client_certificate(self):
        self.begin(ca=self.ca.pem)
        self.is_refused(
            "the broker does not take this client's certificate: there is none",
            "the client has no certificate, and one is asked for",
            status=6,
        )

    def test_client_of_an_unknown_ca(self):
        self.begin(ca=self.ca.pem)
        self.as_client(Authority(os.path.join(self.place, "stranger"), "a stranger").issue("mallory"))
        self.is_refused("does not take this client's certificate: unknown CA", "(unknown CA)", status=6)

    def test_client_expired(self):
        self.begin(ca=self.ca.pem)
        self.as_client(self.ca.issue("old", end="20210101000000Z"))
        self.is_refused(
            "does not take this client's certificate: it has expired",
            "the certificate of the client's ('old') has expired: it was valid until 2021-01-01 00:00 UTC",
            status=6,
        )

    def test_client_revoked(self):
        bob = self.ca.issue("bob")
        self.begin(ca=self.ca.pem, crl=self.ca.revoked(bob[0]))
        self.as_client(self.ann)
        self.joinq("list")
        self.as_client(bob)
        self.is_refused(
            "does not take this client's certificate: it is revoked",
            "the certificate of the client ('bob') is revoked",
            status=6,
        )

    def test_wrong_file_of_the_client(self):
        self.begin()
        for names, text in (
            ({"CA": "/nowhere"}, "cannot read /nowhere: No such file or directory"),
            ({"CA": self.ca.key}, self.ca.key + " does not hold a certificate in PEM form"),
            ({"CERT": self.ann[0], "KEY": None}, f"there is a certificate, {self.ann[0]}, but no key"),
            ({"CERT": self.ann[0], "KEY": self.ours[1]}, "does not belong to the certificate in"),
            ({"FINGERPRINT": "12:34"}, "the fingerprint '12:34' is not 64 hexadecimal digits"),
        ):
            self.at(CA=None, CERT=None, KEY=None, FINGERPRINT=None)
            self.at(**names)
            self.is_refused(text, None, status=2)


class Listener(TlsCase):
    """What a stranger sees, by openssl's own client."""

    def s_client(self, *options, given=b""):
        address = self.broker.url.removeprefix("joinqs://")
        return openssl("s_client", "-connect", address, "-CAfile", self.ca.pem, *options, given=given, status=None)

    def test_versions_and_ciphers(self):
        self.begin()
        for options, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            said = self.s_client(options)
            self.assertIn(f"Protocol  : {version}" if version == "TLSv1.2" else f"New, {version}", said)
            self.assertIn("Verify return code: 0 (ok)", said)
            self.assertIn("Compression: NONE", said)
            self.assertNotIn("session ticket", said.lower())
            self.assertRegex(said, r"Cipher is (ECDHE-ECDSA-AES|TLS_AES)")
        weak = "@SECLEVEL=0"
        for options in (
            ("-tls1_1", "-cipher", "ALL" + weak),
            ("-tls1", "-cipher", "ALL" + weak),
            ("-tls1_2", "-cipher", "aNULL:eNULL" + weak),
            ("-tls1_2", "-cipher", "kRSA:DHE:PSK:SRP" + weak),
            ("-tls1_2", "-cipher", "SHA1:SHA256:SHA384" + weak),
            ("-tls1_3", "-groups", "ffdhe2048"),
        ):
            said = self.s_client(*options)
            self.assertRegex(said, r"Cipher is \(NONE\)", options)
            self.assertRegex(said, "alert (protocol version|handshake failure)", options)
        self.is_told("has no TLS from version 1.2 on")
        self.is_told("has no cipher in common with this side")

    def test_no_renegotiation(self):
        self.begin()
        hello = frame("HELLO", 1, 1, bytes(16), "test", 0)
        self.assertIn("no renegotiation", self.s_client("-tls1_2", given=b"R\n" + hello))

    def test_plain_to_tls(self):
        self.begin()
        self.at(URL=self.broker.url.replace("joinqs:", "joinq:"))
        self.is_refused("this listener speaks TLS: joinqs://, not joinq://", "the client does not speak TLS")

    def test_tls_to_plain(self):
        broker = self.begin(listen="joinq://127.0.0.1:0")
        self.at(URL=broker.url.replace("joinq:", "joinqs:"))
        self.is_refused("the broker does not speak TLS here", None)

    def raw(self):
        host, port = self.broker.url.removeprefix("joinqs://").split(":")
        connection = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def test_garbage(self):
        self.begin()
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x16" * 20000, b"\x00" * 100):
            connection = self.raw()
            connection.sendall(garbage)
            while True:
                try:
                    if not connection.recv(65536):
                        break
                except ConnectionResetError:
                    break
        self.joinq("list")

    def test_a_handshake_that_does_not_go_on_ends(self):
        """The deadline for hello holds for it, too."""
        self.begin()
        silent, begun = self.raw(), self.raw()
        begun.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        for connection in (silent, begun):
            self.assertEqual(connection.recv(1), b"")
        self.joinq("list")

    def test_half_open_handshakes_take_little(self):
        self.begin()
        self.joinq("list")
        if "JOINQ_SANITIZED" in os.environ:
            self.skipTest("memory is not what it would be")
        for sent, most_kib in ((b"", 3), (b"\x16\x03\x01\x02\x00\x01\x00", 64)):
            before = resident_kib(self.broker.process.pid)
            connections = [self.raw() for _ in range(500)]
            for connection in connections:
                connection.sendall(sent)
            self.joinq("list")
            each = (resident_kib(self.broker.process.pid) - before) / len(connections)
            print(f"{len(sent)} bytes of a handshake: {each:.1f} KiB each", file=sys.stderr)
            self.assertLess(each, most_kib)
            for connection in connections:
                connection.close()


class Flood(TlsCase):
    def test_handshakes_leave_room_for_those_who_are_in(self):
        """What costs the broker much and the client nothing does not go before the requests of others; and all of it is done in the end.

        proves: FLW-1"""
        self.begin()
        inside = TlsClient(self.broker.url)
        self.addCleanup(inside.close)
        self.assertEqual(inside.put("q", [b"x"])[1], OK)
        hello, count = self.client_hello(), 400
        self.broker.process.send_signal(signal.SIGSTOP)  # so that all have come before it looks
        others = [Client(self.broker.url, hello=False) for _ in range(count)]
        for other in others:
            self.addCleanup(other.close)
            other.send_bytes(hello)
        self.broker.process.send_signal(signal.SIGCONT)
        for _ in range(20):
            self.assertEqual(inside.put("q", [b"x"])[1], OK)
        answered = len(select.select([other.socket for other in others], [], [], 0)[0])
        self.assertLess(answered, count // 2)
        for other in others:
            self.assertEqual(other.socket.recv(1), b"\x16")

    @staticmethod
    def client_hello():
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.wrap_bio(into, out, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError:
            return out.read()


class Files(unittest.TestCase):
    """What is wrong with a file is said with its path, and the broker does not begin."""

    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.place)
        self.ca = Authority(self.place)
        self.cert, self.key = self.ca.issue("broker", LOCAL)

    def path(self, name, text=None):
        path = os.path.join(self.place, name)
        if text is not None:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        return path

    def says(self, text, *flags, **options):
        lines = "".join(f"    {name} = {value}\n" for name, value in options.items())
        configuration = self.path("joinqd.conf", f"tls {{\n{lines}}}\n")
        for more in (("--check",), ()):
            done = subprocess.run(
                [JOINQD, "-c", configuration, *flags, *more], capture_output=True, timeout=PATIENCE, check=False
            )
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(text, done.stderr.decode())
            self.assertNotIn(b"ready", done.stdout)

    def test_files(self):
        good = {"cert": self.cert, "key": self.key}
        other = self.ca.issue("other")[1]
        locked = self.path("locked.key")
        openssl("ec", "-in", self.key, "-aes256", "-passout", "pass:x", "-out", locked)
        os.chmod(locked, 0o600)
        empty = self.path("empty", "")
        opened = self.path("open.key")
        shutil.copy(self.key, opened)
        os.chmod(opened, 0o644)
        listen = ("--listen", "joinqs://127.0.0.1:0")
        self.says("there is no certificate for it", *listen)
        self.says("cert wants its key", *listen, cert=self.cert)
        self.says("crl wants a ca", *listen, **good, crl=empty)
        self.says("cannot read /nowhere: No such file or directory", *listen, cert="/nowhere", key=self.key)
        self.says(f"{empty} does not hold a certificate in PEM form", *listen, cert=empty, key=self.key)
        self.says(f"the key in {other} does not belong to the certificate in", *listen, cert=self.cert, key=other)
        self.says(f"the key in {locked} is encrypted", *listen, cert=self.cert, key=locked)
        self.says(f"{opened} is open to others", *listen, cert=self.cert, key=opened)
        self.says(f"{empty} does not hold a certificate", *listen, **good, ca=empty)
        self.says(f"{self.cert} does not hold a revocation list", *listen, **good, ca=self.ca.pem, crl=self.cert)


if __name__ == "__main__":
    harness.main()

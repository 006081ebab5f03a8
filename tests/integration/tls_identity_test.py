#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who a client is over TLS, and certificates that change while a broker works."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

sys.dont_write_bytecode = True

import harness
from authority import fingerprint
from harness import JOINQD
from tls_case import LOCAL, TlsCase


def pump(source, target):
    """From one to the other until there is an end."""
    try:
        for piece in iter(lambda: source.recv(65536), b""):
            target.sendall(piece)
    except OSError:
        pass
    target.close()


class Identity(TlsCase):
    """Who a client is over TLS: by its certificate, or by a password that is good on this connection only."""

    access = 'permission "jobs" { who = "%s" may = "all" queues = "jobs" }\n'

    def is_denied(self):
        self.joinq("put", "other", "x", status=6)

    def test_certificate(self):
        rules = self.access % "cert:ann" + 'listen "joinqs://127.0.0.1:0" { clients = "certificate" }\n'
        self.begin(listen=False, more=rules, ca=self.ca.pem)
        self.as_client(self.ann)
        self.joinq("put", "jobs", "x")
        self.is_denied()
        self.as_client(self.ca.issue("bob"))
        self.joinq("put", "jobs", "x", status=6)

    def begin_with_password(self):
        users = os.path.join(self.place, "users")
        made = [JOINQD, "passwd", "--iterations", "4096", "ann"]
        with open(users, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(subprocess.run(made, input=b"secret", stdout=subprocess.PIPE, check=True).stdout)
        self.begin(more=self.access % "ann" + 'access { users = "users" }\n')
        password = os.path.join(self.place, "password")
        with open(password, "w", encoding="ascii") as file:
            file.write("secret\n")
        self.at(URL=self.broker.url.replace("://", "://ann@"), PASSWORD_FILE=password)

    def test_password(self):
        self.begin_with_password()
        self.joinq("put", "jobs", "x")
        self.is_denied()

    def relay(self, newest=ssl.TLSVersion.TLSv1_3):
        """Somebody in between who has the broker's certificate and key: decrypts, and passes on. Returns its port."""
        inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        inward.load_cert_chain(*self.ours)
        outward = ssl.create_default_context(cafile=self.ca.pem)
        inward.maximum_version = outward.maximum_version = newest
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        host, port = self.broker.url.removeprefix("joinqs://").split(":")

        def serve():
            client = inward.wrap_socket(listener.accept()[0], server_side=True)
            broker = outward.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)
            threading.Thread(target=pump, args=(broker, client), daemon=True).start()
            pump(client, broker)

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    def test_password_is_bound_to_the_connection(self):
        self.begin_with_password()
        self.at(URL=f"joinqs://ann@127.0.0.1:{self.relay()}")
        self.joinq("put", "jobs", "x", status=6)
        self.assertIn("user or password is wrong", self.done.stderr.decode())

    def test_over_tls_1_2(self):
        """A client that meets a broker of TLS 1.2, and a broker that meets such a client, each told so by the other end's version."""
        self.begin()
        self.at(URL=f"joinqs://127.0.0.1:{self.relay(ssl.TLSVersion.TLSv1_2)}")
        self.joinq("put", "jobs", "x" * 100000, "y")
        self.at(URL=f"joinqs://127.0.0.1:{self.relay(ssl.TLSVersion.TLSv1_2)}")
        self.assertEqual(self.lines("get", "jobs", "-n", "2"), ["x" * 100000, "y"])


class Cut(TlsCase):
    """A relay that knows nothing of TLS stands between, and cuts what it carries."""

    def setUp(self):
        super().setUp()
        self.carried = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)

    def carry(self, address):
        """Passes connections on until the listener is closed."""
        while True:
            try:
                pair = self.listener.accept()[0], socket.create_connection(address)
            except OSError:
                return
            self.carried += pair
            for source, target in (pair, pair[::-1]):
                threading.Thread(target=pump, args=(source, target), daemon=True).start()

    def cut(self):
        """Without a goodbye."""
        carried, self.carried = self.carried, []
        for connection in carried:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def test_a_cut_connection_is_made_again(self):
        """proves: ONE-1"""
        self.begin()
        host, port = self.broker.url.removeprefix("joinqs://").split(":")
        threading.Thread(target=self.carry, args=((host, int(port)),), daemon=True).start()
        direct = self.environment["JOINQ_URL"]
        self.at(URL=f"joinqs://127.0.0.1:{self.listener.getsockname()[1]}")
        producer = self.spawn("put", "jobs", stdin=subprocess.PIPE)
        self.at(URL=direct)
        lines = [f"{i}\n".encode() for i in range(6000)]
        for number in range(0, len(lines), 1000):
            producer.stdin.write(b"".join(lines[number : number + 1000]))
            producer.stdin.flush()
            self.until(lambda: self.objects("list") and self.stat("jobs")["ready"] > number, "some have come")
            self.cut()
        self.ends(producer)
        self.assertEqual(self.joinq("get", "jobs", "-n", "6000").encode(), b"".join(lines))
        self.assertEqual(self.stat("jobs")["put"], 6000)


class Reload(TlsCase):
    """SIGHUP reads the files again: new connections get what they say, those that there are go on."""

    def use(self, cert, key):
        """These are now in the files that the configuration names."""
        shutil.copy(cert, self.path("cert.pem"))
        shutil.copy(key, self.path("key.pem"))

    def path(self, name):
        return os.path.join(self.place, name)

    def hang_up(self, times=1):
        """Tells it, and waits until it has been read again; no two signals are one."""
        for _ in range(times):
            said = self.broker.said().count("configuration: ")
            self.broker.process.send_signal(signal.SIGHUP)
            self.until(lambda said=said: self.broker.said().count("configuration: ") > said, "it is read again")

    def test_certificate_under_load(self):
        """proves: FLW-1"""
        other = self.ca.issue("other", LOCAL)
        self.use(*self.ours)
        self.begin((self.path("cert.pem"), self.path("key.pem")))
        self.joinq("declare", "jobs", "--max", "1000", "--producers", "1")
        with open(self.path("got"), "wb") as got:
            worker = self.spawn("get", "jobs", "--all", stdout=got)
        with open(self.path("lines"), "w", encoding="ascii") as file:
            file.write("".join(f"{i}\n" for i in range(200000)))
        with open(self.path("lines"), "rb") as lines:
            producer = self.spawn("put", "jobs", "--producer", "p", stdin=subprocess.PIPE)
            for number, piece in enumerate(iter(lambda: lines.read(60000), b"")):
                producer.stdin.write(piece)
                self.use(*(other if number % 2 else self.ours))
                self.hang_up(5)
                self.at(FINGERPRINT=fingerprint(self.path("cert.pem")))
                self.joinq("stat", "jobs")
        self.ends(producer)
        self.at(FINGERPRINT=None)
        self.joinq("finish", "jobs", "--producer", "p")
        self.ends(worker)
        with open(self.path("lines"), "rb") as lines, open(self.path("got"), "rb") as got:
            self.assertEqual(got.read(), lines.read())
        self.assertNotIn("handshake", self.broker.said())

    def test_what_is_wrong_changes_nothing(self):
        self.use(*self.ours)
        self.begin((self.path("cert.pem"), self.path("key.pem")))
        shutil.copy(self.ann[1], self.path("key.pem"))
        self.hang_up()
        self.is_told(f"the key in {self.path('key.pem')} does not belong to the certificate in")
        self.joinq("list")

    def test_what_would_be_open_to_all_changes_nothing(self):
        """A listener that lets everybody in who has a certificate does not come to let everybody in."""
        self.begin(listen="joinqs://0.0.0.0:0", ca=self.ca.pem)
        self.at(URL=self.broker.url.replace("0.0.0.0", "127.0.0.1"))
        for more in (f"ca = {self.ca.pem} client_cert_optional = yes", ""):
            self.configure(f"tls {{ cert = {self.ours[0]} key = {self.ours[1]} {more} }}\n")
            self.hang_up()
            self.assertIn("nothing is changed", self.broker.said().splitlines()[-1])
            self.assertIn("clients need not prove who they are", self.broker.said().splitlines()[-1])
            self.as_client((None, None))
            self.joinq("put", "jobs", "x", status=6)
            self.as_client(self.ann)
            self.joinq("put", "jobs", "x")

    def configure(self, text):
        with open(self.path("joinqd.conf"), "w", encoding="ascii") as file:
            file.write(text)

    def test_revoked_meanwhile(self):
        carl = self.ca.issue("carl")
        shutil.copy(self.ca.revoked(), self.path("crl.pem"))
        self.begin(ca=self.ca.pem, crl=self.path("crl.pem"))
        self.as_client(carl)
        waiter = self.spawn("get", "jobs", "-n", "1")
        self.until_stat("jobs", getters_waiting=1)
        shutil.copy(self.ca.revoked(carl[0]), self.path("crl.pem"))
        self.hang_up()
        self.is_refused("it is revoked", "the certificate of the client ('carl') is revoked", status=6)
        self.as_client(self.ann)
        self.joinq("put", "jobs", "still")
        self.assertEqual(self.ends(waiter)[0], "still\n")


if __name__ == "__main__":
    harness.main()

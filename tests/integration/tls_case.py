# SPDX-License-Identifier: Apache-2.0
"""Brokers on joinqs:// with certificates of an authority of the test's own."""

import os
import shutil
import tempfile

import harness
from authority import Authority
from harness import Broker

LOCAL = "DNS:localhost,IP:127.0.0.1"


class TlsCase(harness.BrokerCase):
    """Brokers on joinqs://, each with a configuration of its own; self.joinq talks to the last, as self.environment says."""

    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.place)

    def begin(self, cert=None, listen="joinqs://127.0.0.1:0", trusts=None, more="", **options):
        """`trusts` is what its clients trust, where that is not the CA; `more` is more of the configuration."""
        pem, key = cert or self.ours
        lines = "".join(f"    {name} = {value}\n" for name, value in {"cert": pem, "key": key, **options}.items())
        configuration = os.path.join(self.place, "joinqd.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"tls {{\n{lines}}}\n{more}")
        self.broker = Broker("-c", configuration, listen=listen)
        self.addCleanup(self._end_broker, self.broker)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("JOINQ_")}
        self.environment.update(JOINQ_URL=self.broker.url, JOINQ_CA=trusts or self.ca.pem)
        return self.broker

    def _end_broker(self, broker=None):
        self.broker = broker
        super()._end_broker()

    def at(self, **names):
        """Some of the environment is another; None: not there."""
        for name, value in names.items():
            self.environment.pop("JOINQ_" + name, None)
            if value is not None:
                self.environment["JOINQ_" + name] = value

    def as_client(self, pair):
        self.at(CERT=pair[0], KEY=pair[1])

    def is_told(self, text):
        self.until(lambda: text in self.broker.said(), f"the broker says '{text}'")

    def is_refused(self, text, told, status=5):
        """The client says why, and the broker's log does."""
        self.joinq("list", status=status)
        said = self.done.stderr.decode()
        self.assertIn(text, said)
        self.assertTrue(said.startswith(f"joinq: list: cannot connect to {self.environment['JOINQ_URL']}: "), said)
        self.assertEqual(said.count("\n"), 1, said)
        if told:
            self.is_told(told)

    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.mkdtemp(prefix="joinq-test-")
        cls.addClassCleanup(shutil.rmtree, cls.made)
        cls.ca = Authority(os.path.join(cls.made, "ca"), "our CA")
        cls.ours = cls.ca.issue("broker", LOCAL)
        cls.ann = cls.ca.issue("ann")

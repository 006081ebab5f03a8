# SPDX-License-Identifier: Apache-2.0
"""A broker with users and permissions, in a folder that is removed with it."""

import os
import shutil
import signal
import subprocess
import tempfile

import harness
from wire_login import logged_in


def entry(user, password):
    """A user's line of the file of users."""
    return subprocess.run(
        [harness.JOINQD, "passwd", "--iterations", "4096", user], input=password.encode(), stdout=subprocess.PIPE, check=True
    ).stdout.decode()


class AuthCase(harness.BrokerCase):
    """`users` (each with its own name as password) and `configuration` are of the test."""

    users = ()
    configuration = ""

    def setUp(self):
        self.made = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.made)
        os.chmod(self.made, 0o755)
        self.write("users", "".join(entry(user, user) for user in self.users), 0o600)
        self.configure(self.configuration)
        self.broker = harness.Broker("-c", f"{self.made}/joinqd.conf", listen=False)
        self.addCleanup(self._end_broker)
        self.url = self.broker.urls[0]
        self.environment = dict(os.environ, JOINQ_URL=self.url)

    def write(self, name, text, mode=0o644):
        with open(f"{self.made}/{name}", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)

    def configure(self, configuration):
        begin = 'access { users = "users" }\nlimits { refuse_delay = 10ms }\n'
        self.write("joinqd.conf", begin + configuration.replace("FOLDER", self.made))

    def reload(self, done):
        """Tells the broker to read its configuration anew, and waits for what it then says."""
        self.broker.process.send_signal(signal.SIGHUP)
        self.until(lambda: done in self.broker.said(), done)

    def client(self, user, url=None, **options):
        """A client that has come in by its password."""
        client = logged_in(url or self.url, user, user, **options)
        self.addCleanup(client.close)
        return client

    def tool_of(self, user, password=None):
        """From here on the tool is this user."""
        self.write(f"password-{user}", (password or user) + "\n", 0o600)
        url = self.url.replace("://", f"://{user}@")
        self.environment = dict(os.environ, JOINQ_URL=url, JOINQ_PASSWORD_FILE=f"{self.made}/password-{user}")


class AuthFolder:
    """A folder with a configuration."""

    def __init__(self, configuration):
        self.configuration = configuration

    def __enter__(self):
        self.made = tempfile.TemporaryDirectory(prefix="joinq-test-")
        with open(f"{self.made.name}/joinqd.conf", "w", encoding="utf-8") as file:
            file.write(self.configuration.replace("FOLDER", self.made.name))
        return self.made.name

    def __exit__(self, *_):
        self.made.cleanup()

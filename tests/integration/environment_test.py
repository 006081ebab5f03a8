#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinqd configured by variables, as in a container."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import harness
from authority import Authority


class Variables(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.password = os.path.join(self.folder, "password")
        with open(self.password, "w", encoding="ascii") as file:
            file.write("of the test\n")
        self.url = f"unix://{self.folder}/s"

    def joinqd(self, *arguments, status=0, **variables):
        done = subprocess.run([harness.JOINQD, *arguments], env={**os.environ, **variables}, capture_output=True, text=True,
                              timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, status, done)
        return done.stdout + done.stderr

    def file(self, text):
        path = os.path.join(self.folder, "conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def test_they_go_before_the_file_and_behind_the_command_line(self):
        path = self.file('limits { max_memory = 20M max_waiting = 7 }\nlisten "unix:///a" { }\n')
        said = self.joinqd("-c", path, "--dump-config", JOINQD_MAX_MEMORY="30M", JOINQD_LIMITS_MAX_OUTPUT="1M",
                           JOINQD_LISTEN="unix:///b unix:///c", JOINQD_DATA="/d")
        for line in ("max_memory = 30M", "max_waiting = 7", "max_output = 1M", 'folder = "/d"'):
            self.assertIn(line, said)
        for at in "abc":
            self.assertIn(f'listen "unix:///{at}"', said)
        said = self.joinqd("--max-memory", "40M", "--listen", "unix:///e", "--dump-config", JOINQD_MAX_MEMORY="30M",
                           JOINQD_LISTEN="unix:///b")
        self.assertIn("max_memory = 40M", said)
        self.assertNotIn("unix:///b", said)

    def test_what_makes_no_sense_is_an_error(self):
        for name, value, text in (
            ("JOINQD_MEMORY", "1G", "JOINQD_MEMORY: there is no such option"),
            ("JOINQD_LIMITS_MEMORY", "1G", "JOINQD_LIMITS_MEMORY: there is no such option"),
            ("JOINQD_QUEUE_LEASE", "1s", "JOINQD_QUEUE_LEASE: there is no such option"),
            ("JOINQD_", "1", "JOINQD_: there is no such option"),
            ("JOINQD_" + "X" * 500, "1", "there is no such option"),
            ("JOINQD_MAX_MEMORY", "much", "JOINQD_MAX_MEMORY: "),
            ("JOINQD_LISTEN", "nonsense", "JOINQD_LISTEN: "),
            ("JOINQD_LIMITS_MAX_FRAME", "64K", "JOINQD_LIMITS_MAX_FRAME: limits: max_frame must be above max_message"),
            ("JOINQD_HTTP_LISTEN", "nonsense:port", "JOINQD_HTTP_LISTEN: http: "),
            ("JOINQD_TLS_CA", "/ca.pem", "JOINQD_TLS_CA: tls: ca wants a cert"),
            ("JOINQD_USER", "ann", "go together"),
            ("JOINQD_PASSWORD_FILE", "/nowhere", "go together"),
        ):
            with self.subTest(name):
                said = self.joinqd("--check", status=1, **{name: value})
                self.assertIn(text, said)
                self.assertNotIn("usage", said)  # it is the configuration that is wrong, not the line

    def test_what_belongs_together_may_come_from_several_places(self):
        """Only what file, variables and command line make in the end is looked at as a whole."""
        authority = Authority(self.folder)
        pem, private = authority.issue("broker")
        cert, key = f'cert = "{pem}"', f'key = "{private}"'
        cert_variable, ca = {"JOINQD_TLS_CERT": pem}, {"JOINQD_TLS_CA": authority.pem}
        for text, variables in (
            (f"tls {{ {cert} {key} }}", ca),
            (f"tls {{ {key} }}", cert_variable),
            (f"tls {{ {key} client_cert_optional = yes }}", cert_variable | ca),
            ("limits { max_message = 1M }", {"JOINQD_LIMITS_MAX_FRAME": "4M"}),
            ("limits { max_frame = 64K }", {"JOINQD_LIMITS_MAX_MESSAGE": "2K"}),
            (f"tls {{ {cert} }}\ntls {{ {key} }}", {}),
        ):
            with self.subTest(text):
                self.assertEqual(self.joinqd("-c", self.file(text), "--check", **variables), "")
        path = self.file(f"tls {{\n {key}\n}}")
        self.assertIn(f"{path}:2: tls: key wants its cert", self.joinqd("-c", path, "--check", status=1))
        said = self.joinqd("-c", path, "--check", status=1, **ca)
        self.assertIn(f"{path}:2: tls: key wants its cert", said)
        self.assertIn("tls: cert wants its key", self.joinqd("--check", status=1, **cert_variable))


    def test_a_data_folder_for_what_looks_at_one(self):
        folder = os.path.join(self.folder, "data")
        for name in ("JOINQD_DATA", "STATE_DIRECTORY"):
            self.assertIn(folder, self.joinqd("--check-data", status=1, **{name: folder}))
        self.assertIn("want to know where", self.joinqd("--check-data", status=2))

    def test_pages(self):
        """What a section needs beyond its options is done for variables, too."""
        process = subprocess.Popen(
            [harness.JOINQD, "--listen", self.url], env={**os.environ, "JOINQD_HTTP_LISTEN": "127.0.0.1:0"},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.addCleanup(harness.end_group, process)
        said = [process.stdout.readline() for _ in range(2)]
        self.assertIn("pages on http://127.0.0.1:", said[1])

    def test_what_kubernetes_sets_means_nothing(self):
        self.joinqd("--check", JOINQD_SERVICE_HOST="10.0.0.1", JOINQD_PORT="tcp://10.0.0.1:19025", JOINQD_PORT_19025_TCP="x")

    def test_a_password_that_is_none(self):
        empty = os.path.join(self.folder, "empty")
        with open(empty, "w", encoding="ascii"):
            pass
        for path, text in (("/nowhere", "No such file"), (empty, "no password")):
            self.assertIn(text, self.joinqd("--check", status=1, JOINQD_USER="ann", JOINQD_PASSWORD_FILE=path))
        users = self.file('access { users = "/some/file" }\n')
        said = self.joinqd("-c", users, "--check", status=1, JOINQD_USER="ann", JOINQD_PASSWORD_FILE=self.password)
        self.assertIn("has a file of users already", said)

    def test_what_is_printed_of_a_user_can_be_read_again(self):
        variables = {"JOINQD_USER": "ann", "JOINQD_PASSWORD_FILE": self.password}
        once = self.joinqd("--dump-config", **variables)
        self.assertNotIn("/proc/", once)
        self.assertNotIn('permission "', once)
        self.assertIn("JOINQD_USER", once)
        path = self.file(once)
        self.assertEqual(self.joinqd("-c", path, "--dump-config", **variables), once)
        self.joinqd("-c", path, "--check")

    def broker(self):
        os.environ.update(JOINQD_USER="ann", JOINQD_PASSWORD_FILE=self.password, JOINQD_LISTEN="joinq://0.0.0.0:0")
        try:
            path = self.file(f'listen "{self.url}" {{ }}\n')
            process = subprocess.Popen([harness.JOINQD, "-c", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       start_new_session=True)  # fmt: skip
        finally:
            for name in ("JOINQD_USER", "JOINQD_PASSWORD_FILE", "JOINQD_LISTEN"):
                del os.environ[name]
        self.addCleanup(harness.end_group, process)
        self.process = process
        urls = []
        while not (line := process.stdout.readline()).endswith("ready\n"):
            self.assertTrue(line, "it does not start")
            urls.append(line.split()[-1])
        return urls

    def joinq(self, *arguments, status=0, **variables):
        done = subprocess.run([harness.JOINQ, *arguments], env={**os.environ, **variables}, capture_output=True, text=True,
                              timeout=harness.PATIENCE, check=False)
        self.assertEqual(done.returncode, status, done)
        return done.stdout

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)
        said = ""
        while "read again" not in said:
            line = self.process.stderr.readline()
            self.assertTrue(line, "it ended")
            said += line
        return said

    def test_a_user(self):
        """Also after the configuration has been read again."""
        own, network = self.broker()
        port = network.rpartition(":")[2]
        os.chmod(self.password, 0o600)
        self.joinq("--url", f"joinq://127.0.0.1:{port}", "put", "q", "a", status=6)
        self.joinq("--url", f"joinq://ann@127.0.0.1:{port}", "put", "q", "a", JOINQ_PASSWORD_FILE=self.password)
        self.assertEqual(self.joinq("--url", own, "get", "q"), "a\n")
        self.assertIn("nothing has changed", self.hang_up())
        with open(self.password, "w", encoding="ascii") as file:
            file.write("another one\n")
        self.assertIn("access.users: 1 there with another password: ann", self.hang_up())
        self.joinq("--url", f"joinq://ann@127.0.0.1:{port}", "put", "q", "b", JOINQ_PASSWORD_FILE=self.password)
        self.joinq("--url", f"joinq://127.0.0.1:{port}", "put", "q", "a", status=6)


if __name__ == "__main__":
    harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The configuration file: what is wrong is told with file and line, what holds is printed, and the queues in it are there."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import harness
from authority import Authority
from harness import JOINQD, PATIENCE, Broker, end_group

# (text of the file, line, what is said). The file is FILE.
WRONG = (
    ("limits { max_memory = 5 }", 1, "max_memory = '5': must be a size (bytes, or with K, M, G) of at least 16M (in section limits)"),
    ("limits {\n\n max_connections = 0\n}", 3, "max_connections = '0': must be a number from 1 to 1000000 (in section limits)"),
    ("limits { max_connections = 5K }", 1, "max_connections = '5K': must be a number"),
    ("limits { max_waiting = 99999999999999999999 }", 1, "must be a number from 1 to 1000000"),
    ("limits { hello_timeout = 5 }", 1, "must be a time (with ms, s, m, h) from 10ms to 1h"),
    ("limits { hello_timeout = 2h }", 1, "must be a time"),
    ("limits { max_memory = 99999999999G }", 1, "must be a size"),
    ("limits { max_frame = 1M }", 1, "max_frame must be above max_message"),
    ("limits { max_memory = \"\" }", 1, "max_memory = '': must be a size"),
    ("limits { whatever = 1 }", 1, "no such option 'whatever' (in section limits)"),
    ("whatever = 1", 1, "no such option 'whatever'"),
    ("whatever { }", 1, "no such option 'whatever'"),
    ('"limits|max_memory" = 1G', 1, "no such option 'max_memory'"),
    ("limits {\n max_waiting = 5\n max_waiting = 6\n}", 3, "max_waiting is set twice, first in line 2"),
    ("limits { max_waiting = 5 }\nlimits { max_waiting = 5 }", 2, "max_waiting is set twice, first in line 1"),
    ("limits { max_waiting 5 }", 1, "missing equal sign"),
    ("limits { max_waiting += 5 }", 1, "attempt to append"),
    ("limits max_waiting = 5", 1, "missing opening brace"),
    ("limits {\n# }\n", 1, "a '{' without its '}'"),
    ("# one\n# two\n}", 3, "unexpected closing brace"),
    ('listen "http://a" {}', 1, 'listen "http://a": '),
    ('listen "unix://a" {}', 1, "absolute"),
    ("listen unix:///a {}", 1, "a comment begins with #, and a URL stands in quotes"),
    ('listen "unix:///a" {}\nlisten "unix:///a" {}', 2, "found duplicate title 'unix:///a'"),
    ('listen "unix:///a" { allow_anonymous_network = maybe }', 1, "must be yes or no"),
    ("queue {}", 1, "missing title"),
    ('queue "a b" {}', 1, "a queue name is 1 to 255 bytes"),
    ('queue "a" { order = sideways }', 1, "order = 'sideways': must be fifo, lifo or priority"),
    ('queue "a" { max_deliveries = 3 }', 1, "max_deliveries needs a dead_letter"),
    ('queue "a" { max_deliveries = 65536 dead_letter = drop }', 1, "from 0 to 65535"),
    ('queue "a" { accounting = counter lease = 5s }', 1, "counter queues have no lease"),
    ('queue "a" { dead_letter = a }', 1, "would come back"),
    ('queue "a" { dead_letter = b }\nqueue "b" {\n dead_letter = a\n}', 1, "would come back"),
    ('queue "a" { producers = all }', 1, "producers = 'all': must be a number from 0 to 10000, or auto"),
    ('queue "a" {\n durable = yes\n}', 3, "is durable, and there is no data folder"),
    ("data { folder = \"/a\nb\" }", 1, "a string that does not end on its line"),
    ("data { folder = '/a\nb' }", 1, "a string that does not end on its line"),
    ('data { folder = "/a\\n" }', 1, "a backslash stands before"),
    ('data { folder = "/a\x07" }', 1, "a control character"),
    ("data { folder = /a\x00b }", 1, "a control character"),
    ('data { folder = "" }', 1, "must be a path"),
    ('data { folder = "${JOINQ_NOT_SET}" }', 1, "JOINQ_NOT_SET is not set in the environment"),
    ("data { folder = ${JOINQ_NOT_SET} }", 1, "JOINQ_NOT_SET is not set in the environment"),
    ('data { folder = "${JOINQ" }', 1, "a '${' without its '}'"),
    ('data { folder = "${}" }', 1, "is no variable"),
    ('data { folder = "${A B}" }', 1, "is no variable"),
    ("limits { * }", 1, "a stray '*'"),
    ("limits { + }", 1, "a stray '+'"),
    ("limits { a|b = 3 }", 1, "a stray '|'"),
    ('include "x"', 1, "missing parenthesis"),
    ("include(x)", 1, "stands in quotes"),
    ('include("x", "y")', 1, "one file is included"),
    ('include()', 1, "stands in quotes"),
    ('\ninclude("nowhere")', 2, "nowhere: No such file or directory"),
    ('\ninclude(".")', 2, "is no regular file"),
    ('include("FILE")', 1, "too deeply"),
    ('limits { include("FILE") }', 1, "no such option 'include'"),
)


class ConfigCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="joinq-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = os.path.join(self.folder, "joinqd.conf")

    def write(self, text, name="joinqd.conf"):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def joinqd(self, *arguments, status=0, **environment):
        done = subprocess.run(
            [JOINQD, *arguments], capture_output=True, timeout=PATIENCE, check=False, env=dict(os.environ, **environment)
        )
        self.assertEqual(done.returncode, status, done)
        return done.stdout.decode(), done.stderr.decode()

    def dumped(self, *arguments, **environment):
        """What holds, as pairs of section and option; comments are left out."""
        out, _ = self.joinqd("--dump-config", "-c", self.file, *arguments, **environment)
        section, found = None, {}
        for line in out.splitlines():
            line = line.strip()
            if line.endswith("{"):
                section = line[:-2]
            elif "=" in line and not line.startswith("#"):
                option, _, value = line.partition(" = ")
                found[section, option] = value
        return found


class Checking(ConfigCase):
    def test_what_is_wrong_is_told_with_file_and_line(self):
        for text, line, said in WRONG:
            with self.subTest(text):
                self.write(text.replace("FILE", self.file))
                out, err = self.joinqd("-c", self.file, "--check", status=1)
                self.assertEqual(out, "")
                self.assertEqual(err.count("\n"), 1, err)
                self.assertTrue(err.startswith(f"joinqd: {self.file}:{line}: "), err)
                self.assertIn(said, err)

    def test_a_file_with_an_error_starts_nothing(self):
        self.write("limits { whatever = 1 }")
        out, err = self.joinqd("-c", self.file, "--listen", f"unix://{self.folder}/s", status=1)
        self.assertEqual((out, "no such option" in err), ("", True))

    def test_no_file(self):
        for path, said in ((self.file, "No such file"), (self.folder, "no regular file"), ("/dev/zero", "no regular file")):
            _, err = self.joinqd("-c", path, "--check", status=1)
            self.assertEqual(err.count("\n"), 1)
            self.assertIn(f"{path}: ", err)
            self.assertIn(said, err)

    def test_too_large(self):
        self.write("#" * (1024 * 1024 + 1))
        self.assertIn("larger than", self.joinqd("-c", self.file, "--check", status=1)[1])

    def test_errors_in_an_included_file(self):
        self.write("# one\n# two\nlimits { nonsense = 5 }", "other.conf")
        self.write('# a comment\ninclude("other.conf")\n')
        _, err = self.joinqd("-c", self.file, "--check", status=1)
        self.assertTrue(err.startswith(f"joinqd: {self.folder}/other.conf:3: no such option"), err)
        self.write("limits { max_waiting = 7 }", "other.conf")
        self.write('# a comment\ninclude("other.conf")\nnonsense = 5')
        _, err = self.joinqd("-c", self.file, "--check", status=1)
        self.assertTrue(err.startswith(f"joinqd: {self.file}:3: no such option"), err)

    def wrong(self, text, said, *arguments, status=1, **environment):
        """It is said with its place, FILE or what stands there, and nothing else is."""
        self.write(text)
        _, err = self.joinqd("-c", self.file, "--check", *arguments, status=status, **environment)
        self.assertTrue(err.startswith("joinqd: " + re.sub("^FILE", self.file, said)), err)
        self.assertEqual(err.count("\n"), 1, err)

    def test_what_only_others_can_tell_is_told_with_its_place_too(self):
        permission = 'permission "they work" {\n who = "@workerz"\n may = "all"\n queues = "*"\n}'
        self.wrong(permission, "FILE:5: permission \"they work\": there is no group 'workerz'")
        self.wrong('quota "of guests" {\n who = "@guestz"\n queues = 1\n}', "FILE:4: quota \"of guests\": there is no group 'guestz'")
        self.wrong('access {\n users = "/nowhere"\n}', "FILE:2: access: /nowhere: does not exist")
        self.wrong("", "JOINQD_ACCESS_USERS: access: /nowhere: does not exist", JOINQD_ACCESS_USERS="/nowhere")
        users = self.write("# nothing\nann:nonsense\n", "users")
        os.chmod(users, 0o644)
        self.wrong('access { users = "users" }', f"FILE:1: access: {users}: is open to others")
        os.chmod(users, 0o600)
        self.wrong('access { users = "users" }', f"{users}:2: ")
        self.wrong('\nlisten "joinq://0.0.0.0" {}', "FILE:2: joinq://0.0.0.0 is refused: ")
        self.wrong("", "JOINQD_LISTEN: joinq://0.0.0.0 is refused: ", JOINQD_LISTEN="joinq://0.0.0.0")
        self.wrong("", "--listen: joinq://0.0.0.0 is refused: ", "--listen", "joinq://0.0.0.0")
        self.wrong('http {\n listen = "0.0.0.0:39999"\n}', "FILE:2: http: 0.0.0.0:39999 is not a loopback address")
        self.wrong("", "JOINQD_HTTP_LISTEN: http: 0.0.0.0 is not a", JOINQD_HTTP_LISTEN="0.0.0.0")
        self.wrong("", "JOINQD_HTTP_TOKEN_FILE: http: /nowhere: ", JOINQD_HTTP_LISTEN="127.0.0.1", JOINQD_HTTP_TOKEN_FILE="/nowhere")

    def test_files_of_certificates_are_told_with_the_option_that_names_them(self):
        authority = Authority(self.folder)
        pem, key = authority.issue("broker")
        other = authority.issue("other")[1]
        text = f"tls {{\n cert = {pem}\n key = {key}\n ca = {authority.pem}\n}}"
        self.write(text)
        self.assertEqual(self.joinqd("-c", self.file, "--check"), ("", ""))
        self.wrong(text.replace(key, other), f"FILE:3: tls: the key in {other} does not belong")
        self.wrong(text.replace(pem, "/nowhere"), "FILE:2: tls: cannot read /nowhere")
        self.wrong(text.replace(authority.pem, other), f"FILE:4: tls: {other} does not hold")
        self.wrong(text, "JOINQD_TLS_CRL: tls: cannot read /nowhere", JOINQD_TLS_CRL="/nowhere")
        os.chmod(key, 0o644)
        self.wrong(text, f"FILE:3: tls: {key} is open to others")

    def test_dead_letters_that_would_find_no_queue(self):
        lost = 'queue "a" {\n dead_letter = "b" max_deliveries = 3\n}'
        self.wrong(lost, "FILE:3: queue \"a\": the dead-letter queue 'b' is declared nowhere")
        self.joinqd("-c", self.file, "--listen", f"unix://{self.folder}/s", status=1)
        durable = 'data { folder = "/x" } queue "b" {} queue "a" { dead_letter = "b" durable = yes }'
        self.wrong(durable, "FILE:1: queue \"a\": the dead-letter queue 'b' is not durable")
        self.wrong(lost + 'data { folder = "/x" }', "FILE:3: queue \"a\": the dead-letter queue 'b' is declared nowhere here", status=0)

    def test_what_is_good(self):
        for text in (
            "",
            "# nothing but a comment",
            "limits {}",
            "limits {\r\n max_waiting = 5\r\n}\r\n",
            'listen "joinq://127.0.0.1" {} listen "unix:///x" {}',
            'queue "a" { dead_letter = "b" max_deliveries = 3 } queue "b" { dead_letter = drop }',
            'queue "a" { dead_letter = none sync = always producers = auto }',
            'data { folder = "${JOINQ_NOT_SET:-/x}" } queue "q" { durable = yes }',
        ):
            with self.subTest(text):
                self.write(text)
                self.assertEqual(self.joinqd("-c", self.file, "--check"), ("", ""))


class Holding(ConfigCase):
    def test_the_file_that_is_printed_says_the_same(self):
        self.write(
            'limits { max_memory = 100M hello_timeout = 1500ms }\nlisten "unix:///a\\"b\\$" {}\ndata { folder = "d" }\n'
            'queue "q" { max_bytes = 3K lease = 90s sync = 5s durable = yes producers = auto dead_letter = drop }\n'
        )
        once, _ = self.joinqd("--dump-config", "-c", self.file)
        self.write(once)
        self.assertEqual(self.joinqd("--dump-config", "-c", self.file), (once, ""))
        found = self.dumped()
        self.assertEqual(found["limits", "max_memory"], "100M")
        self.assertEqual(found["limits", "hello_timeout"], "1500ms")
        self.assertEqual(found["data", "folder"], f'"{self.folder}/d"')
        self.assertEqual(found['queue "q"', "lease"], "90s")
        self.assertEqual(found['queue "q"', "producers"], "auto")
        self.assertIn('listen "unix:///a\\"b\\$" {', once)

    def test_without_a_file_the_defaults_hold(self):
        out, _ = self.joinqd("--dump-config", XDG_RUNTIME_DIR=self.folder)
        self.assertIn(f'listen "unix://{self.folder}/joinq/joinqd.sock" {{', out)
        self.assertFalse(os.path.exists(f"{self.folder}/joinq"))
        self.write(out)
        self.assertEqual(self.joinqd("--dump-config", "-c", self.file)[0], out)

    def test_the_example_changes_nothing(self):
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "conf", "joinqd.conf"), encoding="utf-8") as file:
            self.write(file.read())
        self.assertEqual(self.joinqd("--dump-config", "-c", self.file), self.joinqd("--dump-config"))

    def test_every_option_of_the_example_can_be_set(self):
        """As it stands there, without its mark; but texts that have no default."""
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "conf", "joinqd.conf"), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r'^#(?!listen|queue)\w+ "[^"\n]*" \{$.*?^#\}$', "", text, flags=re.M | re.S)  # those want values
        text = re.sub(r'^( *)#([a-z_]+(?: "[^"]*")? [={])(?! ""$)', r"\1\2", text, flags=re.M).replace("#}", "}")
        self.write(text.replace("max_memory = ...", "max_memory = 1G"))
        self.assertEqual(self.joinqd("--check", "-c", self.file), ("", ""))
        self.assertEqual(self.dumped()['queue "jobs"', "order"], "fifo")

    def test_the_command_line_goes_before_the_file(self):
        self.write('limits { max_memory = 1G } data { folder = "/a" } listen "unix:///a" {} listen "unix:///b" {}')
        found = self.dumped("--max-memory", "64M", "--data", "/x", "--listen", "unix:///c")
        self.assertEqual(found["limits", "max_memory"], "64M")
        self.assertEqual(found["data", "folder"], '"/x"')
        self.assertEqual({section for section, _ in found if section.startswith("listen")}, {'listen "unix:///c"'})

    def test_variables_and_files(self):
        self.write("limits { max_waiting = ${JOINQ_WAITING} }", "a.conf")
        os.mkdir(f"{self.folder}/more")
        self.write('include("../a.conf")\ndata { folder = "data" }', "more/b.conf")
        self.write('include("more/b.conf")\nqueue "${JOINQ_QUEUE:-jobs}" {}')
        found = self.dumped(JOINQ_WAITING="77")
        self.assertEqual(found["limits", "max_waiting"], "77")
        self.assertEqual(found["data", "folder"], f'"{self.folder}/more/data"')
        self.assertIn(('queue "jobs"', "order"), found)

    def test_a_variable_makes_no_second_option(self):
        """What is in it is one value, whatever it looks like."""
        self.write('data { folder = "/${JOINQ_X}" }')
        self.assertEqual(self.dumped(JOINQ_X='a" } limits { max_waiting = 5')["limits", "max_waiting"], "1024")
        _, err = self.joinqd("-c", self.file, "--check", status=1, JOINQ_X="a\nb")
        self.assertIn("control character", err)


class Queues(ConfigCase):
    def broker(self, *arguments):
        broker = Broker("-c", self.file, *arguments)
        self.addCleanup(broker.remove)
        self.addCleanup(end_group, broker.process)
        return broker

    def stat(self, broker, queue):
        done = subprocess.run([harness.JOINQ, "--url", broker.url, "stat", queue, "--json"], capture_output=True, check=True)
        return json.loads(done.stdout)

    def test_they_are_there_when_it_is_ready(self):
        """Also those that send dead letters to one that comes later in the file. proves: DCL-1"""
        self.write(
            'queue "a" { max_messages = 5 order = lifo dead_letter = b max_deliveries = 2 }\nqueue "b" { dead_letter = c }\n'
            'queue "c" {}'
        )
        broker = self.broker()
        self.assertEqual(self.stat(broker, "a")["max_messages"], 5)
        self.assertEqual(self.stat(broker, "a")["order"], 1)
        self.assertEqual(self.stat(broker, "c")["max_messages"], 0)
        self.assertEqual(broker.stop(), 0)

    def test_a_clash_with_a_durable_queue_names_both(self):
        data = f"{self.folder}/data"
        self.write('queue "a" { durable = yes max_messages = 5 sync = 2s }')
        self.assertEqual(self.broker("--data", data).stop(), 0)
        self.assertEqual(self.broker("--data", data).stop(), 0)
        for options, said in (
            ("max_messages = 6 sync = 2s", "max_messages = 6, and it exists with 5"),
            ("max_messages = 5 sync = always", "sync = always, and it exists with 2s"),
            ("max_messages = 5 sync = 2s order = lifo", "order = lifo, and it exists with fifo"),
            ("max_messages = 5 sync = 2s dead_letter = drop", "it exists with another dead_letter"),
        ):
            with self.subTest(options):
                self.write(f'queue "n" {{ durable = yes }}\nqueue "a" {{ durable = yes {options} }}')
                out, err = self.joinqd("-c", self.file, "--data", data, "--listen", f"unix://{self.folder}/s", status=1)
                self.assertIn(f'{self.file}:2: queue "a": {said}', err)
                self.assertNotIn("ready", out)
        self.write("")
        broker = self.broker("--data", data)
        done = subprocess.run([harness.JOINQ, "--url", broker.url, "list", "--json"], capture_output=True, check=True)
        names = [json.loads(line)["queue"] for line in done.stdout.splitlines()]
        self.assertEqual(names, ["a"])  # all of them are declared, or none
        self.assertEqual(broker.stop(), 0)

    def test_a_network_for_everybody_is_asked_for_in_so_many_words(self):
        self.write('listen "joinq://0.0.0.0:0" {}')
        _, err = self.joinqd("-c", self.file, status=1)
        self.assertIn("allow_anonymous_network", err)
        self.write('listen "joinq://0.0.0.0:0" { allow_anonymous_network = yes }')
        for arguments in (("-c", self.file), ("--listen", "joinq://0.0.0.0:0", "--allow-anonymous-network")):
            process = subprocess.Popen([JOINQD, *arguments], stdout=subprocess.PIPE, start_new_session=True)
            self.addCleanup(end_group, process)
            self.assertIn(b"listening on joinq://0.0.0.0:", process.stdout.readline())
            self.assertEqual(process.stdout.readline(), b"joinqd: ready\n")
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)


if __name__ == "__main__":
    harness.main()

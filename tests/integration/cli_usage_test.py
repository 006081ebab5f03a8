#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tool without a broker: help, usage errors, and that there is no broker."""

import os
import subprocess
import unittest

import harness

COMMANDS = "declare put get work join close end finish list stat peek purge delete alter pause resume reopen move why run".split()

# Each is a usage error; the text is part of what it says.
USAGE = [
    ([], "COMMAND is missing"),
    (["frob"], "no command 'frob'"),
    (["--frob"], "no option --frob"),
    (["--url"], "--url: its value is missing"),
    (["put"], "QUEUE is missing"),
    (["put", "q", "--frob"], "no option --frob"),
    (["put", "q", "-x"], "no option -x"),
    (["put", "q", "--nowait=1"], "--nowait takes no value"),
    (["put", "q", "--timeout"], "--timeout: its value is missing"),
    (["put", "q", "--timeout", "5"], "'5' is not a time"),
    (["put", "q", "--timeout", "-1s"], "'-1s' is not a time"),
    (["put", "q", "--timeout", "99999999999999999999s"], "is not a time"),
    (["put", "q", "--nowait", "--timeout", "1s"], "exclude each other"),
    (["put", "q", "--finish"], "--finish needs --producer NAME"),
    (["put", "q", "--file"], "--file needs the name of a file"),
    (["put", "q", "-0", "body"], "-0 is for messages on standard input"),
    (["get", "q", "-n", "0"], "'0' is not a number above 0"),
    (["get", "q", "-n", "3", "--all"], "exclude each other"),
    (["get", "q", "--follow", "--nowait"], "--follow waits for ever"),
    (["get", "q", "--mode", "eager"], "'eager' is not lease or auto"),
    (["declare", "q", "--max", "1x"], "'1x' is not a number"),
    (["declare", "q", "--max-bytes", "1KB"], "'1KB' is not a size"),
    (["declare", "q", "--bound", "none"], "'none' is not queued or outstanding"),
    (["work", "q"], "-- CMD is missing"),
    (["work", "q", "--"], "-- CMD is missing"),
    (["work", "q", "-j", "0", "--", "true"], "-j: '0' is not a number from 1 to 1000"),
    (["work", "q", "--json", "--", "true"], "work has no --json"),
    (["end", "q", "-n", "1001"], "is not a number from 1 to 1000"),
    (["peek", "q", "-n", "1001"], "is not a number from 1 to 1000"),
    (["finish", "q"], "--producer NAME is missing"),
    (["finish", "q", "--producer", ""], "--producer: an empty value"),
    (["list", "q"], "one argument too many: 'q'"),
    (["close", "a", "b"], "one argument too many: 'b'"),
    (["run", "true"], "one argument too many: 'true'"),
    (["run"], "-- CMD is missing"),
    (["--url", "unix:///x", "run", "--", "true"], "run has no --url"),
    (["declare", "q", "--sync", "soon"], "--sync: 'soon' is not a time"),
    (["get", "q", "-0", "--json"], "-0 and --json exclude each other"),
    (["--json", "peek", "q", "-0"], "-0 and --json exclude each other"),
]

# What later versions will have is refused by name, not ignored.
LATER = [
    *[[command] for command in "top bench".split()],
]


class Usage(unittest.TestCase):
    def run_joinq(self, *arguments, url="unix:///nowhere/at/all"):
        environment = dict(os.environ, JOINQ_URL=url)
        return subprocess.run([harness.JOINQ, *arguments], capture_output=True, text=True, env=environment, check=False)

    def refused(self, arguments, text):
        done = self.run_joinq(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertTrue(done.stderr.startswith("joinq: "))

    def test_usage_errors(self):
        for arguments, text in USAGE:
            with self.subTest(arguments=arguments):
                self.refused(arguments, text)

    def test_what_this_version_does_not_have(self):
        for arguments in LATER:
            with self.subTest(arguments=arguments):
                self.refused(arguments, "this version of joinq does not have it")

    def test_help_lists_every_command(self):
        done = self.run_joinq("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for command in COMMANDS:
            self.assertRegex(done.stdout, rf"(?m)^  {command} +\w")

    def test_help_of_every_command(self):
        for command in COMMANDS:
            done = self.run_joinq(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(done.stdout.startswith(f"usage: joinq {command}"))
            self.assertIn("\nexample:\n  ", done.stdout)
            self.assertTrue(all(len(line) <= 120 for line in done.stdout.splitlines()))

    def test_version(self):
        self.assertRegex(self.run_joinq("--version").stdout, r"^joinq \d+\.\d+\.\d+\n$")

    def test_help_to_a_full_device(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.JOINQ, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "joinq: standard output: No space left on device\n"))

    def test_no_broker(self):
        for url in ("unix:///nowhere/at/all", "joinq://127.0.0.1:1"):
            done = self.run_joinq("list", url=url)
            self.assertEqual((done.returncode, done.stdout), (5, ""))
            self.assertRegex(done.stderr, f"^joinq: list: cannot connect to {url}: .*\n$")

    def test_no_url(self):
        for url in ("nonsense", "http://host", "joinq://host:port", "unix://relative"):
            done = self.run_joinq("--url", url, "list")
            self.assertEqual((done.returncode, done.stdout), (2, ""), url)
            self.assertRegex(done.stderr, "^joinq: list: .*\n$")


if __name__ == "__main__":
    harness.main()

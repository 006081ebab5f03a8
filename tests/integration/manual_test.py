#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual and the completions say what --help says: every command, every option; pages are proper, shells understand."""

import os
import re
import subprocess
import unittest

import harness

DOCUMENTS = os.environ["JOINQ_DOCUMENTS"]
JOINQD_PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "man", "joinqd.8")
COMMON = ["--url", "--reconnect", "--help"]


def said(*command):
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=harness.PATIENCE).stdout


def commands():
    listed = said(harness.JOINQ, "--help").split("commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options(help_text):
    """The options of a help text, by the lines that begin with them."""
    found = []
    for line in help_text.splitlines():
        match = re.match(r"  (-[\w-]+)(?:, (--[\w-]+))?", line)
        if match:
            found += [option for option in match.groups() if option]
    return found


def document(name):
    with open(os.path.join(DOCUMENTS, name), encoding="utf-8") as file:
        return file.read()


class Manual(unittest.TestCase):
    def page_options(self, page):
        """What stands in bold at the head of a paragraph of the page."""
        heads = re.findall(r"^\.TP\n(.*)", page.replace("\\-", "-"), re.M)
        return [option for head in heads for option in re.findall(r"(?:\\fB|^\.B )(--?[\w-]+)", head)]

    def test_pages_are_proper(self):
        pages = [os.path.join(DOCUMENTS, name) for name in os.listdir(DOCUMENTS) if name.endswith(".1")]
        self.assertEqual(len(pages), len(commands()) + 1)
        for page in [*pages, JOINQD_PAGE]:
            lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False)
            self.assertEqual((lint.stdout, lint.returncode), ("", 0), page)

    def test_every_option_is_in_its_page_and_no_other(self):
        for command in commands():
            with self.subTest(command):
                page = document(f"joinq-{command}.1")
                self.assertEqual(self.page_options(page), options(said(harness.JOINQ, command, "--help")))

    def test_every_command_is_in_the_overview(self):
        page = document("joinq.1").replace("\\-", "-")
        self.assertEqual(re.findall(r"^\.BR joinq-(\S+) \(1\)$", page, re.M), commands())

    def test_the_page_of_the_broker(self):
        with open(JOINQD_PAGE, encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(self.page_options(page), options(said(harness.JOINQD, "--help")))


class Completion(harness.BrokerCase):
    def completes(self, *words):
        """What bash offers for the last of these words."""
        script = f'source {DOCUMENTS}/joinq.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _joinq; printf "%s\\n" "${{COMPREPLY[@]}}"'
        environment = {**self.environment, "PATH": os.path.dirname(harness.JOINQ) + ":" + os.environ["PATH"]}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script, "bash", "joinq", *words], env=environment,
                              capture_output=True, check=True, text=True, timeout=harness.PATIENCE)
        return done.stdout.split()

    def test_bash_knows_commands_and_options(self):
        self.assertEqual(self.completes(""), commands())
        self.assertEqual(self.completes("pu"), ["put", "purge"])
        for command in commands():
            self.assertEqual(self.completes(command, "-"), options(said(harness.JOINQ, command, "--help")))
        self.assertEqual(self.completes("--url", "unix:///x", "put", "--del"), ["--delay"])

    def test_bash_knows_values_and_queues(self):
        self.joinq("declare", "jobs")
        self.joinq("declare", "sums")
        self.assertEqual(self.completes("declare", "q", "--order", "l"), ["lifo"])
        self.assertEqual(self.completes("get", ""), ["jobs", "sums"])
        self.assertEqual(self.completes("work", "jobs", "--to", "s"), ["sums"])
        self.assertEqual(self.completes("put", "jobs", "--timeout", ""), [])
        self.assertIn("seq", self.completes("work", "jobs", "--", "se"))
        self.assertEqual(self.completes("--url", "unix:///nowhere", "get", ""), [])

    def test_shells_understand_what_was_made(self):
        said("shellcheck", "-s", "bash", os.path.join(DOCUMENTS, "joinq.bash"))
        said("zsh", "-n", os.path.join(DOCUMENTS, "_joinq"))

    def test_zsh_knows_every_option(self):
        text = document("_joinq")
        for command in commands():
            branch = re.search(rf"^    {command}\)\n(.*?)^        ;;$", text, re.M | re.S).group(1)
            for option in options(said(harness.JOINQ, command, "--help")):
                self.assertIn(f"'{option}[", branch)


if __name__ == "__main__":
    harness.main()

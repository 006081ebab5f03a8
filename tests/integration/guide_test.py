#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/guide/troubleshoot.md speaks of lines that broker, library and tool really say, and the guides link to pages that are there."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import harness

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GUIDE = os.path.join(ROOT, "docs", "guide")
SYSTEM = {"Permission denied", "No such file or directory", "Connection refused", "Address already in use",
          "Too many open files"}  # fmt: skip
PLACEHOLDER = re.compile(r": |(?:unix://)?\.\.\.|, |\b[A-Z]+(?:\b|(?=:))|\d+ \w\b")


def said_by_the_code():
    """All of the sources, with pieces of one text put together and numbers and texts that are filled in taken out."""
    texts = []
    for folder in ("broker", "cli", "libclient", "wire"):
        for at, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                if name.endswith((".c", ".h", ".def")):
                    with open(os.path.join(at, name), encoding="utf-8") as file:
                        texts.append(file.read())
    whole = re.sub(r'"\s*(?:PRI\w+\s*)?"', "", "\n".join(texts))
    return plain(re.sub(r"(?<=\w)%s", "", whole))


def plain(text):
    """Without what makes a plural, and spaces alike."""
    return re.sub(r"s\b", "", re.sub(r"\s+", " ", text))


def read(name):
    with open(os.path.join(GUIDE, name), encoding="utf-8") as file:
        return file.read()


class Guides(unittest.TestCase):
    def test_lines_are_those_of_the_code(self):
        said, looked_at = said_by_the_code(), 0
        for row in re.findall(r"^\| (`.*?`.*?) \|", read("troubleshoot.md"), re.M):
            for span in re.findall(r"`([^`]+)`", row):
                for piece in PLACEHOLDER.split(span):
                    piece = piece.strip(" :,'")
                    if len(piece) < 6 or piece in SYSTEM:
                        continue
                    looked_at += 1
                    with self.subTest(span):
                        self.assertTrue(plain(piece) in said, f"nobody says this: {span} ({piece})")
        self.assertGreater(looked_at, 30)

    def test_a_configuration_is_checked_with_the_folder_that_the_unit_gives(self):
        """As the guides say it, but for the user; a durable queue is what the folder is for."""
        with tempfile.TemporaryDirectory(prefix="joinq-test-") as folder:
            path = os.path.join(folder, "joinqd.conf")
            with open(path, "w", encoding="ascii") as file:
                file.write('queue "jobs" { durable = yes }\n')
            looked_at = 0
            for name in ("install.md", "upgrade.md", "secure.md"):
                for variables, flags in re.findall(r"sudo -u joinq env (.*?)\S*joinqd\S* (.*?--check.*?)(?:`| {2,}|$)", read(name), re.M):
                    given = dict(variable.split("=") for variable in variables.split())
                    flags = flags.replace("/etc/joinq/joinqd.conf", path).split()
                    done = subprocess.run([harness.JOINQD, *flags], env=dict(os.environ, **given), capture_output=True,
                                          timeout=harness.PATIENCE, check=False)  # fmt: skip
                    self.assertEqual((done.returncode, done.stderr), (0, b""), name)
                    looked_at += 1
            self.assertEqual(looked_at, 3)

    def test_links(self):
        for name in os.listdir(GUIDE):
            for page in re.findall(r"\b([a-z-]+\.md)\b", read(name)):
                found = any(os.path.exists(os.path.join(ROOT, *at, page)) for at in (("docs", "guide"), ("docs",), ()))
                self.assertTrue(found or page == page.upper(), f"{name}: {page}")


if __name__ == "__main__":
    harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual says what --help says: every command, every option; and its pages are proper."""

import os
import re
import subprocess
import unittest

import harness
from help_text import commands, options, said

DOCUMENTS = os.environ["JOINQ_DOCUMENTS"]
JOINQD_PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "man", "joinqd.8")


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


if __name__ == "__main__":
    harness.main()

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

CONFIGURATION_PAGE = os.path.join(os.environ["JOINQ_BROKER_DOCUMENTS"], "joinqd.conf.5")


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
        for page in [*pages, JOINQD_PAGE, CONFIGURATION_PAGE]:
            lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False)
            self.assertEqual((lint.stdout, lint.returncode), ("", 0), page)

    def test_every_option_is_in_its_page_and_no_other(self):
        for command in commands():
            with self.subTest(command):
                page = document(f"joinq-{command}.1")
                self.assertEqual(self.page_options(page), options(said(harness.JOINQ, command, "--help")))

    def test_every_command_is_in_the_overview(self):
        page = document("joinq.1").replace("\\-", "-")
        self.assertEqual(re.findall(r"^\.TP\n\.BR joinq-(\S+) \(1\)$", page, re.M), commands())

    def test_what_the_pages_name_is_there(self):
        known = {command: options(said(harness.JOINQ, command, "--help")) for command in commands()}
        for name in [*(f"joinq-{command}.1" for command in known), "joinq.1"]:
            page = document(name).replace("\\-", "-")
            for other in re.findall(r"^\.BR joinq-(\S+) ", page, re.M):
                self.assertIn(other, known, name)
            for example in re.findall(r"^\.nf\n(.*?)^\.fi$", page, re.M | re.S):
                for command, arguments in re.findall(r"\bjoinq ([a-z]+)([^|;&)\n]*)", example):
                    given = re.findall(r" (--?[a-z0-9][\w-]*)", arguments.partition(" -- ")[0])
                    self.assertLessEqual(set(given), set(known[command]), f"{name}: {command}")

    def test_every_page_has_examples_statuses_and_the_version(self):
        version = said(harness.JOINQ, "--version").strip()
        with open(JOINQD_PAGE, encoding="utf-8") as file:
            pages = [file.read(), *(document(f"joinq-{command}.1") for command in commands()), document("joinq.1")]
        for page in pages:
            self.assertRegex(page, rf'(?m)^\.TH "?JOINQ\S* "?[18]"? "[0-9-]+" "{re.escape(version)}"')
            self.assertRegex(page, r"\n\.SH EXIT STATUS\n.+\n(.*\n)*\.SH EXAMPLES\n")

    def test_the_page_of_the_broker(self):
        with open(JOINQD_PAGE, encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(self.page_options(page), options(said(harness.JOINQD, "--help")))


if __name__ == "__main__":
    harness.main()

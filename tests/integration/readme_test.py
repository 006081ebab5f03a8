# SPDX-License-Identifier: Apache-2.0
"""The README's commands, run as they stand, do what it says that they do."""

# proves: END-1 LSE-1 PRD-2 RST-2

import os
import re
import subprocess
import tempfile
import unittest

from harness import JOINQ, JOINQD, PATIENCE, main

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")

# What each block prints, in their order.
EXPECTED = [
    ["10000"],
    ["the worker was killed", "ready               3", "first", "second", "third", "redelivered         1"],
    ["status 4", "a", "b", "c", "status 4"],
    ["a worker was killed", "100", "put                 100"],
    ["ready               600", "401"],
    ["a put of client 'joinq put' waits for room: queue 'narrow' has 1 of 1 messages", "a", "b"],
]


def blocks():
    with open(README, encoding="utf-8") as file:
        return re.findall(r"^```sh\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)


class Tour(unittest.TestCase):
    def run_block(self, block):
        environment = dict(os.environ, JOINQD=JOINQD, PATH=os.path.dirname(JOINQ) + ":" + os.environ["PATH"])
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [JOINQ, "run", "--", "bash", "-euo", "pipefail", "-c", block],
                cwd=folder,
                env=environment,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode().splitlines()

    def test_blocks(self):
        self.assertEqual(len(blocks()), len(EXPECTED))
        for block, expected in zip(blocks(), EXPECTED):
            with self.subTest(block):
                self.assertEqual(self.run_block(block), expected)


if __name__ == "__main__":
    main()

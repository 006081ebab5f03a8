# SPDX-License-Identifier: Apache-2.0
"""What the tool's own help lists: the commands, and the options of each. It knows nothing of pages and shells."""

import re
import subprocess

import harness


def said(*command):
    """What a command prints; it must succeed."""
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=harness.PATIENCE).stdout


def commands():
    listed = said(harness.JOINQ, "--help").split("commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def values(help_text):
    """The options of a help text, by the lines that begin with them, and what each says of its value (None: it takes none)."""
    found = {}
    for line in help_text.splitlines():
        match = re.match(r"  (-[\w-]+)(?:, (--[\w-]+))?(?: ([\w|]+)(?=  | [a-z]))?", line)
        if match:
            for option in match.groups()[:2]:
                if option:
                    found[option] = match.group(3)
    return found


def options(help_text):
    return list(values(help_text))

# SPDX-License-Identifier: Apache-2.0
"""The source tree as the lint sees it: which files there are, and C without its comments and strings.

It knows no rule.
"""

import os
import re

SKIPPED_FOLDERS = {"build", "__pycache__"}


class Tree:
    """The files below a root folder, by path relative to it."""

    def __init__(self, root):
        self.root = root
        self._texts = {}
        self.paths = sorted(self._walk())

    def _walk(self):
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = [s for s in subfolders if s not in SKIPPED_FOLDERS and s != ".git"]
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.root)

    def absolute(self, path):
        return os.path.join(self.root, path)

    def text(self, path):
        """The file's text; None if it is not text."""
        if path not in self._texts:
            with open(self.absolute(path), "rb") as file:
                data = file.read()
            try:
                self._texts[path] = None if b"\0" in data else data.decode("utf-8")
            except UnicodeDecodeError:
                self._texts[path] = None
        return self._texts[path]

    def code(self, path):
        """C text with comments and literals blanked, the lines kept."""
        return strip_c(self.text(path) or "")

    def having(self, *endings):
        return [path for path in self.paths if path.endswith(endings)]

    def c_files(self):
        return self.having(".c", ".h")

    def scripts(self, interpreter):
        """Files that an interpreter runs, by ending or by their first line."""
        ending = {"python": ".py", "sh": ".sh"}[interpreter]
        first = re.compile(r"#!.*\b(ba)?" + interpreter)
        return [p for p in self.paths if p.endswith(ending) or first.match(self.text(p) or "")]


_C_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def strip_c(text):
    def blank(match):
        token = match.group()
        lines = "\n" * token.count("\n")
        if token[0] == "/":
            return " " + lines
        return token[0] + " " * (len(token) - 2) + token[0]

    return _C_TOKEN.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def c_functions(code):
    """(name, first line, last line) of each function: its braces stand in column 0."""
    lines = code.split("\n")
    opened = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            opened = number
        elif line.startswith("}") and opened:
            first = opened
            while first > 1 and re.match(r"[^#\s}]|\s+\S", lines[first - 2]) and lines[first - 2].rstrip()[-1] != ";":
                first -= 1
            names = re.findall(r"(\w+)\s*\(", "\n".join(lines[first - 1 : opened]))
            yield (next((n for n in names if n != "__attribute__"), "?"), first, number)
            opened = None

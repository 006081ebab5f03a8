# SPDX-License-Identifier: Apache-2.0
"""Values as people write them: [4, 7, "jobs", 0, nil, 0, [h'6869'], {1: 500}]. h'...' is bin, {...} a map."""

import re

from packing import Pairs

_TOKEN = re.compile(r"""\s*(?:(-?\d+\.\d+)|(-?\d+)|"([^"]*)"|h'([0-9a-f]*)'|(nil|true|false)|([][{},:]))""")
_WORDS = {"nil": None, "true": True, "false": False}


class _Parser:
    def __init__(self, text):
        self.tokens, at, text = [], 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if not match:
                raise ValueError(f"what is {text[at:]!r}?")
            self.tokens.append(match)
            at = match.end()
        self.next = 0

    def mark(self, characters):
        """The mark that comes next, if it is one of these."""
        if self.next < len(self.tokens) and (self.tokens[self.next].group(6) or "-") in characters:
            self.next += 1
            return self.tokens[self.next - 1].group(6)
        return None

    def list_of(self, item, close):
        found = []
        while not self.mark(close):
            if found and not self.mark(","):
                raise ValueError(f"a comma or {close} is missing")
            found.append(item())
        return found

    def pair(self):
        key = self.value()
        if not self.mark(":"):
            raise ValueError("a colon is missing")
        return key, self.value()

    def value(self):
        if self.mark("["):
            return self.list_of(self.value, "]")
        if self.mark("{"):
            return Pairs(self.list_of(self.pair, "}"))
        if self.next == len(self.tokens):
            raise ValueError("a value is missing")
        real, whole, text, hexadecimal, word, _ = self.tokens[self.next].groups()
        self.next += 1
        if real is not None:
            return float(real)
        if whole is not None:
            return int(whole)
        if text is not None:
            return text
        return bytes.fromhex(hexadecimal) if hexadecimal is not None else _WORDS[word]


def parse(text):
    parser = _Parser(text)
    value = parser.value()
    if parser.next != len(parser.tokens):
        raise ValueError("goes on behind its end")
    return value

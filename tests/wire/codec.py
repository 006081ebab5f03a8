#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joinq's protocol as a stranger would write it: from PROTOCOL.md alone, with the standard library alone.

The layouts of the messages are read out of PROTOCOL.md itself; the rules for each type are here. Decoding a frame comes to a
code (OK, INVALID, TOO_LARGE, PROTOCOL) and, where it is OK, to its values.

    codec.py PROTOCOL.md '[12, 4, "jobs", 0, nil]'      prints the frame in hex
"""

import re
import struct
import sys

import notation
import packing

FRAME_MAX = 16 * 1024 * 1024
MESSAGE_MAX = 8 * 1024 * 1024
DEPTH_MAX, VALUES_MAX, OPTIONS_MAX, LINES_MAX = 4, 65536, 32, 4096
NAME_MAX, TEXT_MAX, BATCH_MAX, LIST_MAX, PRIORITY_MAX = 255, 400, 1000, 100, 255
RANGES_MAX, SETTLE_MAX, LOST_MAX = 1000, 1000, 2000
TIME_MAX = 3155760000000
U32_MAX, U64_MAX = (1 << 32) - 1, (1 << 64) - 1


class Refused(Exception):
    """What a message is refused with: the code, then why."""

    def __init__(self, code, why):
        super().__init__(f"{code}: {why}")
        self.code = code


def invalid(why):
    return Refused("INVALID", why)


def malformed(why):
    return Refused("PROTOCOL", why)


def _typed(value, kind):
    if type(value) is not kind:
        raise malformed(f"{value!r} is not of type {kind.__name__}")
    return value


def _number(value, least, most):
    if _typed(value, int) < 0:
        raise malformed("a negative number")
    if not least <= value <= most:
        raise invalid(f"{value} is not within {least} and {most}")


def _time(value):
    if not 0 <= _typed(value, int) <= TIME_MAX:
        raise invalid(f"{value} is no time")


def _priority(value):
    if type(value) is int:
        if not -(1 << 63) <= value < 1 << 63:
            raise invalid("a priority beyond 63 bits")
    elif len(_typed(value, bytes)) > PRIORITY_MAX:
        raise invalid("a priority of too many bytes")


def _sized(value, kind, size_max):
    data = value.encode("utf-8", "surrogateescape") if kind is str and type(value) is str else value
    if len(_typed(data, bytes if type(value) is kind else kind)) > size_max:
        raise invalid(f"more than {size_max} bytes")


def _four(value):
    if len(_typed(value, list)) != 4:
        raise malformed("not four numbers")
    for number in value:
        _number(number, 0, U64_MAX)
    return value


class Checker:
    """Checks the fields of one message, in their order."""

    def __init__(self, is_request):
        self.is_request, self.runs = is_request, None

    def ranges(self, value):
        if len(_typed(value, list)) > (RANGES_MAX if self.is_request else LOST_MAX):
            raise invalid("too many ranges")
        messages = 0
        for _, _, count, attempt in map(_four, value):
            _number(count, 1, U32_MAX)
            _number(attempt, 0, U32_MAX)
            messages += count
            if self.is_request and messages > SETTLE_MAX:
                raise invalid("too many messages in ranges")

    def run_list(self, value):
        if len(_typed(value, list)) > BATCH_MAX:
            raise invalid("too many runs")
        self.runs = 0
        for _, count, attempt, deliveries in map(_four, value):
            _number(count, 1, BATCH_MAX - self.runs)
            _number(attempt, 0, U32_MAX)
            _number(deliveries, 0, U32_MAX)
            self.runs += count

    def bodies(self, value, least):
        if not least <= len(_typed(value, list)) <= BATCH_MAX:
            raise invalid("a batch of such a size")
        if self.runs is not None and self.runs != len(value) and value:
            raise malformed("runs and bodies differ")
        for body in value:
            if len(_typed(body, bytes)) > MESSAGE_MAX:
                raise Refused("TOO_LARGE", "a body")

    def options(self, value, known):
        if len(_typed(value, packing.Pairs)) > OPTIONS_MAX:
            raise malformed("too many options")
        seen = set()
        for key, option in value:
            if _typed(key, int) < 0:
                raise malformed("a negative key")
            if key not in known or key in seen:
                raise invalid(f"option {key}")
            seen.add(key)
            self.field(known[key], option)

    def maps(self, value, known, least, most):
        if not least <= len(_typed(value, list)) <= most:
            raise invalid("so many")
        for pairs in value:
            seen = set()
            for key, field in _typed(pairs, packing.Pairs):
                if _typed(key, int) < 0:
                    raise malformed("a negative key")
                if self.is_request and (key not in known or key in seen):
                    raise invalid(f"key {key}")
                seen.add(key)
                if key in known:
                    self.field(known[key], field)

    def stats(self, value):
        self.maps(value, {key: "u64" if key else "name" for key in STAT_KEYS}, 0, LIST_MAX)

    def field(self, kind, value):
        if isinstance(kind, dict):
            self.options(value, kind)
        elif isinstance(kind, tuple):
            self.maps(value, *kind)
        elif ".." in kind and not kind.startswith("bodies"):
            _number(value, *map(int, kind.split("..")))
        elif kind.startswith("bits "):
            _number(value, 0, U64_MAX)
            if value & ~int(kind[5:]):
                raise invalid("an unknown flag")
        elif kind.startswith("bin "):
            if len(_typed(value, bytes)) != int(kind[4:]):
                raise invalid("a bin of another size")
        elif kind.startswith("bodies "):
            self.bodies(value, int(kind[7:].split("..")[0]))
        else:
            _SIMPLE[kind](self, value)


_SIMPLE = {
    "u32": lambda checker, value: _number(value, 0, U32_MAX),
    "u64": lambda checker, value: _number(value, 0, U64_MAX),
    "bool": lambda checker, value: _typed(value, bool),
    "time": lambda checker, value: _time(value),
    "timeout": lambda checker, value: value is None or _time(value),
    "name": lambda checker, value: _sized(value, str, NAME_MAX),
    "text": lambda checker, value: _sized(value, str, TEXT_MAX),
    "lines": lambda checker, value: _sized(value, str, LINES_MAX),
    "ranges": Checker.ranges,
    "runs": Checker.run_list,
    "stats": Checker.stats,
    "priority": lambda checker, value: _priority(value),
}

STAT_KEYS = set()


class Layout:
    """One message: its name, kind, opcode, and the types of its fields."""

    def __init__(self, name, op, kind, fields):
        self.name, self.op, self.kind, self.fields = name, op, kind, fields
        self.required = len(fields) - (1 if fields and isinstance(fields[-1], dict) else 0)


def _types(text):
    """The types out of "queue: name, options: {1 delay_ms: time}"."""
    found = []
    for match in re.finditer(r"\w+: (?:(\[)?\{([^}]*)\}(?:\] (\d+)\.\.(\d+))?|([^,{]+))(?:, |$)", text):
        is_list, fields, least, most, simple = match.groups()
        if simple:
            found.append(simple.strip())
            continue
        known = {int(key): kind for key, kind in re.findall(r"(\d+) \w+: ([^,]+)", fields)}
        found.append((known, int(least), int(most)) if is_list else known)
    return found


def read_protocol(path):
    """Layouts by opcode, out of the document's tables and its lines NAME = [op, id, field: type, ...]."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    kinds = dict(re.findall(r"^\| (\d+) \| `\w+` \| (request|notice|answer|event) \|", text, re.M))
    layouts = {}
    for name, op, fields in re.findall(r"^([A-Z_]+) = \[(\d+), (?:id|0)(?:, (.*))?\]$", text, re.M):
        layouts[int(op)] = Layout(name, int(op), kinds[op], _types(fields))
    STAT_KEYS.update(int(key) for key in re.findall(r"^\| (\d+) \| `\w+` \| (?:u64|name) \|", text, re.M))
    return layouts


def _request_id(layout, request):
    if layout.kind == "request":
        return request != 0
    if layout.kind == "answer":
        return request != 0 or layout.name == "RESULT"
    return request == 0


def _check(layouts, message):
    if len(_typed(message, list)) < 2:
        raise malformed("no opcode and request id")
    op, request = message[:2]
    for number in (op, request):
        if _typed(number, int) < 0 or number > U32_MAX:
            raise malformed("an opcode or request id beyond 32 bits")
    layout = layouts.get(op)
    if not layout:
        raise invalid("an unknown opcode")
    fields = message[2:]
    is_sent_by_client = layout.kind in ("request", "notice")
    try:
        if not _request_id(layout, request) or len(fields) < layout.required:
            raise malformed("request id, or missing fields")
        checker = Checker(layout.kind == "request")
        for kind, value in zip(layout.fields, fields):
            checker.field(kind, value)
        if len(fields) > len(layout.fields) and is_sent_by_client:
            raise invalid("more fields than there are")
    except Refused as refused:
        raise malformed(str(refused)) if layout.kind == "notice" else refused


def decode(layouts, frame):
    """(code, value): the code of what is wrong with a frame or OK, and the frame's value if it is msgpack at all."""
    if len(frame) < 4:
        return "PROTOCOL", None
    (length,) = struct.unpack(">I", frame[:4])
    if length == 0 or length > FRAME_MAX or length != len(frame) - 4:
        return "PROTOCOL", None
    try:
        message = packing.unpack(frame[4:], DEPTH_MAX, VALUES_MAX)
    except packing.Malformed:
        return "PROTOCOL", None
    try:
        _check(layouts, message)
    except Refused as refused:
        return refused.code, message
    return "OK", message


def encode(message):
    payload = packing.pack(message)
    return struct.pack(">I", len(payload)) + payload


if __name__ == "__main__":
    frame_of_argument = encode(notation.parse(sys.argv[2]))
    print(frame_of_argument.hex(" "), decode(read_protocol(sys.argv[1]), frame_of_argument)[0])

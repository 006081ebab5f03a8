# SPDX-License-Identifier: Apache-2.0
"""msgpack from its specification, with the standard library alone: the shortest form out, every form in.

str is str, bin is bytes, nil is None; an ext is an Ext. A text that is no UTF-8 keeps its bytes as surrogates.
"""

import struct
from typing import NamedTuple


class Malformed(Exception):
    """Not msgpack, or beyond a limit of joinq's protocol."""


class Ext(NamedTuple):
    data: bytes


# Head: (struct format of the number behind it, what it is).
_WIDE = {
    0xC4: (">B", "bin"), 0xC5: (">H", "bin"), 0xC6: (">I", "bin"),
    0xC7: (">B", "ext"), 0xC8: (">H", "ext"), 0xC9: (">I", "ext"),
    0xCA: (">f", "number"), 0xCB: (">d", "number"),
    0xCC: (">B", "number"), 0xCD: (">H", "number"), 0xCE: (">I", "number"), 0xCF: (">Q", "number"),
    0xD0: (">b", "number"), 0xD1: (">h", "number"), 0xD2: (">i", "number"), 0xD3: (">q", "number"),
    0xD9: (">B", "str"), 0xDA: (">H", "str"), 0xDB: (">I", "str"),
    0xDC: (">H", "array"), 0xDD: (">I", "array"), 0xDE: (">H", "map"), 0xDF: (">I", "map"),
}  # fmt: skip


class Reader:
    """Takes one value after the other off bytes, within a depth and a number of values."""

    def __init__(self, data, depth_max, values_max):
        self.data, self.at, self.depth_max, self.values_left = data, 0, depth_max, values_max

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed("ends in the middle")
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece

    def value(self, depth=0):
        self.values_left -= 1
        if self.values_left < 0:
            raise Malformed("too many values")
        head = self.take(1)[0]
        if head < 0x80:
            return head
        if head < 0x90:
            return self.content("map", head & 0x0F, depth)
        if head < 0xA0:
            return self.content("array", head & 0x0F, depth)
        if head < 0xC0:
            return self.content("str", head & 0x1F, depth)
        if head >= 0xE0:
            return head - 0x100
        if head in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[head]
        if 0xD4 <= head <= 0xD8:
            return self.content("ext", 1 << (head - 0xD4), depth)
        if head not in _WIDE:
            raise Malformed("a head that does not exist")
        form, kind = _WIDE[head]
        return self.content(kind, struct.unpack(form, self.take(struct.calcsize(form)))[0], depth)

    def content(self, kind, number, depth):
        if kind == "number":
            return number
        if kind == "bin":
            return self.take(number)
        if kind == "str":
            return self.take(number).decode("utf-8", "surrogateescape")
        if kind == "ext":
            return Ext(self.take(1 + number))
        if depth == self.depth_max:
            raise Malformed("nested too deep")
        if kind == "array":
            return [self.value(depth + 1) for _ in range(number)]
        return Pairs((self.value(depth + 1), self.value(depth + 1)) for _ in range(number))


class Pairs(tuple):
    """A map as it stands: pairs in their order, keys perhaps repeated."""


def unpack(data, depth_max, values_max):
    reader = Reader(data, depth_max, values_max)
    value = reader.value()
    if reader.at != len(data):
        raise Malformed("goes on behind its end")
    return value


def _head(number, small, forms):
    """The shortest head that holds a number: `small` is (limit, base) of the one-byte form or None."""
    if small and number < small[0]:
        return bytes([small[1] | number])
    for head, form, limit in forms:
        if number < limit:
            return bytes([head]) + struct.pack(form, number)
    raise ValueError(f"{number} is too large")


_B, _H, _I, _Q = (">B", 1 << 8), (">H", 1 << 16), (">I", 1 << 32), (">Q", 1 << 64)
_UINT = [(0xCC, *_B), (0xCD, *_H), (0xCE, *_I), (0xCF, *_Q)]
_BIN = [(0xC4, *_B), (0xC5, *_H), (0xC6, *_I)]
_STR = [(0xD9, *_B), (0xDA, *_H), (0xDB, *_I)]
_ARRAY = [(0xDC, *_H), (0xDD, *_I)]
_MAP = [(0xDE, *_H), (0xDF, *_I)]


def _pack_int(value):
    if value >= 0:
        return _head(value, (0x80, 0), _UINT)
    for head, form, least in ((None, ">b", -32), (0xD0, ">b", -1 << 7), (0xD1, ">h", -1 << 15), (0xD2, ">i", -1 << 31)):
        if value >= least:
            return (b"" if head is None else bytes([head])) + struct.pack(form, value)
    return b"\xd3" + struct.pack(">q", value)


def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _pack_int(value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogateescape")
        return _head(len(data), (32, 0xA0), _STR) + data
    if isinstance(value, bytes):
        return _head(len(value), None, _BIN) + value
    if isinstance(value, list):
        return _head(len(value), (16, 0x90), _ARRAY) + b"".join(map(pack, value))
    if isinstance(value, Pairs):
        return _head(len(value), (16, 0x80), _MAP) + b"".join(pack(k) + pack(v) for k, v in value)
    raise TypeError(f"{value!r} is not packed here")

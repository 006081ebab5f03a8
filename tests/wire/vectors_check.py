#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the vectors against codec.py, which is made from PROTOCOL.md alone: vectors_check.py PROTOCOL.md FILE...

What a vector's bytes say, what they come to, and that writing it gives the same bytes unless the vector is a loose one.
"""

import sys

import codec
import notation


def read(path):
    """The vectors of a file: dictionaries of what its lines say."""
    vectors = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            word, _, rest = line.strip().partition(" ")
            if word == "vector":
                vectors.append({"name": rest.strip(), "code": "OK", "bytes": ""})
            elif vectors and word == "bytes":
                vectors[-1]["bytes"] += rest
            elif vectors and word in ("value", "means", "code"):
                vectors[-1][word] = rest.strip()
    return vectors


def wrong(layouts, vector):
    """What is wrong with a vector, or None."""
    data = bytes.fromhex(vector["bytes"])
    code, value = codec.decode(layouts, data)
    if code != vector["code"]:
        return f"is {code}, not {vector['code']}"
    if "value" not in vector:
        return "has no value" if code == "OK" else None
    said = notation.parse(vector["value"])
    if value is not None and value != said:
        return f"says {value}"
    written = codec.encode(said)
    shortest_form = vector["name"].endswith("-loose") and "means" not in vector
    if (written == data) == shortest_form:
        return f"is written as {written.hex(' ')}"
    return None


def main(protocol, paths):
    layouts = codec.read_protocol(protocol)
    seen, count, failed = set(), 0, 0
    for path in paths:
        for vector in read(path):
            count += 1
            problem = wrong(layouts, vector)
            if problem:
                failed += 1
                print(f"{path}: {vector['name']}: {problem}")
            elif vector["code"] == "OK":
                seen.add(notation.parse(vector["value"])[0])
    for op in sorted(set(layouts) - seen):
        failed += 1
        print(f"no vector has opcode {op}")
    print(f"{count} vectors, {failed} wrong")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors of the wire tests into the fuzzers' corpora: seed.py CORPUS FILE... (run by hand after new vectors)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))
import vectors_check  # noqa: E402


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def main(corpus, paths):
    streams = {}
    for path in paths:
        for vector in vectors_check.read(path):
            data = bytes.fromhex(vector["bytes"])
            write(os.path.join(corpus, "message"), vector["name"], data[4:])
            streams.setdefault(os.path.basename(path), []).append(data)
    for name, frames in streams.items():
        for choice in range(4):
            stream = bytes([choice, 3 * choice, 5 * choice, 7 * choice]) + b"".join(frames[choice::4])
            write(os.path.join(corpus, "frame"), f"{os.path.splitext(name)[0].lower()}-{choice}", stream)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

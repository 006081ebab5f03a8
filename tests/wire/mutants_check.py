#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether codec.py comes to the same codes as the code does, on mutated vectors: mutants_check.py PROTOCOL.md COMMAND..."""

import collections
import subprocess
import sys

import codec


def main(protocol, command):
    layouts = codec.read_protocol(protocol)
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    codes, failed = collections.Counter(), 0
    for line in lines:
        theirs, data = line.split()
        ours, _ = codec.decode(layouts, bytes.fromhex(data))
        codes[ours] += 1
        if ours != theirs:
            failed += 1
            print(f"{ours} here, {theirs} there: {data}")
    print(f"{dict(codes)}, {failed} differ")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

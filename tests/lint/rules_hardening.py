# SPDX-License-Identifier: Apache-2.0
"""What makes a bug of ours harder to use, read from what was built and not from how: position independence, what cannot be
written once it is linked, guards of the stack, checked calls of the C library.

Yields one line of text for each that is missing.
"""

import re
import subprocess

# Flags that leave no mark of their own: the compiler notes in the debug information with which it ran.
NOTED = ["-fstack-clash-protection"]
BY_MACHINE = {"X86-64": "-fcf-protection=full", "AArch64": "-mbranch-protection=standard"}


def _readelf(path, *flags):
    return subprocess.run(["readelf", "--wide", *flags, path], check=True, capture_output=True, text=True).stdout


def _segments(path):
    """Type and flags of each segment."""
    for line in _readelf(path, "--program-headers").split("\n"):
        match = re.match(r"\s+([A-Z_]+)\s+0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ ([RWE ]{3})", line)
        if match:
            yield match.group(1), match.group(2)


def _layout(path, program):
    header, dynamic = _readelf(path, "--file-header"), _readelf(path, "--dynamic")
    if not re.search(r"Type:\s+DYN", header) or (program and not re.search(r"FLAGS_1\).*\bPIE\b", dynamic)):
        yield "stands at a fixed address (no PIE)"
    kinds = dict(_segments(path))
    if "GNU_RELRO" not in kinds or not re.search(r"\(FLAGS(_1)?\).*\b(BIND_)?NOW\b", dynamic):
        yield "can be linked anew while it runs (no full RELRO)"
    if "E" in kinds.get("GNU_STACK", "E"):
        yield "has a stack that can be executed"
    if any("W" in flags and "E" in flags for _, flags in _segments(path)):
        yield "has a segment that can be written and executed"
    for tag in ("TEXTREL", "RPATH", "RUNPATH"):
        if f"({tag})" in dynamic:
            yield f"has {tag}"


def _machine_flag(path):
    header = _readelf(path, "--file-header")
    return [flag for machine, flag in BY_MACHINE.items() if machine in header]


def _code(path):
    symbols = _readelf(path, "--dyn-syms")
    if "__stack_chk_fail" not in symbols:
        yield "has no guard of the stack"
    if not re.search(r"__\w+_chk\b(?<!__stack_chk)", symbols):
        yield "calls nothing of the C library with a check (no FORTIFY)"
    producers = re.findall(r"GNU C\d.*", _readelf(path, "--string-dump=.debug_str"))
    for flag in NOTED + _machine_flag(path):
        if any(flag not in producer for producer in producers):
            yield f"was compiled without {flag}"


def check(path, program):
    for text in [*_layout(path, program), *_code(path)]:
        yield f"{path}: {text}"

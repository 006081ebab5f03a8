#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: lint.py RULE [ROOT]  |  lint.py tidy ROOT BUILD  |  lint.py symbols KEY=FILE[,FILE]...
usage: lint.py hardening program|library FILE...

Holds the source tree, or what was built from it, against one rule; prints what breaks it and exits 1. The rules are
in rules_*.py; that each of them bites is shown by selftest.py.
"""

import os
import sys

import rules_hardening
import rules_includes
import rules_source
import rules_symbols
import rules_tags
import rules_tools
import tree as source

RULES = {
    "calls": rules_source.calls,
    "lengths": rules_source.lengths,
    "licence": rules_source.licence,
    "markers": rules_source.markers,
    "includes": rules_includes.includes,
    "tags": rules_tags.tags,
    "rows": rules_tags.rows,
    "mutants": rules_tags.mutants,
    "format": rules_tools.formatting,
    "shell": rules_tools.shell,
    "headers": rules_tools.headers,
}


def check_symbols(pairs):
    for pair in pairs:
        key, _, paths = pair.partition("=")
        for path in paths.split(","):
            yield from rules_symbols.check(key, path)


def check_hardening(kind, paths):
    for path in paths:
        yield from rules_hardening.check(path, kind == "program")


def main(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    if not arguments or arguments[0] not in [*RULES, "symbols", "hardening", "tidy"]:
        sys.exit(f"{__doc__}\nrules: {' '.join(RULES)}")
    rule = arguments[0]
    if rule == "symbols":
        broken = list(check_symbols(arguments[1:]))
    elif rule == "hardening":
        broken = list(check_hardening(arguments[1], arguments[2:]))
    elif rule == "tidy":
        broken = list(rules_tools.tidy(source.Tree(arguments[1]), arguments[2]))
    else:
        tree = source.Tree(arguments[1] if len(arguments) > 1 else os.path.join(here, "..", ".."))
        broken = list(RULES[rule](tree))
    for line in broken:
        print(line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0
"""The promises of docs/contract.md and the tests that prove them.

A promise is defined as `- [ABC-1]`; a test names those it proves in a comment, `proves:` and the tags.
"""

import re

CONTRACT = "docs/contract.md"
_DEFINITION = re.compile(r"^- \[([A-Z]{3}-\d+)\]", re.M)
_PROVES = re.compile(r"\bproves:[ \t]*([^\n]*)")
_COMMENT_END = re.compile(r'\*/|"""$')
_TAG = re.compile(r"[A-Z]{3}-\d+")


def known(tree):
    return _DEFINITION.findall(tree.text(CONTRACT) or "") if CONTRACT in tree.paths else []


def claims(tree):
    """(path, line, tags, what follows them) of each claim in the tests. The lint's own folder holds no claims."""
    for path in tree.paths:
        if not path.startswith("tests/") or path.startswith("tests/lint/"):
            continue
        text = tree.text(path) or ""
        for match in _PROVES.finditer(text):
            rest = _COMMENT_END.sub("", match.group(1)).strip()
            yield path, text.count("\n", 0, match.start()) + 1, _TAG.findall(rest), _TAG.sub("", rest).strip(" ,")


def tags(tree):
    """A claim names promises that exist, and nothing else; a promise is named by a claim."""
    promises = known(tree)
    if not promises:
        yield f"{CONTRACT}: no promise is defined"
    for tag in sorted(set(promises)):
        if promises.count(tag) > 1:
            yield f"{CONTRACT}: {tag} is defined {promises.count(tag)} times"
    for path, line, named, rest in claims(tree):
        if rest or not named:
            yield f"{path}:{line}: proves: takes tags only, not '{rest}'"
        for tag in named:
            if tag not in promises:
                yield f"{path}:{line}: {tag} is no promise of {CONTRACT}"
    proved = {tag for _, _, named, _ in claims(tree) for tag in named}
    for tag in promises:
        if tag not in proved:
            yield f"{CONTRACT}: no test names {tag}"


_MUTANT = re.compile(r"^\[([A-Z]{3}-\d+)\]", re.M)
_CHANGE = re.compile(r"^(?:\[.*\n)?([a-z]\S*/\S+)\n((?:-.*\n)+)", re.M)


def mutants(tree):
    """For each promise there is a small wrong change that breaks it: whoever names it must notice. What it changes stands there, once."""
    lists = [path for path in tree.paths if path.startswith("tests/mutants/") and path.endswith(".txt")]
    broken = {tag for path in lists for tag in _MUTANT.findall(tree.text(path))}
    for tag in known(tree):
        if lists and tag not in broken:
            yield f"{CONTRACT}: no mutant breaks {tag}"
    for path in lists:
        for change in _CHANGE.finditer(tree.text(path)):
            source, old = change[1], "".join(line[1:] for line in change[2].splitlines(keepends=True))
            times = tree.text(source).count(old) if source in tree.paths else 0
            if times != 1:
                line = tree.text(path).count("\n", 0, change.start(2)) + 1
                yield f"{path}:{line}: stands {times} times in {source}"


TABLE, CASES = "docs/python-queue.md", "tests/scenario/python.scn"


def rows(tree):
    """Each row of Python's table is one case, by its number."""
    if TABLE not in tree.paths:
        return
    table = re.findall(r"^\| (\d+) \|", tree.text(TABLE), re.M)
    promised = re.search(r"rows 1 to (\d+)", tree.text(CONTRACT) if CONTRACT in tree.paths else "")
    for number in range(1, int(promised.group(1)) + 1 if promised else 0):
        if str(number) not in table:
            yield f"{TABLE}: row {number} is promised in {CONTRACT}, and is not there"
    cases = re.findall(r'^case "row (\d+):', tree.text(CASES) if CASES in tree.paths else "", re.M)
    for number in sorted(set(table) ^ set(cases), key=int):
        yield f"{CASES}: row {number} is not in both {TABLE} and the cases"
    for number in sorted(set(cases), key=int):
        if cases.count(number) > 1:
            yield f"{CASES}: row {number} has {cases.count(number)} cases"

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
    """A claim names promises that exist, and nothing else."""
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


def unproved(tree):
    """The promises that no test names, in the order of the contract."""
    proved = {tag for _, _, named, _ in claims(tree) for tag in named}
    return [tag for tag in known(tree) if tag not in proved]

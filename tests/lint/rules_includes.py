# SPDX-License-Identifier: Apache-2.0
"""The direction of the arrows: which folder may include what, of the project's and of the system's headers.

Yields one line of text for each place that breaks a rule.
"""

import os
import re

# What the two ends and the engine share: numbers and attributes, no format.
VOCABULARY = {"wire/base.h", "wire/glob.h", "wire/codes.h", "wire/codes.def"}

# Folder: folders and headers that its files may include, besides its own.
ALLOWED = {
    "wire": set(),
    "broker/auth": {"wire"},
    "broker/engine": VOCABULARY,
    "broker/journal": VOCABULARY | {"broker/engine"},
    "broker/store": VOCABULARY,
    "broker/server": {"wire", "broker/auth", "broker/engine", "broker/journal", "broker/store"},
    "broker/admin": {"wire", "broker/server/server.h", "broker/server/log.h"},
    "broker/config": {"wire", "broker/auth", "broker/server", "broker/engine"},
    "broker": {"wire", "broker/admin", "broker/auth", "broker/config", "broker/server", "broker/engine", "broker/journal", "broker/store"},
    "libclient": {"wire"},
    "cli": {"libclient/include"},
}

# System headers (a prefix) and the only folders that may include them.
SYSTEM_ONLY_IN = {
    "ev.h": ["broker/server"],
    "ev++.h": [],
    "msgpack": ["wire"],
    "openssl/": ["wire", "broker/auth"],
    "isa-l": ["broker/journal"],
    "confuse.h": ["broker/config"],
    "microhttpd.h": ["broker/admin"],
    "systemd/": ["broker"],
}

# The engine has no I/O, no clock and no randomness: these are all that it may include of the system.
ENGINE_SYSTEM = {
    "inttypes.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h", "uthash.h", "utlist.h",
}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


class Includes:
    """The includes of the product's files: (line, path in the tree) and (line, system header)."""

    def __init__(self, tree):
        self.headers = {}
        self.ambiguous = []
        self.project = {}
        self.system = {}
        paths = [p for p in tree.having(".c", ".h", ".def") if folder_of(p)]
        for path in paths:
            if not path.endswith(".c"):
                self.headers.setdefault(os.path.basename(path), []).append(path)
        for path in paths:
            self._read(path, tree.text(path))

    def _find(self, path, line, name):
        """The header that a name means in a file: the one beside it, or else the only one."""
        found = self.headers.get(os.path.basename(name), [])
        beside = os.path.join(os.path.dirname(path), name)
        if beside in found:
            return beside
        if len(found) > 1:
            self.ambiguous.append((path, line, found))
        return found[0] if found else None

    def _read(self, path, text):
        self.project[path], self.system[path] = [], []
        for match in _INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            name = match.group(1) or match.group(2)
            quoted = match.group(1) or name == "joinq.h"
            target = self._find(path, line, name) if quoted else None
            if target:
                self.project[path].append((line, target))
            else:
                self.system[path].append((line, name))

    def closure(self, path):
        """Everything that a file includes, directly or not."""
        seen, left = set(), [path]
        while left:
            for _, target in self.project[left.pop()]:
                if target not in seen:
                    seen.add(target)
                    left.append(target)
        return seen


def folder_of(path):
    """The folder of ALLOWED that a file belongs to: the longest that fits."""
    fits = [f for f in ALLOWED if path.startswith(f + "/")]
    return max(fits, key=len, default=None)


def _may_include(folder, target):
    if folder_of(target) == folder:
        return True
    return target in ALLOWED[folder] or any(target.startswith(a + "/") for a in ALLOWED[folder])


def _system_rules(path, folder, includes):
    for line, name in includes.system[path]:
        for prefix, folders in SYSTEM_ONLY_IN.items():
            if name.startswith(prefix) and folder not in folders:
                yield f"{path}:{line}: <{name}> belongs to {', '.join(folders) or 'nobody'}"
        if folder == "broker/engine" and name not in ENGINE_SYSTEM:
            yield f"{path}:{line}: the engine may not include <{name}>"


def _bridge_rule(path, includes):
    """Only server/bridge* knows both the engine and the messages, by whatever way they come in."""
    if not path.startswith("broker/") or os.path.basename(path).startswith("bridge"):
        return
    seen = includes.closure(path)
    if "broker/engine/engine.h" in seen and "wire/message.h" in seen:
        yield f"{path}: includes both engine.h and message.h; only broker/server/bridge* may"


def includes(tree):
    """Arrows point down only."""
    found = Includes(tree)
    for path, line, headers in found.ambiguous:
        yield f"{path}:{line}: may be any of {', '.join(headers)}"
    for path in sorted(found.project):
        folder = folder_of(path)
        for line, target in found.project[path]:
            if not _may_include(folder, target):
                yield f"{path}:{line}: {folder} may not include {target}"
        yield from _system_rules(path, folder, found)
        yield from _bridge_rule(path, found)

"""Digest of what a uv.lock pins, whatever its layout.

Two runs of `uv lock` can order markers differently, and a mirror of the index gives files other
addresses. So the digest is of packages, versions, hashes, dependencies and their conditions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker

from tradai_tasks.settings.load import parse_toml

# of the server or of the layout, not of what is installed
_IGNORED = frozenset({"upload-time", "size", "revision"})


def lock_digest(content: bytes, file: str) -> str:
    """Return the SHA-256 of a lock file's data; raise BrokenTomlError if it does not parse."""
    return document_digest(parse_toml(content, file))


def document_digest(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a parsed lock file's data, as hexadecimal digits."""
    return hashlib.sha256(_text(_plain(document)).encode()).hexdigest()


def _plain(value: Any, key: str = "") -> Any:
    """Return a value in which order, layout and addresses of files with a hash do not count."""
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if k not in _IGNORED}
        if "hash" in kept and "url" in kept:
            kept["url"] = str(kept["url"]).rpartition("/")[2]
        if key == "source" and "registry" in kept:
            kept["registry"] = ""  # what comes from there is known by its hashes
        return {k: _plain(v, k) for k, v in kept.items()}
    if isinstance(value, list):
        # no list of a lock file is one whose order means anything
        return sorted((_plain(one, key) for one in value), key=_text)
    if isinstance(value, str) and "marker" in key:
        return _marker(value)
    return value


def _marker(text: str) -> str:
    """Return a marker with the operands of `and` and `or` in a fixed order."""
    try:
        parsed = Marker(text)._markers  # noqa: SLF001 - packaging has no public name for it
    except InvalidMarker:
        return text
    return _ordered(parsed)


def _ordered(node: Any) -> str:
    if isinstance(node, tuple):
        return " ".join(part.serialize() for part in node)
    groups: list[list[str]] = [[]]  # `and` binds closer than `or`
    for part in node:
        if part == "or":
            groups.append([])
        elif part != "and":
            groups[-1].append(_ordered(part))
    joined = sorted(" and ".join(sorted(set(group))) for group in groups)
    return f"({' or '.join(dict.fromkeys(joined))})" if len(joined) > 1 else joined[0]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)

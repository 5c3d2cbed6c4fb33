"""List the secrets and variables that workflow files read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
# contexts are read as `secrets.NAME` or `secrets['NAME']`, case-insensitively; `|| ''` says that it
# may be missing
_READ = re.compile(
    r"\b(secrets|vars)\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*'([A-Za-z_]\w*)'\s*\])(\s*\|\|\s*'')?",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"^\s*#.*$|\s#\s.*$", re.MULTILINE)
_KINDS = {"secrets": "secret", "vars": "variable"}
_AUTOMATIC = "GITHUB_TOKEN"  # GitHub provides it to every job


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredSecret:
    """A secret or variable, and the workflow files that read it."""

    kind: str  # "secret" or "variable"
    name: str
    files: tuple[str, ...]  # names without folder, sorted
    is_optional: bool = False  # each of them goes on without it


def needed(files: Mapping[str, str]) -> tuple[RequiredSecret, ...]:
    """Return the secrets and variables of workflow files, sorted by kind and name."""
    found: dict[tuple[str, str], set[str]] = {}
    required = set()
    for path, text in files.items():
        for expression in _EXPRESSION.findall(_COMMENT.sub("", text)):
            for context, dotted, quoted, default in _READ.findall(expression):
                name = (dotted or quoted).upper()
                if name != _AUTOMATIC:
                    key = (_KINDS[context.lower()], name)
                    found.setdefault(key, set()).add(posixpath.basename(path))
                    required |= set() if default else {key}
    return tuple(
        RequiredSecret(
            kind=kind,
            name=name,
            files=tuple(sorted(found[kind, name])),
            is_optional=(kind, name) not in required,
        )
        for kind, name in sorted(found)
    )

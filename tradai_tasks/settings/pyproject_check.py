"""Check that the keys of a pyproject.toml have the types that its readers expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tradai_tasks.errors import MemberError

_TABLE, _LIST, _TEXT = "a table", "a list", "a text"
_KINDS: Mapping[str, type] = {_TABLE: dict, _LIST: list, _TEXT: str}
# The type of each key; `*` is any key, and every key may be absent. Keys of [project] that only
# builds read, and tables of tools that no session reads, are not checked.
_FORM: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("build-system", (_TABLE,)),
    ("build-system.build-backend", (_TEXT,)),
    ("build-system.requires", (_LIST,)),
    ("dependency-groups", (_TABLE,)),
    ("dependency-groups.*", (_LIST,)),
    ("project", (_TABLE,)),
    ("project.dependencies", (_LIST,)),
    ("project.entry-points", (_TABLE,)),
    ("project.entry-points.*", (_TABLE,)),
    ("project.gui-scripts", (_TABLE,)),
    ("project.optional-dependencies", (_TABLE,)),
    ("project.optional-dependencies.*", (_LIST,)),
    ("project.scripts", (_TABLE,)),
    ("tool", (_TABLE,)),
    ("tool.flit", (_TABLE,)),
    ("tool.flit.module", (_TABLE,)),
    ("tool.hatch", (_TABLE,)),
    ("tool.hatch.build", (_TABLE,)),
    ("tool.hatch.build.targets", (_TABLE,)),
    ("tool.hatch.build.targets.wheel", (_TABLE,)),
    ("tool.pdm", (_TABLE,)),
    ("tool.pdm.build", (_TABLE,)),
    ("tool.poetry", (_TABLE,)),
    ("tool.setuptools", (_TABLE,)),
    ("tool.setuptools.package-dir", (_TABLE,)),
    ("tool.setuptools.packages", (_LIST, _TABLE)),
    ("tool.setuptools.packages.find", (_TABLE,)),
    ("tool.uv", (_TABLE,)),
    ("tool.uv.build-backend", (_TABLE,)),
    ("tool.uv.dev-dependencies", (_LIST,)),
)


# The same as a tree: key -> (type, keys in it).
_Form = dict[str, tuple[tuple[str, ...], Any]]


def _tree() -> _Form:
    tree: _Form = {}
    for path, kinds in _FORM:
        *above, key = path.split(".")
        inner = tree
        for part in above:
            inner = inner[part][1]
        inner[key] = (kinds, {})
    return tree


_TREE = _tree()


def check_project_file(document: Mapping[str, Any], file: str) -> None:
    """Raise MemberError for keys of a pyproject.toml with other types than its readers expect."""
    if faults := type_faults(document):
        raise MemberError(*(f"{file}: {fault}" for fault in faults))


def type_faults(document: Mapping[str, Any]) -> list[str]:
    """Return the keys of a parsed pyproject.toml with another type than its readers expect."""
    return list(_faults(document, _TREE, ""))


def _faults(table: Mapping[str, Any], form: _Form, above: str) -> Iterator[str]:
    for name, (kinds, inner) in form.items():
        for key in table if name == "*" else (name,) if name in table else ():
            value = table[key]
            if not any(isinstance(value, _KINDS[kind]) for kind in kinds):
                yield f"{above}{key}: expected {' or '.join(kinds)}, got {value!r:.40}"
            elif inner and isinstance(value, dict):
                yield from _faults(value, inner, f"{above}{key}.")

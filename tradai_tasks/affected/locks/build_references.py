"""Find the files that the build of a project names, inside its folder and outside.

`license = { file = "../../LICENSE" }`, hatchling's `force-include` and setuptools' `data-files` are
examples. Any text in the settings of a build backend that is a path or a glob counts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tradai_tasks.affected.locks.path_projects import source_paths

_BACKENDS = (
    *("flit", "hatch", "maturin", "meson-python", "pdm", "poetry", "scikit-build", "setuptools"),
    *("setuptools-scm", "setuptools_scm"),
)
_TEXTS = ("license", "license-files", "license_files", "readme")
_LEFT_OUT = ("exclude", "envs")  # keys of what is not built


class BuildReferences(msgspec.Struct, frozen=True, kw_only=True):
    """Globs of files that a build reads, from the workspace root; `../` is outside of it."""

    texts: tuple[str, ...]  # README and licenses, which are shown to readers
    data: tuple[str, ...]  # what is installed, or decides what is
    code: tuple[str, ...]  # what builds: hooks, and folders of a backend


def build_references(document: Mapping[str, Any], folder: str) -> BuildReferences:
    """Return the files that a project's build names."""
    project, tool = (_table(document, key) for key in ("project", "tool"))
    backends = [_table(tool, name) for name in _BACKENDS]
    texts = [_strings(table.get(key)) for table in (project, *backends) for key in _TEXTS]
    data: list[Iterable[str]] = [
        _strings({key: value for key, value in table.items() if key not in _TEXTS})
        for table in backends
    ]
    data += [_strings(_table(tool, "uv").get("build-backend")), source_paths(document)]
    manifest = _table(tool, "maturin").get("manifest-path")
    data.append([posixpath.dirname(manifest)] if isinstance(manifest, str) else [])
    code = [*_strings(_table(document, "build-system").get("backend-path")), *_hooks(backends)]
    return BuildReferences(
        texts=_globs(folder, (text for found in texts for text in found)),
        data=_globs(folder, (text for found in data for text in found)),
        code=_globs(folder, code),
    )


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts in a value, and the keys of its tables, which may be paths too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if not key.startswith(_LEFT_OUT):
                yield key
                yield from _strings(one)


def _hooks(value: Any) -> Iterator[str]:
    """Yield the texts in settings of hooks, however deep these are in a value."""
    for one in value if isinstance(value, list) else []:
        yield from _hooks(one)
    for key, one in value.items() if isinstance(value, dict) else ():
        yield from _strings(one) if "hook" in key else _hooks(one)


def _globs(folder: str, texts: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in texts:
        if "\n" in text or not text.strip("./*"):
            continue
        inner = posixpath.normpath(posixpath.join(folder, text.lstrip("/")))
        if inner.strip("./") and inner != folder:
            found[inner] = None
    return tuple(found)

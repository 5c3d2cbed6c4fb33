"""Compare the root pyproject.toml and tools' settings files: which sessions a change affects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tradai_tasks.checks.type_checkers import CHECKERS
from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.settings.load import parse_toml

# Fields of [project] that only readers see.
_PROSE = frozenset(
    {
        "authors",
        "classifiers",
        "description",
        "keywords",
        "license",
        "license-files",
        "maintainers",
        "readme",
        "urls",
    }
)
# Tables of [tool] and the sessions that read them.
_TOOLS: Mapping[str, tuple[str, ...]] = {
    "bandit": ("security",),
    "coverage": ("test",),
    "importlinter": ("lint",),
    "pip-audit": ("security",),
    "pytest": ("test",),
    "ruff": ("lint",),
    **dict.fromkeys(CHECKERS, ("typecheck",)),
}
# Tables of [tool] that change what is built or installed, or which sessions exist.
_STEERING_TOOLS = frozenset(
    {
        "cibuildwheel",
        "cython",
        "flit",
        "hatch",
        "maturin",
        "meson-python",
        "mypyc",
        "pdm",
        "poetry",
        "scikit-build",
        "setuptools",
        "setuptools-scm",
        "setuptools_scm",
        "tradai-tasks",
        "uv",
        "versioningit",
    }
)
# Files at the root of which any change affects everything.
_STEERING_FILES = frozenset(
    {".python-version", ".python-versions", "noxfile.py", "tradai-tasks.toml", "uv.toml"}
)
# Tools' own settings files at the root, and the sessions that read them.
_FILES: Mapping[str, tuple[str, ...]] = {
    ".bandit": ("security",),
    ".coveragerc": ("test",),
    ".importlinter": ("lint",),
    ".pytest.ini": ("test",),
    ".ruff.toml": ("lint",),
    "bandit.yaml": ("security",),
    "bandit.yml": ("security",),
    "pytest.ini": ("test",),
    "pytest.toml": ("test",),
    ".pytest.toml": ("test",),
    "ruff.toml": ("lint",),
    # each may hold the settings of several tools
    "setup.cfg": ("lint", "test", "typecheck"),
    "tox.ini": ("lint", "security", "test", "typecheck"),
    **{file: ("typecheck",) for checker in CHECKERS.values() for file in checker.files},
}


class RootChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of the root's settings affects."""

    everything: str | None = None  # why all is selected
    sessions: Mapping[str, str] = {}  # session -> reason; for all packages


def compare_root(
    before: bytes | None, after: bytes | None, *, file: str = "pyproject.toml"
) -> RootChange:
    """Find what a change of the root pyproject.toml affects.

    Comments, formatting, metadata for readers and tables of tools that no session runs affect
    nothing. Any change that is not known to be harmless affects everything.

    Raises:
        BrokenTomlError: The file at the head is broken.
    """
    if before == after:
        return RootChange()
    if after is None:
        return RootChange(everything=f"{file} was removed")
    new = parse_toml(after, file)
    if before is None:
        return RootChange(everything=f"{file} is new")
    try:
        old = parse_toml(before, f"{file} at the base")
    except BrokenTomlError as error:
        return RootChange(everything=str(error))
    steering = _steering(old, new)
    if steering is not None:
        return RootChange(everything=f"{file}: {steering} changed")
    sessions: dict[str, str] = {}
    for key in _changed(_table(old, "tool"), _table(new, "tool")):
        for session in _readers(key):
            sessions.setdefault(session, f"{file}: tool.{key} changed")
    return RootChange(sessions=dict(sorted(sessions.items())))


def compare_root_file(path: str) -> RootChange | None:
    """Return what a change of a settings file at the root affects, by its name; None for others."""
    if path in _STEERING_FILES:
        return RootChange(everything=f"{path} changed")
    if path in _FILES:
        return RootChange(sessions=dict.fromkeys(_FILES[path], f"{path} changed"))
    return None


def _steering(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return a changed key that decides what is installed or run, if there is one."""
    for key in _changed(old, new):
        if key not in {"project", "tool"}:
            return key
    for key in _changed(_table(old, "project"), _table(new, "project")):
        if key not in _PROSE:
            return f"project.{key}" if key else "project"
    for key in _changed(_table(old, "tool"), _table(new, "tool")):
        if key in _STEERING_TOOLS or not key:
            return f"tool.{key}" if key else "tool"
    return None


def _readers(tool: str) -> tuple[str, ...]:
    """Return the sessions that read a tool's table; tables of plugins are known by their names."""
    if tool in _TOOLS:
        return _TOOLS[tool]
    if "pytest" in tool or "coverage" in tool:
        return ("test",)
    if "mypy" in tool or tool.endswith("-stubs"):
        return ("typecheck",)
    return ()


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table; a value that is none compares as itself."""
    found = document.get(key, {})
    return found if isinstance(found, dict) else {"": found}

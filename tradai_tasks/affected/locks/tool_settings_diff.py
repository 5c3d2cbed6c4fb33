"""Compare project files and tools' settings files: which packages and sessions a change affects."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from tradai_tasks.checks.typecheck.checkers import CHECKERS
from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.settings.load import parse_toml

# Fields of [project] that only readers see.
_PROSE = frozenset({"authors", "classifiers", "description", "keywords", "maintainers", "urls"})
# Tables of [tool], sections and settings files, and the sessions that read them.
_TOOLS: Mapping[str, tuple[str, ...]] = {
    "bandit": ("security",),
    "coverage": ("test",),
    "importlinter": ("lint",),
    "mkdocs": ("docs",),
    "pip-audit": ("security",),
    "pytest": ("test",),
    "ruff": ("lint",),
    **dict.fromkeys(CHECKERS, ("typecheck",)),
}
# Tables of [tool] that decide what is built.
_BUILDERS = frozenset(
    {"cibuildwheel", "cython", "flit", "hatch", "maturin", "meson-python", "mypyc", "pdm", "poetry"}
    | {"scikit-build", "setuptools", "setuptools-scm", "setuptools_scm", "versioningit"}
)
# Tools that neither a session nor a build runs.
_UNUSED = frozenset(
    {"autoflake", "autopep8", "black", "bumpver", "bumpversion", "check-sdist"}
    | {"check-wheel-contents", "codespell", "commitizen", "git-cliff", "pixi"}
    | {"creosote", "deptry", "djlint", "docformatter", "flake8", "interrogate", "isort", "nox"}
    | {"poe", "pycodestyle", "pydocstyle", "pydoclint", "pylint", "pyre"}
    | {"pyupgrade", "refurb", "semantic_release", "taskipy", "tomlsort", "towncrier", "tox"}
    | {"typos", "vulture", "yapf"}
)
_MEMBERS = ("tool", "uv", "workspace")
# Tables of builders that only run tasks, in environments of their own.
_TASKS = frozenset(
    {("hatch", "envs"), ("hatch", "publish"), ("pdm", "publish"), ("pdm", "scripts")}
)
# Settings of uv whose effect uv.lock shows.
_LOCKED = frozenset(
    {"conflicts", "constraint-dependencies", "default-groups", "dev-dependencies", "environments"}
    | {"exclude-dependencies", "exclude-newer", "exclude-newer-package", "fork-strategy"}
    | {"override-dependencies", "prerelease", "required-environments", "resolution", "sources"}
    | {"workspace"}
)
# Files at the root of which any change affects everything.
_STEERING_FILES = frozenset(
    {".python-version", ".python-versions", "noxfile.py", "tradai-tasks.toml", "uv.toml"}
)
# Tools' own settings files, and the tool.
_FILES: Mapping[str, str] = {
    ".coveragerc": "coverage",
    ".importlinter": "importlinter",
    **dict.fromkeys([".bandit", "bandit.yaml", "bandit.yml"], "bandit"),
    **dict.fromkeys([".pytest.ini", ".pytest.toml", "pytest.ini", "pytest.toml"], "pytest"),
    **dict.fromkeys([".ruff.toml", "ruff.toml"], "ruff"),
    **{file: tool for tool, checker in CHECKERS.items() for file in checker.files},
}
# Files with sections of several tools. What else setup.cfg holds, setuptools reads.
_SHARED_FILES = frozenset({"setup.cfg", "tox.ini"})

_Scope = Literal["", "everything", "build", "own"]


class SettingsChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of a project's settings affects, by reason."""

    everything: str | None = None
    build: str | None = None  # the project, and all that depend on it
    own: str | None = None  # the project alone
    sessions: Mapping[str, str] = {}  # session -> reason; those of the project, at the root of all


def compare_project(  # noqa: PLR0913 - both ends of a file, and what else is known
    before: bytes | None,
    after: bytes | None,
    *,
    file: str,
    with_lock: bool,
    same_members: bool = False,
    has_commands: bool = False,
) -> SettingsChange:
    """Find what a change of a pyproject.toml affects.

    Comments, formatting, metadata for readers and tables of tools that no session runs affect
    nothing. A change that is not known to be harmless affects everything at the root, and the
    dependents of the project elsewhere.

    Args:
        before: The file at the base; None where there is none.
        after: The file at the head, likewise.
        file: Its path; that of the root is "pyproject.toml".
        with_lock: Whether a lock at both ends shows what changes in dependencies.
        same_members: Whether the workspace has the same members at both ends.
        has_commands: Whether `lint` runs further tools (`lint.commands`).

    Raises:
        BrokenTomlError: The file at the head is broken.
    """
    is_root = "/" not in file
    whole: _Scope = "everything" if is_root else "build"
    if before == after:
        return SettingsChange()
    if after is None or before is None:
        return _change({whole: f"{file} {'was removed' if after is None else 'is new'}"}, {})
    new = parse_toml(after, file)
    try:
        old = parse_toml(before, f"{file} at the base")
    except BrokenTomlError as error:
        return _change({whole: str(error)}, {})
    reasons: dict[_Scope, str] = {}
    sessions: dict[str, str] = {}
    for keys in _changed_keys(old, new):
        if keys[1:] in _TASKS or (same_members and keys == _MEMBERS):
            continue
        reason = f"{file}: {'.'.join(keys)} changed"
        reasons.setdefault(_scope(keys, old, new, is_root=is_root, with_lock=with_lock), reason)
        for session in (
            _readers(keys[1], has_commands=has_commands)
            if keys[0] == "tool" and len(keys) > 1
            else ()
        ):
            sessions.setdefault(session, reason)
    return _change(reasons, sessions)


def compare_tool_file(
    before: bytes | None, after: bytes | None, *, file: str, has_commands: bool = False
) -> SettingsChange | None:
    """Return what a change of a tool's settings file affects; None for other files."""
    folder, _, name = file.rpartition("/")
    if not folder and name in _STEERING_FILES:
        return SettingsChange(everything=f"{file} changed")
    if name not in _FILES and name not in _SHARED_FILES:
        return None
    old, new = _parsed(before, name), _parsed(after, name)
    if old is not None and old == new:
        return SettingsChange()
    if name in _FILES:
        return _change({}, dict.fromkeys(_TOOLS[_FILES[name]], f"{file} changed"))
    reasons: dict[_Scope, str] = {}
    sessions: dict[str, str] = {}
    if old is None or new is None:  # it is new or gone, or has no sections
        sections = sorted({*(old or {}), *(new or {})} or {"tool:pytest", "mypy", "bandit"})
    else:
        sections = _changed(old, new)
    for section in sections:
        tool = section.removeprefix("tool:").partition(":")[0].partition("-")[0]
        reason = f"{file}: [{section}] changed"
        found = _readers(tool, has_commands=has_commands)
        for session in found:
            sessions.setdefault(session, reason)
        if name == "setup.cfg" and not found and tool not in _UNUSED:
            reasons.setdefault("build", reason)
    return _change(reasons, sessions)


def sessions_that_read(name: str) -> tuple[str, ...] | None:
    """Return the sessions that read a table of [tool], or a tool's own settings file at the root.

    None where that is not known.
    """
    tool = _FILES.get(name, name)
    return _readers(tool, has_commands=False) or (() if tool in _UNUSED else None)


def _change(reasons: Mapping[_Scope, str], sessions: Mapping[str, str]) -> SettingsChange:
    return SettingsChange(
        everything=reasons.get("everything"),
        build=reasons.get("build"),
        own=reasons.get("own"),
        sessions=dict(sorted(sessions.items())),
    )


def _scope(
    keys: tuple[str, ...],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    is_root: bool,
    with_lock: bool,
) -> _Scope:
    """Return who is affected by a changed key, apart from sessions that read it."""
    whole: _Scope = "everything" if is_root else "build"
    match keys:
        case ("dependency-groups", *_):
            return "" if with_lock else "everything" if is_root else "own"
        case ("build-system", *_):
            return "build"
        case ("project", "license", *_) if all(
            isinstance(end["project"].get("license"), str) for end in (old, new)
        ):
            return ""  # an expression (PEP 639), no file
        case ("project", field, *_):
            if field in _PROSE:
                return ""
            return whole if field in {"name", "requires-python"} else "build"
        case ("tool", "uv", str(key), *_) if is_root and key in _LOCKED and with_lock:
            return ""
        case ("tool", "tradai-tasks", *_):
            return "everything" if is_root else "own"
        case ("tool", str(tool), *_) if tool != "uv":
            if tool in _BUILDERS:
                return "build"
            return "" if is_root or _readers(tool, has_commands=True) else "build"
        case _:
            return whole


def _changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the changed keys of a project file: of [project], [tool] and some tools in detail."""
    for key in _changed(old, new):
        inner = _tables(old.get(key, {}), new.get(key, {})) if key in {"project", "tool"} else None
        for name in _changed(*inner) if inner else ():
            deeper = None
            if key == "tool" and name in {"hatch", "pdm", "uv"}:
                deeper = _tables(inner[0].get(name, {}), inner[1].get(name, {})) if inner else None
            for last in _changed(*deeper) if deeper else ():
                yield key, name, last
            if deeper is None:
                yield key, name
        if inner is None:
            yield (key,)


def _tables(old: Any, new: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    return (old, new) if isinstance(old, dict) and isinstance(new, dict) else None


def _readers(tool: str, *, has_commands: bool) -> tuple[str, ...]:
    """Return the sessions that read a tool's table; tables of plugins are known by their names."""
    if tool in _TOOLS:
        return _TOOLS[tool]
    if "pytest" in tool or "coverage" in tool:
        return ("test",)
    if "mypy" in tool or tool.endswith("-stubs"):
        return ("typecheck",)
    return ("lint",) if has_commands and tool in _UNUSED else ()


def _parsed(content: bytes | None, name: str) -> Mapping[str, Any] | None:
    """Return a settings file as data; None where there is none, or no data can be made of it."""
    if content is None:
        return None
    try:
        if name.endswith(".toml"):
            return parse_toml(content, name)
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        parser.read_string(content.decode("utf-8"))
    except (BrokenTomlError, configparser.Error, UnicodeDecodeError):
        return None
    return {section: dict(parser[section]) for section in parser}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))

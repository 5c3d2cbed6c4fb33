"""Find the optional extra that brings a module, and how a repository installs it.

A repository declares the library in a dependency group, an extra or the dependencies of the
project that its noxfile belongs to, or in the noxfile's own block of requirements (PEP 723).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal

import tomli
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tradai_tasks.errors import ExtraMissingError

NAME = "tradai-tasks"
_ROOM = "tradai_tasks."
# The reference implementation's pattern: https://peps.python.org/pep-0723/
_SCRIPT_BLOCK = re.compile(r"^# /// script$\s(?P<content>(?:^#(?:| .*)$\s)+)^# ///$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """One place in a pyproject.toml that requires this library."""

    kind: Literal["dependencies", "extra", "group"]
    name: str = ""  # of the extra or group
    is_default: bool = True  # `uv run` installs it by default

    @property
    def options(self) -> tuple[str, ...]:
        """The options with which `uv run` installs it."""
        return () if self.is_default else (f"--{self.kind}", self.name)


def extras_of(module: str) -> tuple[str, ...]:
    """Return the extras of the library that install a module, from the library's metadata."""
    top = canonicalize_name(module.partition(".")[0])
    wanted = [
        requirement
        for requirement in map(Requirement, importlib.metadata.requires(NAME) or ())
        if canonicalize_name(requirement.name) == top
    ]
    extras = importlib.metadata.metadata(NAME).get_all("Provides-Extra") or ()
    return tuple(sorted(e for e in extras if any(_belongs(one, e) for one in wanted)))


def _belongs(requirement: Requirement, extra: str) -> bool:
    """Return whether a requirement comes with an extra, and not without it."""
    marker = requirement.marker
    return (
        marker is not None
        and marker.evaluate({"extra": extra})
        and not marker.evaluate({"extra": ""})
    )


def missing_extra(error: ModuleNotFoundError) -> ExtraMissingError | None:
    """Return the message for a module that cannot be imported; None if no extra installs it.

    If several extras do, it names the one for the part of the library that needs it.
    """
    extras = extras_of(error.name or "")
    if not extras:
        return None
    frames = (str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__))
    parts = {name.removeprefix(_ROOM).partition(".")[0] for name in frames}
    extra = next((extra for extra in extras if extra in parts), extras[-1])
    return _missing(str(error.name), extra)


def require(extra: str) -> None:
    """Raise ExtraMissingError, with the command, unless an extra is installed."""
    for requirement in map(Requirement, importlib.metadata.requires(NAME) or ()):
        module = canonicalize_name(requirement.name).replace("-", "_")
        if _belongs(requirement, extra) and importlib.util.find_spec(module) is None:
            raise _missing(module, extra)


def _missing(module: str, extra: str) -> ExtraMissingError:
    top = module.partition(".")[0]
    return ExtraMissingError(
        f"{top} is not installed, which comes with the extra {extra!r} of {NAME}; "
        f"{how_to_add(extra, _noxfile())}"
    )


def _noxfile() -> Path:
    """Return the noxfile that nox has loaded; without nox, its usual path."""
    file = getattr(sys.modules.get("user_nox_module"), "__file__", None)
    return Path(file or "noxfile.py").absolute()


def how_to_add(extra: str, noxfile: Path) -> str:
    """Return the command, or the edit, that adds an extra where the library is declared."""
    text = noxfile.read_text(encoding="utf-8", errors="replace") if noxfile.is_file() else ""
    for pinned in _script_requirements(text):
        line = next(n for n, one in enumerate(text.splitlines(), start=1) if pinned in one)
        wanted = Requirement(pinned)
        if extra in wanted.extras:
            return (
                f"line {line} of {noxfile.name} requires it, but nox did not install it; run nox "
                f"with the environment variable NOX_SCRIPT_MODE=fresh"
            )
        wanted.extras.add(extra)
        return f'in line {line} of {noxfile.name}, write "{wanted}" for "{pinned}"'
    for folder in noxfile.parents:
        if found := declarations(_document(folder / "pyproject.toml")):
            place = found[0]
            options = {"dependencies": "", "extra": f"--optional {place.name} "}
            where = options.get(place.kind, f"--group {place.name} ")
            return f'add it with: uv add {where}"{NAME}[{extra}]"'
    return f'add it with: uv pip install --python {sys.executable} "{NAME}[{extra}]"'


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomli.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # perhaps that of a parent folder; the repository's own was read before


def declarations(document: Mapping[str, Any]) -> tuple[Declared, ...]:
    """Return every place of a parsed pyproject.toml that requires the library."""
    project, uv = document.get("project", {}), document.get("tool", {}).get("uv", {})
    found = [Declared(kind="dependencies")] if _has(project.get("dependencies", [])) else []
    groups = dict(document.get("dependency-groups", {}))
    groups["dev"] = [*groups.get("dev", []), *uv.get("dev-dependencies", [])]
    by_default = uv.get("default-groups", ["dev"])
    default = groups if by_default == "all" else by_default
    installed = {inner for name in default for inner in _included(groups, name)}
    found += [
        Declared(kind="group", name=name, is_default=name in installed)
        for name, listed in groups.items()
        if _has(listed)
    ]
    found += [
        Declared(kind="extra", name=name, is_default=False)
        for name, listed in project.get("optional-dependencies", {}).items()
        if _has(listed)
    ]
    return tuple(found)


def run_options(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options by which `uv run` installs the library: none if it does so unasked."""
    found = sorted(declarations(document), key=lambda one: not one.is_default)
    return found[0].options if found else ()


def _included(groups: Mapping[str, Any], name: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return a group and those that it includes."""
    if name in seen:
        return set()
    inner = [
        one["include-group"]
        for one in groups.get(name, [])
        if isinstance(one, Mapping) and "include-group" in one
    ]
    return {name}.union(*(_included(groups, one, seen | {name}) for one in inner))


def _has(requirements: Iterable[object]) -> bool:
    return any(_is_the_library(one) for one in requirements)


def _is_the_library(requirement: object) -> bool:
    try:
        return canonicalize_name(Requirement(str(requirement)).name) == NAME
    except InvalidRequirement:
        return False  # an included group; uv reports what is wrong with others


def carries_pins(noxfile: str) -> bool:
    """Return whether a noxfile has its own requirements (PEP 723), with this library."""
    return any(True for _ in _script_requirements(noxfile))


def _script_requirements(noxfile: str) -> Iterator[str]:
    """Yield the requirements on this library in a noxfile's own block (PEP 723)."""
    block = _SCRIPT_BLOCK.search(noxfile)
    if block is None:
        return
    lines = [line[2:] if line.startswith("# ") else line[1:] for line in block[1].splitlines()]
    try:
        listed = tomli.loads("\n".join(lines)).get("dependencies", [])
    except tomli.TOMLDecodeError:
        return  # nox itself reports what is wrong with it
    yield from (one for one in listed if _is_the_library(one))

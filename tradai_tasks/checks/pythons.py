"""Choose the Python of sessions, and read which one an environment really has."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tradai_tasks.files.file_tree import Tree
from tradai_tasks.workspace.discovery import Package

_PINNED = re.compile(r"^(?:cpython-)?(3\.[0-9]{1,2})(?:\.[0-9]+)?\Z")
_MINORS = range(8, 30)
_LATE_PATCH = 99  # a release that satisfies any lower bound within a minor version
# in nox's forms: 3.12, 3.12.1, 3.13t, python3.12, pypy3.10, pypy-3.10
_REQUEST = re.compile(
    r"(?P<name>[a-zA-Z]*)-?(?P<version>\d+(?:\.\d+){0,2})(?P<threads>[tT]?)(?:-(?:32|64))?"
)
_RELEASE = re.compile(r"\d+\.\d+(?:\.\d+)?")


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """A Python interpreter: its implementation and its release."""

    name: str  # the implementation, in lower case: cpython, pypy
    release: tuple[int, ...]
    free_threaded: bool = False

    def __str__(self) -> str:
        """Return its name in messages."""
        name = "Python" if self.name == "cpython" else self.name
        return f"{name} {'.'.join(map(str, self.release))}{'t' * self.free_threaded}"


def own_interpreter() -> Interpreter:
    """Return the interpreter of this process."""
    return Interpreter(
        name=sys.implementation.name,
        release=tuple(sys.version_info[:3]),
        free_threaded="t" in getattr(sys, "abiflags", ""),
    )


def interpreter_of(environment: Path) -> Interpreter | None:
    """Return the interpreter of a virtual environment from its pyvenv.cfg; None if unknown."""
    file = environment / "pyvenv.cfg"
    if not file.is_file():
        return None
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines())
    said = {key.strip().lower(): value.strip() for key, _, value in pairs}
    # uv and virtualenv write version_info, the standard library's venv writes version
    found = _RELEASE.match(said.get("version_info") or said.get("version") or "")
    if found is None:
        return None
    release = tuple(map(int, found[0].split(".")))
    library = f"lib/python{release[0]}.{release[1]}t"
    return Interpreter(
        name=said.get("implementation", "cpython").lower(),
        release=release,
        free_threaded=(environment / library).is_dir(),
    )


def answers(made: Interpreter, request: str | None, own: Interpreter) -> bool | None:
    """Return whether an interpreter is the requested one; None if that cannot be determined.

    `request` is as nox takes it; None for the Python that runs nox, which is `own`.
    """
    if request is None:
        return made == own
    if match := _REQUEST.fullmatch(request):
        wanted = tuple(map(int, match["version"].split(".")))
        name = match["name"].lower()
        return (
            made.name == ("cpython" if name in {"", "python", "cp", "cpython"} else name)
            and made.release[: len(wanted)] == wanted
            and made.free_threaded == bool(match["threads"])
        )
    try:
        allowed = SpecifierSet(request)
    except InvalidSpecifier:
        return None  # a path, or a name without a version
    return allowed.contains(".".join(map(str, made.release)), prereleases=True)


def python_for(tree: Tree, packages: Iterable[Package], running: str) -> str | None:
    """Return a Python version that all packages allow, as `3.12`; None if the running one will do.

    The one in `.python-version`, which uv uses, comes first, then the running one (`running`, as
    `3.11.7`), then the lowest. Also None if there is no common version: uv then reports the package
    that is to blame.
    """
    stated = {p.document.get("project", {}).get("requires-python") for p in packages}
    try:
        wanted = SpecifierSet(",".join(sorted(str(text) for text in stated if text)))
    except InvalidSpecifier:
        return None  # uv will report what is wrong with it
    allowed = [
        f"3.{minor}"
        for minor in _MINORS
        if any(wanted.contains(f"3.{minor}.{patch}") for patch in (0, _LATE_PATCH))
    ]
    will_do = wanted.contains(running, prereleases=True)
    pinned = _pinned(tree)
    if pinned in allowed:
        return None if will_do and running.startswith(f"{pinned}.") else pinned
    return None if will_do or not allowed else allowed[0]


def _pinned(tree: Tree) -> str | None:
    if not tree.is_file(".python-version"):
        return None
    first = tree.read(".python-version").decode("utf-8", "replace").strip().partition("\n")[0]
    found = _PINNED.match(first.strip())
    return found[1] if found else None

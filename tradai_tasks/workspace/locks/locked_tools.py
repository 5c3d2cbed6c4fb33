"""Find the locked versions of tools, and which group or extra installs them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tradai_tasks.errors import ToolNotLockedError
from tradai_tasks.files.file_tree import join
from tradai_tasks.workspace.discovery import Package, dependency_groups
from tradai_tasks.workspace.locks.lock_file import LockedRequirement, LockFile

# What a session installs if the lock does not pin the tool.
DEFAULT_TOOLS = {
    "bandit": "bandit[toml]==1.9.4",
    "basedpyright": "basedpyright==1.40.2",
    "mkdocs": "mkdocs==1.6.1",
    "mypy": "mypy==2.4.1",
    "pip-audit": "pip-audit==2.10.1",
    "pyrefly": "pyrefly==1.5.0",
    "pyright": "pyright[nodejs]==1.1.414",  # without the extra it fetches Node.js when it runs
    "pytest": "pytest==9.2.0",
    "pytest-cov": "pytest-cov==7.1.0",
    "ruff": "ruff==0.17.6",
    "ty": "ty==0.0.108",
}
_NAME = re.compile(r"[^\w.-]")  # what ends the name of a requirement


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A dependency group or an extra, of the package itself or of the workspace root."""

    owner: Literal["package", "root"]
    kind: Literal["group", "extra"]
    name: str

    def __str__(self) -> str:
        """Return its name in messages."""
        whose = "the root's" if self.owner == "root" else "its own"
        return f"{whose} {self.kind} {self.name!r}"


class TestTools(msgspec.Struct, frozen=True, kw_only=True):
    """Where a package's test tools come from."""

    __test__ = False  # keep pytest from collecting it

    places: tuple[Place, ...]  # to install beside the package
    reached: frozenset[str]  # names of all distributions that are installed


def pinned_tool(lock: LockFile, tool: str) -> str:
    """Return a pinned requirement for a tool: as locked, else this library's default."""
    versions = []
    for entry in lock.by_name.get(tool, []):
        with contextlib.suppress(InvalidVersion):  # a local source without a version pins nothing
            versions.append(Version(entry.version))
    if not versions:
        return DEFAULT_TOOLS[tool]
    extra = "[toml]" if tool == "bandit" else ""
    return f"{tool}{extra}=={max(versions)}"


def reached_from(lock: LockFile, requirements: Iterable[LockedRequirement]) -> frozenset[str]:
    """Return the names of all that some requirements install, dependencies included."""
    return frozenset(name for name, _ in parts_reached(lock, requirements))


def parts_reached(
    lock: LockFile, requirements: Iterable[LockedRequirement]
) -> frozenset[tuple[str, str]]:
    """Return all (name, extra) that some requirements install; the extra of a base is ""."""
    seen: set[tuple[str, str]] = set()
    queue = list(requirements)
    while queue:
        wanted = queue.pop()
        for extra in ("", *wanted.wanted_extras):
            if (wanted.name, extra) in seen:
                continue
            seen.add((wanted.name, extra))
            for entry in lock.by_name.get(wanted.name, []):
                queue += entry.required_by("extra", extra) if extra else entry.dependencies
    return frozenset(seen)


def find_test_tools(
    lock: LockFile,
    package: Package,
    root: Mapping[str, Any],
    names: Iterable[str],
    *,
    tool: str = "pytest",
) -> TestTools:
    """Find the groups and extras that install a package's test tools.

    All of the package's own groups and extras with the given names are used. If they do not install
    the tool, the first that does is used too: of the root's by these names, else of its own by any
    name, else of the root's. None of them has to install a tool that has a default version.

    `root` is the parsed root pyproject.toml, empty for an independent project; `names` are in order
    of preference, and `tool` is the distribution that must be installed.

    Raises:
        ToolNotLockedError: None of them installs the tool; the message names all of them.
    """
    names = tuple(names)
    root_name = root.get("project", {}).get("name")
    projects = {
        "package": package.name if "project" in package.document else None,
        "root": canonicalize_name(root_name) if root_name else None,
    }

    def required(place: Place) -> list[LockedRequirement]:
        name = canonicalize_name(place.name)
        return [*lock.required_by(projects[place.owner], place.kind, name)]

    own = _places(package.document, "package", names)
    wanted = [LockedRequirement(name=package.name), *(one for p in own for one in required(p))]
    reached = reached_from(lock, wanted)
    if tool in reached:
        return TestTools(places=tuple(own), reached=reached)
    above = root if package.path != "." else {}
    others = [*_places(above, "root", names), *_places(package.document, "package")]
    others = [place for place in (*others, *_places(above, "root")) if place not in own]
    for place in others:
        further = reached_from(lock, required(place))
        if tool in further:
            return TestTools(places=(*own, place), reached=reached | further)
    if tool in DEFAULT_TOOLS:
        return TestTools(places=tuple(own), reached=reached)
    looked = [*dict.fromkeys(str(place) for place in (*own, *others))]
    missing = f"no group or extra named {' or '.join(map(repr, names))}"
    raise ToolNotLockedError(
        f"{join(package.path, 'pyproject.toml')}: {tool} is not locked for {package.name}; looked "
        f"at its dependencies and {', '.join(looked) or missing}; add {tool} to one of them, "
        f"then: nox -s lock"
    )


def groups_with(document: Mapping[str, Any], tools: Collection[str]) -> list[str]:
    """Return the dependency groups of a pyproject.toml that name one of these distributions."""
    return [
        name
        for name, entries in dependency_groups(document).items()
        if any(
            isinstance(one, str) and canonicalize_name(_NAME.split(one.strip(), 1)[0]) in tools
            for one in entries
        )
    ]


def _places(
    document: Mapping[str, Any], owner: Any, names: Iterable[str] | None = None
) -> list[Place]:
    """Return the groups and extras of these names, or all."""
    groups = {canonicalize_name(n): n for n in dependency_groups(document)}
    optional = document.get("project", {}).get("optional-dependencies", {})
    extras = {canonicalize_name(n): n for n in optional}
    found = []
    for name in map(
        canonicalize_name, dict.fromkeys((*groups, *extras)) if names is None else names
    ):
        if name in groups:
            found.append(Place(owner=owner, kind="group", name=groups[name]))
        if name in extras:
            found.append(Place(owner=owner, kind="extra", name=extras[name]))
    return found

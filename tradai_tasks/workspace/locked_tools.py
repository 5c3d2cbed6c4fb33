"""Find the versions of tools in a uv.lock, and which group or extra brings them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tradai_tasks.errors import BrokenTomlError, LockMissingError, ToolNotLockedError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.workspace.discovery import Package, dependency_groups

__all__ = ["DEFAULT_TOOLS", "Lock", "Place", "TestTools", "find_test_tools", "read_lock"]

# What a session installs if the lock does not pin the tool.
DEFAULT_TOOLS = {
    "bandit": "bandit[toml]==1.9.4",
    "mkdocs": "mkdocs==1.6.1",
    "mypy": "mypy==2.4.1",
    "pip-audit": "pip-audit==2.10.1",
    "pytest-cov": "pytest-cov==7.1.0",
    "ruff": "ruff==0.17.6",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A dependency group or an extra, of the package itself or of the workspace root."""

    owner: Literal["package", "root"]
    kind: Literal["group", "extra"]
    name: str

    def __str__(self) -> str:
        """Return its name in messages."""
        whose = "the root's" if self.owner == "root" else "its own"
        return f"{whose} {self.kind} {self.name!r}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TestTools:
    """Where a package's test tools come from."""

    __test__ = False  # keep pytest from collecting it

    places: tuple[Place, ...]  # to install beside the package
    reached: frozenset[str]  # names of all distributions that are installed


class Lock:
    """A parsed uv.lock."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Index the packages by name; several versions of one name are kept together."""
        self.document = document
        self._by_name: dict[str, list[Mapping[str, Any]]] = {}
        for entry in document.get("package", []):
            self._by_name.setdefault(entry["name"], []).append(entry)

    def requirement(self, tool: str) -> str:
        """Return a pinned requirement for a tool: as locked, else this library's default."""
        versions = []
        for entry in self._by_name.get(tool, []):
            try:
                versions.append(Version(entry["version"]))
            except (KeyError, InvalidVersion):
                continue  # a local source without a version pins nothing
        if not versions:
            return DEFAULT_TOOLS[tool]
        extra = "[toml]" if tool == "bandit" else ""
        return f"{tool}{extra}=={max(versions)}"

    def pins(self, tool: str) -> bool:
        """Return whether the lock contains the tool."""
        return tool in self._by_name

    def built_locally(self, *, editable: bool = False) -> dict[str, str]:
        """Return the packages that are built from a folder, and that folder from the lock's.

        Args:
            editable: Whether to include editable ones, as where uv is told to install none so.
        """
        kinds = ("directory", "editable") if editable else ("directory",)
        return {
            str(entry["name"]): str(entry["source"][kind])
            for entry in self.document.get("package", [])
            for kind in kinds
            if kind in entry.get("source", {})
        }

    def reached_from(self, requirements: Iterable[Mapping[str, Any]]) -> frozenset[str]:
        """Return the names of all that some requirements install, dependencies included."""
        seen: set[str] = set()
        queue = list(requirements)
        while queue:
            requirement = queue.pop()
            name = requirement["name"]
            wanted = [canonicalize_name(extra) for extra in _extras(requirement)]
            for key in [name, *(f"{name}[{extra}]" for extra in wanted)]:
                if key in seen:
                    continue
                seen.add(key)
                for entry in self._by_name.get(name, []):
                    if key == name:
                        queue += entry.get("dependencies", [])
                    else:
                        extra = key[len(name) + 1 : -1]
                        queue += entry.get("optional-dependencies", {}).get(extra, [])
        return frozenset(key for key in seen if "[" not in key)

    def of_place(self, package: str | None, place: Place) -> list[Mapping[str, Any]]:
        """Return the requirements of a group or extra of a package, or of a virtual root."""
        name = canonicalize_name(place.name)
        if package is None:
            groups = self.document.get("manifest", {}).get("dependency-groups", {})
            return list(groups.get(name, [])) if place.kind == "group" else []
        key = "dev-dependencies" if place.kind == "group" else "optional-dependencies"
        return [
            requirement
            for entry in self._by_name.get(package, [])
            for requirement in entry.get(key, {}).get(name, [])
        ]


def read_lock(tree: Tree, project: str) -> Lock:
    """Read the lock file of a project.

    Raises:
        LockMissingError: There is no lock file.
        BrokenTomlError: It does not parse, or is not a lock file.
    """
    file = join(project, "uv.lock")
    if not tree.is_file(file):
        raise LockMissingError(f"{file}: no lock file; make it with: nox -s lock")
    document = parse_toml(tree.read(file), file)
    entries = document.get("package", [])
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in entries
    ):
        raise BrokenTomlError(f"{file}: not as uv writes it; remove it, then: nox -s lock")
    return Lock(document)


def find_test_tools(
    lock: Lock,
    package: Package,
    root: Mapping[str, Any],
    names: Iterable[str],
    *,
    tool: str = "pytest",
) -> TestTools:
    """Find the groups and extras that install a package's test tools.

    All of the package's own groups and extras with the given names are used; if they do not
    install the tool, the first of the root's that does is used too.

    Args:
        lock: The lock that pins the package.
        package: The package.
        root: The parsed root pyproject.toml; empty for an independent project.
        names: Names of groups and extras, in the order of preference.
        tool: The distribution that must be installed.

    Raises:
        ToolNotLockedError: None of them installs the tool; the message names all of them.
    """
    names = tuple(names)
    own = _places(package.document, "package", names)
    requirements: list[Mapping[str, Any]] = [{"name": package.name}]
    name = package.name if "project" in package.document else None
    for place in own:
        requirements += lock.of_place(name, place)
    reached = lock.reached_from(requirements)
    if tool in reached:
        return TestTools(places=tuple(own), reached=reached)
    others = _places(root, "root", names) if package.path != "." else []
    root_name = root.get("project", {}).get("name")
    for place in others:
        more = lock.of_place(canonicalize_name(root_name) if root_name else None, place)
        further = lock.reached_from(more)
        if tool in further:
            return TestTools(places=(*own, place), reached=reached | further)
    looked = [str(place) for place in (*own, *others)]
    missing = f"no group or extra named {' or '.join(map(repr, names))}"
    raise ToolNotLockedError(
        f"{join(package.path, 'pyproject.toml')}: {tool} is not locked for {package.name}; looked "
        f"at its dependencies and {', '.join(looked) or missing}; add {tool} to one of them, "
        f"then: nox -s lock"
    )


def _places(document: Mapping[str, Any], owner: Any, names: Iterable[str]) -> list[Place]:
    groups = {canonicalize_name(n): n for n in dependency_groups(document)}
    optional = document.get("project", {}).get("optional-dependencies", {})
    extras = {canonicalize_name(n): n for n in optional}
    found = []
    for name in map(canonicalize_name, names):
        if name in groups:
            found.append(Place(owner=owner, kind="group", name=groups[name]))
        if name in extras:
            found.append(Place(owner=owner, kind="extra", name=extras[name]))
    return found


def _extras(requirement: Mapping[str, Any]) -> list[str]:
    found = requirement.get("extra", requirement.get("extras", []))
    return [found] if isinstance(found, str) else list(found)

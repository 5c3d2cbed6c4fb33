"""Turn a lock file into a dependency graph of packages, extras and groups.

A node is a part of a locked package: the package itself, one of its extras or one of its dependency
groups. So an edge to `pkg[extra]` reaches only that extra's dependencies. Several versions of one
name (forks) are separate packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.workspace.locks.lock_file import (
    LockedPackage,
    LockedRequirement,
    LockFile,
    parse_lock_file,
)

_EDGE_TABLES = ("dependencies", "optional-dependencies")
_FILE = rb'\{ [a-z-]+ = (?:"[^"\\\n]*+"|\d++)(?:, [a-z-]+ = (?:"[^"\\\n]*+"|\d++))* \}'
# Sources of a package, in exactly the form that uv writes.
_FILES = re.compile(rb"\n(?:sdist = %b|wheels = \[(?:\n    %b,)*\n\])(?=\n)" % (_FILE, _FILE))


class Part(NamedTuple):
    """The part of a package that a node stands for."""

    kind: str  # "base", "extra", "group", "entry" (the lock's whole entry for a member)
    name: str = ""


_BASE = Part("base")
_ENTRY = Part("entry")


class Node(NamedTuple):
    """A part of a locked package; the workspace's own groups have the package name ""."""

    package: str
    version: str
    source: str  # canonical JSON; distinguishes forks of one version
    part: Part


class Data(NamedTuple):
    """The lock's data on a node."""

    own: Mapping[str, Any]  # data on the package itself
    needed: list[Mapping[str, Any]]  # edges to other nodes

    def equals(self, other: Data) -> bool:
        """Return whether two locks have the same content, whatever their order and format."""
        if self == other:  # most are equal, and this comparison is fast
            return True
        return (
            _own_data(self.own) == _own_data(other.own)
            and sorted(map(canonical, self.needed)) == sorted(map(canonical, other.needed))
        )  # fmt: skip


class LockGraph(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed lock file."""

    members: frozenset[str]  # as the lock names them
    root: str | None  # the member that is the workspace root itself
    head: Mapping[str, Any]  # the top level, without packages and the manifest's groups
    nodes: Mapping[Node, Data]
    edges: Mapping[Node, tuple[Node, ...]]
    versions: Mapping[str, tuple[str, ...]]  # nodes of each package name
    declared: Mapping[str, frozenset[str]] = {}  # member -> names


def parse_lock(content: bytes, file: str) -> LockGraph:
    """Parse a lock file into its graph; raise as `parse_lock_file` does.

    Raises:
        BrokenTomlError: As `parse_lock_file`.
    """
    return _Builder(parse_lock_file(content, file)).graph()


@lru_cache(maxsize=4)  # cached: needed twice, and parsing takes long
def parse_edges(content: bytes, file: str) -> LockGraph:
    """Parse a lock file without the lists of files of its packages, which are most of it.

    Raises:
        BrokenTomlError: As `parse_lock`.
    """
    if not (b'"""' in content or b"'''" in content):  # it can look like files
        try:
            return parse_lock(_FILES.sub(b"", content), file)
        except BrokenTomlError:
            pass  # parse the whole text, so that the message names the right line
    return parse_lock(content, file)


class _Builder:
    """Turns a lock file into nodes and edges."""

    def __init__(self, lock: LockFile) -> None:
        self.lock = lock
        self.nodes: dict[Node, Data] = {}
        self.edges: dict[Node, tuple[Node, ...]] = {}

    def graph(self) -> LockGraph:
        lock, document = self.lock, self.lock.document
        for package, table in zip(lock.package, document.get("package", ()), strict=True):
            self._add(package, table)
        manifest = document.get("manifest", {})
        for group, needed in lock.manifest.dependency_groups.items():
            tables = manifest["dependency-groups"][group]
            self._add_node(Node("", "", "", Part("group", group)), {}, tables, needed)
        head = {key: value for key, value in document.items() if key not in _NOT_HEAD}
        head["manifest"] = {k: v for k, v in manifest.items() if k != "dependency-groups"}
        return LockGraph(
            members=lock.members,
            root=lock.root,
            head={key: canonical(value) for key, value in sorted(head.items())},
            nodes=self.nodes,
            edges=self.edges,
            versions={
                name: tuple(sorted(package.version for package in packages))
                for name, packages in lock.by_name.items()
            },
            declared={
                name: frozenset(_declared(package))
                for name in lock.members
                for package in lock.by_name.get(name, ())
            },
        )

    def _add(self, package: LockedPackage, table: Mapping[str, Any]) -> None:
        is_member = package.name in self.lock.members
        base = self._base(package)
        left_out = table if is_member else _EDGE_TABLES
        own = {key: value for key, value in table.items() if key not in left_out}
        self._add_node(base, own, table.get("dependencies", []), package.dependencies)
        for extra, needed in package.optional_dependencies.items():
            node = base._replace(part=Part("extra", extra))
            self._add_node(node, {}, table["optional-dependencies"][extra], needed, base)
        if is_member:
            for group, needed in package.dev_dependencies.items():
                node = base._replace(part=Part("group", group))
                self._add_node(node, {}, table["dev-dependencies"][group], needed)
            self._add_node(base._replace(part=_ENTRY), table, [], [])

    def _add_node(
        self,
        node: Node,
        own: Mapping[str, Any],
        tables: list[Mapping[str, Any]],
        needed: Iterable[LockedRequirement],
        *further: Node,
    ) -> None:
        self.nodes[node] = Data(own, tables)
        targets = (target for one in needed for target in self._targets(one))
        self.edges[node] = tuple(dict.fromkeys((*targets, *further)))

    def _base(self, package: LockedPackage) -> Node:
        if package.name in self.lock.members:  # it is unique, whatever its version and location
            return Node(package.name, "", "", _BASE)
        return Node(package.name, package.version, canonical(package.source), _BASE)

    def _targets(self, needed: LockedRequirement) -> Iterable[Node]:
        """Return the nodes of an edge; one without a version leads to all of the name."""
        for package in self.lock.by_name.get(needed.name, ()):
            if needed.version not in {None, package.version}:
                continue
            if needed.source is not None and needed.source != package.source:
                continue
            base = self._base(package)
            yield base
            for extra in needed.wanted_extras:
                if extra in package.optional_dependencies:
                    yield base._replace(part=Part("extra", extra))


# `revision` counts additions to the format; their content is compared, not the number
_NOT_HEAD = frozenset({"package", "manifest", "revision"})


def _own_data(own: Mapping[str, Any]) -> str:
    compared = dict(own)
    for key in ("sdist", "wheels"):
        if key in own:
            files = own[key] if isinstance(own[key], list) else [own[key]]
            compared[key] = sorted(map(_file_data, files))
    return canonical(compared)


def _file_data(file: Mapping[str, Any]) -> str:
    """Return the identity of a file: its name and hash, without its URL or upload time."""
    where = str(file.get("filename") or file.get("url") or file.get("path") or "")
    if "hash" not in file:
        return where
    return f"{where.partition('#')[0].rpartition('/')[2]} {file['hash']}"


def _declared(package: LockedPackage) -> Iterable[str]:
    """Return what a member declares, also where nothing was resolved for it."""
    groups = package.metadata.requires_dev.values()
    for requirements in (package.metadata.requires_dist, *groups):
        yield from (one.name for one in requirements)


def canonical(value: Any) -> str:
    """Return canonical JSON, which is equal for equal data whatever its order."""
    if isinstance(value, dict):
        inner = (f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value))
        return f"{{{','.join(inner)}}}"
    if isinstance(value, list):
        return f"[{','.join(sorted(map(canonical, value)))}]"
    return json.dumps(value, default=str)

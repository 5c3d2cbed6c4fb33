"""Parse uv.lock into a dependency graph of packages, extras and groups.

A node is a part of a locked package: the package itself, one of its extras or one of its dependency
groups. So an edge to `pkg[extra]` reaches only that extra's dependencies. Several versions of one
name (forks) are separate packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name

from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.settings.load import parse_toml

__all__ = ["Data", "LockGraph", "Node", "Part", "canonical", "parse_edges", "parse_lock"]

_KNOWN_VERSION = 1  # version of uv's lock format; a newer one may have an unknown meaning
_EDGE_TABLES = ("dependencies", "optional-dependencies", "dev-dependencies")
_LOCAL = ("editable", "virtual", "directory")
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


@dataclass(frozen=True, kw_only=True, slots=True)
class LockGraph:
    """A parsed lock file."""

    members: frozenset[str]  # as the lock names them
    root: str | None  # the member that is the workspace root itself
    head: Mapping[str, Any]  # the top level, without packages and the manifest's groups
    nodes: Mapping[Node, Data]
    edges: Mapping[Node, tuple[Node, ...]]
    versions: Mapping[str, tuple[str, ...]]  # nodes of each package name
    declared: Mapping[str, frozenset[str]] = field(default_factory=dict)  # member -> names


def parse_lock(content: bytes, file: str) -> LockGraph:
    """Parse a lock file.

    Args:
        content: The file's bytes.
        file: Its name in messages: the path, with the revision if it is not the work tree's.

    Raises:
        BrokenTomlError: It is not TOML, or not in the form that uv writes.
    """
    document = parse_toml(content, file)
    version = document.get("version")
    if version != _KNOWN_VERSION:
        raise BrokenTomlError(
            f"{file}: lock format {version!r} is not known, only {_KNOWN_VERSION}; "
            f"write it with a uv that does, or update tradai-tasks"
        )
    try:
        return _Builder(document).graph()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BrokenTomlError(
            f"{file}: not a lock file as uv writes it ({type(error).__name__}: {error}); "
            f"recreate it with: uv lock"
        ) from None


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
    """Turns the parsed file into nodes and edges."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.packages: list[dict[str, Any]] = document.get("package", [])
        self.by_name: dict[str, list[dict[str, Any]]] = {}
        for package in self.packages:
            if not isinstance(package["source"], dict):
                raise TypeError(f"source of {package['name']}: expected a table")
            self.by_name.setdefault(package["name"], []).append(package)
        self.manifest: Mapping[str, Any] = document.get("manifest", {})
        self.members = self._members()
        self.nodes: dict[Node, Data] = {}
        self.edges: dict[Node, tuple[Node, ...]] = {}

    def graph(self) -> LockGraph:
        for package in self.packages:
            self._add(package)
        for group, needed in self.manifest.get("dependency-groups", {}).items():
            self._add_node(Node("", "", "", Part("group", canonicalize_name(group))), {}, needed)
        head = {key: value for key, value in self.document.items() if key not in _NOT_HEAD}
        head["manifest"] = {k: v for k, v in self.manifest.items() if k != "dependency-groups"}
        return LockGraph(
            members=self.members,
            root=self._root(),
            head={key: canonical(value) for key, value in sorted(head.items())},
            nodes=self.nodes,
            edges=self.edges,
            versions={
                name: tuple(sorted(package.get("version", "") for package in packages))
                for name, packages in self.by_name.items()
            },
            declared={
                name: frozenset(_declared(package))
                for name in self.members
                for package in self.by_name.get(name, ())
            },
        )

    def _members(self) -> frozenset[str]:
        """Return the manifest's members; for a lock without any, its single project."""
        named = self.manifest.get("members")
        if named is not None:
            return frozenset(named)
        return frozenset(p["name"] for p in self.packages if _local_path(p) == ".")

    def _root(self) -> str | None:
        for package in self.packages:
            if package["name"] in self.members and _local_path(package) == ".":
                return str(package["name"])
        return None

    def _add(self, package: Mapping[str, Any]) -> None:
        is_member = package["name"] in self.members
        base = self._base(package)
        left_out = package if is_member else _EDGE_TABLES[:2]
        own = {key: value for key, value in package.items() if key not in left_out}
        self._add_node(base, own, package.get("dependencies", []))
        for extra, needed in package.get("optional-dependencies", {}).items():
            part = Part("extra", canonicalize_name(extra))
            self._add_node(base._replace(part=part), {}, needed, base)
        if is_member:
            for group, needed in package.get("dev-dependencies", {}).items():
                part = Part("group", canonicalize_name(group))
                self._add_node(base._replace(part=part), {}, needed)
            self._add_node(base._replace(part=_ENTRY), package, [])

    def _add_node(
        self, node: Node, own: Mapping[str, Any], needed: list[Mapping[str, Any]], *further: Node
    ) -> None:
        self.nodes[node] = Data(own, needed)
        targets = (target for edge in needed for target in self._targets(edge))
        self.edges[node] = tuple(dict.fromkeys((*targets, *further)))

    def _base(self, package: Mapping[str, Any]) -> Node:
        name = package["name"]
        if name in self.members:  # a member is unique, whatever its version and location
            return Node(name, "", "", _BASE)
        return Node(name, package.get("version", ""), canonical(package["source"]), _BASE)

    def _targets(self, edge: Mapping[str, Any]) -> Iterable[Node]:
        """Return the nodes of an edge; one without a version leads to all of the name."""
        extras = edge.get("extra", edge.get("extras", ()))
        for package in self.by_name.get(edge["name"], ()):
            if "version" in edge and edge["version"] != package.get("version"):
                continue
            if "source" in edge and canonical(edge["source"]) != canonical(package["source"]):
                continue
            base = self._base(package)
            yield base
            for extra in [extras] if isinstance(extras, str) else extras:
                name = canonicalize_name(extra)
                if name in map(canonicalize_name, package.get("optional-dependencies", {})):
                    yield base._replace(part=Part("extra", name))


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


def _local_path(package: Mapping[str, Any]) -> str | None:
    source = package["source"]
    return next((str(source[kind]) for kind in _LOCAL if kind in source), None)


def _declared(package: Mapping[str, Any]) -> Iterable[str]:
    """Return the extras and groups that a member declares, also without resolved packages."""
    metadata = package.get("metadata", {})
    for requirement in metadata.get("requires-dist", ()):
        yield requirement["name"]
    for requirements in metadata.get("requires-dev", {}).values():
        for requirement in requirements:
            yield requirement["name"]


def canonical(value: Any) -> str:
    """Return canonical JSON, which is equal for equal data whatever its order."""
    if isinstance(value, dict):
        inner = (f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value))
        return f"{{{','.join(inner)}}}"
    if isinstance(value, list):
        return f"[{','.join(sorted(map(canonical, value)))}]"
    return json.dumps(value, default=str)

"""The model of uv.lock: locked packages, where each comes from, and what it requires.

Every reader of a lock file reads it through `LockFile`; nothing else knows the names of its keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Literal

import msgspec
from packaging.utils import canonicalize_name

from tradai_tasks.errors import BrokenTomlError, LockMissingError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml

_KNOWN_VERSION = 1  # version of uv's lock format; a newer one may have an unknown meaning
_LOCAL = ("editable", "virtual", "directory")


class LockedRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """What a package, an extra or a group requires; markers are not modelled."""

    name: str
    version: str | None = None  # with `source` where the lock has several packages of the name
    source: dict[str, Any] | None = None
    extra: tuple[str, ...] = ()  # in a package's entry
    extras: tuple[str, ...] = ()  # in the manifest and in metadata

    @property
    def wanted_extras(self) -> tuple[str, ...]:
        """Normalised names of the extras that it asks for."""
        return tuple(map(canonicalize_name, self.extra or self.extras))


class LockedConflict(msgspec.Struct, frozen=True, kw_only=True):
    """A package, extra or group that uv must not install with the others of its set."""

    package: str
    extra: str | None = None
    group: str | None = None


class _Wheel(msgspec.Struct, frozen=True):
    hash: str | None = None


class _Metadata(msgspec.Struct, frozen=True, rename="kebab"):
    requires_dist: list[LockedRequirement] = []
    requires_dev: dict[str, list[LockedRequirement]] = {}


class LockedPackage(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """A `[[package]]` entry."""

    name: str  # PEP 503-normalised
    source: dict[str, Any] = {}
    version: str = ""  # empty for a local project that computes its version
    dependencies: list[LockedRequirement] = []
    optional_dependencies: dict[str, list[LockedRequirement]] = {}
    dev_dependencies: dict[str, list[LockedRequirement]] = {}
    metadata: _Metadata = _Metadata()
    wheels: list[_Wheel] = []
    resolution_markers: list[str] = []  # where the lock has several versions of it

    @property
    def local_path(self) -> str | None:
        """The folder that it is installed from, from the lock's; None for any other source."""
        return next((str(self.source[kind]) for kind in _LOCAL if kind in self.source), None)

    def required_by(self, kind: Literal["group", "extra"], name: str) -> list[LockedRequirement]:
        """Return what one of its groups or extras requires, by its normalised name."""
        tables = self.dev_dependencies if kind == "group" else self.optional_dependencies
        return tables.get(name, [])


class _Manifest(msgspec.Struct, frozen=True, rename="kebab"):
    members: list[str] | None = None
    dependency_groups: dict[str, list[LockedRequirement]] = {}


class LockFile(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A parsed uv.lock."""

    package: list[LockedPackage] = []
    manifest: _Manifest = _Manifest()
    conflicts: list[list[LockedConflict]] = []
    document: Mapping[str, Any] = {}  # as it was parsed; the packages in the order of `package`

    @cached_property
    def by_name(self) -> Mapping[str, list[LockedPackage]]:
        """The packages of each name; several where the resolution forks."""
        found: dict[str, list[LockedPackage]] = {}
        for package in self.package:
            found.setdefault(package.name, []).append(package)
        return found

    @cached_property
    def members(self) -> frozenset[str]:
        """The workspace's members; in a lock that names none, its single project."""
        named = self.manifest.members
        if named is not None:
            return frozenset(named)
        return frozenset(one.name for one in self.package if one.local_path == ".")

    @property
    def root(self) -> str | None:
        """The member that is the workspace root itself."""
        return next(
            (p.name for p in self.package if p.local_path == "." and p.name in self.members), None
        )

    def built_locally(self, *, editable: bool = False) -> dict[str, str]:
        """Return the packages that are built from a folder, and that folder from the lock's."""
        kinds = ("directory", "editable") if editable else ("directory",)
        return {
            one.name: str(one.source[kind])
            for one in self.package
            for kind in kinds
            if kind in one.source
        }

    def required_by(
        self, package: str | None, kind: Literal["group", "extra"], name: str
    ) -> list[LockedRequirement]:
        """Return what a group or extra, by its normalised name, requires.

        `package` is None for a root that is no package, which has groups alone.
        """
        if package is None:
            return self.manifest.dependency_groups.get(name, []) if kind == "group" else []
        found = self.by_name.get(package, [])
        return [one for entry in found for one in entry.required_by(kind, name)]


@lru_cache(maxsize=4)  # sessions of one run look at the same lock, at several places each
def parse_lock_file(content: bytes, file: str) -> LockFile:
    """Parse a lock file; what is returned is shared, and not to be changed.

    `file` names it in messages: the path, with the revision if it is not the work tree's.

    Raises:
        BrokenTomlError: It is not TOML, of an unknown format, or not in the form that uv writes.
    """
    document = parse_toml(content, file)
    version = document.get("version")
    if version != _KNOWN_VERSION:
        raise BrokenTomlError(
            f"{file}: lock format {version!r} is not known, only {_KNOWN_VERSION}; "
            f"write it with a uv that does, or update tradai-tasks"
        )
    try:
        return msgspec.convert({**document, "document": document}, LockFile)
    except msgspec.ValidationError as error:
        raise BrokenTomlError(
            f"{file}: not a lock file as uv writes it ({error}); remove it, then: nox -s lock"
        ) from None


def read_lock(tree: Tree, project: str) -> LockFile:
    """Read the lock file of a project; raise LockMissingError if there is none.

    Raises:
        BrokenTomlError: As `parse_lock_file`.
    """
    file = join(project, "uv.lock")
    if not tree.is_file(file):
        raise LockMissingError(f"{file}: no lock file; make it with: nox -s lock")
    return parse_lock_file(tree.read(file), file)

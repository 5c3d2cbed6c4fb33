"""Decide what changed paths affect by where they lie, without looking into the files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from tradai_tasks.affected.parse.dotted_names import folders_around
from tradai_tasks.files.path_globs import GlobSet
from tradai_tasks.workspace.discovery import Package, Workspace

if TYPE_CHECKING:
    from tradai_tasks.affected.selection.selection import ChangeEvidence

_Key = TypeVar("_Key", bound=Hashable)
Groups: TypeAlias = dict[_Key, list[str]]

_DOC_FILE = re.compile(r"^(mkdocs\.ya?ml|[^/]+\.(md|rst)|(LICEN[CS]E|NOTICE|AUTHORS)[^/]*)\Z")
# Folders and files at the root that only the contract and integration sessions read.
_ROOT_TESTS = re.compile(r"^((tests?/.*)|((docker-)?compose[^/]*\.ya?ml))\Z")

HINT = "if it affects nothing, add it to affected.ignore"


class Owners:
    """The packages of a workspace by folder.

    A path lies in the innermost package around it. A package at the root owns its code and tests
    through the import graph; other files there belong to no package, unless it is the only one.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Index the packages: there may be a thousand, and more paths than that."""
        self._by_path = {package.path: package for package in workspace.packages}
        root = self._by_path.pop(".", None)
        self._otherwise = None if self._by_path else root

    def of(self, path: str) -> Package | None:
        """Return the package that a path lies in, if there is one."""
        around = folders_around(path.rpartition("/")[0])
        return next(filter(None, map(self._by_path.get, around)), self._otherwise)


class Reasons:
    """Reasons by kind and name, without repeats, in the order in which they came."""

    def __init__(self) -> None:
        """Begin without any."""
        self.found: dict[tuple[str, str], dict[str, None]] = {}
        self.everything: dict[str, None] = {}
        self.unknown: dict[str, None] = {}  # paths that affect everything
        self.docs: dict[str, None] = {}

    def add(self, kind: str, name: str, reason: str) -> None:
        """Add a reason for something of a kind, such as `"packages"`."""
        self.found.setdefault((kind, name), {})[reason] = None

    def add_for_member(self, member: str, reason: str, workspace: Workspace) -> None:
        """Add a reason for a member of the import graph: `base`, `lambdas:tick`, `stacks:`."""
        kind, _, name = member.rpartition(":")
        if kind == "stacks":  # all of them run the same code
            for unit in workspace.stacks:
                self.add(kind, unit.name, reason)
        else:
            self.add(kind or "packages", name, reason)

    def of(self, kind: str, name: str) -> tuple[str, ...]:
        """Return the reasons for something of a kind."""
        return tuple(self.found.get((kind, name), {}))


def is_for_readers(path: str) -> bool:
    """Tell whether a path is a document or a compose file at the root: no package reads these."""
    return "/" not in path and bool(_DOC_FILE.match(path) or _ROOT_TESTS.match(path))


def grouped(paths: Iterable[str], keys_of: Callable[[str], Iterable[_Key]]) -> Groups[_Key]:
    """Return keys that many paths may share, with their paths."""
    found: Groups[_Key] = {}
    for path in paths:
        for key in keys_of(path):
            found.setdefault(key, []).append(path)
    return found


def summed(paths: Sequence[str], *, whole: bool) -> Sequence[str]:
    """Return the first path with how many more there are, or all."""
    return paths if whole or not paths[1:] else [f"{paths[0]} and {len(paths) - 1} more"]


class PathRules:
    """Notes what changed paths affect, by where they lie."""

    def __init__(
        self,
        workspace: Workspace,
        before: Workspace | None,
        evidence: ChangeEvidence,
        reasons: Reasons,
    ) -> None:
        """Prepare to judge paths by what is known of them so far; reasons go to `reasons`."""
        ends = [end for end in (workspace, before) if end is not None]
        self._owners = [Owners(end) for end in ends]
        self._widened: dict[str, list[str]] = {}  # glob -> packages
        for package in workspace.packages:
            for glob in package.settings.also_affected_by:
                self._widened.setdefault(glob, []).append(package.name)
        self._globs = GlobSet(self._widened)
        self._units = {
            unit.path: (kind, unit.name)
            for kind in ("services", "lambdas")
            for unit in getattr(workspace, kind)
        }
        self._workspace = workspace
        self._evidence = evidence
        self._reasons = reasons

    def apply(self, paths: Sequence[str]) -> None:
        """Note what changed paths affect by where they lie; settled ones affect no package."""
        shared: dict[str, None] = {}
        for (kind, of), some in grouped(paths, self._shared_by).items():
            shared.update(dict.fromkeys(some))
            for name in self._users_of(kind, of):
                why = {"packages": f" (also-affected-by {of!r})", "stacks": ""}
                for text in summed(some, whole=name in self._evidence.explained):
                    self._reasons.add(kind, name, text + why.get(kind, ": the base of all lambdas"))
        for path in paths:
            self._apply_one(path, known=path in shared)

    def _apply_one(self, path: str, *, known: bool) -> None:
        reasons = self._reasons
        is_settled = path in self._evidence.settled
        owner = next(filter(None, (end.of(path) for end in self._owners)), None)
        folder = "" if is_settled and owner else path.rpartition("/")[0]
        for unit in filter(None, map(self._units.get, folders_around(folder))):
            reasons.add(*unit, path)
            known = True
        if owner is not None and not is_settled:
            reasons.add("packages", owner.name, path)
            known = True
        if path == "docs" or path.startswith("docs/") or _DOC_FILE.match(path):
            reasons.docs[path] = None
            known = True
        if not (known or is_settled or path in self._evidence.accounted or _ROOT_TESTS.match(path)):
            reasons.unknown[path] = None
            reasons.everything[f"{path}: belongs to nothing known; {HINT}"] = None

    def _shared_by(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield keys for what many paths may affect, and each path many."""
        yield from (("packages", glob) for glob in self._globs.matching(path))
        if path.startswith("lambdas/base/"):
            yield "lambdas", ""
        if path.startswith("infra/"):
            stack = re.match(r"^Pulumi\.([^/]+)\.ya?ml\Z", posixpath.basename(path))
            yield "stacks", stack[1] if stack else ""

    def _users_of(self, kind: str, of: str) -> Iterable[str]:
        if kind == "packages":
            return self._widened[of]
        units = self._workspace.lambdas if kind == "lambdas" else self._workspace.stacks
        return [unit.name for unit in units if not of or unit.name == of]

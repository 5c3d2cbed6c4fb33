"""What a change affects, each with its reason: the one place where all evidence comes together.

The rule that everything here follows: a path of which it is not known what it affects, affects
everything. Precision comes from knowing, never from guessing.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tradai_tasks.settings.model import AffectedSettings
from tradai_tasks.workspace.discovery import Package, Workspace

__all__ = [
    "Evidence",
    "Item",
    "Owners",
    "Selection",
    "counting",
    "is_for_readers",
    "matches",
    "select",
]

_ONE_OF = re.compile(r"\[!?\]?[^\]]*\]")  # one of some characters; `]` may be the first
_RANGE = re.compile(r"(.)(?:-(.))?", re.DOTALL)
_DOC_FILE = re.compile(r"^(mkdocs\.ya?ml|[^/]+\.(md|rst)|(LICEN[CS]E|NOTICE|AUTHORS)[^/]*)\Z")
# Folders and files at the root that only the contract and integration sessions read.
_ROOT_TESTS = re.compile(r"^((tests?/.*)|((docker-)?compose[^/]*\.ya?ml))\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that is known of a change. Paths are POSIX, from the workspace root."""

    paths: tuple[str, ...]  # changed, both ends of a move
    # what the import graph says: package or unit -> shortest chain of paths, changed file first;
    # a unit goes by its kind and its name, as in "lambdas:tick"
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # changed paths outside any package that the import graph accounts for
    accounted: frozenset[str] = frozenset()
    # packages and units that lock files and pyproject files name, each with reasons
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # reasons for which everything is affected
    everything: tuple[str, ...] = ()
    # changed paths that the documentation is made from though they lie elsewhere
    docs: tuple[str, ...] = ()
    # sessions that changed tool settings select for all packages, each with the reason
    sessions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A package, service, lambda, strategy or stack, and why it is affected."""

    name: str
    path: str
    reasons: tuple[str, ...] = ()

    @property
    def affected(self) -> bool:
        """Whether the change affects it."""
        return bool(self.reasons)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What a change affects."""

    everything: tuple[str, ...]  # why everything is affected; empty when it is not
    packages: tuple[Item, ...]
    services: tuple[Item, ...]
    lambdas: tuple[Item, ...]
    strategies: tuple[Item, ...]
    stacks: tuple[Item, ...]
    docs: tuple[str, ...]  # why the documentation is affected
    sessions: Mapping[str, str]  # sessions selected for all packages by changed tool settings
    changed: tuple[str, ...]  # the changed paths that count

    def affected(self, kind: str) -> tuple[str, ...]:
        """Return the names of what is affected of one kind, such as `"packages"`."""
        items: tuple[Item, ...] = getattr(self, kind)
        return tuple(item.name for item in items if item.affected)


class _Reasons:
    """Reasons gathered by kind and name, without repeats, in the order they came."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], dict[str, None]] = {}
        self.everything: dict[str, None] = {}
        self.docs: dict[str, None] = {}

    def add(self, kind: str, name: str, reason: str) -> None:
        self.found.setdefault((kind, name), {})[reason] = None

    def note(self, member: str, reason: str, workspace: Workspace) -> None:
        """Note a reason for a member of the import graph: `base`, `lambdas:tick`, `stacks:`."""
        kind, _, name = member.rpartition(":")
        if kind == "stacks":  # all of them run the same code
            for unit in workspace.stacks:
                self.add(kind, unit.name, reason)
        else:
            self.add(kind or "packages", name, reason)

    def of(self, kind: str, name: str) -> tuple[str, ...]:
        return tuple(self.found.get((kind, name), {}))


def select(
    workspace: Workspace,
    before: Workspace | None,
    evidence: Evidence,
    settings: AffectedSettings,
) -> Selection:
    """Say what a change affects.

    Args:
        workspace: The repository after the change.
        before: The repository before it; None where it cannot be told.
        evidence: All that is known of the change.
        settings: Globs that narrow or widen.
    """
    paths = counting(evidence.paths, settings)
    reasons = _Reasons()
    for reason in evidence.everything:
        reasons.everything[reason] = None
    weighing = _Weighing(workspace, before, evidence, reasons)
    for path in paths:
        weighing.weigh(path)
    kept = set(paths)
    for name, chain in evidence.chains.items():
        # which stack a file of theirs is of is told by its name
        if chain[0] in kept and not (name == "stacks:" and len(chain) == 1):
            reasons.note(name, " <- ".join(chain), workspace)
    for path in evidence.docs:
        if path in kept:
            reasons.docs[path] = None
    for name, why in evidence.declared.items():
        for reason in why:
            reasons.note(name, reason, workspace)
    if "test" in evidence.sessions:
        for package in workspace.packages:
            reasons.add("packages", package.name, evidence.sessions["test"])
    return _selection(workspace, evidence, reasons, paths)


def counting(paths: Iterable[str], settings: AffectedSettings) -> tuple[str, ...]:
    """Return the changed paths that no setting says to ignore."""
    return tuple(path for path in paths if not any(matches(path, glob) for glob in settings.ignore))


def is_for_readers(path: str) -> bool:
    """Tell whether a file at the root affects no package by itself: a document, a compose file."""
    return "/" not in path and bool(_DOC_FILE.match(path) or _ROOT_TESTS.match(path))


class _Weighing:
    """Notes what changed paths affect by where they lie."""

    def __init__(
        self,
        workspace: Workspace,
        before: Workspace | None,
        evidence: Evidence,
        reasons: _Reasons,
    ) -> None:
        ends = [end for end in (workspace, before) if end is not None]
        self._owners = [Owners(end) for end in ends]
        self._projects = {project for end in ends for project in end.projects}
        self._globs = [
            (package.name, glob)
            for package in workspace.packages
            for glob in package.settings.also_affected_by
        ]
        self._workspace = workspace
        self._evidence = evidence
        self._reasons = reasons

    def weigh(self, path: str) -> None:
        """Note what one changed path affects by where it lies."""
        reasons = self._reasons
        known = self._by_glob(path)
        known |= _unit(path, self._workspace, reasons)
        owner = next(filter(None, (end.of(path) for end in self._owners)), None)
        if owner is not None:
            reasons.add("packages", owner.name, path)
            known = True
        if path == "docs" or path.startswith("docs/") or _DOC_FILE.match(path):
            reasons.docs[path] = None
            known = True
        known |= path in self._evidence.accounted
        # a lock or project file whose content is compared as data
        folder, _, name = path.rpartition("/")
        known |= name in {"uv.lock", "pyproject.toml"} and (folder or ".") in self._projects
        if path.startswith(".github/"):
            reasons.everything[f"{path}: part of the CI itself"] = None
        elif not (known or _ROOT_TESTS.match(path)):
            reasons.everything[f"{path}: belongs to nothing known"] = None

    def _by_glob(self, path: str) -> bool:
        known = False
        for name, glob in self._globs:
            if matches(path, glob):
                self._reasons.add("packages", name, f"{path} (also-affected-by {glob!r})")
                known = True
        return known


def _unit(path: str, workspace: Workspace, reasons: _Reasons) -> bool:
    """Note the service, lambda or stack in whose folder a path lies."""
    known = False
    if path.startswith("lambdas/base/"):
        for unit in workspace.lambdas:
            reasons.add("lambdas", unit.name, f"{path}: the base of all lambdas")
        known = True
    for kind in ("services", "lambdas"):
        for unit in getattr(workspace, kind):
            if path.startswith(f"{unit.path}/"):
                reasons.add(kind, unit.name, path)
                known = True
    if path.startswith("infra/"):
        stack = re.match(r"^Pulumi\.([^/]+)\.ya?ml\Z", posixpath.basename(path))
        for unit in workspace.stacks:
            if stack is None or stack[1] == unit.name:
                reasons.add("stacks", unit.name, path)
        known = True
    return known


class Owners:
    """Which package a path lies in: the innermost of those whose folders are around it.

    A package at the root owns its code and tests through the import graph; other files there
    are everybody's, unless it is the only package.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Lay the packages out by folder: there may be a thousand, and more paths than that."""
        self._by_path = {package.path: package for package in workspace.packages}
        root = self._by_path.pop(".", None)
        self._otherwise = None if self._by_path else root

    def of(self, path: str) -> Package | None:
        """Return the package that a path lies in, if there is one."""
        folder = path.rpartition("/")[0]
        while folder:
            found = self._by_path.get(folder)
            if found is not None:
                return found
            folder = folder.rpartition("/")[0]
        return self._otherwise


def matches(path: str, glob: str) -> bool:
    """Tell whether a path matches a glob, read from the workspace root.

    `*`, `?` and `[...]` stand for what is within one part of the path, `**` for any number of
    parts, and a slash at the end for all below a folder.
    """
    return _compiled(glob).fullmatch(path) is not None


@functools.lru_cache(maxsize=256)
def _compiled(glob: str) -> re.Pattern[str]:
    glob = glob.removeprefix("./").removeprefix("/")
    glob += "**" if glob.endswith("/") else ""
    pattern = ""
    position = 0
    while position < len(glob):
        one = _ONE_OF.match(glob, position)
        if glob.startswith("**/", position):
            pattern += "(?:[^/]+/)*"
            position += 3
        elif glob.startswith("**", position):
            pattern += ".*"
            position += 2
        elif one is not None:
            pattern += f"(?!/){_translated(one[0])}"
            position = one.end()
        else:
            char = glob[position]
            pattern += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
            position += 1
    return re.compile(pattern, re.DOTALL)


def _translated(one_of: str) -> str:
    """Return `[...]` as a regular expression, read as by the globs of workspace members."""
    inner = one_of[1:-1].removeprefix("!")
    ranges = [
        f"{re.escape(low)}-{re.escape(high)}" if high else re.escape(low)
        for low, high in _RANGE.findall(inner)
        if not high or low <= high
    ]
    if not ranges:  # nothing lies between z and a
        return "(?!)" if inner == one_of[1:-1] else "."
    return f"[{'' if inner == one_of[1:-1] else '^'}{''.join(ranges)}]"


def _selection(
    workspace: Workspace, evidence: Evidence, reasons: _Reasons, paths: Sequence[str]
) -> Selection:
    everything = tuple(reasons.everything)
    packages = [
        Item(
            name=workspace.session_id(package),
            path=package.path,
            reasons=reasons.of("packages", package.name) + everything,
        )
        for package in workspace.packages
    ]
    by_path = {item.path: item.reasons for item in packages}

    def units(kind: str) -> tuple[Item, ...]:
        return tuple(
            Item(
                name=unit.name,
                path=unit.path,
                reasons=_merged(
                    reasons.of(kind, unit.name), by_path.get(unit.path, ()), everything
                ),
            )
            for unit in getattr(workspace, kind)
        )

    strategies = {package.path for package in workspace.strategies}
    return Selection(
        everything=everything,
        packages=tuple(packages),
        services=units("services"),
        lambdas=units("lambdas"),
        strategies=tuple(item for item in packages if item.path in strategies),
        stacks=units("stacks"),
        docs=_merged(tuple(reasons.docs), everything),
        sessions=evidence.sessions,
        changed=tuple(paths),
    )


def _merged(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for group in groups for reason in group))

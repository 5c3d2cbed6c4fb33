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

from tradai_tasks.settings import AffectedSettings
from tradai_tasks.workspace import Package, Workspace

__all__ = [
    "Evidence",
    "Item",
    "Selection",
    "counting",
    "is_for_readers",
    "matches",
    "owner_of",
    "select",
]

_ONE_OF = re.compile(r"\[!?\]?[^\]]*\]")  # one of some characters; `]` may be the first
_RANGE = re.compile(r"(.)(?:-(.))?", re.DOTALL)
_DOC_FILE = re.compile(r"^(mkdocs\.ya?ml|[^/]+\.(md|rst)|(LICEN[CS]E|NOTICE|AUTHORS)[^/]*)$")
# Folders and files at the root that only the contract and integration sessions read.
_ROOT_TESTS = re.compile(r"^((tests?/.*)|((docker-)?compose[^/]*\.ya?ml))$")


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
    for path in paths:
        _weigh(path, workspace, before, evidence, reasons)
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


def _weigh(
    path: str,
    workspace: Workspace,
    before: Workspace | None,
    evidence: Evidence,
    reasons: _Reasons,
) -> None:
    """Note what one changed path affects by where it lies."""
    known = _by_glob(path, workspace, reasons)
    known |= _unit(path, workspace, reasons)
    owner = owner_of(path, workspace)
    if owner is None and before is not None:
        owner = owner_of(path, before)
    if owner is not None:
        reasons.add("packages", owner.name, path)
        known = True
    if path == "docs" or path.startswith("docs/") or _DOC_FILE.match(path):
        reasons.docs[path] = None
        known = True
    known |= path in evidence.accounted
    known |= posixpath.basename(path) in {"uv.lock", "pyproject.toml"} and _of_project(
        path, workspace, before
    )
    if path.startswith(".github/"):
        reasons.everything[f"{path}: part of the CI itself"] = None
    elif not (known or _ROOT_TESTS.match(path)):
        reasons.everything[f"{path}: belongs to nothing known"] = None


def _of_project(path: str, workspace: Workspace, before: Workspace | None) -> bool:
    """Tell whether a lock or project file is one whose content is compared as data."""
    folder = posixpath.dirname(path) or "."
    projects = {*workspace.projects, *(before.projects if before else ())}
    return folder in projects


def _by_glob(path: str, workspace: Workspace, reasons: _Reasons) -> bool:
    known = False
    for package in workspace.packages:
        for glob in package.settings.also_affected_by:
            if matches(path, glob):
                reasons.add("packages", package.name, f"{path} (also-affected-by {glob!r})")
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
        stack = re.match(r"^Pulumi\.([^/]+)\.ya?ml$", posixpath.basename(path))
        for unit in workspace.stacks:
            if stack is None or stack[1] == unit.name:
                reasons.add("stacks", unit.name, path)
        known = True
    return known


def owner_of(path: str, workspace: Workspace) -> Package | None:
    """Return the package in whose folder a path lies, the innermost of several.

    A package at the root owns its code and tests through the import graph; other files there
    are everybody's.
    """
    held = [
        package
        for package in workspace.packages
        if package.path != "." and path.startswith(f"{package.path}/")
    ]
    if not held and len(workspace.packages) == 1 and workspace.packages[0].path == ".":
        return workspace.packages[0]
    return max(held, key=lambda package: len(package.path), default=None)


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

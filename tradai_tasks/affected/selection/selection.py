"""Decide from all evidence of a change what it affects, and why.

One rule holds throughout: a path affects everything unless it is known what it affects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from tradai_tasks.affected.selection.path_rules import PathRules, Reasons
from tradai_tasks.files.path_globs import GlobSet
from tradai_tasks.settings.model import AffectedSettings
from tradai_tasks.workspace.discovery import Workspace

_ENDS = 3  # steps that are shown at each end of a long chain
_MOST_REASONS = 20  # of one package, from what is declared


class ChangeEvidence(msgspec.Struct, kw_only=True):
    """What is known so far of a change. Paths are POSIX, from the workspace root."""

    paths: tuple[str, ...]  # changed, both ends of a move
    explained: frozenset[str] = frozenset()  # packages and units of which every reason is wanted
    # from the import graph: package or unit -> shortest chain of paths, changed file first; the key
    # of a unit is its kind and its name, as in "lambdas:tick"
    chains: Mapping[str, tuple[str, ...]] = {}
    # finds every file that the change reaches, nearest first, each with the one that it loads
    reached: Callable[[], Mapping[str, str | None]] = dict
    # changed paths outside any package that the import graph accounts for
    accounted: frozenset[str] = frozenset()
    # changed paths that affect nothing by where they lie: all they affect is in this evidence
    settled: set[str] = set()
    searched: set[str] = set()  # changed paths whose readers are looked for by name
    # packages and units that lock files, project files and Dockerfiles name, each with reasons
    declared: dict[str, dict[str, None]] = {}
    # reasons for which everything is affected
    everything: list[str] = []
    # changed paths that the documentation is made from though they lie elsewhere
    docs: tuple[str, ...] = ()
    # sessions that changed tool settings select for all packages, each with the reason; tests
    # are selected package by package
    sessions: dict[str, str] = {}
    # package -> its sessions that its own settings select, each with the reason
    own_sessions: dict[str, dict[str, str]] = {}

    @property
    def bearing(self) -> set[str]:
        """What the change touches or reaches, as it stands in chains."""
        return {*self.paths, *(step for steps in self.chains.values() for step in steps)}

    def declare(self, name: str, reason: str) -> None:
        """Add a reason; a thousand changed packages would give a thousand others each of them."""
        reasons = self.declared.setdefault(name, {})
        if len(reasons) < _MOST_REASONS or self.is_explained(name):
            reasons[reason] = None
        elif reason not in reasons:
            reasons[f"and more, which --explain {name.rpartition(':')[2]} lists"] = None

    def is_explained(self, name: str) -> bool:
        """Tell whether every reason is wanted for a package or unit."""
        return name.rpartition(":")[2] in self.explained


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A package, service, lambda, strategy or stack, and why it is affected."""

    name: str
    path: str
    reasons: tuple[str, ...] = ()  # its own
    # steps from a changed file to a file of it, as in `b.py:3 (import)`; one reason has them joined
    chain: tuple[str, ...] = ()
    sessions: Mapping[str, str] = {}  # sessions to run though it is not affected, with the reason
    everything: tuple[str, ...] = ()  # why everything is affected, one object for all items

    @property
    def affected(self) -> bool:
        """Whether the change affects it."""
        return bool(self.reasons or self.everything)


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What a change affects."""

    everything: tuple[str, ...]  # why everything is affected; empty when it is not
    packages: tuple[Item, ...]
    services: tuple[Item, ...]
    lambdas: tuple[Item, ...]
    strategies: tuple[Item, ...]
    stacks: tuple[Item, ...]
    docs: tuple[str, ...]  # why the documentation is affected
    sessions: Mapping[str, str]  # sessions selected for all packages by changed tool settings
    unread: frozenset[str] = frozenset()  # changed paths that affect only what names them
    changed: tuple[str, ...]  # the changed paths that count

    def affected(self, kind: str) -> tuple[str, ...]:
        """Return the names of what is affected of one kind, such as `"packages"`."""
        items: tuple[Item, ...] = getattr(self, kind)
        return tuple(item.name for item in items if item.affected)


def select(
    workspace: Workspace,
    before: Workspace | None,
    evidence: ChangeEvidence,
    settings: AffectedSettings,
) -> Selection:
    """Decide what a change affects."""
    paths = paths_that_count(evidence.paths, settings)
    reasons = Reasons()
    for reason in evidence.everything:
        reasons.everything[reason] = None
    PathRules(workspace, before, evidence, reasons).apply(paths)
    kept = set(paths)
    for name, chain in evidence.chains.items():
        # for a file of the stacks, its name says which stack it belongs to
        if chain[0] in kept and not (name == "stacks:" and len(chain) == 1):
            steps = chain if evidence.is_explained(name) else shortened(chain)
            reasons.add_for_member(name, " <- ".join(steps), workspace)
    for path in evidence.docs:
        if path in kept:
            reasons.docs[path] = None
    for name, why in evidence.declared.items():
        for reason in why:
            reasons.add_for_member(name, reason, workspace)
    for name, sessions in evidence.own_sessions.items():
        if "test" in sessions:
            reasons.add("packages", name, sessions["test"])
    if "docs" in evidence.sessions:
        reasons.docs[evidence.sessions["docs"]] = None
    return _make_selection(workspace, evidence, reasons, paths)


def shortened(chain: Sequence[str]) -> Sequence[str]:
    """Return the first and the last steps of a chain, with a count of those between."""
    cut = len(chain) - 2 * _ENDS
    return [*chain[:_ENDS], f"({cut} more)", *chain[-_ENDS:]] if cut > 1 else chain


def paths_that_count(paths: Iterable[str], settings: AffectedSettings) -> tuple[str, ...]:
    """Return the changed paths that no setting says to ignore."""
    ignored = GlobSet(settings.ignore)
    return tuple(path for path in paths if not any(ignored.matching(path)))


def _make_selection(
    workspace: Workspace, evidence: ChangeEvidence, reasons: Reasons, paths: Sequence[str]
) -> Selection:
    everything = tuple(reasons.everything)
    kept = set(paths)
    chains = {name: chain for name, chain in evidence.chains.items() if chain[0] in kept}
    packages = [
        Item(
            name=workspace.session_id(package),
            path=package.path,
            reasons=reasons.of("packages", package.name),
            chain=chains.get(package.name, ()),
            sessions=evidence.own_sessions.get(package.name, {}),
            everything=everything,
        )
        for package in workspace.packages
    ]
    by_path = {item.path: item.reasons for item in packages}

    def units(kind: str) -> tuple[Item, ...]:
        return tuple(
            Item(
                name=unit.name,
                path=unit.path,
                reasons=_merged(reasons.of(kind, unit.name), by_path.get(unit.path, ())),
                chain=chains.get(f"{kind}:{unit.name}", ()),
                everything=everything,
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
        unread=frozenset(evidence.settled),
        changed=tuple(paths),
    )


def _merged(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for group in groups for reason in group))

"""Analyse a change: read both ends of its range, and select what it affects.

This module reads what the decisions need. The decisions are those of `selection.select`.
"""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec

from tradai_tasks.affected.graph.fact_cache import Cache
from tradai_tasks.affected.graph.graph_builder import build_both
from tradai_tasks.affected.graph.import_graph import ImportGraph, unite
from tradai_tasks.affected.revisions.changed_paths import ChangedPath, changed_paths
from tradai_tasks.affected.revisions.commit_range import CommitRange, commit_range
from tradai_tasks.affected.rules.catalog import RuleSet
from tradai_tasks.affected.rules.edge_rule import EdgeRule
from tradai_tasks.affected.selection.evidence_collector import EvidenceCollector
from tradai_tasks.affected.selection.members import SHAPING, workspace_edges
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.selection import ChangeEvidence, Selection, select
from tradai_tasks.errors import TasksError, WorkTreeChangedError
from tradai_tasks.files.cache_folder import CacheFolder, cache_folder
from tradai_tasks.repository import Repository
from tradai_tasks.settings.load import load_settings
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_records import NO_COMMIT
from tradai_tasks.vcs.snapshot import CommitSnapshot, WorktreeSnapshot
from tradai_tasks.vcs.snapshot_tree import SnapshotTree
from tradai_tasks.vcs.work_tree import WorkTree, look, tree_before
from tradai_tasks.workspace.discovery import Workspace, discover

_RETRIES = 2  # where a file is saved while it is being read


class ChangeAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """What a change affects, with what that was decided from."""

    span: CommitRange
    selection: Selection
    edges: tuple[tuple[str, str], ...] = ()  # package -> package it declares, by session id
    warnings: tuple[str, ...] = ()
    reached: Callable[[], Mapping[str, str | None]] = dict  # as the evidence has it
    graph: ImportGraph | None = None  # None where no file had to be looked into
    other_head: Revision | None = None  # the head, where the work tree is not at the head


def analyse_change(  # noqa: PLR0913 - the repository, the event and the user's options
    repository: Repository,
    env: Mapping[str, str],
    *,
    base: str | None = None,
    head: str | None = None,
    with_graph: bool = False,
    explain: str | None = None,
    edge_rules: Sequence[EdgeRule] = (),
) -> ChangeAnalysis:
    """Find what a change affects.

    Args:
        repository: The repository as it is on disk, in a git work tree.
        env: The environment, where CI describes its event.
        base: Revision to compare with, in place of the event's.
        head: Revision to compare, in place of HEAD and the work tree.
        with_graph: Build the import graph even where no change needs it.
        explain: Name of a package or unit of which every reason is wanted, in full.
        edge_rules: Rules that the noxfile adds.

    Raises:
        TasksError: git, a revision, or a file at the head of the range is at fault.
    """
    rules = RuleSet(repository.settings.affected.rules_off, edge_rules)
    folder = cache_folder(env)

    def once() -> ChangeAnalysis:
        git = Git.open(repository.root, env)
        slugs = [package.slug for package in repository.workspace.strategies]
        span = commit_range(git, env, base=base, head=head, slugs=slugs)
        cache = partial(_cache, repository.root, folder, rules)
        return _analyse(repository, git, span, cache, explain=explain, with_graph=with_graph)

    for _ in range(_RETRIES):
        with contextlib.suppress(WorkTreeChangedError):
            return once()
    return once()


def _analyse(  # noqa: PLR0913 - the repository, the range and the user's options
    repository: Repository,
    git: Git,
    span: CommitRange,
    open_cache: Callable[[], Cache],
    *,
    explain: str | None,
    with_graph: bool,
) -> ChangeAnalysis:
    with ThreadPoolExecutor(2) as side:  # git lists files while the cache is being read
        status = side.submit(git.status) if span.worktree else None
        committed = side.submit(git.diff, span.base, span.head) if span.base else None
        listed = side.submit(CommitSnapshot, git, span.base) if span.base and not status else None
        cache = open_cache()
        work = look(git, status) if status else None
        after = _head_revision(git, span, repository, work)
    moved = committed.result() if committed else []
    before, graph = None, None
    if span.strategy is not None:
        of = next(one for one in after.workspace.strategies if one.slug == span.strategy)
        evidence = ChangeEvidence(paths=(), declared={of.name: {span.why: None}})
    else:
        now = work.status if work else ()
        changed = () if span.everything else changed_paths(git, span, now, moved)
        base_files = listed.result() if listed else None
        if span.base and work:
            base_files = CommitSnapshot(git, span.base, tree_before(work, moved))
        faults = [one.fault for one in (after.snapshot, base_files) if one and changed]
        before, fault = _base_revision(base_files, after if _keeps_shape(changed) else None)
        whole = dict.fromkeys([span.why if span.everything else None, fault, *faults])
        evidence = ChangeEvidence(
            paths=tuple(change.path for change in changed),
            explained=_names_of(explain, after.workspace),
            everything=[*filter(None, whole)],
        )
        collector = EvidenceCollector(evidence, before, after, repository.settings)
        collector.compare()
        if with_graph or (changed and not evidence.everything):
            graph = _graph(before, after, cache)
        collector.look_into(graph)
    older = before.workspace if before else None
    return ChangeAnalysis(
        span=span,
        selection=select(after.workspace, older, evidence, repository.settings.affected),
        edges=workspace_edges(after.workspace),
        warnings=(*filter(None, [cache.fault]), *graph.warnings(evidence.bearing)) if graph else (),
        reached=evidence.reached,
        graph=graph,
        other_head=None if after.workspace is repository.workspace else after,
    )


def _head_revision(
    git: Git, span: CommitRange, repository: Repository, work: WorkTree | None
) -> Revision:
    """Return the head: the repository on disk, where the range ends with that.

    A sparse checkout does not count: packages that are in the commit may not be on disk.
    """
    if span.head == NO_COMMIT:
        return Revision(snapshot=WorktreeSnapshot(git), workspace=repository.workspace)
    in_place = span.worktree
    snapshot = WorktreeSnapshot(git, work) if in_place else CommitSnapshot(git, span.head)
    if (in_place or span.head == git.commit("HEAD")) and not git.is_sparse():
        return Revision(snapshot=snapshot, workspace=repository.workspace)
    tree = SnapshotTree(snapshot)
    settings = load_settings(tree).settings
    found = discover(tree, settings, settings_file=repository.settings_file)
    return Revision(snapshot=snapshot, workspace=found, settings=settings)


def _keeps_shape(changed: Iterable[ChangedPath]) -> bool:
    """Tell whether both ends have the same files, packages and locks, only other contents."""
    return all(
        change.kind in {"modified", "mode-changed"}
        and posixpath.basename(change.path) not in SHAPING
        for change in changed
    )


def _base_revision(
    snapshot: CommitSnapshot | None, same_shape: Revision | None
) -> tuple[Revision | None, str | None]:
    """Return the base, or the reason why the repository cannot be read there."""
    if snapshot is None:
        return None, None
    if same_shape is not None:
        return Revision(
            snapshot=snapshot, workspace=same_shape.workspace, same_shape=same_shape
        ), None
    tree = SnapshotTree(snapshot)
    try:
        loaded = load_settings(tree)
        workspace = discover(tree, loaded.settings, settings_file=loaded.file)
    except TasksError as error:
        return None, f"the repository at the base cannot be read: {error}".replace("\n", "; ")
    return Revision(snapshot=snapshot, workspace=workspace), None


def _graph(before: Revision | None, after: Revision, cache: Cache) -> ImportGraph:
    """Build the import graph of both ends."""
    if before is not None and before.same_shape is after:
        graph = build_both(
            after.snapshot, before.snapshot, after.members(cache), cache=cache, rules=cache.rules
        )
    else:
        graph = after.graph(cache)
        graph = graph if before is None else unite(graph, before.graph(cache))
    cache.save()
    return graph


def _names_of(explain: str | None, workspace: Workspace) -> frozenset[str]:
    """Return a name that the user gives, with the package's own that goes by it in sessions."""
    packages = {package.name: workspace.session_id(package) for package in workspace.packages}
    return frozenset({explain or "", *(name for name in packages if packages[name] == explain)})


def _cache(root: Path, folder: Path, rules: RuleSet) -> Cache:
    """Return the cache of this checkout; what is in it goes by content alone."""
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Cache(CacheFolder(folder), digest, rules)

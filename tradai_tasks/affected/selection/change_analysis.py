"""Analyse a change: read both ends of its range, and select what it affects.

This module reads what the decisions need. The decisions are those of `selection.select`.
"""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
from collections.abc import Iterable, Mapping, Sequence
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
from tradai_tasks.affected.selection.file_rules import Findings
from tradai_tasks.affected.selection.members import (
    SHAPING,
    workspace_edges,
)
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.selection import ChangeEvidence, Selection, select
from tradai_tasks.errors import TasksError, WorkTreeChangedError
from tradai_tasks.files.cache_folder import CacheFolder, cache_folder
from tradai_tasks.settings.load import load_settings
from tradai_tasks.settings.model import Settings
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
    graph: ImportGraph | None = None  # None where no file had to be looked into
    other_head: Revision | None = None  # the head, where the work tree is not at the head


def analyse_change(  # noqa: PLR0913 - the repository, the event and the user's options
    *,
    root: Path,
    settings: Settings,
    settings_file: str,
    workspace: Workspace,
    env: Mapping[str, str],
    base: str | None = None,
    head: str | None = None,
    with_graph: bool = False,
    explain: str | None = None,
    edge_rules: Sequence[EdgeRule] = (),
) -> ChangeAnalysis:
    """Find what a change affects.

    Args:
        root: The workspace root, in a git work tree.
        settings: The repository's settings.
        settings_file: The file that they are in, for messages.
        workspace: The repository as it is on disk.
        env: The environment, where CI describes its event.
        base: Revision to compare with, in place of the event's.
        head: Revision to compare, in place of HEAD and the work tree.
        with_graph: Build the import graph even where no change needs it.
        explain: Name of a package or unit of which every reason is wanted, in full.
        edge_rules: Rules that the noxfile adds.

    Raises:
        TasksError: git, a revision, or a file at the head of the range is at fault.
    """
    cache_at = cache_folder(env)
    once = partial(
        _find_once,
        root=root,
        settings=settings,
        settings_file=settings_file,
        workspace=workspace,
        env=env,
        base=base,
        head=head,
        with_graph=with_graph,
        explain=explain,
        cache_at=cache_at,
        rules=RuleSet(settings.affected.rules_off, edge_rules),
    )
    for _ in range(_RETRIES):
        with contextlib.suppress(WorkTreeChangedError):
            return once()
    return once()


def _find_once(  # noqa: PLR0913 - as `analyse_change`
    *,
    root: Path,
    settings: Settings,
    settings_file: str,
    workspace: Workspace,
    env: Mapping[str, str],
    base: str | None,
    head: str | None,
    with_graph: bool,
    explain: str | None,
    cache_at: Path,
    rules: RuleSet,
) -> ChangeAnalysis:
    git = Git.open(root, env)
    slugs = [package.slug for package in workspace.strategies]
    span = commit_range(git, env, base=base, head=head, slugs=slugs)
    with ThreadPoolExecutor(2) as side:  # git lists files while the cache is being read
        status = side.submit(git.status) if span.worktree else None
        committed = side.submit(git.diff, span.base, span.head) if span.base else None
        listed = side.submit(CommitSnapshot, git, span.base) if span.base and not status else None
        cache = _cache(root, cache_at, rules)
        work = look(git, status) if status else None
        after = _head_revision(git, span, workspace, settings_file, work)
    moved = committed.result() if committed else []
    graph, bearing = None, set[str]()  # files that the change touches or reaches
    if span.strategy is not None:
        selection = _only_strategy(after.workspace, span, settings)
    else:
        status_now = work.status if work else ()
        changed = () if span.everything else changed_paths(git, span, status_now, moved)
        base_files = listed.result() if listed else None
        if span.base and work:
            base_files = CommitSnapshot(git, span.base, tree_before(work, moved))
        faults = [one.fault for one in (after.snapshot, base_files) if one and one.fault]
        before, fault = _base_revision(base_files, after if _keeps_shape(changed) else None)
        explained = _names_of(explain, after.workspace)
        collector = EvidenceCollector(
            paths=tuple(change.path for change in changed),
            before=before,
            after=after,
            settings=settings,
            findings=Findings(
                everything=[
                    *([span.why] if span.everything else []),
                    *([fault] if fault else []),
                    *(dict.fromkeys(faults) if changed else []),
                ],
                explained=explained,
            ),
        )
        collector.compare()
        if with_graph or (changed and not collector.findings.everything):
            graph = _graph(collector, cache)
        evidence = collector.evidence(graph)
        bearing = {*evidence.paths, *(step for steps in evidence.chains.values() for step in steps)}
        selection = select(
            after.workspace,
            before.workspace if before else None,
            evidence,
            settings.affected,
            explained,
        )
    return ChangeAnalysis(
        span=span,
        selection=selection,
        edges=workspace_edges(after.workspace),
        warnings=(
            *([cache.fault] if graph and cache.fault else []),
            *(graph.warnings(bearing) if graph else ()),
        ),
        graph=graph,
        other_head=None if after.workspace is workspace else after,
    )


def _head_revision(
    git: Git,
    span: CommitRange,
    workspace: Workspace,
    settings_file: str,
    work: WorkTree | None,
) -> Revision:
    """Return the head: the repository on disk, where the range ends with that.

    A sparse checkout does not count: packages that are in the commit may not be on disk.
    """
    if span.head == NO_COMMIT:
        return Revision(snapshot=WorktreeSnapshot(git), workspace=workspace)
    in_place = span.worktree
    snapshot = WorktreeSnapshot(git, work) if in_place else CommitSnapshot(git, span.head)
    if (in_place or span.head == git.commit("HEAD")) and not git.is_sparse():
        return Revision(snapshot=snapshot, workspace=workspace)
    tree = SnapshotTree(snapshot)
    settings = load_settings(tree).settings
    found = discover(tree, settings, settings_file=settings_file)
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


def _graph(collector: EvidenceCollector, cache: Cache) -> ImportGraph:
    """Build the import graph of both ends."""
    before, after = collector.before, collector.after
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


def _only_strategy(workspace: Workspace, span: CommitRange, settings: Settings) -> Selection:
    name = next(p.name for p in workspace.strategies if p.slug == span.strategy)
    evidence = ChangeEvidence(paths=(), declared={name: (span.why,)})
    return select(workspace, None, evidence, settings.affected)

"""From a repository and an event to a selection: reads what the decisions need, decides nothing."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tradai_tasks.affected.building import is_build_input
from tradai_tasks.affected.cache import Cache, cache_folder
from tradai_tasks.affected.diff import ChangedPath, changed_paths
from tradai_tasks.affected.event import CommitRange, commit_range
from tradai_tasks.affected.git import NO_COMMIT, Git, StatusEntry
from tradai_tasks.affected.imports import ImportGraph, build_both, build_graph, unite
from tradai_tasks.affected.lockfile import compare_locks
from tradai_tasks.affected.members import (
    SHAPING,
    closures,
    dependents_of,
    import_members,
    root_group_users,
    shape_of,
    workspace_edges,
)
from tradai_tasks.affected.model import Member
from tradai_tasks.affected.pyproject import compare_root, compare_root_file
from tradai_tasks.affected.select import Evidence, Selection, counting, owner_of, select
from tradai_tasks.affected.snapshot import CommitSnapshot, SnapshotTree, WorktreeSnapshot
from tradai_tasks.affected.unseen import unseen_reasons
from tradai_tasks.errors import TasksError
from tradai_tasks.layout import layout_of
from tradai_tasks.settings import Settings
from tradai_tasks.settings_load import load_settings
from tradai_tasks.tree import join
from tradai_tasks.workspace import Workspace, discover

__all__ = ["End", "Found", "find"]


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of the commit range: its files, and the repository that they make."""

    snapshot: CommitSnapshot | WorktreeSnapshot
    workspace: Workspace
    like: End | None = None  # the other end, where both have the same packages and locks
    settings: Settings | None = None  # where they were read from git

    @cached_property
    def tree(self) -> SnapshotTree:
        """The files as a tree."""
        return SnapshotTree(self.snapshot)

    @cached_property
    def closures(self) -> Mapping[str, frozenset[str]]:
        """Which packages each package can import, itself included."""
        return self.like.closures if self.like else closures(self.tree, self.workspace)

    def members(self, cache: Cache) -> tuple[Member, ...]:
        """Return the packages as the import graph takes them: from the cache where it has them."""
        if self.like:
            return self.like.members(cache)
        shape = shape_of(self.snapshot.blobs, self.snapshot.links, self.workspace)
        known = cache.get_members(shape) if shape else None
        if known is None:
            known = import_members(self.tree, self.workspace, self.closures)
            if shape:
                cache.put_members(shape, known)
        return known

    def graph(self, cache: Cache) -> ImportGraph:
        """Build the import graph of this end."""
        return build_graph(self.snapshot, self.members(cache), cache=cache)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A selection with what it was made from."""

    span: CommitRange
    selection: Selection
    edges: tuple[tuple[str, str], ...] = ()  # package -> package it declares, by session id
    warnings: tuple[str, ...] = ()
    graph: ImportGraph | None = None  # None where no file had to be looked into
    elsewhere: End | None = None  # the head, where the disk holds another repository


def find(  # noqa: PLR0913 - the repository, the event and the user's word
    *,
    root: Path,
    settings: Settings,
    settings_file: str,
    workspace: Workspace,
    env: Mapping[str, str],
    base: str | None = None,
    head: str | None = None,
    with_graph: bool = False,
) -> Found:
    """Say what a change affects.

    Args:
        root: The workspace root, in a git work tree.
        settings: The repository's settings.
        settings_file: The file they stand in, for messages.
        workspace: The repository as it is on disk.
        env: The environment, where CI describes its event.
        base: Revision to compare with, in place of the event's.
        head: Revision to compare, in place of HEAD and the work tree.
        with_graph: Build the import graph even where no change needs it.

    Raises:
        TasksError: git, a revision, or a file at the head of the range is at fault.
    """
    git = Git.open(root, env)
    slugs = [package.slug for package in workspace.strategies]
    span = commit_range(git, env, base=base, head=head, slugs=slugs)
    with ThreadPoolExecutor(1) as side:  # git lists the base while the head is being read
        listed = side.submit(CommitSnapshot, git, span.base) if span.base else None
        status = git.status() if span.worktree else []
        after = _head_end(git, span, workspace, settings_file, status)
    edges = workspace_edges(after.workspace)
    elsewhere = None if after.workspace is workspace else after
    if span.strategy is not None:
        selection = _only_strategy(after.workspace, span, settings)
        return Found(span=span, selection=selection, edges=edges, elsewhere=elsewhere)
    changed = () if span.everything else changed_paths(git, span, status)
    paths = tuple(change.path for change in changed)
    before, fault = _base_end(
        listed.result() if listed else None, after if _keeps_shape(changed) else None
    )
    gathered = _Gathered(
        paths=paths,
        before=before,
        after=after,
        settings=settings,
        everything=[*([span.why] if span.everything else []), *([fault] if fault else [])],
    )
    gathered.compare()
    graph = None
    if with_graph or (paths and not gathered.everything):
        graph = _graph(before, after, _cache(root, env))
    selection = select(
        after.workspace,
        before.workspace if before else None,
        gathered.evidence(graph),
        settings.affected,
    )
    return Found(
        span=span,
        selection=selection,
        edges=edges,
        warnings=tuple(graph.warnings) if graph else (),
        graph=graph,
        elsewhere=elsewhere,
    )


def _head_end(
    git: Git,
    span: CommitRange,
    workspace: Workspace,
    settings_file: str,
    status: Iterable[StatusEntry],
) -> End:
    """Return the head; the repository on disk where that is what the range ends with.

    A sparse checkout leaves packages off the disk that are there all the same.
    """
    if span.head == NO_COMMIT:
        return End(snapshot=WorktreeSnapshot(git), workspace=workspace)
    in_place = span.worktree
    snapshot = WorktreeSnapshot(git, status) if in_place else CommitSnapshot(git, span.head)
    if (in_place or span.head == git.commit("HEAD")) and not git.is_sparse():
        return End(snapshot=snapshot, workspace=workspace)
    tree = SnapshotTree(snapshot)
    settings = load_settings(tree).settings
    found = discover(tree, settings, settings_file=settings_file)
    return End(snapshot=snapshot, workspace=found, settings=settings)


def _keeps_shape(changed: Iterable[ChangedPath]) -> bool:
    """Tell whether both ends have the same files, packages and locks, only other contents."""
    return all(
        change.kind in {"modified", "mode-changed"}
        and posixpath.basename(change.path) not in SHAPING
        for change in changed
    )


def _base_end(snapshot: CommitSnapshot | None, like: End | None) -> tuple[End | None, str | None]:
    """Return the base, or why the repository cannot be read there."""
    if snapshot is None:
        return None, None
    if like is not None:
        return End(snapshot=snapshot, workspace=like.workspace, like=like), None
    tree = SnapshotTree(snapshot)
    try:
        loaded = load_settings(tree)
        workspace = discover(tree, loaded.settings, settings_file=loaded.file)
    except TasksError as error:
        return None, f"the repository at the base cannot be read: {error}".replace("\n", "; ")
    return End(snapshot=snapshot, workspace=workspace), None


@dataclass(kw_only=True)
class _Gathered:
    """Evidence as it comes in, from both ends of the range."""

    paths: tuple[str, ...]
    before: End | None
    after: End
    settings: Settings
    everything: list[str]
    declared: dict[str, list[str]] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)

    def evidence(self, graph: ImportGraph | None) -> Evidence:
        """Return all of it, with what the import graph adds."""
        accounted = self._of_root()
        if graph is not None:
            accounted |= graph.accounted(self.paths)
            self._units(graph)
        return Evidence(
            paths=self.paths,
            chains=self._chains(graph) if graph else {},
            accounted=accounted,
            declared={name: tuple(reasons) for name, reasons in self.declared.items()},
            everything=tuple(self.everything),
            sessions=self.sessions,
        )

    def _chains(self, graph: ImportGraph) -> dict[str, tuple[str, ...]]:
        """Return what the import graph says, of links to what has changed too.

        Paths to ignore are left out before: each package's chain begins with a path that counts.
        """
        paths = counting(self.paths, self.settings.affected)
        links = self.after.snapshot.links_to(paths)
        if self.before is not None:
            links = self.before.snapshot.links_to(paths) | links
        chains = graph.affected_by([*paths, *links])
        return {
            name: (links[chain[0]], *chain) if chain[0] in links else chain
            for name, chain in chains.items()
        }

    def _of_root(self) -> frozenset[str]:
        """Return the changed paths in code and tests of a package at the root."""
        ends = [end for end in (self.after, self.before) if end is not None]
        folders = tuple({f"{folder}/" for end in ends for folder in root_folders(end)})
        return frozenset(path for path in self.paths if path.startswith(folders))

    def _units(self, graph: ImportGraph) -> None:
        """What a package installs is there for each service or lambda that imports the package."""
        files = [path for path, owner in graph.owners.items() if owner in self.declared]
        for name, chain in graph.affected_by(files).items():
            owner = graph.owner_of(chain[0])
            if name.startswith(("services:", "lambdas:")) and owner in self.declared:
                self._declare(name, f"{self.declared[owner][0]} <- {chain[-1]}")

    def compare(self) -> None:
        """Compare what is data at both ends: lock files, project files, settings of tools."""
        if self.before is not None:
            for project in sorted(
                {*self.before.workspace.projects, *self.after.workspace.projects}
            ):
                self._lock(self.before, project)
            self._root_files(self.before)
        for path in self.paths:
            self._project_file(path)
        snapshot = self.after.snapshot
        counted = counting(self.paths, self.settings.affected)
        for name, reason in unseen_reasons(
            self.after.workspace,
            snapshot.blobs.keys(),
            snapshot.submodules,
            counted,
            self.after.closures,
        ):
            self._declare(name, reason)

    def _lock(self, before: End, project: str) -> None:
        file = join(project, "uv.lock")
        held = [p for p in self.after.workspace.packages if p.project == project]
        if file not in self.paths or (project != "." and not held):
            return  # unchanged, or the project is gone and its packages with it
        after = self.after
        change = compare_locks(
            _content(before, file),
            _content(after, file),
            file=file,
            members=[package.name for package in held],
            root_users=root_group_users(after.tree, after.workspace, self.settings),
        )
        if change.everything and project == ".":
            self.everything.append(change.everything)
        elif change.everything:
            for package in held:
                self._declare(package.name, change.everything)
        for name, reason in change.members.items():
            self._declare(name, reason)

    def _root_files(self, before: End) -> None:
        for path in self.paths:
            change = compare_root_file(path)
            if path == "pyproject.toml":
                change = compare_root(_content(before, path), _content(self.after, path))
            if change is None:
                continue
            if change.everything:
                self.everything.append(change.everything)
            for session, reason in change.sessions.items():
                self.sessions.setdefault(session, reason)

    def _project_file(self, path: str) -> None:
        """What a package is built from, its pyproject.toml first, affects all that depend on it."""
        if path == "pyproject.toml":
            return
        for end in (self.after, self.before):
            owner = owner_of(path, end.workspace) if end else None
            if end is None or owner is None:
                continue
            inner = path if owner.path == "." else path.removeprefix(f"{owner.path}/")
            if inner != "pyproject.toml" and not is_build_input(inner):
                continue
            for name in dependents_of(owner.name, end.closures):
                own = name == owner.name
                self._declare(name, path if own else f"{path} <- {name} depends on {owner.name}")

    def _declare(self, name: str, reason: str) -> None:
        reasons = self.declared.setdefault(name, [])
        if reason not in reasons:
            reasons.append(reason)


def root_folders(end: End) -> tuple[str, ...]:
    """Return the folders of a package at the root that hold its code and its tests, and no other.

    Whether modules beside them are the package's is not certain.
    """
    for package in end.workspace.packages:
        if package.path == "." and package.is_installed:
            nested = frozenset(other.path for other in end.workspace.packages)
            layout = layout_of(end.tree, package, nested=nested)
            folders = [one.path for one in layout.imports if not one.path.endswith(".py")]
            return (*folders, *(path for path in layout.tests if not path.endswith(".py")))
    return ()


def _graph(before: End | None, after: End, cache: Cache) -> ImportGraph:
    if before is not None and before.like is after:
        graph = build_both(after.snapshot, before.snapshot, after.members(cache), cache=cache)
    else:
        graph = after.graph(cache)
        graph = graph if before is None else unite(graph, before.graph(cache))
    cache.save()
    return graph


def _cache(root: Path, env: Mapping[str, str]) -> Cache:
    """Return the cache of this checkout; what is in it goes by content alone."""
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Cache(cache_folder(env) / f"imports-{digest}.msgpack")


def _content(end: End, path: str) -> bytes | None:
    return end.tree.read(path) if end.tree.is_file(path) else None


def _only_strategy(workspace: Workspace, span: CommitRange, settings: Settings) -> Selection:
    name = next(p.name for p in workspace.strategies if p.slug == span.strategy)
    evidence = Evidence(paths=(), declared={name: (span.why,)})
    return select(workspace, None, evidence, settings.affected)

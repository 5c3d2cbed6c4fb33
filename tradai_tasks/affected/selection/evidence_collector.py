"""Collect the evidence of a change: locks, project files, Dockerfiles and the import graph."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial

import msgspec

from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.locks.lock_diff import compare_locks
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.selection.file_readers import readers_of
from tradai_tasks.affected.selection.file_rules import FileRules
from tradai_tasks.affected.selection.members import dependents_of, root_groups
from tradai_tasks.affected.selection.path_rules import HINT, PathRules, Reasons, grouped, summed
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.selection import ChangeEvidence, paths_that_count
from tradai_tasks.affected.selection.unowned_files import Reading, UnownedFiles
from tradai_tasks.files.dockerfile_copies import copied_sources
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_globs import GlobSet
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import Package


class EvidenceCollector(msgspec.Struct, dict=True):
    """Evidence from both ends of the range, as far as it is collected."""

    found: ChangeEvidence
    before: Revision | None
    after: Revision
    settings: Settings

    @property
    def _revisions(self) -> tuple[Revision, ...]:
        return (self.after,) if self.before is None else (self.after, self.before)

    @cached_property
    def _counted(self) -> tuple[str, ...]:
        return paths_that_count(self.found.paths, self.settings.affected)

    @cached_property
    def _links(self) -> Mapping[str, str]:
        """Symbolic links, and files behind links to folders, by the changed path they show."""
        found: dict[str, str] = {}
        for end in reversed(self._revisions):
            found |= end.snapshot.links_to(self._counted)
        return found

    @cached_property
    def _rules(self) -> FileRules:
        more = bool(self.settings.lint.commands)
        return FileRules(ends=self._revisions, found=self.found, has_commands=more)

    def look_into(self, graph: ImportGraph | None) -> None:
        """Add what the import graph says."""
        found = self.found
        found.accounted = self._in_root_package()
        unowned = Reading()
        if graph is not None:
            used = {path for path in found.paths if is_python(path) and self._is_used(graph, path)}
            found.accounted |= graph.accounted(found.paths) | used
            self._declare_units(graph)
            readers = readers_of(found.searched, found.settled, self.after, graph)
            unowned = self._unowned()
            found.chains = self._chains(graph, {**readers, **unowned.users})
        found.settled |= unowned.read
        found.docs = (*self._documented_modules(), *sorted(unowned.docs))

    def _unowned(self) -> Reading:
        """Find what reads the changed files that would affect everything by where they lie."""
        known, found = Reasons(), self.found
        before = self.before.workspace if self.before else None
        PathRules(self.after.workspace, before, found, known).apply(self._counted)
        if not known.unknown:
            return Reading()
        reading = UnownedFiles(self._revisions).reading(known.unknown)
        for path, file in reading.everything.items():
            found.everything.append(f"{path} (named by {file}); {HINT}")
        for session, reason in reading.sessions.items():
            found.sessions.setdefault(session, reason)
        return reading

    def _is_used(self, graph: ImportGraph, path: str) -> bool:
        """Tell whether a module is of a project that is installed by path, or a package loads it.

        A package at the root may load modules that lie beside its own.
        """
        if (graph.owner_of(path) or "").startswith("projects:"):
            return True
        users = (user for user, _ in graph.walk_users(path) if user != path)
        return any(end.owner_of(user) is not None for user in users for end in self._revisions)

    def _documented_modules(self) -> tuple[str, ...]:
        """Return the changed modules of packages, if mkdocstrings makes documentation from code."""
        text = self.after.content("mkdocs.yml") or self.after.content("mkdocs.yaml") or b""
        if b"mkdocstrings" not in text:
            return ()
        owners = self.after.owners
        return tuple(p for p in self.found.paths if is_python(p) and owners.of(p) is not None)

    def _chains(
        self, graph: ImportGraph, readers: Mapping[str, frozenset[str]]
    ) -> dict[str, tuple[str, ...]]:
        """Return the chains of the import graph, also from symbolic links to what has changed.

        Ignored paths are left out first, so that each chain begins with a path that counts.
        """
        paths = self._counted
        links = self._links
        read_only = self.found.settled.union(filter(self._rules.is_for_people, links))
        read = msgspec.structs.replace(
            graph, users={**graph.users, **readers}, read_only=frozenset(read_only)
        )
        self.found.reached = partial(read.reached, (*paths, *links))
        chains = read.reasons([*paths, *links])
        return {
            name: (links[chain[0]], *chain) if chain[0] in links else chain
            for name, chain in chains.items()
        }

    def _in_root_package(self) -> frozenset[str]:
        """Return the changed paths in code and tests of a package at the root."""
        return frozenset(
            path
            for path in self.found.paths
            if any(revision.owner_of(path) is not None for revision in self._revisions)
        )

    def _declare_units(self, graph: ImportGraph) -> None:
        """Pass reasons of packages on to services, lambdas and stacks that import them."""
        packages = self.found.declared.keys() & {one.name for one in self.after.workspace.packages}
        files = [path for path, owner in graph.owners.items() if owner in packages]
        for name, chain in graph.affected_by(files).items() if files else ():
            owner = graph.owner_of(chain[0])
            if name.startswith(("services:", "lambdas:", "stacks:")) and owner in packages:
                self.found.declare(name, f"{next(iter(self.found.declared[owner]))} <- {chain[-1]}")

    def compare(self) -> None:
        """Compare what is data at both ends, and judge files by what they are."""
        if self.before is not None:
            projects = {project for end in self._revisions for project in end.workspace.projects}
            for project in sorted(projects):
                self._compare_lock(self.before, project)
        for path in (*self._counted, *self._links):
            if path not in self.found.settled:
                self._rules.apply(path)
        self._rules.finish()
        self._compare_images(self._counted)
        for name, reason in unlisted_package_reasons(self.after, self._counted):
            self.found.declare(name, reason)

    def _compare_images(self, paths: Iterable[str]) -> None:
        """Declare services and lambdas whose Dockerfile copies changed paths.

        Of those that are packages, only by what does not count by where it lies.
        """
        for revision in self._revisions:
            packages = {package.path for package in revision.workspace.packages}
            units = [("services", unit) for unit in revision.workspace.services]
            units += [("lambdas", unit) for unit in revision.workspace.lambdas]
            copying: dict[str, list[tuple[str, str]]] = {}  # glob -> units, each with its file
            for kind, unit in units:
                file = join(unit.path, "Dockerfile")
                for glob in copied_globs(revision.content(file) or b"", unit.path):
                    copying.setdefault(glob, []).append((f"{kind}:{unit.name}", unit.path))
            for glob, some in grouped(paths, GlobSet(copying).matching).items():
                for name, folder in copying[glob]:
                    settled = self.found.settled
                    counted = [one for one in some if folder not in packages or one in settled]
                    for shown in summed(counted, whole=self.found.is_explained(name)):
                        file = join(folder, "Dockerfile")
                        self.found.declare(name, f"{shown} (copied by {file})")

    def _compare_lock(self, before: Revision, project: str) -> None:
        file = join(project, "uv.lock")
        held = [p for p in self.after.workspace.packages if p.project == project]
        if file not in self.found.paths or (project != "." and not held):
            return  # unchanged, or the project is gone and its packages with it
        after = self.after
        self.found.settled.add(file)
        change = compare_locks(
            before.content(file),
            after.content(file),
            file=file,
            members=[package.name for package in held],
            root_groups=root_groups(after.tree, after.workspace, self.settings),
        )
        for session, reason in change.sessions.items():
            self.found.sessions.setdefault(session, reason)
        if change.everything and project == ".":
            self.found.everything.append(change.everything)
        elif change.everything:
            for package in held:
                self.found.declare(package.name, change.everything)
        for name, reason in change.members.items():
            self.found.declare(name, reason)


def unlisted_package_reasons(revision: Revision, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (package, reason) for each package of which git lists no files, and its dependents.

    One that an ignore rule hides, or that a link to a place outside the repository leads to, may
    have changed at any time. Of one in a submodule, or in a nested repository, git says when it
    has changed; but as its imports are not read, whatever it may import affects it.
    """
    for package in revision.workspace.packages:
        if join(package.path, "pyproject.toml") in revision.snapshot.blobs:
            continue
        if any(f"{package.path}/".startswith(f"{path}/") for path in revision.snapshot.submodules):
            reason = _through(package, revision, paths)
        else:
            reason = f"{package.path}: git does not show its files, so any of them may have changed"
        if reason is None:
            continue
        for name in dependents_of(package.name, revision.closures):
            own = name == package.name
            yield name, reason if own else f"{reason} <- {name} depends on {package.name}"


def _through(package: Package, revision: Revision, paths: Sequence[str]) -> str | None:
    """Return how a change may reach a package whose imports are not read; None if it does not."""
    for path in paths:
        owner = revision.owners.of(path)
        if owner is not None and owner.name in revision.closures[package.name]:
            return f"{path} <- {package.path} (a repository of its own, whose imports are not read)"
    return None


_WILD = re.compile(r"[*?\[]")


def copied_globs(dockerfile: bytes, folder: str) -> Iterator[str]:
    """Yield globs, from the repository's root, of what a Dockerfile copies into the image.

    The build context may be the repository's root or the Dockerfile's own folder. A copy of the
    whole context does not count: it says nothing about what the image needs.
    """
    for source in dict.fromkeys(copied_sources(dockerfile.decode("utf-8", "replace"))):
        for start in dict.fromkeys(("", folder)):
            place = posixpath.normpath(posixpath.join(start, source.lstrip("/")))
            if place in {".", folder} or place.startswith("../"):
                continue
            for glob in dict.fromkeys((place, _WILD.sub(r"[\g<0>]", place))):
                yield glob
                yield f"{glob}/**"

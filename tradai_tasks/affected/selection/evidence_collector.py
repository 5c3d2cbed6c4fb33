"""Collect the evidence of a change: locks, project files, Dockerfiles and the import graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.locks.lock_diff import compare_locks
from tradai_tasks.affected.locks.tool_settings_diff import compare_root, compare_root_file
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.rules.build_inputs import is_build_input
from tradai_tasks.affected.selection.dockerfile_copies import copied_globs
from tradai_tasks.affected.selection.members import dependents_of, root_groups
from tradai_tasks.affected.selection.path_rules import grouped, is_for_readers, summed
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.selection import ChangeEvidence, paths_that_count
from tradai_tasks.affected.selection.unlisted_packages import unlisted_package_reasons
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_globs import GlobSet
from tradai_tasks.settings.model import Settings

_MOST_REASONS = 20  # of one package, from what is declared


def add_document_readers(
    graph: ImportGraph,
    paths: Iterable[str],
    revision: Revision,
    files_naming: Callable[[Iterable[str]], Mapping[str, Iterable[str]]],
) -> ImportGraph:
    """Add the files that name a changed document at the root: `ROOT / "README.md"`.

    Such a name is no path by itself, so that the graph does not have it.

    Args:
        graph: The import graph.
        paths: What has changed.
        revision: The head.
        files_naming: Returns for names in quotes the files that have them.
    """
    users = dict(graph.users)
    for path, files in files_naming([*filter(is_for_readers, paths)]).items():
        readers = {
            file for file in files if is_python(file) and not _has_nearer(path, file, revision)
        }
        if readers:
            users[path] = users.get(path, frozenset()) | readers
    return msgspec.structs.replace(graph, users=users) if users != graph.users else graph


def _has_nearer(name: str, file: str, revision: Revision) -> bool:
    """Tell whether a folder between a file and the root has another file of the name."""
    folder = file.rpartition("/")[0]
    while folder:
        if revision.tree.is_file(f"{folder}/{name}"):
            return True
        folder = folder.rpartition("/")[0]
    return False


class EvidenceCollector(msgspec.Struct, kw_only=True):
    """Evidence from both ends of the range, as far as it is collected."""

    paths: tuple[str, ...]
    before: Revision | None
    after: Revision
    settings: Settings
    everything: list[str]
    explained: frozenset[str] = frozenset()  # names of which every reason is wanted
    declared: dict[str, dict[str, None]] = {}
    sessions: dict[str, str] = {}

    @property
    def _revisions(self) -> tuple[Revision, ...]:
        return (self.after,) if self.before is None else (self.after, self.before)

    def evidence(self, graph: ImportGraph | None) -> ChangeEvidence:
        """Return all evidence, with what the import graph adds."""
        accounted = self._in_root_package()
        if graph is not None:
            accounted |= graph.accounted(self.paths)
            accounted |= {
                path
                for path in self.paths
                if is_python(path) and (graph.owner_of(path) or "").startswith("projects:")
            }
            self._declare_units(graph)
        return ChangeEvidence(
            paths=self.paths,
            chains=self._chains(graph) if graph else {},
            accounted=accounted,
            declared={name: tuple(reasons) for name, reasons in self.declared.items()},
            everything=tuple(self.everything),
            sessions=self.sessions,
            docs=self._documented_modules(),
        )

    def _documented_modules(self) -> tuple[str, ...]:
        """Return the changed modules of packages, if mkdocstrings makes documentation from code."""
        text = self.after.content("mkdocs.yml") or self.after.content("mkdocs.yaml") or b""
        if b"mkdocstrings" not in text:
            return ()
        owners = self.after.owners
        return tuple(p for p in self.paths if is_python(p) and owners.of(p) is not None)

    def _chains(self, graph: ImportGraph) -> dict[str, tuple[str, ...]]:
        """Return the chains of the import graph, also from symbolic links to what has changed.

        Ignored paths are left out first, so that each chain begins with a path that counts.
        """
        paths = paths_that_count(self.paths, self.settings.affected)
        links = self.after.snapshot.links_to(paths)
        if self.before is not None:
            links = self.before.snapshot.links_to(paths) | links
        chains = graph.reasons([*paths, *links])
        return {
            name: (links[chain[0]], *chain) if chain[0] in links else chain
            for name, chain in chains.items()
        }

    def _in_root_package(self) -> frozenset[str]:
        """Return the changed paths in code and tests of a package at the root."""
        folders = tuple(
            {f"{folder}/" for revision in self._revisions for folder in revision.root_folders}
        )
        return frozenset(path for path in self.paths if path.startswith(folders))

    def _declare_units(self, graph: ImportGraph) -> None:
        """Pass reasons of packages on to services, lambdas and stacks that import them."""
        packages = {package.name for package in self.after.workspace.packages} & {*self.declared}
        files = [path for path, owner in graph.owners.items() if owner in packages]
        for name, chain in graph.affected_by(files).items() if files else ():
            owner = graph.owner_of(chain[0])
            if name.startswith(("services:", "lambdas:", "stacks:")) and owner in packages:
                self._declare(name, f"{next(iter(self.declared[owner]))} <- {chain[-1]}")

    def compare(self) -> None:
        """Compare what is data at both ends: lock files, project files, settings of tools."""
        if self.before is not None:
            for project in sorted(
                {*self.before.workspace.projects, *self.after.workspace.projects}
            ):
                self._compare_lock(self.before, project)
            self._compare_root_files(self.before)
        for path in self.paths:
            self._check_build_input(path)
        counted = paths_that_count(self.paths, self.settings.affected)
        self._compare_images(counted)
        for name, reason in unlisted_package_reasons(self.after, counted):
            self._declare(name, reason)

    def _compare_images(self, paths: Iterable[str]) -> None:
        """Declare services and lambdas, if no packages, whose Dockerfile copies changed paths."""
        for revision in self._revisions:
            packages = {package.path for package in revision.workspace.packages}
            units = [("services", unit) for unit in revision.workspace.services]
            units += [("lambdas", unit) for unit in revision.workspace.lambdas]
            copying: dict[str, list[tuple[str, str]]] = {}  # glob -> units, each with its file
            for kind, unit in units:
                file = join(unit.path, "Dockerfile")
                text = None if unit.path in packages else revision.content(file)
                for glob in copied_globs(text or b"", unit.path):
                    copying.setdefault(glob, []).append((f"{kind}:{unit.name}", file))
            for glob, some in grouped(paths, GlobSet(copying).matching).items():
                for name, file in copying[glob]:
                    for shown in summed(some, whole=self._is_explained(name)):
                        self._declare(name, f"{shown} (copied by {file})")

    def _compare_lock(self, before: Revision, project: str) -> None:
        file = join(project, "uv.lock")
        held = [p for p in self.after.workspace.packages if p.project == project]
        if file not in self.paths or (project != "." and not held):
            return  # unchanged, or the project is gone and its packages with it
        after = self.after
        change = compare_locks(
            before.content(file),
            after.content(file),
            file=file,
            members=[package.name for package in held],
            root_groups=root_groups(after.tree, after.workspace, self.settings),
        )
        for session, reason in change.sessions.items():
            self.sessions.setdefault(session, reason)
        if change.everything and project == ".":
            self.everything.append(change.everything)
        elif change.everything:
            for package in held:
                self._declare(package.name, change.everything)
        for name, reason in change.members.items():
            self._declare(name, reason)

    def _compare_root_files(self, before: Revision) -> None:
        for path in self.paths:
            change = compare_root_file(path)
            if path == "pyproject.toml":
                change = compare_root(before.content(path), self.after.content(path))
            if change is None:
                continue
            if change.everything:
                self.everything.append(change.everything)
            for session, reason in change.sessions.items():
                self.sessions.setdefault(session, reason)

    def _check_build_input(self, path: str) -> None:
        """Declare the dependents of a package that is built from a path, its pyproject.toml too."""
        if path == "pyproject.toml":
            return
        for revision in self._revisions:
            owner = revision.owners.of(path)
            if owner is None:
                continue
            inner = path if owner.path == "." else path.removeprefix(f"{owner.path}/")
            if inner != "pyproject.toml" and not is_build_input(inner):
                continue
            for name in dependents_of(owner.name, revision.closures):
                own = name == owner.name
                self._declare(name, path if own else f"{path} <- {name} depends on {owner.name}")

    def _declare(self, name: str, reason: str) -> None:
        """Add a reason; a thousand changed packages would give a thousand others each of them."""
        reasons = self.declared.setdefault(name, {})
        if len(reasons) < _MOST_REASONS or self._is_explained(name):
            reasons[reason] = None
        elif reason not in reasons:
            reasons[f"and more, which --explain {name.rpartition(':')[2]} lists"] = None

    def _is_explained(self, name: str) -> bool:
        return name.rpartition(":")[2] in self.explained

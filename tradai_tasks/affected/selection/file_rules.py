"""Decide what changed files affect by what they are: settings, documents, data, files of CI.

What is settled here is not judged by where it lies (`path_rules`). Readers of settled files count:
those that the import graph has, and for some those that name them (`file_readers`).
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable

import msgspec

from tradai_tasks.affected.locks.build_references import BuildReferences, build_references
from tradai_tasks.affected.locks.path_projects import path_projects
from tradai_tasks.affected.locks.tool_settings_diff import (
    SettingsChange,
    compare_project,
    compare_tool_file,
)
from tradai_tasks.affected.parse.dotted_names import folders_around
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.rules.fact_extraction import CONFIG_FILES, extract_config
from tradai_tasks.affected.selection.ci_files import files_of_sessions
from tradai_tasks.affected.selection.harmless_files import is_document, is_harmless, is_linted
from tradai_tasks.affected.selection.members import dependents_of
from tradai_tasks.affected.selection.path_rules import is_for_readers
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.selection import ChangeEvidence
from tradai_tasks.files.file_tree import folders_above, join
from tradai_tasks.files.path_globs import GlobSet, matches
from tradai_tasks.workspace.discovery import Package

# Scripts next to pyproject.toml that build backends run.
_BUILD_SCRIPT = re.compile(r"[^/]*(build|setup)[^/]*\.py")


class FileRules(msgspec.Struct, kw_only=True, dict=True):
    """Notes what changed files affect by what they are."""

    ends: tuple[Revision, ...]  # the head, and the base where it is known
    found: ChangeEvidence  # where it is noted what they affect
    has_commands: bool = False  # of `lint.commands`, which may read settings of any tool

    def apply(self, path: str) -> None:
        """Note what one changed file affects, if what it is decides that."""
        folder, _, name = path.rpartition("/")
        outside = path.startswith("../")
        if is_harmless(path):
            self._settle(path)
            if self.has_commands and is_linted(path):
                self.found.sessions.setdefault("lint", f"{path} changed")
        elif path.lstrip("./").startswith("github/"):
            self._apply_ci(path)
        elif outside or self._is_excluded(path):
            self._settle(path)
        elif self._apply_settings(path, folder or "."):
            self.found.settled.add(path)
        elif self._is_document(path):
            self._settle(path)
        else:
            self._apply_data(path)
        if name != "pyproject.toml":
            self._apply_builds(path)

    def finish(self) -> None:
        """Select the tests of all packages that have any, where the session is selected."""
        reason = self.found.sessions.get("test")
        if reason is None:
            return
        head = self.ends[0]
        owners = filter(None, map(head.tested_package, head.snapshot.blobs))
        for name in {owner.name for owner in owners}:
            self.found.own_sessions.setdefault(name, {}).setdefault("test", reason)

    def is_for_people(self, path: str) -> bool:
        """Tell whether a file affects nothing by where it lies: prose, or settings of editors."""
        return is_harmless(path) or self._is_document(path)

    def _settle(self, path: str) -> None:
        self.found.settled.add(path)
        # tests write such files as .gitignore, none reads one
        if not posixpath.basename(path).startswith(".git"):
            self.found.searched.add(path)

    def _apply_ci(self, path: str) -> None:
        self._settle(path)
        if path.startswith("../") or path in self._ci_files:
            self.found.everything.append(f"{path}: part of the CI itself")

    @functools.cached_property
    def _ci_files(self) -> frozenset[str]:
        found = [files_of_sessions(end.tree, end.snapshot.blobs) for end in self.ends]
        return frozenset().union(*found)

    def _is_excluded(self, path: str) -> bool:
        """Tell whether a file belongs to a project that the workspace excludes."""
        for folder in filter(None, folders_around(posixpath.dirname(path))):
            if any(matches(folder, glob) for glob in self._excluded):
                return not f"{folder}/".startswith(self._path_projects)
        return False

    @functools.cached_property
    def _excluded(self) -> tuple[str, ...]:
        found: list[str] = []
        for end in self.ends:
            uv = end.workspace.root_document.get("tool", {}).get("uv", {})
            found += uv.get("workspace", {}).get("exclude", ())
        return tuple(glob.rstrip("/") for glob in found)

    @functools.cached_property
    def _path_projects(self) -> tuple[str, ...]:
        found = (one for end in self.ends for one in path_projects(end.tree, end.workspace))
        return tuple(f"{one.path}/" for one in found)

    def _apply_settings(self, path: str, folder: str) -> bool:
        """Compare a project file or a tool's settings as data; tell whether it is one."""
        package = next(filter(None, (self._at(end, folder) for end in self.ends)), None)
        is_project = posixpath.basename(path) == "pyproject.toml"
        above = {"."} if is_project else self._above  # of packages: tools look for files there
        if (package is None and folder not in above) or len(self.ends) == 1:
            return False
        if not is_project and compare_tool_file(None, None, file=path) is None:
            return False  # before it is read: it may be large
        after, before = (end.content(path) for end in self.ends)
        change: SettingsChange | None
        if is_project:
            members = {tuple(one.path for one in end.workspace.packages) for end in self.ends}
            change = compare_project(
                before,
                after,
                file=path,
                with_lock=self._with_lock(folder),
                same_members=len(members) == 1,
                has_commands=self.has_commands,
            )
        else:
            change = compare_tool_file(before, after, file=path, has_commands=self.has_commands)
        if change is None:
            return False
        if change != SettingsChange():
            self.found.searched.add(path)
        self._note(change, package)
        return True

    @functools.cached_property
    def _above(self) -> frozenset[str]:
        places = [f"./{one.path}/x" for end in self.ends for one in end.workspace.packages]
        return frozenset(posixpath.normpath(one) for one in folders_above(places))

    @staticmethod
    def _at(end: Revision, folder: str) -> Package | None:
        return next((one for one in end.workspace.packages if one.path == folder), None)

    def _with_lock(self, folder: str) -> bool:
        """Tell whether a changed lock shows what changes in the root's dependencies."""
        locks = [end.content("uv.lock") for end in self.ends]
        return folder == "." and len(locks) > 1 and None not in locks and locks[0] != locks[1]

    def _note(self, change: SettingsChange, package: Package | None) -> None:
        found = self.found
        if change.everything or (change.build and package is None):
            found.everything.append(change.everything or change.build or "")
        if package is None or package.path == ".":
            for session, reason in change.sessions.items():
                found.sessions.setdefault(session, reason)
        if package is None:
            return
        if change.build:
            self._declare_dependents(package.name, change.build)
        own = found.own_sessions.setdefault(package.name, {})
        if change.own:
            own.setdefault("test", change.own)
        for session, reason in change.sessions.items() if package.path != "." else ():
            own.setdefault(session, reason)

    def _is_document(self, path: str) -> bool:
        """Tell whether a file is prose whose examples no test runs."""
        if is_for_readers(path):
            return True
        for end in self.ends:
            owner = end.owners.of(path)
            kept = end.folders_of(owner or end.root_package)
            if not is_document(path, owner.path if owner else ".", kept):
                return False
        return not self._runs_examples(posixpath.dirname(path))

    @functools.cached_property
    def _runs_examples(self) -> Callable[[str], bool]:
        """Tells whether settings of pytest in a folder, or in one above it, make it run examples.

        A change can touch thousands of documents, which lie in few folders.
        """

        @functools.cache
        def runs(folder: str) -> bool:
            texts = [end.content(join(folder, name)) for name in CONFIG_FILES for end in self.ends]
            if any(text is not None and extract_config(text).runs_examples for text in texts):
                return True
            return folder != "" and runs(posixpath.dirname(folder))

        return runs

    def _apply_data(self, path: str) -> None:
        """Note the dependents of the package around a file that is no module."""
        for end in self.ends:
            owner = end.owner_of(path)
            if owner is None:
                continue
            inner = path if owner.path == "." else path.removeprefix(f"{owner.path}/")
            if not is_python(path) or _BUILD_SCRIPT.fullmatch(inner):
                self._declare_dependents(owner.name, path)
                self.found.searched.add(path)

    def _apply_builds(self, path: str) -> None:
        """Note the packages whose build names a path; of prose, only whether it exists counts."""
        is_kept = all(end.tree.is_file(path) for end in self.ends)
        globs, named = self._named_by_builds
        found = {one for glob in globs.matching(path) for one in named[glob]}
        for place in sorted({place for place, _ in found}):
            kinds = {kind for of, kind in found if of == place}
            end, package, _ = self._builds[place]
            owner = end.owner_of(path)
            by_place = owner is not None and (is_python(path) or path not in self.found.settled)
            is_own = owner is not None and (owner.name == package.name or end.is_loaded(path))
            if by_place and is_own and "code" not in kinds:
                continue  # its modules count by imports, its data for its dependents
            reason = f"{path} (named by {join(package.path, 'pyproject.toml')})"
            if is_kept and kinds == {"texts"}:
                self.found.own_sessions.setdefault(package.name, {}).setdefault("test", reason)
            else:
                self._declare_dependents(package.name, reason)
            if owner is None and not is_python(path):
                self._settle(path)

    @functools.cached_property
    def _named_by_builds(self) -> tuple[GlobSet, dict[str, list[tuple[int, str]]]]:
        """Globs of what builds name, each with the builds and as what they name it."""
        named: dict[str, list[tuple[int, str]]] = {}
        for place, (_, _, references) in enumerate(self._builds):
            for kind in ("code", "data", "texts"):
                # or a path with such characters in it, or all in a folder
                for glob in getattr(references, kind):
                    plain = re.sub(r"[*?\[]", r"[\g<0>]", glob)
                    for one in (glob, plain, f"{plain}/**"):
                        named.setdefault(one, []).append((place, kind))
        return GlobSet(named), named

    @functools.cached_property
    def _builds(self) -> tuple[tuple[Revision, Package, BuildReferences], ...]:
        head, base = self.ends[0], self.ends[-1]
        return tuple(
            (end, package, build_references(package.document, package.path))
            for end in ([head] if base.same_shape is head else self.ends)
            for package in end.workspace.packages
        )

    def _declare_dependents(self, name: str, reason: str) -> None:
        """Declare a package and all that depend on it, at either end."""
        for end in self.ends:
            for user in dependents_of(name, end.closures) if name in end.closures else ():
                own = user == name
                self.found.declare(user, reason if own else f"{reason} <- {user} depends on {name}")

"""Decide what changed paths affect by where they lie, without looking into the files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection

from tradai_tasks.affected.selection.package_owners import Owners
from tradai_tasks.files.path_globs import matches
from tradai_tasks.workspace.discovery import Workspace

_DOC_FILE = re.compile(r"^(mkdocs\.ya?ml|[^/]+\.(md|rst)|(LICEN[CS]E|NOTICE|AUTHORS)[^/]*)\Z")
# Folders and files at the root that only the contract and integration sessions read.
_ROOT_TESTS = re.compile(r"^((tests?/.*)|((docker-)?compose[^/]*\.ya?ml))\Z")


class Reasons:
    """Reasons by kind and name, without repeats, in the order in which they came."""

    def __init__(self) -> None:
        """Begin without any."""
        self.found: dict[tuple[str, str], dict[str, None]] = {}
        self.everything: dict[str, None] = {}
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


class PathRules:
    """Notes what changed paths affect, by where they lie."""

    def __init__(
        self,
        workspace: Workspace,
        before: Workspace | None,
        accounted: Collection[str],
        reasons: Reasons,
    ) -> None:
        """Prepare to judge paths.

        Args:
            workspace: The repository after the change.
            before: The repository before it; None where it is unknown.
            accounted: Changed paths outside any package that the import graph accounts for.
            reasons: Where reasons are noted.
        """
        ends = [end for end in (workspace, before) if end is not None]
        self._owners = [Owners(end) for end in ends]
        self._projects = {project for end in ends for project in end.projects}
        self._globs = [
            (package.name, glob)
            for package in workspace.packages
            for glob in package.settings.also_affected_by
        ]
        self._workspace = workspace
        self._accounted = accounted
        self._reasons = reasons

    def apply(self, path: str) -> None:
        """Note what one changed path affects by where it lies."""
        reasons = self._reasons
        known = self._by_glob(path)
        known |= _note_unit(path, self._workspace, reasons)
        owner = next(filter(None, (end.of(path) for end in self._owners)), None)
        if owner is not None:
            reasons.add("packages", owner.name, path)
            known = True
        if path == "docs" or path.startswith("docs/") or _DOC_FILE.match(path):
            reasons.docs[path] = None
            known = True
        known |= path in self._accounted
        # locks and project files are compared as data
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


def _note_unit(path: str, workspace: Workspace, reasons: Reasons) -> bool:
    """Note the service, lambda or stack in whose folder a path lies; tell whether there is one."""
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

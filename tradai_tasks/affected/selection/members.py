"""The workspace as affected selection sees it: who can import whom, who depends on whom."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from tradai_tasks.affected.locks.lock_diff import (
    RootGroups,
    declared_closures,
    member_closures,
    requirement_name,
    third_party_members,
)
from tradai_tasks.affected.locks.path_projects import path_projects
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.checks.typecheck.checkers import CHECKERS
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.backtest import for_strategy
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.discovery import Package, Workspace, dependency_groups
from tradai_tasks.workspace.layout import layout_of
from tradai_tasks.workspace.locks.lock_file import LockFile, read_lock
from tradai_tasks.workspace.locks.lock_graph import LockGraph, parse_edges
from tradai_tasks.workspace.locks.locked_tools import find_test_tools, groups_with

# Files whose content says which packages there are and what they depend on.
SHAPING = frozenset({"pyproject.toml", "tradai-tasks.toml", "uv.lock"})
_INFRA = "infra"
_SCRIPTS = ("scripts", "gui-scripts")  # tables of commands, by the names in [project]


def import_members(
    tree: Tree, workspace: Workspace, reach: Mapping[str, frozenset[str]]
) -> tuple[Member, ...]:
    """Return every package, and every service or lambda that is no package, as a member.

    The latter go by `services:<name>` and `lambdas:<name>`. Nothing says what they may import, so
    they may import everything. So may the code of all stacks together, which goes by `stacks:`.
    Projects that packages install by path go by `projects:<name>`.
    """
    nested = frozenset(package.path for package in workspace.packages)
    by_path = path_projects(tree, workspace)
    called = {package.name: f"projects:{package.name}" for package in by_path}
    third_party = _third_party_members(tree, workspace)
    members = []
    for package in (*workspace.packages, *by_path):
        layout = layout_of(tree, package, nested=nested)
        declared = _entry_points(package)
        members.append(
            Member(
                name=called.get(package.name, package.name),
                path=package.path,
                source_roots=layout.source_roots,
                closure=frozenset(called.get(name, name) for name in reach[package.name]),
                entry_points=tuple((group, target) for group, _, target in declared),
                scripts=tuple((name, to) for group, name, to in declared if group in _SCRIPTS),
                third_party_members=third_party.get(package.name, {}),
            )
        )
    everybody = frozenset(member.name for member in members)
    for kind, units in (("services", workspace.services), ("lambdas", workspace.lambdas)):
        members += [
            _unit_member(f"{kind}:{unit.name}", unit.path, everybody)
            for unit in units
            if unit.path not in nested
        ]
    if workspace.stacks and _INFRA not in nested:
        folders = dict.fromkeys([_INFRA, *(unit.path for unit in workspace.stacks)])
        code = _unit_member("stacks:", _INFRA, everybody)
        members.append(msgspec.structs.replace(code, source_roots=tuple(folders)))
    return tuple(members)


def _unit_member(name: str, path: str, everybody: frozenset[str]) -> Member:
    return Member(name=name, path=path, source_roots=(path,), closure=everybody | {name})


def _entry_points(package: Package) -> list[tuple[str, str, str]]:
    """Return (group, name, target) of what a package declares; commands are groups, too."""
    project = package.document.get("project", {})
    tables: dict[str, Any] = dict(project.get("entry-points", {}))
    tables |= {group: project.get(group) for group in _SCRIPTS}
    return [
        (group, str(name), str(target))
        for group, table in sorted(tables.items())
        if isinstance(table, Mapping)
        for name, target in table.items()
    ]


def shape_of(
    paths: Iterable[str], links: Mapping[str, str], digests: Mapping[str, str], workspace: Workspace
) -> str | None:
    """Return a digest of all that `import_members` depends on.

    That is which files there are, what the project files and locks say, and the workspace as it was
    found, every part of it; None where that cannot be written down.
    `digests` are those of the files whose names are in `SHAPING`.
    """
    try:
        found = msgspec.msgpack.encode(workspace, order="deterministic", enc_hook=repr)
    except (OverflowError, UnicodeEncodeError):  # a number or a text that TOML alone can hold
        return None
    parts = [sorted(paths), sorted(links.items()), sorted(digests.items())]
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape"))
    digest.update(found)
    return digest.hexdigest()


def closures(tree: Tree, workspace: Workspace) -> dict[str, frozenset[str]]:
    """Return which packages each package can import, itself included: as locked, else declared.

    What a project declares counts also where it is locked: a lock may be stale. The projects that
    packages install by path are among them.
    """
    projects = [*workspace.packages, *path_projects(tree, workspace)]
    declared = declared_closures({p.name: _requirements(p.document) for p in projects})
    found = {name: set(names) for name, names in declared.items()}
    locked: set[str] = set()
    for lock in _locks(tree, workspace):
        for name, names in member_closures(lock).items():
            found.setdefault(name, set()).update(names)
            locked.add(name)
    known = set(declared)
    for package in projects:
        # what a build computes, only a lock tells
        if package.name not in locked and _is_computed(package.document):
            found[package.name] |= known
    return {name: frozenset(found[name] & known | {name}) for name in declared}


def _third_party_members(tree: Tree, workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return of each package which others a third party that is locked with it needs."""
    found: dict[str, dict[str, str]] = {}
    for lock in _locks(tree, workspace):
        for name, names in third_party_members(lock).items():
            found[name] = names | found.get(name, {})
    return found


def _locks(tree: Tree, workspace: Workspace) -> Iterator[LockGraph]:
    """Yield the locks of the workspace and of independent projects, as far as they have one."""
    files = [join(project, "uv.lock") for project in workspace.projects]
    return (parse_edges(tree.read(file), file) for file in files if tree.is_file(file))


def dependents_of(name: str, reach: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the packages that can import a package, itself first."""
    others = sorted(other for other, names in reach.items() if name in names and other != name)
    return (name, *others)


def workspace_edges(workspace: Workspace) -> tuple[tuple[str, str], ...]:
    """Return (package, package it declares) for a graph of the workspace, by session id."""
    ids = {package.name: workspace.session_id(package) for package in workspace.packages}
    found = {
        (ids[package.name], ids[name])
        for package in workspace.packages
        for name in map(requirement_name, _requirements(package.document))
        if name in ids and name != package.name
    }
    return tuple(sorted(found))


def root_groups(tree: Tree, workspace: Workspace, settings: Settings) -> RootGroups:
    """Return which packages and sessions install which groups and extras of the root.

    A package's tests install the first of `test.groups` that the root has and that brings pytest,
    so that a change of any before it counts too.
    """
    if not tree.is_file("uv.lock"):
        return RootGroups(unknown="may be installed by any session: there is no uv.lock")
    lock = read_lock(tree, ".")
    root = workspace.root_document
    own = {*dependency_groups(root), *_extras(root)}
    users: dict[str, list[str]] = {}
    for package in workspace.packages:
        backtest = for_strategy(settings.backtest, package.settings.backtest).groups
        wanted = [*backtest] if package in workspace.strategies else []
        wanted += _tried_groups(
            lock, package, root, package.settings.groups or settings.test.groups
        )
        for name in dict.fromkeys(map(canonicalize_name, wanted if package.project == "." else ())):
            users.setdefault(name, []).append(package.name)
    sessions: dict[str, list[str]] = {}
    for session in ("docs", "lint", "typecheck"):
        for name in getattr(settings, session).groups:
            sessions.setdefault(canonicalize_name(name), []).append(session)
    for name in map(canonicalize_name, groups_with(root, CHECKERS)):
        if "typecheck" not in sessions.setdefault(name, []):
            sessions[name].append("typecheck")
    noxfile = (
        tree.read("noxfile.py").decode("utf-8", "replace") if tree.is_file("noxfile.py") else ""
    )
    for group in own:  # sessions of the noxfile may replace any of these
        if "all-groups" in noxfile or re.search(rf"(?<![\w-]){re.escape(group)}(?![\w-])", noxfile):
            users[canonicalize_name(group)] = [package.name for package in workspace.packages]
    return RootGroups(
        members={group: tuple(names) for group, names in users.items()}, sessions=sessions
    )


def _tried_groups(
    lock: LockFile, package: Package, root: Mapping[str, Any], names: Sequence[str]
) -> Sequence[str]:
    """Return the names among which a package's tests find their tools at the root."""
    tools = find_test_tools(lock, package, root, names)
    used = {owner: [canonicalize_name(p.name) for p in tools.places if p.owner == owner]
            for owner in ("package", "root")}  # fmt: skip
    wanted = [canonicalize_name(name) for name in names]
    if used["root"] and used["root"][0] in wanted:
        return wanted[: wanted.index(used["root"][0]) + 1]
    if "pytest" in tools.reached and not used["root"] and {*used["package"]} <= {*wanted}:
        return ()
    # the next lock may have them in any of these
    return [*wanted, *dependency_groups(root), *_extras(root)]


def _extras(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document.get("project", {}).get("optional-dependencies", {})
    return found


def _is_computed(document: Mapping[str, Any]) -> bool:
    dynamic = document.get("project", {}).get("dynamic", [])
    return isinstance(dynamic, list) and bool(
        {"dependencies", "optional-dependencies"} & set(map(str, dynamic))
    )


def _requirements(document: Mapping[str, Any]) -> list[str]:
    """Return every requirement that a pyproject.toml states, as it is written."""
    project = document.get("project", {})
    lists: list[Iterable[Any]] = [project.get("dependencies", [])]
    lists += project.get("optional-dependencies", {}).values()
    lists += dependency_groups(document).values()
    lists.append(document.get("build-system", {}).get("requires", []))
    lists.append(document.get("tool", {}).get("uv", {}).get("sources", {}))
    return [text for entries in lists for text in entries if isinstance(text, str)]

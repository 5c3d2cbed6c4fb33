"""Edges of members that their own code does not show: entry points, plugins, conftest.py.

Each function returns node -> project files of the members that load it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from tradai_tasks.affected.graph.linker import Linker
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.resolve.file_table import is_collected
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.module_index import ModuleIndex

_COMMAND_GROUPS = frozenset({"scripts", "gui-scripts", "console_scripts", "gui_scripts"})
_TEST_FOLDERS = ("test/", "tests/")


def link_plugins(linker: Linker, config: Mapping[str, Facts]) -> dict[int, set[str]]:
    """Link the plugins that pytest's settings name: every test below the settings loads them.

    Args:
        linker: Where the edges of tests are added.
        config: The files of settings, with their facts.

    Returns:
        Plugin -> the members at or below the settings, which load it too.
    """
    index = linker.index
    users: dict[int, set[str]] = {}
    for path, found in config.items():
        folder = posixpath.dirname(path)
        below = index.members_in.get(folder, set())
        owner = index.owner_of_folder(folder)
        seen_from = [(folder, owner)]
        seen_from += [(_folder(index.members[number]), number) for number in sorted(below)]
        for word in found.words:
            targets = {n for place in seen_from for n in linker.resolver.nodes_of(word, *place)}
            for target in targets:
                users.setdefault(target, set()).update(
                    project_file(index.members[number]) for number in {owner, *below} - {-1}
                )
            start = f"{folder}/" if folder else ""
            for number, file in enumerate(index.paths):
                if targets and file.startswith(start) and is_collected(file):
                    linker.add(number, targets)
    return users


def entry_point_users(linker: Linker) -> dict[int, set[str]]:
    """Return the entry points that each member loads: its own, and plugins that it installs.

    A reader of a group, mostly a third party, finds all that are installed: pytest its plugins,
    xarray its backends. Commands are left out: the files that start them name them.
    """
    index = linker.index
    users: dict[int, set[str]] = {}
    for number, member in enumerate(index.members):
        for file in linker.resolver.entry_points(member, number):
            users.setdefault(file, set()).add(project_file(member))
        plugins = {
            file
            for group in {group for group, _ in member.entry_points} - _COMMAND_GROUPS
            for file in linker.resolver.entry_points(member, number, group)
        }
        for other in index.members if plugins else ():
            if member.name in other.closure and other.is_project:
                for file in plugins:
                    users.setdefault(file, set()).add(project_file(other))
    return users


def conftest_users(index: ModuleIndex) -> dict[int, set[str]]:
    """Return each conftest.py around members whose tests do not have the usual names."""
    usual = {index.owners[n] for n, path in enumerate(index.paths) if is_collected(path)}
    users: dict[int, set[str]] = {}
    for number, member in enumerate(index.members):
        if number not in usual:
            for file in index.test_setup_files(_folder(member)):
                if index.paths[file].endswith("conftest.py"):
                    users.setdefault(file, set()).add(project_file(member))
    return users


def third_party_users(index: ModuleIndex) -> dict[int, set[str]]:
    """Return modules of members that are reached through a locked third-party dependency.

    Any module of such a member may be loaded, but none of its tests.
    """
    users: dict[str, set[str]] = {}
    for member in index.members:
        project = project_file(member)
        for name in member.third_party_members - {member.name}:
            users.setdefault(name, set()).add(project)
    if not users:
        return {}
    found: dict[int, set[str]] = {}
    for number, path in enumerate(index.paths):
        owner = index.owners[number]
        if owner < 0 or index.members[owner].name not in users:
            continue
        home = index.members[owner].path
        inner = path if home == "." else path.removeprefix(f"{home}/")
        if not inner.startswith(_TEST_FOLDERS):
            found[number] = users[index.members[owner].name]
    return found


def _folder(member: Member) -> str:
    return "" if member.path == "." else member.path


def project_file(member: Member) -> str:
    """Return the path of a member's pyproject.toml, which stands for the member in the graph."""
    return f"{member.path}/pyproject.toml" if member.path != "." else "pyproject.toml"

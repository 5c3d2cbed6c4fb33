"""Entry points: the groups that code loads, and those of the packages that are installed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.edge_rule import Links, WorkspaceFiles, WorkspaceRule, note
from tradai_tasks.affected.rules.source_file import SourceFile, references

_ANY_GROUP = "*"
_COMMAND_GROUPS = frozenset({"scripts", "gui-scripts", "console_scripts", "gui_scripts"})
_GROUP_PARAMETERS = frozenset({"group", None})  # None: `**arguments`


class EntryPoints(CallRule, WorkspaceRule):
    """Read `entry_points(group="a.plugins")`, and link what each member and its plugins declare."""

    name = "entry-points"
    summary = '`entry_points(group="x")`; entry points of a package, for all that install it'
    words = functions = calls.GROUP_READERS

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield the groups that calls load."""
        for node in source.calls(*self.functions):
            yield from references(_groups_loaded(source.parsed, node), node, "group")

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return the entry points that each member loads: its own, and plugins that it installs.

        A reader of a group, mostly a third party, finds all that are installed: pytest its plugins,
        xarray its backends. Commands are left out: the files that start them name them.
        """
        links: Links = {}
        members = files.index.members
        for number, member in enumerate(members):
            home = member.home
            for node in files.entry_points([member], _ANY_GROUP, home, number):
                note(links, node, [member.project_file])
            plugins = {
                node
                for group in {group for group, _ in member.entry_points} - _COMMAND_GROUPS
                for node in files.entry_points([member], group, home, number)
            }
            for other in members if plugins else ():
                if member.name in other.closure and other.is_project:
                    for node in plugins:
                        note(links, node, [other.project_file])
        return links


def _groups_loaded(source: ParsedModule, node: ast.Call) -> set[str]:
    """Return the groups that a call names, or `_ANY_GROUP` where they are not all known."""
    groups: set[str] = set()
    for keyword in node.keywords:
        if keyword.arg in _GROUP_PARAMETERS:
            groups |= _literals(source, keyword.value)
    for argument in node.args:
        groups |= _literals(source, argument)
    parent = source.parents.get(node)
    if isinstance(parent, ast.Subscript):  # entry_points()["my.plugins"]
        groups |= _literals(source, parent.slice)
    return groups or {_ANY_GROUP}


def _literals(source: ParsedModule, node: ast.expr) -> set[str]:
    values = source.evaluate(node)
    is_known = not (values.unknown or values.prefixes)
    return values.literals if values.literals and is_known else {_ANY_GROUP}

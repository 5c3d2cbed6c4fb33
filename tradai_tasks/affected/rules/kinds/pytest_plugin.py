"""Plugins that pytest loads by name: `pytest_plugins`, `-p` in its settings, warning classes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.resolve.file_table import is_collected
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.edge_rule import Links, WorkspaceFiles, WorkspaceRule, note
from tradai_tasks.affected.rules.source_file import SourceFile

_PLUGINS = "pytest_plugins"


class PytestPlugin(CallRule, WorkspaceRule):
    """Read `pytest_plugins`, and link what settings of pytest name to all tests below."""

    name = "plugin"
    summary = (
        "`pytest_plugins`; in pytest's settings `-p a.b`, variables and classes of warning filters"
    )
    words = frozenset({_PLUGINS, "filterwarnings"})

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether a module names plugins; warning filters are found without parsing."""
        return word == _PLUGINS

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield the plugins that a module names."""
        for name, value in source.assigned(_PLUGINS):
            yield from source.named(source.values(value), value, f"`{name}`")

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return what settings name, for the members and the tests at or below them."""
        index = files.index
        links: Links = {}
        settings = {path: found for path, found in files.config.items() if found.references}
        for path, found in settings.items():
            folder = posixpath.dirname(path)
            below = index.members_in.get(folder, set())
            owner = index.owner_of_folder(folder)
            seen_from = [(folder, owner)]
            seen_from += [(index.members[number].home, number) for number in sorted(below)]
            projects = [index.members[n].project_file for n in sorted({owner, *below} - {-1})]
            start = f"{folder}/" if folder else ""
            tests = [file for file in index.paths if file.startswith(start) and is_collected(file)]
            for one in found.references:
                for node in {n for place in seen_from for n in files.nodes_of(one.text, *place)}:
                    own = index.paths[node] if node < len(index.paths) else ""
                    note(links, node, projects, one.text)
                    note(links, node, (test for test in tests if test != own), one.text)
        return links

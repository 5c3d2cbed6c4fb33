"""Modules that are named outside of code: in data files, documents and docstrings.

A data file that names a module is a node of the graph between the module and the files that may
read the data file. Examples in docstrings are run by the tests of the module's own member, and of
members that run the examples of others. A file that imports the module does not run them.
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterable, Mapping, Sequence

from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.parse.text_examples import MARKS, is_data, is_document
from tradai_tasks.affected.resolve.file_table import is_collected
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules.edge_rule import Links, WorkspaceFiles, WorkspaceRule, note

# What stands after a module's path for the examples in its docstrings: nobody loads these.
EXAMPLES = " (examples)"


def data_files(index: ModuleIndex, paths: Iterable[str]) -> list[str]:
    """Return files of members that may name modules: data, scripts and doctests in text files."""
    return sorted(
        path
        for path in paths
        if (is_data(path) or (path.endswith(".txt") and is_collected(path)))
        and index.owner_of_folder(posixpath.dirname(path)) >= 0
    )


def documents(
    facts: Sequence[Facts], config: Mapping[str, Facts], paths: Iterable[str]
) -> list[str]:
    """Return documents whose examples may be run: below settings that say so, or all."""
    folders = [posixpath.dirname(path) for path, found in config.items() if found.runs_examples]
    if any(one.runs_examples for one in facts) or "" in folders:
        return sorted(path for path in paths if is_document(path))
    starts = tuple(f"{folder}/" for folder in folders)
    return sorted(path for path in paths if path.startswith(starts) and is_document(path))


class NamedInText(WorkspaceRule):
    """Link modules to the data files, documents and examples that name them."""

    name = "text"
    summary = (
        "names in data files (JSON, YAML, TOML, INI, XML, shell scripts, templates), in "
        "documents and docstrings whose examples are run"
    )
    words = MARKS
    guessed = True

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return the edges."""
        index = files.index
        links: Links = {}
        runners = {index.owners[number] for number, one in files.facts if one.runs_examples} - {-1}

        def projects_that_run(owner: int) -> list[str]:
            return [
                index.members[runner].project_file
                for runner in runners
                if owner < 0 or owner in index.closures[runner]
            ]

        def link(path: str, owner: int, names: Iterable[str], users: Iterable[str]) -> None:
            folder = posixpath.dirname(path)
            for text in names:
                top = text.partition(".")[0]
                if top not in sys.stdlib_module_names and (not top or index.provides_top(top)):
                    for node in files.nodes_of(text, folder, owner):
                        note(links, node, users, text)

        for number, one in files.facts:
            if one.examples:
                path, owner = index.paths[number], index.owners[number]
                users = [f"{path}{EXAMPLES}", *projects_that_run(owner)]
                link(path, owner, one.examples, users)
        for path, texts in files.named.items():
            folder = posixpath.dirname(path)
            owner = index.owner_of_folder(folder)
            users = [path, *(projects_that_run(owner) if is_document(path) else ())]
            for one in texts:
                link(path, owner, (*one.strings, *one.examples), users)
                for text in one.paths:
                    for script in index.files_named(text, folder):
                        note(links, script, users, text)
        return links

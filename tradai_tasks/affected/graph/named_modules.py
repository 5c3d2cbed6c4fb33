"""Edges for modules that are named outside of code: in data files, documents and docstrings.

A data file that names a module is a node of the graph between the module and the files that may
read the data file. Examples in docstrings are run by the tests of the module's own member, and of
members that run the examples of others. A file that imports the module does not run them.
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterable, Mapping, Sequence

from tradai_tasks.affected.graph.import_graph import EXAMPLES
from tradai_tasks.affected.graph.linker import Linker
from tradai_tasks.affected.graph.member_edges import project_file
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.parse.text_examples import is_data, is_document
from tradai_tasks.affected.resolve.file_table import is_collected
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.resolve.script_paths import files_at_path
from tradai_tasks.affected.rules.script_files import is_cython, is_script


def data_files(index: ModuleIndex, paths: Iterable[str]) -> list[str]:
    """Return files of members that may name modules: data, scripts and doctests in text files."""
    return sorted(
        path
        for path in paths
        if (
            is_data(path)
            or is_script(path)
            or is_cython(path)
            or (path.endswith(".txt") and is_collected(path))
        )
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


def name_users(
    linker: Linker, facts: Iterable[tuple[int, Facts]], named: Mapping[str, Sequence[Facts]]
) -> dict[int, set[str]]:
    """Return for modules the data files, documents and examples that name them.

    Args:
        linker: The edges so far.
        facts: Python files by number, with their facts; a file may come twice.
        named: Data files and documents, with their facts at one or both ends of a range.

    Returns:
        Node -> paths of what names it.
    """
    index = linker.index
    users: dict[int, set[str]] = {}
    runners: set[int] = set()
    with_examples: list[tuple[int, Facts]] = []
    for number, one in facts:
        if one.runs_examples and index.owners[number] >= 0:
            runners.add(index.owners[number])
        if one.examples or one.fenced:
            with_examples.append((number, one))
    for number, one in with_examples:
        path, owner = index.paths[number], index.owners[number]
        others = [runner for runner in runners if owner < 0 or owner in index.closures[runner]]
        fenced = one.fenced if others else ()
        users_of_text = {f"{path}{EXAMPLES}"} | {
            project_file(index.members[other]) for other in others
        }
        _add_references(linker, users, (*one.examples, *fenced), path, owner, users_of_text)
    for path, texts in named.items():
        owner = index.owner_of_folder(posixpath.dirname(path))
        users_of_text = {path}
        if is_document(path):
            users_of_text |= {
                project_file(index.members[runner])
                for runner in runners
                if owner < 0 or owner in index.closures[runner]
            }
        for one in texts:
            _add_references(
                linker, users, (*one.strings, *one.examples), path, owner, users_of_text
            )
            for script in (
                n for t in one.paths for n in files_at_path(index, t, posixpath.dirname(path))
            ):
                users.setdefault(script, set()).update(users_of_text)
    return users


def command_users(linker: Linker, facts: Iterable[tuple[int, Facts]]) -> dict[int, set[str]]:
    """Return for modules that console commands run the files that may start these commands.

    Args:
        linker: The edges so far.
        facts: Python files by number, with their facts; a file may come twice.

    Returns:
        Node -> paths of the files that name its command.
    """
    index = linker.index
    scripts: dict[str, set[int]] = {}
    for number, member in enumerate(index.members):
        folder = "" if member.path == "." else member.path
        for command, target in member.scripts:
            nodes = linker.resolver.nodes_of(target.partition("[")[0].strip(), folder, number)
            scripts.setdefault(command, set()).update(nodes)
    users: dict[int, set[str]] = {}
    for number, one in facts:
        for command in scripts.keys() & one.commands if scripts else ():
            for node in scripts[command]:
                users.setdefault(node, set()).add(index.paths[number])
    return users


def _add_references(  # noqa: PLR0913, PLR0917 - the parts of one text
    linker: Linker,
    users: dict[int, set[str]],
    references: Iterable[str],
    path: str,
    owner: int,
    users_of_text: Iterable[str],
) -> None:
    folder = posixpath.dirname(path)
    for text in references:
        top = text.partition(".")[0]
        if top in sys.stdlib_module_names or (top and not linker.index.provides_top(top)):
            continue
        for node in linker.resolver.nodes_of(text, folder, owner):
            users.setdefault(node, set()).update(users_of_text)

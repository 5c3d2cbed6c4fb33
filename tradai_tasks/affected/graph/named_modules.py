"""Modules that are named where nothing is imported: in data files, documents and docstrings.

A data file that names a module is a node of the graph between the module and all that may read the
file. What the examples in docstrings load is loaded by the tests of the module's own member, and of
members that run the examples of others; whoever imports the module loads none of it.
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterable, Mapping, Sequence

from tradai_tasks.affected.graph.import_graph import EXAMPLES
from tradai_tasks.affected.graph.linker import Linker
from tradai_tasks.affected.graph.script_files import is_cython, is_script
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.parse.text_examples import is_data, is_document
from tradai_tasks.affected.resolve.lazy_reexports import is_collected
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.resolve.script_paths import by_path

__all__ = ["command_users", "data_files", "documents", "name_users"]


def data_files(index: ModuleIndex, paths: Iterable[str]) -> list[str]:
    """Return the files of members that may name modules: data, scripts, doctests in text files."""
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
    """Return the documents whose examples may be run: below settings that ask for it, or all."""
    folders = [posixpath.dirname(path) for path, found in config.items() if found.runs_examples]
    if any(one.runs_examples for one in facts) or "" in folders:
        return sorted(path for path in paths if is_document(path))
    starts = tuple(f"{folder}/" for folder in folders)
    return sorted(path for path in paths if path.startswith(starts) and is_document(path))


def name_users(
    linker: Linker, facts: Iterable[tuple[int, Facts]], named: Mapping[str, Sequence[Facts]]
) -> dict[int, set[str]]:
    """Return what names each module, or lazy module's name, elsewhere than in code.

    Args:
        linker: The edges so far.
        facts: Python files by number, what they say; a file may come twice.
        named: Data files and documents, what each says, at one or both ends of a range.

    Returns:
        Node -> the data files, documents and examples that name it.
    """
    index = linker.index
    users: dict[int, set[str]] = {}
    runners: set[int] = set()
    told: list[tuple[int, Facts]] = []
    for number, one in facts:
        if one.runs_examples and index.owners[number] >= 0:
            runners.add(index.owners[number])
        if one.examples or one.fenced:
            told.append((number, one))
    for number, one in told:
        path, owner = index.paths[number], index.owners[number]
        others = [runner for runner in runners if owner < 0 or owner in index.closures[runner]]
        fenced = one.fenced if others else ()
        sinks = {f"{path}{EXAMPLES}"} | {_project_file(index, other) for other in others}
        _refer(linker, users, (*one.examples, *fenced), path, owner, sinks)
    for path, texts in named.items():
        owner = index.owner_of_folder(posixpath.dirname(path))
        sinks = {path}
        if is_document(path):
            sinks |= {
                _project_file(index, runner)
                for runner in runners
                if owner < 0 or owner in index.closures[runner]
            }
        for one in texts:
            _refer(linker, users, (*one.strings, *one.examples), path, owner, sinks)
            for script in (
                n for t in one.paths for n in by_path(index, t, posixpath.dirname(path))
            ):
                users.setdefault(script, set()).update(sinks)
    return users


def command_users(linker: Linker, facts: Iterable[tuple[int, Facts]]) -> dict[int, set[str]]:
    """Return what may start the commands of members, whose code a process of its own loads.

    Args:
        linker: The edges so far.
        facts: Python files by number, what they say; a file may come twice.

    Returns:
        Node -> the files that name the command.
    """
    index = linker.index
    scripts: dict[str, set[int]] = {}
    for number, member in enumerate(index.members):
        folder = "" if member.path == "." else member.path
        for command, target in member.scripts:
            nodes = linker.refer(target.partition("[")[0].strip(), folder, number)
            scripts.setdefault(command, set()).update(nodes)
    users: dict[int, set[str]] = {}
    for number, one in facts:
        for command in scripts.keys() & one.commands if scripts else ():
            for node in scripts[command]:
                users.setdefault(node, set()).add(index.paths[number])
    return users


def _refer(  # noqa: PLR0913, PLR0917 - the parts of one text
    linker: Linker,
    users: dict[int, set[str]],
    references: Iterable[str],
    path: str,
    owner: int,
    sinks: Iterable[str],
) -> None:
    folder = posixpath.dirname(path)
    for text in references:
        top = text.partition(".")[0]
        if top in sys.stdlib_module_names or (top and not linker.index.has_top(top)):
            continue
        for node in linker.refer(text, folder, owner):
            users.setdefault(node, set()).update(sinks)


def _project_file(index: ModuleIndex, number: int) -> str:
    path = index.members[number].path
    return "pyproject.toml" if path == "." else f"{path}/pyproject.toml"

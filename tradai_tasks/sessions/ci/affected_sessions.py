"""Map affected packages to the nox sessions that test them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import msgspec

from tradai_tasks.affected.selection.change_analysis import ChangeAnalysis
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.selection import Selection
from tradai_tasks.files.file_tree import Tree, all_files, is_visible
from tradai_tasks.matrix import Task
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.registry.replacements import known_names, sessions_of

STEPS = ("lint", "typecheck", "test")


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions to run for a selection."""

    tasks: tuple[Task, ...]
    untested: tuple[str, ...]  # affected packages whose tests no session runs


def tasks_of(context: Context, found: ChangeAnalysis) -> Tasks:
    """Return the sessions of each affected package, as one task for each Python.

    Sessions are those of the repository at the head of the range, which may differ from the disk.
    """
    selection = found.selection
    names = known_names(context)
    if found.other_head is not None:
        context = _at_head(context, found.other_head)
        names = known_names(context)
    repository = context.repository
    current = f"{sys.version_info[0]}.{sys.version_info[1]}"
    suffixed = repository.has_several_pythons
    tested = {repository.workspace.session_id(package) for package in repository.shares}
    tasks = []
    untested = []
    shared: set[str] = set()
    for item in selection.packages:
        for python in repository.pythons or (current,):
            is_first = python == (repository.python or current)
            test = [f"test{f'-{python}' if suffixed else ''}({item.name})"]
            if "test" in context.exclude:  # the noxfile's own, on the Pythons that it says
                test = [*sessions_of(context, "test", item.name)] if is_first else []
            wanted = test if item.affected else []
            if repository.is_of_strategies and is_first:
                chosen = {*selection.sessions, *item.sessions}
                once = [s for s in STEPS[:2] if item.affected or s in chosen]
                more = [name for step in once for name in sessions_of(context, step, item.name)]
                wanted = more + wanted
            # a session of the noxfile that is for all packages runs once
            found_names = tuple(n for n in wanted if n in names and ("(" in n or n not in shared))
            shared.update(found_names)
            if found_names:
                tasks.append(Task(package=item.name, python=python, sessions=found_names))
            if item.affected and item.name in tested and is_first and not {*test} & names:
                untested.append(item.name)
    tasks += _root_tasks(repository, selection, current, names)
    return Tasks(tasks=tuple(tasks), untested=tuple(dict.fromkeys(untested)))


def _at_head(context: Context, revision: Revision) -> Context:
    """Return the sessions' view of the repository at the head, if the disk has another commit."""
    there = msgspec.structs.replace(
        context.repository,
        tree=revision.tree,
        settings=revision.settings or context.repository.settings,
        workspace=revision.workspace,
        known_markers=None,
    )
    names = there.session_names("test", tuple(there.shares), every_python=True)
    packages = there.workspace.packages if there.is_of_strategies else None
    for name in STEPS[:2]:
        names += there.session_names(name, packages)
    kept = (name for name in names if not context.exclude & {name, name.partition("(")[0]})
    return msgspec.structs.replace(context, repository=there, names=tuple(kept))


def _root_tasks(
    repository: Repository, selection: Selection, current: str, names: frozenset[str]
) -> list[Task]:
    """Return the tests of a root that is not a package; they may test anything in it."""
    root = repository.workspace.virtual_root
    share = repository.shares.get(root) if root else None
    if root is None or share is None or not _concerns(selection, repository.tree, share.tests):
        return []
    several = repository.has_several_pythons
    wanted = [
        (python, f"test-{python}({root.name})" if several else f"test({root.name})")
        for python in repository.pythons or (current,)
    ]
    return [
        Task(package=root.name, python=python, sessions=(name,))
        for python, name in wanted
        if name in names
    ]


def _concerns(selection: Selection, tree: Tree, tests: Sequence[str]) -> bool:
    """Return whether a change may affect the root's tests; a document only if they name it."""
    kinds = ("packages", "services", "lambdas", "stacks")
    if selection.everything or any(selection.affected(kind) for kind in kinds):
        return True
    documents = {p for p in selection.changed if p in selection.docs or p in selection.unread}
    if any(path not in documents for path in selection.changed):
        return True
    words = {word for path in documents for word in _words(path)}
    files = (file for folder in tests for file in all_files(tree, folder, enters=is_visible))
    texts = (tree.read(file) for file in files if file.endswith(".py"))
    return bool(words) and any(word in text for text in texts for word in words)


def _words(path: str) -> Iterator[bytes]:
    """Yield the words by which code can name a file: its name, its suffix, its folders."""
    for part in path.split("/"):
        yield part.encode("utf-8", "surrogateescape")
    stem, dot, ending = path.rpartition(".")
    if stem and dot and "/" not in ending:
        yield f".{ending}".encode("utf-8", "surrogateescape")

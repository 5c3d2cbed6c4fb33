"""Source tree -> import graph: which files a change of a file can reach.

A node is a file, not a module name. The graph says what a member's files load, directly or not;
`affected_by` walks it backwards from what has changed.
"""

from __future__ import annotations

import hashlib
import posixpath
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tradai_tasks.affected.graph.fact_cache import Cache, Links
from tradai_tasks.affected.graph.fact_loader import all_facts
from tradai_tasks.affected.graph.import_graph import ImportGraph, unite
from tradai_tasks.affected.graph.linker import Linker, ReadTexts
from tradai_tasks.affected.graph.named_modules import (
    command_users,
    data_files,
    documents,
    name_users,
)
from tradai_tasks.affected.graph.parallel_linking import link_files
from tradai_tasks.affected.locks.third_party_edges import loaded_by_others
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.resolve.lazy_reexports import is_collected
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.module_index import ModuleIndex, is_python
from tradai_tasks.affected.rules.data_paths import readers_by_path
from tradai_tasks.affected.rules.fact_extraction import CONFIG_FILES, decode
from tradai_tasks.vcs.snapshot_protocol import Snapshot

__all__ = ["ImportGraph", "build_both", "build_graph", "unite"]

_COMMAND_GROUPS = frozenset({"scripts", "gui-scripts", "console_scripts", "gui_scripts"})


def build_graph(
    snapshot: Snapshot, members: Sequence[Member], *, cache: Cache | None = None
) -> ImportGraph:
    """Build the import graph of one snapshot.

    Args:
        snapshot: The files.
        members: The members of the workspace.
        cache: Where facts are kept between runs; None reads every file.
    """
    return _graph(_linked(snapshot, members, cache))


def build_both(
    head: Snapshot, base: Snapshot, members: Sequence[Member], *, cache: Cache | None = None
) -> ImportGraph:
    """Build the union of the graphs of both ends of a range, which have the same members.

    Mostly the ends differ in the text of some modules, and in nothing that decides what a name
    means. Then one graph is built, in which those modules have the edges of both their texts.

    Args:
        head: The files at the head.
        base: The files at the base.
        members: The members of the workspace at both.
        cache: Where facts are kept between runs; None reads every file.
    """
    linked = _linked(head, members, cache)
    older = _older(linked, head, base, cache)
    if older is None:
        return unite(_graph(linked), build_graph(base, members, cache=cache))
    return _graph(linked, older)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Linked:
    """The files of a snapshot with the edges that their texts make."""

    blobs: Mapping[str, str]
    digests: Mapping[str, str]  # of all files that were parsed
    index: ModuleIndex
    facts: list[Facts]
    config: Mapping[str, Facts]
    named: dict[str, list[Facts]]  # data files and documents, at one end or both
    linker: Linker


def _linked(snapshot: Snapshot, members: Sequence[Member], cache: Cache | None) -> _Linked:
    ordered = sorted(members, key=lambda member: member.path)
    paths = sorted(path for path in snapshot.blobs if is_python(path))
    settings = sorted(p for p in snapshot.blobs if p.rpartition("/")[2] in CONFIG_FILES)
    index = ModuleIndex(paths, ordered)
    data = data_files(index, snapshot.blobs)
    parsed = all_facts(snapshot, [*paths, *settings, *data], cache)
    config = {path: parsed.facts[path] for path in settings}
    facts = [parsed.facts[path] for path in paths]
    texts_run = all_facts(snapshot, documents(facts, config, snapshot.blobs), cache)
    named = {path: parsed.facts[path] for path in data} | texts_run.facts
    _add_roots(index, facts, config)
    linker = Linker(index, facts)
    keys = [f"{path}\0{parsed.digests[path]}" for path in paths]
    frame = _frame(index, keys, facts, linker.offered)
    _link(linker, keys, frame, _reader(snapshot, index), cache)
    return _Linked(
        blobs=snapshot.blobs,
        digests=parsed.digests | texts_run.digests,
        index=index,
        facts=facts,
        config=config,
        named={path: [one] for path, one in named.items()},
        linker=linker,
    )


def _older(
    linked: _Linked, head: Snapshot, base: Snapshot, cache: Cache | None
) -> dict[int, Facts] | None:
    """Add the edges of what the changed modules said before, and return that.

    None where the ends differ in anything else that decides what a name means: the files there
    are, the settings of pytest, stubs, lazy modules and what is handed on under other names.
    """
    index, facts = linked.index, linked.facts
    if head.blobs.keys() != base.blobs.keys():
        return None
    now, then = linked.digests, base.known(linked.digests, {})
    differing = {path for path in now if now[path] != then.get(path)}
    if differing & linked.config.keys():
        return None
    changed = [path for path in index.paths if path in differing]
    if any(path.endswith(".pyi") for path in changed):
        return None
    found = all_facts(base, changed, cache).facts
    older = {index.ids[path]: found[path] for path in changed}
    for number, one in older.items():
        new = facts[number]
        if one.lazy is not None or new.lazy is not None or one.moves_path != new.moves_path:
            return None
        if (one.runs_examples, one.extends_path) != (new.runs_examples, new.extends_path):
            return None
    if not linked.linker.offers_the_same(older):
        return None
    linked.linker.link_older(older, _reader(base, index))
    moved = [path for path in linked.named if path in differing]
    for path, one in all_facts(base, moved, cache).facts.items():
        linked.named[path].append(one)
    return older


def _frame(
    index: ModuleIndex,
    keys: Sequence[str],
    facts: Sequence[Facts],
    offered: frozenset[tuple[int, str]],
) -> str:
    """Return a digest of all that a file's edges depend on beside its own content."""
    lazy = [keys[number] for number, found in enumerate(facts) if found.lazy is not None]
    lazy += [key for key in keys if ".pyi\0" in key]
    members = [(m.name, m.path, m.source_roots, m.entry_points) for m in index.members]
    moved = [sorted(index.more_roots.items()), sorted(index.movers), sorted(index.extenders)]
    parts = [list(index.paths), members, lazy, moved, sorted(offered)]
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape"))
    for closure in index.closures:
        digest.update(array("I", [len(closure), *sorted(closure)]))
    return digest.hexdigest()


def _link(
    linker: Linker, keys: Sequence[str], frame: str, read: ReadTexts, cache: Cache | None
) -> None:
    """Collect the edges: from the cache, as far as the files are the same."""
    stored = cache.get_links(frame) if cache else None
    known: dict[int, tuple[int, ...]] = {}
    if stored is not None:
        linker.preset(stored.asked, stored.answers)
        for number, key in enumerate(keys):
            edges = stored.edges.get(key)
            if edges is not None:
                known[number] = edges
                if key in stored.undeclared:
                    linker.undeclared[number] = dict.fromkeys(stored.undeclared[key])
    linker.know(known)
    link_files(linker, [number for number in range(len(keys)) if number not in known])
    linker.finish(read)
    if cache is None or len(known) == len(keys):
        return
    links = stored or Links(edges={}, asked=[], answers=[], undeclared={})
    for number, key in enumerate(keys):
        if number not in known:
            links.edges[key] = tuple(sorted(linker.edges[number]))
            if number in linker.undeclared:
                links.undeclared[key] = tuple(linker.undeclared[number])
    if len(links.edges) > 2 * len(keys):  # old versions of files do not pile up
        kept = set(keys)
        links.edges = {key: edges for key, edges in links.edges.items() if key in kept}
    links.asked = linker.questions.asked
    first = len(keys)
    links.answers = [
        tuple(sorted(linker.edges.get(first + n, ()))) for n in range(len(links.asked))
    ]
    cache.put_links(frame, links)


def _add_roots(index: ModuleIndex, facts: Sequence[Facts], config: Mapping[str, Facts]) -> None:
    """Find further folders on sys.path: pytest's `pythonpath`, and what code puts there."""
    roots: dict[int, set[str]] = {}
    inside = _members_by_folder(index)
    for path, found in config.items():
        folder = posixpath.dirname(path)
        below = inside.get(folder, set()) if found.paths else set()
        for text in found.paths:
            inner = posixpath.normpath(posixpath.join(folder, text))
            for owner in {index.owner_of_folder(folder), *below}:
                roots.setdefault(owner, set()).add("" if inner == "." else inner)
    index.extenders |= {index.owners[n] for n, one in enumerate(facts) if one.extends_path}
    index.movers |= {index.owners[number] for number, one in enumerate(facts) if one.moves_path}
    for folder in index.by_folder:
        owner = index.owner_of_folder(folder)
        if index.movers & {owner, -1}:
            roots.setdefault(owner, set()).add(folder)
    for owner, folders in roots.items():
        index.more_roots[owner] = tuple(sorted(folders))


def _members_by_folder(index: ModuleIndex) -> Mapping[str, set[int]]:
    """Return the members in each folder, whose tests take the settings of pytest that stand there.

    The root is the empty text.
    """
    found: dict[str, set[int]] = {}
    for number, member in enumerate(index.members):
        folder = "" if member.path == "." else member.path
        while folder:
            found.setdefault(folder, set()).add(number)
            folder = posixpath.dirname(folder)
        found.setdefault("", set()).add(number)
    return found


def _reader(snapshot: Snapshot, index: ModuleIndex) -> ReadTexts:
    def read(numbers: Collection[int]) -> dict[int, str]:
        found = {}
        for path, loaded in snapshot.load(index.paths[number] for number in sorted(numbers)):
            try:
                found[index.ids[path]] = decode(loaded.data)
            except (LookupError, UnicodeDecodeError):
                continue  # its facts say that it is broken, and its member is widened
        return found

    return read


def _settings(
    linker: Linker, index: ModuleIndex, config: Mapping[str, Facts]
) -> dict[int, set[str]]:
    """Link the plugins that pytest's settings name: every test below the file loads them.

    Returns:
        For each plugin, the members below the settings, by their project files.
    """
    users: dict[int, set[str]] = {}
    inside = _members_by_folder(index)
    for path, found in config.items():
        folder = posixpath.dirname(path)
        below = inside.get(folder, set())
        owner = index.owner_of_folder(folder)
        seen_from = [(folder, owner)]
        seen_from += [(_folder(index.members[number]), number) for number in sorted(below)]
        for word in found.words:
            targets = {n for place in seen_from for n in linker.refer(word, *place)}
            for target in targets:
                users.setdefault(target, set()).update(
                    _project_file(index.members[number]) for number in {owner, *below} - {-1}
                )
            start = f"{folder}/" if folder else ""
            for number, file in enumerate(index.paths):
                if targets and file.startswith(start) and is_collected(file):
                    linker.add(number, targets)
    return users


def _graph(linked: _Linked, older: Mapping[int, Facts] | None = None) -> ImportGraph:
    """Turn edges into the graph.

    Args:
        linked: The files with their edges.
        older: What changed modules said before, where their edges are among them.
    """
    index, facts, older = linked.index, linked.facts, older or {}
    read = readers_by_path(index, facts, linked.blobs)
    for path, readers in readers_by_path(index, older, linked.blobs).items():
        read.setdefault(path, set()).update(readers)
    owners = {
        path: index.members[owner].name
        for path, owner in zip(index.paths, index.owners, strict=True)
        if owner >= 0
    }
    dynamic, passed = _unknown(index, facts, older)
    return ImportGraph(
        members={member.name: member for member in index.members},
        owners=owners,
        users=_users(linked, read, older),
        data_users={
            folder: tuple(index.paths[n] for n in numbers)
            for folder, numbers in index.by_folder.items()
        },
        dynamic=dynamic,
        passed=passed,
        undeclared=tuple(
            f"{index.paths[number]} imports {name}, which its package does not declare"
            for number, names_of in sorted(linked.linker.undeclared.items())
            for name in names_of
        ),
    )


def _users(
    linked: _Linked, read: Mapping[str, set[str]], older: Mapping[int, Facts]
) -> dict[str, frozenset[str]]:
    """Turn the edges around: for each file, what loads it."""
    index, linker = linked.index, linked.linker
    run = [_settings(linker, index, linked.config), _entry_points(index, linker)]
    run += [_conftests(index, linker), loaded_by_others(index)]
    run.append(command_users(linker, [*enumerate(linked.facts), *older.items()]))
    run.append(name_users(linker, [*enumerate(linked.facts), *older.items()], linked.named))
    linker.settle()
    names = linker.names()
    users: dict[str, set[str]] = {}
    queue = [*range(len(index.paths)), *(node for found in run for node in found)]
    seen = set(queue)
    for node in queue:  # what a lazy module was asked for by older versions of a file is left out
        for target in linker.edges.get(node, ()):
            users.setdefault(names[target], set()).add(names[node])
            if target not in seen:
                seen.add(target)
                queue.append(target)
    for found in run:
        for node, projects in found.items():
            users.setdefault(names[node], set()).update(projects)
    for path, readers in read.items():
        users.setdefault(path, set()).update(readers)
    return {path: frozenset(found) for path, found in users.items()}


def _unknown(
    index: ModuleIndex, facts: Sequence[Facts], older: Mapping[int, Facts]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the files that may load anything, each with the reason, and those whose callers tell.

    What does not parse does not run: it is loaded by nothing that passes.
    """
    dynamic: dict[str, str] = {}
    passed = set()
    for number, one in enumerate(facts):
        texts = [one, older[number]] if number in older else [one]
        unknown = [text for text in texts if text.broken or text.dynamic]
        if unknown and index.owners[number] >= 0:
            dynamic[index.paths[number]] = unknown[0].broken or unknown[0].dynamic
            if all(text.broken or text.is_passed for text in unknown):
                passed.add(index.paths[number])
    return dynamic, frozenset(passed)


def _entry_points(index: ModuleIndex, linker: Linker) -> dict[int, set[str]]:
    """A member loads its own entry points, and the plugins of all that it installs.

    Whoever reads a group of entry points, mostly a third party, finds all that are installed:
    pytest its plugins, xarray its backends. Commands are told by those who start them.
    """
    users: dict[int, set[str]] = {}
    for number, member in enumerate(index.members):
        for file in linker.entry_points(member, number):
            users.setdefault(file, set()).add(_project_file(member))
        plugins = {
            file
            for group in {group for group, _ in member.entry_points} - _COMMAND_GROUPS
            for file in linker.entry_points(member, number, group)
        }
        for other in index.members if plugins else ():
            if member.name in other.closure and other.is_project:
                for file in plugins:
                    users.setdefault(file, set()).add(_project_file(other))
    return users


def _conftests(index: ModuleIndex, linker: Linker) -> dict[int, set[str]]:
    """A member whose tests go by other names than the usual runs each conftest.py around it."""
    usual = {index.owners[n] for n, path in enumerate(index.paths) if is_collected(path)}
    users: dict[int, set[str]] = {}
    for number, member in enumerate(index.members):
        if number not in usual:
            for file in linker.conftests(_folder(member)):
                users.setdefault(file, set()).add(_project_file(member))
    return users


def _folder(member: Member) -> str:
    return "" if member.path == "." else member.path


def _project_file(member: Member) -> str:
    return f"{member.path}/pyproject.toml" if member.path != "." else "pyproject.toml"

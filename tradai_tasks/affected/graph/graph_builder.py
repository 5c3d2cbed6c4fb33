"""Build the import graph of a snapshot: which files load which others.

A node is a file, not a module name. `ImportGraph.affected_by` walks the graph backwards from the
files that have changed.
"""

from __future__ import annotations

import hashlib
import posixpath
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from tradai_tasks.affected.graph.edge_trace import BEFORE, EdgeTrace, Version
from tradai_tasks.affected.graph.fact_cache import Cache, StoredEdges
from tradai_tasks.affected.graph.fact_loader import all_facts
from tradai_tasks.affected.graph.import_graph import ImportGraph, unite
from tradai_tasks.affected.graph.import_statements import ReadTexts
from tradai_tasks.affected.graph.linker import Linker
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.module_index import ModuleIndex
from tradai_tasks.affected.rules.catalog import DEFAULT, RuleSet
from tradai_tasks.affected.rules.edge_rule import Links, WorkspaceFiles, WorkspaceRule
from tradai_tasks.affected.rules.fact_extraction import CONFIG_FILES, decode
from tradai_tasks.affected.rules.kinds.named_in_text import data_files, documents
from tradai_tasks.vcs.snapshot_protocol import Snapshot


def build_graph(
    snapshot: Snapshot,
    members: Sequence[Member],
    *,
    cache: Cache | None = None,
    rules: RuleSet = DEFAULT,
) -> ImportGraph:
    """Build the import graph of one snapshot; without a cache, every file is read.

    The cache is that of the same rules.
    """
    return _graph(_link_snapshot(snapshot, members, cache, rules))


def build_both(
    head: Snapshot,
    base: Snapshot,
    members: Sequence[Member],
    *,
    cache: Cache | None = None,
    rules: RuleSet = DEFAULT,
) -> ImportGraph:
    """Build the union of the graphs of both ends of a range, which have the same members.

    Mostly the ends differ in the text of some modules, and in nothing that decides what a name
    means. Then one graph is built, in which those modules have the edges of both their texts.
    """
    linked = _link_snapshot(head, members, cache, rules)
    older = _link_base(linked, head, base, cache)
    if older is None:
        return unite(_graph(linked), build_graph(base, members, cache=cache, rules=rules))
    return _graph(linked, older, base)


class _LinkedSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a snapshot with the edges between them."""

    snapshot: Snapshot
    digests: Mapping[str, str]  # of all files that were parsed
    index: ModuleIndex
    facts: list[Facts]
    config: Mapping[str, Facts]
    named: dict[str, list[Facts]]  # data files and documents, at one end or both
    linker: Linker


def _link_snapshot(
    snapshot: Snapshot, members: Sequence[Member], cache: Cache | None, rules: RuleSet
) -> _LinkedSnapshot:
    """Collect the edges of all Python files of a snapshot."""
    ordered = sorted(members, key=lambda member: member.path)
    paths = sorted(path for path in snapshot.blobs if is_python(path))
    settings = sorted(p for p in snapshot.blobs if p.rpartition("/")[2] in CONFIG_FILES)
    index = ModuleIndex(paths, ordered)
    data = data_files(index, snapshot.blobs)
    parsed = all_facts(snapshot, [*paths, *settings, *data], cache, rules)
    config = {path: parsed.facts[path] for path in settings}
    facts = [parsed.facts[path] for path in paths]
    texts_run = all_facts(snapshot, documents(facts, config, snapshot.blobs), cache, rules)
    named = {path: parsed.facts[path] for path in data} | texts_run.facts
    _add_roots(index, facts, config)
    linker = Linker(index, facts, rules)
    keys = [f"{path}\0{parsed.digests[path]}" for path in paths]
    frame = _frame(index, keys, facts, linker.lazy.reexported)
    _link(linker, keys, frame, _reader(snapshot, index), cache)
    return _LinkedSnapshot(
        snapshot=snapshot,
        digests=parsed.digests | texts_run.digests,
        index=index,
        facts=facts,
        config=config,
        named={path: [one] for path, one in named.items()},
        linker=linker,
    )


def _link_base(
    linked: _LinkedSnapshot, head: Snapshot, base: Snapshot, cache: Cache | None
) -> dict[int, Facts] | None:
    """Add the edges that changed modules have at the base, and return their facts there.

    None where the ends differ in anything else that decides what a name means: the set of files,
    the settings of pytest, stubs, lazy modules and re-exported names.
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
    rules = linked.linker.rules
    found = all_facts(base, changed, cache, rules).facts
    older = {index.ids[path]: found[path] for path in changed}
    for number, one in older.items():
        new = facts[number]
        if one.lazy is not None or new.lazy is not None or one.moves_path != new.moves_path:
            return None
        if (one.runs_examples, one.extends_path) != (new.runs_examples, new.extends_path):
            return None
    if not linked.linker.lazy.has_same_reexports(older):
        return None
    linked.linker.link_older(older, _reader(base, index))
    moved = [path for path in linked.named if path in differing]
    for path, one in all_facts(base, moved, cache, rules).facts.items():
        linked.named[path].append(one)
    return older


def _frame(
    index: ModuleIndex,
    keys: Sequence[str],
    facts: Sequence[Facts],
    reexported: frozenset[tuple[int, str]],
) -> str:
    """Return a digest of all that a file's edges depend on apart from its own content."""
    lazy = [keys[number] for number, found in enumerate(facts) if found.lazy is not None]
    lazy += [key for key in keys if ".pyi\0" in key]
    members = [(m.name, m.path, m.source_roots, m.entry_points) for m in index.members]
    changes = index.path_changes
    moved = [sorted(changes.added_roots.items()), sorted(changes.sys_path_members)]
    moved.append(sorted(changes.package_path_members))
    parts = [list(index.paths), members, lazy, moved, sorted(reexported)]
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape"))
    for closure in index.closures:
        digest.update(array("I", [len(closure), *sorted(closure)]))
    return digest.hexdigest()


def _link(
    linker: Linker, keys: Sequence[str], frame: str, read: ReadTexts, cache: Cache | None
) -> None:
    """Collect the edges of all files: those of unchanged files from the cache."""
    stored = cache.get_links(frame) if cache else None
    known: dict[int, tuple[int, ...]] = {}
    if stored is not None:
        for number, key in enumerate(keys):
            edges = stored.edges.get(key)
            if edges is not None:
                known[number] = edges
                if key in stored.undeclared:
                    linker.imports.undeclared[number] = dict.fromkeys(stored.undeclared[key])
        linker.restore(known, stored.lazy_names, stored.lazy_targets)
    linker.link_files(number for number in range(len(keys)) if number not in known)
    linker.finish(read)
    if cache is None or len(known) == len(keys):
        return
    links = stored or StoredEdges(edges={}, lazy_names=[], lazy_targets=[], undeclared={})
    for number, key in enumerate(keys):
        if number not in known:
            links.edges[key] = tuple(sorted(linker.edges[number]))
            if number in linker.imports.undeclared:
                links.undeclared[key] = tuple(linker.imports.undeclared[number])
    if len(links.edges) > 2 * len(keys):  # so that old versions of files do not add up
        kept = set(keys)
        links.edges = {key: edges for key, edges in links.edges.items() if key in kept}
    links.lazy_names = list(linker.lazy.nodes)
    links.lazy_targets = [
        tuple(sorted(linker.edges.get(node, ()))) for node in linker.lazy.nodes.values()
    ]
    cache.put_links(frame, links)


def _add_roots(index: ModuleIndex, facts: Sequence[Facts], config: Mapping[str, Facts]) -> None:
    """Note folders that pytest's `pythonpath`, or code, adds to sys.path."""
    roots: dict[int, set[str]] = {}
    for path, found in config.items():
        folder = posixpath.dirname(path)
        below = index.members_in.get(folder, set()) if found.paths else set()
        for text in found.paths:
            inner = posixpath.normpath(posixpath.join(folder, text))
            for owner in {index.owner_of_folder(folder), *below}:
                roots.setdefault(owner, set()).add("" if inner == "." else inner)
    changes = index.path_changes
    changes.package_path_members |= {
        index.owners[number] for number, one in enumerate(facts) if one.extends_path
    }
    changes.sys_path_members |= {
        index.owners[number] for number, one in enumerate(facts) if one.moves_path
    }
    for folder in index.by_folder:
        owner = index.owner_of_folder(folder)
        if changes.sys_path_members & {owner, -1}:
            roots.setdefault(owner, set()).add(folder)
    for owner, folders in roots.items():
        changes.added_roots[owner] = tuple(sorted(folders))


def _reader(snapshot: Snapshot, index: ModuleIndex) -> ReadTexts:
    """Return a function that reads the texts of files of a snapshot."""

    def read(numbers: Collection[int]) -> dict[int, str]:
        found = {}
        for path, loaded in snapshot.load(index.paths[number] for number in sorted(numbers)):
            try:
                found[index.ids[path]] = decode(loaded.data)
            except (LookupError, UnicodeError):
                continue  # its facts say that it is broken, and its member is widened
        return found

    return read


def _graph(
    linked: _LinkedSnapshot, older: Mapping[int, Facts] | None = None, base: Snapshot | None = None
) -> ImportGraph:
    """Return the graph of linked files.

    `older` has the facts of changed modules at the base, whose edges are among them.
    """
    index, facts, older = linked.index, linked.facts, older or {}
    owners = {
        path: index.members[owner].name
        for path, owner in zip(index.paths, index.owners, strict=True)
        if owner >= 0
    }
    dynamic, passed = _unknown(index, facts, older)
    links = _workspace_links(linked, older)
    ends = [Version(dict(enumerate(facts)), _reader(linked.snapshot, index))]
    if base is not None:
        ends.append(Version(older, _reader(base, index), BEFORE))
    return ImportGraph(
        members={member.name: member for member in index.members},
        owners=owners,
        users=_users(linked, links),
        data_users={
            folder: tuple(index.paths[n] for n in numbers)
            for folder, numbers in index.by_folder.items()
        },
        dynamic=dynamic,
        passed=passed,
        undeclared={
            index.paths[number]: tuple(names)
            for number, names in sorted(linked.linker.imports.undeclared.items())
        },
        trace=EdgeTrace(
            linker=linked.linker,
            links=links,
            ends=ends,
            read_others=partial(_texts_of, linked.snapshot),
        ),
    )


def _texts_of(snapshot: Snapshot, paths: Iterable[str]) -> dict[str, str]:
    known = [path for path in paths if path in snapshot.blobs]
    return {path: found.data.decode("utf-8", "replace") for path, found in snapshot.load(known)}


def _workspace_links(
    linked: _LinkedSnapshot, older: Mapping[int, Facts]
) -> list[tuple[WorkspaceRule, Links]]:
    """Return what each rule finds that looks at the whole workspace."""
    resolver = linked.linker.resolver
    files = WorkspaceFiles(
        index=linked.index,
        facts=[*enumerate(linked.facts), *older.items()],
        config=linked.config,
        named=linked.named,
        blobs=linked.snapshot.blobs,
        nodes_of=resolver.nodes_of,
        entry_points=resolver.entry_points,
    )
    return [(rule, rule.link_workspace(files)) for rule in linked.linker.rules.of_workspace]


def _users(
    linked: _LinkedSnapshot, links: Sequence[tuple[WorkspaceRule, Links]]
) -> dict[str, frozenset[str]]:
    """Return the edges in reverse: for each file, what loads it."""
    index, linker = linked.index, linked.linker
    linker.link_attributes()
    names = linker.names()
    users: dict[str, set[str]] = {}
    nodes = (node for _, found in links for node in found if isinstance(node, int))
    queue = [*range(len(index.paths)), *nodes]
    seen = set(queue)
    for node in queue:  # only what is reached: names that only older files ask for are left out
        for target in linker.edges.get(node, ()):
            users.setdefault(names[target], set()).add(names[node])
            if target not in seen:
                seen.add(target)
                queue.append(target)
    for _, found in links:
        for key, more in found.items():
            name = names[key] if isinstance(key, int) else key
            users.setdefault(name, set()).update(more)
    return {path: frozenset(found) for path, found in users.items()}


def _unknown(
    index: ModuleIndex, facts: Sequence[Facts], older: Mapping[int, Facts]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the files that may load anything, each with the reason.

    Of these also the ones whose callers pass the names that they load. A file that does not parse
    counts among them: it does not run, so no test that passes loads it.
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

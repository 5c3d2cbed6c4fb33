"""Count what each rule alone finds in a repository, to judge whether it earns its place."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

from tradai_tasks.affected.graph.edge_trace import EdgeTrace
from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.graph.split_costs import packages_reached

Pair = tuple[str, str]  # a node, and a node that loads it


class RuleEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule finds in a repository."""

    name: str
    edges: int  # that it finds
    alone: int  # that no other rule finds
    selections: int  # (changed file, package) pairs that would not be selected without it


def rule_evidence(graph: ImportGraph) -> tuple[RuleEvidence, ...]:
    """Return the evidence for each rule that is on, in their order.

    A package's own files do not count as selections. Files that may load anything are left out.
    """
    if graph.trace is None:
        return ()
    kinds = _kinds_of(graph.trace)
    users = {path: set(found) for path, found in graph.users.items()}
    whole = _selected(users, graph)
    rows = []
    for name in graph.trace.linker.rules.by_name:
        found = [pair for pair, rules in kinds.items() if name in rules]
        alone = [pair for pair in found if len(kinds[pair]) == 1]
        without = {path: set(found) for path, found in users.items()} if alone else users
        for target, user in alone:
            without.get(target, set()).discard(user)
        lost = whole - _selected(without, graph) if alone else 0
        rows.append(RuleEvidence(name=name, edges=len(found), alone=len(alone), selections=lost))
    return tuple(rows)


def _kinds_of(trace: EdgeTrace) -> dict[Pair, set[str]]:
    """Return for each edge of the head the rules that find it."""
    linker = trace.linker
    edges = [
        (target, number, rule.name)
        for number, facts in trace.ends[0].facts.items()
        for rule, targets in linker.targets(number, facts)
        for target in targets
    ]
    for node in linker.lazy.nodes.values():
        edges += [(target, node, "lazy") for target in linker.edges.get(node, ())]
    names = linker.names()  # linking may have added some
    kinds: dict[Pair, set[str]] = {}
    for target, user, kind in edges:
        kinds.setdefault((names[target], names[user]), set()).add(kind)
    for of_workspace, links in trace.named_links:
        for pair in ((target, user) for target, users in links.items() for user in users):
            kinds.setdefault(pair, set()).add(of_workspace.name)
    return kinds


def _selected(users: Mapping[str, AbstractSet[str]], graph: ImportGraph) -> int:
    """Return how many packages changes of single files select, apart from their own, in sum."""
    reached, own = packages_reached(users, graph.owner_of)
    return sum((mask & ~own[path]).bit_count() for path, mask in reached.items() if path[0] != "?")

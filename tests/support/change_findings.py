"""What the session `changes` finds, without a look at a repository."""

from __future__ import annotations

from typing import Any

import pytest

from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.affected.selection.change_analysis import ChangeAnalysis
from tradai_tasks.affected.selection.selection import Item, Selection
from tradai_tasks.sessions.ci import changes

SPAN = CommitRange(base="a" * 40, head="b" * 40, why="because")


def item(name: str, *reasons: str) -> Item:
    return Item(name=name, path=f"libs/{name}", reasons=reasons)


def finding(
    monkeypatch: pytest.MonkeyPatch,
    *items: Item,
    everything: tuple[str, ...] = (),
    users: dict[str, frozenset[str]] = {"a.py": frozenset({"b.py"})},  # noqa: B006 - not changed
    **more: Any,
) -> list[dict[str, Any]]:
    given: dict[str, Any] = {"sessions": {}, "changed": ("x",), "strategies": (), "docs": ()}
    given |= {"services": (item("web", "why"),), **more}
    selection = Selection(
        everything=everything,
        packages=items,
        lambdas=(),
        stacks=(),
        **given,
    )
    graph = ImportGraph(members={}, owners={"a.py": "a", "b.py": "b"}, users=users, data_users={})
    calls: list[dict[str, Any]] = []

    def find(*_: object, **asked: Any) -> ChangeAnalysis:
        calls.append(asked)
        return ChangeAnalysis(span=SPAN, selection=selection, warnings=("a warning",), graph=graph)

    monkeypatch.setattr(changes, "analyse_change", find)
    return calls

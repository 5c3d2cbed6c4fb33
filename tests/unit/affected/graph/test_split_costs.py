"""What files cost, held against walking the graph from each file anew."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tradai_tasks.affected.graph.split_costs import costs

FILES = [f"p{number % 4}/{number}.py" for number in range(10)]
EDGES = st.lists(st.tuples(st.sampled_from(FILES), st.sampled_from(FILES)), max_size=25)


def owner(path: str) -> str:
    return path.partition("/")[0]


def selected(path: str, edges: set[tuple[str, str]]) -> set[str]:
    """Return the packages that a change of a file selects; an edge is (file, what loads it)."""
    seen = [path]
    for one in seen:
        seen += [user for loaded, user in sorted(edges) if loaded == one and user not in seen]
    return {owner(one) for one in seen}


@settings(max_examples=examples(200))
@given(edges=EDGES.map(lambda found: {edge for edge in found if edge[0] != edge[1]}))
def test_costs_are_those_of_walking_the_graph_again(edges: set[tuple[str, str]]) -> None:
    users = {
        path: frozenset(user for loaded, user in edges if loaded == path)
        for path in FILES
        if any(loaded == path for loaded, _ in edges)
    }
    for cost in costs(users, owner):
        apart = {edge for edge in edges if edge[1] != cost.path}  # it loads nothing
        assert cost.selects == len(selected(cost.path, edges) - {owner(cost.path)})
        assert cost.saved == sum(
            len(selected(path, edges)) - len(selected(path, apart)) for path in FILES
        )

"""Both ends of a range in one graph: never other than the union of the two graphs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.snapshots import MemorySnapshot, cache_in, graph_of, member
from tests.support.three_members import ALL, DYNAMIC, PACKAGE, A, B, C, X
from tests.unit.affected.graph.test_fact_cache import CONFIG_PATHS, CONFIGS, MEMBERS, TEXTS, start
from tradai_tasks.affected.graph import graph_builder as imports
from tradai_tasks.affected.graph.graph_builder import build_both
from tradai_tasks.affected.graph.import_graph import unite

LAZY = (
    "import importlib\n_T = {'X': '.x'}\n\n\ndef __getattr__(name):\n"
    "    return getattr(importlib.import_module(_T[name], __name__), name)\n"
)
FILES = {
    "libs/a/src/a/__init__.py": LAZY,
    "libs/a/src/a/x.py": "",
    "libs/a/src/a/y.py": "import b\n",
    "libs/b/src/b/__init__.py": "",
    "libs/b/src/b/m.py": "import a\n\na.X()\n",
    "libs/b/data.txt": "",
    "pyproject.toml": "",
}
NAMING = ("", "a.x b.m", ">>> import b.m\n", ">>> import a.x, a.y\n")
TWO = (member("libs/a"), member("libs/b", "a"))


@settings(max_examples=examples(60))
@given(seed=st.integers(0, 2**32))
def test_one_graph_of_both_ends_is_the_union_of_theirs(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    choices = random.Random(seed)
    head = start(choices)
    if choices.random() < 0.6:  # without lazy modules the short way is open to every file
        head = {p: "import b\n" if "__getattr__" in t else t for p, t in head.items()}
    head |= {path: choices.choice(CONFIGS) for path in CONFIG_PATHS}
    head |= {path: choices.choice(NAMING) for path in ("libs/a/a.json", "libs/b/test_b.txt")}
    base = dict(head)
    for _ in range(choices.randrange(4)):
        path = choices.choice(sorted(base))
        naming = NAMING if path.endswith((".json", ".txt")) else TEXTS
        base[path] = choices.choice(CONFIGS if path in CONFIG_PATHS else naming)
    members = choices.choice(MEMBERS)
    expected = unite(graph_of(head, members), graph_of(base, members))
    cache = cache_in(tmp_path_factory.mktemp("cache"))
    for kept in (None, cache, cache):
        found = build_both(MemorySnapshot(head), MemorySnapshot(base), members, cache=kept)
        assert found == expected
    assert graph_of(head, members, cache=cache) == graph_of(head, members)
    assert graph_of(base, members, cache=cache) == graph_of(base, members)


def graphs_built(monkeypatch: pytest.MonkeyPatch, base: dict[str, str]) -> int:
    """Count the graphs that are built for FILES and another end."""
    calls = []
    whole = imports._link_snapshot

    def counted(*args: object, **options: object) -> object:
        calls.append(args)
        return whole(*args, **options)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(imports, "_link_snapshot", counted)
    found = build_both(MemorySnapshot(FILES), MemorySnapshot(base), TWO)
    monkeypatch.undo()
    assert found == unite(graph_of(FILES, TWO), graph_of(base, TWO))
    return len(calls)


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        ({}, 1),
        ({"libs/a/src/a/y.py": "import a\nimport c\n"}, 1),
        ({"libs/a/src/a/y.py": "def broken(:\n", "libs/b/data.txt": "new"}, 1),
        ({"libs/b/src/b/m.py": "import a\n\na.Y()\n"}, 1),
        ({"libs/a/src/a/__init__.py": ""}, 2),  # was it lazy, is it lazy
        ({"libs/a/src/a/y.py": "import sys\nsys.path.append('x')\n"}, 2),
        ({"libs/b/src/b/__init__.py": "from a import x as it\n", "libs/b/src/b/m.py": ""}, 1),
        (
            {
                "libs/b/src/b/__init__.py": "import a as it\n",
                "libs/b/src/b/m.py": "from b import it\n",
            },
            2,  # handed on under another name
        ),
        ({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p a.X'\n"}, 2),
        ({"libs/a/src/a/new.py": ""}, 2),
    ],
)
def test_one_graph_is_enough_where_only_the_text_of_modules_differs(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], count: int
) -> None:
    assert graphs_built(monkeypatch, {**FILES, **changed}) == count


def test_members_survive_the_cache_as_they_are(tmp_path: Path) -> None:
    cache = cache_in(tmp_path / "c")
    three = (*TWO, member("libs/c", "a", "b", entry_points=[("g", "c:X")], roots=["libs/c", "l"]))
    assert cache.get_members("shape") is None
    cache.put_members("shape", three)
    cache.save()
    again = cache_in(tmp_path / "c")
    assert again.get_members("shape") == three
    assert again.get_members("other") is None


def test_members_of_shapes_that_are_gone_are_not_kept(tmp_path: Path) -> None:
    for shape in ("old", "new"):
        cache = cache_in(tmp_path / "c")
        cache.get_members(shape)
        cache.put_members(shape, TWO)
        cache.save()
    assert cache_in(tmp_path / "c").get_members("old") is None


def test_a_deleted_module_affects_its_users_of_before() -> None:
    before = {**PACKAGE, "libs/b/src/b/m.py": "import a.x\n"}
    after = {path: text for path, text in PACKAGE.items() if path != X}
    graph = unite(graph_of(after, ALL), graph_of(before, ALL))
    assert graph.affected_by([X]) == {"a": (X,), "b": (X, "libs/b/src/b/m.py")}


def test_a_moved_module_affects_the_users_of_both_ends() -> None:
    before = {**PACKAGE, "libs/b/src/b/m.py": "import a.x\n"}
    after = {**PACKAGE, "libs/c/src/c/m.py": "import b.x\n", "libs/b/src/b/x.py": PACKAGE[X]}
    del after[X]
    graph = unite(graph_of(after, ALL), graph_of(before, ALL))
    assert set(graph.affected_by([X, "libs/b/src/b/x.py"])) == {"a", "b", "c"}


def test_a_deleted_init_affects_the_users_of_the_modules_below() -> None:
    init = "libs/a/src/a/__init__.py"
    before = {**PACKAGE, "libs/b/src/b/m.py": "import a.x\n"}
    after = {path: text for path, text in before.items() if path != init}
    assert set(unite(graph_of(after, ALL), graph_of(before, ALL)).affected_by([init])) == {"a", "b"}
    assert set(unite(graph_of(before, ALL), graph_of(after, ALL)).affected_by([init])) == {"a", "b"}


def test_unite_keeps_what_either_end_knows_of_members_and_data() -> None:
    before = {**PACKAGE, "libs/b/src/b/m.py": DYNAMIC, "libs/a/src/a/t.sql": ""}
    first = graph_of(PACKAGE, (A, member("libs/b"), C))
    graph = unite(first, graph_of(before, ALL))
    assert graph.members["b"].closure == {"a", "b"}
    assert set(graph.widened) == {"b"}
    assert "libs/b/src/b/m.py" in graph.data_users["libs/b/src/b"]
    assert set(graph.affected_by([X])) == {"a", "b"}
    gone = unite(graph_of(PACKAGE, (A, B)), graph_of(PACKAGE, ALL))
    assert gone.owner_of("libs/c/src/c/__init__.py") == "c"


def test_unite_of_the_same_is_the_same() -> None:
    graph = graph_of(PACKAGE, ALL)
    assert unite(graph, graph_of(PACKAGE, ALL)) is graph

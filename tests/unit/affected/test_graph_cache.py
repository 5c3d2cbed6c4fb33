from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.support.snapshots import MemorySnapshot, graph_of, member

from tradai_tasks.affected import extraction, linking
from tradai_tasks.affected.cache import Cache, Links, cache_folder
from tradai_tasks.affected.facts import Facts
from tradai_tasks.affected.imports import build_graph

# Every text can matter to the edges of other files: lazy tables, stubs, changes of sys.path.
TEXTS = (
    "",
    "import a.x\n",
    "from a import X\n",
    "from a import y\n",
    "import a\n\na.Y()\n",
    "import a as it\n\nuse(it)\n",
    "from a.sub import X as Z\n",
    "from a import *\n",
    "from . import x\n",
    "from .x import X\n",
    "from .. import b\n",
    "import ns.m\n",
    "from ns import m, x\n",
    "import helpers\n",
    "import tests.helpers\n",
    "import devtool\n",
    "import sys\nsys.path.insert(0, 'tools')\nimport devtool\n",
    (
        "import importlib\n_T = {'X': '.x', 'Y': '.y'}\n\n\ndef __getattr__(name):\n"
        "    return getattr(importlib.import_module(_T[name], __name__), name)\n"
    ),
    (
        "import importlib\n_T = {'X': '.sub', 'Y': '.x'}\n\n\ndef __getattr__(name):\n"
        "    return getattr(importlib.import_module(_T[name], __name__), name)\n"
    ),
    (
        "import importlib\n\n\ndef __getattr__(name):\n"
        "    return getattr(importlib.import_module('.y', __name__), name)\n"
    ),
    "from .x import X\nfrom .y import Y\n",
    "import importlib\n\n\ndef f(name):\n    importlib.import_module(name)\n",
    "import importlib\n\n\ndef f(name):\n    importlib.import_module(f'a.{name}')\n",
    "from importlib.metadata import entry_points\n\nentry_points(group='g')\n",
    "pytest_plugins = ['plug']\n",
    "def broken(:\n",
)
CONFIGS = (
    "",
    "[tool.pytest.ini_options]\naddopts = '-p plug'\n",
    "[tool.pytest.ini_options]\naddopts = '-p a.X'\n",
    "[tool.pytest.ini_options]\npythonpath = ['tools', 'libs/a/tests', '.']\n",
)
PATHS = (
    *(f"libs/a/src/a/{name}" for name in ("__init__.py", "__init__.pyi", "x.py", "y.py")),
    *(f"libs/a/src/a/sub/{name}" for name in ("__init__.py", "__init__.pyi", "x.py", "m.py")),
    "libs/a/src/ns/m.py",
    "libs/a/src/plug.py",
    "libs/a/tests/helpers.py",
    "libs/b/src/b/__init__.py",
    "libs/b/src/b/m.py",
    "libs/b/src/b/x.pyi",
    "libs/b/src/ns/x.py",
    "libs/b/src/ns/__init__.py",
    "libs/b/tests/__init__.py",
    "libs/b/tests/helpers.py",
    "libs/b/tests/test_b.py",
    "libs/b/tests/conftest.py",
    "libs/b/nested/src/a/x.py",
    "libs/b/nested/tests/test_n.py",
    "conftest.py",
    "tools/devtool.py",
    "test_root.py",
)
CONFIG_PATHS = ("pyproject.toml", "libs/b/pyproject.toml")
MEMBERS = (
    (member("libs/a"), member("libs/b", "a")),
    (member("libs/a"), member("libs/b")),
    (member("libs/a", "b"), member("libs/b", "a"), member("libs/b/nested", "a")),
    (member("libs/a", roots=["libs/a"]), member("libs/b", "a", roots=["libs/b", "libs/b/src"])),
    (member("libs/a", entry_points=[("g", "a:X"), ("pytest11", "plug")]), member("libs/b", "a")),
    (member("libs/a"), member(".", "a", name="root", roots=["."])),
    (member("libs/b", "a"),),
    (),
)


def edit(choices: random.Random, files: dict[str, str], which: int) -> int:
    """Make one random change; return which members there are now."""
    match choices.randrange(7):
        case 0 | 1 | 2:
            files[choices.choice(PATHS)] = choices.choice(TEXTS)
        case 3 if files:
            del files[choices.choice(sorted(files))]
        case 4 if python := sorted(path for path in files if path in PATHS):
            old = choices.choice(python)
            new = choices.choice(PATHS)
            files[new] = files.pop(old)
        case 5:
            files[choices.choice(CONFIG_PATHS)] = choices.choice(CONFIGS)
        case 6:
            return choices.randrange(len(MEMBERS))
        case _:
            pass
    return which


def start(choices: random.Random) -> dict[str, str]:
    return {path: choices.choice(TEXTS) for path in PATHS if choices.random() < 0.8}


@settings(max_examples=examples(20))
@given(seed=st.integers(0, 2**32))
def test_a_warm_graph_equals_a_cold_one_after_any_edits(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    choices = random.Random(seed)
    file = tmp_path_factory.mktemp("cache") / "c.msgpack"
    files, which = start(choices), 0
    kept = [(dict(files), which)]
    for _ in range(12):
        if choices.random() < 0.2:  # back to an earlier state
            old, which = choices.choice(kept)
            files = dict(old)
        else:
            which = edit(choices, files, which)
            kept.append((dict(files), which))
        cache = Cache(file)
        warm = graph_of(files, MEMBERS[which], cache=cache)
        base, other = choices.choice(kept)
        assert graph_of(base, MEMBERS[other], cache=cache) == graph_of(base, MEMBERS[other])
        cache.save()
        assert warm == graph_of(files, MEMBERS[which])


FILES = {"libs/a/src/a/__init__.py": "", "libs/b/src/b/__init__.py": "import a\nimport c\n"}
TWO = (member("libs/a"), member("libs/b"))


def test_a_second_run_reads_nothing_and_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "c.msgpack"
    cold = Cache(file)
    first = graph_of(FILES, TWO, cache=cold)
    cold.save()
    snapshot = MemorySnapshot(FILES)
    warm = Cache(file)
    assert build_graph(snapshot, TWO, cache=warm) == first
    assert first.undeclared
    assert snapshot.reads == []
    stamp = file.stat().st_mtime_ns
    warm.save()
    assert file.stat().st_mtime_ns == stamp


def test_old_versions_of_files_do_not_pile_up(tmp_path: Path) -> None:
    file = tmp_path / "c.msgpack"
    for number in range(40):
        cache = Cache(file)
        graph_of({**FILES, "libs/a/src/a/__init__.py": f"N = {number}\n"}, TWO, cache=cache)
        cache.save()
    kept = Cache(file)
    assert len(kept.facts) <= 4
    assert sum(len(links.edges) for links in kept.links.values()) <= 6


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x93\x01\x80\x80"])
def test_a_cache_that_cannot_be_used_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "c.msgpack"
    file.write_bytes(content)
    cache = Cache(file)
    assert (cache.facts, cache.links) == ({}, {})
    assert graph_of(FILES, TWO, cache=cache) == graph_of(FILES, TWO)
    cache.save()
    assert Cache(file).facts


def test_a_user_without_a_home_has_a_cache_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert cache_folder({}).name == f"tradai-tasks-{os.getuid()}"
    assert cache_folder({"TRADAI_TASKS_CACHE": "/x"}) == Path("/x")


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    cache = Cache(tmp_path / "file" / "c.msgpack")
    assert graph_of(FILES, TWO, cache=cache) == graph_of(FILES, TWO)
    cache.save()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_facts_and_links_survive_the_file_as_they_are(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.msgpack")
    cache.put({"p1": Facts(imports=(("a", ("b",)),), dynamic="why")})
    links = Links(edges={"a\01": (2,)}, asked=[(0, "X")], answers=[(1,)], undeclared={})
    cache.get_links("frame")
    cache.put_links("frame", links)
    cache.save()
    again = Cache(tmp_path / "c.msgpack")
    assert again.get(["p1", "p2"]) == cache.facts
    assert again.get_links("frame") == links
    assert again.get_links("other") is None


def test_the_cache_lies_where_the_user_says_else_in_the_folder_for_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder({"TRADAI_TASKS_CACHE": "/c"}) == Path("/c")
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/tradai-tasks")
    assert cache_folder({}) == tmp_path / ".cache" / "tradai-tasks"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder({}) == tmp_path / "Library" / "Caches" / "tradai-tasks"


def test_many_files_read_by_several_processes_give_the_same_facts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {**FILES, **{f"libs/a/src/a/m{n}.py": f"import b\n# {n}\n" for n in range(40)}}
    one = graph_of(files, TWO)
    monkeypatch.setattr(extraction, "_CHUNK", 4)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert graph_of(files, TWO) == one


@pytest.mark.parametrize("failing", ["fork", "work", "end"])
def test_what_another_process_does_not_hand_back_is_read_here(
    failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError

    files = {**FILES, **{f"libs/a/src/a/m{n}.py": f"import b\n# {n}\n" for n in range(40)}}
    one = graph_of(files, TWO)
    monkeypatch.setattr(extraction, "_CHUNK", 4)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    if failing == "fork":
        monkeypatch.setattr("os.fork", fail)
    elif failing == "work":
        monkeypatch.setattr(extraction, "_packed", fail)
    else:  # it takes its part, and ends before it has handed it all back
        outcome = extraction.Copy.outcome
        monkeypatch.setattr(extraction.Copy, "outcome", lambda copy: outcome(copy)[:-5])
    assert graph_of(files, TWO) == one


@pytest.mark.parametrize("failing", ["", "fork", "end"])
def test_files_linked_by_several_processes_have_the_same_edges_and_questions(
    failing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> int:
        raise OSError

    found = []
    for is_shared in (False, True):
        graphs = []
        if is_shared:
            monkeypatch.setattr(linking, "_WORTH_A_PROCESS", 2)
            monkeypatch.setattr("os.cpu_count", lambda: 3)
        if is_shared and failing == "fork":
            monkeypatch.setattr("os.fork", fail)
        elif is_shared and failing == "end":
            monkeypatch.setattr(linking.Copy, "outcome", lambda _: b"\x95")
        for seed in range(12):
            files, members = start(random.Random(seed)), MEMBERS[seed % len(MEMBERS)]
            cache = Cache(tmp_path / f"{is_shared}{seed}.msgpack")
            graph = build_graph(MemorySnapshot(files), members, cache=cache)
            kept = next(iter(cache.links.values()))
            graphs.append((graph, kept.edges, kept.asked, kept.answers, kept.undeclared))
        found.append(graphs)
    assert found[0] == found[1]
    assert any(asked for _, _, asked, _, _ in found[0])

from __future__ import annotations

import hashlib
import random
import shutil
import sys
import tomllib
import types
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import packaging
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.real import write
from tests.support.snapshots import MemorySnapshot, cache_in, graph_of, member
from tradai_tasks.affected.graph import fact_cache as cache_module
from tradai_tasks.affected.graph.fact_cache import Cache, StoredEdges, sources_digest
from tradai_tasks.affected.graph.graph_builder import build_graph
from tradai_tasks.affected.parse.facts import Facts, Lazy
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.vcs.index_stamps import Stamp

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
    folder = tmp_path_factory.mktemp("cache")
    files, which = start(choices), 0
    kept = [(dict(files), which)]
    for _ in range(12):
        if choices.random() < 0.2:  # back to an earlier state
            old, which = choices.choice(kept)
            files = dict(old)
        else:
            which = edit(choices, files, which)
            kept.append((dict(files), which))
        cache = cache_in(folder)
        warm = graph_of(files, MEMBERS[which], cache=cache)
        base, other = choices.choice(kept)
        assert graph_of(base, MEMBERS[other], cache=cache) == graph_of(base, MEMBERS[other])
        cache.save()
        assert warm == graph_of(files, MEMBERS[which])


FILES = {"libs/a/src/a/__init__.py": "", "libs/b/src/b/__init__.py": "import a\nimport c\n"}
TWO = (member("libs/a"), member("libs/b"))


def test_a_second_run_reads_nothing_and_says_the_same(tmp_path: Path) -> None:
    cold = cache_in(tmp_path / "deep" / "c")
    first = graph_of(FILES, TWO, cache=cold)
    cold.save()
    (file,) = (tmp_path / "deep" / "c").glob("*.msgpack")
    snapshot = MemorySnapshot(FILES)
    warm = cache_in(tmp_path / "deep" / "c")
    assert build_graph(snapshot, TWO, cache=warm) == first
    assert first.undeclared
    assert snapshot.reads == []
    stamp = file.stat().st_mtime_ns
    warm.save()
    assert file.stat().st_mtime_ns == stamp


def test_old_versions_of_files_do_not_pile_up(tmp_path: Path) -> None:
    for number in range(40):
        cache = cache_in(tmp_path / "c")
        graph_of({**FILES, "libs/a/src/a/__init__.py": f"N = {number}\n"}, TWO, cache=cache)
        cache.save()
    kept = cache_in(tmp_path / "c")
    assert 0 < len(kept.facts) <= 4
    assert sum(len(links.edges) for links in kept.links.values()) <= 6


def filled(folder: Path) -> tuple[Cache, list[Path]]:
    """A cache with something of every kind, and its files."""
    cache = cache_in(folder)
    lazy = Lazy(symbols={"X": (".x",)}, others=("y",), defined=frozenset("z"))
    facts = {"p1": Facts(imports=(("a", ("b",)),), dynamic="why", lazy=lazy), "p2": Facts()}
    cache.put(facts, {"a.py": Stamp("1", 2, 3, 4, 5)})
    cache.use(facts, ["a.py"])
    cache.get_links("frame")
    links = StoredEdges(
        edges={"a\01": (2,)}, lazy_names=[(0, "X")], lazy_targets=[(1,)], undeclared={"a": ("b",)}
    )
    cache.put_links("frame", links)
    cache.get_members("shape")
    cache.put_members("shape", TWO)
    cache.save()
    return cache, sorted(folder.glob("*.msgpack"))


def content(cache: Cache) -> tuple[object, ...]:
    return cache.facts, cache.links, cache.members, cache.stamps


NOTHING: tuple[object, ...] = ({}, {}, {}, {})


def test_all_that_is_kept_survives_the_file_as_it_is(tmp_path: Path) -> None:
    cache, _ = filled(tmp_path / "c")
    assert content(cache_in(tmp_path / "c")) == content(cache) != NOTHING


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, whatever is in it."""
    if hint is int:
        return st.integers(0, 2**63 - 1)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return st.builds(hint, **{k: values_of(h) for k, h in get_type_hints(hint).items()})
    inner = get_args(hint)
    match get_origin(hint):
        case types.UnionType:
            return st.one_of(*map(values_of, inner))
        case origin if origin is dict:
            return st.dictionaries(*map(values_of, inner), max_size=3)
        case origin if origin in {list, frozenset} or inner[1:] == (...,):
            return st.lists(values_of(inner[0]), max_size=3).map(origin or list)
        case origin if origin is tuple:
            return st.tuples(*map(values_of, inner))
    return st.from_type(hint)


@given(*(values_of(kind) for kind in (Member, Facts, StoredEdges, Stamp)))
@settings(max_examples=examples(40))
def test_every_field_of_what_is_kept_survives(
    tmp_path_factory: pytest.TempPathFactory,
    member: Member,
    facts: Facts,
    links: StoredEdges,
    stamp: Stamp,
) -> None:
    folder = tmp_path_factory.mktemp("c")
    cache = cache_in(folder)
    cache.put({"k": facts}, {"p": stamp})
    cache.use(["k"], ["p"])
    cache.get_links("f")
    cache.put_links("f", links)
    cache.get_members("s")
    cache.put_members("s", [member])
    cache.save()
    assert content(cache_in(folder)) == content(cache)


@pytest.mark.parametrize(
    "one",
    [
        Facts(),
        Lazy(symbols={}, others=(), defined=frozenset()),
        StoredEdges(edges={}, lazy_names=[], lazy_targets=[], undeclared={}),
        Stamp("", 1, 2, 3, 4),
        member("libs/a"),
    ],
)
def test_a_record_with_a_field_more_or_fewer_does_not_decode(one: msgspec.Struct) -> None:
    record = msgspec.msgpack.decode(msgspec.msgpack.encode(one))
    others: list[object]
    if isinstance(record, dict):
        others = [{**record, "more": 1}, {k: v for k, v in record.items() if k != "name"}]
    else:  # all fields of Facts may be left out
        others = [[*record, 1], *([] if isinstance(one, Facts) else [record[:-1]])]
    for other in others:
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(msgspec.msgpack.encode(other), type=type(one))


def test_a_cache_of_which_any_byte_is_another_counts_as_empty(tmp_path: Path) -> None:
    whole, files = filled(tmp_path / "c")
    for file, parts in zip(files, (slice(3, 4), slice(3)), strict=True):
        good = file.read_bytes()
        damaged = [
            good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
            for place in range(len(good))
        ]
        for other in [*damaged, good[:-1], good + b"0", good[:20], b"", b"rubbish"]:
            file.write_bytes(other)
            assert content(cache_in(tmp_path / "c"))[parts] == NOTHING[parts]
        file.write_bytes(good)
        assert content(cache_in(tmp_path / "c")) == content(whole)
    cache = cache_in(tmp_path / "c")
    assert graph_of(FILES, TWO, cache=cache) == graph_of(FILES, TWO)
    cache.save()
    assert cache_in(tmp_path / "c").facts


def test_a_cache_of_other_sources_is_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "c")
    monkeypatch.setattr(cache_module, "_version", lambda _: b"0" * 16)
    assert content(cache_in(tmp_path / "c")) == NOTHING
    filled_again = cache_in(tmp_path / "c")
    filled_again.put({"p": Facts()}, {})
    filled_again.save()
    (mine,) = (tmp_path / "c").glob(f"*{(b'0' * 16).hex()}*")
    monkeypatch.undo()
    for other in set((tmp_path / "c").glob("*.msgpack")) - {mine}:
        other.write_bytes(mine.read_bytes())  # under the name of this version
    assert content(cache_in(tmp_path / "c")) == NOTHING


def test_the_version_follows_every_byte_of_every_source(tmp_path: Path) -> None:
    folder = tmp_path / "tradai_tasks"
    write(folder, {"a.py": "A = 1\n", "deep/b.py": "", "deep/c.txt": "not code"})
    first = sources_digest(folder)
    assert first is not None
    write(folder, {"deep/c.txt": "other"})
    assert sources_digest(folder) == first
    seen: set[bytes | None] = {first}
    for files in ({"deep/b.py": "#"}, {"a.py": "A = 2\n"}, {"deep/new.py": ""}):
        write(folder, files)
        seen.add(sources_digest(folder))
    (folder / "deep/b.py").rename(folder / "deep/d.py")
    seen.add(sources_digest(folder))
    shutil.move(folder, tmp_path / "elsewhere")
    assert sources_digest(tmp_path / "elsewhere") in seen
    assert len(seen - {None}) == 5
    kept = sources_digest(tmp_path / "elsewhere", {"above"})
    write(tmp_path / "elsewhere", {"above/a.py": "", "above/deep/b.py": ""})
    assert sources_digest(tmp_path / "elsewhere", {"above"}) == kept
    write(tmp_path / "elsewhere", {"deep/above/b.py": ""})
    assert sources_digest(tmp_path / "elsewhere", {"above"}) != kept
    assert sources_digest(tmp_path / "elsewhere" / "none") is None


def test_the_sources_that_count_are_those_that_the_cache_can_import() -> None:
    root = Path(cache_module.__file__)
    while root.name != "tradai_tasks":
        root = root.parent
    project = tomllib.loads((root.parent / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    above = layers[: next(n for n, layer in enumerate(layers) if "affected" in layer.split())]
    rooms = {room for layer in above for room in layer.split() if (root / room).is_dir()}
    assert rooms == cache_module.ROOMS_ABOVE
    digest = sources_digest(root, rooms)
    assert digest is not None
    beside = ("rules", sys.version, sys.platform, msgspec.__version__, packaging.__version__)
    expected = hashlib.blake2b(digest + repr(beside).encode(), digest_size=16).digest()
    assert cache_module._version("rules") == expected


def test_without_sources_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_version", lambda _: None)
    cache = cache_in(tmp_path / "c")
    assert graph_of(FILES, TWO, cache=cache) == graph_of(FILES, TWO)
    cache.save()
    assert list((tmp_path / "c").iterdir()) == []


def test_a_file_whose_name_is_no_unicode_keeps_the_cache_from_being_written(
    tmp_path: Path,
) -> None:
    files = {**FILES, "libs/a/src/a/\udce9.py": ""}
    cache = cache_in(tmp_path / "c")
    assert graph_of(files, TWO, cache=cache) == graph_of(files, TWO)
    cache.save()
    assert list((tmp_path / "c").iterdir()) == []

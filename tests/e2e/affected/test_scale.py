"""What odd shapes of a repository cost `changes`: memory, length of the answer, operations."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.answers import NO_CACHE, selected
from tests.support.measured import Measured, calls_of, measured
from tests.support.real import clean_env, git, write
from tests.support.shapes import ROOT, workspace
from tradai_tasks import process
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.rules.fact_extraction import extract_config
from tradai_tasks.report import print_table

MB = 2**20


def changes(home: Path, *args: str, **env: str) -> Measured:
    """Run `nox -s changes` in a process of its own, and measure it."""
    cache = str(home.with_name("cache"))
    argv = [sys.executable, "-m", "nox", "-s", "changes", "--", *args]
    ran = measured(argv, home, clean_env(TRADAI_TASKS_CACHE=cache, **env))
    assert "Traceback" not in ran.log
    return ran


def document_of(ran: Measured) -> Any:
    assert ran.status == 0, ran.log
    return json.loads(ran.out)


def reasons(document: Any, name: str) -> list[str]:
    """The reasons of a package, those for which everything is affected too."""
    item = next(one for one in document["packages"] if one["name"] == name)
    places = [*item["reasons"], *document["everything_reasons"]]
    return [document["reasons"][place] for place in places]


@pytest.mark.parametrize("name", ["libs/p1/data/{}.json", "libs/p1/{}.bin", "data/{}"])
def test_large_untracked_files_are_not_held(tmp_path: Path, name: str) -> None:
    home = workspace(tmp_path / "home", 3)
    least = changes(home).peak
    for number in range(30):
        file = home / name.format(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.truncate(8 * MB)
    for _ in range(2):  # cold and warm
        ran = changes(home, "--json")
        assert ran.status == 0
        assert ran.peak < least + 60 * MB


def test_large_tracked_documents_are_not_held(tmp_path: Path) -> None:
    home = workspace(tmp_path / "home", 3)
    least = changes(home).peak
    for number in range(20):
        row = f'{{"name": "some.thing.{number}", "value": 1.5}},\n'.encode()
        file = home / f"libs/p1/data/{number}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"[" + row * (2 * MB // len(row)) + b"1]")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "Data")
    write(home, {"libs/p2/new.txt": ""})
    for _ in range(2):
        ran = changes(home, "--json")
        assert reasons(document_of(ran), "p2") == ["libs/p2/new.txt"]
        assert ran.peak < least + 40 * MB


def test_a_pipe_in_place_of_a_tracked_file_ends_nothing(tmp_path: Path) -> None:
    home = workspace(tmp_path / "home", 3)
    for name in ("libs/p1/src/p1/__init__.py", "uv.lock"):
        (home / name).unlink()
        os.mkfifo(home / name)
    ran = changes(home, "--json")
    assert document_of(ran)["packages"][1]["affected"]
    (home / "libs/p2/pyproject.toml").unlink()
    os.mkfifo(home / "libs/p2/pyproject.toml")
    ran = changes(home)
    assert ran.status != 0
    assert "libs/p2: a workspace member" in ran.log
    assert ran.log.count("\n") == 1


def test_links_to_folders_beyond_a_bound_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {f"libs/p0/data/{number}.txt": "" for number in range(50)}
    home = workspace(tmp_path / "home", 3, more=more)
    for number in range(20):
        (home / f"libs/p1/link{number}").symlink_to("../p0/data")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "Links")
    write(home, {"libs/p2/new.txt": ""})
    assert selected(home, NO_CACHE).affected("packages") == ("p2",)
    monkeypatch.setattr("tradai_tasks.vcs.snapshot._MOST_LINKED", 900)
    found = selected(home, NO_CACHE)
    assert found.affected("packages") == ("p0", "p1", "p2")
    (why,) = found.everything
    assert "links to folders show over 900 files, too many to follow; take some of the" in why


def test_a_reason_for_everything_stands_once(tmp_path: Path) -> None:
    home = workspace(tmp_path / "home", 100)
    write(home, {f"stray{number}.xyz": "" for number in range(1000)})
    ran = changes(home, "--json")
    assert len(ran.out) < 250_000
    assert ran.peak < 150 * MB
    assert len(reasons(document_of(ran), "p99")) == 1000
    shown = changes(home)
    assert len(shown.out) < 20_000
    assert "and 995 reasons more" in shown.log
    assert changes(home, "--explain", "p7").out.count("belongs to nothing known") == 1000


def test_long_chains_are_shown_by_their_ends(tmp_path: Path) -> None:
    home = workspace(tmp_path / "home", 120, chained=True)
    write(home, {"libs/p0/src/p0/__init__.py": "VALUE = 2\n"})
    ran = changes(home, "--json")
    document = document_of(ran)
    assert len([one for one in document["packages"] if one["affected"]]) == 120
    assert max(map(len, document["reasons"])) < 400
    (reason,) = reasons(document, "p119")
    start, _, end = reason.partition(" <- (114 more) <- ")
    assert start.startswith("libs/p0/src/p0/__init__.py <- libs/p1/src/p1/__init__.py")
    assert "libs/p119/src/p119/__init__.py" in end
    assert len(changes(home).out) < 120 * 400
    whole = changes(home, "--explain", "p119").out
    assert all(f"libs/p{number}/src/p{number}/__init__.py" in whole for number in range(120))


def test_packages_that_change_together_do_not_explain_each_other(tmp_path: Path) -> None:
    home = workspace(tmp_path / "home", 80, chained=True)
    for number in range(80):
        file = home / f"libs/p{number}/pyproject.toml"
        file.write_text(file.read_text().replace('version = "1.0"', 'version = "1.1"'))
    ran = changes(home, "--json")
    document = document_of(ran)
    assert all(one["affected"] for one in document["packages"])
    assert len(document["reasons"]) <= 80 * 24
    whole = changes(home, "--explain", "p79").out
    assert whole.count("\n") >= len(reasons(document, "p79"))


@pytest.fixture
def shapes(tmp_path: Path) -> Callable[[Any, int], float]:
    """Make workspaces of two sizes, and give back how much more work the larger one is."""

    def growth(make: Any, size: int) -> float:
        costs = []
        for count in (size, 2 * size):
            home = make(tmp_path / f"home{count}", count)
            warm = tmp_path / f"cache{count}"
            selected(home, warm)
            costs.append(calls_of(partial(selected, home, warm)))
        return costs[1] / costs[0]

    return growth


def globs(home: Path, count: int) -> Path:
    tables = "".join(
        f'[tool.tradai-tasks.packages.p{n}]\nalso-affected-by = ["data/{n}/*.x", "data/{n}/y/**"]\n'
        for n in range(count)
    )
    workspace(home, count, more={"pyproject.toml": ROOT + tables})
    return write(home, {f"data/{n}/{i}.x": "" for n in range(count) for i in range(20)})


def dockerfiles(home: Path, count: int) -> Path:
    text = "FROM x\nCOPY libs/ /app/\nCOPY data/{n}/ /app/\n"
    files = {f"services/s{n}/Dockerfile": text.format(n=n) for n in range(count)}
    workspace(home, 3, more=files)
    return write(home, {f"{at}/{n}.x": "" for n in range(count * 20) for at in ("libs/p1", "docs")})


def documents(home: Path, count: int) -> Path:
    names = {f"text{n}.md": "" for n in range(count * 5)}
    code = "".join(f'(ROOT / "{name}").read_text()\n' for name in names)
    workspace(home, 3, more={**names, "libs/p1/tests/test_p1.py": code})
    return write(home, dict.fromkeys(names, "changed\n"))


@pytest.mark.parametrize("make", [globs, dockerfiles, documents])
def test_work_grows_with_the_change(shapes: Callable[[Any, int], float], make: Any) -> None:
    assert shapes(make, 40) < 2.4


def test_documents_are_looked_for_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = documents(tmp_path / "home", 10)
    real, ran = process.run, []

    def count(argv: Any, **options: Any) -> Any:
        ran.append(argv)
        return real(argv, **options)

    monkeypatch.setattr("tradai_tasks.vcs.git_environment.run", count)
    found = selected(home, NO_CACHE)
    assert found.affected("packages") == ("p1",)
    assert len([argv for argv in ran if "grep" in argv]) <= 1


def test_settings_are_read_once_for_all_documents_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"libs/p1/docs/{n % 3}/a/b/{n}.md" for n in range(300)]
    settings = {"pytest.ini": "[pytest]\n", "libs/p1/pytest.ini": "[pytest]\n"}
    home = workspace(tmp_path / "home", 3, more={**settings, **dict.fromkeys(names, "")})
    write(home, dict.fromkeys(names, "changed\n"))
    read: list[bytes] = []

    def count(data: bytes) -> Facts:
        read.append(data)
        return extract_config(data)

    monkeypatch.setattr("tradai_tasks.affected.selection.file_rules.extract_config", count)
    assert selected(home, NO_CACHE).affected("packages") == ()
    assert 0 < len(read) < 20


TABLE = "TABLE = {\n" + "".join(f'    "k{n}": "value {n}",\n' for n in range(160_000)) + "}\n"
GENERATED = {
    "a name that callers pass": f"{TABLE}def load(name):\n    import_module(name)\n",
    "a name out of a table": f"{TABLE}def load(name):\n    import_module(TABLE[name])\n",
    "many calls": "".join(f'import_module("a.b" + x{number})\n' for number in range(150_000)),
    "no Python": f"{TABLE}import_module((\n",
}


@pytest.mark.parametrize("text", GENERATED.values(), ids=GENERATED)
def test_a_large_generated_module_may_load_anything(tmp_path: Path, text: str) -> None:
    home = workspace(tmp_path / "home", 3, more={"libs/p1/src/p1/gen.py": ""})
    least = changes(home).peak
    write(home, {"libs/p1/src/p1/gen.py": f"from importlib import import_module\n{text}"})
    ran = changes(home, "--json")
    assert ran.peak < least + 160 * MB
    assert "p1 is affected by all that it can import: libs/p1/src/p1/gen.py: " in ran.log


@pytest.mark.parametrize("columns", ["", "100"])
def test_drawing_a_table_costs_little_for_each_row(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    reason = "libs/p0/src/p0/__init__.py <- libs/p{0}/src/p{0}/__init__.py:1 (import)"
    for count in (1_000, 2_000):
        rows = [("package", f"p{number}", reason.format(number)) for number in range(count)]
        out = io.StringIO()
        draw = partial(print_table, "Affected", ("kind", "name", "because of"), rows, file=out)
        assert calls_of(draw) < 150 * count
        assert out.getvalue().count("\n") <= 2 * count + 3


def test_a_cache_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, cache = workspace(tmp_path / "home", 3), tmp_path / "cache"
    monkeypatch.setattr(Path, "replace", _no_room)
    for _ in range(3):
        write(home, {"libs/p1/src/p1/__init__.py": "VALUE = 2\n"})
        assert selected(home, cache).affected("packages") == ("p1",)
    assert [path.name for path in cache.iterdir() if path.suffix != ""] == []


def _no_room(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")

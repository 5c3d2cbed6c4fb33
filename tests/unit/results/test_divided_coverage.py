"""Coverage, divided by test file and put together again with coverage.py's own data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coverage import CoverageData

from tradai_tasks.results.pytest_plugin.tradai_tasks_coverage import SourceLines, main
from tradai_tasks.results.replay import Divided, covered_by

CODE = """import os

LIMIT = 1


def one(x):
    if x:
        return 1
    return 2


class C:
    size = 1

    def two(self):
        return [y for y in (1, 2)]
"""
CORE, ONE, TWO = "src/core.py", "tests/test_one.py", "tests/test_two.py"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # and back at the end
    (tmp_path / "src").mkdir()
    (tmp_path / CORE).write_text(CODE)
    return tmp_path


def test_a_line_belongs_to_the_function_around_it(root: Path) -> None:
    lines = SourceLines(str(root / CORE))
    assert [lines.function((n,)) for n in (1, 3, 6, 7, 8, 12, 13, 15, 16)] == [
        *("", "", "", "one", "one", "", "", "", "C.two")
    ]
    assert lines.function((-6, 7)) == "one"
    assert lines.function((8, -6)) == "one"
    assert lines.function((13, 15)) == ""
    assert lines.function((99,)) == ""
    (root / "bad.py").write_text("def (\n")
    assert SourceLines(str(root / "bad.py")).function((7,)) == ""


def run(root: Path, parts: dict[str, list[int]], **orders: Any) -> dict[str, Divided]:
    """Carry out orders for a run that covered lines of the module in contexts."""
    data = CoverageData(str(root / ".coverage"))
    for context, lines in parts.items():
        data.set_context(context)
        data.add_lines({str(root / CORE): lines})
    data.write()
    data.close()
    given = {
        "data": str(root / ".coverage"),
        "config": None,
        "root": str(root),
        "home": str(root),
        "replayed": None,
        "reports": {"xml": str(root / "c.xml"), "json": str(root / "c.json")},
        **orders,
    }
    return divided_by(root, given)


def divided_by(root: Path, orders: dict[str, Any]) -> dict[str, Divided]:
    """Carry out orders, and return the answer."""
    answer = root / "answer.json"
    main({**orders, "answer": str(answer)})
    return msgspec.json.decode(answer.read_bytes(), type=dict[str, Divided])


def lines(root: Path, part: Any) -> list[int]:
    """Return the lines of the module that have places."""
    return sorted(line for (line,) in SourceLines(str(root / CORE)).covered(part))


def test_lines_are_found_again_where_an_edit_has_moved_them(root: Path) -> None:
    before = SourceLines(str(root / CORE))
    kept = before.places([(n,) for n in (1, 3, 6, 7, 9, 13, 16, 99)])
    assert kept.keys() == {"", "one", "C.two"}
    assert lines(root, kept) == [1, 3, 6, 7, 9, 13, 16, 99]
    ways = [(-1, 1), (-6, 7), (7, 9), (9, -6), (-15, 16)]
    pairs = before.places(ways)
    moved = CODE.replace("    if x:", "    # why\n    if x:").replace("LIMIT", "\n# no\nLIMIT")
    (root / CORE).write_text(moved)
    assert lines(root, kept) == [1, 5, 8, 10, 12, 16, 19, 102]
    found = SourceLines(str(root / CORE)).covered(pairs)
    assert sorted(found) == sorted([(-1, 1), (-8, 10), (10, 12), (12, -8), (-18, 19)])


RUN = {
    "": [1, 3, 6, 7, 8, 12, 13, 15],  # imported, while a decorator called `one`
    f"test file: {ONE}": [7, 9],
    f"test file: {TWO}": [16],
}


def test_each_test_file_covers_what_ran_for_it_and_what_it_loads(root: Path) -> None:
    found = run(root, RUN)
    level = [1, 3, 6, 12, 13, 15]
    one = covered_by(ONE, {CORE: ["one"], "src/other.py": None}, found)
    assert lines(root, one[CORE]) == sorted([*level, 7, 8, 9])
    assert lines(root, covered_by(TWO, {CORE: ["C.two"]}, found)[CORE]) == sorted([*level, 16])
    assert covered_by(TWO, {}, found).keys() == {CORE}
    assert covered_by("tests/test_no.py", {}, found) == {}


def test_a_module_that_counts_whole_has_all_that_ran_while_importing(root: Path) -> None:
    found = covered_by(TWO, {CORE: None}, run(root, RUN))
    assert lines(root, found[CORE]) == [1, 3, 6, 7, 8, 12, 13, 15, 16]


def test_module_level_code_counts_whoever_imported_it(root: Path) -> None:
    parts = {f"test file: {ONE}": [1, 3, 6, 7, 12, 13, 15], f"static|test file: {TWO}": [16]}
    found = covered_by(TWO, {CORE: ["C.two"]}, run(root, parts))
    assert lines(root, found[CORE]) == [1, 3, 6, 12, 13, 15, 16]


def test_replayed_coverage_is_added_to_the_reports(root: Path) -> None:
    (root / "src" / "new.py").write_text("X = 1\n")
    places = SourceLines(str(root / CORE)).places([(1,), (6,), (7,)])
    new = SourceLines(str(root / "src/new.py")).places([(1,)])
    run(root, {"": [1, 3]}, replayed={CORE: places, "src/new.py": new})
    report = json.loads((root / "c.json").read_text())
    [lines] = [one for name, one in report["files"].items() if name.endswith("core.py")]
    assert lines["executed_lines"] == [1, 3, 6, 7]
    assert (root / "c.xml").is_file()


def test_branches_are_added_too(root: Path) -> None:
    data = CoverageData(str(root / ".coverage"))
    data.set_context(f"test file: {ONE}")
    data.add_arcs({str(root / CORE): [(-6, 7), (7, 8), (8, -6)]})
    data.set_context("")
    data.add_arcs({str(root / CORE): [(-1, 1), (1, 3)]})
    data.write()
    data.close()
    orders = {
        "data": str(root / ".coverage"),
        "config": None,
        "root": str(root),
        "home": str(root),
        "replayed": {CORE: SourceLines(str(root / CORE)).places([(7, 9), (9, -6)])},
        "reports": {"xml": str(root / "c.xml"), "json": str(root / "c.json")},
    }
    divided = divided_by(root, orders)
    found = covered_by(ONE, {CORE: ["one"]}, divided)
    pairs = SourceLines(str(root / CORE)).covered(found[CORE])
    assert sorted(pairs) == [(-6, 7), (-1, 1), (1, 3), (7, 8), (8, -6)]
    merged = CoverageData(str(root / ".coverage"))
    merged.read()
    assert (7, 9) in (merged.arcs(str(root / CORE)) or [])
    merged.close()


def test_without_data_there_is_no_report(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(root, {}, replayed={})
    assert "No data to report" in capsys.readouterr().out
    assert not (root / "c.json").exists()

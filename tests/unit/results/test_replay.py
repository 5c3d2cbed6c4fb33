"""Which results stand for a run, and which are fit to be kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.run_records import write_record
from tradai_tasks.checks.testing.run_record import RunRecord, read_record
from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.kept_result import KeptResult, decode_result, encode_result
from tradai_tasks.results.replay import (
    Judge,
    add_replayed,
    decide,
    failed_files,
    new_result,
    record_name,
    refuted_name,
    replay_line,
    run_files,
    runs_by_file,
    union,
    without,
)
from tradai_tasks.results.run_key import slot_name
from tradai_tasks.results.store import FolderStore

SLOT = "a" * 32
TEST = "a/test_a.py"
INPUTS = Inputs(files=("data",), variables=("MODE",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in ("data", TEST, "a/test_b.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("x = 1\n")
    return tmp_path


def tree(root: Path, **variables: str) -> WorkTree:
    return WorkTree(root, [], variables)


def kept(root: Path, file: str = TEST, **more: Any) -> KeptResult:
    given: dict[str, Any] = {
        "test_file": file,
        "inputs": INPUTS,
        "digested": tree(root).digest(INPUTS, file),
        "tests": {f"{file}::test_x": ("passed", ())},
        **more,
    }
    return KeptResult(**given)


def put(store: FolderStore, result: KeptResult) -> str:
    name = record_name(SLOT, result.test_file, result.digested.key)
    store.write(name, encode_result(result))
    return name


def test_a_result_comes_back_as_it_was(root: Path) -> None:
    result = kept(
        root, covered={"a.py": {"": [(1, 2), (-1, 3)]}}, cases=("<testcase/>",), commit="c"
    )
    assert decode_result(encode_result(result)) == result


def test_what_is_damaged_is_as_if_absent(root: Path) -> None:
    data = encode_result(kept(root))
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1
        assert decode_result(bytes(changed)) is None
    for length in (0, 10, 40, len(data) - 1):
        assert decode_result(data[:length]) is None
    import hashlib
    import zlib

    for body in (
        b"no zlib",
        zlib.compress(b"no msgpack"),
        zlib.compress(msgspec.msgpack.encode(1)),
    ):
        assert (
            decode_result(data[:16] + hashlib.blake2b(body, digest_size=32).digest() + body) is None
        )


def test_a_result_holds_until_an_input_changes(root: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    put(store, kept(root))
    put(store, kept(root, "a/test_b.py"))
    found = decide(store, SLOT, tree(root))
    assert found.valid.keys() == {TEST, "a/test_b.py"}
    assert not found.changed
    (root / "data").write_text("y = 2\n")
    found = decide(store, SLOT, tree(root))
    assert not found.valid
    assert found.changed == {TEST: "data", "a/test_b.py": "data"}
    assert not decide(store, "b" * 32, tree(root)).valid


def test_results_of_branches_stand_side_by_side(root: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    for text in ("one", "two", "three"):
        (root / "data").write_text(text)
        put(store, kept(root, commit=text))
    for text in ("two", "one"):
        (root / "data").write_text(text)
        assert decide(store, SLOT, tree(root)).valid[TEST].commit == text
        assert not decide(store, SLOT, tree(root)).changed


def test_a_result_under_another_name_does_not_count(root: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    result = kept(root)
    store.write(record_name(SLOT, "other.py", result.digested.key), encode_result(result))
    store.write(record_name(SLOT, TEST, "0" * 32), encode_result(result))
    store.write(record_name(SLOT, TEST, "1" * 32), b"half a rec")
    assert not decide(store, SLOT, tree(root)).valid


def test_a_result_that_was_wrong_does_not_count(root: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    result = kept(root)
    put(store, result)
    put(store, kept(root, "a/test_b.py"))
    store.write(refuted_name(SLOT, result), encode_result(result))
    # another recording of the same inputs changes nothing about that
    put(store, kept(root, inputs=Inputs(), digested=tree(root).digest(Inputs(), TEST)))
    found = decide(store, SLOT, tree(root))
    assert found.valid.keys() == {"a/test_b.py"}
    assert found.refuted == {TEST}
    assert found.changed == {TEST: "its last green result was wrong"}
    (root / "data").write_text("y = 2\n")
    found = decide(store, SLOT, tree(root))
    assert not found.refuted


def run(root: Path, home: Path, outcomes: Mapping[str, str], *more: Mapping[str, Any]) -> RunRecord:
    record = read_record(
        write_record(home, outcomes=outcomes, home=str(root), more=more, removed={})
    )
    assert record is not None
    return record


def test_replayed_tests_count_with_those_that_ran(root: Path, tmp_path: Path) -> None:
    record = run(
        root,
        tmp_path / "r",
        {"a/test_b.py::test_y": "failed"},
        {"event": "replayed", "path": str(root / TEST)},
        {"event": "uncollected", "path": str(root / "a/test_c.py"), "outcome": "failed"},
    )
    result = kept(
        root, tests={f"{TEST}::t": ("skipped", ("slow",))}, removed={f"{TEST}::u": ("c",)}
    )
    assert add_replayed(record, {TEST: result}, root) == [TEST]
    assert record.count("skipped") == 1
    assert record.collected[f"{TEST}::t"].markers == ("slow",)
    assert record.removed[f"{TEST}::u"].markers == ("c",)
    assert run_files(record, root) == ["a/test_b.py"]
    assert failed_files(record, root) == {"a/test_b.py", "a/test_c.py"}
    assert record.unreported == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "failed": ({"outcome": "failed"}, "a test failed, or was not run"),
    "run again": (
        {"more": {"event": "report", "test": f"{TEST}::test_x", "outcome": "rerun"}},
        "a test was run again after it had failed",
    ),
    "unrecorded": ({"inputs": None}, "what it read was not recorded"),
    "problem": (
        {"inputs": Inputs(problems=("OSError: x",))},
        "not all could be recorded: OSError: x",
    ),
    "host": ({"inputs": Inputs(hosts=("example.com:443",))}, "it talked to example.com:443"),
    "program": (
        {"inputs": Inputs(programs=("/usr/bin/git", "docker"))},
        "it started docker, whose reads are not seen (results.programs)",
    ),
    "written": ({"inputs": Inputs(written=("a/out",))}, "it wrote a/out"),
    "listed": (
        {"inputs": Inputs(changed_listings=("data", "more"))},
        "the entries of data changed while the tests ran",
    ),
    "edited": ({"start": 0.0}, "data changed while the tests ran"),
    "appeared": ({"inputs": Inputs(absent=("data",))}, "data changed while the tests ran"),
    "wrong before": ({"refuted": True}, "it failed before with the same inputs"),
    "fit": ({}, ""),
    "fit with an allowed program": ({"inputs": Inputs(programs=("git",))}, ""),
}


@pytest.mark.parametrize(("case", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_result_that_may_not_hold_is_refused(
    root: Path, tmp_path: Path, case: dict[str, Any], reason: str
) -> None:
    inputs = case.get("inputs", INPUTS)
    refuted = [TEST] if case.get("refuted") else []
    more = [case["more"]] if "more" in case else []
    record = run(root, tmp_path / "r", {f"{TEST}::test_x": case.get("outcome", "passed")}, *more)
    judge = Judge(
        tree=tree(root),
        start=case.get("start", time.time() + 60),
        programs=["git"],
        refuted=refuted,
        markers=["contract"],
    )
    tested = runs_by_file(record, root)[TEST]
    assert (judge.refusal(TEST, tested, inputs) or "") == reason
    for test in record.collected.values():
        object.__setattr__(test, "markers", ("contract", "slow"))
    if not reason:
        assert judge.refusal(TEST, tested, inputs) == "its tests are marked contract"


def test_a_new_result_has_the_tests_of_its_file(root: Path, tmp_path: Path) -> None:
    outcomes = {f"{TEST}::test_x": "passed", "a/test_b.py::test_y": "failed"}
    record = run(root, tmp_path / "r", outcomes)
    digested = tree(root).digest(INPUTS, TEST)
    tested = runs_by_file(record, root)[TEST]
    result = new_result(TEST, tested, INPUTS, digested, cases=(), covered=None, commit="c")
    assert result.tests == {f"{TEST}::test_x": ("passed", ())}
    assert abs(result.time - time.time()) < 60


def test_coverage_of_several_results_is_that_of_all(root: Path) -> None:
    first = kept(root, covered={"a.py": {"": [(1,), (2,)], "f": [(9,)]}})
    second = kept(root, covered={"a.py": {"": [(2,), (3,)]}, "b.py": {"": [(1,)]}})
    assert union([first, second, kept(root)]) == {
        "a.py": {"": [(1,), (2,), (3,)], "f": [(9,)]},
        "b.py": {"": [(1,)]},
    }


def test_a_sessions_own_reports_are_no_inputs() -> None:
    given = Inputs(
        files=("a", "build/r/x"),
        absent=("build/r/y",),
        listings=("build", "build/r"),
        written=("build/r/z", "build/rc"),
    )
    left = Inputs(files=("a",), listings=("build",), written=("build/rc",))
    assert without(given, "build/r") == left


@pytest.mark.parametrize(
    ("seconds", "ago"),
    [
        (3, "3 s"),
        (240, "4 min"),
        (4000, "1 h"),
        (100_000, "27 h"),
        (200_000, "2 days"),
        (-5, "0 s"),
    ],
)
def test_the_line_tells_what_was_done(root: Path, seconds: int, ago: str) -> None:
    now = time.time()
    results = [kept(root, time=now - seconds, commit="1a2b3c4d5e"), kept(root, time=now + 9)]
    assert replay_line(["x"], results, now) == (
        f"3 test files: 1 run, 2 unchanged since they were green ({ago} ago at 1a2b3c4)"
    )
    assert replay_line(["x", "y"], [], now) == "2 test files: 2 run"
    unknown = [kept(root, time=now - seconds)]
    assert replay_line([], unknown, now).endswith(f"({ago} ago)")


def slot(root: Path, **more: Any) -> str:
    given: dict[str, Any] = {
        "environment": b"e",
        "root": root,
        "home": "a",
        "name": "a",
        "words": ["-x", f"--cov-config={root}/pyproject.toml"],
        "variables": {"HOME": "/h", "TZ": "UTC", "MODE": "1"},
        "stated": ["MODE"],
        **more,
    }
    return slot_name(**given)


def test_runs_that_may_differ_have_different_names(root: Path, tmp_path: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\nx = 1\n[tool.ruff]\ny = 1\n")
    names = [slot(root)]
    assert slot(root) == names[0]
    assert slot(root, variables={"HOME": "/k", "TZ": "UTC", "MODE": "1"}) == names[0]
    names.append(slot(root, environment=b"f"))
    names.append(slot(root, words=["-x"]))
    names.append(slot(root, name="b"))
    names.append(slot(root, variables={"HOME": "/h", "TZ": "CET", "MODE": "1"}))
    names.append(slot(root, variables={"HOME": "/h", "TZ": "UTC", "MODE": "2"}))
    more = {"PYTEST_PLUGINS": "p", "TZ": "UTC", "MODE": "1"}
    names.append(slot(root, variables=more))
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\nx = 1\n[tool.ruff]\ny = 2\n")
    assert slot(root) == names[0]
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\nx = 2\n")
    names.append(slot(root))
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options\n")
    names.append(slot(root))
    (root / "a" / "pytest.ini").write_text("[pytest]\n")
    names.append(slot(root))
    assert len(set(names)) == len(names)

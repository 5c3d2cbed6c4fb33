"""Benchmarks held against earlier ones, and the compose file of contract tests."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.support.trees import MemoryTree
from tradai_tasks import process
from tradai_tasks.checks import compose, perf
from tradai_tasks.checks.testing.suite_detection import has_benchmarks
from tradai_tasks.errors import (
    CheckFailedError,
    ToolMissingError,
)


def test_benchmarks_are_found_by_their_fixture_and_compared_by_name() -> None:
    tree = MemoryTree({"t/test_a.py": "def test_x(a,\n  benchmark): ...", "t/deep/b.txt": ""})
    assert has_benchmarks(tree, ["t"])
    assert not has_benchmarks(MemoryTree({"t/d/test_a.py": "def test_benchmark(): ..."}), ["t"])
    assert has_benchmarks(tree, ["t/test_a.py"])
    assert not has_benchmarks(tree, ["t/gone.py"])

    def report_of(**medians: float) -> dict[str, Any]:
        stats = [{"fullname": name, "stats": {"median": m}} for name, m in medians.items()]
        return {"benchmarks": stats}

    old, new = report_of(a=1.0, gone=1.0, zero=0.0), report_of(a=1.5, fresh=1.0, zero=1.0)
    rows = {row.name: row.slowdown for row in perf.compare(old, new)}
    assert rows == {"a": 50.0, "fresh": None, "gone": None, "zero": None}
    assert [row.baseline for row in perf.compare(None, new)] == [None, None, None]


def test_the_compose_file_is_set_or_of_a_usual_name() -> None:
    assert (
        compose.compose_file(MemoryTree({"docker-compose.yml": ""}), None) == "docker-compose.yml"
    )
    assert compose.compose_file(MemoryTree({}), None) is None
    assert compose.compose_file(MemoryTree({"x.yaml": ""}), "x.yaml") == "x.yaml"
    with pytest.raises(CheckFailedError, match=r"x\.yaml: no such file; fix the setting"):
        compose.compose_file(MemoryTree({}), "x.yaml")
    assert compose.project_name("/a", "s") != compose.project_name("/b", "s")


def test_the_compose_client_is_what_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {("docker", "compose"): 1, ("docker-compose", "version"): 0, ("docker", "version"): 1}

    def run(argv: list[str], **_: Any) -> process.Completed:
        status = answers[argv[0], argv[1]]
        return process.Completed(argv=tuple(argv), returncode=status, stdout=b"", stderr=b"")

    monkeypatch.setattr(compose, "run", run)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(ToolMissingError, match="docker: no engine answers"):
        compose.compose_client("/")
    answers["docker", "version"] = 0
    assert compose.compose_client("/") == ["docker-compose"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ToolMissingError, match="docker compose: not found on PATH"):
        compose.compose_client("/")

"""Settings that `init` writes for a repository as it is, each concession with its reason."""

from __future__ import annotations

import tomllib

import pytest

from tests.support.trees import MemoryTree
from tradai_tasks.workflows.adoption import (
    Adoption,
    Outcome,
    adoption_tables,
    other_formatter,
    severity_of,
)
from tradai_tasks.workspace.file_kinds import Area
from tradai_tasks.workspace.inventory import InventoryFile

_HIGH = ("high", 2)


def unseen(path: str, kind: str, why: str) -> InventoryFile:
    area = Area(path=".", noun="root")
    return InventoryFile(path=path, kind=kind, area=area, looks=frozenset(), why=why)  # type: ignore[arg-type] # a literal


def adoption(**given: object) -> Adoption:
    nothing: dict[str, object] = {
        "floors": {},
        "untested": (),
        "unseen": (),
        "formatter": None,
        "severity": "low",
        "findings": 0,
        "faults": (),
    }
    return Adoption(**{**nothing, **given})  # type: ignore[arg-type] # as the test gives them


def test_nothing_to_concede_is_nothing_to_write() -> None:
    assert adoption_tables(adoption(), "tool.tradai-tasks.") == []


def test_each_concession_is_a_setting_with_its_reason() -> None:
    found = adoption(
        floors={"b": 7, "a.x": 93},
        untested=("c",),
        unseen=(unseen("odd/[x].py", "source", "odd is strange"),),
        formatter="black formats this repository",
        severity="high",
        findings=356,
    )
    text = "\n".join(adoption_tables(found, "tool.tradai-tasks."))
    settings = tomllib.loads(text)["tool"]["tradai-tasks"]
    assert settings["packages"] == {"a.x": {"floor": 93}, "b": {"floor": 7}, "c": {"test": False}}
    assert settings["lint"] == {"format": False}
    assert settings["security"] == {"severity": "high"}
    (unchecked,) = settings["unchecked"]
    assert unchecked["paths"] == ["odd/[[]x].py"]
    assert "odd is strange" in unchecked["reason"]
    for reason in ("black formats", "356 findings of bandit", "no tests", "as measured"):
        assert reason in text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ("low", 0)),
        (["a.py:1: B1 (low severity, high confidence) x"], ("medium", 1)),
        (["a.py:1: B1 (low severity, low confidence) x"], ("low", 0)),  # does not count
        (["a (medium severity, high confidence) b", "c (low severity, high confidence) d"], _HIGH),
        (["a (high severity, high confidence) x"], (None, 1)),
    ],
)  # fmt: skip
def test_the_severity_is_the_least_above_all_findings(
    lines: list[str], expected: tuple[str | None, int]
) -> None:
    assert severity_of(lines) == expected


@pytest.mark.parametrize(
    ("files", "locked", "expected"),
    [
        ({}, (), "nothing here has ruff format the code"),
        ({}, ("black",), "black formats this repository"),
        ({"pyproject.toml": "[tool.yapf]\n"}, (), "yapf formats this repository"),
        ({".pre-commit-config.yaml": "- id: black\n"}, (), "black formats this repository"),
        ({".pre-commit-config.yaml": "- id: ruff-format\n"}, ("black",), None),
        ({"pyproject.toml": "[tool.ruff.format]\n"}, (), None),
        ({"Makefile": "fmt:\n\truff format .\n"}, (), None),
        ({".github/workflows/ci.yml": "run: uv run ruff format --check\n"}, (), None),
    ],
)
def test_ruff_is_told_not_to_format_only_where_it_does_not(
    files: dict[str, str], locked: tuple[str, ...], expected: str | None
) -> None:
    assert other_formatter(MemoryTree(files), locked) == expected


def test_the_reason_of_a_red_session_is_its_last_line() -> None:
    output = "nox > Session lint aborted: lint: ruff found faults; apply them with: nox -s fmt.\n"
    assert Outcome(session="lint", status=1, output=output).reason.startswith("lint: ruff found")
    assert Outcome(session="lint", status=9, output="").reason == "exit status 9"

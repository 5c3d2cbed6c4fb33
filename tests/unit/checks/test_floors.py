"""Floors that only rise, and the list of what the settings let pass."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from tests.support.trees import found, project
from tradai_tasks.checks.concessions import concessions
from tradai_tasks.checks.floors import measured_floors, raised
from tradai_tasks.errors import FloorNotRaisedError
from tradai_tasks.settings.model import (
    IgnoredAdvisory,
    LintSettings,
    NotAudited,
    PackageSettings,
    SecuritySettings,
    Settings,
    TestSettings,
    TypecheckSettings,
    UncheckedFiles,
)

_OWN = "[tool.tradai-tasks]\n"
_TABLE = "[tool.tradai-tasks.packages]\n"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (f"{_TABLE}a.floor = 40  # x\nb.floor = 90", f"{_TABLE}a.floor = 55  # x\nb.floor = 90"),
        (f'{_TABLE}"a".floor = 40.5\n', f'{_TABLE}"a".floor = 55\n'),
        (f"{_OWN}packages.a.floor = 40\n", f"{_OWN}packages.a.floor = 55\n"),
        (
            "[tool.tradai-tasks.packages.a]\nfloor = 40\n[tool.x]\nfloor = 1\n",
            "[tool.tradai-tasks.packages.a]\nfloor = 55\n[tool.x]\nfloor = 1\n",
        ),
        (f"{_TABLE}a.floor = 60\n", f"{_TABLE}a.floor = 60\n"),  # never lowered
        (f"{_TABLE}a.test = false\n", f"{_TABLE}a.test = false\n"),  # nothing to raise
        ("", ""),
    ],
)  # fmt: skip
def test_a_floor_is_raised_where_it_is_written(text: str, new: str) -> None:
    changed, old = raised(text, "pyproject.toml", {"a": 55, "b": 90, "c": 99})
    assert changed == new
    assert set(old) == ({"a"} if changed != text else set())


def test_settings_in_a_file_of_their_own_are_raised_too() -> None:
    assert raised("[packages]\na.floor = 1\n", "tradai-tasks.toml", {"a": 2}) == (
        "[packages]\na.floor = 2\n",
        {"a": 1},
    )


def test_a_floor_in_another_form_is_named_with_what_to_write() -> None:
    text = "[tool.tradai-tasks]\npackages = { a = { floor = 40 } }\n"
    with pytest.raises(FloorNotRaisedError, match=r"write by hand: packages\.a\.floor = 55"):
        raised(text, "pyproject.toml", {"a": 55})


def test_the_least_of_all_runs_counts_in_whole_percents(tmp_path: Path) -> None:
    for name, percent in (("one", 55.9), ("two", 54.99)):
        (tmp_path / name).write_text(json.dumps({"a": percent}))
    assert measured_floors([tmp_path / "one", tmp_path / "two"]) == {"a": 54}


def test_whatever_the_settings_let_pass_is_listed_once() -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n',
        "libs/a/pyproject.toml": project("a"),
        "libs/b/pyproject.toml": project("b"),
    }
    own = {"a": PackageSettings(floor=12), "b": PackageSettings(test=False)}
    workspace = found(files, packages=own)
    assert concessions(Settings(), (), floor=60) == ()
    settings = Settings(
        test=TestSettings(floor=50, require=False),
        lint=LintSettings(format=False, ignore=("F401", "E5")),
        typecheck=TypecheckSettings(args=("--no-site-packages", "--disable-error-code=misc")),
        security=SecuritySettings(
            severity="high",
            confidence="high",
            ignore=(IgnoredAdvisory(id="CVE-1", reason="unused", until=date(2030, 1, 1)),),
            not_audited=(NotAudited(name="mine", reason="private"),),
        ),
        unchecked=(UncheckedFiles(paths=("a", "b", "c", "d"), reason="generated"),),
    )
    shown = concessions(settings, workspace.packages, floor=60)
    assert [setting for _, setting in shown] == [
        "packages.a.floor = 12",
        "packages.b.test = false",
        "test.floor = 50",
        "test.require = false",
        "lint.format = false",
        "lint.ignore",
        "typecheck.args",
        'security.severity = "high"',
        'security.confidence = "high"',
        "security.ignore",
        "security.not-audited",
        "unchecked",
    ]
    assert shown[0][0] == "coverage of a from 12 % up, instead of 60 %"
    assert shown[-1][0] == "a, b, c, ... unchecked: generated"

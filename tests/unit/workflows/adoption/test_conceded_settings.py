"""Settings that `init` writes for a repository as it is, each concession with its reason."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from tests.support.project import DictTree, found, pyproject
from tests.support.trees import MemoryTree
from tradai_tasks.workflows.adoption.conceded_settings import (
    Adoption,
    Conceded,
    Outcome,
    adoption_tables,
    concede,
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
        "conceded": Conceded(),
        "faults": (),
    }
    return Adoption(**{**nothing, **given})  # type: ignore[arg-type] # as the test gives them


def test_nothing_to_concede_is_nothing_to_write() -> None:
    assert adoption_tables(adoption(), "tool.tradai-tasks.") == []


def test_each_concession_is_a_setting_with_its_reason() -> None:
    lone = Area(path="lone", noun="project")
    strange = unseen("odd/[x].py", "source", "odd is strange")
    conceded = Conceded(
        formatter="black formats this repository",
        rules={"F401": 2, "B006": 1},
        runs_ruff=False,
        codes={"misc": 1},
        severity="high",
        findings=356,
    )
    adopted = adoption(
        floors={"b": 7, "a.x": 93},
        untested=("c",),
        unseen=(strange, *(msgspec.structs.replace(strange, area=lone) for _ in "ab")),
        conceded=conceded,
    )
    text = "\n".join(adoption_tables(adopted, "tool.tradai-tasks."))
    settings = tomllib.loads(text)["tool"]["tradai-tasks"]
    assert settings["packages"] == {"a.x": {"floor": 93}, "b": {"floor": 7}, "c": {"test": False}}
    assert settings["lint"] == {"format": False, "ignore": ["B006", "F401"]}
    assert settings["typecheck"] == {"args": ["--disable-error-code=misc"]}
    assert settings["security"] == {"severity": "high"}
    assert conceded.settings == {k: settings[k] for k in ("lint", "typecheck", "security")}
    one, other = settings["unchecked"]
    assert one["paths"] == ["odd/[[]x].py"]
    assert "odd is strange" in one["reason"]
    assert other["paths"] == ["lone/**"]  # a project is left out as a whole
    for reason in (
        "black formats", "356 findings of bandit", "no tests", "as measured",
        "3 findings today, and nothing ran ruff",
        "1 finding today, and nothing ran mypy",
    ):  # fmt: skip
        assert reason in text


_RUFF = """\
libs/a/x.py:1:8: E501 Line too long (120 > 100)
libs/a/x.py:12:8: E501 Line too long (130 > 100)
libs/a/y.py:1:8: F401 [*] `os` imported but unused
noxfile.py:1:1: INP001 File `noxfile.py` is part of an implicit namespace package
noxfile.py:3:1: I001 [*] Import block is un-sorted or un-formatted
"""
_MYPY = "libs/a/x.py:3: error: Incompatible types  [assignment]\nFound 1 error in 1 file\n"
_FOUND = {"lint": _RUFF, "typecheck": _MYPY}
_ALL = {"ignore": ["E501", "F401"]}
# where ruff is run: in that file alone, and nothing that it can fix
_ITS_OWN = {"ignore": ["libs/a/x.py:E501"]}
_HOOK = {".pre-commit-config.yaml": "- id: ruff-check\n"}


@pytest.mark.parametrize(
    ("files", "locked", "expected"),
    [
        ({}, "", {"lint": _ALL, "typecheck": ["assignment"]}),
        ({}, "ruff", {"lint": _ALL, "typecheck": ["assignment"]}),
        (
            {"Makefile": "lint:\n\truff check\n"},
            "",
            {"lint": _ITS_OWN, "typecheck": ["assignment"]},
        ),
        ({}, "mypy", {"lint": _ALL}),
        ({}, "pyright", {"lint": _ALL}),
        ({"noxfile.py": "# ruff: noqa: I001\n"}, "", {"lint": _ALL, "typecheck": ["assignment"]}),
        (_HOOK, "", {"lint": _ITS_OWN, "typecheck": ["assignment"]}),
        ({"ruff.toml": ""}, "", {"lint": _ITS_OWN, "typecheck": ["assignment"]}),
        ({"libs/a/.ruff.toml": "", "mypy.ini": "[mypy]\n"}, "", {"lint": _ITS_OWN}),
        ({"pyproject.toml": "[tool.ruff]\n[tool.mypy]\n"}, "", {"lint": _ITS_OWN}),
    ],
)
def test_faults_of_tools_that_a_repository_does_not_use_are_let_pass(
    files: dict[str, str], locked: str, expected: dict[str, Any]
) -> None:
    package = f'\n[[package]]\nname = "{locked}"\nversion = "1"\n' if locked else ""
    members = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    tree = DictTree(
        {
            "uv.lock": f"version = 1\n{package}",
            "libs/a/pyproject.toml": pyproject("a"),
            **files,
            "pyproject.toml": members + files.get("pyproject.toml", ""),
        }
    )
    conceded = concede(_FOUND, tree, found(tree))
    assert conceded.noxfile == ("# ruff: noqa: I001, INP001",)
    codes = [f"--disable-error-code={one}" for one in expected.pop("typecheck", [])]
    assert conceded.settings == {**expected, **({"typecheck": {"args": codes}} if codes else {})}


def test_a_rule_that_many_files_break_is_let_pass_everywhere() -> None:
    tree = DictTree({"uv.lock": "version = 1\n", "pyproject.toml": pyproject("a"), "ruff.toml": ""})
    lines = [f"src/{n}.py:1:1: CPY001 Missing copyright notice\n" for n in range(11)]
    assert concede({"lint": "".join(lines)}, tree, found(tree)).rules == {"CPY001": 11}
    few = concede({"lint": "".join(lines[:10])}, tree, found(tree)).rules
    assert (len(few), few["src/0.py:CPY001"]) == (10, 1)


def test_the_findings_of_a_strategy_are_those_of_its_folder() -> None:
    files = {f"strategies/{n}/pyproject.toml": pyproject(n) for n in ("one", "two")}
    locks = {f"strategies/{n}/uv.lock": "version = 1\n" for n in ("one", "two")}
    tree = DictTree({**files, **locks, "ruff.toml": ""})
    red = {
        "lint(one)": "strategies/one/src/[x].py:3:4: E5 Too long\n",
        "lint(two)": "strategies/two/a.ipynb:cell 2:1:1: E5 y\n",
    }
    conceded = concede(red, tree, found(tree))
    expected = {"strategies/one/src/[[]x].py:E5": 1, "strategies/two/a.ipynb:E5": 1}
    assert conceded.rules == expected
    text = "\n".join(adoption_tables(adoption(conceded=conceded), ""))
    assert tomllib.loads(text) == {"lint": {"ignore": sorted(expected)}}
    assert "  # 2 findings today that ruff cannot fix\n" in text
    assert str(conceded) == "lint.ignore (2 findings today that ruff cannot fix)"
    assert str(Conceded()) == ""


def test_the_format_is_let_pass_where_something_was_not_formatted() -> None:
    tree = DictTree({"uv.lock": "version = 1\n", "pyproject.toml": pyproject("a")})
    for told in ("Would reformat: {}\n",):
        conceded = concede({"lint": told.format("a/noxfile.py")}, tree, found(tree))
        assert (conceded.settings, conceded.noxfile) == ({"lint": {"format": False}}, ())
        alone = concede({"lint": told.format("noxfile.py")}, tree, found(tree))
        assert (alone.settings, alone.noxfile) == ({}, ("# fmt: off",))


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
    assert severity_of("\n".join(lines)) == expected


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
def test_ruff_is_asked_not_to_format_only_where_it_does_not(
    files: dict[str, str], locked: tuple[str, ...], expected: str | None
) -> None:
    assert other_formatter(MemoryTree(files), locked) == expected


def test_the_reason_of_a_red_session_is_its_last_line() -> None:
    told = "nox > Session lint aborted: lint: ruff found faults; fix: nox -s fmt (took a second).\n"
    lint = Outcome(session="lint", status=1, output=told)
    assert str(lint) == "lint: ruff found faults; fix: nox -s fmt"
    slow = Outcome(session="test(a b)", status=9, output="")
    assert str(slow) == "test(a b): exit status 9; run it with: nox -s 'test(a b)'"
    above = Outcome(
        session="lint", status=2, output="", said="uv failed; its message is above; try"
    )
    assert str(above) == "lint: uv failed; try; run it with: nox -s lint"
    stale = Outcome(session="lock", status=1, output="", said="stale: uv.lock")
    assert str(stale) == "lock: stale: uv.lock; run it with: nox -s lock"

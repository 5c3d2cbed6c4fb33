"""Where the library is declared, and how a missing extra is told."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from tradai_tasks.errors import ExtraMissingError
from tradai_tasks.extras import (
    carries_pins,
    declarations,
    extras_of,
    how_to_add,
    missing_extra,
    require,
    run_options,
)
from tradai_tasks.settings.load import parse_toml

TWICE = """\
[dependency-groups]
a = ['tradai-tasks']
b = ['tradai-tasks']
[tool.uv]
default-groups = ['b']
"""
PINS = """\
# /// script
# dependencies = [
#     "nox[uv]>=2026",
#     "tradai-tasks[backtest]==0.1.0",
# ]
# ///
import nox
"""


def test_modules_belong_to_the_extras_of_the_metadata() -> None:
    assert extras_of("boto3.session") == ("backtest", "release")
    assert extras_of("twine") == ("release",)
    assert extras_of("matplotlib") == ("backtest",)
    assert extras_of("msgspec") == extras_of("no_such_module") == ()


@pytest.mark.parametrize(
    ("table", "command", "options"),
    [
        ("[project]\ndependencies = ['tradai-tasks']", 'uv add "tradai-tasks[release]"', ()),
        (
            "[dependency-groups]\ndev = ['ruff', 'Tradai_Tasks>=0.1']",
            'uv add --group dev "tradai-tasks[release]"',
            (),
        ),
        (
            "[dependency-groups]\nci = ['tradai-tasks']",
            'uv add --group ci "tradai-tasks[release]"',
            ("--group", "ci"),
        ),
        (
            "[tool.uv]\ndev-dependencies = ['tradai-tasks']",
            'uv add --group dev "tradai-tasks[release]"',
            (),
        ),
        (
            "[dependency-groups]\nci = ['tradai-tasks']\n[tool.uv]\ndefault-groups = ['ci']",
            'uv add --group ci "tradai-tasks[release]"',
            (),
        ),
        (
            "[dependency-groups]\nci = ['tradai-tasks']\n[tool.uv]\ndefault-groups = 'all'",
            'uv add --group ci "tradai-tasks[release]"',
            (),
        ),
        (
            "[dependency-groups]\ndev = [{include-group = 'ci'}]\nci = ['tradai-tasks']",
            'uv add --group ci "tradai-tasks[release]"',
            (),
        ),
        (
            "[project.optional-dependencies]\nci = ['tradai-tasks']",
            'uv add --optional ci "tradai-tasks[release]"',
            ("--extra", "ci"),
        ),
        (
            TWICE,
            'uv add --group a "tradai-tasks[release]"',
            (),
        ),
    ],
)
def test_the_command_is_that_of_where_it_is_declared(
    tmp_path: Path, table: str, command: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "pyproject.toml").write_text(table)
    (tmp_path / "ci").mkdir()
    for noxfile in (tmp_path / "noxfile.py", tmp_path / "ci/noxfile.py"):
        noxfile.write_text("import nox\n")
        assert how_to_add("release", noxfile) == f"add it with: {command}"
    assert run_options(parse_toml(table.encode(), "pyproject.toml")) == options


def test_a_noxfile_with_its_own_pins_is_changed_by_line(tmp_path: Path) -> None:
    noxfile = tmp_path / "noxfile.py"
    noxfile.write_text(PINS)
    assert carries_pins(PINS)
    assert how_to_add("release", noxfile) == (
        'in line 4 of noxfile.py, write "tradai-tasks[backtest,release]==0.1.0" for '
        '"tradai-tasks[backtest]==0.1.0"'
    )
    noxfile.write_text(PINS.replace("[backtest]==0.1.0", " @ file:///some/where"))
    assert 'write "tradai-tasks[release] @ file:///some/where" for' in how_to_add(
        "release", noxfile
    )


def test_a_noxfile_that_pins_the_extra_is_right_as_it_is(tmp_path: Path) -> None:
    noxfile = tmp_path / "noxfile.py"
    noxfile.write_text(PINS)
    assert how_to_add("backtest", noxfile) == (
        "line 4 of noxfile.py requires it, but nox did not install it; run nox with the "
        "environment variable NOX_SCRIPT_MODE=fresh"
    )


@pytest.mark.parametrize("broken", ["[project", "[dependency-groups]\ndev = ['ruff']\n"])
def test_declared_nowhere_it_is_installed_where_nox_is(tmp_path: Path, broken: str) -> None:
    (tmp_path / "pyproject.toml").write_text(broken)
    said = how_to_add("release", tmp_path / "noxfile.py")
    assert said == f'add it with: uv pip install --python {sys.executable} "tradai-tasks[release]"'
    assert declarations({}) == ()


def test_a_module_that_could_not_be_imported_names_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("matplotlib")
    said = str(missing_extra(caught.value))
    assert said.startswith(
        "matplotlib is not installed, which comes with the extra 'backtest' of tradai-tasks; "
    )
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module("no_such_module")
    assert missing_extra(caught.value) is None


def test_an_extra_is_there_whole_or_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    require("release")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "twine" else 1)
    with pytest.raises(ExtraMissingError, match=r"^twine is not installed, .* extra 'release'"):
        require("release")
    require("backtest")

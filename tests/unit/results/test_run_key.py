"""Each file with settings that the recorder leaves out is part of what names a run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tradai_tasks.results import pytest_plugin
from tradai_tasks.results.run_key import slot_name


def _left_out() -> list[str]:
    source = Path(pytest_plugin.__file__).with_name("tradai_tasks_events.py").read_text("utf-8")
    found = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CONFIGURATION"
    ]
    assert isinstance(found[0], ast.Call)
    return sorted(ast.literal_eval(found[0].args[0]))


def _slot(root: Path) -> str:
    return slot_name(
        environment=b"", root=root, home="libs/a", name="a", words=(), variables={}, stated=()
    )


@pytest.mark.parametrize("folder", [".", "libs", "libs/a"])
@pytest.mark.parametrize("name", _left_out())
def test_a_file_with_settings_names_the_run(tmp_path: Path, name: str, folder: str) -> None:
    (tmp_path / "libs/a").mkdir(parents=True)
    before = _slot(tmp_path)
    (tmp_path / folder / name).write_text("[tool.pytest]\nx = 1\n")
    assert _slot(tmp_path) != before


_TOX = "# jobs\n[tox]\nenvlist =\n  py312-{a,b}\n  # b: not yet\n\n[testenv:a]\ndeps=x\n"


@pytest.mark.parametrize("name", ["tox.ini", "setup.cfg"])
@pytest.mark.parametrize(("text", "counts"), [
    (_TOX.replace("deps=x", "deps: y = z"), False),
    (f"{_TOX}[mypy] # strict\nstrict = 1\n", False),
    (f"{_TOX}[pytest]\naddopts = -x\n", True),
    (f"{_TOX}[tool:pytest]\naddopts = -x\n", True),
    (f"{_TOX}[coverage:run]\nbranch = 1\n", True),
    (f"{_TOX}[DEFAULT]\nbranch = 1\n", True),
    (f"{_TOX}[tox]\n", True),  # what follows cannot be read by pytest or by coverage
    (f"{_TOX}deps = y\n", True),
    (f"{_TOX}DEPS = y\n", True),
    (f"{_TOX}deps\n", True),
    (f"  a = 1\n{_TOX}", True),
    (f"a = 1\n{_TOX}", True),
    (f"{_TOX}[x]\n  a = 1\n", True),
    (f"{_TOX}[x\n", True),
    (f"{_TOX}[]\n", True),
    (f"{_TOX}= 1\n", True),
    (f"{_TOX}\udcff", True),
])  # fmt: skip
def test_of_a_file_for_many_tools_the_tables_of_pytest_and_coverage_name_the_run(
    tmp_path: Path, name: str, text: str, counts: bool
) -> None:
    (tmp_path / name).write_text(_TOX)
    before = _slot(tmp_path)
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert (_slot(tmp_path) != before) == counts


@pytest.mark.parametrize(("text", "counts"), [
    ("[tool.codespell]\nx = 1\n", False),
    ("[project]\nversion = '2'\n[dependency-groups]\ndocs = ['x']\n", False),
    ("[tool.pytest.ini_options]\naddopts = '-x'\n", True),
    ("[tool.pytest_env]\nA = 1\n", True),
    ("[tool.coverage.run]\nbranch = true\n", True),
    ("[tool.codespell]\nx = \n", True),  # which pytest reports
])  # fmt: skip
def test_of_a_project_the_tables_of_pytest_and_coverage_name_the_run(
    tmp_path: Path, text: str, counts: bool
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.mypy]\nstrict = true\n")
    before = _slot(tmp_path)
    (tmp_path / "pyproject.toml").write_text(text)
    assert (_slot(tmp_path) != before) == counts

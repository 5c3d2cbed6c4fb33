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

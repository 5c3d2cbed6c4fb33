"""Folders that packages are taken from, and that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.real import write
from tradai_tasks.errors import PathSourceMissingError
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.settings.load import load_settings
from tradai_tasks.workspace.discovery import discover
from tradai_tasks.workspace.path_sources import require_path_sources

PROJECT = """\
[project]
name = "fast"
version = "1"

[tool.uv.sources]
one = { path = "../../one", editable = true }
two = [{ path = "../../there", marker = "os_name == 'nt'" }, { path = "../../../two" }]
three = { index = "mine" }
"""


def test_a_folder_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    home = write(tmp_path / "home", {"strategies/fast/pyproject.toml": PROJECT, "there/x": ""})
    tree = DiskTree(home)
    loaded = load_settings(tree)
    workspace = discover(tree, loaded.settings, settings_file=loaded.file)
    with pytest.raises(PathSourceMissingError) as bad:
        require_path_sources(home, workspace)
    for fault, name, folder in zip(
        bad.value.faults, ("one", "two"), (home / "one", tmp_path / "two"), strict=True
    ):
        assert fault.startswith(f"strategies/fast/pyproject.toml: {name} is taken from ../../")
        assert f"there is no {folder}; clone what has it there, or remove the line" in fault
    (home / "one").mkdir()
    (tmp_path / "two").mkdir()
    require_path_sources(home, workspace)

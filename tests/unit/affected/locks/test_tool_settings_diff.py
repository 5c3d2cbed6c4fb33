from __future__ import annotations

import pytest

from tradai_tasks.affected.locks.tool_settings_diff import (
    RootChange,
    compare_root,
    compare_root_file,
)
from tradai_tasks.errors import BrokenTomlError

BEFORE = """\
[build-system]
requires = ["uv_build"]
[project]
name = "whole"
description = "old"
dependencies = ["requests"]
[dependency-groups]
dev = ["pytest"]
[tool.ruff]
line-length = 100
[tool.mypy]
strict = true
[tool.uv.workspace]
members = ["libs/*"]
[tool.black]
line-length = 100
"""


def edited(old: str, new: str) -> RootChange:
    assert old in BEFORE
    return compare_root(BEFORE.encode(), BEFORE.replace(old, new).encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[project]", "# a comment\n\n[project]"),
        ('description = "old"', "description = 'old'"),
        ('description = "old"', 'description = "new"\nclassifiers = []\nkeywords = ["x"]'),
        ("[tool.black]\nline-length = 100", "[tool.black]\nline-length = 80"),
        ("[tool.black]", "[tool.something]\nx = 1\n[tool.black]"),
    ],
)
def test_what_no_session_reads_steers_nothing(old, new):
    assert edited(old, new) == RootChange()


@pytest.mark.parametrize(
    ("old", "new", "sessions"),
    [
        ("[tool.ruff]\nline-length = 100", "[tool.ruff]\nline-length = 80", {"lint": "ruff"}),
        ("[tool.ruff]\nline-length = 100", "", {"lint": "ruff"}),
        ("strict = true", "strict = false", {"typecheck": "mypy"}),
        ("[tool.black]", "[tool.pytest.ini_options]\n[tool.black]", {"test": "pytest"}),
        ("[tool.black]", "[tool.coverage.run]\n[tool.black]", {"test": "coverage"}),
        ("[tool.black]", "[tool.bandit]\n[tool.black]", {"security": "bandit"}),
        ("[tool.black]", "[tool.pytest_env]\n[tool.black]", {"test": "pytest_env"}),
        ("[tool.black]", "[tool.pydantic-mypy]\n[tool.black]", {"typecheck": "pydantic-mypy"}),
        ("[tool.black]", "[tool.django-stubs]\n[tool.black]", {"typecheck": "django-stubs"}),
        (
            "[tool.ruff]",
            "[tool.bandit]\n[tool.ruff]\nx = 1",
            {"lint": "ruff", "security": "bandit"},
        ),
    ],
)
def test_a_tools_settings_steer_its_session(old, new, sessions):
    told = {name: f"pyproject.toml: tool.{tool} changed" for name, tool in sessions.items()}
    assert edited(old, new) == RootChange(sessions=told)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("uv_build", "hatchling", "build-system"),
        ("pytest", "pytest>=9", "dependency-groups"),
        ("[build-system]", "new-key = 1\n[build-system]", "new-key"),
        ("requests", "httpx", "project.dependencies"),
        ('name = "whole"', 'name = "whole"\nrequires-python = ">=3.12"', "project.requires-python"),
        ('name = "whole"', 'name = "whole"\nnew-key = 1', "project.new-key"),
        ("libs/*", "packages/*", "tool.uv"),
        ("[tool.black]", "[tool.tradai-tasks]\n[tool.black]", "tool.tradai-tasks"),
        ("[tool.black]", "[tool.setuptools]\n[tool.black]", "tool.setuptools"),
    ],
)
def test_whatever_else_changes_selects_everything(old, new, key):
    assert edited(old, new) == RootChange(everything=f"pyproject.toml: {key} changed")


@pytest.mark.parametrize("key", ["tool", "project"])
def test_a_table_that_is_none_any_more_selects_everything(key):
    found = compare_root(BEFORE.encode(), f"{key} = 7\n".encode())
    assert found.everything is not None
    found = compare_root(b"", f"{key} = 7\n".encode())
    assert found == RootChange(everything=f"pyproject.toml: {key} changed")


def test_a_file_that_comes_or_goes_selects_everything():
    assert compare_root(None, b"").everything == "pyproject.toml is new"
    assert compare_root(b"", None).everything == "pyproject.toml was removed"
    assert compare_root(None, None) == RootChange()


def test_a_broken_file_is_an_error_at_the_head_and_everything_at_the_base():
    with pytest.raises(BrokenTomlError, match=r"^pyproject.toml: broken TOML: "):
        compare_root(b"", b"[")
    everything = compare_root(b"[", b"").everything
    assert everything is not None
    assert everything.startswith("pyproject.toml at the base: broken TOML: ")


@pytest.mark.parametrize(
    ("path", "sessions"),
    [
        ("ruff.toml", ["lint"]),
        (".ruff.toml", ["lint"]),
        ("mypy.ini", ["typecheck"]),
        (".mypy.ini", ["typecheck"]),
        ("pytest.ini", ["test"]),
        (".pytest.ini", ["test"]),
        (".coveragerc", ["test"]),
        (".bandit", ["security"]),
        ("tox.ini", ["lint", "security", "test", "typecheck"]),
        ("setup.cfg", ["lint", "test", "typecheck"]),
    ],
)
def test_a_tools_own_file_steers_its_session(path, sessions):
    assert compare_root_file(path) == RootChange(
        sessions=dict.fromkeys(sessions, f"{path} changed")
    )


@pytest.mark.parametrize("path", [".python-version", "uv.toml", "noxfile.py", "tradai-tasks.toml"])
def test_a_file_that_steers_all_sessions_selects_everything(path):
    assert compare_root_file(path) == RootChange(everything=f"{path} changed")


@pytest.mark.parametrize("path", ["README.md", "libs/a/ruff.toml", "pyproject.toml", "uv.lock"])
def test_other_files_are_none_of_these(path):
    assert compare_root_file(path) is None

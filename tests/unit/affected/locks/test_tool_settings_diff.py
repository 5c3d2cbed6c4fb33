from __future__ import annotations

import msgspec
import pytest

from tradai_tasks.affected.locks.tool_settings_diff import (
    SettingsChange,
    compare_project,
    compare_tool_file,
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
ROOT = "pyproject.toml"
MEMBER = "libs/a/pyproject.toml"


def edited(old: str, new: str, *, file: str = ROOT, with_lock: bool = False) -> SettingsChange:
    assert old in BEFORE
    text = BEFORE.replace(old, new)
    return compare_project(BEFORE.encode(), text.encode(), file=file, with_lock=with_lock)


@pytest.mark.parametrize("file", [ROOT, MEMBER])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[project]", "# a comment\n\n[project]"),
        ('description = "old"', "description = 'old'"),
        ('description = "old"', 'description = "new"\nclassifiers = []\nkeywords = ["x"]'),
        ("[tool.black]\nline-length = 100", "[tool.black]\nline-length = 80"),
        ("[tool.black]", "[tool.pylint]\nx = 1\n[tool.black]"),
        ("[tool.black]", "[tool.git-cliff.git]\nx = 1\n[tool.black]"),
        ("[tool.black]", "[tool.hatch.envs.docs]\nx = 1\n[tool.black]"),
        ("[tool.black]", "[tool.pdm.scripts]\nx = '1'\n[tool.black]"),
    ],
)
def test_what_no_session_reads_affects_nothing(old, new, file):
    assert edited(old, new, file=file) == SettingsChange()


def test_a_license_that_is_no_file_is_for_readers():
    texts = [f'[project]\nlicense = "{name}"\n'.encode() for name in ("MIT", "BSD-3-Clause")]
    assert compare_project(*texts, file=MEMBER, with_lock=True) == SettingsChange()
    files = [f"[project]\nlicense = {{ file = '{name}' }}\n".encode() for name in ("a", "b")]
    assert compare_project(*files, file=MEMBER, with_lock=True).build


@pytest.mark.parametrize("file", [ROOT, MEMBER])
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
def test_a_tools_settings_select_the_sessions_that_read_them(old, new, sessions, file):
    told = {name: f"{file}: tool.{tool} changed" for name, tool in sessions.items()}
    assert edited(old, new, file=file) == SettingsChange(sessions=told)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("pytest", "pytest>=9", "dependency-groups"),
        ("[build-system]", "new-key = 1\n[build-system]", "new-key"),
        ('name = "whole"', 'name = "whole"\nrequires-python = ">=3.12"', "project.requires-python"),
        ("libs/*", "packages/*", "tool.uv.workspace"),
        ("[tool.black]", "[tool.tradai-tasks]\n[tool.black]", "tool.tradai-tasks"),
        ("[tool.black]", "[tool.uv]\npackage = false\n[tool.black]", "tool.uv.package"),
    ],
)
def test_what_steers_all_sessions_selects_everything(old, new, key):
    assert edited(old, new) == SettingsChange(everything=f"pyproject.toml: {key} changed")


@pytest.mark.parametrize("file", [ROOT, MEMBER])
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("uv_build", "hatchling", "build-system"),
        ("requests", "httpx", "project.dependencies"),
        ('name = "whole"', 'name = "whole"\nnew-key = 1', "project.new-key"),
        ('name = "whole"', 'name = "whole"\nversion = "2"', "project.version"),
        ('name = "whole"', 'name = "whole"\nscripts = { a = "b:c" }', "project.scripts"),
        ('name = "whole"', 'name = "whole"\nreadme = "x.md"', "project.readme"),
        ("[tool.black]", "[tool.setuptools]\n[tool.black]", "tool.setuptools"),
        ("[tool.black]", "[tool.hatch.build]\n[tool.black]", "tool.hatch.build"),
    ],
)
def test_what_decides_on_a_build_affects_who_depends_on_it(old, new, key, file):
    assert edited(old, new, file=file) == SettingsChange(build=f"{file}: {key} changed")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("pytest", "pytest>=9", {"own": "dependency-groups"}),
        ("[tool.black]", "[tool.tradai-tasks]\n[tool.black]", {"own": "tool.tradai-tasks"}),
        ("[tool.black]", "[tool.uv.sources]\n[tool.black]", {"build": "tool.uv.sources"}),
        ("[tool.black]", "[tool.new-builder]\n[tool.black]", {"build": "tool.new-builder"}),
        (
            'name = "whole"',
            'name = "whole"\nrequires-python = ">=3.12"',
            {"build": "project.requires-python"},
        ),
    ],
)
def test_settings_of_a_member_alone(old, new, expected):
    told = {scope: f"{MEMBER}: {key} changed" for scope, key in expected.items()}
    assert edited(old, new, file=MEMBER) == msgspec.convert(told, SettingsChange)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pytest", "pytest>=9"),
        ("libs/*", "packages/*"),
        ("[tool.black]", "[tool.uv.sources]\na = { workspace = true }\n[tool.black]"),
        ("[tool.black]", "[tool.uv]\nconstraint-dependencies = ['x']\n[tool.black]"),
    ],
)
def test_what_a_changed_lock_shows_counts_there(old, new):
    assert edited(old, new, with_lock=True) == SettingsChange()


@pytest.mark.parametrize("key", ["tool", "project"])
def test_a_table_that_is_none_any_more_counts_as_unknown(key):
    text = f"{key} = 7\n".encode()
    for before in (BEFORE.encode(), b""):
        found = compare_project(before, text, file=ROOT, with_lock=True)
        assert found.everything is not None


def test_a_file_that_comes_or_goes_affects_all_that_it_may():
    for file, scope in ((ROOT, "everything"), (MEMBER, "build")):
        new = compare_project(None, b"", file=file, with_lock=True)
        assert new == msgspec.convert({scope: f"{file} is new"}, SettingsChange)
        gone = compare_project(b"", None, file=file, with_lock=True)
        assert gone == msgspec.convert({scope: f"{file} was removed"}, SettingsChange)
        assert compare_project(None, None, file=file, with_lock=True) == SettingsChange()


def test_a_broken_file_is_an_error_at_the_head_and_unknown_at_the_base():
    with pytest.raises(BrokenTomlError, match=r"^pyproject.toml: broken TOML: "):
        compare_project(b"", b"[", file=ROOT, with_lock=True)
    everything = compare_project(b"[", b"", file=ROOT, with_lock=True).everything
    assert everything is not None
    assert everything.startswith("pyproject.toml at the base: broken TOML: ")


@pytest.mark.parametrize("folder", ["", "libs/a/"])
@pytest.mark.parametrize(
    ("name", "before", "after", "sessions"),
    [
        ("ruff.toml", "a = 1", "a = 2", ["lint"]),
        (".ruff.toml", "a = 1", "a = 2", ["lint"]),
        ("mypy.ini", "[mypy]\nx = 1", "[mypy]\nx = 2", ["typecheck"]),
        (".mypy.ini", "[mypy]", None, ["typecheck"]),
        ("pytest.ini", None, "[pytest]", ["test"]),
        (".pytest.ini", "[pytest]\nx=1", "[pytest]\nx=2", ["test"]),
        (".coveragerc", "[run]\nx=1", "[run]\nx=2", ["test"]),
        (".bandit", "[bandit]\nx=1", "[bandit]\nx=2", ["security"]),
        ("bandit.yaml", "a: 1", "a: 2", ["security"]),
        ("tox.ini", "[pytest]\nx=1", "[pytest]\nx=2", ["test"]),
        ("tox.ini", "[testenv]\nx=1", "[testenv]\nx=2", []),
        ("setup.cfg", "[mypy]\nx=1", "[mypy]\nx=2", ["typecheck"]),
        ("setup.cfg", "[mypy-a.*]\nx=1", "[mypy-a.*]\nx=2", ["typecheck"]),
        ("setup.cfg", "[tool:pytest]\nx=1", "[tool:pytest]\nx=2", ["test"]),
        ("setup.cfg", "[coverage:run]\nx=1", "[coverage:run]\nx=2", ["test"]),
        ("setup.cfg", "[flake8]\nx=1", "[flake8]\nx=2", []),
        # comments, and another form of the same
        ("mypy.ini", "[mypy]\nx = 1", "# why\n[mypy]\nx=1\n", []),
        ("ruff.toml", "a = 1", "# why\na=1", []),
    ],
)
def test_a_tools_own_file_is_like_its_table(name, before, after, sessions, folder):
    texts = [text if text is None else text.encode() for text in (before, after)]
    found = compare_tool_file(*texts, file=f"{folder}{name}")
    assert found is not None
    assert (found.everything, found.build, found.own) == (None, None, None)
    assert sorted(found.sessions) == sessions
    assert all(reason.startswith(f"{folder}{name}") for reason in found.sessions.values())


def test_what_setuptools_reads_in_setup_cfg_affects_who_depends_on_it():
    found = compare_tool_file(b"[options]\nx=1", b"[options]\nx=2", file="libs/a/setup.cfg")
    assert found == SettingsChange(build="libs/a/setup.cfg: [options] changed")


def test_a_file_that_cannot_be_read_as_data_selects_its_sessions():
    found = compare_tool_file(b"\xff", b"[mypy]", file="mypy.ini")
    assert found == SettingsChange(sessions={"typecheck": "mypy.ini changed"})
    shared = compare_tool_file(b"\xff", b"\xfe", file="tox.ini")
    assert shared is not None
    assert sorted(shared.sessions) == ["security", "test", "typecheck"]


@pytest.mark.parametrize("path", [".python-version", "uv.toml", "noxfile.py", "tradai-tasks.toml"])
def test_a_file_that_steers_all_sessions_selects_everything(path):
    assert compare_tool_file(b"a", b"b", file=path) == SettingsChange(everything=f"{path} changed")


@pytest.mark.parametrize("path", ["README.md", "libs/a/noxfile.py", "pyproject.toml", "uv.lock"])
def test_other_files_are_none_of_these(path):
    assert compare_tool_file(b"a", b"b", file=path) is None

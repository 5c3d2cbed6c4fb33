"""Hints on projects that uv does not read as they are."""

from __future__ import annotations

import tomllib

import pytest

from tests.support.project import DictTree, pyproject
from tradai_tasks.errors import MemberError
from tradai_tasks.settings.load import load_settings
from tradai_tasks.workspace.discovery import discover
from tradai_tasks.workspace.project_hints import unread_dependencies


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pyproject.toml": '[tool.poetry]\nname = "x"\n'}, "is one of Poetry, and uv reads the"),
        (
            {"b/pyproject.toml": pyproject("b"), "a/pyproject.toml": pyproject("a"), "docs/x": ""},
            'write this line into tradai-tasks.toml: members = ["a", "b"]',
        ),
        (
            {
                "pyproject.toml": "[tool.black]\n",
                **{f"libs/{n}/pyproject.toml": pyproject(n) for n in "ab"},
                "apps/c/pyproject.toml": pyproject("c"),
                "apps/d/readme": "",
                ".hidden/x/pyproject.toml": pyproject("x"),
                "apps/e/pyproject.toml": "x = [",
            },
            'this line into [tool.tradai-tasks] of pyproject.toml: members = ["apps/c", "libs/*"]',
        ),
        ({"a/b/c/d/pyproject.toml": pyproject("d")}, "add [tool.uv.workspace] or [project] to"),
    ],
)
def test_what_to_do_where_no_project_is_found(files: dict[str, str], said: str) -> None:
    tree = DictTree(files)
    with pytest.raises(MemberError) as caught:
        discover(tree, load_settings(tree).settings)
    text = str(caught.value)
    assert ": no project found" in text
    assert said in text
    if "members = " in said and "[tool" not in said:  # the line does what it is said to do
        line = said.partition(": ")[2]
        fixed = DictTree({**files, "tradai-tasks.toml": line})
        paths = [one.path for one in discover(fixed, load_settings(fixed).settings).packages]
        assert paths == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("", []),
        ("[tool.uv]\ndev-dependencies = []\n", []),
        ("[tool.pdm.dev-dependencies]\ntest = ['pytest']\n", ["tool.pdm.dev-dependencies"]),
        (
            "[tool.poetry.dependencies]\nx = '1'\n[tool.poetry.group.dev.dependencies]\ny = '1'\n",
            ["tool.poetry.dependencies", "tool.poetry.group.dev"],
        ),
        (
            "[tool.hatch.envs]\na.dependencies = ['pytest']\nx.python = '3'\nb.dependencies = []",
            ["tool.hatch.envs.a", "tool.hatch.envs.b"],
        ),
        ("tool.poetry = 3\ntool.hatch.envs = []\n", []),
    ],
)
def test_dependencies_of_other_tools_are_named(text: str, tables: list[str]) -> None:
    lines = [*unread_dependencies(tomllib.loads(text), "a/pyproject.toml")]
    begins = [f"a/pyproject.toml: uv does not read [{table}]; " for table in tables]
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins

"""A project file of another form than its readers expect is one clear line."""

from __future__ import annotations

import tomllib

import pytest

from tradai_tasks.errors import MemberError
from tradai_tasks.settings.pyproject_check import check_project_file, type_faults


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("project = 3", "project: expected a table, got 3"),
        ("project.dependencies = 3", "project.dependencies: expected a list, got 3"),
        ("project.optional-dependencies = []", "project.optional-dependencies: expected a table"),
        (
            "project.optional-dependencies.x = 'six'",
            "project.optional-dependencies.x: expected a list, got 'six'",
        ),
        ("project.entry-points = ['x']", "project.entry-points: expected a table"),
        ("project.entry-points.a = 'x'", "project.entry-points.a: expected a table"),
        ("project.scripts = 'x'", "project.scripts: expected a table"),
        ("dependency-groups.dev = 'x'", "dependency-groups.dev: expected a list"),
        ("build-system = 'x'", "build-system: expected a table"),
        ("build-system.build-backend = 3", "build-system.build-backend: expected a text, got 3"),
        ("tool = 'x'", "tool: expected a table"),
        ("tool.hatch.build = 'x'", "tool.hatch.build: expected a table"),
        ("tool.setuptools.packages = 3", "tool.setuptools.packages: expected a list or a table"),
        ("tool.setuptools.packages.find = 3", "tool.setuptools.packages.find: expected a table"),
        ("tool.uv.dev-dependencies = 'x'", "tool.uv.dev-dependencies: expected a list"),
    ],
)
def test_a_key_of_another_kind_is_named(text: str, said: str) -> None:
    with pytest.raises(MemberError) as caught:
        check_project_file(tomllib.loads(text), "libs/a/pyproject.toml")
    assert str(caught.value).startswith(f"libs/a/pyproject.toml: {said}")
    assert "\n" not in str(caught.value)


def test_what_is_absent_or_of_others_is_well() -> None:
    text = "[project]\nname = 'a'\n[tool.setuptools]\npackages = ['a']\n[tool.other]\nx = 3\n"
    assert type_faults(tomllib.loads(text)) == []
    assert type_faults({}) == []


def test_every_key_of_another_kind_is_named() -> None:
    found = {"tool": {"uv": {"dev-dependencies": "x"}}, "project": 3}
    with pytest.raises(MemberError) as caught:
        check_project_file(found, "a/pyproject.toml")
    assert [fault.partition(": expected")[0] for fault in caught.value.faults] == [
        "a/pyproject.toml: project", "a/pyproject.toml: tool.uv.dev-dependencies",
    ]  # fmt: skip

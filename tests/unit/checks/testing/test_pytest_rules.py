"""What a test session installs, and what coverage measures."""

from __future__ import annotations

import tomllib

import pytest
from msgspec.structs import replace

from tests.support.locked_packages import app, place
from tests.support.trees import MemoryTree, found, project
from tradai_tasks.checks.testing import pytest_rules as plan
from tradai_tasks.errors import (
    ToolNotLockedError,
)
from tradai_tasks.workspace.layout import layout_of


def test_sync_commands_name_the_roots_groups_apart_where_they_are_shadowed() -> None:
    package = app('[dependency-groups]\ndev = ["x"]')
    (one,) = plan.sync_commands(
        package,
        [place("package", "group", "dev"), place("root", "group", "qa")],
        root={},
    )
    assert one[4:] == ["--package", "app", "--group", "dev", "--group", "qa"]
    first, second = plan.sync_commands(package, [place("root", "group", "dev")], root={})
    assert first[-2:] == ["--package", "app"]
    assert second[-3:] == ["--no-default-groups", "--only-group", "dev"]
    _, extra = plan.sync_commands(
        package,
        [place("root", "extra", "t")],
        root={"project": {"name": "r"}},
    )
    assert extra[-5:] == ["--package", "r", "--extra", "t", "--no-install-project"]
    (alone,) = plan.sync_commands(replace(package, project="app"), [], root={})
    assert alone[-2:] == ["--project", "app"]


@pytest.mark.parametrize(
    ("own", "root", "excluded"),
    [
        ('[{ group = "dev" }, { group = "test" }]', "", True),
        ("", '[{ package = "App", group = "dev" }, { package = "app", group = "test" }]', True),
        ("", '[{ group = "dev" }, { package = "app", group = "test" }]', False),  # the root's dev
        ('[{ group = "dev" }, { extra = "test" }]', "", False),
        ("", '[{ package = "b", group = "dev" }, { package = "b", group = "test" }]', False),
    ],
)
def test_groups_that_exclude_each_other_name_the_setting(
    own: str, root: str, excluded: bool
) -> None:
    package = app(f"[tool.uv]\nconflicts = [{own}]")
    places = [place("package", "group", "dev"), place("package", "group", "test")]
    document = tomllib.loads(f"[tool.uv]\nconflicts = [{root}]")
    if not excluded:
        plan.check_conflicts(package, places, document)
        return
    with pytest.raises(
        ToolNotLockedError,
        match=r"^app/pyproject\.toml: its own group 'dev' and its own group 'test' exclude each "
        r"other .*setting test\.groups",
    ):
        plan.check_conflicts(package, places, document)


def test_coverage_measures_folders_bare_folders_and_lone_modules() -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["app"]\n',
        "app/pyproject.toml": project("app", "[tool.uv.build-backend]\nmodule-name = ['a', 'one']"),
        "app/src/a/__init__.py": "",
        "app/src/a/bare/x.py": "",
        "app/src/a/bare/deeper/y.py": "",
        "app/src/a/data/x.json": "",
        "app/src/one.py": "",
    }
    package = found(files).packages[0]
    tree = MemoryTree(files)
    sources = plan.coverage_sources(tree, package, layout_of(tree, package))
    assert sources == ["src/a", "src/a/bare", "src/a/bare/deeper", "src"]
    files = {"pyproject.toml": project("h", "", "x"), "handler.py": "", "pkg/__init__.py": ""}
    package = found(files).packages[0]
    tree = MemoryTree(files)
    sources = plan.coverage_sources(tree, package, layout_of(tree, package))
    assert sources == ["handler", "pkg"]


@pytest.mark.parametrize(
    ("file", "text", "counts"),
    [
        ("app/.coveragerc", "", True),
        ("app/setup.cfg", "[coverage:report]\n", True),
        ("app/setup.cfg", "[metadata]\n", False),
        ("tox.ini", "[coverage:run]\n", True),
        ("tox.ini", "[tox]\n", False),
    ],
)
def test_the_nearest_settings_of_coverage_win(file: str, text: str, counts: bool) -> None:
    files = {"pyproject.toml": "", "app/pyproject.toml": project("app"), file: text}
    assert plan.coverage_config(MemoryTree(files), app()) == (file if counts else None)
    files["pyproject.toml"] = "[tool.coverage.run]\n"
    at_root = plan.coverage_config(MemoryTree(files), app())
    assert at_root == (file if counts else "pyproject.toml")


def test_marked_files_are_found_by_name_content_or_conftest() -> None:
    tree = MemoryTree(
        {
            "t/test_a.py": "@pytest.mark.contract",
            "t/test_b.py": "contractual",
            "t/contract/test_c.py": "",
            "t/d/conftest.py": "# marks all as contract",
            "t/d/test_d.py": "",
            "t/__pycache__/test_e.py": "contract",
            "t/helper.py": "contract",
            "test_f.py": "contract",
        }
    )
    assert plan.marked_files(tree, ["t", "test_f.py"], "contract") == [
        "t/test_a.py",
        "t/contract/test_c.py",
        "t/d/test_d.py",
        "test_f.py",
    ]

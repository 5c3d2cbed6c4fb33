"""What each Python file is, and which sessions look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tests.support.project import inventory_in
from tests.support.trees import MemoryTree, project
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.inventory import Inventory

WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*", "services/delta"]\n',
    "noxfile.py": "",
    "libs/alpha/pyproject.toml": project("alpha"),
    "libs/alpha/src/alpha/__init__.py": "",
    "libs/alpha/src/alpha/core.py": "",
    "libs/alpha/tests/test_core.py": "",
    "services/delta/pyproject.toml": project("delta", backend="hatchling.build"),
    "services/delta/delta/__init__.py": "",
    "services/delta/tests/test_delta.py": "",
}
ALL = "lint typecheck security coverage"


def inventory(files: Mapping[str, str], **given: Any) -> Inventory:
    return inventory_in(MemoryTree(files), msgspec.convert(given, Settings))


@pytest.mark.parametrize(
    ("path", "kind", "looks"),
    [
        ("libs/alpha/src/alpha/deep/new.py", "source", ALL),
        ("libs/alpha/src/alpha/rpc_pb2.py", "generated", ALL),
        ("libs/alpha/src/alpha/core.pyi", "source", "lint typecheck"),
        ("libs/alpha/src/second/__init__.py", "source", ALL),
        ("libs/alpha/main.py", "source", ALL),
        ("libs/alpha/jobs/nightly.py", "source", ALL),
        ("libs/alpha/setup.py", "script", "lint"),
        ("libs/alpha/scripts/load.py", "script", "lint"),
        ("libs/alpha/docs/conf.py", "documentation", "lint"),
        ("libs/alpha/explore.ipynb", "script", "lint"),
        ("libs/alpha/src/alpha/explore.ipynb", "script", "lint"),
        ("services/delta/tasks.py", "source", ALL),
        ("services/delta/delta/tests.py", "source", ALL),
        ("services/delta/delta/tests/data.py", "support", "lint"),
        ("services/plain/app.py", "source", "lint typecheck security"),
        ("lambdas/heartbeat/handler.py", "source", "lint typecheck security"),
        ("infra/__main__.py", "source", "lint security"),
        ("ops/deploy.py", "script", "lint"),
        (".github/scripts/label.py", "script", "lint"),
        ("libs/alpha/unit_tests/test_x.py", "test", "lint test"),
        ("libs/alpha/src/alpha/test_inner.py", "test", "lint typecheck security test"),
        ("libs/alpha/src/alpha/tests/test_inner.py", "test", "lint typecheck test"),
        ("libs/alpha/unit_tests/helpers.py", "support", "lint"),
        ("libs/alpha/conftest.py", "support", "lint"),
        ("services/tests/test_all.py", "test", "lint test"),
        ("infra/tests/test_stack.py", "test", "lint test"),
        ("lambdas/heartbeat/tests/test_handler.py", "test", "lint test"),
    ],
)
def test_each_file_has_its_kind_and_its_sessions(path: str, kind: str, looks: str) -> None:
    found = inventory({**WORKSPACE, "infra/Pulumi.dev.yaml": "", path: ""})
    file = next(file for file in found.files if file.path == path)
    assert (file.kind, file.looks) == (kind, frozenset(looks.split()))
    assert found.unseen == ()


def test_source_that_neither_mypy_nor_bandit_reads_is_unseen() -> None:
    found = inventory({**WORKSPACE, "libs/alpha/src/alpha/window.pyw": ""})
    assert [file.path for file in found.unseen] == ["libs/alpha/src/alpha/window.pyw"]


@pytest.mark.parametrize(
    ("files", "path", "why"),
    [
        ({"tools/gen/pyproject.toml": project("gen")}, "tools/gen/gen/a.py", "project of its own"),
        (
            {"tools/gen/pyproject.toml": project("gen")},
            "tools/gen/tests/test_a.py",
            "project of its own",
        ),
        ({}, "libs/alpha/build/test_a.py", "libs/alpha/build: norecursedirs"),
        (
            {"libs/beta/pyproject.toml": project("beta", "[tool.tradai-tasks]\ntest = false")},
            "libs/beta/tests/test_b.py",
            "`test = false` for beta",
        ),
    ],
)
def test_what_no_session_sees_is_named(files: dict[str, str], path: str, why: str) -> None:
    found = inventory({**WORKSPACE, **files, path: ""})
    assert [file.path for file in found.unseen] == [path]
    assert why in found.unseen[0].why


def test_unchecked_names_files_by_whole_paths() -> None:
    entry = {"paths": ["tools/gen/**", "libs/alp"], "reason": "an example"}
    files = {"tools/gen/pyproject.toml": project("gen"), "tools/gen/a.py": ""}
    found = inventory({**WORKSPACE, **files}, unchecked=[entry])
    assert found.unseen == ()
    assert [(file.path, file.reason) for file in found.unchecked] == [
        ("tools/gen/a.py", "an example")
    ]
    assert found.unmatched == ("libs/alp",)


@pytest.mark.parametrize(
    ("configuration", "path"),
    [
        ({"pytest.ini": "[pytest]\npython_files = check_*.py"}, "libs/alpha/a/check_b.py"),
        ({"tox.ini": "[pytest]\npython_files = check_*.py"}, "libs/alpha/a/check_b.py"),
        ({"setup.cfg": "[tool:pytest]\npython_files = checks/*.py"}, "libs/alpha/checks/b.py"),
        (
            {"libs/alpha/pytest.toml": '[pytest]\npython_files = ["*_spec.py"]'},
            "libs/alpha/a_spec.py",
        ),
        (
            {"libs/alpha/pytest.ini": "[pytest]\naddopts = -o python_files=*_spec.py"},
            "libs/alpha/x/a_spec.py",
        ),
    ],
)
def test_names_of_tests_come_from_the_configuration_in_force(
    configuration: dict[str, str], path: str
) -> None:
    found = inventory({**WORKSPACE, **configuration, path: ""})
    assert path in [file.path for file in found.tests("libs/alpha")]


def test_doctests_are_tests_where_the_configuration_asks_for_them() -> None:
    asked = {"pytest.ini": "[pytest]\naddopts = --doctest-modules --doctest-glob=*.md"}
    document = {"libs/alpha/README.md": ">>> 1\n1\n", "libs/alpha/CHANGES.md": "none"}
    found = inventory({**WORKSPACE, **asked, **document})
    assert "libs/alpha/README.md" in [file.path for file in found.tests("libs/alpha")]
    core = next(file for file in found.files if file.path == "libs/alpha/src/alpha/core.py")
    assert "test" in core.looks
    assert not [file for file in inventory({**WORKSPACE, **document}).files if ".md" in file.path]


def test_a_file_that_git_lists_and_the_disk_does_not_have_is_left_out() -> None:
    tree = MemoryTree(WORKSPACE)
    gone = ["extra/pyproject.toml", "libs/alpha/src/alpha/gone.py", "ops/run", "docs/gone.txt"]
    found = inventory_in(tree, Settings(), paths=[*WORKSPACE, *gone])
    assert found.files == inventory(WORKSPACE).files

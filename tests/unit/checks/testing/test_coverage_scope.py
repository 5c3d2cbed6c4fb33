"""Which packages have a test session, what it answers for, and which Python it runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest

from tests.support.trees import MemoryTree, found, project
from tradai_tasks.checks.pythons import python_for
from tradai_tasks.checks.testing.coverage_scope import Shares
from tradai_tasks.settings.model import PackageSettings, Settings
from tradai_tasks.workspace.inventory import Inventory, LookRules
from tradai_tasks.workspace.layout import layout_of

WORKSPACE = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
COORDINATING = '[project]\nname = "whole"\nversion = "1"\n[tool.uv]\npackage = false\n' + WORKSPACE
MEMBERS = {
    "libs/a/pyproject.toml": project("a"),
    "libs/a/src/a/__init__.py": "",
    "libs/b/pyproject.toml": project("b"),
    "libs/b/src/b/__init__.py": "",
    "libs/b/tests/test_b.py": "",
}


def shown(files: Mapping[str, str], **settings: PackageSettings) -> dict[str, tuple[str, ...]]:
    """Each test session's package, with its test folders and then the code it answers for."""
    held = _shares(files, lambda: files, settings)
    return {p.name: (*s.tests, *(module.path for module in s.imports)) for p, s in held.items()}


def _shares(
    files: Mapping[str, str],
    paths: Callable[[], Iterable[str]],
    settings: Mapping[str, PackageSettings],
    *,
    required: bool = True,
) -> Shares:
    tree, workspace = MemoryTree(files), found(files, packages=settings)
    nested = [p.path for p in workspace.packages]
    layouts = {p: layout_of(tree, p, nested=nested) for p in workspace.packages}
    rules = LookRules(
        paths=paths, tree=tree, workspace=workspace, layouts=layouts, settings=Settings()
    )
    return Shares(Inventory(rules), ("contract", "integration"), required=required)


def test_a_package_answers_for_its_own_code_and_has_a_session_without_tests_too() -> None:
    assert shown({"pyproject.toml": WORKSPACE, **MEMBERS}) == {
        "a": ("libs/a/src/a",),
        "b": ("libs/b/tests", "libs/b/src/b"),
    }


@pytest.mark.parametrize(
    ("root", "name", "more"),
    [
        (WORKSPACE, "root", {"demo.py": ""}),
        (COORDINATING, "whole", {"demo.py": ""}),
        (project("whole") + WORKSPACE, "whole", {}),
    ],
    ids=["virtual", "not installed", "without code"],
)
def test_tests_of_a_root_that_holds_others_answer_for_members_without_any(
    root: str, name: str, more: dict[str, str]
) -> None:
    files = {"pyproject.toml": root, **MEMBERS, "tests/unit/test_a.py": "", **more}
    assert shown(files) == {
        name: ("tests", "libs/a/src/a"),
        "b": ("libs/b/tests", "libs/b/src/b"),
    }
    assert set(shown(files, **{name: PackageSettings(test=False)})) == {"a", "b"}


def test_a_root_that_holds_others_and_has_no_tests_needs_none() -> None:
    assert set(shown({"pyproject.toml": COORDINATING, **MEMBERS, "demo.py": ""})) == {"a", "b"}


def test_tests_that_all_have_a_session_of_their_own_make_no_other() -> None:
    mark = "import pytest\n\npytestmark = {}\n"
    marked = {
        "tests/contract/test_x.py": mark.format("[pytest.mark.slow, pytest.mark.contract]"),
        "tests/test_y.py": mark.format("pytest.mark.integration"),
        "tests/helper.py": "",
    }
    files = {"pyproject.toml": WORKSPACE, **MEMBERS, **marked}
    assert set(shown(files)) == {"a", "b"}
    assert "root" in shown({**files, "tests/deep/test_plain.py": ""})


def test_a_root_package_with_code_of_its_own_answers_for_that_alone() -> None:
    root = project("whole") + WORKSPACE
    own = {"src/whole/__init__.py": "", "tests/test_whole.py": ""}
    assert shown({"pyproject.toml": root, **MEMBERS, **own}) == {
        "whole": ("tests", "src/whole"),
        "a": ("libs/a/src/a",),
        "b": ("libs/b/tests", "libs/b/src/b"),
    }


@pytest.mark.parametrize(
    ("gone", "settings", "tested", "untested"),
    [
        ((), {}, ["b"], ["a"]),
        (("libs/b/tests/test_b.py",), {}, ["a", "b"], []),  # none has any: that is a fault
        ((), {"a": PackageSettings(test=False)}, ["b"], []),
        (("libs/a/src/a/__init__.py",), {}, ["b"], []),
    ],
    ids=["one without", "none has any", "stated", "no code"],
)
def test_a_package_without_tests_has_no_session_where_they_are_not_required(
    gone: tuple[str, ...],
    settings: dict[str, PackageSettings],
    tested: list[str],
    untested: list[str],
) -> None:
    files = {"pyproject.toml": WORKSPACE, **MEMBERS}
    files = {path: text for path, text in files.items() if path not in gone}
    held = _shares(files, lambda: files, settings, required=False)
    assert [package.name for package in held] == tested
    assert [package.name for package in held.untested] == untested
    covered = {**files, "tests/test_all.py": "def test_it(): ..."}  # by the root's
    assert not _shares(covered, lambda: covered, settings, required=False).untested


def test_a_member_called_root_keeps_its_name() -> None:
    files = {
        "pyproject.toml": WORKSPACE,
        "libs/root/pyproject.toml": project("root"),
        "libs/root/src/root/__init__.py": "",
        "tests/test_all.py": "",
    }
    assert set(shown(files)) == {"workspace-root"}


@pytest.mark.parametrize(
    ("more", "is_listed"),
    [
        ({}, False),
        ({"demo.py": "", "scripts/deep/run.py": "", "build/test_x.py": ""}, False),
        ({"tests/test_all.py": ""}, True),
        ({"services/plain/deep/all_test.py": ""}, True),
        ({"docs/test_guide.txt": ">>> 1"}, True),
        ({"libs/c/pyproject.toml": project("c"), "libs/c/tests/test_c.py": ""}, True),
        ({f"data/d{n}/x.csv": "" for n in range(300)}, True),
    ],
    ids=["nothing", "no tests", "tests", "in a unit", "doctests", "no code", "many folders"],
)
def test_files_are_listed_only_where_layouts_do_not_show_which_packages_have_tests(
    more: dict[str, str], *, is_listed: bool
) -> None:
    files = {"pyproject.toml": WORKSPACE, **MEMBERS, **more}
    listed: list[str] = []

    def paths() -> Iterable[str]:
        listed.extend(files)
        return files

    names = {package.name for package in _shares(files, paths, {})}
    assert bool(listed) is is_listed
    assert names == shown(files).keys() >= {"b"}


@pytest.mark.parametrize(
    ("wanted", "pinned", "expected"),
    [
        ((">=3.10", ">=3.11"), None, None),
        ((), None, None),
        ((">=3.12", ">=3.10"), None, "3.12"),
        ((">=3.12.4",), None, "3.12"),
        (("<3.11", ">=3.9"), None, "3.9"),
        (("==3.13.*",), None, "3.13"),
        ((">=3.12",), "3.13.1\n", "3.13"),
        ((">=3.12",), "cpython-3.13", "3.13"),
        ((">=3.12",), "3.10", "3.12"),
        ((">=3.12",), "pypy@3.13", "3.12"),
        ((">=3.12", "<3.12"), None, None),
        (("three",), None, None),
    ],
)
def test_a_python_that_all_packages_allow_is_taken_where_the_running_one_is_not(
    wanted: tuple[str, ...], pinned: str | None, expected: str | None
) -> None:
    files = {"pyproject.toml": WORKSPACE}
    for number, requires in enumerate(wanted or ("",)):
        line = f'requires-python = "{requires}"\n' if requires else ""
        files[f"libs/p{number}/pyproject.toml"] = (
            f'[project]\nname = "p{number}"\nversion = "1"\n{line}'
        )
    if pinned is not None:
        files[".python-version"] = pinned
    assert python_for(MemoryTree(files), found(files).packages, "3.11.7") == expected

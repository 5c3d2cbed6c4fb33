"""Wherever a test or a source is put, a session sees it or the inventory names it."""

from __future__ import annotations

from pathlib import Path

from _pytest.pathlib import fnmatch_ex
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.project import inventory_in
from tests.support.trees import MemoryTree, project
from tradai_tasks.checks.bandit_scope import bandit_scope
from tradai_tasks.checks.testing.coverage_scope import test_arguments as arguments_of
from tradai_tasks.settings.model import Settings
from tradai_tasks.workspace.inventory import Inventory, InventoryFile

WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/alpha", "services/delta"]\n',
    "libs/alpha/pyproject.toml": project("alpha"),
    "libs/alpha/src/alpha/__init__.py": "",
    "libs/alpha/tests/test_core.py": "",
    "services/delta/pyproject.toml": project("delta", backend="hatchling.build"),
    "services/delta/delta/__init__.py": "",
    "services/delta/tests/test_delta.py": "",
    "lambdas/heartbeat/handler.py": "",
    "infra/Pulumi.dev.yaml": "",
    "gen/pyproject.toml": project("gen"),
}
HOMES = (
    "", "gen", "infra", "lambdas", "lambdas/heartbeat", "libs", "libs/alpha", "libs/alpha/src",
    "libs/alpha/src/alpha", "libs/alpha/tests", "services", "services/delta",
    "services/delta/delta", "services/plain",
)  # fmt: skip
_WORD = st.text("abcXYZ019_- .é[]", min_size=1, max_size=6).filter(lambda word: word.strip(". "))
FOLDERS = st.lists(
    st.one_of(
        _WORD,
        st.sampled_from(
            ["tests", "test", "build", "dist", "venv", ".hidden", "node_modules", "docs", "scripts"]
        ),
    ),
    max_size=3,
)
# of python_files, each with a name that it admits
NAMES = st.one_of(
    st.tuples(st.just("test_*.py"), _WORD.map("test_{}.py".format)),
    st.tuples(st.just("*_test.py"), _WORD.map("{}_test.py".format)),
    st.tuples(st.just("check*.py"), _WORD.map("check{}.py".format)),
    st.tuples(st.just("specs/*.py"), _WORD.map("specs/{}.py".format)),
    st.tuples(st.just("*.py"), _WORD.map("{}.py".format)),
)


def _joined(home: str, folders: list[str], name: str) -> str:
    return "/".join(filter(None, [home, *folders, name]))


@hypothesis_settings(max_examples=examples(300), deadline=None)
@given(home=st.sampled_from(HOMES), folders=FOLDERS, named=NAMES)
def test_a_test_anywhere_is_given_to_pytest_or_named(
    home: str, folders: list[str], named: tuple[str, str]
) -> None:
    pattern, name = named
    path = _joined(home, folders, name)
    assert fnmatch_ex(pattern, Path("/r", path)), "the name is not one that pytest admits"
    configuration = {"pytest.ini": f"[pytest]\npython_files = {pattern}\n"}
    found = inventory_in(MemoryTree({**WORKSPACE, **configuration, path: ""}), Settings())
    file = next(file for file in found.files if file.path == path)
    assert file.kind == "test"
    assert file.is_unseen or _is_collected(found, file)


def _is_collected(found: Inventory, file: InventoryFile) -> bool:
    """Whether the session's arguments lead pytest to the file, by pytest's default folders."""
    assert file.tested_by is not None
    arguments = arguments_of(found, file.tested_by, ("libs/alpha/tests", "tests"))
    for argument in arguments:
        if argument == file.path:
            return True
        if file.path.startswith(f"{argument}/"):
            between = file.path[len(argument) + 1 :].split("/")[:-1]
            barred = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv")
            return not any(fnmatch_ex(glob, folder) for glob in barred for folder in between)
    return False


@hypothesis_settings(max_examples=examples(300), deadline=None)
@given(home=st.sampled_from(HOMES), folders=FOLDERS, word=_WORD)
def test_source_anywhere_is_scanned_and_checked_or_named(
    home: str, folders: list[str], word: str
) -> None:
    path = _joined(home, folders, f"{word}.py")
    found = inventory_in(MemoryTree({**WORKSPACE, path: ""}), Settings())
    file = next(file for file in found.files if file.path == path)
    if file.kind == "source" and not file.is_unseen:
        assert file.path in bandit_scope(found, ()).files
        assert file.area.noun == "stack" or "typecheck" in file.looks
    elif file.kind in {"script", "documentation", "support"}:
        assert not _is_import(path), "code of an import package is always source"


def _is_import(path: str) -> bool:
    for home in ("libs/alpha/src/alpha/", "services/delta/delta/"):
        inner = path.removeprefix(home).split("/")[:-1]
        if path.startswith(home) and not any(folder in {"tests", "test"} for folder in inner):
            return "conftest.py" not in path and not any("test" in folder for folder in inner)
    return False


@hypothesis_settings(max_examples=examples(300), deadline=None)
@given(home=st.sampled_from(HOMES), folders=FOLDERS, named=NAMES)
def test_parts_of_the_inventory_are_those_of_the_whole(
    home: str, folders: list[str], named: tuple[str, str]
) -> None:
    """One area, or the root's tests, are answered without a look at the rest."""
    pattern, name = named
    path = _joined(home, folders, name)
    tree = MemoryTree(
        {**WORKSPACE, "pytest.ini": f"[pytest]\npython_files = {pattern}\n", path: ""}
    )
    whole = inventory_in(tree, Settings()).files
    for one in {file.tested_by for file in whole} - {None}:
        tests = [file for file in whole if file.tested_by == one and "test" in file.looks]
        assert [*inventory_in(tree, Settings()).tests(str(one))] == tests
        assert {*inventory_in(tree, Settings()).find_tests(str(one))} == {*tests}
    for area in {file.area.path for file in whole}:
        kinds = {"source", "generated"}
        sources = [file for file in whole if file.area.path == area and file.kind in kinds]
        assert [*inventory_in(tree, Settings()).sources(area)] == sources


@hypothesis_settings(max_examples=examples(100), deadline=None)
@given(entry=_WORD, home=st.sampled_from(HOMES), word=_WORD)
def test_an_exclusion_leaves_out_only_whole_names(entry: str, home: str, word: str) -> None:
    path = _joined(home, [word], "code.py")
    found = inventory_in(MemoryTree({**WORKSPACE, path: ""}), Settings())
    plain = entry.strip("/")
    scope = bandit_scope(found, [plain] if "[" not in plain else [])
    for excluded in (path for paths in scope.excluded.values() for path in paths):
        assert plain in excluded.split("/")

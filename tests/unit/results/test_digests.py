"""Inputs of a test file, held against the work tree before and after an edit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tradai_tasks.results.digests import Digested, Item, WorkTree
from tradai_tasks.results.inputs import Inputs

TEST = "libs/a/tests/test_a.py"
CODE = "LIMIT = 1\n\n\ndef ran():\n    return 1\n\n\ndef idle():\n    return 2\n"
FILES = {
    "libs/a/src/a/__init__.py": "",
    "libs/a/src/a/core.py": CODE,
    "libs/a/src/a/whole.py": "X = 1\n",
    "libs/a/tests/data/one.json": "{}",
    "libs/a/tests/conftest.py": "def hook():\n    return 1\n",
    "conftest.py": "TOP = 1\n",
    "libs/a/pyproject.toml": '[project]\nversion = "1"\n',
    TEST: "def test_a():\n    assert True\n",
}
INPUTS = Inputs(
    modules={
        "libs/a/src/a/__init__.py": (),
        "libs/a/src/a/core.py": ("ran",),
        "libs/a/src/a/whole.py": None,
        TEST: ("test_a",),
    },
    files=("libs/a/tests/data/one.json",),
    absent=("libs/a/tests/data/two.json", "libs/a/src"),
    listings=("libs/a/tests/data",),
    names=("a.fast", "speedups", "ghost.sub"),
    variables=("HOME", "MODE"),
    projects=("libs/a/pyproject.toml",),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def tree(root: Path, **variables: str) -> WorkTree:
    return WorkTree(root, ["libs/a/src", "libs/b/src"], {"HOME": "/h", **variables})


def first_change(held: WorkTree, inputs: Inputs, test: str, before: Digested) -> Item | None:
    return next(held.changes(inputs, test, before), None)


def put(path: str, text: str = "") -> Callable[[Path], None]:
    def act(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return act


def drop(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


SAME = {
    "a comment": put("libs/a/src/a/core.py", "# why\n" + CODE.replace("1\n\n", "1  # one\n\n")),
    "a function that did not run": put(
        "libs/a/src/a/core.py", CODE.replace("return 2", "return 3")
    ),
    "a file that nothing read": put("libs/a/src/a/other.py"),
    "a name in a place of data": put("libs/a/src/a/fast.txt"),
    "settings of a tool": put("libs/a/pyproject.toml", '[project]\nversion="1"\n[tool.x]\n'),
    "what tools leave": put("libs/a/tests/data/__pycache__/x.pyc"),
}
CHANGED = {
    "a function that ran": (
        put("libs/a/src/a/core.py", CODE.replace("return 1", "return 3")),
        "ran() in libs/a/src/a/core.py",
    ),
    "a constant": (
        put("libs/a/src/a/core.py", CODE.replace("LIMIT = 1", "LIMIT = 2")),
        "libs/a/src/a/core.py, outside its functions",
    ),
    "a new function": (
        put("libs/a/src/a/core.py", f"{CODE}\n\ndef new():\n    pass\n"),
        "libs/a/src/a/core.py, outside its functions",
    ),
    "a module that is no longer there": (
        drop("libs/a/src/a/core.py"),
        "libs/a/src/a/core.py, outside its functions",
    ),
    "a module that cannot be read": (
        put("libs/a/src/a/core.py", "def (\n"),
        "libs/a/src/a/core.py, outside its functions",
    ),
    "a comment where a module counts whole": (
        put("libs/a/src/a/whole.py", "X = 1  # one\n"),
        "libs/a/src/a/whole.py",
    ),
    "a test": (put(TEST, "def test_a():\n    assert 1 == 1\n"), f"test_a() in {TEST}"),
    "data": (put("libs/a/tests/data/one.json", "[]"), "libs/a/tests/data/one.json"),
    "data that is gone": (drop("libs/a/tests/data/one.json"), "libs/a/tests/data/one.json"),
    "a file that was not there": (
        put("libs/a/tests/data/two.json"),
        "whether libs/a/tests/data/two.json exists",
    ),
    "a folder that is one no more": (
        lambda root: (root / "libs/a/src").rename(root / "libs/a/moved"),
        "libs/a/src/a/__init__.py, outside its functions",
    ),
    "a version": (
        put("libs/a/pyproject.toml", '[project]\nversion = "2"\n'),
        "the table project of libs/a/pyproject.toml",
    ),
    "a project's file that cannot be read": (
        put("libs/a/pyproject.toml", "[project"),
        "the table project of libs/a/pyproject.toml",
    ),
    "a new entry": (put("libs/a/tests/data/three"), "the entries of libs/a/tests/data"),
    "a module that shadows": (
        put("libs/b/src/speedups.py"),
        "where module speedups is found",
    ),
    "a module beside the test": (
        put("libs/a/tests/speedups.so"),
        "where module speedups is found",
    ),
    "a package of the name of a module": (
        put("libs/a/src/a/core/__init__.py"),
        "where module a.core is found",
    ),
    "a module in a package": (
        put("libs/a/src/a/fast/__init__.py"),
        "where module a.fast is found",
    ),
    "a package with a module": (
        put("ghost/sub.py"),
        "where module ghost.sub is found",
    ),
    "a conftest": (put("libs/a/tests/conftest.py", "X = 2\n"), "libs/a/tests/conftest.py"),
    "a new conftest": (put("libs/conftest.py"), "libs/conftest.py"),
    "tests that become a package": (put("libs/a/tests/__init__.py"), "libs/a/tests/__init__.py"),
}


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_what_cannot_matter_changes_nothing(root: Path, edit: Callable[[Path], None]) -> None:
    before = tree(root).digest(INPUTS, TEST)
    edit(root)
    assert first_change(tree(root), INPUTS, TEST, before) is None


@pytest.mark.parametrize(("edit", "shown"), CHANGED.values(), ids=CHANGED)
def test_an_input_that_changes_is_named(
    root: Path, edit: Callable[[Path], None], shown: str
) -> None:
    before = tree(root).digest(INPUTS, TEST)
    assert first_change(tree(root), INPUTS, TEST, before) is None
    edit(root)
    assert str(first_change(tree(root), INPUTS, TEST, before)) == shown
    assert tree(root).digest(INPUTS, TEST).key != before.key


def test_a_variable_counts_by_its_value_and_is_not_kept_in_clear(root: Path) -> None:
    before = tree(root, MODE="secret-word").digest(INPUTS, TEST)
    assert b"secret-word" not in repr(before).encode()
    assert first_change(tree(root, MODE="secret-word", OTHER="1"), INPUTS, TEST, before) is None
    assert str(first_change(tree(root, MODE="x"), INPUTS, TEST, before)) == "the variable MODE"
    assert str(first_change(tree(root), INPUTS, TEST, before)) == "the variable MODE"
    empty = tree(root, MODE="").digest(INPUTS, TEST)
    assert str(first_change(tree(root), INPUTS, TEST, empty)) == "the variable MODE"


def test_a_copy_of_all_variables_counts_but_for_those_of_each_run(root: Path) -> None:
    inputs = Inputs(variables=("*",))
    before = tree(root, MODE="a", SHLVL="1").digest(inputs, TEST)
    assert first_change(tree(root, MODE="a", GITHUB_RUN_ID="2"), inputs, TEST, before) is None
    assert str(first_change(tree(root, MODE="b"), inputs, TEST, before)) == "the environment"
    assert (
        str(first_change(tree(root, MODE="a", MORE=""), inputs, TEST, before)) == "the environment"
    )


def test_a_link_counts_by_its_target_and_what_is_there(root: Path) -> None:
    put("one", "1")(root)
    put("two", "1")(root)
    link = root / "link"
    link.symlink_to("one")
    inputs = Inputs(files=("link",))
    before = tree(root).digest(inputs, TEST)
    assert first_change(tree(root), inputs, TEST, before) is None
    put("one", "2")(root)
    assert str(first_change(tree(root), inputs, TEST, before)) == "link"
    put("one", "1")(root)
    assert first_change(tree(root), inputs, TEST, before) is None
    link.unlink()
    link.symlink_to("two")
    assert str(first_change(tree(root), inputs, TEST, before)) == "link"
    link.unlink()
    link.symlink_to("link")  # which no file can be read from
    assert str(first_change(tree(root), inputs, TEST, before)) == "link"


def test_an_input_that_was_not_digested_counts_as_changed(root: Path) -> None:
    before = tree(root).digest(Inputs(), TEST)
    assert first_change(tree(root), INPUTS, TEST, before) is not None


def test_files_outside_of_the_repository_count(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("1")
    root = tmp_path / "home"
    root.mkdir()
    inputs = Inputs(files=(str(outside),), absent=(f"{outside}.old",), listings=(str(tmp_path),))
    before = tree(root).digest(inputs, TEST)
    assert first_change(tree(root), inputs, TEST, before) is None
    outside.write_text("2")
    assert "outside.txt" in str(first_change(tree(root), inputs, TEST, before))
    outside.write_text("1")
    put("outside.txt.old")(tmp_path)
    assert "outside.txt.old" in str(first_change(tree(root), inputs, TEST, before))


def test_what_is_no_file_is_told_from_what_is_not_there(root: Path) -> None:
    (root / "pipe").mkdir()
    inputs = Inputs(files=("pipe",), listings=("nowhere",))
    before = tree(root).digest(inputs, TEST)
    assert first_change(tree(root), inputs, TEST, before) is None
    (root / "pipe").rmdir()
    os.mkfifo(root / "pipe")  # which nobody ever waits for
    assert first_change(tree(root), inputs, TEST, before) is None
    (root / "pipe").unlink()
    assert str(first_change(tree(root), inputs, TEST, before)) == "pipe"
    (root / "nowhere").mkdir()
    assert tree(root).digest(inputs, TEST).key != before.key


def test_a_folder_counts_by_being_there(root: Path) -> None:
    inputs = Inputs(absent=("libs/a/src", "nowhere"))
    before = tree(root).digest(inputs, TEST)
    put("libs/a/src/more.py")(root)
    assert first_change(tree(root), inputs, TEST, before) is None
    assert tree(root).touched_since(inputs, "test_z.py", time.time() + 60) is None
    (root / "nowhere").mkdir()
    assert str(first_change(tree(root), inputs, TEST, before)) == "whether nowhere exists"
    (root / "nowhere").rmdir()
    (root / "libs/a/src").rename(root / "gone")
    assert str(first_change(tree(root), inputs, TEST, before)) == "whether libs/a/src exists"


def test_roots_and_packages_of_modules_count(root: Path) -> None:
    inputs = Inputs(modules={"extra/space/m.py": ()}, names=("ghost",), roots=("more",))
    before = WorkTree(root, (), {}).digest(inputs, TEST)
    for path in ("more/ghost.py", "extra/space/__init__.py"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
        assert first_change(WorkTree(root, (), {}), inputs, TEST, before) is not None, path
        (root / path).unlink()
    assert first_change(WorkTree(root, (), {}), inputs, TEST, before) is None


def test_whether_a_file_is_a_program_counts(root: Path) -> None:
    file = root / "libs/a/tests/data/one.json"
    before = WorkTree(root, (), {}).digest(INPUTS, TEST)
    file.chmod(0o755)
    assert first_change(WorkTree(root, (), {}), INPUTS, TEST, before) is not None
    file.chmod(0o644)
    assert first_change(WorkTree(root, (), {}), INPUTS, TEST, before) is None


@pytest.mark.parametrize("path", ["libs/a/tests/data/one.json", "libs/a/src"])
def test_rights_count_unless_they_are_those_of_new_files(root: Path, path: str) -> None:
    before = WorkTree(root, (), {}).digest(INPUTS, TEST)
    usual = (root / path).stat().st_mode
    for rights in (0o500, 0o700 if (root / path).is_dir() else 0o600):
        (root / path).chmod(rights)
        changed = first_change(WorkTree(root, (), {}), INPUTS, TEST, before)
        assert changed is not None
        assert changed.name == path
    mask = os.umask(0o002)  # of another machine, where files were made under it
    try:
        (root / path).chmod(usual)
        for one in root.rglob("*"):
            one.chmod(one.stat().st_mode | 0o020)
        assert first_change(WorkTree(root, (), {}), INPUTS, TEST, before) is None
    finally:
        os.umask(mask)


def test_a_folder_that_becomes_a_link_is_another_entry(root: Path) -> None:
    put("libs/a/tests/data/sub/x")(root)
    put("libs/a/tests/other/x")(root)
    inputs = Inputs(listings=("libs/a/tests/data",))
    before = tree(root).digest(inputs, TEST)
    drop("libs/a/tests/data/sub/x")(root)
    (root / "libs/a/tests/data/sub").rmdir()
    (root / "libs/a/tests/data/sub").symlink_to("../other")
    assert str(first_change(tree(root), inputs, TEST, before)) == "the entries of libs/a/tests/data"


def test_the_order_of_inputs_does_not_count(root: Path) -> None:
    turned = Inputs(
        modules=dict(reversed(INPUTS.modules.items())),
        files=INPUTS.files,
        absent=INPUTS.absent,
        listings=INPUTS.listings,
        names=tuple(reversed(INPUTS.names)),
        variables=INPUTS.variables,
        projects=INPUTS.projects,
    )
    assert tree(root).digest(turned, TEST).key == tree(root).digest(INPUTS, TEST).key


def test_files_that_change_while_the_tests_run_are_named(root: Path) -> None:
    assert tree(root).touched_since(INPUTS, TEST, time.time() + 60) is None
    for path in root.rglob("*"):
        os.utime(path, (1, 1))
    # the time of an edit can be set back, that of the change of the inode cannot
    touched = tree(root).touched_since(INPUTS, TEST, time.time() - 60)
    assert touched == "libs/a/src/a/__init__.py"


def test_what_sessions_report_into_is_no_entry_of_a_folder(root: Path) -> None:
    inputs = Inputs(listings=(".", "build"))
    before = tree(root).digest(inputs, TEST)
    (root / "build/reports/test").mkdir(parents=True)
    assert first_change(tree(root), Inputs(listings=(".",)), TEST, before) is None
    (root / "build/lib").mkdir()
    assert str(first_change(tree(root), inputs, TEST, before)) == "the entries of ."

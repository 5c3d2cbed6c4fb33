"""Which files a repository has: as git lists them, and without git."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.real import git, write
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.vcs.file_list import files_of, list_files

FILES = {
    ".gitignore": "ignored/\n*.tmp\n",
    "a/b.py": "",
    "a/odd\tname\nhere.py": "",
    "ignored/tracked.py": "",
    "gone.py": "",
}


def repository(home: Path) -> Path:
    write(home, FILES)
    git(home, "init", "-q")
    git(home, "add", "--force", *FILES)
    git(home, "commit", "-qm", "all")
    return home


def test_tracked_and_new_files_are_listed_and_no_ignored_ones(tmp_path: Path) -> None:
    home = repository(tmp_path)
    write(home, {"a/new.py": "", "ignored/other.py": "", "x.tmp": ""})
    assert list_files(home) == ((*sorted([*FILES, "a/new.py"], key=_by_git),), None)
    assert list_files(home / "a")[0] == ("new.py", "b.py", "odd\tname\nhere.py")


def _by_git(path: str) -> tuple[bool, str]:
    return path != "a/new.py", path  # new ones first


def test_files_of_a_submodule_are_listed_and_not_of_a_repository_inside(tmp_path: Path) -> None:
    home = repository(tmp_path / "home")
    other = repository(home / "inside")
    assert "inside/a/b.py" not in list_files(home)[0]
    git(home, "-c", "advice.addEmbeddedRepo=false", "add", "inside")
    shutil.rmtree(other / "a")
    write(other, {"deep/c.py": ""})
    found, _ = list_files(home)
    assert {"inside/deep/c.py", "inside/gone.py"} <= set(found)
    assert not [path for path in found if "/.git/" in path]


@pytest.mark.parametrize("ignoring", [True, False])
def test_without_git_all_files_are_listed_but_what_tools_leave(
    tmp_path: Path, ignoring: bool
) -> None:
    home = tmp_path / "copy"
    said = "no git repository"
    if ignoring:  # a copy in an ignored folder of another repository
        write(tmp_path, {".gitignore": "copy/\n"})
        git(tmp_path, "init", "-q")
        said = "git knows no file here"
    left = {"env/pyvenv.cfg": "", "env/x.py": "", ".nox/x.py": "", "build/reports/x.py": ""}
    write(home, {**FILES, **left, "build/y.py": ""})
    found, why = list_files(home)
    assert set(found) == {*FILES, "build/y.py"}
    assert said in str(why)


def test_a_package_that_git_ignores_is_listed_from_the_disk(tmp_path: Path) -> None:
    home = repository(tmp_path)
    write(home, {"ignored/lib/x.py": "", "ignored/lib/.venv/y.py": ""})
    found = files_of(DiskTree(home), ["a", "ignored/lib"])
    assert "ignored/lib/x.py" in found
    assert "ignored/lib/.venv/y.py" not in found
    assert "ignored/lib/x.py" not in files_of(DiskTree(home))

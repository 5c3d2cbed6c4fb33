"""`changes` says the same, run after run: sequences after which a cache gave a wrong answer."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.e2e.affected.test_cache_property import START
from tests.support.answers import answer, one_answer
from tests.support.real import NOXFILE, clean_env, git, nox, write
from tests.support.trees import project
from tradai_tasks.affected.selection.change_analysis import analyse_change
from tradai_tasks.errors import CacheFolderError
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.repository import read_repository

BASE = "libs/base/src/base/__init__.py"
USED = "libs/base/src/base/used.py"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository in which `app` needs a third party that needs `base`."""
    ignored = ".nox/\nbuild/\n__pycache__/\n"
    files = {**START, "noxfile.py": NOXFILE, ".gitignore": ignored}
    files["libs/base/pyproject.toml"] = project("base")  # without entry points, which load it too
    home = write(tmp_path / "shop", files)
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-q", "-m", "Start")
    return home


def changes(home: Path, *args: str, **env: str) -> dict[str, list[str]]:
    """The packages that `nox -s changes` selects, each with its reasons."""
    env = {"TRADAI_TASKS_CACHE": str(home.with_name("cache")), **env}
    ran = nox(home, "-s", "changes", "--", "--base", "HEAD", "--json", *args, env=env)
    assert ran.status == 0, ran.log
    document = json.loads(ran.out)
    texts = document["reasons"]
    return {
        one["name"]: [texts[place] for place in one["reasons"]]
        for one in document["packages"]
        if one["affected"]
    }


def test_the_second_run_selects_what_the_first_did(shop: Path) -> None:
    write(shop, {BASE: "from base.used import X\n# changed\n"})
    first = changes(shop)
    assert {"app", "base", "far"} == set(first)
    assert [changes(shop), changes(shop)] == [first, first]


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_an_edit_that_git_was_told_not_to_see_leaves_nothing_behind(shop: Path, flag: str) -> None:
    kept = (shop / "libs/far/src/far/__init__.py").read_text()
    write(shop, {USED: "X = 2\n"})
    before = changes(shop)
    assert "far" in before
    git(shop, "update-index", f"--{flag}", "libs/far/src/far/__init__.py")
    write(shop, {"libs/far/src/far/__init__.py": "# nothing\n"})
    changes(shop)
    write(shop, {"libs/far/src/far/__init__.py": kept})
    git(shop, "update-index", f"--no-{flag}", "libs/far/src/far/__init__.py")
    assert changes(shop) == before


def test_a_hidden_edit_counts_as_it_is_on_disk(shop: Path) -> None:
    warm = shop.with_name("warm")
    file = "libs/far/src/far/__init__.py"
    git(shop, "update-index", "--assume-unchanged", file)
    write(shop, {file: "import importlib\n"})
    selection, _, _ = one_answer(shop, warm)
    assert selection.affected("packages") == ("far",)
    assert selection.changed == (file,)
    (shop / file).unlink()
    selection, _, _ = one_answer(shop, warm)
    assert selection.changed == (file,)


def test_a_file_saved_during_a_run_leaves_nothing_behind(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradai_tasks.vcs.git import Git

    file = "libs/far/src/far/__init__.py"
    write(shop, {USED: "X = 2\n"})
    warm = shop.with_name("warm")
    status = Git.status

    def and_save(self: Git) -> object:
        found = status(self)
        write(shop, {file: "# saved\n"})
        return found

    expected = one_answer(shop, shop.with_name("other"))
    with monkeypatch.context() as patch:
        patch.setattr(Git, "status", and_save)
        assert answer(shop, warm) == expected  # as it was when git was asked
    write(shop, {file: START[file]})
    assert one_answer(shop, warm) == expected


def test_a_changed_file_saved_during_a_run_is_looked_at_anew(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradai_tasks.affected.graph import graph_builder as imports

    lazy = (
        "import importlib\n_T = {'X': '.used'}\n\n\ndef __getattr__(name):\n"
        "    return importlib.import_module(_T[name], __name__)\n"
    )
    user = "libs/app/src/app/mod.py"
    write(shop, {BASE: lazy, user: "import base as it\n\nuse(it)\n"})
    reader = imports._reader
    saves = iter(["import base as it\n\nuse(it)  # 1\n", "import base as it\n\nit.X\n"])

    def and_save(*given: object) -> object:
        if text := next(saves, ""):
            write(shop, {user: text})
        return reader(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(imports, "_reader", and_save)
    warm = shop.with_name("warm")
    one_answer(shop, warm)
    monkeypatch.undo()
    one_answer(shop, warm)


def test_content_that_git_converts_is_not_mixed_up_with_what_git_keeps(shop: Path) -> None:
    warm = shop.with_name("warm")
    file = "libs/far/src/far/__init__.py"
    git(shop, "config", "filter.swap.clean", "sed s/other/base/")
    git(shop, "config", "filter.swap.smudge", "sed s/base/other/")
    write(shop, {".gitattributes": f"{file} filter=swap\n"})
    git(shop, "add", "-A")
    git(shop, "commit", "-q", "-m", "Filter")
    (shop / file).unlink()
    git(shop, "checkout", "-q", "--", file)
    assert (shop / file).read_text() == "import other\n"
    git(shop, "tag", "before")
    write(shop, {USED: "X = 2\n"})
    git(shop, "commit", "-qam", "Change")
    one_answer(shop, warm, "before", "HEAD")  # what git keeps
    write(shop, {USED: "X = 3\n"})
    one_answer(shop, warm)  # what is on disk
    one_answer(shop, warm, "before", "HEAD")


@pytest.mark.parametrize("name", ["cache", "./cache", "~/cache", ".."])
def test_a_relative_folder_for_caches_is_refused(shop: Path, name: str) -> None:
    ran = nox(shop, "-s", "changes", "--", "--base", "HEAD", env={"TRADAI_TASKS_CACHE": name})
    assert ran.status != 0
    assert f"TRADAI_TASKS_CACHE={name}: a relative path" in " ".join(ran.log.split())
    assert "Traceback" not in ran.log
    assert git(shop, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "env", [{"XDG_CACHE_HOME": "cache"}, {"HOME": "", "XDG_CACHE_HOME": ""}, {"HOME": "here"}]
)
def test_no_variable_puts_the_cache_into_the_work_tree(shop: Path, env: dict[str, str]) -> None:
    write(shop, {USED: "X = 2\n"})
    dropped = {"TRADAI_TASKS_CACHE", "XDG_CACHE_HOME", "HOME"}
    kept = {key: value for key, value in clean_env().items() if key not in dropped}
    away = shop.with_name("away")
    found = analyse_change(
        read_repository(shop, DiskTree(shop)),
        {**kept, "HOME": str(away), **env},
        base="HEAD",
    )
    assert found.selection.affected("packages")
    assert git(shop, "status", "--porcelain") == f"M {USED}"


def test_a_folder_that_others_can_write_is_not_believed_and_that_is_told(shop: Path) -> None:
    warm = shop.with_name("warm")
    write(shop, {USED: "X = 2\n"})
    selection, warnings, _ = one_answer(shop, warm)
    assert not any("cache" in one for one in warnings)
    assert stat.S_IMODE(warm.stat().st_mode) == 0o700
    warm.chmod(0o777)
    found = analyse_change(
        read_repository(shop, DiskTree(shop)),
        clean_env(TRADAI_TASKS_CACHE=str(warm)),
        base="HEAD",
    )
    assert found.selection == selection
    assert found.warnings[0] == (
        f"{warm}: no cache is kept, as other users can write to this folder; "
        f"set TRADAI_TASKS_CACHE to a folder of your own"
    )


def test_a_full_disk_leaves_nothing_behind(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write(shop, {USED: "X = 2\n"})
    expected = one_answer(shop, shop.with_name("other"))
    monkeypatch.setattr("tradai_tasks.files.atomic_write.Path.replace", full)
    assert one_answer(shop, shop.with_name("warm")) == expected
    assert os.listdir(shop.with_name("warm")) == []  # noqa: PTH208 - names alone


def test_the_error_is_of_its_own_class() -> None:
    assert CacheFolderError.exit_code == 2

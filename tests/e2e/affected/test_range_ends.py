"""The two ends of a range: what cannot be read there, and ranges that there are not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.affected_shop import (
    FILES,
    LOCK,
    ROOT,
    commit,
    found,
    needing_base,
    repository,
    upgrade,
)
from tests.support.real import clean_env, edit, git, write
from tradai_tasks.affected.revisions.commit_range import baseline_commit
from tradai_tasks.errors import BrokenTomlError, TasksError, UnknownRevisionError


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop", FILES)


def test_a_base_that_cannot_be_read_selects_everything(shop: Path) -> None:
    (shop / "pyproject.toml").write_text("broken = [")
    base = commit(shop)
    (shop / "pyproject.toml").write_text(ROOT)
    selection = found(shop, base=base).selection
    assert any("the repository at the base cannot be read" in r for r in selection.everything)


def test_another_head_is_read_from_git(shop: Path) -> None:
    before = git(shop, "rev-parse", "HEAD")
    write(
        shop, {"libs/new/pyproject.toml": needing_base("new"), "libs/new/src/new/__init__.py": ""}
    )
    after = commit(shop)
    git(shop, "checkout", "-q", before)
    result = found(shop, base=before, head=after)
    assert [item.name for item in result.selection.packages] == ["alone", "app", "base", "new"]
    assert "new" in result.selection.affected("packages")
    assert ("app", "base") in result.edges


def test_faults_at_the_head_are_errors(shop: Path) -> None:
    with pytest.raises(UnknownRevisionError, match="nope"):
        found(shop, base="nope")
    (shop / "uv.lock").write_text("version = [")
    with pytest.raises(BrokenTomlError, match=r"uv\.lock: broken TOML"):
        found(shop)


def test_files_of_another_form_are_told_at_the_head_and_affect_everything_at_the_base(
    shop: Path,
) -> None:
    for path, text, said in (
        ("libs/base/pyproject.toml", "project.dependencies = 3\n", "expected a list, got 3"),
        ("uv.lock", "version = 1\npackage = 3\n", "not a lock file as uv writes it"),
        ("uv.lock", f"version = 1\nx = {'[' * 3000}\n", "nested too deeply"),
    ):
        good = (shop / path).read_text()
        (shop / path).write_text(text + "project.name = 'base'\n" * path.endswith("project.toml"))
        with pytest.raises(TasksError, match=said):
            found(shop)
        base = commit(shop)
        (shop / path).write_text(good)
        assert any(said in reason for reason in found(shop, base=base).selection.everything)
        commit(shop)


def test_without_a_commit_everything_is_selected(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    git(tmp_path, "init", "-q", "-b", "main")
    selection = found(tmp_path, base=None).selection
    assert "the branch has no commit yet" in selection.everything[0]


def test_an_event_without_a_range_selects_everything(shop: Path) -> None:
    result = found(shop, base=None, env={"GITHUB_EVENT_NAME": "schedule"})
    assert len(result.selection.affected("packages")) == 3
    assert result.graph is None


def test_a_strategys_tag_and_a_strategys_own_lock(tmp_path: Path) -> None:
    lock = 'version = 1\n[[package]]\nname = "{0}"\nversion = "1"\nsource = {{ virtual = "." }}\n'
    lock += 'dependencies = [{{ name = "six" }}]\n[[package]]\nname = "six"\nversion = "1"\n'
    lock += 'source = {{ registry = "https://index.example/simple" }}\n'
    files = {"pyproject.toml": '[project]\nname = "{0}"\n', "uv.lock": lock}
    strategies = {
        f"strategies/{name}/{file}": text.format(name)
        for name in ("fast", "slow")
        for file, text in files.items()
    }
    home = repository(tmp_path / "s", {".gitignore": ".cache/", **strategies})
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"ref": "refs/tags/fast-v1.0.0", "after": "0" * 40}))
    tagged = {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF": "refs/tags/fast-v1.0.0",
        "GITHUB_REF_NAME": "fast-v1.0.0",
        "GITHUB_REF_TYPE": "tag",
    }
    assert found(home, base=None, env=tagged).selection.affected("strategies") == ("fast",)
    edit(home / "strategies/slow/uv.lock", '"six"\nversion = "1"', '"six"\nversion = "2"')
    assert found(home).selection.affected("strategies") == ("slow",)
    (home / "strategies/slow/uv.lock").unlink()
    assert found(home).selection.affected("strategies") == ("slow",)


def test_a_missing_pytest_in_the_root_leaves_nobody_out(shop: Path) -> None:
    text = LOCK.replace('dev = [{ name = "pytest", specifier = "*" }]', 'dev = [{ name = "six" }]')
    (shop / "uv.lock").write_text(text)
    commit(shop)
    upgrade("six")(shop)
    assert found(shop).selection.affected("packages") == ("alone", "app", "base")


def test_the_baseline_of_a_benchmark(shop: Path) -> None:
    tip = git(shop, "rev-parse", "HEAD")
    env = {**os.environ, **clean_env()}
    assert baseline_commit(shop, "HEAD", env)[0] == tip
    commit_, why = baseline_commit(shop, None, {**env, "GITHUB_EVENT_NAME": "schedule"})
    assert commit_ is None
    assert why.startswith("not compared: ")
    git(shop, "checkout", "-q", "-b", "feature")
    event = shop / ".cache" / "event.json"
    event.parent.mkdir()
    event.write_text(json.dumps({"ref": "refs/heads/feature", "before": tip, "after": tip}))
    push = {**env, "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event), "CI": "true"}
    assert baseline_commit(shop, None, push)[0] is None

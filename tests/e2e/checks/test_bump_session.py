"""`bump` with real git and real uv on small repositories, interrupted and run again."""

from __future__ import annotations

import os
import shutil
import signal
import tomllib
from pathlib import Path

import pytest

from tests.support.real import NOXFILE, Result, edit, git, nox, write

PROJECT = """\
# A strategy.
[project]
name = "{name}"
version = '1.0.0'  # raised by bump
requires-python = ">=3.11"

[tool.other]
version = "1.0.0"
"""
FILE = "strategies/momentum/pyproject.toml"
LEFTOVER = "strategies/momentum/.pyproject.toml.4711-0123abcd.tmp"
LOCK = "strategies/momentum/uv.lock"
SUBJECT = "chore(momentum): bump version to 1.1.0"


def committed(home: Path, files: dict[str, str], ignored: str) -> Path:
    home.mkdir()
    write(home, {"noxfile.py": NOXFILE, ".gitignore": f"__pycache__/\n.nox/\n{ignored}", **files})
    git(home, "init", "-q", "-b", "main")
    locked = nox(home, "-s", "lock")
    assert locked.status == 0, locked.text
    git(home, "add", "-A")
    git(home, "commit", "-qm", "First")
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two strategies whose lock files are committed."""
    names = ("momentum", "my-v2-strategy")
    files = {f"strategies/{name}/pyproject.toml": PROJECT.format(name=name) for name in names}
    return committed(tmp_path / "shop", files, "")


def bump(home: Path, *args: str, **env: str) -> Result:
    return nox(home, "-s", "bump", "--", *args, env=env)


def done(home: Path, *args: str) -> Result:
    result = bump(home, *args)
    assert result.status == 0, result.text
    return result


def refused(home: Path, *args: str, passage: str) -> None:
    """A bump that fails with one line, without a traceback, and leaves all as it was."""
    before = state(home)
    result = bump(home, *args)
    assert result.status == 1, result.text
    assert passage in result.log, result.text
    assert "Traceback" not in result.text
    assert state(home) == before


def state(home: Path) -> tuple[str, str, str, str]:
    return (
        git(home, "rev-parse", "HEAD"),
        git(home, "for-each-ref"),
        git(home, "status", "--porcelain"),
        git(home, "diff"),
    )


def changed(home: Path, commit: str = "HEAD") -> list[str]:
    return git(home, "show", "--format=", "--name-only", commit).splitlines()


def locked_version(home: Path, lock: str = LOCK, name: str = "momentum") -> str:
    packages = tomllib.loads((home / lock).read_text(encoding="utf-8"))["package"]
    return next(str(one["version"]) for one in packages if one["name"] == name)


def finished(home: Path) -> None:
    """What one bump of momentum to 1.1.0 with its tag must have made, and no more."""
    assert git(home, "log", "--format=%s").splitlines() == [SUBJECT, "First"]
    assert changed(home) == [FILE, LOCK]
    assert git(home, "status", "--porcelain") == ""
    assert (home / FILE).read_text(encoding="utf-8") == PROJECT.format(name="momentum").replace(
        "'1.0.0'", "'1.1.0'"
    )
    assert locked_version(home) == "1.1.0"
    assert git(home, "cat-file", "-t", "momentum-v1.1.0") == "tag"
    assert git(home, "rev-parse", "momentum-v1.1.0^{}") == git(home, "rev-parse", "HEAD")
    assert git(home, "tag", "-l", "--format=%(contents:subject)") == "momentum 1.1.0"


def test_a_minor_bump_edits_locks_commits_and_tags(home: Path) -> None:
    untouched = state(home)
    dry = done(home, "momentum", "minor", "--tag", "--dry-run")
    assert "nothing was done: this is a dry run" in dry.log
    assert state(home) == untouched

    real = done(home, "momentum", "minor", "--tag")
    assert real.out.startswith(dry.out)  # and uv's own lines
    assert dry.out == (
        "momentum 1.0.0 -> 1.1.0\n"
        f"  edit    {FILE}\n"
        f"  lock    {LOCK}\n"
        f"  commit  {SUBJECT}\n"
        "  tag     momentum-v1.1.0\n"
    )
    assert "publish both with: git push --follow-tags" in real.log
    finished(home)
    assert nox(home, "-s", "lock", "--", "--check").status == 0

    again = done(home, "momentum", "minor", "--tag")
    assert "nothing to do: it is all there already" in again.log
    finished(home)


def test_release_candidates_lead_to_the_release(home: Path) -> None:
    for step in ("rc", "1.1.0-rc2", "minor"):
        done(home, "my-v2-strategy", step, "--tag")
    assert git(home, "tag").splitlines() == [
        "my-v2-strategy-v1.1.0",
        "my-v2-strategy-v1.1.0-rc1",
        "my-v2-strategy-v1.1.0-rc2",
    ]
    assert git(home, "log", "-1", "--format=%s", "HEAD~1").endswith("bump version to 1.1.0rc2")


def killing(tmp_path: Path, word: str) -> dict[str, str]:
    """An environment in which the process that starts `git <word>` is killed at that moment."""
    folder = tmp_path / "fake"
    folder.mkdir()
    fake = folder / "git"
    kill = f'[ "$1" = {word} ] && kill -9 $PPID && exit 1'
    fake.write_text(f'#!/bin/sh\n{kill}\nexec {shutil.which("git")} "$@"\n')
    fake.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("step", ["minor", "1.1.0"])
@pytest.mark.parametrize("at", ["commit", "tag"])
def test_killed_at_a_step_and_run_again_it_finishes(
    home: Path, tmp_path: Path, at: str, step: str
) -> None:
    killed = bump(home, "momentum", step, "--tag", **killing(tmp_path, at))
    assert killed.status == -signal.SIGKILL, killed.text
    done(home, "momentum", step, "--tag")
    finished(home)


def test_killed_between_edit_and_lock_and_run_again_it_finishes(home: Path) -> None:
    edit(home / FILE, "'1.0.0'", "'1.1.0'")
    assert f"edit    {FILE}: already there" in done(home, "momentum", "minor", "--tag").out
    finished(home)


def test_killed_while_writing_and_run_again_it_finishes(home: Path) -> None:
    write(home, {LEFTOVER: "[proj"})
    (home / FILE).chmod(0o664)
    done(home, "momentum", "minor", "--tag")
    finished(home)
    assert (home / FILE).stat().st_mode & 0o777 == 0o664


def test_a_link_in_the_place_of_its_scratch_file_is_removed(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    (home / LEFTOVER).symlink_to(outside)
    done(home, "momentum", "minor", "--tag")
    finished(home)
    assert outside.read_text() == "theirs"


def test_a_hook_that_refuses_the_commit_is_shown_and_can_be_satisfied(home: Path) -> None:
    write(home, {".git/hooks/pre-commit": "#!/bin/sh\necho no ticket >&2\nexit 1\n"})
    hook = home / ".git/hooks/pre-commit"
    hook.chmod(0o755)
    result = bump(home, "momentum", "minor", "--tag")
    assert result.status == 1
    assert "no ticket" in result.log
    assert (
        "git commit: exit status 1; its message is above; fix that and run the same" in result.log
    )
    hook.unlink()
    done(home, "momentum", "minor", "--tag")
    finished(home)


def test_what_is_refused_leaves_everything_as_it_was(home: Path) -> None:
    refused(home, "momentum", "0.9.0", passage="momentum: 0.9.0 is lower than 1.0.0")
    refused(home, "momentum", "1.0.0", passage="momentum: is at 1.0.0 already")
    refused(home, "momentum", "minr", passage="'minr' is no version to bump to; expected patch,")
    refused(home, "momentun", "minor", passage="no package of that name; did you mean 'momentum'?")
    refused(home, "momentum", passage="the following arguments are required: step")
    git(home, "tag", "-a", "-m", "x", "momentum-v1.1.0", "HEAD")
    refused(home, "momentum", "minor", passage="tag momentum-v1.1.0: exists already, on commit")
    git(home, "tag", "momentum-v2.0.0")  # a lightweight one
    refused(home, "momentum", "major", "--tag", passage="tag momentum-v2.0.0: exists already")
    write(home, {"notes.txt": "x"})
    refused(home, "momentum", "patch", passage="uncommitted changes in notes.txt; commit, stash")


def test_a_dynamic_version_is_refused(home: Path) -> None:
    edit(home / FILE, "version = '1.0.0'", 'dynamic = ["version"]')
    git(home, "commit", "-qam", "Dynamic")
    refused(home, "momentum", "minor", passage=f"{FILE}: project.version is dynamic")


def test_a_lock_that_was_out_of_date_is_put_back(home: Path) -> None:
    edit(home / FILE, '">=3.11"', '">=3.11,<4"')
    git(home, "commit", "-qam", "Needs a Python before 4")
    refused(home, "momentum", "minor", passage=f"{LOCK}: more than the version of momentum changed")


def test_where_uv_cannot_lock_everything_is_put_back(home: Path) -> None:
    edit(home / FILE, "[tool.other]", '[tool.uv.sources]\nx = { path = "nowhere" }\n\n[tool.other]')
    edit(home / FILE, "[tool.uv", 'dependencies = ["x"]\n\n[tool.uv')
    git(home, "commit", "-qam", "A dependency that is not there")
    refused(home, "momentum", "minor", passage="uv could not lock strategies/momentum, see above")


def test_outside_git_it_says_so(tmp_path: Path) -> None:
    write(
        tmp_path, {"noxfile.py": NOXFILE, "strategies/a/pyproject.toml": PROJECT.format(name="a")}
    )
    result = bump(tmp_path, "a", "minor")
    assert result.status == 1
    assert "not in a git repository" in result.log


def test_in_a_platform_the_lock_is_ignored_and_there_is_no_tag(tmp_path: Path) -> None:
    root = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    project = PROJECT.format(name="Tradai_Common").replace("\n", "\r\n")
    files = {"pyproject.toml": root, "libs/common/pyproject.toml": project}
    home = committed(tmp_path / "platform", files, "uv.lock\n")
    (home / "libs/common/pyproject.toml").write_bytes(project.encode())
    git(home, "add", "-A")
    git(home, "commit", "-q", "--allow-empty", "-m", "Line ends")
    passage = "--tag: only a strategy has a tag of its own; here v<version> releases the whole"
    refused(home, "tradai-common", "patch", "--tag", passage=passage)

    result = done(home, "Tradai_Common", "patch")
    assert "  lock    uv.lock (git ignores it: not committed)\n" in result.out
    assert changed(home) == ["libs/common/pyproject.toml"]
    assert git(home, "log", "-1", "--format=%s") == "chore(tradai-common): bump version to 1.0.1"
    assert locked_version(home, "uv.lock", "tradai-common") == "1.0.1"
    raw = (home / "libs/common/pyproject.toml").read_bytes()
    assert raw == project.replace("'1.0.0'", "'1.0.1'").encode()


def test_in_a_folder_below_the_repositorys_top(tmp_path: Path) -> None:
    top = tmp_path / "mono"
    write(
        top,
        {
            "python/noxfile.py": NOXFILE,
            ".gitignore": "__pycache__/\n",
            f"python/{FILE}": PROJECT.format(name="momentum"),
            "README.md": "x",
        },
    )
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "First")
    write(top, {"README.md": "y"})
    refused(top / "python", "momentum", "minor", passage="uncommitted changes in ../README.md")
    git(top, "commit", "-qam", "Second")
    done(top / "python", "momentum", "minor", "--tag")
    assert changed(top) == [f"python/{FILE}"]
    assert git(top, "tag") == "momentum-v1.1.0"

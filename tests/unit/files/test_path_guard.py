"""Files that stand outside of where they are written, and who made them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tradai_tasks.errors import CredentialsFileError, FileExistsAlreadyError
from tradai_tasks.files.path_guard import (
    is_relative_below,
    open_below,
    read_below,
    require_inside,
    write_below,
)
from tradai_tasks.release.images.engine import sweep
from tradai_tasks.release.libraries.login_files import append_secret, write_secret
from tradai_tasks.workflows.file_writer import put_all


@pytest.mark.parametrize("name", ["a", "a/b.txt", "a..b/c", "./a"])
def test_names_below(name: str) -> None:
    assert is_relative_below(name)


@pytest.mark.parametrize("name", ["", "/a", "..", "a/../../b", "../a", "//a"])
def test_names_that_are_not_below(name: str) -> None:
    assert not is_relative_below(name)


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / ".github").symlink_to(outside)
    (root / "file").symlink_to(outside / "file")
    (root / "inner").mkdir()
    (root / "link").symlink_to(root / "inner")
    with pytest.raises(FileExistsAlreadyError, match=r"workflows/ci.yml: a link leads out of"):
        put_all(root, {"README.md": "x", ".github/workflows/ci.yml": "x"})
    with pytest.raises(FileExistsAlreadyError, match="file: "):
        put_all(root, {"file": "x"})
    assert not (root / "README.md").exists()
    assert list(outside.iterdir()) == []
    put_all(root, {"link/a": "x"})  # of the tree itself
    assert (root / "inner" / "a").read_text() == "x"
    assert require_inside(root, root / "new" / "deep" / "file") == root / "new" / "deep" / "file"


def test_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "folder" / ".netrc"
    write_secret(file, "one")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    link = tmp_path / "link"
    link.symlink_to(file)
    write_secret(link, "two")
    assert link.is_symlink()
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("two", 0o600)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(CredentialsFileError, match="links without end"):
        write_secret(tmp_path / "circle", "x")
    with pytest.raises(CredentialsFileError, match="no file; nothing was written"):
        write_secret(tmp_path / "folder", "x")


def test_what_another_user_has_put_there_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".netrc"
    file.write_text("theirs")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(CredentialsFileError, match="another user's, so no token is written there"):
        write_secret(file, "x")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nothing")
    with pytest.raises(CredentialsFileError, match="another user's"):
        write_secret(link, "x")
    assert file.read_text() == "theirs"


def test_a_file_of_variables_is_no_link(tmp_path: Path) -> None:
    file = tmp_path / "env"
    append_secret(file, "A=1\n")
    append_secret(file, "B=2\n")
    assert file.read_text() == "A=1\nB=2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(CredentialsFileError, match="a link, which is not written through"):
        append_secret(link, "C=3\n")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CredentialsFileError, match="cannot be written"):
        append_secret(tmp_path / "pipe", "C=3\n")


@pytest.mark.parametrize("pid", ["²", "99999999999999999999", "0", "-1", "x", "4194305", ""])
def test_folders_that_anybody_may_make_end_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"tradai-tasks-login-{pid}-abc"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "tradai-tasks-login-4194305-link").symlink_to(outside)
    monkeypatch.setattr(os, "kill", _kill)
    sweep()
    assert outside.is_dir()
    assert folder.is_dir() == (pid != "4194305")
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    sweep()  # another user's
    assert folder.is_dir()


def _kill(pid: int, number: int) -> None:
    if pid >= 1 << 31:
        raise OverflowError
    if pid > 4_194_304:
        raise ProcessLookupError


def test_files_below_a_folder_are_written_and_read_without_following_links(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "file").write_bytes(b"outside")
    write_below(folder, "a/b/file", b"1")
    write_below(folder, "a/b/file", b"2")
    assert read_below(folder, "a/b/file") == b"2"
    (folder / "link").symlink_to(outside / "file")
    (folder / "away").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    for name in (
        "link",
        "away/file",
        "a",
        "a/b",
        "pipe",
        "none",
        "a/b/file/more",
        "../x",
        "/x",
        "",
    ):
        assert read_below(folder, name) is None, name
    write_below(folder, "link", b"3")  # in its place
    with pytest.raises(OSError, match="away"):
        write_below(folder, "away/new", b"4")
    with pytest.raises(ValueError, match="is not below"):
        open_below(folder, "../x")
    assert (outside / "file").read_bytes() == b"outside"
    assert sorted(path.name for path in outside.iterdir()) == ["file"]

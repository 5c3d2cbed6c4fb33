from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tradai_tasks.files.atomic_write import (
    ignore_folder,
    is_leftover,
    remove_leftovers,
    write_whole,
)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write_whole(file, b"1", mode=0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    write_whole(file, b"2", durable=True)
    assert file.read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_permissions_go_by_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise fault

    file = tmp_path / "a"
    write_whole(file, b"old")
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(type(fault)):
        write_whole(file, b"new", durable=True)
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_empty_gitignore_is_written_anew_and_another_left(tmp_path: Path) -> None:
    ignore = tmp_path / ".gitignore"
    ignore_folder(tmp_path)
    assert ignore.read_text() == "*\n"
    ignore.write_text("")  # a full disk once
    ignore_folder(tmp_path)
    assert ignore.read_text() == "*\n"
    ignore.write_text("*.log\n")
    ignore_folder(tmp_path)
    assert ignore.read_text() == "*.log\n"


def test_a_gitignore_that_cannot_be_written_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        ignore_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_killed_writers_have_left_is_removed_after_a_while(tmp_path: Path) -> None:
    left, own = tmp_path / ".a.toml.4711-0123abcd.tmp", tmp_path / "a.tmp"
    left.touch()
    own.touch()
    assert is_leftover(f"deep/{left.name}")
    assert not is_leftover(own.name)
    remove_leftovers(tmp_path)
    assert left.exists()
    remove_leftovers(tmp_path, age=0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tmp"]

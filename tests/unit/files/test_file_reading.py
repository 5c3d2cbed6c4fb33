"""A file is read whole, whatever its size, and nothing that has no end is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tradai_tasks.files.file_reading import read_file

STEP = 1 << 16  # bytes that the first reads take


@pytest.mark.parametrize("size", [0, 1, STEP - 1, STEP, STEP + 1, 2 * STEP, 2 * STEP + 1, 9 * STEP])
def test_a_file_of_any_size_is_read_whole(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert read_file(f"{tmp_path}/file") == content


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_file(f"{tmp_path}/pipe") == b""


def test_a_device_without_end_is_no_file() -> None:
    with pytest.raises(FileNotFoundError, match="/dev/zero"):
        read_file("/dev/zero")


def test_a_folder_and_what_is_not_there_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_file(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        read_file(f"{tmp_path}/absent")

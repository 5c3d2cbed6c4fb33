from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from tradai_tasks.errors import CacheFolderError
from tradai_tasks.files.cache_folder import CacheFolder, cache_folder

FILE = "imports-0.msgpack"
HINT = "; set TRADAI_TASKS_CACHE to a folder of your own"


def test_the_cache_lies_where_the_user_says_else_in_the_folder_for_caches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    home = {"HOME": "/home/me"}
    assert cache_folder({"TRADAI_TASKS_CACHE": "/c", **home}) == Path("/c")
    assert cache_folder({"XDG_CACHE_HOME": "/x", **home}) == Path("/x/tradai-tasks")
    assert cache_folder(home) == Path("/home/me/.cache/tradai-tasks")
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder({"XDG_CACHE_HOME": "/x", **home}) == Path(
        "/home/me/Library/Caches/tradai-tasks"
    )


@pytest.mark.parametrize("given", ["c", "./c", "../c", "~/c"])
def test_a_relative_folder_is_refused(given: str) -> None:
    with pytest.raises(CacheFolderError) as raised:
        cache_folder({"TRADAI_TASKS_CACHE": given})
    assert str(raised.value) == (
        f"TRADAI_TASKS_CACHE={given}: a relative path, which would lie in the work tree; "
        f"set it to an absolute one"
    )


def test_a_relative_folder_of_the_system_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    env = {"XDG_CACHE_HOME": "x", "HOME": "/home/me"}
    assert cache_folder(env) == Path("/home/me/.cache/tradai-tasks")
    for home in ("", "here", "."):
        assert cache_folder({"HOME": home}).is_absolute()


def test_a_user_whom_nobody_knows_has_a_folder_of_his_own_in_the_shared_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    own = f"tradai-tasks-{os.getuid()}"
    assert cache_folder({}) == Path("/tmp") / own
    assert cache_folder({"TMPDIR": "/scratch"}) == Path("/scratch") / own
    assert cache_folder({"TMPDIR": "scratch"}) == Path("/tmp") / own


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "deep" / "c")
    folder.write(FILE, b"1")
    assert folder.read(FILE) == b"1"
    assert stat.S_IMODE((tmp_path / "deep/c").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "deep/c" / FILE).stat().st_mode) == 0o600
    assert (tmp_path / "deep/c/.gitignore").read_text() == "*\n"
    assert folder.fault == ""


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_can_write_is_not_believed(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "c"
    CacheFolder(path).write(FILE, b"1")
    path.chmod(mode)
    folder = CacheFolder(path)
    assert folder.fault == (
        f"{path}: no cache is kept, as other users can write to this folder{HINT}"
    )
    assert folder.read(FILE) is None
    folder.write(FILE, b"2")
    assert (path / FILE).read_bytes() == b"1"


def test_a_folder_of_another_user_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c"
    CacheFolder(path).write(FILE, b"1")
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    folder = CacheFolder(path)
    assert folder.fault == f"{path}: no cache is kept, as this folder is another user's{HINT}"
    assert folder.read(FILE) is None


def test_what_is_no_folder_is_not_followed(tmp_path: Path) -> None:
    CacheFolder(tmp_path / "c").write(FILE, b"1")
    (tmp_path / "link").symlink_to("c")
    folder = CacheFolder(tmp_path / "link")
    assert folder.fault == f"{tmp_path / 'link'}: no cache is kept, as this is no folder{HINT}"
    assert folder.read(FILE) is None


def test_a_file_that_is_not_ones_own_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CacheFolder(tmp_path / "c")
    folder.write(FILE, b"1")
    file = tmp_path / "c" / FILE
    file.chmod(0o620)
    assert folder.read(FILE) is None
    file.chmod(0o600)
    assert folder.read(FILE) == b"1"
    own = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: own + 1)
    assert folder.read(FILE) is None
    monkeypatch.undo()
    file.rename(tmp_path / "c" / "other")
    file.symlink_to("other")
    assert folder.read(FILE) is None
    file.unlink()
    os.mkfifo(file)
    assert folder.read(FILE) is None


def test_a_folder_with_another_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "libs"
    (path / "alpha").mkdir(parents=True)
    (path / ".gitignore").write_text("build\n")
    for _ in range(2):
        folder = CacheFolder(path)
        folder.write(FILE, b"1")
        assert folder.fault == f"{path}: no cache is kept, as this folder holds other files{HINT}"
        assert folder.read(FILE) is None
    assert sorted(one.name for one in path.iterdir()) == [".gitignore", "alpha"]
    assert (path / ".gitignore").read_text() == "build\n"


def test_a_folder_that_was_made_for_caches_is_used(tmp_path: Path) -> None:
    empty = CacheFolder(tmp_path)
    empty.write(FILE, b"1")
    (tmp_path / "of-an-older-version").touch()
    (tmp_path / FILE).unlink()
    again = CacheFolder(tmp_path)
    again.write(FILE, b"2")
    assert (again.fault, again.read(FILE)) == ("", b"2")


def test_no_cache_is_kept_in_dev_null() -> None:
    folder = CacheFolder(Path("/dev/null"))
    folder.write(FILE, b"1")
    assert (folder.read(FILE), folder.fault) == (None, "")


def test_a_folder_that_cannot_be_made_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    folder = CacheFolder(tmp_path / "file" / "c")
    assert (folder.read(FILE), folder.fault) == (None, "")
    folder.write(FILE, b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = CacheFolder(tmp_path / "c")
    monkeypatch.setattr(Path, "replace", full)
    folder.write(FILE, b"1")
    assert list((tmp_path / "c").iterdir()) == []


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".gitignore"}


def old(file: Path, days: float) -> Path:
    file.write_bytes(b"")
    then = time.time() - days * 86_400
    os.utime(file, (then, then))
    return file


def test_files_of_checkouts_that_are_gone_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "c"
    folder = CacheFolder(path)
    for number in range(70):
        old(path / f"imports-{number:02}-ab.msgpack", number / 10)
    old(path / "imports-a.msgpack", 31)
    old(path / "imports-b-stamps.msgpack", 29)
    old(path / "notes.txt", 99)
    folder.write(FILE, b"1")
    kept = names(path)
    assert FILE in kept
    assert "notes.txt" in kept  # not one of these
    assert "imports-a.msgpack" not in kept
    assert len(kept - {"notes.txt"}) == 64
    assert {f"imports-{number:02}-ab.msgpack" for number in range(60)} <= kept


def test_a_file_that_is_read_stays(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path / "c")
    folder.write(FILE, b"1")
    then = time.time() - 29 * 86_400
    os.utime(tmp_path / "c" / FILE, (then, then))
    assert folder.read(FILE) == b"1"
    assert (tmp_path / "c" / FILE).stat().st_mtime > time.time() - 60


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "c"
    folder = CacheFolder(path)
    old(path / f".{FILE}.123-0123abcd.tmp", 1)
    old(path / f".{FILE}.124-0123abcd.tmp", 0)  # of a run beside this one
    folder.write(FILE, b"1")
    assert names(path) == {FILE, f".{FILE}.124-0123abcd.tmp"}

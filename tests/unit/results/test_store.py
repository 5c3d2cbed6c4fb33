"""Results in a folder or a bucket: whole, bounded, and as if absent where they are damaged."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradai_tasks.errors import ResultStoreError
from tradai_tasks.files.atomic_write import is_ignored
from tradai_tasks.results.store import BucketStore, FolderStore, Store, bound, open_store

SLOT = "a" * 32


def name(number: int, slot: str = SLOT) -> str:
    return f"{slot}/{number:032x}-{'0' * 32}"


@pytest.fixture(params=["folder", "bucket"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "results")
        return
    moto = pytest.importorskip("moto")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        found = BucketStore("results", "team/a")
        found._s3().create_bucket(Bucket="results")
        found._s3().put_object(Bucket="results", Key="team/a/notes.txt", Body=b"x")
        yield found


def test_files_come_back_by_name(store: Store) -> None:
    assert store.entries() == []
    assert store.read([name(1)]) == {}
    store.write(name(1), b"one")
    store.write(name(2), b"two")
    store.write(name(3, "b" * 32), b"three")
    assert store.read([name(1), name(2), name(9)]) == {name(1): b"one", name(2): b"two"}
    assert {entry.name for entry in store.entries(SLOT)} == {name(1), name(2)}
    assert len(store.entries()) == 3
    store.remove([name(1), name(9)])
    assert {entry.name for entry in store.entries(SLOT)} == {name(2)}


def test_a_store_is_bounded(store: Store) -> None:
    for number in range(4):
        store.write(name(number), bytes(100))
    assert bound(store, 400) == 0
    assert bound(store, 250) == 2
    assert sum(entry.size for entry in store.entries()) == 200


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for number in range(3):
        store.write(name(number), bytes(100))
        os.utime(tmp_path / name(number), (1000 + number, 1000 + number))
    store.read([name(0)])  # which marks it as used
    assert bound(store, 250) == 1
    assert {entry.name for entry in store.entries()} == {name(0), name(2)}


def test_a_folder_is_ignored_and_holds_nothing_else(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "deep" / "results")
    store.write(name(1), b"1")
    assert is_ignored(tmp_path / "deep" / "results")
    for other in ("notes.txt", f"{SLOT}/notes.txt", "b/x"):
        (tmp_path / "deep" / "results" / other).parent.mkdir(exist_ok=True)
        (tmp_path / "deep" / "results" / other).write_text("x")
    assert [entry.name for entry in store.entries()] == [name(1)]


def test_writers_side_by_side_leave_whole_files(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    contents = [bytes([n]) * 100_000 for n in range(4)]

    def write(content: bytes) -> None:
        for _ in range(20):
            store.write(name(1), content)

    threads = [threading.Thread(target=write, args=[content]) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert store.read([name(1)]).get(name(1), contents[0]) in contents
    assert [entry.name for entry in store.entries()] == [name(1)]


def test_what_a_killed_writer_leaves_is_no_result_and_goes(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write(name(1), b"1")
    half = tmp_path / SLOT / f".{'0' * 65}.1-0123abcd.tmp"
    half.write_bytes(b"ha")
    os.utime(half, (1, 1))
    assert [entry.name for entry in store.entries()] == [name(1)]
    store.remove([])
    assert not half.exists()


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = FolderStore(tmp_path / "file")
    for act in (store.entries, lambda: store.write(name(1), b""), lambda: store.read([name(1)])):
        with pytest.raises(ResultStoreError, match=r"results cannot be (read|written): Not a dir"):
            act()


def test_a_full_disk_leaves_nothing_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    store.write(name(1), b"old")

    def fail(*given: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ResultStoreError, match="results cannot be written: No space left"):
        store.write(name(1), b"new")
    assert store.read([name(1)]) == {name(1): b"old"}
    assert len(list((tmp_path / SLOT).iterdir())) == 1


def test_a_server_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ResultStoreError) as raised:
        BucketStore("results", "").entries()
    assert str(raised.value).startswith("s3://results: results cannot be read: EndpointConnection")
    assert "secret-x" not in str(raised.value)


def test_a_bucket_that_is_not_there_is_named(store: Store) -> None:
    if isinstance(store, BucketStore):
        with pytest.raises(ResultStoreError, match=r"s3://other/x: .* NoSuchBucket"):
            BucketStore("other", "x").write(name(1), b"1")


def test_a_fault_of_our_own_is_not_taken_for_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    store = BucketStore("results", "")
    monkeypatch.setattr(store, "_s3", lambda: None)
    with pytest.raises(AttributeError):
        store.entries()


def test_where_results_are_kept(tmp_path: Path) -> None:
    env = {"TRADAI_TASKS_CACHE": str(tmp_path / "cache")}
    assert open_store(None, tmp_path, env).place == str(tmp_path / "cache" / "results")
    assert open_store("kept", tmp_path, env).place == str(tmp_path / "kept")
    assert open_store("/kept", tmp_path, env).place == "/kept"
    assert open_store("s3://bucket/a/b/", tmp_path, env).place == "s3://bucket/a/b"
    assert open_store("s3://bucket", tmp_path, env).place == "s3://bucket"
    with pytest.raises(ResultStoreError) as raised:
        open_store("s3://B", tmp_path, env)
    assert str(raised.value) == "results.store = 's3://B': write it as s3://bucket/prefix"


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results").chmod(0o777)
    with pytest.raises(ResultStoreError, match="other users can write to this folder"):
        open_store(None, tmp_path, {"TRADAI_TASKS_CACHE": str(tmp_path)})

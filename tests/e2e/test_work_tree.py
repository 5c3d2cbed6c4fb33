"""The work tree of real repositories: what is on disk counts, whatever git's index says of it."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from tests.support.repos import Repo

from tradai_tasks.affected import stamps as stamps_module
from tradai_tasks.affected.diff import changed_paths
from tradai_tasks.affected.event import commit_range
from tradai_tasks.affected.extraction import all_digests
from tradai_tasks.affected.git import Git
from tradai_tasks.affected.snapshot import CommitSnapshot, WorktreeSnapshot
from tradai_tasks.affected.work_tree import look
from tradai_tasks.errors import WorkTreeChangedError


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.init(tmp_path / "repo")
    repo.commit({"a.py": "a\n", "pkg/b.py": "b\n", "pkg/deep/c.py": "c\n"})
    return repo


def since(repo: Repo, base: str) -> dict[str, str]:
    git = Git.open(repo.path, repo.env)
    found = changed_paths(git, commit_range(git, repo.env, base=base))
    return {changed.path: changed.kind for changed in found}


def snapshots(repo: Repo) -> tuple[CommitSnapshot, WorktreeSnapshot]:
    git = Git.open(repo.path, repo.env)
    return CommitSnapshot(git, repo.head), WorktreeSnapshot(git)


def test_files_that_git_does_not_know_are_not_held_in_memory(repo: Repo):
    for number in range(20):
        repo.write({f"data/{number}.bin": b"0" * 4_000_000})
    repo.write({"new.py": "n"})
    tracemalloc.start()
    work = snapshots(repo)[1]
    assert len(all_digests(work, list(work.blobs), None)) == 24
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_file_that_became_a_pipe_is_gone(repo: Repo):
    (repo.path / "a.py").unlink()
    os.mkfifo(repo.path / "a.py")
    os.mkfifo(repo.path / "new.py")
    work = snapshots(repo)[1]
    assert sorted(work.blobs) == ["pkg/b.py", "pkg/deep/c.py"]
    assert since(repo, "HEAD") == {"a.py": "modified"}
    work = snapshots(repo)[1]
    (repo.path / "pkg/b.py").unlink()
    os.mkfifo(repo.path / "pkg/b.py")
    with pytest.raises(WorkTreeChangedError, match=r"pkg/b\.py: changed while it was read; run "):
        work.read(["pkg/b.py"])


@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_a_change_that_git_was_told_not_to_see_counts(repo: Repo, flag: str):
    odd = 'odd "name"\n.py'
    repo.commit({odd: "1\n", "link-to": "", "gone.py": "", "crlf.py": "1\n", "same.py": "1\n"})
    (repo.path / "link").symlink_to("a.py")
    (repo.path / "still").symlink_to("a.py")
    repo.write({".gitattributes": "crlf.py text\n"})
    repo.commit()
    every = ["a.py", odd, "link", "still", "gone.py", "crlf.py", "same.py", "pkg/b.py"]
    repo.git("update-index", f"--{flag}", *every)
    repo.write({"a.py": "2\n", odd: "2\n", "gone.py": None, "crlf.py": b"1\r\n"})
    (repo.path / "link").unlink()
    (repo.path / "link").symlink_to("pkg/b.py")
    (repo.path / "pkg/b.py").unlink()
    (repo.path / "pkg/b.py").symlink_to("deep/c.py")
    expected = {"a.py": "modified", odd: "modified", "link": "modified", "pkg/b.py": "type-changed"}
    if flag == "assume-unchanged":  # of the other it is as if a sparse checkout had left it out
        expected["gone.py"] = "deleted"
    assert since(repo, "HEAD") == expected
    work = snapshots(repo)[1]
    assert ("gone.py" in work.blobs) == (flag == "skip-worktree")
    contents = work.read(work.blobs)
    assert contents["crlf.py"] == b"1\r\n"
    assert (contents["a.py"], contents[odd]) == (b"2\n", b"2\n")
    assert work.links == {"link": "pkg/b.py", "still": "a.py", "pkg/b.py": "pkg/deep/c.py"}
    inner = Git.open(repo.path / "pkg", repo.env)
    assert [e.path for e in look(inner).status] == ["b.py"]


def test_the_digest_is_that_of_the_bytes_on_disk(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stamps_module, "_SETTLED", -(10**18))
    repo.commit({".gitattributes": "* text=auto\n", "crlf.py": "x = 1\n"})
    repo.write({"crlf.py": b"x = 1\r\n"})
    repo.git("add", "--renormalize", ".")
    assert since(repo, "HEAD") == {}
    committed, work = snapshots(repo)
    digests = all_digests(work, list(work.blobs), None)
    assert digests["crlf.py"] == Git.open(repo.path, repo.env).blob_id(b"x = 1\r\n")
    assert digests["crlf.py"] != committed.blobs["crlf.py"]
    assert {k: v for k, v in digests.items() if k != "crlf.py"} == {
        k: v for k, v in committed.blobs.items() if k != "crlf.py"
    }


def test_a_file_is_read_again_unless_it_cannot_have_changed(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
):
    work = snapshots(repo)[1]
    (loaded,) = [loaded for _, loaded in work.load(["a.py"])]
    assert loaded.stamp is None  # it has just been written
    monkeypatch.setattr(stamps_module, "_SETTLED", -(10**18))
    file = repo.path / "a.py"
    ((_, loaded),) = snapshots(repo)[1].load(["a.py"])
    assert loaded.stamp is not None
    stamps = {"a.py": loaded.stamp}
    assert snapshots(repo)[1].known(["a.py"], stamps) == {"a.py": loaded.digest}
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:  # a tick of the clock
        file.write_text("b\n")  # as long as before
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert snapshots(repo)[1].known(["a.py"], stamps) == {}
    file.unlink()
    assert snapshots(repo)[1].known(["a.py"], stamps) == {}


def test_a_file_that_changes_while_it_is_looked_at_is_told(repo: Repo):
    work = snapshots(repo)[1]
    work.read(["a.py"])
    repo.write({"a.py": "other\n"})
    with pytest.raises(WorkTreeChangedError, match=r"a\.py: changed while it was read; run again"):
        work.read(["a.py"])
    with pytest.raises(WorkTreeChangedError):
        work.learn({"a.py": "0"})

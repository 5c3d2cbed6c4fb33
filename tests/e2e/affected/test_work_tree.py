"""The work tree of real repositories: what is on disk counts, whatever git's index says of it."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from tests.support.repos import Repo
from tradai_tasks.affected.graph.fact_loader import all_digests
from tradai_tasks.affected.revisions.changed_paths import changed_paths
from tradai_tasks.affected.revisions.commit_range import commit_range
from tradai_tasks.errors import WorkTreeChangedError
from tradai_tasks.vcs import index_stamps as stamps_module
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.snapshot import CommitSnapshot, WorktreeSnapshot
from tradai_tasks.vcs.snapshot_tree import SnapshotTree
from tradai_tasks.vcs.work_tree import look, tree_before


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
    repo.write({"new.py": "a\n"})
    ((_, loaded),) = snapshots(repo)[1].load(["new.py"])
    assert loaded.stamp is None  # it has just been written
    monkeypatch.setattr(stamps_module, "_SETTLED", -(10**18))
    file = repo.path / "new.py"
    ((_, loaded),) = snapshots(repo)[1].load(["new.py"])
    assert loaded.stamp is not None
    stamps = {"new.py": loaded.stamp}
    assert snapshots(repo)[1].known(["new.py"], stamps) == {"new.py": loaded.digest}
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:  # a tick of the clock
        file.write_text("b\n")  # as long as before
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    work = snapshots(repo)[1]
    assert work.known(["new.py"], stamps) == {}
    file.unlink()
    assert work.known(["new.py"], stamps) == {}


def test_a_file_that_git_calls_unchanged_is_as_in_the_index_whatever_is_saved_meanwhile(repo: Repo):
    work = snapshots(repo)[1]
    repo.write({"a.py": "other\n", "pkg/b.py": None})
    (repo.path / "pkg/deep/c.py").unlink()
    os.mkfifo(repo.path / "pkg/deep/c.py")
    contents = {"a.py": b"a\n", "pkg/b.py": b"b\n", "pkg/deep/c.py": b"c\n"}
    assert work.read(work.blobs) == contents
    blob_id = Git.open(repo.path, repo.env).blob_id
    assert all_digests(work, list(contents), None) == {
        path: blob_id(data) for path, data in contents.items()
    }


def test_a_changed_file_that_is_saved_meanwhile_is_told(repo: Repo):
    repo.write({"a.py": "1\n", "new.py": "1\n"})
    work = snapshots(repo)[1]
    work.read(["a.py"])
    repo.write({"a.py": "other\n"})
    (repo.path / "new.py").unlink()
    os.mkfifo(repo.path / "new.py")
    for path in ("a.py", "new.py"):
        with pytest.raises(WorkTreeChangedError, match=rf"{path}: changed while it was read; run "):
            work.read([path])
    with pytest.raises(WorkTreeChangedError):
        work.learn({"a.py": "0"})


@pytest.mark.parametrize(
    ("setting", "attributes", "is_converted"),
    [
        ("false", "", False),
        ("input", "", True),
        ("true", "", True),
        ("no", "*.py diff=python linguist-generated", False),
        ("0", "* -text", False),
        ("false", "* text=auto", True),
        ("false", "pkg/*.py ident", True),
        ("false", "*.py working-tree-encoding=UTF-16", True),
        ("false", "*.py filter=lfs", True),
        ("false", "*.py eol=lf", True),
        ("false", "[attr]odd filter=x\n*.py odd", True),
    ],
)
def test_where_git_changes_content_its_word_is_not_taken(
    repo: Repo, setting: str, attributes: str, is_converted: bool
):
    repo.git("config", "core.autocrlf", setting)
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/attributes").write_text(attributes)
    found = Git.open(repo.path, repo.env).converted(["a.py", "pkg/b.py", "odd\nname.txt"])
    assert ("pkg/b.py" in found) == is_converted
    inner = Git.open(repo.path / "pkg", repo.env)
    assert inner.converted(["b.py"]) == ({"b.py"} if is_converted else set())


@pytest.mark.parametrize("base", ["HEAD", "HEAD~1", "HEAD~2"])
@pytest.mark.parametrize("folder", [".", "pkg"])
def test_a_commit_is_what_the_work_tree_was_before_its_changes(repo: Repo, base: str, folder: str):
    repo.commit({"a.py": None, "pkg/new.py": "n", "pkg/odd\nname": "", "pkg/deep/c.py": "2"})
    (repo.path / "pkg/link").symlink_to("b.py")
    repo.commit({"pkg/b.py": "3", "top.py": ""})
    repo.write({"pkg/b.py": "4", "pkg/staged.py": "s", "pkg/deep/c.py": None, "pkg/wish.py": ""})
    repo.git("rm", "--quiet", "--cached", "pkg/new.py")
    repo.git("add", "pkg/staged.py", "pkg/b.py")
    repo.git("add", "--intent-to-add", "pkg/wish.py")
    repo.git("update-index", "--assume-unchanged", "pkg/b.py", "top.py")
    repo.write({"pkg/b.py": "5", "top.py": "6", "pkg/link": None, "pkg/untracked.py": ""})
    git = Git.open(repo.path / folder, repo.env)
    commit = repo.sha(base)
    found = tree_before(look(git), git.diff(commit, repo.head))
    listed = {(entry.path, entry.mode, entry.blob) for entry in found}
    assert listed == {(entry.path, entry.mode, entry.blob) for entry in git.tree(commit)}
    assert len(found) == len(listed)


def test_a_commit_is_what_the_work_tree_was_before_a_conflict(repo: Repo):
    repo.switch("side", "main")
    repo.commit({"a.py": "side\n", "pkg/b.py": None, "both.py": "1"})
    repo.switch("main")
    repo.commit({"a.py": "main\n", "pkg/b.py": "main\n", "both.py": "2"})
    with pytest.raises(AssertionError):
        repo.git("merge", "--quiet", "side")
    git = Git.open(repo.path, repo.env)
    found = {(e.path, e.mode, e.blob) for e in tree_before(look(git), [])}
    assert found == {(e.path, e.mode, e.blob) for e in git.tree(repo.head)}


def test_links_to_the_folder_around_them_have_no_end_and_are_not_followed(repo: Repo):
    for name in ("one", "two", "three"):
        (repo.path / "pkg" / name).symlink_to("../pkg")
    for snapshot in (snapshots(repo)[1], CommitSnapshot(Git.open(repo.path), repo.commit())):
        tree = SnapshotTree(snapshot)
        assert set(tree.folders("pkg")) == {"deep"}

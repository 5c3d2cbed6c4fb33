"""Changed paths and snapshots of real repositories, whatever the user's configuration."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.repos import Repo
from tradai_tasks.affected.graph.fact_loader import all_digests
from tradai_tasks.affected.revisions.changed_paths import ChangedPath, changed_paths
from tradai_tasks.affected.revisions.commit_range import CommitRange, commit_range
from tradai_tasks.errors import GitError
from tradai_tasks.files.file_tree import DiskTree, glob_folders
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.snapshot import CommitSnapshot, WorktreeSnapshot
from tradai_tasks.vcs.snapshot_tree import SnapshotTree


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.init(tmp_path / "repo")
    repo.commit({"a.py": "a\n", "pkg/b.py": "b\n", "pkg/deep/c.py": "c\n"})
    return repo


def since(repo: Repo, base: str, *, worktree: bool = True) -> dict[str, str]:
    git = Git.open(repo.path, repo.env)
    head = None if worktree else "HEAD"
    found = changed_paths(git, commit_range(git, repo.env, base=base, head=head))
    assert list(found) == sorted(found)
    return {changed.path: changed.kind for changed in found}


def test_every_kind_of_change_is_told(repo: Repo):
    repo.git("tag", "base")
    repo.write({"run.sh": "x\n", "link": "l\n"})
    repo.commit()
    repo.git("tag", "more")
    (repo.path / "run.sh").chmod(0o755)
    (repo.path / "link").unlink()
    (repo.path / "link").symlink_to("a.py")
    repo.commit({"a.py": "changed\n", "pkg/b.py": None, "new.py": "n\n"})
    assert since(repo, "more", worktree=False) == {
        "a.py": "modified",
        "link": "type-changed",
        "new.py": "added",
        "pkg/b.py": "deleted",
        "run.sh": "mode-changed",
    }
    assert since(repo, "more") == since(repo, "more", worktree=False)


def test_a_moved_file_counts_at_both_ends(repo: Repo):
    repo.git("tag", "base")
    repo.git("config", "diff.renames", "copies")
    repo.git("config", "status.renames", "copies")
    repo.git("mv", "pkg/b.py", "moved.py")
    staged = since(repo, "base")
    repo.commit()
    committed = since(repo, "base")
    assert staged == committed == {"moved.py": "added", "pkg/b.py": "deleted"}


def test_staged_changed_and_untracked_files_are_united(repo: Repo):
    repo.git("tag", "base")
    repo.commit({"committed.py": "1\n", "gone.py": "1\n"})
    repo.write({"staged.py": "1\n", "both.py": "1\n"})
    repo.git("add", "--all")
    repo.write({"both.py": None, "gone.py": None, "untracked.py": "1\n", "a.py": "2\n"})
    repo.git("rm", "--quiet", "--cached", "pkg/b.py")
    repo.write({"new/folder/x.py": "1\n"})
    assert since(repo, "base") == {
        "a.py": "modified",
        "both.py": "deleted",
        "committed.py": "added",
        "gone.py": "deleted",
        "new/folder/x.py": "added",
        "pkg/b.py": "modified",  # no longer tracked, but there
        "staged.py": "added",
        "untracked.py": "added",
    }


def test_a_change_that_the_work_tree_undoes_still_counts(repo: Repo):
    repo.git("tag", "base")
    repo.commit({"a.py": "2\n"})
    repo.write({"a.py": "a\n", "pkg/b.py": "2\n"})
    repo.git("add", "pkg/b.py")
    repo.write({"pkg/b.py": "b\n"})
    assert since(repo, "base") == {"a.py": "modified", "pkg/b.py": "modified"}


def test_a_path_in_conflict_counts(repo: Repo):
    repo.switch("side", "main")
    repo.commit({"a.py": "side\n"})
    repo.switch("main")
    repo.commit({"a.py": "main\n"})
    with pytest.raises(AssertionError):
        repo.git("merge", "--quiet", "side")
    assert since(repo, "HEAD") == {"a.py": "modified"}
    assert WorktreeSnapshot(Git.open(repo.path, repo.env)).read(["a.py"])["a.py"].startswith(b"<<<")


def test_configuration_that_hides_changes_is_overruled(repo: Repo, tmp_path: Path):
    library = Repo.init(tmp_path / "library")
    library.commit({"x": "x"})
    allow = ("-c", "protocol.file.allow=always")
    repo.git(*allow, "submodule", "--quiet", "add", library.url, "sub")
    repo.git("config", "-f", ".gitmodules", "submodule.sub.ignore", "all")
    repo.commit()
    repo.git("tag", "base")
    repo.write({"a.py": "stashed"})
    repo.git("stash", "--quiet")
    for key, value in {
        "core.fsmonitor": "/bin/true",
        "core.quotePath": "true",
        "diff.external": "/bin/true",
        "diff.ignoreSubmodules": "all",
        "diff.noprefix": "true",
        "diff.relative": "true",
        "diff.renames": "true",
        "status.relativePaths": "true",
        "status.showUntrackedFiles": "no",
        "status.branch": "true",
        "status.showStash": "true",
        "submodule.sub.ignore": "all",
    }.items():
        repo.git("config", key, value)
    inner = Repo(repo.path / "sub", repo.env)
    inner.commit({"x": "y"})
    repo.write({"untracked.py": "1\n", "a.py": "2\n"})
    expected = {"a.py": "modified", "sub": "modified", "untracked.py": "added"}
    assert since(repo, "base") == expected
    work = snapshots(repo)[1]
    assert work.submodules == {"sub"}
    assert "sub" not in work.blobs
    repo.git("add", "--all")
    repo.git("-c", "diff.ignoreSubmodules=none", "add", "-f", "sub")
    repo.git("commit", "--quiet", "-m", "x")
    assert since(repo, "base", worktree=False) == expected


def test_variables_that_point_git_elsewhere_are_dropped(repo: Repo, tmp_path: Path):
    other = Repo.init(tmp_path / "other")
    other.commit({"o": "o"})
    repo.git("tag", "base")
    repo.commit({"a.py": "2\n"})
    repo.env |= {
        "GIT_DIR": str(other.path / ".git"),
        "GIT_WORK_TREE": str(other.path),
        "GIT_INDEX_FILE": str(tmp_path / "no-index"),
        "GIT_EXTERNAL_DIFF": "/bin/true",
        "GIT_LITERAL_PATHSPECS": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "status.showUntrackedFiles",
        "GIT_CONFIG_VALUE_0": "no",
    }
    repo.write({"untracked.py": "1\n"})
    assert since(repo, "base") == {"a.py": "modified", "untracked.py": "added"}


def test_names_of_any_bytes_survive(repo: Repo):
    repo.git("tag", "base")
    names = ["späce here.py", "new\nline", 'quo"te', "[x]*?.py", "-dash", "tab\t", ":(top)x"]
    raw = os.fsdecode(b"latin-\xe9.py")
    repo.write(dict.fromkeys([*names, raw], "1"))
    assert since(repo, "base") == dict.fromkeys([*names, raw], "added")
    snapshot = WorktreeSnapshot(Git.open(repo.path, repo.env))
    assert snapshot.read([raw]) == {raw: b"1"}
    repo.commit()
    assert since(repo, "base", worktree=False) == dict.fromkeys([*names, raw], "added")
    committed = CommitSnapshot(Git.open(repo.path, repo.env), repo.head)
    assert committed.read([raw, *names]) == dict.fromkeys([raw, *names], b"1")
    assert committed.blobs == WorktreeSnapshot(Git.open(repo.path, repo.env)).blobs


def test_a_repository_inside_counts_as_a_path(repo: Repo):
    Repo.init(repo.path / "inner").commit({"x": "x"})
    assert since(repo, "HEAD") == {"inner": "added"}
    snapshot = WorktreeSnapshot(Git.open(repo.path, repo.env))
    assert snapshot.submodules == {"inner"}
    assert "inner" not in snapshot.blobs


def test_without_a_base_every_file_counts(repo: Repo):
    git = Git.open(repo.path, repo.env)
    found = changed_paths(git, CommitRange(base=None, head=repo.head, why="", everything=True))
    assert found == (
        ChangedPath("a.py", "added"),
        ChangedPath("pkg/b.py", "added"),
        ChangedPath("pkg/deep/c.py", "added"),
    )


# snapshots


def snapshots(repo: Repo, folder: str = ".") -> tuple[CommitSnapshot, WorktreeSnapshot]:
    git = Git.open(repo.path / folder, repo.env)
    return CommitSnapshot(git, repo.head), WorktreeSnapshot(git)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_work_tree_has_the_ids_that_git_would_give(tmp_path: Path, object_format):
    repo = Repo.init(tmp_path / "repo", object_format=object_format)
    repo.commit({"a.py": "a\n", "gone.py": "g\n", "empty": ""})
    repo.write({"a.py": "changed\n", "gone.py": None, "new.py": "n\n"})
    (repo.path / "link").symlink_to("nowhere")
    work = snapshots(repo)[1]
    ids, contents = all_digests(work, list(work.blobs), None), work.read(work.blobs)
    assert contents == {"a.py": b"changed\n", "empty": b"", "link": b"nowhere", "new.py": b"n\n"}
    committed = CommitSnapshot(Git.open(repo.path, repo.env), repo.commit())
    assert committed.blobs == ids
    assert committed.read(ids) == contents


def test_ignored_files_are_left_out(repo: Repo):
    repo.write({".gitignore": "*.log\n", "x.log": "x"})
    assert "x.log" not in snapshots(repo)[1].blobs


@pytest.mark.parametrize("what", ["index", "objects"])
def test_a_damaged_clone_is_said_to_be_damaged(repo: Repo, what: str):
    if what == "index":
        (repo.path / ".git/index").write_bytes(b"DIRC")
    else:
        shutil.rmtree(repo.path / ".git/objects")
        (repo.path / ".git/objects").mkdir()
    with pytest.raises(GitError, match=r"incomplete or damaged \(.*\); see git fsck") as failure:
        Git.open(repo.path, repo.env).status()
    assert "exit status" not in str(failure.value)


def test_an_unknown_path_or_commit_is_an_error(repo: Repo):
    for snapshot in snapshots(repo):
        with pytest.raises(KeyError):
            snapshot.read(["nowhere"])
    git = Git.open(repo.path, repo.env)
    with pytest.raises(GitError, match=r"^git ls-tree -r -z: exit status 128: fatal: "):
        CommitSnapshot(git, "ab" * 20)
    with pytest.raises(GitError) as caught:
        git.read(["ab" * 20])
    assert str(caught.value) == (
        f"git cat-file: {'ab' * 20}: missing; the clone is incomplete, fetch it again"
    )
    assert git.read([]) == {}


def test_a_file_that_cannot_be_read_is_one_clear_line(repo: Repo):
    loop = repo.path / "pkg"
    snapshot = snapshots(repo)[1]
    (loop / "b.py").unlink()
    (loop / "b.py").symlink_to("b.py")
    with pytest.raises(GitError, match=r"^pkg/b.py: cannot be read: Too many levels"):
        snapshot.read(["pkg/b.py"])


def test_links_have_the_content_of_what_they_lead_to(repo: Repo):
    links = {
        "pkg/link.py": "../a.py",
        "chain.py": "pkg/link.py",
        "folder": "pkg/deep",
        "dangling": "nowhere",
        "circle": "circle",
        "outside": "../../elsewhere",
        "through": "folder/c.py",
    }
    for name, target in links.items():
        (repo.path / name).symlink_to(target)
    uncommitted = snapshots(repo)[1]
    head = repo.commit()
    committed, clean = snapshots(repo)
    for snapshot in (uncommitted, committed, clean):
        contents = snapshot.read([*links, "a.py"])
        assert contents["pkg/link.py"] == contents["chain.py"] == contents["a.py"] == b"a\n"
        assert contents["through"] == b"c\n"
        assert contents["dangling"] == b"nowhere"
        assert contents["circle"] == b"circle"
        assert contents["folder"] == b"pkg/deep"
        assert snapshot.blobs["chain.py"] == snapshot.blobs["a.py"]
        assert snapshot.links["pkg/link.py"] == "a.py"
        assert snapshot.links["outside"] == "../../elsewhere"
        tree, disk = SnapshotTree(snapshot), DiskTree(repo.path)
        for folder in ("pkg", "pkg/deep", "folder"):
            assert tree.files(folder) == disk.files(folder)
            assert tree.folders(folder) == disk.folders(folder)
        assert tree.is_file("folder/c.py")
        assert tree.read("folder/c.py") == b"c\n"
        assert not tree.is_file("dangling")
        assert not tree.is_file("circle")
    assert committed.blobs == uncommitted.blobs == clean.blobs
    assert head


@pytest.mark.parametrize("what", ["blob:none", "tree:0"])
def test_a_partial_clone_is_asked_once_for_all_that_it_lacks(repo: Repo, tmp_path: Path, what: str):
    first = repo.commit({f"m{n}.py": f"x = {n}\n" for n in range(20)})
    repo.commit({f"m{n}.py": f"x = -{n}\n" for n in range(20)})
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = repo.clone(tmp_path / "clone", f"--filter={what}")
    before = (clone.path / ".git/config").read_text()
    git = Git.open(clone.path, {**clone.env, "GIT_TRACE": str(tmp_path / "trace")})
    snapshot = CommitSnapshot(git, first)
    (tmp_path / "trace").unlink(missing_ok=True)
    assert snapshot.read(snapshot.blobs)["m7.py"] == b"x = 7\n"
    assert (tmp_path / "trace").read_text().count("git-upload-pack") == 1
    assert (clone.path / ".git/config").read_text() == before
    clone.git("remote", "remove", "origin")
    assert CommitSnapshot(git, first).read(["m3.py"]) == {"m3.py": b"x = 3\n"}


def test_a_sparse_checkout_has_all_files(repo: Repo):
    repo.git("sparse-checkout", "set", "--no-cone", "/a.py")
    assert not (repo.path / "pkg").exists()
    work = snapshots(repo)[1]
    assert work.read(work.blobs) == {"a.py": b"a\n", "pkg/b.py": b"b\n", "pkg/deep/c.py": b"c\n"}


def test_a_workspace_in_a_subfolder_has_its_own_files_alone(repo: Repo):
    repo.write({"pkg/new.py": "n\n", "outside.py": "o\n", "pkg/b.py": "2\n"})
    committed, work = snapshots(repo, "pkg")
    assert sorted(committed.blobs) == ["b.py", "deep/c.py"]
    assert sorted(work.blobs) == ["b.py", "deep/c.py", "new.py"]
    assert work.read(["b.py", "deep/c.py"]) == {"b.py": b"2\n", "deep/c.py": b"c\n"}
    shutil.rmtree(repo.path / "pkg")
    repo.commit({"pkg": "now a file\n"})
    git = Git(folder=repo.path, top=repo.path, prefix="pkg/", hashed_by="sha1", env=repo.env)
    assert CommitSnapshot(git, repo.head).blobs == {}


def test_a_snapshot_shows_as_the_tree_on_disk(repo: Repo):
    repo.commit({"libs/x/pyproject.toml": "", "libs/y/pyproject.toml": "", "top.toml": ""})
    disk = DiskTree(repo.path)
    for snapshot in snapshots(repo):
        tree = SnapshotTree(snapshot)
        for folder in (".", "libs", "libs/x", "pkg", "nowhere", "a.py"):
            assert tree.files(folder) == disk.files(folder)
            assert set(tree.folders(folder)) == set(disk.folders(folder)) - {".git"}
        assert glob_folders(tree, "libs/*") == ("libs/x", "libs/y")
        assert tree.read("./a.py") == b"a\n"
        assert not tree.is_file("pkg")
        with pytest.raises(FileNotFoundError):
            tree.read("nowhere")


def test_listing_thousands_of_files_starts_no_process_for_each(repo: Repo):
    repo.commit({f"p{n % 50}/m{n}.py": f"x = {n}\n" for n in range(5_000)})
    git = Git.open(repo.path, repo.env)
    start = time.perf_counter()
    committed = CommitSnapshot(git, repo.head)
    work = WorktreeSnapshot(git)
    assert committed.blobs == work.blobs
    assert len(committed.read(committed.blobs)) == 5_003
    # seconds; it takes 0.2, and a process for each file would take 10
    assert time.perf_counter() - start < 5

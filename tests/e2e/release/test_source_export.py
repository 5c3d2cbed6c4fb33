"""The files of a commit in a folder: submodules, Git LFS, links, permissions."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.support.real import git, write
from tradai_tasks.errors import SourceExportError
from tradai_tasks.process import run
from tradai_tasks.release.engine.source_export import EPOCH, SourceExport, export_commit
from tradai_tasks.vcs.git import Git


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = write(tmp_path / "home", {"a/run.sh": "#!/bin/sh\n", ".gitignore": "*.log\nuv.lock\n"})
    (home / "a" / "run.sh").chmod(0o755)
    (home / "a" / "link").symlink_to("run.sh")
    git(home, "init", "-q", "-b", "main")
    commit(home)
    return home


def commit(home: Path) -> str:
    git(home, "add", "-A")
    git(home, "commit", "-qm", "Files", "--allow-empty")
    return git(home, "rev-parse", "HEAD")


def exported(home: Path, into: Path) -> list[str]:
    export_commit(Git.open(home), git(home, "rev-parse", "HEAD"), into)
    return sorted(str(one.relative_to(into)) for one in into.rglob("*") if not one.is_dir())


def test_it_is_the_commit_whatever_the_work_tree_is(home: Path, tmp_path: Path) -> None:
    write(home, {"a/x.log": "ignored", "new": "untracked", "a/run.sh": "changed"})
    out = tmp_path / "out"
    assert exported(home, out) == [".gitignore", "a/link", "a/run.sh"]
    assert (out / "a/run.sh").read_text() == "#!/bin/sh\n"
    assert (out / "a/run.sh").stat().st_mode & 0o777 == 0o755
    assert (out / ".gitignore").stat().st_mode & 0o777 == 0o644
    assert (out / ".gitignore").stat().st_mtime == EPOCH
    assert (out / "a/link").readlink() == Path("run.sh")


def test_a_project_below_the_repositorys_top_is_exported_alone(home: Path, tmp_path: Path) -> None:
    assert exported(home / "a", tmp_path / "out") == ["link", "run.sh"]


def test_what_was_judged_though_git_ignores_it_is_there_too(home: Path, tmp_path: Path) -> None:
    (home / "uv.lock").write_text("changed since")
    made = SourceExport(
        git=Git.open(home), commit=git(home, "rev-parse", "HEAD"), judged={"uv.lock": b"judged"},
        scratch=tmp_path,
    )  # fmt: skip
    folder = made.folder()
    assert (folder / "uv.lock").read_bytes() == b"judged"
    write(home, {"a/x.log": "ignored"})
    assert made.left_out("a") == ["a/x.log"]
    assert made.folder() == folder
    made.close()
    assert not folder.exists()


def made(home: Path, kind: str, content: bytes) -> str:
    """Write an object that git itself would not make; return its id."""
    argv = ["git", "hash-object", "-t", kind, "--literally", "-w", "--stdin"]
    return run(argv, cwd=home, stdin=content).text.strip()


def tree(home: Path, *entries: tuple[str, str, str]) -> str:
    rows = (f"{mode} {name}\0".encode() + bytes.fromhex(there) for mode, name, there in entries)
    return made(home, "tree", b"".join(rows))


def test_no_crafted_commit_writes_outside(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    blob = made(home, "blob", b"evil")
    link = made(home, "blob", str(outside).encode())
    folder = tree(home, ("100644", "file", blob))
    linked = tree(home, ("120000", "file", link))
    crafted = {
        "twice": [("120000", "a", link), ("40000", "a", folder)],
        "a link in a link": [("120000", "a", link), ("120000", "a", link)],
        "up": [("40000", "..", folder)],
        "a link up": [("40000", "..", linked)],
        "git": [("40000", ".GIT", folder)],
    }
    for name, entries in crafted.items():
        commit = git(home, "commit-tree", tree(home, *entries), "-m", name)
        into = tmp_path / name / "tree"
        with pytest.raises(SourceExportError, match=r"leads elsewhere|something else of"):
            export_commit(Git.open(home), commit, into)
        assert list(outside.iterdir()) == [], name
        assert not (tmp_path / name / "file").exists(), name
        assert not (into / ".GIT").exists(), name


def test_what_stands_in_for_a_commit_is_not_exported(home: Path, tmp_path: Path) -> None:
    honest = git(home, "rev-parse", "HEAD")
    write(home, {"a/run.sh": "evil"})
    evil = commit(home)
    git(home, "reset", "-q", "--hard", honest)
    git(home, "replace", honest, evil)
    exported(home, tmp_path / "out")
    assert (tmp_path / "out/a/run.sh").read_text() == "#!/bin/sh\n"


def test_a_submodule_is_exported_or_named(home: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"inside": "1"})
    git(other, "init", "-q", "-b", "main")
    first = commit(other)
    allow = ("-c", "protocol.file.allow=always")
    git(home, *allow, "submodule", "add", "-q", str(other), "sub")
    commit(home)
    write(home, {"sub/left": "untracked"})
    assert "sub/inside" in exported(home, tmp_path / "out")
    assert not (tmp_path / "out/sub/left").exists()
    write(other, {"inside": "2"})
    second = commit(other)
    # the commit names one that this clone has not
    git(home, "update-index", "--cacheinfo", f"160000,{second},sub")
    git(home, "commit", "-qm", "Newer")
    with pytest.raises(SourceExportError, match=f"submodule's commit {second[:12]} is not"):
        exported(home, tmp_path / "two")
    git(home, "update-index", "--cacheinfo", f"160000,{first},sub")
    shutil.rmtree(home / "sub")
    git(home, "commit", "-qm", "Older")
    with pytest.raises(SourceExportError, match=r"^sub: a submodule that is not checked out"):
        exported(home, tmp_path / "three")


def test_a_file_of_git_lfs_comes_from_its_store_or_is_named(home: Path, tmp_path: Path) -> None:
    content = b"a large file"
    digest = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 12\n"
    write(home, {"model.bin": pointer})
    commit(home)
    with pytest.raises(SourceExportError, match=r"^model.bin: is kept by Git LFS and not in this"):
        exported(home, tmp_path / "one")
    store = home / ".git/lfs/objects" / digest[:2] / digest[2:4] / digest
    store.parent.mkdir(parents=True)
    store.write_bytes(b"damaged")
    with pytest.raises(SourceExportError, match="git lfs pull"):
        exported(home, tmp_path / "two")
    store.write_bytes(content)
    exported(home, tmp_path / "three")
    assert (tmp_path / "three/model.bin").read_bytes() == content

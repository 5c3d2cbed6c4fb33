"""Build wheels and source distributions reproducibly.

Files that git does not ignore are copied to a scratch folder and built there: no ignored file gets
into a wheel, no backend leaves files in the work tree, and a test release can have its own version.
Times and permissions are settled, so an unchanged library has the same bytes at every later commit.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import re
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tradai_tasks.background import side_by_side
from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.errors import BrokenTomlError, BuildFailedError, DirtyTreeError
from tradai_tasks.files.archives import ArchiveError, tar_member
from tradai_tasks.files.file_tree import join
from tradai_tasks.process import run, usable_cores
from tradai_tasks.release.engine.source_export import EPOCH, export_commit, settle
from tradai_tasks.release.libraries.distributions import Distribution, distributions_in, name_of
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.text import listed
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.version_bump import with_version

_SECONDS = 1800.0  # seconds for one build
_SUBMODULE = "160000"  # mode of a submodule in the index


def build_argv(package: Package, out: Path, *, uv: str = "uv", sdist: bool = False) -> list[str]:
    """Return the command that builds a package."""
    argv = [uv, "build", "--no-progress", "--out-dir", str(out)]
    # for a member, uv would write to the root's dist/
    argv += ["--package", package.name] if package.project == "." else []
    return argv if sdist else [*argv, "--wheel"]


def build_env(env: Mapping[str, str], allowance: Allowance) -> dict[str, str]:
    """Return the environment of a build: the allowed variables, and a fixed time.

    A SOURCE_DATE_EPOCH of `env` is kept as that time.
    """
    kept = allowance.given(env)
    # backends that read the version from git must not write to the repository
    return {"SOURCE_DATE_EPOCH": str(EPOCH), **kept, "GIT_OPTIONAL_LOCKS": "0"}


def version_of_test(time: int) -> str:
    """Return the version of all libraries in a test release, from the commit's time."""
    return f"0.0.0.dev{time}"


def refuse_dirty(git: Git) -> None:
    """Raise DirtyTreeError if the work tree has uncommitted changes."""
    dirty = [entry.path for entry in git.status()]
    if dirty:
        raise DirtyTreeError(
            f"{listed(dirty, 1)}: not committed; what is published must be a commit's: commit it, "
            f"put it aside, or have git ignore it"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """One run of the build command."""

    package: Package
    argv: tuple[str, ...]
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFolder:
    """Where something is built: a folder that gates which run meanwhile do not see."""

    folder: Path
    seen: Path  # where the build sees it
    sandbox: Sandbox | None

    def entered(self, name: str) -> Path:
        """Return a folder of it for the build to run in."""
        place = self.seen / name
        place.mkdir(parents=True, exist_ok=True)  # the sandbox goes there by its name
        return place


@contextmanager
def open_build_folder(sandbox: Sandbox | None, hidden: Path | None) -> Iterator[BuildFolder]:
    """Yield a folder to build in."""
    with ExitStack() as stack:
        made = functools.partial(tempfile.TemporaryDirectory, prefix="tradai-build-")
        seen = folder = Path(stack.enter_context(made())).resolve()
        if sandbox is not None and hidden is not None:
            folder = Path(stack.enter_context(made(dir=hidden))).resolve()
            sandbox = replace(sandbox, show=((folder, seen),))
        yield BuildFolder(folder=folder, seen=seen, sandbox=sandbox)


def build(  # noqa: PLR0913 - what a build depends on
    git: Git,
    packages: Sequence[Package],
    out: Path,
    *,
    env: Mapping[str, str],
    uv: str = "uv",
    sdist: bool = False,
    version: str | None = None,
    commit: str | None = None,
    sandbox: Sandbox | None = None,
    hidden: Path | None = None,
    stop: threading.Event | None = None,
) -> Mapping[str, tuple[Distribution, ...]]:
    """Build packages into a folder, replacing their earlier files there.

    Args:
        git: The repository; its folder is the workspace root.
        env: Environment of the builds, from `build_env`.
        sdist: Whether to build source distributions too.
        version: Version for every package; if None, each keeps its own.
        commit: Commit to build from; if None, the work tree's files that git does not ignore.
        hidden: Folder for sources and wheels that gates running meanwhile do not see.

    Raises:
        SourceExportError: The commit has a file that is missing from this clone.
        BuildFailedError: A build failed, or did not produce the expected files.
        BumpError: A package states no version that could be replaced.
    """
    with open_build_folder(sandbox, hidden) as place:
        _put_sources(git, place, packages, commit=commit, version=version)
        jobs = []
        for package in packages:
            folder = place.folder / "out" / package.name
            argv = build_argv(package, place.seen / "out" / package.name, uv=uv, sdist=sdist)
            jobs.append(_Job(package=package, argv=tuple(argv), folder=folder))
        builds = [functools.partial(_built, place, git.prefix, env, job, stop) for job in jobs]
        side_by_side(builds, min(4, usable_cores()))
        made = [path for job in jobs for path in sorted(job.folder.iterdir())]
        _deliver(made, out, {package.name for package in packages})
    names = [package.name for package in packages]
    return distributions_in(out, names, sdist=sdist, others=None)


def _put_sources(
    git: Git,
    place: BuildFolder,
    packages: Sequence[Package],
    *,
    commit: str | None,
    version: str | None,
) -> None:
    """Put the files to build from into the build folder, with another version if one is given."""
    tree = place.folder / "tree"
    root = tree / git.prefix
    if commit is None:
        copy_tree(git, root)
    else:
        export_commit(git, commit, root)
    (tree / ".git").write_text(f"gitdir: {_git_folder(git)}\n", encoding="utf-8")
    for package in packages if version else ():
        _set_version(root, join(package.path, "pyproject.toml"), str(version))


def run_build(  # noqa: PLR0913 - what a build depends on
    argv: Sequence[str],
    place: BuildFolder,
    name: str,
    *,
    env: Mapping[str, str],
    shown: str,
    stop: threading.Event | None = None,
) -> None:
    """Run a build in a folder of the build folder; raise BuildFailedError, on `shown`, if it fails.

    Permissions of files get into a wheel; with setuptools they depend on the umask.
    """
    done = run(
        argv,
        cwd=place.entered(name),
        env=env,
        check=False,
        timeout=_SECONDS,
        umask=0o022,
        sandbox=place.sandbox,
        stop=stop,
    )
    if done.returncode != 0:
        said = (done.error_text or done.text).splitlines()[-30:]
        raise BuildFailedError(
            f"{shown}: uv build failed with status {done.returncode}; fix what it says:", *said
        )


def _built(
    place: BuildFolder, prefix: str, env: Mapping[str, str], job: _Job, stop: threading.Event | None
) -> None:
    """Build one package, and check and settle its distributions."""
    job.folder.mkdir(parents=True)
    shown = join(job.package.path, "pyproject.toml")
    inner = f"tree/{prefix}{job.package.project}"
    run_build(job.argv, place, inner, env=env, shown=shown, stop=stop)
    for path in job.folder.iterdir():
        if name_of(path.name) is None:  # the .gitignore that uv adds
            path.unlink()
        elif path.name.endswith(".tar.gz"):
            content = path.read_bytes()
            try:
                tar_member(content, lambda _: False, 0)  # checked: all of it is within the limits
            except ArchiveError as error:
                raise BuildFailedError(
                    f"{path.name}: the build backend has made an archive that is refused: {error}"
                ) from None
            path.write_bytes(_settled(content, int(env["SOURCE_DATE_EPOCH"])))


def _git_folder(git: Git) -> str:
    done = run_git(git.folder, "rev-parse", "--absolute-git-dir", env=git.env)
    return done.text.removesuffix("\n")


def copy_tree(git: Git, into: Path) -> None:
    """Copy the files below git's folder that are tracked, changed or untracked, but not ignored.

    In a clean work tree these are the files of the commit. Times and permissions are normalised.
    """
    modes = {entry.path: entry.mode for entry in git.index()}
    for entry in git.status():
        if not entry.path.startswith("../"):
            modes.setdefault(entry.path, entry.worktree_mode)
    into.mkdir(parents=True, exist_ok=True)
    for path, mode in modes.items():
        source, copy = git.folder / path, into / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if mode == _SUBMODULE:
            if (source / ".git").exists():  # it is a single entry in the repository's index
                copy_tree(Git.open(source), copy)
        elif source.is_symlink():
            copy.symlink_to(source.readlink())
        elif source.is_file():  # else it was deleted without a commit
            shutil.copyfile(source, copy)
            settle(copy, is_program=bool(source.stat().st_mode & 0o100))


def _set_version(root: Path, name: str, version: str) -> None:
    """Replace the version of a package in the scratch folder."""
    file = root / name
    content = file.read_bytes()
    project = parse_toml(content, name)["project"]
    if "version" in project.get("dynamic", ()):
        file.write_bytes(_stated(content, version, name))
    else:
        file.write_bytes(with_version(content, version, name))
    settle(file, is_program=False)


def _stated(content: bytes, version: str, name: str) -> bytes:
    """Return a pyproject.toml with a static version in place of a dynamic one.

    Raises:
        BuildFailedError: The file is written in a form that is not supported here.
    """
    wanted = parse_toml(content, name)
    wanted["project"]["dynamic"] = [one for one in wanted["project"]["dynamic"] if one != "version"]
    wanted["project"]["version"] = version
    listed = ", ".join(f'"{one}"' for one in wanted["project"]["dynamic"])
    text = re.sub(
        r"^dynamic\s*=\s*\[[^\]]*\]",
        f'dynamic = [{listed}]\nversion = "{version}"',
        content.decode("utf-8-sig"),
        count=1,
        flags=re.MULTILINE,
    )
    with contextlib.suppress(BrokenTomlError):
        if parse_toml(text.encode(), name) == wanted:
            return text.encode()
    raise BuildFailedError(
        f"{name}: project.version is dynamic, and a test release cannot replace it there; "
        f'write it as dynamic = ["version"] in the table [project]'
    )


def _settled(content: bytes, epoch: int) -> bytes:
    """Return a source distribution with no times after the epoch and no owners.

    uv_build and hatchling do so themselves; theirs are returned unchanged.
    """
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
        if all(one.mtime <= epoch for one in members):
            return content
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as settled:
            for one in sorted(members, key=lambda member: member.name):
                one.mtime, one.uid, one.gid, one.uname, one.gname = epoch, 0, 0, "", ""
                one.mode = 0o755 if one.isdir() or one.mode & 0o100 else 0o644
                one.pax_headers = {}
                settled.addfile(one, archive.extractfile(one) if one.isreg() else None)
    return gzip.compress(plain.getvalue(), mtime=epoch)


def _deliver(made: Sequence[Path], out: Path, names: Iterable[str]) -> None:
    """Move built files into a folder, replacing files of the same packages."""
    out.mkdir(parents=True, exist_ok=True)
    wanted = {path.name for path in made}
    for path in made:
        arriving = out / f".{path.name}.part"
        shutil.copyfile(path, arriving)
        arriving.replace(out / path.name)
    for path in out.iterdir():
        said = name_of(path.name)
        if said is not None and said[0] in names and path.name not in wanted:
            path.unlink()

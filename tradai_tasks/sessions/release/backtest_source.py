"""What a backtest runs: an export of the commit, and wheels of packages from folders."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import nox

from tradai_tasks.backtest.run import BacktestJob
from tradai_tasks.process import run
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.release.engine.source_export import export_commit
from tradai_tasks.release.libraries.path_sources import (
    build_wheel,
    local_folders,
    path_sources,
    refuse_ignored,
    wheel_of,
)
from tradai_tasks.release.libraries.wheel_build import BuildFolder, build_env, copy_tree
from tradai_tasks.repository import Repository
from tradai_tasks.sessions.core.environments.environment import uv_program
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.locks.lock_file import read_lock

# variables by which `uv sync` leaves out what is installed from the export instead
NO_LOCAL = ("UV_NO_INSTALL_PROJECT", "UV_NO_INSTALL_WORKSPACE", "UV_NO_INSTALL_LOCAL")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedSource:
    """An export and what is installed from it."""

    root: Path  # stands for the workspace root
    site: Path  # folder that Python imports the wheels from
    sources: Mapping[str, str]  # packages of other repositories -> commit

    def of(self, job: BacktestJob, package: Package) -> BacktestJob:
        """Return a backtest of the export."""
        return replace(job, home=self.root / package.path, site=self.site)


@contextmanager
def exported(
    session: nox.Session, repository: Repository, package: Package, reached: frozenset[str]
) -> Iterator[ExportedSource]:
    """Yield an export of the commit, with wheels of what its lock takes from folders.

    With uncommitted changes it is of the work tree's files that git does not ignore; the record
    says so, and a release refuses it.

    Raises:
        UncommittedInputError: Git ignores a file that the strategy may read.
        DirtyTreeError: Another repository that it takes a package from has uncommitted changes.
        BuildFailedError: A wheel could not be built.
    """
    git = Git.open(repository.root)
    refuse_ignored(git, package.path)
    with tempfile.TemporaryDirectory(prefix="tradai-backtest-") as made:
        place = BuildFolder(folder=Path(made).resolve(), seen=Path(made).resolve(), sandbox=None)
        root = place.folder / "tree" / git.prefix
        if git.status():
            copy_tree(git, root)
        else:
            export_commit(git, git.require_commit("HEAD", "make a commit"), root)
        site = place.folder / "site"
        site.mkdir()
        sources = _installed(session, repository, package, place, reached)
        yield ExportedSource(root=root, site=site, sources=sources)


def _installed(
    session: nox.Session,
    repository: Repository,
    package: Package,
    place: BuildFolder,
    reached: frozenset[str],
) -> dict[str, str]:
    """Build and install the packages from folders; return the commits of other repositories."""
    home = repository.root.resolve()
    lock = read_lock(repository.tree, package.project)
    found = local_folders(lock, home / package.project)
    folders = {name: folder for name, folder in found.items() if name in reached}
    wheels: list[Path] = []
    target = place.folder / "wheels"
    target.mkdir()
    allowance = allowance_of(repository.settings)
    env = build_env(os.environ, allowance)
    tree = place.folder / "tree" / Git.open(repository.root).prefix
    for folder in folders.values():
        if folder.is_relative_to(home):
            inside = tree / folder.relative_to(home)
            wheels.append(build_wheel(inside, place, env=env, shown=folder))
    foreign = path_sources(folders, home)
    for source in foreign:
        with wheel_of(source, allowance, None, None) as wheel:
            wheels.append(Path(shutil.copy2(wheel, target)))
    if wheels:
        argv = [uv_program(), "pip", "install", "--quiet", "--no-deps", "--offline", "--no-config"]
        argv += ["--python", str(Path(str(session.env["UV_PROJECT_ENVIRONMENT"]), "bin", "python"))]
        argv += ["--target", str(place.folder / "site"), *map(str, wheels)]
        run(argv, cwd=place.folder, env=env)
    return {source.name: source.commit for source in foreign}

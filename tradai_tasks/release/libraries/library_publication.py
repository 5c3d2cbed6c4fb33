"""Libraries to publish: built meanwhile, or ready in a folder, with the index that takes them."""

from __future__ import annotations

import functools
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from packaging.version import Version

from tradai_tasks.background import started
from tradai_tasks.errors import DistributionError
from tradai_tasks.files.file_tree import join
from tradai_tasks.release.engine.confinement import Confinement, allowance_of
from tradai_tasks.release.engine.step import Stage
from tradai_tasks.release.libraries.distributions import Distribution, distributions_in
from tradai_tasks.release.libraries.publish_step import Publisher, publish_stage
from tradai_tasks.release.libraries.publish_target import PublishTarget, target_of
from tradai_tasks.release.libraries.unpublished_requirements import check_requirements
from tradai_tasks.release.libraries.wheel_build import (
    build,
    build_env,
    refuse_dirty,
    version_of_test,
)
from tradai_tasks.release.libraries.wheel_contents import (
    check_wheel,
    source_of,
    without_build_backend,
)
from tradai_tasks.release.tags.target_environment import Environment
from tradai_tasks.repository import Repository
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.history import commit_time
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.published_libraries import chosen, libraries_of
from tradai_tasks.workspace.tags import ReleaseTag


def libraries_to_publish(repository: Repository, only: Iterable[str]) -> tuple[Package, ...]:
    """Return the published libraries, or those of them with given names.

    Raises:
        SettingsError: There is none to publish.
        BadArgumentsError: No library has a given name.
    """
    settings = repository.settings.publish
    return chosen(libraries_of(repository.workspace, settings, file=repository.settings_file), only)


def index_for(
    repository: Repository, environment: Environment | None, *, stop: threading.Event | None = None
) -> PublishTarget:
    """Return the index of an environment, else the common one; raise SettingsError if not one."""
    settings = repository.settings.publish
    settings = settings if environment is None else environment.published(settings)
    return target_of(settings, os.environ, file=repository.settings_file, stop=stop)


@dataclass(frozen=True, kw_only=True)
class LibraryBuild:
    """How libraries are built."""

    repository: Repository
    tag: ReleaseTag | None  # the release, if it is for one
    uv: Callable[[], str]  # returns the uv to run
    warn: Callable[[str], None]  # called with warnings
    confinement: Confinement  # of the repository's own code, which builds run
    stop: threading.Event = field(default_factory=threading.Event)  # ends builds and requests

    def run(
        self, git: Git, libraries: tuple[Package, ...], out: Path, *, commit: str | None = None
    ) -> Mapping[str, tuple[Distribution, ...]]:
        """Build libraries, of a commit or of the work tree, and check what their wheels hold."""
        settings = self.repository.settings
        version = None
        if self.tag is not None and self.tag.is_test:
            version = version_of_test(commit_time(git, git.require_commit("HEAD", "")))
        made = build(
            git,
            libraries,
            out,
            env=build_env(os.environ, allowance_of(settings)),
            uv=self.uv(),
            sdist=settings.publish.sdist,
            version=version,
            commit=commit,
            sandbox=self.confinement.sandbox,
            hidden=self.confinement.scratch,
            stop=self.stop,
        )
        _check_contents(self.repository, git, libraries, made, self.warn)
        return made

    def begin(
        self, libraries: tuple[Package, ...], scratch: Path
    ) -> dict[str, Callable[[], tuple[Distribution, ...]]]:
        """Build libraries from the commit, in the background; return how to wait for each."""
        git = Git.open(self.repository.root)
        refuse_dirty(git)
        commit = git.require_commit("HEAD", "")
        # while the index is looked up and a token requested; a failure is raised at each wait
        made = started(lambda: self.run(git, libraries, scratch, commit=commit))
        return {one.name: functools.partial(_awaited, made, one.name) for one in libraries}


@contextmanager
def open_publish_stage(
    made_by: LibraryBuild,
    *,
    only: Iterable[str] = (),
    dist: Path | None = None,
    environment: Environment | None = None,
) -> Iterator[Stage]:
    """Yield the stage that publishes the libraries; its connections are open for as long.

    The build begins at once, since a step compares bytes with the index; with `dist`, the folder of
    built files is published instead. All libraries are if `only` is empty, to the common index if
    `environment` is None.

    Raises:
        TasksError: The settings, the work tree or the folder have a fault.
    """
    repository, tag = made_by.repository, made_by.tag
    settings = repository.settings.publish
    libraries = libraries_to_publish(repository, only)
    target = index_for(repository, environment, stop=made_by.stop)
    with ExitStack() as stack:
        if dist is None:
            scratch = tempfile.TemporaryDirectory(
                prefix="tradai-wheels-", dir=made_by.confinement.scratch, ignore_cleanup_errors=True
            )
            files = made_by.begin(libraries, Path(stack.enter_context(scratch)))
        else:
            files = _ready(repository, libraries, dist, tag, made_by.warn)
        publisher = stack.enter_context(
            Publisher(target, timeout=settings.timeout, stop=made_by.stop)
        )
        yield publish_stage(files, publisher, tag=tag, lockstep=settings.lockstep)


def _ready(
    repository: Repository,
    libraries: tuple[Package, ...],
    folder: Path,
    tag: ReleaseTag | None,
    warn: Callable[[str], None],
) -> dict[str, Callable[[], tuple[Distribution, ...]]]:
    """Return the libraries from a folder of built files, which must be those of the checkout."""
    settings = repository.settings.publish
    names = [one.name for one in libraries]
    every = libraries_to_publish(repository, ())
    others = {one.name for one in every}  # with --only, their files may be there
    made = distributions_in(folder, names, sdist=settings.sdist, others=others)
    git = Git.open(repository.root)
    for library in libraries:
        version: str | None = library.document["project"].get("version")  # None if it is dynamic
        said_by, argument = f"{library.path}/pyproject.toml", ""
        if tag is not None and tag.is_test:
            version = version_of_test(commit_time(git, git.require_commit("HEAD", "")))
            said_by, argument = f"{tag} is a test tag", f"{tag} "
        if version is None:
            warn(
                f"{said_by}: the version is dynamic, so the files of {library.name} in {folder} "
                f"were not compared with it"
            )
        for file in made[library.name]:
            if version is not None and file.version != Version(version):
                raise DistributionError(
                    f"{folder}: {file.filename} has version {file.version}, and this checkout has "
                    f"{version} ({said_by}); build it by: nox -s build -- {argument}--out {folder}"
                )
    _check_requirements(repository, made)
    return {name: functools.partial(made.__getitem__, name) for name in made}


def _awaited(
    made: Future[Mapping[str, tuple[Distribution, ...]]], name: str
) -> tuple[Distribution, ...]:
    return made.result()[name]


def _check_requirements(
    repository: Repository, made: Mapping[str, tuple[Distribution, ...]]
) -> None:
    settings = repository.settings.publish
    every = libraries_to_publish(repository, ())
    published = {*(one.name for one in every), *(one.name for one in settings.elsewhere)}
    check_requirements(made, repository.workspace, published)


def _check_contents(
    repository: Repository,
    git: Git,
    libraries: tuple[Package, ...],
    made: Mapping[str, tuple[Distribution, ...]],
    warn: Callable[[str], None],
) -> None:
    """Check that every module is in its wheel, and that what was built can be installed.

    Raises:
        IncompleteWheelError: A wheel does not hold what its package has.
        UnpublishedRequirementError: A library requires what is not published.
    """
    _check_requirements(repository, made)
    known = (*(entry.path for entry in git.index()), *(entry.path for entry in git.status()))
    paths = sorted({path for path in known if repository.tree.is_file(path)})
    for library in libraries:
        source = source_of(paths, library, repository.layout(library), repository.inventory)
        file = join(library.path, "pyproject.toml")
        document = parse_toml(repository.tree.read(file), file)
        source = without_build_backend(source, library, document)
        for wheel in (file for file in made[library.name] if file.kind == "wheel"):
            left_out = repository.settings.publish.left_out
            for line in check_wheel(wheel, library, source, repository.tree.read, left_out):
                warn(line)

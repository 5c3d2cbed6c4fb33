"""Choose the stages of a release by its tag: of a platform or of a strategy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tradai_tasks.errors import BadTagError, ConfigSecretError, LockMissingError
from tradai_tasks.files.file_tree import join
from tradai_tasks.release.clients.image_reference import home_of
from tradai_tasks.release.engine.confinement import Confinement, allowance_of
from tradai_tasks.release.engine.evidence import Store
from tradai_tasks.release.engine.source_export import SourceExport, lock_files
from tradai_tasks.release.engine.step import Release, Stage
from tradai_tasks.release.images.image_specs import image_specs
from tradai_tasks.release.images.image_steps import image_stage
from tradai_tasks.release.images.image_tools import open_image_tools
from tradai_tasks.release.images.platform_images import with_wheels
from tradai_tasks.release.images.strategy_image import StrategyJudge, config_faults
from tradai_tasks.release.libraries.path_sources import (
    local_folders,
    path_sources,
    refuse_ignored,
)
from tradai_tasks.release.models.strategy_stages import (
    BACKTEST,
    BIAS,
    GATES,
    IMAGE,
    MLFLOW,
    StrategyParts,
    strategy_stages,
)
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.replacements import sessions_of
from tradai_tasks.sessions.release.backtest import settings_of
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.lock_file import read_lock
from tradai_tasks.workspace.tags import ReleaseTag

__all__ = ["Needs", "package_of", "projects_of", "source_of_release", "stage_order",
           "stages"]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Inputs that the stages of every kind of release need."""

    release: Release
    store: Store
    active: Collection[str]  # names of the stages that may run; others are only listed
    stop: threading.Event  # once set, running work is ended
    show: Callable[[str], None]  # called with text for the terminal
    confinement: Confinement  # confinement of the repository's own code


def stage_order(tag: ReleaseTag) -> dict[str, bool]:
    """Return the names of a release's stages, in order, and whether each is a gate.

    Raises:
        BadTagError: Releases of this kind are not supported.
    """
    if tag.kind == "strategy":
        return {**dict.fromkeys(GATES, True), IMAGE: False, MLFLOW: False}
    raise BadTagError(f"tag {tag}: is a platform's, and this is of strategies alone")


def package_of(context: Context, tag: ReleaseTag) -> Package | None:
    """Return the package that a tag releases; None for a platform."""
    return next((one for one in context.workspace.strategies if one.slug == tag.slug), None)


def projects_of(context: Context, tag: ReleaseTag) -> tuple[str, ...]:
    """Return the folders whose lock files pin what a tag releases."""
    package = package_of(context, tag)
    return context.workspace.projects if package is None else (package.project,)


@contextmanager
def stages(context: Context, needs: Needs) -> Iterator[tuple[Stage, ...]]:
    """Yield the stages of a release; their tools are open for as long.

    Raises:
        TasksError: The settings have a fault.
    """
    tag = needs.release.tag
    package = package_of(context, tag)
    if package is None:
        stage_order(tag)
        raise AssertionError("a strategy's tag names a strategy that there is")
    _require_inputs(context, needs, package)
    backtest = settings_of(context, package)
    with _image(context, needs, package) as image:
        yield strategy_stages(
            StrategyParts(
                release=needs.release,
                package=package,
                store=needs.store,
                noxfile=context.noxfile,
                sessions={gate: _sessions(context, gate, package) for gate in GATES},
                reports=context.reports("backtest", package.slug, "full"),
                candles=context.root / backtest.data_dir,
                image=image,
                mlflow=context.settings.mlflow,
                stop=needs.stop,
                show=needs.show,
                env=os.environ,
                allowance=allowance_of(context.settings),
                sandbox=needs.confinement.sandbox,
            )
        )


def _require_inputs(context: Context, needs: Needs, package: Package) -> None:
    """Check, before anything runs, that all of a strategy is in commits, and that no secret is.

    A lock that is made anew elsewhere may pin other versions, so the release could not be made
    again.

    Raises:
        LockMissingError: Its lock file is not in the commit.
        ConfigSecretError: A secret is in it, or in a file that a configuration of it adds.
        BacktestError: freqtrade could not read a file that a configuration adds.
        UncommittedInputError: Git ignores a file that it may read, here or in a repository that it
            takes a package from.
        DirtyTreeError: Such a repository has uncommitted changes.
    """
    git, commit = Git.open(context.root), needs.release.commit
    lock = join(package.project, "uv.lock")
    entries = {entry.path: entry.blob for entry in git.tree(commit)}
    if lock not in entries:
        raise LockMissingError(
            f"{lock}: is not in commit {commit[:12]}, so no other clone can make this release "
            f"again; take uv.lock out of .gitignore, commit the file, and tag that"
        )
    home = "" if package.path == "." else f"{package.path}/"
    wanted = {
        path: blob
        for path, blob in entries.items()
        if path.startswith(home) and _may_configure(path.rpartition("/")[2])
    }
    texts = git.read(wanted.values())
    files = {path: texts[blob].decode("utf-8", "replace") for path, blob in wanted.items()}

    def read(path: str) -> bytes:
        """Return a file of the commit; an empty one for what the live bot brings."""
        blob = entries.get(path)
        return git.read([blob])[blob] if blob else b"{}"

    faults = config_faults(files, {}, read)
    if faults:
        raise ConfigSecretError(*faults)
    if not {BACKTEST, IMAGE}.isdisjoint(needs.active):
        refuse_ignored(git, package.path)
        parsed = read_lock(context.tree, package.project)
        folders = local_folders(parsed, context.root / package.project)
        for source in path_sources(folders, context.root):
            source.check()


def _may_configure(name: str) -> bool:
    """Return whether a file of this name may configure freqtrade."""
    return name.endswith((".json", ".env")) or name.startswith((".env", "Dockerfile"))


@contextmanager
def _image(context: Context, needs: Needs, package: Package) -> Iterator[Stage]:
    if IMAGE not in needs.active:  # a job that runs only gates needs no registry
        yield Stage(name=IMAGE, steps=())
        return
    settings = context.settings.images
    home = home_of(settings, os.environ)
    specs = image_specs(context.workspace, settings, home, context.tree, kinds=["strategy"])
    every = with_wheels(specs, context.workspace, context.tree)
    own = [spec for spec in every if spec.name == package.slug]
    with open_image_tools(
        settings,
        home,
        root=context.root,
        env=os.environ,
        stop=needs.stop,
        source=source_of_release(context, needs),
        allowance=allowance_of(context.settings),
        sandbox=needs.confinement.sandbox,
    ) as tools:
        judge = StrategyJudge(slug=package.slug, stage=BACKTEST)
        yield image_stage(needs.release, images=own, tools=tools, name=IMAGE, judge=judge)


def source_of_release(context: Context, needs: Needs) -> SourceExport:
    """Return the source of images: the released commit, with the lock files that evidence names."""
    return SourceExport(
        git=Git.open(context.root),
        commit=needs.release.commit,
        judged=lock_files(context.root, projects_of(context, needs.release.tag)),
        scratch=needs.confinement.scratch,
    )


def _sessions(context: Context, gate: str, package: Package) -> tuple[str, ...]:
    """Return the sessions of a gate, the noxfile's own where it replaces the library's."""
    if gate in BIAS and gate not in settings_of(context, package).bias_gates:
        return ()
    one = context.workspace.session_id(package)
    if names := sessions_of(context, gate, one):
        return names
    if gate == "test" and not package.settings.test:
        return ()
    # left out, with nothing in its place: a session that is not found fails the gate
    return (f"{gate}({one})",)

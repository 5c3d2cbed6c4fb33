"""Choose the stages of a release by its tag: of a platform or of a strategy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tradai_tasks.errors import BadTagError
from tradai_tasks.release.clients.image_reference import home_of
from tradai_tasks.release.engine.confinement import Confinement, allowance_of
from tradai_tasks.release.engine.evidence import Store
from tradai_tasks.release.engine.source_export import SourceExport, lock_files
from tradai_tasks.release.engine.step import Release, Stage
from tradai_tasks.release.images.image_specs import image_specs
from tradai_tasks.release.images.image_steps import image_stage
from tradai_tasks.release.images.image_tools import open_image_tools
from tradai_tasks.release.images.platform_images import with_wheels
from tradai_tasks.release.models.strategy_stages import (
    GATES,
    IMAGE,
    MLFLOW,
    StrategyParts,
    strategy_stages,
)
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.core.replacements import sessions_of
from tradai_tasks.settings.backtest import for_strategy
from tradai_tasks.vcs.git import Git
from tradai_tasks.workspace.discovery import Package
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
    backtest = for_strategy(context.settings.backtest, package.settings.backtest)
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
        yield image_stage(needs.release, images=own, tools=tools, name=IMAGE)


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
    one = context.workspace.session_id(package)
    if names := sessions_of(context, gate, one):
        return names
    if gate == "test" and not package.settings.test:
        return ()
    # left out, with nothing in its place: a session that is not found fails the gate
    return (f"{gate}({one})",)

"""Create the release stages that deploy to ECS and Lambda, or move the tag `latest`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tradai_tasks.errors import RegistryError, ReleaseImageMissingError
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.registry import Registry
from tradai_tasks.release.deploy.ecs_decisions import shown_digest
from tradai_tasks.release.deploy.ecs_step import ServiceStep
from tradai_tasks.release.deploy.lambda_step import FunctionStep
from tradai_tasks.release.engine.step import Known, Look, Release, Stage
from tradai_tasks.release.images.image_decisions import LATEST
from tradai_tasks.release.images.image_specs import ImageSpec
from tradai_tasks.release.images.released_image import ReleaseImage
from tradai_tasks.release.tags.target_environment import Environment
from tradai_tasks.settings.deploy import DeploySettings

DEPLOY, FUNCTIONS, LATEST_STAGE = "deploy", "functions", "latest"  # names of the stages


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployTarget:
    """The environment that a release is deployed to, with its clients and settings."""

    environment: Environment
    aws: Aws
    registry: Registry
    settings: DeploySettings
    stop: threading.Event | None = None  # ends waits


def service_stage(  # noqa: PLR0913 - what a stage depends on, by keyword
    release: Release,
    services: Sequence[ImageSpec],
    target: DeployTarget,
    *,
    after_images: bool = False,
    leaves_latest: bool = False,
    rollback: bool = False,
) -> Stage:
    """Return the stage that makes each service's tasks run the image of a tag.

    The record of a step: `cluster`, `service`, `environment`, `digests` (those that count as the
    release's); as the run that deployed found it, `rollback_from` (the newer version that it took
    the service back from, or nothing) and `unknown_replaced` (digests of other images that ran
    there, of no known release).

    `after_images` is whether an earlier stage of the same run pushes the images, `leaves_latest`
    whether that stage does not move `latest`, and `rollback` whether services that run a newer
    release are taken back.

    Raises:
        SettingsError: The environment has no cluster.
    """
    environment, settings = target.environment, target.settings
    cluster = environment.cluster
    steps = tuple(
        ServiceStep(
            name=spec.name,
            aws=target.aws,
            cluster=cluster,
            service=environment.service(spec.name),
            environment=environment.name,
            image=_image(release, spec, target.registry),
            missing=environment.missing("service"),
            timeout=settings.timeout,
            interval=settings.interval,
            after_images=after_images,
            leaves_latest=leaves_latest,
            any_order=rollback or release.tag.is_test,
            stop=target.stop,
        )
        for spec in services
    )
    return Stage(name=DEPLOY, steps=steps, parallel=settings.parallel)


def function_stage(
    release: Release, lambdas: Sequence[ImageSpec], target: DeployTarget, *, rollback: bool = False
) -> Stage:
    """Return the stage that updates each lambda's function to the image of a release.

    The record of a step: `function`, `environment`, `digest`, `version` (that was published),
    `rollback_from` (the version that a roll-back took it back from, empty for any other update),
    and `unknown_replaced` (digest of the image of no known release that this run replaced).

    `lambdas` are without their base; `rollback` is whether functions that run a newer release are
    taken back.
    """
    environment, settings = target.environment, target.settings
    steps = tuple(
        FunctionStep(
            name=spec.name,
            aws=target.aws,
            function=environment.function(spec.name),
            environment=environment.name,
            image=_image(release, spec, target.registry),
            commit=release.commit,
            missing=environment.missing("function"),
            timeout=settings.function_timeout,
            interval=settings.interval,
            any_order=rollback or release.tag.is_test,
            stop=target.stop,
        )
        for spec in lambdas
    )
    return Stage(name=FUNCTIONS, steps=steps, parallel=settings.parallel)


def latest_stage(release: Release, images: Sequence[ImageSpec], registry: Registry) -> Stage:
    """Return the stage of a roll-back that points `latest` of each image at a release."""
    steps = tuple(
        LatestStep(name=spec.name, registry=registry, image=_image(release, spec, registry))
        for spec in images
    )
    return Stage(name=LATEST_STAGE, steps=steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class LatestStep:
    """Release step that points `latest` of one image at the release's image."""

    name: str
    registry: Registry
    image: ReleaseImage

    def look(self, known: Known) -> Look:
        """Ask the registry what the tag and `latest` point to."""
        del known
        wanted = self._digest()
        latest = self.registry.digest(self.image.path, LATEST)
        there = f"{self.image.repository}:{LATEST}"
        if latest == wanted:
            return self._is(wanted)
        now = shown_digest(latest) if latest else "nothing"
        note = f"{there}: {now} -> {self.image.tag} ({shown_digest(wanted)})"
        return Look(state="todo", note=note)

    def act(self, known: Known) -> Look:
        """Point `latest` at what the tag points to, with the registry's API; nothing is rebuilt."""
        del known
        wanted = self._digest()
        found = self.registry.image(self.image.path, wanted)
        if found is None:
            raise ReleaseImageMissingError(self._missing())
        self.registry.put(self.image.path, LATEST, found)
        latest = self.registry.digest(self.image.path, LATEST)
        if latest != wanted:
            raise RegistryError(
                f"{self.image.repository}:{LATEST}: is {latest} after it was pointed at {wanted}; "
                f"another run moves it at the same time: run it again when that is done"
            )
        return self._is(wanted)

    def _digest(self) -> str:
        if self.image.commit is not None:
            self.image.found()  # raises if it was built from another commit
        found = self.registry.digest(self.image.path, self.image.tag)
        if found is None:
            raise ReleaseImageMissingError(self._missing())
        return found

    def _missing(self) -> str:
        return (
            f"{self.image.repository}:{self.image.tag} is not in the registry, so latest cannot be "
            f"moved to it; choose a tag that was released"
        )

    def _is(self, digest: str) -> Look:
        there = f"{self.image.repository}:{LATEST}"
        return Look(
            state="done",
            note=f"{there} is {self.image.tag} ({shown_digest(digest)})",
            record={"repository": self.image.repository, "digest": digest},
        )


def _image(release: Release, spec: ImageSpec, registry: Registry) -> ReleaseImage:
    return ReleaseImage(
        images=registry,
        path=spec.path,
        repository=spec.repository,
        tag=release.tag.text,
        commit=release.commit if release.has_tag else None,
        source=release.source,
    )

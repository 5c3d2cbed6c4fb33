"""Create the stages of a platform's release: gates, wheels, images, lambdas, services."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import nox

from tradai_tasks.environment_allowance import secrets_of
from tradai_tasks.errors import BadTagError
from tradai_tasks.release.deploy.deploy_stages import (
    DEPLOY,
    FUNCTIONS,
    function_stage,
    service_stage,
)
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.release.engine.gates import SessionGate, gate_environment
from tradai_tasks.release.engine.step import Stage
from tradai_tasks.release.images.image_specs import ImageKind
from tradai_tasks.release.images.image_steps import image_stage
from tradai_tasks.release.images.platform_images import (
    BASE_STAGE,
    LAMBDA_STAGE,
    lambda_image_stages,
    latest_rule,
)
from tradai_tasks.release.models.strategy_stages import IMAGE
from tradai_tasks.release.tags.target_environment import Environment
from tradai_tasks.sessions.core.command_line import base_of
from tradai_tasks.sessions.core.context import Context
from tradai_tasks.sessions.release.deploy import environment_for, target_at
from tradai_tasks.sessions.release.images import opened_images
from tradai_tasks.sessions.release.publish import opened_stage
from tradai_tasks.sessions.release.stages import Needs
from tradai_tasks.workspace.published_libraries import DEFAULT_LIBRARY
from tradai_tasks.workspace.tags import ReleaseTag

__all__ = ["Platform"]

_PUBLISH = "publish"
_EVERYTHING = Namespace(only=[], move_latest=False, keep_latest=False)


@dataclass(kw_only=True)
class Platform:
    """A platform's release: its stages, and what they are made from."""

    session: nox.Session
    context: Context
    override: str | None = None  # environment from the command line
    _environment: Environment | None = None

    def where(self) -> str | None:
        """Return the environment's name; None before `order` is called, or if there is none."""
        return None if self._environment is None else self._environment.name

    def order(self, tag: ReleaseTag) -> dict[str, bool]:
        """Return the names of the stages, in order, and whether each is a gate.

        There is no stage for what the repository does not have: libraries to publish, services,
        lambdas, settings of deployments.

        Raises:
            BadTagError: The repository is not a platform.
            UnmappedTagError: No rule of the settings maps the tag to an environment.
        """
        if self.context.workspace.kind != "platform":
            raise BadTagError(
                f"tag {tag}: is a platform's, and this is a repository of strategies; release one "
                f"by <strategy>-{tag}"
            )
        workspace, settings = self.context.workspace, self.context.settings
        # a requested environment is never skipped, even without settings for it
        if settings.deploy.environments or settings.deploy.tags or self.override is not None:
            override = Namespace(environment=self.override)
            self._environment = environment_for(self.session, self.context, tag, override)
        elif workspace.services or workspace.lambdas:
            self.session.log("nothing is deployed: the settings have no deploy.environments")
        images = [IMAGE] if workspace.services else []
        if workspace.lambdas:
            has_base = self.context.tree.is_file("lambdas/base/Dockerfile")
            images += [BASE_STAGE, LAMBDA_STAGE] if has_base else [LAMBDA_STAGE]
        acting = [*([self._publish_stage] if self._publishes() else []), *images]
        if self._environment is not None:
            acting += [self._named(FUNCTIONS)] if workspace.lambdas else []
            acting += [self._named(DEPLOY)] if workspace.services else []
        return {**dict.fromkeys(self._gates, True), **dict.fromkeys(acting, False)}

    @contextmanager
    def opened(self, context: Context, needs: Needs) -> Iterator[tuple[Stage, ...]]:
        """Yield the stages that may run; their tools are open for as long."""
        with ExitStack() as stack:
            found = [_gate(context, needs, name) for name in self._gates]
            if self._publish_stage in needs.active:
                found.append(stack.enter_context(self._publish(needs)))
            if {IMAGE, BASE_STAGE, LAMBDA_STAGE, *self._deployed()} & set(needs.active):
                found += stack.enter_context(self._images(needs))
            yield tuple(found)

    @property
    def _gates(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.context.settings.release.gates))

    def _deployed(self) -> set[str]:
        return {self._named(FUNCTIONS), self._named(DEPLOY)} if self._environment else set()

    def _named(self, stage: str) -> str:
        # evidence for one environment does not count for another
        return f"{stage}-{self._environment.name}" if self._environment else stage

    @property
    def _publish_stage(self) -> str:
        own = self._environment is not None and self._environment.settings.codeartifact
        return self._named(_PUBLISH) if own else _PUBLISH

    def _publishes(self) -> bool:
        names = self.context.settings.publish.libraries
        if names is None:
            return any(one.name == DEFAULT_LIBRARY for one in self.context.workspace.packages)
        return bool(names)

    @contextmanager
    def _publish(self, needs: Needs) -> Iterator[Stage]:
        with opened_stage(
            self.context,
            needs.release.tag,
            confinement=needs.confinement,
            warn=self.session.warn,
            environment=self._environment,
        ) as stage:
            yield replace(stage, name=self._publish_stage)

    @contextmanager
    def _images(self, needs: Needs) -> Iterator[list[Stage]]:
        context, made = self.context, needs.release
        kinds: tuple[ImageKind, ...] = ("service", "base", "lambda")
        with opened_images(context, _EVERYTHING, kinds, needs) as (specs, tools):
            rule = latest_rule(made.tag)
            services = [spec for spec in specs if spec.kind == "service"]
            functions = [spec for spec in specs if spec.kind == "lambda"]
            found = [image_stage(made, images=services, tools=tools, latest=rule, name=IMAGE)]
            found += lambda_image_stages(made, images=specs, tools=tools, latest=rule)
            if self._environment is not None:
                target = target_at(context, self._environment, tools)
                text, commit = made.tag.text, made.commit
                stage = function_stage(text, commit, functions, target)
                found.append(replace(stage, name=self._named(FUNCTIONS)))
                leaves = rule == "forward" and made.tag.is_prerelease
                stage = service_stage(
                    text,
                    services,
                    target,
                    commit=commit,
                    after_images=True,
                    leaves_latest=leaves,
                )
                found.append(replace(stage, name=self._named(DEPLOY)))
            yield found


def _gate(context: Context, needs: Needs, stage: str) -> Stage:
    """Return a gate; a session of the noxfile that replaces the library's keeps its name."""
    names = tuple(name for name in context.names if base_of(name) == stage)
    allowance = allowance_of(context.settings)
    gate = SessionGate(
        name="platform",
        stage=stage,
        sessions=names or (stage,),
        noxfile=context.noxfile,
        store=needs.store,
        stop=needs.stop,
        show=needs.show,
        env=gate_environment(os.environ, allowance),
        withheld=allowance.withheld(os.environ),
        secrets=secrets_of(os.environ, allowance),
        sandbox=needs.confinement.sandbox,
    )
    return Stage(name=stage, steps=(gate,), is_gate=True)

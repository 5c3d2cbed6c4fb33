"""Stages for a platform's images: services, and lambdas with their base image."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from tradai_tasks.errors import CheckFailedError
from tradai_tasks.files.file_tree import Tree
from tradai_tasks.matrix import MOST_JOBS
from tradai_tasks.release.engine.step import Release, Stage
from tradai_tasks.release.images.image_decisions import LatestRule
from tradai_tasks.release.images.image_specs import ImageSpec
from tradai_tasks.release.images.image_steps import image_stage
from tradai_tasks.release.images.image_tools import ImageTools
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.tags import ReleaseTag

__all__ = [
    "BASE_STAGE",
    "LAMBDA_STAGE",
    "image_matrix",
    "lambda_image_stages",
    "latest_rule",
    "with_wheels",
]

BASE_STAGE, LAMBDA_STAGE = "lambda-base", "lambda-image"

# a wheel that a Dockerfile copies from dist/, by the name of its distribution
_FOREIGN = re.compile(r"(?<![\w.-])wheels(?![\w.-])", re.ASCII)
_WHEEL = re.compile(r"\bdist/([A-Za-z0-9_.]+?)-[^\s\"',\]]*\.whl", re.ASCII)


def latest_rule(tag: ReleaseTag) -> LatestRule:
    """Return how `latest` moves for a tag, unless an option says otherwise.

    Test tags of a platform go to `dev`, which runs `latest`; those of a strategy are not deployed.
    """
    return "always" if tag.is_test and tag.kind == "platform" else "forward"


def with_wheels(specs: Iterable[ImageSpec], workspace: Workspace, tree: Tree) -> list[ImageSpec]:
    """Add to each image the workspace packages whose wheels its Dockerfile copies from dist/.

    For other wheels, in wheels/, only whether it copies any is noted.

    They are built just before the image, so that it gets the release's and no older ones.
    """
    known = {package.name: package for package in workspace.packages}
    found = []
    for spec in specs:
        text = ""
        if tree.is_file(spec.dockerfile):
            text = tree.read(spec.dockerfile).decode("utf-8", "replace")
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        names = dict.fromkeys(canonicalize_name(name) for name in _WHEEL.findall(code))
        wheels = tuple(known[name] for name in names if name in known)
        takes = _FOREIGN.search(code) is not None
        found.append(replace(spec, wheels=wheels, takes_wheels=takes))
    return found


def lambda_image_stages(
    release: Release, *, images: Sequence[ImageSpec], tools: ImageTools, latest: LatestRule
) -> tuple[Stage, Stage]:
    """Return the stages of the lambdas' images: their base, if there is one, then all others.

    The others get the base by digest, as the build argument BASE_IMAGE, if their Dockerfile has it.

    Args:
        release: What is released.
        images: Images of the kinds `base` and `lambda`.
        tools: The tools to build and push with.
        latest: How `latest` moves.
    """
    base = [spec for spec in images if spec.kind == "base"]
    others = [spec for spec in images if spec.kind == "lambda"]
    if base:
        others = [replace(spec, base_from=(BASE_STAGE, base[0].name)) for spec in others]
    return (
        image_stage(release, images=base, tools=tools, latest=latest, name=BASE_STAGE),
        image_stage(release, images=others, tools=tools, latest=latest, name=LAMBDA_STAGE),
    )


def image_matrix(specs: Sequence[ImageSpec]) -> str:
    """Return the CI matrix for images, one job each, as JSON on one line.

    Raises:
        CheckFailedError: There are more than GitHub allows in one matrix.
    """
    if len(specs) > MOST_JOBS:
        raise CheckFailedError(
            f"{len(specs)} images are more than the {MOST_JOBS} jobs that a matrix takes; build "
            f"them in one job, which works on images.parallel of them at once"
        )
    jobs: list[dict[str, Any]] = [
        {"name": spec.name, "image": spec.path, "dockerfile": spec.dockerfile} for spec in specs
    ]
    return json.dumps({"include": jobs}, separators=(",", ":"))

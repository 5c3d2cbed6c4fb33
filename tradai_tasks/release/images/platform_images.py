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
from tradai_tasks.release.clients.image_reference import Home
from tradai_tasks.release.images.image_decisions import LatestRule
from tradai_tasks.release.images.image_specs import ImageKind, ImageSpec, image_specs, select
from tradai_tasks.repository import Repository
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.tags import ReleaseTag

BASE = "base"  # name of the lambdas' base for `--only`
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
    """Add the packages whose wheels a Dockerfile copies from dist/, and whether it takes others."""
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


def chosen_images(
    repository: Repository,
    home: Home,
    kind: ImageKind,
    only: Sequence[str],
    *,
    for_matrix: bool = False,
) -> list[ImageSpec]:
    """Return the images of one kind, with the wheels that they copy; all if `only` is empty.

    Lambdas get their base by digest, as the build argument BASE_IMAGE, if their Dockerfile has it.
    With `for_matrix` they are jobs of a CI matrix: a strategy without a Dockerfile has none, which
    elsewhere its step reports, nor has the base.

    Raises:
        SettingsError: Settings name an unknown image, or give two images one name.
        BadArgumentsError: No image has a given name.
    """
    tree, workspace = repository.tree, repository.workspace
    kinds: tuple[ImageKind, ...] = ("base", "lambda") if kind in {"base", "lambda"} else (kind,)
    found = image_specs(workspace, repository.settings.images, home, tree, kinds=kinds)
    base = [spec for spec in found if spec.kind == "base"]
    own = [spec for spec in found if spec.kind != "base"]
    if for_matrix and kind == "strategy":
        own = [spec for spec in own if tree.is_file(spec.dockerfile)]
    is_base_alone = base and set(only) == {BASE} and not for_matrix
    own = [] if is_base_alone else [*select(own, only)]
    if kind == "base":
        return with_wheels(base, workspace, tree)
    if base:
        own = [replace(spec, base_from=(BASE_STAGE, BASE)) for spec in own]
    return with_wheels(own, workspace, tree)


def image_matrix(specs: Sequence[ImageSpec]) -> str:
    """Return the CI matrix, one job for each image, as JSON on one line.

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

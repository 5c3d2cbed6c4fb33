"""What a Dockerfile builds on, and building on something else."""

from __future__ import annotations

import re

from tradai_tasks.errors import ImageBuildError

__all__ = ["BASE_ARG", "takes_base", "with_base"]

BASE_ARG = "BASE_IMAGE"  # build argument by which a Dockerfile lets its base be chosen

# https://docs.docker.com/reference/dockerfile/#from
_FROM = re.compile(
    r"^(?P<before>[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*)(?P<image>\S+)"
    r"(?P<after>(?:[ \t]+AS[ \t]+(?P<stage>\S+))?[ \t]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ARG = re.compile(rf"^[ \t]*ARG[ \t]+{BASE_ARG}\b", re.IGNORECASE | re.MULTILINE)


def takes_base(text: str) -> bool:
    """Tell whether a Dockerfile lets its base be chosen: `ARG BASE_IMAGE` before its first FROM."""
    first = _FROM.search(text)
    return _ARG.search(text, 0, first.start() if first else len(text)) is not None


def with_base(text: str, base: str, *, file: str) -> str:
    """Return a Dockerfile whose one base image is replaced.

    Raises:
        ImageBuildError: It has none, or several.
    """
    stages: set[str] = set()
    bases: list[str] = []
    for found in _FROM.finditer(text):
        if found["image"].lower() not in stages:
            bases.append(found["image"])
        if found["stage"]:
            stages.add(found["stage"].lower())
    if len(set(bases)) != 1:
        what = f"builds on {', '.join(dict.fromkeys(bases))}" if bases else "has no FROM"
        raise ImageBuildError(
            f"{file}: {what}, so which image to replace by {base} cannot be told; begin it with "
            f"ARG {BASE_ARG} and use that: FROM ${{{BASE_ARG}}}"
        )
    old = bases[0]
    return _FROM.sub(
        lambda found: (
            f"{found['before']}{base}{found['after']}" if found["image"] == old else found[0]
        ),
        text,
    )

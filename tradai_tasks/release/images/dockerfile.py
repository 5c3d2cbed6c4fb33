"""Read what a Dockerfile copies and builds on, and replace its base image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from tradai_tasks.errors import ImageBuildError
from tradai_tasks.files.dockerfile_copies import copied_sources

BASE_ARG = "BASE_IMAGE"  # build argument that chooses the base image

# https://docs.docker.com/reference/dockerfile/#from
_FROM = re.compile(
    r"^(?P<before>[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*)(?P<image>\S+)"
    r"(?P<after>(?:[ \t]+AS[ \t]+(?P<stage>\S+))?[ \t]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ARG = re.compile(rf"^[ \t]*ARG[ \t]+{BASE_ARG}\b", re.IGNORECASE | re.MULTILINE)


def copied_of(text: str, paths: Iterable[str], context: str) -> list[str]:
    """Return which of some paths a Dockerfile's COPY and ADD lines take from its context.

    `paths` are files, and folders with a slash at the end, and `context` the folder that it is
    built from; all from the workspace root.
    """
    normal = (posixpath.normpath(source.strip("/") or ".") for source in copied_sources(text))
    sources = ["" if source == "." else source for source in normal]  # "": the whole context
    words = set(re.split(r"[\s\"',\[\]/=]+", text))
    start = "" if context == "." else f"{context}/"
    found = []
    for path in paths:
        inner = path.removeprefix(start).rstrip("/")
        # what comes along with a whole folder is missed only if something else names it
        if any(_takes(one, inner) for one in sources) or (
            "" in sources and inner.rpartition("/")[2] in words
        ):
            found.append(path)
    return found


def _takes(source: str, path: str) -> bool:
    return bool(source) and (
        fnmatchcase(path, source)
        or path.startswith(f"{source}/")  # a folder that is copied
        or source.startswith(f"{path}/")  # below a folder that is left out
    )


def takes_base(text: str) -> bool:
    """Return whether a Dockerfile has `ARG BASE_IMAGE` before its first FROM."""
    first = _FROM.search(text)
    return _ARG.search(text, 0, first.start() if first else len(text)) is not None


def with_base(text: str, base: str, *, file: str) -> str:
    """Return a Dockerfile whose one base image is replaced; raise ImageBuildError if not one."""
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
            f"{file}: {what}, so it is unclear which image {base} replaces; begin it with "
            f"ARG {BASE_ARG} and use that: FROM ${{{BASE_ARG}}}"
        )
    old = bases[0]
    return _FROM.sub(
        lambda found: (
            f"{found['before']}{base}{found['after']}" if found["image"] == old else found[0]
        ),
        text,
    )

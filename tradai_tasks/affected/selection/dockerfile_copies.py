"""Find out which files of the repository a Dockerfile copies into its image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tradai_tasks.files.dockerfile_copies import copied_sources

_WILD = re.compile(r"[*?\[]")


def copied_globs(dockerfile: bytes, folder: str) -> Iterator[str]:
    """Yield globs, from the repository's root, of what a Dockerfile copies into the image.

    The build context may be the repository's root or the Dockerfile's own folder. A copy of the
    whole context does not count: it says nothing about what the image needs.
    """
    for source in dict.fromkeys(copied_sources(dockerfile.decode("utf-8", "replace"))):
        for start in dict.fromkeys(("", folder)):
            place = posixpath.normpath(posixpath.join(start, source.lstrip("/")))
            if place in {".", folder} or place.startswith("../"):
                continue
            for glob in dict.fromkeys((place, _WILD.sub(r"[\g<0>]", place))):
                yield glob
                yield f"{glob}/**"

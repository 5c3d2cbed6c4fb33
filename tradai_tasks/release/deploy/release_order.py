"""Order of the releases that a service or function can run: forwards only, unless asked.

Releases are ordered by Semantic Versioning (https://semver.org, rule 11). A version without a tag,
`v1.2.0-gabc1234`, is of a commit after v1.2.0: it comes after that, and before the next release.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import semver

OF_COMMIT = re.compile(r"-g([0-9a-f]{7,40})\Z", re.ASCII)  # of a version without a tag


def is_newer(running: str, than: str) -> bool:
    """Return whether the semantic version that runs comes after another one."""
    return _rank(running) > _rank(than)


def _rank(version: str) -> tuple[semver.Version, bool]:
    """Return the release that a version is of, and whether it is of a commit after that."""
    import semver  # noqa: PLC0415 - few sessions look at a tag

    base = OF_COMMIT.sub("", version)
    return semver.Version.parse(base), base != version

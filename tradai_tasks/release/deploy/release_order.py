"""Order of the releases that a service or function can run: forwards only, unless asked.

Releases are ordered by Semantic Versioning (https://semver.org, rule 11). A version without a tag,
`v1.2.0-gabc1234`, comes after v1.2.0 and before the next release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradai_tasks.release.deploy.ecs_decisions import shown_digest
from tradai_tasks.workspace.tags import parse_semver

if TYPE_CHECKING:
    import semver

OF_COMMIT = re.compile(r"-g([0-9a-f]{7,40})\Z", re.ASCII)  # of a version without a tag


@dataclass(frozen=True, kw_only=True, slots=True)
class Replaced:
    """What a service or function runs that a release would take the place of."""

    newer: str = ""  # the newest version among those that are newer than the release
    unknown: frozenset[str] = frozenset()  # digests of images of no known release

    def __or__(self, other: Replaced) -> Replaced:
        """Return what two looks have found together."""
        newest = max(filter(None, (self.newer, other.newer)), key=_rank, default="")
        return Replaced(newer=newest, unknown=self.unknown | other.unknown)

    @property
    def note(self) -> str:
        """What a plan says of it; empty for nothing, or for an older release."""
        parts = [f", back from v{self.newer}"] if self.newer else []
        if self.unknown:
            shown = ", ".join(shown_digest(one) for one in sorted(self.unknown))
            parts.append(f", replaces {shown} of no known release")
        return "".join(parts)

    @property
    def record(self) -> Mapping[str, str | list[str]]:
        """What is kept as evidence of it."""
        back = f"v{self.newer}" if self.newer else ""
        return {"rollback_from": back, "unknown_replaced": sorted(self.unknown)}


def replaced(running: Mapping[str, str | None], version: str) -> Replaced:
    """Return what a release of a semantic version would take the place of.

    `running` has the versions of the other images by digest; None for one of no known release.
    """
    newer = [one for one in running.values() if one is not None and is_newer(one, version)]
    return Replaced(
        newer=max(newer, key=_rank, default=""),
        unknown=frozenset(digest for digest, one in running.items() if one is None),
    )


def is_newer(running: str, than: str) -> bool:
    """Return whether the semantic version that runs comes after another one."""
    return _rank(running) > _rank(than)


def _rank(version: str) -> tuple[semver.Version, bool]:
    """Return the release that a version is of, and whether it is of a commit after that."""
    base = OF_COMMIT.sub("", version)
    return parse_semver(base), base != version

"""GitHub Actions that the workflows use, each pinned to the commit of a release."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """A GitHub Action pinned to one commit: a tag can be moved, a commit cannot."""

    name: str  # owner/name
    commit: str  # 40 hexadecimal digits
    version: str  # version of the commit's release

    @property
    def uses(self) -> str:
        """Return the value of `uses:`, with the version as a comment."""
        return self.part("")

    def part(self, folder: str) -> str:
        """Return the value of `uses:` for an action in a folder of the same repository."""
        return f"{self.name}{folder}@{self.commit} # {self.version}"


# actions by placeholder
ACTIONS = {
    "checkout": Action("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "setup_uv": Action("astral-sh/setup-uv", "20cfd1bf945f4377ade1205e4dbc17946fc9a30d", "v10.0.1"),
    "upload_artifact": Action(
        "actions/upload-artifact", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"
    ),
    "download_artifact": Action(
        "actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"
    ),
    "cache": Action("actions/cache", "55cc8345863c7cc4c66a329aec7e433d2d1c52a9", "v6.1.0"),
    "attest": Action(
        "actions/attest-build-provenance", "a2bbfa25375fe432b6a289bc6b6cd05ecd0c4c32", "v4.1.0"
    ),
    "aws_credentials": Action(
        "aws-actions/configure-aws-credentials",
        "e6de054238d6b7531b4efff3b6587d9aade6a06c",
        "v6.2.3",
    ),
}

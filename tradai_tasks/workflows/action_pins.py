"""GitHub Actions that the workflows use, each pinned to the commit of a release."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
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
    "checkout": Action(
        name="actions/checkout", commit="3d3c42e5aac5ba805825da76410c181273ba90b1", version="v7.0.1"
    ),
    "setup_uv": Action(
        name="astral-sh/setup-uv",
        commit="20cfd1bf945f4377ade1205e4dbc17946fc9a30d",
        version="v10.0.1",
    ),
    "upload_artifact": Action(
        name="actions/upload-artifact",
        commit="bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
        version="v7.0.0",
    ),
    "download_artifact": Action(
        name="actions/download-artifact",
        commit="3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
        version="v8.0.1",
    ),
    "cache": Action(
        name="actions/cache", commit="55cc8345863c7cc4c66a329aec7e433d2d1c52a9", version="v6.1.0"
    ),
    "attest": Action(
        name="actions/attest-build-provenance",
        commit="a2bbfa25375fe432b6a289bc6b6cd05ecd0c4c32",
        version="v4.1.0",
    ),
    "aws_credentials": Action(
        name="aws-actions/configure-aws-credentials",
        commit="e6de054238d6b7531b4efff3b6587d9aade6a06c",
        version="v6.2.3",
    ),
}

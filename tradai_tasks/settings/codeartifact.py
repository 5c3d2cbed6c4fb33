"""Settings of an AWS CodeArtifact repository, for all environments or for one."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tradai_tasks.settings.table import Name, Table, whole


class CodeArtifactSettings(Table, frozen=True, kw_only=True):
    """An AWS CodeArtifact repository; credentials come from the usual AWS chain."""

    domain: Annotated[Name, Meta(description="The domain.")]
    repository: Annotated[Name, Meta(description="The repository in it.")]
    owner: Annotated[
        Annotated[str, whole(r"[0-9]{12}")] | None,
        Meta(description="Account that owns the domain, 12 digits; the caller's if absent."),
    ] = None
    region: Annotated[
        Name | None, Meta(description="AWS region; that of the AWS configuration if absent.")
    ] = None
    packages: Annotated[
        tuple[Name, ...] | None,
        Meta(
            description="Packages that must come from it and nowhere else; "
            "`publish.libraries` if absent."
        ),
    ] = None
    index_name: Annotated[
        Annotated[str, whole(r"[A-Za-z0-9_.-]+")] | None,
        Meta(description="Name of the index in `[[tool.uv.index]]`; the repository's if absent."),
    ] = None

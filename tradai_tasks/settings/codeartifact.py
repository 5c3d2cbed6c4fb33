"""Settings of an AWS CodeArtifact repository, for all environments or for one."""

from __future__ import annotations

from typing import Annotated

from tradai_tasks.settings.table import Name, Table, doc, whole


class CodeArtifactSettings(Table, frozen=True, kw_only=True):
    """An AWS CodeArtifact repository; credentials come from the usual AWS chain."""

    domain: Annotated[Name, doc("The domain.")]
    repository: Annotated[Name, doc("The repository in it.")]
    owner: Annotated[
        Annotated[str, whole(r"[0-9]{12}")] | None,
        doc("Account that owns the domain, 12 digits; the caller's if absent."),
    ] = None
    region: Annotated[Name | None, doc("AWS region; that of the AWS configuration if absent.")] = (
        None
    )
    packages: Annotated[
        tuple[Name, ...] | None,
        doc("Packages that must come from it and nowhere else; `publish.libraries` if absent."),
    ] = None
    index_name: Annotated[
        Annotated[str, whole(r"[A-Za-z0-9_.-]+")] | None,
        doc("Name of the index in `[[tool.uv.index]]`; the repository's if absent."),
    ] = None

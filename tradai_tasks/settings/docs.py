"""Settings of the sessions `docs` and `docs-freshness`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tradai_tasks.settings.table import Name, Table, doc, whole


class CoveredCode(Table, frozen=True, kw_only=True):
    """A page, and the code that it describes."""

    page: Annotated[Name, doc("The page, from the workspace root.")]
    code: Annotated[
        tuple[Name, ...],
        Meta(min_length=1, description="Globs from the workspace root of what it describes."),
    ]
    days: Annotated[
        int, Meta(ge=0), doc("Days by which the code's last commit may be newer than the page's.")
    ] = 90


class DocsSettings(Table, frozen=True, kw_only=True):
    """The sessions `docs` and `docs-freshness`."""

    groups: Annotated[
        tuple[Name, ...], doc("Dependency groups with mkdocs and its plugins, where they exist.")
    ] = ("docs", "dev")
    project: Annotated[
        Annotated[str, whole(r"[a-z0-9][a-z0-9-]*")] | None,
        doc("Project of Cloudflare Pages that `--deploy` deploys to."),
    ] = None
    branch: Annotated[
        Annotated[str, whole(r"[A-Za-z0-9][A-Za-z0-9._/-]*")],
        doc("Branch that Cloudflare Pages takes for production."),
    ] = "main"
    pages: Annotated[tuple[Name, ...], doc("Globs of the pages that `docs-freshness` reads.")] = (
        "*.md",
        "docs/**/*.md",
    )
    ignore: Annotated[tuple[Name, ...], doc("Globs of names in pages that need not exist.")] = ()
    covers: Annotated[
        tuple[CoveredCode, ...], doc("Pages that must not be older than the code they describe.")
    ] = ()

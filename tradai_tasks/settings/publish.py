"""Settings of the sessions `build`, `publish` and `codeartifact-login`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tradai_tasks.settings.codeartifact import CodeArtifactSettings
from tradai_tasks.settings.table import Name, Table, Variable, WebAddress, doc


class IndexSettings(Table, frozen=True, kw_only=True):
    """Any other package index."""

    upload_url: Annotated[WebAddress, doc("Address that twine uploads to.")]
    simple_url: Annotated[WebAddress, doc("Root of its simple API (PEP 503, PEP 691).")]
    username_env: Annotated[Variable, doc("Environment variable with the user's name.")] = (
        "TWINE_USERNAME"
    )
    password_env: Annotated[Variable, doc("Environment variable with the password or token.")] = (
        "TWINE_PASSWORD"  # noqa: S105 - a variable's name
    )
    trusted_publishing: Annotated[
        bool,
        doc(
            "Whether uploads without a stored token get one from the index by the "
            "identity of the CI job."
        ),
    ] = False
    attestations: Annotated[
        bool,
        doc(
            "Whether each file is uploaded with its attestation (PEP 740), which "
            "`pypi-attestations` makes by the identity of the CI job."
        ),
    ] = False


class LeftOut(Table, frozen=True, kw_only=True):
    """Modules that a wheel need not hold, for a reason."""

    paths: Annotated[
        Annotated[tuple[Name, ...], Meta(min_length=1)],
        doc("Globs of the files, from the workspace root."),
    ]
    reason: Annotated[str, Meta(min_length=1, description="Why they are not published.")]


class PublishedElsewhere(Table, frozen=True, kw_only=True):
    """A package of the workspace that an index has although it is not published from here."""

    name: Annotated[Name, doc("The package's name.")]
    reason: Annotated[str, Meta(min_length=1, description="Who publishes it.")]


class PublishSettings(Table, frozen=True, kw_only=True):
    """The sessions `build`, `publish` and `codeartifact-login`."""

    libraries: Annotated[
        tuple[Name, ...] | None,
        doc("Packages to publish; `tradai-strategy` if absent and there is one."),
    ] = None
    sdist: Annotated[
        bool, doc("Whether source distributions are published in addition to the wheels.")
    ] = False
    lockstep: Annotated[
        bool, doc("Whether each library must have the version of the release's tag.")
    ] = False
    left_out: Annotated[tuple[LeftOut, ...], doc("Modules that wheels need not hold.")] = ()
    elsewhere: Annotated[
        tuple[PublishedElsewhere, ...],
        doc("Required packages of the workspace that others publish."),
    ] = ()
    timeout: Annotated[
        int, Meta(gt=0), doc("Seconds that one request to the index may go without an answer.")
    ] = 60
    codeartifact: Annotated[
        CodeArtifactSettings | None, doc("Where to publish: AWS CodeArtifact.")
    ] = None
    index: Annotated[IndexSettings | None, doc("Where to publish: any other index.")] = None

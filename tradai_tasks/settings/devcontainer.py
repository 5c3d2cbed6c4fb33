"""Settings of the session `devcontainer`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tradai_tasks.settings.table import Name, Table, doc, whole


class DevcontainerSettings(Table, frozen=True, kw_only=True):
    """The session `devcontainer`."""

    image: Annotated[
        Annotated[str, whole(r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9._-]+)+")] | None,
        doc("Image to push, with its registry and no tag: `ghcr.io/owner/name/dev`."),
    ] = None
    tag: Annotated[
        Annotated[str, whole(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")],
        doc("Tag of the image that is pushed."),
    ] = "latest"
    command: Annotated[
        Annotated[tuple[Name, ...], Meta(min_length=1)],
        doc("What `--test` runs in the container, as a list of words."),
    ] = ("uv", "run", "nox", "-s", "test")
    username_env: Annotated[
        Annotated[str, whole(r"[A-Za-z_][A-Za-z0-9_]*")],
        doc("Environment variable with the registry's user name."),
    ] = "GITHUB_ACTOR"
    password_env: Annotated[
        Annotated[str, whole(r"[A-Za-z_][A-Za-z0-9_]*")],
        doc("Environment variable with the registry's password or token."),
    ] = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable

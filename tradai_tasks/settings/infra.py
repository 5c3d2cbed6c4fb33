"""Settings of the session `infra`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tradai_tasks.settings.table import Name, Table


class InfraSettings(Table, frozen=True, kw_only=True):
    """The session `infra`: Pulumi's previews and updates."""

    script: Annotated[
        Name,
        Meta(
            description="What runs Pulumi on all layers, from the workspace root; called as "
            "`SCRIPT preview|up STACK --json`."
        ),
    ] = "infra/pulumi-ci.sh"
    timeout: Annotated[
        Annotated[float, Meta(gt=0)], Meta(description="Seconds that one stack may take.")
    ] = 3600
    parallel: Annotated[
        Annotated[int, Meta(ge=1, le=32)], Meta(description="Most stacks previewed at once.")
    ] = 3

"""Settings of the session `infra`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from tradai_tasks.settings.table import Name, Table, doc


class InfraSettings(Table, frozen=True, kw_only=True):
    """The session `infra`: Pulumi's previews and updates."""

    script: Annotated[
        Name,
        doc(
            "What runs Pulumi on all layers, from the workspace root; called as "
            "`SCRIPT preview|up STACK --json`."
        ),
    ] = "infra/pulumi-ci.sh"
    timeout: Annotated[float, Meta(gt=0), doc("Seconds that one stack may take.")] = 3600
    parallel: Annotated[int, Meta(ge=1, le=32), doc("Most stacks previewed at once.")] = 3

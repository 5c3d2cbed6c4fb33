"""The alias of a registered model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mlflow_standin import Standin
from tests.support.model_registrations import alias_step, register
from tradai_tasks.errors import EvidenceError
from tradai_tasks.release.clients.mlflow_api import ModelVersion
from tradai_tasks.release.models.model_registration import is_newer


def test_the_alias_only_moves_forward(server: Standin, tmp_path: Path) -> None:
    assert alias_step(server).look({}).note == "to be set"
    assert register(server, tmp_path, "momentum-v1.0.0")[0].note == "at version 1"
    look, _ = register(server, tmp_path, "momentum-v1.1.0-rc1")
    assert look.note == "at version 2"
    look, _ = register(server, tmp_path, "momentum-v1.0.1")
    assert look.state == "left"
    assert look.note == "stays at version 2 (1.1.0-rc1), which is newer"
    look, known = register(server, tmp_path, "momentum-v1.1.0")
    assert look.note == "at version 4"
    assert alias_step(server).look(known).state == "done"
    assert alias_step(server).look({}).note == "to be moved from version 4"
    assert server.models["momentum"]["aliases"] == {"candidate": "4"}
    with pytest.raises(EvidenceError, match="the version of momentum is not known"):
        alias_step(server).act({})


def test_what_is_no_release_is_ordered_by_its_number() -> None:
    def version(number: str, **tags: str) -> ModelVersion:
        return ModelVersion(version=number, source="s", run_id="", tags=tags)

    assert is_newer(version("10"), version("9", strategy_version="9.0.0"))
    assert not is_newer(version("9"), version("10", strategy_version="1.0.0"))
    assert is_newer(version("1", strategy_version="1.10.0"), version("2", strategy_version="1.9.0"))
    assert not is_newer(
        version("2", strategy_version="1.0.0-rc.2"), version("1", strategy_version="1.0.0")
    )

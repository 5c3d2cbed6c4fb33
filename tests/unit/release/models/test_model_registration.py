"""Registering a release: once, whatever goes wrong on the way, and never over another's."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.mlflow_standin import Fault, Standin
from tests.support.model_registrations import (
    COMMIT,
    IMAGE,
    KNOWN,
    OTHER,
    RECORD,
    register,
    released,
    version_step,
)
from tradai_tasks.errors import ConflictError, EvidenceError
from tradai_tasks.release.models.model_description import logged_params
from tradai_tasks.release.models.model_registration import VersionStep


def knowing(**changed: Any) -> Any:
    return {**KNOWN, **changed}


def made(standin: Standin) -> None:
    """What one whole registration leaves, and no more."""
    assert len(standin.versions("momentum")) == 1
    (version,) = standin.versions("momentum")
    tags = {one["key"]: one["value"] for one in version["tags"]}
    assert version["source"] == f"docker://{IMAGE}"
    assert tags["strategy_version"] == "1.0.0"
    assert tags["release_tag"] == "momentum-v1.0.0"
    assert tags["git_revision"] == COMMIT
    assert tags["image_digest"] == "sha256:" + "1" * 64
    assert tags["candles_sha256"] == "d" * 64
    assert tags["freqtrade_version"] == "2026.9"
    assert tags["metrics.sharpe"] == "1.5"
    assert tags["team"] == "quant"
    run = standin.runs[version["run_id"]]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["metrics"] == RECORD.metrics
    assert run["data"]["params"] == {
        "pairs": "BTC/USDT:USDT,ETH/USDT:USDT",
        "timerange": "20251101-20261101",
        "timeframe": "1h",
        "sharpe_kind": "closed-trades",
        "candles_sha256": "d" * 64,
        "lock_sha256": "c" * 64,
        "freqtrade_version": "2026.9",
        "git_revision": COMMIT,
        "fee": "0.0005",
        "parameter-window": "9",
    }
    assert tags["gate.sharpe"] == "passed: 1.500 >= 1.000"
    assert len(standin.runs) == 1
    home = f"{run['info']['experiment_id']}/{version['run_id']}/artifacts/report"
    assert standin.artifacts == {
        f"{home}/charts/equity curve.png": b"png",
        f"{home}/report.html": b"<p>",
    }


def test_a_strategy_without_backtests_is_registered_without_figures(
    server: Standin, tmp_path: Path
) -> None:
    given = {"is_backtested": False, "report": dict}
    step = version_step(server, tmp_path, **given)
    known: Any = {"image": IMAGE}
    assert step.look(known).state == "todo"
    look = step.act(known)
    (version,) = server.versions("momentum")
    tags = {one["key"]: one["value"] for one in version["tags"]}
    assert tags["git_revision"] == COMMIT
    assert not [key for key in tags if key.startswith(("metrics.", "gate.", "candles"))]
    assert "It has no backtest" in version["description"]
    run = server.runs[version["run_id"]]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"].get("metrics", {}) == {}
    assert version_step(server, tmp_path, **given).look(known) == look
    with pytest.raises(EvidenceError, match="its backtest is not known"):
        version_step(server, tmp_path).act(known)


def test_a_release_is_registered_once(server: Standin, tmp_path: Path) -> None:
    step = version_step(server, tmp_path)
    assert step.look({}).state == "todo"
    assert step.look(KNOWN).state == "todo"
    look = step.act(KNOWN)
    made(server)
    assert look.record["version"] == "1"
    assert look.note == f"version 1, docker://{IMAGE}"

    before = len(server.changes)
    again = version_step(server, tmp_path)  # another process
    assert again.look(KNOWN) == look
    assert again.look({}) == look  # also where nothing but the tag is known
    assert len(server.changes) == before


@pytest.mark.parametrize("fault", ["drop", "drop-after", 500, 503, 429])
@pytest.mark.parametrize(
    "path",
    [
        "model-versions/search",
        "experiments/get-by-name",
        "experiments/create",
        "runs/search",
        "runs/create",
        "runs/log-batch",
        "report.html",
        "runs/update",
        "registered-models/get",
        "registered-models/create",
        "model-versions/create",
    ],
)
def test_a_fault_that_passes_is_waited_for(
    server: Standin, tmp_path: Path, path: str, fault: Fault
) -> None:
    server.faults = [(path, fault), (path, fault)]
    step = version_step(server, tmp_path)
    assert step.look(KNOWN).state == "todo"
    assert step.act(KNOWN).state == "done"
    # what was made before the connection closed is found, so no second request makes it
    found = fault == "drop-after" and path.endswith("/create")
    assert len(server.faults) == found
    made(server)


@pytest.mark.parametrize("last", range(1, 13))
def test_a_registration_that_was_cut_at_any_request_is_finished(
    server: Standin, tmp_path: Path, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    step = version_step(server, tmp_path)
    client = step.connect().client.client
    count, send = _killer(last, Killed), client.transport.handle_request

    def killing(request: httpx.Request) -> httpx.Response:
        count(request)
        return send(request)

    monkeypatch.setattr(client.transport, "handle_request", killing)
    with pytest.raises(Killed):
        _again_and_again(step)
    again = version_step(server, tmp_path)
    if again.look(KNOWN).state == "todo":
        again.act(KNOWN)
    assert again.look(KNOWN).state == "done"
    made(server)


def _again_and_again(step: VersionStep) -> None:
    for _ in range(9):  # the highest of the numbers are not reached by one
        step.act(KNOWN)


def _killer(last: int, killed: type[BaseException]) -> Any:
    left = [last]

    def count(_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise killed

    return count


def test_what_is_registered_and_differs_is_an_error_that_names_both_sides(
    server: Standin, tmp_path: Path
) -> None:
    version_step(server, tmp_path).act(KNOWN)
    elsewhere = IMAGE.replace("1" * 64, "2" * 64)
    with pytest.raises(ConflictError) as caught:
        version_step(server, tmp_path).look(knowing(image=elsewhere))
    said = str(caught.value)
    assert said.startswith(
        "model momentum: version 1 is of momentum-v1.0.0 already, but its source"
    )
    assert f"docker://{IMAGE}" in said
    assert f"docker://{elsewhere}" in said
    assert "and 2 more differ" not in said

    other = version_step(server, tmp_path, release=released(commit=OTHER))
    with pytest.raises(ConflictError, match=f"git_revision is '{COMMIT}' there and '{OTHER}' here"):
        other.look({})
    figures = dataclasses.replace(
        RECORD, metrics={**RECORD.metrics, "sharpe": 2.0}, timeframe="4h", freqtrade="2027.1"
    )
    with pytest.raises(ConflictError, match="a release is never changed: release a higher"):
        version_step(server, tmp_path).look(knowing(backtest=figures))
    assert len(server.versions("momentum")) == 1


def test_two_versions_of_one_release_are_an_error(server: Standin, tmp_path: Path) -> None:
    version_step(server, tmp_path).act(KNOWN)
    (one,) = server.versions("momentum")
    server.answer("POST", "model-versions/create", {}, dict(one))
    with pytest.raises(ConflictError, match="versions 1 and 2 both are of momentum"):
        version_step(server, tmp_path).look(KNOWN)


def test_a_test_tag_may_be_registered_anew(server: Standin, tmp_path: Path) -> None:
    first = version_step(server, tmp_path, release=released("momentum-v0.0.0-test"))
    first.act(KNOWN)
    second = version_step(server, tmp_path, release=released("momentum-v0.0.0-test", commit=OTHER))
    assert second.look(KNOWN).note == "a test tag: to replace version 1"
    second.act(KNOWN)
    assert [one["version"] for one in server.versions("momentum")] == ["2"]
    assert second.look(KNOWN).state == "done"


def test_without_image_or_backtest_nothing_is_registered(server: Standin, tmp_path: Path) -> None:
    step = version_step(server, tmp_path)
    with pytest.raises(EvidenceError, match="its image is not known; run that stage first"):
        step.act({"backtest": KNOWN["backtest"]})
    with pytest.raises(EvidenceError, match="its backtest is not known; run that stage first"):
        step.act({"image": KNOWN["image"]})
    assert not server.changes


def test_a_version_is_described_for_a_person(server: Standin, tmp_path: Path) -> None:
    register(server, tmp_path, "momentum-v1.0.0")
    later = dataclasses.replace(RECORD, metrics={**RECORD.metrics, "sharpe": 2.0}, note="a note")
    known = {**KNOWN, "backtest": later}
    version_step(server, tmp_path, release=released("momentum-v1.1.0")).act(known)
    first, second = (one["description"] for one in server.versions("momentum"))
    assert first.startswith(
        "momentum-v1.0.0: Goes with moves\n\nmomentum: full backtest, 2025-11-01"
    )
    assert "| sharpe (closed trades) | 1.500 | " in first
    assert "Since" not in first
    assert "a note." in second
    assert "Since momentum-v1.0.0: sharpe 1.5 -> 2, profit-factor 1.3 -> 1.3" in second


def test_a_long_parameter_is_cut_to_what_servers_take() -> None:
    record = dataclasses.replace(RECORD, conditions={"minimal-roi": "x" * 600})
    assert logged_params(record)["minimal-roi"] == "x" * 497 + "..."

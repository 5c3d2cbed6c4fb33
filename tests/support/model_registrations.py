"""A release that is registered with a stand-in for MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.backtest_records import backtest_record
from tests.support.mlflow_standin import Standin
from tradai_tasks.release.clients.mlflow_api import MlflowServer
from tradai_tasks.release.clients.mlflow_http import client_of
from tradai_tasks.release.engine.plan import records_of
from tradai_tasks.release.engine.step import Look, Release
from tradai_tasks.release.models.model_registration import AliasStep, VersionStep
from tradai_tasks.workspace.tags import parse_tag

COMMIT, OTHER = "a" * 40, "b" * 40
IMAGE = "registry.example/momentum@sha256:" + "1" * 64
RECORD = backtest_record(
    commit=COMMIT,
    lock_sha256="c" * 64,
    data_sha256="d" * 64,
    start="2025-11-01",
    end="2026-11-01",
    pairs=("BTC/USDT:USDT", "ETH/USDT:USDT"),
    metrics={"sharpe": 1.5, "profit-factor": 1.3, "max-drawdown": 0.1, "trades": 70.0},
    conditions={"fee": "0.0005", "parameter-window": "9"},
)


def connected(standin: Standin, env: dict[str, str] | None = None, patience: float = 20) -> Any:
    env = {"MLFLOW_TRACKING_URI": standin.address, **(env or {})}
    client = client_of(env, None, patience=patience)
    server = MlflowServer(client=client)
    return lambda: server


def released(tag: str = "momentum-v1.0.0", commit: str = COMMIT) -> Release:
    return Release(
        tag=parse_tag(tag, ["momentum"]),
        commit=commit,
        time=1_790_000_000,
        root=Path("/nowhere"),
        source="https://git.example/strategies",
    )


def version_step(standin: Standin, folder: Path, **changed: Any) -> VersionStep:
    (folder / "charts").mkdir(exist_ok=True)
    (folder / "charts" / "equity curve.png").write_bytes(b"png")
    (folder / "report.html").write_bytes(b"<p>")
    names = ("charts/equity curve.png", "report.html")
    report = {name: (folder / name).read_bytes() for name in names}
    given: dict[str, Any] = {
        "name": "momentum",
        "release": released(),
        "connect": connected(standin),
        "image": lambda known: known.get("image"),
        "backtest": lambda known: known.get("backtest"),
        "is_backtested": True,
        "report": lambda: report,
        "metadata": {"team": "quant"},
        "description": "Goes with moves",
        "experiment": "releases",
        **changed,
    }
    return VersionStep(**given)


KNOWN: Any = {"image": IMAGE, "backtest": RECORD}


def alias_step(standin: Standin) -> AliasStep:
    return AliasStep(name="candidate", model="momentum", stage="mlflow", connect=connected(standin))


def register(standin: Standin, folder: Path, tag: str) -> tuple[Look, dict[str, Any]]:
    """Register a release and move the alias; return what became of that, and what is known."""
    step = version_step(standin, folder, release=released(tag))
    known = {"mlflow": records_of({"momentum": step.act(KNOWN)})}
    alias = alias_step(standin)
    look = alias.look(known)
    return (alias.act(known) if look.state == "todo" else look), known

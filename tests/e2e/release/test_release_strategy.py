"""A strategy from its tag to a registered model, on the real parts; cut anywhere, and run again."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.hub import ROLES, Hub
from tests.support.moto_server import ECR_PASSWORD
from tests.support.real import Result, edit, failed_with, git, nox
from tests.support.registry import Proxy
from tests.support.release_yard import Yard, figures, holding, tags_of

GATES = ("lint", "typecheck", "test", "lookahead", "recursive", "backtest-full")
STAGES = (*GATES, "image", "mlflow")
VERDICTS = ("sharpe", "profit-factor", "max-drawdown", "trades")


def test_one_command_leads_from_the_tag_to_the_model_version(yard: Yard, first: Result) -> None:
    assert "momentum-v1.0.0: complete" in first.log
    for stage in STAGES:
        assert f"nox > {stage} momentum: done in " in first.log
        assert figures(yard.evidence("momentum-v1.0.0"), stage)["verdict"] == "passed"
    digest = yard.digests()["momentum-v1.0.0"]
    assert yard.digests() == {"momentum-v1.0.0": digest, "latest": digest}
    version = yard.version_of("1.0.0")
    assert version["source"] == f"docker://{yard.registry.host}/momentum@{digest}"
    tags = tags_of(version)
    assert tags["git_revision"] == git(yard.home, "rev-parse", "momentum-v1.0.0^{commit}")
    assert tags["release_tag"] == "momentum-v1.0.0"
    assert tags["timeframe"] == "1h"
    assert tags["timerange"] == "20260101-20260201"
    assert tags["pairs"] == "BTC/USDT:USDT,ETH/USDT:USDT,SOL/USDT:USDT"
    assert tags["desk"] == "momentum"
    assert len(tags["candles_sha256"]) == 64
    (run,) = yard.runs("momentum-v1.0.0")
    assert run["info"]["run_id"] == version["run_id"]
    assert run["info"]["status"] == "FINISHED"
    metrics = {one["key"]: one["value"] for one in run["data"]["metrics"]}
    assert metrics["sharpe"] >= 1.0
    assert metrics["trades"] >= 50
    assert [name for name, value in metrics.items() if value == -100 or abs(value) > 1e9] == []
    params = {one["key"]: one["value"] for one in run["data"]["params"]}
    assert {
        "fee", "leverage", "stake-currency", "trading-mode", "protections", "overrides",
        "config-sha256", "candles_sha256", "markets_sha256", "lock_sha256", "freqtrade_version",
    } <= params.keys()  # fmt: skip
    assert (params["min-trades"], params["git_revision"]) == ("50", tags["git_revision"])
    gates = {name: value for name, value in tags.items() if name.startswith("gate.")}
    assert gates.keys() == {f"gate.{name}" for name in VERDICTS}
    assert all(value.startswith("passed: ") for value in gates.values()), gates
    described = version["description"]
    assert described.startswith("momentum-v1.0.0: ")
    assert "| gate | value | threshold | verdict |" in described
    assert "Since" not in described
    assert {"report/report.html", "report/equity.png", "report/record.json"} <= yard.artifacts(
        version["run_id"]
    )
    assert yard.aliases()["candidate"] == version["version"]


def test_no_secret_is_left_anywhere(yard: Yard, first: Result) -> None:
    assert ECR_PASSWORD not in first.text
    for file in (yard.home / "build").rglob("*"):
        assert not file.is_file() or ECR_PASSWORD.encode() not in file.read_bytes(), file


def test_a_second_run_changes_nothing_and_says_so(yard: Yard, first: Result) -> None:
    before = (yard.digests(), yard.versions(), yard.aliases())
    yard.forget()
    again = yard.release("momentum-v1.0.0")
    assert again.status == 0, again.text
    assert "momentum-v1.0.0: complete, as before: nothing was changed" in again.log
    assert "done in" not in again.log
    assert yard.writes() == []
    assert (yard.digests(), yard.versions(), yard.aliases()) == before
    status = yard.release("momentum-v1.0.0", "--status", "--json")
    document = json.loads(status.out)
    assert document["complete"] is True
    assert {step["stage"] for step in document["steps"]} == set(STAGES)
    assert {step["state"] for step in document["steps"]} == {"there"}


def test_without_its_evidence_the_world_still_says_what_is_there(
    yard: Yard, first: Result, tmp_path: Path
) -> None:
    kept = yard.evidence("momentum-v1.0.0").rename(tmp_path / "kept")
    status = yard.release("momentum-v1.0.0", "--status", "--json")
    states = {step["stage"]: step["state"] for step in json.loads(status.out)["steps"]}
    assert states == {
        **dict.fromkeys(GATES, "to do"), "image": "there", "mlflow": "there"
    }  # fmt: skip

    # another job goes on by the evidence that it is handed, and by no less
    failed_with(
        yard.release("momentum-v1.0.0", session="mlflow-register"), "evidence of lint: there"
    )
    (tmp_path / "kept" / "test.json").rename(tmp_path / "test.json")
    handed = ("--evidence", str(tmp_path / "kept"))
    failed_with(
        yard.release("momentum-v1.0.0", "--from", "image", *handed),
        f"evidence of test: there is none in {tmp_path / 'kept'}; run that stage first",
    )
    spoilt = json.loads((tmp_path / "test.json").read_text()) | {"verdict": "failed"}
    (tmp_path / "kept" / "test.json").write_text(json.dumps(spoilt))
    failed_with(yard.release("momentum-v1.0.0", "--from", "image", *handed), "it did not pass")
    other = json.loads((tmp_path / "test.json").read_text()) | {"commit": "0" * 40}
    (tmp_path / "kept" / "test.json").write_text(json.dumps(other))
    failed_with(yard.release("momentum-v1.0.0", "--from", "image", *handed), "it is of commit")
    shutil.rmtree(yard.evidence("momentum-v1.0.0"))
    shutil.copy(tmp_path / "test.json", tmp_path / "kept" / "test.json")
    yard.forget()
    done = yard.release("momentum-v1.0.0", "--from", "image", *handed)
    assert done.status == 0, done.text
    assert "by evidence: passed: lint(momentum)" in done.out.replace("\n", " ")
    alone = yard.release("momentum-v1.0.0", *handed, session="mlflow-register")
    assert alone.status == 0, alone.text
    assert yard.writes() == []
    assert not kept.exists() or len(yard.versions()) == 1


# --- killed at each stage, and run again ----------------------------------------------------------

Point = tuple[str, Callable[[Yard], Proxy] | None, str, str, bool]


def _registry(yard: Yard) -> Proxy:
    return yard.registry


def _mlflow(yard: Yard) -> Proxy:
    return yard.mlflow


BACKTEST = "backtest-full momentum: to be run"
# (what, server, method or the line to wait for, path, whether the request held is carried out)
POINTS: tuple[Point, ...] = (
    ("lint", None, "lint momentum: to be run", "", False),
    ("typecheck", None, "typecheck momentum: to be run", "", False),
    ("test", None, "test momentum: to be run", "", False),
    ("backtest", None, BACKTEST, "", False),
    ("layers", _registry, "POST", "/blobs/uploads", False),
    ("manifest", _registry, "PUT", "/manifests/momentum-v", False),
    ("manifest there", _registry, "PUT", "/manifests/momentum-v", True),
    ("latest", _registry, "PUT", "/manifests/latest", False),
    ("run", _mlflow, "POST", "/runs/create", True),
    ("files", _mlflow, "PUT", "/report/report.html", False),
    ("version", _mlflow, "POST", "/model-versions/create", False),
    ("version there", _mlflow, "POST", "/model-versions/create", True),
    ("alias", _mlflow, "POST", "/registered-models/alias", False),
)


# each stage meets each of them
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
ENDED_IN = 10.0  # seconds, where the machine has other work


def test_ended_at_each_stage_and_run_again_it_is_finished_and_nothing_is_done_twice(
    yard: Yard, first: Result
) -> None:
    tag = yard.commit("1.1.0")
    yard.forget()
    for (what, server, method, path, carried_out), number in zip(
        POINTS, itertools.cycle(SIGNALS), strict=False
    ):
        with ExitStack() as stack:
            hold = None
            if server is not None:
                held = holding(server(yard), method, path, carried_out=carried_out)
                hold = stack.enter_context(held)
            running = yard.start(tag)
            try:
                if hold is None:
                    # a gate that passed before its end was noticed is not run again
                    running.wait_for(method, BACKTEST)
                else:
                    assert hold.reached.wait(600), f"{what}: {''.join(running.lines)}"
            finally:
                is_killed = number == signal.SIGKILL
                taken = running.end(number, alone=what == "backtest" or not is_killed)
                assert is_killed or taken < ENDED_IN, f"{what}: {taken:.1f} s"
    yard.forget()
    last = yard.release(tag)
    assert last.status == 0, last.text
    assert f"{tag}: complete" in last.log
    # the gates had passed, the image and the version were there
    assert yard.writes() == ["POST /api/2.0/mlflow/registered-models/alias"]

    digests = yard.digests()
    assert digests[tag] == digests["latest"]
    version = yard.version_of("1.1.0")  # the only one
    assert "Since momentum-v1.0.0: sharpe " in version["description"]
    assert version["source"].endswith(digests[tag])
    (run,) = yard.runs(tag)
    assert run["info"]["status"] == "FINISHED"
    assert "report/report.html" in yard.artifacts(version["run_id"])
    assert yard.aliases()["candidate"] == version["version"]
    again = yard.release(tag)
    assert "complete, as before: nothing was changed" in again.log


def test_an_older_release_that_is_run_again_does_not_take_the_alias_back(
    yard: Yard, first: Result
) -> None:
    if len(yard.versions()) < 2:
        pytest.fail("the test before this one has released 1.1.0")
    newest = yard.aliases()["candidate"]
    git(yard.home, "switch", "-q", "--detach", "momentum-v1.0.0")
    try:
        again = yard.release("momentum-v1.0.0", "--status")
        assert again.status == 0, again.text
        assert "which is newer" in " ".join(again.out.replace("│", " ").split())
    finally:
        git(yard.home, "switch", "-q", "main")
    assert yard.aliases()["candidate"] == newest


# --- what is refused ------------------------------------------------------------------------------


def test_a_gate_that_fails_ends_it_before_anything_is_pushed(yard: Yard, first: Result) -> None:
    with (yard.repo.strategy / "src/momentum/strategy.py").open("a") as file:
        file.write("import os\n")
    git(yard.home, "commit", "-qam", "A fault")
    tag = yard.commit("1.2.0")
    yard.forget()
    result = yard.release(tag)
    failed_with(
        result, f"{tag}: not complete:", "lint momentum: lint: ruff found fault", "run the same"
    )
    assert "stopped, since something in parallel failed" in result.log
    assert "E402" in result.log  # what ruff said
    assert yard.writes() == []
    failed_with(yard.release(tag, "--from", "image"), "evidence of lint", "it did not pass")
    failed_with(yard.release(tag, "--only", "mlflow"), "evidence of lint", "it did not pass")
    assert yard.writes() == []


def test_what_must_not_be_released_is_refused_in_a_line(yard: Yard, first: Result) -> None:
    yard.forget()
    failed_with(yard.release("momentum-v9.0.0"), "tag momentum-v9.0.0: no such tag in this clone")
    failed_with(yard.release("momentun-v1.0.0"), "did you mean 'momentum'?")
    failed_with(yard.release("main"), "no release tag")
    failed_with(yard.release("v1.0.0; rm -rf /"), "no release tag")
    failed_with(yard.release(), "which tag? such as:")
    failed_with(
        yard.release("momentum-v1.0.0"), "but HEAD is", "git switch --detach momentum-v1.0.0"
    )
    git(yard.home, "tag", "momentum-v3.0.0")
    failed_with(
        yard.release("momentum-v3.0.0"), "is for version 3.0.0, but strategies/momentum/pypro"
    )
    git(yard.home, "switch", "-q", "-c", "side")
    tag = yard.commit("4.0.0")
    git(yard.home, "branch", tag)
    (yard.home / "notes.txt").write_text("x")
    result = yard.release(f"refs/tags/{tag}")
    failed_with(
        result,
        f"a branch has the same name (refs/heads/{tag})",
        "is not on main (it branched off at",
        "uncommitted changes in notes.txt",
    )
    (yard.home / "notes.txt").unlink()
    git(yard.home, "branch", "-D", tag)
    git(yard.home, "switch", "-q", "main")
    assert yard.writes() == []


def test_a_server_that_is_not_there_stops_it_before_the_gates(yard: Yard, first: Result) -> None:
    tag = yard.commit("1.3.0")
    edit(yard.repo.settings, "[mlflow]", "[mlflow]\npatience = 1")
    failed_with(yard.release(tag), "uncommitted changes in tradai-tasks.toml")
    git(yard.home, "commit", "-qam", "Less patience")
    git(yard.home, "tag", "-f", tag)
    yard.forget()
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    result = yard.release(tag, **away)
    failed_with(
        result,
        f"{tag}: it cannot be released as things are:",
        "http://127.0.0.1:9: cannot be reached",
        "tried for 1 s (mlflow.patience); once it is up, run the same again",
    )
    plan = yard.release(tag, "--dry-run", **away)
    failed_with(plan, "it cannot be released as things are")
    assert "unknown" in plan.out
    good = yard.release(tag, "--dry-run")
    assert good.status == 0, good.text
    assert "nothing was done: this is a dry run; 9 steps are to do" in good.log
    assert yard.writes() == []


# --- in CI ----------------------------------------------------------------------------------------


def test_a_tag_that_is_pushed_becomes_a_registered_model_in_ci(
    yard: Yard, first: Result, tmp_path: Path
) -> None:
    """The whole of strategy-ci.yml by act, then strategy-release.yml with all of it for real."""
    git(yard.home, "restore", ".")
    source = yard.repo.strategy / "src/momentum/strategy.py"
    source.write_text(source.read_text().removesuffix("import os\n"))  # a fault of a test above
    yard.repo.settings.write_text(yard.repo.settings.read_text().replace("\npatience = 1", ""))
    # a checkout of CI lies beside no platform
    platform = f'"{(yard.home.parent / "tradai-uv").as_posix()}/'
    for project in (yard.home / "strategies").glob("*/pyproject.toml"):
        edit(project, '"../../../tradai-uv/', platform)
    written = nox(yard.home, "-s", "workflows", env=yard.env)
    assert written.status == 0, written.text
    git(yard.home, "add", "-A")
    git(yard.home, "commit", "-qm", "Workflows")
    tag = yard.commit("1.5.0")
    hub = Hub(yard.home, tmp_path / "act", "tradai/tradai-strategies")
    # act takes the repository's name from there
    git(yard.home, "remote", "add", "origin", f"https://github.com/{hub.name}.git")
    hub.act.env.update(yard.env)
    hub.act.variables.update(ROLES)
    hub.act.secrets |= {
        "AWS_REGION": yard.env["AWS_DEFAULT_REGION"],
        "ECR_REGISTRY": yard.registry.host,
        "MLFLOW_TRACKING_URI": yard.env["MLFLOW_TRACKING_URI"],
    }
    ci = hub.push(f"refs/tags/{tag}", "0" * 40, workflow=None, real="changes,gate,lock")
    assert ci.status == 0, ci.log
    assert ci.jobs["gate"] == ["success"]
    commit = git(yard.home, "rev-parse", f"{tag}^{{commit}}")
    real = "tag,lock,release"
    run = hub.after_ci(tag, commit, "strategy-release.yml", real=real, timeout=1200)
    assert run.status == 0, run.log
    # the gates in one job, what acts in another, by their evidence
    assert run.jobs == {"version": ["success"], "gates": ["success"], "release": ["success"]}
    digests = yard.digests()
    assert digests[tag] == digests["latest"]
    version = yard.version_of("1.5.0")
    assert version["source"].endswith(digests[tag])
    assert tags_of(version)["git_revision"] == commit
    assert yard.aliases()["candidate"] == version["version"]
    assert ECR_PASSWORD not in run.log

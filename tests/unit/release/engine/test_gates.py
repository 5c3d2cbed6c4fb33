"""Gates: nox sessions in processes of their own, judged by what they report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.gate_runs import SUBJECT, Door, Script, gate, keep, passing, report
from tradai_tasks.environment_allowance import BASE_ONLY
from tradai_tasks.errors import ReleaseGateError
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.release.engine.gates import (
    SkippedGate,
    gate_environment,
)
from tradai_tasks.release.engine.step import Look
from tradai_tasks.settings.images import BuildSecret, ImagesSettings
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.publish import IndexSettings, PublishSettings
from tradai_tasks.settings.release import ReleaseSettings


def test_a_gate_runs_its_sessions_once(tmp_path: Path, door: Callable[[Script], Door]) -> None:
    there = door(passing)
    lint = gate(tmp_path, sessions=("test-3.11(momentum)", "test-3.12(momentum)"))
    assert lint.look({}) == Look(state="todo", note="to be run")
    look = lint.act({})
    assert look.note == "passed: test-3.11(momentum), test-3.12(momentum)"
    assert look.record["seconds"] == 3.0
    assert there.ran[0][1:5] == ["-m", "nox", "--noxfile", str(tmp_path / "noxfile.py")]
    assert there.ran[0][-3:] == ["-s", "test-3.11(momentum)", "test-3.12(momentum)"]
    keep(lint.store, "lint", look)
    assert lint.look({}) == look
    other = gate(
        tmp_path, store=replace(lint.store, subject=replace(SUBJECT, commit="c" * 40), _found={})
    )
    assert other.look({}).note.startswith("to be run: it is of commit")
    assert gate(tmp_path, name="other").look({}).note == "not in its evidence"


def test_a_gate_that_fails_says_why_and_shows_the_end_of_its_log(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    def failing(argv: list[str]) -> int:
        report(argv, ("lint(momentum)", "failed", "lint: ruff found\nfault; fix it."))
        return 1

    shown: list[str] = []
    door(failing)
    with pytest.raises(ReleaseGateError) as caught:
        gate(tmp_path, show=shown.append).act({})
    assert str(caught.value) == (
        "lint: ruff found fault; fix it; all it said is in build/lint.log; "
        "again: nox -s 'lint(momentum)'"
    )
    assert "line 99" in shown[0]
    assert "line 59\n" not in shown[0]


def failing_without(reason: str | None) -> Script:
    def script(argv: list[str]) -> int:
        if reason is not None:
            report(argv, ("lint(momentum)", "failed", None))
        return 1

    return script


def coming_to(name: str, result: str) -> Script:
    def script(argv: list[str]) -> int:
        report(argv, (name, result, None))
        return 0

    return script


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (failing_without(""), "it failed; all it said is in"),
        (failing_without(None), "nox ended before it came to a result; all it said is in"),
        (lambda argv: 0, "nox ended well and left no report of its sessions; run it: nox -s"),
        (
            coming_to("lint(momentum)", "skipped"),
            "lint(momentum) did not run to its end (skipped), so it judged nothing",
        ),
        (
            coming_to("lint(other)", "success"),
            "lint(momentum) did not run to its end (not run), so it judged nothing",
        ),
    ],
)
def test_a_gate_that_judged_nothing_has_not_passed(
    tmp_path: Path, door: Callable[[Script], Door], script: Script, said: str
) -> None:
    door(script)
    with pytest.raises(ReleaseGateError) as caught:
        gate(tmp_path).act({})
    assert said in str(caught.value)


def test_an_earlier_runs_report_does_not_count(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    door(passing)
    gate(tmp_path).act({})
    door(lambda argv: 0)
    with pytest.raises(ReleaseGateError, match="left no report"):
        gate(tmp_path).act({})


def test_gates_are_given_what_is_allowed_and_nothing_else() -> None:
    index = IndexSettings(
        upload_url="http://x", simple_url="http://x", password_env="UV_INDEX_P_PASSWORD"
    )
    settings = Settings(
        images=ImagesSettings(password_env="GHCR", secrets=(BuildSecret(id="a", env="MINE"),)),
        publish=PublishSettings(index=index),
        release=ReleaseSettings(gate_environment=("AWS_PROFILE", "MY_TESTS_*")),
    )
    secret = [
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_PROFILE_2", "AWS_SECRET_ACCESS_KEY",
        "BINANCE_API_SECRET", "FREQTRADE__EXCHANGE__SECRET", "GHCR", "GITHUB_ENV", "GITHUB_OUTPUT",
        "GITHUB_PAT", "GITHUB_TOKEN", "MINE", "MLFLOW_TRACKING_URI", "NEVER_HEARD_OF", "NPM_TOKEN",
        "NOT_MY_TESTS_KEY", "TWINE_PASSWORD", "UV_INDEX_P_PASSWORD", "UV_PUBLISH_TOKEN",
    ]  # fmt: skip
    given = [
        "AWS_PROFILE", "AWS_REGION", "CI", "GITHUB_SHA", "HOME", "LC_ALL", "MY_TESTS_KEY", "PATH",
        "PIP_INDEX_URL", "TZ", "UV_CACHE_DIR", "UV_DEFAULT_INDEX", "UV_INDEX_PY_PASSWORD",
    ]  # fmt: skip
    env = dict.fromkeys([*secret, *given, "NOXSESSION"], "x")
    allowance = allowance_of(settings)
    assert set(allowance.withheld(env)) == {*secret, "NOXSESSION"}
    assert gate_environment(env, allowance) == {
        **dict.fromkeys(given, "x"),
        "NOXSESSION": "",
        "TRADAI_TASKS_REPLAY": "never",
    }


def test_an_address_with_a_password_is_allowed_to_install_with_and_nowhere_else() -> None:
    address = "http://user:pass@proxy.example:3128"
    env = {"HTTPS_PROXY": address, "UV_DEFAULT_INDEX": address, "HTTP_PROXY": "http://proxy:1"}
    assert BASE_ONLY.withheld(env) == ("HTTPS_PROXY",)
    assert BASE_ONLY.also("HTTPS_PROXY").withheld(env) == ()


@pytest.mark.parametrize(
    "value", ["me:marked@proxy.example:3128", "http://me:ma/rked@proxy.example", "http://a@b@c:1"]
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxys_password_is_withheld_however_it_is_written(name: str, value: str) -> None:
    assert BASE_ONLY.withheld({name: value}) == (name,)
    assert BASE_ONLY.withheld({name: value.rpartition("@")[2]}) == ()


def test_a_gates_log_does_not_keep_its_secrets(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    made = door(lambda argv: 1)
    said: list[str] = []
    failing = replace(gate(tmp_path), show=said.append, secrets=("line 9",))
    with pytest.raises(ReleaseGateError):
        failing.act({})
    assert made.ran
    assert "line 9" not in said[0] + (tmp_path / "build" / "lint.log").read_text()


def test_a_gate_that_fails_says_what_was_withheld_from_it(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    door(lambda argv: 1)
    said: list[str] = []
    failing = replace(gate(tmp_path), show=said.append, withheld=("AWS_PROFILE", "GH_TOKEN"))
    with pytest.raises(ReleaseGateError):
        failing.act({})
    assert "release.gate-environment names it: AWS_PROFILE, GH_TOKEN" in said[0]


def test_what_the_settings_exempt_is_skipped() -> None:
    step = SkippedGate(name="momentum", why="it has no tests")
    assert step.look({}) == step.act({}) == Look(state="skipped", note="it has no tests")

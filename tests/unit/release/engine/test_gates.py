"""Gates: nox sessions in processes of their own, judged by what they report."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tradai_tasks.backtest.candles import candles_fault
from tradai_tasks.backtest.record import RECORD_FILE, BacktestRecord, GateVerdict
from tradai_tasks.environment_allowance import BASE_ONLY
from tradai_tasks.errors import BacktestRecordError, EvidenceError, ReleaseGateError
from tradai_tasks.release.engine import gates
from tradai_tasks.release.engine.confinement import allowance_of
from tradai_tasks.release.engine.evidence import Evidence, Store, Subject
from tradai_tasks.release.engine.gates import (
    BacktestGate,
    SessionGate,
    SkippedGate,
    backtest_of,
    gate_environment,
)
from tradai_tasks.release.engine.plan import look_at, plan_of
from tradai_tasks.release.engine.step import Look, Stage
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.settings.images import BuildSecret, ImagesSettings
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.publish import IndexSettings, PublishSettings
from tradai_tasks.settings.release import ReleaseSettings

SUBJECT = Subject(tag="momentum-v1.0.0", commit="a" * 40, lock="b" * 64)
RECORD = BacktestRecord(
    strategy="momentum",
    kind="full",
    commit=SUBJECT.commit,
    lock_sha256=SUBJECT.lock,
    data_sha256="d" * 64,
    freqtrade="2026.9",
    start="2025-11-01",
    end="2026-11-01",
    pairs=("BTC/USDT:USDT",),
    timeframe="1h",
    sharpe="closed-trades",
    metrics={"sharpe": 1.5, "trades": 70.0},
    verdicts=(
        GateVerdict(metric="sharpe", value=1.5, relation=">=", threshold=1.0, passed=True),
        GateVerdict(
            metric="profit-factor", value=None, relation=">=", threshold=1.2, passed=True,
            note="infinite: no losing trade",
        ),
    ),
    passed=True,
    files=("report.html",),
)  # fmt: skip

Script = Callable[[list[str]], int]


class Door:
    """Takes the place of `run_logged`: records what would run, and answers by a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.ran: list[list[str]] = []
        self.env: dict[str, str] = {}

    def __call__(  # noqa: PLR0913 - the signature of what it stands for
        self, argv: Sequence[str], *, cwd: Path, log: BinaryIO, env: Any, stop: threading.Event,
        sandbox: Sandbox | None, pass_fds: Sequence[int],
    ) -> int:  # fmt: skip
        assert argv[argv.index("--report") + 1] == f"/dev/fd/{pass_fds[0]}"
        self.sandbox = sandbox
        self.ran.append(list(argv))
        self.env = dict(env)
        log.write(b"".join(b"line %d\n" % n for n in range(100)))
        assert cwd.is_dir()
        assert not stop.is_set()
        return self.script(list(argv))


def report(argv: list[str], *results: tuple[str, str, str | None]) -> None:
    sessions = [
        {"name": name.partition("(")[0], "signatures": [name], "result": result, "reason": reason}
        for name, result, reason in results
    ]
    file = Path(argv[argv.index("--report") + 1])
    file.write_text(json.dumps({"sessions": [{**one, "duration": 1.5} for one in sessions]}))


def passing(argv: list[str]) -> int:
    report(argv, *((name, "success", None) for name in argv[argv.index("-s") + 1 :]))
    return 0


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], Door]:
    def put(script: Script) -> Door:
        made = Door(script)
        monkeypatch.setattr(gates, "run_logged", made)
        return made

    return put


def gate(home: Path, stage: str = "lint", **changed: Any) -> SessionGate:
    given: dict[str, Any] = {
        "name": "momentum",
        "stage": stage,
        "sessions": (f"{stage}(momentum)",),
        "noxfile": home / "noxfile.py",
        "store": Store(folder=home / "build", subject=SUBJECT, key=b"k" * 32),
        "stop": threading.Event(),
        "show": lambda _: None,
        "env": {"PATH": "/bin"},
    }
    return SessionGate(**{**given, **changed})


def keep(store: Store, stage: str, look: Look) -> None:
    store.write(
        Evidence(
            stage=stage, tag=SUBJECT.tag, commit=SUBJECT.commit, lock=SUBJECT.lock,
            verdict="passed", steps={"momentum": look},
        )
    )  # fmt: skip


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


# --- the backtest --------------------------------------------------------------------------------


def backtest(home: Path) -> BacktestGate:
    return BacktestGate(gate=gate(home, "backtest-full"), reports=home / "reports")


def test_a_backtest_that_is_known_to_fail_says_so_before_it_runs(tmp_path: Path) -> None:
    step = replace(backtest(tmp_path), fault=lambda: candles_fault(tmp_path / "data", "momentum"))
    look = step.look({})
    assert (look.state, look.note) == ("todo", "to be run; it would fail")
    assert look.obstacle == (
        f'no candles in {tmp_path / "data"}; fetch them with: nox -s "backtest-data(momentum)"'
    )
    stage = Stage(name="backtest-full", steps=(step,), is_gate=True)
    assert plan_of(look_at([stage], []), []).obstacles == (
        f"backtest-full momentum: {look.obstacle}",
    )
    candles = tmp_path / "data" / "binance" / "futures"
    candles.mkdir(parents=True)
    (candles / "BTC_USDT_USDT-1h-futures.feather").touch()
    assert step.look({}).obstacle == ""
    assert plan_of(look_at([stage], []), []).obstacles == ()


def leaving(home: Path, record: BacktestRecord) -> Script:
    def script(argv: list[str]) -> int:
        (home / "reports").mkdir(exist_ok=True)
        (home / "reports" / RECORD_FILE).write_text(record.as_json())
        (home / "reports" / "report.html").write_text("<p>")
        return passing(argv)

    return script


def test_the_backtests_record_and_report_are_kept(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    door(leaving(tmp_path, RECORD))
    step = backtest(tmp_path)
    assert step.name == "momentum"
    assert step.look({}).state == "todo"
    look = step.act({})
    assert look.note == ("passed: sharpe 1.5 >= 1, profit-factor infinite: no losing trade >= 1.2")
    known = {"backtest-full": {"momentum": look.record}}
    assert backtest_of(known, "backtest-full", "momentum") == RECORD
    store = step.gate.store
    # what was kept is what was read, whatever becomes of the reports
    (tmp_path / "reports" / "report.html").write_text("forged")
    keep(store, "backtest-full", look)
    assert store.contents("backtest-full")["report.html"] == b"<p>"
    assert sorted(store.require("backtest-full").files) == [RECORD_FILE, "report.html"]
    assert step.look({}).state == "done"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"strategy": "ml-rsi"}, "is of strategy 'ml-rsi', and this release is of strategy"),
        (
            {"kind": "smoke", "verdicts": ()},
            "is of kind 'smoke', and this release is of kind 'full'",
        ),
        ({"commit": "c" * 40}, f"is of commit '{'c' * 40}'"),
        ({"lock_sha256": "c" * 64}, f"is of lock '{'c' * 64}'"),
        ({"dirty": True}, "ran with uncommitted changes"),
        ({"passed": False}, "did not pass its gates"),
    ],
)
def test_a_backtest_of_something_else_is_refused(
    tmp_path: Path, door: Callable[[Script], Door], changed: dict[str, Any], said: str
) -> None:
    door(leaving(tmp_path, replace(RECORD, **changed)))
    with pytest.raises(EvidenceError) as caught:
        backtest(tmp_path).act({})
    assert said in str(caught.value)
    assert str(caught.value).endswith("run it again: nox -s 'backtest-full(momentum)'")


def test_a_backtest_that_leaves_no_record_is_refused(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    leaving(tmp_path, RECORD)(["--report", str(tmp_path / "r"), "-s"])
    door(passing)  # it says that it passed, but the record is an earlier run's
    with pytest.raises(BacktestRecordError, match="no such file; run the backtest first"):
        backtest(tmp_path).act({})


def test_a_link_in_a_backtests_report_is_not_followed(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    (tmp_path / "key").write_text("only the release reads it")
    leave = leaving(tmp_path, RECORD)

    def script(argv: list[str]) -> int:
        status = leave(argv)
        (tmp_path / "reports" / "report.html").unlink()
        (tmp_path / "reports" / "report.html").symlink_to(tmp_path / "key")
        return status

    door(script)
    step = backtest(tmp_path)
    with pytest.raises(BacktestRecordError, match="is no file, or a link leads there"):
        step.act({})
    assert not (step.gate.store.folder / "backtest-full").exists()


def test_a_link_in_the_place_of_a_log_is_not_followed(
    tmp_path: Path, door: Callable[[Script], Door]
) -> None:
    key = tmp_path / "key"
    key.write_text("only the release reads it: line 9")
    log = tmp_path / "build" / "lint.log"

    def script(argv: list[str]) -> int:
        log.unlink()
        log.symlink_to(key)
        report(argv, ("lint(momentum)", "failed", "no"))
        return 1

    door(script)
    said: list[str] = []
    with pytest.raises(ReleaseGateError):
        gate(tmp_path, show=said.append, secrets=("line 9",)).act({})
    assert "only the release" not in said[0]
    assert key.read_text() == "only the release reads it: line 9"


def test_evidence_of_a_backtest_is_judged_by_its_record(tmp_path: Path) -> None:
    step = backtest(tmp_path)
    keep(step.gate.store, "backtest-full", Look(state="done", note="passed"))
    assert step.look({}).note.startswith("to be run: evidence of backtest-full: it holds no")
    raw = json.loads(replace(RECORD, passed=False).as_json())
    keep(step.gate.store, "backtest-full", Look(state="done", note="", record={"backtest": raw}))
    assert "did not pass its gates" in step.look({}).note
    raw = {**json.loads(RECORD.as_json()), "verdicts": []}
    keep(step.gate.store, "backtest-full", Look(state="done", note="", record={"backtest": raw}))
    assert "a full backtest passed with no gate" in step.look({}).note

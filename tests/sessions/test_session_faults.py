"""What sessions make of things that are rarely so: tools that die, odd layouts, real checkouts."""

from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nox.virtualenv
import pytest
from nox.command import CommandFailed
from packaging.requirements import Requirement
from packaging.version import Version

from tests.support.inprocess import InProcess, failed
from tests.support.platform_sessions import (
    CLEAN,
    LOCK,
    PLATFORM,
    ROOT,
    STRATEGIES,
    after,
    benchmark_script,
    names,
    reports,
    security_script,
)
from tests.support.real import REPOSITORY
from tests.support.repos import Repo
from tests.support.run_records import write_record
from tests.support.trees import project
from tradai_tasks.sessions.core.environments import environment

DOCUMENT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))

BENCHMARKED = LOCK.replace('{ name = "ruff" }', '{ name = "ruff" }, { name = "pytest-benchmark" }')


def test_an_aggregate_that_was_selected_by_a_keyword_refuses_arguments_itself(
    run: InProcess,
) -> None:
    noxfile = (
        "import tradai_tasks\n\ntradai_tasks.register(exclude=['lint', 'typecheck', 'test'])\n"
    )
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-k", "check", "--", "-x")
    failed(ran, "check: takes no arguments after `--`")


def test_sigterm_ends_a_session_with_a_line_as_an_interrupt_does(run: InProcess) -> None:
    def script(argv: Sequence[str]) -> int:
        if argv[0] == "ruff":
            signal.raise_signal(signal.SIGTERM)
        return 0

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        ran = run.files(PLATFORM)("-s", "lint", "typecheck", script=script)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ran.status == 130  # as after Ctrl-C
    assert "Session lint interrupted." in ran.log
    assert not ran.starting("mypy")


def test_a_tool_that_cannot_be_started_is_named(run: InProcess) -> None:
    def script(argv: Sequence[str]) -> int:
        if argv[0] == "ruff":
            raise CommandFailed("Program ruff not found")
        return 0

    failed(run.files(PLATFORM)("-s", "lint", script=script), "ruff: Program ruff not found")


def test_a_floor_of_the_package_goes_before_the_settings(run: InProcess, tmp_path: Path) -> None:
    own = project("a", "[tool.tradai-tasks]\nfloor = 12.5")
    settings = "[tool.tradai-tasks.test]\nfloor = 99\n"
    files = {**PLATFORM, "libs/a/pyproject.toml": own, "pyproject.toml": ROOT + settings}
    low = reports(tmp_path, "test-a", percent=12)
    failed(
        run.files(files)("-s", "test(a)", script=low), "coverage 12 % is under its floor of 12.5"
    )
    low = reports(tmp_path, "test-b", percent=98)
    failed(run("-s", "test(b)", script=low), "coverage 98 % is under its floor of 99 %")


def test_a_locked_pytest_cov_is_not_installed_again(run: InProcess, tmp_path: Path) -> None:
    locked = LOCK.replace('{ name = "ruff" }', '{ name = "ruff" }, { name = "pytest-cov" }')
    script = reports(tmp_path, "test-a")
    ran = run.files({**PLATFORM, "uv.lock": locked})("-s", "test(a)", script=script)
    assert ran.status == 0, ran.log
    assert ran.starting("uv", "pip", "install") == []


# --- security ------------------------------------------------------------------------------------


def test_a_package_without_sources_is_said_and_its_lock_still_audited(run: InProcess) -> None:
    files = {"pyproject.toml": ROOT, "uv.lock": LOCK, "libs/a/pyproject.toml": project("a")}
    ran = run.files(files)("-s", "security", script=security_script(None, CLEAN))
    assert ran.status == 0, ran.log
    assert "there is no source to scan" in ran.log
    assert "2 of 2 locked distributions audited" in ran.log


def test_findings_are_annotated_where_github_looks(run: InProcess) -> None:
    finding = {
        "filename": "././libs/a/src/a/x.py", "line_number": 3, "test_id": "B105",
        "issue_severity": "LOW", "issue_confidence": "MEDIUM", "issue_text": "password",
    }  # fmt: skip
    script = security_script({"results": [finding], "errors": []}, CLEAN)
    ran = run.files(PLATFORM)("-s", "security", script=script, env={"GITHUB_ACTIONS": "true"})
    failed(ran, "bandit found faults: libs/a/src/a/x.py:3: B105 ")
    assert "::error file=libs/a/src/a/x.py,line=3::B105" in ran.out


# --- perf ----------------------------------------------------------------------------------------


def test_a_baseline_is_a_checkout_of_the_commit_and_is_removed_again(
    run: InProcess, tmp_path: Path
) -> None:
    home = tmp_path / "below" / "here"  # the workspace root need not be git's
    run.home = home
    home.mkdir(parents=True)
    run.files({**PLATFORM, "uv.lock": BENCHMARKED, ".gitignore": ".nox/\nbuild/\n"})
    repo = Repo.init(tmp_path)
    commit = repo.commit()
    (home / "libs/a/tests/test_a.py").write_text("def test_b(benchmark): ...\n")
    seen: list[str] = []
    medians = iter([0.0000025, 3.0])

    def script(argv: Sequence[str]) -> int:
        if "--benchmark-only" not in argv:
            return 0
        seen.append((Path.cwd() / argv[-1] / "test_a.py").read_text())
        return int(benchmark_script(home, next(medians))(argv))

    ran = run("-s", "perf(a)", "--", "--baseline", commit, "-q", script=script)
    assert ran.status == 0, ran.log
    assert ["test_b" in text for text in seen] == [True, False]
    assert f"against {commit[:12]}, measured in this run" in " ".join(ran.out.split())
    assert "2.50 us" in ran.out
    assert all("-q" in command for command in ran.starting("python", "-m", "pytest"))
    assert repo.git("worktree", "list").count("\n") == 0


def test_a_benchmark_that_is_gone_is_shown_and_is_no_fault(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradai_tasks.sessions.checks.testing import perf

    monkeypatch.setattr(perf, "baseline_commit", lambda *_: ("c" * 40, "why"))
    before: dict[str, Any] = {
        "benchmarks": [{"fullname": "test_old", "stats": {"median": 1.0}}],
    }
    monkeypatch.setattr(perf._Bench, "measure_at", lambda *_: (before, "against it"))
    files = {**PLATFORM, "uv.lock": BENCHMARKED}
    ran = run.files(files)("-s", "perf(a)", script=benchmark_script(run.home), env={"CI": "true"})
    assert ran.status == 0, ran.log
    assert "gone" in ran.out
    assert "not compared" in ran.out


# --- contract, integration -----------------------------------------------------------------------


def test_contract_without_a_compose_file_leaves_services_to_the_tests(run: InProcess) -> None:
    def write_it(argv: Sequence[str]) -> int:
        junit = next(w.partition("=")[2] for w in argv if w.startswith("--junit-xml="))
        write_record(Path(junit).with_name("record"))
        return 0

    files = {**PLATFORM, "tests/test_c.py": "@pytest.mark.contract"}
    ran = run.files(files)("-s", "contract", script=after(["--junit-xml"], write_it))
    assert ran.status == 0, ran.log
    assert "no compose file: the tests bring what they need" in ran.log
    assert ran.starting("docker") == []


def test_pytest_may_come_from_any_package_for_tests_by_marker(run: InProcess) -> None:
    lock = LOCK.replace('dev = [{ name = "pytest" }, { name = "ruff" }]', "dev = []")
    own = '[dependency-groups]\ntest = ["pytest"]\n'
    with_own = lock.replace(
        'name = "b"\nversion = "1.0"\nsource = { editable = "libs/b" }',
        'name = "b"\nversion = "1.0"\nsource = { editable = "libs/b" }\n'
        '[package.dev-dependencies]\ntest = [{ name = "pytest" }]',
    )
    files = {**PLATFORM, "uv.lock": with_own, "libs/b/pyproject.toml": project("b", own)}
    ran = run.files(files)("-s", "integration")
    assert ran.starting("python", "-m", "pytest")
    without = run.files({**PLATFORM, "uv.lock": lock})("-s", "integration")
    assert without.starting("uv", "pip", "install")[0][3:] == ["pytest==1.0"]


# --- typecheck -----------------------------------------------------------------------------------


def test_projects_apart_are_type_checked_apart(run: InProcess) -> None:
    files = {
        **STRATEGIES,
        "tradai-tasks.toml": 'kind = "platform"\n[typecheck]\nstrict = true\n',
        "strategies/none/pyproject.toml": project("none"),
        "strategies/none/uv.lock": "version = 1\n",
    }
    ran = run.files(files)("-s", "typecheck")
    assert ran.status == 0, ran.log
    assert [folder.name for folder in ran.folders if folder != run.home][-2:] == ["fast", "slow"]
    assert all("--strict" in command for command in ran.starting("mypy"))
    assert "no package has code to check" in ran.log


def test_a_workspace_root_without_packages_of_its_project_is_passed_over(run: InProcess) -> None:
    files = {
        "pyproject.toml": "[tool.uv.workspace]\nmembers = []\n"
        '[tool.tradai-tasks]\nmembers = ["x"]\n',
        "x/pyproject.toml": project("x"),
        "x/src/x/__init__.py": "",
        "x/uv.lock": 'version = 1\n[[package]]\nname = "x"\n',
        "uv.lock": "version = 1\n",
    }
    ran = run.files(files)("-s", "typecheck")
    assert ran.status == 0, ran.log
    assert len(ran.starting("mypy")) == 1
    assert ran.folders[-1].name == "x"
    assert json.loads(run("-l", "--json").out)
    assert "test(x)" in names(run("-l"))


@pytest.mark.parametrize("session", ["lint", "test(a)", "typecheck", "security", "lock"])
def test_an_old_uv_is_reported_in_one_line_before_it_is_used(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    monkeypatch.setattr(nox.virtualenv, "UV_VERSION", Version("0.5.9"), raising=False)
    monkeypatch.setattr(nox.virtualenv, "UV", "/opt/uv", raising=False)
    ran = run.files(PLATFORM)("-s", session)
    failed(ran, "/opt/uv: uv 0.5.9 is too old, sessions need 0.9 or newer; upgrade it with: uv ")
    used = [c for c in ran.commands if Path(c[0]).name == "uv" and c[1] != "venv"]
    assert not used
    assert run("-l").status == 0


def test_a_uv_that_the_tests_need_does_not_install_them(run: InProcess) -> None:
    def script(argv: Sequence[str]) -> int:
        if argv[1] == "venv":
            (Path(argv[4]) / "bin").mkdir(parents=True)
            (Path(argv[4]) / "bin/uv").touch(mode=0o755)
        return 0

    ran = run.files(PLATFORM)("-s", "test(a)", script=script)
    used = [Path(one[0]) for one in ran.commands if Path(one[0]).name == "uv" and one[1] == "sync"]
    assert used
    assert all(one.is_absolute() and run.home not in one.parents for one in used)


def test_the_least_uv_is_the_one_that_the_package_asks_for() -> None:
    least = next(
        Requirement(text) for text in DOCUMENT["project"]["dependencies"] if text.startswith("uv")
    )
    assert str(least.specifier) == f">={environment.OLDEST_UV}"
    assert DOCUMENT["tool"]["uv"]["required-version"] == str(least.specifier)

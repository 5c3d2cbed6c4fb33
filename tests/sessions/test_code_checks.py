"""lint, fmt and typecheck: their commands, and what they make of the outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, Script, failed
from tests.support.platform_sessions import PLATFORM, ROOT, STRATEGIES, after
from tradai_tasks.checks.lock_check import LockState
from tradai_tasks.sessions.core.environments import environment

RUFF_CHECK = ["ruff", "check", "--no-fix", "--no-fix-only"]  # whatever its configuration says
_JSON = "--output-format=json-lines"


def test_lint_uses_the_locked_ruff_and_annotates_in_ci(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-s", "lint")
    assert ran.status == 0
    assert ran.starting("uv", "pip", "install")[0][3:] == ["ruff==1.0"]
    assert ran.starting("ruff", "check")[0] == [*RUFF_CHECK, _JSON, "."]
    assert ran.starting("ruff", "format") == [["ruff", "format", "--check", "."]]
    ran = run("-s", "lint", "--", "libs", script=ruff_script(60), env={"GITHUB_ACTIONS": "true"})
    assert "::error file=libs/a.py,line=1::F401 unused 0" in ran.out
    assert "libs/a.py:50:3: F401 unused 49" in ran.out
    assert "unused 50" not in ran.out
    assert "Would reformat: libs/b.py" in ran.out
    assert "nox > the first 50 of 60 lines are shown; all of them: nox -v -s lint" in ran.log
    failed(ran, "lint: ruff found faults, the first of 61: libs/a.py:1: F401 unused 0; apply auto")
    whole = run("-v", "-s", "lint", "--", "libs", script=ruff_script(60))
    assert "libs/a.py:60:3: F401 unused 59" in whole.out
    assert "::error" not in whole.out
    one = run("-s", "lint", script=ruff_script(0))
    failed(one, "lint: ruff found faults: libs/b.py: not formatted; apply automatic fixes with")


def ruff_script(count: int) -> Script:
    """ruff with a number of findings, and a file that it would reformat."""

    def script(words: Sequence[str]) -> int:
        if words[:2] == ["ruff", "check"] and "--show-files" not in words:
            for number in range(count):
                place = {"row": number + 1, "column": 3}
                entry = {"cell": None, "code": "F401", "fix": None, "message": f"unused {number}"}
                print(json.dumps({**entry, "filename": "libs/a.py", "location": place}))
            return int(count > 0)
        if words[:3] == ["ruff", "format", "--check"]:
            print("libs/b.py:2:1: unformatted: File would be reformatted")
            return 1
        return 0

    return script


def test_lint_runs_all_before_it_fails_and_names_the_remedy(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-s", "lint", script=after(["ruff", "check"], lambda _: 1))
    failed(ran, "lint: ruff found faults; apply automatic fixes with: nox -s fmt")
    assert ran.starting("ruff", "format")


def test_lint_commands_run_with_everything_installed(run: InProcess) -> None:
    settings = '[tool.tradai-tasks.lint]\ncommands = [["lint-imports"]]\n'
    files = {**PLATFORM, "pyproject.toml": ROOT + settings}
    ran = run.files(files)("-s", "lint")
    assert ran.starting("uv", "sync")[0][-3:] == ["--all-packages", "--group", "dev"]
    assert ["lint-imports"] in ran.commands
    ran = run("-s", "lint", script=after(["lint-imports"], lambda _: 1))
    failed(ran, "lint: lint-imports failed; its message is above")


def test_what_ruff_does_not_look_at_is_named_and_nothing_at_all_fails(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {**PLATFORM, "bin/load": "#!/usr/bin/env python3\n", "libs/a/src/a/types.pyi": ""}
    ran = run.files(files)("-s", "lint")
    assert ran.status == 0, ran.log
    assert ran.starting("ruff", "check")[0] == [*RUFF_CHECK, _JSON, ".", "bin/load"]
    # the stand-in for ruff finds files that end in .py
    assert "not linted, by ruff's configuration" in ran.log
    assert "of git: bin/load, libs/a/src/a/types.pyi" in ran.log
    (run.home / "docs").mkdir()
    helped = run("-s", "lint", "--", "docs")
    failed(helped, "lint: ruff finds no Python file in docs, so nothing was linted")


def test_a_strategy_is_linted_in_its_folder_import_sorting_included(run: InProcess) -> None:
    ran = run.files(STRATEGIES)("-s", "lint(fast)", "fmt(fast)")
    assert ran.starting("ruff", "check")[0] == [*RUFF_CHECK, "--extend-select", "I", _JSON, "."]
    folder = ran.folders[ran.commands.index(ran.starting("ruff", "check")[0])]
    assert folder.name == "fast"
    failing = run("-s", "lint(fast)", script=after(["--extend-select"], lambda _: 1))
    failed(failing, 'nox -s "fmt(fast)"')


def test_fmt_fixes_and_says_what_it_could_not(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-s", "fmt")
    fix = ["ruff", "check", "--fix", "--no-fix-only", "."]
    assert ran.starting("ruff") == [fix, ["ruff", "format", "."]]
    failed(
        run("-s", "fmt", script=after(["--fix"], lambda _: 1)),
        "fmt: ruff could not fix everything",
    )


def test_typecheck_runs_over_all_and_names_itself_where_it_fails(run: InProcess) -> None:
    files = {**PLATFORM, "libs/a/mypy.ini": "[mypy]\n"}
    ran = run.files(files)("-s", "typecheck", "--", "--pdb")
    first, second = ran.starting("mypy")
    assert (first[-2:], second[-2:]) == (["--pdb", "src/a"], ["--pdb", "libs/b/src/b"])
    assert ran.folders[ran.commands.index(first)] == run.home / "libs/a"
    assert "mypy is in no lock file here" in ran.log
    failing = run("-s", "typecheck", script=after(["mypy", "--show-error-codes"], lambda _: 1))
    failed(failing, "typecheck: mypy found faults; check again with: nox -s typecheck")


def test_sources_that_mypy_excludes_are_left_out(run: InProcess) -> None:
    files = {**PLATFORM, "pyproject.toml": ROOT + "[tool.mypy]\nexclude = ['libs/']\n"}
    ran = run.files(files)("-s", "typecheck")
    assert ran.status == 0
    assert ran.starting("mypy") == []
    assert "excluded by mypy's configuration: libs/a/src/a/__init__.py libs/b/src" in ran.log


def test_a_strategy_is_strict_and_its_protocols_are_judged(run: InProcess) -> None:
    ran = run.files(STRATEGIES)("-s", "typecheck(fast)")
    (mypy,) = ran.starting("mypy")
    assert "--strict" in mypy
    module = Path(run.home / "strategies/fast" / mypy[-1]).resolve()
    assert module.name == "protocol_compliance.py"
    assert "from fast import A as Class0" in module.read_text()
    failing = run("-s", "typecheck(fast)", script=after(["mypy", "--strict"], lambda _: 1))
    failed(failing, 'check again with: nox -s "typecheck(fast)"')


def test_protocols_without_code_are_no_pass(run: InProcess) -> None:
    files = {**STRATEGIES, "strategies/fast/src/fast_strategy/__init__.py": ""}
    del files["strategies/fast/src/fast_strategy/__init__.py"]
    ran = run.files(files)("-s", "typecheck(fast)")
    failed(ran, "typecheck: settings name Protocols, but there is no code to check")


def test_a_tool_that_cannot_be_installed_is_named(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-s", "lint", script=after(["uv", "pip", "install"], lambda _: 1))
    failed(ran, "lint: ruff==1.0 could not be installed; uv's message is above")
    assert not ran.starting("ruff")


def test_a_failed_install_points_to_the_lock(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "state_of", lambda *_: LockState(file="uv.lock", state=state))
    state: Any = "unknown"
    ran = run.files(PLATFORM)("-s", "typecheck", script=after(["uv", "sync"], lambda _: 2))
    failed(
        ran, "uv sync failed; its message is above; if the lock file is out of date: nox -s lock"
    )
    state = "stale"
    ran = run("-s", "typecheck", script=after(["uv", "sync"], lambda _: 2))
    failed(ran, "typecheck: stale: uv.lock; make it fresh with: nox -s lock")


def test_the_group_that_has_the_type_checker_is_installed_whatever_its_name(run: InProcess) -> None:
    files = {**PLATFORM, "pyproject.toml": f'{ROOT}checking = ["mypy>1"]\n'}
    ran = run.files(files)("-s", "typecheck")
    assert ran.starting("uv", "sync")[0][-2:] == ["--group", "checking"]

"""The test sessions, check and ratchet: their commands and floors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, failed
from tests.support.platform_sessions import LOCK, PLATFORM, ROOT, names, reports
from tests.support.trees import project


def test_a_package_is_tested_in_its_folder_with_its_floor(run: InProcess, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    ran = run.files(PLATFORM)(
        "-s", "test(a)",
        script=reports(tmp_path, "test-a"),
        env={"GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert ran.status == 0, ran.log
    (pytest_,) = ran.starting("python")
    assert pytest_[-1] == "tests"
    assert "--cov=src/a" in pytest_
    assert "--cov-fail-under=0" in pytest_  # judged afterwards, on its own code
    assert ran.folders[-1] == tmp_path / "libs/a"
    assert "pytest-cov is in no lock file here" in ran.log
    assert "| a | 2 | 0 | 0 | 99 % | 60 % | passed |" in summary.read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"failures": 1},
            "a: 1 of 2 tests failed, the first at libs/a/tests/test_a.py (test_0); narrow it down ",
        ),
        ({"percent": 10}, "a: coverage 10 % is under its floor of 60 %"),
        ({"tests": 0}, "a: no tests collected"),
    ],
)
def test_a_test_run_fails_with_its_reason(
    run: InProcess, tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    failed(run.files(PLATFORM)("-s", "test(a)", script=reports(tmp_path, "test-a", **more)), said)


@pytest.mark.parametrize(
    ("file", "outermost"),
    [("conftest.py", "."), ("libs/conftest.py", "libs"), ("libs/__init__.py", "libs"),
     ("libs/b/conftest.py", "libs/a"), ("libs/a/conftest.py", "libs/a")],
)  # fmt: skip
def test_pytest_begins_no_further_out_than_a_conftest_applies(
    run: InProcess, tmp_path: Path, file: str, outermost: str
) -> None:
    ran = run.files({**PLATFORM, file: ""})("-s", "test(a)", script=reports(tmp_path, "test-a"))
    (pytest_,) = ran.starting("python")
    assert f"--confcutdir={tmp_path / outermost}" in pytest_


def test_coverage_does_not_end_pytest_over_what_its_configuration_includes(
    run: InProcess, tmp_path: Path
) -> None:
    files = {**PLATFORM, ".coveragerc": "[run]\ninclude =\n    libs/*\n"}
    ran = run.files(files)("-s", "test(a)", script=reports(tmp_path, "test-a"))
    assert "-Wignore:--include is ignored" in ran.starting("python")[0]


def test_root_tests_with_no_code_to_answer_for_have_no_floor(
    run: InProcess, tmp_path: Path
) -> None:
    files = {**PLATFORM, "tests/test_all.py": "def test_all(benchmark): ...\n"}
    ran = run.files(files)("-s", "test(root)", script=reports(tmp_path, "test-root"))
    assert ran.status == 0, ran.log
    assert "no code that these tests answer for: the coverage floor of 60 % does not" in ran.log
    (sync,) = ran.starting("uv", "sync")
    assert sync[-3:] == ["--all-packages", "--group", "dev"]
    (pytest_,) = ran.starting("python")
    assert not any(word.startswith("--cov") for word in pytest_)
    assert "perf(root)" in names(run("-l"))


def test_sessions_run_on_a_python_that_the_packages_allow(run: InProcess) -> None:
    narrower = project("b").replace("[build", 'requires-python = ">=3.99"\n[build')
    ran = run.files({**PLATFORM, "libs/b/pyproject.toml": narrower})("-l")
    assert ran.status == 0
    narrower = project("b").replace("[build", 'requires-python = "==3.9.*"\n[build')
    asked = ["-l", "--json", "-s", "fmt", "lint", "typecheck", "test(a)"]
    ran = run.files({**PLATFORM, "libs/b/pyproject.toml": narrower})(*asked)
    found = {entry["session"]: entry["python"] for entry in json.loads(ran.out)}
    assert found["test(a)"] == found["typecheck"] == "3.9"
    assert found["lint"] is found["fmt"] is None  # ruff does not care
    settings = '[tool.tradai-tasks.lint]\ncommands = [["lint-imports"]]\n'
    ran = run.files({"pyproject.toml": ROOT + settings})(*asked)
    assert {entry["session"]: entry["python"] for entry in json.loads(ran.out)}["lint"] == "3.9"


def test_arguments_narrow_a_run_and_paths_replace_the_packages(
    run: InProcess, tmp_path: Path
) -> None:
    ran = run.files(PLATFORM)(
        "-s",
        "test(a)",
        "--",
        "tests/test_a.py",
        "-q",
        script=reports(tmp_path, "test-a", percent=1),
    )
    assert ran.status == 0, ran.log
    assert ran.starting("python")[0][-3:-1] == ["tests/test_a.py", "-q"]
    assert "the coverage floor of 60 % does not apply" in ran.log


def test_check_names_packages_without_tests_last(run: InProcess, tmp_path: Path) -> None:
    files = {**PLATFORM, "libs/b/tests/test_b.py": "def test_b(): ...\n"}
    del files["libs/a/tests/test_a.py"]
    ran = run.files(files)("-s", "check", script=reports(tmp_path, "test-b"))
    assert ran.status == 0, ran.log
    line = "no tests: a; add some, or make this a failure by the setting `test.require = true`"
    assert line in ran.log.partition("Session test(b) was successful")[2]
    (run.home / "services/c").mkdir(parents=True)
    (run.home / "services/c/Dockerfile").touch()
    failed(run("-s", "test(a)"), "a: no tests collected: libs/a has code but no test")
    without = ROOT + "[tool.tradai-tasks]\ntest.require = false\n"
    assert "test(a)" not in names(run.files({"pyproject.toml": without})("-l"))


def test_ratchet_raises_a_floor_to_what_was_measured(run: InProcess, tmp_path: Path) -> None:
    files = {**PLATFORM, "libs/b/src/b/__init__.py": ""}
    del files["libs/b/pyproject.toml"], files["libs/b/src/b/__init__.py"]
    del files["libs/b/tests/test_b.py"]
    files["pyproject.toml"] = f"{ROOT}[tool.tradai-tasks.packages]\na.floor = 40  # as measured\n"
    ran = run.files(files)("-s", "ratchet", script=reports(tmp_path, "test-a", percent=71.9))
    assert ran.status == 0, ran.log
    assert "a: floor raised from 40 to 71 %" in ran.log
    assert "a.floor = 71  # as measured\n" in (run.home / "pyproject.toml").read_text()
    script = reports(tmp_path, "test-a", percent=80, failures=1)
    assert run("-s", "ratchet", script=script).status != 0
    assert "a.floor = 71  # as measured\n" in (run.home / "pyproject.toml").read_text()


def test_a_package_without_tests_or_lock_or_pytest_says_so(run: InProcess) -> None:
    files = dict(PLATFORM)
    del files["libs/a/tests/test_a.py"]
    stated = ROOT + '[tool.tradai-tasks]\nkind = "platform"\n'
    failed(
        run.files({**files, "pyproject.toml": stated})("-s", "test(a)"),
        "a: no tests collected: libs/a has code but no test",
    )
    (run.home / "uv.lock").write_text(LOCK.replace('{ name = "pytest" }, ', ""))
    assert run("-s", "test(b)").starting("uv", "pip", "install")[0][3:] == ["pytest==1.0"]
    (run.home / "uv.lock").unlink()
    failed(run("-s", "test(b)"), "uv.lock: no lock file; make it with: nox -s lock")

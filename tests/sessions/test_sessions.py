"""The sessions in-process: which commands they would run, and what they make of the outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, Ran, Script, run
from tests.support.run_records import write_record
from tests.support.trees import project
from tradai_tasks.checks.lock_check import LockState
from tradai_tasks.sessions.core.environments import environment

__all__ = ["run"]

ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[dependency-groups]
dev = ["pytest", "ruff"]
"""
LOCK = """\
version = 1

[manifest]
members = ["a", "b"]

[manifest.dependency-groups]
dev = [{ name = "pytest" }, { name = "ruff" }]
"""
for _name, _source in (
    ("a", '{ editable = "libs/a" }'),
    ("b", '{ editable = "libs/b" }'),
    ("pytest", '{ registry = "https://index.example" }'),
    ("ruff", '{ registry = "https://index.example" }'),
):
    LOCK += f'\n[[package]]\nname = "{_name}"\nversion = "1.0"\nsource = {_source}\n'
PLATFORM = {
    "pyproject.toml": ROOT,
    "uv.lock": LOCK,
    "libs/a/pyproject.toml": project("a"),
    "libs/a/src/a/__init__.py": "",
    "libs/a/tests/test_a.py": "def test_a(benchmark): ...\n",
    "libs/b/pyproject.toml": project("b"),
    "libs/b/src/b/__init__.py": "",
    "libs/b/tests/test_b.py": "import pytest\n@pytest.mark.integration\ndef test_b(): ...\n",
}
_OWN = (
    '[dependency-groups]\ndev = ["pytest"]\n[tool.tradai-tasks]\n'
    'protocols = [{{ class = "{0}:A", protocol = "p:P" }}]'
)
STRATEGIES = {
    f"strategies/{name}/{file}": text
    for name in ("fast", "slow")
    for file, text in {
        "pyproject.toml": project(f"{name}-strategy", _OWN.format(name)),
        f"src/{name}_strategy/__init__.py": "",
        f"tests/test_{name}.py": "",
        "uv.lock": f'version = 1\n[[package]]\nname = "{name}-strategy"\nversion = "1"\n'
        '[package.dev-dependencies]\ndev = [{ name = "pytest" }]\n'
        '[[package]]\nname = "pytest"\nversion = "9"\n',
    }.items()
}


def names(ran: Ran) -> list[str]:
    return [line[2:].split(" ")[0] for line in ran.out.splitlines() if line[:2] in {"* ", "- "}]


def failed(ran: Ran, *passages: str) -> None:
    assert ran.status != 0, ran.log
    for passage in passages:
        assert passage in ran.log, ran.log
    assert "Traceback" not in ran.log


def after(words: Sequence[str], action: Any) -> Any:
    """A script that acts when a command has all the words, an option with or without its value.

    Whole words: paths in a command hold whatever the folders of this machine are called.
    """

    def script(argv: Sequence[str]) -> int:
        given = {word.partition("=")[0] for word in [Path(argv[0]).name, *argv[1:]]}
        return int(action(argv) or 0) if given >= set(words) else 0

    return script


# --- listing -------------------------------------------------------------------------------------


def test_a_platform_lists_its_sessions_and_check_alone_is_default(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-l")
    assert names(ran) == [
        "fmt", "lint", "typecheck", "test(a)", "test(b)", "security",
        "inventory", "results", "lock", "bump",
        "doctor",
        "changes", "affected", "perf(a)", "integration",
        "tag", "gate", "workflows",
        "release", "build", "publish",
        "codeartifact-login", "check", "ratchet",
    ]  # fmt: skip
    chosen = {line[2:].split(" ")[0] for line in ran.out.splitlines() if line.startswith("* ")}
    assert chosen == {"lint", "typecheck", "test(a)", "test(b)", "check"}


def test_strategies_list_a_session_each(run: InProcess) -> None:
    listed = names(run.files(STRATEGIES)("-l"))
    assert {"lint(fast)", "fmt(slow)", "typecheck(fast)", "test(slow)", "ci(fast)", "ci"} <= set(
        listed
    )
    assert "contract" not in listed


def test_several_pythons_name_the_tests_after_them(run: InProcess) -> None:
    settings = '[tool.tradai-tasks]\npython = ["3.11", "3.12"]\n'
    files = {**PLATFORM, "pyproject.toml": ROOT + settings}
    listed = names(run.files(files)("-l"))
    assert {"test-3.11(a)", "test-3.12(a)", "test-3.12(b)"} <= set(listed)
    one = {**PLATFORM, "pyproject.toml": ROOT + '[tool.tradai-tasks]\npython = "3.12"\n'}
    assert "test(a)" in names(run.files(one)("-l"))


def test_sessions_can_be_left_out_for_ones_own(run: InProcess) -> None:
    noxfile = (
        "import nox\nimport tradai_tasks\n\n"
        'tradai_tasks.register(exclude="lint", settings={"packages": {"b": {"test": False}}})\n\n\n'
        "@nox.session\ndef lint(session):\n    session.run('mine')\n"
    )
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-l")
    assert names(ran).count("lint") == 1
    assert "test(b)" not in names(ran)
    bad = noxfile.replace('exclude="lint"', 'exclude=["lnt", "perf"]')
    failed(
        run.files({"noxfile.py": bad})("-l"),
        "tradai-tasks: register(exclude=...): no session is called 'lnt'; did you mean 'lint'?",
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("exclude=3", "register(exclude=...): expected names of sessions, got `int`"),
        ("exclude=[3]", "register(exclude=...): expected names of sessions, got `int`"),
        ("settings='x'", "register(settings=...): expected a table, got `str`"),
        ("settings={3: 4}", "3: expected the name of a key, got `int`"),
    ],
)
def test_register_says_what_it_cannot_take(run: InProcess, call: str, said: str) -> None:
    noxfile = f"import tradai_tasks\n\ntradai_tasks.register({call})\n"
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-l")
    failed(ran, said)
    assert (ran.status, len(ran.log.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("own", "given", "what", "hint"),
    [
        (["perf"], "", "a session 'perf'", "['perf']"),
        (["check", "other", "test", "lint"], "", "sessions 'check', 'lint', 'test'", None),
        (["test", "lint"], "exclude=['typecheck', 'lint']", "a session 'test'", None),
    ],
)
def test_sessions_that_are_there_already_are_not_overridden(
    run: InProcess, own: list[str], given: str, what: str, hint: str | None
) -> None:
    """All of them are named at once, and the hint is all that is to be written."""
    defined = "".join(f"@nox.session\ndef {name}(session): ...\n\n" for name in own)
    noxfile = f"import nox\nimport tradai_tasks\n\n{defined}tradai_tasks.register({given})\n"
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-l")
    said = f"tradai-tasks: register(): the noxfile has {what} already; leave the library's out: "
    failed(ran, said + (f"register(exclude={hint})" if hint else "register(exclude=["))
    assert ran.status == 2
    called = ran.log.rpartition("out: ")[2].strip()
    fixed = noxfile.replace(f"register({given})", called)
    assert run.files({**PLATFORM, "noxfile.py": fixed})("-l").status == 0


def test_the_same_python_twice_is_one(run: InProcess) -> None:
    settings = '[tool.tradai-tasks]\npython = ["3.11", "3.11"]\n'
    ran = run.files({**PLATFORM, "pyproject.toml": ROOT + settings})("-l")
    assert names(ran).count("test-3.11(a)") == 1


def test_a_fault_in_the_settings_is_one_line_and_status_2(run: InProcess) -> None:
    files = {**PLATFORM, "pyproject.toml": ROOT + "[tool.tradai-tasks]\nx = 1\ny = 1\n"}
    ran = run.files(files)("-l")
    assert ran.status == 2
    assert len(ran.log.strip().splitlines()) == 2


def test_tags_select_a_package(run: InProcess) -> None:
    listed = run.files(PLATFORM)("-l", "-t", "a").out
    assert "* test(a)" in listed
    assert "* perf(a)" in listed
    assert "* test(b)" not in listed


@pytest.mark.parametrize(
    "args",
    [["-s", "check"], ["--session", "check"], ["-e", "check", "lint"], ["-s", "test(a)", "check"]],
)
def test_aggregates_refuse_arguments_before_anything_runs(run: InProcess, args: list[str]) -> None:
    ran = run.files(PLATFORM)(*args, "--", "-x")
    failed(ran, "check: takes no arguments after `--`")
    assert ran.commands == []
    assert run("-s", "test(a)", "--", "--co").starting("python")


def test_an_aggregate_named_by_the_environment_refuses_too(run: InProcess) -> None:
    failed(run.files(PLATFORM)("--", "-x", env={"NOXSESSION": "check"}), "takes no arguments")


def test_an_unknown_session_is_noxs_own_line(run: InProcess) -> None:
    failed(run.files(PLATFORM)("-s", "nope(a)"), "Sessions not found: nope(a)")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-s", "test(aa)"], "test(aa): no package of that name; did you mean 'a'?"),
        (["-s", "lint", "test(nope)"], "test(nope): no package of that name"),
        (["-rs", "test(nope)"], "test(nope): no package of that name"),
        (["--session=perf(nope)", "--", "-x"], "perf(nope): no package of that name"),
        (["-s", "test(A)"], "test(A): no such session; write it test(a)"),
        (["-s", "test-3.12(a)"], "test-3.12(a): no such session; there is test(a)"),
        (["-s", "test(off)"], "test(off): no such session; settings say that off has no tests"),
        (
            ["-s", "test(c)"],
            "test(c): no such session; c has no tests of its own, it is tested by test(root)",
        ),
        (["-s", "perf(d)"], "perf(d): no such session; d has no tests"),
    ],
)
def test_a_packages_session_that_is_not_there_is_one_line_with_the_reason(
    run: InProcess, args: list[str], said: str
) -> None:
    files = {
        **PLATFORM,
        "libs/c/pyproject.toml": project("c"),
        "libs/c/src/c/__init__.py": "",
        "libs/d/pyproject.toml": project("d"),
        "libs/off/pyproject.toml": project("off", "[tool.tradai-tasks]\ntest = false"),
        "libs/off/src/off/__init__.py": "",
        "tests/test_c.py": "",
    }
    ran = run.files(files)(*args)
    failed(ran, f"tradai-tasks: {said}")
    assert (ran.status, len(ran.log.splitlines()), ran.commands) == (2, 1, [])


def test_a_root_whose_tests_all_have_sessions_of_their_own_says_so(run: InProcess) -> None:
    root = f'[project]\nname = "whole"\nversion = "1"\n{ROOT}'
    marked = "import pytest\n\npytestmark = pytest.mark.contract\n"
    files = {**PLATFORM, "pyproject.toml": root, "tests/test_all.py": marked}
    failed(
        run.files(files)("-s", "test(whole)"),
        "test(whole): no such session; all tests of whole have sessions of their own: contract",
    )


def test_a_package_named_by_the_environment_is_checked_too(run: InProcess) -> None:
    ran = run.files(PLATFORM)(env={"NOXSESSION": "lint, test(nope)"})
    failed(ran, "test(nope): no package of that name")
    assert run("-s", "lint", env={"NOXSESSION": "test(nope)"}).status == 0


# --- lint, fmt, typecheck ------------------------------------------------------------------------


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


def test_fmt_mends_and_says_what_it_could_not(run: InProcess) -> None:
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


# --- test ----------------------------------------------------------------------------------------


def reports(
    home: Path, session: str, *, tests: int = 2, failures: int = 0, percent: float = 99
) -> Any:
    def write_them(_: Any) -> int:
        folder = home / "build/reports/test" / session
        outcomes = {
            f"tests/test_a.py::test_{number}": "failed" if number < failures else "passed"
            for number in range(tests)
        }
        write_record(folder / "record", outcomes=outcomes, home=str(home / "libs/a"))
        summary = {"covered_lines": percent, "num_statements": 100}
        entry = {"summary": summary, "missing_lines": []}
        files = {f"src/{name}/__init__.py": entry for name in "ab"}
        (folder / "coverage.json").write_text(json.dumps({"files": files}))
        return 1 if failures else 0

    return after(["python", "-m", "pytest"], write_them)


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


def test_the_group_that_has_the_type_checker_is_installed_whatever_its_name(run: InProcess) -> None:
    files = {**PLATFORM, "pyproject.toml": f'{ROOT}checking = ["mypy>1"]\n'}
    ran = run.files(files)("-s", "typecheck")
    assert ran.starting("uv", "sync")[0][-2:] == ["--group", "checking"]


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


# --- security, lock ------------------------------------------------------------------------------


def security_script(bandit: Any, dependencies: Any) -> Any:
    def script(argv: Sequence[str]) -> int:
        output = next((w.partition("=")[2] for w in argv if w.startswith("--output=")), "")
        if argv[0] == "bandit" and bandit is not None:
            # as bandit: lines of code of each file, and all together
            metrics = {
                word: {"loc": len(Path(word).read_text().splitlines())}
                for word in argv
                if word.startswith("./")
            }
            report = {"metrics": {**metrics, "_totals": {}}, **bandit}
            Path(output).write_text(json.dumps(report))
        if argv[0] == "pip-audit" and dependencies is not None:
            Path(output).write_text(json.dumps({"dependencies": dependencies}))
        return 0

    return script


CLEAN = [
    {"name": "pytest", "version": "1.0", "vulns": []},
    {"name": "ruff", "version": "1.0", "vulns": []},
]
QUIET: dict[str, list[Any]] = {"results": [], "errors": []}


def test_security_is_clean_where_both_tools_say_so(run: InProcess) -> None:
    files = {
        **PLATFORM,
        "pyproject.toml": ROOT
        + "[tool.bandit]\nskips = []\n[tool.tradai-tasks.security]\nservice-url = 'http://127.0.0.1:1'\n",
    }
    files["services/web/Dockerfile"] = files["services/web/app.py"] = ""
    files["libs/a/src/a/tests/test_in.py"] = ""
    ran = run.files(files)("-s", "security", script=security_script(QUIET, CLEAN))
    assert ran.status == 0, ran.log
    (bandit,) = ran.starting("bandit")
    assert "--configfile" in bandit
    assert [word for word in bandit if word.startswith("./")] == [
        "./libs/a/src/a/__init__.py",
        "./libs/b/src/b/__init__.py",
        "./services/web/app.py",
    ]
    assert "--osv-url=http://127.0.0.1:1" in ran.starting("pip-audit")[0]
    assert "2 of 2 locked distributions audited" in ran.log


def test_a_file_that_bandit_does_not_read_to_its_end_fails(run: InProcess) -> None:
    files = {**PLATFORM, "libs/a/src/a/x.py": "one = 1\n\n# note\ntwo = 2\n"}
    metrics = {
        "./libs/a/src/a/__init__.py": {"loc": 0},
        "./libs/a/src/a/x.py": {"loc": 1},
        "_totals": {"loc": 1},
    }
    script = security_script({**QUIET, "metrics": metrics}, CLEAN)
    failed(
        run.files(files)("-s", "security", script=script),
        "2 of 3 files not read, or not to their end: libs/b/src/b/__init__.py, "
        "libs/a/src/a/x.py (1 of 2 lines)",
    )


def test_an_exclusion_leaves_out_what_it_names_and_nothing_else(run: InProcess) -> None:
    excluding = "[tool.bandit]\nexclude_dirs = ['test', {}]\nskips = ['B404']\n"
    files = {**PLATFORM, "libs/a/src/backtest/__init__.py": "", "libs/a/src/a/old/x.py": ""}
    files["pyproject.toml"] = ROOT + excluding.format("'old'")
    ran = run.files(files)("-s", "security", script=security_script(QUIET, CLEAN))
    assert ran.status == 0, ran.log
    assert "not scanned, by exclude_dirs 'old': libs/a/src/a/old/x.py" in ran.log
    (bandit,) = ran.starting("bandit")
    assert "./libs/a/src/backtest/__init__.py" in bandit
    kept = json.loads(Path(bandit[bandit.index("--configfile") + 1]).read_text())
    assert kept == {"skips": ["B404"]}
    run.files({"pyproject.toml": ROOT + excluding.format("'src'")})
    failed(
        run("-s", "security", script=security_script(QUIET, CLEAN)),
        "bandit: exclude_dirs 'src' leaves out all source of libs/a; narrow it, or name",
        "leaves out all source of libs/b",
    )


def test_security_fails_for_each_reason_and_names_all(run: InProcess) -> None:
    finding = {
        "filename": "x.py", "line_number": 1, "test_id": "B105", "issue_severity": "LOW",
        "issue_confidence": "MEDIUM", "issue_text": "password",
    }  # fmt: skip
    report = {"results": [finding], "errors": [{"filename": "y.py", "reason": "syntax"}]}
    advisory = {"id": "CVE-1", "aliases": [], "fix_versions": ["2"]}
    audited = [{**CLEAN[0], "vulns": [advisory]}, {"name": "ruff", "skip_reason": "unknown"}]
    ran = run.files(PLATFORM)("-s", "security", script=security_script(report, audited))
    failed(
        ran,
        "bandit could not read y.py: syntax",
        "bandit found faults: x.py:1: B105 (low severity, medium confidence) password; fix them",
        "pip-audit found advisories: pytest 1.0: CVE-1, fixed in 2; upgrade with: nox -s lock -- ",
        "1 of 2 locked distributions could not be audited (ruff), such as ruff 1.0: unknown (",
    )
    assert "x.py:1: B105" in ran.out
    failed(
        run("-s", "security", script=security_script(None, None)),
        "bandit: exit status 0 and no report",
        "pip-audit: failed without a report",
    )


def test_lock_makes_checks_and_upgrades(run: InProcess) -> None:
    ran = run.files(STRATEGIES)("-s", "lock", "--", "--upgrade", "--upgrade-package", "x")
    assert [c[2:] for c in ran.commands] == [
        ["--project", f"strategies/{n}", "--upgrade", "--upgrade-package=x"]
        for n in ("fast", "slow")
    ]
    assert "2 lock files up to date" in ran.log
    one = after(["strategies/slow"], lambda _: 1)
    failed(run("-s", "lock", script=one), "lock: uv could not lock strategies/slow; see above")
    failed(run("-s", "lock", "--", "--bogus"), "unrecognized arguments: --bogus")
    helped = run("-s", "lock", "--", "--help")
    assert helped.status == 0
    assert "--upgrade-package NAME" in helped.out


# --- perf, contract, integration -----------------------------------------------------------------


def test_perf_needs_the_fixture_and_the_locked_plugin(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-s", "perf(b)")
    failed(ran, "perf(b): no such session; no test of b takes the `benchmark` fixture")
    failed(run("-s", "perf(a)"), "pytest-benchmark is not locked for a, yet its tests use it")


def benchmark_script(home: Path, median: float = 1.0) -> Any:
    def write_it(argv: Sequence[str]) -> int:
        output = next(w.partition("=")[2] for w in argv if w.startswith("--benchmark-json="))
        stats = [{"fullname": "test_a", "stats": {"median": median}}]
        Path(output).write_text(json.dumps({"benchmarks": stats}))
        return 0

    return after(["--benchmark-only"], write_it)


def test_perf_is_not_compared_on_a_laptop_and_fails_with_pytest(run: InProcess) -> None:
    locked = LOCK.replace('{ name = "ruff" }', '{ name = "ruff" }, { name = "pytest-benchmark" }')
    files = {**PLATFORM, "uv.lock": locked}
    ran = run.files(files)("-s", "perf(a)", script=benchmark_script(run.home, 0.002))
    assert ran.status == 0, ran.log
    assert "2.000 ms" in ran.out
    assert "not compared" in ran.out
    failed(
        run("-s", "perf(a)", script=after(["--benchmark-only"], lambda _: 1)), "the benchmarks of"
    )


def test_integration_runs_marked_tests_package_by_package(run: InProcess, tmp_path: Path) -> None:
    def verdict(status: int = 0, **outcomes: str | None) -> Any:
        def write_it(argv: Sequence[str]) -> int:
            junit = next(w.partition("=")[2] for w in argv if w.startswith("--junit-xml="))
            folder = Path(junit).with_name("record")
            if argv[-1] == "tests" and Path.cwd() == tmp_path / "libs/b":
                write_record(folder, outcomes=outcomes)
            else:
                write_record(folder, outcomes={}, removed={"test_a.py::test_a": ()})
            return status

        return after(["pytest", "--junit-xml"], write_it)

    ran = run.files(PLATFORM)("-s", "integration", script=verdict(test_b="passed"))
    assert ran.status == 0, ran.log
    assert [folder.name for folder in ran.folders[-2:]] == ["a", "b"]  # only pytest knows markers
    failing = verdict(1, test_b="passed", test_c="failed")
    failed(run("-s", "integration", script=failing), "integration: 1 of 2 tests failed")
    failed(run("-s", "integration", script=verdict(5)), "no test is marked 'integration'")
    failed(run("-s", "integration", script=verdict(3, test_b="passed")), "exit status 3, though")
    failed(run("-s", "integration", script=verdict(0, test_b="skipped")), "all 1 tests were skip")
    settings = '[tool.tradai-tasks.integration]\npaths = ["nope"]\n'
    (run.home / "pyproject.toml").write_text(ROOT + settings)
    failed(run("-s", "integration"), "nope: no such path; fix the setting integration.paths")


def test_contract_brings_services_up_and_always_down(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradai_tasks.sessions.checks.testing import marked_tests as services

    monkeypatch.setattr(services, "compose_client", lambda _: ["docker", "compose"])
    files = {**PLATFORM, "compose.yaml": "", "tests/test_c.py": "@pytest.mark.contract"}
    ran = run.files(files)("-s", "contract", script=after(["--junit-xml"], lambda _: 3))
    failed(ran)
    verbs = [next(w for w in ("up", "down", "logs") if w in c) for c in ran.starting("docker")]
    assert verbs == ["up", "down"]
    ran = run("-s", "contract", script=after(["--detach"], lambda _: 1))
    failed(ran, "compose.yaml: its services did not come up; their last output is above")
    assert "down" in ran.commands[-1]

"""`changes`, `affected` and the baseline of `perf`, in-process, on made-up findings."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.support.change_findings import finding, item
from tests.support.inprocess import InProcess, failed
from tests.support.platform_sessions import LOCK, PLATFORM, STRATEGIES, benchmark_script
from tests.support.project import pyproject
from tradai_tasks.errors import GitError
from tradai_tasks.sessions.checks.testing import perf
from tradai_tasks.sessions.ci import changes


def test_json_is_all_that_is_printed(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = finding(monkeypatch, item("a", "because of x"), item("b"))
    ran = run.files(PLATFORM)("-s", "changes", "--", "--json", "--base", "X", "--head", "Y")
    assert ran.status == 0, ran.log
    document = json.loads(ran.out)
    assert document["range"]["why"] == "because"
    assert [job["sessions"] for job in document["matrix"]["include"]] == ["test(a)"]
    assert (calls[0]["base"], calls[0]["head"]) == ("X", "Y")


def test_the_table_the_explanation_and_the_report(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a", "because of x"), item("b"), everything=("all",))
    ran = run.files(PLATFORM)("-s", "changes", "--", "--report")
    assert "1 of 2 packages affected" in ran.out
    assert "a.py" in ran.out
    assert "a warning" in ran.log
    assert "everything is affected: all" in ran.log
    assert "  because of x" in run("-s", "changes", "--", "--explain", "a").out
    assert "b: not affected" in run("-s", "changes", "--", "--explain", "b").out
    assert "  why" in run("-s", "changes", "--", "--explain", "web").out
    failed(run("-s", "changes", "--", "--explain", "zz"), "--explain zz: no package of that name")
    failed(run("-s", "changes", "--", "--explain", ""), "--explain '': no package of that name")
    failed(run("-s", "changes", "--", "--explain", "a\nb"), "--explain a\\nb: no package of that")
    finding(monkeypatch, item("a"), users={})
    empty = run("-s", "changes", "--", "--report")
    assert "no file selects a package other than its own" in empty.out
    helped = run("-s", "changes", "--", "-h")
    assert helped.status == 0
    assert "--explain PKG" in helped.out


def test_outputs_and_summary_in_ci(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finding(monkeypatch, item("a"))
    output, summary = tmp_path / "o", tmp_path / "s"
    env = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    assert run.files(PLATFORM)("-s", "changes", env=env).status == 0
    assert 'matrix={"include":[]}' in output.read_text()
    assert "any=false" in output.read_text()
    assert "mermaid" in summary.read_text()


def test_the_page_is_written_where_it_is_asked_for_or_is_an_error(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finding(monkeypatch, item("a", "because of x"))
    summary = tmp_path / "s"
    env = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_SERVER_URL": "https://s"}
    env |= {"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7"}
    ran = run.files(PLATFORM)("-s", "changes", "--", "--html", env=env)
    assert "the page is " in ran.log
    page = (run.home / "build" / "reports" / "changes.html").read_text()
    assert "<td>test(a)</td><td>a</td>" in page
    assert "runs/7#artifacts" in summary.read_text()
    asked = run("-s", "changes", "--", "--json", "--html", "mine.html")
    json.loads(asked.out)
    assert (run.home / "mine.html").read_text() == page
    failed(
        run("-s", "changes", "--", "--html", "no/where.html"),
        "no/where.html: cannot be written: No such file or directory; name a file in a folder ",
    )


def test_json_stays_json_whatever_else_is_asked_for(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a", "because of x"))
    ran = run.files(PLATFORM)("-s", "changes", "--", "--json", "--report", "--explain", "a")
    assert json.loads(ran.out)["range"]["why"] == "because"
    assert "a warning" in ran.log
    assert "a.py" in ran.log
    assert "  because of x" in ran.log
    failed(run("-s", "changes", "--", "--json", "--explain", "zz"), "no package of that name")


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_file_of_the_ci_that_cannot_be_written_is_one_line(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    finding(monkeypatch, item("a"))
    run.files(PLATFORM)
    for place in (tmp_path, tmp_path / "nowhere" / "file"):
        ran = run("-s", "changes", env={variable: str(place)})
        failed(ran, f"{variable}: {place}: cannot be written: ")


@pytest.mark.parametrize(
    "glob", ["/{home}/r/*.json", "r/a**.json", "r", "./", "**", "r/*", "../*/r/*.json"]
)
def test_globs_of_reports_are_read_as_they_come(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, glob: str
) -> None:
    finding(monkeypatch, item("a", "x"))
    table = f"[tool.tradai-tasks.affected]\ndurations = [{glob.format(home=run.home)!r}]\n"
    report = '{"sessions": [{"signatures": ["test(a)"], "result": "success", "duration": 2}]}'
    files = {"pyproject.toml": PLATFORM["pyproject.toml"] + table, "r/a/b.txt": ""}
    ran = run.files({**PLATFORM, **files, "r/a.json": report})("-s", "changes", "--", "--json")
    if glob == "**":
        failed(ran, "not a report of nox")
    else:
        assert ran.status == 0, ran.log


def test_several_pythons_give_a_job_each(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    finding(monkeypatch, item("a", "x"))
    settings = '[tool.tradai-tasks]\npython = ["3.11", "3.12"]\n'
    files = {**PLATFORM, "pyproject.toml": PLATFORM["pyproject.toml"] + settings}
    document = json.loads(run.files(files)("-s", "changes", "--", "--json").out)
    assert [job["sessions"] for job in document["matrix"]["include"]] == [
        "test-3.11(a)",
        "test-3.12(a)",
    ]


@pytest.mark.parametrize(
    ("path", "more", "expected"),
    [
        ("libs/a/x.py", {"packages": (item("a", "x"), item("b"))}, ["test(a)", "test(root)"]),
        ("tests/test_all.py", {}, ["test(root)"]),
        ("compose.yaml", {}, ["test(root)"]),
        ("infra/__main__.py", {}, ["test(root)"]),
        ("services/web/x.py", {"services": (item("web", "x"),)}, ["test(root)"]),
        ("README.md", {"docs": ("README.md",)}, []),
        ("docs/read/deep.md", {"docs": ("docs/read/deep.md",)}, ["test(root)"]),
    ],
)
def test_tests_of_a_root_that_is_no_package_run_where_they_may_see_the_change(
    run: InProcess,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    more: dict[str, Any],
    expected: list[str],
) -> None:
    items = more.pop("packages", (item("a"), item("b")))
    finding(monkeypatch, *items, **{"changed": (path,), "services": (), **more})
    files = {**PLATFORM, "tests/test_all.py": "", "tests/inner/test_it.py": "ROOT / 'docs'"}
    document = json.loads(run.files(files)("-s", "changes", "--", "--json").out)
    assert [job["sessions"] for job in document["matrix"]["include"]] == expected


def test_sessions_of_the_noxfile_itself_stand_in_for_those_left_out(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a", "x"), item("b", "x"))
    own = """
import nox
import tradai_tasks

tradai_tasks.register(exclude=["lint", "typecheck", "test"])


@nox.session
def lint(session): ...


@nox.session(python=["3.11"])
def typecheck(session): ...


@nox.session
@nox.parametrize("package", [nox.param("a", id="a")])
def test(session, package): ...
"""
    both = {"libs/b/src/b/__init__.py": "", "libs/b/pyproject.toml": '[project]\nname = "b"\n'}
    ran = run.files({**PLATFORM, **both, "noxfile.py": own})("-s", "changes", "--", "--json")
    sessions = [job["sessions"] for job in json.loads(ran.out)["matrix"]["include"]]
    assert sessions == ["test(a)"]
    assert "b is affected, but the noxfile has no session that tests it" in ran.log
    (command,) = run("-s", "affected").commands
    assert selected(command) == ["lint", "typecheck", "test(a)"]


def test_a_strategys_job_lints_and_checks_types_too(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("fast", "x"), item("slow"), sessions={"lint": "ruff"})
    document = json.loads(run.files(STRATEGIES)("-s", "changes", "--", "--json").out)
    assert [job["sessions"] for job in document["matrix"]["include"]] == [
        "lint(fast),typecheck(fast),test(fast)",
        "lint(slow)",
    ]


def selected(command: Sequence[str]) -> list[str]:
    """The sessions that a nox command names."""
    rest = command[command.index("--session") + 1 :]
    return list(takewhile(lambda word: not word.startswith("-"), rest))


def test_affected_runs_one_nox_of_the_selected_sessions(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a"), item("b", "x"))
    ran = run.files(PLATFORM)("-s", "affected")
    (command,) = ran.commands
    assert command[1:3] == ["-m", "nox"]
    assert selected(command) == ["lint", "typecheck", "test(b)"]
    assert "--parallel" in command
    failed(run("-s", "affected", script=lambda _: 1), "affected: a session failed; the summary")
    finding(monkeypatch, item("b", "all"), everything=("all",), changed=())
    assert selected(run("-s", "affected").commands[0]) == ["lint", "typecheck", "test(b)"]
    forced = run("-s", "affected", "-P", "3.13", "--reuse-venv=no", "--no-install").commands[0]
    for words in ("--force-python 3.13", "--reuse-venv no", "--no-install"):
        assert words in " ".join(forced)
    finding(monkeypatch, item("a"), changed=())
    quiet = run("-s", "affected")
    assert quiet.commands == []
    assert "nothing that changed affects any check" in quiet.log


def test_a_baseline_is_measured_at_the_merge_base_and_a_slow_down_fails(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    locked = LOCK.replace('{ name = "ruff" }', '{ name = "ruff" }, { name = "pytest-benchmark" }')
    run.files({**PLATFORM, "uv.lock": locked})
    asked: list[str | None] = []

    def commit(_: Path, revision: str | None, __: Any) -> tuple[str | None, str]:
        asked.append(revision)
        return "c" * 40, "merge base"

    base = tmp_path / "base"

    @contextmanager
    def checkout(_: Path, __: str) -> Iterator[Path]:
        yield base

    monkeypatch.setattr(perf, "baseline_commit", commit)
    monkeypatch.setattr(perf, "_checkout", checkout)
    absent = run("-s", "perf(a)", "--", "--baseline=main", script=benchmark_script(run.home))
    assert "not compared: a is not in cccccccccccc" in absent.out
    for name in ("libs/a/pyproject.toml", "libs/a/tests/test_a.py"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("")
    none = run("-s", "perf(a)", "--", "--baseline", "main", script=benchmark_script(run.home))
    assert "no benchmarks of a in cccccccccccc" in " ".join(none.out.split())
    (base / "libs/a/tests/test_a.py").write_text("def test_a(benchmark): ...")
    medians = iter([2.0, 1.0])

    def script(argv: Any) -> int:
        if "--benchmark-only" not in argv:
            return 0
        return int(benchmark_script(run.home, next(medians))(argv))

    slow = run("-s", "perf(a)", env={"CI": "true"}, script=script)
    failed(
        slow, "a: 1 benchmark slower than the merge base by more than 25 %; worst: test_a by 100"
    )
    assert asked == ["main", "main", None]
    assert (base / "uv.lock").is_file()


def test_garbage_is_collected_again_after_the_session(
    run: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding(monkeypatch, item("a"), changed=())
    for name in ("changes", "affected"):
        assert run.files(PLATFORM)("-s", name).status == 0
        assert gc.isenabled()
    seen: list[bool] = []

    def fail(*_: object, **__: object) -> Any:
        seen.append(gc.isenabled())
        raise GitError("no")

    monkeypatch.setattr(changes, "analyse_change", fail)
    for name in ("changes", "affected"):
        assert run("-s", name).status != 0
        assert gc.isenabled()
    assert seen == [False, False]


def test_many_smoke_backtests_share_jobs(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """GitHub refuses a matrix of more than 256 jobs."""
    names = [f"s{number:03}" for number in range(300)]
    output = tmp_path / "o"
    files = {f"strategies/{name}/pyproject.toml": pyproject(f"{name}-strategy") for name in names}
    run.files({"pyproject.toml": "[tool.tradai-tasks]\nkind = 'strategies'\n", **files})

    def smoke(*chosen: str) -> list[dict[str, str]]:
        items = tuple(item(name, "why") for name in chosen)
        finding(monkeypatch, *items, strategies=items, services=())
        output.unlink(missing_ok=True)
        ran = run("-s", "changes", env={"GITHUB_OUTPUT": str(output)})
        assert ran.status == 0, ran.log
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        assert json.loads(outputs["backtested"]) == list(chosen)
        found: list[dict[str, str]] = json.loads(outputs["smoke"])["include"]
        return found

    assert smoke("s001") == [
        {
            "name": "s001",
            "data": "backtest-data(s001)",
            "smoke": "backtest-smoke(s001)",
            "cache": f"s001-{sys.version_info[0]}.{sys.version_info[1]}",
        }
    ]
    jobs = smoke(*names)
    assert len(jobs) == 64
    for kind in ("data", "smoke"):
        sessions = [one for job in jobs for one in job[kind].split(",")]
        assert sorted(sessions) == [f"backtest-{kind}({name})" for name in names]


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("notes-v2.0.0", "tag notes-v2.0.0: no strategy is called 'notes'; known are fast, slow"),
        ("fast-v1.0.0.1", "tag fast-v1.0.0.1: '1.0.0.1' is no semantic version"),
        ("fast-v1.0.0", ""),
        ("notes-2", ""),  # only a workflow of the user's runs for it
    ],
)
def test_a_tag_that_releases_no_strategy_is_refused_before_any_check(
    run: InProcess, monkeypatch: pytest.MonkeyPatch, tag: str, said: str
) -> None:
    calls = finding(monkeypatch, item("fast", "why"))
    env = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": f"refs/tags/{tag}"}
    ran = run.files(STRATEGIES)("-s", "changes", env=env)
    if said:
        failed(ran, said)
    else:
        assert ran.status == 0, ran.log
    assert bool(calls) is not bool(said)

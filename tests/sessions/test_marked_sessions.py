"""perf, integration and contract: which tests they run, and on what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, failed
from tests.support.platform_sessions import LOCK, PLATFORM, ROOT, after, benchmark_script
from tests.support.run_records import write_record


def test_perf_needs_the_fixture_and_the_locked_plugin(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-s", "perf(b)")
    failed(ran, "perf(b): no such session; no test of b takes the `benchmark` fixture")
    failed(run("-s", "perf(a)"), "pytest-benchmark is not locked for a, yet its tests use it")


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

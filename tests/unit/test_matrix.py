"""The CI matrix: every task in exactly one job, never more jobs than allowed, deterministic."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradai_tasks.errors import CheckFailedError
from tradai_tasks.matrix import Task, build_matrix, read_durations


def task(package: str, python: str = "3.11") -> Task:
    return Task(package=package, python=python, sessions=(f"test({package})",))


def test_one_job_a_package_while_they_are_few() -> None:
    jobs = build_matrix([task("b"), task("a")], max_jobs=64)
    assert [job.as_json() for job in jobs] == [
        {"name": "a", "sessions": "test(a)", "packages": "a", "python": "3.11", "cache": "a-3.11"},
        {"name": "b", "sessions": "test(b)", "packages": "b", "python": "3.11", "cache": "b-3.11"},
    ]


def test_a_second_python_shows_in_the_jobs_name_and_versions_sort_as_numbers() -> None:
    tasks = [
        Task(package="a", python=python, sessions=(f"test-{python}(a)",))
        for python in ("3.11", "3.9")
    ]
    assert [job.name for job in build_matrix(tasks, max_jobs=8)] == ["a (3.9)", "a (3.11)"]


def test_nothing_affected_gives_no_job() -> None:
    assert build_matrix([], max_jobs=8) == ()


def test_durations_balance_the_jobs() -> None:
    seconds = {"test(slow)": 100.0, "test(a)": 10.0, "test(b)": 10.0, "test(c)": 10.0}
    tasks = [task(name) for name in ("a", "b", "c", "slow")]
    jobs = build_matrix(tasks, max_jobs=2, durations=seconds)
    assert [job.packages for job in jobs] == [("slow",), ("a", "b", "c")]
    assert jobs[1].as_json()["sessions"] == "test(a),test(b),test(c)"
    assert jobs[1].name == "2: a and 2 more (3.11)"


def test_even_fewer_jobs_than_pythons() -> None:
    tasks = [task(name, python) for name in "ab" for python in ("3.11", "3.12")]
    (job,) = build_matrix(tasks, max_jobs=1)
    assert job.as_json()["python"] == "3.11,3.12"
    assert len(job.sessions) == 4


@given(
    packages=st.integers(0, 700),
    pythons=st.sampled_from([("3.11",), ("3.11", "3.12"), ("3.11", "3.12", "3.13")]),
    max_jobs=st.integers(1, 256),
    timed=st.booleans(),
    seed=st.integers(),
)
def test_every_task_runs_exactly_once_in_at_most_max_jobs(
    packages: int, pythons: tuple[str, ...], max_jobs: int, timed: bool, seed: int
) -> None:
    tasks = [
        Task(package=f"p{n}", python=python, sessions=(f"test-{python}(p{n})",))
        for n in range(packages)
        for python in pythons
    ]
    dice = random.Random(seed)
    seconds = {t.sessions[0]: dice.uniform(0, 300) for t in tasks if timed and dice.random() < 0.8}
    jobs = build_matrix(tasks, max_jobs=max_jobs, durations=seconds)
    dice.shuffle(tasks)
    assert jobs == build_matrix(tasks, max_jobs=max_jobs, durations=seconds)
    assert len(jobs) <= min(max_jobs, 256)
    ran = [session for job in jobs for session in job.sessions]
    assert sorted(ran) == sorted(session for t in tasks for session in t.sessions)
    assert len({job.name for job in jobs}) == len(jobs)
    if len(pythons) <= max_jobs:
        assert all(len(job.pythons) == 1 for job in jobs)


def test_durations_come_from_nox_reports(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    sessions = [
        {"signatures": ["test(a)"], "result": "success", "duration": 2.5},
        {"signatures": ["test(b)"], "result": "failed", "duration": 0.1},
    ]
    report.write_text(json.dumps({"result": 1, "sessions": sessions}))
    assert read_durations([report]) == {"test(a)": 2.5}


_ODD = '{"sessions": [{"signatures": ["a"], "result": "success", "duration": %s}]}'


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"sessions": [1]}', '{"sessions": [{}]}', "[" * 100_000]
    + [_ODD % value for value in ("NaN", "Infinity", "-1", '"x"', "null")],
)
def test_a_file_that_is_no_report_is_an_error(tmp_path: Path, text: str) -> None:
    report = tmp_path / "report.json"
    report.write_text(text)
    with pytest.raises(CheckFailedError, match=r"report\.json: not a report of nox"):
        read_durations([report])


def test_a_report_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match=r"cannot be read: Is a directory"):
        read_durations([tmp_path])


def test_the_sessions_of_a_job_fit_into_one_variable() -> None:
    names = [f"package-{'x' * 60}-{number:04}" for number in range(1000)]
    tasks = [task(name, python) for name in names for python in ("3.11", "3.12", "3.13")]
    jobs = build_matrix(tasks, max_jobs=1)
    assert len(jobs) > 1
    assert max(len(job.as_json()["sessions"].encode()) for job in jobs) < 128 * 1024
    assert sum(len(job.sessions) for job in jobs) == 3000

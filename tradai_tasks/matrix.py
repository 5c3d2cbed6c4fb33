"""Divide the sessions of affected packages into the jobs of a CI matrix."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from tradai_tasks.errors import CheckFailedError

# GitHub Actions refuses a matrix with more jobs in one workflow run.
MOST_JOBS = 256
# bytes of session names in a job, on average: Linux takes 128 KiB in one variable
_NAMES = 48 * 1024


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions of one package on one Python, from which jobs are made."""

    package: str  # the id in the brackets of the session's name
    python: str  # "3.11"
    sessions: tuple[str, ...]  # nox's exact names, which run together


class MatrixJob(msgspec.Struct, frozen=True, kw_only=True):
    """One job of the matrix."""

    name: str
    sessions: tuple[str, ...]
    packages: tuple[str, ...]
    pythons: tuple[str, ...]

    @property
    def cache(self) -> str:
        """The part of a cache's key that is this job's: what it installs, without a comma."""
        what = self.packages[0] if len(self.packages) == 1 else self.name.partition(":")[0]
        return "-".join([what, *self.pythons])

    def as_json(self) -> dict[str, str]:
        """Return the job as the workflow reads it; several values stand comma-separated."""
        return {
            "name": self.name,
            "sessions": ",".join(self.sessions),
            "packages": ",".join(self.packages),
            "python": ",".join(self.pythons),
            "cache": self.cache,
        }


def build_matrix(
    tasks: Iterable[Task], *, max_jobs: int, durations: Mapping[str, float] | None = None
) -> tuple[MatrixJob, ...]:
    """Divide tasks into jobs: one each if they are few, else balanced groups.

    Balance is greedy, longest first into the least loaded job (Graham's LPT rule, at most 4/3 of
    the best). Every task is in exactly one job, and equal input gives equal jobs.

    There are at most `max_jobs` on all Pythons together, up to 256; more where the names of their
    sessions would not fit into a variable. `durations` are seconds that sessions took before;
    others count with the mean.
    """
    ordered = sorted(tasks, key=lambda task: (task.package, _version(task.python), task.sessions))
    limit = min(max(max_jobs, _jobs_for(ordered)), MOST_JOBS)
    pythons = sorted({task.python for task in ordered}, key=_version)
    if len(ordered) <= limit:
        return tuple(_single(task, several=len(pythons) > 1) for task in ordered)
    seconds = {task: _seconds(task, durations or {}) for task in ordered}
    if len(pythons) > limit:  # fewer jobs than Pythons: all share
        groups = _balanced(ordered, limit, seconds)
    else:
        groups = []
        for python, count in _shares(ordered, pythons, limit).items():
            held = [task for task in ordered if task.python == python]
            groups += _balanced(held, count, seconds)
    return tuple(_group(number, group) for number, group in enumerate(groups, start=1))


def read_durations(files: Iterable[Path]) -> dict[str, float]:
    """Return how long sessions took, in seconds, from files of `nox --report`; the last wins.

    Raises:
        CheckFailedError: A file is not such a report, or cannot be read.
    """
    found: dict[str, float] = {}
    for file in files:
        try:
            report = json.loads(file.read_text(encoding="utf-8"))
            for session in report["sessions"]:
                if session["result"] == "success":
                    seconds = float(session["duration"])
                    if not 0 <= seconds < math.inf:  # NaN would make the order undefined
                        raise ValueError(seconds)
                    found.update(dict.fromkeys(session["signatures"], seconds))
        except OSError as error:
            raise CheckFailedError(
                f"{file}: cannot be read: {error.strerror}; the setting affected.durations names it"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise CheckFailedError(
                f"{file}: not a report of nox; make it with: nox --report {file.name}"
            ) from None
    return found


def _jobs_for(tasks: Iterable[Task]) -> int:
    """Return in how many jobs the names of all sessions fit, each job's in one variable."""
    names = sum(len(session.encode()) + 1 for task in tasks for session in task.sessions)
    return math.ceil(names / _NAMES)


def _shares(tasks: Sequence[Task], pythons: Sequence[str], limit: int) -> dict[str, int]:
    """Divide the jobs evenly among the Pythons, at least one each."""
    each, left = divmod(limit, len(pythons))
    shares = {}
    for position, python in enumerate(pythons):
        held = sum(task.python == python for task in tasks)
        shares[python] = min(held, each + (position < left))
    return shares


def _balanced(tasks: Sequence[Task], count: int, seconds: Mapping[Task, float]) -> list[list[Task]]:
    groups: list[list[Task]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for task in sorted(tasks, key=lambda task: (-seconds[task], task.package, task.python)):
        least = min(range(count), key=lambda position: (loads[position], position))
        groups[least].append(task)
        loads[least] += seconds[task]
    return [group for group in groups if group]


def _seconds(task: Task, durations: Mapping[str, float]) -> float:
    mean = sum(durations.values()) / len(durations) if durations else 1.0
    # never 0, so that tasks without a figure still spread
    return sum(max(durations.get(session, mean), 1e-3) for session in task.sessions)


def _single(task: Task, *, several: bool) -> MatrixJob:
    name = f"{task.package} ({task.python})" if several else task.package
    return MatrixJob(
        name=name, sessions=task.sessions, packages=(task.package,), pythons=(task.python,)
    )


def _group(number: int, tasks: Sequence[Task]) -> MatrixJob:
    ordered = sorted(tasks, key=lambda task: (task.package, _version(task.python)))
    packages = tuple(dict.fromkeys(task.package for task in ordered))
    pythons = tuple(sorted({task.python for task in ordered}, key=_version))
    shown = packages[0] if len(packages) == 1 else f"{packages[0]} and {len(packages) - 1} more"
    return MatrixJob(
        name=f"{number}: {shown} ({', '.join(pythons)})",
        sessions=tuple(session for task in ordered for session in task.sessions),
        packages=packages,
        pythons=pythons,
    )


def _version(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split(".") if part.isdigit())

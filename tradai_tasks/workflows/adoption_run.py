"""Run the checks of a repository once, in a copy of it, to find out what is green as it is."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tradai_tasks.checks.floors import FIGURES, measured_floors
from tradai_tasks.errors import CommandFailedError
from tradai_tasks.files.file_tree import join
from tradai_tasks.process import run, usable_cores
from tradai_tasks.report import say
from tradai_tasks.repository import Repository, base_of, read_repository
from tradai_tasks.vcs.file_list import list_files
from tradai_tasks.workflows.adoption import Adoption, Outcome, other_formatter, severity_of
from tradai_tasks.workspace.lock_file import read_lock

_SESSIONS = ("lint", "typecheck", "test", "security")
_DROPPED = ("NOX", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "GITHUB_")  # of who runs this
# nothing to fall below, and every finding counts
_MEASURING: Mapping[str, Any] = {"test": {"floor": 0.0, "require": False}}


def measure(repository: Repository) -> Adoption:
    """Run lint, typecheck, test and security in a copy, show how far it is, return what was found.

    Raises:
        CommandFailedError: The copy cannot be made, or nox cannot list its sessions.
    """
    locked = {
        name
        for project in repository.workspace.projects
        for name in read_lock(repository.tree, project).by_name
    }
    with _copy(repository) as home:
        _write_noxfile(home, _MEASURING)
        names = _names(home)
        count = f"{len(names)} session{'s' * (len(names) != 1)}"
        say(f"running {count} once, in a copy, to see what is green as it is:")
        outcomes = [*_run_all(home, names)]
        formatter = None
        for outcome in [one for one in outcomes if one.status and base_of(one.session) == "lint"]:
            formatter = formatter or other_formatter(repository.tree, locked)
            if formatter is not None:
                _write_noxfile(home, {**_MEASURING, "lint": {"format": False}})
                (again,) = _run_all(home, [outcome.session])
                outcomes[outcomes.index(outcome)] = again
        if all(one.status for one in outcomes if base_of(one.session) == "lint"):
            formatter = None  # it would be red anyhow
        severity, findings = severity_of(
            one.output for one in outcomes if one.session == "security" and one.status
        )
        if findings and severity:
            _write_noxfile(home, {**_MEASURING, "security": {"severity": severity}})
            (again,) = _run_all(home, ["security"])
            outcomes = [again if one.session == "security" else one for one in outcomes]
        floors = measured_floors(sorted((home / "build/reports/test").glob(f"*/{FIGURES}")))
    return Adoption(
        floors=floors,
        untested=_untested(repository),
        unseen=repository.inventory.unseen,
        formatter=formatter,
        severity=severity or "low",
        findings=findings if severity else 0,
        faults=tuple(one for one in outcomes if one.status),
    )


def _untested(repository: Repository) -> tuple[str, ...]:
    """Return the packages with code and without tests, whether or not they must have some."""
    there = read_repository(repository.root, repository.tree, _MEASURING)
    return tuple(map(there.workspace.session_id, there.shares.untested))


@contextmanager
def _copy(repository: Repository) -> Iterator[Path]:
    """Yield a copy of the files that git tracks or would, with its history and the lock files."""
    root = repository.root
    with TemporaryDirectory(prefix="tradai-adopt-") as scratch:
        top = next((one for one in (root, *root.parents) if (one / ".git").exists()), None)
        home = Path(scratch) / "copy"
        if top is not None:
            run(["git", "clone", "--quiet", "--local", str(top), str(home)], cwd=scratch)
            home /= root.relative_to(top)
        home.mkdir(parents=True, exist_ok=True)
        locks = [join(project, "uv.lock") for project in repository.workspace.projects]
        for path in dict.fromkeys([*list_files(root)[0], *locks]):
            source, target = root / path, home / path
            if source.is_symlink() or not source.is_file():
                continue  # a link is in the clone; what was deleted is not read
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        yield home


def _write_noxfile(home: Path, settings: Mapping[str, Any]) -> None:
    (home / "noxfile.py").write_text(
        f"import tradai_tasks\n\ntradai_tasks.register(settings={settings!r})\n", encoding="utf-8"
    )


def _nox(home: Path, *args: str) -> tuple[int, str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    argv = [sys.executable, "-P", "-m", "nox", *args]  # -P: not a nox.py of the repository
    done = run(argv, cwd=home, env={**env, "NO_COLOR": "1"}, check=False)
    return done.returncode, done.text, done.error_text


def _names(home: Path) -> list[str]:
    status, out, err = _nox(home, "-l", "--json")
    if status:
        raise CommandFailedError(f"init: the sessions cannot be listed: {err.splitlines()[-1]}")
    found = [str(entry["session"]) for entry in json.loads(out)]
    return [name for name in found if base_of(name) in _SESSIONS]


def _run_all(home: Path, names: list[str]) -> Iterator[Outcome]:
    """Run sessions, as many at once as there are cores, and yield each when it is done."""

    def one(name: str) -> tuple[Outcome, float]:
        began = time.monotonic()
        status, out, err = _nox(home, "-s", name)
        outcome = Outcome(session=name, status=status, output=f"{out}\n{err}")
        return outcome, time.monotonic() - began

    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        for done in as_completed([pool.submit(one, name) for name in names]):
            outcome, seconds = done.result()
            how = "red" if outcome.status else "green"
            say(f"  {outcome.session}: {how} ({seconds:.0f} s)")
            yield outcome

"""Run the checks of a repository once, in a copy of it, to find out what is green as it is."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tradai_tasks.background import interruptible
from tradai_tasks.checks.floors import FIGURES, measured_floors
from tradai_tasks.errors import CommandFailedError
from tradai_tasks.files.file_tree import DiskTree, join
from tradai_tasks.process import run, usable_cores
from tradai_tasks.report import say
from tradai_tasks.repository import Repository, base_of, read_repository
from tradai_tasks.text import listed
from tradai_tasks.vcs.file_list import list_files
from tradai_tasks.vcs.git_environment import run_git
from tradai_tasks.workflows.adoption.conceded_settings import Adoption, Conceded, Outcome, concede
from tradai_tasks.workflows.adoption.scaffold import noxfile_piece, opened_settings, with_tables

_SESSIONS = ("lint", "typecheck", "test")
_DROPPED = ("CI", "NOX", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "GITHUB_")  # of who runs this
# nothing to fall below, and every finding counts
_MEASURING: Mapping[str, Any] = {"test": {"floor": 0, "require": False}}
_PATIENCE = 60.0  # seconds without news, after which what is still running is named
_ROUNDS = 3  # at most
_LINES = 4  # of what uv says last
_REGISTERING = "import tradai_tasks\n\ntradai_tasks.register()\n"
_OURS = "noxfile_of_the_adoption.py"  # where the repository has a noxfile of its own


def measure(repository: Repository, versions: Mapping[str, str]) -> Adoption:
    """Run lint, typecheck, test and security in a copy, show how far it is, return what was found.

    Lock files that are missing or stale are fresh in the copy, and are among the faults. `versions`
    are those that its noxfile is to pin.

    Raises:
        CommandFailedError: The copy cannot be made or locked, or nox cannot list its sessions.
        SettingsError: Settings cannot be added to the file that they belong into.
    """
    stop = threading.Event()
    with interruptible(stop), TemporaryDirectory(prefix="tradai-adopt-") as scratch:
        copy = _Copy(repository, Path(scratch), versions, stop)
        stale = copy.lock()
        untested = _untested(repository)
        gone = {f"({one})" for one in untested}
        names = [n for n in copy.names() if base_of(n) != "test" or n[n.find("(") :] not in gone]
        count = f"{len(names)} session{'s' * (len(names) != 1)}"
        say(f"running {count} once, in a copy, to see what is green as it is:")
        outcomes = {one.session: one for one in copy.run(names)}
        red = {name: one.output for name, one in outcomes.items() if one.status}
        conceded = Conceded()
        # what is let pass can bring findings, such as a `noqa` without use
        for _ in range(_ROUNDS):
            more = concede(red, DiskTree(copy.home), repository.workspace)
            if more == conceded:
                break
            conceded = more
            copy.prepare(conceded)
            say("once more, under the settings that are to be written:")
            for one in copy.run([name for name in red if _concerns(conceded, name)]):
                outcomes[one.session] = one
                red[one.session] += one.output if one.status else ""
        floors = measured_floors(sorted((copy.home / "build/reports/test").glob(f"*/{FIGURES}")))
    return Adoption(
        floors=floors,
        untested=untested,
        unseen=repository.inventory.unseen,
        conceded=conceded,
        faults=(*stale, *(one for one in outcomes.values() if one.status)),
    )


def _concerns(conceded: Conceded, session: str) -> bool:
    """Return whether what is let pass can make a difference to a session."""
    return base_of(session) in conceded.settings or (session == "lint" and bool(conceded.noxfile))


def _untested(repository: Repository) -> tuple[str, ...]:
    """Return the packages with code and without tests, whether or not they must have some."""
    there = read_repository(repository.root, repository.tree, {"test": {"require": False}})
    without = [one for one in there.shares if not there.shares[one].tests]
    return tuple(map(there.workspace.session_id, (*there.shares.untested, *without)))


class _Copy:
    """A copy of the files that git tracks or would, with its history and the lock files."""

    def __init__(
        self,
        repository: Repository,
        scratch: Path,
        versions: Mapping[str, str],
        stop: threading.Event,
    ) -> None:
        self._stop = stop
        self._repository = repository
        self._versions = versions
        root = repository.root
        top = next((one for one in (root, *root.parents) if (one / ".git").exists()), root)
        home = scratch / "copy"
        if (top / ".git").exists():
            run_git(scratch, "clone", "--quiet", "--local", str(top), str(home))
        else:
            run_git(scratch, "init", "--quiet", str(home))
        (home / ".git" / "info" / "exclude").write_text(f"{_OURS}\n", encoding="utf-8")
        self.home = home / root.relative_to(top)
        self.home.mkdir(parents=True, exist_ok=True)
        self._locks = [join(project, "uv.lock") for project in repository.workspace.projects]
        for path in dict.fromkeys([*list_files(root)[0], *self._locks]):
            source, target = root / path, self.home / path
            if source.is_symlink() or not source.is_file():
                continue  # a link is in the clone; what was deleted is not read
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        self.prepare(Conceded())

    def prepare(self, conceded: Conceded) -> None:
        """Write the noxfile, and settings beside those that have nothing fail for coverage."""
        tree = self._repository.tree
        workspace = self._repository.workspace
        piece = noxfile_piece(tree, workspace, self._versions, conceded)
        self._noxfile = _OURS if piece.state == "kept" else piece.path
        text = _REGISTERING if piece.state == "kept" else piece.new
        (self.home / self._noxfile).write_text(text, encoding="utf-8")
        file, prefix, parts = opened_settings(tree, workspace.kind)
        for name, table in {**_MEASURING, **conceded.settings}.items():
            lines = [f"{key} = {json.dumps(value)}\n" for key, value in table.items()]
            parts.append("".join([f"[{prefix}{name}]\n", *lines]))
        new = with_tables(tree.read(file).decode() if tree.is_file(file) else None, parts, file)
        (self.home / file).write_text(new, encoding="utf-8")

    def _nox(self, *args: str) -> tuple[int, str, str]:
        env = {k: value for k, value in os.environ.items() if not k.startswith(_DROPPED)}
        # -P: not a nox.py of the repository
        argv = [sys.executable, "-P", "-m", "nox", "--noxfile", self._noxfile, *args]
        env["NO_COLOR"] = "1"
        done = run(argv, cwd=self.home, env=env, check=False, stop=self._stop)
        return done.returncode, done.text, done.error_text

    def lock(self) -> list[Outcome]:
        """Make its lock files fresh, and return a fault if the repository's are not.

        Raises:
            CommandFailedError: uv cannot lock a project.
        """
        status, out, err = self._nox("-s", "lock")
        if status:
            text = f"{out}\n{err}"
            lines = [line.strip() for line in text.splitlines()]
            said = [line for line in lines if line and not line.startswith("nox > ")]
            reason = Outcome(session="lock", status=status, output=text).reason
            raise CommandFailedError(
                f"init: nothing was written, since the checks cannot be run: "
                f"{'; '.join([*said[-_LINES:], reason.removesuffix('; see above')])}; fix it, or "
                f"leave the checks out: --no-checks"
            )
        tree = self._repository.tree
        old = {lock: tree.read(lock) for lock in self._locks if tree.is_file(lock)}
        faults = {
            "missing": [lock for lock in self._locks if lock not in old],
            "stale": [lock for lock in old if old[lock] != (self.home / lock).read_bytes()],
        }
        return [
            Outcome(session="lock", status=1, output="", said=f"{what}: {listed(found)}")
            for what, found in faults.items()
            if found
        ]

    def names(self) -> list[str]:
        """Return the sessions to run; `security`, which is none of the default ones, goes last.

        Raises:
            CommandFailedError: nox cannot list them.
        """
        status, out, err = self._nox("-l", "--json")
        if status:
            raise CommandFailedError(f"init: the sessions cannot be listed: {err.splitlines()[-1]}")
        found = [str(entry["session"]) for entry in json.loads(out)]
        return [*(name for name in found if base_of(name) in _SESSIONS), "security"]

    def run(self, names: Sequence[str]) -> Iterator[Outcome]:
        """Run sessions, as many at once as there are cores, and yield each when it is done."""

        def one(name: str) -> tuple[Outcome, float]:
            began = time.monotonic()
            status, out, err = self._nox("-v", "-s", name)
            outcome = Outcome(session=name, status=status, output=f"{out}\n{err}")
            return outcome, time.monotonic() - began

        with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
            left = {pool.submit(one, name): name for name in names}
            try:
                while left:
                    done, _ = wait(left, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
                    if not done:
                        say(f"  not done yet: {listed(list(left.values()))}")
                    for future in done:
                        del left[future]
                        outcome, seconds = future.result()
                        how = "red" if outcome.status else "green"
                        say(f"  {outcome.session}: {how} ({seconds:.0f} s)")
                        yield outcome
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

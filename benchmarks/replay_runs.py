"""Run `test(pkg)` at one commit after the other, by replay and everything, for `replay.py`."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.repository import read_repository
from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.kept_result import decode_result

NEVER = {"TRADAI_TASKS_REPLAY": "never"}
NOXFILE = """\
import tradai_tasks

tradai_tasks.register(
    settings={{
        "test": {{"floor": 0, "args": {args!r}, "groups": {groups!r}}},
        "results": {{
            "replay": "auto", "store": {store!r}, "programs": {programs!r}, "max-size": 5000,
        }},
    }}
)
"""
_DROPPED = ("NOX", "VIRTUAL_ENV", "UV_PROJECT", "UV_PYTHON", "GITHUB_", "CI", "COV", "PYTEST")
_COVERED = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
_TABLE = "[dependency-groups]\n"
_KINDS = {  # of reasons why a test file was run, by what their text has
    ", outside its functions": "code outside of functions",
    "() in ": "a function that ran",
    "the entries of ": "the entries of a folder",
    "where module ": "where a module is found",
    "whether ": "a file that was not there",
    "the variable ": "a variable",
    "the table project of": "the version or a requirement of a package",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a command came to."""

    tests: Mapping[str, str]  # outcome by test, those that were run or replayed
    cpu: float  # seconds, user and system
    text: str
    replayed: frozenset[str] = frozenset()
    covered: Mapping[str, Any] = field(default_factory=dict)  # executed, missing lines by path
    why: Mapping[str, int] = field(default_factory=dict)  # number of tests that ran, by reason
    sessions: frozenset[str] = frozenset()  # those with a report

    @property
    def ran(self) -> int:
        """How many tests were run."""
        return len(self.tests) - len(self.replayed)

    def reasons(self, most: int) -> list[str]:
        """Return why most tests were run."""
        found = sorted(self.why.items(), key=lambda one: -one[1])
        return [f"{count} for {reason}" for reason, count in found[:most]]


def kind_of(reason: str) -> str:
    """Return the kind of a reason why a test file was run, for totals."""
    is_file = "/" in reason and " " not in reason
    default = "a file, such as the test file" if is_file else reason
    return next((kind for part, kind in _KINDS.items() if part in reason), default)


def command(argv: list[str], cwd: Path, **more: str) -> tuple[float, str]:
    """Run a command; return its CPU seconds and what it said."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        argv, cwd=cwd, env={**env, **more}, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken, done.stdout + done.stderr


def tests_of(report: Path, before: str) -> tuple[dict[str, str], frozenset[str]]:
    """Return the outcomes of a JUnit report by test, and the tests that are marked as replayed."""
    found, replayed = {}, set()
    for case in ET.parse(report).iter("testcase"):
        name = f"{before}{case.get('classname')}::{case.get('name')}"
        found[name] = next((one.tag for one in case if one.tag != "properties"), "passed")
        if any(one.get("name") == "replayed" for one in case.iter("property")):
            replayed.add(name)
    return found, frozenset(replayed)


def homes_of(root: Path) -> dict[str, Path]:
    """Return the folder of each package with tests, by the name of its session."""
    found = read_repository(root, DiskTree(root))
    name = found.workspace.session_id
    return {f"test({name(one)})": root / one.path for one in found.shares}


def file_of(root: Path, homes: Mapping[str, Path], test: str) -> Path | None:
    """Return the file of a test that a JUnit report names, or None where no file fits."""
    session, _, name = test.partition(": ")
    words = name.partition("::")[0].split(".")
    inside = [homes[session]] if session in homes else homes.values()
    files = [
        folder.joinpath(*words[:end]).with_suffix(".py")
        for end in range(1, len(words) + 1)
        for folder in (root, *inside)
    ]
    return next((file for file in reversed(files) if file.is_file()), None)


@dataclass(kw_only=True)
class Clone:
    """A clone of the repository, at one commit after the other."""

    source: Path
    home: Path
    place: str = "."  # of the workspace, from the top
    files: Mapping[str, str] = field(default_factory=dict)  # added to each commit, a lock if needed
    group: tuple[str, ...] = ("pytest",)  # of the dependency group that is added if there is none

    _locked: tuple[bytes, bytes] = (b"", b"")  # a lock of the repository, and that made of it

    def __post_init__(self) -> None:
        subprocess.run(["git", "clone", "-q", self.source, self.home], check=True)

    @property
    def root(self) -> Path:
        """The root of the workspace."""
        return self.home / self.place

    def checkout(self, commit: str) -> None:
        """Let the files be those of a commit."""
        subprocess.run(["git", "checkout", "-qf", commit], cwd=self.home, check=True)
        self.__dict__.pop("homes", None)
        for name, text in self.files.items():
            if name != "uv.lock" or not (self.root / name).is_file():
                (self.root / name).write_text(text, encoding="utf-8")
        project = self.root / "pyproject.toml"
        text = project.read_text(encoding="utf-8")
        added = f"tests = {json.dumps(self.group)}\n"
        if self.files and _TABLE not in text:  # which the session asks for
            project.write_text(f"{text}\n{_TABLE}{added}", encoding="utf-8")
        elif self.files and self.group != ("pytest",):
            project.write_text(text.replace(_TABLE, _TABLE + added), encoding="utf-8")
            self._lock(self.root / "uv.lock")

    def _lock(self, file: Path) -> None:
        """Lock the added group, too; take what was locked before where nothing else has changed."""
        given = file.read_bytes()
        if self._locked[0] == given:
            file.write_bytes(self._locked[1])
        subprocess.run(["uv", "lock", "-q"], cwd=self.root, check=True)
        self._locked = given, file.read_bytes()

    @cached_property
    def homes(self) -> dict[str, Path]:
        """The folder of each package with tests, by the name of its session."""
        return homes_of(self.root)

    def file_of(self, test: str) -> Path | None:
        """Return the file of a test that a JUnit report names, or None where no file fits."""
        return file_of(self.root, self.homes, test)


class Ours:
    """Sessions `test(pkg)`, whose environments are made once or at each commit."""

    def __init__(
        self, clone: Clone, sessions: list[str], *, is_quick: bool, syncs: bool, without: list[str]
    ) -> None:
        self.clone, self.sessions, self.is_quick = clone, sessions, is_quick
        self._syncs, self._without = syncs, [f"test({one})" for one in without]
        self._is_made = False
        self._refused: dict[str, str] = {}  # why a test file's last result was not kept

    def run(self, *words: str, of: Collection[str] = (), **env: str) -> Run:
        """Run the sessions, or some of them."""
        reuse = ["-r" if self._syncs else "-R"] if self._is_made else []
        known = self.clone.homes
        asked = of or (list(known) if self.sessions == ["test"] else self.sessions)
        names = [one for one in asked if one in known and one not in self._without]
        argv = [sys.executable, "-m", "nox", *reuse, "-s", *names]
        shutil.rmtree(self.clone.root / "build/reports", ignore_errors=True)
        cpu, text = command([*argv, *(["--", *words] if words else [])], self.clone.root, **env)
        reports = sorted((self.clone.root / "build/reports/test").glob("*/junit.xml"))
        if not reports and not self._is_made:
            sys.exit(f"{' '.join(names)}: no report\n{text}")
        self._is_made = True
        return self._read(reports, cpu, text)

    def _read(self, reports: list[Path], cpu: float, text: str) -> Run:
        tests: dict[str, str] = {}
        replayed: set[str] = set()
        covered: dict[str, Any] = {}
        why: Counter[str] = Counter()
        sessions = []
        for report in reports:
            session = f"test({report.parent.name.removeprefix('test-')})"
            sessions.append(session)
            before = f"{session}: "
            found, taken = tests_of(report, before)
            tests |= found
            replayed |= taken
            file = report.with_name("coverage.json")
            measured = json.loads(file.read_bytes())["files"] if file.is_file() else {}
            for path, one in measured.items():
                covered[before + path] = [one.get(name) for name in _COVERED]
            known = report.with_name("results.json")
            if known.is_file():
                why += self._why(json.loads(known.read_bytes()), found.keys() - taken)
        if not reports:  # such as where a conftest.py fails
            tests = {"the sessions": "no report"}
        return Run(
            tests=tests, replayed=frozenset(replayed), covered=covered, cpu=cpu, text=text, why=why,
            sessions=frozenset(sessions),
        )  # fmt: skip

    def _why(self, known: Mapping[str, Any], ran: Iterable[str]) -> Counter[str]:
        """Return the number of tests that were run by the reason why their files were."""
        found: Counter[str] = Counter()
        paths: dict[str, str] = {}
        for test in ran:
            module = test.partition("::")[0]
            if module not in paths:
                file = self.clone.file_of(test)
                paths[module] = file.relative_to(self.clone.root).as_posix() if file else ""
            path = paths[module]
            reason = known["ran"].get(path, "its file is not found")
            if path in self._refused:  # what changed is that of an older result
                reason = f"not kept: {self._refused[path]}"
            found[reason] += 1
        for path in known["ran"]:
            self._refused.pop(path, None)
        self._refused |= known["refused"]
        return found

    def both(self) -> tuple[Run, Run]:
        """Run by replay, then everything, if time matters only sessions that replayed something."""
        replay = self.run()
        if not self.is_quick:
            return replay, self.run(**NEVER)
        of = sorted({test.partition(": ")[0] for test in replay.replayed})
        if not of:
            return replay, replay
        full = self.run(of=of, **NEVER)
        others = {
            name: {one: value for one, value in found.items() if one.partition(": ")[0] not in of}
            for name, found in (("tests", replay.tests), ("covered", replay.covered))
        }
        return replay, Run(
            tests={**others["tests"], **full.tests},
            covered={**others["covered"], **full.covered},
            cpu=full.cpu,
            text=full.text,
        )

    def unchanged(self) -> set[str]:
        """Return the test files with results that hold for the files as they are now."""
        root, store = self.clone.root, self.clone.home.with_name("store")
        found = (decode_result(file.read_bytes()) for file in store.rglob("*-*"))
        results = [one for one in found if one is not None and one.test_file.endswith(".py")]
        homes = [home.relative_to(root) for home in self.clone.homes.values()]
        tree = WorkTree(root, [(home / "src").as_posix() for home in homes], {})
        return {
            one.test_file
            for one in results
            if not any(
                tree.changes(
                    msgspec.structs.replace(one.inputs, variables=()), one.test_file, one.digested
                )
            )
        }

    def failing(self, files: Iterable[str | Path]) -> set[str]:
        """Run test files by pytest alone, in the environments of their packages.

        Returns:
            The tests that fail.
        """
        root = self.clone.root
        environments = {
            re.sub(r"\W+", "-", path.name).strip("-"): path for path in (root / ".nox").iterdir()
        }
        by_session: dict[str, list[str]] = {}
        for file in (root / one for one in files):
            inside = [one for one, home in self.clone.homes.items() if file.is_relative_to(home)]
            session = max(inside, key=lambda one: len(self.clone.homes[one].parts))
            by_session.setdefault(session, []).append(str(file))
        failed: set[str] = set()
        for session, paths in by_session.items():
            name = re.sub(r"\W+", "-", session).strip("-")
            python = environments.get(name, next(iter(environments.values()))) / "bin/python"
            report = self.clone.home.with_suffix(".xml")
            report.unlink(missing_ok=True)
            argv = [str(python), "-m", "pytest", "-q", f"--junit-xml={report}", *paths]
            _, text = command(argv, self.clone.homes[session])
            if not report.is_file():
                failed.add(f"{session}: no report: {text[-200:]}")
                continue
            tests = tests_of(report, f"{session}: ")[0]
            failed |= {test for test, how in tests.items() if how in {"failure", "error"}}
        return failed


def differences(one: Run, other: Run) -> tuple[set[str], set[str]]:
    """Return the tests whose outcomes differ, and the files whose coverage does."""
    tests = {t for t in {*one.tests, *other.tests} if one.tests.get(t) != other.tests.get(t)}
    paths = {
        p for p in {*one.covered, *other.covered} if one.covered.get(p) != other.covered.get(p)
    }
    return tests, paths


def unexplained(ours: Ours, replay: Run, full: Run) -> Iterator[str]:
    """Yield the differences of replay and a run of everything that chance does not explain."""
    tests, paths = differences(replay, full)
    if not tests and not paths:
        return
    sessions = sorted({one.partition(": ")[0] for one in tests | paths})
    again = ours.run(of=sessions, **NEVER)
    within = (f"{session}: " for session in sessions)
    before = tuple(within)
    part = Run(
        tests={one: how for one, how in full.tests.items() if one.startswith(before)},
        covered={one: how for one, how in full.covered.items() if one.startswith(before)},
        cpu=0,
        text="",
    )
    loose_tests, loose_paths = differences(part, again)
    by_file: dict[tuple[str, Path | None], list[str]] = {}
    for test in sorted(tests - loose_tests):
        session = test.partition(": ")[0]
        by_file.setdefault((session, ours.clone.file_of(test)), []).append(test)
    for (session, file), named in by_file.items():
        alone = ours.run(str(file), of=[session], **NEVER).tests if file else {}
        for test in named:
            line = (
                f"{test}: {replay.tests.get(test)} by replay, {full.tests.get(test)} in a full run"
            )
            if alone.get(test, "not run") == replay.tests.get(test):
                print(f"      left by another test file, as it runs alone so too: {line}")
            else:
                yield line
    for path in sorted(paths - loose_paths):
        old, new = replay.covered.get(path), full.covered.get(path)
        yield (
            f"coverage of {path}: {_lines(old, new)} by replay only, "
            f"{_lines(new, old)} in a full run only"
        )
    if chance := len(tests & loose_tests) + len(paths & loose_paths):
        print(f"      {chance} differences by chance, as two runs of everything differ there too")


def _lines(one: Any, other: Any) -> list[Any]:
    if one is None or other is None:
        return ["all"] if one else []
    pairs = zip((one[0], one[2] or []), (other[0], other[2] or []), strict=True)
    return [line for mine, others in pairs for line in mine if line not in others]

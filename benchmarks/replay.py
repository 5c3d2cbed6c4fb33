"""Replay a repository's history, and break its functions: what is run, at which cost, and is it so?

    uv run python benchmarks/replay.py <checkout> --session "test(flask)" --commits 30 --peers
    uv run python benchmarks/replay.py <checkout> --session "test(flask)" --commits 0 --broken 60

At each commit `test(pkg)` runs by replay and runs everything. Each test must have the same outcome,
and each file of the code the same coverage, to the line. Where it is not so, everything is run once
more, and the test files that differ alone: a difference that comes from chance, or from state that
one test file leaves for another, is said to. `--quick` runs everything only where something was
replayed; its figures of CPU mean nothing.

With a function broken, all test files are run that would be replayed: none of their tests may fail.

`--peers` adds plain pytest, pytest-testmon and acquit, each in a clone and an environment of its
own, without coverage. CPU is user and system time of the whole command, selection and nox included.
Below each commit stands why most test files were run. Commits are the newest on the first parent's
line that touch a path of `--touching`. Exit status 1 where a difference stays unexplained.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.kept_result import decode_result

NEVER = {"TRADAI_TASKS_REPLAY": "never"}
NOXFILE = """\
import tradai_tasks

tradai_tasks.register(
    settings={{
        "test": {{"floor": 0, "args": {args!r}}},
        "results": {{"replay": "auto", "store": {store!r}, "programs": {programs!r}}},
    }}
)
"""
_DROPPED = ("NOX", "VIRTUAL_ENV", "UV_PROJECT", "UV_PYTHON", "GITHUB_", "CI", "COV", "PYTEST")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a command came to."""

    tests: Mapping[str, str]  # outcome by test, those that were run or replayed
    cpu: float  # seconds, user and system
    text: str
    replayed: frozenset[str] = frozenset()
    covered: Mapping[str, Any] = field(default_factory=dict)  # executed, missing lines by path
    reasons: tuple[str, ...] = ()  # why test files were run, and why results are not kept

    @property
    def ran(self) -> int:
        """How many tests were run."""
        return len(self.tests) - len(self.replayed)


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


def tests_of(report: Path) -> tuple[dict[str, str], frozenset[str]]:
    """Return the outcomes of a JUnit report by test, and the tests that are marked as replayed."""
    found, replayed = {}, set()
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name] = next((one.tag for one in case if one.tag != "properties"), "passed")
        if any(one.get("name") == "replayed" for one in case.iter("property")):
            replayed.add(name)
    return found, frozenset(replayed)


@dataclass(kw_only=True)
class Clone:
    """A clone of the repository, at one commit after the other."""

    source: Path
    home: Path
    folder: str = "."
    files: Mapping[str, str] = field(default_factory=dict)  # added to each commit, a lock if needed

    def __post_init__(self) -> None:
        subprocess.run(["git", "clone", "-q", self.source, self.home], check=True)

    def checkout(self, commit: str) -> None:
        """Let the files be those of a commit."""
        subprocess.run(["git", "checkout", "-qf", commit], cwd=self.home, check=True)
        for name, text in self.files.items():
            if name != "uv.lock" or not (self.home / name).is_file():
                (self.home / name).write_text(text, encoding="utf-8")
        project = self.home / self.folder / "pyproject.toml"
        if self.files and "[dependency-groups]" not in project.read_text(encoding="utf-8"):
            with project.open("a", encoding="utf-8") as file:  # which the session asks for
                file.write('\n[dependency-groups]\ntests = ["pytest"]\n')

    def file_of(self, test: str) -> Path | None:
        """Return the file of a test that a JUnit report names, or None where no file fits."""
        words = test.partition("::")[0].split(".")
        roots = (self.home, self.home / self.folder)
        files = [
            root.joinpath(*words[:end]).with_suffix(".py")
            for end in range(1, len(words) + 1)
            for root in roots
        ]
        return next((file for file in reversed(files) if file.is_file()), None)


class Ours:
    """`test(pkg)` in an environment that is made once."""

    def __init__(self, clone: Clone, session: str, *, is_quick: bool) -> None:
        self.clone, self.session, self.is_quick = clone, session, is_quick
        self._is_made = False

    def run(self, *words: str, **env: str) -> Run:
        """Run the session."""
        argv = [sys.executable, "-m", "nox", *(["-R"] if self._is_made else []), "-s", self.session]
        shutil.rmtree(self.clone.home / "build/reports", ignore_errors=True)
        cpu, text = command([*argv, *(["--", *words] if words else [])], self.clone.home, **env)
        reports = list((self.clone.home / "build/reports/test").glob("*/junit.xml"))
        if len(reports) != 1 and not self._is_made:
            sys.exit(f"{self.session}: no report\n{text}")
        self._is_made = True
        if not reports:  # such as where a conftest.py fails
            return Run(tests={"the session": "no report"}, cpu=cpu, text=text)
        tests, replayed = tests_of(reports[0])
        file = reports[0].with_name("coverage.json")
        measured = json.loads(file.read_bytes())["files"] if file.is_file() else {}
        names = ("executed_lines", "missing_lines", "executed_branches", "missing_branches")
        covered = {path: [one.get(name) for name in names] for path, one in measured.items()}
        known = reports[0].with_name("results.json")
        why = json.loads(known.read_bytes()) if known.is_file() else {"ran": {}, "refused": {}}
        counts = Counter(why["ran"].values()).most_common(3)
        reasons = [f"{count} for {reason}" for reason, count in counts]
        reasons += [f"{file} is not kept: {reason}" for file, reason in why["refused"].items()]
        return Run(
            tests=tests, replayed=replayed, covered=covered, cpu=cpu, text=text,
            reasons=tuple(reasons[:8]),
        )  # fmt: skip

    def both(self) -> tuple[Run, Run]:
        """Run by replay, then everything, unless that has just happened and time matters."""
        replay = self.run()
        return replay, replay if self.is_quick and not replay.replayed else self.run(**NEVER)

    def unchanged(self) -> set[str]:
        """Return the test files with results that hold for the files as they are now."""
        home, store = self.clone.home, self.clone.home.with_name("store")
        found = (decode_result(file.read_bytes()) for file in store.rglob("*-*"))
        results = [one for one in found if one is not None]
        tree = WorkTree(home, [f"{self.clone.folder}/src".removeprefix("./")], {})
        return {
            one.test_file
            for one in results
            if not tree.changed(
                msgspec.structs.replace(one.inputs, variables=()), one.test_file, one.digested
            )
        }

    def failing(self, files: Iterable[str | Path]) -> set[str]:
        """Run test files by pytest alone; return the tests that fail."""
        (python,) = (self.clone.home / ".nox").glob("*/bin/python")
        report = self.clone.home.with_suffix(".xml")
        report.unlink(missing_ok=True)
        paths = [str(self.clone.home / file) for file in files]
        argv = [str(python), "-m", "pytest", "-q", f"--junit-xml={report}", *paths]
        _, text = command(argv, self.clone.home / self.clone.folder)
        if not report.is_file():
            return {f"no report: {text[-200:]}"}
        return {test for test, how in tests_of(report)[0].items() if how in {"failure", "error"}}


class Peer:
    """pytest with a peer's plugin, in an environment that has what ours has."""

    def __init__(self, clone: Clone, ours: Clone, tool: str, folder: str) -> None:
        self.clone, self.tool, self._cwd = clone, tool, clone.home / folder
        made = clone.home.with_name(f"{clone.home.name}-env")
        (known,) = (ours.home / ".nox").glob("*/bin/python")
        self._python = made / "bin/python"
        frozen = subprocess.run(
            ["uv", "pip", "freeze", "-q", "-p", known], capture_output=True, text=True, check=True
        ).stdout
        listed = made.with_suffix(".txt")
        listed.write_text(frozen.replace(str(ours.home), str(clone.home)) + f"{tool}\n")
        made_by: list[list[str | Path]] = [
            ["uv", "venv", "-q", "-p", known.resolve(), made],
            ["uv", "pip", "install", "-q", "-p", self._python, "-r", listed],
        ]
        for argv in made_by:
            subprocess.run(argv, check=True)

    def run(self, base: str, arguments: list[str], *, plain: bool = False) -> tuple[int, float]:
        """Run the tests, and return how many ran and the CPU seconds."""
        report = self.clone.home.with_suffix(".xml")
        argv = [str(self._python), "-m", "pytest", "-q", f"--junit-xml={report}", *arguments]
        cpu, env = 0.0, {}
        if plain:
            argv += ["-p", "no:testmon"]
        elif self.tool == "acquit":
            chosen = self.clone.home.with_suffix(".json")
            select = [str(self._python.with_name("acquit")), "select", "--base", base]
            select += [f"--{one}={chosen}-{one}" for one in ("report", "selection", "witnesses")]
            cpu, _ = command(select, self.clone.home)
            env = {"ACQUIT_SELECTION_FILE": f"{chosen}-selection"}
        else:
            argv.append("--testmon")
        taken, _ = command(argv, self._cwd, **env)
        return len(tests_of(report)[0]), cpu + taken


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
    again = ours.run(**NEVER)
    loose_tests, loose_paths = differences(full, again)
    by_file: dict[Path | None, list[str]] = {}
    for test in sorted(tests - loose_tests):
        by_file.setdefault(ours.clone.file_of(test), []).append(test)
    for file, named in by_file.items():
        alone = ours.run(str(file), **NEVER).tests if file else {}
        for test in named:
            line = (
                f"{test}: {replay.tests.get(test)} by replay, {full.tests.get(test)} in a full run"
            )
            if alone.get(test, "not run") == replay.tests.get(test):
                print(f"      left by another test file, as it runs alone so too: {line}")
            else:
                yield line
    for path in sorted(paths - loose_paths):
        before, after = replay.covered.get(path), full.covered.get(path)
        yield (
            f"coverage of {path}: {_lines(before, after)} by replay only, "
            f"{_lines(after, before)} in a full run only"
        )


def _lines(one: Any, other: Any) -> list[Any]:
    if one is None or other is None:
        return ["all"] if one else []
    pairs = zip((one[0], one[2] or []), (other[0], other[2] or []), strict=True)
    return [line for mine, others in pairs for line in mine if line not in others]


def functions(home: Path, code: list[str]) -> list[tuple[Path, ast.FunctionDef]]:
    """Return the functions of the code that have a body of their own."""
    return [
        (file, node)
        for folder in code
        for file in sorted((home / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno > node.lineno
    ]


def broken(file: Path, node: ast.FunctionDef) -> str:
    """Return the file's text with a function that fails at once."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    first = node.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    decorators = [one.lineno for one in getattr(first, "decorator_list", ())]
    at = (first.end_lineno or 0) if is_text else min([first.lineno, *decorators]) - 1
    fault = " " * first.col_offset + 'raise RuntimeError("broken")\n'
    return "".join([*lines[:at], fault, *lines[at:]])


def break_functions(ours: Ours, code: list[str], count: int, seed: int) -> list[str]:
    """Break one function after the other, run what would not be, and return what fails."""
    ours.run()
    known = ours.unchanged()
    listed = functions(ours.clone.home, code)
    chosen = random.Random(seed).sample(listed, min(count, len(listed)))
    wrong: list[str] = []
    shares = []
    for number, (file, node) in enumerate(chosen):
        before = file.read_text(encoding="utf-8")
        file.write_text(broken(file, node), encoding="utf-8")
        left = ours.unchanged()
        failed = ours.failing(left) if left else set()
        files = {ours.clone.file_of(test) for test in failed}
        alone = {test for one in files if one for test in ours.failing([one])}
        file.write_text(before, encoding="utf-8")
        usual = {test for one in files if one for test in ours.failing([one])}
        found = sorted(failed & alone - usual)
        found += [test for test in failed if ours.clone.file_of(test) is None]
        shares.append(1 - len(left) / len(known))
        name = f"{file.name}:{node.lineno} {node.name}"
        print(f"{number:4} {shares[-1]:6.3f}  {name}", *found, sep="\n      ", flush=True)
        if leaked := failed - {*found}:
            print(f"      {len(leaked)} depend on other test files, such as {min(leaked)}")
        wrong += [f"{name}: {test} fails and would not be run" for test in found]
    share = f"mean share of {len(known)} test files run {sum(shares) / len(shares):.3f}"
    print(f"{len(shares)} functions broken, {len(wrong)} failures missed; {share}")
    return wrong


def walk(ours: Ours, peers: list[Peer], commits: list[str], arguments: list[str]) -> list[str]:
    """Go from commit to commit, oldest first, print a row for each and the totals."""
    wrong: list[str] = []
    totals: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    for number, commit in enumerate(commits):
        for clone in [ours.clone, *(peer.clone for peer in peers)]:
            clone.checkout(commit)
        replay, full = ours.both()
        row = {"everything": (len(full.tests), full.cpu), "replay": (replay.ran, replay.cpu)}
        base = commits[max(0, number - 1)]
        if peers:
            row["pytest alone"] = peers[0].run(base, arguments, plain=True)
        row |= {peer.tool: peer.run(base, arguments) for peer in peers}
        found = list(unexplained(ours, replay, full))
        wrong += [f"{commit[:10]}: {one}" for one in found]
        cells = "  ".join(f"{name} {ran}/{cpu:.1f}s" for name, (ran, cpu) in row.items())
        print(f"{commit[:10]}  {cells}", *replay.reasons, *found, sep="\n      ", flush=True)
        for name, (ran, cpu) in row.items() if number else ():  # the first has nothing to replay
            totals.setdefault(name, []).append(cpu)
            shares.setdefault(name, []).append(ran / max(1, len(full.tests)))
    print(f"\n{'':16} share of tests  CPU s  of everything's  of pytest's alone")
    for name, taken in totals.items():
        share = sum(shares[name]) / len(shares[name])
        bases = (totals["everything"], totals.get("pytest alone", []))
        ratios = "".join(f"{sum(taken) / sum(base):17.2f}" if base else "" for base in bases)
        print(f"{name:16} {share:14.3f} {sum(taken):6.0f} {ratios}")
    return wrong


def main() -> int:
    """Compare, and print what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--session", required=True)
    parser.add_argument("--folder", default=".", help="the package's folder")
    parser.add_argument("--touching", nargs="+", default=["src", "tests"], help="from its folder")
    parser.add_argument("--code", nargs="+", default=["src"], help="from its folder")
    parser.add_argument("--commits", type=int, default=30)
    parser.add_argument("--broken", type=int, default=0, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--python", default="3.12")
    parser.add_argument("--pytest", default="", help="further arguments of pytest, as one text")
    parser.add_argument("--programs", nargs="*", default=[], help="results.programs")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--quick", action="store_true", help="without true figures of CPU")
    options = parser.parse_args()
    arguments = shlex.split(options.pytest)
    source, folder = options.checkout.resolve(), options.folder
    touching = [f"{folder}/{one}" for one in options.touching]
    log = ["git", "log", "--first-parent", "--format=%H", f"-{options.commits + 1}", "HEAD", "--"]
    listed = subprocess.run(
        [*log, *touching], cwd=source, capture_output=True, text=True, check=True
    ).stdout.split()
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        home = Path(name)
        noxfile = NOXFILE.format(
            args=arguments, store=str(home / "store"), programs=options.programs
        )
        extra = {
            "noxfile.py": noxfile,
            ".python-version": f"{options.python}\n",
            "uv.lock": (source / "uv.lock").read_text(encoding="utf-8"),
        }
        clone = Clone(source=source, home=home / "ours", folder=folder, files=extra)
        ours = Ours(clone, options.session, is_quick=options.quick)
        ours.clone.checkout(listed[0])
        first = ours.run(**NEVER)
        print(re.sub(r"(?s).*nox > (summary: )", r"\1", first.text).splitlines()[0])
        wrong: list[str] = []
        if options.broken:
            code = [f"{folder}/{one}" for one in options.code]
            wrong += break_functions(ours, code, options.broken, options.seed)
        if options.commits:
            tools = ("pytest-testmon", "acquit") if options.peers else ()
            peers = [
                Peer(Clone(source=source, home=home / tool), ours.clone, tool, folder)
                for tool in tools
            ]
            wrong += walk(ours, peers, listed[::-1], arguments)
    print(f"{len(wrong)} differences unexplained", *wrong, sep="\n  ")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

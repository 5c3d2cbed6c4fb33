"""Replay a repository's history, and break its functions: what is run, at which cost, and is it so?

    uv run python benchmarks/replay.py <checkout> --session "test(flask)" --commits 30 --peers
    uv run python benchmarks/replay.py <checkout> --session "test(flask)" --commits 0 --broken 60
    uv run python benchmarks/replay.py <checkout> --session test --sync --touching "*.py" --quick

At each commit `test(pkg)`, of one or more packages, runs by replay and runs everything. Each test
must have the same outcome, and each file of the code the same coverage, to the line. Where it is
not so, everything is run once more, and the test files that differ alone: a difference that comes
from chance, or from state that one test file leaves for another, is said to. `--quick` runs
everything only in sessions where something was replayed; its figures of CPU mean nothing.

Environments are those of the newest commit; `--sync` installs at each commit what is locked there.

With a function broken, all test files are run that would be replayed: none of their tests may fail.

`--peers` adds plain pytest, pytest-testmon and acquit, each in a clone and an environment of its
own, without coverage. CPU is user and system time of the whole command, selection and nox included.
Below each commit stands why most tests were run. Commits are the newest on the first parent's
line that touch a path of `--touching`. Exit status 1 where a difference stays unexplained.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from replay_peers import Peer
from replay_runs import NEVER, NOXFILE, Clone, Ours, kind_of, unexplained

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(home: Path, code: list[str]) -> list[tuple[Path, _Function]]:
    """Return the functions of the code that have a body of their own."""
    return [
        (file, node)
        for folder in code
        for file in sorted((home / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, _Function) and _is_first_of_line(file, node.body[0])
    ]


def _is_first_of_line(file: Path, node: ast.stmt) -> bool:
    line = file.read_bytes().splitlines()[node.lineno - 1]
    return not line[: node.col_offset].strip()


def broken(file: Path, node: _Function) -> str:
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
    why: Counter[str] = Counter()
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
        reasons = replay.reasons(8)
        print(f"{commit[:10]}  {cells}", *reasons, *found, sep="\n      ", flush=True)
        for name, (ran, cpu) in row.items() if number else ():  # the first has nothing to replay
            totals.setdefault(name, []).append(cpu)
            shares.setdefault(name, []).append(ran / max(1, len(full.tests)))
        for reason, count in replay.why.items() if number else ():
            why[kind_of(reason)] += count
    print(f"\n{'':16} share of tests  CPU s  of everything's  of pytest's alone")
    for name, taken in totals.items():
        share = sum(shares[name]) / len(shares[name])
        bases = (totals["everything"], totals.get("pytest alone", []))
        ratios = "".join(f"{sum(taken) / sum(base):17.2f}" if base else "" for base in bases)
        print(f"{name:16} {share:14.3f} {sum(taken):6.0f} {ratios}")
    print(
        "\ntests run, by reason:", *(f"{n:8} {kind}" for kind, n in why.most_common(20)), sep="\n"
    )
    return wrong


def main() -> int:
    """Compare, and print what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--session", nargs="+", required=True, help="`test` for all packages")
    parser.add_argument("--without", nargs="*", default=[], help="packages that are left out")
    parser.add_argument("--workspace", default=".", help="the workspace's folder")
    parser.add_argument("--folder", default=".", help="the package's folder")
    parser.add_argument("--touching", nargs="+", default=["src", "tests"], help="from its folder")
    parser.add_argument("--code", nargs="+", default=["src"], help="from its folder")
    parser.add_argument("--commits", type=int, default=30)
    parser.add_argument("--broken", type=int, default=0, metavar="COUNT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--python", default="3.12")
    parser.add_argument("--pytest", default="", help="further arguments of pytest, as one text")
    parser.add_argument("--programs", nargs="*", default=[], help="results.programs")
    parser.add_argument("--groups", nargs="+", default=["test", "tests", "dev"], help="test.groups")
    parser.add_argument("--group", nargs="+", default=["pytest"], help="of an added group `tests`")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--quick", action="store_true", help="without true figures of CPU")
    parser.add_argument("--sync", action="store_true", help="install at each commit")
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
            args=arguments,
            store=str(home / "store"),
            programs=options.programs,
            groups=options.groups,
        )
        extra = {
            "noxfile.py": noxfile,
            ".python-version": f"{options.python}\n",
            "uv.lock": (source / options.workspace / "uv.lock").read_text(encoding="utf-8"),
        }
        clone = Clone(
            source=source,
            home=home / "ours",
            place=options.workspace,
            files=extra,
            group=tuple(options.group),
        )
        ours = Ours(
            clone,
            options.session,
            without=options.without,
            is_quick=options.quick,
            syncs=options.sync,
        )
        ours.clone.checkout(listed[0])
        first = ours.run(**NEVER)
        for session, line in re.findall(r"nox > summary: (.*)\nnox > (.*)", first.text):
            print(f"{line}: {session}")
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

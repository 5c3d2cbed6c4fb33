"""Estimate the share of tests that each commit of a workspace would run, from one recorded run.

    uv run python benchmarks/replay_share.py <checkout> <store> --commits 20

The checkout has the reports of its last sessions `test(pkg)`, and the store their results. Nothing
is run: the inputs of each test file, as recorded, are digested at each commit and compared with
those at the commit before it. So the walk ignores what a commit lets tests read that they did not
read before. Test files whose results are not kept, and those of packages whose locked dependencies
change, count as run; those in which a test failed, or that the recorded run did not have, are left
out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from pathlib import Path

from replay_runs import file_of, homes_of, kind_of, tests_of
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.repository import read_repository
from tradai_tasks.results.digests import Item, WorkTree
from tradai_tasks.results.kept_result import KeptResult, decode_result
from tradai_tasks.workspace.locks.lock_file import read_lock
from tradai_tasks.workspace.locks.locked_tools import find_test_tools


class Recorded:
    """What the sessions of a checkout left: tests by file, results, and why others have none."""

    def __init__(self, root: Path, store: Path) -> None:
        self.root = root
        self.tests: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        self.session: dict[str, str] = {}
        homes = homes_of(root)
        for report in sorted((root / "build/reports/test").glob("*/junit.xml")):
            session = f"test({report.parent.name.removeprefix('test-')})"
            for test in tests_of(report, f"{session}: ")[0]:
                found = file_of(root, homes, test)
                if found is not None:
                    file = found.relative_to(root).as_posix()
                    self.tests[file] += 1
                    self.session[file] = session
            self.refused |= json.loads(report.with_name("results.json").read_bytes())["refused"]
        failed = {one for one, why in self.refused.items() if why.startswith("a test failed")}
        self.left_out = {one: self.tests.pop(one) for one in failed if one in self.tests}
        known = (decode_result(one.read_bytes()) for one in store.rglob("*-*"))
        results = sorted((one for one in known if one is not None), key=lambda one: one.time)
        self.results: dict[str, KeptResult] = {
            one.test_file: one for one in results if one.test_file in self.tests
        }

    def digests(self) -> dict[str, dict[Item, bytes]]:
        """Return the digest of each input by test file, at the commit that is checked out."""
        repository = read_repository(self.root, DiskTree(self.root))
        layouts = repository.layouts.values()
        tree = WorkTree(self.root, [one for all_ in layouts for one in all_.source_roots], {})
        return {
            file: dict(tree.digest(one.inputs, file).items) for file, one in self.results.items()
        }

    def locked(self, groups: list[str]) -> dict[str, object]:
        """Return what is locked of other projects for the tests of each session."""
        repository = read_repository(self.root, DiskTree(self.root))
        lock = read_lock(repository.tree, ".")
        members = {one.name for one in repository.workspace.packages}
        root = repository.workspace.root_document
        return {
            f"test({repository.workspace.session_id(package)})": [
                (name, one.version)
                for name in sorted(find_test_tools(lock, package, root, groups).reached - members)
                for one in lock.by_name.get(name, ())
            ]
            for package in repository.shares
        }


def why_run(
    recorded: Recorded,
    before: dict[str, dict[Item, bytes]],
    now: dict[str, dict[Item, bytes]],
    relocked: set[str],
) -> dict[str, str]:
    """Return the reason by test file that a commit would run."""
    found = {}
    for file in recorded.tests:
        if recorded.session[file] in relocked:
            found[file] = "what is locked"
        elif file not in recorded.results:
            found[file] = f"not kept: {recorded.refused.get(file, 'not known')}"
        elif changed := [one for one, old in before[file].items() if now[file].get(one) != old]:
            parts = [one for one in changed if one.kind != "module"]  # those of it come, too
            found.update({file: str(parts[0])} if parts else {})
    return found


def main() -> None:
    """Print the share of each commit with its reasons, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--workspace", default=".", help="the workspace's folder")
    parser.add_argument("--commits", type=int, default=20)
    parser.add_argument("--until", default="HEAD", help="the newest commit")
    parser.add_argument("--touching", nargs="+", default=["*.py"])
    parser.add_argument("--groups", nargs="+", default=["test", "tests", "dev"], help="test.groups")
    options = parser.parse_args()
    checkout = options.checkout.resolve()

    def git(*words: str) -> list[str]:
        argv = ["git", "-C", str(checkout), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return done.stdout.split()

    recorded = Recorded(checkout / options.workspace, options.store.resolve())
    total = recorded.tests.total()
    print(f"{len(recorded.tests)} test files with {total} tests, {len(recorded.results)} results")
    print(f"left out: {sum(recorded.left_out.values())} tests of files in which one failed")
    log = ["log", "--first-parent", "--format=%H", f"-{options.commits}", options.until, "--"]
    commits = git(*log, *options.touching)[::-1]
    start, _ = git("rev-parse", "HEAD"), git("checkout", "-qf", f"{commits[0]}^")
    before, locked = recorded.digests(), recorded.locked(options.groups)
    shares, why = [], Counter[str]()
    for commit in commits:
        # what other commits between them change counts for this one
        git("checkout", "-qf", commit)
        now, new = recorded.digests(), recorded.locked(options.groups)
        relocked = {one for one, what in new.items() if locked.get(one, what) != what}
        found = why_run(recorded, before, now, relocked)
        counts: Counter[str] = Counter()
        for file, reason in found.items():
            counts[reason] += recorded.tests[file]
        shares.append(counts.total() / total)
        print(f"{shares[-1]:6.3f}  {commit[:10]}")
        print(*(f"      {n:6} {one}" for one, n in counts.most_common(4)), sep="\n", flush=True)
        for reason, count in counts.items():
            why[kind_of(reason)] += count
        before, locked = now, new
    git("checkout", "-qf", *start)
    print(f"{sum(shares) / len(shares):6.3f}  mean of {len(shares)} commits; tests run, by reason:")
    print(*(f"      {n:6} {one}" for one, n in why.most_common(20)), sep="\n")


if __name__ == "__main__":
    main()

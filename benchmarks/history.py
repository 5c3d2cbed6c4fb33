"""Replay a repository's history: the share of its packages that each commit selects.

    uv run python benchmarks/history.py <checkout> --commits 25 --reasons

Each first-parent commit is compared with its parent, under the settings that the checkout has now.
`--reasons` shows for each commit why packages are selected, the reasons of most packages first.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections import Counter
from pathlib import Path

from tradai_tasks.affected.selection.change_analysis import analyse_change
from tradai_tasks.affected.selection.selection import Selection
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.repository import read_repository
from tradai_tasks.text import safe
from tradai_tasks.vcs.git import Git

_MOST_REASONS = 5  # shown of a commit


def commits(root: Path, count: int) -> list[tuple[str, str]]:
    """Return (id, subject) of the newest commits on the first parent's line that have a parent."""
    options = ("--first-parent", "--min-parents=1", f"--max-count={count}", "--format=%H %s")
    lines = (
        Git.open(root).run("log", *options, "HEAD").stdout.decode("utf-8", "replace").splitlines()
    )
    return [(line[:40], safe(line[41:], longest=60)) for line in lines]


def share(selection: Selection) -> float:
    """Return the share of packages that a change selects, as a fraction."""
    return len(selection.affected("packages")) / len(selection.packages)


def print_reasons(selection: Selection) -> None:
    """Print the first reasons of affected packages with the number of packages of each."""
    affected = [item for item in selection.packages if item.affected]
    firsts = Counter((*item.reasons, *item.everything)[0] for item in affected)
    for reason, count in firsts.most_common(_MOST_REASONS):
        print(f"      {count:4}  {safe(reason, longest=220)}")


def main() -> None:
    """Print the share of each commit, and the mean."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--commits", type=int, default=25)
    parser.add_argument("--reasons", action="store_true", help="show why packages are selected")
    options = parser.parse_args()
    root = options.checkout.resolve()
    repository = read_repository(root, DiskTree(root))
    shares = []
    for commit, subject in commits(root, options.commits):
        selection = analyse_change(repository, os.environ, base=f"{commit}^", head=commit).selection
        shares.append(share(selection))
        print(f"{shares[-1]:6.3f}  {commit[:10]} {subject}", flush=True)
        if options.reasons:
            print_reasons(selection)
    print(f"{statistics.mean(shares):6.3f}  mean of {len(shares)} commits of {root.name}")


if __name__ == "__main__":
    main()

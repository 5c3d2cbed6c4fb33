"""Hold affected selection against what tests really load: nothing missed, little too much.

Record what the tests of each member load, in an environment with all members installed. In the
member's folder:

    TRACE_ROOT=<workspace> TRACE_OUT=<folder>/<member>.json PYTHONPATH=<this folder> \
        python -m pytest -p record

Then hold the selection of the checked-out commit against the folder of recordings:

    uv run python benchmarks/recall.py <workspace> <folder>

`<folder>/members.json` may map a recording's name to the member's folder, where the two differ:
{"root": "."} where the root of the workspace is a package too.
Recall is the share of (file, member) pairs, the member not the file's owner, in which the member
loaded the file, that are selected when the file changes. Precision is the share of selected pairs
in which it loaded it: counted over the files that any other member loaded, and over every file that
was loaded at all, most of which only their own member's tests load. Exit status 1 where anything is
missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.affected.graph.fact_cache import Cache
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.selection import ChangeEvidence, select
from tradai_tasks.files.cache_folder import CacheFolder
from tradai_tasks.settings.load import load_settings
from tradai_tasks.vcs.git import Git
from tradai_tasks.vcs.snapshot import CommitSnapshot
from tradai_tasks.vcs.snapshot_tree import SnapshotTree
from tradai_tasks.workspace.discovery import discover


@dataclass(kw_only=True)
class Score:
    """Counts over (file, member) pairs."""

    loaded: int = 0
    found: int = 0
    selected: int = 0

    def __str__(self) -> str:
        """Show recall and precision."""
        recall = self.found / self.loaded if self.loaded else 1.0
        precision = self.found / self.selected if self.selected else 1.0
        return f"recall {recall:.4f} ({self.found} of {self.loaded}), precision {precision:.3f}"


def recordings(folder: Path, key: str) -> dict[str, frozenset[str]]:
    """Return member folder -> the files that its tests loaded."""
    table = folder / "members.json"
    names = json.loads(table.read_text(encoding="utf-8")) if table.is_file() else {}
    return {
        names.get(file.stem, file.stem): frozenset(
            json.loads(file.read_text(encoding="utf-8"))[key]
        )
        for file in sorted(folder.glob("*.json"))
        if file != table
    }


@dataclass(frozen=True, kw_only=True)
class Held:
    """A checkout: its files, its packages' folders, and what a change of a file selects."""

    paths: frozenset[str]
    packages: tuple[str, ...]
    selected: Callable[[str], dict[str, tuple[str, ...]]]  # package's folder -> reasons

    def owner(self, path: str) -> str | None:
        """Return the package around a path: the innermost, the root (".") where no other is."""
        inside = [package for package in self.packages if path.startswith(f"{package}/")]
        return max(inside, key=len, default="." if "." in self.packages else None)


def checkout(root: Path) -> Held:
    """Read the checked-out commit."""
    git = Git.open(root)
    snapshot = CommitSnapshot(git, git.require_commit("HEAD", ""))
    tree = SnapshotTree(snapshot)
    loaded = load_settings(tree)
    workspace = discover(tree, loaded.settings, settings_file=loaded.file)
    revision = Revision(snapshot=snapshot, workspace=workspace)
    graph = revision.graph(Cache(CacheFolder(Path(os.devnull)), "recall"))
    for warning in graph.warnings():
        print(f"note: {warning}", file=sys.stderr)

    def selected(path: str) -> dict[str, tuple[str, ...]]:
        evidence = ChangeEvidence(
            paths=(path,), chains=graph.affected_by([path]), accounted=graph.accounted([path])
        )
        found = select(workspace, workspace, evidence, loaded.settings.affected)
        return {
            item.path: (*item.reasons, *item.everything) for item in found.packages if item.affected
        }

    packages = tuple(package.path for package in workspace.packages)
    return Held(paths=frozenset(snapshot.blobs), packages=packages, selected=selected)


def main() -> int:
    """Print what is missed, what is selected in vain by member, and the scores."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--key", choices=["modules", "opened"], default="modules")
    parser.add_argument("--vain", action="store_true", help="show why members are selected in vain")
    options = parser.parse_args()
    held = checkout(options.workspace.resolve())
    members = recordings(options.recordings, options.key)
    total, every = Score(), Score()
    by_member = {member: Score() for member in members}
    for path in sorted({path for files in members.values() for path in files}):
        own = held.owner(path)
        others = {member for member in members if member != own}
        loaded = {member for member in others if path in members[member]}
        if path not in held.paths:  # of an environment in the workspace, or made by a test
            continue
        chosen = held.selected(path)
        for member in others:
            for score in (every, *((total, by_member[member]) if loaded else ())):
                score.loaded += member in loaded
                score.found += member in loaded and member in chosen
                score.selected += member in chosen
            if member in loaded and member not in chosen:
                print(f"missed: {member} loads {path}")
            if options.vain and loaded and member in chosen and member not in loaded:
                print(f"in vain: {member} for {path}: {chosen[member][0]}")
    for member, score in by_member.items():
        print(f"{member:40} {score}")
    print(f"{'files that others load':40} {total}")
    print(f"{'every file that is loaded':40} {every}")
    return int(total.found < total.loaded)


if __name__ == "__main__":
    sys.exit(main())

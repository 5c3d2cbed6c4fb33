"""Options that the sessions which release something have in common."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.sessions.core.arguments import flag, option, repeated

TAG = option("tag", "the release tag; in CI by default the one that the event names", nargs="?")
LOOKS = [
    flag("--dry-run", "print what would be done"),
    flag("--status", "print what is done and what is missing"),
    flag("--json", "print either as JSON and nothing else"),
]
EVIDENCE = option(
    "--evidence", "where the records are that earlier stages left in other jobs", metavar="DIR"
)
EARLIER = option(
    "--earlier",
    "where the records are that an earlier attempt of this very job left: a gate that "
    "has passed there is not run again",
    metavar="DIR",
)
ONLY = repeated("--only", "just this; repeatable", metavar="NAME")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of the command line."""

    only: Collection[str]
    start: str | None
    evidence: Path | None
    earlier: Path | None
    dry_run: bool
    status: bool
    json: bool


def wanted_of(
    options: Namespace, *, only: Collection[str] = (), start: str | None = None
) -> Wanted:
    """Return the options; raise BadArgumentsError if they contradict each other."""
    if options.json and not (options.status or options.dry_run):
        raise BadArgumentsError("--json: goes with --status or --dry-run")
    # some sessions have neither
    evidence, earlier = (getattr(options, name, None) for name in ("evidence", "earlier"))
    return Wanted(
        only=only,
        start=start,
        evidence=Path(evidence).absolute() if evidence else None,
        earlier=Path(earlier).absolute() if earlier else None,
        dry_run=options.dry_run,
        status=options.status,
        json=options.json,
    )

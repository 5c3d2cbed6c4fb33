"""Parse Pulumi's JSON output: how many resources are created, updated, deleted, replaced.

`pulumi preview --json` prints one document with a `changeSummary`; `pulumi up --json`, and previews
that stream, print an event a line, of which the last has a `summaryEvent`. A script that runs
several layers prints theirs one after the other.

https://www.pulumi.com/docs/iac/cli/commands/pulumi_preview/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tradai_tasks.errors import InfraError
from tradai_tasks.files.atomic_write import write_whole

COLUMNS = ("create", "update", "delete", "replace")
# operations without a change, and the parts of a replacement, which counts as one
_NOTHING = frozenset(
    {"same", "read", "refresh", "create-replacement", "delete-replaced", "discard",
     "discard-replaced", "read-replacement", "read-discarded", "remove-pending-replace"}
)  # fmt: skip
_AS = {"import": "create", "import-replacement": "replace"}
# Pulumi's messages on a stack whose state another run has locked
_LOCKED = re.compile(
    r"stack is currently locked|Another update is currently in progress|\[409\] Conflict",
    re.IGNORECASE,
)
_ERROR = re.compile(r"^\s*(?:error:|Error:)\s*(?P<what>.+)$", re.MULTILINE)
_SHOWN = 12  # last lines of a failure to show
_URN = re.compile(r"urn:pulumi:[^:]*::[^:]*::(?P<type>.+)::(?P<name>.+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """The changes of all layers of a stack together."""

    stack: str
    counts: Mapping[str, int]  # counts by COLUMNS; an absent one is zero
    layers: int
    lost: tuple[str, ...] = ()  # resources that are deleted or replaced, as `delete type name`

    @property
    def total(self) -> int:
        """Number of resources that change."""
        return sum(self.counts.values())


def changes_of(stack: str, text: str) -> Changes:
    """Parse Pulumi's output into the changes of a stack.

    Raises:
        InfraError: The output is empty, or cannot be interpreted.
    """
    counts: dict[str, int] = {}
    lost: list[str] = []
    layers = 0
    for document in _documents(stack, text):
        summary = _summary(document)
        lost += _lost(document)
        if summary is None:
            continue
        layers += 1
        for operation, count in summary.items():
            if not isinstance(count, int):
                raise InfraError(f"{stack}: Pulumi counts {operation!r} as {count!r}, no number")
            if operation in _NOTHING:
                continue
            name = _AS.get(operation, operation)
            if name not in COLUMNS:
                raise InfraError(
                    f"{stack}: Pulumi speaks of an operation {operation!r} that is not known here; "
                    f"update tradai-tasks"
                )
            counts[name] = counts.get(name, 0) + count
    if not layers:
        raise InfraError(
            f"{stack}: Pulumi printed no summary, so its changes are unknown; does the script hand "
            f"--json on to pulumi?"
        )
    return Changes(stack=stack, counts=counts, layers=layers, lost=tuple(lost))


def save(changes: Iterable[Changes], folder: Path) -> None:
    """Write the changes of each stack to a file of its own, for another job."""
    for one in changes:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{one.stack}.json", msgspec.json.encode(one))


def saved(stacks: Iterable[str], folder: Path) -> list[Changes]:
    """Read the changes of stacks that other jobs have saved, below a folder.

    Raises:
        InfraError: Those of a stack are missing, there twice, or cannot be read.
    """
    found = []
    for stack in stacks:
        files = sorted(folder.rglob(f"{stack}.json"))
        if len(files) != 1:
            count = "no preview" if not files else f"{len(files)} previews"
            raise InfraError(
                f"{stack}: {count} in {folder}; save one with: nox -s infra -- preview {stack} "
                f"--save {folder}"
            )
        try:
            changes = msgspec.json.decode(files[0].read_bytes(), type=Changes)
        except (msgspec.DecodeError, UnicodeError, OSError) as error:
            raise InfraError(f"{files[0]}: cannot be read: {error}; make it again") from None
        if changes.stack != stack:
            raise InfraError(f"{files[0]}: is of another stack; make it again")
        found.append(changes)
    return found


def rows(changes: Iterable[Changes]) -> list[tuple[str, ...]]:
    """Return a row for each stack: its name, and the number of each kind of change."""
    return [(one.stack, *(str(one.counts.get(column, 0)) for column in COLUMNS)) for one in changes]


def is_locked(text: str) -> bool:
    """Return whether Pulumi failed because another run has locked the stack's state."""
    return _LOCKED.search(text) is not None


def failure(out: str, err: str) -> str:
    """Return Pulumi's error message, in one line."""
    found = [match["what"].strip() for match in _ERROR.finditer(err)]
    for document in _lenient(out):
        found += [
            " ".join(str(one.get("message", "")).split())
            for one in _listed(document.get("diagnostics"))
            if one.get("severity") == "error"
        ]
        event = document.get("diagnosticEvent")
        if isinstance(event, dict) and event.get("severity") == "error":
            found.append(" ".join(str(event.get("message", "")).split()))
    if not found:
        found = [line.strip() for line in err.splitlines() if line.strip()][-1:]
    return "; ".join(dict.fromkeys(found[:_SHOWN])) or "no message"


def _documents(stack: str, text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON documents of an output, separated by white space."""
    decoder = json.JSONDecoder()
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            document, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            start = text[at : at + 60].splitlines()[0]
            raise InfraError(
                f"{stack}: Pulumi printed something else than JSON ({start!r}); does the script "
                f"write its own lines to standard error?"
            ) from None
        if not isinstance(document, dict):
            raise InfraError(f"{stack}: Pulumi printed JSON that is no object")
        yield document


def _lenient(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield from _documents("", text)
    except InfraError:
        return  # a failed run may have printed incomplete documents


def _summary(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    event = document.get("summaryEvent")
    found = event.get("resourceChanges") if isinstance(event, dict) else None
    for one in (document.get("changeSummary"), found):
        if isinstance(one, dict):
            return one
    return None


def _lost(document: Mapping[str, Any]) -> list[str]:
    """Return the resources that are deleted or replaced, from either form of output."""
    steps: list[Mapping[str, Any]] = [*_listed(document.get("steps"))]
    event = document.get("resourcePreEvent")
    if isinstance(event, dict) and isinstance(event.get("metadata"), dict):
        steps.append(event["metadata"])
    found = []
    for step in steps:
        operation = step.get("op")
        if operation in {"delete", "replace"}:
            urn = str(step.get("urn", ""))
            match = _URN.fullmatch(urn)
            name = f"{match['type'].rpartition('$')[2]} {match['name']}" if match else urn
            found.append(f"{operation} {name}")
    return found


def _listed(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

"""Present a selection as JSON, outputs of a CI step, table rows, Markdown or a Mermaid graph."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.affected.selection.selection import Item, Selection
from tradai_tasks.text import safe

KINDS = ("packages", "services", "lambdas", "strategies")  # as the JSON form has them
# Those and stacks, each with the word for one of it.
WORDS = {**{kind: kind.removesuffix("s") for kind in (*KINDS, "stacks")}, "strategies": "strategy"}
_MOST_REASONS = 20  # of a package in Markdown, whose size GitHub limits
_MOST_TABLE = 900_000  # bytes; GitHub drops a step's summary beyond 1 MiB
_NO_GRAPH = "The graph of the affected packages is too large to show here."
# Beyond these GitHub shows an error in place of a Mermaid graph.
_MOST_EDGES = 500
_MOST_GRAPH = 50_000  # characters


def as_document(
    span: CommitRange,
    selection: Selection,
    matrix: Sequence[Mapping[str, str]],
    replayed: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return what `changes --json` prints.

    Args:
        span: The commit range.
        selection: What the change affects.
        matrix: The jobs, as `strategy.matrix.include` takes them.
        replayed: Packages whose tests need not be run, each with the reason.
    """
    numbers: dict[str, int] = {}  # reason -> its place in the list

    def places(reasons: Sequence[str]) -> list[int]:
        return [numbers.setdefault(reason, len(numbers)) for reason in reasons]

    return {
        "range": {"base": span.base, "head": span.head, "why": span.why},
        "everything": bool(selection.everything),
        "everything_reasons": places(selection.everything),
        **{
            kind: [
                {
                    "name": item.name,
                    "path": item.path,
                    "affected": item.affected,
                    "reasons": places(item.reasons),
                    **_replayed(replayed.get(item.name) if item.affected else None),
                }
                for item in getattr(selection, kind)
            ]
            for kind in KINDS
        },
        "reasons": list(numbers),
        "matrix": {"include": list(matrix)},
    }


def _replayed(why: str | None) -> dict[str, Any]:
    return {} if why is None else {"replayed": True, "replayed_because": why}


def as_outputs(
    selection: Selection, matrix: Sequence[Mapping[str, str]], backtested: Collection[str] = ()
) -> dict[str, str]:
    """Return the step's outputs, each on one line.

    `any` tells whether the matrix has a job: GitHub refuses an empty matrix, so a workflow guards
    the job with it. Each kind's output is a JSON list of the names of what is affected.
    `backtested` lists the affected strategies that have backtests. `only_docs` tells that nothing
    but documents changed.
    """
    is_prose = bool(selection.changed) and set(selection.changed) <= set(selection.docs)
    only_docs = is_prose and not selection.everything
    outputs = {
        "matrix": _line({"include": list(matrix)}),
        "any": _line(bool(matrix)),
        "everything": _line(bool(selection.everything)),
        "docs": _line(bool(selection.docs)),
        "only_docs": _line(only_docs),
    }
    for kind in WORDS:
        outputs[kind] = _line(list(selection.affected(kind)))
    strategies = selection.affected("strategies")
    outputs["backtested"] = _line([name for name in strategies if name in backtested])
    return outputs


def rows(selection: Selection) -> list[tuple[str, str, str]]:
    """Return (kind, name, first reason) of all that is affected, and of sessions selected alone."""
    found = []
    for kind, word in WORDS.items():
        if kind == "packages" and selection.strategies == selection.packages:
            continue  # a strategies repository: they come as strategies
        for item in getattr(selection, kind):
            if item.affected:
                more = len(item.reasons) + len(item.everything) - 1
                first = visible((item.reasons or item.everything)[0])
                first += f" (and {more} more)" if more else ""
                found.append((word, item.name, first))
    if selection.docs:
        found.append(("docs", "docs", visible(selection.docs[0])))
    sessions = {("", name): why for name, why in selection.sessions.items()}
    sessions |= {
        (f"({one.name})", n): w for one in selection.packages for n, w in one.sessions.items()
    }
    for (package, name), why in sessions.items():
        if name not in {"docs", "test"}:  # these are there
            found.append(("session", f"{name}{package}", visible(why)))
    return found


def explanation(item: Item) -> str:
    """Return every reason for one package, a line each."""
    if not item.affected:
        sessions = [f"; {name} runs: {visible(why)}" for name, why in item.sessions.items()]
        return f"{item.name}: not affected{''.join(sessions)}\n"
    return f"{item.name}: affected by\n" + "".join(
        f"  {visible(reason)}\n" for reason in (*item.reasons, *item.everything)
    )


def markdown(
    span: CommitRange,
    selection: Selection,
    edges: Sequence[tuple[str, str]],
    replayed: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the step summary: what is affected and why, what of it is not run, and a graph."""
    from tradai_tasks.report import markdown_table  # noqa: PLC0415 - only where there is a summary

    count = sum(item.affected for item in selection.packages)
    parts = [
        f"### Affected: {count} of {len(selection.packages)} packages\n\n",
        f"{_escaped(span.why)}\n\n",
    ]
    if selection.everything:
        listed = [f"- {_escaped(reason)}\n" for reason in selection.everything[:_MOST_REASONS]]
        parts += ["Everything is affected:\n\n", *listed, "\n"]
    table = rows(selection)
    size = 0
    shown = [row for row in table if (size := size + _bytes([*map(_escaped, row)])) <= _MOST_TABLE]
    if table:
        parts.append(markdown_table(("kind", "name", "because of"), shown))
    if len(shown) < len(table):
        parts.append(f"\nand {len(table) - len(shown)} more, too long to show here\n")
    if replayed:
        parts.append("\nNot tested again:\n\n")
        parts += [f"- {_escaped(name)}: {_escaped(why)}\n" for name, why in replayed.items()]
    graph = mermaid(selection, edges)
    parts.append(f"\n```mermaid\n{graph}```\n" if graph else f"\n{_NO_GRAPH}\n")
    return "".join(parts)


def page_link(env: Mapping[str, str]) -> str:
    """Return Markdown that says where a CI run keeps the page as an artifact; "" elsewhere.

    https://docs.github.com/actions/reference/workflows-and-actions/variables
    """
    server, repository, run = map(
        env.get, ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    )
    if not (server and repository and run):
        return ""
    url = f"{server}/{repository}/actions/runs/{run}#artifacts"
    return f"\nAs a page with search: the artifact `changes` [of this run]({url})\n"


def _bytes(row: Sequence[str]) -> int:
    return len(" | ".join(row).encode()) + 5  # the marks around a row


def mermaid(selection: Selection, edges: Sequence[tuple[str, str]]) -> str:
    """Return a Mermaid graph of the packages, an arrow from each to what it depends on.

    Where GitHub would not show so large a graph, it is that of the affected packages alone, and
    empty where that is too large, too.
    """
    affected = tuple(item for item in selection.packages if item.affected)
    for items in (selection.packages, affected):
        names = {item.name for item in items}
        held = sorted({edge for edge in edges if names.issuperset(edge)})
        text = _mermaid(items, held)
        if len(held) <= _MOST_EDGES and len(text) <= _MOST_GRAPH:
            return text
    return ""


def _mermaid(items: Sequence[Item], edges: Sequence[tuple[str, str]]) -> str:
    numbers = {item.name: f"p{number}" for number, item in enumerate(items)}
    lines = ["graph LR"]
    for item in items:
        mark = ":::affected" if item.affected else ""
        label = item.name.replace('"', "'")
        lines.append(f'  {numbers[item.name]}["{label}"]{mark}')
    lines += [f"  {numbers[user]} --> {numbers[needed]}" for user, needed in edges]
    lines.append("  classDef affected fill:#f96,stroke:#933,color:#000")
    return "\n".join(lines) + "\n"


def _line(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _escaped(text: str) -> str:
    """Return text with Markdown's special characters escaped: file names are data."""
    text = visible(text)
    return "".join(f"\\{char}" if char in "\\`*_[]<>#!|" else char for char in text)


def visible(text: str) -> str:
    """Return a text with file names in it as one printable line.

    A name may contain line feeds, which would begin a command to the CI's runner, escape
    sequences, and bytes that are no UTF-8.
    """
    return safe(text, longest=None)

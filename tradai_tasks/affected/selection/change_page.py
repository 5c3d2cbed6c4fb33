"""Show a selection as one HTML page: the change, what it affects and by which chain, what runs.

The page is whole without a script, as tables. Its script adds the graph and the search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.affected.selection.presentation import WORDS, visible
from tradai_tasks.affected.selection.selection import Item, Selection, shortened
from tradai_tasks.html_page import Markup, escaped, html_page, table

_MOST_FILES = 2000  # that the graph has besides those of the chains
_MOST_OPEN = 50  # rows of a table that is not folded
_LINE = re.compile(r"(?::\d+)? \([^()]*\)\Z")  # what a step has after its path
_EVERYTHING = Markup('<a href="#everything">everything is affected</a>')


def change_page(  # noqa: PLR0913 - what the page shows
    span: CommitRange,
    selection: Selection,
    edges: Iterable[tuple[str, str]],
    jobs: Sequence[Mapping[str, str]],
    sessions: Mapping[str, Sequence[str]],
    *,
    reached: Mapping[str, str | None] | None = None,
) -> str:
    """Return the page.

    Args:
        span: The commit range.
        selection: What the change affects.
        edges: Pairs of packages, each with one that it declares as a dependency.
        jobs: The jobs of the CI matrix, as `as_document` takes them.
        sessions: The sessions that are to run for each package, by its name.
        reached: Files that the change reaches, nearest first, each with the one that it loads.
    """
    home = resources.files("tradai_tasks.affected.selection")
    count = len(selection.affected("packages"))
    title = f"{count} of {len(selection.packages)} packages affected"
    affected = _affected_rows(selection)
    changed = [(escaped(path),) for path in selection.changed]
    runs = [*_run_rows(selection, jobs, sessions)]
    head = f"{span.head} and the work tree" if span.worktree else span.head
    ends = [("from", span.base or "unknown"), ("to", head), ("chosen as", span.why)]
    everything = "".join(f"<li>{escaped(reason)}</li>" for reason in selection.everything)
    parts = [
        f"<h1>{title}</h1><p class=lead>{escaped(span.why)}</p>",
        f"<h2 id=everything>Everything is affected</h2><ul>{everything}</ul>" if everything else "",
        (home / "change_page.html").read_text(encoding="utf-8"),
        _folded("Changed files", len(changed), table("", ("path",), changed)),
        _folded(
            "Affected", len(affected), table("", ("name", "kind", "folder", "because of"), affected)
        ),
        _folded(
            "What runs", len(runs), table("", ("package", "sessions", "job", "because of"), runs)
        ),
        _folded("Compared commits", len(ends), table("", ("", ""), ends)),
    ]
    return html_page(
        title,
        "\n".join(parts),
        style=(home / "change_page.css").read_text(encoding="utf-8"),
        script=(home / "change_page.js").read_text(encoding="utf-8"),
        data=graph_data(selection, edges, sessions, reached or {}),
    )


def graph_data(
    selection: Selection,
    edges: Iterable[tuple[str, str]],
    sessions: Mapping[str, Sequence[str]],
    reached: Mapping[str, str | None],
) -> dict[str, Any]:
    """Return what the graph is drawn from. Each reason and each step of a chain is in it once.

    `packages` has what lies in a folder of its own, `uses` pairs of places in it: user and used.
    `steps` are the steps of all chains, each `[text, place of the step before, place of the
    package that the file is in]`, with -1 for none; a package's `chain` is its last step's place.
    Further files that the change reaches are steps, too, up to a number; `left` are those beyond.
    """
    units: dict[str, list[tuple[str, Item]]] = {}
    for kind, item in _items(selection):
        units.setdefault(item.path, []).append((kind, item))
    places = {path: place for place, path in enumerate(units)}
    names = {item.name: places[item.path] for item in selection.packages}
    reasons: dict[str, int] = {}
    steps: dict[tuple[str, int], int] = {}
    packages = []
    for path, held in units.items():
        last = -1
        chain = next((item.chain for _, item in held if item.chain), ())
        for step in chain:
            last = steps.setdefault((step, last), len(steps))
        mine = dict.fromkeys(reason for _, item in held for reason in item.reasons)
        for steps_of_it in (chain, shortened(chain)):  # as `chain` has it already
            mine.pop(" <- ".join(steps_of_it), None)
        packages.append(
            {
                "name": visible(held[0][1].name),
                "path": visible(path),
                "kind": ", ".join(kind for kind, _ in held),
                "affected": any(item.affected for _, item in held),
                "reasons": [reasons.setdefault(reason, len(reasons)) for reason in mine],
                "chain": last,
                "sessions": [visible(one) for one in sessions.get(held[0][1].name, ())],
            }
        )
    left = _add_files(steps, reached)
    return {
        "left": left,
        "packages": packages,
        "uses": sorted({(names[a], names[b]) for a, b in edges if a in names and b in names}),
        "steps": [[visible(text), last, _home(text, places)] for text, last in steps],
        "reasons": [visible(reason) for reason in reasons],
        "everything": [visible(reason) for reason in selection.everything],
    }


def _add_files(steps: dict[tuple[str, int], int], reached: Mapping[str, str | None]) -> int:
    """Add the files that are in no chain to the steps, and return how many were left out."""
    places: dict[str, int] = {}
    for (text, _), place in steps.items():
        places.setdefault(_LINE.sub("", text), place)
    further = [path for path in reached if path not in places]
    for path in further[:_MOST_FILES]:
        places[path] = len(steps)
        steps[path, places.get(reached[path] or "", -1)] = places[path]
    return max(0, len(further) - _MOST_FILES)


def _items(selection: Selection) -> Iterable[tuple[str, Item]]:
    """Yield everything that can be affected with its kind; strategies not as packages, too."""
    strategies = {item.path for item in selection.strategies}
    for kind, word in WORDS.items():
        for item in getattr(selection, kind):
            if kind != "packages" or item.path not in strategies:
                yield word, item


def _home(step: str, places: Mapping[str, int]) -> int:
    """Return the place of the innermost package around the file that a step begins with."""
    found = places.get(".", -1)
    for end, char in enumerate(step):
        if char == "/":
            found = places.get(step[:end], found)
    return found


def _affected_rows(selection: Selection) -> list[tuple[str, ...]]:
    """Return a row for all that is affected; a reason that two of them share is written once."""
    rows: list[tuple[str, ...]] = []
    anchors = _anchors(selection)
    written: dict[str, str] = {}  # reason -> the id of the first that has it
    for kind, item in _items(selection):
        if not item.affected:
            continue
        cells = []
        for reason in item.reasons:
            if reason in written:
                cells.append(f'<a href="#{written[reason]}">as above</a>')
                continue
            written[reason] = f"r{len(written)}"
            shown = escaped(reason).replace(escaped(" <- "), "<br>&larr; ")
            cells.append(f"<span id={written[reason]}>{shown}</span>")
        cells += [_EVERYTHING] if item.everything else []
        anchor = anchors.pop(item.name, "") if kind in {"package", "strategy"} else ""
        name = Markup(f'<span id="{anchor}">{escaped(item.name)}</span>') if anchor else item.name
        rows.append((name, kind, item.path, Markup("<hr>".join(cells))))
    docs = [Markup("<br>".join(map(escaped, selection.docs)))]
    return rows + ([("docs", "docs", "", *docs)] if selection.docs else [])


def _run_rows(
    selection: Selection, jobs: Sequence[Mapping[str, str]], sessions: Mapping[str, Sequence[str]]
) -> Iterable[tuple[str, ...]]:
    """Yield (package, sessions, job, why) for all that is to run."""
    job_of = {name: job["name"] for job in jobs for name in job["sessions"].split(",")}
    items = {item.name: item for item in selection.packages}
    anchors = _anchors(selection)
    for package, names in sessions.items():
        item = items.get(package)
        chosen = {**selection.sessions, **(item.sessions if item else {})}
        why: list[str] = [chosen[name] for name in chosen if any(map(_is_of(name), names))]
        if item is None:
            why = ["the root's tests may test anything that the change affects"]
        elif item.affected:
            why = [Markup(f'<a href="#{anchors[package]}">it is affected</a>'), *why]
        held = dict.fromkeys(job_of[name] for name in names)
        yield package, *(Markup("<br>".join(map(escaped, lines))) for lines in (names, held, why))


def _is_of(base: str) -> Any:
    """Return a test whether a session is `base` or one of its instances, as in `lint(a)`."""
    return lambda name: name == base or name.startswith((f"{base}(", f"{base}-"))


def _anchors(selection: Selection) -> dict[str, str]:
    """Return the id of each package's row."""
    return {item.name: f"p{place}" for place, item in enumerate(selection.packages)}


def _folded(title: str, count: int, inner: str) -> str:
    is_open = " open" if count <= _MOST_OPEN else ""
    return f"<details{is_open}><summary><h2>{title} ({count})</h2></summary>{inner}</details>"

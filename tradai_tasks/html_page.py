"""Self-contained HTML pages: one frame for all, which loads nothing and runs no other script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

from tradai_tasks.text import safe


class Markup(str):
    """HTML that is put into a page as it is; any other text is escaped."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Return a text as HTML shows it, in an attribute as well; markup stays as it is."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(safe(text, longest=None), quote=True))


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, by_last: bool = False
) -> Markup:
    """Return a heading and a table whose first column names the rows.

    Neither heading nor head is shown if empty. `by_last` gives each row the class `passed` or
    `failed`, as its last cell says.
    """
    head = "".join(f"<th scope=col>{escaped(column)}</th>" for column in columns)
    lines = []
    for row in rows:
        state = f" class={'passed' if row[-1] == 'passed' else 'failed'}" if by_last else ""
        cells = "".join(f"<td>{escaped(cell)}</td>" for cell in row[1:])
        lines.append(f"<tr{state}><th scope=row>{escaped(row[0])}</th>{cells}</tr>")
    thead = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    body = "\n".join(lines) or "<tr><td>none</td></tr>"
    heading = f"<h2>{escaped(title)}</h2>" if title else ""
    return Markup(f"{heading}<div class=scroll><table>{thead}<tbody>{body}</tbody></table></div>")


def html_page(title: str, body: str, *, style: str = "", script: str = "", data: Any = None) -> str:
    """Return a page that needs nothing else, readable on a light and on a dark screen.

    `title` is text, `body` HTML. The page's policy lets the browser run its `script` and no other,
    which reads `data`, JSON, from the element of that name.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    parts = [body]
    if script:
        # a `</script>` in a name would end the element
        text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        parts += [f'<script type="application/json" id=data>{text}</script>']
        parts += [f"<script>{script}</script>"]
    return _PAGE.format(
        title=escaped(title),
        policy=f"; script-src 'sha256-{digest}'" if script else "",
        style=_STYLE + style,
        body="\n".join(parts),
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'{policy}">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
_STYLE = """\
:root { color-scheme: light dark; --ink: #1f2933; --paper: #fff; --muted: #5d6975;
  --line: #e3e8ed; --good: #1a7f37; --bad: #c9372c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --paper: #15191e; --muted: #9aa7b4;
  --line: #343c45; --good: #4ac26b; --bad: #ff7b72; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1.25rem; }
a { color: inherit; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h1 span { font-size: .9rem; color: var(--paper); border-radius: .3rem; padding: .15rem .6rem;
  vertical-align: middle; }
h1 span.passed { background: var(--good); }
h1 span.failed { background: var(--bad); }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.lead { color: var(--muted); margin-top: .25rem; }
img { max-width: 100%; height: auto; background: #fff; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); font-weight: normal; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
thead th { color: var(--muted); font-size: .85rem; }
tbody th { min-width: 9rem; }
.scroll { overflow-x: auto; }
tr.passed td:last-child { color: var(--good); }
tr.failed td:last-child { color: var(--bad); font-weight: bold; }
"""

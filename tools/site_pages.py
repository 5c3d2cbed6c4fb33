"""Hook of mkdocs: fills pages with what is read from the source, so that neither can go stale."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tradai_tasks.html_page import escaped, table
from tradai_tasks.sessions.core.registry.catalog import CATALOG

ROOT = Path(__file__).resolve().parent.parent
_HOME = ROOT / "tradai_tasks"
# the library is where this runs: nothing is installed for the examples
_NOX = (sys.executable, "-m", "nox", "--script-mode", "none")
# sessions that hand all their arguments to pytest or freqtrade, whose own help they would print
_HANDED_ON = {"contract", "freqtrade", "integration", "perf", "test"}
_MARK = re.compile(r"<!-- made by tools/site_pages.py: (\w+) -->")
_OUTSIDE = re.compile(r"\]\(\.\./([^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - as mkdocs calls it
    """Return a page with its marks filled, and links to files outside docs/ led to the web."""
    text = _MARK.sub(lambda mark: MADE[mark[1]](), markdown)
    return _OUTSIDE.sub(lambda link: f"]({config.repo_url.rstrip('/')}/blob/main/{link[1]})", text)


def sessions_text() -> str:
    """Return a section for each session of the library: what it does, and what it takes."""
    helps = dict(_helps())
    parts = []
    for entry in CATALOG:
        parts.append(f"\n## {entry.name}\n\n{entry.doc}\n")
        if entry.name in helps:
            parts.append(f"\n```text\n{helps[entry.name]}\n```\n")
    return "".join(parts)


def _helps() -> Iterator[tuple[str, str]]:
    """Yield (session, its help), as the sessions of both examples print it themselves."""
    names = [entry.name for entry in CATALOG if entry.name not in _HANDED_ON]
    for example in sorted((ROOT / "examples").iterdir()):
        argv = [*_NOX, "--no-venv", "-s", *_there(example, names)]
        done = subprocess.run(
            [*argv, "--", "--help"], cwd=example, capture_output=True, text=True, check=True
        )
        for text in re.split(r"^(?=usage: nox -s )", done.stdout, flags=re.MULTILINE)[1:]:
            shown = text.strip().replace("'", "")
            name = re.sub(r"^usage: nox -s ([\w-]+).*", r"\1", shown, flags=re.DOTALL)
            yield name, re.sub(r"(?<=nox -s )([\w-]+)\([\w-]+\)", r"\1", shown)


def _there(example: Path, names: Iterable[str]) -> list[str]:
    """Return the exact names of an example's sessions, one instance of each."""
    argv = [*_NOX, "-l"]
    done = subprocess.run(argv, cwd=example, capture_output=True, text=True, check=True)
    found = re.findall(r"^[*-] (\S+)", done.stdout, re.MULTILINE)
    first = {name.partition("(")[0]: name for name in reversed(found)}
    return [first[name] for name in names if name in first]


def messages_text() -> str:
    """Return a section for each kind of failure, with the messages that the library has for it."""
    said = _messages()
    parts = []
    for module in sorted((_HOME / "errors").glob("*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        if not classes or module.stem == "base":
            continue
        parts.append(f"\n## {ast.get_docstring(tree)}\n".replace(".\n", "\n"))
        for one in classes:
            parts.append(f"\n### {one.name}\n\n{escaped(ast.get_docstring(one) or '')}\n")
            rows = [text.partition("; ")[::2] for text in sorted(said.get(one.name, ()))]
            if rows:
                parts.append(f"\n{table('', ('message', 'what to do'), rows)}\n")
    return "".join(parts)


def _messages() -> dict[str, set[str]]:
    """Return error class -> its messages, with a name in brackets for what differs."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _HOME.rglob("*.py")]
    constants = {
        node.targets[0].id: node.value
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            text = _template(node.args[0], constants)
            # where nothing but values is in it, it is another's message
            if node.func.id.endswith("Error") and re.search(r"[a-z]", re.sub("<.*?>", "", text)):
                found.setdefault(node.func.id, set()).add(text)
    return found


def _template(node: ast.expr, constants: Mapping[str, ast.expr]) -> str:
    """Return a text with `<name>` for each value in it; "" where the source does not say it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_template(one, constants) for one in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _template(left, constants) + _template(right, constants)
        case ast.FormattedValue(value=ast.Name(id=name)) if name in constants:
            return _template(constants[name], constants) or f"<{name}>"
        case ast.FormattedValue(value=value):
            names = [one for one in ast.walk(value) if isinstance(one, ast.Name | ast.Attribute)]
            # of `a.b.c` c; of `f(x)` x
            one = names[-1 if isinstance(value, ast.Call) else 0] if names else None
            name = one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "...")
            return f"<{name.strip('_').replace('_', ' ')}>"
        case _:
            return ""


MADE: dict[str, Callable[[], str]] = {"sessions": sessions_text, "messages": messages_text}

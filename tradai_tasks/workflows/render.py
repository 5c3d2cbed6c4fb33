"""Render workflow files from templates.

A template is the file as GitHub reads it, with two additions. `@{name}` is replaced by a value;
GitHub's own `${{ ... }}` is kept. Lines that begin with `#%` are directives:

    #% if NAME ... #% else ... #% end    lines for a condition that holds, or does not
    #% include NAME                      the lines of a part, indented as this line

An unknown name, or a block that is not closed, is an error.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

_NAME = re.compile(r"^name:[ \t]*(?P<name>\S.*?)[ \t]*(?:\s#.*)?$", re.MULTILINE)
_DIRECTIVE = re.compile(r"(?P<indent> *)#%(?: (?P<word>\S+))?(?: (?P<name>\S+))?\s*")


class _Text(string.Template):
    """A string template in which only `@{name}` is a placeholder."""

    delimiter = "@"
    # braces only: an unbraced name can never match
    idpattern = r"(?!)"
    braceidpattern = r"[a-z_]+"


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """The values for a template."""

    text: Mapping[str, str]  # texts by placeholder
    conditions: Mapping[str, bool]
    parts: Mapping[str, str]  # computed parts by name, which take precedence over files


def header_of(folder: str = "") -> str:
    """Return the first line of the workflow files of a workspace, by its folder."""
    where = f" in {folder}" if folder else ""
    return f"# Made by tradai-tasks{where}: nox -s workflows. Change the settings, not this file."


def render(template: str, values: Values, *, header: str) -> str:
    """Render a template, after a first line `header`.

    Raises:
        LookupError: The template names something unknown.
        ValueError: The template is not well-formed.
    """
    lines = list(_lines(_text(template, template, values), values))
    return f"{header}\n" + _Text("".join(f"{line}\n" for line in lines)).substitute(values.text)


def is_ours(text: str, folder: str = "") -> bool:
    """Return whether a file is one that this library wrote for the workspace in a folder."""
    return text.startswith(header_of(folder).partition(": ")[0] + ":")


def name_of(text: str) -> str:
    """Return a workflow's name; empty if its file has none."""
    found = _NAME.search(text)
    return found["name"].strip("\"'") if found else ""


@cache
def _read(name: str) -> str:
    home = resources.files("tradai_tasks.workflows") / "templates"
    return (home / name).read_text(encoding="utf-8")


def _lines(text: str, values: Values) -> Iterator[str]:
    """Yield the selected lines, with parts included."""
    open_blocks: list[bool] = []
    for line in text.splitlines():
        directive = _DIRECTIVE.fullmatch(line)
        if directive is None:
            if all(open_blocks):
                yield line
            continue
        word, name = directive["word"], directive["name"]
        if word == "if" and name:
            open_blocks.append(values.conditions[name])
        elif word == "else" and open_blocks and not name:
            open_blocks[-1] = not open_blocks[-1]
        elif word == "end" and open_blocks and not name:
            open_blocks.pop()
        elif word == "include" and name:
            if all(open_blocks):
                for inner in _lines(_text(name, f"parts/{name}.yml", values), values):
                    yield f"{directive['indent']}{inner}" if inner else ""
        else:
            raise ValueError(f"template: not understood: {line.strip()}")
    if open_blocks:
        raise ValueError("template: a block is not closed")


def _text(name: str, file: str, values: Values) -> str:
    return values.parts[name] if name in values.parts else _read(file)

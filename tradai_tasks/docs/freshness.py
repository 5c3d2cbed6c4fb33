"""Find names and links in Markdown pages that no longer exist in the repository.

Names in code spans and code blocks are compared with the repository; what cannot be judged (a
placeholder, a name of something else) is ignored.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

import tomli

from tradai_tasks.files.file_tree import folders_above
from tradai_tasks.settings.load import faults_of
from tradai_tasks.settings.model import PackageSettings, Settings
from tradai_tasks.text import similar

_FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})\s*(?P<kind>[\w-]*)")
_SPAN = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)")
_LINK = re.compile(r"!?\[[^\]\[]*\]\(\s*<?(?P<target>[^)\s>]+)>?[^)]*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(?P<target>\S+?)>?(?:\s|$)")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(?P<text>.+?)\s*#*$")
_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"(?P<name>[^\"]+)\"|\{\s*#(?P<id>[\w-]+)[^}]*\}")
# a path below a folder, with no placeholder in it
_PATH = re.compile(r"\.?/?(?P<path>[\w.@+-]+(?:/[\w.@+-]+)+)/?(?::\d+)?")
_NOX = re.compile(r"\bnox\b(?P<rest>[^\n|;&]*)")
_SESSION = re.compile(r"(?:^|\s)(?:-s|--session|--sessions)[= ]\s*\"?(?P<name>[a-z][\w.-]*)")
_JUST = re.compile(r"^(?:\$ )?just\s+(?P<name>[a-z][\w-]*)")
# `name := value` is a variable, and a parameter may have a default
_RECIPE = re.compile(r"^@?(?P<name>[a-z][\w-]*+)(?!\s*:=)(?:[^:\n]|:=)*:(?!=)", re.MULTILINE)
_PYTHON = re.compile(r"-\d+(?:\.\d+)*$")  # suffix of a session for one Python
_SHELLS = frozenset({"", "bash", "console", "sh", "shell", "text", "zsh"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryNames:
    """The names that exist in a repository, to compare pages with."""

    files: frozenset[str]  # POSIX paths from the workspace root
    sessions: frozenset[str]  # session names without their brackets
    recipes: frozenset[str]  # recipes of the justfile; empty if there is none
    ignore: tuple[str, ...] = ()  # globs of names that need not exist


@dataclass(frozen=True, kw_only=True, slots=True)
class Stale:
    """A name or link in a page that does not exist."""

    page: str
    line: int
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """A code block."""

    line: int  # line number of its first line of code
    kind: str  # the info string behind the fence
    text: str


def stale(pages: Mapping[str, str], names: RepositoryNames) -> list[Stale]:
    """Return the names and links in pages that do not exist, in their order."""
    anchors = {page: frozenset(_anchors(text)) for page, text in pages.items()}
    folders = folders_above(names.files)
    found: list[Stale] = []
    for page, text in pages.items():
        lines, blocks = _parts(text)
        own = [*_links(page, lines, names, folders, anchors)]
        for number, code in _spans(lines):
            own += [
                Stale(page=page, line=number, what=what)
                for what in (*_paths(code, names, folders), *_commands(code, names))
            ]
        for block in blocks:
            own += _of_block(page, block, names)
        found += sorted(own, key=lambda one: one.line)
    return found


def external_links(pages: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Return the web addresses that pages link to, each with the page and line of its first use."""
    found: dict[str, tuple[str, int]] = {}
    for page, text in pages.items():
        for number, target in _targets(_parts(text)[0]):
            if urlsplit(target).scheme in {"http", "https"}:
                found.setdefault(target.partition("#")[0], (page, number))
    return found


def recipes_of(justfile: str) -> frozenset[str]:
    """Return the names of a justfile's recipes."""
    return frozenset(match["name"] for match in _RECIPE.finditer(justfile))


def _parts(text: str) -> tuple[list[str], list[_Block]]:
    """Return a page's lines, with those of code blocks emptied, and the code blocks."""
    lines: list[str] = []
    blocks: list[_Block] = []
    mark, kind, start = "", "", 0
    code: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(line)
        if mark:
            closes = fence is not None and fence["mark"].startswith(mark) and not fence["kind"]
            if closes:
                blocks.append(_Block(line=start, kind=kind, text="\n".join(code)))
                mark, code = "", []
            else:
                code.append(line)
            lines.append("")
        elif fence is not None:
            mark, kind, start = fence["mark"], fence["kind"].lower(), number + 1
            lines.append("")
        else:
            lines.append(line)
    return lines, blocks


def _spans(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        for match in _SPAN.finditer(line):
            yield number, match["code"].strip()


def _targets(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        bare = _SPAN.sub("", line)
        for match in _LINK.finditer(bare):
            yield number, match["target"]
        reference = _REFERENCE.match(bare)
        if reference and not reference[0].lstrip().startswith("[^"):
            yield number, reference["target"]


def _links(
    page: str,
    lines: list[str],
    names: RepositoryNames,
    folders: Collection[str],
    anchors: Mapping[str, frozenset[str]],
) -> Iterator[Stale]:
    for number, target in _targets(lines):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc or _is_ignored(target, names):
            continue
        path = unquote(parts.path)
        home = "" if path.startswith("/") else posixpath.dirname(page)
        whole = posixpath.normpath(posixpath.join(home, path.lstrip("/"))) if path else page
        if whole not in names.files and whole not in folders and whole != ".":
            if path.startswith("/") and not posixpath.splitext(path)[1]:
                continue  # a page of the site, by its address there
            yield Stale(page=page, line=number, what=f"link to {target}: no such file")
        elif parts.fragment and whole in anchors and parts.fragment not in anchors[whole]:
            hint = similar(f"#{parts.fragment}", [f"#{anchor}" for anchor in anchors[whole]])
            what = f"link to {target}: no such heading{hint and f'; {hint}'}"
            yield Stale(page=page, line=number, what=what)


def _anchors(text: str) -> Iterator[str]:
    """Yield the anchors of a page: its headings, as GitHub and mkdocs name them."""
    seen: dict[str, int] = {}
    for line in _parts(text)[0]:
        for match in _ANCHOR.finditer(line):
            yield match["name"] or match["id"]
        heading = _HEADING.match(line)
        if heading is None:
            continue
        slug = _slug(heading["text"])
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        yield from ((slug,) if not count else (f"{slug}-{count}", f"{slug}_{count}"))


def _slug(text: str) -> str:
    bare = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|[`*~]", r"\1", text)
    return re.sub(r"[^\w\- ]", "", bare.lower()).strip().replace(" ", "-")


def _paths(code: str, names: RepositoryNames, folders: Collection[str]) -> Iterator[str]:
    match = _PATH.fullmatch(code)
    if match is None or _is_ignored(code, names):
        return
    path = posixpath.normpath(match["path"])
    top = path.partition("/")[0]
    # if its first part is not a folder here, it mostly names something else: an image, a package
    if top in folders and path not in names.files and path not in folders:
        yield f"`{code}`: no such file or folder"


def _commands(code: str, names: RepositoryNames) -> Iterator[str]:
    for command in _NOX.finditer(code):
        for match in _SESSION.finditer(command["rest"].partition(" -- ")[0]):
            name = _PYTHON.sub("", match["name"])
            yield from _unknown("session", name, names.sessions, names)
    if names.recipes:
        for match in _JUST.finditer(code):
            yield from _unknown("recipe", match["name"], names.recipes, names)


def _unknown(kind: str, name: str, known: Collection[str], names: RepositoryNames) -> Iterator[str]:
    if name not in known and not _is_ignored(name, names):
        hint = similar(name, known)
        yield f"{kind} {name}: there is none{hint and f'; {hint}'}"


def _of_block(page: str, block: _Block, names: RepositoryNames) -> Iterator[Stale]:
    if block.kind in _SHELLS:
        for number, line in enumerate(block.text.splitlines(), start=block.line):
            # in a transcript, only the typed lines; a block without prompts is all commands
            has_prompts = any(one.startswith("$ ") for one in block.text.splitlines())
            if has_prompts and not line.startswith("$ "):
                continue
            for what in _commands(line.partition(" #")[0], names):
                yield Stale(page=page, line=number, what=what)
    elif block.kind == "toml":
        for what in _settings(block.text):
            yield Stale(page=page, line=block.line, what=what)


def _settings(text: str) -> Iterator[str]:
    """Yield the faults of `[tool.tradai-tasks]` in an example; invalid TOML is ignored."""
    try:
        tool = tomli.loads(text).get("tool", {})
    except tomli.TOMLDecodeError:
        return
    table = tool.get("tradai-tasks") if isinstance(tool, dict) else None
    # a package's own pyproject.toml has a table of that name too
    if isinstance(table, dict) and faults_of(table, PackageSettings, ""):
        yield from faults_of(table, Settings, "tool.tradai-tasks.")


def _is_ignored(name: str, names: RepositoryNames) -> bool:
    return any(fnmatchcase(name, glob) for glob in names.ignore)

"""Settings under which the checks of a repository are green as it is, each with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tradai_tasks.files.file_tree import Tree
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.workspace.inventory import InventoryFile

_LEVELS = ("low", "medium", "high")
# how `security` shows a finding that counts
_FINDING = re.compile(r" \((low|medium|high) severity, (?:medium|high) confidence\) ")
_FORMATTERS = ("black", "yapf", "autopep8", "blue", "darker")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_REASON = re.compile(r"^nox > Session \S+ (?:aborted|failed): (.*)$", re.MULTILINE)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one session came to in a run on the repository as it is."""

    session: str
    status: int
    output: str

    @property
    def reason(self) -> str:
        """Its last line: what failed, and what to do."""
        found = _REASON.findall(self.output)
        return str(found[-1]) if found else f"exit status {self.status}"


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a repository as it is."""

    floors: Mapping[str, int]  # of each package, in percent, as measured
    untested: tuple[str, ...]  # packages with code and without tests
    unseen: tuple[InventoryFile, ...]  # files that no session looks at
    formatter: str | None  # what formats the code instead of ruff; None where ruff may
    severity: str  # the least severity of bandit of which there is no finding
    findings: int  # of bandit, below it
    faults: tuple[Outcome, ...]  # sessions that fail, whatever the settings


def adoption_tables(found: Adoption, prefix: str) -> list[str]:
    """Return the tables of settings, each concession with its reason beside it.

    Args:
        found: What was found out.
        prefix: What the names of tables begin with: `tool.tradai-tasks.`, or nothing.
    """
    tables: list[tuple[str, list[str]]] = []
    if found.formatter is not None:
        line = f"format = false  # {found.formatter}, and ruff would write it differently"
        tables.append(("lint", [line]))
    if found.severity != "low":
        count = f"{found.findings} finding{'s' * (found.findings != 1)} of bandit below it today"
        tables.append(("security", [f'severity = "{found.severity}"  # {count}']))
    lines = [
        f"{_key(name)}.test = false  # it has no tests; remove this with its first"
        for name in found.untested
    ]
    lines += [
        f"{_key(name)}.floor = {floor}  # as measured; raised by: nox -s ratchet"
        for name, floor in sorted(found.floors.items())
    ]
    if lines:
        tables.append(("packages", lines))
    text = [f"[{prefix}{name}]\n" + "\n".join(lines) + "\n" for name, lines in tables]
    return [*text, *_unchecked(found.unseen, prefix)]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _unchecked(files: Iterable[InventoryFile], prefix: str) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for file in files:
        what = "not collected as a test" if file.kind == "test" else "not type-checked or scanned"
        why = f": {file.why}" if file.why else ""
        by_reason.setdefault(f"{what} when adopted{why}", []).append(file.path)
    for reason, paths in by_reason.items():
        shown = "".join(f"    {json.dumps(_literal(path))},\n" for path in paths)
        yield f"[[{prefix}unchecked]]\npaths = [\n{shown}]\nreason = {json.dumps(reason)}\n"


def _literal(path: str) -> str:
    """Return a glob that matches just one path."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def severity_of(outputs: Iterable[str]) -> tuple[str | None, int]:
    """Return the least severity above all findings that `security` shows, and their number.

    Returns:
        None for the severity if there is a finding of the highest.
    """
    levels = [_LEVELS.index(level) for output in outputs for level in _FINDING.findall(output)]
    if not levels:
        return "low", 0
    above = max(levels) + 1
    return (_LEVELS[above] if above < len(_LEVELS) else None), len(levels)


def other_formatter(tree: Tree, locked: Collection[str]) -> str | None:
    """Return a phrase on what formats the code instead of ruff; None where ruff may do it.

    A repository in which nothing asks ruff to format, and no tool is set to, counts too.

    Args:
        tree: The repository.
        locked: Names of the distributions that are locked.
    """
    texts = {
        name: tree.read(name).decode("utf-8", "replace")
        for name in (
            ".pre-commit-config.yaml", "pyproject.toml", "justfile", "Justfile", ".justfile",
            "Makefile", "tox.ini", "noxfile.py", "ruff.toml", ".ruff.toml",
        )
        if tree.is_file(name)
    }  # fmt: skip
    for folder in (".github/workflows", ".github/actions"):
        for name in tree.files(folder):
            texts[name] = tree.read(f"{folder}/{name}").decode("utf-8", "replace")
    every = "\n".join(texts.values())
    if re.search(r"\bruff[- ]format\b|\btool\.ruff\.format\b|^\[format\]", every, re.MULTILINE):
        return None
    document: Mapping[str, Any] = {}
    if "pyproject.toml" in texts:
        document = parse_toml(texts["pyproject.toml"].encode(), "pyproject.toml").get("tool", {})
    hooks = texts.get(".pre-commit-config.yaml", "")
    for name in _FORMATTERS:
        if name in document or name in locked or re.search(rf"id:\s*{name}\b", hooks):
            return f"{name} formats this repository"
    return "nothing here has ruff format the code"

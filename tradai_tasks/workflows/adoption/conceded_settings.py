"""Settings under which the checks of a repository are green as it is, each with its reason."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tradai_tasks.checks.typecheck.rules import uses_checker
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.repository import base_of
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.text import counted
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.inventory import InventoryFile
from tradai_tasks.workspace.locks.lock_file import read_lock

_LEVELS = ("low", "medium", "high")
_NOXFILE = ("lint", "noxfile.py")  # the session, and the path that it prints
# how `security` shows a finding that counts
_FINDING = re.compile(r" \((low|medium|high) severity, (?:medium|high) confidence\) ")
# how `lint` shows a finding of ruff, whether ruff can fix it, and a file that it would reformat
_RUFF_FINDING = re.compile(
    r"^([^\s:][^:\n]*):(?:cell \d+:)?\d+:\d+: ([A-Z]+\d+)(?: (\[\*\]))? ", re.MULTILINE
)
_UNFORMATTED = re.compile(r"^Would reformat: (.+)$", re.MULTILINE)
_MANY = 10  # files that break a rule, from which on it counts as one that is not enforced
_MYPY_ERROR = re.compile(r": error: .*  \[([a-z][a-z-]*)\]$", re.MULTILINE)
_FORMATTERS = ("black", "yapf", "autopep8", "blue", "darker")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_REASON = re.compile(
    r"^nox > Session \S+ (?:aborted|failed): (.*?)\.?(?: \(took [^)]*\))?\.?$", re.MULTILINE
)
_ABOVE = re.compile(r"; (?:its|uv's) message is above|; what is left is above|; see above")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one session came to in a run on the repository as it is."""

    session: str
    status: int
    output: str
    said: str = ""  # the reason, where no session was run

    @property
    def reason(self) -> str:
        """Its last line: what failed, and what to do."""
        found = _REASON.findall(self.output)
        return self.said or (str(found[-1]) if found else f"exit status {self.status}")

    def __str__(self) -> str:
        """Return the session, the reason and a command, in one line."""
        reason = _ABOVE.sub("", full := self.reason.removeprefix(f"{self.session}: "))
        command = f"nox -s {shlex.quote(self.session)}"
        again = "" if reason == full and "nox -s " in reason else f"; run it with: {command}"
        return f"{self.session}: {reason}{again}"


class Conceded(msgspec.Struct, frozen=True, kw_only=True):
    """What must be let pass for lint, typecheck and security to be green."""

    formatter: str | None = None  # what formats the code instead of ruff; None where ruff may
    # findings of ruff, by rule, or by path and rule as `a.py:F401`
    rules: Mapping[str, int] = {}
    runs_ruff: bool = False  # whether the repository ran it so far
    codes: Mapping[str, int] = {}  # findings by error code of mypy, where nothing ran it so far
    severity: str = "low"  # the least severity of bandit of which there is no finding
    findings: int = 0  # of bandit, below it
    noxfile: tuple[str, ...] = ()  # comments that our noxfile begins with, for ruff as set here

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The settings that let it pass, by table."""
        lint: dict[str, Any] = {} if self.formatter is None else {"format": False}
        lint |= {"ignore": sorted(self.rules)} if self.rules else {}
        args = [f"--disable-error-code={code}" for code in sorted(self.codes)]
        found = {
            "lint": lint,
            "typecheck": {"args": args} if args else {},
            "security": {"severity": self.severity} if self.findings else {},
        }
        return {name: table for name, table in found.items() if table}

    @property
    def _reasons(self) -> dict[str, str]:
        def today(counts: Mapping[str, int], tool: str) -> str:
            return f"{counted(sum(counts.values()), 'finding')} today{tool}"

        return {
            "format": f"{self.formatter}, and ruff would write it differently",
            "ignore": today(
                self.rules, " that ruff cannot fix" if self.runs_ruff else ", and nothing ran ruff"
            ),
            "args": today(self.codes, ", and nothing ran mypy"),
            "severity": f"{counted(self.findings, 'finding')} of bandit below it today",
        }

    def tables(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each table's name and lines, with the reasons."""
        reasons = self._reasons
        for name, table in self.settings.items():
            lines = []
            for key, value in table.items():
                first, *more = json.dumps(value, indent=4, ensure_ascii=False).splitlines()
                lines += [f"{key} = {first}  # {reasons[key]}", *more]
            yield name, lines

    def __str__(self) -> str:
        """Return all of it in one line; empty where nothing is let pass."""
        reasons = self._reasons
        return "; ".join(
            f"{name}.{key} ({reasons[key]})"
            for name, table in self.settings.items()
            for key in table
        )


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a repository as it is."""

    floors: Mapping[str, int]  # of each package, in percent, as measured
    untested: tuple[str, ...]  # packages with code and without tests
    unseen: tuple[InventoryFile, ...]  # files that no session looks at
    conceded: Conceded
    faults: tuple[Outcome, ...]  # sessions that fail, whatever the settings


def adoption_tables(found: Adoption, prefix: str) -> list[str]:
    """Return the tables of settings, each concession with its reason beside it."""
    tables = [*found.conceded.tables()]
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
    by_reason: dict[str, dict[str, None]] = {}
    for file in files:
        what = "not collected as a test" if file.kind == "test" else "not type-checked or scanned"
        reason = f"{what} when adopted{f': {file.why}' if file.why else ''}"
        glob = _literal(file.path)
        if file.area.noun == "project":  # with all that will be in it
            reason, glob = f"not checked when adopted: {file.why}", f"{_literal(file.area.path)}/**"
        by_reason.setdefault(reason, {})[glob] = None
    for reason, globs in by_reason.items():
        shown = "".join(f"    {json.dumps(glob)},\n" for glob in globs)
        yield f"[[{prefix}unchecked]]\npaths = [\n{shown}]\nreason = {json.dumps(reason)}\n"


def _literal(path: str) -> str:
    """Return a glob that matches just one path."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


def concede(red: Mapping[str, str], tree: Tree, workspace: Workspace) -> Conceded:
    """Return what must be let pass, by the output of sessions that failed.

    Where a repository does not use the tool, rules of ruff and errors of mypy are let pass. Where
    it does, none of mypy is, and of ruff only what its fix leaves, in the files that break a rule;
    everywhere if those are many.
    """
    lint = {name: text for name, text in red.items() if base_of(name) == "lint"}
    types = "\n".join(text for name, text in red.items() if base_of(name) == "typecheck")
    locked = {n for one in workspace.projects for n in read_lock(tree, one).by_name}
    folders = [package.path for package in workspace.packages]
    runs_ruff = _runs_ruff(tree, {*folders, "."})
    broken: dict[str, Counter[str]] = {}
    for name, text in lint.items():
        for path, rule, fix in _RUFF_FINDING.findall(text):
            if (name, path) != _NOXFILE and not (runs_ruff and fix):
                file = _literal(path)
                broken.setdefault(rule, Counter())[f"{file}:{rule}"] += 1
    rules: dict[str, int] = {}
    for rule, files in broken.items():
        few = runs_ruff and len(files) <= _MANY
        rules |= files if few else {rule: files.total()}
    unformatted = {(name, path) for name, s in lint.items() for path in _UNFORMATTED.findall(s)}
    is_unformatted = bool(unformatted - {_NOXFILE})
    runs_checker = any(uses_checker(tree, one, folders, locked) for one in workspace.projects)
    severity, findings = severity_of(red.get("security", ""))
    return Conceded(
        formatter=other_formatter(tree, locked) if is_unformatted else None,
        rules=rules,
        runs_ruff=runs_ruff,
        codes={} if runs_checker else Counter(_MYPY_ERROR.findall(types)),
        severity=severity or "low",
        findings=findings if severity else 0,
        noxfile=tuple(_noxfile_comments(lint.get("lint", ""))),
    )


def _noxfile_comments(output: str) -> Iterator[str]:
    """Yield the comments that make ruff content with our noxfile, by its output about all."""
    rules = {rule for path, rule, _ in _RUFF_FINDING.findall(output) if path == "noxfile.py"}
    if rules:
        yield f"# ruff: noqa: {', '.join(sorted(rules))}"
    if "noxfile.py" in _UNFORMATTED.findall(output):
        yield "# fmt: off"


def _task_files(tree: Tree) -> dict[str, str]:
    """Return the text of each file that says what is run on a repository."""
    names = (
        ".pre-commit-config.yaml", "justfile", "Justfile", ".justfile", "Makefile", "tox.ini",
        "noxfile.py",
    )  # fmt: skip
    folders = (".github/workflows", ".github/actions")
    below = (f"{folder}/{name}" for folder in folders for name in tree.files(folder))
    return {
        name: tree.read(name).decode("utf-8", "replace")
        for name in (*(name for name in names if tree.is_file(name)), *below)
    }


def _runs_ruff(tree: Tree, folders: Iterable[str]) -> bool:
    """Return whether ruff is configured, or named where something is run; a lock is no use yet."""
    if any(re.search(r"\bruff\b(?!:)", text) for text in _task_files(tree).values()):
        return True
    for folder in folders:
        if any(tree.is_file(join(folder, name)) for name in ("ruff.toml", ".ruff.toml")):
            return True
        file = join(folder, "pyproject.toml")
        if tree.is_file(file) and "ruff" in parse_toml(tree.read(file), file).get("tool", {}):
            return True
    return False


def severity_of(output: str) -> tuple[str | None, int]:
    """Return the least severity above all findings that `security` shows, and their number.

    The severity is None if there is a finding of the highest.
    """
    levels = [_LEVELS.index(level) for level in _FINDING.findall(output)]
    if not levels:
        return "low", 0
    above = max(levels) + 1
    return (_LEVELS[above] if above < len(_LEVELS) else None), len(levels)


def other_formatter(tree: Tree, locked: Collection[str]) -> str | None:
    """Return a phrase on what formats the code instead of ruff; None where ruff may do it.

    A repository in which nothing asks ruff to format, and no tool is set to, counts too.
    """
    texts = _task_files(tree) | {
        name: tree.read(name).decode("utf-8", "replace")
        for name in ("pyproject.toml", "ruff.toml", ".ruff.toml")
        if tree.is_file(name)
    }
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

"""The type checkers that `typecheck` can run: their settings files, commands and reports."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tradai_tasks.errors import CheckFailedError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.files.ini_file import read_ini
from tradai_tasks.files.path_globs import matches
from tradai_tasks.settings.load import parse_toml

CHECKERS: dict[str, Checker] = {}  # by name; of two that fit alike, the first is chosen

_TOP = r"(?:\s*#[^\n]*\n)*?\s*#\s*"  # comment lines before any code
# as by the parsers of ty and pyrefly: an option, or a value and its option
_UNKNOWN_OPTION = re.compile(
    r"^error: (?:unexpected argument|invalid value) '([^']+)'(?: for '([^ ']+))?", re.MULTILINE
)
_MYPY_ERROR = re.compile(r"^([^\n]+?):(\d+)(?::\d+)*: error: (.*)$", re.MULTILINE)
_COLOUR = re.compile(r"\x1b(?:\[[0-9;]*m|\(B)")
# comments, and then a comma before a closing bracket, which pyright allows in JSON
_NOT_JSON = (
    re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL),
    re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[\]}])'),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One message of a type checker."""

    path: str  # as the checker printed it
    line: int
    severity: str  # "error", "warning" or "notice"
    text: str  # may have several lines
    rule: str = ""

    @property
    def place_and_text(self) -> str:
        """The first line of the message, for the end of a run."""
        rule = f" [{self.rule}]" if self.rule else ""
        return f"{self.path}:{self.line}: {self.text.partition(chr(10))[0]}{rule}"

    def __str__(self) -> str:
        """Return it as a line for people; further lines of the message are indented."""
        rule = f"  [{self.rule}]" if self.rule else ""
        first, *more = f"{self.text}{rule}".splitlines()
        return "\n  ".join([f"{self.path}:{self.line}: {self.severity}: {first}", *more])


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What one run of a type checker is given."""

    files: tuple[str, ...]  # as seen from the folder that it runs in
    home: str  # that folder
    environment: str  # folder of the virtual environment whose packages it sees
    search: tuple[str, ...]  # folders that it imports from, besides
    config: str | None  # its configuration file, absolute
    strict: bool = False

    @property
    def python(self) -> str:
        """The interpreter of the environment."""
        return posixpath.join(self.environment, "bin", "python")


@dataclass(frozen=True, kw_only=True)
class Checker:
    """A type checker. All but mypy are given every file by name, and answer in JSON."""

    name: str  # of the distribution, of the program, and of its table in pyproject.toml
    files: tuple[str, ...]  # settings files of its own, the first counts
    shared: tuple[str, ...] = ("pyproject.toml",)  # files that count if they have its settings
    tables: tuple[str, ...] = ()  # further tables of pyproject.toml that it reads
    argv: Callable[[Call], list[str]] = lambda _: []
    report: Callable[[str], list[Finding]] = lambda _: []
    # how many files it checked, by its report and its log, if they say so
    count: Callable[[str, str], int] | None = None
    included: tuple[str, ...] = ()  # keys of its table that say which files it looks at
    excluded: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()  # keys of files that it reads without reporting on them
    always_excluded: tuple[str, ...] = ()
    comment: str = rf"{_TOP}type:\s*ignore\b(?!\[)"  # for which it reports nothing in a file
    # the configuration that it is given, where options do not do: from its own, and the folder
    made_config: Callable[[Mapping[str, Any], Call, str], Mapping[str, Any]] | None = None
    hint: str = ""  # at what may be missing where it ends without a report
    env: Mapping[str, str | None] = field(default_factory=dict)

    def settings(self, tree: Tree, file: str) -> Mapping[str, Any] | None:
        """Return its settings in a file; None if the file has none for it."""
        content = tree.read(file)
        if file.endswith(".json"):
            text = content.decode("utf-8-sig", "replace")
            for pattern in _NOT_JSON:
                text = pattern.sub(lambda match: match[1] or "", text)
            try:
                table = json.loads(text)
            except ValueError:
                return {}  # the checker itself reports what is wrong with it
            return table if isinstance(table, Mapping) else {}
        if file.endswith((".ini", ".cfg")):
            ini = read_ini(content)
            if ini is not None and ini.has_section(self.name):
                return ini[self.name]
            return {} if ini is None or posixpath.basename(file) not in self.shared else None
        table = parse_toml(content, file)
        if posixpath.basename(file) != "pyproject.toml":
            return table
        tools = table.get("tool", {})
        named = (tools[name] for name in (self.name, *self.tables) if name in tools)
        return next((one for one in named if isinstance(one, Mapping)), None)

    def config_file(self, tree: Tree, folder: str, project: str) -> str | None:
        """Return the settings file that counts in a folder of a project; None if there is none."""
        while True:
            for name in (*self.files, *self.shared):
                file = join(folder, name)
                if tree.is_file(file) and self.settings(tree, file) is not None:
                    return file
            if folder in {project, "."}:
                return None
            folder = posixpath.dirname(folder) or "."

    def left_out(self, tree: Tree, config: str | None, files: Iterable[str]) -> LeftOut:
        """Return the files that its settings, or comments in them, keep from being judged."""
        table = (self.settings(tree, config) or {}) if config else {}
        home = posixpath.dirname(config) if config else ""
        included = _globs(table, self.included)
        excluded = [*self.always_excluded, *_globs(table, self.excluded)]
        ignored = _globs(table, self.ignored)
        comment = re.compile(self.comment.encode())
        found = LeftOut(excluded=[], ignored=[])
        for file in files:
            path = posixpath.relpath(file, home or ".")
            if _is_met(path, excluded) or (included and not _is_met(path, included)):
                found.excluded.append(file)
            elif _is_met(path, ignored) or comment.match(tree.read(file)):
                found.ignored.append(file)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Files that a checker was not to look at, and those on which it reports nothing."""

    excluded: list[str]
    ignored: list[str]


def _globs(table: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Return the globs that a table has at dotted keys."""
    found: list[str] = []
    for key in keys:
        value: Any = table
        for part in key.split("."):
            value = value.get(part, ()) if isinstance(value, Mapping) else ()
        found += [str(one) for one in ([value] if isinstance(value, str) else value)]
    return found


def _is_met(path: str, globs: Iterable[str]) -> bool:
    """Return whether globs name a path or a folder above it; a later `!glob` takes it back."""
    is_met = False
    for glob in globs:
        bare = glob.removeprefix("!").removesuffix("/")
        if bare == "." or matches(path, bare) or matches(path, f"{bare}/"):
            is_met = not glob.startswith("!")
    return is_met


def unknown_option(argv: Iterable[str], log: str) -> str | None:
    """Return the option, of those given, that a checker's message says it does not know."""
    found = _UNKNOWN_OPTION.search(log)
    option = found and (found[2] or found[1])
    return option if option in {word.partition("=")[0] for word in argv} else None


def checked_report(checker: Checker, text: str, log: str, given: int) -> list[Finding]:
    """Return the findings of a report.

    Raises:
        CheckFailedError: It is none, or names fewer files than the checker was given.
    """
    try:
        findings = checker.report(text)
        count = given if checker.count is None else checker.count(text, log)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckFailedError(
            f"typecheck: {checker.name} ended without a report that can be read, so nothing counts "
            f"as checked; its message is above{checker.hint}"
        ) from None
    if count != given:
        raise CheckFailedError(
            f"typecheck: {checker.name} checked {count} of the {given} files that it was given; "
            f"see `exclude` in its configuration, and in those that it extends"
        )
    return findings


def _severity(word: str) -> str:
    return {"error": "error", "warning": "warning", "warn": "warning"}.get(word, "notice")


def _pyright_config(own: Mapping[str, Any], call: Call, folder: str) -> Mapping[str, Any]:
    """Return a configuration that adds to a repository's own: where to import from, strictness."""
    base = posixpath.dirname(call.config) if call.config else ""
    stated = (posixpath.join(base, str(one)) for one in own.get("extraPaths", ()))
    roots = [{"root": os.path.relpath(call.home, folder)}]
    return {
        **({"extends": call.config} if call.config else {}),
        **({"typeCheckingMode": "strict"} if call.strict else {}),
        "extraPaths": [*stated, *call.search],
        **({} if own.get("executionEnvironments") else {"executionEnvironments": roots}),
    }


def _pyright(name: str) -> Checker:
    def argv(call: Call) -> list[str]:
        project = ["--project", str(call.config)]
        return [name, "--outputjson", "--pythonpath", call.python, *project, *call.files]

    def report(text: str) -> list[Finding]:
        return [
            Finding(
                path=one["file"],
                line=one.get("range", {}).get("start", {}).get("line", 0) + 1,
                severity=_severity(one["severity"]),
                text=one["message"],
                rule=one.get("rule", ""),
            )
            for one in json.loads(text)["generalDiagnostics"]
        ]

    return Checker(
        name=name,
        files=("pyrightconfig.json",),
        tables=("pyright",),
        argv=argv,
        report=report,
        count=lambda text, _: int(json.loads(text)["summary"]["filesAnalyzed"]),
        included=("include",),
        excluded=("exclude",),
        ignored=("ignore",),
        always_excluded=("**/node_modules", "**/__pycache__", "**/.*"),
        made_config=_pyright_config,
        hint="; where it could not start Node.js, put `pyright[nodejs]` into the dependency group "
        "that has pyright"
        if name == "pyright"
        else "",
    )


def _ty_argv(call: Call) -> list[str]:
    options = ["--output-format=gitlab", "--python", call.environment]
    return ["ty", "check", *options, *(["--error=all"] if call.strict else []), *call.files]


def _ty_report(text: str) -> list[Finding]:
    levels = {"info": "notice", "minor": "warning"}  # any other fails the run
    return [
        Finding(
            path=one["location"]["path"],
            line=one["location"]["positions"]["begin"]["line"],
            severity=levels.get(one["severity"], "error"),
            text=one["description"].removeprefix(f"{one['check_name']}: "),
            rule=one["check_name"],
        )
        for one in json.loads(text.strip() or "[]")  # early versions print nothing for no finding
    ]


def _pyrefly_argv(call: Call) -> list[str]:
    # with a configuration, its own exclusions do not count for files given by name; these do
    every = ["--project-excludes", "none-such", "--disable-project-excludes-heuristics=true"]
    config = ["--config", call.config] if call.config else []
    # without a configuration pyrefly reports a few kinds of errors only
    preset = "strict" if call.strict else None if call.config else "default"
    options = [
        "--output-format=json",
        "--summary=full",
        "--python-interpreter-path",
        call.python,
        *every,
    ]
    chosen = [*config, *(["--preset", preset] if preset else [])]
    return ["pyrefly", "check", *options, *chosen, *call.files]


def _pyrefly_report(text: str) -> list[Finding]:
    return [
        Finding(
            path=one["path"],
            line=one["line"],
            severity=_severity(one["severity"]),
            text=one["description"],
            rule=one["name"],
        )
        for one in json.loads(text)["errors"]
    ]


def _pyrefly_count(_: str, log: str) -> int:
    found = re.search(r"([\d,]+) modules? \(", log)
    if found is None:
        raise ValueError(log)
    return int(found[1].replace(",", ""))


def mypy_findings(output: str) -> Iterator[Finding]:
    """Yield the errors that mypy prints, perhaps in colour."""
    for match in _MYPY_ERROR.finditer(_COLOUR.sub("", output)):
        yield Finding(path=match[1], line=int(match[2]), severity="error", text=match[3])


CHECKERS |= {
    one.name: one
    for one in (
        Checker(
            name="mypy",
            files=("mypy.ini", ".mypy.ini"),
            shared=("pyproject.toml", "setup.cfg"),
        ),
        _pyright("pyright"),
        _pyright("basedpyright"),
        Checker(
            name="ty",
            files=("ty.toml",),
            argv=_ty_argv,
            report=_ty_report,
            included=("src.include",),
            excluded=("src.exclude",),
            comment=rf"{_TOP}(?:type:\s*ignore\b(?!\[)|ty:\s*ignore\b)",
            env={"TY_OUTPUT_FORMAT": None, "TY_LOG": None},
        ),
        Checker(
            name="pyrefly",
            files=("pyrefly.toml",),
            argv=_pyrefly_argv,
            report=_pyrefly_report,
            count=_pyrefly_count,
            always_excluded=("**/.*.py",),  # also where they are given by name
            included=("project-includes", "project_includes"),
            excluded=("project-excludes", "project_excludes"),
            comment=rf"{_TOP}(?:type|pyrefly):\s*ignore\b(?![-\[])|"
            r"(?:.*\n)*?\s*#\s*pyrefly:\s*ignore-errors\s*(?:\n|\Z)",
            env={"PYREFLY_CONFIG": None},
        ),
    )
}

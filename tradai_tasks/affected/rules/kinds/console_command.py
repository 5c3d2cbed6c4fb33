"""What a file that starts processes names: commands that packages install, and code in strings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.import_scanner import import_at
from tradai_tasks.affected.parse.string_scanner import divide
from tradai_tasks.affected.parse.text_examples import (
    CALL_INSIDE,
    modules_of,
    named_in_commands,
    packages_of_stars,
)
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import paths_of_module
from tradai_tasks.affected.rules.edge_rule import (
    EdgeRule,
    Links,
    WorkspaceFiles,
    WorkspaceRule,
    note,
)
from tradai_tasks.affected.rules.kinds.run_command import Command, is_run
from tradai_tasks.affected.rules.source_file import SourceFile

# A file without any of these starts no process.
STARTERS = frozenset(
    {"subprocess", "Popen", "os.system", "os.popen", "os.exec", "os.spawn", "posix_spawn"}
    | {"pexpect", "script_runner", "which(", "check_output", "check_call"}
)
# The first word of a string, or the last part of a path in it: "cli", "cli run -v", f"{bin}/cli".
_COMMAND = re.compile(r"""["'/]([A-Za-z0-9][\w.-]*)(?=["' ])""", re.ASCII)
# What another command runs: "uv run cli", "cd x && cli".
_RUN_BY = re.compile(r"""(?:run|&&) ([A-Za-z0-9][\w.-]*)(?=["' ])""", re.ASCII)


def commands_in(text: str) -> tuple[str, ...]:
    """Return the words that may name a command, in a file with one of `STARTERS`."""
    return tuple(dict.fromkeys([*_COMMAND.findall(text), *_RUN_BY.findall(text)]))


class ConsoleCommand(WorkspaceRule):
    """Link the modules that console commands run to the files that may start these commands."""

    name = "console-command"
    summary = "a command of `[project.scripts]`, named in a file that starts processes"
    words = STARTERS
    guessed = True

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return for the modules of commands the files that name these."""
        scripts: dict[str, set[int]] = {}
        for number, member in enumerate(files.index.members):
            for command, target in member.scripts:
                module = target.partition("[")[0].strip()
                nodes = files.nodes_of(module, member.home, number)
                scripts.setdefault(command, set()).update(nodes)
        links: Links = {}
        for number, one in files.facts if scripts else ():
            for command in scripts.keys() & one.commands:
                for node in scripts[command]:
                    note(links, node, [files.index.paths[number]], command)
        return links


# What stands before text over several lines that is passed on or kept: no docstring, which has
# examples for readers.
_TAKEN = re.compile(r"(?:[=(,\[+]|\breturn)\s*[a-zA-Z]{0,2}\Z")
_GLUE = re.compile(r"[\s\\+]*[a-zA-Z]{0,2}")  # between two strings that are one
_STATEMENT = re.compile(r"(?:^|[\n;])[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import\b")


# A module that Python runs, in one string or in two.
_RUN = re.compile(r"""-(?<![^\s"']-)[bBdEiIOPqsSuvx]*m(?:["']\s*,\s*["']|[\s=]*)([^\W\d][\w.]*)""")
_TESTED = re.compile(r"--pyargs[\s=]+([^\W\d][\w.]*)")


class EmbeddedSource(EdgeRule):
    """Read commands and code that a file holds in its strings, where it may run them."""

    name = "embedded"
    summary = (
        "`python -m a.b` and code in strings, in a file that starts processes, runs files by their "
        "path, or code by `exec(...)`, `pytester` and the like"
    )
    words = STARTERS | Command.words | {"run_path", "runpy", "spec_from_file_location"}
    guessed = True

    def extract(self, source: SourceFile) -> Iterable[Reference]:
        """Return the names that may be modules."""
        text = source.text
        if not any(is_run(text, one, source.marks) for one in self.words & source.marks.keys()):
            return
        found = dict.fromkeys(named_in_commands(text))
        for module in (*_RUN.findall(text), *_TESTED.findall(text)):
            found |= dict.fromkeys([module, f"{module}.__main__"])
            yield from (Reference(path, form="file") for path in paths_of_module(module))
        yield from (Reference(f"{package}.", form="package") for package in _TESTED.findall(text))
        for held in _strings(text):
            for match in _STATEMENT.finditer(held) if "import" in held else ():
                statement = import_at(held, match.end() - len("import"), match.end())
                found |= dict.fromkeys(modules_of(statement))
                stars = packages_of_stars(statement)
                yield from (Reference(star, form="package") for star in stars)
            found |= dict.fromkeys(CALL_INSIDE.findall(held))
        yield from map(Reference, found)


def _strings(text: str) -> Iterator[str]:
    """Yield the strings of a file that may be code; those that go on from one another as one."""
    pieces, _ = divide(text)
    held = ""
    for code, token in zip(pieces[::2], pieces[1::2], strict=False):
        if token[0] == "#":
            continue
        if not _GLUE.fullmatch(code):
            yield held
            held = ""
        if token[:3] not in {'"""', "'''"} or _TAKEN.search(code[-40:]):
            held += token.strip("\"'").replace("\\n", "\n")
    yield held

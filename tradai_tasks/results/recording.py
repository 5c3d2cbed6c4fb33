"""Read what the recorder in `pytest_plugin/` left of a pytest run: each test file's inputs."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from tradai_tasks.errors import RecordingError
from tradai_tasks.results.digests import entries_changed
from tradai_tasks.results.environment_digest import OF_A_RUN
from tradai_tasks.results.inputs import ALL_VARIABLES, Inputs
from tradai_tasks.results.recorded_imports import (
    ANY,
    ATTACH,
    LINES,
    ImportSyntax,
    read_imports,
    unseen_files,
)
from tradai_tasks.results.recorded_memory import SHARED, UNCALLED, memory_owners
from tradai_tasks.workspace.layout import TEST_FILE

PLUGIN = "tradai_tasks_inputs"
_FOLDER = Path(__file__).parent / "pytest_plugin"
_FILE = re.compile(r"(\d+)-\d+\.jsonl\Z")
_FIELDS = {  # kind of event -> field of `Inputs`
    "file": "files", "absent": "absent", "folder": "absent", "listing": "listings",
    "whole": "whole", "root": "roots", "project": "projects",
    "variable": "variables", "host": "hosts", "written": "written", "problem": "problems",
    "outlived": "outlived", "own": "own", "classed": "classed", "computed": "computed",
}  # fmt: skip


def recording_environment(folder: Path, root: Path, search: str = "") -> dict[str, str]:
    """Return environment variables for a pytest run with `-p` and the plugin.

    Args:
        folder: An existing empty folder for the recording.
        root: The root of the repository.
        search: The present PYTHONPATH.
    """
    return {
        "TRADAI_TASKS_RECORD_DIR": str(folder.absolute()),
        "TRADAI_TASKS_RECORD_ROOT": str(root.absolute()),
        "PYTHONPATH": os.pathsep.join([str(_FOLDER), *filter(None, [search])]),
    }


@dataclass(slots=True)
class _Context:
    """What happened in one context, and the contexts that it entered."""

    entered: set[str] = field(default_factory=set)
    ran: set[tuple[str, str]] = field(default_factory=set)  # files and names of functions
    imports: set[str] = field(default_factory=set)
    values: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    sources: set[str] = field(default_factory=set)  # read to be imported
    ports: set[str] = field(default_factory=set)


class _Recording:
    """The events of all processes of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.contexts: defaultdict[str, _Context] = defaultdict(_Context)
        self.names: defaultdict[str, set[str]] = defaultdict(set)  # modules -> files
        self.tests: defaultdict[str, set[str]] = defaultdict(set)  # test files -> processes
        self.ended: set[str] = set()  # processes whose pytest came to its end
        self.everywhere: set[str] = set()  # contexts that every test file may depend on
        self.bound: set[str] = set()
        self.whole: set[str] = set()  # processes that do not see functions
        self._entries: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)  # by folder
        self._fixtures: dict[str, str] = {}
        self._readers: list[tuple[str, str, str]] = []
        self._arguments: dict[str, tuple[str, ...]] = {}  # process -> its command line
        self._children: defaultdict[int, list[str]] = defaultdict(list)  # parent -> processes
        self._programs: list[tuple[int, str, tuple[str, ...]]] = []
        self._spawned: list[tuple[str, int]] = []  # by `multiprocessing`
        self._syntax: dict[str, tuple[ImportSyntax | None, set[str]]] = {}  # and own names, by file
        self._owners: dict[str, frozenset[str]] = {}  # of what functions keep, as far as known
        self._needs: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
        self._resolved: dict[str, list[str]] = {}

    def add(self, pid: int, kind: str, context: str, *values: str) -> None:
        """Take an event in.

        Raises:
            ValueError: There is no such event.
        """
        own = self.contexts[context]
        match kind, values:
            case "process", (parent, functions):
                self._children[int(parent)].append(context)
                self._children[pid].append(context)  # a process that replaced itself
                if not functions:
                    self.whole.add(context)
            case "arguments", _:
                self._arguments[context] = values
            case "orphan", ():
                self.everywhere.add(context)
            case "test", (file,):
                self.tests[file].add(context)
            case "end", ():
                self.ended.add(context)
            case "within", (inner,):
                own.entered.add(inner)
            case "load" | "loaded", (file, name):
                self.names[name].add(file)
                if kind == "load":
                    own.entered.add(f"module:{file}")
                self.contexts[f"module:{file}"].values["loaded"].add(file)
            case "entries", (folder, *names):
                self._entries[folder].add(tuple(names))
            case "ran", (file, name):
                own.ran.add((file, name))
            case "import", (name,):
                own.imports.add(name)
            case "source", (file,):
                own.sources.add(file)
            case "reader", (read, file):
                self._readers.append((context, read, file))
            case "fixture", (folder,):
                self._fixtures[context] = folder
            case "child", (child,):
                self._spawned.append((context, int(child)))
            case "program", _:
                self._programs.append((pid, context, values))
            case "bind", (port,):
                self.bound.add(port)
            case "loopback", (port,):
                own.ports.add(port)
            case _, (value,) if kind in _FIELDS:
                own.values[_FIELDS[kind]].add(value)
            case _:
                raise ValueError(kind)

    def link(self) -> None:
        """Derive the edges that no single event shows."""
        memories: defaultdict[str, list[str]] = defaultdict(list)
        for context in list(self.contexts):
            kind, _, file = context.partition(":")
            if kind == "test":  # what it keeps reaches the files that import it
                self.contexts[f"module:{file}"].entered.add(context)
            if kind == "thread" or (kind == "first" and self.whole):
                self.contexts[f"module:{file.partition('::')[0]}"].entered.add(context)
            if kind == "memo":
                memories[file.partition("\t")[0]].append(context)
        values = {name: [self.contexts[one].values for one in memories[name]] for name in memories}
        self._owners = memory_owners(self.root, values)
        for name, turns in memories.items():
            self._link_memory(name, turns, self._owners[name])
        for context, kind, file in self._readers:
            package = self._package(context.removeprefix("module:"))
            if kind in _FIELDS and PurePosixPath(package) in PurePosixPath(file).parents:
                self.contexts[context].values[_FIELDS[kind]].add(file)
        for context, child in self._spawned:
            self.contexts[context].entered.update(self._children[child])
        started: dict[tuple[int, tuple[str, ...]], list[str]] = defaultdict(list)
        for parent, context, words in self._programs:
            started[parent, words].append(context)
        exact = {
            one: (parent, self._arguments.get(one, ()))
            for parent in {parent for parent, _ in started}
            for one in self._children[parent]
            if (parent, self._arguments.get(one, ())) in started
        }
        for (parent, words), contexts in started.items():
            children = [one for one, key in exact.items() if key == (parent, words)] or [
                one
                for one in self._children[parent]
                if one not in exact and self._is_of(one, words)
            ]
            for context in contexts:
                self.contexts[context].entered.update(children)
                if len(set(children)) < len(contexts):
                    program = PurePosixPath(words[0]).name if words else ""
                    self.contexts[context].values["programs"].add(program)

    def _link_memory(self, name: str, turns: list[str], owners: frozenset[str]) -> None:
        """Let a function's turns share what it kept in what outlived them."""
        file, _, function = name.partition("::")
        outlived = {turn: self.contexts[turn].values["outlived"] for turn in turns}
        module = self.contexts[f"module:{file}"]
        if self.whole or SHARED in owners.union(*outlived.values()):
            module.entered.update(turns)  # others may look at it without a call
        for turn in turns:
            if function.endswith(("__init__", "__new__")):  # which fill what objects share
                self.contexts[turn].entered.add(turns[0])  # whose call was the first
            if self.whole or SHARED in owners or owners & outlived[turn]:
                self.contexts[turn].entered.update(turns)
                module.entered.update({turn} if function.endswith(UNCALLED) else ())

    def _is_of(self, process: str, words: tuple[str, ...]) -> bool:
        """Return whether a process has a command line, maybe by way of a script's first line."""
        found = self._arguments.get(process, ())
        names = [PurePosixPath(one).name.lower()[:6] for one in (*found[:1], *words[:1])]
        if names == ["python", "python"] and found[1:] == words[1:]:
            return True
        script = found[1:2] and PurePosixPath(found[1]).name == PurePosixPath(words[0]).name
        return bool(script) and found[2:] == words[1:]

    def _package(self, file: str) -> str:
        folder = PurePosixPath(file).parent
        while (self.root / folder.parent / "__init__.py").is_file() and folder != folder.parent:
            folder = folder.parent
        return str(folder)

    def inputs(self, test_file: str) -> Inputs:
        """Return the inputs of one test file."""
        reached, names, ran = self._closure(test_file)
        contexts = [self.contexts[one] for one in reached]
        values: defaultdict[str, set[str]] = defaultdict(set)
        for context in contexts:
            for kind, found in context.values.items():
                values[kind] |= found
        loaded = values.pop("loaded", set())
        for kind in ("outlived", "own", "classed"):
            values.pop(kind, None)
        whole = values.pop("whole", set())
        modules = loaded | {file for file, _ in ran}
        values["variables"] |= self._meant(
            values.pop("computed", set()), values["variables"], modules
        )
        values["files"] |= {file for one in contexts for file in one.sources} - modules
        open_ended = "0" in self.bound  # a port that the system chose
        for port in {port for one in contexts for port in one.ports} - self.bound:
            if not open_ended:
                values["hosts"].add(f"127.0.0.1:{port}")
        values["files"] |= unseen_files(self.root, test_file, modules, names)
        values["changed_listings"] = values["listings"] & self._changed
        functions: defaultdict[str, set[str]] = defaultdict(set)
        for file, name in ran:
            functions[file].add(name)
        is_whole = bool(self.whole & reached) or LINES in names
        return Inputs(
            modules={
                file: None if is_whole or file in whole else tuple(sorted(functions[file]))
                for file in sorted(modules)
            },
            names=tuple(sorted(names - self.names.keys() - {ANY, ATTACH, LINES, "<library>"})),
            **{kind: tuple(sorted(found)) for kind, found in values.items()},
        )

    @cached_property
    def _changed(self) -> frozenset[str]:
        """Folders that now have other entries than when they were listed."""
        seen = self._entries.items()
        return frozenset(one for one, then in seen if entries_changed(self.root, one, then))

    def _meant(self, computed: set[str], named: set[str], files: set[str]) -> set[str]:
        """Return the variables with computed names that code asked for, not for each that there is.

        Where all variables are copied, the names may come from the copy. Those that each run has of
        its own then count where a text of the code is the name.
        """
        doubted = {one for one in computed - named if OF_A_RUN.fullmatch(one)}
        if ALL_VARIABLES not in named or not doubted:
            return computed
        texts = [(self.root / one).read_text("utf-8", "replace") for one in files]
        quoted = {one: (f'"{one}"', f"'{one}'") for one in doubted}
        meant = {name for name, all_ in quoted.items() if any(q in t for q in all_ for t in texts)}
        return computed - doubted | meant

    def _closure(self, test_file: str) -> tuple[set[str], set[str], set[tuple[str, str]]]:
        """Return all contexts, names of modules and functions that a test file depends on."""
        waiting = [f"test:{test_file}", *self.everywhere, *self.tests[test_file]]
        waiting += [f"module:{file}" for file in self._set_up(test_file)]
        waiting += [one for one, folder in self._fixtures.items() if _is_below(test_file, folder)]
        reached: set[str] = set()
        names: set[str] = set()
        ran: set[tuple[str, str]] = set()
        looked: set[tuple[str, str]] = set()
        while waiting:
            context = waiting.pop()
            if context not in reached:
                reached.add(context)
                own = self.contexts[context]
                ran |= own.ran
                waiting += own.entered
                names |= own.imports
                if not context.startswith("process:"):  # pytest imports each test file
                    waiting += [one for name in own.imports for one in self._resolve(name)]
            if not waiting:  # imports by statement, in bodies and in the functions that ran
                bodies = {
                    (one.removeprefix("module:"), "") for one in reached if one[:7] == "module:"
                }
                new = (bodies | ran) - looked
                looked |= new
                for one in new:
                    if one not in self._needs:
                        self._needs[one] = self._needed(*one)
                    imported, contexts = self._needs[one]
                    names |= imported
                    waiting += contexts
        return reached, names, ran

    def _set_up(self, test_file: str) -> Iterator[str]:
        for folder in PurePosixPath(test_file).parents:
            for name in ("conftest.py", "__init__.py"):
                if (file := str(folder / name)) in self.contexts[f"module:{file}"].values["loaded"]:
                    yield file

    def _needed(self, file: str, function: str) -> tuple[set[str], set[str]]:
        """Return the modules that a function or body imports, and the contexts which that needs."""
        names: set[str] = set()
        own = f"{file}::{function}"
        contexts = set() if self._owners.get(own) else {f"first:{own}"} & self.contexts.keys()
        for name, is_statement in self._imports(file, function):
            if is_statement and name not in self._namespaces:
                names.add(name)
            contexts.update(self._resolve(name))
            if name == ANY:
                contexts.update(one for one in self.contexts if _is_library(one))
        return names, contexts

    def _resolve(self, name: str) -> list[str]:
        if name not in self._resolved:
            files = [file for one in (*_packages(name), name) for file in self.names.get(one, ())]
            self._resolved[name] = [f"module:{file}" for file in files]
        return self._resolved[name]

    @cached_property
    def _namespaces(self) -> frozenset[str]:
        return frozenset(above for name in self.names for above in _packages(name))

    def _imports(self, file: str, function: str) -> Iterator[tuple[str, bool]]:
        if file not in self._syntax:
            own = {name for name, files in self.names.items() if file in files and name}
            self._syntax[file] = read_imports(self.root / file), own
        syntax, own = self._syntax[file]
        if syntax is None:
            return
        # without monitoring, or for a body, what is nested counts where functions are not seen
        scopes = [function] if function or not self.whole else [*syntax.statements, *syntax.texts]
        is_package = file.endswith("__init__.py")
        for scope in scopes:
            yield from syntax.names(scope, own, is_package=is_package)


def _packages(name: str) -> Iterator[str]:
    """Yield the packages that a module is in, by its name."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts)))


def _is_library(context: str) -> bool:
    kind, _, file = context.partition(":")
    return kind == "module" and TEST_FILE.fullmatch(PurePosixPath(file).name) is None


def _is_below(test_file: str, folder: str) -> bool:
    return folder in {"", ".", test_file} or test_file.startswith(f"{folder}/")


def read_recording(folder: Path, root: Path) -> dict[str, Inputs]:
    """Return the inputs of each test file that a pytest run recorded.

    A test file of which a part ran in a process that did not come to its end is left out.

    Args:
        folder: The folder of the recording.
        root: The root of the repository.

    Raises:
        RecordingError: The recording is damaged.
    """
    recording = _Recording(root)
    for file in sorted(folder.glob("*.jsonl")):
        try:
            for pid, words in _events(file):
                recording.add(pid, *words)
        except (ValueError, TypeError, OSError) as error:
            raise RecordingError(
                f"{file}: the recording of the tests' inputs is damaged ({type(error).__name__}), "
                f"so no result of this run is kept; run the session again"
            ) from None
    recording.link()
    return {
        file: recording.inputs(file)
        for file, processes in sorted(recording.tests.items())
        if processes <= recording.ended
    }


def _events(file: Path) -> Iterator[tuple[int, list[str]]]:
    found = _FILE.fullmatch(file.name)
    if found is None:
        raise ValueError(file.name)
    for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
        words = json.loads(line)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TypeError(line)
        yield int(found[1]), words

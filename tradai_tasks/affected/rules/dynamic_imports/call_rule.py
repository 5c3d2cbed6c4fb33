"""Rules for calls that import, and what they find in one file: names, and why some are unknown."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import ClassVar

import msgspec

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.possible_values import PossibleValues
from tradai_tasks.affected.parse.string_scanner import line_at
from tradai_tasks.affected.parse.syntax_tree import called_name
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls
from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import is_from_callers
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks
from tradai_tasks.affected.rules.edge_rule import EdgeRule, SourceFile

# A string that can name a module, relatively too, or something in one.
REFERENCE = re.compile(r"\.*[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[\w.]*)?$|\.+$")


class DynamicImports(msgspec.Struct):
    """What the calls of a file import."""

    lines: dict[tuple[str, str, str], int] = {}  # (text, form, kind) -> line, see `Reference`
    reason: str = ""  # why some of it is unknown
    is_passed: bool = False  # only names that callers pass are unknown

    @property
    def references(self) -> tuple[Reference, ...]:
        """What is found, as it goes into the facts."""
        found = sorted(self.lines.items())
        return tuple(Reference(text, line, form, kind) for (text, form, kind), line in found)


def guess_from_text(text: str, rules: Iterable[CallRule]) -> DynamicImports:
    """Judge text that `ast` rejects: any of its calls may import anything."""
    readers = calls.IMPORTERS | calls.GROUP_READERS
    names = {name for rule in rules for name in rule.functions & readers}
    is_dynamic = any(f"{name}(" in text for name in names)
    reason = "a dynamic import in a file with newer grammar than this Python's"
    return DynamicImports(reason=reason if is_dynamic else "")


def literal_calls(source: SourceFile, words: AbstractSet[str]) -> Iterator[Reference]:
    """Yield what calls of some functions name by a literal, so that no syntax tree is needed."""
    for word in words & source.marks.keys():
        for place in source.marks[word]:
            named = calls.LITERAL_CALL.match(source.text, place)
            if named and calls.is_word(source.text, place, word):
                yield Reference(named[1] or named[2], line_at(source.text, place))


class CallRule(EdgeRule):
    """A rule of this library for calls that import, run or list something.

    A file is parsed where one of the rule's `words` stands for more than the text alone tells.
    """

    functions: ClassVar[frozenset[str]] = frozenset()  # functions whose calls are read
    assigned: ClassVar[frozenset[str]] = frozenset()  # variables whose values are read

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Record what a call of one of `functions` imports."""

    def read_assigned(self, file: CallFile, name: str, value: ast.expr) -> None:
        """Record what the value of one of `assigned` names, or what is added to it."""

    def is_hinted(self, text: str, marks: Marks) -> bool:
        """Tell whether a file must be parsed for this rule."""
        return any(
            self.is_open(text, place, word)
            for word in self.words & marks.keys()
            for place in marks[word]
        )

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether only a syntax tree tells what one of `words` means at a place."""
        return True


class CallFile:
    """One file whose calls are read, and what they import as far as is known."""

    def __init__(self, source: ParsedModule) -> None:
        self.source = source
        self.skipped: ast.AST | None = None  # the module's own `__getattr__`, read elsewhere
        self.found = DynamicImports()
        # other names that the file gives to functions that import
        self.of_named: set[str] = set()  # to those that import by name
        self._of_path: dict[str, str] = {}  # `load = runpy.run_path`: load -> run_path
        self._imported: dict[str, str] = {}  # `from runpy import run_path as run`
        self.kind = ""  # the rule that reads
        self.runs_code = False  # code that it holds as text, in any of its strings

    def add_imports(self, names: list[ast.alias]) -> None:
        """Note the aliases of an import statement."""
        self.of_named |= {a.asname for a in names if a.asname and a.name in calls.NAME_IMPORTERS}
        self._imported |= {a.asname: a.name for a in names if a.asname}

    def add_assignment(self, target: ast.expr, value: ast.expr, functions: Collection[str]) -> bool:
        """Note an assignment of a function that is read; tell whether it was one."""
        if not isinstance(value, (ast.Name, ast.Attribute)):
            return False
        if called_name(value) in calls.NAME_IMPORTERS:
            self.of_named.add(called_name(target))
        elif called_name(value) in functions:
            self._of_path[called_name(target)] = called_name(value)
        else:
            return False
        return True

    def original(self, node: ast.Call) -> str:
        """Return the name of the function that a call calls, aliases undone."""
        name = called_name(node)
        if isinstance(node.func, ast.Name):
            name = self._imported.get(name, name)
        return self._of_path.get(name, name)

    def add(self, texts: Iterable[str], node: ast.AST, form: str = "module") -> None:
        """Record what a node names."""
        line = getattr(node, "lineno", 0)
        for text in texts:
            key = (text, form, self.kind)
            self.found.lines[key] = min(line, self.found.lines.get(key, line))

    def add_packages(self, names: Iterable[str], node: ast.AST) -> None:
        """Record packages any module of which may be loaded."""
        for name in names:
            self.add([name], node)
            self.add([f"{name}."], node, "package")

    def record(
        self, values: PossibleValues, node: ast.AST, what: str, argument: ast.expr | None = None
    ) -> None:
        """Record what an argument can be, or widen where that is not known.

        Args:
            values: What it can be.
            node: The call, for its line.
            what: The reason, should there be one.
            argument: The argument, where callers of a function may pass it.
        """
        self.add(filter(REFERENCE.match, values.literals), node)
        self.add(values.prefixes, node, "package")
        if values.unknown:
            self.widen(node, what, argument)

    def widen(self, node: ast.AST, what: str, argument: ast.expr | None = None) -> None:
        """Note that it is unknown what a call imports; the first such reason is kept."""
        is_passed = argument is not None and is_from_callers(self.source, argument)
        if not self.found.reason or (self.found.is_passed and not is_passed):
            self.found.reason = f"line {getattr(node, 'lineno', 1)}: {what}"
            self.found.is_passed = is_passed

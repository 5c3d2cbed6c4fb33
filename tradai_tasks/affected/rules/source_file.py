"""One Python file as rules see it: its text, its syntax tree, and what expressions in it can be."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.possible_values import PossibleValues
from tradai_tasks.affected.parse.syntax_tree import ADDERS, called_name
from tradai_tasks.affected.rules.dynamic_imports import importing_calls as calls

if TYPE_CHECKING:
    from tradai_tasks.affected.parse.constant_evaluation import ParsedModule

# A string that can name a module, relatively too, or something in one.
REFERENCE = re.compile(r"\.*[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[\w.]*)?$|\.+$")
_MOST_PARSED = 1_000_000  # characters; a syntax tree takes some seventy bytes for each


class SourceFile:
    """The text of one Python file, with its syntax tree."""

    def __init__(
        self, text: str, marks: Mapping[str, Sequence[int]] = MappingProxyType({})
    ) -> None:
        self.text = text
        self.marks = marks  # the words of this library's rules that are in it -> where each begins
        self.skipped: ast.AST | None = None  # the module's own `__getattr__`, read elsewhere
        self._fault: Exception | None = None

    @cached_property
    def parsed(self) -> ParsedModule:
        """The parsed file, with look-ups from node to parent and from name to value.

        Raises:
            SyntaxError: Python rejects the text, or it is too large.
        """
        from tradai_tasks.affected.parse.constant_evaluation import ParsedModule  # noqa: PLC0415 - most rules never parse

        if self._fault is not None:
            raise self._fault
        try:
            return ParsedModule(syntax_tree(self.text))
        except (SyntaxError, RecursionError, MemoryError) as fault:
            self._fault = fault
            raise

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Yield the calls of functions and methods that have one of some names.

        Functions that import count under other names too, as in `load = import_module`.
        """
        for name in names:
            yield from self._calls.get(name, ())

    @cached_property
    def _calls(self) -> dict[str, list[ast.Call]]:
        renamed: dict[str, str] = {}
        for node in self.parsed.nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                value = node.value
                name = called_name(value) if isinstance(value, (ast.Name, ast.Attribute)) else ""
                if name in calls.RENAMED:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    renamed |= {called_name(target): name for target in targets}
        found: dict[str, list[ast.Call]] = {}
        for node in self.parsed.nodes:
            if isinstance(node, ast.Call) and (name := called_name(node)):
                if isinstance(node.func, ast.Name):
                    name = self.parsed.modules.get(name, name).rpartition(".")[2]
                found.setdefault(renamed.get(name, name), []).append(node)
        return found

    def assigned(self, *names: str) -> Iterator[tuple[str, ast.expr]]:
        """Yield what variables and keywords of some names get, each with the name.

        That is `NAME = value`, `f(NAME=value)`, and what is added: `NAME.append(value)`.
        """
        for node in self.parsed.nodes:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        if isinstance(target, ast.Name) and target.id in names:
                            yield target.id, value
                case (
                    ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                    | ast.AugAssign(target=ast.Name(id=name), value=value)
                    | ast.keyword(arg=str(name), value=value)
                ) if name in names:
                    yield name, value
                case ast.Call(func=ast.Attribute(attr=attr, value=value), args=added) if (
                    attr in ADDERS and (name := called_name(value)) in names
                ):
                    yield from ((name, one) for one in added)
                case _:
                    pass

    def literal_calls(self, words: AbstractSet[str]) -> Iterator[Reference]:
        """Yield what calls of some functions name by a literal: that needs no syntax tree."""
        for word in words & self.marks.keys():
            line, counted = 1, 0  # there may be a hundred thousand
            for place in self.marks[word]:
                named = calls.LITERAL_CALL.match(self.text, place)
                if named and calls.is_word(self.text, place, word):
                    line += self.text.count("\n", counted, place)
                    counted = place
                    yield Reference(named[1] or named[2], line)

    def values(self, node: ast.AST) -> PossibleValues:
        """Return the strings that an expression can be, as far as the file's own text tells."""
        return self.parsed.evaluate(node)

    def named(
        self, values: PossibleValues, node: ast.AST, what: str, argument: ast.expr | None = None
    ) -> Iterator[Reference]:
        """Yield what an argument can be, and that it is unknown where that cannot be told.

        Args:
            values: What it can be.
            node: The call, for its line.
            what: The reason, should it be unknown.
            argument: The argument, where callers of a function may pass it.
        """
        yield from references(filter(REFERENCE.match, values.literals), node)
        yield from references(values.prefixes, node, "package")
        if values.unknown:
            yield self.unknown(node, what, argument)

    def unknown(self, node: ast.AST, what: str, argument: ast.expr | None = None) -> Reference:
        """Return that it is unknown what a call imports, or that only its callers know it."""
        from tradai_tasks.affected.rules.dynamic_imports.argument_evaluation import is_from_callers  # noqa: PLC0415 - most rules never parse

        is_passed = argument is not None and is_from_callers(self.parsed, argument)
        form = "passed" if is_passed else "unknown"
        return Reference(what, getattr(node, "lineno", 1), form)


def syntax_tree(text: str) -> ast.Module:
    """Parse a text without the warnings that Python has for it."""
    if len(text) > _MOST_PARSED:
        raise SyntaxError(f"over {_MOST_PARSED:,} characters, too large to be parsed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def references(texts: Iterable[str], node: ast.AST, form: str = "module") -> Iterator[Reference]:
    """Yield what a node names, with its line."""
    line = getattr(node, "lineno", 0)
    return (Reference(text, line, form) for text in texts)


def package_references(names: Iterable[str], node: ast.AST) -> Iterator[Reference]:
    """Yield packages any module of which may be loaded."""
    for name in names:
        yield from references([name], node)
        yield from references([f"{name}."], node, "package")

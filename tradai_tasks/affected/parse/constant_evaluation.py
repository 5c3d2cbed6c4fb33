"""Evaluate expressions as far as the text of one file tells, without running it.

Used for the argument of a dynamic import: a literal, a literal with a computed end
(`f"pkg.{name}"`), something looked up in a literal table, or unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from tradai_tasks.affected.parse.listed_locations import MAX_DEPTH, listed_folder, listed_packages
from tradai_tasks.affected.parse.possible_values import (
    BRACES,
    PERCENT,
    STRING_METHODS,
    PossibleValues,
    apply_method,
    filled,
    joined,
    unknown,
)
from tradai_tasks.affected.parse.syntax_tree import (
    ADDERS,
    FunctionNode,
    SyntaxIndex,
    argument_of,
    called_name,
    parameters,
)

_TABLE_METHODS = frozenset(["get", "items", "keys", "values", "pop", "copy", "setdefault"])
# Functions whose result contains what their arguments contain.
_WRAPPERS = frozenset(
    {"MappingProxyType", "Path", "PurePath", "cast", "chain", "dict", "enumerate", "filter"}
    | {"frozenset", "iter", "list", "map", "reversed", "set", "sorted", "str", "tuple", "zip"}
)
# Functions and methods that list a folder.
_LISTINGS = frozenset(["glob", "iglob", "iterdir", "listdir", "rglob", "scandir", "walk"])
# Without arguments, these make an empty list or table.
_EMPTY = frozenset(["dict", "list", "set"])
_OWN_NAMES = frozenset({"__name__", "__package__"})


class ParsedModule(SyntaxIndex):
    """A parsed file whose expressions can be evaluated."""

    def __init__(self, tree: ast.Module) -> None:
        super().__init__(tree)
        self._known: dict[tuple[FunctionNode | None, str], PossibleValues] = {}

    def evaluate(self, node: ast.AST, depth: int = 0) -> PossibleValues:
        """Return what an expression can be."""
        if depth > MAX_DEPTH:
            return unknown()
        match node:
            case ast.Constant(value=value):
                return PossibleValues({value} if isinstance(value, str) else set())
            case ast.JoinedStr(values=parts):
                return joined([self.evaluate(part, depth + 1) for part in parts])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                if self._is_list(left) or self._is_list(right):
                    return self._any([left, right], depth)
                return joined([self.evaluate(part, depth + 1) for part in (left, right)])
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
                parts = right.elts if isinstance(right, ast.Tuple) else [right]
                return filled(text, PERCENT, [self.evaluate(part, depth + 1) for part in parts])
            case ast.Name():
                return self._name(node, depth)
            case ast.IfExp(body=body, orelse=orelse):
                return self._any([body, orelse], depth)
            case ast.BoolOp(values=parts):
                return self._any(parts, depth)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return self._any(parts, depth)
            case ast.Dict(keys=keys, values=values):
                return self._table([key for key in keys if key is not None], values, depth)
            case ast.ListComp(elt=elt) | ast.SetComp(elt=elt) | ast.GeneratorExp(elt=elt):
                return self.evaluate(elt, depth + 1)
            case ast.DictComp(key=key, value=value):
                return self._any([key, value], depth)
            case (
                ast.Starred(value=value)
                | ast.Await(value=value)
                | ast.NamedExpr(value=value)
                | ast.FormattedValue(value=value)
            ):
                return self.evaluate(value, depth + 1)
            case ast.Subscript(value=value, slice=index):
                return self._subscript(value, index, depth)
            case ast.Attribute():
                return self._attribute(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case _:
                return unknown()

    def _table(self, keys: list[ast.expr], values: list[ast.expr], depth: int) -> PossibleValues:
        """Return what a dictionary contains; keys that are no text do not count."""
        found = PossibleValues(self._any(keys, depth).literals)
        found.add(self._any(values, depth))
        return found

    def _is_list(self, node: ast.AST, *, follow: bool = True) -> bool:
        """Tell whether an expression is a list, alone or put together from others, or names one."""
        match node:
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._is_list(left, follow=follow) or self._is_list(right, follow=follow)
            case ast.Name(id=name) if follow:
                return any(
                    self._is_list(v, follow=False)
                    for v, is_part in self.bound.get(name, ())
                    if not is_part
                )
            case _:
                return isinstance(node, (ast.List, ast.Tuple, ast.ListComp))

    def _any(self, parts: Sequence[ast.AST], depth: int) -> PossibleValues:
        found = PossibleValues()
        for part in parts:
            found.add(self.evaluate(part, depth + 1))
        return found

    def _name(self, node: ast.Name, depth: int) -> PossibleValues:
        if node.id in _OWN_NAMES:
            return PossibleValues({""})  # a dot follows: relative to the own package
        for function in self.functions_of(node):
            if node.id in parameters(function):
                return self._once(function, node.id, depth)
        return self._once(None, node.id, depth) if node.id in self.bound else unknown()

    def _once(self, function: FunctionNode | None, name: str, depth: int) -> PossibleValues:
        """Evaluate a name, or a function's parameter, and remember the result.

        One that is made from itself, as in `name = name + ".x"`, can be anything.
        """
        key = (function, name)
        if key not in self._known:
            self._known[key] = unknown()
            self._known[key] = self._named(*key, depth)
        copy = PossibleValues()
        copy.add(self._known[key])
        return copy

    def _named(self, function: FunctionNode | None, name: str, depth: int) -> PossibleValues:
        found = PossibleValues()
        if function is not None:
            found.add(self._parameter(function, name, depth))
        else:
            # bound by an import too: `except ImportError: NAME = "x"`
            found.add(unknown() if name in self.modules else PossibleValues())
        for value, _ in self.bound.get(name, ()):
            if function is None or function in self.functions_of(value):
                found.add(self.evaluate(value, depth + 1))
        if function is None:
            for part in self.added(name):
                found.add(unknown() if part is None else self.evaluate(part, depth + 1))
        return unknown() if found == PossibleValues() else found

    def added(self, name: str) -> Iterator[ast.expr | None]:
        """Yield what is added to a list or a table of a name; None where it is unknown."""
        for mention in self.mentions.get(name, ()):
            parent = self.parents.get(mention)
            above = self.parents.get(parent) if parent else None
            match parent, above:
                case ast.Attribute(attr=attr), ast.Call(func=func) if (
                    attr in ADDERS and func is parent
                ):
                    yield from above.args
                    yield from (keyword.value for keyword in above.keywords)
                case ast.Subscript(value=value, ctx=ast.Store()), _ if value is mention:
                    yield above.value if isinstance(above, ast.Assign) else None
                    yield parent.slice
                case _:
                    pass

    def _attribute(self, node: ast.Attribute, depth: int) -> PossibleValues:
        if node.attr in _OWN_NAMES | {"parent"} and isinstance(node.value, ast.Name):
            if node.value.id == "__spec__":
                return PossibleValues({""})
            module = self.modules.get(node.value.id)
            return PossibleValues({module}) if module and node.attr in _OWN_NAMES else unknown()
        if node.attr in {"name", "stem"}:  # of what pkgutil.iter_modules() or Path.glob() yields
            return self.evaluate(node.value, depth + 1)
        return unknown()

    def _subscript(self, value: ast.expr, index: ast.expr, depth: int) -> PossibleValues:
        found = self.evaluate(value, depth + 1)
        key = index.value if isinstance(index, ast.Constant) else None
        if found.unknown and isinstance(key, str) and key in self.entries:
            return self._any(self.entries[key], depth)  # of some table of the file
        return found

    def _call(self, node: ast.Call, depth: int) -> PossibleValues:
        name = called_name(node)
        if name in {"iter_modules", "walk_packages"} and (node.args or node.keywords):
            return listed_packages(self, node)
        if name in _LISTINGS:
            return listed_folder(self, node)
        if isinstance(node.func, ast.Attribute):
            if name in {"format", "format_map"}:
                values = [self.evaluate(argument, depth + 1) for argument in node.args]
                found = PossibleValues()
                for text in self.evaluate(node.func.value, depth + 1).texts:
                    found.add(filled(text, BRACES, values))
                return found
            if name in STRING_METHODS | _TABLE_METHODS:
                return self._derived(node, node.func.value, depth)
        if name in _EMPTY and not node.args and not node.keywords:
            return PossibleValues()  # what is put into it counts
        if name in _WRAPPERS and (node.args or node.keywords):
            found = self._any(node.args[-1:] if name == "map" else node.args, depth)
            found.add(self._any([keyword.value for keyword in node.keywords], depth))
            return found
        return unknown()

    def _derived(self, node: ast.Call, value: ast.expr, depth: int) -> PossibleValues:
        """Return what a method of a string or a table returns: parts of it, or its default."""
        method = called_name(node)
        found = self.evaluate(value, depth + 1)
        if method in {"get", "pop", "setdefault"} and len(node.args) > 1:
            found.add(self.evaluate(node.args[1], depth + 1))
        if method in _TABLE_METHODS or found.literals == {""}:
            return found  # __name__.rpartition(".")[0]: still the own package
        arguments = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        is_literal = all(isinstance(one, (str, int)) for one in arguments)
        if node.keywords or None in arguments[:1] or not is_literal:
            return unknown()
        return apply_method(found, method, arguments)

    def _parameter(self, function: FunctionNode, name: str, depth: int) -> PossibleValues:
        """Return what a parameter can be: of a parametrised test, or a private function."""
        for decorator in self._decorators(function):
            if called_name(decorator) == "parametrize" and len(decorator.args) > 1:
                names = self.evaluate(decorator.args[0], depth + 1).literals
                if any(name in text.replace(",", " ").split() for text in names):
                    return self.evaluate(decorator.args[1], depth + 1)
        if isinstance(function, ast.Lambda):
            return unknown()
        if function.name == "__getattr__" and self.parents.get(function) is not self.tree:
            return unknown()
        is_nested = self.function_of(function) is not None
        if not (function.name.startswith("_") or is_nested):
            return unknown()
        return self._passed(function, name, depth)

    def _decorators(self, function: FunctionNode) -> Iterator[ast.Call]:
        around: ast.AST | None = function
        while around is not None:
            for decorator in getattr(around, "decorator_list", []):
                if isinstance(decorator, ast.Call):
                    yield decorator
            around = self.parents.get(around)

    def _passed(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, depth: int
    ) -> PossibleValues:
        """Return what the calls in this file pass; unknown when it is used in any other way."""
        found = PossibleValues()
        calls = 0
        place = parameters(function).index(name)
        for node in self.mentions.get(function.name, ()):
            is_method = isinstance(node, ast.Attribute)
            call = self.parents.get(node)
            if not isinstance(call, ast.Call) or call.func is not node:
                return unknown()
            argument = argument_of(call, place - is_method, name)
            if argument is None or any(isinstance(a, ast.Starred) for a in call.args):
                return unknown()
            found.add(self.evaluate(argument, depth + 1))
            calls += 1
        return found if calls else unknown()

"""What an expression can be, as far as the text of one file tells.

Used for the argument of a dynamic import: a literal, a literal with a computed end
(`f"pkg.{name}"`), something looked up in a literal table, or unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Source", "Values"]

_STRING_METHODS = frozenset(
    [
        "casefold",
        "format",
        "format_map",
        "join",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "strip",
        "title",
        "upper",
    ]
)
_TABLE_METHODS = frozenset(["get", "items", "keys", "values", "pop", "copy", "setdefault"])
_WRAPPERS = frozenset(
    [
        "dict",
        "enumerate",
        "filter",
        "frozenset",
        "iter",
        "list",
        "map",
        "MappingProxyType",
        "reversed",
        "set",
        "sorted",
        "str",
        "tuple",
        "zip",
        "chain",
        "cast",
        "Path",
        "PurePath",
    ]
)
_LISTINGS = frozenset(["glob", "iglob", "iterdir", "listdir", "rglob", "scandir", "walk"])
_DEEPEST = 12
_OWN = frozenset({"__name__", "__package__"})
_BINDERS = (
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.NamedExpr,
    ast.For,
    ast.AsyncFor,
    ast.comprehension,
    ast.withitem,
    ast.Import,
    ast.ImportFrom,
)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(slots=True)
class Values:
    """The strings that an expression can be; relative names begin with a dot."""

    literals: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)  # "pkg." of f"pkg.{name}"
    is_table: bool = False  # also any string constant of the file
    unknown: bool = False

    def add(self, other: Values) -> None:
        """Take in what else it can be."""
        self.literals |= other.literals
        self.prefixes |= other.prefixes
        self.is_table |= other.is_table
        self.unknown |= other.unknown


def _unknown() -> Values:
    return Values(unknown=True)


class Source:
    """A parsed file with the look-ups that evaluation needs."""

    def __init__(self, tree: ast.Module) -> None:
        """Index a tree."""
        self.tree = tree
        self.parents: dict[ast.AST, ast.AST] = {}
        self.nodes: list[ast.AST] = [tree]
        self.bound: dict[str, list[tuple[ast.AST, bool]]] = {}  # name -> values; bool: part of one
        self.modules: dict[str, str] = {}  # name -> module that an import statement binds to it
        parents, nodes = self.parents, self.nodes
        for node in nodes:  # grows while it is read: breadth first
            # what ast.iter_child_nodes does, at half its cost: this is most of a cold run
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    for child in value:
                        if isinstance(child, ast.AST):
                            parents[child] = node
                            nodes.append(child)
                elif isinstance(value, ast.AST) and name != "ctx":
                    parents[value] = node
                    nodes.append(value)
            if isinstance(node, _BINDERS):
                self._bind(node)

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind_target(target, value, part=False)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind_target(target, value, part=False)
            case ast.AugAssign(target=target, value=value):
                self._bind_target(target, value, part=False)
            case ast.NamedExpr(target=target, value=value):
                self._bind_target(target, value, part=False)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._bind_target(target, value, part=True)
            case ast.comprehension(target=target, iter=value):
                self._bind_target(target, value, part=True)
            case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
                self._bind_target(target, value, part=True)
            case ast.Import(names=names):
                for alias in names:
                    top = alias.name.partition(".")[0]
                    self.modules[alias.asname or top] = alias.name if alias.asname else top
            case ast.ImportFrom(names=names, module=module, level=level):
                for alias in names:
                    base = "." * level + (module or "")
                    joined = base + alias.name if base.endswith(".") else f"{base}.{alias.name}"
                    self.modules[alias.asname or alias.name] = joined
            case _:
                pass

    def _bind_target(self, target: ast.AST, value: ast.AST, *, part: bool) -> None:
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, []).append((value, part))
        elif isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                for one, its in zip(target.elts, value.elts, strict=True):
                    self._bind_target(one, its, part=part)
            else:
                for one in target.elts:
                    self._bind_target(one, value, part=True)
        elif isinstance(target, ast.Starred):
            self._bind_target(target.value, value, part=True)

    def function_of(self, node: ast.AST) -> Function | None:
        """Return the innermost function around a node."""
        up = self.parents.get(node)
        while up is not None and not isinstance(up, Function):
            up = self.parents.get(up)
        return up

    def functions_of(self, node: ast.AST) -> Iterator[Function]:
        """Yield the functions around a node, the innermost first."""
        up = self.function_of(node)
        while up is not None:
            yield up
            up = self.function_of(up)

    def evaluate(self, node: ast.AST, depth: int = 0) -> Values:
        """Tell what an expression can be."""
        if depth > _DEEPEST:
            return _unknown()
        match node:
            case ast.Constant(value=value):
                return Values(literals={value} if isinstance(value, str) else set())
            case ast.JoinedStr(values=parts):
                return self._concatenated([_inside(part) for part in parts], depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._concatenated([left, right], depth)
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
                return _started(text.partition("%")[0])
            case ast.Name():
                return self._name(node, depth)
            case ast.IfExp(body=body, orelse=orelse):
                return self._any([body, orelse], depth)
            case ast.BoolOp(values=parts):
                return self._any(parts, depth)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return self._any(parts, depth)
            case ast.Dict(keys=keys, values=values):
                found = self._any([part for part in (*keys, *values) if part is not None], depth)
                return Values(literals=found.literals, prefixes=found.prefixes, is_table=True)
            case ast.ListComp(elt=elt) | ast.SetComp(elt=elt) | ast.GeneratorExp(elt=elt):
                return self.evaluate(elt, depth + 1)
            case ast.DictComp(key=key, value=value):
                return self._any([key, value], depth)
            case ast.Starred(value=value) | ast.Await(value=value) | ast.NamedExpr(value=value):
                return self.evaluate(value, depth + 1)
            case ast.Subscript(value=value, slice=index):
                return self._subscript(value, index, depth)
            case ast.Attribute():
                return self._attribute(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case _:
                return _unknown()

    def _any(self, parts: list[ast.expr], depth: int) -> Values:
        found = Values()
        for part in parts:
            found.add(self.evaluate(part, depth + 1))
        return found

    def _concatenated(self, parts: list[ast.AST], depth: int) -> Values:
        """Join parts from the left for as long as each is known; what follows is a prefix."""
        starts = {""}
        for part in parts:
            values = self.evaluate(part, depth + 1)
            if values.unknown or values.is_table or values.prefixes or not values.literals:
                ends = values.prefixes if not values.unknown else set()
                return _started_by(starts, ends)
            starts = {start + literal for start in starts for literal in values.literals}
        return Values(literals=starts)

    def _name(self, node: ast.Name, depth: int) -> Values:
        if node.id in _OWN:
            return Values(literals={""})  # a dot follows: relative to the own package
        for function in self.functions_of(node):
            if node.id in parameters(function):
                return self._parameter(function, node.id, depth)
        if node.id not in self.bound:
            return _unknown()
        found = Values()
        for value, _ in self.bound[node.id]:
            found.add(self.evaluate(value, depth + 1))
        return found

    def _attribute(self, node: ast.Attribute, depth: int) -> Values:
        if node.attr in _OWN | {"parent"} and isinstance(node.value, ast.Name):
            if node.value.id == "__spec__":
                return Values(literals={""})
            module = self.modules.get(node.value.id)
            return Values(literals={module}) if module and node.attr in _OWN else _unknown()
        if node.attr == "param" and isinstance(node.value, ast.Name):  # request.param of a fixture
            for function in self.functions_of(node):
                for decorator in getattr(function, "decorator_list", []):
                    for keyword in getattr(decorator, "keywords", []):
                        if keyword.arg == "params":
                            return self.evaluate(keyword.value, depth + 1)
        if node.attr in {"name", "stem"}:  # of what pkgutil.iter_modules() or Path.glob() yields
            return self.evaluate(node.value, depth + 1)
        return _unknown()

    def _subscript(self, value: ast.expr, index: ast.expr, depth: int) -> Values:
        found = self.evaluate(value, depth + 1)
        if not found.unknown:
            return found
        key = index.value if isinstance(index, ast.Constant) else None
        if isinstance(key, str) and self._is_key(key):
            return Values(is_table=True)
        return found

    def _is_key(self, key: str) -> bool:
        """Tell whether a literal table of the file has literal strings under a key."""
        for node in self.nodes:
            if isinstance(node, ast.Dict):
                for name, value in zip(node.keys, node.values, strict=True):
                    if (
                        isinstance(name, ast.Constant)
                        and name.value == key
                        and isinstance(value, ast.Constant)
                    ):
                        return True
        return False

    def _call(self, node: ast.Call, depth: int) -> Values:
        name = called(node)
        if name in {"iter_modules", "walk_packages"} and (node.args or node.keywords):
            return self.packages_in(node, depth)
        if name in _LISTINGS:
            return self.folder_in(node)
        if isinstance(node.func, ast.Attribute):
            if name == "format" and isinstance(node.func.value, ast.Constant):
                return _started(str(node.func.value.value).partition("{")[0])
            if name == "join" and isinstance(node.func.value, ast.Constant) and node.args:
                return self._joined(str(node.func.value.value), node.args[0], depth)
            if name in _STRING_METHODS | _TABLE_METHODS:
                return self._derived(node, node.func.value, depth)
        if name in _WRAPPERS and node.args:
            found = self._any(node.args[-1:] if name == "map" else node.args, depth)
            found.add(self._any([keyword.value for keyword in node.keywords], depth))
            return found
        return _unknown()

    def _derived(self, node: ast.Call, value: ast.expr, depth: int) -> Values:
        """Tell what a method of a string or a table yields: parts of it, or its default."""
        found = self.evaluate(value, depth + 1)
        if called(node) == "get" and len(node.args) > 1:
            found.add(self.evaluate(node.args[1], depth + 1))
        if found.literals == {""}:
            return found  # __name__.rpartition(".")[0]: still the own package
        return found

    def _joined(self, glue: str, parts: ast.expr, depth: int) -> Values:
        if not isinstance(parts, (ast.List, ast.Tuple)):
            return _unknown()
        spaced: list[ast.AST] = []
        for part in parts.elts:
            spaced += [ast.Constant(glue), part] if spaced else [part]
        return self._concatenated(spaced, depth)

    def packages_in(self, node: ast.Call, depth: int = 0) -> Values:
        """Tell of which packages `pkgutil.iter_modules(path)` yields the submodules."""
        found = Values()
        for part in ast.walk(node.args[0] if node.args else node.keywords[0].value):
            if isinstance(part, ast.Name) and part.id in {"__path__", "__file__"}:
                found.prefixes.add(".")
            elif isinstance(part, ast.Attribute) and part.attr in {"__path__", "__file__"}:
                if isinstance(part.value, ast.Name) and part.value.id in self.modules:
                    found.prefixes.add(f"{self.modules[part.value.id]}.")
                else:
                    found.unknown = True
            elif isinstance(part, ast.Name) and part.id in self.bound and depth < _DEEPEST:
                for value, _ in self.bound[part.id]:
                    if not isinstance(value, ast.expr):
                        return _unknown()
                    inner = ast.Call(func=node.func, args=[value], keywords=[])
                    found.add(self.packages_in(inner, depth + 1))
        return found if found.prefixes or found.unknown else _unknown()

    def folder_in(self, node: ast.AST) -> Values:
        """Tell which folder an expression on paths lists, as "/" and a path from the file's own."""
        ups, is_own, parts = 0, False, []
        for part in self.spelled_out(node):
            match part:
                case ast.Name(id="__file__" | "__path__"):
                    is_own = True
                case ast.Attribute(attr="parent") | ast.Call(func=ast.Attribute(attr="dirname")):
                    ups += 1
                case ast.Subscript(
                    value=ast.Attribute(attr="parents"), slice=ast.Constant(value=int(index))
                ):
                    ups += index + 1
                case ast.Attribute(attr="parents") if not isinstance(
                    self.parents.get(part), ast.Subscript
                ):
                    return _unknown()
                case ast.Constant(value=str(text)):
                    parts += [text.partition("*")[0].rpartition("/")[0] if "*" in text else text]
                case _:
                    pass
        folder = "/".join(part for part in parts if part and part != ".")
        if is_own:
            return Values(prefixes={"/" + "../" * max(0, ups - 1) + folder})
        return Values(prefixes={"/" + folder}) if "/" in folder else _unknown()

    def spelled_out(self, node: ast.AST, depth: int = 0) -> list[ast.AST]:
        """Return the parts of an expression from the left, names replaced by their values."""
        if isinstance(node, ast.Name) and depth < _DEEPEST and node.id in self.bound:
            values = [value for value, is_part in self.bound[node.id] if not is_part]
            if len(values) == 1:
                return self.spelled_out(values[0], depth + 1)
        found = [node]
        for child in ast.iter_child_nodes(node):
            found += self.spelled_out(child, depth + 1)
        return found

    def _parameter(self, function: Function, name: str, depth: int) -> Values:
        """Tell what a parameter can be: a parametrised test, or a helper of this file alone."""
        for decorator in self._decorators(function):
            if called(decorator) == "parametrize" and len(decorator.args) > 1:
                names = self.evaluate(decorator.args[0], depth + 1).literals
                if any(name in text.replace(",", " ").split() for text in names):
                    values = self.evaluate(decorator.args[1], depth + 1)
                    values.is_table |= not values.unknown
                    return values
        if isinstance(function, ast.Lambda):
            return _unknown()
        if function.name == "__getattr__" and self.parents.get(function) is not self.tree:
            return _unknown()
        is_nested = self.function_of(function) is not None
        if not (function.name.startswith("_") or is_nested):
            return _unknown()
        return self._passed(function, name, depth)

    def _decorators(self, function: Function) -> Iterator[ast.Call]:
        around: ast.AST | None = function
        while around is not None:
            for decorator in getattr(around, "decorator_list", []):
                if isinstance(decorator, ast.Call):
                    yield decorator
            around = self.parents.get(around)

    def _passed(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, depth: int
    ) -> Values:
        """Tell what the calls in this file pass; unknown when it is used in any other way."""
        found = Values()
        calls = 0
        place = parameters(function).index(name)
        for node in self.nodes:
            is_name = isinstance(node, ast.Name) and node.id == function.name
            is_method = isinstance(node, ast.Attribute) and node.attr == function.name
            if not (is_name or is_method):
                continue
            call = self.parents.get(node)
            if not isinstance(call, ast.Call) or call.func is not node:
                return _unknown()
            argument = _argument(call, name, place - 1 if is_method else place)
            if argument is None:
                return _unknown()
            found.add(self.evaluate(argument, depth + 1))
            calls += 1
        return found if calls else _unknown()


def _inside(part: ast.AST) -> ast.AST:
    return part.value if isinstance(part, ast.FormattedValue) else part


def _started(text: str) -> Values:
    """Return what begins with a text: a prefix where a package is whole in it."""
    package, dot, _ = text.rpartition(".")
    return Values(prefixes={package + dot}) if dot else _unknown()


def _started_by(starts: set[str], ends: set[str]) -> Values:
    """Return what begins with one of some texts and goes on with one of some prefixes."""
    found = Values()
    for start in starts:
        if start and not any(end.startswith(".") for end in ends):
            found.add(_started(start))
            continue
        for end in ends or {""}:
            found.add(Values(prefixes={end}) if end.startswith("/") else _started(start + end))
    return found


def _argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if 0 <= place < len(call.args) and not any(isinstance(a, ast.Starred) for a in call.args):
        return call.args[place]
    return None


def parameters(function: Function) -> list[str]:
    """Return the names of a function's parameters, those by position first."""
    given = function.args
    ordered = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    ordered += [one for one in (given.vararg, given.kwarg) if one is not None]
    return [one.arg for one in ordered]


def called(node: ast.AST) -> str:
    """Return the last part of the name that a call calls."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""

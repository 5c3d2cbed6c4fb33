"""Tell from a file's syntax where its functions keep what they compute for later calls.

The recorder notices by bytecode which functions *may* keep something, and which of their arguments
lived before the test file's turn. Here is decided on which of these a function keeps it, so that
what it fills in objects of one test file does not count for another.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

SHARED = "*"
"""Among owners: what lives as long as the process, such as a module, a class or a default."""
UNCALLED = ("__get__", "__getattr__")
"""Methods that are not called again for what they have put into an object."""
_UNKNOWN = "?"
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_MUTATORS = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})
_INSERTS = frozenset({"heappush", "heappushpop", "insort", "insort_left", "insort_right"})
_FRESH = frozenset({"bytearray", "copy", "deepcopy", "defaultdict", "dict", "list", "set", "super"})
_TAKERS = frozenset({"iter", "max", "min", "next", "reversed"})
_MAKERS = frozenset({"__init__", "__new__"})
_LITERALS = (
    ast.Constant, ast.Dict, ast.List, ast.Set, ast.Tuple, ast.DictComp, ast.ListComp, ast.SetComp,
    ast.GeneratorExp, ast.JoinedStr, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Lambda,
)  # fmt: skip
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def memory_owners(
    root: Path, turns: Mapping[str, Iterable[Mapping[str, Collection[str]]]]
) -> dict[str, frozenset[str]]:
    """Return the owners of what functions keep.

    Args:
        root: The repository.
        turns: Names such as `PATH::NAME`, each with what was seen in each test file's turn: which
            attributes a method's object had, by `own` itself or `classed` in its class.
    """
    files: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
    for name, seen in turns.items():
        file, _, function = name.partition("::")
        own, classed = (
            {name for one in seen for name in one.get(kind, ())} for kind in ("own", "classed")
        )
        files[file][function] = own - classed
    return {
        f"{file}::{function}": owners.get(function, frozenset({SHARED}))
        for file, those in files.items()
        for owners in [read_memory(root / file, those)]
        for function in those
    }


def read_memory(
    path: Path, own: Mapping[str, Collection[str]] = MappingProxyType({})
) -> dict[str, frozenset[str]]:
    """Return by qualified name of each function the owners of what it keeps.

    They are names of its parameters, and `SHARED`. A file that cannot be parsed has no functions.

    Args:
        path: The file.
        own: By qualified name of a method, attributes that objects alone were seen to have.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for one in ast.walk(tree) if isinstance(one, ast.Import) for alias in one.names
    }  # fmt: skip
    functions = [
        (name, _Owners(function, around, own.get(name, ()), imported))
        for name, function, around in _functions(tree, "", None)
    ]
    keepers = {name.rpartition(".")[2] for name, one in functions if one.fills_shared()}
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for name, one in functions:
        found[name] |= one.found(keepers)
    return dict(found)


def _functions(
    node: ast.AST, prefix: str, around: ast.ClassDef | None
) -> Iterator[tuple[str, _Function, ast.ClassDef | None]]:
    """Yield each function below a node with its qualified name, and the class that it is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            name = f"{prefix}{child.name}"
            yield name, child, around
            yield from _functions(child, f"{name}.<locals>.", None)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", child)
        else:
            yield from _functions(child, prefix, around)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function, without what is in functions and classes in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _inside(child)


class _Owners:
    """What one function keeps, by its owner."""

    def __init__(
        self,
        function: _Function,
        around: ast.ClassDef | None,
        own: Collection[str],
        imported: Collection[str],
    ) -> None:
        self._imported = imported  # names of modules
        self._name = function.name
        self._nodes = [*_inside(ast.Module(function.body, []))]
        arguments = function.args
        listed = [*arguments.posonlyargs, *arguments.args]
        self._first = listed[0].arg if listed and around is not None else ""
        self._parameters = {one.arg for one in (*listed, *arguments.kwonlyargs)}
        defaults = [None] * (len(listed) - len(arguments.defaults)) + arguments.defaults
        pairs = [*zip(listed, defaults, strict=True),
                 *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]  # fmt: skip
        self._kept = {
            one.arg for one, default in pairs if not isinstance(default, ast.Constant | None)
        }
        self._new = {one.arg for one in (arguments.vararg, arguments.kwarg) if one is not None}
        self._outer = {
            name for one in self._nodes if isinstance(one, ast.Global | ast.Nonlocal)
            for name in one.names
        }  # fmt: skip
        self._own = {*own, *(_instance_attributes(around) if around is not None else ())}
        self._bound: dict[str, list[ast.expr | None]] = {}
        for one in self._nodes:
            self._bind(one)
        names = {_last(one) for one in self._nodes if isinstance(one, ast.Name | ast.Attribute)}
        self._asks_attribute = not names.isdisjoint({"getattr", "hasattr", "AttributeError"})
        self._asked = {name for one in self._nodes for name in _asked(one)}
        if not names.isdisjoint({"KeyError", "IndexError", "LookupError"}):
            self._asked |= {
                _last(one.value) for one in self._nodes if isinstance(one, ast.Subscript)
            }
        tested = self._tests()
        self._tested = {one.attr for one in tested if isinstance(one, ast.Attribute)}
        self._tests_call = any(isinstance(one, ast.Call) for one in tested)
        walked = (one.iter for one in self._nodes if isinstance(one, _LOOPS))
        variables = (one for one in tested if isinstance(one, ast.Name))
        self._looked_into = {ast.dump(one) for one in (*walked, *variables)}

    def fills_shared(self) -> bool:
        """Return whether it puts something into what all share, at each call or at some."""
        for node in self._nodes:
            match node:
                case ast.Subscript(value=container, ctx=ast.Store()):
                    shares = SHARED in self._roots(container)
                case ast.Call(func=ast.Attribute(value=container, attr=name)):
                    shares = name in _MUTATORS and SHARED in self._roots(container)
                case _:
                    shares = False
            if shares:
                return True
        return not self._outer.isdisjoint(self._bound)

    def found(self, keepers: Collection[str]) -> frozenset[str]:
        """Return the owners.

        Args:
            keepers: Names of functions of the file that fill what all share.
        """
        owners = {owner for one in self._nodes for owner in self._kept_by(one, keepers)}
        owners |= {SHARED for name in self._outer if name in self._bound}
        if self._name in _MAKERS:
            owners.discard(self._first)  # it was made just now
        stored = (one for one in self._nodes if isinstance(one, ast.Attribute))
        replaces = any(isinstance(one.ctx, ast.Store) and one.attr == self._name for one in stored)
        if replaces or self._name == "__missing__":
            owners.add(SHARED)  # what it fills is found without a call
        return frozenset(owners)

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                pairs: list[tuple[ast.AST, ast.expr | None]] = [(one, value) for one in targets]
            case (
                ast.AnnAssign(target=target, value=value)
                | ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                pairs = [(target, value)]
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                pairs = [(target, ast.Starred(value))]
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                pairs = [(target, value)]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                self._bound.setdefault(name, []).append(None)
                return
            case _:
                return
        for bound, value in pairs:
            if isinstance(bound, ast.Name):
                self._bound.setdefault(bound.id, []).append(value)
            elif isinstance(bound, ast.Tuple | ast.List):
                for one in ast.walk(bound):
                    if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                        self._bound.setdefault(one.id, []).append(value and ast.Starred(value))

    def _tests(self) -> list[ast.AST]:
        """Return what something depends on, also by way of a variable."""
        found: list[ast.AST] = []
        for one in self._nodes:
            match one:
                case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                    tests = [test]
                case ast.BoolOp(values=tests):
                    tests = tests[:-1]
                case ast.Match(subject=subject):
                    tests = [subject]
                case _:
                    continue
            inner = [node for test in tests for node in ast.walk(test)]
            names = [node.id for node in inner if isinstance(node, ast.Name)]
            values = [value for name in names for value in self._bound.get(name, ()) if value]
            values = [one for one in values if not isinstance(one, (ast.Starred, *_LITERALS))]
            found += inner + [node for value in values for node in ast.walk(value)]
        return found

    def _kept_by(self, node: ast.AST, keepers: Collection[str]) -> Iterator[str]:
        match node:
            case ast.Expr(ast.Call() as call) | ast.Expr(ast.Await(ast.Call() as call)):
                yield from self._handed(call, keepers)
            case ast.Attribute(value=value, attr=name, ctx=ast.Store()):
                if name in self._tested or self._asks_attribute or self._name in UNCALLED:
                    yield from self._those(self._roots(value), is_lazy=True)
                elif _last(value) in {"cls", *self._asked}:  # as of `dir(value)`
                    yield from self._roots(value) & {SHARED}
            case ast.Subscript(value=value, ctx=ast.Store()):
                yield from self._filled(value)
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _MUTATORS:
                yield from self._filled(value)
            case ast.Call(func=func, args=[value, *_]) if "setattr" in _last(func):
                yield from self._those(self._roots(value), is_lazy=True)

    def _handed(self, call: ast.Call, keepers: Collection[str]) -> Iterator[str]:
        """Yield the owners of what was asked for something, and is now given what was computed."""
        parts = [*call.args, *(one.value for one in call.keywords)]
        if not any(map(self._is_computed, parts)):
            return
        if _last(call.func) in keepers and self._tests_call:
            yield SHARED
        match call:
            case ast.Call(func=function, args=[taker, *_]) if _last(function) in _INSERTS:
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name == self._first:
                return  # a method of its own, which is looked at by itself
            case ast.Call(func=ast.Attribute(value=taker)):
                pass
            case _:
                return
        if self._is_asked(taker) and _base(taker) not in {"", *self._imported}:
            yield from self._roots(taker) - {_UNKNOWN}

    def _is_computed(self, value: ast.expr) -> bool:
        names = [one.id for one in ast.walk(value) if isinstance(one, ast.Name)]
        bound = [one for name in names for one in self._bound.get(name, ()) if one is not None]
        nodes = (node for one in (value, *bound) for node in ast.walk(one))
        return any(isinstance(node, ast.Call | ast.Await) for node in nodes)

    def _filled(self, container: ast.expr) -> set[str]:
        if self._is_asked(container) or self._name in UNCALLED:
            return self._those(self._roots(container), is_lazy=True)
        match container:
            case ast.Attribute(value=ast.Name(id=name)) if name != self._first:
                return set()  # such as `os.environ`
            case _:
                return self._those(self._roots(container), is_lazy=False)

    def _is_asked(self, container: ast.expr) -> bool:
        values = [container]
        if isinstance(container, ast.Name):
            values += filter(None, self._bound.get(container.id, ()))
        if ast.dump(container) in self._looked_into:
            return True
        return not {_last(one) for one in values}.isdisjoint((self._asked | self._tested) - {""})

    @staticmethod
    def _those(roots: set[str], *, is_lazy: bool) -> set[str]:
        """Return the owners that count: not what is filled at each call."""
        known = roots - {_UNKNOWN}
        return known | ({SHARED} if roots != known else set()) if is_lazy else roots & {SHARED}

    def _roots(self, value: ast.expr | None, seen: frozenset[str] = frozenset()) -> set[str]:
        """Return the owners of what an expression may be; none for what is made just now."""
        match value:
            case ast.Name(id=name):
                return self._named(name, seen)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if (
                name == self._first and attribute not in self._own
            ):
                return {SHARED}  # of the class, as far as is seen
            case ast.Subscript(value=ast.Name(id=name)) | ast.Starred(ast.Name(id=name)) if (
                name in self._new
            ):
                return {name}  # the arguments in it are not new
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                return self._roots(inner, seen)
            case ast.BoolOp(values=values):
                return set().union(*(self._roots(one, seen) for one in values))
            case ast.IfExp(body=body, orelse=other):
                return self._roots(body, seen) | self._roots(other, seen)
            case ast.NamedExpr(value=inner) | ast.Await(value=inner):
                return self._roots(inner, seen)
            case ast.Call(func=func, args=arguments):
                return self._made(func, arguments, seen)
            case _ if isinstance(value, _LITERALS):
                return set()
            case _:
                return {_UNKNOWN}

    def _named(self, name: str, seen: frozenset[str]) -> set[str]:
        if name in seen:
            return set()
        if name in self._outer or name == "cls":
            return {SHARED}
        bound = self._bound.get(name)
        found = {owner for one in bound or () for owner in self._roots(one, seen | {name})}
        if name in self._parameters:
            return found | ({SHARED} if name in self._kept else {name})
        if name in self._new or bound is not None:
            return found
        return {SHARED}

    def _made(self, func: ast.expr, arguments: list[ast.expr], seen: frozenset[str]) -> set[str]:
        name = _last(func)
        if isinstance(func, ast.Attribute) and name in {"get", "setdefault", "values", "items"}:
            return self._roots(ast.Starred(func.value), seen)
        if name == "vars" and arguments:
            return self._roots(arguments[0], seen)
        if name in _TAKERS:
            whole = [one for one in arguments if isinstance(one, ast.GeneratorExp)]
            inner = [part.iter for one in whole for part in one.generators]
            return set().union(*(self._roots(one, seen) for one in (*arguments, *inner)))
        if name in {"globals", "locals"}:
            return {SHARED}
        is_made = name in _FRESH or name[:1].isupper()  # of a class, as far as its name tells
        return set() if is_made else {_UNKNOWN}


def _asked(node: ast.AST) -> Iterator[str]:
    """Yield the names of containers that are asked whether they have a key."""
    asked: list[ast.expr] = []
    if isinstance(node, ast.Compare):
        pairs = zip(node.ops, node.comparators, strict=True)
        asked = [one for op, one in pairs if isinstance(op, ast.In | ast.NotIn)]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        asked = [node.func.value] if node.func.attr in {"get", "setdefault"} else []
    yield from (_last(one) for value in asked for one in ast.walk(value))


def _base(node: ast.AST) -> str:
    """Return the first name of a chain of attributes."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _last(node: ast.AST) -> str:
    """Return the last name of an expression, such as of a chain of attributes."""
    while isinstance(node, ast.Call | ast.Subscript | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


@lru_cache(maxsize=1)  # one method after the other asks for it
def _instance_attributes(around: ast.ClassDef) -> set[str]:
    """Return the attributes that methods of a class give its objects, and fields of a dataclass."""
    stored = {
        one.attr
        for one in ast.walk(around)
        if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)
        if isinstance(one.value, ast.Name) and one.value.id == "self"
    }
    fields = {
        one.target.id
        for one in around.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        if one.value is None or (isinstance(one.value, ast.Call) and _last(one.value) == "field")
    }
    return stored | fields

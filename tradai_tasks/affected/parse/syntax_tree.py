"""A parsed file with indexes of its syntax tree: parents, functions, bindings and mentions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from tradai_tasks.affected.parse.dotted_names import inner_name

_BINDERS = (
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.AsyncFor),
    *(ast.comprehension, ast.withitem, ast.Import, ast.ImportFrom, ast.MatchAs),
)
# Methods that add to a list or a table.
ADDERS = frozenset(["append", "add", "extend", "insert", "update", "setdefault", "appendleft"])
_MOST_NAMES = 8  # that are followed from one to the next
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
# Fields of names and the like, in which there are no nodes, or none that anything asks for.
_PLAIN = frozenset(
    {"arg", "asname", "attr", "ctx", "id", "level", "module", "op", "ops", "type_comment"}
)


class _FieldTable(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each kind of node in which there are other nodes."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        fields = self[kind] = tuple(name for name in kind._fields if name not in _PLAIN)
        return fields


_FIELDS = _FieldTable({ast.Constant: (), ast.alias: ()})


class SyntaxIndex:
    """A syntax tree with its look-ups."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents: dict[ast.AST, ast.AST] = {}
        self.nodes: list[ast.AST] = [tree]
        # name -> what it is bound to, and whether to an element or a part of that only
        self.bound: dict[str, list[tuple[ast.AST, bool]]] = {}
        self.modules: dict[str, str] = {}  # name -> module that an import statement binds to it
        parents, nodes = self.parents, self.nodes
        for node in nodes:  # grows while it is read: breadth first
            # what ast.iter_child_nodes does, at half its cost: this is most of a cold run
            for name in _FIELDS[type(node)]:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    for child in value:
                        if isinstance(child, ast.AST):
                            parents[child] = node
                            nodes.append(child)
                elif isinstance(value, ast.AST):
                    parents[value] = node
                    nodes.append(value)
            if isinstance(node, _BINDERS):
                self._bind(node)

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind_target(target, value, part=False)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ):
                self._bind_target(target, value, part=False)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                if isinstance(value, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
                    self._bind_target(node.target, value, part=False)
                else:  # `name += ".mod"` is name + ".mod"
                    whole = ast.BinOp(ast.Name(name, ast.Load()), op, value)
                    self.parents[whole] = self.parents[whole.left] = node
                    self._bind_target(node.target, whole, part=False)
            case ast.MatchAs(name=str(name)):
                self.bound.setdefault(name, []).append((node, True))
            case (
                ast.For(target=target, iter=value)
                | ast.AsyncFor(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
                | ast.withitem(optional_vars=ast.expr() as target, context_expr=value)
            ):
                self._bind_target(target, value, part=True)
            case ast.Import(names=names):
                for alias in names:
                    top = alias.name.partition(".")[0]
                    self.modules[alias.asname or top] = alias.name if alias.asname else top
            case ast.ImportFrom(names=names, module=module, level=level):
                for alias in names:
                    package = "." * level + (module or "")
                    self.modules[alias.asname or alias.name] = inner_name(package, alias.name)
            case _:
                pass

    def _bind_target(self, target: ast.AST, value: ast.AST, *, part: bool) -> None:
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, []).append((value, part))
        elif isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                for inner, its_value in zip(target.elts, value.elts, strict=True):
                    self._bind_target(inner, its_value, part=part)
            else:
                for inner in target.elts:
                    self._bind_target(inner, value, part=True)
        elif isinstance(target, ast.Starred):
            self._bind_target(target.value, value, part=True)

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """Return the innermost function around a node."""
        return next(self.functions_of(node), None)

    def functions_of(self, node: ast.AST) -> Iterator[FunctionNode]:
        """Yield the functions around a node, the innermost first."""
        up = self.parents.get(node)
        while up is not None:
            if isinstance(up, FunctionNode):
                yield up
            up = self.parents.get(up)

    @cached_property
    def mentions(self) -> dict[str, list[ast.Name | ast.Attribute]]:
        """Name -> where it is mentioned, alone or after a dot."""
        found: dict[str, list[ast.Name | ast.Attribute]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(node)
            elif isinstance(node, ast.Attribute):
                found.setdefault(node.attr, []).append(node)
        return found

    @cached_property
    def entries(self) -> dict[str, list[ast.expr]]:
        """Literal key -> the literal values that the file's dictionaries and calls have for it."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            pairs: list[tuple[object, ast.expr]] = []
            if isinstance(node, ast.Dict):
                keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                pairs = [*zip(keys, node.values, strict=True)]
            elif isinstance(node, ast.keyword):
                pairs = [(node.arg, node.value)]
            for key, value in pairs:
                if isinstance(key, str) and isinstance(value, ast.Constant):
                    found.setdefault(key, []).append(value)
        return found


def parameters(function: FunctionNode) -> list[str]:
    """Return the names of a function's parameters, positional ones first."""
    declared = function.args
    ordered = [*declared.posonlyargs, *declared.args, *declared.kwonlyargs]
    ordered += [one for one in (declared.vararg, declared.kwarg) if one is not None]
    return [one.arg for one in ordered]


def imported_name(source: SyntaxIndex, node: ast.AST) -> str:
    """Return the dotted name of what an expression is, by the file's imports; "" for none.

    `res.files` is "importlib.resources.files" after `from importlib import resources as res`, and
    after `res = importlib.resources`.
    """
    parts: list[str] = []
    for _ in range(_MOST_NAMES):
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        if node.id in source.modules:
            return ".".join([source.modules[node.id], *reversed(parts)])
        values = [value for value, is_part in source.bound.get(node.id, ()) if not is_part]
        if len(values) != 1:
            return ""
        node = values[0]
    return ""


def called_name(node: ast.AST) -> str:
    """Return the last part of the name of the function that a call calls; "" for none."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def argument_of(node: ast.Call, place: int, *names: str) -> ast.expr | None:
    """Return the argument of a call at a place, if not negative, or with one of some names."""
    if 0 <= place < len(node.args):
        return node.args[place]
    return next((keyword.value for keyword in node.keywords if keyword.arg in names), None)

"""Read modules that import on demand (PEP 562): which name makes them load which module.

These forms are known, all of them literal: a table from name to module or from module to names,
in any shape; `if name == "X": from .x import X`; imports under TYPE_CHECKING that repeat the
table. A name that no table mentions may load anything that the file mentions.
"""

from __future__ import annotations

import ast
import re

import msgspec

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Import, Lazy
from tradai_tasks.affected.parse.string_scanner import mask
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.source_file import REFERENCE

_METHOD = re.compile(r"__getattr__\(\s*(?:self|cls)\b")
_REPLACED = re.compile(r"sys\.modules\[[^\]]*\]\s*=(?!=)")


class LazyExports(CallRule):
    """The module's own `__getattr__` is read by `find_lazy`; imports of its names are linked."""

    name = "lazy"
    summary = "modules that `__getattr__` loads (PEP 562), name by name where a table or stub tells"
    words = frozenset({"__getattr__", "sys.modules[", "lazy_loader"})

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether the module's own `__getattr__`, or its replacement, may stand there."""
        if word == "__getattr__":
            return text[place - 1 : place] not in {".", '"', "'"} and not _METHOD.match(text, place)
        return word != "sys.modules[" or _REPLACED.match(text, place) is not None


class LazyModule(msgspec.Struct):
    """A lazy module, with what it imports immediately."""

    lazy: Lazy
    eager: dict[Import, None]
    skipped: ast.AST | None  # its `__getattr__`


def find_lazy(source: ParsedModule) -> LazyModule | None:
    """Read the lazy exports of a module; None for a module that has none."""
    getter = _getter(source.tree)
    if getter is None:
        return None
    reader = _TableReader(source, getter)
    reader.read()
    if not (reader.symbols or reader.others):
        return None
    lazy = Lazy(
        symbols={name: tuple(sorted(refs)) for name, refs in sorted(reader.symbols.items())},
        others=tuple(sorted(reader.others)),
        defined=frozenset(reader.defined),
    )
    skipped = getter if isinstance(getter, ast.FunctionDef) else None
    return LazyModule(lazy=lazy, eager=reader.eager, skipped=skipped)


def _getter(tree: ast.Module) -> ast.AST | None:
    """Return what makes a module lazy: its `__getattr__`, or its replacement in sys.modules."""
    queue: list[ast.stmt] = list(tree.body)
    for node in queue:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == "__getattr__":
            return node
        if isinstance(node, (ast.If, ast.Try)):
            queue += node.body + node.orelse
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
                for name in names:
                    if isinstance(name, ast.Name) and name.id == "__getattr__":
                        return node
                if isinstance(target, ast.Subscript) and "sys.modules" in ast.unparse(target.value):
                    return node
    return None


def _texts(node: ast.AST) -> list[str]:
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


class _TableReader(msgspec.Struct):
    """Collects the names of a lazy module and what each loads."""

    source: ParsedModule
    getter: ast.AST
    symbols: dict[str, set[str]] = {}
    others: set[str] = set()
    defined: set[str] = set()
    eager: dict[Import, None] = {}
    _in_tables: set[ast.AST] = set()

    def read(self) -> None:
        for node in self.source.nodes:
            if isinstance(node, ast.Dict) and node not in self._in_tables:
                self._read_table(node, ())
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == "dict":
                    for keyword in node.keywords:
                        if keyword.arg:
                            self._read_entry([keyword.arg], keyword.value, ())
            elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
                self._read_rows(node)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self._read_import(node)
        for node in self.source.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._read_loose_string(node)
        self._find_defined()

    def _read_table(self, node: ast.Dict, around: tuple[str, ...]) -> None:
        """Read a dictionary, and those inside it with the keys that lead to them."""
        for key, value in zip(node.keys, node.values, strict=True):
            keys = self._strings_of(key) if key is not None else []
            if key is None:
                continue  # `**other`: read where that is bound
            if isinstance(value, ast.Dict):
                self._read_table(value, (*around, *keys))
                self._in_tables.add(value)
            else:
                self._read_entry(keys, value, around)
            self._in_tables.update(ast.walk(key))
            self._in_tables.update(ast.walk(value))

    def _strings_of(self, node: ast.AST) -> list[str]:
        values = self.source.evaluate(node)
        return sorted(values.literals | {text for text in _texts(node) if text})

    def _read_entry(self, keys: list[str], value: ast.expr, around: tuple[str, ...]) -> None:
        """Record one entry of a table, whichever of its two sides the module is on."""
        values = self._strings_of(value)
        for part in ast.walk(value):
            if isinstance(part, ast.Name):
                values += sorted(self.source.evaluate(part).literals)
        sides = [text for text in (*around, *keys) if REFERENCE.match(text)]
        for key in keys:
            self._add(key, (*values, *around))
        for name in values:
            self._add(name, sides)
        self._in_tables.update(ast.walk(value))

    def _read_rows(self, node: ast.List | ast.Tuple | ast.Set) -> None:
        """Read a table that is a list of tuples; a flat list is only of names."""
        rows = [row for row in node.elts if isinstance(row, (ast.Tuple, ast.List))]
        for row in rows:
            texts = _texts(row)
            for text in texts:
                self._add(text, [other for other in texts if other != text])
            self._in_tables.update(ast.walk(row))
        if rows or node in self._in_tables:
            return
        parent = self.source.parents.get(node)
        targets = getattr(parent, "targets", [getattr(parent, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            self._in_tables.update(ast.walk(node))
            return
        for part in node.elts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                self._add(part.value, ())

    def _add(self, name: str, references: tuple[str, ...] | list[str]) -> None:
        if name.isidentifier():
            known = self.symbols.setdefault(name, set())
            known.update(ref for ref in references if ref != name and REFERENCE.match(ref))

    def _read_loose_string(self, node: ast.Constant) -> None:
        """Record a string outside any table: it may be the module of every name."""
        if node in self._in_tables or isinstance(self.source.parents.get(node), ast.Expr):
            return
        text = str(node.value)
        parent = self.source.parents.get(node)
        if isinstance(parent, (ast.Compare, ast.JoinedStr)) or not REFERENCE.match(text):
            return
        if text not in self.symbols:
            self.others.add(text)

    def _read_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Record an import: immediate or on demand; under TYPE_CHECKING it says what a name is."""
        names, is_lazy = self._condition(node)
        if not is_lazy:
            for alias in node.names:
                self.defined.add(alias.asname or alias.name.partition(".")[0])
            self.eager.update(_statements(node))
            return
        base = "" if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
        is_any = not names and self._is_in_getter(node)
        for alias in node.names:
            reference = f"{base}:{alias.name}" if base else alias.name
            if alias.name == "*":
                self.others.add(base)
            elif is_any:
                self.others.add(reference)
            else:
                for name in names or {alias.asname or alias.name}:
                    self.symbols.setdefault(name, set()).add(reference)

    def _is_in_getter(self, node: ast.AST) -> bool:
        up: ast.AST | None = node
        while up is not None and up is not self.getter:
            up = self.source.parents.get(up)
        return up is not None

    def _condition(self, node: ast.AST) -> tuple[set[str], bool]:
        """Return the names for which a statement runs (none: any), and whether only on demand."""
        names: set[str] = set()
        is_checking = False
        below: ast.AST = node
        up = self.source.parents.get(node)
        while up is not None:
            if isinstance(up, ast.If) and below in up.body:
                is_checking |= "TYPE_CHECKING" in ast.unparse(up.test)
                names |= {text for text in _texts(up.test) if text.isidentifier()}
            elif isinstance(up, ast.match_case):
                names |= {text for text in _texts(up.pattern) if text.isidentifier()}
            below, up = up, self.source.parents.get(up)
        is_demand = self._is_in_getter(node)
        return (names if is_demand else set()), is_checking or is_demand

    def _find_defined(self) -> None:
        """Collect what the module's body binds by itself."""
        queue: list[ast.AST] = list(self.source.tree.body)
        for node in queue:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.defined.add(node.name)
            elif isinstance(node, ast.Name):
                self.defined |= {node.id} if isinstance(node.ctx, ast.Store) else set()
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                queue += node.orelse
            elif not isinstance(node, (ast.Import, ast.ImportFrom)):
                queue += ast.iter_child_nodes(node)


def _statements(node: ast.Import | ast.ImportFrom) -> dict[Import, None]:
    clauses = [
        alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
        for alias in node.names
    ]
    if isinstance(node, ast.Import):
        return {(clause, ()): None for clause in clauses}
    return {("." * node.level + (node.module or ""), tuple(clauses)): None}


def uses_of(text: str, name: str) -> set[tuple[str, ...]]:
    """Return what a file takes from a module that it binds to a name.

    Args:
        text: The file's text.
        name: The name; dotted for `import a.b`.

    Returns:
        Chains of attributes, such as `("b", "Client")`; an empty chain where the module itself is
        passed on, so that anything may be taken from it.
    """
    code = mask(text)
    found: set[tuple[str, ...]] = set()
    # the check of what precedes the name comes after it: a literal beginning is searched fast
    whole = rf"{re.escape(name)}(?<![\w.]{re.escape(name)})\b"
    pattern = re.compile(rf"{whole}((?:\s*\.\s*[^\W\d]\w*)*)")
    for match in pattern.finditer(code):
        line = code[code.rfind("\n", 0, match.start()) + 1 : match.start()]
        if _IN_IMPORT.search(line):
            continue
        if match[1]:
            found.add(tuple(part.strip() for part in match[1].split(".")[1:]))
        elif _is_bound(code, match.end(), line):
            continue
        elif (literal := _TAKEN.match(text, match.end())) is not None:
            found.add((literal[1],))
        elif not _RELOADED.search(line):
            found.add(())
    return found


_IN_IMPORT = re.compile(r"(?:^|[\s;:])import\b[^;]*$|^\s*from\b[^;]*$")
_TAKEN = re.compile(r"""\s*,\s*["']([^\W\d]\w*)["']""")
_RELOADED = re.compile(r"(?:\breload\(|\bdel )\s*$")


def _is_bound(code: str, end: int, line: str) -> bool:
    """Tell whether a mention only binds the name again: `name = None`, `name: Any = x`."""
    return not line.strip() and re.match(r"[ \t]*(?::[^=\n]*)?=(?!=)", code[end:]) is not None

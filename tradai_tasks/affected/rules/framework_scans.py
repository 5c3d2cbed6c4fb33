"""Packages that settings name, of which a framework loads modules by names of its own.

Django imports `models` of all that INSTALLED_APPS names, and what is installed has it import
`admin`, `tasks`, `signals` or `management.commands.x` as well: any module of such a package counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tradai_tasks.affected.parse.constant_evaluation import Source
from tradai_tasks.affected.rules.import_collector import WORD

__all__ = ["APPS", "APP_CONFIG", "apps_in"]

APPS = "_APPS"  # INSTALLED_APPS, and LOCAL_APPS of which it is often put together
APP_CONFIG = "AppConfig"


def apps_in(source: Source) -> set[str]:
    """Return the packages whose modules a framework may load, by their names."""
    found: set[str] = set()
    for node in _places(source):
        for text in _texts(source, node, set()):
            if WORD.match(text):
                found.add(text)
                found |= _around_class(text)
    return found


def _around_class(text: str) -> set[str]:
    """Return what `pkg.apps.Config` may configure: Django looks into the class for its name."""
    module, _, name = text.rpartition(".")
    package = module.rpartition(".")[0]
    return {one for one in (module, package) if one} if name[:1].isupper() else set()


def _places(source: Source) -> Iterator[ast.AST]:
    """Yield what is said to be an app, in any of the forms that settings have."""
    for node in source.nodes:
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(_is_apps(target) for target in targets):
                    yield value
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
            ):
                if _is_apps(target):
                    yield value
            case ast.keyword(arg=str(name), value=value) if name.endswith(APPS):
                yield value
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if key is not None and _is_apps(key):
                        yield value
            case ast.Call(func=ast.Attribute(value=holder)) if _is_apps(holder):
                yield from node.args
            case ast.ClassDef(bases=bases) if any(APP_CONFIG in ast.unparse(b) for b in bases):
                yield from _names_in(node)
            case _:
                pass


def _is_apps(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name.endswith(APPS)
        case ast.Subscript(slice=index):
            return _is_apps(index)
        case _:
            return False


def _names_in(config: ast.ClassDef) -> Iterator[ast.expr]:
    for node in config.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="name")], value=value):
                yield value
            case ast.AnnAssign(target=ast.Name(id="name"), value=ast.expr() as value):
                yield value
            case _:
                pass


def _texts(source: Source, node: ast.AST, seen: set[str]) -> Iterator[str]:
    """Yield the texts in an expression, and in what the names in it are bound to."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Name) and part.id not in seen:
            seen.add(part.id)
            for value, _ in source.bound.get(part.id, ()):
                yield from _texts(source, value, seen)
            for added in source.added(part.id):
                if added is not None:
                    yield from _texts(source, added, seen)

"""Packages of which a framework loads modules by itself, by the framework's documentation.

Django imports `models` of every package in INSTALLED_APPS, and plugins make it import `admin`,
`tasks`, `signals` or `management.commands.x` too. So any module of such a package counts. Celery's
`autodiscover_tasks`, Pyramid's `config.scan`, Scrapy's SPIDER_MODULES and Dependency Injector's
`wire(packages=[...])` take packages in the same way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.rules.dynamic_imports.call_rule import REFERENCE, CallFile, CallRule

APPS = "INSTALLED_APPS"
APP_CONFIG = "AppConfig"
_TASK_FINDER = "autodiscover_tasks"
_WIRING = frozenset({"wire", "WiringConfiguration"})
_WIRING_KEYWORDS = frozenset({"modules", "packages"})
_SCAN = "config.scan"  # Pyramid's documentation calls the configurator so everywhere


class FrameworkScan(CallRule):
    """Read which packages a framework searches for modules."""

    name = "framework"
    summary = (
        "what Django's `INSTALLED_APPS`, Celery's `autodiscover_tasks`, Pyramid's `config.scan`, "
        "Scrapy's `SPIDER_MODULES` or Dependency Injector's `wire(packages=...)` name: all in it"
    )
    words = frozenset(
        [
            *(APPS, APP_CONFIG, _TASK_FINDER, "SPIDER_MODULES"),
            *(f"{_SCAN}(", ".wire(", "WiringConfiguration("),
        ]
    )
    functions = _WIRING | {_TASK_FINDER, "scan"}
    assigned = frozenset({"SPIDER_MODULES", "NEWSPIDER_MODULE"})

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Record the packages that a call names."""
        if name == "scan" and not ast.unparse(node.func).endswith(_SCAN):
            return
        named = [k.value for k in node.keywords if name not in _WIRING or k.arg in _WIRING_KEYWORDS]
        for argument in named if name in _WIRING else [*node.args, *named]:
            self.read_assigned(file, argument)

    def read_assigned(self, file: CallFile, value: ast.expr) -> None:
        """Record the packages that a setting names."""
        file.add_packages(filter(REFERENCE.match, file.source.evaluate(value).literals), value)


def add_installed_apps(file: CallFile) -> None:
    """Record the packages whose modules Django may load."""
    file.kind = FrameworkScan.name
    for node in _app_expressions(file.source):
        for part, text in _texts(file.source, node, set()):
            if REFERENCE.match(text):
                file.add_packages({text, *_configured_by(text)}, part)


def _configured_by(text: str) -> set[str]:
    """Return the packages that `pkg.apps.Config` may configure: the class says which."""
    module, _, name = text.rpartition(".")
    package = module.rpartition(".")[0]
    return {one for one in (module, package) if one} if name[:1].isupper() else set()


def _app_expressions(source: ParsedModule) -> Iterator[ast.AST]:
    """Yield the expressions that name apps, in any of the forms that settings have."""
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
            case ast.keyword(arg=str(name), value=value) if name == APPS:
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
            return name == APPS
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


def _texts(source: ParsedModule, node: ast.AST, seen: set[str]) -> Iterator[tuple[ast.AST, str]]:
    """Yield the texts in an expression, and in what the names in it are bound to."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part, part.value
        elif isinstance(part, ast.Name) and part.id not in seen:
            seen.add(part.id)
            for value, _ in source.bound.get(part.id, ()):
                yield from _texts(source, value, seen)
            for added in source.added(part.id):
                if added is not None:
                    yield from _texts(source, added, seen)

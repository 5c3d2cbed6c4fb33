"""Packages of which a framework loads modules by itself, by the framework's documentation.

Django imports `models` of every package in INSTALLED_APPS, and plugins make it import `admin`,
`tasks`, `signals` or `management.commands.x` too. So any module of such a package counts. Celery's
`autodiscover_tasks` and Scrapy's SPIDER_MODULES take packages in the same way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.source_file import REFERENCE, SourceFile, package_references

_APPS = "INSTALLED_APPS"
_APP_CONFIG = "AppConfig"
_TASK_FINDER = "autodiscover_tasks"


class FrameworkScan(CallRule):
    """Read which packages a framework searches for modules."""

    name = "framework"
    summary = (
        "what Django's `INSTALLED_APPS` and `AppConfig`, Celery's `autodiscover_tasks` or Scrapy's "
        "`SPIDER_MODULES` name: all in it"
    )
    words = frozenset({_APPS, _APP_CONFIG, _TASK_FINDER, "SPIDER_MODULES"})
    functions = frozenset({_TASK_FINDER})

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield the packages that calls and settings name, and the `name` of an `AppConfig`."""
        for node in source.calls(*self.functions):
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from _packages(source, argument)
        for name, value in source.assigned(_APPS, "SPIDER_MODULES", "NEWSPIDER_MODULE", "name"):
            if name != "name" or _is_in_config(source, value):
                yield from _packages(source, value)


def _packages(source: SourceFile, value: ast.expr) -> Iterator[Reference]:
    for part in value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]:
        for text in filter(REFERENCE.match, source.values(part).literals):
            yield from package_references({text, *_configured_by(text)}, part)


def _is_in_config(source: SourceFile, value: ast.expr) -> bool:
    parents = source.parsed.parents
    around = parents.get(parents[value])
    bases = around.bases if isinstance(around, ast.ClassDef) else ()
    return any(_APP_CONFIG in ast.unparse(base) for base in bases)


def _configured_by(text: str) -> set[str]:
    """Return the packages that `pkg.apps.Config` may configure: the class says which."""
    module, _, name = text.rpartition(".")
    package = module.rpartition(".")[0]
    return {one for one in (module, package) if one} if name[:1].isupper() else set()

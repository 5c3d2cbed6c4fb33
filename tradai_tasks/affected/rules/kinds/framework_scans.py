"""Packages of which a framework loads modules by itself, by the framework's documentation.

Django imports `models` of every package in INSTALLED_APPS, and plugins make it import `admin`,
`tasks`, `signals` or `management.commands.x` too. So any module of such a package counts. Celery's
`autodiscover_tasks` and Scrapy's SPIDER_MODULES take packages in the same way.
"""

from __future__ import annotations

import ast

from tradai_tasks.affected.rules.dynamic_imports.call_rule import REFERENCE, CallFile, CallRule

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
    assigned = frozenset({_APPS, "SPIDER_MODULES", "NEWSPIDER_MODULE", "name"})

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Record the packages that a call names."""
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.read_assigned(file, name, argument)

    def read_assigned(self, file: CallFile, name: str, value: ast.expr) -> None:
        """Record the packages that a setting names, or the `name` of an `AppConfig`."""
        if name == "name" and not _is_in_config(file, value):
            return
        for part in value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]:
            for text in filter(REFERENCE.match, file.source.evaluate(part).literals):
                file.add_packages({text, *_configured_by(text)}, part)


def _is_in_config(file: CallFile, value: ast.expr) -> bool:
    around = file.source.parents.get(file.source.parents[value])
    bases = around.bases if isinstance(around, ast.ClassDef) else ()
    return any(_APP_CONFIG in ast.unparse(base) for base in bases)


def _configured_by(text: str) -> set[str]:
    """Return the packages that `pkg.apps.Config` may configure: the class says which."""
    module, _, name = text.rpartition(".")
    package = module.rpartition(".")[0]
    return {one for one in (module, package) if one} if name[:1].isupper() else set()

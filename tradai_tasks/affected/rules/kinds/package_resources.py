"""Packages that code locates to read their files: they are imported, or their parents are."""

from __future__ import annotations

from collections.abc import Iterator

from tradai_tasks.affected.parse.facts import Reference
from tradai_tasks.affected.parse.syntax_tree import argument_of, imported_name
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import (
    RESOURCE_READERS,
    is_open_call,
)
from tradai_tasks.affected.rules.source_file import SourceFile, references

_MODULES = ("importlib.resources", "importlib_resources", "pkgutil", "pkg_resources")
_FIND_SPEC = "importlib.util.find_spec"
# Without these, other words do not tell of resources.
_NEEDED = {"importlib import": "resources", "pkgutil": "get_"}
_PARAMETERS = ("anchor", "package", "package_or_requirement", "name")


class PackageResources(CallRule):
    """Read `importlib.resources.files("a")`, `pkgutil.get_data("a", "x.json")` and the like."""

    name = "resources"
    summary = (
        '`importlib.resources.files("a")`, `pkgutil.get_data("a", "x.json")`, `find_spec("a")`, '
        "`pkg_resources`, under any name"
    )
    words = frozenset(
        ["importlib.resources", "importlib import", "importlib_resources", "pkgutil"]
    ) | {"pkg_resources", "find_spec"}
    functions = RESOURCE_READERS

    def is_open(self, text: str, place: int, word: str) -> bool:
        """Tell whether a package may be located; `find_spec` of a literal needs no syntax tree."""
        if word == "find_spec":
            return is_open_call(text, place, word)
        return _NEEDED.get(word, "") in text

    def read_text(self, source: SourceFile) -> Iterator[Reference]:
        """Return what is found by a literal name."""
        return source.literal_calls({"find_spec"})

    def read(self, source: SourceFile) -> Iterator[Reference]:
        """Yield the packages that calls locate."""
        for name in sorted(self.functions):
            for node in source.calls(name):
                called = imported_name(source.parsed, node.func)
                if called != _FIND_SPEC and called.rpartition(".")[0] not in _MODULES:
                    continue  # another function of that name
                package = argument_of(node, 0, *_PARAMETERS)
                if package is None:
                    continue  # the package of the file itself
                if module := imported_name(source.parsed, package):  # it is imported already
                    yield from references([module], node)
                else:
                    what = f"{name}() of a computed package"
                    yield from source.named(source.values(package), node, what, package)

"""Files loaded with a module: `__init__` files, stubs, and what pytest runs around a test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tradai_tasks.affected.resolve.file_table import is_collected
from tradai_tasks.affected.rules.edge_rule import (
    FileRule,
    Links,
    Place,
    WorkspaceFiles,
    WorkspaceRule,
    note,
)


class PackageInit(FileRule):
    """Link a module to the `__init__.py` of the package around it: Python runs it first."""

    name = "package"
    order = 10
    summary = "the `__init__.py` of every package around a module"

    def items(self, place: Place) -> Iterable[int]:
        """Return the nodes of the files."""
        return place.index.parent_inits(place.path)

    def link(self, reference: Any, place: Place) -> Iterable[int]:
        """Return the node itself."""
        return (reference,)

    def line_of(self, reference: Any, text: str) -> int:
        """Return 0: nothing in the text names it."""
        return 0


class StubFile(PackageInit):
    """Link a module and its stub."""

    name = "stub"
    order = 20
    summary = "the `.pyi` file next to a module, and the module of a stub"

    def items(self, place: Place) -> Iterable[int]:
        """Return the nodes of the files."""
        return place.index.stub_or_module(place.path)


class Conftest(PackageInit, WorkspaceRule):
    """Link a test to the set-up files around it."""

    name = "conftest"
    order = 50
    summary = "every `conftest.py` and `__init__.py` from a test's folder up to the root"

    def items(self, place: Place) -> Iterable[int]:
        """Return the nodes of the files, for a file that pytest collects."""
        return place.index.test_setup_files(place.folder) if is_collected(place.path) else ()

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return each conftest.py around members whose tests do not have the usual names."""
        index = files.index
        usual = {index.owners[n] for n, path in enumerate(index.paths) if is_collected(path)}
        links: Links = {}
        for number, member in enumerate(index.members):
            if number not in usual:
                for file in index.test_setup_files(member.home):
                    if index.paths[file].endswith("conftest.py"):
                        note(links, file, [member.project_file])
        return links

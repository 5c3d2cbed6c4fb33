"""Find projects outside the workspace that its packages install by path.

`[tool.uv.sources] legacy = { path = "../legacy" }` names one. It has no sessions, but a package
that imports it depends on what it imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.settings.pyproject_check import check_project_file
from tradai_tasks.workspace.discovery import Package, Workspace


def path_projects(tree: Tree, workspace: Workspace) -> tuple[Package, ...]:
    """Return the projects that packages install by path and that are no packages, sorted by path.

    Raises:
        BrokenTomlError: The project file of one does not parse.
        MemberError: One does not have the form of a project file.
    """
    taken = {package.path for package in workspace.packages}
    names = {package.name for package in workspace.packages}
    queue = [(".", workspace.root_document)]
    queue += [(package.path, package.document) for package in workspace.packages]
    found: dict[str, Package] = {}
    for folder, document in queue:
        for source in source_paths(document):
            path = join(folder, source)
            file = join(path, "pyproject.toml")
            is_inside = not source.startswith("/") and path.partition("/")[0] != ".."
            if not is_inside or path in taken or not tree.is_file(file):
                continue
            taken.add(path)
            inner = parse_toml(tree.read(file), file)
            check_project_file(inner, file)
            name = inner.get("project", {}).get("name")
            if isinstance(name, str) and canonicalize_name(name) not in names:
                names.add(canonicalize_name(name))
                found[path] = Package(
                    name=canonicalize_name(name), path=path, project=path, document=inner
                )
                queue.append((path, inner))
    return tuple(found[path] for path in sorted(found))


def source_paths(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths in a project's `[tool.uv.sources]`."""
    found: Any = document
    for key in ("tool", "uv", "sources"):
        found = found.get(key, {}) if isinstance(found, dict) else {}
    for source in found.values() if isinstance(found, dict) else ():
        for one in source if isinstance(source, list) else [source]:
            if isinstance(one, dict) and isinstance(one.get("path"), str):
                yield one["path"]

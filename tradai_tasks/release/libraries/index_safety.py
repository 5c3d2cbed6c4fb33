"""Find packages that uv could install from another index than the intended one."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tradai_tasks.files.file_tree import join
from tradai_tasks.workspace.discovery import Package, Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsafe:
    """A package that a project could install from another index than intended."""

    package: str
    file: str  # the pyproject.toml to fix
    why: str


def same_address(one: str, other: str) -> bool:
    """Return whether two URLs are equal but for their user names and a final slash."""
    return _bare(one) == _bare(other)


def _bare(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return parts._replace(netloc=host).geturl().rstrip("/")


def index_named(workspace: Workspace, url: str) -> str | None:
    """Return the name of a URL in `[[tool.uv.index]]`; None if it is not there."""
    for document in (workspace.root_document, *(one.document for one in workspace.packages)):
        for index in _indexes(document):
            if same_address(str(index.get("url", "")), url) and index.get("name"):
                return str(index["name"])
    return None


def unsafe_packages(workspace: Workspace, names: Iterable[str], url: str) -> tuple[Unsafe, ...]:
    """Return the packages that uv could take from another index, by `[tool.uv.sources]`."""
    wanted = {str(canonicalize_name(name)) for name in names}
    root = workspace.root_document
    # each package, with the names of those that come with it
    packages = [
        (package, {one.name for one in workspace.packages if one.project == package.project})
        for package in workspace.packages
    ]
    if workspace.is_uv_workspace:
        virtual = Package(name="", path=".", project=".", document=root)
        packages.append((virtual, {one.name for one in workspace.packages}))
    found: dict[tuple[str, str], Unsafe] = {}
    for package, own in packages:
        above = root if package.project == "." else package.document
        for name in sorted(wanted & set(_required(package.document)) - own):
            fault = _fault(name, package, above, url)
            if fault is not None:
                found.setdefault((fault.file, name), fault)
    return tuple(found.values())


def _fault(name: str, package: Package, root: Mapping[str, Any], url: str) -> Unsafe | None:
    file = join("." if package.project == "." else package.path, "pyproject.toml")
    sources = {**_sources(root), **_sources(package.document)}
    source = sources.get(name)
    if source is None:
        return Unsafe(package=name, file=file, why="has no source, so it is taken from any index")
    indexes = {str(one.get("name")): one for one in (*_indexes(root), *_indexes(package.document))}
    choices = source if isinstance(source, list) else [source]
    for choice in choices:
        said = choice.get("index") if isinstance(choice, dict) else None
        if said is None:
            continue  # a path, a repository or the workspace: no index is used
        index = indexes.get(str(said))
        if index is None:
            return Unsafe(package=name, file=file, why=f"its index {said!r} is defined nowhere")
        if not same_address(str(index.get("url", "")), url):
            return Unsafe(package=name, file=file, why=f"its index {said!r} is another address")
        if index.get("explicit") is not True:
            return Unsafe(
                package=name, file=file, why=f"its index {said!r} does not have `explicit = true`"
            )
    return None


def _required(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all requirements in a pyproject.toml."""
    project = document.get("project", {})
    lists = [project.get("dependencies", [])]
    lists += project.get("optional-dependencies", {}).values()
    lists += document.get("dependency-groups", {}).values()
    for one in lists:
        for text in one:
            if not isinstance(text, str):
                continue  # an `include-group` entry
            try:
                yield str(canonicalize_name(Requirement(text).name))
            except InvalidRequirement:
                continue  # uv reports what is wrong with it


def _uv(document: Mapping[str, Any]) -> Mapping[str, Any]:
    table = document.get("tool", {}).get("uv", {})
    return table if isinstance(table, dict) else {}


def _sources(document: Mapping[str, Any]) -> dict[str, Any]:
    table = _uv(document).get("sources", {})
    return {str(canonicalize_name(name)): value for name, value in table.items()}


def _indexes(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = _uv(document).get("index", [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def lines_to_add(names: Iterable[str], index_name: str, url: str) -> str:
    """Return the TOML lines that make uv take packages from one index only."""
    sources = "".join(f'{name} = {{ index = "{index_name}" }}\n' for name in names)
    return (
        f'[[tool.uv.index]]\nname = "{index_name}"\nurl = "{url}"\nexplicit = true\n\n'
        f"[tool.uv.sources]\n{sources}"
    )

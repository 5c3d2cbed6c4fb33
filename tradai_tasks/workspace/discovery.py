"""Discover the packages, services, lambdas, strategies and stacks of a repository.

Discovery reads a `Tree`, so it works on disk and on a revision alike, and starts no process.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from packaging.utils import InvalidName, canonicalize_name

from tradai_tasks.errors import DuplicatePackageError, MemberError, SettingsError
from tradai_tasks.files.file_tree import Tree, glob_folders, join
from tradai_tasks.settings.load import key_prefix, read_package_table, toml_document, tool_table
from tradai_tasks.settings.model import PackageSettings, Settings
from tradai_tasks.settings.pyproject_check import check_project_file
from tradai_tasks.settings.table import RepositoryKind, Table
from tradai_tasks.text import similar
from tradai_tasks.workspace.project_hints import no_project

# Folders that tools leave behind; a workspace folder with nothing else is a removed member.
_LEFTOVERS = frozenset({"__pycache__", "build", "dist", "node_modules", "venv"})


class Package(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One Python project: a member of the uv workspace, or an independent project."""

    name: str  # PEP 503-normalised
    path: str  # its folder, POSIX from the workspace root; "." for the root itself
    project: str  # folder whose uv.lock pins it: the workspace root, or its own folder
    document: Mapping[str, Any]  # its parsed pyproject.toml
    settings: PackageSettings = msgspec.field(default_factory=PackageSettings)

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same package with the same settings, whatever else changed."""
        return (
            isinstance(other, Package)
            and (self.name, self.path, self.project) == (other.name, other.path, other.project)
            and self.settings == other.settings
        )

    def __hash__(self) -> int:
        """Return a hash of what identifies it."""
        return hash((self.name, self.path, self.project))

    @property
    def slug(self) -> str:
        """The folder's name, which identifies a strategy in tags and sessions."""
        return posixpath.basename(self.path) if self.path != "." else self.name

    @property
    def is_strategy(self) -> bool:
        """Whether it is one of `strategies/*`."""
        return posixpath.dirname(self.path) == "strategies"

    @property
    def is_installed(self) -> bool:
        """Whether uv builds and installs it: it has a build system, and `package` is not false."""
        uv = self.document.get("tool", {}).get("uv", {})
        return bool(uv.get("package", "build-system" in self.document))


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that is deployed: a service, a lambda or a stack."""

    name: str
    path: str  # POSIX from the workspace root


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """The result of discovery, each tuple sorted by path."""

    kind: RepositoryKind
    packages: tuple[Package, ...]
    services: tuple[Unit, ...] = ()
    lambdas: tuple[Unit, ...] = ()
    strategies: tuple[Package, ...] = ()
    stacks: tuple[Unit, ...] = ()
    is_uv_workspace: bool = True  # a root project with one lock, not independent projects
    root_document: Mapping[str, Any] = {}
    # a workspace root without [project], named "root": not a package, but it may have tests
    virtual_root: Package | None = None

    @property
    def projects(self) -> tuple[str, ...]:
        """Folders that have a uv.lock of their own, the root first."""
        found = {package.project for package in self.packages}
        if self.is_uv_workspace:
            found.add(".")
        return tuple(sorted(found))

    def session_id(self, package: Package) -> str:
        """Return the id of a package in the brackets of its sessions' names."""
        return package.slug if self.strategies and package.is_strategy else package.name


def discover(tree: Tree, settings: Settings, *, settings_file: str = "pyproject.toml") -> Workspace:
    """Find everything in the repository.

    Raises:
        BrokenTomlError: A pyproject.toml does not parse.
        MemberError: A member is not a project, or there is no package at all.
        DuplicatePackageError: Two packages have the same name.
        SettingsError: Settings name what does not exist.
    """
    root: Mapping[str, Any] = {}
    if tree.is_file("pyproject.toml"):
        root = _document(tree, ".")
    workspace_table = _table(root, "pyproject.toml", "tool", "uv", "workspace")
    has_workspace = workspace_table is not None
    members = _members(tree, workspace_table or {})
    packages = [_package(path, ".", document) for path, document in members.items()]
    if "project" in root:
        packages.append(_package(".", ".", root))
    taken = {package.path for package in packages}
    packages += [
        _package(path, path, _document(tree, path))
        for path in _independents(tree, settings, settings_file)
        if path not in taken
    ]
    packages.sort(key=lambda package: package.path)
    if not packages:
        raise MemberError(no_project(tree, root))
    _check_names(packages)
    virtual = _virtual_root(root, packages) if has_workspace else []
    packages = _with_settings([*packages, *virtual], settings, settings_file)
    virtual = [packages.pop() for _ in virtual]
    kind = settings.kind or _inferred_kind(packages)
    strategies = tuple(p for p in packages if p.is_strategy)
    _check_slugs(strategies)
    return Workspace(
        kind=kind,
        packages=tuple(packages),
        services=_units(tree, "services", "Dockerfile"),
        lambdas=tuple(u for u in _units(tree, "lambdas", "Dockerfile") if u.name != "base"),
        strategies=strategies if kind == "strategies" else (),
        stacks=_stacks(tree),
        is_uv_workspace=has_workspace or "project" in root,
        root_document=root,
        virtual_root=virtual[0] if virtual else None,
    )


def _virtual_root(root: Mapping[str, Any], packages: Iterable[Package]) -> list[Package]:
    if "project" in root:
        return []
    taken = {package.name for package in packages}
    name = "root" if "root" not in taken else "workspace-root"
    return [Package(name=name, path=".", project=".", document=root)]


def _members(tree: Tree, table: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the members as uv finds them: each folder with its parsed pyproject.toml."""
    excluded = {p for glob in _globs(table, "exclude") for p in glob_folders(tree, glob)}
    found: dict[str, Mapping[str, Any]] = {}
    for glob in _globs(table, "members"):
        for path in glob_folders(tree, glob):
            if path in excluded or path == "." or path in found:
                continue
            if tree.is_file(join(path, "pyproject.toml")):
                document = _document(tree, path)
                if _is_managed(document, path):
                    found[path] = document
            elif not _is_leftover(tree, path):
                raise MemberError(
                    f"{path}: a workspace member (by {glob!r} in tool.uv.workspace.members) "
                    f"without a pyproject.toml; add one, or list it under tool.uv.workspace.exclude"
                )
    return found


def _globs(table: Mapping[str, Any], key: str) -> list[str]:
    globs = table.get(key, [])
    if not isinstance(globs, list) or not all(isinstance(glob, str) for glob in globs):
        raise MemberError(f"pyproject.toml: tool.uv.workspace.{key}: expected a list of globs")
    return globs


def _is_leftover(tree: Tree, path: str) -> bool:
    """Return whether a folder has only files of tools in it, as after a branch switch."""
    if posixpath.basename(path).startswith("."):
        return True
    if any(not name.startswith(".") for name in tree.files(path)):
        return False
    return all(
        name in _LEFTOVERS
        or name.startswith(".")
        or name.endswith(".egg-info")
        or _is_leftover(tree, join(path, name))
        for name in tree.folders(path)
    )


def _document(tree: Tree, path: str) -> Mapping[str, Any]:
    file = join(path, "pyproject.toml")
    document = toml_document(tree.read(file), file)
    check_project_file(document, file)
    return document


def _is_managed(document: Mapping[str, Any], path: str) -> bool:
    uv = _table(document, join(path, "pyproject.toml"), "tool", "uv") or {}
    return uv.get("managed") is not False


def _independents(tree: Tree, settings: Settings, settings_file: str) -> list[str]:
    """Return the folders of independent projects: `strategies/*`, and the setting `members`."""
    found = [
        path
        for path in glob_folders(tree, "strategies/*")
        if tree.is_file(join(path, "pyproject.toml"))
    ]
    for glob in settings.members:
        matches = [p for p in glob_folders(tree, glob) if tree.is_file(join(p, "pyproject.toml"))]
        if not matches:
            raise SettingsError(
                f"{settings_file}: {key_prefix(settings_file)}members: {glob!r} matches no folder "
                f"with a pyproject.toml"
            )
        found += [path for path in matches if path not in found]
    return found


def _package(path: str, project: str, document: Mapping[str, Any]) -> Package:
    file = join(path, "pyproject.toml")
    table = _table(document, file, "project")
    if table is None:
        raise MemberError(
            f"{file}: no [project] table, so it is no workspace member; add one with a name, or "
            f"leave the folder out by tool.uv.workspace.exclude"
        )
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise MemberError(f"{file}: project.name: expected the package's name")
    try:
        normalised = canonicalize_name(name, validate=True)
    except InvalidName:
        raise MemberError(
            f"{file}: project.name: {name!r} is no name of a package; letters, digits, -, _ and . "
            f"make one"
        ) from None
    own = {} if path == "." else tool_table(document, file)
    return Package(
        name=normalised,
        path=path,
        project=project,
        document=document,
        settings=read_package_table(own, file),
    )


def _table(document: Mapping[str, Any], file: str, *keys: str) -> dict[str, Any] | None:
    """Return a nested table, or None if it is absent."""
    found: Any = document
    for depth, key in enumerate(keys, start=1):
        if key not in found:
            return None
        found = found[key]
        if not isinstance(found, dict):
            raise MemberError(f"{file}: {'.'.join(keys[:depth])}: expected a table")
    return dict(found)


def _check_names(packages: Iterable[Package]) -> None:
    seen: dict[str, Package] = {}
    for package in packages:
        twin = seen.setdefault(package.name, package)
        if twin is not package:
            raise DuplicatePackageError(
                f"{join(package.path, 'pyproject.toml')}: the name {package.name!r} is taken by "
                f"{join(twin.path, 'pyproject.toml')}; rename one of them"
            )


def _check_slugs(strategies: Iterable[Package]) -> None:
    for package in strategies:
        if "," in package.slug:
            raise MemberError(
                f"{package.path}: a comma in a strategy's folder, which NOXSESSION would take for "
                f"two sessions; rename it"
            )


def _with_settings(
    packages: Iterable[Package], settings: Settings, settings_file: str
) -> list[Package]:
    """Override each package's own settings with `packages.<name>` of the root's."""
    by_name: dict[str, PackageSettings] = {}
    for name, table in settings.packages.items():
        by_name[canonicalize_name(name)] = table
    packages = list(packages)
    known = {package.name for package in packages} | {
        canonicalize_name(package.slug) for package in packages if package.is_strategy
    }
    for name in by_name:
        if name not in known:
            raise SettingsError(
                f"{settings_file}: {key_prefix(settings_file)}packages.{name}: "
                f"{unknown_package(name, known)}"
            )
    return [_laid_over(package, by_name) for package in packages]


def _laid_over(package: Package, by_name: Mapping[str, PackageSettings]) -> Package:
    top = by_name.get(package.name)
    if top is None and package.is_strategy:
        top = by_name.get(canonicalize_name(package.slug))
    if top is None:
        return package
    return Package(
        name=package.name,
        path=package.path,
        project=package.project,
        document=package.document,
        settings=_settings_over(package.settings, top),
    )


def dependency_groups(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dependency groups of a parsed pyproject.toml by name.

    `tool.uv.dev-dependencies`, uv's older form of the group `dev`, is included as in uv.
    """
    groups = dict(document.get("dependency-groups", {}))
    older = document.get("tool", {}).get("uv", {}).get("dev-dependencies")
    if older is not None:
        groups["dev"] = [*groups.get("dev", []), *older]
    return groups


def _settings_over(below: Table, top: Table) -> Any:
    """Override one table with another, key by key, with nested tables."""
    default = type(below)()
    merged = {}
    for name in below.__struct_fields__:
        lower, upper = getattr(below, name), getattr(top, name)
        if isinstance(lower, Table):
            merged[name] = _settings_over(lower, upper)
        else:
            merged[name] = upper if upper != getattr(default, name) else lower
    return type(below)(**merged)


def unknown_package(name: str, known: Iterable[str]) -> str:
    """Return the error for an unknown package name, with the most similar name."""
    hint = similar(name, known, most=3)
    return f"no package of that name{hint and f'; {hint}'}"


def _inferred_kind(packages: Iterable[Package]) -> RepositoryKind:
    """Return the kind of repository: `strategies` if all packages but the root are strategies."""
    nested = [package for package in packages if package.path != "."]
    return "strategies" if nested and all(p.is_strategy for p in nested) else "platform"


def _units(tree: Tree, folder: str, file: str) -> tuple[Unit, ...]:
    return tuple(
        Unit(name=name, path=join(folder, name))
        for name in tree.folders(folder)
        if tree.is_file(join(join(folder, name), file))
    )


def _stacks(tree: Tree) -> tuple[Unit, ...]:
    """Return Pulumi's stacks: `Pulumi.<stack>.yaml` under infra/, at its top or a layer below."""
    found: dict[str, Unit] = {}
    for folder in ("infra", *(join("infra", name) for name in tree.folders("infra"))):
        for name in tree.files(folder):
            first, _, rest = name.partition(".")
            stack, _, ending = rest.rpartition(".")
            if first == "Pulumi" and stack and ending in {"yaml", "yml"}:
                found.setdefault(stack, Unit(name=stack, path=folder))
    return tuple(found[name] for name in sorted(found))

"""Find where a package keeps its code and tests: source roots, import names, test paths.

The build backend's own settings come first (uv_build, hatchling, setuptools, poetry, flit, pdm);
where they are silent, the conventions that all backends share: `src/`, else a flat layout.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tradai_tasks.files.file_tree import Tree, folders_above, join
from tradai_tasks.workspace.discovery import Package

# Folders of a flat layout that are not import packages, as in setuptools' automatic discovery.
_NO_PACKAGES = frozenset(
    [
        "benchmark", "benchmarks", "bin", "build", "ci", "debian", "dist", "doc", "docs",
        "docker", "documentation", "env", "example", "examples", "infra", "locale", "lambdas",
        "libs", "migrations", "node_modules", "notebooks", "packages", "requirements", "sample",
        "samples", "script", "scripts", "services", "site", "strategies", "task", "tasks", "test",
        "tests", "tools", "venv", "__pycache__",
    ]
)  # fmt: skip
_NO_MODULES = frozenset({"conftest", "noxfile", "setup", "tasks", "fabfile", "dodo", "pavement"})
DEVCONTAINERS = (".devcontainer/devcontainer.json", ".devcontainer.json")
TEST_FILE = re.compile(r"^(test_.*|.*_test)\.py\Z")


_above = functools.lru_cache(maxsize=4)(folders_above)


class ImportName(msgspec.Struct, frozen=True, kw_only=True):
    """A module or package that a distribution installs."""

    name: str  # dotted: "tradai.common", "backend", "handler"
    path: str  # its folder or file, POSIX from the workspace root


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The code and test locations of a package."""

    source_roots: tuple[str, ...]  # folders on sys.path for it
    imports: tuple[ImportName, ...]
    tests: tuple[str, ...]  # folders, or single files, with tests

    @property
    def has_code(self) -> bool:
        """Whether there is anything to import."""
        return bool(self.imports)


def layout_of(tree: Tree, package: Package, *, nested: Iterable[str] = ()) -> Layout:
    """Find a package's code and tests; `nested` are folders of other packages in it."""
    inside = frozenset(nested)  # the folder itself too: nothing below it has its path
    found: dict[str, ImportName] = {}
    roots: dict[str, None] = {}
    for root, name in _declared(tree, package):
        roots[root] = None
        target = join(root, name.replace(".", "/"))
        for module in _modules(tree, target, name):
            found.setdefault(module.name, module)
    if not found:
        roots, found = _conventional(tree, package, inside)
    return Layout(
        source_roots=tuple(roots) or (package.path,),
        imports=tuple(sorted(found.values(), key=lambda module: module.name)),
        tests=_tests(tree, package, inside, tuple(roots), tuple(found.values())),
    )


def _modules(tree: Tree, target: str, name: str) -> list[ImportName]:
    """Return the import names at a declared place: a package, a module, or parts of a namespace."""
    if tree.is_file(f"{target}.py"):
        return [ImportName(name=name, path=f"{target}.py")]
    if not (tree.files(target) or tree.folders(target)):
        return []
    return list(_in_namespace(tree, target, name))


def _in_namespace(tree: Tree, folder: str, name: str) -> list[ImportName]:
    """Return the regular packages and modules at or below a folder.

    A folder without `__init__.py` is a namespace that other distributions may share, so only its
    contents belong to the package.
    """
    files = tree.files(folder)
    if "__init__.py" in files or "__init__.pyi" in files:
        return [ImportName(name=name, path=folder)]
    found = [
        ImportName(name=f"{name}.{file[:-3]}", path=join(folder, file))
        for file in files
        if file.endswith(".py") and file[:-3].isidentifier()
    ]
    for child in tree.folders(folder):
        if child.isidentifier() and child != "__pycache__":
            found += _in_namespace(tree, join(folder, child), f"{name}.{child}")
    return found


def _conventional(
    tree: Tree, package: Package, inside: frozenset[str]
) -> tuple[dict[str, None], dict[str, ImportName]]:
    src = join(package.path, "src")
    if src not in inside and (tree.folders(src) or tree.files(src)):
        found = _top_level(tree, src, frozenset(), inside)
        if found:
            return {src: None}, found
    expected = package.name.replace("-", "_")
    target = join(package.path, expected)
    if "__init__.py" in tree.files(target):
        return {package.path: None}, {expected: ImportName(name=expected, path=target)}
    return {package.path: None}, _top_level(tree, package.path, _NO_PACKAGES, inside)


def _top_level(
    tree: Tree, root: str, excluded: frozenset[str], inside: frozenset[str]
) -> dict[str, ImportName]:
    found: dict[str, ImportName] = {}
    for folder in tree.folders(root):
        path = join(root, folder)
        if folder in excluded or not folder.isidentifier() or path in inside:
            continue
        if path in _above(inside):
            continue  # a folder of packages, not a package
        for module in _in_namespace(tree, path, folder):
            found[module.name] = module
    for file in tree.files(root):
        stem = file[:-3]
        is_module = file.endswith(".py") and stem.isidentifier() and not TEST_FILE.match(file)
        if is_module and stem not in _NO_MODULES:
            found[stem] = ImportName(name=stem, path=join(root, file))
    return found


def _tests(
    tree: Tree,
    package: Package,
    inside: frozenset[str],
    roots: tuple[str, ...],
    imports: tuple[ImportName, ...],
) -> tuple[str, ...]:
    found = []
    for base in dict.fromkeys((package.path, *roots)):
        found += [
            join(base, name)
            for name in tree.folders(base)
            if name in {"tests", "test"} and join(base, name) not in inside
        ]
        found += [join(base, name) for name in tree.files(base) if TEST_FILE.match(name)]
    for module in imports:
        found += _inner_tests(tree, module.path, inside)
    held = tuple(dict.fromkeys(path for path in found if _holds_tests(tree, path)))
    if held:
        return held
    return tuple(_inner_tests(tree, package.path, inside))


def _inner_tests(tree: Tree, folder: str, inside: frozenset[str]) -> list[str]:
    """Return test folders and files anywhere in a folder, such as inside an import package."""
    found = [join(folder, name) for name in tree.files(folder) if TEST_FILE.match(name)]
    for name in tree.folders(folder):
        path = join(folder, name)
        if path in inside or name.startswith(".") or name in {"node_modules", "venv"}:
            continue
        if name in {"tests", "test"} and _holds_tests(tree, path):
            found.append(path)
        else:
            found += _inner_tests(tree, path, inside)
    return found


def _holds_tests(tree: Tree, path: str) -> bool:
    if path.endswith(".py"):
        return True
    if any(TEST_FILE.match(name) for name in tree.files(path)):
        return True
    return any(_holds_tests(tree, join(path, name)) for name in tree.folders(path))


def _declared(tree: Tree, package: Package) -> list[tuple[str, str]]:
    """Return (source root, dotted name) pairs that the build backend's settings state."""
    tool = package.document.get("tool", {})
    backend = str(package.document.get("build-system", {}).get("build-backend", ""))
    readers = {
        "uv_build": _uv_build,
        "hatchling": _hatchling,
        "setuptools": _setuptools,
        "poetry": _poetry,
        "flit": _flit,
        "pdm": _pdm,
    }
    for key, reader in readers.items():
        if backend.startswith(key):
            pairs = reader(tree, package, tool)
            return [(join(package.path, root), name) for root, name in pairs]
    return []


def _uv_build(tree: Tree, package: Package, tool: Mapping[str, Any]) -> list[tuple[str, str]]:
    table = tool.get("uv", {}).get("build-backend", {})
    root = str(table.get("module-root", "src"))
    names = table.get("module-name", package.name.replace("-", "_"))
    return [(root, str(name)) for name in _listed(names)]


def _hatchling(tree: Tree, package: Package, tool: Mapping[str, Any]) -> list[tuple[str, str]]:
    build = tool.get("hatch", {}).get("build", {})
    wheel = build.get("targets", {}).get("wheel", {})
    listed = wheel.get("packages", build.get("packages", []))
    found = []
    for path in map(str, _listed(listed)):
        clean = join(".", path.rstrip("/").removesuffix(".py"))
        root, _, name = clean.rpartition("/")
        found.append((root or ".", name))
    if not found:
        for path in map(str, _listed(wheel.get("only-include", []))):
            first, _, rest = join(".", path).partition("/")
            found.append(
                (first, rest.replace("/", ".")) if first == "src" and rest else (".", first)
            )
    return found


def _setuptools(tree: Tree, package: Package, tool: Mapping[str, Any]) -> list[tuple[str, str]]:
    table = tool.get("setuptools", {})
    folders = table.get("package-dir", {})
    default = str(folders.get("", "."))
    found = [(default, str(name)) for name in _listed(table.get("py-modules", []))]
    packages = table.get("packages", [])
    if isinstance(packages, list):
        tops = {str(name) for name in packages}
        for name in sorted(n for n in tops if not any(n.startswith(f"{t}.") for t in tops)):
            path = folders.get(name)
            if path is None:
                found.append((default, name))
            elif posixpath.basename(str(path)) == name:
                found.append((posixpath.dirname(str(path)) or ".", name))
        return found
    for root in _listed(packages.get("find", {}).get("where", [])):
        base = join(package.path, str(root))
        found += [
            (str(root), name)
            for name in tree.folders(base)
            if name.isidentifier() and name not in _NO_PACKAGES
        ]
    return found


def _poetry(tree: Tree, package: Package, tool: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for entry in _listed(tool.get("poetry", {}).get("packages", [])):
        if isinstance(entry, Mapping) and "include" in entry:
            name = str(entry["include"]).removesuffix(".py").split("*")[0].strip("/")
            if name:
                found.append((str(entry.get("from", ".")), name.replace("/", ".")))
    return found


def _flit(tree: Tree, package: Package, tool: Mapping[str, Any]) -> list[tuple[str, str]]:
    name = str(tool.get("flit", {}).get("module", {}).get("name", package.name.replace("-", "_")))
    path = name.replace(".", "/")
    for root in ("src", "."):
        target = join(join(package.path, root), path)
        if tree.is_file(f"{target}.py") or tree.files(target):
            return [(root, name)]
    return []


def _pdm(tree: Tree, package: Package, tool: Mapping[str, Any]) -> list[tuple[str, str]]:
    build = tool.get("pdm", {}).get("build", {})
    root = str(build.get("package-dir", ""))
    found = []
    for path in map(str, _listed(build.get("includes", []))):
        clean = join(".", path)
        if "*" not in clean:
            inner = clean.removeprefix(f"{root}/") if root else clean
            found.append((root or ".", inner.removesuffix(".py").replace("/", ".")))
    return found


def _listed(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] if value else []


def has_devcontainer(tree: Tree) -> bool:
    """Return whether a repository has a development container."""
    return any(map(tree.is_file, DEVCONTAINERS))

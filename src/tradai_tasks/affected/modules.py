"""Which files a dotted name can be, seen from a file: the import system's search, by look-up.

Every source root is laid into one map from dotted name to files, so that the cost of a look-up
does not grow with the number of roots. Order of the search: what the file's own folder and member
provide, then the members in its closure, then any other member.
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterable, Mapping, Sequence

from tradai_tasks.affected.model import Member

__all__ = ["Found", "ModuleIndex", "is_python"]

# (files of the module and of every package above it, parts of the name that were found,
#  whether it is outside what the member declares)
Found = tuple[tuple[int, ...], int, bool]
_NOTHING: Found = ((), 0, False)
_STUBS = "-stubs"


def is_python(path: str) -> bool:
    """Tell whether a file holds Python code or a stub."""
    return path.endswith((".py", ".pyi"))


class ModuleIndex:
    """The Python files of one snapshot, by name."""

    def __init__(self, paths: Sequence[str], members: Sequence[Member]) -> None:
        """Index files.

        Args:
            paths: Python files and stubs, sorted.
            members: Members, in any order.
        """
        self.paths = paths
        self.members = members
        self.ids: dict[str, int] = {path: number for number, path in enumerate(paths)}
        self.folders: set[str] = set()
        self.by_folder: dict[str, list[int]] = {}
        self.owners: list[int] = []
        self.names: dict[str, list[int]] = {}  # dotted name -> files, under any source root
        self.namespaces: dict[str, set[int]] = {}  # the same for folders without __init__
        self.more_roots: dict[int, tuple[str, ...]] = {}  # member -> roots that its tests add
        self._by_path = {member.path: number for number, member in enumerate(members)}
        self._by_name = {member.name: number for number, member in enumerate(members)}
        self.closures = [
            frozenset(self._by_name[name] for name in member.closure if name in self._by_name)
            | {number}
            for number, member in enumerate(members)
        ]
        self._roots: dict[str, list[tuple[str, int]]] = {}
        for number, member in enumerate(members):
            for root in member.source_roots:
                self._roots.setdefault("" if root == "." else root, []).append((root, number))
        self._prefixes: dict[str, tuple[tuple[str, int], ...]] = {}
        self._owner_of: dict[str, int] = {}
        self._bases: dict[tuple[str, str], tuple[str, ...]] = {}
        self._basedirs: dict[str, tuple[str, ...]] = {}
        self._memo: dict[tuple[str, int, tuple[str, ...]], Found] = {}
        self._fill()

    def _fill(self) -> None:
        for number, path in enumerate(self.paths):
            folder, _, name = path.rpartition("/")
            if folder not in self.by_folder:
                self._add_folder(folder)
            self.by_folder[folder].append(number)
            self.owners.append(self.owner_of_folder(folder))
            stem = name.partition(".")[0]
            for prefix, _ in self._prefixes[folder]:
                dotted = prefix if stem == "__init__" else f"{prefix}.{stem}" if prefix else stem
                self.names.setdefault(dotted, []).append(number)

    def _add_folder(self, folder: str) -> None:
        """Take in a folder and those above it: their names under each root that holds them."""
        self.by_folder[folder] = []
        up = folder
        while up not in self.folders:
            self.folders.add(up)
            up = up.rpartition("/")[0]
        found: list[tuple[str, int]] = []
        root, rest = folder, ""
        while True:
            for _, member in self._roots.get(root, ()):
                dotted = rest.replace("/", ".")
                top, _, below = dotted.partition(".")
                if top.endswith(_STUBS):
                    top = top.removesuffix(_STUBS)
                    dotted = f"{top}.{below}" if below else top
                if dotted not in (prefix for prefix, _ in found):
                    found.append((dotted, member))
                while dotted:
                    self.namespaces.setdefault(dotted, set()).add(member)
                    dotted = dotted.rpartition(".")[0]
            if not root:
                break
            root, _, last = root.rpartition("/")
            rest = f"{last}/{rest}" if rest else last
        self._prefixes[folder] = tuple(found)

    def dotted_of(self, folder: str) -> tuple[str, ...]:
        """Return the names that a folder has as a package, the longest root's first."""
        return tuple(prefix for prefix, _ in self._prefixes.get(folder, ()) if prefix)

    def owner_of_folder(self, folder: str) -> int:
        """Return the innermost member around a folder; -1 where there is none."""
        known = self._owner_of.get(folder)
        if known is None:
            known = self._by_path.get(folder or ".", -2)
            if known == -2:  # noqa: PLR2004 - no member here: look above
                known = self.owner_of_folder(folder.rpartition("/")[0]) if folder else -1
            self._owner_of[folder] = known
        return known

    def is_package(self, folder: str) -> bool:
        """Tell whether a folder has an `__init__`."""
        return f"{folder}/__init__.py" in self.ids or f"{folder}/__init__.pyi" in self.ids

    def find(self, dotted: str, folder: str, owner: int) -> Found:
        """Look an absolute name up.

        Args:
            dotted: The name, such as "a.b.c".
            folder: Where the importing file lies.
            owner: The member that owns the importing file; -1 for none.
        """
        top = dotted.partition(".")[0]
        key = (folder, top)
        bases = self._bases.get(key)
        if bases is None:
            bases = self._bases[key] = self._local(folder, top, owner)
        memo = (dotted, owner, bases)
        found = self._memo.get(memo)
        if found is None:
            if bases or top in self.names or top in self.namespaces:
                found = self._search(dotted, owner, bases)
            else:
                found = _NOTHING
            self._memo[memo] = found
        return found

    def _local(self, folder: str, top: str, owner: int) -> tuple[str, ...]:
        """Return the folders of the file's own member that provide a top-level name."""
        known = self._basedirs.get(folder)
        if known is None:
            known = self._basedirs[folder] = tuple(self._base_folders(folder, owner))
        return tuple(base for base in known if self._provides(base, top))

    def _base_folders(self, folder: str, owner: int) -> Iterable[str]:
        """Yield what can be on sys.path for a file: pytest puts the first folder without __init__.

        Source: pytest's documentation, "pytest import mechanisms and sys.path", `prepend`; the
        folders above are there when a test or a conftest.py in them is collected too.
        """
        home = "" if owner < 0 else self.members[owner].path
        home = "" if home == "." else home
        up = folder
        while True:
            if not self.is_package(up):
                yield up
            if up in {home, ""}:
                break
            up = up.rpartition("/")[0]
        yield from self.more_roots.get(owner, ())
        if home:
            yield ""

    def _provides(self, base: str, top: str) -> bool:
        inner = f"{base}/{top}" if base else top
        return inner in self.folders or f"{inner}.py" in self.ids or f"{inner}.pyi" in self.ids

    def _at(self, base: str, dotted: str) -> list[int]:
        """Return the files that a name is below one folder."""
        inner = dotted.replace(".", "/")
        inner = f"{base}/{inner}" if base else inner
        return [
            number
            for ending in ("/__init__.py", "/__init__.pyi", ".py", ".pyi")
            if (number := self.ids.get(inner + ending)) is not None
        ]

    def _search(self, dotted: str, owner: int, bases: tuple[str, ...]) -> Found:
        parts = dotted.split(".")
        names = [".".join(parts[: end + 1]) for end in range(len(parts))]
        own: list[list[int]] = []
        near: list[list[int]] = []
        far: list[list[int]] = []
        closure = self.closures[owner] if owner >= 0 else frozenset(range(len(self.members)))
        for name in names:
            mine = [number for base in bases for number in self._at(base, name)]
            close, other = [], []
            for number in self.names.get(name, ()):
                holder = self.owners[number]
                if holder == owner:
                    mine.append(number)
                elif holder in closure or holder < 0:
                    close.append(number)
                else:
                    other.append(number)
            own.append(mine)
            near.append(close)
            far.append(other)
        if parts[0] in sys.stdlib_module_names:
            far = [[] for _ in names]
        lengths = [_length(tier) for tier in (own, near, far)]
        best = max(lengths)
        if best == 0:
            return _NOTHING
        chosen = lengths.index(best)
        if best < len(parts) and self._is_namespace(names[best - 1], (own, near, far)[chosen]):
            return _NOTHING if best == 1 else self._ids((own, near), best - 1, undeclared=False)
        tiers = (own, near, far)[: chosen + 1]
        return self._ids(tiers, best, undeclared=chosen == len(lengths) - 1)

    def _is_namespace(self, name: str, tier: list[list[int]]) -> bool:
        return not tier[name.count(".")] and name in self.namespaces

    def _ids(self, tiers: Sequence[list[list[int]]], length: int, *, undeclared: bool) -> Found:
        """Collect the module from the nearest tier that has it, and the packages around it."""
        found: dict[int, None] = {}
        for place in range(length):
            is_last = place == length - 1
            for tier in reversed(tiers) if is_last else tiers:
                if tier[place]:
                    found.update(dict.fromkeys(tier[place]))
                    if is_last:
                        break
        return tuple(found), length, undeclared

    def relative(self, module: str, folder: str, owner: int) -> Found:
        """Look a relative name up: "." is the file's own package, "..a" a sibling of that."""
        level = len(module) - len(module.lstrip("."))
        rest = module[level:]
        package = folder
        for _ in range(level - 1):
            package = package.rpartition("/")[0]
        at = self._at(package, rest) if rest else self._package(package)
        count = rest.count(".") + 1 if rest else 0
        if at:
            return tuple(at), count, False
        for name in self.dotted_of(package):  # the package may have portions elsewhere
            found = self.find(f"{name}.{rest}" if rest else name, folder, owner)
            if found[0]:
                return found[0], max(0, found[1] - name.count(".") - 1), found[2]
        while "." in rest:  # a name inside a module
            rest = rest.rpartition(".")[0]
            at = self._at(package, rest)
            if at:
                return tuple(at), rest.count(".") + 1, False
        return _NOTHING

    def _package(self, folder: str) -> list[int]:
        inner = f"{folder}/__init__" if folder else "__init__"
        return [self.ids[p] for p in (f"{inner}.py", f"{inner}.pyi") if p in self.ids]

    def parents(self, path: str) -> list[int]:
        """Return the `__init__` files that run before a module: of its folder and those above."""
        folder, _, name = path.rpartition("/")
        if name.startswith("__init__."):
            folder = folder.rpartition("/")[0] if folder else ""
            if not path.count("/"):
                return []
        prefixes = self._prefixes.get(folder, ())
        depth = max((prefix.count(".") + 1 for prefix, _ in prefixes if prefix), default=0)
        while True:
            found = self._package(folder)
            if found or not folder:
                return found
            depth -= 1
            if depth <= 0:
                return []
            folder = folder.rpartition("/")[0]

    def below(self, prefix: str, folder: str, owner: int) -> list[int]:
        """Return all files that a prefix covers: "a.b." by name, "." and "/x" by folder."""
        if prefix.startswith("/"):
            return self._under(self._folders_named(prefix[1:], folder))
        if prefix.startswith("."):
            base = folder
            rest = prefix.strip(".")
            if rest:
                base = posixpath.join(folder, rest.replace(".", "/"))
            return self._under([base])
        name = prefix.rstrip(".")
        self.find(name, folder, owner)
        bases = self._bases.get((folder, name.partition(".")[0]), ())
        found = self._under([posixpath.join(base, name.replace(".", "/")) for base in bases])
        start = f"{name}."
        for dotted, numbers in self.names.items():
            if dotted.startswith(start) or dotted == name:
                found += numbers
        return sorted(set(found))

    def _folders_named(self, path: str, folder: str) -> list[str]:
        """Return the folders that a path can be, from the file's own folder or any above it."""
        found = []
        up = folder
        while True:
            inner = posixpath.normpath(posixpath.join(up, path))
            inner = "" if inner == "." else inner
            if inner in self.folders:
                found.append(inner)
                break
            if not up:
                break
            up = up.rpartition("/")[0]
        return found

    def _under(self, folders: Iterable[str]) -> list[int]:
        found: list[int] = []
        for folder in folders:
            start = f"{folder}/" if folder else ""
            for inner, numbers in self.by_folder.items():
                if inner == folder or inner.startswith(start):
                    found += numbers
        return found


def _length(tier: list[list[int]]) -> int:
    """Return how many parts of a name a tier knows as a file, counted to its deepest file."""
    for place in range(len(tier) - 1, -1, -1):
        if tier[place]:
            return place + 1
    return 0


def shared(first: Mapping[str, str], second: Mapping[str, str]) -> bool:
    """Tell whether two snapshots have the same Python files."""
    return first.keys() == second.keys()

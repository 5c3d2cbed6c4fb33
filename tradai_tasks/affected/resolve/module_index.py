"""Which files a dotted name can be, seen from a file: the import system's search, by look-up.

Every source root is laid into one map from dotted name to files, so that the cost of a look-up
does not grow with the number of roots. Order of the search: what the file's own folder and member
provide, then the members in its closure, then any other member.
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Collection, Iterable, Sequence

from tradai_tasks.affected.resolve.dotted_names import folders_around
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.affected.resolve.name_search import NOTHING, Bases, Found, Outlook, files_at

__all__ = ["Found", "ModuleIndex", "is_python"]

_STUBS = "-stubs"
_TESTS = frozenset({"test", "tests", "docs", "examples"})  # folders of what is not installed


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
        self.movers: set[int] = set()  # members that change sys.path as they run
        self.extenders: set[int] = set()  # members that change the __path__ of a package
        self._prefixes: dict[str, tuple[tuple[str, int], ...]] = {}
        self._owner_of: dict[str, int] = {}
        self._basedirs: dict[str, Bases] = {}
        self._bases: dict[tuple[str, str], Bases] = {}
        self._outlooks: dict[tuple[str, str], Outlook | None] = {}
        self._alike: dict[tuple[int, Bases], Outlook] = {}  # of folders with the same bases
        self._tops: dict[str, dict[str, None]] | None = None
        self._packages: dict[str, list[int]] | None = None
        self._fill()

    def _fill(self) -> None:
        for number, path in enumerate(self.paths):
            folder, _, name = path.rpartition("/")
            if folder not in self.by_folder:
                self._add_folder(folder)
            self.by_folder[folder].append(number)
            self.owners.append(self.owner_of_folder(folder))
            stem = name.partition(".")[0]
            for prefix in dict.fromkeys(name for name, _ in self._prefixes[folder]):
                dotted = prefix if stem == "__init__" else f"{prefix}.{stem}" if prefix else stem
                self.names.setdefault(dotted, []).append(number)

    def _add_folder(self, folder: str) -> None:
        """Take in a folder and those above it: their names under each root that holds them."""
        self.by_folder[folder] = []
        up = folder
        while up not in self.folders:
            self.folders.add(up)
            up = up.rpartition("/")[0]
        for dotted, member in self._prefixes_of(folder):
            name = dotted
            while name:
                self.namespaces.setdefault(name, set()).add(member)
                name = name.rpartition(".")[0]

    def _prefixes_of(self, folder: str) -> tuple[tuple[str, int], ...]:
        """Return the names of a folder, each with the member under whose root it has it."""
        known = self._prefixes.get(folder)
        if known is not None:
            return known
        found: dict[tuple[str, int], None] = {}
        root, rest = folder, ""
        while True:
            for _, member in self._roots.get(root, ()):
                dotted = rest.replace("/", ".")
                top, _, below = dotted.partition(".")
                if top.endswith(_STUBS):
                    top = top.removesuffix(_STUBS)
                    dotted = f"{top}.{below}" if below else top
                found[dotted, member] = None
            if not root:
                break
            root, _, last = root.rpartition("/")
            rest = f"{last}/{rest}" if rest else last
        self._prefixes[folder] = tuple(found)
        return self._prefixes[folder]

    def dotted_of(self, folder: str) -> tuple[str, ...]:
        """Return the names that a folder has as a package, the longest root's first."""
        return tuple(dict.fromkeys(name for name, _ in self._prefixes_of(folder) if name))

    def owner_of_folder(self, folder: str) -> int:
        """Return the innermost member around a folder; -1 where there is none."""
        known = self._owner_of.get(folder)
        if known is None:
            known = self._by_path.get(folder or ".", -2)
            if known == -2:  # noqa: PLR2004 - no member here: look above
                known = self.owner_of_folder(folder.rpartition("/")[0]) if folder else -1
            self._owner_of[folder] = known
        return known

    def packages_in(self, folder: str) -> list[int]:
        """Return the `__init__` files of the folders directly in a folder."""
        if self._packages is None:
            self._packages = {}
            for number, path in enumerate(self.paths):
                inner, _, name = path.rpartition("/")
                if inner and name.startswith("__init__."):
                    self._packages.setdefault(inner.rpartition("/")[0], []).append(number)
        return self._packages.get(folder, [])

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
        outlook = self._outlook(folder, dotted.partition(".")[0], owner)
        return outlook.find(dotted) if outlook else NOTHING

    def finds_top(self, top: str, folder: str, owner: int) -> bool:
        """Tell whether any name that begins with a top-level name can be found from a folder."""
        return self._outlook(folder, top, owner) is not None

    def _outlook(self, folder: str, top: str, owner: int) -> Outlook | None:
        """Return what looks up names with that first part; None where there are none."""
        key = (folder, top)
        if key not in self._outlooks:
            bases = self._bases_of(top, folder, owner)
            is_known = self._is_known(top, bases)
            self._outlooks[key] = self._alike_in(owner, bases) if is_known else None
        return self._outlooks[key]

    def _alike_in(self, owner: int, bases: Bases) -> Outlook:
        """Return what folders of one member with the same bases have in common."""
        known = self._alike.get((owner, bases))
        if known is None:
            known = self._alike[owner, bases] = Outlook(
                bases,
                owner=owner,
                closure=self.closures[owner] if owner >= 0 else None,
                ids=self.ids,
                names=self.names,
                owners=self.owners,
            )
        return known

    def _is_known(self, top: str, bases: Bases) -> bool:
        return bool(bases) or top in self.names or top in self.namespaces

    def _bases_of(self, top: str, folder: str, owner: int) -> Bases:
        """Return the folders in which a file looks for a top-level name, source roots aside."""
        key = (folder, top)
        bases = self._bases.get(key)
        if bases is None:
            bases = self._local(folder, top, owner)
            if not self._is_known(top, bases):
                bases = self._anywhere(top, owner) or self._elsewhere(top, owner)
            self._bases[key] = bases
        return bases

    def _local(self, folder: str, top: str, owner: int) -> Bases:
        """Return the folders of the file's own member that provide a top-level name.

        Each with whether it is certain to come before what other members provide. It is not where
        the file can be imported from elsewhere, without that folder on sys.path.
        """
        known = self._basedirs.get(folder)
        if known is None:
            is_inner = bool(self._prefixes_of(folder))
            known = self._basedirs[folder] = tuple(
                (base, not is_inner or base in self._roots)
                for base in dict.fromkeys(self._base_folders(folder, owner))
            )
        folders = self._holders_of(top)
        return tuple(pair for pair in known if pair[0] in folders) if folders else ()

    def _base_folders(self, folder: str, owner: int) -> Iterable[str]:
        """Yield what can be on sys.path for a file: pytest puts the first folder without __init__.

        Source: pytest's documentation, "pytest import mechanisms and sys.path", `prepend`; the
        folders above are there when a test or a conftest.py in them is collected too.
        """
        home = "" if owner < 0 else self.members[owner].path
        home = "" if home == "." else home
        up = folder
        is_above = is_inside = False
        while up:
            is_package = self.is_package(up)
            if not is_package and (not is_above or is_inside or f"{up}/conftest.py" in self.ids):
                yield up
            is_inside = is_package
            is_above = is_above or up == home
            up = up.rpartition("/")[0]
        if not home:
            yield ""
        yield from self.more_roots.get(owner, ())
        if home:
            yield ""

    def _anywhere(self, top: str, owner: int) -> Bases:
        """Return every folder with a top-level name, for a member that changes sys.path."""
        if not self.movers & {owner, -1} or top in sys.stdlib_module_names:
            return ()
        return tuple((folder, True) for folder in self._folders_with(top))

    def _holders_of(self, top: str) -> Collection[str]:
        """Return the folders in which a name is a module, a package or a folder of them."""
        if self._tops is None:
            self._tops = {}
            names = (path.rpartition(".")[0] for path in self.paths)
            for path in (*filter(None, self.folders), *names):
                folder, _, name = path.rpartition("/")
                self._tops.setdefault(name, {})[folder] = None
        return self._tops.get(top, ())

    def _folders_with(self, top: str) -> list[str]:
        """Return those of them that can be on sys.path."""
        return sorted(f for f in self._holders_of(top) if not self.is_package(f))

    def _elsewhere(self, top: str, owner: int) -> Bases:
        """Return the folders with a package that no source root holds, for what declares it.

        A build backend may take packages from anywhere, in ways that its settings do not tell.
        """
        if owner < 0 or top in sys.stdlib_module_names:
            return ()
        return tuple(
            (folder, False)
            for folder in self._folders_with(top)
            if self.owner_of_folder(folder) in self.closures[owner]
            and self.is_package(f"{folder}/{top}" if folder else top)
            and _TESTS.isdisjoint(folder.split("/"))
        )

    def has_top(self, top: str) -> bool:
        """Tell whether any folder can provide a top-level name."""
        return top in self.names or top in self.namespaces or bool(self._folders_with(top))

    def relative(self, module: str, folder: str, owner: int) -> Found:
        """Look a relative name up: "." is the file's own package, "..a" a sibling of that."""
        level = len(module) - len(module.lstrip("."))
        rest = module[level:]
        package = folder
        for _ in range(level - 1):
            package = package.rpartition("/")[0]
        at = files_at(self.ids, package, rest) if rest else self._package(package)
        count = rest.count(".") + 1 if rest else 0
        if at:
            return tuple(at), count, False
        for name in self.dotted_of(package):  # the package may have portions elsewhere
            found = self.find(f"{name}.{rest}" if rest else name, folder, owner)
            if found[0]:
                return found[0], max(0, found[1] - name.count(".") - 1), found[2]
        while "." in rest:  # a name inside a module
            rest = rest.rpartition(".")[0]
            at = files_at(self.ids, package, rest)
            if at:
                return tuple(at), rest.count(".") + 1, False
        return NOTHING

    def _package(self, folder: str) -> list[int]:
        inner = f"{folder}/__init__" if folder else "__init__"
        return [self.ids[p] for p in (f"{inner}.py", f"{inner}.pyi") if p in self.ids]

    def siblings(self, path: str) -> list[int]:
        """Return the stub of a module, or the module of a stub."""
        stem, _, ending = path.rpartition(".")
        other = self.ids.get(f"{stem}.{'pyi' if ending == 'py' else 'py'}")
        return [] if other is None else [other]

    def around_test(self, folder: str) -> list[int]:
        """Return what pytest runs for a test in a folder: from there up to the workspace root.

        Source: pytest's documentation; `Package.setup` imports the `__init__.py` of every folder
        around a test, also where a folder without one lies between.
        """
        found = []
        for up in folders_around(folder):
            for name in ("conftest.py", "__init__.py"):
                number = self.ids.get(f"{up}/{name}" if up else name)
                if number is not None:
                    found.append(number)
        return found

    def parents(self, path: str) -> list[int]:
        """Return the `__init__` files that run before a module: of its folder and those above."""
        folder, _, name = path.rpartition("/")
        if name.startswith("__init__."):
            folder = folder.rpartition("/")[0] if folder else ""
            if not path.count("/"):
                return []
        depth = max((name.count(".") + 1 for name in self.dotted_of(folder)), default=0)
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
            return self.under(self.folders_named(prefix[1:], folder))
        if prefix.startswith("."):
            rest = prefix.lstrip(".")
            base = folder
            for _ in range(len(prefix) - len(rest) - 1):
                base = base.rpartition("/")[0]
            base = posixpath.join(base, rest.rstrip(".").replace(".", "/")).rstrip("/")
            portions = {n for name in self.dotted_of(base) for n in self._below_name(name)}
            return sorted({*self.under([base]), *portions})
        name = prefix.rstrip(".")
        self.find(name, folder, owner)
        bases = self._bases[folder, name.partition(".")[0]]
        found = self.under([posixpath.join(base, name.replace(".", "/")) for base, _ in bases])
        return sorted({*found, *self._below_name(name)})

    def _below_name(self, name: str) -> list[int]:
        found: list[int] = []
        start = f"{name}."
        for dotted, numbers in self.names.items():
            if dotted.startswith(start) or dotted == name:
                found += numbers
        return found

    def folders_named(self, path: str, folder: str) -> list[str]:
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

    def under(self, folders: Iterable[str]) -> list[int]:
        """Return all files below some folders."""
        found: list[int] = []
        for folder in folders:
            start = f"{folder}/" if folder else ""
            for inner, numbers in self.by_folder.items():
                if inner == folder or inner.startswith(start):
                    found += numbers
        return found

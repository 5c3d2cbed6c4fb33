"""Dotted names that files and folders have below the source roots of all members.

One map from dotted name to files covers all source roots, so that the cost of a look-up does not
grow with their number.
"""

from __future__ import annotations

from tradai_tasks.affected.resolve.file_table import FileTable

_STUBS = "-stubs"  # the ending of a package that holds another's stubs (PEP 561)


class RootNames:
    """Names of files and folders as seen from each source root that holds them."""

    def __init__(self, table: FileTable) -> None:
        self.table = table
        self.files: dict[str, list[int]] = {}  # dotted name -> files
        self.folders: set[str] = set()  # dotted names, of packages and of those without __init__
        self._roots = {
            "" if root == "." else root for member in table.members for root in member.source_roots
        }
        self._prefixes: dict[str, tuple[str, ...]] = {}
        for number, path in enumerate(table.paths):
            folder, _, file = path.rpartition("/")
            if folder not in self._prefixes:
                self._add_folder(folder)
            stem = file.partition(".")[0]
            for prefix in self._prefixes[folder]:
                name = prefix if stem == "__init__" else f"{prefix}.{stem}" if prefix else stem
                self.files.setdefault(name, []).append(number)

    def _add_folder(self, folder: str) -> None:
        for prefix in self._prefixes_of(folder):
            name = prefix
            while name and name not in self.folders:
                self.folders.add(name)
                name = name.rpartition(".")[0]

    def _prefixes_of(self, folder: str) -> tuple[str, ...]:
        """Return the names of a folder from each root around it; a root's own name is empty."""
        known = self._prefixes.get(folder)
        if known is not None:
            return known
        found: dict[str, None] = {}
        root, rest = folder, ""
        while True:
            if root in self._roots:
                dotted = rest.replace("/", ".")
                top, _, below = dotted.partition(".")
                if top.endswith(_STUBS):
                    top = top.removesuffix(_STUBS)
                    dotted = f"{top}.{below}" if below else top
                found[dotted] = None
            if not root:
                break
            root, _, last = root.rpartition("/")
            rest = f"{last}/{rest}" if rest else last
        self._prefixes[folder] = tuple(found)
        return self._prefixes[folder]

    def is_root(self, folder: str) -> bool:
        """Tell whether a folder is a source root of any member."""
        return folder in self._roots

    def is_below_root(self, folder: str) -> bool:
        """Tell whether a folder is a source root or lies below one."""
        return bool(self._prefixes_of(folder))

    def names_of(self, folder: str) -> tuple[str, ...]:
        """Return the names that a folder has as a package, the longest root's first."""
        return tuple(name for name in self._prefixes_of(folder) if name)

    def has(self, name: str) -> bool:
        """Tell whether a name is a module, a package or a folder of some."""
        return name in self.files or name in self.folders

    def files_below(self, name: str) -> list[int]:
        """Return the files of a package and of everything in it."""
        found: list[int] = []
        start = f"{name}."
        for dotted, numbers in self.files.items():
            if dotted.startswith(start) or dotted == name:
                found += numbers
        return found

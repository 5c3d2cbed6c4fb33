"""Digest what a test file's outcome was computed from, as the work tree has it now."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.files.report_folder import REPORTS
from tradai_tasks.results.code_digest import CodeDigests, code_digests, code_format, digest
from tradai_tasks.results.environment_digest import OF_A_RUN
from tradai_tasks.results.inputs import ALL_VARIABLES, Inputs
from tradai_tasks.settings.load import parse_toml

# What tools leave beside the code, which no outcome depends on.
_LEFTOVERS = frozenset({
    "__pycache__", ".coverage", ".hypothesis", ".mypy_cache", ".nox", ".pytest_cache",
    ".ruff_cache", ".git",
})  # fmt: skip
ABSENT, _UNREADABLE = b"absent", b"unreadable"
_MODULES = (".py", ".pyc", ".so", ".pyd", ".dylib")
_MARGIN = 0.05  # seconds by which a file system's clock may be behind


class Item(msgspec.Struct, frozen=True, order=True):
    """One input of a test file."""

    kind: str  # module, level, function, file, absent, listing, project, name or variable
    name: str  # the path, or the name of the module or variable
    part: str = ""  # the qualified name of a function

    def __str__(self) -> str:
        """Return the input in the words of messages."""
        match self.kind:
            case "function":
                return f"{self.part}() in {self.name}"
            case "level":
                return f"{self.name}, outside its functions"
            case "absent":
                return f"whether {self.name} exists"
            case "listing":
                return f"the entries of {self.name}"
            case "project":
                return f"the table project of {self.name}"
            case "name":
                return f"where module {self.name} is found"
            case "variable":
                return (
                    "the environment" if self.name == ALL_VARIABLES else f"the variable {self.name}"
                )
            case _:
                return self.name


class Digested(msgspec.Struct, frozen=True, kw_only=True):
    """The digests of one test file's inputs."""

    items: tuple[tuple[Item, bytes], ...]  # in order
    key: str  # digest of all of them, as hexadecimal digits


class WorkTree:
    """Digests of files, folders and names in a work tree, each computed once."""

    def __init__(self, root: Path, roots: Iterable[str], variables: Mapping[str, str]) -> None:
        """Look at nothing yet.

        Args:
            root: The repository.
            roots: Folders from its root that modules are imported from.
            variables: The environment of the tests, without what a session sets for one run.
        """
        self._root = root
        self._home = str(root)  # joins by pathlib would take longer than the listing
        self._roots = tuple(dict.fromkeys(roots))
        self.variables = variables
        self._mask = os.umask(0o077)  # there is no way to ask without setting it
        os.umask(self._mask)
        self._contents: dict[str, bytes] = {}
        self._codes: dict[str, CodeDigests | None] = {}
        self._listings: dict[str, bytes] = {}
        self._names: dict[str, str] = {}
        self._modules: dict[str, Mapping[str, list[str]]] = {}
        self._firsts: dict[tuple[str, ...], frozenset[str]] = {}
        self._latest: tuple[tuple[str, ...], frozenset[str]] = ((), frozenset())
        self._times: dict[str, float] = {}

    def digest(self, inputs: Inputs, test_file: str) -> Digested:
        """Return the digests of a test file's inputs."""
        roots = self._import_roots(inputs)
        items = sorted(set(self._items(inputs, test_file)))
        found = tuple((item, self._of(item, roots)) for item in items)
        return Digested(
            items=found,
            key=digest(code_format(), test_file.encode(), msgspec.msgpack.encode(found)).hex(),
        )

    def changes(self, inputs: Inputs, test_file: str, before: Digested) -> Iterator[Item]:
        """Yield the inputs that are not what they were.

        Code is compiled only for files whose bytes have changed.
        """
        known = dict(before.items)
        roots = self._import_roots(inputs)
        same = {
            item.name
            for item, old in before.items
            if item.kind == "module" and self._content(item.name) == old
        }
        for item in self._items(inputs, test_file):
            if item.kind == "module" or (item.kind in {"level", "function"} and item.name in same):
                continue
            if known.get(item) != self._of(item, roots):
                yield item

    def has_modules(self, inputs: Inputs, before: Digested) -> bool:
        """Return whether all files that were loaded are there with the same content."""
        known = {item.name: old for item, old in before.items if item.kind in {"module", "file"}}
        return all(known.get(path) == self._content(path) for path in inputs.modules)

    def touched_since(self, inputs: Inputs, test_file: str, start: float) -> str | None:
        """Return a path among the inputs that may have changed since a time; None if there is none.

        Args:
            inputs: The inputs.
            test_file: Whose they are.
            start: Seconds since the epoch.
        """
        roots = self._import_roots(inputs)
        for item in self._items(inputs, test_file):
            match item.kind:
                case "module" | "file" | "project":
                    names = [item.name]
                case "name":
                    places = self._places(item.name, roots)
                    names = [one for one in places if (self._root / one).is_file()]
                case "absent" if not self._is_free(item.name):
                    return item.name
                case _:
                    continue
            for name in names:
                if name not in self._times:
                    self._times[name] = _changed_at(self._root / name)
                if self._times[name] >= start - _MARGIN:
                    return name
        return None

    def _is_free(self, name: str) -> bool:
        """Return whether there is no file at a path, or a folder."""
        path = self._root / name
        return path.is_dir() or not os.path.lexists(path)

    def _items(self, inputs: Inputs, test_file: str) -> Iterator[Item]:
        for path, functions in inputs.modules.items():
            if functions is None:
                yield Item("file", path)
                continue
            yield Item("module", path)
            yield Item("level", path)
            yield from (Item("function", path, name) for name in functions)
        yield from (Item("file", path) for path in inputs.files)
        yield from (Item("absent", path) for path in inputs.absent)
        yield from (Item("listing", path) for path in inputs.listings)
        yield from (Item("project", path) for path in inputs.projects)
        # what was loaded, too, may be shadowed: by a package beside it, or in an earlier folder
        loaded = (self._dotted(path) for path in inputs.modules)
        yield from (Item("name", name) for name in {*inputs.names, *loaded})
        yield from (Item("variable", name) for name in inputs.variables)
        if test_file not in inputs.modules:
            yield Item("file", test_file)
        # pytest looks for both in the folder of the test and in every folder above; the second
        # makes a package of the folder of any module
        above = {*PurePosixPath(test_file).parents}
        loaded_from = {folder for path in inputs.modules for folder in PurePosixPath(path).parents}
        marks = [folder / "conftest.py" for folder in above]
        marks += [folder / "__init__.py" for folder in above | loaded_from]
        yield from (Item("file", one) for one in map(str, marks) if one not in inputs.modules)

    def _dotted(self, path: str) -> str:
        """Return the name that a file is imported by, as far as source roots tell."""
        if path not in self._names:
            folder, _, file = path.rpartition("/")
            stem = file.partition(".")[0]
            if stem == "__init__":
                folder, _, stem = folder.rpartition("/")
            inside = (root for root in self._roots if f"{folder}/".startswith(f"{root}/"))
            package = folder.removeprefix(max(inside, key=len, default=folder)).strip("/")
            self._names[path] = f"{package}/{stem}".strip("/").replace("/", ".")
        return self._names[path]

    def _of(self, item: Item, roots: tuple[str, ...]) -> bytes:
        match item.kind:
            case "file" | "module":
                return self._content(item.name)
            case "level" | "function":
                code = self._code(item.name)
                if code is None:
                    return self._content(item.name)
                if item.kind == "level":
                    return code.level
                # without such a function in the text, the file may make it in any other way
                return code.functions.get(item.part) or self._content(item.name)
            case "absent":
                path = self._root / item.name
                if path.is_dir():
                    return digest(b"folder", _rights(path.stat().st_mode, 0o777 & ~self._mask))
                is_there = os.path.lexists(path)
                return digest(b"present", self._content(item.name)) if is_there else ABSENT
            case "listing":
                return self._listing(item.name)
            case "project":
                return self._project(item.name)
            case "name":
                return digest(*map(str.encode, self._places(item.name, roots)))
            case _:
                names = [item.name]
                if item.name == ALL_VARIABLES:
                    names = sorted(one for one in self.variables if not OF_A_RUN.fullmatch(one))
                return digest(*map(self._variable, names))

    def _variable(self, name: str) -> bytes:
        value = self.variables.get(name)
        return digest(os.fsencode(name), ABSENT if value is None else b"=" + os.fsencode(value))

    def _content(self, path: str) -> bytes:
        if path not in self._contents:
            self._contents[path] = _file_digest(os.path.join(self._home, path), self._mask)  # noqa: PTH118 - as in __init__
        return self._contents[path]

    def _project(self, path: str) -> bytes:
        try:
            content = (self._root / path).read_bytes()
            stated = parse_toml(content, path).get("project")
        except (OSError, BrokenTomlError):
            return self._content(path)
        return digest(msgspec.json.encode(stated, order="deterministic"))

    def _code(self, path: str) -> CodeDigests | None:
        if path not in self._codes:
            try:
                self._codes[path] = code_digests((self._root / path).read_bytes())
            except OSError:
                self._codes[path] = None
        return self._codes[path]

    def _listing(self, path: str) -> bytes:
        if path not in self._listings:
            names = entries_that_count(self._root, path, entries(self._root / path))
            is_there = (self._root / path).is_dir()
            text = [os.fsencode(name) for name in names]
            self._listings[path] = digest(b"folder", *text) if is_there else ABSENT
        return self._listings[path]

    def _import_roots(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the folders that a module may be imported from: those above all that was loaded.

        That is more than `sys.path` has; what is installed is part of the environment.
        """
        loaded = {str(one) for path in inputs.modules for one in PurePosixPath(path).parents}
        return tuple(sorted({*self._roots, *loaded, *inputs.roots}))

    def _places(self, name: str, roots: tuple[str, ...]) -> list[str]:
        """Return the files and folders that a module could be imported from."""
        *above, last = name.split(".")
        if (above[0] if above else last) not in self._known(roots):
            return []
        places = []
        for root in roots:
            folder = root
            for part in above:
                if part not in self._modules_in(folder):
                    break
                folder = f"{folder}/{part}"
            else:
                places += [f"{folder}/{one}" for one in self._modules_in(folder).get(last, ())]
        return places

    def _known(self, roots: tuple[str, ...]) -> frozenset[str]:
        if self._latest[0] is not roots:  # to hash a thousand for each name takes its time
            if roots not in self._firsts:
                first = frozenset(one for root in roots for one in self._modules_in(root))
                self._firsts[roots] = first
            self._latest = roots, self._firsts[roots]
        return self._latest[1]

    def _modules_in(self, folder: str) -> Mapping[str, list[str]]:
        """Return the modules in a folder, each with its files."""
        if folder not in self._modules:
            found: dict[str, list[str]] = {}
            with contextlib.suppress(OSError):
                for name in os.listdir(os.path.join(self._home, folder)):  # noqa: PTH118, PTH208 - as in __init__
                    stem, _, suffix = name.partition(".")
                    if not suffix or name.endswith(_MODULES):
                        found.setdefault(stem, []).append(name)
            self._modules[folder] = {stem: sorted(names) for stem, names in found.items()}
        return self._modules[folder]


def _file_digest(path: str, mask: int) -> bytes:
    """Return the digest of a file's content, and of a link's target with the content there."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            link = Path(path)
            return digest(os.fsencode(link.readlink()), _file_digest(str(link.resolve()), mask))
        if not stat.S_ISREG(mode):
            return _UNREADABLE
        with open(path, "rb") as opened:  # noqa: PTH123 - as in __init__
            found = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).digest()
        rights = _rights(mode, (0o777 if mode & stat.S_IXUSR else 0o666) & ~mask)
        found = digest(b"rights", rights, found) if rights else found
        return digest(b"program", found) if mode & stat.S_IXUSR else found
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except (OSError, RuntimeError):  # the latter is a link to itself
        return _UNREADABLE


def _rights(mode: int, usual: int) -> bytes:
    """Return who may use a file; nothing if it is as all new files of this machine are."""
    return b"" if mode & 0o777 == usual else b"%o" % (mode & 0o777)


def entries(folder: Path) -> list[str]:
    """Return the names in a folder, with `@` after a link's and `/` after a folder's.

    So the recorder writes them, too.
    """
    try:
        with os.scandir(folder) as found:
            return [f"{one.name}{'@' * one.is_symlink()}{'/' * one.is_dir()}" for one in found]
    except OSError:
        return []


def entries_changed(root: Path, folder: str, seen: Iterable[Iterable[str]]) -> bool:
    """Return whether a folder now has other entries that count than it had once."""
    now, *then = (entries_that_count(root, folder, one) for one in (entries(root / folder), *seen))
    return any(one != now for one in then)


def entries_that_count(root: Path, folder: str, names: Iterable[str]) -> list[str]:
    """Return the entries of a folder, in order, without what tools and sessions leave there."""
    reports = root / REPORTS
    own = {reports}
    if entries(reports.parent) == [f"{reports.name}/"]:
        own.add(reports.parent)
    return sorted(
        one
        for one in names
        if one.rstrip("@/") not in _LEFTOVERS and root / folder / one.rstrip("@/") not in own
    )


def _changed_at(path: Path) -> float:
    """Return when a file's content or place last changed, in seconds; 0 if it is not there."""
    times = [0.0]
    for follow in (False, True):
        with contextlib.suppress(OSError):
            found = path.stat(follow_symlinks=follow)
            times += [found.st_mtime, found.st_ctime]
    return max(times)

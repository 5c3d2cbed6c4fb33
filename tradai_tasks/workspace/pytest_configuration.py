"""Read the pytest configuration in force for a folder, as pytest itself finds it."""

from __future__ import annotations

import re
import shlex
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any

import msgspec

from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.settings.load import toml_document

# pytest's defaults: the ini options of these names, and --doctest-glob
_PYTHON_FILES = ("test_*.py", "*_test.py")
_NORECURSEDIRS = (
    "*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}",
)  # fmt: skip
_DOCTEST_GLOBS = ("test*.txt",)
# In the order in which pytest looks for them; one that is named for pytest counts when empty.
_FILES = (
    "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini",
    "setup.cfg",
)  # fmt: skip
_MOST_FOLDERS = 200  # more take longer than the list of all files
_SECTIONS = {"setup.cfg": "tool:pytest"}


class PytestConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The part of pytest's configuration that decides which files it collects."""

    file: str | None = None  # from the workspace root; None if no file configures pytest
    python_files: tuple[str, ...] = _PYTHON_FILES
    norecursedirs: tuple[str, ...] = _NORECURSEDIRS
    testpaths: tuple[str, ...] = ()  # from the folder of `file`
    doctest_modules: bool = False
    doctest_globs: tuple[str, ...] = _DOCTEST_GLOBS
    addopts: tuple[str, ...] = ()

    @property
    def states_norecursedirs(self) -> bool:
        """Whether the repository itself says which folders pytest does not enter."""
        return self.norecursedirs != _NORECURSEDIRS

    def is_test(self, path: str) -> bool:
        """Return whether a Python file has the name of a test file; its folder does not matter."""
        return path.endswith(".py") and _matches(path, self.python_files)

    def is_doctest(self, path: str) -> bool:
        """Return whether a file other than Python has a name for which pytest reads doctests."""
        return not path.endswith(".py") and _matches(path, self.doctest_globs)

    def enters(self, folder: str) -> bool:
        """Return whether pytest, on its way from the folder above, enters a folder."""
        return not folder.endswith("__pycache__") and not _matches(folder, self.norecursedirs)


def pytest_configuration(tree: Tree, folder: str, args: Sequence[str] = ()) -> PytestConfiguration:
    """Return the configuration of a pytest run in a folder of the repository.

    The nearest file with pytest settings wins, from the folder up to the workspace root, in the
    order that pytest has, unless `args` name one by `-c`. Values from `-o name=value` come from
    `addopts` and from `args`.
    """
    file, values = _found(tree, folder)
    for named in _option_values(args, "-c", "--config-file"):
        file = join(folder, named)
        content = tree.read(file) if tree.is_file(file) else b""
        values = _values(content, file.rpartition("/")[2], file) or {}
    addopts = tuple(_words(values.get("addopts")))
    words = [*addopts, *args]
    values = {**values, **_overridden(words)}
    globs = _option_values(words, "--doctest-glob")
    return PytestConfiguration(
        file=file,
        python_files=_stated(values, "python_files", _PYTHON_FILES),
        norecursedirs=_stated(values, "norecursedirs", _NORECURSEDIRS),
        testpaths=_stated(values, "testpaths", ()),
        doctest_modules="--doctest-modules" in words,
        doctest_globs=tuple(globs) or _DOCTEST_GLOBS,
        addopts=addopts,
    )


def may_collect(tree: Tree, configuration: PytestConfiguration, others: frozenset[str]) -> bool:
    """Return whether pytest may collect a file when it is started in the root.

    It does not if no file on disk has the name of a test, in the folders that pytest enters; after
    `_MOST_FOLDERS` folders the answer is yes.
    """
    pending = deque(["."])
    for _ in range(_MOST_FOLDERS):
        if not pending:
            return False
        folder = pending.popleft()
        for path in (join(folder, name) for name in tree.files(folder)):
            if configuration.is_test(path) or configuration.is_doctest(path):
                return True
        for path in (join(folder, name) for name in tree.folders(folder)):
            if path not in others and configuration.enters(path):
                (pending.appendleft if "test" in path else pending.append)(path)
    return bool(pending)


def _found(tree: Tree, folder: str) -> tuple[str | None, Mapping[str, Any]]:
    parts = [] if folder == "." else folder.split("/")
    for depth in range(len(parts), -1, -1):
        base = "/".join(parts[:depth]) or "."
        names = tree.files(base)
        for name in _FILES:
            if name not in names:
                continue
            file = join(base, name)
            values = _values(tree.read(file), name, file)
            if values is not None:
                return file, values
    return None, {}


@lru_cache(maxsize=512)  # the root's file is in force for every package without one of its own
def _values(content: bytes, name: str, file: str) -> Mapping[str, Any] | None:
    """Return the pytest settings of a file; None if it does not configure pytest."""
    if name == "pyproject.toml" and b"pytest" not in content and b"\\" not in content:
        return None  # spares parsing; with a backslash, a key can be spelled in another way
    if name.endswith(".toml"):
        document: Mapping[str, Any] = toml_document(content, file)
        if name == "pyproject.toml":
            document = document.get("tool", {})
        table = document.get("pytest")
        if not isinstance(table, dict):
            return {} if name != "pyproject.toml" else None
        nested = table.get("ini_options", table)
        return nested if isinstance(nested, dict) else {}
    from configparser import ConfigParser, Error  # noqa: PLC0415 - few repositories need it

    parser = ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(content.decode("utf-8", "replace"))
    except Error:
        return {}  # pytest itself reports what is wrong with the file
    section = _SECTIONS.get(name, "pytest")
    if parser.has_section(section):
        return dict(parser[section])
    return {} if name.endswith("pytest.ini") else None


def _stated(values: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_words(values[key])) if values.get(key) is not None else default


def _words(value: Any) -> list[str]:
    """Return the words of a setting of pytest's type `args`: a text, or a list in TOML."""
    if isinstance(value, str):
        try:
            return shlex.split(value, comments=True)
        except ValueError:
            return []  # pytest itself reports what is wrong with it
    return [str(word) for word in value] if isinstance(value, list) else []


def _option_values(words: Iterable[str], *options: str) -> list[str]:
    """Return the values of an option, in `--option value` and in `--option=value`."""
    found = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in options:
            found.append(value if equals else next(rest, ""))
        elif word.startswith("-o") and "-o" in options and word != "-o":
            found.append(word[2:])
    return found


def _overridden(words: Iterable[str]) -> dict[str, str]:
    pairs = (value.partition("=") for value in _option_values(words, "-o", "--override-ini"))
    return {name: value for name, equals, value in pairs if equals}


def _matches(path: str, globs: tuple[str, ...]) -> bool:
    """Return whether a path matches a glob as pytest reads it: without a slash, its name alone."""
    names, paths = _patterns(globs)
    return bool(names.match(path.rpartition("/")[2]) or (paths and paths.match(f"/{path}")))


@lru_cache(maxsize=64)
def _patterns(globs: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    """Return one pattern for globs of names, and one for globs of paths if there are any."""
    paths = [glob if glob.startswith("/") else f"*/{glob}" for glob in globs if "/" in glob]
    names = [glob for glob in globs if "/" not in glob]
    # without a name's glob there is a pattern that nothing matches
    either = ["|".join(map(translate, wanted)) for wanted in (names, paths)]
    return re.compile(either[0] or r"(?!)"), re.compile(either[1]) if paths else None

"""Find what reads files of folders that belong to no package: charts, a Go module, assets.

No tool finds such a file by looking upwards from a package, so what reads it has a folder of its
path, whatever else is computed. Every file of the repository is searched for that, and what it is
says what the name in it means.
"""

from __future__ import annotations

import ast
import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from tradai_tasks.affected.locks.path_projects import path_projects
from tradai_tasks.affected.locks.tool_settings_diff import sessions_that_read
from tradai_tasks.affected.parse.text_examples import is_script
from tradai_tasks.affected.resolve.file_table import is_python
from tradai_tasks.affected.selection.ci_files import files_of_sessions
from tradai_tasks.affected.selection.harmless_files import is_document, is_harmless
from tradai_tasks.affected.selection.path_rules import is_for_readers
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.files.file_tree import folders_above, join

# Files in which package managers of other languages list the folders of their own projects.
_FOREIGN = re.compile(
    r"(?:package(?:-lock)?\.json|pnpm-(?:lock|workspace)\.ya?ml|yarn\.lock|lerna\.json|nx\.json|"
    r"turbo\.json|tsconfig[^/]*\.json|go\.(?:mod|sum|work)|Cargo\.(?:toml|lock)|uv\.lock|"
    r"\.[a-z]*ignore|[^/]*\.ipynb)\Z"
)
_CLIMBS = re.compile(r"parents\[|\.parent\.parent|\.\./|\bcwd\(|\bgetcwd\(|dirname\(.*dirname\(")
# Calls that find files in all folders below one, with the pattern where it is a literal.
_SEARCHES = re.compile(r"""\b(?:walk\(|ls-files|(rglob|i?glob)\(\s*(?:[rR]?["']([^"'\n]*)["'])?)""")
_TEXTS = ("license", "license-files", "readme")  # keys of [project] that name files
_NAME = re.compile(r"""(?<=["'`/ }=])[^\s"'`/\\{}(),:;]+(?=["'`{;]|\s|\Z)""")  # of a file
_COMMON = frozenset({"__init__.py", "__main__.py", "conftest.py", "pyproject.toml"})
_MOST_PAIRS = 200_000  # of changed files and code next to them
_COMMENT = re.compile(r"^[ \t]*#.*", re.MULTILINE)
_REST = r"((?:/[^\s\"'`/\\{}()*?\[\]<>|,:;$%]+)*)"  # the parts of a path after its folder


class Reading(msgspec.Struct, kw_only=True):
    """What reads some files that belong to no package."""

    read: frozenset[str] = frozenset()  # the files of which it is known
    users: dict[str, frozenset[str]] = {}  # file -> files that may read it
    everything: dict[str, str] = {}  # file -> what names it, where that steers every session
    sessions: dict[str, str] = {}  # session whose settings name one -> reason
    docs: set[str] = set()  # files that the documentation names


class UnownedFiles:
    """The folders of a repository that belong to no package, and what names them."""

    def __init__(self, ends: Sequence[Revision]) -> None:
        self._ends = ends
        self._files = ends[0].snapshot.blobs

    def reading(self, paths: Iterable[str]) -> Reading:
        """Return what reads some files: of all, or of none where one may be read unnamed.

        Tools look for files at the root, in folders above a package, and in hidden folders.
        """
        wanted = list(dict.fromkeys(paths))
        linked = [link for end in self._ends for link in end.snapshot.links_to(wanted)]
        if not all(map(self._is_owned, linked)) or any(
            self._folder(path) is None for path in wanted
        ):
            return Reading()
        folders = {self._folder(path) for path in wanted}
        code = {folder: self._code_in(f"{folder}/") for folder in folders}
        if len(wanted) * max(map(len, code.values()), default=0) > _MOST_PAIRS:
            return Reading()
        found = Reading(read=frozenset(wanted))
        found.everything.update((path, "the CI") for path in wanted if path in self._of_ci)
        found.users.update((path, code[self._folder(path)] - {path}) for path in wanted)
        done: set[str] = set()
        while wanted:
            for path, file in self._mentions(wanted, by_name=bool(done)):
                self._note(found, path, file)
            done.update(wanted)
            readers = {file for path in wanted for file in found.users.get(path, ())} - done
            wanted = sorted(file for file in readers if not self._is_known(file))
        return found

    def _note(self, found: Reading, path: str, file: str) -> None:
        role = self._role(file, path)
        if role == "reader":
            found.users[path] = found.users.get(path, frozenset()) | {file}
        elif role == "docs":
            found.docs.add(path)
        elif role == "everything":
            found.everything.setdefault(path, file)
        elif role:
            found.sessions.setdefault(role, f"{path} (named by {file})")

    def _code_in(self, start: str) -> frozenset[str]:
        """Return what may read a file by its place next to it."""
        return frozenset(
            file
            for file in self._files
            if file.startswith(start)
            and (is_python(file) or is_script(file) or file.endswith((".sh", ".bash")))
        )

    @cached_property
    def _known(self) -> frozenset[str]:
        """The folders of packages, of projects that they install, and of units."""
        places: set[str] = set()
        for end in self._ends:
            known = end.workspace
            places |= {one.path for one in (*known.services, *known.lambdas, *known.stacks)}
            places |= {one.path for one in (*known.packages, *path_projects(end.tree, known))}
        return frozenset(places - {"."})

    def _is_known(self, file: str) -> bool:
        """Tell whether a file is part of what is tested or released, so that it has users."""
        places = tuple(f"{one}/" for one in (*self._known, "test", "tests"))
        return (
            self._is_owned(file)
            or file.startswith(places)
            or posixpath.basename(file) == "conftest.py"
        )

    def _is_owned(self, file: str) -> bool:
        return any(end.owner_of(file) for end in self._ends)

    @cached_property
    def _above(self) -> frozenset[str]:
        return folders_above(f"{one}/x" for one in self._known)

    def _folder(self, path: str) -> str | None:
        """Return the outermost folder around a path that no package lies in; None for none."""
        folder = posixpath.dirname(path)
        if folder in self._above or not folder:
            return None
        while (outer := posixpath.dirname(folder)) and outer not in self._above:
            folder = outer
        name = folder.rpartition("/")[2]
        return None if name.startswith(".") or name == "typings" else folder  # pyright's default

    def _mentions(self, paths: Sequence[str], *, by_name: bool) -> Iterator[tuple[str, str]]:
        """Yield each path with the files outside its folder that name it, or search all folders.

        Args:
            paths: The paths.
            by_name: Whether its own name or a path leads to it, as where it is run. Otherwise the
                name of a folder does too: the rest may be computed anywhere.
        """
        names = [one for path in paths for one in self._names(path)]
        own = {posixpath.basename(path): path for path in paths if by_name}
        own = {name: path for name, path in own.items() if "." in name and name not in _COMMON}
        words = [name.encode("utf-8", "surrogateescape") for name, _, _ in names]
        words += [name.encode("utf-8", "surrogateescape") for name in own]
        words = [*dict.fromkeys([*words, b"glob(", b"walk(", b"ls-files"])]
        for file, loaded in self._ends[0].snapshot.load(self._files):
            if not any(word in loaded.data for word in words):
                continue
            text = loaded.data.decode("utf-8", "surrogateescape")
            is_code = is_python(file)
            text = without_prose(text) if is_code else text
            found = _named(text, names, is_code=is_code, is_path=by_name)
            found |= {own[name] for name in _NAME.findall(text) if name in own}
            found |= _searched(text, paths) if is_code else set()
            for path in sorted(found):
                if not file.startswith(f"{self._folder(path)}/"):
                    yield path, file

    def _names(self, path: str) -> Iterator[tuple[str, str, str]]:
        """Yield each folder by which a path can be named, with what follows, and the path."""
        parts = (self._folder(path) or "").split("/")
        for place, part in enumerate(parts):
            yield part, path.removeprefix("/".join(parts[: place + 1])), path

    @cached_property
    def _of_ci(self) -> frozenset[str]:
        return files_of_sessions(self._ends[0].tree, self._files)

    def _role(self, file: str, path: str) -> str:
        """Return what a file that names a path is.

        "reader", "docs" and "everything", or a session whose settings the file holds; "" where it
        does not count.
        """
        head = self._ends[0]
        if file in self._of_ci:
            return "everything"
        if (
            is_harmless(file)
            or file.startswith(".github/")
            or _FOREIGN.match(posixpath.basename(file))
        ):
            return ""
        if file.startswith(("docs/", "mkdocs.y")) and not is_python(file):
            return "docs"
        owner = head.owners.of(file)
        kept = head.folders_of(owner or head.root_package)
        is_prose = is_document(file, owner.path if owner else ".", kept) or is_for_readers(file)
        if is_prose and not is_python(file):
            return ""
        sessions = sessions_that_read(file) if "/" not in file else None
        if file in self._projects:
            sessions = self._sessions_of_project(self._projects[file], path)
        if sessions is not None and "test" not in sessions:
            return sessions[0] if sessions and "/" not in file else ""
        return "reader" if self._is_known(file) or self._folder(file) else "everything"

    @cached_property
    def _projects(self) -> dict[str, Mapping[str, Any]]:
        """The project files of the root and of packages, parsed."""
        head = self._ends[0].workspace
        found = {join(one.path, "pyproject.toml"): one.document for one in head.packages}
        return {**found, "pyproject.toml": head.root_document}

    def _sessions_of_project(
        self, document: Mapping[str, Any], path: str
    ) -> tuple[str, ...] | None:
        """Return the sessions that read what a project file says of a path; None for any."""
        found: list[str] = []
        names = [*self._names(path)]
        for name, table in _tables(document).items():
            text = msgspec.json.encode(table).decode()
            if _named(text, names, is_code=True, is_path=False):
                sessions = sessions_that_read(name)
                if sessions is None:
                    return None
                found += sessions
        return tuple(found)


def _tables(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may name files in a project file, by table; those of tools go by their names."""
    project, tools = document.get("project", {}), document.get("tool", {})
    tables: dict[str, Any] = {"project": [project.get(key) for key in _TEXTS], **tools}
    if "pytest" in tools:  # imports from folders of `pythonpath` are edges of the graph
        options = tools["pytest"].get("ini_options", tools["pytest"])
        tables["pytest"] = {key: options[key] for key in options if key != "pythonpath"}
    if "tradai-tasks" in tools:  # globs of single packages count without this
        own = tools["tradai-tasks"]
        tables["tradai-tasks"] = {
            key: own[key] for key in own if key not in {"affected", "packages"}
        }
    return tables


def _named(
    text: str, names: Sequence[tuple[str, str, str]], *, is_code: bool, is_path: bool
) -> set[str]:
    """Return the paths of which a text names a folder, and no other file or folder in it.

    Args:
        text: The text.
        names: Folders, each with what follows it in a path, and the path.
        is_code: Whether only what stands in strings counts.
        is_path: Whether a folder's name by itself counts only where it is joined to others.
    """
    found: set[str] = set()
    mentions: dict[str, list[str]] = {}
    for part, rest, path in names:
        if part not in mentions:
            mentions[part] = _rests(part, text, is_code=is_code, is_path=is_path)
        # what is named may be the begin of a name: "charts/app-" + name
        if any(".." in one.split("/") or rest.startswith(one) for one in mentions[part]):
            found.add(path)
    return found


def _rests(part: str, text: str, *, is_code: bool, is_path: bool) -> list[str]:
    """Return what follows a folder's name wherever a text has it as a part of a path.

    Of code, a part of a string: after a quote, a slash or a brace, or where a command names it.
    """
    if part not in text:
        return []
    name = re.escape(part)
    before = r"""(?<=["'`/}\\])|(?<=cd )|(?<=-C )"""
    follows = r"[/\\]" if is_code else ""
    pattern = rf"(?:{before}|(?<![\w.-])(?={name}{follows})){name}(?![\w-]){_REST}"
    found = [one[1] for one in re.finditer(pattern, text)]
    if is_path and not is_joined(part, text):
        found = [one for one in found if one]
    return found


def is_joined(folder: str, text: str) -> bool:
    """Tell whether a text joins a folder's name to others, or a command goes there."""
    name = re.escape(folder)
    quoted = rf"""["']{name}["']"""
    joined = rf"/\s*{quoted}|{quoted}\s*/|(?:Path|open|join\w*)\([^()\n]*{quoted}|(?<!\w){name}/"
    return bool(re.search(rf"{joined}|(?:cd|-C|COPY|ADD) {name}\b", text))


def without_prose(text: str) -> str:
    """Return the text of a Python file without comments and docstrings, which only people read."""
    try:
        nodes = [*ast.walk(ast.parse(text))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    lines = text.splitlines()
    for node in nodes:
        match node:
            case ast.Expr(value=ast.Constant(value=str()), end_lineno=int(end)):
                lines[node.lineno : end] = [""] * (end - node.lineno)
                lines[node.lineno - 1] = lines[node.lineno - 1][: node.col_offset]
            case _:
                pass
    return _COMMENT.sub("", "\n".join(lines))


def _searched(text: str, paths: Sequence[str]) -> set[str]:
    """Return the paths that code may find which searches all folders below one above its own."""
    if not _CLIMBS.search(text):
        return set()
    found: set[str] = set()
    for call in _SEARCHES.finditer(text):
        function, pattern = call[1], call[2]
        if pattern is None:
            found |= {*paths}
        elif function == "rglob" or "**" in pattern:
            name = pattern.rpartition("/")[2].replace("**", "*") or "*"
            found |= {one for one in paths if fnmatch.fnmatch(posixpath.basename(one), name)}
    return found

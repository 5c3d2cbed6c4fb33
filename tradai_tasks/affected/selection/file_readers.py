"""Find the Python files that name a document, data, or another file that lies outside packages.

Where such a file lies does not tell who reads it. A name in code is a part of a string:
`ROOT / "libs/a/README.md"`, `glob("*.md")`, `f"{name}.md"`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable
from itertools import takewhile

from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.parse.dotted_names import folders_around
from tradai_tasks.affected.parse.text_examples import RUNNERS
from tradai_tasks.affected.resolve.file_table import is_collected, is_python
from tradai_tasks.affected.selection.revision import Revision
from tradai_tasks.affected.selection.unowned_files import is_joined, without_prose
from tradai_tasks.files.path_globs import GlobSet

# The parts of the paths in strings: what stands between quotes, slashes and braces.
_PART = re.compile(r"""(?<=["'/}])[^\s"'/\\{}(),:]+(?=["'/{])""")
_ADDRESS = re.compile(r"\b[a-z]+://[^\s\"']*")
# Calls that list a folder whatever its files are called.
_LISTING_WORDS = (
    *("copytree(", "find_examples(", "iterdir(", "listdir(", "ls-files", "scandir(", "walk("),
)
_LISTING = re.compile(
    "|".join(map(re.escape, _LISTING_WORDS))
    + r"""|glob\(\s*(?:[^"'\s]|["'](?:[^"'\n]*/)?\*{1,2}(?:\.\*)?["'])"""
)
_CLIMBS = re.compile(r"parents\[|\.parent\.parent|\.\./|dirname\(.*dirname\(")
_RUNNER = re.compile(rf"^\s*(?:import|from)\s+(?:{'|'.join(sorted(RUNNERS))})\b", re.MULTILINE)


def readers_of(
    paths: Iterable[str], settled: Collection[str], revision: Revision, graph: ImportGraph
) -> dict[str, frozenset[str]]:
    """Return the Python files that may read some files, for each that is read.

    Of those that are not settled, which affect their own package and its dependents anyway, only
    readers in other packages are looked for.
    """
    wanted = sorted(paths)
    if not wanted:
        return {}
    texts = _texts(_words_of(wanted), revision)
    parts = {file: set(_PART.findall(text)) for file, text in texts.items()}
    listing = {file for file, text in texts.items() if _LISTING.search(text)}
    running = {file for file, text in texts.items() if _RUNNER.search(text)}
    by_part: dict[str, list[str]] = {}
    for file, held in parts.items():
        for part in held:
            by_part.setdefault(part, []).append(file)
    globs = GlobSet(p for p in by_part if re.search(r"[*?\[]", p) and p.strip("*."))
    readers: dict[str, frozenset[str]] = {}
    for path in wanted:
        name = posixpath.basename(path)
        named = {name, posixpath.splitext(name)[1], *globs.matching(name)}
        folders = _folders_of(path) if path in settled else []
        files = {file for part in (*named, *folders) for file in by_part.get(part, ())}
        found = {
            f for f in files if _may_mean(path, f, (texts[f], parts[f], named), revision, graph)
        }
        if path in settled:
            found |= {f for f in listing if _may_list(path, f, texts[f], revision, graph)}
            found |= {file for file in running if _same_member(path, file, revision, graph)}
        found |= graph.users.get(path, frozenset())
        if found - {path}:
            readers[path] = frozenset(found - {path})
    return readers


def _words_of(paths: Iterable[str]) -> list[bytes]:
    """Return texts one of which every file contains that may name one of some paths."""
    words = {*_LISTING_WORDS, "glob(", *RUNNERS}
    for path in paths:
        name = posixpath.basename(path)
        endings = {name, posixpath.splitext(name)[1], *_folders_of(path)} - {""}
        words |= {f"{ending}{after}" for ending in endings for after in "\"'/{"}
    return [word.encode("utf-8", "surrogateescape") for word in sorted(words)]


def _texts(words: list[bytes], revision: Revision) -> dict[str, str]:
    """Return the Python files that contain one of some words; addresses of servers are left out."""
    files = [path for path in revision.snapshot.blobs if is_python(path)]
    return {
        path: _ADDRESS.sub("", loaded.data.decode("utf-8", "replace"))
        for path, loaded in revision.snapshot.load(files)
        if any(word in loaded.data for word in words)
    }


def _folders_of(path: str) -> list[str]:
    return [one for one in path.split("/")[:-1] if one != ".."]


def _may_mean(
    path: str,
    file: str,
    words: tuple[str, set[str], set[str]],
    revision: Revision,
    graph: ImportGraph,
) -> bool:
    """Tell whether a file can mean a path by what it has in strings.

    In the same package that is the path's name, its suffix or a folder of it there, in which the
    name may be computed; from below a name, where no other file of it is nearer. From anywhere, it
    is a name with a folder; of a folder outside all packages, a path that begins with the folder.

    Args:
        path: The path.
        file: The file.
        words: Its text, the parts of paths in its strings, and those that are the path's name.
        revision: The head.
        graph: The import graph.
    """
    text, parts, named = words
    folder, _, name = path.rpartition("/")
    is_below = not folder or file.startswith(f"{folder}/")
    is_named = not parts.isdisjoint(named)
    if is_below and not folder.startswith(".."):
        ups = file.count("/") - path.count("/")
        is_sure = f"parents[{ups}]" in text
        return is_named and (is_sure or not _has_nearer(name, file, folder, revision))
    folders = _folders_of(path)
    owner = revision.owners.of(path)
    if _same_member(path, file, revision, graph):
        if is_named:
            return True
        first = owner.path.count("/") + 1 if owner and owner.path != "." else 0
        joined = [one for one in folders[first:] if one in parts]
    elif owner is not None:
        home = {*owner.path.split("/"), owner.name, owner.name.replace("-", "_")}
        return is_named and not parts.isdisjoint(home)
    elif not folders or folder.startswith(".."):
        return is_named and not parts.isdisjoint(folders)
    elif name in parts and not parts.isdisjoint(folders):
        return True
    else:
        joined = [one for one in folders[:1] if one in parts]
    code = without_prose(text) if joined else ""
    return any(is_joined(one, code) for one in joined)


def _may_list(path: str, file: str, text: str, revision: Revision, graph: ImportGraph) -> bool:
    """Tell whether a file that lists folders may come upon a path."""
    around = folders_around(posixpath.dirname(path))
    if any(file in graph.users.get(f"{folder}/", ()) for folder in around if folder):
        return True
    if not _same_member(path, file, revision, graph):
        return False
    return is_collected(file) and bool(_CLIMBS.search(text))


def _same_member(path: str, file: str, revision: Revision, graph: ImportGraph) -> bool:
    owner = revision.owners.of(path)
    return graph.owner_of(file) == (owner.name if owner else graph.owner_of("."))


def _has_nearer(name: str, file: str, top: str, revision: Revision) -> bool:
    """Tell whether a folder between a file and the folder `top` has another file of the name."""
    around = folders_around(posixpath.dirname(file))
    nearer = takewhile(lambda folder: folder not in {"", top}, around)
    return any(revision.tree.is_file(f"{folder}/{name}") for folder in nearer)

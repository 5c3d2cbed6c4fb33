"""Scan test files for benchmarks and markers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from tradai_tasks.files.file_tree import Tree, all_files, is_visible

# A test that takes the fixture, a fixture that passes it on, or its name where fixtures are named.
_FIXTURE = re.compile(
    rb"def\s+test\w*\s*\([^)]*\bbenchmark\b"
    rb"|\bfixture\b[^\n]*\n(?:[ \t]*@[^\n]*\n)*[ \t]*(?:async\s+)?def\s+\w+\s*\([^)]*\bbenchmark\b"
    rb"|\b(?:usefixtures|getfixturevalue)\s*\([^)]*[\"']benchmark[\"']"
)
# A string, which is kept, or a comment.
_COMMENT = re.compile(
    rb"(\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|#[^\n]*", re.DOTALL
)


class Suites(msgspec.Struct, frozen=True, kw_only=True):
    """The benchmarks and markers in the test files."""

    benchmarked: frozenset[str]  # owners with a test that uses the fixture `benchmark`
    marked: frozenset[str]  # markers of any test


def suites_of(tree: Tree, tests: Mapping[str, Sequence[str]], markers: Iterable[str]) -> Suites:
    """Read every test file once, until everything is found."""
    pending = {name: _mark(name) for name in markers}
    benchmarked: set[str] = set()
    marked: set[str] = set()
    plain: set[str] = set()  # files that were read and have no benchmark
    for owner, paths in tests.items():
        for file in _files(tree, paths):
            if owner in benchmarked and not pending:
                break
            if file in plain:
                continue
            content = tree.read(file)
            if _has(content, "benchmark", _FIXTURE):
                benchmarked.add(owner)
            else:
                plain.add(file)
            found = {name for name, pattern in pending.items() if _has(content, name, pattern)}
            marked |= found
            pending = {name: one for name, one in pending.items() if name not in found}
    return Suites(benchmarked=frozenset(benchmarked), marked=frozenset(marked))


def folders_with(tree: Tree, folders: Iterable[str], markers: Iterable[str]) -> Iterator[str]:
    """Yield the folders in which a Python file has the word of a marker, or "benchmark"."""
    words = [b"benchmark", *(name.encode() for name in markers)]
    for folder in folders:
        contents = map(tree.read, _files(tree, [folder]))
        if folder != "." and any(word in content for content in contents for word in words):
            yield folder


def has_benchmarks(tree: Tree, tests: Iterable[str]) -> bool:
    """Return whether any test file has a test that uses the fixture `benchmark`."""
    return any(_has(tree.read(file), "benchmark", _FIXTURE) for file in _files(tree, tests))


def _has(content: bytes, name: str, pattern: re.Pattern[bytes]) -> bool:
    # a search for the plain name takes a hundredth of the time
    if name.encode() not in content or pattern.search(content) is None:
        return False
    return pattern.search(_COMMENT.sub(rb"\1", content)) is not None


def _mark(name: str) -> re.Pattern[bytes]:
    """Return a pattern for code that applies the marker.

    That is `mark.name`, `add_marker("name")`, and under another name of `mark` a decorator, a
    `pytestmark` or `marks=`. pytest decides which tests the marker's session runs.
    """
    word = re.escape(name.encode())
    text = rb"\s*[\"']" + word + rb"[\"']"
    # begun by fixed letters, which are looked for in a tenth of the time
    alone = rb"(?<=\bmark)\s*(?:\.\s*" + word + rb"\b|," + text + rb")"
    renamed = rb"(?:@|\bpytestmark\b|\bmarks\s*=)[^\n]*\.\s*" + word + rb"\b"
    return re.compile(rb"mark(?:" + alone + rb"|(?<=\badd_mark)er\s*\(" + text + rb")|" + renamed)


def _files(tree: Tree, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if not path.endswith(".py"):
            below = all_files(tree, path, enters=is_visible)
            yield from (file for file in below if file.endswith(".py"))
        elif tree.is_file(path):
            yield path

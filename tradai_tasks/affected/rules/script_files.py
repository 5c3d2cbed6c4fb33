"""Extract facts of Python scripts without an ending (`bin/tool`), and of Cython files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tradai_tasks.affected.parse.facts import Facts, Import
from tradai_tasks.affected.rules.fact_extraction import extract

# One of these in the first line makes a file a Python script.
_RUNNERS = (b"python", b"pypy", b"uv run")


def extract_cython(data: bytes) -> Facts:
    """Return what a Cython file imports, as names of modules."""
    return Facts(strings=tuple(dict.fromkeys(_modules(extract(data).imports))))


def extract_script(data: bytes) -> Facts:
    """Return what a script imports, as names of modules; nothing where it is no Python script."""
    first = data[:200].partition(b"\n")[0]
    if not first.startswith(b"#!") or not any(runner in first for runner in _RUNNERS):
        return Facts()
    found = extract(data)
    names = dict.fromkeys(
        (
            *_modules(found.imports),
            *found.strings,
            *(one.text for one in found.references if one.form == "module"),
        )
    )
    return Facts(strings=tuple(names))


def _modules(imports: Iterable[Import]) -> Iterator[str]:
    for text, names in imports:
        module = text.partition(" as ")[0]
        if not module.startswith("."):  # a script is in no package
            yield module
            yield from (f"{module}.{name.partition(' as ')[0]}" for name in names if name != "*")

"""Name the runs whose results can stand for each other: one environment, configuration and call."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.results.code_digest import digest
from tradai_tasks.settings.load import parse_toml

_HOME = Path(__file__).parent
# Files with settings of pytest, its plugins and coverage; of files for many tools, pyproject.toml
# among them, what pytest and coverage read. What else reads them, such as a plugin, is recorded.
_CONFIGURATION = (
    "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", ".coveragerc", ".coveragerc.toml",
)  # fmt: skip
_OF_MANY = ("tox.ini", "setup.cfg")
_SECTION = re.compile(r"\[([^\[\]#;]+)\]\s*(?:[#;].*)?\Z")
_OPTION = re.compile(r"([^\s=:\[][^=:]*)[=:]")
_OF_TESTS = re.compile(r"(?:tool:)?pytest\Z|coverage:|DEFAULT\Z")
_TABLES = ("pytest", "coverage")  # beginnings of tables of pyproject.toml, below `tool`
# Beginnings of variables that Python itself, pytest and coverage read.
_ALWAYS = ("PYTHON", "LC_", "LANG", "TZ", "TMPDIR", "PYTEST_", "COVERAGE_")


def slot_name(  # noqa: PLR0913 - what a run is known by
    *,
    environment: bytes,
    root: Path,
    home: str,
    name: str,
    words: Sequence[str],
    variables: Mapping[str, str],
    stated: Iterable[str],
) -> str:
    """Return where the results of a run are looked for.

    Args:
        environment: Digest of what the tests run in.
        root: The repository.
        home: Folder that pytest runs in, from the root.
        name: The session, without its Python.
        words: pytest's arguments.
        variables: The environment of the tests.
        stated: Names of variables that every test file depends on.
    """
    kept = sorted(
        (key, value)
        for key, value in variables.items()
        if key in set(stated) or key.startswith(_ALWAYS)
    )
    parts = [name, home, *(word.replace(str(root), ".") for word in words)]
    texts = [os.fsencode(text) for text in (*parts, *(text for pair in kept for text in pair))]
    return digest(own_code(), environment, *_configuration(root, home), *texts).hex()


@functools.cache
def own_code() -> bytes:
    """Return the digest of what records and judges results: another version begins anew."""
    folders = (_HOME, _HOME.parent / "checks", _HOME.parent / "sessions" / "checks")
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return digest(*(file.read_bytes() for file in files))


def _configuration(root: Path, home: str) -> list[bytes]:
    parts = []
    for folder in (PurePosixPath(home), *PurePosixPath(home).parents):
        for name in _CONFIGURATION:
            file = root / folder / name
            parts.append(file.read_bytes() if file.is_file() else b"")
        parts += [_sections(root / folder / name) for name in _OF_MANY]
        parts.append(_tools(root / folder / "pyproject.toml"))
    return parts


def _sections(file: Path) -> bytes:
    """Return what pytest and coverage read of a file; all of it if one of them may not read it."""
    if not file.is_file():
        return b""
    content = file.read_bytes()
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        return content
    sections: dict[str, list[str]] = {}
    name, options = "", set[str]()
    for line in lines:
        section, option = _SECTION.match(line), _OPTION.match(line)
        if section is not None and section[1] not in sections:
            name, options = section[1], set()
            sections[name] = []
        elif option is not None and name and option[1].strip().lower() not in options:
            options.add(option[1].strip().lower())
        elif line.strip() and line.lstrip()[0] not in "#;" and not (line[0].isspace() and options):
            return content
        if name:
            sections[name].append(line)
    return repr([one for one in sections.items() if _OF_TESTS.match(one[0])]).encode()


def _tools(file: Path) -> bytes:
    if not file.is_file():
        return b""
    content = file.read_bytes()
    try:
        tools = parse_toml(content, str(file)).get("tool", {})
        kept = {name: table for name, table in tools.items() if name.startswith(_TABLES)}
        return msgspec.json.encode(kept, order="deterministic")
    except (BrokenTomlError, AttributeError):  # which pytest reports
        return content

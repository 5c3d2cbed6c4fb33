"""One file's bytes -> its facts."""

from __future__ import annotations

import ast
import codecs
import re
import warnings
from collections.abc import Iterable
from typing import Any

import msgspec

from tradai_tasks.affected import dynamic
from tradai_tasks.affected.commands import commands_in
from tradai_tasks.affected.evaluate import Source
from tradai_tasks.affected.facts import Facts
from tradai_tasks.affected.lazy import find_lazy
from tradai_tasks.affected.lexical import Scan, scan
from tradai_tasks.affected.scanned import APP_CONFIG, APPS, apps_in
from tradai_tasks.affected.texts import RUNNERS, examples_in, fenced_in
from tradai_tasks.affected.triggers import has_trigger

__all__ = ["CONFIG_FILES", "decode", "extract", "extract_config"]

# Where pytest reads its settings.
CONFIG_FILES = frozenset(
    {".pytest.ini", ".pytest.toml", "pyproject.toml", "pytest.ini", "pytest.toml", "setup.cfg"}
    | {"tox.ini"}
)
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#[^\r\n]*)?$")
_PLUGIN = re.compile(r"""(?<![\w-])-p(?:["',\s=]+|(?=\w))([^\W\d][\w.]*)""")
_SETTINGS = re.compile(
    r"""(?:DJANGO_SETTINGS_MODULE|DJANGO_CONFIGURATION)["']?\s*[=:]\s*["']?([\w.]+)"""
)
# The class of a filter of warnings, "action:message:pkg.Class": pytest imports its module.
_WARNING = re.compile(
    r"\b(?:always|all|default|error|ignore|module|once):[^:\n]*:\s*((?:[^\W\d]\w*\.)+[^\W\d]\w*)"
)
_PYTHONPATH = re.compile(
    r"^[ \t]*pythonpath\s*=\s*(\[[^\]]*\]|[^\n]*(?:\n[ \t]+\S[^\n]*)*)", re.MULTILINE
)
# What says where a package lies, or where a command is run: texts, which every file is asked for.
_PLACED = (
    *(".__file__", ".__path__", "cwd=", "chdir(", ".origin", "getfile(", "getsourcefile("),
    *("files(", "submodule_search_locations"),
)
_SCRIPTS = ('.py"', ".py'", '"-m"', "'-m'", "PathFinder", "FileFinder")
_SCRIPT = re.compile(r"""["']((?:\./)?[\w.-]+\.py)["']""")
_RUNS_TESTS = (
    *("pytest.main(", "pytest.console_main(", "discover(", "-m pytest", "-m unittest"),
    *('"pytest"', "'pytest'", '"unittest"', "'unittest'", '"pytest ', "'pytest "),
)
# What lists the files of a folder; of what it names, folders and documents count.
_LISTINGS = (".glob(", ".rglob(", "iterdir(", "listdir(", "scandir(", "os.walk(", "find_examples(")
_FOLDER = re.compile(r"""["']([\w-]{2,40}(?:\.(?:md|rst))?)["']""")
# What extend_path() finds lies below source roots, by the package's own name.
_EXTENDS = re.compile(
    r"__path__\s*(?:\+=|=(?!=)(?!.*extend_path)|\.(?:append|extend|insert)\(|\[.*\]\s*=)"
)
# With one of these, pytest runs the examples in documents.
_EXAMPLE_SETTINGS = (
    *("codeblocks", "doctest", "markdown-docs", "markdown_docs", "nbmake", "nbval", "sybil"),
)
_PART = re.compile(r"""[^\s"',\[\]]+""")


def extract(data: bytes) -> Facts:
    """Read a Python file or a stub; never raises, whatever the bytes are."""
    if not data:
        return Facts()
    try:
        text = decode(data)
    except (LookupError, UnicodeDecodeError) as fault:
        return Facts(broken=f"cannot be decoded: {fault}")
    if "\0" in text:
        return Facts(broken="does not parse: null bytes")
    scanned = scan(text)
    facts = _read(text, scanned)
    more = {**_in_strings(facts, text), **_surroundings(facts, text)}
    return msgspec.structs.replace(facts, **more) if more else facts


def _in_strings(facts: Facts, text: str) -> dict[str, Any]:
    """Return what is in strings: commands, and the examples that only a tool of tests runs."""
    examples, fenced, commands = examples_in(text), fenced_in(text), commands_in(text)
    runs = any(module.partition(".")[0] in RUNNERS for module, _ in facts.imports)
    if not (examples or fenced or commands or runs):
        return {}
    return {"examples": examples, "fenced": fenced, "commands": commands, "runs_examples": runs}


def _surroundings(facts: Facts, text: str) -> dict[str, Any]:
    """Return where the paths of a file may begin, what it does to packages, whose tests it runs."""
    found: dict[str, Any] = {}
    if _holds(text, _SCRIPTS) and _holds(text, _PLACED):
        scripts = dict.fromkeys((*facts.paths, *_SCRIPT.findall(text)))
        found |= {"is_placed": True, "paths": tuple(scripts)}
    if ("pytest" in text or "unittest" in text) and _holds(text, _RUNS_TESTS):
        found["runs_folders"] = True
    if _holds(text, _LISTINGS):
        found["listed"] = tuple(dict.fromkeys(_FOLDER.findall(text)))
    if "__path__" in text and _EXTENDS.search(text):
        found["extends_path"] = True
    return found


def _holds(text: str, marks: Iterable[str]) -> bool:
    for mark in marks:  # noqa: SIM110 - any() takes twice as long, of every file
        if mark in text:
            return True
    return False


def _read(text: str, scanned: Scan) -> Facts:
    if "filterwarnings" in text:
        scanned.strings.update(dict.fromkeys(_WARNING.findall(text)))
    if scanned.broken:
        rejected = _fault(text)
        if rejected is not None:
            return _facts(scanned, broken=f"does not parse: {scanned.broken or rejected}")
    if not has_trigger(text):
        return _facts(scanned, moves_path=_moves_path(text))
    return _analysed(text, scanned)


def decode(data: bytes) -> str:
    """Decode a file as Python does (PEP 263), with line feeds as line ends.

    Raises:
        LookupError: It names an encoding that does not exist.
        UnicodeDecodeError: It is not in the encoding that it names, UTF-8 by default.
    """
    encoding = "utf-8"
    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
    elif b"coding" in data[:400]:
        for line in data.splitlines()[:2]:
            match = _COOKIE.match(line)
            if match:
                encoding = match[1].decode("ascii", "replace")
                break
            if not _BLANK.match(line):
                break
    text = data.decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def extract_config(data: bytes) -> Facts:
    """Read the settings of pytest: plugins by `-p`, `pythonpath`, Django's settings module."""
    if not any(word in data for word in (b"pytest", b"pythonpath", b"doctest", b"nbmake")):
        return Facts()
    text = data.decode("utf-8", "replace")
    words = {match for match in _PLUGIN.findall(text) if match != "no"}
    words |= {*_SETTINGS.findall(text), *_WARNING.findall(text)}
    paths = {
        part.rstrip("/") or "."
        for group in _PYTHONPATH.findall(text)
        for part in _PART.findall(group)
    }
    return Facts(
        words=tuple(sorted(words)),
        paths=tuple(sorted(paths)),
        runs_examples=any(tool in text for tool in _EXAMPLE_SETTINGS),
    )


def _moves_path(text: str) -> bool:
    if "sys.path" in text or "addsitedir" in text or "syspath_prepend" in text:
        return True
    if "PathFinder" in text or "FileFinder" in text:
        return True
    return "cwd=" in text and ("'-m'" in text or '"-m"' in text)


def _fault(text: str) -> str | None:
    """Return why Python rejects a text; None where it takes it."""
    try:
        _parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        return str(fault)
    return None


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _facts(scanned: Scan, *, broken: str = "", moves_path: bool = False) -> Facts:
    return Facts(
        imports=tuple(scanned.imports),
        strings=tuple(scanned.strings),
        paths=tuple(scanned.paths),
        subtrees=tuple(scanned.prefixes),
        broken=broken,
        moves_path=moves_path,
    )


def _analysed(text: str, scanned: Scan) -> Facts:
    """Read a file with dynamic imports, or one that may have them."""
    lazy = None
    try:
        source = Source(_parse(text))
        lazy = find_lazy(source)
        found = dynamic.analyse(source, lazy.skipped if lazy else None)
        if APPS in text or APP_CONFIG in text:
            found.scan(apps_in(Source(_parse(text))))
    except (SyntaxError, ValueError):
        found = dynamic.guess(text)
    except (RecursionError, MemoryError):
        return _facts(scanned, broken="does not parse: nested too deeply")
    imports = lazy.eager if lazy else scanned.imports
    return Facts(
        imports=tuple({**imports, **found.imports}),
        strings=() if lazy else tuple(scanned.strings),
        paths=tuple({**scanned.paths, **dict.fromkeys(sorted(found.paths))}),
        words=tuple(sorted(found.words)),
        subtrees=tuple(sorted({*found.subtrees, *(() if lazy else scanned.prefixes)})),
        groups=tuple(sorted(found.groups)),
        dynamic=found.reason,
        is_passed=found.is_passed,
        lazy=lazy.lazy if lazy else None,
        moves_path=_moves_path(text),
    )

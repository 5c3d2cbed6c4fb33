"""Extract the facts of one file from its bytes."""

from __future__ import annotations

import ast
import codecs
import re
import warnings
from typing import Any

import msgspec

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.parse.import_scanner import Scan, imports_in, scan
from tradai_tasks.affected.parse.partial_source import MissingPartError, PartContents
from tradai_tasks.affected.parse.text_examples import (
    FENCE,
    PROMPT,
    RUNNERS,
    examples_in,
    fenced_in,
)
from tradai_tasks.affected.parse.text_examples import MARKS as EXAMPLE_MARKS
from tradai_tasks.affected.rules.console_commands import STARTERS, commands_in
from tradai_tasks.affected.rules.dynamic_imports.call_reader import find_dynamic_imports
from tradai_tasks.affected.rules.dynamic_imports.deciding_parts import SourceParts
from tradai_tasks.affected.rules.dynamic_imports.import_findings import (
    DynamicImports,
    guess_from_words,
)
from tradai_tasks.affected.rules.dynamic_imports.trigger_words import (
    Marks,
    has_trigger,
    trigger_places,
)
from tradai_tasks.affected.rules.embedded_source import MARKS as EMBEDDED_MARKS
from tradai_tasks.affected.rules.embedded_source import names_in_strings
from tradai_tasks.affected.rules.framework_scans import APP_CONFIG, APPS, installed_apps
from tradai_tasks.affected.rules.lazy_modules import find_lazy
from tradai_tasks.affected.rules.path_facts import moves_path, path_facts
from tradai_tasks.affected.rules.prefilter import marks_in

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
# Environment variables that plugins set from settings: "APP_SETTINGS=pkg.mod:Class".
_VARIABLE = re.compile(
    r"""\b[A-Z][A-Z0-9_]+["']?\s*[=:]\s*["']?((?:[^\W\d]\w*\.)+[^\W\d]\w*(?::\w+)?)"""
)
# The class of a warnings filter, "action:message:pkg.Class": pytest imports its module.
_WARNING = re.compile(
    r"\b(?:always|all|default|error|ignore|module|once):[^:\n]*:\s*((?:[^\W\d]\w*\.)+[^\W\d]\w*)"
)
_PYTHONPATH = re.compile(
    r"^[ \t]*pythonpath\s*=\s*(\[[^\]]*\]|[^\n]*(?:\n[ \t]+\S[^\n]*)*)", re.MULTILINE
)
# With one of these, pytest runs the examples in documents.
_EXAMPLE_SETTINGS = (
    *("codeblocks", "doctest", "markdown-docs", "markdown_docs", "nbmake", "nbval", "sybil"),
)
_PART = re.compile(r"""[^\s"',\[\]]+""")


def extract(data: bytes) -> Facts:
    """Extract the facts of a Python file or a stub; never raises, whatever the bytes are."""
    if not data:
        return Facts()
    try:
        text = decode(data)
    except (LookupError, UnicodeError) as fault:
        return Facts(broken=f"cannot be decoded: {fault}")
    if "\0" in text:
        return Facts(broken="does not parse: null bytes")
    try:
        return _facts(text)
    except RecursionError:
        return Facts(imports=tuple(imports_in(text)), broken="does not parse: nested too deeply")


def _facts(text: str) -> Facts:
    marks = marks_in(text)
    facts = _import_facts(text, scan(text, marks), marks)
    more = {**_string_facts(facts, text, marks), **path_facts(text, marks, facts.paths)}
    return msgspec.structs.replace(facts, **more) if more else facts


def _string_facts(facts: Facts, text: str, marks: Marks) -> dict[str, Any]:
    """Return the facts about strings: commands, embedded source, examples in docstrings."""
    if EMBEDDED_MARKS.isdisjoint(marks) and EXAMPLE_MARKS.isdisjoint(marks):
        return {}
    examples = examples_in(text) if PROMPT in marks else ()
    fenced = fenced_in(text) if FENCE in marks else ()
    commands = () if STARTERS.isdisjoint(marks) else commands_in(text)
    runs = any(module.partition(".")[0] in RUNNERS for module, _ in facts.imports)
    found = {"examples": examples, "fenced": fenced, "commands": commands, "runs_examples": runs}
    if named := names_in_strings(text, marks):
        return {**found, "words": tuple(dict.fromkeys((*facts.words, *named)))}
    return found


def _import_facts(text: str, scanned: Scan, marks: Marks) -> Facts:
    if "filterwarnings" in marks:
        scanned.strings.update(dict.fromkeys(_WARNING.findall(text)))
    if scanned.broken:
        rejected = _syntax_fault(text)
        if rejected is not None:
            return _scanned_facts(scanned, broken=f"does not parse: {scanned.broken or rejected}")
    if not has_trigger(text, marks):
        return _scanned_facts(scanned, moves_path=moves_path(marks))
    return _parsed_facts(text, scanned, marks)


def decode(data: bytes) -> str:
    """Decode a file as Python does (PEP 263), with line feeds as line ends.

    Raises:
        LookupError: It names an encoding that does not exist.
        UnicodeError: It is not in the encoding that it names, UTF-8 by default.
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
    """Extract the facts of a settings file: what pytest, its plugins and Django load."""
    if not any(word in data for word in (b"pytest", b"pythonpath", b"doctest", b"nbmake")):
        return Facts()
    text = data.decode("utf-8", "replace")
    words = {match for match in _PLUGIN.findall(text) if match != "no"}
    words |= {*_SETTINGS.findall(text), *_VARIABLE.findall(text), *_WARNING.findall(text)}
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


def _syntax_fault(text: str) -> str | None:
    """Return why Python rejects a text; None where it accepts it."""
    try:
        _parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        return str(fault)
    return None


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _scanned_facts(scanned: Scan, *, broken: str = "", moves_path: bool = False) -> Facts:
    return Facts(
        imports=tuple(scanned.imports),
        strings=tuple(scanned.strings),
        paths=tuple(scanned.paths),
        subtrees=tuple(scanned.prefixes),
        broken=broken,
        moves_path=moves_path,
    )


def _parsed_facts(text: str, scanned: Scan, marks: Marks) -> Facts:
    """Return the facts of a file that may have dynamic imports, from its syntax tree."""
    lazy = None
    try:
        has_apps = APPS in marks or APP_CONFIG in marks
        pieces = () if has_apps else scanned.pieces
        found = _found_in_part(SourceParts(text, pieces, trigger_places(text, marks)))
        if found is None:
            source = ParsedModule(_parse(text))
            lazy = find_lazy(source)
            found = find_dynamic_imports(source, lazy.skipped if lazy else None)
            if has_apps:
                found.add_packages(installed_apps(source))
    except (SyntaxError, ValueError):
        found = guess_from_words(text)
    except (RecursionError, MemoryError):
        return _scanned_facts(scanned, broken="does not parse: nested too deeply")
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
        moves_path=moves_path(marks),
    )


def _found_in_part(parts: SourceParts) -> DynamicImports | None:
    """Find the dynamic imports in the deciding part of a file; None where all of it decides."""
    contents: PartContents | None = PartContents()
    while contents is not None and (part := parts.part(contents)) is not None:
        try:
            return find_dynamic_imports(ParsedModule(_parse(part.text), part))
        except MissingPartError as missing:
            contents = missing.contents
        except (SyntaxError, ValueError):
            return None
    return None

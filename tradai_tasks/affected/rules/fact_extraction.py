"""Extract the facts of one file from its bytes."""

from __future__ import annotations

import ast
import codecs
import importlib.util
import re
import warnings
from collections.abc import Container

import msgspec

from tradai_tasks.affected.parse.constant_evaluation import ParsedModule
from tradai_tasks.affected.parse.facts import Facts, Reference
from tradai_tasks.affected.parse.import_scanner import Scan, imports_in, scan
from tradai_tasks.affected.parse.text_examples import FENCE, PROMPT, RUNNERS, examples_in
from tradai_tasks.affected.rules.catalog import DEFAULT, RuleSet
from tradai_tasks.affected.rules.dynamic_imports.call_reader import find_dynamic_imports
from tradai_tasks.affected.rules.dynamic_imports.call_rule import (
    CallFile,
    DynamicImports,
    guess_from_text,
)
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks
from tradai_tasks.affected.rules.edge_rule import SourceFile, checked
from tradai_tasks.affected.rules.kinds.console_command import STARTERS, commands_in
from tradai_tasks.affected.rules.kinds.lazy_modules import LazyExports, find_lazy
from tradai_tasks.affected.rules.kinds.pytest_plugin import PytestPlugin
from tradai_tasks.affected.rules.path_facts import moves_path, path_facts
from tradai_tasks.affected.rules.prefilter import marks_in
from tradai_tasks.errors import EdgeRuleError

# Where pytest reads its settings.
CONFIG_FILES = frozenset(
    {".pytest.ini", ".pytest.toml", "pyproject.toml", "pytest.ini", "pytest.toml", "setup.cfg"}
    | {"tox.ini"}
)
_MOST_PARSED = 1_000_000  # characters; a syntax tree takes some seventy bytes for each
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


def extract(data: bytes, rules: RuleSet = DEFAULT) -> Facts:
    """Extract the facts of a Python file or a stub.

    Raises:
        EdgeRuleError: A rule of the noxfile raises.
    """
    if not data:
        return Facts()
    try:
        text = decode(data)
    except (LookupError, UnicodeError) as fault:
        return Facts(broken=f"cannot be decoded: {fault}")
    if "\0" in text:
        return Facts(broken="does not parse: null bytes")
    try:
        return _facts(text, rules)
    except RecursionError:
        return Facts(imports=tuple(imports_in(text)), broken="does not parse: nested too deeply")


def _facts(text: str, rules: RuleSet) -> Facts:
    marks = marks_in(text)
    facts = _import_facts(text, scan(text, marks), marks, rules)
    more = path_facts(text, marks, facts.paths)
    if PROMPT in marks or FENCE in marks:
        more["examples"] = examples_in(text)
    if not STARTERS.isdisjoint(marks):
        more["commands"] = commands_in(text)
    if not RUNNERS.isdisjoint(marks):
        more["runs_examples"] = any(m.partition(".")[0] in RUNNERS for m, _ in facts.imports)
    found, unread = _references(text, marks, rules)
    if found:
        more["references"] = tuple(dict.fromkeys((*facts.references, *found)))
    if unread and not facts.broken:
        more |= {"dynamic": unread, "is_passed": False}
    return msgspec.structs.replace(facts, **more) if more else facts


def _references(text: str, marks: Marks, rules: RuleSet) -> tuple[list[Reference], str]:
    """Return what rules find that go by the text alone, and why one of them could not read it."""
    source = SourceFile(text, marks)
    references: list[Reference] = []
    unread = ""
    for rule in rules.of_texts:
        # the one pass looks for the words of this library's rules alone
        here: Container[str] = text if rule in rules.own else marks
        if rule.words and not any(word in here for word in rule.words):
            continue
        try:
            references += [checked(one, rule) for one in rule.extract(source)]
        except (SyntaxError, RecursionError, MemoryError) as fault:
            unread = f"the edge rule {rule.name!r} cannot read it: {type(fault).__name__}"
        except Exception as fault:
            why = f"{type(fault).__name__}: {fault}"
            raise EdgeRuleError(f"the edge rule {rule.name!r} fails: {why}; correct it") from fault
    return references, unread


def _import_facts(text: str, scanned: Scan, marks: Marks, rules: RuleSet) -> Facts:
    if "filterwarnings" in marks:
        scanned.strings.update(dict.fromkeys(_WARNING.findall(text)))
    if scanned.broken:
        try:
            _parse(text)  # as only it knows for certain
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return _scanned_facts(scanned, broken=f"does not parse: {scanned.broken}")
    if not rules.must_parse(text, marks):
        return _scanned_facts(scanned, moves_path=moves_path(marks))
    return _parsed_facts(text, scanned, marks, rules)


def decode(data: bytes) -> str:
    """Decode a file as Python does (PEP 263), with line feeds as line ends.

    Raises:
        LookupError: It names an encoding that does not exist.
        UnicodeError: It is not in the encoding that it names, UTF-8 by default.
    """
    if b"coding" not in data[:400] and not data.startswith(codecs.BOM_UTF8):
        text = data.decode()
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    try:
        return importlib.util.decode_source(data)
    except SyntaxError as fault:
        raise LookupError(str(fault)) from fault


def extract_config(data: bytes) -> Facts:
    """Extract the facts of a settings file: what pytest, its plugins and Django load."""
    if not any(word in data for word in (b"pytest", b"pythonpath", b"doctest", b"nbmake")):
        return Facts()
    text = data.decode("utf-8", "replace")
    names = {match for match in _PLUGIN.findall(text) if match != "no"}
    names |= {*_SETTINGS.findall(text), *_VARIABLE.findall(text), *_WARNING.findall(text)}
    paths = {
        part.rstrip("/") or "."
        for group in _PYTHONPATH.findall(text)
        for part in _PART.findall(group)
    }
    return Facts(
        references=tuple(Reference(name, kind=PytestPlugin.name) for name in sorted(names)),
        paths=tuple(sorted(paths)),
        runs_examples=any(tool in text for tool in _EXAMPLE_SETTINGS),
    )


def _parse(text: str) -> ast.Module:
    if len(text) > _MOST_PARSED:
        raise ValueError(f"over {_MOST_PARSED:,} characters, too large to be parsed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _scanned_facts(scanned: Scan, *, broken: str = "", moves_path: bool = False) -> Facts:
    return Facts(
        imports=tuple(scanned.imports),
        strings=tuple(scanned.strings),
        paths=tuple(scanned.paths),
        prefixes=tuple(scanned.prefixes),
        broken=broken,
        moves_path=moves_path,
    )


def _parsed_facts(text: str, scanned: Scan, marks: Marks, rules: RuleSet) -> Facts:
    """Return the facts of a file that may have dynamic imports, from its syntax tree."""
    lazy = None
    try:
        file = CallFile(ParsedModule(_parse(text)))
        lazy = find_lazy(file.source) if LazyExports.name in rules.by_name else None
        file.skipped = lazy.skipped if lazy else None
        found = find_dynamic_imports(file, rules.of_calls)
    except (SyntaxError, ValueError):
        if len(text) > _MOST_PARSED:
            found = DynamicImports(reason="a dynamic import in a file too large to be parsed")
        else:
            found = guess_from_text(text, rules.of_calls)
    except (RecursionError, MemoryError):
        return _scanned_facts(scanned, broken="does not parse: nested too deeply")
    return Facts(
        imports=tuple(lazy.eager if lazy else scanned.imports),
        strings=() if lazy else tuple(scanned.strings),
        paths=tuple(scanned.paths),
        prefixes=() if lazy else tuple(scanned.prefixes),
        references=found.references,
        dynamic=found.reason,
        is_passed=found.is_passed,
        lazy=lazy.lazy if lazy else None,
        moves_path=moves_path(marks),
    )

"""Extract the facts of one file from its bytes."""

from __future__ import annotations

import codecs
import importlib.util
import re
from collections.abc import Container
from typing import Any

import msgspec

from tradai_tasks.affected.parse.facts import Facts, Reference
from tradai_tasks.affected.parse.import_scanner import Scan, imports_in, scan
from tradai_tasks.affected.parse.text_examples import FENCE, PROMPT, RUNNERS, examples_in
from tradai_tasks.affected.rules.catalog import DEFAULT, RuleSet
from tradai_tasks.affected.rules.edge_rule import checked
from tradai_tasks.affected.rules.kinds.console_command import STARTERS, commands_in
from tradai_tasks.affected.rules.kinds.lazy_modules import LazyExports, find_lazy
from tradai_tasks.affected.rules.kinds.pytest_plugin import PytestPlugin
from tradai_tasks.affected.rules.path_facts import moves_path, path_facts
from tradai_tasks.affected.rules.prefilter import marks_in
from tradai_tasks.affected.rules.source_file import SourceFile
from tradai_tasks.errors import EdgeRuleError

# Where pytest reads its settings.
CONFIG_FILES = frozenset(
    {".pytest.ini", ".pytest.toml", "pyproject.toml", "pytest.ini", "pytest.toml", "setup.cfg"}
    | {"tox.ini"}
)
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
    scanned = scan(text, marks)
    if "filterwarnings" in marks:
        scanned.strings.update(dict.fromkeys(_WARNING.findall(text)))
    source = SourceFile(text, marks)
    facts = _import_facts(source, scanned, rules)
    more = path_facts(text, marks, facts.paths)
    if PROMPT in marks or FENCE in marks:
        more["examples"] = examples_in(text)
    if not STARTERS.isdisjoint(marks):
        more["commands"] = commands_in(text)
    if not RUNNERS.isdisjoint(marks):
        more["runs_examples"] = any(m.partition(".")[0] in RUNNERS for m, _ in facts.imports)
    if not facts.broken:
        more |= _references(source, rules)
    return msgspec.structs.replace(facts, **more) if more else facts


def _import_facts(source: SourceFile, scanned: Scan, rules: RuleSet) -> Facts:
    """Return the import statements and names of a file, those of a lazy module apart."""
    facts = Facts(
        imports=tuple(scanned.imports),
        strings=tuple(scanned.strings),
        paths=tuple(scanned.paths),
        prefixes=tuple(scanned.prefixes),
        moves_path=moves_path(source.marks),
    )
    exports = rules.by_name.get(LazyExports.name)
    is_lazy = isinstance(exports, LazyExports) and exports.is_hinted(source.text, source.marks)
    try:
        # only a parser knows for certain whether a text is Python
        lazy = find_lazy(source.parsed) if is_lazy or scanned.broken else None
    except (SyntaxError, RecursionError, MemoryError):
        why = f"does not parse: {scanned.broken}" if scanned.broken else ""
        return msgspec.structs.replace(facts, broken=why)
    if lazy is None or not is_lazy:
        return facts
    source.skipped = lazy.skipped
    more = {"imports": tuple(lazy.eager), "strings": (), "prefixes": (), "lazy": lazy.lazy}
    return msgspec.structs.replace(facts, **more)


def _references(source: SourceFile, rules: RuleSet) -> dict[str, Any]:
    """Return what rules find, as fields of `Facts`, and why some of it is unknown."""
    lines: dict[tuple[str, str, str], int] = {}  # (text, form, kind) -> line
    unknown: list[tuple[bool, int, str]] = []  # whether only callers know it, line, reason
    for rule in rules.of_texts:
        # the one pass looks for the words of this library's rules alone
        here: Container[str] = source.text if rule in rules.own else source.marks
        if rule.words and not any(word in here for word in rule.words):
            continue
        try:
            for one in (checked(found, rule) for found in rule.extract(source)):
                if one.form in {"unknown", "passed"}:
                    unknown.append((one.form == "passed", one.line, one.text))
                else:
                    key = (one.text, one.form, one.kind)
                    lines[key] = min(one.line, lines.get(key, one.line))
        except (SyntaxError, RecursionError, MemoryError) as fault:
            said = fault.msg if isinstance(fault, SyntaxError) else type(fault).__name__
            unknown.append((False, 0, f"the edge rule {rule.name!r} cannot read it: {said}"))
        except Exception as fault:
            why = f"{type(fault).__name__}: {fault}"
            raise EdgeRuleError(f"the edge rule {rule.name!r} fails: {why}; correct it") from fault
    found = {"references": tuple(Reference(t, lines[t, f, k], f, k) for t, f, k in sorted(lines))}
    if not unknown:
        return found
    is_passed, line, why = min(unknown)
    return {**found, "dynamic": f"line {line}: {why}" if line else why, "is_passed": is_passed}


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

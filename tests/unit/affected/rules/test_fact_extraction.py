"""The lexer and the analysis of dynamic imports, held against `ast` on real code and on cases."""

from __future__ import annotations

import ast
import sysconfig
import time
import warnings
from pathlib import Path

import pytest

from tests.support.facts import texts
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.parse.string_scanner import mask
from tradai_tasks.affected.rules.fact_extraction import decode, extract, extract_config

STDLIB = Path(sysconfig.get_paths()["stdlib"])
PURELIB = Path(sysconfig.get_paths()["purelib"])
_FOLDERS = (STDLIB, PURELIB / "nox", PURELIB / "_pytest", PURELIB / "pip", PURELIB / "hypothesis")


def corpus() -> list[Path]:
    """Some files of the standard library and of a few packages."""
    found = [
        file
        for folder in _FOLDERS
        for file in sorted(folder.rglob("*.py"))
        if folder != STDLIB or not {"site-packages", "lib2to3", "idlelib"} & set(file.parts)
    ]
    return found[::11]


def seen_by_ast(tree: ast.Module) -> set[tuple[str, str]]:
    """(module, name) of every import statement; the name is empty for `import module`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {(module, alias.name) for alias in node.names}
    return found


def seen(facts: Facts) -> set[tuple[str, str]]:
    found = set()
    for module, clauses in facts.imports:
        if not clauses:
            found.add((module.partition(" as ")[0], ""))
        found |= {(module, clause.partition(" as ")[0]) for clause in clauses}
    return found


def test_every_import_that_ast_sees_in_real_code_is_seen() -> None:
    files = corpus()
    assert len(files) > 100
    for file in files:
        data = file.read_bytes()
        facts = extract(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data)
        except (SyntaxError, ValueError):
            continue  # test data that is broken on purpose
        assert not facts.broken, file
        missed = seen_by_ast(tree) - seen(facts)
        if facts.lazy is None:
            assert not missed, (file, missed)


def test_every_dotted_string_that_ast_sees_is_seen() -> None:
    from tradai_tasks.affected.parse.import_scanner import DOTTED

    for file in corpus()[::3]:
        data = file.read_bytes()
        facts = extract(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(data)
        except (SyntaxError, ValueError):
            continue
        if facts.lazy is not None or facts.broken:
            continue
        strings = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        # a call is mostly a piece of code, which goes on from the string before
        texts_alone = [text for text in strings if len(text) < 100 and not text.endswith(")")]
        named = map(DOTTED.match, texts_alone)
        dotted = {found[1] for found in named if found}
        assert dotted <= set(texts(facts)), (file, dotted - set(facts.strings))


@pytest.mark.parametrize("opened", ['f"{', "f'{x:{", 'f"""{', "t'{f'{", "rf'{("])
def test_fstrings_deeper_than_python_takes_are_a_fault_of_the_file(opened: str) -> None:
    facts = extract(f"import a\nx = {opened * 20_000}\nimport b\n".encode())
    assert "does not parse" in facts.broken
    assert facts.imports == (("a", ()), ("b", ()))
    assert mask(opened * 20_000).count("{") > 0


def test_fstrings_as_deep_as_python_takes_them_are_read() -> None:
    text = "'c.d'"
    for _ in range(140):
        text = f'f"{{{text}}}"'
    facts = extract(f"import a\nx = {text}\nimport b\n".encode())
    assert facts.imports == (("a", ()), ("b", ()))


@pytest.mark.parametrize(
    "text",
    [
        "import" + " " * 200_000 + "?",
        "from a import" + "\t" * 200_000 + "?",
        "import a" + ", a" * 100_000 + " ?",
        "Path(__file__)" + " / 'a'" * 200_000,
        "import importlib\n" + "from a import (b," * 10_000,
    ],
)
def test_long_lines_take_no_time(text: str) -> None:
    began = time.process_time()
    extract(f"{text}\n".encode())
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("data", "broken"),
    [
        (b"", ""),
        (b"\xef\xbb\xbfimport a\n", ""),
        (b"# coding: latin-1\nimport a  # caf\xe9\n", ""),
        (b"#!/bin/x\n# -*- coding: cp1252 -*-\nimport a\n", ""),
        (b"import a\r\nimport b\r\n", ""),
        (b"x = 'caf\xe9'\n", "cannot be decoded"),
        (b"# coding: no-such-thing\nimport a\n", "cannot be decoded"),
        (b"# coding: punycode\nimport a\nimport a\n", "cannot be decoded"),
        (b"# coding: undefined\nimport a\n", "cannot be decoded"),
        (b"import a\0\n", "does not parse: null bytes"),
        (b"def f(:\n    'unclosed\n", "does not parse"),
        (b"<<<<<<< ours\nimport a\n=======\nimport b\n>>>>>>> theirs\n", "does not parse"),
        (b"type X[T] = list[T]\nimport a\n", ""),
        (b"x = (1, 2\nimport a\n", "does not parse"),
        (b"x = f'{a!r:{width}} {b}'\nimport a\n", ""),
        (b"x = f'{a[\"k\"]:>{w}}'\nimport a\n", ""),
        (b'x = f"""{\n# a } in a comment\na}"""\nimport a\n', ""),
        (b"x = f'{{}} {a}'\nimport a\n", ""),
        (b"x = f'{f\"{a}\"}'\nimport a\n", ""),
        (b"x = f'{a\n", "does not parse"),
        (b"one two\nimport a\n", "does not parse"),
        (b"x = 1\nprint x\n", "does not parse"),
        (b"x = = 1\n", "does not parse"),
        (b"x = a?\n", "does not parse"),
        (b"!ls\n", "does not parse"),
        (b"x = a != b\nmatch x:\n    case y:\n        pass\ntype = 1\n", ""),
        (b"import a . b as c\n", ""),
        (b"import a as\n", "does not parse"),
        (b"from a import (b, c\n", "does not parse"),
        (b"from a import (b,  # one\n    c as d,\n)\n", ""),
        (b"from a \\\n    import b\n", ""),
        (b"import a.b \\\n    as c\n", ""),
        (b"x = 1; import a; from b import c\n", ""),
        (b"def f[T](x: T) -> T: ...\nimport a\nimport_module(x)\n", ""),
    ],
)
def test_any_bytes_are_read_or_said_to_be_broken(data: bytes, broken: str) -> None:
    facts = extract(data)
    assert facts.broken.startswith(broken)
    assert bool(facts.broken) == bool(broken)


def test_deep_nesting_is_no_crash() -> None:
    deep = "import_module(x)\n" + "(" * 3000 + ")" * 3000
    facts = extract(deep.encode())
    assert facts.broken or facts.dynamic


@pytest.mark.parametrize(
    "text",
    [
        # a name bound time and again to what is made from itself and others
        "path = path.parent / other\nother = path / other / path\n" * 40
        + "for m in pkgutil.iter_modules([path, other]):\n    import_module(m.name)\n",
        "name = name.strip() + other\nother = name or other or name\n" * 40
        + "import_module(name)\n",
        "".join(f"p{n} = p{n + 1} / p{n + 1} / p{n + 1}\n" for n in range(40))
        + "runpy.run_path(p0)\nimport_module(p0)\n",
        "".join(f"def _f{n}(a):\n    _f{n + 1}(a)\n    _f{n + 1}(a)\n" for n in range(40))
        + "def _f40(a):\n    import_module(a)\n_f0('one')\n",
    ],
)
def test_names_made_from_names_take_no_time(text: str) -> None:
    facts = extract(text.encode())  # would not end if each use were followed anew
    assert facts.dynamic


def test_settings_of_pytest_are_read() -> None:
    text = b"""
[tool.pytest.ini_options]
addopts = "-p plugin.one -p no:cacheprovider"
pythonpath = ["src", "."]
DJANGO_SETTINGS_MODULE = "site.settings"
"""
    facts = extract_config(text)
    assert {"plugin.one", "site.settings"} <= set(texts(facts))
    assert "no" not in texts(facts)
    assert set(facts.paths) == {"src", "."}
    assert extract_config(b"[tool.other]\n") == Facts()


def test_long_lines_and_long_strings_take_no_time() -> None:
    line = "import a;" * 20_000 + "from b import c\n"
    facts = extract(line.encode())
    assert facts.imports == (("a", ()), ("b", ("c",)))
    joined = "X = (\n" + '    "abc.def"\n' * 20_000 + ")\nimport a\n"
    assert extract(joined.encode()).imports == (("a", ()),)


def test_line_ends_are_folded() -> None:
    assert decode(b"a\r\nb\rc\n") == "a\nb\nc\n"

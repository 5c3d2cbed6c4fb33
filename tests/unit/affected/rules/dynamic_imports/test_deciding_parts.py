"""A part of a file tells of its calls what the whole of it tells."""

from __future__ import annotations

import ast
from textwrap import dedent

import msgspec
import pytest

from tests.support.facts import texts
from tests.unit.affected.rules.test_fact_extraction import corpus
from tradai_tasks.affected.parse.facts import Facts
from tradai_tasks.affected.parse.import_scanner import scan
from tradai_tasks.affected.rules import fact_extraction as extracting
from tradai_tasks.affected.rules.catalog import DEFAULT
from tradai_tasks.affected.rules.dynamic_imports.deciding_parts import SourceParts
from tradai_tasks.affected.rules.fact_extraction import extract
from tradai_tasks.affected.rules.prefilter import marks_in

# What makes a file long enough to be divided, and has nothing to do with imports.
PADDING = "".join(f"def unrelated_{n}(a, b):\n    return a * {n} + b\n\n\n" for n in range(200))


def parsed(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Facts, list[str]]:
    """Return the facts of a text, and what was parsed for them."""
    seen: list[str] = []
    parse = extracting._parse

    def recorded(part: str) -> ast.Module:
        seen.append(part)
        return parse(part)

    monkeypatch.setattr(extracting, "_parse", recorded)
    return extract(text.encode()), seen


CASES = {
    "a literal": "def f():\n    importlib.import_module('a.b')\n",
    "callers": """
        def _load(name):
            return importlib.import_module(name)

        def first():
            return _load("one")

        def second():
            return _load("two")
        """,
    "callers of callers": """
        def _load(name):
            return importlib.import_module(name)

        def _outer(name):
            return _load(name)

        def first():
            return _outer("one")
        """,
    "a list that is added to elsewhere": """
        NAMES = ["one"]

        def more():
            NAMES.append("two")

        def load():
            for name in NAMES:
                importlib.import_module(name)
        """,
    "a table that is filled elsewhere": """
        NAMES = {}

        def more():
            NAMES["x"] = "two"

        def load(key):
            importlib.import_module(NAMES[key])
        """,
    "a name that is set elsewhere": """
        name = "one"

        def more():
            global name
            name = "two"

        def load():
            importlib.import_module(name)
        """,
    "another name for the function": """
        load = importlib.import_module

        def f():
            load("one")
        """,
    "a function that is imported under another name": """
        from runpy import run_path as begin

        def f():
            begin("tools/one.py")
        """,
    "resources by a name of their own": """
        from importlib.resources import (
            files as folder,
        )

        def f():
            folder("pkg.data")
        """,
    "packages that are listed by a name of its own": """
        import pkg
        from pkgutil import walk_packages as walk

        def f():
            return [m.name for m in walk(pkg.__path__, "pkg.")]
        """,
    "entry points by a name of their own": """
        from importlib.metadata import (
            entry_points as found,
        )

        def f():
            return found(group="one.plugins")
        """,
    "data of a package elsewhere": """
        from pkgutil import get_data

        def f():
            return get_data("pkg.data", "x.json")

        def g():
            importlib.import_module("one")
        """,
    "resources that are imported over several lines": """
        from importlib.resources import (
            as_file,
            files,
        )

        def f():
            files("pkg.data")
        """,
    "code in a string elsewhere": """
        CODE = "import one"

        def texts():
            return "import two"

        def f():
            exec(CODE)
        """,
    "code that is made of parts elsewhere": """
        def made(name):
            return f"import {name}"

        def f(text):
            exec(text)
        """,
    "code that is compiled elsewhere": """
        def made(text):
            return compile(text, "x", "exec")

        def f():
            return "import two"

        def g():
            importlib.import_module("one")
        """,
    "any string of the file": """
        def words():
            return ["alpha", "beta"]

        def table(x):
            NAMES = {1: str(x)}
            importlib.import_module(NAMES[x])
        """,
    "plugins that are named elsewhere": """
        pytest_plugins = ["one"]

        def more():
            pytest_plugins.append("two")
        """,
    "the name of an app": """
        class One(AppConfig):
            name = "one"

        def f():
            importlib.import_module("two")
        """,
    "a literal key": """
        def words():
            return {"alpha": "one"}

        def f(x):
            importlib.import_module(x["alpha"])
        """,
    "a patch that is computed elsewhere": """
        def f():
            importlib.import_module("one")

        def g(where):
            with patch(where + ".two"), patch(TARGET):
                pass
        """,
    "a method": """
        class A:
            def _load(self, name):
                return importlib.import_module(name)

        class B(A):
            def run(self):
                self._load("one")
        """,
    "a decorator": """
        @pytest.mark.parametrize("name", ["one", "two"])
        @other
        async def test_it(name):
            pytest.importorskip(name)
        """,
    "a command in a folder": """
        def f():
            subprocess.run(["python", "one.py"], cwd=ROOT / "tools")

        def g():
            return "two.py"

        def h():
            importlib.import_module("one")
        """,
    "an option without a space": """
        def f():
            subprocess.run("python -mtwo.cli", shell=True)

        def h():
            importlib.import_module("one")
        """,
    "a definition in a string": '''
        TEXT = """
        def f():
            pass

        class A: ...
        """

        def h():
            importlib.import_module("one")
        ''',
    "brackets at the beginning of a line": """
        def h(
            name="one",
        ):
            importlib.import_module(name)

        x = [
        1,
        ]
        """,
    "a lazy module": """
        def __getattr__(name):
            if name == "X":
                return importlib.import_module("one").X
            raise AttributeError(name)

        def f():
            importlib.import_module("two")
        """,
    "a lazy module on one condition": """
        if sys.version_info > (3, 7):
            def __getattr__(name):
                return importlib.import_module({"X": "one"}[name])
        """,
    "tests by their folder": """
        def f():
            unittest.TestLoader().discover(start_dir=g())

        def g():
            return os.environ["X"]
        """,
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_a_part_tells_what_the_whole_tells(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"import importlib\n{PADDING}{dedent(text)}{PADDING}"
    found = extract(text.encode())
    monkeypatch.setattr(extracting, "_found_in_part", lambda *_: None)
    assert found == extract(text.encode())


READ_WHOLE = ("lazy", "literal key")


@pytest.mark.parametrize(
    "case", [case for case in CASES if not any(word in case for word in READ_WHOLE)]
)
def test_what_has_nothing_to_do_with_imports_is_not_parsed(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"import importlib\n{PADDING}{dedent(CASES[case])}{PADDING}"
    _, seen = parsed(text, monkeypatch)
    assert seen
    assert not any("unrelated" in part for part in seen)
    assert all(part.count("\n") == text.count("\n") for part in seen)


def test_a_reason_names_the_line_of_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{PADDING}def load(name):\n    importlib.import_module(name)\n"
    facts, seen = parsed(text, monkeypatch)
    assert facts.dynamic == f"line {text.count(chr(10))}: import_module() of a computed name"
    assert not any("unrelated" in part for part in seen)


def test_a_name_that_another_function_binds_is_another_name() -> None:
    text = f"""
def load():
    name = "one"
    importlib.import_module(name)

{PADDING}
def other():
    name = compute()
"""
    facts = extract(text.encode())
    assert not facts.dynamic
    assert texts(facts) == ("one",)


@pytest.mark.parametrize(
    "text",
    [
        "def h():\n    importlib.import_module('one')\n",  # short
        PADDING.replace("return", "importlib.import_module('one')\n    return"),  # all of it
    ],
)
def test_what_cannot_be_divided_or_is_no_less_is_read_whole(text: str) -> None:
    parts = SourceParts(text, scan(text).pieces, DEFAULT.places(text, marks_in(text)))
    assert parts.part(frozenset()) is None
    assert texts(extract(text.encode())) == ("one",)


def test_a_part_that_does_not_parse_makes_the_whole_be_read() -> None:
    inner = "def h():\n    x = [\n0, importlib.import_module('one'),\n    ]\n"
    assert texts(extract((PADDING + inner + PADDING).encode())) == ("one",)


def test_parts_of_real_code_tell_what_the_whole_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of other scopes are left out, so that a part may widen less, or see fewer words."""
    contents = {file: file.read_bytes() for file in corpus()}
    found = {file: extract(data) for file, data in contents.items()}
    monkeypatch.setattr(extracting, "_found_in_part", lambda *_: None)
    differing = []
    for file, data in contents.items():
        whole = extract(data)
        if whole == found[file]:
            continue
        differing.append(file)
        assert set(texts(found[file])) <= set(texts(whole)), file
        assert set(found[file].imports) == set(whole.imports), file
        assert msgspec.structs.replace(whole, references=(), dynamic="", is_passed=False) == (
            msgspec.structs.replace(found[file], references=(), dynamic="", is_passed=False)
        ), file
    assert len(differing) * 20 < len(contents)

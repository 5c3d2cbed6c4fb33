"""Words that make a file worth parsing for calls that import."""

from __future__ import annotations

import gc
import time

import pytest

from tradai_tasks.affected.rules.catalog import DEFAULT
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.fact_extraction import extract
from tradai_tasks.affected.rules.kinds.package_resources import PackageResources
from tradai_tasks.affected.rules.prefilter import marks_in

CALL_RULES = [rule for rule in DEFAULT.rules if isinstance(rule, CallRule)]


def must_parse(text: str) -> bool:
    marks = marks_in(text)
    return any(rule.is_hinted(text, marks) for rule in CALL_RULES)


OPEN = [
    "import_module(name)",
    "importlib.import_module(f'a.{x}')",
    "import_module('.b', package)",
    "from importlib import import_module as load",
    "load = importlib.import_module",
    "map(import_module, names)",
    "getattr(importlib, 'import_module')(name)",
    "real = __import__\nreal(name)",
    "real: Callable = __import__\nreal(name)",
    "self.real = __import__\nself.real(name, **options)",
    "a = b = __import__\na(name)",
    "__import__('a', fromlist=['b'])",
    "importorskip(name)",
    "runpy.run_module('a')",
    "pydoc.locate(name)",
    "from pydoc import locate as find",
    "a = b = pydoc.locate",
    "read = pkgutil\nread.get_data('a', 'x.json')",
    "from importlib import abc, \\\n    resources",
    "sys.modules[\n    __name__\n] = Lazy()",
    "[sys.executable, '-m', 'a.' + name]",
    "exec('import ' f'{name}')",
    "find_spec(name)",
    "iter_modules(a.__path__)",
    "def __getattr__(name):\n    pass",
    "sys.modules[__name__] = Lazy()",
    "import importlib.resources",
    "from importlib import (\n    resources,\n)",
    "pkgutil.get_data('a', 'x.json')",
    "[sys.executable, '-m', name]",
    "subprocess.run([sys.executable, '-c', f'import {name}'])",
    "exec('from ' + package + ' import x')",
    "exec('from %s import x' % package)",
    "exec('import a' '.b')",
    "exec(path.read_text())",
    "builtins.eval(open(path).read())",
    "pytest.main([folder])",
    "['pytest', '--pyargs', 'core']",
    "patch(f'{A}.x')",
    "patch(A + '.x')",
    "patch('a.' + name)",
    "monkeypatch.setattr('a.%s' % name, 1)",
    "pytest_plugins = ['a']",
    "entry_points(group='x')",
    "spec_from_file_location('a', path)",
]
PLAIN = [
    "from importlib import import_module",
    "import_module('a.b')",
    "pytest.importorskip('a', reason='x')",
    "__import__('a.b')",
    "find_spec('a')",
    "patch('builtins.__import__', fake)",
    "monkeypatch.setattr(builtins, '__import__', fake)",
    "real = builtins.__import__\ndef fake(name, *args):\n    return real(name, *args)",
    "# locate the file",
    "allocate(x)",
    "retrieval(x)",
    "model.eval(open(x).read())",
    "re.compile(open(x).read())",
    "my_testdir, xrunpy, runpy2",
    "    def __getattr__(self, name):\n        pass",
    "sys.modules['a'].x = 1",
    "pkgutil.extend_path(__path__, __name__)",
    "[sys.executable, '-m', 'a.b']",
    "exec('import a')",
    "pytest.main([__file__, '-v'])",
    "patch('a.b.c')",
    "filterwarnings",
]


@pytest.mark.parametrize("text", OPEN)
def test_what_only_a_syntax_tree_tells_makes_a_file_parsed(text: str) -> None:
    assert must_parse(text)
    assert must_parse(f"x = 1\n{text}\n")


@pytest.mark.parametrize("text", PLAIN)
def test_what_the_text_tells_makes_no_file_parsed(text: str) -> None:
    assert not must_parse(text)
    assert must_parse(f"{text}\nimport_module(name)")


@pytest.mark.parametrize(
    "text",
    [
        "import" + " " * 200_000,
        "import " + "a, " * 100_000,
        "x" * 1_000_000 + "; __import__" * 20_000,
    ],
)
def test_long_texts_are_judged_in_time(text: str) -> None:
    start = time.process_time()
    must_parse(f"exec('{text}')")
    assert time.process_time() - start < 1


def test_many_literal_calls_are_read_in_time() -> None:
    start = time.process_time()
    facts = extract(
        b"\n" * 1_000_000 + b"import_module('plain')\nimport_module('other')\n" * 20_000
    )
    assert time.process_time() - start < 3
    assert [(one.text, one.line) for one in facts.references] == [
        ("other", 1_000_002),
        ("plain", 1_000_001),
    ]


@pytest.mark.parametrize(
    ("rule", "name"), [(rule, name) for rule in CALL_RULES for name in sorted(rule.functions)]
)
def test_every_function_that_a_rule_reads_is_part_of_a_text_it_looks_for(
    rule: CallRule, name: str
) -> None:
    if isinstance(rule, PackageResources):  # found by their modules, under any name
        assert any(module in rule.words for module in ("importlib.resources", "pkgutil"))
    else:
        assert any(name in text for text in rule.words)


def test_nothing_that_reads_calls_holds_itself() -> None:
    """A run with thousands of files has no collection of garbage, which takes long."""
    text = (
        b"import importlib\n\n\ndef load(name):\n    return importlib.import_module(f'a.{name}')\n"
    )
    gc.collect()
    try:
        gc.set_debug(gc.DEBUG_SAVEALL)
        assert extract(text).prefixes
        gc.collect()
        # other threads of the run (coverage, workers) may leave garbage of their own meanwhile
        names = [str(getattr(it, "__module__", "")) for it in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert not [name for name in names if name.startswith("tradai_tasks")]

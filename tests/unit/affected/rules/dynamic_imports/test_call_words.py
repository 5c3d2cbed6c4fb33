"""Words that make a file worth parsing for calls that import."""

from __future__ import annotations

import gc

import pytest

from tradai_tasks.affected.rules.catalog import DEFAULT
from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallRule
from tradai_tasks.affected.rules.fact_extraction import extract
from tradai_tasks.affected.rules.kinds.package_resources import PackageResources
from tradai_tasks.affected.rules.prefilter import marks_in


def must_parse(text: str) -> bool:
    return DEFAULT.must_parse(text, marks_in(text))


WORDS = sorted(frozenset().union(*(rule.words for rule in DEFAULT.of_calls)) - {"filterwarnings"})


@pytest.mark.parametrize("word", WORDS)
def test_every_word_makes_a_file_parsed_wherever_it_stands(word: str) -> None:
    assert must_parse(word)
    assert must_parse(f"x = 1\n{word} \n")


@pytest.mark.parametrize(
    "text", ["allocate(x)", "retrieval(x)", "model.eval()", "my_testdir", "xrunpy", "runpy2"]
)
def test_parts_of_common_words_make_no_file_parsed(text: str) -> None:
    assert not must_parse(text)
    assert must_parse(f"{text}\nlocate")
    assert must_parse(f"{text}\nbuiltins.eval(x)")


@pytest.mark.parametrize(
    ("rule", "name"), [(rule, name) for rule in DEFAULT.of_calls for name in sorted(rule.functions)]
)
def test_every_function_that_a_rule_reads_is_part_of_a_text_it_looks_for(
    rule: CallRule, name: str
) -> None:
    if isinstance(rule, PackageResources):  # found by their modules, under any name
        assert any(module in rule.words for module in ("importlib.resources", "pkgutil"))
    else:
        assert any(name in text for text in rule.looked_for)


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

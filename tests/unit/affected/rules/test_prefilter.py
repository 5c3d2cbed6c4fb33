"""The texts that decide how a file is read are found alike with the extra `fast` and without."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.facts import texts
from tests.unit.affected.rules.test_fact_extraction import corpus
from tradai_tasks.affected.rules import prefilter as marks
from tradai_tasks.affected.rules.dynamic_imports.importing_calls import Marks
from tradai_tasks.affected.rules.fact_extraction import decode, extract

PARTS = (*marks._ALL, *"aé\n (\".'", "テ", "mm", "--m", "rr", "fil", "es(")
needs_extra = pytest.mark.skipif(
    marks._in_one_pass() is None, reason="ahocorasick-rs (the extra fast) is not installed"
)


@pytest.fixture
def _no_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "ahocorasick_rs", None)  # as if it were not installed
    marks._in_one_pass.cache_clear()
    yield
    marks._in_one_pass.cache_clear()


def at_once(text: str) -> Marks:
    search = marks._in_one_pass()
    assert search is not None
    return search(text)


@needs_extra
@settings(max_examples=examples(400))
@given(text=st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_any_text_has_the_same_marks_with_the_extra_and_without(text: str) -> None:
    assert marks._one_by_one(text) == at_once(text)


@needs_extra
def test_real_code_has_the_same_marks_with_the_extra_and_without() -> None:
    for file in corpus()[::5]:
        try:
            text = decode(file.read_bytes())
        except (LookupError, UnicodeDecodeError):
            continue
        assert marks._one_by_one(text) == at_once(text), file


@pytest.mark.usefixtures("_no_extra")
def test_without_the_extra_marks_are_found_one_by_one() -> None:
    assert marks._in_one_pass() is None
    assert marks.marks_in("import_module(x)\n'-m' and '-m'") == {
        "'-m'": [17, 26],
        "import_module": [0],
    }
    assert texts(extract(b"import importlib\nimportlib.import_module('a')\n")) == ("a",)

"""Dotted names of a data file, held against a search for them from its beginning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.measured import calls_of
from tradai_tasks.affected.parse.text_examples import _DOTTED, extract_data

PIECES = (
    "a",
    "B_",
    "x1",
    "9",
    ".",
    ".",
    "..",
    "/",
    "\\",
    "@",
    "-",
    " ",
    '"',
    ":",
    "\n",
    ".py",
    "é",
)


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
def test_names_are_those_that_a_search_of_the_whole_finds(text: str) -> None:
    data = text.encode()
    whole = dict.fromkeys(n.decode() for n in _DOTTED.findall(data) if not n.endswith(b".py"))
    assert extract_data(".json", data).strings == tuple(whole)


def test_a_name_longer_than_any_modules_is_none() -> None:
    assert extract_data(".json", b'"' + b"a" * 120 + b'.b"').strings == ("a" * 120 + ".b",)
    assert extract_data(".json", b'"' + b"a" * 121 + b'.b"').strings == ()


def test_a_large_data_file_costs_as_much_as_it_has_dotted_names() -> None:
    plain, named = b'{"name": "value", "rate": 1.5},\n', b'{"class": "pkg.mod.Class"},\n'
    few = calls_of(lambda: extract_data(".json", plain * 1_000))
    assert calls_of(lambda: extract_data(".json", plain * 10_000)) == few < 100
    assert calls_of(lambda: extract_data(".json", named * 1_000)) < 20 * 1_000

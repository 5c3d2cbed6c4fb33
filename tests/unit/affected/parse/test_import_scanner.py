"""The two ways of reading a text, all at once and token by token, say the same."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.unit.affected.rules.test_fact_extraction import corpus
from tradai_tasks.affected.parse import import_scanner as lexical
from tradai_tasks.affected.parse import string_scanner as strings
from tradai_tasks.affected.rules.fact_extraction import decode

PARTS = (
    *("import a.b\n", "from a import (b,  # c\n  d)\n", "; from .x import *\n", "reimport = 1\n"),
    *(
        "'a.b'",
        '"a." ',
        "'c.d'",
        " + ",
        "\\\n",
        '"""doc\nimport x\n"""\n',
        "'''it's'''",
        "''",
        '""',
    ),
    *(
        "f'{a[\"b.c\"]}'",
        "f'{a}'",
        'rf"{x!r:>{w}}"',
        "f'}}{a}'",
        "F'{d['k']}'",
        "elif'x.y'",
        "t'{q}'",
    ),
    *("# import z\n", "# it's\n", "'open", '"', "'''", "\\'", "\n", " ", "x", "(", ")", "{", "}"),
    *("'a\\u002eb'", "r'a\\u002eb'", '"\\u30c6.b"', "'c.\\\nd'", "\\\\", '\\"'),
    *("ROOT / 'a' / 'b.py'\n", "path.join(x, 'a', 'b')\n", "'../c/d'", ", ", " / ", "__file__"),
    *("'" + "long." * 60 + "x'", "x y\n", "?", "= ="),
)


def walked(text: str) -> lexical.Scan:
    """The text read as it is divided token by token."""
    pieces = strings.divide_slowly(text)
    marks = [mark for mark in lexical.MARKS if mark in text]
    return lexical.read(text, pieces, strings._formatted(pieces), marks)


def is_divided_at_once(text: str) -> bool:
    return strings.divide(text)[0] == strings.SPLIT.split(text)


@settings(max_examples=examples(400))
@given(text=st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
def test_any_text_is_read_alike_in_both_ways(text: str) -> None:
    assert lexical.scan(text) == walked(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 'a' # b\ny", "x =        \ny"),
        ("f'{a['k']}' 'b'", "f'{a['k']}'    "),
        ("f'a' + b'c'", "f    + b   "),
        ('"""a\nb""" c', "    \n     c"),
        ("a 'open b\n# c", "a        \n   "),
    ],
)
def test_only_code_and_the_fields_of_f_strings_are_left(text: str, code: str) -> None:
    assert strings.mask(text) == code


def test_real_code_is_read_alike_in_both_ways_and_mostly_at_once() -> None:
    walks = 0
    for file in corpus():
        try:
            text = decode(file.read_bytes())
        except (LookupError, UnicodeDecodeError):
            continue
        assert lexical.scan(text) == walked(text), file
        walks += not is_divided_at_once(text)
    assert walks < len(corpus()) / 10


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        (r'"\u30c6\u30b9\u30c8.html"', ["テスト.html"]),
        (r'"a\x2eb" "\56c"', ["a.b", "a.b.c"]),
        (r'"a.\N{LATIN SMALL LETTER B}:\U00000063"', ["a.b:c"]),
        ('"a.\\\nb"', ["a.b"]),  # goes on in the next line
        (r'r"\u0061.b", Rb"\x61.b", "a.\\u0062"', []),
        (r'"a.\N{NO SUCH NAME}", "a.\U00110000", "a.\d"', []),
    ],
)
def test_escapes_in_strings_are_read_as_what_they_stand_for(text: str, strings: list[str]) -> None:
    for read in (lexical.scan(f"x = {text}\n"), walked(f"x = {text}\n")):
        assert list(read.strings) == strings
    nested = walked(f"x = f'{{a['b']}}', {text}\n")
    assert list(nested.strings) == strings


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"a.b:make()"', "a.b:make"),
        ('"a:make(debug=1)"', "a:make"),
        ('"--app=a.b"', "a.b"),
        ('"-p" "a.b"', "a.b"),
        ('"-pa.b"', "a.b"),
        ('"APP=a.b:c"', "a.b:c"),
        ('"ext://a.b.c"', "a.b.c"),
    ],
)
def test_a_name_may_be_part_of_an_option_or_a_call(text: str, name: str) -> None:
    assert name in lexical.scan(f"run({text})\n").strings


MANY = 100_000


@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\\\" * MANY + '"\n',
        '"' + "\\\\" * MANY,
        '"' + 'a\\"' * MANY + "\n",  # each of these quotes could begin a string
        "'" + "a\\'" * MANY + "\n",
        '"""' + 'a" ' * MANY + '"""\n',
        '"""' + 'a" ' * MANY,
        '"""' + '\\"""' * MANY,
        "'''" + '""" \\""" ' * MANY,
        '"' * MANY,
        "'\"" * MANY,
        '"abc\n' * MANY,
        "#" * MANY + '"',
    ],
)
def test_strings_of_a_million_characters_take_little_memory_and_no_time(text: str) -> None:
    tracemalloc.start()
    try:
        pieces = strings.SPLIT.split(text)
        # what is returned: 90 bytes a piece, and the text itself
        assert tracemalloc.get_traced_memory()[1] < 100 * len(pieces) + 12 * len(text)
    finally:
        tracemalloc.stop()
    assert "".join(pieces) == text
    assert lexical.scan(text) == walked(text)


def test_statements_on_one_line_are_read_each_from_its_own_beginning() -> None:
    text = "from a import b; import c;" + " import d;" * 300 + " from e import f; import g\n"
    expected = [("a", ("b",)), ("c", ()), ("d", ()), ("e", ("f",)), ("g", ())]
    assert list(lexical.scan(text).imports) == expected

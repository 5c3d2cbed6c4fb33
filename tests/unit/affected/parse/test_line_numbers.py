"""The line of a statement is found however the statement is laid out."""

from __future__ import annotations

import pytest

from tradai_tasks.affected.parse.facts import Import
from tradai_tasks.affected.parse.line_numbers import line_of_import


@pytest.mark.parametrize(
    ("text", "statement", "line"),
    [
        ("import os\n\nfrom . import (\n    b,\n    c,\n)\n", (".", ("b", "c")), 3),
        ("import os\nfrom .a.b import c as d\n", (".a.b", ("c as d",)), 2),
        ("import os, \\\n    a.b\n", ("a.b", ()), 1),
        ("x = 1\nfrom a \\\n    import b\n", ("a", ("b",)), 2),
        ("'''\nfrom a import b\n'''\n\nfrom a import b\n", ("a", ("b",)), 5),
        ("'''\nfrom a import b\n'''\n", ("a", ("b",)), 2),
        ("import a", ("a", ()), 1),
        ("pass\n" * 3 + "import x;" * 60 + " import a.b as c\n", ("a.b as c", ()), 4),
        ("import b\n", ("a", ()), 0),
        ("from .. import *\n", ("..", ("*",)), 1),
    ],
)
def test_line_of_an_import(text: str, statement: Import, line: int) -> None:
    assert line_of_import(text, statement) == line

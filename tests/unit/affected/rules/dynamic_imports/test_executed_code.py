"""Code in strings and code made from parts: nothing that it imports is left out in silence."""

from __future__ import annotations

import pytest

from tests.support.facts import texts
from tradai_tasks.affected.rules.fact_extraction import extract

MANY = ", ".join(f"'n{number}'" for number in range(1_100))
FORTY = ", ".join(f"'n{number}'" for number in range(40))
RUN = "import subprocess, sys\n{loops}subprocess.run([sys.executable, '-c', f'import {names}'])\n"


def source(names: str, *tables: str) -> bytes:
    loops = "".join(
        f"{'  ' * depth}for {name} in [{table}]:\n"
        for depth, (name, table) in enumerate(zip("xy", tables, strict=False))
    )
    return RUN.format(loops=loops + "  " * len(tables), names=names).encode()


def test_a_few_names_are_told() -> None:
    facts = extract(source("a.{x}", FORTY))
    assert {f"a.n{number}" for number in range(40)} <= set(texts(facts))
    assert not facts.dynamic


def test_too_many_names_below_a_package_are_all_of_the_package() -> None:
    assert "a." in texts(extract(source("a.{x}", MANY)), "package")


@pytest.mark.parametrize(("names", "tables"), [("{x}", (MANY,)), ("{x}.{y}", (FORTY, FORTY))])
def test_too_many_names_of_any_package_widen(names: str, tables: tuple[str, ...]) -> None:
    assert "code that imports a computed name" in extract(source(names, *tables)).dynamic


@pytest.mark.parametrize(
    "text",
    [
        "run([python, '-c', 'import one.two'])",
        "def made():\n    return f'import os\\nfrom one import two\\n{more}'",
        "run('import os; '\n    'from one import two')",
        'CODE = """\nfrom one import (\n    two,\n)\n"""',
        'CODE = HEAD + """\nfrom one import two\n"""',
        "run('import os; from one import ('\n    'two, three); print()')",
        "run('from ' + 'one import ' # here\n    + 'two')",
    ],
)
def test_code_in_strings_of_a_file_that_starts_processes_is_read(text: str) -> None:
    assert "one.two" in texts(extract(f"import subprocess\n{text}\n".encode()))


@pytest.mark.parametrize(
    "text", ["'cannot import one.two'", '"""Say.\n\nfrom one import two\n"""', "# 'import one.two'"]
)
def test_prose_and_docstrings_are_no_code(text: str) -> None:
    assert texts(extract(f"import subprocess\n{text}\n".encode())) == ()

"""What pages say, held against what there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradai_tasks.docs.freshness import RepositoryNames, external_links, recipes_of, stale

FACTS = RepositoryNames(
    files=frozenset(
        {"README.md", "docs/a.md", "docs/deep/b.md", "src/pkg/code.py", "justfile", "img/x y.png"}
    ),
    sessions=frozenset({"test", "lint", "deploy"}),
    recipes=frozenset({"check", "release"}),
    ignore=("src/made/*", "later"),
)


def said(text: str, page: str = "README.md") -> list[tuple[int, str]]:
    pages = {page: text, "docs/a.md": "# One\n\n## Two words\n\n## Two words\n"}
    return [(one.line, one.what) for one in stale(pages, FACTS) if one.page == page]


@pytest.mark.parametrize(
    "text",
    [
        "see [a](docs/a.md), [b](docs/deep/), [top](/README.md), ![](img/x%20y.png)",
        "[one](docs/a.md#one), [two](docs/a.md#two-words), [again](docs/a.md#two-words-1)",
        '# Here\n\n[here](#here) and <a id="mark"></a>[mark](#mark)',
        "[web](https://example.com/docs/gone.md), [mail](mailto:a@example.com)",
        "`[no link](gone.md)` and `src/pkg/code.py`, `./docs/`, `src/pkg/code.py:12`",
        "`tradai/backend` is an image, `src/<name>/x.py` a pattern, `a/b` nothing of ours",
        "`src/made/it.py` is ignored; `nox -s later` too",
        '`nox -s test -- -k x`, `nox -s "test(backend)"`, `nox -s test-3.11(a)`, `nox -l`',
        "```console\n$ nox -s lint\nnox > Running session gone: nox -s gone\n```",
        "```python\nnox -s gone\n[x](gone.md)\n```",
        "~~~\njust check # just gone\n~~~",
        "it is just gone, and `adjust gone`",
        "```toml\n[tool.tradai-tasks.deploy]\ntimeout = 3\n```",
        "```toml\n[tool.tradai-tasks]\nfloor = 70\n```",
        "```toml\nthis is no toml\n```",
        "```toml\n[tool]\n```",
        "[ref]\n\n[ref]: docs/a.md\n\n[^note]: gone.md",
    ],
)
def test_what_is_so_is_let_pass(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x\n\n[a](docs/gone.md)", [(3, "link to docs/gone.md: no such file")]),
        ("[ref]: docs/gone.md 'title'", [(1, "link to docs/gone.md: no such file")]),
        (
            "[a](docs/a.md#two-word)",
            [(1, "link to docs/a.md#two-word: no such heading; did you mean '#two-words'?")],
        ),
        ("[a](/docs/gone.md)", [(1, "link to /docs/gone.md: no such file")]),
        ("[a](/guide/start/) [b](/gone.png)", [(1, "link to /gone.png: no such file")]),
        ("[a](#nope)", [(1, "link to #nope: no such heading")]),
        ("`src/pkg/gone.py`", [(1, "`src/pkg/gone.py`: no such file or folder")]),
        ("`docs/gone/`", [(1, "`docs/gone/`: no such file or folder")]),
        ("`nox -s tset`", [(1, "session tset: there is none; did you mean 'test'?")]),
        (
            "```console\n$ nox -s lint -s gone\n$ just releas x\n```",
            [
                (2, "session gone: there is none"),
                (3, "recipe releas: there is none; did you mean 'release'?"),
            ],
        ),
        (
            "\n```toml\n[tool.tradai-tasks.deploy]\ntimeot = 3\n```",
            [(3, "tool.tradai-tasks.deploy.timeot: unknown key; did you mean 'timeout'?")],
        ),
    ],
)
def test_what_is_not_so_is_found(text: str, found: list[tuple[int, str]]) -> None:
    assert said(text) == found


def test_links_are_relative_to_the_page() -> None:
    assert said("[up](../a.md) [code](../../src/pkg/code.py)", "docs/deep/b.md") == []
    assert said("[a](a.md)", "docs/deep/b.md") == [(1, "link to a.md: no such file")]


def test_without_a_justfile_no_recipe_is_looked_for() -> None:
    facts = RepositoryNames(
        files=frozenset({"README.md"}), sessions=frozenset(), recipes=frozenset()
    )
    assert stale({"README.md": "`just anything`"}, facts) == []


def test_web_addresses_are_gathered_once() -> None:
    pages = {
        "a.md": "[x](https://example.com/a#b)\n[y](https://example.com/c)\n`[z](https://no.example)`",
        "b.md": "[x](https://example.com/a)",
    }
    assert external_links(pages) == {
        "https://example.com/a": ("a.md", 1),
        "https://example.com/c": ("a.md", 2),
    }


def test_recipes() -> None:
    text = (
        "set shell := ['sh']\nx := 'y'\n\n# all\ncheck *args:\n    nox {{args}}\n\n@fmt name='x':\n"
    )
    assert recipes_of(text) == {"check", "fmt"}


@given(st.text(alphabet="`[]()#~\n /.ajusnox-", max_size=200))
def test_any_text_is_read(text: str) -> None:
    lines = text.split("\n")
    for one in stale({"README.md": text}, FACTS):
        assert one.page == "README.md"
        assert lines[one.line - 1].strip(), one
        assert one.what
    for url, (page, line) in external_links({"README.md": text}).items():
        assert (page, url in lines[line - 1]) == ("README.md", True)

"""What the site's build reads from the source."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from site_pages import messages_text, on_page_markdown
from tradai_tasks import errors

CONFIG = SimpleNamespace(repo_url="https://example.com/o/r/")


@pytest.fixture(scope="module")
def text() -> str:
    return messages_text()


def test_every_kind_of_failure_has_a_section(text: str) -> None:
    kinds = {name for name in vars(errors) if name.endswith("Error")} - {"TasksError"}
    assert len(kinds) > 80
    assert [name for name in sorted(kinds) if f"\n### {name}\n" not in text] == []


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("affected: a session failed", "the summary above names it"),
        ("&lt;name&gt;: no test is marked &lt;marker&gt;", "mark them with @pytest.mark."),
        ("&lt;action&gt;: denied", "allow the action &lt;needed&gt; in the IAM policy"),
    ],
)
def test_a_message_has_its_advice_with_it(text: str, message: str, advice: str) -> None:
    assert f"<th scope=row>{message}</th><td>{advice}" in text


def test_links_out_of_the_documentation_lead_to_the_repository() -> None:
    shown = on_page_markdown("[a](../b/c.py) [d](e.md#f)", page=None, config=CONFIG, files=None)
    assert shown == "[a](https://example.com/o/r/blob/main/b/c.py) [d](e.md#f)"


def test_a_mark_that_nothing_is_made_for_is_no_silent_gap() -> None:
    with pytest.raises(KeyError):
        on_page_markdown(
            "<!-- made by tools/site_pages.py: gone -->", page=None, config=CONFIG, files=None
        )

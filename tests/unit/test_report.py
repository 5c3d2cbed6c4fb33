"""Tables on the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.safe_lines import is_safe_line
from tradai_tasks import report

PATH = "libs/tradai-common/src/tradai/common/configuration.py"
WORDS = st.lists(st.text("ab/_é世", min_size=1, max_size=30), max_size=8).map(" ".join)


def table(*rows: tuple[str, ...], width: int | None = None) -> list[str]:
    """The lines of a table below its title."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        if width is not None:
            patch.setenv("COLUMNS", str(width))
        report.print_table("Title", ("kind", "because of"), rows, file=out)
    return out.getvalue().splitlines()


def test_a_table_is_as_wide_as_it_needs_where_there_is_no_terminal() -> None:
    assert table(("package", f"{PATH} <- {PATH}"), ("世界", "x\ny")) == [
        "Title",
        "kind     because of",
        f"-------  {'-' * (2 * len(PATH) + 4)}",
        f"package  {PATH} <- {PATH}",
        "世界     x",
        "         y",
    ]


def test_a_narrow_terminal_wraps_between_words() -> None:
    assert table(("package", f"{PATH} <- {PATH} (imports it)"), width=70)[3:] == [
        f"package  {PATH} <-",
        f"         {PATH}",
        "         (imports it)",
    ]


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1), st.integers(1, 120))
def test_no_word_is_ever_broken(rows: list[tuple[str, str]], width: int) -> None:
    words = " ".join(table(*rows, width=width)).replace("-", " ").split()
    given = [word for row in rows for cell in row for word in cell.split()]
    assert sorted(words) == sorted(["Title", "kind", "because", "of", *given])


def test_a_table_without_rows_is_a_sentence() -> None:
    assert table() == ["Title: none"]


def test_a_wrapped_word_is_no_command_to_a_ci_runner() -> None:
    lines = table(("a", "words ::error::x"), width=12)
    assert len(lines) > 4
    assert all(map(is_safe_line, lines))


def test_reports_go_where_people_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report.print_table("A [b]title", ["x"], [["[red]cell"]])
    assert "[red]cell" in capsys.readouterr().out
    assert report.markdown_table(["a"], [["x|y\nz"]]) == "| a |\n| --- |\n| x\\|y z |\n"
    summary, output = tmp_path / "summary", tmp_path / "output"
    report.append_markdown("text", {})
    report.append_markdown("text", {"GITHUB_STEP_SUMMARY": str(summary)})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert summary.read_text() == "text"
    report.write_outputs({"a": "1"}, {})
    report.write_outputs({"a": "1", "b": "[]"}, {"GITHUB_OUTPUT": str(output)})
    assert output.read_text() == "a=1\nb=[]\n"
    with pytest.raises(ValueError, match="the output 'a' has a line break"):
        report.write_outputs({"a": "1\nb=2"}, {"GITHUB_OUTPUT": str(output)})
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    report.annotate("error", "x")
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report.annotate("error", "50%\nmore", file="a,b:c.py", line=3)
    report.annotate("notice", "x")
    said = capsys.readouterr().out.splitlines()
    assert said == ["::error file=a%2Cb%3Ac.py,line=3::50%25%0Amore", "::notice ::x"]

"""Names, paths and the words of servers are text in whatever is shown."""

from __future__ import annotations

import errno
import inspect
import io
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.safe_lines import is_safe_line
from tradai_tasks import errors, report
from tradai_tasks.errors import CheckFailedError, ConflictError, TasksError
from tradai_tasks.sessions.core.error_door import keep_text_safe
from tradai_tasks.text import LONGEST, safe, safe_lines

SOURCES = Path(errors.__file__).parents[1]
CLASSES = [
    one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, TasksError)
]
NASTY = st.sampled_from(
    ["\n", "\r", "\x1b[31m", "::add-mask::x", "##[add-mask]x", "\u2028", "\u202e", "\ud800", " ",
     "\x85", "\u200b", "\u3164", "%0A", "\\n", "|", "`", "<b>", "[a](b)", "\t", "\x9b", "a"]
)  # fmt: skip
NAMES = st.lists(NASTY | st.text(max_size=5), max_size=8).map("".join)


@given(NAMES)
def test_a_text_is_one_safe_line_and_stays_so(name: str) -> None:
    shown = safe(name)
    assert is_safe_line(shown)
    assert safe(shown) == shown
    if name.isascii() and name.isprintable() and ":" not in name and "#" not in name:
        assert shown == name


def test_a_long_text_is_cut_in_its_middle() -> None:
    shown = safe("a" * LONGEST + "b" * LONGEST)
    assert len(shown) == LONGEST
    assert shown.startswith("aaa")
    assert shown.endswith("bbb")
    assert safe("\u202e" * 10**6) == safe(safe("\u202e" * 10**6))


@given(NAMES)
def test_every_error_is_a_line_for_each_fault(name: str) -> None:
    for one in CLASSES:
        assert is_safe_line(str(one(name)))
        assert is_safe_line(str(one(f"{name}: wrong")))
        assert all(map(is_safe_line, one(name).args))
    several = CheckFailedError(ConflictError(name, f"x{name}"), name)
    assert len(several.faults) == 3
    assert str(several).split("\n") == list(several.faults)
    assert all(map(is_safe_line, several.faults))


@given(NAMES, NAMES)
def test_what_is_printed(name: str, other: str) -> None:
    out = io.StringIO()
    report.say(name, other, file=out)
    assert len(out.getvalue().split("\n")) == 3
    assert all(map(is_safe_line, out.getvalue().split("\n")))
    out = io.StringIO()
    report.print_table(name, (name, "b"), [(other, name)], file=out)
    assert all(map(is_safe_line, out.getvalue().split("\n")))
    assert all(map(is_safe_line, safe_lines(f"{name}\n{other}").split("\n")))


@given(NAMES, NAMES)
def test_a_table_in_markdown_keeps_its_cells(name: str, other: str) -> None:
    table = report.markdown_table(("a", "b"), [(name, other)])
    lines = table.split("\n")
    assert len(lines) == 4
    assert all(map(is_safe_line, lines))
    # pipes that are not escaped, an even number of backslashes before them
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", lines[2])) == 3


@pytest.mark.parametrize("name", ["a\n::add-mask::x", "\x1b[2J", "##[group]x", "a\r::error::"])
def test_annotations_and_logs(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report.annotate("error", name, file=name, line=1)
    out = capsys.readouterr().out
    assert out.startswith("::error file=")
    assert out.count("\n") == 1
    assert out[:-1].isprintable()
    assert "##[" not in out
    log = logging.getLogger("nox")
    monkeypatch.setattr(log, "filters", [])
    keep_text_safe()
    for level, lines in ((logging.INFO, 1), (logging.ERROR, name.count("\n") + 1)):
        record = logging.LogRecord("nox", level, "", 1, "of %s", (name,), None)
        assert log.filter(record)
        assert len(record.getMessage().split("\n")) == lines
        assert all(map(is_safe_line, record.getMessage().split("\n")))


def test_a_summary_takes_what_is_no_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    report.append_markdown("a\ud800b", {"GITHUB_STEP_SUMMARY": str(file)})
    assert file.read_text(encoding="utf-8") == "a\\ud800b"


def test_git_is_run_by_one_function() -> None:
    own = {"git_environment.py", "audit.py", "process.py"}
    found = [
        file.name
        for file in SOURCES.rglob("*.py")
        if file.name not in own and re.search(r"\[\s*\"git\"", file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_request_goes_through_one_client() -> None:
    sending = re.compile(
        r"httpx\.(Client|get|post|put|request|stream)\(|requests\.(get|post|put)\("
    )
    found = [
        file.name
        for file in SOURCES.rglob("*.py")
        if sending.search(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_what_the_machine_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "No space left on device; make room" in str(report.machine_fault(full))
    assert report.machine_fault(OSError(errno.EACCES, "Permission denied")) is None
    closed = OSError(errno.EROFS, "Read-only file system", "/w/build")
    assert report.machine_fault(closed) == (
        "/w/build: cannot be written: Read-only file system; work in a copy of the repository that "
        "is writable"
    )
    name = UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range")
    assert report.machine_fault(name) is None
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "ascii")
    assert "set PYTHONUTF8=1" in str(report.machine_fault(name))


def test_no_error_is_made_of_lines_joined_by_hand() -> None:
    joined = re.compile(r"raise \w+\([^()]*\"\\n\"\.join|(?<![\w.])print\(")
    found = [
        f"{file.name}: {match[0]}"
        for file in SOURCES.rglob("*.py")
        for match in joined.finditer(file.read_text(encoding="utf-8"))
        if "json.dumps" not in file.read_text(encoding="utf-8")[match.end() - 1 : match.end() + 20]
    ]
    # Help, JSON, commands to the CI runner, and scripts where this library is not installed.
    plain = {
        "arguments.py", "fork_server.py", "image_probe.py", "images.py", "parallel_output.py",
        "tradai_tasks_coverage.py", "tradai_tasks_record.py",
    }  # fmt: skip
    assert [one for one in found if one.partition(":")[0] not in plain] == []

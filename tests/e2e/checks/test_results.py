"""Results of test files, kept and replayed by the real tools."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.support.real import Result, edit, git, nox, write
from tests.support.small import small_workspace

RESULTS = '\n[tool.tradai-tasks.results]\nreplay = "auto"\n\n[tool.coverage.run]\nbranch = true\n'
FILES = {
    "libs/alpha/src/alpha/more.py": "LIMIT = 2\n\n\ndef used(x: int) -> int:\n"
    "    if x > LIMIT:\n        return 1\n    return 2\n\n\ndef idle() -> int:\n    return 3\n",
    "libs/alpha/src/alpha/data.json": "[1, 2]",
    "libs/alpha/tests/test_more.py": "from alpha.more import used\n\n\n"
    "def test_used() -> None:\n    assert used(3) == 1\n",
    "libs/alpha/tests/test_data.py": "import json\nfrom pathlib import Path\n\nimport alpha\n"
    "import pytest\n\n\n@pytest.fixture(scope='session')\ndef data():\n"
    "    return json.loads((Path(alpha.__file__).parent / 'data.json').read_text())\n\n\n"
    "def test_data(data) -> None:\n    assert data\n\n\n"
    "@pytest.mark.skip(reason='no')\ndef test_skipped() -> None:\n    pass\n",
    # a file of another member, of which no edge tells
    "libs/beta/notes.dat": "1",
    "libs/alpha/tests/test_far.py": "from pathlib import Path\n\n\n"
    "def test_far() -> None:\n"
    "    assert (Path(__file__).parents[2] / 'beta' / ('no' + 'tes.dat')).read_text()\n",
    # a variable that is read where no recording sees it
    "libs/alpha/tests/test_hidden.py": "import ctypes\n\nfrom alpha.more import used\n\n\n"
    "def test_hidden() -> None:\n    assert used(1) == 2\n"
    "    assert ctypes.CDLL(None).getenv(b'HIDDEN') == 0\n",
}
EVENT = {"pull_request": {"base": {"ref": "main", "sha": "1" * 40}, "head": {"sha": "1" * 40}}}


class Alpha:
    """The sessions of one package, with a store of their own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home = small_workspace(home, FILES)
        root = home / "pyproject.toml"
        root.write_text(root.read_text() + RESULTS)
        git(home, "init", "-q", "-b", "main")
        git(home, "add", "-A")
        git(home, "commit", "-q", "-m", "first")
        self.store = folder
        self.reports = home / "build/reports/test/test-alpha"

    def nox(self, *words: str, status: int = 0, session: str = "test(alpha)", **env: str) -> Result:
        env = {"TRADAI_TASKS_CACHE": str(self.store), "TRADAI_TASKS_REPLAY": "", **env}
        result = nox(self.home, "-s", session, *words, env=env)
        assert result.status == status, result.text
        return result

    def counts(self, *words: str, status: int = 0, **env: str) -> str:
        """Run the tests, and return how many files were run and replayed."""
        found = re.search(r"\d+ test files: (.*)", self.nox(*words, status=status, **env).text)
        assert found is not None
        return re.sub(r" since .*", "", found[1])

    def figures(self) -> tuple[Any, int, int]:
        """Return the covered lines, and the numbers of cases in JUnit, all and replayed ones."""
        files = json.loads((self.reports / "coverage.json").read_text())["files"]
        lines = {n: (f["executed_lines"], f["executed_branches"]) for n, f in files.items()}
        suite = ET.parse(self.reports / "junit.xml").getroot()[0]
        marks = [one for one in suite.iter("property") if one.get("name") == "replayed"]
        return lines, int(suite.get("tests", "0")), len(marks)


@pytest.fixture(scope="module")
def alpha(tmp_path_factory: pytest.TempPathFactory) -> Alpha:
    home = tmp_path_factory.mktemp("results")
    return Alpha(home / "w", home / "cache")


def test_only_what_changed_is_run_and_the_figures_are_those_of_a_full_run(alpha: Alpha) -> None:
    first = alpha.nox()
    assert "5 test files: 5 run\n" in first.text
    full = alpha.figures()
    assert full[1:] == (6, 0)
    kept = [(alpha.reports / name).read_bytes() for name in ("coverage.xml", "coverage.json")]
    again = alpha.nox()
    assert "pytest" not in again.text  # nor is anything installed
    assert "uv sync" not in again.text
    assert kept == [
        (alpha.reports / name).read_bytes() for name in ("coverage.xml", "coverage.json")
    ]
    assert "5 test files: 0 run, 5 unchanged since they were green (" in again.text
    assert f" ago at {git(alpha.home, 'rev-parse', 'HEAD')[:7]})" in again.text
    assert alpha.figures() == (full[0], 6, 6)
    [before] = re.findall(r"summary: .*", first.text)
    assert f"{before}, 5 of 5 test files unchanged\n" in again.text
    edit(alpha.home / "libs/alpha/tests/test_more.py", "used(3)", "used(4)")
    assert alpha.counts() == "1 run, 4 unchanged"
    assert alpha.figures() == (full[0], 6, 5)
    edit(alpha.home / "libs/alpha/src/alpha/data.json", "[1, 2]", "[3]")
    # the file that reads it, and the one that loads a C library, which may read any data
    assert alpha.counts() == "2 run, 3 unchanged"
    assert alpha.figures()[0] == full[0]
    # also of a file that runs nothing of what is measured
    assert alpha.counts() == "0 run, 5 unchanged"
    edit(alpha.home / "libs/alpha/src/alpha/data.json", "[3]", "[4]")
    assert alpha.counts() == "2 run, 3 unchanged"
    shown = alpha.nox(session="results").text
    assert re.search(r"test\(alpha\) +5 +3 +60 %", shown)
    assert re.search(r"libs/alpha/tests/test_data.py +libs/alpha/src/alpha/data.json", shown)


def test_an_environment_that_is_used_as_it_is_is_that_of_the_run_that_is_replayed(
    alpha: Alpha,
) -> None:
    alpha.nox()
    again = alpha.nox("-R").text
    assert "0 run, 5 unchanged" in again
    assert "-m pytest" not in again
    environment = alpha.home / ".nox/test-alpha"
    record = next(environment.glob("lib/*/site-packages/pytest-*.dist-info/RECORD"))
    record.write_text(record.read_text() + "other.py,sha256=1,1\n")
    changed = alpha.nox("-R").text
    assert "5 test files: 5 run" in changed
    assert "-m pytest" in changed


def test_what_fails_is_run_until_it_is_green(alpha: Alpha) -> None:
    alpha.nox()
    code = alpha.home / "libs/alpha/src/alpha/more.py"
    edit(code, "return 1", "return 5")
    for _ in range(2):
        failed = alpha.nox(status=1)
        assert "1 of 6 tests failed" in failed.text
        assert "test_more.py: its result is not kept: a test failed, or was not run" in failed.text
    edit(code, "return 5", "return 1")
    assert alpha.counts() == "0 run, 5 unchanged"  # of the results from before


def test_nothing_is_kept_where_coverage_names_functions(alpha: Alpha) -> None:
    edit(alpha.home / "pyproject.toml", "branch = true", 'dynamic_context = "test_function"')
    try:
        text = alpha.nox().text
        assert "its result is not kept: coverage does not tell test files apart" in text
        assert alpha.counts() == "5 run"
    finally:
        edit(alpha.home / "pyproject.toml", 'dynamic_context = "test_function"', "branch = true")


def test_coverage_is_divided_after_pytest_where_its_own_process_cannot(alpha: Alpha) -> None:
    conftest = alpha.home / "libs/alpha/tests/conftest.py"
    conftest.write_text("import sys\n\nsys.modules['tradai_tasks_coverage'] = None\n")
    try:
        text = alpha.nox().text
        assert "coverage is not divided by test file yet: ModuleNotFoundError(" in text
        assert "5 test files: 5 run\n" in text
        full = alpha.figures()
        edit(alpha.home / "libs/alpha/tests/test_more.py", "assert used", "assert 1 * used")
        text = alpha.nox().text
        assert "coverage is not divided by test file yet: ModuleNotFoundError(" in text
        assert "5 test files: 1 run, 4 unchanged" in text
        assert alpha.figures() == (full[0], 6, 5)
    finally:
        conftest.unlink()
        edit(alpha.home / "libs/alpha/tests/test_more.py", "assert 1 * used", "assert used")


def test_everything_is_run_where_that_is_asked_for(alpha: Alpha, tmp_path: Path) -> None:
    alpha.nox()
    assert alpha.counts("--", "--fresh") == "5 run"
    for quiet in (alpha.nox(TRADAI_TASKS_REPLAY="never"), alpha.nox("--", "-k", "used")):
        assert "test files:" not in quiet.text
    assert alpha.counts(status=0, **pushed("refs/heads/x", tmp_path)) == "5 run"


def pushed(ref: str, folder: Path) -> dict[str, str]:
    event = folder / "event.json"
    event.write_text(json.dumps({"ref": ref, "after": "1" * 40}))
    return {"CI": "1", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event)}


def test_a_pull_request_reads_and_writes_nothing(alpha: Alpha, tmp_path: Path) -> None:
    alpha.nox()
    edit(alpha.home / "libs/alpha/tests/test_more.py", "def test_used", "X = 1\n\n\ndef test_used")
    event = tmp_path / "event.json"
    event.write_text(json.dumps(EVENT))
    pull = {"CI": "1", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    before = sorted(alpha.store.rglob("*"))
    for _ in range(2):
        assert alpha.counts(status=0, **pull) == "1 run, 4 unchanged"
    assert sorted(alpha.store.rglob("*")) == before


def test_a_store_that_is_damaged_or_cannot_be_used_costs_time_alone(alpha: Alpha) -> None:
    alpha.nox()
    for file in alpha.store.rglob("*-*"):
        file.write_bytes(file.read_bytes()[:-1])
    assert alpha.counts() == "5 run"
    write(alpha.home, {"file": ""})
    root = alpha.home / "pyproject.toml"
    edit(root, 'replay = "auto"\n', 'replay = "auto"\nstore = "file"\n')
    assert "everything is run, and no result is kept: " in alpha.nox().text
    edit(root, 'store = "file"\n', "")


def test_a_result_that_proves_wrong_is_named_and_not_replayed_again(
    alpha: Alpha, tmp_path: Path
) -> None:
    alpha.nox()
    assert alpha.counts(HIDDEN="1") == "0 run, 5 unchanged"
    found = alpha.nox(status=1, HIDDEN="1", **pushed("refs/tags/v1.0.0", tmp_path)).text
    assert "test_hidden.py: it failed, although it was green with the same inputs (key" in found
    again = alpha.nox()  # where it is green, and still not trusted
    assert "1 run, 4 unchanged" in again.text
    assert "its result is not kept: it failed before with the same inputs" in again.text
    edit(alpha.home / "libs/alpha/tests/test_hidden.py", "used(1)", "used(0)")
    alpha.nox()
    assert alpha.counts() == "0 run, 5 unchanged"


def test_coverage_under_its_floor_is_shown_by_a_full_run(alpha: Alpha) -> None:
    alpha.nox()
    code = "".join(f"X{number} = 1\n" for number in range(60))
    write(alpha.home, {"libs/alpha/src/alpha/unseen.py": code})
    failed = alpha.nox(status=1).text
    assert "with replayed results coverage is under its floor, so everything is run" in failed
    assert "5 test files: 5 run" in failed
    assert "is under its floor of 60 %" in failed
    (alpha.home / "libs/alpha/src/alpha/unseen.py").unlink()


def test_recordings_narrow_and_widen_the_selection(alpha: Alpha) -> None:
    """A package whose tests would all be replayed has no job; one that reads a change has one."""
    git(alpha.home, "add", "-A")
    git(alpha.home, "commit", "-q", "--allow-empty", "-m", "second")
    alpha.nox()

    def selected() -> tuple[dict[str, Any], list[str]]:
        found = json.loads(alpha.nox("--", "--json", "--base", "HEAD", session="changes").out)
        [item] = [one for one in found["packages"] if one["name"] == "alpha"]
        item["reasons"] = [found["reasons"][place] for place in item["reasons"]]
        return item, [job["sessions"] for job in found["matrix"]["include"]]

    assert selected()[1] == []
    write(alpha.home, {"libs/alpha/unread.dat": "1"})
    item, jobs = selected()
    assert (item["affected"], item["replayed"], jobs) == (True, True, [])
    assert item["replayed_because"].startswith("5 test files unchanged since they were green (")
    for path, text in {"libs/alpha/src/alpha/data.json": "[8]", "libs/beta/notes.dat": "2"}.items():
        before = (alpha.home / path).read_text()
        write(alpha.home, {path: text})
        item, jobs = selected()
        assert "replayed" not in item
        assert "test(alpha)" in jobs
        write(alpha.home, {path: before})
    assert item["reasons"] == ["libs/alpha/unread.dat"]
    (alpha.home / "libs/alpha/unread.dat").unlink()
    write(alpha.home, {"libs/beta/notes.dat": "2"})
    item, jobs = selected()
    known = "libs/alpha/tests/test_far.py: as recorded it depends on libs/beta/notes.dat"
    assert item["reasons"] == [known]
    assert jobs == ["test(alpha)", "test(beta)"]
    write(alpha.home, {"libs/beta/notes.dat": "1"})
    # what the verdict depends on besides: code that no test runs, and the settings
    assert selected()[1] == []
    write(alpha.home, {"libs/alpha/src/alpha/unseen.py": "X = 1\n"})
    assert selected()[1] == ["test(alpha)"]
    (alpha.home / "libs/alpha/src/alpha/unseen.py").unlink()


def test_loads_that_the_graph_does_not_have_are_named(alpha: Alpha, tmp_path: Path) -> None:
    empty = {"TRADAI_TASKS_CACHE": str(tmp_path / "none")}
    none = alpha.nox("--", "--verify", session="changes", status=1, **empty)
    assert "no recording of a test run fits this work tree" in none.text
    alpha.nox()
    seen = alpha.nox("--", "--verify", session="changes")
    assert "the graph has every load that was recorded, of 5 test files" in seen.text
    hidden = (
        "import sys\nfrom pathlib import Path\n\nfrom alpha.more import used\n\n\n"
        "def test_hidden_load() -> None:\n    assert used(1)\n"
        "    name = 'ateb'[::-1]\n"
        "    sys.path.insert(0, str(Path(__file__).parents[2] / name / 'crs'[::-1]))\n"
        "    assert vars(sys.modules['builtins'])['__tropmi__'[::-1]](name)\n"
    )
    write(alpha.home, {"libs/alpha/tests/test_load.py": hidden})
    alpha.nox()
    found = alpha.nox("--", "--verify", session="changes", status=1)
    line = r"libs/alpha/tests/test_load.py +libs/beta/src/beta/__init__.py"
    assert re.search(line, found.text), found.text
    assert "1 loads, recorded in 6 test files, are not in the graph" in found.text
    (alpha.home / "libs/alpha/tests/test_load.py").unlink()

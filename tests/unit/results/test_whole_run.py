"""When a whole session counts as replayed, and what a recording adds to a selection."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest

from tests.support.inprocess import environment
from tests.support.platform_sessions import PLATFORM
from tests.support.real import write
from tradai_tasks.affected.graph.import_graph import ImportGraph
from tradai_tasks.affected.resolve.model import Member
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.matrix import Task
from tradai_tasks.process import Completed
from tradai_tasks.repository import Repository, read_repository
from tradai_tasks.results import whole_run
from tradai_tasks.results.digests import Digested, Item, WorkTree
from tradai_tasks.results.environment_digest import variables_of_tests
from tradai_tasks.results.graph_check import fitting, unseen_loads
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.kept_result import KeptResult, encode_result
from tradai_tasks.results.replay import Decision, record_name
from tradai_tasks.results.store import FolderStore
from tradai_tasks.results.whole_run import Said, WholeRun, WholeRuns
from tradai_tasks.sessions.ci.affected_sessions import Tasks
from tradai_tasks.sessions.ci.recorded import Recorded
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.locks.lock_file import read_lock

SLOT = "a" * 32
TEST = "libs/a/tests/test_a.py"
ENV = {"HOME": "/h"}
# what is read, loaded, and given by the session
INPUTS = Inputs(
    modules={TEST: None, "libs/b/src/b/__init__.py": None},
    files=("libs/b/far.dat",),
    variables=("VIRTUAL_ENV", "NOX_CURRENT_SESSION"),
)


NOTHING = Said()
RECORD = KeptResult(
    test_file="test(a)", inputs=Inputs(), digested=Digested(items=(), key=""), tests={}
)


class Kept:
    """A repository with one green session."""

    def __init__(
        self, home: Path, files: Mapping[str, str] = PLATFORM, env: Mapping[str, str] = ENV
    ) -> None:
        self.env = env
        self.root = home / "w"
        write(self.root, {**files, "libs/b/far.dat": "1"})
        self.store = FolderStore(home / "store")
        environment(self.root / ".nox/test-a", "")
        given = {"VIRTUAL_ENV": str(self.root / ".nox/test-a"), "UV_PYTHON": None, "OTHER": "x"}
        given["NOX_CURRENT_SESSION"] = "test(a)"
        variables = variables_of_tests({**env, **given})
        tree = WorkTree(self.root, ["libs/a/src", "libs/b/src"], variables)
        digested = tree.digest(INPUTS, TEST)
        result = KeptResult(test_file=TEST, inputs=INPUTS, digested=digested, tests={}, time=9)
        name = record_name(SLOT, TEST, digested.key)
        self.store.write(name, encode_result(result))
        self.given, self.key = given, digested.key

    def keep(self, results: list[str], said: Said = NOTHING) -> None:
        self.runs().keep(
            "test(a)",
            self.package,
            dict.fromkeys(results, self.key),
            slot=SLOT,
            environment=self.root / ".nox/test-a",
            set_by_session=self.given,
            said=said,
            commit="1234567890",
        )

    @property
    def repository(self) -> Repository:
        return read_repository(self.root, DiskTree(self.root))

    @property
    def package(self) -> Package:
        return next(one for one in self.repository.workspace.packages if one.name == "a")

    def runs(self, **env: str) -> WholeRuns:
        return WholeRuns(self.repository, self.store, {**self.env, **env})

    def look(self, python: str | None = None, **env: str) -> WholeRun | None:
        runs = self.runs(**env)
        return runs.look("test(a)", self.package, runs.python(python))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_session_is_known_by_its_record_and_valid_while_its_files_are(kept: Kept) -> None:
    assert kept.look() is None
    kept.keep([])  # not each test file has a result
    assert kept.look() is None
    kept.keep([TEST])
    known = kept.look()
    assert known is not None
    assert known.is_valid
    assert known.package == "a"
    assert known.why.startswith("1 test files unchanged since they were green (")
    write(kept.root, {"libs/b/far.dat": "2"})
    known = kept.look()
    assert known is not None
    assert not known.is_valid
    reason = f"{TEST}: as recorded it depends on libs/b/far.dat"
    assert known.changed_by(["libs/b/far.dat"]) == reason
    assert known.changed_by(["libs/b/other.dat"]) is None
    module = kept.root / "libs/b/src/b/__init__.py"
    before = module.read_text()
    write(kept.root, {"libs/b/src/b/__init__.py": f"{before}\n# changed before\n"})
    known = kept.look()
    assert known is not None
    assert known.changed_by(["libs/b/far.dat"]) == reason  # as well
    module.write_text(before)
    write(kept.root, {"libs/b/far.dat": "1"})
    kept.key = "0" * 32  # the last run of the session came to another result of the file
    kept.keep([TEST])
    known = kept.look()
    assert known is not None
    assert not known.is_valid
    write(kept.root, {"libs/a/tests/test_other.py": ""})
    (kept.root / TEST).unlink()
    assert kept.look() is None  # another set of test files, which covers less


CHANGES: dict[str, dict[str, str]] = {
    "code": {"libs/a/src/a/__init__.py": "x = 1\n"},
    "new code": {"libs/a/src/a/more.py": "x = 1\n"},
    "a test file": {"libs/a/tests/test_new.py": ""},
    "a file beside the tests": {"libs/a/tests/new.txt": ""},
    "the lock": {"uv.lock": PLATFORM["uv.lock"] + "\n"},
    "a project file": {"libs/b/pyproject.toml": PLATFORM["libs/b/pyproject.toml"] + "\n"},
    "the noxfile": {"noxfile.py": "x = 1\n"},
    "the version file": {".python-version": "3.99\n"},
}


@pytest.mark.parametrize("files", CHANGES.values(), ids=CHANGES)
def test_what_decides_the_environment_and_the_verdict_counts(
    kept: Kept, files: dict[str, str]
) -> None:
    kept.keep([TEST])
    write(kept.root, files)
    assert kept.look() is None


def test_variables_and_python_count(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.keep([TEST])
    assert kept.look(PYTHONHASHSEED="0") is None
    assert kept.look(UV_NO_EDITABLE="1") is None
    asked = []

    def run(argv: list[str], **_: object) -> Completed:
        asked.append(argv[-1])
        version = ".".join(map(str, sys.version_info[:3]))
        status = 0 if argv[-1] == "3.98" else 2
        return Completed(argv=tuple(argv), returncode=status, stdout=version.encode(), stderr=b"")

    monkeypatch.setattr(whole_run, "run", run)
    assert kept.look("3.98") is not None
    assert kept.look("3.99") is None
    assert asked == ["3.98", "3.99"]
    lock = PLATFORM["uv.lock"].replace('editable = "libs/b"', 'directory = "libs/b"')
    write(kept.root, {"uv.lock": lock})
    kept.keep([TEST])
    assert kept.look() is None  # what is installed of it is in no lock
    outside = PLATFORM["uv.lock"].replace('editable = "libs/b"', 'editable = "../b"')
    write(kept.root, {"uv.lock": outside})
    kept.keep([TEST])
    assert kept.look() is None  # no digest of the repository has its code
    (kept.root / "uv.lock").unlink()
    assert kept.look() is None


INPUT_ITEMS: dict[str, tuple[Item, str, bool]] = {
    "a module": (Item("level", "x/a.py"), "x/a.py", True),
    "another": (Item("level", "x/a.py"), "x/b.py", False),
    "an absent file": (Item("absent", "x/a.cfg"), "x/a.cfg", True),
    "an entry of a listing": (Item("listing", "x"), "x/new", True),
    "an entry below": (Item("listing", "x"), "x/y/new", False),
    "what may shadow": (Item("name", "p.mod"), "z/mod.py", True),
    "a package that may": (Item("name", "p.mod"), "z/mod/__init__.py", True),
    "a variable": (Item("variable", "x"), "x", False),
}


@pytest.mark.parametrize(("item", "path", "is_met"), INPUT_ITEMS.values(), ids=INPUT_ITEMS)
def test_which_changes_a_recording_knows(item: Item, path: str, is_met: bool) -> None:
    decision = Decision(items={TEST: {item, Item("variable", "a")}})
    run = WholeRun(package="a", decision=decision, record=RECORD, is_valid=False, why="")
    assert bool(run.changed_by([path])) == is_met


def test_only_a_package_of_which_every_test_would_be_replayed_is_left_out() -> None:
    def run(package: str, *, valid: bool) -> WholeRun:
        return WholeRun(
            package=package, decision=Decision(), record=RECORD, is_valid=valid, why="unchanged"
        )

    names = dict.fromkeys(("test-3.11(a)", "test-3.12(a)", "test-3.11(b)"), True)
    names["test-3.12(b)"] = False
    runs = {name: run(name[10], valid=valid) for name, valid in names.items()}
    tasks = Tasks(
        tasks=(
            *(Task(package=name[10], python=name[5:9], sessions=(name,)) for name in names),
            Task(package="c", python="3.11", sessions=("lint(c)", "test-3.11(c)")),
        ),
        untested=(),
    )
    left, replayed = Recorded(runs=runs, replays=True).narrowed(tasks)
    sessions = [task.sessions for task in left.tasks]
    assert sessions == [("test-3.12(b)",), ("lint(c)", "test-3.11(c)")]
    assert replayed == {"a": "unchanged"}
    assert Recorded(runs=runs).narrowed(tasks) == (tasks, {})  # where everything is run


def test_loads_are_held_against_the_graph(kept: Kept) -> None:
    tree = WorkTree(kept.root, (), {})
    results = list(fitting(kept.store, tree, {TEST}))
    assert [one.test_file for one in results] == [TEST]
    assert not list(fitting(kept.store, tree, set()))
    members = {
        name: Member(name=name, path=f"libs/{name}", source_roots=(), closure=frozenset({name}))
        for name in "ab"
    }
    owners = {TEST: "a", "libs/b/src/b/__init__.py": "b"}
    edges = {"libs/b/src/b/__init__.py": frozenset({TEST})}
    blind = ImportGraph(members=members, owners=owners, users={}, data_users={})
    assert unseen_loads(results, blind) == [(TEST, "libs/b/src/b/__init__.py")]
    seeing = ImportGraph(members=members, owners=owners, users=edges, data_users={})
    assert unseen_loads(results, seeing) == []
    outside = msgspec.structs.replace(results[0], inputs=Inputs(modules={"tool.py": None}))
    assert unseen_loads([outside], blind) == []  # which selects everything
    write(kept.root, {"libs/b/src/b/__init__.py": "x = 1\n"})
    assert not list(fitting(kept.store, WorkTree(kept.root, (), {}), {TEST}))


def test_a_lock_is_parsed_once_for_all_sessions(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Mock(side_effect=read_lock)
    monkeypatch.setattr(whole_run, "read_lock", read)
    runs = kept.runs()
    for session in ("test(a)", "test-3.12(a)", "test-3.13(a)"):
        runs.look(session, kept.package, "3.12.1")
    assert read.call_count == 1


def test_an_empty_store_is_not_asked(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_run, "read_lock", Mock(side_effect=AssertionError))
    runs = WholeRuns(kept.repository, FolderStore(tmp_path / "empty"), kept.env)
    assert runs.look("test(a)", kept.package, "3.12.1") is None

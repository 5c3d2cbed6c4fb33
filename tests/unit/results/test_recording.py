# ruff: noqa: RUF043 - tables of short programs and of events are read by row
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tradai_tasks.errors import RecordingError
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.recording import read_recording, recording_environment

_T, _P = "tests/test_a.py", "process:7-1"
_START = [["process", _P, "1", "functions"], ["arguments", _P, "python", "-m", "pytest"]]
_END = [["test", _P, _T], ["end", _P]]


def _read(
    tmp_path: Path, *events: list[str], more: dict[str, list[list[str]]] | None = None
) -> Inputs:
    files = {"7-1.jsonl": [*_START, *events, *_END], **(more or {})}
    folder = tmp_path / "recording"
    folder.mkdir(exist_ok=True)
    for name, lines in files.items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_recording(folder, tmp_path)[_T]


def _load(file: str, name: str = "", context: str = f"test:{_T}") -> list[str]:
    return ["load", context, file, name]


def _write(root: Path, name: str, text: str = "") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize(("kind", "field"), [
    ("file", "files"), ("absent", "absent"), ("folder", "absent"), ("listing", "listings"),
    ("project", "projects"), ("variable", "variables"), ("host", "hosts"), ("written", "written"),
    ("problem", "problems"),
])  # fmt: skip
def test_events_of_the_test_file_and_of_its_process_are_its_inputs(
    tmp_path: Path, kind: str, field: str
) -> None:
    events = [[kind, f"test:{_T}", "x"], [kind, _P, "y"], [kind, "test:tests/test_b.py", "z"]]
    assert getattr(_read(tmp_path, *events), field) == ("x", "y")


def test_a_module_that_was_loaded_for_another_file_counts_by_its_import(tmp_path: Path) -> None:
    _write(tmp_path, _T, "from p import b\nimport json\ndef f():\n    import p.lazy\n")
    _write(
        tmp_path,
        "p/b.py",
        "from . import c as _\nfrom .d import x\nif TYPE_CHECKING:\n    import p.e\n",
    )
    others = [
        _load(f"p/{n}.py", f"p.{n}", "test:tests/test_b.py") for n in ("b", "c", "d", "e", "lazy")
    ]
    own = [_load(_T, "test_a"), *others]
    inputs = _read(tmp_path, *own)
    assert [*inputs.modules] == ["p/b.py", "p/c.py", "p/d.py", _T]
    assert {"json", "p.d.x"} <= set(inputs.names)
    assert "p" not in inputs.names  # a folder without a file of its own
    assert "p/lazy.py" in _read(tmp_path, *own, ["ran", f"test:{_T}", _T, "f"]).modules


@pytest.mark.parametrize(("text", "is_copied", "variables"), [
    ("", False, ("SHLVL", "SHOP")),
    ("", True, ("*", "SHOP")),
    ("x = 'SHLVL'", True, ("*", "SHLVL", "SHOP")),
    ('x = ["SHLVL"]', True, ("*", "SHLVL", "SHOP")),
    ("SHLVL = 'SHLVLS'", True, ("*", "SHOP")),
])  # fmt: skip
def test_a_name_that_comes_from_a_copy_of_all_variables_is_not_asked_for(
    tmp_path: Path, text: str, is_copied: bool, variables: tuple[str, ...]
) -> None:
    _write(tmp_path, _T, text)
    asked = [["computed", f"test:{_T}", name] for name in ("SHLVL", "SHOP")]
    copied = [["variable", f"test:{_T}", "*"]] if is_copied else []
    assert _read(tmp_path, _load(_T), *asked, *copied).variables == variables


@pytest.mark.parametrize("text", [
    "x = 'p.b.name'", "sys.modules['p']", "importorskip('p')", "p.b.run()",
    "class A(p.b.C): pass", "@p.b.deco\ndef f(a: p.b.C = 1) -> int: pass",
])  # fmt: skip
def test_names_in_texts_and_attributes_count(tmp_path: Path, text: str) -> None:
    _write(tmp_path, _T, text)
    other = [_load("p/__init__.py", "p", "x"), _load("p/b.py", "p.b", "x")]
    assert "p/__init__.py" in _read(tmp_path, _load(_T), *other).modules


@pytest.mark.parametrize("text", ["print('p')", "f().g", "(", "x = 'p b'"])
def test_other_texts_do_not(tmp_path: Path, text: str) -> None:
    _write(tmp_path, _T, text)
    assert [*_read(tmp_path, _load(_T), _load("p.py", "p", "x")).modules] == [_T]


def test_functions_are_those_that_ran_for_the_file_or_are_remembered(tmp_path: Path) -> None:
    inputs = _read(
        tmp_path, _load(_T), _load("m.py", "m"), ["ran", f"test:{_T}", "m.py", "f"],
        ["ran", "memo:m.py::f", "n.py", "g"], ["ran", "test:tests/test_b.py", "m.py", "h"],
        ["whole", f"test:{_T}", "s.py"], _load("s.py"),
    )  # fmt: skip
    assert inputs.modules == {"m.py": ("f",), "n.py": ("g",), "s.py": None, _T: ()}


def test_what_a_function_keeps_counts_elsewhere_where_it_outlives_the_test_file(
    tmp_path: Path,
) -> None:
    _write(
        tmp_path,
        "m.py",
        "class Shop(Base):\n    def price(self):\n        self.x = self.x or g()\n"
        "    def sell(self, key):\n        if key not in self.sold:\n"
        "            self.sold[key] = g()\n"
        "def every(key):\n    if key not in TABLE:\n        TABLE[key] = h()\n",
    )

    def functions(name: str, *events: list[str]) -> tuple[str, ...] | None:
        own, other = (f"memo:m.py::{name}\ttests/test_{one}.py" for one in "ab")
        happened = [
            _load("m.py", "m"), ["within", f"test:{_T}", own], ["ran", own, "m.py", "own"],
            ["ran", other, "m.py", "other"], *([kind, own, *words] for kind, *words in events),
        ]  # fmt: skip
        return _read(tmp_path, *happened).modules["m.py"]

    assert functions("Shop.price") == ("own",)
    assert functions("Shop.price", ["outlived", "key"]) == ("own",)
    assert functions("Shop.price", ["outlived", "self"]) == ("other", "own")
    assert functions("Shop.price", ["outlived", "*"]) == ("other", "own")  # of a decorator
    assert functions("Shop.sell") == ("other", "own")  # for all that is known, of the class
    assert functions("Shop.sell", ["own", "sold"]) == ("own",)
    assert functions("Shop.sell", ["own", "sold"], ["outlived", "self"]) == ("other", "own")
    assert functions("Shop.sell", ["own", "sold"], ["classed", "sold"]) == ("other", "own")
    assert functions("every") == ("other", "own")
    assert functions("unknown") == ("other", "own")


def test_modules_count_whole_in_a_process_that_sees_no_functions(tmp_path: Path) -> None:
    _write(tmp_path, _T, "def f():\n    import m\ndef g():\n    x = 'p.q'\n")
    events = [
        ["process", _P, "1", ""],
        _load(_T),
        _load("m.py", "m", "x"),
        _load("q.py", "p.q", "x"),
    ]
    assert _read(tmp_path, *events).modules == {"m.py": None, "q.py": None, _T: None}


def test_what_a_function_does_at_its_first_call_counts_where_it_runs(tmp_path: Path) -> None:
    other, first = "test:tests/test_b.py", "first:m.py::f"
    events = [["within", other, first], ["ran", first, "m.py", "f"], ["ran", first, "m.py", "g"]]
    assert _read(tmp_path, *events).modules == {}
    own = ["ran", f"test:{_T}", "m.py", "f"]
    assert _read(tmp_path, *events, own).modules == {"m.py": ("f", "g")}
    assert "m.py" in _read(tmp_path, ["process", _P, "1", ""], *events, _load("m.py")).modules


@pytest.mark.parametrize("text", [
    "e.__traceback__.tb_lineno", "f_lineno", "'x.py, line 7'", "traceback.format_exc()",
    "'WARNING x.py:7 low'", "f'x.py:{n}'", "traceback.TracebackException(e)",
    "Formatter('%(name)s:%(lineno)d')", "'{lineno:>4}'",
])  # fmt: skip
def test_modules_count_whole_where_lines_are_asked_for(tmp_path: Path, text: str) -> None:
    _write(tmp_path, _T, f"def f():\n    {text}\ndef g(): pass\n")
    for name, functions in (("f", None), ("g", ("g",))):
        inputs = _read(tmp_path, _load(_T), ["ran", f"test:{_T}", _T, name])
        assert (inputs.modules, inputs.names) == ({_T: functions}, ())


@pytest.mark.parametrize(("folder", "is_there"), [("", True), ("tests", True), ("other", False)])
def test_a_shared_fixture_counts_for_the_files_below_its_folder(
    tmp_path: Path, folder: str, *, is_there: bool
) -> None:
    context = f"fixture:{folder}::stock"
    inputs = _read(tmp_path, ["fixture", context, folder], ["file", context, "x"])
    assert inputs.files == (("x",) if is_there else ())


def test_conftest_files_above_count_however_they_were_loaded(tmp_path: Path) -> None:
    events = [["loaded", _P, f"{d}conftest.py", "conftest"] for d in ("", "tests/", "other/")]
    assert [*_read(tmp_path, *events).modules] == ["conftest.py", "tests/conftest.py"]


def test_a_reader_keeps_files_of_its_own_package(tmp_path: Path) -> None:
    for name in ("__init__.py", "sub/__init__.py", "sub/r.py"):
        _write(tmp_path, f"src/p/{name}")
    read = [["reader", "module:src/p/sub/r.py", "file", name] for name in ("src/p/d.txt", "x.txt")]
    assert _read(tmp_path, _load("src/p/sub/r.py"), *read).files == ("src/p/d.txt",)


def test_sources_count_as_files_unless_the_module_was_loaded(tmp_path: Path) -> None:
    sources = [["source", f"test:{_T}", name] for name in ("bad.py", "m.py")]
    assert _read(tmp_path, *sources, _load("m.py", "m")).files == ("bad.py",)


@pytest.mark.parametrize(("bound", "hosts"), [
    ([], ("127.0.0.1:5432",)), (["9"], ("127.0.0.1:5432",)), (["5432"], ()), (["0"], ()),
])  # fmt: skip
def test_a_server_of_this_machine_is_a_host_unless_the_run_started_it(
    tmp_path: Path, bound: list[str], hosts: tuple[str, ...]
) -> None:
    events = [["loopback", f"test:{_T}", "5432"], *(["bind", _P, port] for port in bound)]
    assert _read(tmp_path, *events).hosts == hosts


@pytest.mark.parametrize(("arguments", "programs"), [
    (["python", "s.py"], ()), (["/usr/bin/python", "s.py"], ()), (["python", "t.py"], ("python",)),
    (["cat", "s.py"], ("python",)),
])  # fmt: skip
def test_a_program_is_seen_when_a_process_recorded_it(
    tmp_path: Path, arguments: list[str], programs: tuple[str, ...]
) -> None:
    child = [
        ["process", "process:8-1", "7", "functions"], ["arguments", "process:8-1", *arguments],
        ["file", "process:8-1", "read.txt"],
    ]  # fmt: skip
    inputs = _read(tmp_path, ["program", f"test:{_T}", "python", "s.py"], more={"8-1.jsonl": child})
    assert (inputs.programs, inputs.files) == (programs, () if programs else ("read.txt",))


def test_a_child_that_no_program_started_counts_where_it_was_started(tmp_path: Path) -> None:
    child = [["process", "process:8-1", "7", ""], ["file", "process:8-1", "read.txt"]]
    events = [["within", f"test:{_T}", "memo:m.py::f"], ["child", "memo:m.py::f", "8"]]
    assert _read(tmp_path, *events, more={"8-1.jsonl": child}).files == ("read.txt",)


@pytest.mark.parametrize("other", ["/v/python", "python"])
def test_a_child_stands_for_one_start(tmp_path: Path, other: str) -> None:
    child = [["process", "process:8-1", "7", ""], ["arguments", "process:8-1", other, "s.py"]]
    events = [["program", f"test:{_T}", "/v/python", "s.py"]]
    events += [["program", "test:tests/test_b.py", other, "s.py"]]
    assert _read(tmp_path, *events, more={"8-1.jsonl": child}).programs == ("python",)


def test_a_script_is_known_by_its_name(tmp_path: Path) -> None:
    child = [
        ["process", "process:8-1", "7", ""],
        ["arguments", "process:8-1", "python", "/v/bin/tool", "x"],
    ]
    inputs = _read(tmp_path, ["program", f"test:{_T}", "tool", "x"], more={"8-1.jsonl": child})
    assert inputs.programs == ()


def test_a_child_without_a_known_parent_counts_for_all(tmp_path: Path) -> None:
    child = [
        ["process", "process:9-1", "8", "functions"],
        ["orphan", "process:9-1"],
        ["file", "process:9-1", "x"],
    ]
    assert _read(tmp_path, more={"9-1.jsonl": child}).files == ("x",)


@pytest.mark.parametrize(("then", "is_changed"), [
    (["a.txt", "sub/"], False),
    (["sub/", "a.txt", "__pycache__/"], False),
    (["a.txt"], True),
    (["a.txt", "sub/", "gone.txt"], True),
    (["a.txt", "sub"], True),
    ([], True),
])  # fmt: skip
def test_a_folder_that_changes_after_it_was_listed_is_named(
    tmp_path: Path, then: list[str], *, is_changed: bool
) -> None:
    for name in ("d/a.txt", "d/sub/b.txt", "d/.pytest_cache/x"):
        _write(tmp_path, name)
    found = _read(tmp_path, ["listing", f"test:{_T}", "d"], ["entries", _P, "d", *then])
    assert found.changed_listings == (("d",) if is_changed else ())


def test_contexts_that_were_entered_count(tmp_path: Path) -> None:
    events = [["within", f"test:{_T}", "memo:m.py::f"], ["file", "memo:m.py::f", "x"]]
    assert _read(tmp_path, *events).files == ("x",)


@pytest.mark.parametrize(("event", "text", "files"), [
    (["import", "x"], "import pyarrow.parquet as p", ["a/d.xml", "a/k.pem", "a/pyproject.toml"]),
    (["import", "lxml.etree"], "", ["a/d.xml", "a/k.pem", "a/pyproject.toml"]),
    (["import", "ssl"], "", ["a/k.pem"]),
    (["load", "a/c.so", "c"], "", ["a/d.xml", "a/k.pem", "a/pyproject.toml"]),
    (["import", "x"], "run('attach ? as d')", ["a/d.xml", "a/k.pem", "a/pyproject.toml"]),
    (["import", "x"], "ctypes.pythonapi.open(b'a/d.xml', 0)",
     ["a/d.xml", "a/k.pem", "a/pyproject.toml"]),
    (["import", "x"], "run('attached')", []),
    (["import", "x"], "'Attach what is there.'\ndef f():\n    'attach it'", []),
    (["import", "x"], "'attach \\n>>> x'", ["a/d.xml", "a/k.pem", "a/pyproject.toml"]),
])  # fmt: skip
def test_what_reads_unseen_adds_the_data_of_the_project(
    tmp_path: Path, event: list[str], text: str, files: list[str]
) -> None:
    test = "a/tests/test_a.py"
    for name in ("a/pyproject.toml", "a/d.xml", "a/k.pem", "a/m.py", "a/.hidden/x", "b/d.xml"):
        _write(tmp_path, name)
    _write(tmp_path, test, text)
    folder = tmp_path / "recording"
    folder.mkdir()
    own = f"test:{test}"
    lines = [*_START, [event[0], own, *event[1:]], _load(test, "", own), ["test", _P, test]]
    lines.append(["end", _P])
    (folder / "7-1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [*read_recording(folder, tmp_path)[test].files] == files


@pytest.mark.parametrize("torn", ["", '["ran", "te', '["end", "process:8-1"]', "\0"])
def test_a_file_of_a_process_that_did_not_end_is_left_out(tmp_path: Path, torn: str) -> None:
    for pid, test_file in ((7, "tests/test_other.py"), (7, _T), (8, _T)):
        own = f"process:{pid}-1"
        lines = [
            ["process", own, "1", ""],
            ["test", own, test_file],
            *([["end", own]] * (pid == 7)),
        ]
        with (tmp_path / f"{pid}-1.jsonl").open("a") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
    with (tmp_path / "8-1.jsonl").open("a") as file:
        file.write(torn)  # without the end of its line
    assert set(read_recording(tmp_path, tmp_path)) == {"tests/test_other.py"}


def test_what_a_test_file_keeps_reaches_those_that_import_it(tmp_path: Path) -> None:
    other = "tests/test_b.py"
    events = [_load(other, "test_b", f"test:{other}"), ["ran", f"test:{other}", "m.py", "f"]]
    assert _read(tmp_path, *events).modules == {}
    _write(tmp_path, _T, "import test_b\n")
    assert _read(tmp_path, _load(_T), *events).modules["m.py"] == ("f",)


@pytest.mark.parametrize(
    "line", ['["file"', '["file"]', '["what", "x", "y"]', "{}", "[1, 2]", '["end", "x", "y"]']
)
def test_damage_is_an_error(tmp_path: Path, line: str) -> None:
    (tmp_path / "7-1.jsonl").write_text(line + "\n")
    with pytest.raises(
        RecordingError, match="7-1.jsonl: the recording .* is damaged .* run the session again"
    ):
        read_recording(tmp_path, tmp_path)


def test_a_foreign_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("[]\n")
    with pytest.raises(RecordingError, match="is damaged"):
        read_recording(tmp_path, tmp_path)


def test_the_environment_names_the_folder_the_root_and_the_plugin(tmp_path: Path) -> None:
    found = recording_environment(tmp_path / "r", tmp_path, "before")
    assert found["TRADAI_TASKS_RECORD_DIR"] == str(tmp_path / "r")
    assert found["TRADAI_TASKS_RECORD_ROOT"] == str(tmp_path)
    plugin, before = found["PYTHONPATH"].split(":")
    assert (Path(plugin) / "sitecustomize.py").is_file()
    assert before == "before"

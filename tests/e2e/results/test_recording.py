# ruff: noqa: E501 - tables of short programs and of events are read by row
"""Recordings of real pytest runs: each kind of input, and each way to miss one."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import cast

import pytest

from tests.support import pythons
from tests.support.kept_by_key import KEPT, kept_files
from tests.support.recorded_inputs import missing_inputs
from tests.support.recorded_sources import SOURCE
from tests.support.recorded_tests import BODIES, DATA
from tradai_tasks.errors import RecordingError
from tradai_tasks.results.digests import WorkTree
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.recording import (
    PLUGIN,
    read_recording,
    recording_environment,
)

# test file, field, what must be there
HAS = [
    ("constant", "modules", "src/pkg/constants.py"),
    ("constant", "modules", "src/pkg/__init__.py"),
    ("constant", "modules", "tests/conftest.py"),
    ("data", "files", "tests/data/a.txt"),
    ("settings", "files", "tests/.coveragerc"),
    ("answers_1", "files", "tests/data/read.txt"),
    ("answers_2", "files", "tests/data/read.txt"),
    ("absent", "absent", "tests/none"),
    ("absent_open", "absent", "tests/gone"),
    ("folder", "absent", "tests/data"),
    ("listing", "listings", "tests/data"),
    ("entries", "listings", "tests/data"),
    ("entries", "files", "tests/data/hub.txt"),
    ("vain", "names", "fastjson"),
    ("vain", "names", "pkg._speedups_absent"),
    ("shadow", "names", "colorsys"),
    *((f"dynamic_{n}", "modules", "src/pkg/dynamic.py") for n in (1, 2)),
    *((f"lazy_{n}", "modules", f"src/pkg/{m}.py") for n in (1, 2) for m in ("lazy", "other")),
    ("text", "modules", "src/pkg/lazy.py"),
    ("modules", "modules", "src/pkg/lazy.py"),
    *((f"cached_{n}", "files", "src/pkg/table.txt") for n in (1, 2)),
    *((f"cached_{n}", "files", "tests/data/b.txt") for n in (1, 2)),
    *((f"own_{n}", "files", "tests/data/a.txt") for n in (1, 2)),
    ("hub_1", "files", "tests/data/hub.txt"),
    *((f"fixture_{n}", "files", f"tests/data/{d}.txt") for n in (1, 2) for d in ("stock", "after")),
    ("program", "programs", "id"),
    ("filter", "files", "tests/data/filter.txt"),
    ("filter", "absent", "tests/unwritten"),
    ("filter_list", "programs", "wc"),
    ("filter_stub", "programs", "cat"),
    *((f"version_{n}", "projects", f"libs/one_{n}/pyproject.toml") for n in range(3)),
    ("no_program", "absent", "tests/no_program"),
    ("shell", "programs", "sh"),
    ("unseen_child", "programs", Path(sys.executable).name),
    ("child", "modules", "src/pkg/child.py"),
    ("child", "modules", "src/script.py"),
    ("child", "files", "tests/data/child.txt"),
    ("fork", "files", "tests/data/fork.txt"),
    ("spawn", "files", "tests/data/spawn.txt"),
    *((f"asked_line_{n}", "files", "tests/data/hub.txt") for n in (1, 2)),
    *((f"shown_{n}", "files", "src/pkg/shop.py") for n in (1, 2)),
    ("linked", "files", "tests/data/hub.txt"),
    ("linked", "files", "tests/data/spawn.txt"),
    ("linked", "listings", "tests/data"),
    ("is_link", "files", "tests/link"),
    ("deleted", "variables", "SHOP"),
    ("removed", "variables", "SHOP"),
    ("pickled", "modules", "src/pkg/other.py"),
    ("executed", "modules", "src/pkg/other.py"),
    ("constant", "roots", "src"),
    ("workers_1", "files", "tests/data/a.txt"),
    ("workers_2", "files", "tests/data/b.txt"),
    ("library", "files", "tests/data/s.db"),
    ("thread", "files", "tests/data/thread.txt"),
    ("variable", "variables", "SHOP"),
    *((f"copied{how}", "variables", "*") for how in ("", "_items", "_names")),
    *(("copied_asked", "variables", name) for name in ("*", "HOME", "STY", "TMUX")),
    ("child_variable", "variables", "SHOP"),
    ("looked_for", "names", "pkg.none"),
    ("looked_for", "modules", "src/pkg/lazy.py"),
    ("link", "files", "tests/link"),
    ("host", "hosts", "192.0.2.1"),
    ("written", "written", "out.txt"),
    ("database", "files", "tests/data/s.db"),
    ("syntax", "files", "src/pkg/bad.py"),
    ("plugins", "listings", "src/pkg/plugins"),
    ("descriptor", "problems", "dir_fd of os.open"),
]
HAS_NOT = [
    ("version_3", "projects", "libs/one_3/pyproject.toml"),
    ("constant", "modules", "src/pkg/dynamic.py"),
    ("constant", "listings", "tests"),
    ("listing", "files", "tests/data/hub.txt"),
    ("hub_2", "files", "tests/data/hub.txt"),
    ("marked_3", "files", "tests/data/marked.txt"),
    ("child", "programs", Path(sys.executable).name),
    *(("filter", "programs", name) for name in ("cat", "true", "wc")),
    ("filter", "problems", "TypeError: str expected, not bytes"),
    ("variable", "variables", "HOME"),
    *(("copied_asked", "variables", name) for name in ("SHLVL", "_")),
    ("put_back", "variables", "SHOP"),
    ("patched", "variables", "SHOP"),
    ("patched", "variables", "HOME"),
    ("patched", "variables", "*"),
    ("executed", "modules", "tests/test_data.py"),
    ("frames", "files", "src/pkg/shop.py"),
    ("temporary", "modules", "tests/test_data.py"),
    ("temporary", "files", "src"),  # which is opened relative to another folder
]
NOTHING = [
    ("temporary", "written"),
    ("linked", "written"),
    ("no_program", "programs"),
    ("loopback", "hosts"),
]
FUNCTIONS = [
    ("method", "src/pkg/shop.py", "Shop.price", True),
    ("method", "src/pkg/shop.py", "Shop.unused", False),
    ("method", "tests/test_method.py", "test", True),
    ("looked_at", "src/pkg/shop.py", "Shop.unused", True),
    ("overloaded", "src/pkg/overloaded.py", "twice", False),
    ("private", "src/pkg/memory.py", "Shop.lazy", True),
    *((f"made_{n}", "src/pkg/memory.py", f"_made_{m}", n == m) for n in (1, 2) for m in (1, 2)),
    *((f"heir_{n}", "src/pkg/heir.py", f"_{name}_1", True)
      for n in (1, 2) for name in ("class", "held", "deep")),
    *((f"heir_{n}", "src/pkg/heir.py", f"_object_{m}", n == m) for n in (1, 2) for m in (1, 2)),
    *((f"held_{n}", "src/pkg/memory.py", "_of_shared", True) for n in (1, 2)),
    ("private", "src/pkg/memory.py", "_lazy", False),  # what others did with other objects
    *((f"cached_{n}", "src/pkg/cached.py", name, True)
      for n in (1, 2) for name in ("_parse", "_second", "_third")),
    *((f"fixture_{n}", "src/pkg/shop.py", "stock", True) for n in (1, 2)),
    *((f"memory_{n}", "src/pkg/memory.py", f"_{name}", True)
      for n in (1, 2)
      for name in ("default", "of_class", "of_function", "of_module", "of_globals", "wrapped",
                   "lazy", "asked", "keyed", "or", "first", "loaded", "kept", "listed",
                   "key_1", "key_2", "fill", "in_thread", "escaped")),
    ("left_2", "src/pkg/memory.py", "_late", True),
    *(("direct_2", "src/pkg/memory.py", f"_{name}", True)
      for name in ("of_attribute", "of_found", "of_dict", "missing")),
    *(("uncalled_2", "src/pkg/memory.py", name, True) for name in ("_gap", "_given", "_any")),
    *((f"answers_{n}", "src/pkg/memory.py", "_replaced", True) for n in (1, 2)),
    ("child", "src/pkg/child.py", "run", True),
]  # fmt: skip


def _workspace(root: Path) -> Path:
    files = {**SOURCE, **{f"tests/test_{name}.py": body for name, body in BODIES.items()}}
    files |= {f"tests/data/{name}.txt": name for name in DATA} | {
        "tests/data/s.db": "",
        "tests/.coveragerc": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(dedent(text))
    (root / "tests/link").symlink_to("data/a.txt")
    for number in range(4):
        info = root / f".venv/{number}/site-packages/one-1.dist-info"
        origin = f'{{"url": "file://{root}/libs/one_{number}", "dir_info": {{"editable": true}}}}'
        info.mkdir(parents=True)
        (info / "direct_url.json").write_text(origin)
        (info / "METADATA").write_text("Name: one\nVersion: 1\n")
        (info / "RECORD").write_text("one-1.dist-info/METADATA,,\n")
        (info / "entry_points.txt").write_text("[console_scripts]\none = one:main\n")
    return root


def _run(python: Path, root: Path, folder: Path, *args: str) -> Mapping[str, Inputs]:
    done = _start(python, root, folder, *args)
    assert done.returncode == 0, done.stdout + done.stderr
    return read_recording(folder, root)


def _start(
    python: Path, root: Path, folder: Path, *args: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    site = Path(pytest.__file__).parent.parent  # pure Python, so any version can use it
    kept = {name: os.environ[name] for name in ("PATH", "HOME")} | {"SHLVL": "3", "_": "python"}
    if before is not None:
        kept["PYTHONDONTWRITEBYTECODE"] = "1"  # torn ones would stay
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # some plugins have parts of one version only
    return subprocess.run(
        [python, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider", "-c", "pyproject.toml", *args],
        cwd=root, env={**kept, **recording_environment(folder, root, str(site))},
        capture_output=True, text=True, check=False, preexec_fn=before,
    )  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _workspace(tmp_path_factory.mktemp("recorded") / "ws")


def _with_functions() -> Path:
    return _all_with_functions()[-1]


def _all_with_functions() -> list[Path]:
    found = {tuple(map(int, v.split("."))): path for v, path in pythons.others().items()}
    if sys.version_info >= (3, 12):
        found[sys.version_info[:2]] = Path(sys.executable)
    newer = [path for version, path in sorted(found.items()) if version >= (3, 12)]
    if not newer:
        pytest.skip("no Python 3.12 or later here")
    return newer


def _faults(found: Mapping[str, Inputs], *, functions: bool) -> list[object]:
    def values(name: str, field: str) -> Collection[object]:
        return cast("Collection[object]", getattr(found[f"tests/test_{name}.py"], field))

    faults: list[object] = [
        row for row in HAS if row[0] != "unseen_child" and row[2] not in values(*row[:2])
    ]
    faults += [row for row in HAS_NOT if row[2] in values(*row[:2])]
    faults += [(row, values(*row)) for row in NOTHING if values(*row)]
    faults += [] if values("unseen_child", "programs") else ["unseen_child"]
    faults += [
        (name, inputs.problems)
        for name, inputs in found.items()
        if inputs.problems and "descriptor" not in name
    ]
    faults += [
        (name, one)
        for name, inputs in found.items()
        for one in (*inputs.files, *inputs.absent, *inputs.listings)
        if "__pycache__" in one
    ]
    faults += [
        one for one in ("traced",) if set(found[f"tests/test_{one}.py"].modules.values()) != {None}
    ]
    for name, path, function, is_there in FUNCTIONS:
        known = found[f"tests/test_{name}.py"].modules[path]
        if functions != (known is not None) or (
            known is not None and (function in known) != is_there
        ):
            faults.append((name, path, function, known))
    return faults


@pytest.mark.parametrize("run", ["whole modules", "functions", "xdist"])
def test_a_recording_has_every_kind_of_input(workspace: Path, tmp_path: Path, run: str) -> None:
    functions = run != "whole modules" or sys.version_info >= (3, 12)
    python = _with_functions() if run != "whole modules" else Path(sys.executable)
    found = _run(
        python, workspace, tmp_path / "r", *(["-p", "xdist", "-n", "2"] if run == "xdist" else [])
    )
    assert set(found) == {f"tests/test_{name}.py" for name in BODIES}
    assert _faults(found, functions=functions) == []


def test_a_file_that_runs_alone_has_nothing_that_the_run_of_all_did_not_show(
    workspace: Path, tmp_path: Path
) -> None:
    python = _with_functions()
    files = [
        f"tests/test_{name}.py" for name in ("cached_2", "fixture_2", "lazy_2", "plugins", "child")
    ]
    full = _run(python, workspace, tmp_path / "full")
    with ThreadPoolExecutor(2) as threads:
        runs = threads.map(
            lambda one: _run(python, workspace, tmp_path / Path(one).stem, one), files
        )
        alone = {name: inputs for run in runs for name, inputs in run.items()}
    assert missing_inputs(full, alone) == []
    assert missing_inputs({files[0]: Inputs()}, {files[0]: alone[files[0]]}) != []


_TOML = "import tomllib\nwith open('pyproject.toml', 'rb') as file: SETTINGS = tomllib.load(file)"
_EARLY = """\
import tomllib
def pytest_load_initial_conftests(early_config):
    tomllib.loads((early_config.rootpath / 'pyproject.toml').read_text())
"""
_LATE = """\
import configparser
def pytest_collection_modifyitems(config):
    configparser.ConfigParser().read(config.inipath)
"""


@pytest.mark.parametrize(("plugin", "read"), [
    ("def pytest_configure(): open('tox.ini').read()", "tox.ini"),
    (_TOML, "pyproject.toml"),
    (_EARLY, "pyproject.toml"),
    (_LATE, "pyproject.toml"),
])  # fmt: skip
def test_settings_that_a_plugin_reads_for_itself_are_inputs(
    tmp_path: Path, plugin: str, read: str
) -> None:
    root = tmp_path / "ws"
    files = {
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        "tox.ini": "[mine]\nstrict = 1\n",
        "site-packages/mine.py": plugin,
        "tests/test_a.py": "def test(): pass",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    found = _run(_with_functions(), root, tmp_path / "r", "-p", "site-packages.mine")
    assert set(found["tests/test_a.py"].files) == {"tests/test_a.py", read}


def test_what_one_test_file_leaves_under_a_key_counts_for_the_next(tmp_path: Path) -> None:
    for name, text in {"pyproject.toml": "", "conftest.py": "", **kept_files()}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for number, python in enumerate(_all_with_functions()):
        found = _run(python, tmp_path, tmp_path / f"r{number}")["tests/test_two.py"].modules
        ran = {name: found[f"kept/{name}.py"] or () for name in KEPT}
        assert [name for name in KEPT if "fill_b" not in ran[name]] == []


def test_a_listed_folder_may_get_byte_code_but_no_other_file(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "",
        "tests/sub/inner/__init__.py": "",
        "tests/sub/more.txt": "",
        "tests/test_a.py": "import os\ndef test():\n    assert os.listdir('tests/sub')\n"
        "    import sub.inner\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    time.sleep(0.2)  # more than clocks of file systems may be behind
    start = time.time()
    found = _run(_with_functions(), tmp_path, tmp_path / "first")["tests/test_a.py"]
    assert (tmp_path / "tests/sub/inner/__pycache__").is_dir()
    assert (found.listings, found.changed_listings) == (("tests/sub",), ())
    assert WorkTree(tmp_path, (), {}).touched_since(found, "tests/test_a.py", start) is None
    (tmp_path / "tests/test_b.py").write_text(
        "import subprocess\ndef test(): subprocess.run(['touch', 'tests/sub/later.txt'])\n"
    )
    found = _run(_with_functions(), tmp_path, tmp_path / "second")["tests/test_a.py"]
    assert found.changed_listings == ("tests/sub",)


def test_a_worker_that_cannot_record_refuses_the_recording(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "test_a.py").write_text("def test(): pass\ndef test_2(): pass\n")
    (tmp_path / "conftest.py").write_text(
        "import os\nos.environ['TRADAI_TASKS_RECORD_DIR'] += '/none'\n"
    )
    for workers, is_refused in (("0", False), ("2", True)):
        folder = tmp_path / workers
        done = _start(Path(sys.executable), tmp_path, folder, "-p", "xdist", "-n", workers)
        assert done.returncode == 0, done.stdout
        with pytest.raises(RecordingError) if is_refused else nullcontext():
            read_recording(folder, tmp_path)


def test_a_repository_below_the_prefix_of_its_python_is_recorded() -> None:
    show = (
        "import sys; sys.base_prefix = '/usr'; from tradai_tasks_frames import Paths;"
        "found = Paths('/usr/src/app', '/tmp/record');"
        "print([found.inside(f'/usr/{one}/a.py') for one in ('src/app', 'lib')])"
    )
    env = recording_environment(Path("/tmp/record"), Path("/usr/src/app"))
    del env["TRADAI_TASKS_RECORD_DIR"]
    done = subprocess.run(
        [sys.executable, "-c", show], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['a.py', None]\n"


def test_a_full_disk_and_a_kill_end_the_recording_and_change_no_outcome(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "test_many.py").write_text(
        "import os, pytest\n@pytest.mark.parametrize('n', range(99))\n"
        "def test(n): assert not os.path.exists(f'{n}-is-not-there')\n"
    )
    (tmp_path / "test_zero.py").write_text("import os\ndef test(): os.kill(os.getpid(), 9)\n")
    python = Path(sys.executable)
    for size in (1, 2048, 4096):  # bytes of the largest file
        done = _start(
            python, tmp_path, tmp_path / f"full{size}", "--assert=plain", "test_many.py",
            before=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size)),
        )  # fmt: skip
        assert (done.returncode, "99 passed" in done.stdout) == (0, True), done.stdout + done.stderr
        with pytest.raises(RecordingError):
            read_recording(tmp_path / f"full{size}", tmp_path)
    assert _start(python, tmp_path, tmp_path / "killed").returncode == -9
    assert read_recording(tmp_path / "killed", tmp_path) == {}

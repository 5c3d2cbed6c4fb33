# ruff: noqa: E501 - tables of short programs and of events are read by row
"""Recordings of real pytest runs: each kind of input, and each way to miss one."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import cast

import pytest

from tests.support import pythons
from tradai_tasks.errors import RecordingError
from tradai_tasks.results.inputs import Inputs
from tradai_tasks.results.recording import (
    PLUGIN,
    missing_inputs,
    read_recording,
    recording_environment,
)

_SOURCE = {
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\ntestpaths = ["tests"]\n',
    "src/pkg/__init__.py": "",
    "src/pkg/constants.py": "LIMIT = 1\n",
    "src/pkg/shop.py": """
        class Shop:
            rate = 2
            def price(self):
                return self.rate
            def unused(self):
                return 0
        def fail():
            raise RuntimeError
        def stock():
            return 1
        """,
    "src/pkg/cached.py": """
        from functools import lru_cache
        from pathlib import Path
        _TABLE = {}
        _state = None
        def _parse(text):
            return text.strip()
        def _second(text):
            return text.upper()
        def _third():
            return 3
        @lru_cache
        def table():
            return _parse(Path(__file__).with_name("table.txt").read_text())
        def remembered(name):
            if name not in _TABLE:
                _TABLE[name] = _second(Path("tests/data", name).read_text())
            return _TABLE[name]
        def state():
            global _state
            if _state is None:
                _state = _third()
            return _state
        """,
    "src/pkg/memory.py": """
        import enum, functools, queue, sys, weakref
        from concurrent.futures import ThreadPoolExecutor
        from pathlib import Path
        def dropped(thing):
            found = weakref.ref(thing)
            assert Path(__file__).read_bytes()
            del thing
            return found() is None
        class Proxy:
            def __getattribute__(self, name): raise RuntimeError("outside of a request")
        PROXY = Proxy()
        def through(table={}):
            table[1] = PROXY
            return PROXY is None
        def loads():
            global last
            last = Path(__file__).read_bytes()
            import json
        def _default(): return 1
        def _of_class(): return 1
        def _of_function(): return 1
        def _of_module(): return 1
        def _of_globals(): return 1
        def _wrapped(): return 1
        def _lazy(): return 1
        def _asked(): return 1
        def _keyed(): return 1
        def _of_attribute(): return 1
        def _of_found(): return 1
        def _of_dict(): return 1
        def _missing(): return 1
        def _or(): return 1
        def _first(): return 1
        def _loaded(): return 1
        def _kept(): return 1
        def default(x, _known={}):
            if x not in _known:
                _known[x] = _default()
            return _known[x]
        def of_function():
            if not hasattr(of_function, "known"):
                of_function.known = _of_function()
        def of_module():
            me = sys.modules[__name__]
            if "known" not in dir(me):
                me.known = _of_module()
        def of_globals():
            if "seen" not in globals():
                globals()["seen"] = _of_globals()
        def _plain(): return _wrapped()
        wrapped = functools.lru_cache(_plain)
        def _listed(): return 1
        LISTED = [functools.lru_cache(functools.partial(_listed))]
        class Shop:
            table = {}
            def __init__(self):
                self.price = self.cost = self.name = None
                self.keys = {}
            def of_class(self):
                if 1 not in self.table:
                    self.table[1] = _of_class()
            def lazy(self):
                if self.price is None:
                    self.price = _lazy()
            def asked(self):
                try:
                    return self.stock
                except AttributeError:
                    self.stock = _asked()
            def keyed(self, key):
                if key not in self.keys:
                    self.keys[key] = _keyed()
            def or_(self):
                self.cost = self.cost or _or()
            def first(self):
                name = self.name
                if not name:
                    self.name = name = _first()
            def load(self): self.full = _loaded()
        SHOP = Shop()
        QUEUE = queue.Queue()
        class Keys:
            def __init__(self): self.known = {}
            def has(self, key): return key in self.known
            def put(self, key): self.known[key] = globals()[key]()
        KEYS, THREADS = Keys(), ThreadPoolExecutor(1)
        def _key_1(): return 1
        def _key_2(): return 2
        def _in_thread(): return 1
        def key(name):
            if not KEYS.has(name):
                KEYS.put(name)
        def filled(found):
            if not found:
                _fill(found)
        def _fill(found): found.append(1)
        FOUND = []
        def of_thread():
            if len(FOUND) < 2:
                FOUND[:] = [1, THREADS.submit(_in_thread).result()]
        class Mark(enum.Enum): UNSET = 1
        Mark.UNSET.kept = {}
        def of_attribute():
            kept = Mark.UNSET.kept
            if 1 not in kept:
                kept[1] = _of_attribute()
        PLACES = {"one": {}}
        def place(): return PLACES["one"]
        def of_found():
            found = place()
            if 1 not in found:
                found[1] = _of_found()
        def of_dict(): return of_dict.__dict__.get(1) or of_dict.__dict__.update({1: _of_dict()})
        class Table(dict):
            def __missing__(self, key):
                self[key] = _missing()
                return self[key]
        TABLE = Table()
        UNSET = Mark.UNSET
        def _escaped(): return 1
        def _store():
            found = queue.Queue()
            def fill(most):
                if found.qsize() < most:
                    found.put(_escaped() if found.qsize() else 0)
            fill(1)
            return fill
        FILL = _store()  # first called by the function around it
        def _late(): return 1
        LATER = []
        def later():
            found = queue.Queue()
            def fill(most):
                if found.qsize() < most:
                    found.put(_late() if found.qsize() else 0)
            fill(1)
            LATER.append(fill)
        def marked(path):
            kept = Keys()
            def read(): return kept, UNSET, open(path).read()
            return read()
        def kept():
            if QUEUE.empty():
                QUEUE.put(_kept())
        def loaded():
            if not hasattr(SHOP, "full"):
                SHOP.load()
        def all():
            kept(), loaded(), LISTED[0](), FILL(1), FILL(2)
            key("_key_1"), key("_key_2"), filled(FOUND), of_thread()
            default(1), of_function(), of_module(), of_globals(), wrapped()
            SHOP.of_class(), SHOP.lazy(), SHOP.asked(), SHOP.keyed(1), SHOP.or_(), SHOP.first()
        """,
    "src/pkg/workers.py": """
        import multiprocessing
        _pool = None
        def read(name): return open(name).read()
        def ask(name):
            global _pool
            if _pool is None:
                _pool = multiprocessing.get_context('spawn').Pool(1)
            return _pool.apply(read, [name])
        """,
    "src/pkg/overloaded.py": """
        import typing
        @typing.overload
        def twice(x: int) -> int: ...
        @typing.overload
        def twice(x: str) -> str: ...
        def twice(x): return x + x
        """,
    "src/pkg/table.txt": "t",
    "src/pkg/hub.py": "from pathlib import Path\ndef read(p):\n    return Path(p).read_text()\n",
    "src/pkg/dynamic.py": "",
    "src/pkg/lazy.py": "",
    "src/pkg/other.py": "",
    "src/pkg/bound.py": "",
    "src/pkg/bad.py": "def (",
    "src/pkg/child.py": "def run():\n    return open('tests/data/child.txt').read()\n",
    "src/pkg/plugins/__init__.py": """
        import pkgutil
        names = [one.name for one in pkgutil.iter_modules(__path__)]
        """,
    "src/pkg/plugins/one.py": "",
    "src/script.py": "from pkg.child import run\nrun()\n",
    "tests/conftest.py": """
        import pytest
        from pkg import shop
        @pytest.fixture(scope="session")
        def stock():
            yield shop.stock(), open("tests/data/stock.txt").read()
            open("tests/data/after.txt").read()
        """,
}
_BODIES = {
    "constant": "from pkg.constants import LIMIT\ndef test(): assert LIMIT",
    "method": "from pkg.shop import Shop\ndef test(): assert Shop().price()",
    "data": "def test(): assert open('tests/data/a.txt').read() == 'a'",
    "absent": "from pathlib import Path\ndef test(): assert not Path('tests/none').exists()",
    "absent_open": """
        import pytest
        def test():
            with pytest.raises(OSError):
                open('tests/gone')
        """,
    "folder": "import os\ndef test(): assert os.path.isdir('tests/data')",
    "listing": "from pathlib import Path\ndef test(): assert list(Path('tests/data').glob('*'))",
    "vain": """
        try:
            import fastjson
        except ImportError:
            fastjson = None
        try:
            from pkg import _speedups_absent
        except ImportError:
            pass
        def test(): assert fastjson is None
        """,
    "shadow": "import colorsys\ndef test(): assert colorsys",
    "dynamic_1": "import importlib\ndef test(): importlib.import_module('pkg.' + 'dynamic')",
    "dynamic_2": "import importlib\ndef test(): importlib.import_module('.dynamic', 'pkg')",
    "lazy_1": "def test():\n    import pkg.lazy\n    from pkg import other",
    "lazy_2": "def test():\n    from pkg import lazy, other",
    "text": "from unittest import mock\ndef test():\n    with mock.patch('pkg.lazy.X', 1, create=True): pass",
    "modules": "import sys\ndef test(): sys.modules.get('pkg.lazy')",
    "cached_1": """
        from pkg import cached
        def test(): cached.table(), cached.remembered('b.txt'), cached.state()
        """,
    "memory_1": "from pkg import memory\ndef test(): memory.all()",
    "marked_1": "from pkg import memory\ndef test(): memory.marked('tests/data/a.txt')",
    "marked_2": "from pkg import memory\ndef test(): memory.marked('tests/data/marked.txt')",
    "marked_3": "from pkg import memory\ndef test(): memory.marked('tests/data/a.txt')",
    **{
        f"direct_{n}": "from pkg.memory import TABLE, of_attribute, of_dict, of_found\n"
        "def test(): of_attribute(), of_found(), of_dict(), TABLE[1]"
        for n in (1, 2)
    },
    "left_1": "from pkg import memory\ndef test(): memory.later(), memory._late(), memory.LATER[0](2)",
    "left_2": "from pkg import memory\ndef test(): memory.LATER or memory.later(), memory.LATER[0](2)",
    "hub_1": "from pkg import hub\ndef test(): assert hub.read('tests/data/hub.txt')",
    "hub_2": "from pkg import hub\ndef test(): assert hub",
    "fixture_1": "def test(stock): assert stock",
    "program": "import subprocess\ndef test(): subprocess.run(['true'], check=True)",
    "shell": "import os\ndef test(): assert os.system('true') == 0",
    "child": """
        import os, subprocess, sys
        def test():
            path = os.pathsep.join(['src', os.environ['PYTHONPATH']])
            subprocess.run([sys.executable, 'src/script.py'], check=True,
                           env={**os.environ, 'PYTHONPATH': path})
        """,
    "unseen_child": """
        import subprocess, sys
        def test(): subprocess.run([sys.executable, '-I', '-c', ''], check=True)
        """,
    "fork": """
        import os
        def test():
            child = os.fork()
            if not child:
                open('tests/data/fork.txt').read()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        """,
    "spawn": """
        import multiprocessing
        def work(name): return open(name).read()
        def test():
            with multiprocessing.get_context('spawn').Pool(1) as pool:
                assert pool.map(work, ['tests/data/spawn.txt'])
        """,
    "workers_1": "from pkg import workers\ndef test(): workers.ask('tests/data/a.txt')",
    "workers_2": "from pkg import workers\ndef test(): workers.ask('tests/data/b.txt')",
    "asked_line": "import linecache\ndef test(): linecache.getline('tests/data/hub.txt', 1)",
    "is_link": "import os\ndef test(): os.path.islink('tests/link')",
    "deleted": "import os, pytest\ndef test():\n    with pytest.raises(KeyError): del os.environ['SHOP']",
    "removed": "import pytest\ndef test(monkeypatch):\n    with pytest.raises(KeyError): monkeypatch.delenv('SHOP')",
    "put_back": "def test(monkeypatch): monkeypatch.setenv('SHOP', '1')",
    "patched": """
        from unittest import mock
        def test():
            with mock.patch.dict('os.environ', {'SHOP': '1'}): pass
        """,
    "pickled": "import pickle\ndef test(): pickle.loads(b'cpkg.other\\n__name__\\n.')",
    "executed": "def test(): exec('from pkg.' + 'other import *')",
    "overloaded": "from pkg import overloaded\ndef test(): assert overloaded.twice",
    "private": """
        from pkg import memory
        def test():
            one = memory.Shop()
            one.price = 2
            one.lazy()
        """,
    "looked_at": "from pkg import shop\ndef test(): shop.Shop.unused.__code__",
    "library": "import ctypes\ndef test(): ctypes.CDLL(None)",
    "thread": """
        import threading
        def test():
            thread = threading.Thread(target=open('tests/data/thread.txt').read)
            thread.start(); thread.join()
        """,
    "variable": "import os\ndef test(): dict(os.environ), os.environ.copy(), os.environ.get('SHOP')",
    "copied": "import os\ndef test(): assert dict(os.environ)",
    "copied_items": "import os\ndef test(): assert [value for name, value in os.environ.items()]",
    "copied_names": "import os\ndef test(): assert [name for name in os.environ]",
    "child_variable": """
        import subprocess, sys
        def test():
            subprocess.run([sys.executable, '-c', 'import os; os.environ.get("SHOP")'], check=True)
        """,
    "looked_for": """
        import importlib.util
        def test():
            assert importlib.util.find_spec('pkg.none') is None
            assert importlib.util.find_spec('.lazy', 'pkg')
        """,
    "link": "import os\ndef test(): assert os.path.realpath('tests/link').endswith('a.txt')",
    "host": """
        import socket
        def test():
            with socket.socket() as one:
                one.setblocking(False)
                one.connect_ex(('192.0.2.1', 9))
        """,
    "loopback": """
        import socket
        def test():
            with socket.create_server(('127.0.0.1', 0)) as server:
                socket.create_connection(server.getsockname()).close()
        """,
    "written": "def test():\n    with open('out.txt', 'w') as file: file.write('')",
    "temporary": """
        import shutil
        def test(tmp_path):
            (tmp_path / 'x').write_text('')
            assert (tmp_path / 'x').read_text() == '' and not (tmp_path / 'y').exists()
            (tmp_path / 'z' / 'src').mkdir(parents=True)
            shutil.rmtree(tmp_path / 'z')
        """,
    "database": """
        import contextlib, sqlite3
        def test():
            with contextlib.closing(sqlite3.connect('tests/data/s.db')): pass
        """,
    "syntax": """
        import pytest
        def test():
            with pytest.raises(SyntaxError):
                import pkg.bad
        """,
    "plugins": "from pkg import plugins\ndef test(): assert plugins.names == ['one']",
    "descriptor": """
        import os
        def test():
            folder = os.open('tests/data', os.O_RDONLY)
            os.close(os.open('a.txt', os.O_RDONLY, dir_fd=folder)); os.close(folder)
        """,
    "unchanged": """
        import builtins
        from pkg import memory
        class Thing: pass
        def test_an_object_lives_as_long_as_it_does():
            is_gone = memory.dropped(Thing())
            assert is_gone
        def test_a_proxy_is_not_looked_into():
            assert not memory.through()
        def test_import_is_called_as_it_is():
            real, seen = builtins.__import__, []
            def own(name, globals=None, locals=None, *rest):
                seen.append(locals)
                return real(name, globals, locals, *rest)
            builtins.__import__ = own
            try:
                memory.loads()
            finally:
                builtins.__import__ = real
            assert not any(seen)
        """,
    "frames": """
        import importlib, os, traceback
        from pkg.shop import fail
        def _depth(act):
            try:
                act()
            except Exception as error:
                traceback.format_exc()
                return len([one for one in traceback.extract_tb(error.__traceback__)
                            if 'frozen importlib' not in one.filename])
        def test():
            assert _depth(fail) == 2
            assert _depth(lambda: os.environ['NONE_SUCH']) == 3
            assert _depth(lambda: importlib.import_module('none_such')) == 3
            assert _depth(lambda: __import__('none_such')) == 2
            assert _depth(lambda: importlib.util.find_spec('none.such')) == 2
        """,
}
_BODIES["own_1"] = """
    _TABLE = {}
    def kept():
        if 1 not in _TABLE:
            _TABLE[1] = open('tests/data/a.txt').read()
        return _TABLE[1]
    def test(): assert kept()
    """
_BODIES["own_2"] = "from test_own_1 import kept\ndef test(): assert kept()"
for _name in ("cached", "fixture", "memory"):
    _BODIES[f"{_name}_2"] = _BODIES[f"{_name}_1"]
_DATA = ("a", "b", "child", "fork", "spawn", "thread", "stock", "after", "hub", "marked")

# test file, field, what must be there
HAS = [
    ("constant", "modules", "src/pkg/constants.py"),
    ("constant", "modules", "src/pkg/__init__.py"),
    ("constant", "modules", "tests/conftest.py"),
    ("data", "files", "tests/data/a.txt"),
    ("absent", "absent", "tests/none"),
    ("absent_open", "absent", "tests/gone"),
    ("folder", "absent", "tests/data"),
    ("listing", "listings", "tests/data"),
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
    ("program", "programs", "true"),
    ("shell", "programs", "sh"),
    ("unseen_child", "programs", Path(sys.executable).name),
    ("child", "modules", "src/pkg/child.py"),
    ("child", "modules", "src/script.py"),
    ("child", "files", "tests/data/child.txt"),
    ("fork", "files", "tests/data/fork.txt"),
    ("spawn", "files", "tests/data/spawn.txt"),
    ("asked_line", "files", "tests/data/hub.txt"),
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
    ("constant", "modules", "src/pkg/dynamic.py"),
    ("constant", "listings", "tests"),
    ("hub_2", "files", "tests/data/hub.txt"),
    ("marked_3", "files", "tests/data/marked.txt"),
    ("child", "programs", Path(sys.executable).name),
    ("variable", "variables", "HOME"),
    ("put_back", "variables", "SHOP"),
    ("patched", "variables", "SHOP"),
    ("patched", "variables", "HOME"),
    ("patched", "variables", "*"),
    ("executed", "modules", "tests/test_data.py"),
    ("frames", "files", "src/pkg/shop.py"),
    ("temporary", "modules", "tests/test_data.py"),
    ("temporary", "files", "src"),  # which is opened relative to another folder
]
NOTHING = [("temporary", "written"), ("loopback", "hosts")]
FUNCTIONS = [
    ("method", "src/pkg/shop.py", "Shop.price", True),
    ("method", "src/pkg/shop.py", "Shop.unused", False),
    ("method", "tests/test_method.py", "test", True),
    ("looked_at", "src/pkg/shop.py", "Shop.unused", True),
    ("overloaded", "src/pkg/overloaded.py", "twice", False),
    ("private", "src/pkg/memory.py", "Shop.lazy", True),
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
    ("child", "src/pkg/child.py", "run", True),
]  # fmt: skip


def _workspace(root: Path) -> Path:
    files = {**_SOURCE, **{f"tests/test_{name}.py": body for name, body in _BODIES.items()}}
    files |= {f"tests/data/{name}.txt": name for name in _DATA} | {"tests/data/s.db": ""}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(dedent(text))
    (root / "tests/link").symlink_to("data/a.txt")
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
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
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
    found = {tuple(map(int, v.split("."))): path for v, path in pythons.others().items()}
    if sys.version_info >= (3, 12):
        found[sys.version_info[:2]] = Path(sys.executable)
    newer = [path for version, path in sorted(found.items()) if version >= (3, 12)]
    if not newer:
        pytest.skip("no Python 3.12 or later here")
    return newer[-1]


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
    assert set(found) == {f"tests/test_{name}.py" for name in _BODIES}
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

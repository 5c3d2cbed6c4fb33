# ruff: noqa: E501 - short programs are read by row
"""Test files of that package, by what each depends on, and the data that they read."""

from __future__ import annotations

BODIES = {
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
    "entries": "import os\ndef test(): assert any(one.stat().st_size for one in os.scandir('tests/data'))",
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
    **{
        f"heir_{n}": "from pkg.heir import Heir, Holder\n"
        f"def test(): Heir().by_class({n}), Heir().by_object({n}), Holder().held({n}), Holder().deep({n})"
        for n in (1, 2)
    },
    "marked_1": "from pkg import memory\ndef test(): memory.marked('tests/data/a.txt')",
    "marked_2": "from pkg import memory\ndef test(): memory.marked('tests/data/marked.txt')",
    "marked_3": "from pkg import memory\ndef test(): memory.marked('tests/data/a.txt')",
    **{
        f"direct_{n}": "from pkg.memory import TABLE, of_attribute, of_dict, of_found\n"
        "def test(): of_attribute(), of_found(), of_dict(), TABLE[1]"
        for n in (1, 2)
    },
    **{
        f"uncalled_{n}": "from pkg.memory import GAPS, LAZY\ndef test(): GAPS[1], LAZY.one, LAZY.other"
        for n in (1, 2)
    },
    "left_1": "from pkg import memory\ndef test(): memory.later(), memory._late(), memory.LATER[0](2)",
    "left_2": "from pkg import memory\ndef test(): memory.LATER or memory.later(), memory.LATER[0](2)",
    "settings": "def test(): assert open('tests/.coveragerc').read() == ''",
    **{
        f"answers_{n}": "from pkg.memory import ONCE, READ\n"
        "def test(): ONCE.value(), READ('tests/data/read.txt')"
        for n in (1, 2)
    },
    "hub_1": "from pkg import hub\ndef test(): assert hub.read('tests/data/hub.txt')",
    "hub_2": "from pkg import hub\ndef test(): assert hub",
    "fixture_1": "def test(stock): assert stock",
    "program": "import subprocess\ndef test(): subprocess.run(['id'], check=True)",
    "filter": """
        import os, subprocess
        def test():
            subprocess.run(['cat', '-u', 'data/filter.txt'], cwd='tests', check=True)
            subprocess.run('true', env=os.environ, check=True)
            subprocess.run([b'true'], env={b'PATH': b'/usr/bin:/bin'}, check=True)
            subprocess.run(['true'], env={}, check=True)
            assert subprocess.run(['wc', '-l', 'tests/unwritten']).returncode
        """,
    "filter_list": "import subprocess\ndef test(): subprocess.run(['wc', '--files0-from=tests/data/s.db'])",
    "filter_stub": """
        import subprocess
        def test(tmp_path):
            (tmp_path / 'cat').write_text('#!/bin/sh')
            (tmp_path / 'cat').chmod(0o755)
            subprocess.run(['cat'], env={'PATH': f'{tmp_path}:/usr/bin:/bin'}, check=True)
        """,
    **{
        f"version_{n}": "import importlib.metadata, os, sys\n"
        f"def test():\n    sys.path.insert(0, '.venv/{n}/site-packages')\n    {text}"
        for n, text in enumerate(
            (
                "assert importlib.metadata.version('one') == '1'",
                "assert importlib.metadata.files('one')",
                "assert os.listdir('.venv/2/site-packages')",
                "assert importlib.metadata.distribution('one').entry_points",
            )
        )
    },
    "no_program": """
        import pytest, subprocess
        def test(tmp_path):
            for program, folder in ('tests/no_program', None), ('../hooks/none', tmp_path):
                with pytest.raises(FileNotFoundError):
                    subprocess.run([program], cwd=folder)
        """,
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
    **{
        f"asked_line_{n}": "import linecache\ndef test(): linecache.getline('tests/data/hub.txt', 1)"
        for n in (1, 2)
    },
    **{
        f"shown_{n}": "import inspect\nfrom pkg import shop\ndef test(): inspect.getsource(shop.stock)"
        for n in (1, 2)
    },
    "traced": """
        import sys
        from pkg import shop
        def test():
            before = sys.getprofile()
            sys.setprofile(shop.watch)
            sys.setprofile(before)
        """,
    "linked": """
        from pathlib import Path
        def test(tmp_path):
            (tmp_path / 'one').symlink_to(Path('tests/data/hub.txt').absolute())
            (tmp_path / 'all').symlink_to(Path('tests/data').absolute())
            assert (tmp_path / 'one').read_text() and list((tmp_path / 'all').iterdir())
            assert (tmp_path / 'all/spawn.txt').read_text()
            (tmp_path / 'one').unlink()
        """,
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
    "made_1": "from pkg import memory\ndef test(): assert memory.Maker(1).made",
    "made_2": "from pkg import memory\ndef test(): assert memory.Maker(2).made",
    "held_1": "from pkg import memory\ndef test(): assert memory.HOLDER.held",
    "held_2": "from pkg import memory\ndef test(): assert memory.HOLDER.held",
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
    "copied_asked": """
        import os
        NAMES = ["STY"]
        def ask(name): return os.environ.get(name)
        def test():
            for name in dict(os.environ): ask(name)
            for name in NAMES: ask(name)
            os.environ.get("TMUX")
        """,
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
    "pycache": """
        import glob, importlib.util, os, pkg
        def test():
            os.path.exists(importlib.util.cache_from_source(pkg.__file__))
            assert glob.glob("src/**/*.py*", recursive=True)
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
BODIES["own_1"] = """
    _TABLE = {}
    def kept():
        if 1 not in _TABLE:
            _TABLE[1] = open('tests/data/a.txt').read()
        return _TABLE[1]
    def test(): assert kept()
    """
BODIES["own_2"] = "from test_own_1 import kept\ndef test(): assert kept()"
for _name in ("cached", "fixture", "memory"):
    BODIES[f"{_name}_2"] = BODIES[f"{_name}_1"]
DATA = (
    "a",
    "b",
    "child",
    "fork",
    "spawn",
    "thread",
    "stock",
    "after",
    "hub",
    "marked",
    "read",
    "filter",
)

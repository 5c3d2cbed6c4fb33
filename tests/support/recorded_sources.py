"""Modules of a package, each with a way to depend on something that a recording must show."""

from __future__ import annotations

SOURCE = {
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
        def watch(frame, event, argument): pass
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
        import enum, functools, queue, sys, weakref, zipfile
        from collections import defaultdict
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
        READ = functools.lru_cache(zipfile.is_zipfile)
        def _made_1(): return 1
        def _made_2(): return 1
        class Maker:
            def __init__(self, number): self.number = number
            @functools.cached_property
            def made(self): return globals()[f"_made_{self.number}"]()
        def _of_shared(): return 1
        class Holder:
            @functools.cached_property
            def held(self): return _of_shared()
        HOLDER = Holder()
        def _replaced(): return 1
        class Once:
            def value(self):
                found = _replaced()
                self.value = lambda: found
                return found
        ONCE = Once()
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
        def _gap(): return 1
        def _given(): return 1
        def _any(): return 1
        GAPS = defaultdict(_gap)
        class Given:
            def __init__(self, function): self.function = function
            def __set_name__(self, owner, name): self.name = name
            def __get__(self, instance, owner=None):
                found = instance.__dict__[self.name] = self.function(instance)
                return found
        class Lazy:
            @Given
            def one(self): return _given()
            def __getattr__(self, name):
                setattr(self, name, _any())
                return 1
        LAZY = Lazy()
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
    "src/pkg/base.py": """
        class Base:
            of_class = {}
            def __init__(self): self.of_object = {}
        """,
    "src/pkg/heir.py": """
        from pkg.base import Base
        def _class_1(): return 1
        def _class_2(): return 1
        def _object_1(): return 1
        def _object_2(): return 1
        def _held_1(): return 1
        def _held_2(): return 1
        def _deep_1(): return 1
        def _deep_2(): return 1
        _TABLE = {}
        _BASE = Base()
        class Holder:
            def __init__(self):
                self.kept = _TABLE
                self.base = _BASE
            def held(self, n):
                if 1 not in self.kept:
                    self.kept[1] = globals()[f'_held_{n}']()
            def deep(self, n):
                if 1 not in self.base.of_object:
                    self.base.of_object[1] = globals()[f'_deep_{n}']()
        class Heir(Base):
            def by_class(self, n):
                if 1 not in self.of_class:
                    self.of_class[1] = globals()[f'_class_{n}']()
            def by_object(self, n):
                if 1 not in self.of_object:
                    self.of_object[1] = globals()[f'_object_{n}']()
        """,
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

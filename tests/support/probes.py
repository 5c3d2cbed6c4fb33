"""Edits that break a test by a way that recorders of tests miss.

Each probe is one test file, the files that it needs, and an edit under which it fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CODE = "libs/shop/src/shop"
TESTS = "libs/shop/tests"
BASE = "libs/base/src/base"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One way in which a test depends on something."""

    test: str  # content of the test file
    files: dict[str, str] = field(default_factory=dict)
    after: dict[str, str | None]  # path -> new content; None: removed


def _value(text: str) -> str:
    return f"def test_it() -> None:\n    {text}\n"


def _of(module: str, expression: str) -> str:
    return f"from shop import {module}\n\n\n" + _value(f"assert {module}.{expression}")


def probes() -> dict[str, Probe]:
    """Return the probes by name; the test file of each is `test_<name>.py`."""
    return {
        "constant": Probe(
            test=_of("constant", "LIMIT == 1"),
            files={f"{CODE}/constant.py": "LIMIT = 1\n"},
            after={f"{CODE}/constant.py": "LIMIT = 2\n"},
        ),
        "class_attribute": Probe(
            test=_of("attribute", "Order().fee == 1"),
            files={f"{CODE}/attribute.py": "class Order:\n    fee = 1\n"},
            after={f"{CODE}/attribute.py": "class Order:\n    fee = 2\n"},
        ),
        "inherited": Probe(
            test=_of("child", "Child().fee == 1"),
            files={
                f"{CODE}/child.py": "from base.parent import Parent\n\n\n"
                "class Child(Parent): pass\n",
                f"{BASE}/parent.py": "class Parent:\n    fee = 1\n",
            },
            after={f"{BASE}/parent.py": "class Parent:\n    fee = 2\n"},
        ),
        "decorator": Probe(
            test=_of("decorated", "price() == 1"),
            files={
                f"{CODE}/decorated.py": "from shop.wrap import once, twice\n\n\n@once\n"
                "def price() -> int:\n    return 1\n",
                f"{CODE}/wrap.py": "def once(f):\n    return f\n\n\n"
                "def twice(f):\n    return lambda: 2 * f()\n",
            },
            after={
                f"{CODE}/decorated.py": "from shop.wrap import once, twice\n\n\n@twice\n"
                "def price() -> int:\n    return 1\n"
            },
        ),
        "default": Probe(
            test=_of("default", "price() == 1"),
            files={f"{CODE}/default.py": "def price(of: int = 1) -> int:\n    return of\n"},
            after={f"{CODE}/default.py": "def price(of: int = 2) -> int:\n    return of\n"},
        ),
        "body": Probe(
            test=_of("body", "price() == 1"),
            files={f"{CODE}/body.py": "def price() -> int:\n    return 1\n"},
            after={f"{CODE}/body.py": "def price() -> int:\n    return 2\n"},
        ),
        "shared_fixture": Probe(
            test="def test_it(stock: int) -> None:\n    assert stock == 1\n",
            files={f"{CODE}/stock.py": "def count() -> int:\n    return 1\n"},
            after={f"{CODE}/stock.py": "def count() -> int:\n    return 2\n"},
        ),
        "shared_fixture_again": Probe(  # the fixture's code ran for the file before
            test="def test_it(stock: int) -> None:\n    assert stock == 1\n",
            after={f"{CODE}/stock.py": "def count() -> int:\n    return 2\n"},
        ),
        "data": Probe(
            test=_of("data", "rate() == '1'"),
            files={
                f"{CODE}/data.py": "from pathlib import Path\n\n\ndef rate() -> str:\n"
                '    return (Path(__file__).parent / "rate.txt").read_text()\n',
                f"{CODE}/rate.txt": "1",
            },
            after={f"{CODE}/rate.txt": "2"},
        ),
        "resource": Probe(
            test=_of("resource", "rate() == b'1'"),
            files={
                f"{CODE}/resource.py": "from importlib import resources\n\n\ndef rate() -> bytes:\n"
                '    return (resources.files("base") / "fee.bin").read_bytes()\n',
                f"{BASE}/fee.bin": "1",
            },
            after={f"{BASE}/fee.bin": "2"},
        ),
        "cached_reader": Probe(
            test=_of("cached", "rate() == '1'"),
            files={
                f"{CODE}/cached.py": "from functools import lru_cache\nfrom pathlib import Path\n\n"
                "\n"
                "@lru_cache\ndef rate() -> str:\n"
                '    return (Path(__file__).parent / "cached.txt").read_text()\n',
                f"{CODE}/cached.txt": "1",
            },
            after={f"{CODE}/cached.txt": "2"},
        ),
        "cached_reader_again": Probe(
            test=_of("cached", "rate() == '1'"), after={f"{CODE}/cached.txt": "2"}
        ),
        "listing": Probe(
            test="from pathlib import Path\n\n\n"
            + _value('assert len(list((Path(__file__).parent / "orders").glob("*.csv"))) == 1'),
            files={f"{TESTS}/orders/a.csv": "1"},
            after={f"{TESTS}/orders/b.csv": "1"},
        ),
        "absent": Probe(
            test="from pathlib import Path\n\n\n"
            + _value('assert not (Path(__file__).parent / "override.toml").exists()'),
            after={f"{TESTS}/override.toml": ""},
        ),
        "absent_open": Probe(
            test="from pathlib import Path\n\n\ndef test_it() -> None:\n    try:\n"
            '        (Path(__file__).parent / "local.toml").read_text()\n'
            '    except FileNotFoundError:\n        return\n    raise AssertionError("there")\n',
            after={f"{TESTS}/local.toml": ""},
        ),
        "optional_module": Probe(
            test=_of("optional", "FAST is False"),
            files={
                f"{CODE}/optional.py": "try:\n    import shop._fast\nexcept ImportError:\n"
                "    FAST = False\nelse:\n    FAST = True\n"
            },
            after={f"{CODE}/_fast.py": ""},
        ),
        "shadowing": Probe(
            test=_of("shadowed", "VALUE == 1"),
            files={f"{CODE}/shadowed.py": "VALUE = 1\n"},
            after={f"{CODE}/shadowed/__init__.py": "VALUE = 2\n"},
        ),
        "deleted": Probe(
            test="def test_it() -> None:\n    from shop import deleting\n\n"
            "    assert deleting.VALUE\n",
            files={
                f"{CODE}/deleting.py": "from shop.deleted import VALUE\n",
                f"{CODE}/deleted.py": "VALUE = 1\n",
            },
            after={f"{CODE}/deleted.py": None},
        ),
        "pkgutil": Probe(
            test="import pkgutil\n\nfrom shop import plugins\n\n\n"
            + _value("assert len(list(pkgutil.iter_modules(plugins.__path__))) == 1"),
            files={f"{CODE}/plugins/__init__.py": "", f"{CODE}/plugins/one.py": ""},
            after={f"{CODE}/plugins/two.py": ""},
        ),
        "computed_import": Probe(
            test="import importlib\n\n\n"
            + _value('assert importlib.import_module("shop." + "lazy").VALUE == 1'),
            files={f"{CODE}/lazy.py": "VALUE = 1\n"},
            after={f"{CODE}/lazy.py": "VALUE = 2\n"},
        ),
        "module_getattr": Probe(
            test="import shop.dynamic\n\n\n" + _value("assert shop.dynamic.price == 1"),
            files={
                f"{CODE}/dynamic.py": "def __getattr__(name: str) -> int:\n"
                "    from shop import hidden\n\n    return hidden.VALUE\n",
                f"{CODE}/hidden.py": "VALUE = 1\n",
            },
            after={f"{CODE}/hidden.py": "VALUE = 2\n"},
        ),
        "child": Probe(
            test="import subprocess\nimport sys\n\n\n"
            + _value('subprocess.run([sys.executable, "-m", "shop.program"], check=True)'),
            files={
                f"{CODE}/program.py": "from shop.told import STATUS\n\nraise SystemExit(STATUS)\n",
                f"{CODE}/told.py": "STATUS = 0\n",
            },
            after={f"{CODE}/told.py": "STATUS = 1\n"},
        ),
        "fork": Probe(
            test="import multiprocessing\n\nfrom shop.forked import work\n\n\n"
            "def test_it() -> None:\n"
            '    with multiprocessing.get_context("fork").Pool(1) as pool:\n'
            "        assert pool.map(work, [1]) == [1]\n",
            files={
                f"{CODE}/forked.py": "def work(one: int) -> int:\n"
                "    from shop.factor import FACTOR\n\n    return one * FACTOR\n",
                f"{CODE}/factor.py": "FACTOR = 1\n",
            },
            after={f"{CODE}/factor.py": "FACTOR = 2\n"},
        ),
        "thread": Probe(
            test="import threading\n\nfrom shop import threaded\n\n\ndef test_it() -> None:\n"
            "    one = threading.Thread(target=threaded.work)\n    one.start()\n    one.join()\n"
            "    assert threaded.found == ['1']\n",
            files={
                f"{CODE}/threaded.py": "from pathlib import Path\n\nfound = []\n\n\n"
                "def work() -> None:\n"
                '    found.append((Path(__file__).parent / "thread.txt").read_text())\n',
                f"{CODE}/thread.txt": "1",
            },
            after={f"{CODE}/thread.txt": "2"},
        ),
        "parameters": Probe(
            test="from pathlib import Path\n\nimport pytest\n\n"
            'ROWS = (Path(__file__).parent / "rows.txt").read_text().split()\n\n\n'
            '@pytest.mark.parametrize("row", ROWS)\ndef test_it(row: str) -> None:\n'
            '    assert row == "1"\n',
            files={f"{TESTS}/rows.txt": "1"},
            after={f"{TESTS}/rows.txt": "1 2"},
        ),
        "source": Probe(
            test="import inspect\n\nfrom shop import shown\n\n\n"
            + _value('assert "price" in inspect.getsource(shown.cost)'),
            files={f"{CODE}/shown.py": "def cost() -> int:\n    return 1  # price\n"},
            after={f"{CODE}/shown.py": "def cost() -> int:\n    return 1\n"},
        ),
        "relative_path": Probe(
            test=_value('assert open("../base/table.txt").read() == "1"'),
            files={"libs/base/table.txt": "1"},
            after={"libs/base/table.txt": "2"},
        ),
        "fixture_file": Probe(
            test="def test_it(golden: str) -> None:\n    assert golden == '1'\n",
            files={f"{TESTS}/golden.txt": "1"},
            after={f"{TESTS}/golden.txt": "2"},
        ),
    }

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tradai_tasks.results.recorded_memory import SHARED, read_memory

_METHODS = {
    "if self.x is None:\n    self.x = g()": {"self"},
    "self.x = self.x or g()": {"self"},
    "x = self.x\nif not x:\n    self.x = x = g()": {"self"},
    "try:\n    return self.x\nexcept AttributeError:\n    self.x = g()": {"self"},
    "if key not in self.keys:\n    self.keys[key] = g()": {"self"},
    "keys = self.keys\nif key not in keys:\n    keys[key] = g()": {"self"},
    "try:\n    return self.keys[key]\nexcept KeyError:\n    self.keys[key] = g()": {"self"},
    "if not self.keys:\n    self.keys.update(g())": {"self"},
    "if key not in self.table:\n    self.table[key] = g()": {SHARED},  # of the class
    "match self.x:\n    case None:\n        setattr(self, 'x', g())": {"self"},
    "if key.x is None:\n    key.x = g()": {"key"},
    "other = key if key else self\nif other.x is None:\n    other.x = g()": {"key", "self"},
    "one = find(key)\nif one.x is None:\n    one.x = g()": {SHARED},  # which it may have found
    "one = next(row for row in key.rows)\nif one.x is None:\n    one.x = g()": {"key"},
    "one = copy(key)\none.x = one.x or g()": set(),
    "one = Shop()\none.x = one.x or g()": set(),
    "with find(key) as one:\n    if one.x:\n        one.x = g()": {SHARED},
    "for one in self.keys:\n    if one.x:\n        one.x = g()": {"self"},
    "first, second = find(key)\nfirst.x = second.x = g()": set(),
    "options[key] = options.get(key) or g()": set(),
    "self.x = g()": set(),  # at each call
    "self.method = lambda: g()": {SHARED},  # which is found without a call of it
    "cls = type(self)\ncls.x = g()": {SHARED},
    "if key not in TABLE:\n    TABLE[key] = g()": {SHARED},
    "TABLE.append(g())": {SHARED},
    "kept = Shop.table\nif key not in kept:\n    kept[key] = g()": {SHARED},
    "kept = find()\nif key not in kept:\n    kept[key] = g()": {SHARED},
    "os.environ[key] = g()": set(),
    "self.table[key] = g()": {SHARED},
    "if 'x' not in vars(self):\n    vars(self)['x'] = g()": {"self"},
    "if 'x' not in globals():\n    globals()['x'] = g()": {SHARED},
    "if not hasattr(Shop.method, 'x'):\n    Shop.method.x = g()": {SHARED},
    "global TABLE\nTABLE = g()": {SHARED},
    "if key not in known:\n    known[key] = g()": {SHARED},  # a default
    "def inner():\n    self.x = self.x or g()": set(),
    "if self.x is None:\n    self.keys, self.x = read(key), 1": {"self"},
    "if key not in self.keys:\n    self.keys.put(key, g())": {"self"},
    "found = self.keys.find(key)\nif found is None:\n    self.keys.put(key, g())": {"self"},
    "if self.keys.has(key):\n    await self.keys.put(key, g())": {"self"},
    "if not key.rows:\n    heapq.heappush(key.rows, g())": {"key"},
    "for one in key:\n    if one:\n        return\nkey.append(g())": {"key"},
    "if not any(one for one in key):\n    key.appendleft(g())": {"key"},
    "if not KEPT.has(key):\n    KEPT.put(key, g())": {SHARED},
    "if os.path.exists(key):\n    os.path.join(key, g())": set(),  # of a module
    "if self.x:\n    self.put(g())": set(),  # its own method, which is looked at by itself
    "if self.keys.has(key):\n    self.keys.put(key, 1)": set(),
    "kept = look(key)\nif kept is None:\n    keep(key, g())": {SHARED},
    "kept = look(key)\nif kept is None:\n    show(key, g())": set(),
    "for one in options.values():\n    if key not in one:\n        one[key] = g()": {"options"},
    "one = options['x']\nif key not in one:\n    one[key] = g()": {"options"},
}


@pytest.mark.parametrize(("body", "owners"), _METHODS.items(), ids=list(_METHODS))
def test_what_a_method_keeps_has_an_owner(tmp_path: Path, body: str, owners: set[str]) -> None:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    (tmp_path / "m.py").write_text(
        "import os.path, heapq\ndef keep(key, value):\n    TABLE[key] = value\n"
        "class Shop:\n    table = {}\n    def start(self):\n        self.keys, self.x = {}, 1\n"
        f"    async def method(self, key, known={{}}, **options):\n{lines}"
    )
    assert read_memory(tmp_path / "m.py")["Shop.method"] == owners


def test_a_dictionary_finds_what_it_was_filled_with_without_a_call(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        "class Table(dict):\n    def __missing__(self, key):\n        self[key] = g()\n"
    )
    assert read_memory(tmp_path / "m.py") == {"Table.__missing__": {SHARED}}


def test_what_is_kept_around_a_function_is_shared_and_a_new_object_has_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "m.py").write_text(
        dedent("""
        def outer():
            seen = {}
            def inner(key):
                if key not in seen:
                    seen[key] = 1
            async def count():
                nonlocal seen
                seen = 2
        class Row:
            cells: dict = field(default_factory=dict)
            def __init__(self, x):
                self.x = self.x or x
            def cell(self, key):
                if key not in self.cells:
                    self.cells[key] = 1
        """)
    )
    assert read_memory(tmp_path / "m.py") == {
        "outer": set(), "outer.<locals>.inner": {SHARED}, "outer.<locals>.count": {SHARED},
        "Row.__init__": set(), "Row.cell": {"self"},
    }  # fmt: skip
    (tmp_path / "m.py").write_text("def (")
    assert read_memory(tmp_path / "m.py") == {}
    assert read_memory(tmp_path / "none.py") == {}

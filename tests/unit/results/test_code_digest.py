"""Which edits of a module change the digests of its code."""

from __future__ import annotations

import random
import sys

import pytest

from tradai_tasks.results.code_digest import CodeDigests, code_digests, digest

MODULE = '''"""A module."""

from __future__ import annotations

import os

LIMIT = 3
WORDS = frozenset({"a", "b"})


def decorate(function):
    return function


def plain(x):
    """Say what it does."""
    # a remark
    return x + LIMIT


@decorate
def decorated(x, y=1, *rest, key: int = 2, **more):
    return [one for one in rest] + [x, y]


async def waiting():
    return 1


class Base:
    size = 1

    def method(self):
        def inner():
            return 10

        return inner()

    @property
    def value(self):
        return self.size


handler = lambda event: event.name
other = lambda event: event.size
'''


def of(text: str) -> CodeDigests:
    found = code_digests(text.encode())
    assert found is not None
    return found


def names_changed(old: str, new: str) -> set[str]:
    """Return the functions whose bodies differ, and "level" if anything outside of them does."""
    assert old in MODULE
    before, after = of(MODULE), of(MODULE.replace(old, new))
    names = {"level"} if before.level != after.level else set()
    every = before.functions.keys() | after.functions.keys()
    return names | {
        name
        for name in every - {"<module>", "Base"}
        if before.functions.get(name) != after.functions.get(name)
    }


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("    # a remark\n", "\n\n    # another\n", set()),
        ("    return x + LIMIT", "    return (\n        x\n        + LIMIT\n    )", {"plain"}),
        ("        return inner()", "\n        # both\n        return inner()", set()),
        ("\n\n\nclass Base", "\n# of bases\nclass Base", set()),
        ("return x + LIMIT", "return x - LIMIT", {"plain"}),
        ("return x + LIMIT", "return x + 1", {"plain"}),
        ("return x + LIMIT", "return x + os", {"plain"}),
        ("Say what it does.", "Say it.", {"level", "plain"}),  # which a command shows as help
        ("return function", "return print", {"decorate"}),
        ("[x, y]", "[y, x]", {"decorated"}),
        ("return 1\n", "return 2\n", {"waiting"}),
        ("async def waiting", "def waiting", {"level", "waiting"}),
        ("return 10", "return 11", {"Base.method.<locals>.inner"}),
        ("return inner()", "return inner", {"Base.method"}),
        # what stands behind it is not compiled
        ("        def inner", "        raise OSError\n\n        def inner", {"Base.method"}),
        ("return self.size", "return -self.size", {"Base.value"}),
        ("event.name", "event.text", {"<lambda>"}),
        ("LIMIT = 3", "LIMIT = 4", {"level"}),
        ("LIMIT = 3", "LIMIT = 3.0", {"level"}),
        ("LIMIT = 3", "LIMIT = True", {"level"}),
        ('{"a", "b"}', '{"a", "c"}', {"level"}),
        ("size = 1", "size = 2", {"level"}),
        ("y=1", "y=3", {"level"}),
        ("y=1", "z=1", {"level", "decorated"}),
        ("key: int = 2", "key: int = 5", {"level"}),
        ("key: int", "key: str", {"level"}),
        ("*rest, key", "*, key", {"level", "decorated"}),
        ("@decorate\n", "", {"level"}),
        ("@property\n    ", "", {"level"}),
        ("class Base:", "class Base(dict):", {"level"}),
        ("import os", "import sys as os", {"level"}),
    ],
)
def test_an_edit_changes_just_what_it_can_change(old: str, new: str, changed: set[str]) -> None:
    found = names_changed(old, new)
    if "Base.method" in changed:
        found -= {"Base.method.<locals>.inner"}
    if old.startswith("*rest"):  # the body refers to what is no longer there
        found |= {"decorated"}
    assert found == changed


def test_a_comprehension_belongs_to_the_code_around_it() -> None:
    before = of("def f(xs):\n    return [x + 1 for x in xs]\n\nY = [x + 1 for x in ()]\n")
    inside = of("def f(xs):\n    return [x + 2 for x in xs]\n\nY = [x + 1 for x in ()]\n")
    outside = of("def f(xs):\n    return [x + 1 for x in xs]\n\nY = [x + 2 for x in ()]\n")
    assert inside.level == before.level
    assert inside.functions["f"] != before.functions["f"]
    assert outside.level != before.level
    assert outside.functions["f"] == before.functions["f"]


def test_functions_that_look_the_same_are_told_apart() -> None:
    body = (
        "    @property\n    def one(self):\n        return self.price\n"
        "    def two(self):\n        return sum(n for n in self), lambda: 1\n"
    )
    classes = [f"class {name}:\n{body}" for name in "AB"]
    same = code_digests("".join(classes).encode())
    other = code_digests("".join([classes[0], classes[1].replace("price", "cost")]).encode())
    assert same is not None
    assert other is not None
    for kind in ("one", "two", "two.<locals>.<genexpr>", "two.<locals>.<lambda>"):
        assert {f"A.{kind}", f"B.{kind}"} <= same.functions.keys()
    assert same.level == other.level
    changed = {name for name in same.functions if same.functions[name] != other.functions[name]}
    assert changed == {"B.one"}


def test_a_random_edit_of_one_function_changes_that_one_alone() -> None:
    chance = random.Random(7)
    for _ in range(40):
        count = chance.randrange(1, 8)
        numbers = [chance.randrange(100) for _ in range(count)]
        edited = chance.randrange(count)

        def text(values: list[int], blank: int) -> str:
            bodies = (f"def f{i}():\n{'#' * blank}\n    return {v}\n" for i, v in enumerate(values))
            return ("\n" * (blank + 1)).join(bodies)

        other = [n + 1000 * (i == edited) for i, n in enumerate(numbers)]
        before, after = of(text(numbers, 0)), of(text(other, chance.randrange(1, 4)))
        names = before.functions.keys()
        assert {n for n in names if before.functions[n] != after.functions[n]} == {f"f{edited}"}
        assert before.level == after.level


@pytest.mark.parametrize("text", ["def f(:\n", "\0", "a" + "(" * 500, "x = (" * 90 + "\n"])
def test_code_that_this_python_cannot_read_has_no_digests(text: str) -> None:
    assert code_digests(text.encode()) is None


def test_a_warning_in_the_code_is_not_ours() -> None:
    assert of('X = "\\d"\nY = 1 is 1\n').functions.keys() == {"<module>"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_type_parameters_belong_to_the_code_around_them() -> None:
    before = of("def f[T](x: T) -> T:\n    return x\n")
    body = of("def f[T](x: T) -> T:\n    return 1\n")
    bound = of("def f[T: int](x: T) -> T:\n    return x\n")
    assert body.level == before.level
    assert body.functions["f"] != before.functions["f"]
    assert bound.level != before.level


def test_digests_tell_where_parts_are_divided() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    assert digest(b"a", b"") != digest(b"a")

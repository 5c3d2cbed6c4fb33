"""Every pattern of the settings holds for the whole of a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from tradai_tasks.settings.model import PackageSettings, Settings

_SCHEMA = "tradai_tasks/settings/schema.json"


def patterns(kind: Any) -> Iterator[str]:
    """Yield the pattern of every text below a type."""
    if isinstance(kind, inspect.StrType) and kind.pattern is not None:
        yield kind.pattern
    inner = [getattr(kind, name, None) for name in ("type", "item_type", "key_type", "value_type")]
    inner += [*getattr(kind, "types", ()), *(one.type for one in getattr(kind, "fields", ()))]
    for one in inner:
        if isinstance(one, inspect.Type):
            yield from patterns(one)


EVERY = sorted({p for m in (Settings, PackageSettings) for p in patterns(inspect.type_info(m))})


def test_the_walk_finds_them_all() -> None:
    schemas = [msgspec.json.schema(model) for model in (Settings, PackageSettings)]
    stated = set(re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(schemas)))
    assert {json.loads(f'"{one}"') for one in stated} == set(EVERY)
    assert len(EVERY) > 25


@pytest.mark.parametrize("pattern", EVERY)
def test_a_pattern_holds_for_the_whole_text(pattern: str) -> None:
    assert pattern.startswith("^")
    assert pattern.endswith(r"\Z")
    kind = Annotated[str, msgspec.Meta(pattern=pattern)]

    @settings(max_examples=5, database=None, deadline=None)
    @given(st.from_regex(pattern))
    def hold(valid: str) -> None:
        assert msgspec.convert(valid, kind) == valid
        for text in (f"{valid}\n", f"\n{valid}", f"{valid}\n{valid}", f"{valid}\r\n"):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert(text, kind)

    hold()


@pytest.mark.parametrize("pattern", [one for one in EVERY if r"\w" not in one])
def test_digits_are_those_of_ascii(pattern: str) -> None:
    assert r"\d" not in pattern


def test_editors_are_given_expressions_that_they_know(request: pytest.FixtureRequest) -> None:
    schema = (request.config.rootpath / _SCHEMA).read_text(encoding="utf-8")
    assert r"\\Z" not in schema
    assert schema.count('"pattern": "^') == schema.count('$"')

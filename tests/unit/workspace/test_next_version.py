"""The version that a step leads to, and the edit of one file."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tradai_tasks.errors import BumpError
from tradai_tasks.workspace.tags import semver_of
from tradai_tasks.workspace.version_bump import (
    next_version,
    version_of,
    with_version,
)

FILE = "strategies/momentum/pyproject.toml"


@pytest.mark.parametrize(
    ("current", "step", "following"),
    [
        ("1.0.0", "patch", "1.0.1"),
        ("1.0.1", "minor", "1.1.0"),
        ("1.1.0", "major", "2.0.0"),
        ("1.1.0", "rc", "1.2.0rc1"),
        ("1.2.0rc1", "rc", "1.2.0rc2"),
        ("1.2.0-rc.9", "rc", "1.2.0rc10"),
        ("1.2.0a1", "rc", "1.2.0rc1"),
        ("1.2.0b3", "rc", "1.2.0rc1"),
        ("1.2.0.dev4", "rc", "1.2.0rc1"),
        ("1.2.0rc2.dev1", "rc", "1.2.0rc2"),
        ("1.2.0rc0", "rc", "1.2.0rc1"),
        ("1.2.0rc1", "patch", "1.2.0"),
        ("1.2.0rc1", "minor", "1.2.0"),
        ("1.2.0rc1", "major", "2.0.0"),
        ("1.2.1rc1", "minor", "1.3.0"),
        ("2.0.0rc3", "major", "2.0.0"),
        ("1.2", "patch", "1.2.1"),
        ("1.0.0", "1.0.0-rc1", "1.0.0rc1"),
        ("1.0.0", "1.4.0rc2", "1.4.0rc2"),
        ("1.0.0", "1.4", "1.4"),
    ],
)
def test_the_next_version(current: str, step: str, following: str) -> None:
    assert str(next_version(current, step, name="momentum")) == following


@given(
    st.from_regex(
        r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}((a|b|rc)[0-9]{1,2})?(\.dev[0-9])?", fullmatch=True
    ),
    st.sampled_from(["patch", "minor", "major", "rc"]),
)
def test_every_step_goes_up_to_a_version_that_a_tag_can_name(current: str, step: str) -> None:
    following = next_version(current, step, name="momentum")
    assert following > Version(current)
    assert semver_of(following) is not None
    assert (following.pre is not None) == (step == "rc")
    assert following.dev is None


@pytest.mark.parametrize(
    ("current", "step", "passage"),
    [
        (
            "1.0.0",
            "minr",
            "momentum: 'minr' is no version to bump to; expected patch, minor, major, rc or",
        ),
        ("1.0.0", "", "'' is no version"),
        ("1.0.0", "v1.1.0", "'v1.1.0' is no version"),
        ("1.0.0", "1.1.0+local", "'1.1.0+local' is no version"),
        ("1.0.0", "1.1.0-foo", "'1.1.0-foo' is no version"),
        ("1.0.0", "1.\u0661.0", r"'1.\u0661.0' is no version"),
        ("1.0.0", "1;id", "'1;id' is no version"),
        ("1.0.0", "9" * 5000, "is no version"),
        ("1.0.0", "1.0.0-1", "1.0.0-1 is 1.0.0.post1 to a package, which no semantic version says"),
        ("1.0.0", "1.2.3.4", "1.2.3.4 is 1.2.3.4 to a package"),
        (
            "1.0.0.post1",
            "minor",
            (
                "minor of 1.0.0.post1 is not defined, since it is no semantic version; "
                "name the version: nox -s bump -- momentum X.Y.Z"
            ),
        ),
        ("new", "minor", "its version 'new' is none by PEP 440; write one such as 1.0.0 by hand"),
        ("9" * 5000, "minor", "is none by PEP 440"),
    ],
)
def test_what_cannot_be_stepped_to_or_from(current: str, step: str, passage: str) -> None:
    with pytest.raises(BumpError) as caught:
        next_version(current, step, name="momentum")
    assert passage in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '[project]\nname = "m"\nversion = "1.0.0"  # a comment\n',
        "[project]\r\nname = 'm'\r\nversion='1.0.0'\r\n\r\n[tool.x]\r\ny = 1\r\n",
        '\ufeff[project]\nversion = "1.0.0"\n',
        'project = { name = "m", version = "1.0.0" }\n',
        'project.name = "m"\nproject.version = "1.0.0"\n',
        '["project"]\n"version"\t=   """1.0.0"""',
        '[tool.other]\nversion = "1.0.0"\n[project]\nversion = "1.0.0"\nkeywords = ["1.0.0"]\n',
        '# version = "1.0.0"\n[tool.x]\n"1.0.0" = 1\n"9.9.9" = 2\n[project]\nversion = \'1.0.0\'\n',
        '[project]\nversion = "1.0.0"\n[tool.odd]\nx = nan\ny = 1.0\nz = [1, true]\n',
        '[project]\ndescription = "über"\nversion = "1.0.0"\n[[tool.t]]\nversion = "1.0.0"\n',
    ],
)
def test_an_edit_changes_the_version_and_not_one_other_byte(text: str) -> None:
    before = text.encode()
    after = with_version(before, "9.9.9", FILE)
    assert version_of(after, FILE) == "9.9.9"
    positions = [m.start() for m in re.finditer(b"1\\.0\\.0", before)]
    assert any(before[:at] + b"9.9.9" + before[at + 5 :] == after for at in positions)
    wanted = tomllib.loads(text.lstrip("\ufeff"))
    wanted["project"]["version"] = "9.9.9"
    assert repr(tomllib.loads(after.decode("utf-8-sig"))) == repr(wanted)
    assert with_version(after, "1.0.0", FILE) == before


@given(
    st.lists(
        st.sampled_from(
            [
                '"1.0.0"',
                "# 1.0.0",
                "'1.0.0'",
                '"1.0"',
                '["1.0.0", "x==1.0.0"]',
                '{ version = "1.0.0" }',
            ]
        ),
        max_size=5,
    ),
    st.sampled_from(["1.0.1", "1.10.0rc1", "2"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_an_edit_finds_the_one_place_among_many(values: list[str], new: str, end: str) -> None:
    others = [
        value if value.startswith("#") else f"k{at} = {value}" for at, value in enumerate(values)
    ]
    lines = ["[tool.a]", *others, "[project]", 'version = "1.0.0" # 1.0.0', "[tool.b]", *others]
    text = end.join(lines)
    expected = text.replace('version = "1.0.0" # 1.0.0', f'version = "{new}" # 1.0.0')
    assert with_version(text.encode(), new, FILE).decode() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[project]\ndynamic = ["version"]\n',
            (
                f"{FILE}: project.version is dynamic, so the build backend takes it from "
                f"elsewhere; bump it there, or state it here"
            ),
        ),
        ("[project]\n", f'{FILE}: no project.version to bump; write there: version = "0.1.0"'),
        ("project = 1\n", f'{FILE}: no project.version to bump; write there: version = "0.1.0"'),
        (
            '[project]\nversion = "1.0\\u002e0"\n',
            f"{FILE}: project.version is '1.0.0', but not written so; write it in plain quotes",
        ),
    ],
)
def test_a_version_that_cannot_be_edited_is_refused(text: str, message: str) -> None:
    with pytest.raises(BumpError) as caught:
        with_version(text.encode(), "1.1.0", FILE)
    assert str(caught.value) == message

"""The version of what has no tag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradai_tasks.release.deploy.dispatch import newest_release, version_for
from tradai_tasks.workspace.tags import parse_tag


@pytest.mark.parametrize(
    ("tags", "newest"),
    [
        ([], None),
        (["nightly", "release-1", "momentum-v9.0.0", "v1"], None),
        (["v1.2.0", "v1.10.0", "v1.9.0"], "v1.10.0"),
        (["v1.2.0", "v1.3.0-rc1"], "v1.3.0-rc1"),
        (["v1.3.0-rc1", "v1.3.0"], "v1.3.0"),
        (["v0.0.0-test", "v0.0.0-test.4"], None),
        (["v1.0.0+build", "v0.9.0"], "v0.9.0"),
    ],
)
def test_the_newest_release(tags: list[str], newest: str | None) -> None:
    assert newest_release(tags) == newest
    assert version_for(tags, "abc1234") == f"{newest or 'v0.0.0'}-gabc1234"


@given(
    st.lists(st.sampled_from(["v1.2.0", "v2.0.0-rc.1", "v0.0.0-test", "x", "v3.4.5-alpha"])),
    st.text("0123456789abcdef", min_size=7, max_size=40),
)
def test_every_version_is_one_that_an_image_tag_takes_and_no_test(
    tags: list[str], short: str
) -> None:
    tag = parse_tag(version_for(tags, short), ())
    assert not tag.is_test
    assert tag.is_prerelease
    assert "+" not in tag.text

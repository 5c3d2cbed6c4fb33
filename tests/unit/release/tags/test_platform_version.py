"""Which version a platform's tag may have: by what states it, else by the tags around it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.project import DictTree, found, pyproject
from tradai_tasks.errors import SettingsError, VersionOrderError
from tradai_tasks.release.tags.platform_version import check_order, newest_major, stated
from tradai_tasks.settings.model import Settings
from tradai_tasks.settings.publish import PublishSettings
from tradai_tasks.settings.release import ReleaseSettings
from tradai_tasks.workspace.discovery import Workspace
from tradai_tasks.workspace.tags import parse_tag


def fault(
    tag: str,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    *,
    major: int = 1,
    jumps: Sequence[str] = (),
) -> str:
    try:
        check_order(
            parse_tag(tag, ()),
            before=[parse_tag(one, ()) for one in before],
            after=[parse_tag(one, ()) for one in after],
            major=major,
            jumps=jumps,
        )
    except VersionOrderError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("tag", "before", "after"),
    [
        ("v1.2.0", [], []),
        ("v2.0.0", [], []),  # packages are at 1
        ("v0.1.0", [], []),
        ("v1.2.0-rc1", [], []),
        ("v1.2.1", ["v1.2.0"], []),
        ("v1.3.0", ["v1.2.0", "v1.1.0"], []),
        ("v1.4.0", ["v1.2.0"], []),  # v1.3.0 was taken back
        ("v2.0.0", ["v1.2.0"], []),
        ("v2.0.0-rc1", ["v1.2.0"], []),
        ("v2.0.0", ["v2.0.0-rc1", "v1.2.0"], []),
        ("v1.2.1", ["v1.2.0"], ["v1.3.0"]),  # an earlier commit of main that nobody had tagged
        ("v3.0.0", ["v2.0.0", "v0.1.0"], []),
        ("v1.10.0", ["v1.9.0"], []),  # numbers, not texts
        ("v2026.2.0", ["v2026.1.0"], []),
        ("v1.2.1", ["v1.2.0", "v1.3.0-rc1"], []),  # urgent, while another one is tried
    ],
)
def test_versions_that_rise(tag: str, before: list[str], after: list[str]) -> None:
    jumps = [one for one in before if one == "v2026.1.0"]
    assert fault(tag, before, after, jumps=jumps) == ""


@pytest.mark.parametrize(
    ("tag", "before", "after", "said"),
    [
        ("v99.0.0", [], [], "its version is above 2.x (no tag is before it)"),
        ("v99.0.0", ["v1.2.0"], [], "its version is above 2.x (v1.2.0 is before it)"),
        # one that was refused itself bears nothing out, however many there are
        ("v99.0.0", ["v98.0.0"], [], "its version is above 2.x (no tag is before it)"),
        ("v99.0.0", ["v1.2.0", "v97.0.0", "v98.0.0"], [], "(v1.2.0 is before it)"),
        ("v3.0.0", ["v1.2.0"], [], "its version is above 2.x"),
        ("v1.2.0", ["v1.3.0"], [], "an earlier commit has v1.3.0 already; choose a higher"),
        ("v1.2.0-rc1", ["v1.2.0"], [], "an earlier commit has v1.2.0 already"),
        ("v1.3.0-rc1", ["v1.3.0-rc2"], [], "an earlier commit has v1.3.0-rc2 already"),
        ("v1.3.0", ["v1.1.0"], ["v1.2.0"], "a later commit has v1.2.0, so this one's"),
        ("v1.2.0", [], ["v1.2.0-rc1", "v1.3.0"], "a later commit has v1.2.0-rc1"),
        ("v2.0.0", ["v1.1.0"], ["v1.2.0"], "a later commit has v1.2.0"),
    ],
)
def test_versions_that_do_not(tag: str, before: list[str], after: list[str], said: str) -> None:
    text = fault(tag, before, after)
    assert said in text
    assert "\n" not in text


def test_a_refused_tag_does_not_stand_in_the_way_of_honest_ones() -> None:
    assert fault("v1.3.0", ["v1.2.0", "v98.0.0", "v99.0.0"]) == ""


def test_a_jump_that_the_settings_name() -> None:
    assert fault("v2026.1.0", ["v1.2.0"], jumps=["v2026.1.0"]) == ""
    assert fault("v2026.2.0", ["v1.2.0", "v2026.1.0"], jumps=["v2026.1.0"]) == ""
    assert fault("v2028.1.0", ["v2026.1.0"], jumps=["v2026.1.0"])
    assert fault("v1.3.0", ["v2026.1.0"], jumps=["v2026.1.0"])
    text = fault("v9.0.0")
    assert text.endswith("put the tag into release.version-jumps on the main branch")


def workspace(files: dict[str, str]) -> Workspace:
    return found(DictTree(files))


_BUILT = '\n[build-system]\nrequires = ["uv_build"]\n'


def versions(files: dict[str, str], **settings: object) -> list[str | None]:
    made = Settings(**settings)  # type: ignore[arg-type]  # of the parameters
    return [one.version for one in stated(workspace(files), made, file="pyproject.toml")]


def root(version: str, more: str = "") -> dict[str, str]:
    return {"pyproject.toml": f'[project]\nname = "a"\n{version}{more}'}


def test_what_states_the_version() -> None:
    assert versions(root('version = "1.2.0"', _BUILT)) == ["1.2.0"]
    # what uv init writes, and nobody ever looks at
    assert versions(root('version = "0.1.0"')) == []
    assert versions(root('version = "0.0.0"', _BUILT)) == []
    assert versions(root('dynamic = ["version"]', _BUILT)) == []
    members = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]',
        "libs/b/pyproject.toml": pyproject("b"),
        "libs/tradai-strategy/pyproject.toml": pyproject("tradai-strategy", _BUILT),
    }
    assert versions(members) == []
    assert len(versions(members, release=ReleaseSettings(version_from="B"))) == 1
    assert len(versions(members, publish=PublishSettings(lockstep=True))) == 1
    dynamic = root('dynamic = ["version"]', _BUILT)
    # a setting is never passed over: the tag is refused, since nothing states a version
    assert versions(dynamic, release=ReleaseSettings(version_from="a")) == [None]
    with pytest.raises(SettingsError, match=r"release\.version-from: the tagged commit has no"):
        versions(members, release=ReleaseSettings(version_from="nope"))


def test_the_newest_major_version_of_packages() -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]',
        "libs/a/pyproject.toml": '[project]\nname = "a"\nversion = "3.1"\n',
        "libs/b/pyproject.toml": '[project]\nname = "b"\ndynamic = ["version"]\n',
        "libs/c/pyproject.toml": '[project]\nname = "c"\nversion = "2.0.0rc1"\n',
    }
    assert newest_major(workspace(files).packages) == 3
    assert newest_major(()) == 0

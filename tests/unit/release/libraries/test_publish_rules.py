"""What two wheels differ in, which version a tag demands, and what a build may see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dists import dist, sdist
from tradai_tasks.environment_allowance import BASE_ONLY
from tradai_tasks.errors import VersionMismatchError
from tradai_tasks.release.clients.package_index import Listed
from tradai_tasks.release.engine.source_export import EPOCH
from tradai_tasks.release.libraries.distributions import read_distribution
from tradai_tasks.release.libraries.publish_step import (
    Publisher,
    PublishStep,
    check_files,
    missing,
    publish_stage,
)
from tradai_tasks.release.libraries.publish_target import PlainIndex
from tradai_tasks.release.libraries.wheel_build import build_argv, build_env, version_of_test
from tradai_tasks.release.libraries.wheel_diff import difference
from tradai_tasks.settings.publish import IndexSettings
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.tags import parse_tag


def publisher() -> Publisher:
    settings = IndexSettings(upload_url="https://i.example/", simple_url="https://i.example/s")
    return Publisher(PlainIndex(settings, {}))


def test_files_are_absent_or_the_same_or_other(tmp_path: Path) -> None:
    same, other, absent = (dist(tmp_path, name) for name in ("a", "b", "c"))
    listed = {
        one.filename: Listed(filename=one.filename, url="u", sha256=digest)
        for one, digest in ((same, same.sha256), (other, "0" * 64))
    }
    found = missing([same, other, absent], listed, lambda one: one.sha256 or "")
    assert found == ([absent], [(other, listed[other.filename], "0" * 64)])


def test_a_name_that_is_spelled_otherwise_is_the_same_file(tmp_path: Path) -> None:
    made = [dist(tmp_path, "a-b", "1.0.0"), read_distribution(sdist(tmp_path, "a-b", "1.0"))]
    names = ["A.B-1.0-py3-none-any.whl", "a-b-1.0.0.tar.gz"]
    names += ["a_b-1.0.1-py3-none-any.whl", "a_b-1.0.0-py2-none-any.whl", "no distribution"]
    listed = {name: Listed(filename=name, url="u", sha256="0" * 64) for name in names}
    absent, other = missing(made, listed, lambda one: one.sha256 or "")
    assert absent == []
    assert [there.filename for _, there, _ in other] == names[:2]
    same = {names[0]: Listed(filename=names[0], url="u", sha256=made[0].sha256)}
    assert missing(made[:1], same, lambda one: one.sha256 or "") == ([], [])


def test_what_differs_is_reported_where_it_can_be(tmp_path: Path) -> None:
    ours = dist(tmp_path / "ours", "a", code="1\n")
    theirs = dist(tmp_path / "theirs", "a", code="2\n", readme="Other.")
    text = difference(ours, theirs.path.read_bytes())
    assert "(a-1.0.0.dist-info/METADATA and 1 more)" in text
    assert difference(ours, b"no archive") == ""
    assert difference(read_distribution(sdist(tmp_path, "a", "1.0")), b"") == ""


def test_nothing_is_checked_where_there_is_nothing() -> None:
    assert check_files([]) == ()
    assert publisher().check([]) == ()


def test_in_lockstep_a_library_has_the_tags_version(tmp_path: Path) -> None:
    one = dist(tmp_path, "a", "1.0.0rc1")

    def step(tag: str, *, lockstep: bool = True) -> PublishStep:
        stage = publish_stage(
            {"a": lambda: (one,)}, publisher(), tag=parse_tag(tag, ()), lockstep=lockstep
        )
        assert (stage.name, stage.parallel) == ("publish", 4)
        (found,) = stage.steps
        assert isinstance(found, PublishStep)
        return found

    step("v1.0.0-rc1")._check_version([one])
    step("v0.0.0-test")._check_version([one])
    step("v2.0.0", lockstep=False)._check_version([one])
    with pytest.raises(VersionMismatchError, match=r"nox -s bump -- a 2\.0\.0"):
        step("v2.0.0")._check_version([one])


def test_the_build_command_and_its_environment() -> None:
    member = Package(name="a", path="libs/a", project=".", document={})
    alone = Package(name="a", path="s/a", project="s/a", document={})
    out = Path("/out")
    argv = ["uv", "build", "--no-progress", "--out-dir", "/out"]
    assert build_argv(member, out) == [*argv, "--package", "a", "--wheel"]
    assert build_argv(alone, out, sdist=True) == argv
    env = build_env(
        {"PATH": "p", "AWS_SECRET_ACCESS_KEY": "s", "TWINE_PASSWORD": "s", "GITHUB_TOKEN": "s",
         "UV_PUBLISH_TOKEN": "s", "MINE": "s", "UV_INDEX_X_PASSWORD": "kept"},
        BASE_ONLY,
    )  # fmt: skip
    assert env == {
        "PATH": "p",
        "UV_INDEX_X_PASSWORD": "kept",
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "GIT_OPTIONAL_LOCKS": "0",
    }
    assert build_env({"SOURCE_DATE_EPOCH": "1"}, BASE_ONLY)["SOURCE_DATE_EPOCH"] == "1"
    assert version_of_test(1700000000) == "0.0.0.dev1700000000"

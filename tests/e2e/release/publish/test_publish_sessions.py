"""`build` and `publish` as a user runs them: nox on real workspaces, against real indexes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.support.codeartifact import TOKEN, State, codeartifact
from tests.support.dists import wheel
from tests.support.published_libraries import (
    BACKENDS,
    CODEARTIFACT,
    Nox,
    commit,
    digests,
    held,
    workspace,
)
from tests.support.real import copy_example, edit, failed_with, git
from tests.support.real import nox as nox_in_a_child


def test_every_backend_builds_the_same_bytes_again_and_leaves_the_tree_clean(
    tmp_path: Path,
    nox: Nox,
) -> None:
    names = {f"lib-{backend.replace('_', '-')}": backend for backend in BACKENDS}
    home = workspace(tmp_path / "one", names, more="sdist = true\n")
    first = nox(home, "-s", "build")
    assert first.status == 0, first.text
    assert git(home, "status", "--porcelain") == ""
    assert not list(home.rglob("*.egg-info"))
    # elsewhere, from a later commit, with other times and permissions of files
    clone = tmp_path / "two"
    git(tmp_path, "clone", "-q", str(home), str(clone))
    (clone / "docs.md").write_text("Not of any library.\n")
    commit(clone, "Later")
    for path in (clone / "libs").rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o660)
    (clone / "libs/lib-setuptools/src/lib_setuptools/scratch.py").write_text("")
    (clone / ".git/info/exclude").write_text("scratch.py\n")
    again = nox(clone, "-s", "build", "--", "--out", "made/here")
    assert again.status == 0, again.text
    made = digests(home / "dist")
    assert len(made) == 6
    assert made == digests(clone / "made/here")
    # a file of an older version does not stay beside the new one
    edit(home / "libs/lib-hatchling/pyproject.toml", "1.0.0", "1.1.0")
    shutil.copy(wheel(tmp_path / "x", "other"), home / "dist")
    result = nox(home, "-s", "build", "--", "--only", "lib_hatchling")
    assert result.status == 0, result.text
    assert "the work tree has uncommitted changes" in result.log
    left = set(digests(home / "dist"))
    assert "lib_hatchling-1.1.0-py3-none-any.whl" in left
    assert "lib_hatchling-1.0.0-py3-none-any.whl" not in left
    assert {"lib_uv_build-1.0.0-py3-none-any.whl", "other-1.0.0-py3-none-any.whl"} <= left


def test_the_example_is_published_once_and_an_unchanged_library_never_again(
    tmp_path: Path, aws: State
) -> None:
    home = copy_example("tradai-uv", tmp_path / "tradai-uv")
    with (home / "pyproject.toml").open("a") as file:
        file.write(CODEARTIFACT)
    git(home, "init", "-q", "-b", "main")
    commit(home, "Begin")
    dry = nox_in_a_child(home, "-s", "publish", "--", "--dry-run", env=aws.env)
    assert dry.status == 0, dry.text
    assert "todo" in dry.out
    assert "nothing was uploaded: this is a dry run" in dry.log
    assert not aws.files
    first = nox_in_a_child(home, "-s", "publish", env=aws.env)
    assert first.status == 0, first.text
    assert list(aws.files) == ["tradai_strategy-1.0.0-py3-none-any.whl"]
    # nox shows whatever is logged, and AWS's library logs whole answers
    for result in (dry, first):
        assert TOKEN not in result.text
        assert "marked" not in result.text
    aws.heal()
    (home / "NOTES.md").write_text("A later commit.\n")
    commit(home, "Later")
    second = nox_in_a_child(home, "-v", "-s", "publish", "--", "v1.3.0", env=aws.env)
    assert second.status == 0, second.text
    assert "nothing to do: the index has it all already" in second.log
    assert (aws.count("look"), aws.count("upload")) == (1, 0)
    assert TOKEN not in second.text
    # the source changes and the version does not
    edit(home / "libs/tradai-strategy/README.md", "#", "# Changed:")
    failed_with(
        nox_in_a_child(home, "-s", "publish", env=aws.env), "not committed; what is published"
    )
    commit(home, "Changed")
    failed_with(
        nox_in_a_child(home, "-s", "publish", env=aws.env),
        "has other bytes under this name: sha256",
        "so bump it: nox -s bump -- tradai-strategy patch",
    )
    bumped = nox_in_a_child(home, "-s", "bump", "--", "tradai-strategy", "patch")
    assert bumped.status == 0, bumped.text
    third = nox_in_a_child(home, "-s", "publish", env=aws.env)
    assert third.status == 0, third.text
    assert len(aws.files) == 2


def test_a_test_release_carries_a_version_of_its_own_from_each_commit(
    tmp_path: Path, nox: Nox, aws: State
) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "uv_build", "lib-b": "hatchling"})
    first = nox(home, "-s", "publish", "--", "v0.0.0-test", env=aws.env)
    assert first.status == 0, first.text
    moment = git(home, "log", "-1", "--format=%ct")
    assert {name.partition("-py3")[0] for name in aws.files} == {
        f"lib_a-0.0.0.dev{moment}",
        f"lib_b-0.0.0.dev{moment}",
    }
    assert git(home, "status", "--porcelain") == ""
    time.sleep(1.1)  # versions are made of seconds
    edit(home / "libs/lib-a/README.md", "#", "# Changed:")
    commit(home, "Changed")
    second = nox(home, "-s", "publish", "--", "v0.0.0-test", env=aws.env)
    assert second.status == 0, second.text
    assert len(aws.files) == 4
    # built without credentials, published with them
    made = nox(home, "-s", "build", "--", "v0.0.0-test", "--out", "dist/test")
    assert made.status == 0, made.text
    ready = nox(home, "-s", "publish", "--", "v0.0.0-test", "--dist", "dist/test", env=aws.env)
    assert "nothing to do" in ready.log, ready.text
    assert nox(home, "-s", "build").status == 0
    failed_with(
        nox(home, "-s", "publish", "--", "v0.0.0-test", "--dist", "dist", env=aws.env),
        "lib_a-1.0.0-py3-none-any.whl has version 1.0.0, and this checkout has 0.0.0.dev",
    )


PER_ENVIRONMENT = """
[tool.tradai-tasks.deploy]
tags = [{ kind = "release", environment = "prod" }]

[tool.tradai-tasks.deploy.environments.dev.codeartifact]
domain = "tradai-dev"
repository = "py-dev"
region = "eu-west-1"

[tool.tradai-tasks.deploy.environments.prod.codeartifact]
domain = "tradai"
repository = "py"
"""


def test_each_environment_has_its_own_repository(tmp_path: Path, nox: Nox, aws: State) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "uv_build"}, more=PER_ENVIRONMENT)
    with codeartifact(domain="tradai-dev", repository="py-dev") as dev:
        test = nox(home, "-s", "publish", "--", "v0.0.0-test", env=dev.env)
        assert test.status == 0, test.text
        asked = nox(home, "-s", "publish", "--", "--environment", "dev", env=dev.env)
        assert asked.status == 0, asked.text
        assert len(dev.files) == 2
        assert aws.log == []
        dev.log.clear()
        # a test tag goes to dev, whatever is asked for
        args = ("v0.0.0-test", "--environment", "prod")
        again = nox(home, "-s", "publish", "--", *args, env=dev.env)
        assert "nothing to do" in again.log, again.text
        released = nox(home, "-s", "publish", "--", "v1.0.0", env=aws.env)
        assert released.status == 0, released.text
        assert list(aws.files) == ["lib_a-1.0.0-py3-none-any.whl"]
        assert dev.count("upload") == 0
        failed_with(
            nox(home, "-s", "publish", "--", "--environment", "dev", env=aws.env), "tradai-dev"
        )
    assert len(aws.files) == 1


@pytest.mark.parametrize(
    ("args", "passages"),
    [
        (("v1.0.0-rc1",), ("tag v1.0.0-rc1: no rule says to which environment it goes",)),
        (("--environment", "prd"), ("environment 'prd': there is none; did you mean 'prod'?",)),
        ((), ("publish: no index to publish to",)),
        (("--environment", "staging"), ("publish: no index to publish to",)),
    ],
)
def test_where_to_publish_is_never_guessed(
    tmp_path: Path, nox: Nox, aws: State, args: tuple[str, ...], passages: tuple[str, ...]
) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "uv_build"}, more=PER_ENVIRONMENT)
    failed_with(nox(home, "-s", "publish", "--", *args, env=aws.env), *passages)
    assert aws.count("upload") == 0


def test_the_login_is_to_the_repository_of_the_environment(
    tmp_path: Path, nox: Nox, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "uv_build"}, more=PER_ENVIRONMENT)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    with codeartifact(domain="tradai-dev", repository="py-dev") as dev:
        args = ("--tool", "twine", "--environment", "dev")
        ran = nox(home, "-s", "codeartifact-login", "--", *args, env=dev.env)
        assert ran.status == 0, ran.text
        assert "tradai-dev" in ran.text
        assert TOKEN not in ran.text
        assert dev.endpoint in (tmp_path / "me" / ".pypirc").read_text()
        failed_with(
            nox(home, "-s", "codeartifact-login", "--", "--environment", "staging", env=dev.env),
            "publish.codeartifact, or deploy.environments.staging.codeartifact: not set",
        )


def test_what_is_in_the_folder_is_what_is_published(tmp_path: Path, nox: Nox, aws: State) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "uv_build", "lib-b": "uv_build"})
    for name in ("lib-a", "lib-b"):
        wheel(home / "dist", name)
    aws.faults["upload"] = ["ok", "404"]
    failed_with(nox(home, "-s", "publish", "--", "--dist", "dist", env=aws.env), "HTTP 404")
    assert len(aws.files) == 1
    rest = nox(home, "-s", "publish", "--", "--dist", "dist", env=aws.env)
    assert rest.status == 0, rest.text
    assert held(aws) == digests(home / "dist")
    assert sorted(aws.stored) == sorted(held(aws))
    one = nox(home, "-s", "publish", "--", "--dist", "dist", "--only", "lib-a", env=aws.env)
    assert one.status == 0, one.text
    wheel(home / "dist", "lib-a", "2.0.0")
    failed_with(
        nox(home, "-s", "publish", "--", "--dist", "dist", env=aws.env),
        "lib-a is there as 1.0.0 and 2.0.0; keep the one to publish",
    )
    failed_with(
        nox(home, "-s", "publish", "--", "--dist", "none", env=aws.env), "fill it by: nox -s build"
    )
    wheel(home / "bad", "lib-a", readme="")
    aws.files.clear()
    failed_with(
        nox(home, "-s", "publish", "--", "--only", "lib-a", "--dist", "bad", env=aws.env),
        "lib-a 1.0.0: twine check --strict refuses it; give the package a readme that renders",
        "`long_description_content_type` missing.",
    )
    assert not aws.files


def test_in_lockstep_a_library_has_the_version_of_the_tag(
    tmp_path: Path, nox: Nox, aws: State
) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "uv_build"}, more="lockstep = true\n" + CODEARTIFACT)
    failed_with(
        nox(home, "-s", "publish", "--", "v1.1.0", env=aws.env),
        "tag v1.1.0: lib-a has version 1.0.0, and publish.lockstep demands the tag's; fix with: "
        "nox -s bump -- lib-a 1.1.0",
    )
    assert aws.count("upload") == 0
    assert nox(home, "-s", "publish", "--", "v1.0.0", env=aws.env).status == 0


def test_one_library_at_fault_does_not_hide_behind_another(
    tmp_path: Path, nox: Nox, aws: State
) -> None:
    home = workspace(tmp_path / "w", {"lib-a": "uv_build", "lib-b": "uv_build"})
    wheel(home / "dist", "lib-a", readme="", requires=("lib-c",))
    wheel(home / "dist", "lib-b")
    result = nox(home, "-s", "publish", "--", "--dist", "dist", env=aws.env)
    failed_with(result, "lib-a 1.0.0: twine check --strict refuses it")
    assert aws.files == {}
    aws.put("lib-a", "lib_a-1.0.0-py3-none-any.whl", b"no archive")
    failed_with(
        nox(home, "-s", "publish", "--", "--dist", "dist", env=aws.env),
        "if the source has changed, bump it: nox -s bump -- lib-a patch",
    )

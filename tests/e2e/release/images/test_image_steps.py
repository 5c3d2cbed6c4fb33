"""The image step on a real engine and a real registry."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from tests.support.registry import PASSWORD, USER
from tests.support.yard import BASE, A, B, C, Yard, docker
from tradai_tasks.errors import (
    ConflictError,
    ImageBuildError,
    RegistryError,
    StoppedError,
)
from tradai_tasks.release.images.image_decisions import labels_of
from tradai_tasks.release.images.image_steps import ImageStep


def test_an_image_is_built_once_pushed_and_latest(yard: Yard) -> None:
    look = yard.run("v1.0.0", A)
    there = yard.there("v1.0.0")
    assert there is not None
    assert look.state == "done"
    assert look.record == {
        "repository": f"{yard.proxy.host}/tradai/web",
        "tag": "v1.0.0",
        "digest": there.digest,
        "uri": f"{yard.proxy.host}/tradai/web@{there.digest}",
        "revision": A,
        "latest": "latest was set",
    }
    assert not there.is_list
    assert there.platform == "linux/amd64"
    assert there.labels == labels_of(yard.release("v1.0.0", A))
    assert there.labels["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert yard.digest("latest") == there.digest
    assert len(yard.commands("build")) == 1
    # one push, since `latest` is the same manifest under another name
    assert [command[-1] for command in yard.commands("push")] == [
        f"{yard.spec().repository}:v1.0.0"
    ]
    assert docker(yard.docker, "image", "inspect", look.record["repository"] + ":v1.0.0")


def test_a_second_run_builds_and_pushes_nothing(yard: Yard) -> None:
    first = yard.run("v1.0.0", A)
    yard.forget()
    second = yard.run("v1.0.0", A)
    assert second.state == "done"
    assert second.record["digest"] == first.record["digest"]
    assert yard.ran == []
    assert yard.proxy.writes() == []
    assert len(yard.proxy.requests) <= 4


def test_latest_moves_only_forward(yard: Yard) -> None:
    yard.run("v1.1.0", A)
    newest = yard.digest("v1.1.0")
    assert "it is 1.1.0, which is newer" in yard.run("v1.0.1", B).note
    assert "2.0.0-rc1 is a pre-release" in yard.run("v2.0.0-rc1", B).note
    assert yard.digest("latest") == newest
    assert "latest moved from 1.1.0" in yard.run("v1.10.0", C).note
    assert yard.digest("latest") == yard.digest("v1.10.0") != newest


def test_a_test_tag_does_not_let_an_older_release_become_latest(yard: Yard) -> None:
    yard.run("v1.0.0", A)
    yard.run("v0.0.0-test", B, rule="always")
    test = yard.digest("latest")
    assert test == yard.digest("v0.0.0-test")
    older = yard.run("v0.9.0", C)
    assert "it is a test's, and there is 1.0.0, which is newer" in older.note
    assert yard.digest("latest") == test
    assert "latest moved from 0.0.0-test" in yard.run("v1.0.0", A).note
    assert yard.digest("latest") == yard.digest("v1.0.0")


def test_latest_is_moved_back_on_purpose(yard: Yard) -> None:
    yard.run("v1.0.0", A)
    yard.run("v1.1.0", B)
    yard.forget()
    assert "latest moved from 1.1.0" in yard.run("v1.0.0", A, rule="always").note
    assert yard.digest("latest") == yard.digest("v1.0.0")
    assert yard.ran == []


def test_a_released_tag_is_never_overwritten(yard: Yard) -> None:
    digest = yard.run("v1.0.0", A).record["digest"]
    yard.forget()
    with pytest.raises(ConflictError) as error:
        yard.run("v1.0.0", B)
    assert all(said in str(error.value) for said in (A, B, digest, "under another version"))
    assert yard.ran == []
    assert yard.proxy.writes() == []


def test_a_test_tag_is_overwritten(yard: Yard) -> None:
    spec = yard.spec("momentum", kind="strategy")
    first = yard.run("momentum-v0.0.0-test", A, spec=spec)
    second = yard.run("momentum-v0.0.0-test", B, spec=spec)
    assert first.record["digest"] != second.record["digest"]
    assert yard.digest("momentum-v0.0.0-test", "momentum") == second.record["digest"]
    assert yard.digest("latest", "momentum") is None
    yard.forget()
    assert yard.run("momentum-v0.0.0-test", B, spec=spec).state == "done"
    assert yard.ran == []


@pytest.mark.parametrize("refusal", [400, 405])
def test_an_immutable_repository_keeps_latest(yard: Yard, refusal: int) -> None:
    yard.proxy.immutable.append("tradai/web")
    yard.proxy.refusal = refusal
    assert "latest was set" in yard.run("v1.0.0", A).note
    before = yard.digest("latest")
    look = yard.run("v1.1.0", B)
    assert look.state == "done"
    assert "latest is left alone: the repository is immutable" in look.note
    assert "latest is left alone" in look.record["latest"]
    assert yard.digest("latest") == before != yard.digest("v1.1.0")
    assert "latest is left alone" in yard.run("v1.1.0", B, rule="always").note


@pytest.mark.parametrize("immutable", [False, True])
def test_two_runs_of_one_commit_agree(
    yard: Yard, immutable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if immutable:
        yard.proxy.immutable.append("tradai/web")
    image, kept = f"{yard.spec().repository}:v1.0.0", "kept:1"
    others: list[str] = []
    with yard.step("v1.0.0", A) as slow:
        push = slow.tools.engine.push

        def pushed_late(name: str) -> object:
            monkeypatch.setattr(slow.tools.engine, "push", push)
            docker(yard.docker, "tag", image, kept)
            # as another machine would: the same commit, other bytes
            (yard.root / "web/message").write_text("built elsewhere\n")
            others.append(yard.run("v1.0.0", A).record["digest"])
            docker(yard.docker, "tag", kept, image)
            return push(name)

        monkeypatch.setattr(slow.tools.engine, "push", pushed_late)
        look = slow.act({})
    assert look.state == "done"
    assert look.record["digest"] == yard.digest("v1.0.0") == yard.digest("latest")
    assert (look.record["digest"] == others[0]) is immutable


def test_a_racing_push_of_another_commit_is_an_error(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard.proxy.immutable.append("tradai/web")
    with yard.step("v1.0.0", A) as slow:
        push = slow.tools.engine.push

        def pushed_late(image: str) -> object:
            monkeypatch.undo()
            yard.run("v1.0.0", B)
            return push(image)

        monkeypatch.setattr(slow.tools.engine, "push", pushed_late)
        with pytest.raises(ConflictError) as error:
            slow.act({})
    assert A in str(error.value)
    assert B in str(error.value)


_FAULTS = {
    "look": ("GET", "/manifests/v1.0.0"),
    "look at latest": ("GET", "/manifests/latest"),
    "push": ("PUT", "/manifests/v1.0.0"),
    "latest": ("PUT", "/manifests/latest"),
}


@pytest.mark.parametrize("what", [500, 503, 429, "drop", "drop-after"])
@pytest.mark.parametrize("where", list(_FAULTS))
def test_faults_that_pass_are_outlived(yard: Yard, where: str, what: int | str) -> None:
    yard.proxy.fail(*_FAULTS[where], what, times=2)
    look = yard.run("v1.0.0", A)
    assert look.state == "done"
    assert yard.digest("latest") == yard.digest("v1.0.0") == look.record["digest"]
    yard.forget()
    assert yard.run("v1.0.0", A).state == "done"
    assert yard.proxy.writes() == []


@pytest.mark.parametrize("what", [503, "drop"])
@pytest.mark.parametrize("where", list(_FAULTS))
def test_faults_that_stay_are_an_error_and_a_rerun_finishes(
    yard: Yard, where: str, what: int | str
) -> None:
    yard.proxy.fail(*_FAULTS[where], what, times=10_000)
    with pytest.raises(RegistryError, match=r"images\.patience.*; run the same again"):
        yard.run("v1.0.0", A, patience=0)
    built = yard.digest("v1.0.0") if where == "latest" else None
    yard.forget()
    look = yard.run("v1.0.0", A)
    assert yard.digest("latest") == yard.digest("v1.0.0") == look.record["digest"]
    if built is not None:  # what was pushed stays, and is not built again
        assert look.record["digest"] == built
        assert yard.ran == []


def test_the_registry_says_how_long_to_wait(yard: Yard) -> None:
    yard.proxy.fail("GET", "/manifests/v1.0.0", 429, 1, Retry_After="1")
    assert yard.run("v1.0.0", A).state == "done"


def test_latest_without_a_label_is_known_by_its_release_tag(yard: Yard) -> None:
    """As a workflow without these labels leaves it: version and latest are one image."""
    unlabelled(yard, "v1.1.0", "latest", "dev")
    assert "it is 1.1.0, which is newer" in yard.run("v1.0.0", A).note
    assert "latest moved from 1.1.0" in yard.run("v1.2.0", A).note


def test_latest_of_no_known_version_is_not_guessed(yard: Yard) -> None:
    unlabelled(yard, "latest")
    with pytest.raises(ConflictError, match="--move-latest"):
        yard.run("v1.2.0", A)
    assert yard.ran == []
    assert "latest is left alone" in yard.run("v1.2.0", A, rule="never").note
    assert "latest moved from sha256:" in yard.run("v1.2.0", A, rule="always").note


def test_labels_of_the_base_image_are_not_taken_for_ours(yard: Yard) -> None:
    theirs = {"version": "2099.9.9", "source": "https://example.com/freqtrade", "revision": C}
    labels = [f"--label=org.opencontainers.image.{name}={said}" for name, said in theirs.items()]
    unlabelled(yard, "v1.0.0", "latest", labels=labels)
    assert "latest moved from 1.0.0" in yard.run("v1.1.0", A).note
    with pytest.raises(ConflictError, match=C):
        yard.run("v1.0.0", A)


def unlabelled(yard: Yard, *tags: str, labels: list[str] | None = None) -> None:
    folder = yard.root / "web"
    images = [f"{yard.spec().repository}:{tag}" for tag in tags]
    words = [word for image in images for word in ("-t", image)]
    login = yard.root / "login"
    env = {"DOCKER_CONFIG": str(login), "DOCKER_BUILDKIT": "0"}
    docker(yard.docker, "build", "-q", *words, *(labels or []), str(folder), env=env)
    docker(yard.docker, "login", "-u", USER, "-p", PASSWORD, yard.proxy.host, env=env)
    for image in images:
        docker(yard.docker, "push", image, env=env)


def test_a_list_of_images_is_told_apart(yard: Yard) -> None:
    yard.run("v1.0.0", A)
    image = yard.there("v1.0.0")
    assert image is not None
    platform = {"os": "linux", "architecture": "amd64"}
    document = json.loads(image.manifest)
    entry = {
        "mediaType": document["mediaType"], "digest": image.digest,
        "size": len(image.manifest), "platform": platform,
    }  # fmt: skip
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifests": [entry],
    }
    answer = httpx.put(
        f"http://{yard.proxy.host}/v2/tradai/web/manifests/v2.0.0",
        content=json.dumps(index),
        headers={"Content-Type": str(index["mediaType"])},
        auth=(USER, PASSWORD),
    )
    assert answer.is_success, answer.text
    found = yard.there("v2.0.0")
    assert found is not None
    assert found.is_list
    assert found.labels == image.labels
    with pytest.raises(ConflictError, match=r"a list of images, not one for linux/amd64"):
        yard.run("v2.0.0", A)


def test_another_platform_is_another_image(yard: Yard) -> None:
    yard.run("v1.0.0", A)
    with pytest.raises(ConflictError, match="for linux/amd64, not linux/arm64"):
        yard.run("v1.0.0", A, platform="linux/arm64")


def test_what_was_prepared_is_not_built_again(yard: Yard) -> None:
    with yard.step("v1.0.0", A) as step:
        step.prepare({})
        assert yard.proxy.writes() == []
        assert len(yard.commands("build")) == 1
        assert step.act({}).state == "done"
    assert len(yard.commands("build")) == 1
    with yard.step("v1.0.0", A) as step:
        step.prepare({})
    assert len(yard.commands("build")) == 1


def test_a_build_is_ended_where_something_beside_it_fails(yard: Yard) -> None:
    (yard.root / "web/Dockerfile").write_text(f"FROM {BASE}\nRUN sleep 600\n")
    stop = threading.Event()
    with yard.tools(stop=stop) as tools:
        step = ImageStep(
            spec=yard.spec(), release=yard.release("v1.0.0", A), tools=tools, rule="forward"
        )
        timer = threading.Timer(3, stop.set)
        timer.start()
        with pytest.raises(StoppedError):
            step.prepare({})
        timer.join()


def test_images_are_made_beside_one_another(yard: Yard) -> None:
    with yard.tools(parallel=3) as tools:
        steps = [
            ImageStep(
                spec=yard.spec(name), release=yard.release("v1.0.0", A), tools=tools, rule="forward"
            )
            for name in ("one", "two", "three")
        ]
        threads = [threading.Thread(target=step.act, args=({},)) for step in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(yard.digest("latest", name) for name in ("one", "two", "three"))
    assert len(yard.commands("login")) == 1


def test_another_base_image(yard: Yard) -> None:
    docker(yard.docker, "tag", BASE, "stand-in/other:2")
    file = yard.root / "web/Dockerfile"
    file.write_text("FROM nowhere.example/no:1\nCOPY message /message\n")
    assert yard.run("v1.0.0", A, spec=yard.spec(base="stand-in/other:2")).state == "done"
    file.write_text("ARG BASE_IMAGE=nowhere.example/no:1\nFROM $BASE_IMAGE\nCOPY message /\n")
    assert yard.run("v1.1.0", A, spec=yard.spec(base="stand-in/other:2")).state == "done"
    argument = yard.spec(build_args={"BASE_IMAGE": "stand-in/other:2"})
    assert yard.run("v1.2.0", A, spec=argument).state == "done"


def test_an_image_built_on_that_of_an_earlier_stage(yard: Yard) -> None:
    base = yard.run("v1.0.0", A, spec=yard.spec("base"))
    docker(yard.docker, "image", "rm", f"{yard.spec('base').repository}:v1.0.0")
    (yard.root / "web/Dockerfile").write_text("ARG BASE_IMAGE\nFROM $BASE_IMAGE\nRUN cat /copy\n")
    spec = yard.spec(base_from=("base", "lambdas"))
    with yard.step("v1.0.0", A, spec=spec) as step:
        step.prepare({})
        assert len(yard.commands("build")) == 1  # its base is not known yet
        with pytest.raises(ImageBuildError, match="run the stage base first"):
            step.act({})
        known = {"base": {"lambdas": base.record}}
        assert step.act(known).state == "done"
    assert f"BASE_IMAGE={base.record['uri']}" in yard.commands("build")[-1]

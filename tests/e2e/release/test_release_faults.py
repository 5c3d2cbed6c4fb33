"""The fault table of a platform's release: each fault at each stage that touches a server.

The stage alone is to do, the others were done before; the fault goes on for the whole of the first
run. That ends with an error in words or finishes, the second finishes, and nothing is there twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.engine import engine, import_busybox
from tests.support.inprocess import InProcess, Ran
from tests.support.platform_yard import BASE, OLD, Place, open_place, released
from tests.support.real import edit, git
from tests.support.registry import PASSWORD, USER

FAULTS = ("500", "503", "429", "drop", "drop-after-store")
IMAGES = {"image": "web", "lambda-base": "lambda-base", "lambda-image": "lambda-gaps"}
STAGES = ("publish", *IMAGES, "functions-prod", "deploy-prod")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, str]]:
    """A platform whose v1.2.0 is released, and the commit."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "engine").mkdir()
    with engine(folder / "engine") as docker:
        import_busybox(docker, folder / "busybox", BASE)
        with open_place(folder, docker) as place:
            edit(
                place.home / "pyproject.toml",
                "interval = 0.05\n",
                "interval = 0.05\ntimeout = 6\nfunction-timeout = 6\n",
            )
            edit(place.home / "pyproject.toml", "network", "patience = 1\nnetwork")
            git(place.home, "add", "-A")
            commit = place.tag("v1.2.0")
            first = place("v1.2.0")
            assert first.status == 0, first.text
            released(place, commit)
            yield place, commit


@pytest.fixture
def release(
    world: tuple[Place, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Releases it, in this process and with no long waits between two tries."""
    place, _ = world
    wait = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: wait(min(seconds, 0.01)))
    run = InProcess(place.home, monkeypatch, capsys)

    def call() -> Ran:
        ran = run("-s", "release", "--", "v1.2.0", env=place.env)
        said = ran.out + ran.log
        assert "Traceback" not in said
        assert PASSWORD not in said
        assert "marked-" not in said
        return ran

    return call


def undo(place: Place, stage: str) -> None:
    """Take away what a stage has made, and no more."""
    if stage == "publish":
        place.index.files.clear()
        place.index.stored.clear()
    elif stage in IMAGES:
        path = f"http://{place.front.host}/v2/tradai/{IMAGES[stage]}/manifests"
        digest = place.digests("v1.2.0")[IMAGES[stage]]
        assert httpx.delete(f"{path}/{digest}", auth=(USER, PASSWORD)).status_code == 202
        assert place.digests("v1.2.0")[IMAGES[stage]] is None
    elif stage == "functions-prod":
        function = place.functions.functions["gaps"]
        function.uri, function.versions, function.updates = "x@sha256:old", [], 0
    else:
        for name in ("backend", "web"):
            for task in place.ecs.clusters["main"][name].tasks:
                task.digest = OLD
            place.ecs.clusters["main"][name].started = 0
    place.forget()
    place.functions.requests.clear()


def break_it(place: Place, stage: str, fault: str) -> None:
    """Have each request by which a stage acts go wrong."""
    given: Any = int(fault) if fault.isdigit() else fault
    what: Any
    if stage == "publish":
        place.index.always["upload"] = fault
    elif stage in IMAGES:
        what = "drop-after" if fault == "drop-after-store" else given
        place.front.fail("PUT", f"/{IMAGES[stage]}/manifests/", what, times=1000)
    else:
        api = place.functions if stage == "functions-prod" else place.ecs
        what = "lost" if fault == "drop-after-store" else given
        for operation in ("UpdateFunctionCode", "PublishVersion", "UpdateService"):
            api.always[operation] = what


def fix(place: Place) -> None:
    place.index.always.clear()
    place.front.faults.clear()
    place.functions.always.clear()
    place.ecs.always.clear()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_it_in_words_or_not_at_all_and_a_second_run_finishes(
    world: tuple[Place, str], release: Any, stage: str, fault: str
) -> None:
    place, commit = world
    undo(place, stage)
    break_it(place, stage, fault)
    first = release()
    fix(place)
    if first.status == 0:
        assert fault == "drop-after-store", first.log  # what is there is seen, whoever says so
        released(place, commit)
    else:
        assert f"\n{stage} " in first.log.partition("not complete:")[2], first.log
        assert "v1.2.0: complete" not in first.log
    second = release()
    assert second.status == 0, second.log
    assert "v1.2.0: complete" in second.log
    if fault != "drop-after-store":
        assert "nothing was changed" not in second.log
    released(place, commit)
    assert len(place.index.stored) == 1
    assert all(place.ecs.clusters["main"][name].started <= 1 for name in ("backend", "web"))

"""The fault table of a platform's release: each fault at each stage that touches a server.

The stage alone is to do, the others were done before; the fault goes on for the whole of the first
run. That ends with an error in words or finishes, the second finishes, and nothing is there twice.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.support.engine import engine, import_busybox
from tests.support.inprocess import InProcess, Ran
from tests.support.platform_yard import BASE, OLD, Place, open_place, released
from tests.support.real import clean_env, edit, git
from tests.support.registry import PASSWORD, USER
from tradai_tasks.http_client import retry
from tradai_tasks.parent_watch import leashed
from tradai_tasks.release.images import image_steps

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
    monkeypatch.setattr(retry, "_FIRST", 0.01)
    monkeypatch.setattr(retry, "_LONGEST", 0.01)
    monkeypatch.setattr(image_steps, "_MOMENT", 0.01)
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


# --- signals --------------------------------------------------------------------------------------

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENDED_IN = 5.0  # seconds, where the machine has other work; without, one or two


def hold(place: Place, stage: str, stack: ExitStack) -> Callable[[], bool]:
    """Have a stage wait without end; return whether it does so by now."""
    go = threading.Event()
    stack.callback(go.set)
    if stage == "publish":
        place.index.always["upload"] = "hang"
        return lambda: "upload" in [one[0] for one in place.index.log]
    if stage in IMAGES:
        reached = threading.Event()

        def wait() -> None:
            reached.set()
            go.wait(60)

        request = ("PUT", f"/{IMAGES[stage]}/manifests/")
        place.front.before[request] = wait
        stack.callback(place.front.before.pop, request)
        return reached.is_set
    if stage == "functions-prod":
        place.functions.functions["gaps"].pace = 1_000_000
        return lambda: place.functions.count("GetFunction") > 5
    for name in ("backend", "web"):
        place.ecs.clusters["main"][name].fate = "stuck"
    return lambda: place.ecs.count("UpdateService") == 2


def let_go(place: Place) -> None:
    fix(place)
    function = place.functions.functions["gaps"]
    function.pace, function.left = 2, 2
    for name in ("backend", "web"):
        service = place.ecs.clusters["main"][name]
        service.fate, service.primary.age = "good", min(service.primary.age, 1)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_at_once_and_a_second_run_finishes(
    world: tuple[Place, str], release: Any, stage: str, number: signal.Signals
) -> None:
    place, commit = world
    undo(place, stage)
    with ExitStack() as stack:
        is_waiting = hold(place, stage, stack)
        process = stack.enter_context(
            subprocess.Popen(
                # on a leash, since this very test run may have been told to ignore interrupts
                leashed(sys.executable, "-m", "nox", "-s", "release", "--", "v1.2.0"),
                cwd=place.home,
                env=clean_env(**place.env),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
        for _ in range(1200):
            if is_waiting() or process.poll() is not None:
                break
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()[0].decode()
        begin = time.monotonic()
        process.send_signal(number)  # to it alone, as CI does
        out, _ = process.communicate(timeout=60)
        taken = time.monotonic() - begin
    let_go(place)
    said = " ".join(out.decode().split())
    assert process.returncode == 130, said
    assert taken < ENDED_IN, f"{taken:.1f} s: {said}"
    assert f"v1.2.0: interrupted by {number.name}; what is done stays done; run the same" in said
    assert "Traceback" not in said
    assert PASSWORD not in said
    if stage.endswith("prod"):
        assert "goes on in" in said
    second = release()
    assert second.status == 0, second.log
    released(place, commit)
    assert len(place.index.stored) == 1
    assert all(place.ecs.clusters["main"][name].started <= 1 for name in ("backend", "web"))

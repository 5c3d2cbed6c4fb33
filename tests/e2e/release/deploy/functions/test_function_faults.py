"""Faults of Lambda, and functions and images that are not as they should be."""

from __future__ import annotations

from typing import Any

import pytest
import tenacity

from tests.support.function_steps import REPOSITORY, gaps, step
from tests.support.lambda_api import Fault, Lambda
from tests.support.released_images import NEW, OLD, Registry, remote
from tradai_tasks.errors import (
    AwsDeniedError,
    AwsThrottledError,
    AwsUnreachableError,
    FunctionError,
    FunctionMissingError,
    FunctionTimeoutError,
    ManifestListError,
    ReleaseImageMissingError,
)
from tradai_tasks.release.clients.aws import Aws


@pytest.fixture
def eight_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up after eight looks, however long they take."""
    monkeypatch.setattr(tenacity, "stop_after_delay", lambda _: tenacity.stop_after_attempt(8))


@pytest.mark.parametrize("after", ["UpdateFunctionCode", "GetFunction", "ListVersions"])
def test_a_run_that_was_cut_is_finished_by_the_next(
    api: Lambda, registry: Registry, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    class KilledError(BaseException):
        pass

    function = gaps(api)
    seen: list[str] = []
    original = Lambda.answer

    def answer(self: Lambda, operation: str, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        seen.append(operation)
        return original(self, operation, name, body)

    monkeypatch.setattr(Lambda, "answer", answer)
    made = step(registry)
    call, pages = Aws.call, Aws.pages

    def cut(self: Aws, *args: Any, **given: Any) -> Any:
        if "UpdateFunctionCode" in seen and seen[-1] == after:
            raise KilledError
        return call(self, *args, **given)

    def cut_pages(self: Aws, *args: Any, **given: Any) -> Any:
        if "UpdateFunctionCode" in seen and seen[-1] == after:
            raise KilledError
        return pages(self, *args, **given)

    with monkeypatch.context() as patch:
        patch.setattr(Aws, "call", cut)
        patch.setattr(Aws, "pages", cut_pages)
        with pytest.raises(KilledError):
            made.act({})
    assert function.updates == 1
    assert function.versions == []
    assert step(registry).look({}).state == "todo"
    assert step(registry).act({}).state == "done"
    assert (function.updates, len(function.versions)) == (1, 1)


def test_an_update_that_fails_says_why_and_the_next_run_tries_again(
    api: Lambda, registry: Registry
) -> None:
    function = gaps(api, fails="Lambda does not have permission to access the ECR image.")
    with pytest.raises(FunctionError) as raised:
        step(registry).act({})
    assert str(raised.value) == (
        "find-gaps: Lambda could not take the image: Lambda does not have permission to access the "
        "ECR image.; fix the image, or let Lambda read the repository, and run it again"
    )
    assert function.versions == []
    assert step(registry).look({}).state == "todo"  # though the digest is the release's
    assert step(registry).act({}).state == "done"


@pytest.mark.usefixtures("eight_looks")
def test_an_update_without_end_is_a_timeout_that_the_next_run_waits_on(
    api: Lambda, registry: Registry
) -> None:
    function = gaps(api, pace=1_000_000)
    with pytest.raises(FunctionTimeoutError, match=r"find-gaps: still at its update after 30 s"):
        step(registry).act({})
    assert "find-gaps: wait" in step(registry).look({}).note
    function.left = 2
    assert step(registry).act({}).state == "done"
    assert (function.updates, len(function.versions)) == (1, 1)


def test_an_update_of_somebody_else_is_waited_for_first(api: Lambda, registry: Registry) -> None:
    function = gaps(api, update="InProgress", left=3)
    assert step(registry).act({}).state == "done"
    assert function.updates == 1
    gaps(api, update="InProgress", left=3, fails="somebody else's image")
    assert step(registry).act({}).state == "done"
    gaps(api)
    api.faults.append(("UpdateFunctionCode", "conflict"))
    assert step(registry).act({}).state == "done"
    api.faults += [("UpdateFunctionCode", "conflict")] * 20
    gaps(api)
    with pytest.raises(FunctionError, match="another run updates it at the same time"):
        step(registry).act({})
    api.faults.clear()


@pytest.mark.parametrize("operation", ["GetFunction", "UpdateFunctionCode", "PublishVersion"])
@pytest.mark.parametrize("fault", ["throttled", "drop", "lost", "denied"])
def test_every_fault_fails_clearly_or_finishes_and_the_next_run_finishes(
    api: Lambda, registry: Registry, operation: str, fault: Fault
) -> None:
    function = gaps(api)
    api.faults.append((operation, fault))
    said = ""
    try:
        step(registry).act({})
    except (AwsDeniedError, AwsThrottledError, AwsUnreachableError) as error:
        said = str(error)
    assert (f"allow the action lambda:{operation}" in said) == (fault == "denied")
    for _ in range(2):
        assert step(registry).act({}).state == "done"
    assert function.uri.endswith(NEW)
    assert (function.updates, len(function.versions)) == (1, 1)


def test_a_missing_function_is_skipped_only_where_that_is_allowed(
    api: Lambda, registry: Registry
) -> None:
    with pytest.raises(FunctionMissingError) as raised:
        step(registry).look({})
    assert str(raised.value) == (
        "Lambda has no function 'find-gaps'; provision it, name the one of gaps in "
        "deploy.environments.prod.functions, or allow it to be missing: "
        'deploy.environments.prod.missing-function = "skip"'
    )
    allowed = step(registry, missing="skip", environment="dev")
    for found in (allowed.look({}), allowed.act({})):
        assert (found.state, found.note) == (
            "skipped",
            "Lambda has no function 'find-gaps'; skipped in dev",
        )


def test_a_function_that_goes_away_meanwhile(
    api: Lambda, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = step(registry, missing="skip")
    gaps(api, update="InProgress", left=1_000_000)
    original = Aws.call

    def call(self: Aws, service: str, operation: str, /, **given: Any) -> Any:
        answer = original(self, service, operation, **given)
        api.functions.clear()
        return answer

    monkeypatch.setattr(Aws, "call", call)
    with pytest.raises(FunctionMissingError, match="any more"):
        made.act({})


def test_what_lambda_cannot_take_is_refused_before_anything_is_done(
    api: Lambda, registry: Registry
) -> None:
    function = gaps(api)
    registry.images["v1.2.0"] = remote(NEW, is_list=True)
    for attempt in (step(registry).look, step(registry).act):
        with pytest.raises(ManifestListError, match="a list of images for several platforms"):
            attempt({})
    registry.images["v1.2.0"] = remote(NEW, platform="linux/arm64")
    with pytest.raises(
        FunctionError, match=r"runs on linux/amd64, but .*v1\.2\.0 is for linux/arm64"
    ):
        step(registry).look({})
    registry.images["v1.2.0"] = remote(NEW, platform="linux/amd64")
    function.package = "Zip"
    with pytest.raises(FunctionError, match="is a function of a Zip file, which takes no image"):
        step(registry).look({})
    assert function.updates == 0


def test_an_image_that_is_not_pushed_yet(api: Lambda, registry: Registry) -> None:
    gaps(api)
    assert step(registry, "v3.0.0").look({}).note == "find-gaps: once v3.0.0 is in the registry"
    with pytest.raises(
        ReleaseImageMissingError, match=r"push it first: nox -s lambdas -- v3\.0\.0"
    ):
        step(registry, "v3.0.0").act({})


def test_somebody_elses_image_after_the_update_is_no_success(
    api: Lambda, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = gaps(api)
    original = Aws.call

    def call(self: Aws, service: str, operation: str, /, **given: Any) -> Any:
        answer = original(self, service, operation, **given)
        if operation == "update_function_code":
            function.uri = f"{REPOSITORY}@{OLD}"
        return answer

    monkeypatch.setattr(Aws, "call", call)
    with pytest.raises(FunctionError, match="another run updates it at the same time"):
        step(registry).act({})
    assert function.versions == []

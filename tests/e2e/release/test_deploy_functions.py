"""The step of a Lambda function, by the real client: on moto, and where moto has no such state."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import tenacity

from tests.support.lambda_api import Fault, FunctionState, Lambda, lambda_server
from tests.support.moto_server import moto
from tradai_tasks.errors import (
    AwsDeniedError,
    AwsError,
    AwsThrottledError,
    AwsUnreachableError,
    FunctionError,
    FunctionMissingError,
    FunctionTimeoutError,
    ManifestListError,
    NewerReleaseError,
    ReleaseImageMissingError,
)
from tradai_tasks.release.clients.aws import Aws, pascal_case
from tradai_tasks.release.deploy.lambda_step import FunctionStep, LambdaFunction
from tradai_tasks.release.images.released_image import ReleaseImage

REPOSITORY = "registry.example/tradai/lambda-gaps"
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
COMMIT = "c" * 40


@dataclass
class Remote:
    digest: str
    is_list: bool = False
    manifest: bytes = b"{}"
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class Registry:
    def __init__(self) -> None:
        self.images = {"v1.1.0": Remote(OLD), "v1.2.0": Remote(NEW)}

    def image(self, repository: str, reference: str) -> Remote | None:
        assert repository == "tradai/lambda-gaps"
        by_digest = {one.digest: one for one in self.images.values()}
        return self.images.get(reference) or by_digest.get(reference)

    def digest(self, repository: str, reference: str) -> str | None:
        found = self.image(repository, reference)
        return found.digest if found else None

    def tags(self, repository: str) -> list[str]:
        assert repository == "tradai/lambda-gaps"
        return list(self.images)


@functools.cache
def client_of(url: str) -> Aws:
    """A client costs more than all requests of a test together."""
    return Aws(region="eu-central-1", attempts=1)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture(scope="module")
def server() -> Iterator[Lambda]:
    with lambda_server() as made:
        yield made


@pytest.fixture
def api(server: Lambda, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    server.reset()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    return server


@pytest.fixture
def eight_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is up after eight looks, however long they take."""
    monkeypatch.setattr(tenacity, "stop_after_delay", lambda _: tenacity.stop_after_attempt(8))


def gaps(api: Lambda, **given: Any) -> FunctionState:
    return api.add(FunctionState(name="find-gaps", **{"uri": f"{REPOSITORY}@{OLD}", **given}))


def step(registry: Registry, tag: str = "v1.2.0", **given: Any) -> FunctionStep:
    image = ReleaseImage(images=registry, path="tradai/lambda-gaps", repository=REPOSITORY, tag=tag)
    settings = {
        "function": "find-gaps",
        "environment": "prod",
        "missing": "error",
        "timeout": 30.0,
        "interval": 0.01,
        **given,
    }
    url = os.environ.get("AWS_ENDPOINT_URL_LAMBDA", os.environ.get("AWS_ENDPOINT_URL", ""))
    return FunctionStep(name="gaps", aws=client_of(url), image=image, commit=COMMIT, **settings)


def test_updated_waited_for_published_and_then_left_alone(api: Lambda, registry: Registry) -> None:
    function = gaps(api)
    found = step(registry).look({})
    assert (found.state, found.note) == (
        "todo",
        "find-gaps: update, wait, publish (sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb)",
    )
    assert function.updates == 0  # a look changes nothing
    done = step(registry).act({})
    assert (done.state, done.note) == ("done", "find-gaps: version 1 is sha256:bbbbbbbbbbbb")
    assert done.record == {
        "function": "find-gaps",
        "digest": NEW,
        "version": "1",
        "environment": "prod",
        "rollback_from": "",
        "unknown_replaced": [],
    }
    assert function.uri == f"{REPOSITORY}@{NEW}"  # by digest, not by tag
    (version,) = function.versions
    assert version["Description"] == f"v1.2.0 {COMMIT[:12]} {NEW}"
    again = step(registry)
    assert again.look({}) == done
    assert again.act({}) == done
    assert (function.updates, api.count("PublishVersion")) == (1, 1)


def test_code_that_is_there_and_published_is_left_alone(api: Lambda, registry: Registry) -> None:
    function = gaps(api, uri=f"{REPOSITORY}@{NEW}")
    found = step(registry).look({})
    assert "find-gaps: publish (" in found.note
    assert step(registry).act({}).state == "done"
    assert function.updates == 0
    assert len(function.versions) == 1


def labelled(registry: Registry) -> None:
    """Have the images say their version by a label, and not by a tag."""
    for tag in ("v1.1.0", "v1.2.0"):
        image = registry.images[tag]
        label = {"org.opencontainers.image.version": tag.removeprefix("v")}
        registry.images[tag] = Remote(image.digest, labels=label)


@pytest.mark.parametrize("told_by", ["version", "label", "tag", "given"])
def test_a_newer_release_stays_unless_a_roll_back_is_asked_for(
    api: Lambda, registry: Registry, told_by: str
) -> None:
    function = gaps(api)
    assert step(registry).act({}).state == "done"
    if told_by != "version":
        function.versions.clear()
    if told_by == "label":
        labelled(registry)
    if told_by == "given":
        del registry.images["v1.2.0"]
        function.uri, function.resolved = f"{REPOSITORY}:v1.2.0", f"{REPOSITORY}@{NEW}"
    elif told_by == "version":
        del registry.images["v1.2.0"]  # an image may be gone while its function still runs
    old, refusal = step(registry, "v1.1.0"), (
        "find-gaps: runs v1.2.0, which is newer than v1.1.0, and stays at it; to take it there on "
        "purpose: nox -s lambdas -- v1.1.0 --rollback --environment prod"
    )  # fmt: skip
    assert old.look({}).obstacle == refusal
    with pytest.raises(NewerReleaseError, match=re.escape(refusal)):
        old.act({})
    assert function.updates == 1
    back = step(registry, "v1.1.0", any_order=True)
    assert back.look({}).note.endswith("back from v1.2.0")
    assert back.look({}).obstacle == ""
    done = back.act({})
    assert done.record["rollback_from"] == "v1.2.0"
    assert done.note.endswith(f"is {OLD[:19]}, rolled back from v1.2.0")
    assert step(registry, "v1.1.0").look({}) == done  # the record is in the published version
    assert function.uri == f"{REPOSITORY}@{OLD}"


@pytest.mark.parametrize("uri", [f"other.example/tradai@{NEW}", f"{REPOSITORY}@sha256:{'d' * 64}"])
def test_an_image_of_no_release_is_replaced(api: Lambda, registry: Registry, uri: str) -> None:
    gaps(api, uri=uri)
    digest = uri.partition("@")[2]
    look = step(registry, "v1.1.0").look({})
    assert look.obstacle == ""
    assert look.note.endswith(f", replaces {digest[:19]} of no known release")
    done = step(registry, "v1.1.0").act({})
    assert done.state == "done"
    assert done.record["unknown_replaced"] == [digest]
    assert done.note.endswith(f", replaces {digest[:19]} of no known release")


def test_a_way_back_publishes_again(api: Lambda, registry: Registry) -> None:
    function = gaps(api)
    for tag in ("v1.2.0", "v1.1.0", "v1.2.0"):
        assert step(registry, tag, any_order=True).act({}).state == "done"
        assert step(registry, tag).look({}).state == "done"
    assert [one["Description"].split()[0] for one in function.versions] == [
        "v1.2.0",
        "v1.1.0",
        "v1.2.0",
    ]


@pytest.mark.parametrize("before", ["UpdateFunctionCode", "GetFunction", "PublishVersion"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("tags", [("v1.1.0", "v1.2.0"), ("v1.2.0", "v1.1.0")], ids="-".join)
def test_of_two_runs_at_once_the_newer_release_stays(
    api: Lambda, registry: Registry, tags: tuple[str, str], before: str, at: int
) -> None:
    """The other run deploys, whole, right before the n-th request of a kind by this one."""
    function = gaps(api, uri=f"{REPOSITORY}@sha256:{'0' * 64}")
    original, count = Aws.call, 0
    others: list[str] = []

    def ended(tag: str) -> str:
        try:
            return step(registry, tag).act({}).state
        except NewerReleaseError as error:
            return str(error).partition(",")[0]

    def call(self: Aws, service: str, operation: str, /, **given: Any) -> Any:
        nonlocal count
        count += pascal_case(operation) == before
        if count == at and not others:
            others.append("")
            others[0] = ended(tags[1])
        return original(self, service, operation, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Aws, "call", call)
        own = ended(tags[0])
    ends = dict(zip(tags, (own, *(others or [ended(tags[1])])), strict=True))
    assert ends["v1.2.0"] == "done"
    assert ends["v1.1.0"] in {"done", "find-gaps: runs v1.2.0"}
    assert function.uri == f"{REPOSITORY}@{NEW}"
    assert step(registry).look({}).state == "done"


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


def test_a_function_that_goes_away_meanwhile(api: Lambda, registry: Registry) -> None:
    made = step(registry, missing="skip")
    gaps(api, update="InProgress", left=1_000_000)
    original = FunctionStep._settled

    def settled(self: FunctionStep) -> Any:
        api.functions.clear()
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FunctionStep, "_settled", settled)
        with pytest.raises(FunctionMissingError, match="any more"):
            made.act({})


def test_what_lambda_cannot_take_is_refused_before_anything_is_done(
    api: Lambda, registry: Registry
) -> None:
    function = gaps(api)
    registry.images["v1.2.0"] = Remote(NEW, is_list=True)
    for attempt in (step(registry).look, step(registry).act):
        with pytest.raises(ManifestListError, match="a list of images for several platforms"):
            attempt({})
    registry.images["v1.2.0"] = Remote(NEW, platform="linux/arm64")
    with pytest.raises(
        FunctionError, match=r"runs on linux/amd64, but .*v1\.2\.0 is for linux/arm64"
    ):
        step(registry).look({})
    registry.images["v1.2.0"] = Remote(NEW, platform="linux/amd64")
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
    original = FunctionStep._update

    def update(self: FunctionStep, found: LambdaFunction, digest: str) -> bool:
        made = original(self, found, digest)
        function.uri = f"{REPOSITORY}@{OLD}"
        return made

    monkeypatch.setattr(FunctionStep, "_update", update)
    with pytest.raises(FunctionError, match="another run updates it at the same time"):
        step(registry).act({})
    assert function.versions == []


@pytest.mark.parametrize("first", ["v1.1.0", "v1.2.0"])
def test_on_moto(registry: Registry, monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    with moto(monkeypatch) as url:
        import boto3

        iam, client = boto3.client("iam"), boto3.client("lambda")
        role = iam.create_role(RoleName=first, AssumeRolePolicyDocument="{}", Path="/")["Role"][
            "Arn"
        ]
        client.create_function(
            FunctionName="find-gaps",
            PackageType="Image",
            Code={"ImageUri": f"{REPOSITORY}:{first}"},
            Role=role,
        )
        assert url
        if first == "v1.2.0":
            with pytest.raises(NewerReleaseError, match=r"runs v1\.2\.0, which is newer"):
                step(registry, "v1.1.0").act({})
        assert step(registry).look({}).state == "todo"
        assert step(registry).act({}).record["version"] == "1"
        assert step(registry).look({}).state == "done"
        assert step(registry).act({}).record["version"] == "1"
        assert client.get_function(FunctionName="find-gaps")["Code"]["ImageUri"] == (
            f"{REPOSITORY}@{NEW}"
        )
        versions = client.list_versions_by_function(FunctionName="find-gaps")["Versions"]
        assert [one["Version"] for one in versions] == ["$LATEST", "1"]
        with pytest.raises(NewerReleaseError, match=r"runs v1\.2\.0, which is newer"):
            step(registry, "v1.1.0").act({})
        back = step(registry, "v1.1.0", any_order=True).act({})
        assert back.record["rollback_from"] == "v1.2.0"
        assert step(registry).act({}).state == "done"
        with pytest.raises(FunctionMissingError):
            step(registry, function="nope").look({})
        with pytest.raises(AwsError):
            step(registry, function="not a name").look({})
        client.delete_function(FunctionName="find-gaps")

"""The step of a Lambda function, by the real client: on moto, and where moto has no such state."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.function_steps import COMMIT, REPOSITORY, gaps, step
from tests.support.lambda_api import Lambda
from tests.support.moto_server import moto
from tests.support.released_images import NEW, OLD, Registry, remote
from tradai_tasks.errors import (
    AwsError,
    FunctionMissingError,
    NewerReleaseError,
)
from tradai_tasks.release.clients.aws import Aws, pascal_case


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
        registry.images[tag] = remote(image.digest, labels=label)


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

"""Publishing to an index that fails: each fault at each request, once and for good.

Whatever goes wrong, a run fails clearly or finishes; a second run finishes; nothing is stored
twice, nothing is lost, and nothing half done is called done.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.codeartifact import State, codeartifact
from tests.support.dists import dist
from tests.support.published_libraries import is_whole, publish, settings
from tradai_tasks.errors import (
    AwsError,
    CodeArtifactError,
    ConflictError,
    IndexAuthError,
    IndexUnavailableError,
    TasksError,
    UploadRefusedError,
)
from tradai_tasks.http_client import retry
from tradai_tasks.release.clients.codeartifact import CodeArtifact
from tradai_tasks.release.libraries.distributions import Distribution
from tradai_tasks.release.libraries.publish_step import Publisher, publish_stage
from tradai_tasks.settings.codeartifact import CodeArtifactSettings

FAULTS = ("500", "502", "503", "429", "drop", "drop-after-store", "404", "401", "403", "garbage")
PLACES = ("endpoint", "token", "look", "upload", "relook")


@pytest.fixture(scope="module")
def server() -> Iterator[State]:
    with codeartifact() as state:
        yield state


@pytest.fixture
def aws(server: State, monkeypatch: pytest.MonkeyPatch) -> State:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    server.reset()
    return server


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the many cases the waits between two tries."""
    monkeypatch.setattr(retry, "_FIRST", 0.01)
    monkeypatch.setattr(retry, "_LONGEST", 0.01)


@pytest.fixture(autouse=True)
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the many cases twine's look at the metadata, in a process of its own."""
    monkeypatch.setattr(
        "tradai_tasks.release.libraries.publish_step.check_files", lambda files: None
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Distribution, ...]:
    return (
        dist(tmp_path / "dist", "tradai-strategy"),
        dist(tmp_path / "dist", "tradai-strategy", tag="py2-none-any"),
    )


def arrange(state: State, fault: str, place: str, *, always: bool) -> None:
    """Have something go wrong at a request; before `relook` an upload's answer is lost."""
    if place == "relook":
        # the plan looks, acting looks, then the upload's answer is lost and it is looked at again
        state.faults["upload"] = ["drop-after-store"]
        state.faults["look"] = ["ok", "ok", *[fault] * (20 if always else 1)]
    elif always:
        state.always[place] = fault
    else:
        state.faults[place] = [fault]


CASES = [
    pytest.param((fault, place, always), id=f"{fault}-{place}-{'always' if always else 'once'}")
    for fault in FAULTS
    for place in PLACES
    for always in (False, True)
]


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_survived_or_said_and_a_second_run_finishes(
    aws: State, files: tuple[Distribution, ...], case: tuple[str, str, bool]
) -> None:
    fault, place, always = case
    arrange(aws, fault, place, always=always)
    said = ""
    try:
        _, made = publish(aws, files)
    except TasksError as error:
        said = str(error)
    else:
        assert made.state == "done"
        assert is_whole(aws, files), "half done is called done"
    assert "\n" not in said
    assert "marked" not in said
    aws.heal()
    _, again = publish(aws, files)
    assert again.state == "done"
    assert is_whole(aws, files)
    assert sorted(aws.stored) == sorted(file.filename for file in files), "stored twice"
    aws.heal()
    found, _ = publish(aws, files)
    assert found.state == "done"
    assert (aws.count("look"), aws.count("upload")) == (1, 0)


@pytest.mark.parametrize("fault", ["500", "502", "503", "429", "drop", "drop-after-store"])
@pytest.mark.parametrize("place", PLACES)
def test_what_passes_is_survived_within_one_run(
    aws: State,
    files: tuple[Distribution, ...],
    fault: str,
    place: str,
) -> None:
    arrange(aws, fault, place, always=False)
    found, made = publish(aws, files)
    assert (found.state, made.state) == ("todo", "done")
    assert is_whole(aws, files)
    assert made.note == "1.0.0: uploaded 2 of 2 files"


@pytest.mark.parametrize("fault", ["401", "403"])
def test_refused_credentials_are_never_taken_for_an_absent_file(
    aws: State, files: tuple[Distribution, ...], fault: str
) -> None:
    aws.always["look"] = fault
    with pytest.raises(IndexAuthError, match="refuses to show what it has") as caught:
        publish(aws, files)
    assert f"HTTP {fault}" in str(caught.value)
    assert aws.count("upload") == 0
    aws.heal()
    aws.always["upload"] = fault
    with pytest.raises(IndexAuthError, match="refuses the upload"):
        publish(aws, files)
    assert aws.count("upload") == 1, "an upload that is denied is not tried again"


def test_what_does_not_pass_names_the_fault_and_the_way_on(
    aws: State, files: tuple[Distribution, ...]
) -> None:
    aws.always["look"] = "503"
    with pytest.raises(IndexUnavailableError, match=r"HTTP 503, at every try.*run the same again"):
        publish(aws, files)
    assert aws.count("look") == 6
    aws.heal()
    aws.always["look"] = "garbage"
    with pytest.raises(IndexUnavailableError, match=r"no page of an index \(content type image"):
        publish(aws, files)
    aws.heal()
    aws.always["upload"] = "drop"
    with pytest.raises(IndexUnavailableError, match=r"no answer \(ConnectionError\), at every try"):
        publish(aws, files)
    assert aws.count("upload") == 6
    assert not aws.files
    aws.heal()
    aws.always["upload"] = "404"
    with pytest.raises(UploadRefusedError, match="does not take it: HTTP 404 injected"):
        publish(aws, files)


def test_the_wait_doubles_and_is_as_long_as_the_index_asks(
    aws: State, files: tuple[Distribution, ...]
) -> None:
    slept: list[float] = []
    aws.faults["look"] = ["503", "503", "drop"]
    publish(aws, files, slept)
    assert all(1 <= one / wanted < 1.3 for one, wanted in zip(slept, [0.5, 1, 2], strict=True))
    slept.clear()
    aws.files.clear()
    aws.retry_after = "7"
    aws.faults["look"] = ["429"]
    aws.faults["upload"] = ["429"]
    publish(aws, files, slept)
    assert slept == [7.0, 7.0]


def test_other_bytes_under_the_same_name_are_an_error_with_both_digests(
    aws: State, tmp_path: Path
) -> None:
    theirs = dist(tmp_path / "theirs", "tradai-strategy")
    ours = dist(tmp_path / "ours", "tradai-strategy", code="ANSWER = 43\n")
    aws.put("tradai-strategy", theirs.filename, theirs.path.read_bytes())
    with pytest.raises(ConflictError) as caught:
        publish(aws, [ours])
    text = str(caught.value)
    assert f"sha256 {theirs.sha256} there, {ours.sha256} here" in text
    assert "its source has changed (tradai_strategy/__init__.py)" in text
    assert "nox -s bump -- tradai-strategy patch" in text
    assert aws.count("upload") == 0
    rebuilt = dist(tmp_path / "rebuilt", "tradai-strategy", generator="another")
    with pytest.raises(ConflictError, match=r"the build backend is another one: pin it"):
        publish(aws, [rebuilt])
    aws.faults["file"] = ["404"]
    with pytest.raises(ConflictError, match="if the source has changed, bump it"):
        publish(aws, [ours])


def test_other_bytes_of_a_test_release_are_another_commits(aws: State, tmp_path: Path) -> None:
    file = dist(tmp_path / "dist", "tradai-strategy", "0.0.0.dev1700000000")
    aws.put("tradai-strategy", file.filename, b"other")
    with pytest.raises(ConflictError) as error:
        publish(aws, [file])
    assert "commit again, since another commit of the same second" in str(error.value)
    assert "nox -s bump" not in str(error.value)


def test_other_bytes_that_come_between_the_look_and_the_upload_are_an_error(
    aws: State, tmp_path: Path
) -> None:
    theirs = dist(tmp_path / "theirs", "tradai-strategy")
    ours = dist(tmp_path / "ours", "tradai-strategy", code="ANSWER = 43\n")
    aws.put("tradai-strategy", theirs.filename, theirs.path.read_bytes())
    aws.faults["look"] = ["404", "404"]  # the index lists it late
    with pytest.raises(ConflictError, match="other bytes under this name"):
        publish(aws, [ours])
    assert aws.count("upload") == 1  # answered by 409
    assert aws.files[theirs.filename][1] == theirs.path.read_bytes()


def test_the_same_bytes_that_come_between_are_done(
    aws: State, files: tuple[Distribution, ...]
) -> None:
    for file in files:
        aws.put("tradai-strategy", file.filename, file.path.read_bytes())
    aws.faults["look"] = ["404", "404"]
    aws.faults["upload"] = ["400", "409"]
    _, made = publish(aws, files)
    assert made.state == "done"
    assert aws.stored == []


def test_an_index_that_lists_late_is_waited_for_and_one_that_never_does_is_an_error(
    aws: State, files: tuple[Distribution, ...]
) -> None:
    aws.lists_late = 3
    _, made = publish(aws, files)
    assert made.state == "done"
    aws.files.clear()
    aws.lists_late = 1000
    with pytest.raises(IndexUnavailableError, match=r"does not list .*, though it took it"):
        publish(aws, files)


def test_a_run_that_ended_between_two_files_is_finished_by_the_next(
    aws: State, files: tuple[Distribution, ...]
) -> None:
    class Killed(BaseException):
        pass

    from tradai_tasks.release.libraries.twine_upload import UploadResponse, upload

    sent: list[str] = []

    def once(path: Path, *given: Any, **named: Any) -> UploadResponse:
        if sent:
            raise Killed
        sent.append(path.name)
        return upload(path, *given, **named)

    with Publisher(CodeArtifact(settings(aws)), send=once) as publisher:
        step = publish_stage({"tradai-strategy": lambda: files}, publisher).steps[0]
        with pytest.raises(Killed):
            step.act({})
    assert len(aws.files) == 1
    found, made = publish(aws, files)
    assert found.note == f"1.0.0: to upload: {files[1].filename}"
    assert made.note == "1.0.0: uploaded 1 of 2 files"
    assert is_whole(aws, files)
    assert sorted(aws.stored) == sorted(file.filename for file in files)


def test_a_token_is_renewed_when_less_than_an_hour_is_left(
    aws: State, files: tuple[Distribution, ...]
) -> None:
    aws.lasting = 3000.0
    publish(aws, files)
    assert aws.count("token") > 2
    aws.heal()
    aws.lasting = 43200.0
    aws.files.clear()
    publish(aws, files)
    assert aws.count("token") == 1


@pytest.mark.parametrize(
    ("speaks_json", "with_hashes", "downloads"),
    [(False, True, 0), (True, True, 0), (False, False, 2), (True, False, 2)],
)
def test_pages_in_json_and_html_with_and_without_digests(
    aws: State,
    files: tuple[Distribution, ...],
    speaks_json: bool,
    with_hashes: bool,
    downloads: int,
) -> None:
    aws.speaks_json, aws.with_hashes = speaks_json, with_hashes
    publish(aws, files)
    aws.heal()
    found, _ = publish(aws, files)
    assert found.state == "done"
    assert aws.count("file") == downloads
    assert aws.count("look") == 1


@pytest.mark.parametrize(
    ("change", "passage"),
    [
        ({"domain": "other"}, "there is no domain 'other'"),
        ({"repository": "other"}, "there is no repository 'other'"),
    ],
)
def test_what_is_missing_in_aws_is_said(
    aws: State, files: tuple[Distribution, ...], change: dict[str, str], passage: str
) -> None:
    given = CodeArtifactSettings(
        domain=change.get("domain", "tradai"), repository=change.get("repository", "py")
    )
    with Publisher(CodeArtifact(given)) as publisher:
        step = publish_stage({"tradai-strategy": lambda: files}, publisher).steps[0]
        with pytest.raises(CodeArtifactError, match=passage) as caught:
            step.look({})
    assert "fix publish.codeartifact" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "passage"),
    [
        ("AccessDeniedException", "allow the action codeartifact:GetAuthorizationToken"),
        ("ExpiredTokenException", "the credentials of AWS have expired"),
        ("UnrecognizedClientException", "AWS does not know these credentials"),
        ("ValidationException", "ValidationException: made up by the test"),
    ],
)
def test_what_aws_refuses_is_said(
    aws: State, files: tuple[Distribution, ...], code: str, passage: str
) -> None:
    aws.always["token"] = code
    with pytest.raises(AwsError, match=passage):
        publish(aws, files)


def test_what_is_not_awss_api_is_said(aws: State, files: tuple[Distribution, ...]) -> None:
    for kind in ("endpoint", "token"):
        aws.heal()
        aws.always[kind] = "garbage"
        with pytest.raises(CodeArtifactError, match=r"what answers is not AWS's API"):
            publish(aws, files)


@pytest.mark.usefixtures("_quick")
def test_without_credentials_region_or_network_the_remedy_is_said(
    aws: State, files: tuple[Distribution, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(AwsError, match="AWS cannot be reached"):
        publish(aws, files, anew=True)
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(AwsError, match=r"no credentials for AWS .*missing"):
        publish(aws, files, anew=True)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(CodeArtifactError, match=r"no AWS region is set; set publish\.codeartifact"):
        publish(aws, files, anew=True)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsError, match="no credentials for AWS"):
        publish(aws, files, anew=True)

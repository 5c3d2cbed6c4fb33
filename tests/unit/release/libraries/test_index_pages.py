"""Pages of the simple API, and how long to wait between tries."""

from __future__ import annotations

import json

import pytest

from tests.support.waits import waits
from tradai_tasks.errors import ExtraMissingError, IndexAuthError, SettingsError
from tradai_tasks.http_client.address import Credentials
from tradai_tasks.http_client.retry import TransientError, retried, seconds_asked_for
from tradai_tasks.release.clients.codeartifact import CodeArtifact
from tradai_tasks.release.clients.package_index import Listed, read_html, read_json
from tradai_tasks.release.libraries.publish_target import PlainIndex, target_of
from tradai_tasks.release.libraries.twine_upload import UploadResponse
from tradai_tasks.settings.codeartifact import CodeArtifactSettings
from tradai_tasks.settings.publish import IndexSettings, PublishSettings

BASE = "https://index.example/simple/a/"
HEX = "AB" * 32


def test_html_with_relative_links_fragments_and_yanked_files() -> None:
    page = (
        f'<a href="../../files/a-1.0-py3-none-any.whl#sha256={HEX}" data-yanked="">'
        "a-1.0-py3-none-any.whl</a>"
        '<a href="https://files.example/a%2B-1.1.tar.gz#md5=00">\n a-1.1.tar.gz </a>'
        "<a>no link</a><p>text</p>"
        '<a href="a-1.2.zip"></a>'
    )
    assert read_html(page.encode(), BASE) == [
        Listed(
            filename="a-1.0-py3-none-any.whl",
            url="https://index.example/files/a-1.0-py3-none-any.whl",
            sha256=HEX.lower(),
            is_yanked=True,
        ),
        Listed(filename="a-1.1.tar.gz", url="https://files.example/a%2B-1.1.tar.gz", sha256=None),
        Listed(filename="a-1.2.zip", url=f"{BASE}a-1.2.zip", sha256=None),
    ]
    based = b'<base href="https://other.example/x/"><base href="y"><a href="a.zip">a.zip</a>'
    assert read_html(based, BASE)[0].url == "https://other.example/x/a.zip"


def test_json_pages() -> None:
    file = {"filename": "a.zip", "url": "../a.zip#x", "hashes": {"sha256": HEX}, "yanked": "bad"}
    page = {"meta": {"api-version": "1.4"}, "files": [file, {"filename": "b", "url": "b"}]}
    one, two = read_json(json.dumps(page).encode(), BASE)
    assert (one.url, one.sha256, one.is_yanked) == (
        "https://index.example/simple/a.zip",
        HEX.lower(),
        True,
    )
    assert two.sha256 is None
    pages: list[object] = [[], {"files": 1}, {"meta": {"api-version": "2.0"}, "files": []}]
    for bad in pages:
        with pytest.raises(ValueError, match=r"no list of files|version 2.0"):
            read_json(json.dumps(bad).encode(), BASE)


def test_waits() -> None:
    assert seconds_asked_for({"Retry-After": "12"}) == 12.0
    assert seconds_asked_for({}) == 0.0
    assert seconds_asked_for({"Retry-After": "soon"}) == 0.0
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert seconds_asked_for({"Retry-After": date}, now=1792567670.0) == 10.0
    assert seconds_asked_for({"Retry-After": date}, now=1892567670.0) == 0.0
    slept: list[float] = []

    def fails() -> None:
        raise TransientError("x", wait=1000.0 if len(slept) == 1 else 0.0)

    with waits(slept), pytest.raises(TransientError):
        retried(fails, tries=4)
    assert slept[1] == 60.0
    assert 0.5 <= slept[0] < 0.7
    assert 2.0 <= slept[2] < 2.6


def test_outcomes() -> None:
    assert UploadResponse(status=201).is_stored
    assert not UploadResponse(status=302).is_stored
    assert UploadResponse(status=None, text="ConnectionError").may_pass
    assert UploadResponse(status=None, text="X").shown == "no answer (X)"
    assert UploadResponse(status=400).shown == "HTTP 400"


def test_credentials_are_not_shown() -> None:
    assert "secret" not in repr(Credentials(username="u", password="secret"))


def test_where_to_publish_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    index = IndexSettings(upload_url="https://i.example/", simple_url="https://i.example/simple")
    aws = CodeArtifactSettings(domain="d", repository="r")

    def of(**given: object) -> object:
        return target_of(PublishSettings(**given), {}, file="pyproject.toml")  # type: ignore[arg-type]  # two of its fields

    assert isinstance(of(index=index), PlainIndex)
    found = of(codeartifact=aws)
    assert isinstance(found, CodeArtifact)
    assert found.shown == "CodeArtifact d/r"
    with pytest.raises(SettingsError, match="both `codeartifact` and `index` are set"):
        of(index=index, codeartifact=aws)
    with pytest.raises(SettingsError, match=r"no index to publish to; set publish\.codeartifact"):
        of()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ExtraMissingError, match=r"extra 'release' of tradai-tasks; add it with"):
        of(index=index)


def test_an_indexs_credentials_are_both_there_or_neither() -> None:
    settings = IndexSettings(
        upload_url="https://i.example/", simple_url="https://i.example/simple", password_env="PASS"
    )

    def of(**env: str) -> Credentials | None:
        return PlainIndex(settings, env).credentials()

    assert of() is None
    assert of(TWINE_USERNAME="u", PASS="p") == Credentials(username="u", password="p")
    with pytest.raises(IndexAuthError, match="the environment variable PASS is not set"):
        of(TWINE_USERNAME="u")
    with pytest.raises(IndexAuthError, match="the environment variable TWINE_USERNAME is not set"):
        of(PASS="p")

"""Container registry API: read what a tag points to, list tags and move a tag.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tradai_tasks.errors import ConflictError, RegistryError, RepositoryMissingError
from tradai_tasks.http_client.address import host_of, origin_of
from tradai_tasks.release.clients.registry_http import RegistrySession, fault_of, parsed

_SINGLE = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_LISTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ACCEPT = {"Accept": ", ".join((*_SINGLE, *_LISTS))}
_PAGE = 100  # tags requested at once; the registry may return fewer
_MOST_PAGES, _MOST_TAGS = 1000, 200_000
_PAGES_SECONDS = 300.0  # for all pages together
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_DIGEST = re.compile(r"[a-z0-9+._-]+(?::[A-Za-z0-9=_-]+)?", re.ASCII)  # bytes of an address
_ABSENT = 404
_ACCEPTED = 202
_BAD_REQUEST, _REFUSED_TAG = 400, (405, 409, 412)
# the message of ECR and others for status 400, which means other things too
_IMMUTABLE = re.compile(r"immutable|TAG_INVALID|already exists", re.IGNORECASE)


class TagRefusedError(ConflictError):
    """The registry does not let the tag be overwritten."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteImage:
    """The image that a tag points to."""

    digest: str  # "sha256:..."
    media_type: str
    manifest: bytes = field(repr=False)
    is_list: bool  # a list of images for several platforms (an OCI index)
    labels: Mapping[str, str]  # of a list: the labels of its image for the requested platform
    platform: str | None  # "linux/amd64"; None for a list


class Registry:
    """Client of one registry; safe to use from several threads.

    Each method raises RegistryError if the registry does not answer, and LoginRefusedError if it
    does not accept the credentials.
    """

    def __init__(self, session: RegistrySession) -> None:
        self._session = session
        self.host = session.host
        self.stop = session.stop  # once set, waiting requests end

    def image(
        self, repository: str, reference: str, *, platform: str | None = None
    ) -> RemoteImage | None:
        """Return the image of a tag or digest; of a list, with the labels of one for `platform`.

        Raises:
            RegistryError: The registry does not answer the question.
            LoginRefusedError: The registry does not accept the credentials.
        """
        found = self._manifest(repository, reference)
        if found is None:
            return None
        try:
            return self._described(found, repository, reference, platform)
        except (AttributeError, TypeError, KeyError, ValueError):
            raise RegistryError(
                f"{self.host}/{repository}:{reference}: its manifest or configuration is not as "
                f"that of an image is"
            ) from None

    def _described(
        self, found: tuple[str, bytes, str], repository: str, reference: str, platform: str | None
    ) -> RemoteImage:
        media_type, body, digest = found
        document = parsed(body, f"{self.host}/{repository}:{reference}")
        single, is_list = document, media_type in _LISTS
        if is_list:
            single = self._child(repository, document, platform) or {}
        config = self._config(repository, single)
        own = f"{config.get('os', '')}/{config.get('architecture', '')}"
        labels = (config.get("config") or {}).get("Labels") or {}
        return RemoteImage(
            digest=digest,
            media_type=media_type,
            manifest=body,
            is_list=is_list,
            labels={str(key): str(value) for key, value in labels.items()},
            platform=None if is_list else own + (f"/{v}" if (v := config.get("variant")) else ""),
        )

    def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest that a tag points to; None if the tag does not exist.

        Raises:
            RegistryError: The registry does not answer the question.
        """
        answer = self._session.send(
            "HEAD", f"/v2/{repository}/manifests/{reference}", repository, headers=_ACCEPT
        )
        if answer.status_code == _ABSENT:
            return None
        self._session.expect_ok(answer, f"{repository}:{reference}")
        found = answer.headers.get("Docker-Content-Digest")
        if found:
            return str(found)
        whole = self._manifest(repository, reference)  # the header is optional
        return whole[2] if whole else None

    def tags(self, repository: str) -> list[str]:
        """Return every tag of a repository, from all pages; none if there is no repository.

        Raises:
            RegistryError: The registry does not answer the question.
        """
        found: list[str] = []
        url = f"/v2/{repository}/tags/list?n={_PAGE}"
        ended = time.monotonic() + _PAGES_SECONDS
        for _ in range(_MOST_PAGES):
            answer = self._session.send("GET", url, repository)
            if answer.status_code == _ABSENT:
                return found
            self._session.expect_ok(answer, repository)
            found += _texts(parsed(answer.content, f"{self.host}/{repository}").get("tags") or [])
            if len(found) > _MOST_TAGS or time.monotonic() > ended:
                break
            following = _NEXT.search(answer.headers.get("Link", ""))
            if following is None:
                return found
            url = self._below(following[1], str(answer.request.url))
        raise RegistryError(f"{self.host}/{repository}: its list of tags does not end")

    def put(
        self,
        repository: str,
        tag: str,
        image: RemoteImage,
        *,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Point a tag at an image that the repository has, by uploading its manifest alone.

        `before` is called before each try; it raises where the tag must not be moved any more.

        Raises:
            TagRefusedError: The tag exists and the repository is immutable.
            PushDeniedError: The credentials may not write.
            RegistryError: The registry failed.
        """
        answer = self._session.send(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            repository,
            headers={"Content-Type": image.media_type},
            content=image.manifest,
            writes=True,
            before=before,
        )
        name = f"{self.host}/{repository}:{tag}"
        if answer.status_code in _REFUSED_TAG or (
            answer.status_code == _BAD_REQUEST
            and _IMMUTABLE.search(answer.content.decode("utf-8", "replace"))
        ):
            raise TagRefusedError(f"{name}: not overwritten: {fault_of(answer)}")
        if answer.status_code == _ABSENT:
            raise RepositoryMissingError(f"{name}: {fault_of(answer)}")
        if not answer.is_success:
            raise RegistryError(f"{name}: status {answer.status_code}: {fault_of(answer)}")

    def check_push(self, repository: str) -> None:
        """Check that an image could be pushed, by starting an upload and cancelling it.

        Raises:
            PushDeniedError: The credentials may not write.
            RepositoryMissingError: There is no such repository.
            RegistryError: The registry does not answer the question.
        """
        answer = self._session.send(
            "POST", f"/v2/{repository}/blobs/uploads/", repository, writes=True
        )
        name = f"{self.host}/{repository}"
        if answer.status_code == _ABSENT:
            raise RepositoryMissingError(f"{name}: {fault_of(answer)}")
        if answer.status_code != _ACCEPTED:
            raise RegistryError(f"{name}: status {answer.status_code}: {fault_of(answer)}")
        place = answer.headers.get("Location")
        if place:  # a registry may refuse; it forgets an unfinished upload by itself
            self._session.send(
                "DELETE", self._below(place, str(answer.request.url)), repository, writes=True
            )

    def _manifest(self, repository: str, reference: str) -> tuple[str, bytes, str] | None:
        """Return (media type, body, digest) of a manifest."""
        answer = self._session.send(
            "GET", f"/v2/{repository}/manifests/{reference}", repository, headers=_ACCEPT
        )
        name = f"{self.host}/{repository}:{reference}"
        if answer.status_code == _ABSENT:
            return None
        self._session.expect_ok(answer, f"{repository}:{reference}")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type not in (*_SINGLE, *_LISTS):
            raise RegistryError(f"{name}: a manifest of an unknown kind, {media_type!r}")
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        said = answer.headers.get("Docker-Content-Digest", digest)
        if said != digest:
            raise RegistryError(f"{name}: the registry says {said}, but its bytes are {digest}")
        return media_type, answer.content, digest

    def _child(
        self, repository: str, document: Mapping[str, Any], platform: str | None
    ) -> dict[str, Any] | None:
        """Return the manifest of one platform from a list."""
        for entry in document.get("manifests", []):
            given = entry.get("platform") or {}
            own = f"{given.get('os')}/{given.get('architecture')}"
            if platform is not None and platform in {own, f"{own}/{given.get('variant')}"}:
                if not _DIGEST.fullmatch(entry["digest"]):
                    raise ValueError("no digest")
                found = self._manifest(repository, entry["digest"])
                return parsed(found[1], f"{self.host}/{repository}") if found else None
        return None

    def _config(self, repository: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        digest = (manifest.get("config") or {}).get("digest")
        if digest is None:
            return {}
        if not _DIGEST.fullmatch(digest):
            raise ValueError("no digest")
        answer = self._session.send("GET", f"/v2/{repository}/blobs/{digest}", repository)
        self._session.expect_ok(answer, f"{repository}@{digest}")
        if f"sha256:{hashlib.sha256(answer.content).hexdigest()}" != digest:
            raise RegistryError(
                f"{self.host}/{repository}@{digest}: its bytes are of another digest"
            )
        return parsed(answer.content, f"{self.host}/{repository}@{digest}")

    def _below(self, link: str, base: str) -> str:
        """Return the address of the next page, which must be on this registry."""
        import httpx  # noqa: PLC0415 - takes 0.2 s to load

        try:
            url = httpx.URL(base).join(link)
        except (httpx.InvalidURL, ValueError):
            raise RegistryError(f"{self.host}: the address of its next page is none") from None
        if origin_of(url) != origin_of(self._session.base_url):
            raise RegistryError(f"{self.host}: its next page is on another host, {host_of(url)}")
        return url.raw_path.decode("ascii")


def _texts(listed: object) -> list[str]:
    if not isinstance(listed, list):
        return []
    return [one for one in listed if isinstance(one, str)]

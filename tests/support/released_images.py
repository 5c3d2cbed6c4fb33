"""A registry in memory with two releases of one image."""

from __future__ import annotations

from collections.abc import Mapping

from tradai_tasks.release.clients import registry
from tradai_tasks.release.clients.registry import RemoteImage

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def remote(
    digest: str,
    *,
    is_list: bool = False,
    manifest: bytes = b"{}",
    platform: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> RemoteImage:
    return RemoteImage(
        digest=digest,
        media_type="",
        manifest=manifest,
        is_list=is_list,
        labels=labels or {},
        platform=platform,
    )


class Registry(registry.Registry):
    """What the registry's client would say, by path and reference."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.images = {"v1.1.0": remote(OLD), "v1.2.0": remote(NEW)}

    def image(
        self, repository: str, reference: str, *, platform: str | None = None
    ) -> RemoteImage | None:
        assert repository == self.path
        by_digest = {one.digest: one for one in self.images.values()}
        return self.images.get(reference) or by_digest.get(reference)

    def digest(self, repository: str, reference: str) -> str | None:
        found = self.image(repository, reference)
        return found.digest if found else None

    def tags(self, repository: str) -> list[str]:
        assert repository == self.path
        return list(self.images)

    def resolve(self, image: str) -> str | None:
        found = self.images.get(image.rpartition(":")[2])
        return found.digest if found else None

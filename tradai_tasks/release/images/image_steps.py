"""Release step that builds an image, pushes it under the release tag and moves `latest`.

An image whose label names the release's commit exists already, and `latest` moves by uploading the
manifest alone, so a run that was interrupted between the two is finished without a build.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tradai_tasks.errors import (
    ConflictError,
    ImageBuildError,
    PushDeniedError,
    RegistryError,
    RepositoryMissingError,
)
from tradai_tasks.files.file_tree import DiskTree
from tradai_tasks.http_client.retry import TransientError, pause, retried
from tradai_tasks.release.clients.registry import RemoteImage, TagRefusedError
from tradai_tasks.release.engine.step import Known, Look, Release, Stage
from tradai_tasks.release.images.dockerfile import BASE_ARG, copied_of, takes_base, with_base
from tradai_tasks.release.images.engine_commands import Build
from tradai_tasks.release.images.image_decisions import (
    LATEST,
    SOURCES,
    ImageVerdict,
    LatestRule,
    dated_tags,
    is_test_version,
    judge_latest,
    judge_version,
    labels_of,
    newer_release,
    stated_version,
)
from tradai_tasks.release.images.image_specs import ImageSpec, check_files
from tradai_tasks.release.images.image_tools import ImageTools
from tradai_tasks.release.images.image_wheels import ImageWheels
from tradai_tasks.release.images.strategy_image import StrategyJudge
from tradai_tasks.text import listed

_MOST_MOVES = 3  # of `latest`, where other runs move it at the same time
_MOMENT = 0.5  # seconds in which a request of another run may still arrive


class _LatestSettled(Exception):  # noqa: N818 - no error: what is left of the work is nothing
    """`latest` need not be moved, or must not."""

    def __init__(self, verdict: ImageVerdict) -> None:
        super().__init__(verdict.note)
        self.verdict = verdict


def image_stage(  # noqa: PLR0913 - the parts of a stage, by keyword
    release: Release,
    *,
    images: Sequence[ImageSpec],
    tools: ImageTools,
    latest: LatestRule = "forward",
    name: str = "image",
    judge: StrategyJudge | None = None,
) -> Stage:
    """Return the stage that builds and pushes a release's images, a step for each.

    The record of a step: `repository` (with the host), `tag`, `digest` (`sha256:...`), `uri`
    (repository@digest), `revision` (the commit), and `latest` in words. Before the image exists,
    `digest` and `uri` are missing.

    `tools` must stay open while the stage is used; `judge` judges the images beyond their commit.
    """
    steps = tuple(
        ImageStep(spec=one, release=release, tools=tools, rule=latest, judge=judge)
        for one in images
    )
    return Stage(name=name, steps=steps, parallel=tools.settings.parallel)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStep:
    """Release step for one image: built, pushed under the release's tag, and as `latest`."""

    spec: ImageSpec
    release: Release
    tools: ImageTools
    rule: LatestRule
    judge: StrategyJudge | None = None
    _built: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of the strategy, service or lambda."""
        return self.spec.name

    @property
    def _tag(self) -> str:
        return self.release.tag.text

    @property
    def _image(self) -> str:
        return f"{self.spec.repository}:{self._tag}"

    def look(self, known: Known) -> Look:
        """Ask the registry what the tag and `latest` point to."""
        check_files(self.spec, DiskTree(self.release.root))
        ecr = self.tools.ecr
        if ecr is not None and not ecr.has(self.spec.path):
            if not ecr.creates:
                raise RepositoryMissingError(ecr.missing(self.spec.path))
            return self._seen(None, ImageVerdict("todo", "is built and pushed to a new repository"))
        remote = self._remote(self._tag)
        version = self._judged(remote)
        is_there = version.state == "done"
        if remote is not None and is_there and self.judge is not None:
            self.judge.judge_remote(known, self._image, remote.labels)
        latest = self._judge_latest(remote if is_there else None)
        return self._seen(remote if is_there else None, version, latest)

    def prepare(self, known: Known) -> None:
        """Build the image if it is missing, without a push."""
        stage, step = self.spec.base_from or ("", "")
        if self.spec.base_from is not None and step not in known.get(stage, {}):
            return  # its base image is built by a stage between the gates and this one
        remote = self._remote(self._tag)
        if remote is None or self._judged(remote).state == "todo":
            self._build(known)

    def act(self, known: Known) -> Look:
        """Build and push the image if it is missing, then move `latest`."""
        if self.tools.ecr is not None:
            self.tools.ecr.require(self.spec.path)
        remote = self._remote(self._tag)
        if remote is None or self._judged(remote).state == "todo":
            if not self._built.is_set():
                self._build(known)
            if self.judge is not None:
                wheels, _ = self._wheels.foreign.get(self.spec.context, ([], {}))
                self.judge.judge_built(known, self.tools.engine, self._image, wheels)
            remote = self._push()
        latest = self._move_latest(remote)
        return self._seen(remote, ImageVerdict("done", f"is there: {remote.digest}"), latest)

    def _seen(
        self, remote: RemoteImage | None, version: ImageVerdict, latest: ImageVerdict | None = None
    ) -> Look:
        record: dict[str, Any] = {
            "repository": self.spec.repository,
            "tag": self._tag,
            "revision": self.release.commit,
        }
        if remote is not None:
            record["digest"] = remote.digest
            record["uri"] = f"{self.spec.repository}@{remote.digest}"
        notes = [f"{self._image} {version.note}"]
        if latest is not None:
            record["latest"] = latest.note
            notes.append(latest.note)
        todo = "todo" in {version.state, latest.state if latest else "done"}
        return Look(state="todo" if todo else "done", note="; ".join(notes), record=record)

    def _remote(self, tag: str) -> RemoteImage | None:
        platform = self.tools.settings.platform
        return self.tools.registry.image(self.spec.path, tag, platform=platform)

    def _judged(self, remote: RemoteImage | None) -> ImageVerdict:
        return judge_version(
            remote,
            self.release,
            name=self._image,
            platform=self.tools.settings.platform,
            immutable=self._is_immutable(self._tag),
        )

    def _is_immutable(self, tag: str) -> bool:
        return self.tools.ecr is not None and self.tools.ecr.is_immutable(self.spec.path, tag)

    def _build(self, known: Known) -> None:
        """Build the image, tagged with the release's tag."""
        settings, root = self.tools.settings, self._wheels.source.folder()
        dockerfile = self._exported(root, self.spec.dockerfile)
        # bytes that are not text are left for the engine to judge
        text = dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
        arguments = dict(self.spec.build_args)
        base = self._base(known, takes=takes_base(text))
        self._wheels.put(self.spec)
        with tempfile.TemporaryDirectory(prefix="tradai-tasks-") as scratch:
            if base is not None and takes_base(text):
                arguments.setdefault(BASE_ARG, base)
            elif self.spec.base is not None:
                changed = with_base(text, self.spec.base, file=self.spec.dockerfile)
                dockerfile = _copied(dockerfile, changed, Path(scratch))
            build = Build(
                image=self._image,
                dockerfile=dockerfile,
                context=self._exported(root, self.spec.context),
                platform=settings.platform,
                labels={**labels_of(self.release), **self._source_labels()},
                build_args=arguments,
                secrets=settings.secrets,
                network=settings.network,
                root=root,
            )
            try:
                self.tools.engine.build(build, self.spec.name)
            except ImageBuildError as error:
                raise ImageBuildError(f"{error}{self._left_out(root)}") from None
        self._built.set()

    def _source_labels(self) -> dict[str, str]:
        """Return the label with the commits of packages from other repositories."""
        _, commits = self._wheels.foreign.get(self.spec.context, ([], {}))
        return {SOURCES: json.dumps(commits, sort_keys=True)} if commits else {}

    @property
    def _wheels(self) -> ImageWheels:
        if self.tools.wheels is None:
            raise AssertionError("tools that build images have a source")
        return self.tools.wheels

    def _exported(self, root: Path, path: str) -> Path:
        """Return the path of a file or folder of the commit; not of a link that leads outside."""
        found = root / path
        if not found.exists() or not found.resolve().is_relative_to(root.resolve()):
            raise ImageBuildError(
                f"{self.spec.name}: {path} is not in the commit that its image is built from, or a "
                f"link out of it; commit it"
            )
        return found

    def _left_out(self, root: Path) -> str:
        """Return a note on files that a Dockerfile names and the commit does not have."""
        text = (root / self.spec.dockerfile).read_text(encoding="utf-8", errors="replace")
        found = copied_of(text, self._wheels.source.left_out(self.spec.context), self.spec.context)
        if not found:
            return ""
        return (
            f"; {listed(found, 1)} is ignored by git or untracked, so it is not in the commit that "
            f"images are built from: commit it, or have the Dockerfile make it"
        )

    def _base(self, known: Known, *, takes: bool) -> str | None:
        """Return the base image, by digest if an earlier stage has built it."""
        if self.spec.base_from is None or not takes:
            return self.spec.base
        stage, step = self.spec.base_from
        record = known.get(stage, {}).get(step, {})
        if "uri" not in record:
            raise ImageBuildError(
                f"{self.spec.name}: the image {step} that it is built on is not there; run the "
                f"stage {stage} first"
            )
        return str(record["uri"])

    def _push(self) -> RemoteImage:
        """Push the built image, with retries while the fault may be temporary."""
        patience = self.tools.settings.patience
        try:
            return retried(self._push_once, patience=patience, stop=self.tools.registry.stop)
        except TransientError as fault:
            raise RegistryError(
                f"{self._image}: not pushed: {fault}; tried for {patience} s (images.patience); "
                f"run the same again"
            ) from None

    def _push_once(self) -> RemoteImage:
        """Push, unless another run was faster; ask the registry whether it succeeded."""
        remote = self._remote(self._tag)
        if remote is not None and self._judged(remote).state == "done":
            return remote
        before = remote.digest if remote else None
        pushed = self.tools.engine.push(self._image)
        remote = self._remote(self._tag)
        if remote is not None and self._judged(remote).state == "done":
            return remote
        if pushed.fault == "denied":
            raise PushDeniedError(
                f"{self._image}: push denied: {pushed.said}; {self.tools.engine.remedy}"
            )
        if pushed.fault == "missing":
            raise RepositoryMissingError(
                f"{self.spec.repository}: there is no such repository: {pushed.said}; create it"
            )
        if pushed.fault == "immutable":
            raise ConflictError(f"{self._image}: the registry refuses the tag: {pushed.said}")
        if pushed.fault is None:
            there = remote.digest if remote else "nothing"
            if there != (before or "nothing"):
                raise ConflictError(f"{self._image}: another run has just pushed {there}")
            raise TransientError(f"after the push {there} is there")
        raise TransientError(pushed.said)

    def _judge_latest(self, remote: RemoteImage | None) -> ImageVerdict:
        """Decide about `latest`, given the release's image or None if it is not built yet."""
        registry, path = self.tools.registry, self.spec.path
        if remote is not None and registry.digest(path, LATEST) == remote.digest:
            latest: RemoteImage | None = remote
        else:
            latest = self._remote(LATEST)
        version = None if latest is None or latest is remote else self._version(latest)
        return judge_latest(
            latest,
            version,
            self.release,
            digest=None if remote is None else remote.digest,
            name=f"{self.spec.repository}:{LATEST}",
            immutable=self._is_immutable(LATEST),
            rule=self.rule,
        )

    def _version(self, latest: RemoteImage) -> str | None:
        """Return the version of `latest`: from its label, else from a tag with its digest."""
        stated = stated_version(latest.labels, self.release.source)
        if stated is not None and not is_test_version(stated):
            return stated
        registry, path = self.tools.registry, self.spec.path
        dated = dated_tags(registry.tags(path), self.release.tag.slug)
        if stated is not None:  # a test tag's, which says nothing about earlier releases
            return newer_release(dated.values(), self.release.tag.version) or stated
        for tag, version in dated.items():
            if registry.digest(path, tag) == latest.digest:
                return version
        return None

    def _move_latest(self, remote: RemoteImage) -> ImageVerdict:
        """Point `latest` at the image, if the decision is to move it.

        A registry has no conditional update, and another run may move `latest` at the same time. So
        it is judged before each try, and once more a moment later: the newer release stays.
        """
        registry, path = self.tools.registry, self.spec.path

        verdict = ImageVerdict("todo", "")

        def judge() -> None:
            nonlocal verdict
            verdict = self._judge_latest(remote)
            if verdict.state != "todo":
                raise _LatestSettled(verdict)

        try:
            for _ in range(_MOST_MOVES):
                registry.put(path, LATEST, remote, before=judge)
                pause(registry.stop)(_MOMENT)
                if registry.digest(path, LATEST) == remote.digest:
                    note = verdict.note.replace("moves", "moved").replace("is set", "was set")
                    return ImageVerdict("done", note)
        except _LatestSettled as settled:
            return settled.verdict
        except TagRefusedError as refused:
            # a request whose connection was closed without an answer is sent twice
            if registry.digest(path, LATEST) == remote.digest:
                return ImageVerdict("done", "latest is this")
            return ImageVerdict(
                "left", f"latest is left alone: the repository is immutable: {refused}"
            )
        raise RegistryError(
            f"{self.spec.repository}:{LATEST}: another run moves it at the same time; run the same "
            f"again to have it judged"
        )


def _copied(dockerfile: Path, text: str, scratch: Path) -> Path:
    """Write a changed Dockerfile together with its .dockerignore file."""
    changed = scratch / dockerfile.name
    changed.write_text(text, encoding="utf-8", errors="surrogateescape")
    ignore = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if ignore.is_file():
        changed.with_name(ignore.name).write_bytes(ignore.read_bytes())
    return changed

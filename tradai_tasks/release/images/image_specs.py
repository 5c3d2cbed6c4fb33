"""Find the container images of a repository and what each is built from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tradai_tasks.errors import BadArgumentsError, ImageBuildError, SettingsError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.release.clients.image_reference import Home, check_repository
from tradai_tasks.settings.images import ImagesSettings, ImageUnitSettings
from tradai_tasks.text import similar
from tradai_tasks.workspace.discovery import Package, Workspace

ImageKind = Literal["strategy", "service", "lambda", "base"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSpec:
    """One image; paths are POSIX from the workspace root."""

    name: str  # name of the strategy, service or lambda; `base` for the lambdas' base
    kind: ImageKind
    host: str  # host of the registry, with its port
    path: str  # its repository in the registry: "tradai/backend"
    context: str  # folder that it is built from
    dockerfile: str
    build_args: Mapping[str, str] = field(default_factory=dict)
    base: str | None = None  # base image that replaces the Dockerfile's
    # or (stage, step) of the earlier step whose image is the base, by digest
    base_from: tuple[str, str] | None = None
    wheels: tuple[Package, ...] = ()  # packages whose wheels it copies from dist/
    takes_wheels: bool = False  # whether it copies other wheels from the context's wheels/

    @property
    def repository(self) -> str:
        """Its repository with the host: "ghcr.io/owner/tradai/backend"."""
        return f"{self.host}/{self.path}"


def image_specs(
    workspace: Workspace,
    settings: ImagesSettings,
    home: Home,
    tree: Tree,
    *,
    kinds: Iterable[ImageKind],
) -> tuple[ImageSpec, ...]:
    """Return the images of some kinds, in the order of their folders.

    Services and the lambdas' base are built from the workspace root, which has the lock file and
    the libraries; strategies and lambdas from their own folder.

    Raises:
        SettingsError: Settings name an unknown image, or give two images one name.
    """
    found = _folders(workspace, tree)
    tables = _tables(settings, found)
    specs = [
        _spec(kind, name, path, table=tables.get(path), settings=settings, home=home)
        for kind, name, path in found
    ]
    taken: dict[str, ImageSpec] = {}
    for spec in specs:
        twin = taken.setdefault(spec.path, spec)
        if twin is not spec:
            raise SettingsError(
                f"images: {spec.dockerfile} and {twin.dockerfile} would both be {spec.path}; "
                f"name one by images.units.<name>.image"
            )
    return tuple(spec for spec in specs if spec.kind in set(kinds))


def image_contexts(workspace: Workspace, settings: ImagesSettings, tree: Tree) -> tuple[str, ...]:
    """Return the folders that images are built from, if they have a Dockerfile."""
    home = Home(host="")
    kinds: tuple[ImageKind, ...] = ("base", "lambda", "service", "strategy")
    specs = image_specs(workspace, settings, home, tree, kinds=kinds)
    return tuple(sorted({spec.context for spec in specs if tree.is_file(spec.dockerfile)}))


def select(specs: Sequence[ImageSpec], only: Sequence[str]) -> tuple[ImageSpec, ...]:
    """Return the images with some names, or all; raise BadArgumentsError for an unknown one."""
    known = {spec.name: spec for spec in specs}
    for name in only:
        if name not in known:
            hint = similar(name, known, most=3) or f"there are {', '.join(known)}"
            raise BadArgumentsError(f"--only {name}: no such image; {hint}")
    return tuple(spec for spec in specs if not only or spec.name in only)


def check_files(spec: ImageSpec, tree: Tree) -> None:
    """Raise ImageBuildError for an image without a Dockerfile, or whose files are missing."""
    if not tree.is_file(spec.dockerfile):
        raise ImageBuildError(
            f"{spec.dockerfile}: no such file, so there is no image to build for {spec.name}; add "
            f"a Dockerfile, or name it by images.units.{spec.name}.dockerfile"
        )


def _folders(workspace: Workspace, tree: Tree) -> list[tuple[ImageKind, str, str]]:
    """Return (kind, name, folder) of every possible image."""
    found: list[tuple[ImageKind, str, str]] = []
    if tree.is_file("lambdas/base/Dockerfile"):
        found.append(("base", "base", "lambdas/base"))
    found += [("lambda", unit.name, unit.path) for unit in workspace.lambdas]
    found += [("service", unit.name, unit.path) for unit in workspace.services]
    found += [("strategy", package.slug, package.path) for package in workspace.strategies]
    return found


def _tables(
    settings: ImagesSettings, found: Sequence[tuple[ImageKind, str, str]]
) -> dict[str, ImageUnitSettings]:
    """Return the tables of `images.units` by the folder of their image."""
    tables: dict[str, ImageUnitSettings] = {}
    for key, table in settings.units.items():
        paths = [path for _, name, path in found if key in {name, path}]
        if not paths:
            known = [name for _, name, _ in found]
            hint = similar(key, known, most=3)
            raise SettingsError(f"images.units.{key}: no image of that name{hint and f'; {hint}'}")
        if len(paths) > 1:
            raise SettingsError(
                f"images.units.{key}: is {' or '.join(paths)}; write the folder instead"
            )
        tables[paths[0]] = table
    return tables


def _spec(  # noqa: PLR0913 - the fields of an image
    kind: ImageKind,
    name: str,
    path: str,
    *,
    table: ImageUnitSettings | None,
    settings: ImagesSettings,
    home: Home,
) -> ImageSpec:
    table = table or ImageUnitSettings()
    template = {
        "strategy": settings.strategy_image,
        "service": settings.service_image,
        "lambda": settings.lambda_image,
        "base": settings.lambda_image,
    }[kind]
    image = table.image or template.format(name=name)
    check_repository(home, image, f"images.units.{name}.image")
    is_rooted = kind in {"service", "base"}
    return ImageSpec(
        name=name,
        kind=kind,
        host=home.host,
        path=home.path(image),
        context=table.context or ("." if is_rooted else path),
        dockerfile=table.dockerfile or join(path, "Dockerfile"),
        build_args=table.build_args,
        base=settings.strategy_base if kind == "strategy" else None,
    )

"""Read and validate the wheels and source distributions in a folder."""

from __future__ import annotations

import email.parser
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from tradai_tasks.errors import DistributionError
from tradai_tasks.files.archives import ArchiveError, opened_zip, read_member, tar_member

_METADATA = 4 * 1024 * 1024  # bytes of metadata; the longest readmes have a tenth of it
_ENDINGS = (".whl", ".tar.gz", ".zip")


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """A wheel or source distribution to publish."""

    name: str  # PEP 503-normalised
    version: Version  # the version in its metadata
    kind: Literal["wheel", "sdist"]
    path: Path
    sha256: str
    requires: tuple[str, ...] = ()  # its Requires-Dist

    @property
    def filename(self) -> str:
        """The file name under which an index stores it."""
        return self.path.name


def name_of(filename: str) -> tuple[str, Version, Literal["wheel", "sdist"]] | None:
    """Return (name, version, kind) from a distribution's file name; None if it is not one."""
    found = identity_of(filename)
    kind: Literal["wheel", "sdist"] = "wheel" if filename.endswith(".whl") else "sdist"
    return None if found is None else (str(found[0]), found[1], kind)


def identity_of(filename: str) -> tuple[Any, ...] | None:
    """Return the normalised identity of a distribution's file name; None if it is not one.

    `Beta.Lib-1.0.tar.gz` and `beta_lib-1.0.0.tar.gz` are the same release of the same project.
    """
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)
        return parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def read_distribution(path: Path) -> Distribution:
    """Read a wheel or source distribution.

    Raises:
        DistributionError: It is not a distribution, or its metadata and file name differ.
    """
    said = name_of(path.name)
    if said is None:
        raise DistributionError(f"{path}: no file name of a wheel or source distribution")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        raw = _metadata(path, said[2])
    except (OSError, ArchiveError) as error:
        raise DistributionError(f"{path}: cannot be read ({error}); build it again") from None
    fields = email.parser.BytesParser().parsebytes(raw, headersonly=True)
    try:
        name = str(canonicalize_name(str(fields["Name"] or "")))
        version = Version(str(fields["Version"] or ""))
    except InvalidVersion as error:
        raise DistributionError(f"{path}: its metadata has no version: {error}") from None
    if (name, version) != said[:2]:
        raise DistributionError(
            f"{path}: its metadata says {name} {version}, its file name {said[0]} {said[1]}; "
            f"build it again"
        )
    return Distribution(
        name=name,
        version=version,
        kind=said[2],
        path=path,
        sha256=digest,
        requires=tuple(str(one) for one in fields.get_all("Requires-Dist", ())),
    )


def _metadata(path: Path, kind: Literal["wheel", "sdist"]) -> bytes:
    """Return the core metadata inside a distribution."""
    if kind == "wheel":
        with opened_zip(path) as archive:
            name = _only(archive.namelist(), ".dist-info/METADATA")
            return read_member(archive, name, _METADATA)
    found = tar_member(path, lambda name: _is_metadata(name, "/PKG-INFO"), _METADATA)
    return found[_only(found, "/PKG-INFO")]


def _is_metadata(name: str, ending: str) -> bool:
    return name.endswith(ending) and name.count("/") == 1


def _only(names: Iterable[str], ending: str) -> str:
    found = [name for name in names if _is_metadata(name, ending)]
    if len(found) != 1:
        raise ArchiveError(f"{len(found)} of *{ending}")
    return found[0]


def distributions_in(
    folder: Path, names: Sequence[str], *, sdist: bool = False, others: Collection[str] | None = ()
) -> Mapping[str, tuple[Distribution, ...]]:
    """Return the distributions of some libraries (PEP 503-normalised) in a folder, wheels first.

    `others` are packages whose files may be there too; None for any.

    Raises:
        DistributionError: A library is missing, or there in two versions, or there are files of
            another package.
    """
    if not folder.is_dir():
        raise DistributionError(f"{folder}: no such folder; fill it by: nox -s build")
    files = sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))
    found: dict[str, list[Distribution]] = {name: [] for name in names}
    for path in files:
        said = name_of(path.name)
        if others is None and (said is None or said[0] not in found):
            continue
        one = read_distribution(path)
        if one.name not in found and others is not None and one.name in others:
            continue
        if one.name not in found:
            raise DistributionError(
                f"{path}: {one.name} is none of what is published here ({', '.join(names)}); "
                f"take the file away, or add the name to publish.libraries"
            )
        if one.kind == "wheel" or sdist:
            found[one.name].append(one)
    for name, those in found.items():
        kinds = {one.kind for one in those}
        for kind in ("wheel", *(("sdist",) if sdist else ())):
            if kind not in kinds:
                raise DistributionError(
                    f"{folder}: no {kind} of {name} there; make it by: "
                    f"nox -s build -- --out {folder}"
                )
        versions = {one.version for one in those}
        if len(versions) > 1:
            shown = " and ".join(str(version) for version in sorted(versions))
            raise DistributionError(
                f"{folder}: {name} is there as {shown}; keep the one to publish"
            )
    return {name: tuple(sorted(those, key=_order)) for name, those in found.items()}


def _order(one: Distribution) -> tuple[bool, str]:
    # if a run ends between two files, the wheel is the one that most installers use
    return one.kind != "wheel", one.filename

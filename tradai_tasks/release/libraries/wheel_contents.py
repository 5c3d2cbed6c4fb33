"""Compare the modules of a wheel with the source of its package."""

from __future__ import annotations

import posixpath
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tradai_tasks.errors import IncompleteWheelError
from tradai_tasks.files.archives import ArchiveError, opened_zip
from tradai_tasks.files.file_tree import join
from tradai_tasks.files.path_globs import matches
from tradai_tasks.release.libraries.distributions import Distribution
from tradai_tasks.settings.publish import LeftOut
from tradai_tasks.text import listed
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.inventory import Inventory
from tradai_tasks.workspace.layout import Layout

_MODULE = (".py", ".pyi", ".so", ".pyd", ".pyc")
_INFO = re.compile(r"[^/]+\.(?:dist-info|data/(?:scripts|headers|data))/")
_DATA = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")
_SHOWN = 10  # paths in a message


class Member(NamedTuple):
    """The content of a file in a wheel, as a zip archive states it."""

    size: int  # bytes
    crc: int  # CRC-32


def source_of(
    paths: Iterable[str], package: Package, layout: Layout, inventory: Inventory
) -> dict[str, str]:
    """Return the files that belong in a package's wheel, by their place in it.

    That is the package's code in the inventory and the `py.typed` of its import packages; no tests,
    and nothing that the settings leave unchecked.
    """
    code = {f.path for f in inventory.sources(package.path) if f.path.endswith((".py", ".pyi"))}
    homes = {one.path for one in layout.imports}
    found: dict[str, str] = {}
    for path in paths:
        folders = {path, *_folders(path)}
        is_marker = posixpath.basename(path) == "py.typed" and folders & homes
        if path in code or (is_marker and not folders & {*layout.tests}):
            roots = (root for root in layout.source_roots if root in {*folders, "."})
            root = max(roots, key=len, default=package.path)
            found[path if root == "." else path[len(root) + 1 :]] = path
    return found


def _folders(path: str) -> Iterable[str]:
    while path := posixpath.dirname(path):
        yield path


def without_build_backend(
    source: Mapping[str, str], package: Package, document: Mapping[str, Any]
) -> dict[str, str]:
    """Return the source files without a build backend that is in the tree (PEP 517)."""
    system = document.get("build-system", {})
    module = str(system.get("build-backend", "")).partition(":")[0].replace(".", "/")
    own = [
        join(package.path, f"{one}/{module}") for one in system.get("backend-path", ()) if module
    ]
    return {
        place: path
        for place, path in source.items()
        if not any(path == f"{one}.py" or path.startswith(f"{one}/") for one in own)
    }


def members_of(wheel: Distribution) -> dict[str, Member]:
    """Return the files that a wheel installs into site-packages, by path.

    Raises:
        ArchiveError: It is not a zip archive, or exceeds the limits.
    """
    with opened_zip(wheel.path) as archive:
        return {
            _DATA.sub("", one.filename, count=1): Member(one.file_size, one.CRC)
            for one in archive.infolist()
            if not one.is_dir() and not _INFO.match(one.filename)
        }


def without_copy(
    source: Mapping[str, str], members: Mapping[str, Member], read: Callable[[str], bytes]
) -> list[str]:
    """Return the source files that a wheel does not hold, from the workspace root.

    A file may be in another place there, as `package-dir` of setuptools and `sources` of hatchling
    do it, or compiled.
    """
    compiled = {path.partition(".")[0] for path in members if path.endswith((".so", ".pyd"))}
    absent = {
        place: path
        for place, path in source.items()
        if place not in members and place.removesuffix(".py") not in compiled
    }
    spare = Counter(
        (posixpath.basename(place), one) for place, one in members.items() if place not in source
    )
    missing = []
    for place, path in absent.items():
        content = read(path)
        moved = posixpath.basename(place), Member(len(content), zlib.crc32(content))
        if spare[moved] > 0:
            spare[moved] -= 1
        else:
            missing.append(path)
    return sorted(missing)


def check_wheel(
    wheel: Distribution,
    package: Package,
    source: Mapping[str, str],
    read: Callable[[str], bytes],
    left_out: Iterable[LeftOut],
) -> list[str]:
    """Check that a wheel holds all modules of its package; raise IncompleteWheelError if not.

    Return a line for each file that the settings leave out, with the reason.
    """
    try:
        members = members_of(wheel)
    except ArchiveError as error:
        raise IncompleteWheelError(f"{wheel.path}: cannot be read ({error})") from None
    file = join(package.path, "pyproject.toml")
    if not any(place.endswith(_MODULE) for place in members):
        raise IncompleteWheelError(
            f"{wheel.filename}: it holds no module; check what the build backend's settings in "
            f"{file} include"
        )
    missing = without_copy(source, members, read)
    reasons = {
        path: entry.reason
        for entry in left_out
        for path in missing
        if any(matches(path, glob) for glob in entry.paths)
    }
    if lost := [path for path in missing if path not in reasons]:
        raise IncompleteWheelError(
            f"{wheel.filename}: missing from it: {listed(lost, _SHOWN)}; check what the "
            f"build backend's settings in {file} include, or name the files with a reason in "
            f"publish.left-out"
        )
    return [f"{wheel.filename}: {path} is left out: {why}" for path, why in reasons.items()]

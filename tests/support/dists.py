"""Small wheels made by hand, for tests that need files and no builder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from tradai_tasks.release.libraries.distributions import (
    Distribution,
    read_distribution,
)

_README = "A package."


def wheel(  # noqa: PLR0913
    folder: Path,
    name: str,
    version: str = "1.0.0",
    *,
    code: str = "ANSWER = 42\n",
    readme: str = _README,
    generator: str = "hand",
    requires: tuple[str, ...] = (),
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel of one module, the same bytes for the same arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        "Requires-Python: >=3.11",
        *(f"Requires-Dist: {one}" for one in requires),
        *(["Description-Content-Type: text/markdown"] if readme else []),
        "",
        readme,
    ]
    members = {
        f"{stem}/__init__.py": code,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: {generator}\nRoot-Is-Purelib: true\n"
        f"Tag: {tag}\n",
    }
    record = "".join(f"{path},,\n" for path in [*members, f"{info}/RECORD"])
    path = folder / f"{stem}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0)), text)
    return path


def dist(folder: Path, name: str, version: str = "1.0.0", **given: object) -> Distribution:
    """Write a wheel and read it."""
    return read_distribution(wheel(folder, name, version, **given))  # type: ignore[arg-type]  # as wheel() takes them


def sdist(folder: Path, name: str, version: str, text: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    content = (text or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n").encode()
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path

"""Describe how two wheels with the same file name differ."""

from __future__ import annotations

from tradai_tasks.files.archives import ArchiveError, opened_zip
from tradai_tasks.release.libraries.distributions import Distribution
from tradai_tasks.text import listed


def difference(file: Distribution, there: bytes) -> str:
    """Return how two wheels of one name differ, and what to do; empty if that is not known.

    In the text, `{fix}` stands for the command that bumps the library.
    """
    if file.kind != "wheel":
        return ""
    try:
        ours, theirs = _members(file.path.read_bytes()), _members(there)
    except ArchiveError:
        return ""
    differing = sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )
    by_builder = (".dist-info/WHEEL", ".dist-info/RECORD")
    changed = [name for name in differing if not name.endswith(by_builder)]
    if changed:
        shown = listed(changed, 1).replace("{", "{{").replace("}", "}}")
        return f"its source has changed ({shown}), so bump it: {{fix}}"
    return (
        "all that it installs is the same, so the build backend is another one: pin it in "
        "build-system.requires to the version that built what is there, or bump: {fix}"
    )


def _members(content: bytes) -> dict[str, tuple[int, int]]:
    with opened_zip(content) as archive:
        return {one.filename: (one.CRC, one.file_size) for one in archive.infolist()}

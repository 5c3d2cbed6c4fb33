"""Attestations of distribution files (PEP 740), made by the tool `pypi-attestations`.

An attestation says which CI workflow has built a file; Sigstore signs it for the identity of the CI
job. Those that an earlier job has put beside the file are used as they are.
"""

from __future__ import annotations

import threading
from pathlib import Path

from tradai_tasks.errors import UploadRefusedError
from tradai_tasks.process import run
from tradai_tasks.release.libraries.distributions import Distribution

_TOOL = "pypi-attestations"
_SECONDS = 120.0


def attestations_of(file: Distribution, *, stop: threading.Event | None = None) -> tuple[Path, ...]:
    """Return the attestations of a distribution file; one is made if there is none.

    Raises:
        ToolMissingError: There is none, and no tool to make one.
        UploadRefusedError: The tool makes none.
        StoppedError: It was stopped.
    """
    found = _attestation_files(file)
    if found:
        return found
    folder = file.path.parent
    done = run(
        [_TOOL, "sign", file.path.name], cwd=folder, check=False, timeout=_SECONDS, stop=stop
    )
    found = _attestation_files(file)
    if done.returncode != 0 or not found:
        raise UploadRefusedError(
            f"{file.filename}: not uploaded: {_TOOL} makes no attestation: {done.last_error}; give "
            f"the job `permissions: id-token: write`, or set publish.index.attestations = false"
        )
    return found


def _attestation_files(file: Distribution) -> tuple[Path, ...]:
    return tuple(sorted(file.path.parent.glob(f"{file.path.name}.*.attestation")))

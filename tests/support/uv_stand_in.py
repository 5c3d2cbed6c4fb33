"""`uv` and `uvx` as workflows call them, with this checkout of the library as what they install.

Every call of nox is written down, with all of its environment that is marked. Sessions that the
test chose run for real; the others leave the files and end with the status that the test gave, 0 if
it gave none, and do nothing where they only install. Any other use of uv is handed to the real one.

Where the real uv would install, it really builds the dependency that the test names, whose build
backend may do as it likes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_SCRIPT_MODE = ("--script-mode", "reuse")  # this checkout is installed already
_KEPT = ("NOXSESSION", "GITHUB_JOB", "GITHUB_REF_NAME", "AWS_REGION", "ECR_REGISTRY")


def main() -> None:
    """Stand in for the program whose name and arguments follow the path of the real uv."""
    real, program, *words = sys.argv[1:]
    if program == "uvx" and "nox" in words[:2]:
        _build(real, "--offline" in words)
        _nox([one for one in words[words.index("nox") + 1 :] if one not in _SCRIPT_MODE])
    if program == "uv" and words[:1] == ["run"]:
        rest = [word for word in words[1:] if word not in {"--locked", "--no-sync"}]
        if rest[:1] == ["nox"]:
            _build(real, "--no-sync" in words)
            _nox(rest[1:])
    argv = [real, *(["tool", "run"] if program == "uvx" else []), *words]
    os.execv(real, argv)


def _build(real: str, is_ready: bool) -> None:
    """Build the dependency, as uv does before it runs anything, unless it was told not to."""
    dependency = os.environ.get("STAND_IN_DEPENDENCY")
    if is_ready or not dependency:
        return
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        argv = [real, "build", "--wheel", "--no-index", "--no-cache"]
        argv += ["--quiet", "--python", sys.executable, "--out-dir", place, dependency]
        subprocess.run(argv, check=True)


def _nox(words: list[str]) -> None:
    marked = {key: value for key, value in os.environ.items() if "marked" in value}
    record: dict[str, Any] = {
        # as it would be without what says how it is installed
        "argv": [word for word in words if word not in {"-R", "--install-only"}],
        "installs": "--install-only" in words,
        "marked": marked,
        "env": {key: os.environ.get(key) for key in _KEPT},
    }
    named = words[words.index("-s") + 1] if "-s" in words else os.environ.get("NOXSESSION", "")
    record["sessions"] = named.split(",")
    # whose code nox is about to run
    record["head"] = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with open(os.environ["STAND_IN_CALLS"], "a", encoding="utf-8") as calls:  # noqa: PTH123 - one atomic write
        calls.write(json.dumps(record) + "\n")
    bases = {name.partition("(")[0] for name in record["sessions"]}
    # a matrix is computed from files alone
    if "--matrix" in words or bases <= set(os.environ["STAND_IN_REAL"].split(",")):
        os.execv(sys.executable, [sys.executable, "-m", "nox", *words])
    if record["installs"]:
        sys.exit(0)
    if "codeartifact-login" in bases:  # what later steps install packages with
        with open(os.environ["GITHUB_ENV"], "a", encoding="utf-8") as variables:  # noqa: PTH123 - one atomic write
            variables.write("UV_INDEX_TRADAI_PASSWORD=marked-index-token\n")
    for base in bases:
        for file in json.loads(os.environ["STAND_IN_FILES"]).get(base, ()):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text("made by a stand-in\n", encoding="utf-8")
    statuses = json.loads(os.environ["STAND_IN_STATUSES"])
    sys.exit(max(statuses.get(base, 0) for base in bases))


if __name__ == "__main__":
    main()

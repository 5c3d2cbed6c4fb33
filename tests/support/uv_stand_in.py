"""`uv` and `uvx` as workflows call them, with this checkout of the library as what they install.

Every call of nox is written down. Sessions that the test chose run for real; the others leave
the files and end with the status that the test gave, 0 if it gave none. Any other use of uv is
handed to the real one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nox.virtualenv

_KEPT = ("NOXSESSION", "GITHUB_JOB", "GITHUB_REF_NAME", "AWS_REGION", "ECR_REGISTRY")


def main() -> None:
    """Stand in for the program whose name and arguments are given."""
    program, *words = sys.argv[1:]
    if program == "uvx" and words[:1] == ["nox"]:
        _nox(words[1:])
    if program == "uv" and words[:1] == ["run"]:
        rest = [word for word in words[1:] if word != "--locked"]
        if rest[:1] == ["nox"]:
            _nox(rest[1:])
    real = nox.virtualenv.UV
    argv = [real, *(["tool", "run"] if program == "uvx" else []), *words]
    os.execv(real, argv)


def _nox(words: list[str]) -> None:
    record = {"argv": words, "env": {key: os.environ.get(key) for key in _KEPT}}
    named = words[words.index("-s") + 1] if "-s" in words else os.environ.get("NOXSESSION", "")
    record["sessions"] = named.split(",")
    # whose code nox is about to run
    record["head"] = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with open(os.environ["STAND_IN_CALLS"], "a", encoding="utf-8") as calls:  # noqa: PTH123 - one atomic write
        calls.write(json.dumps(record) + "\n")
    bases = {name.partition("(")[0] for name in record["sessions"]}
    if bases <= set(os.environ["STAND_IN_REAL"].split(",")):
        os.execv(sys.executable, [sys.executable, "-m", "nox", *words])
    for base in bases:
        for file in json.loads(os.environ["STAND_IN_FILES"]).get(base, ()):
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text("made by a stand-in\n", encoding="utf-8")
    statuses = json.loads(os.environ["STAND_IN_STATUSES"])
    sys.exit(max(statuses.get(base, 0) for base in bases))


if __name__ == "__main__":
    main()

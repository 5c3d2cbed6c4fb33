"""Publishing with no stored token, to a loopback index that plays the token exchange."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, Ran, run
from tests.support.pyprojects import pyproject
from tests.support.real import NOXFILE, edit, git, write
from tests.support.trusted_index import TrustedIndex, trusted_index

__all__ = ["run"]

WHEEL = "small-1.0.0-py3-none-any.whl"
TOOL = """\
#!/bin/sh
# stands in for the real one, which needs Sigstore
test -n "$ACTIONS_ID_TOKEN_REQUEST_URL" || { echo "no ambient credential" >&2; exit 1; }
test "$1" = sign
printf '{"version": 1, "of": "%s"}' "$2" > "$2.publish.attestation"
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TrustedIndex]:
    with trusted_index(tmp_path) as made:
        yield made


@pytest.fixture
def home(run: InProcess, index: TrustedIndex, tmp_path: Path) -> Path:
    run.home = tmp_path / "w"
    settings = (
        '[tool.uv.workspace]\nmembers = ["libs/*"]\n\n'
        '[tool.tradai-tasks.publish]\nlibraries = ["small"]\n\n'
        f'[tool.tradai-tasks.publish.index]\nupload-url = "{index.url}/legacy/"\n'
        f'simple-url = "{index.url}/simple/"\ntrusted-publishing = true\n'
    )
    files = {
        "noxfile.py": NOXFILE,
        ".gitignore": ".nox/\n__pycache__/\ndist/\nbuild/\n",
        "pyproject.toml": settings,
        "libs/small/pyproject.toml": pyproject(
            "small", version="1.0.0", more='readme = "README.md"\n'
        ),
        "libs/small/README.md": "# small\n",
        "libs/small/src/small/__init__.py": "X = 1\n",
    }
    write(run.home, files)
    git(run.home, "init", "-q", "-b", "main")
    git(run.home, "add", "-A")
    git(run.home, "commit", "-qm", "Begin")
    return run.home


def publish(run: InProcess, *args: str, env: dict[str, str]) -> Ran:
    ran = run("-s", "publish", "--", *args, env=env)
    assert "Traceback" not in ran.log
    for line in (ran.log + ran.out).splitlines():
        assert "marked-" not in line or line.startswith("::add-mask::"), line
    return ran


def test_a_job_with_an_identity_publishes_without_a_stored_token(
    run: InProcess, home: Path, index: TrustedIndex
) -> None:
    dry = publish(run, "--dry-run", env=index.env)
    assert dry.status == 0, dry.log
    assert index.minted == 0  # nothing is asked for that is not needed
    first = publish(run, env=index.env)
    assert first.status == 0, first.log
    assert list(index.files) == [WHEEL]
    assert index.attestations == {}
    again = publish(run, "--skip-existing", env=index.env)
    assert again.status == 0, again.log
    assert "--skip-existing: as always, what the index has with the same bytes is left" in again.log
    assert "nothing to do: the index has it all already" in again.log
    index.files[WHEEL] = b"other"
    other = publish(run, "--skip-existing", env=index.env)
    assert other.status == 1
    assert "has other bytes under this name" in other.log
    assert index.minted == 1


def test_without_an_identity_or_trust_it_says_what_to_do(
    run: InProcess, home: Path, index: TrustedIndex
) -> None:
    rights = {**index.env, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}
    for env, said in (
        (rights, "insufficient OIDC token permissions"),
        ({**index.env, "GITHUB_ACTIONS": ""}, "this is no CI job with an identity"),
    ):
        ran = publish(run, env=env)
        assert ran.status == 1
        assert said in ran.log
        assert "`permissions: id-token: write`" in ran.log
    index.knows_workflow = False
    unknown = publish(run, env=index.env)
    assert unknown.status == 1
    assert "valid token, no such publisher" in unknown.log
    assert "register this workflow there as a trusted publisher" in unknown.log
    index.has_exchange = False
    assert "the exchange failed (HTTPError)" in publish(run, env=index.env).log
    assert index.files == {}


def test_stored_credentials_come_first(run: InProcess, home: Path, index: TrustedIndex) -> None:
    env = {**index.env, "TWINE_USERNAME": "u", "TWINE_PASSWORD": "p"}
    ran = publish(run, env=env)
    assert ran.status == 1
    assert "refuses the upload (HTTP 403" in ran.log
    assert index.minted == 0


def test_attestations_are_made_and_go_with_the_files(
    run: InProcess, home: Path, index: TrustedIndex, tmp_path: Path
) -> None:
    edit(home / "pyproject.toml", "trusted-publishing = true\n", "attestations = true\n"
         "trusted-publishing = true\n")  # fmt: skip
    git(home, "commit", "-qam", "Attest")
    missing = publish(run, env=index.env)
    assert missing.status == 1
    assert "pypi-attestations: not found on PATH; install pypi-attestations" in missing.log
    tool = tmp_path / "bin" / "pypi-attestations"
    tool.parent.mkdir()
    tool.write_text(TOOL)
    tool.chmod(0o755)
    env = {**index.env, "PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}"}
    refused = publish(run, env={**env, "ACTIONS_ID_TOKEN_REQUEST_URL": ""})
    assert refused.status == 1
    assert index.files == {}
    done = publish(run, env=env)
    assert done.status == 0, done.log
    assert json.loads(json.dumps(index.attestations)) == {WHEEL: [{"version": 1, "of": WHEEL}]}

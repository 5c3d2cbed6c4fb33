"""What publishing again costs: a workspace of 20 libraries that have not changed.

    uv run python benchmarks/publish.py [--runs N] [--libraries N]

`nox -s publish` against plain commands doing the same: a token by boto3 (in place of the `aws`
command, which takes longer), `uv build` for each library, then one `twine upload` of all, both to a
loopback CodeArtifact that has everything already. Requests and
uploads are counted there; CodeArtifact takes the same bytes again, so plain twine sends them all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Command, in_turn, show

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for the stand-in, which the tests use too

from tests.support.codeartifact import codeartifact  # noqa: E402 - needs the path above

_DROPPED = ("NOX", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "GITHUB_", "CI", "AWS_")
SCRIPT = """#!/bin/sh
set -e
rm -rf dist
TWINE_PASSWORD=$(python -c 'import boto3
print(boto3.client("codeartifact").get_authorization_token(domain="tradai")["authorizationToken"])')
export TWINE_PASSWORD
for library in {libraries}; do
    uv build --quiet --wheel --package "$library" --out-dir dist
done
python -m twine upload --non-interactive --disable-progress-bar dist/*.whl
"""


def workspace(home: Path, names: list[str]) -> None:
    """Write and commit a workspace of small libraries."""
    home.mkdir()
    listed = ", ".join(f'"{name}"' for name in names)
    (home / "pyproject.toml").write_text(
        '[tool.uv.workspace]\nmembers = ["libs/*"]\n\n'
        f"[tool.tradai-tasks.publish]\nlibraries = [{listed}]\n\n"
        '[tool.tradai-tasks.publish.codeartifact]\ndomain = "tradai"\nrepository = "py"\n'
    )
    (home / "noxfile.py").write_text("import tradai_tasks\n\ntradai_tasks.register()\n")
    (home / ".gitignore").write_text(".nox/\ndist/\n")
    for name in names:
        module = home / "libs" / name / "src" / name.replace("-", "_")
        module.mkdir(parents=True)
        (module / "__init__.py").write_text(f"NAME = {name!r}\n")
        (home / "libs" / name / "README.md").write_text(f"# {name}\n")
        (home / "libs" / name / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\nversion = "1.0.0"\nreadme = "README.md"\n'
            'requires-python = ">=3.11"\n\n[build-system]\nrequires = ["uv_build>=0.9,<1"]\n'
            'build-backend = "uv_build"\n'
        )
    identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
    for argv in (["init", "--quiet"], ["add", "-A"], [*identity, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *argv], cwd=home, check=True)


def main() -> None:
    """Compare the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--libraries", type=int, default=20)
    options = parser.parse_args()
    names = [f"lib-{number:02}" for number in range(options.libraries)]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    with tempfile.TemporaryDirectory(prefix="tradai-benchmark-") as folder, codeartifact() as aws:
        home = Path(folder).resolve() / "workspace"
        workspace(home, names)
        script = home.parent / "publish.sh"
        script.write_text(SCRIPT.format(libraries=" ".join(names)))
        env = {**kept, **aws.env, "PATH": path}
        nox = [sys.executable, "-m", "nox", "-s", "publish"]
        first = subprocess.run(nox, cwd=home, env=env, capture_output=True, text=True, check=False)
        if first.returncode != 0:
            sys.exit(first.stdout + first.stderr)
        plain = {
            **env,
            "TWINE_REPOSITORY_URL": aws.endpoint,
            "TWINE_USERNAME": "aws",
            "AWS_DEFAULT_REGION": aws.env["AWS_REGION"],  # boto3 alone reads no AWS_REGION
        }
        commands = [
            Command(
                name="uv build and twine upload", argv=["sh", str(script)], cwd=home, env=plain
            ),
            Command(name="nox -s publish", argv=nox, cwd=home, env=env),
        ]
        found = in_turn(commands, options.runs)
        title = f"publishing {len(names)} unchanged libraries again, {os.cpu_count()} cores"
        show(title, found, commands[0].name)
        for command in commands:
            aws.log.clear()
            subprocess.run(
                command.argv, cwd=home, env=dict(command.env or {}), check=True, capture_output=True
            )
            print(
                f"  {command.name:42} {aws.count('look'):4} looks {aws.count('upload'):4} uploads"
                f" {aws.count('token') + aws.count('endpoint'):4} requests of the API"
            )


if __name__ == "__main__":
    main()

"""pip-audit on everything that is locked: each kind of source, lambdas and scripts."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.dists import wheel
from tests.support.osv import advisory, osv_server
from tests.support.real import edit, git, nox, write
from tests.support.small import small_workspace

_SCRIPT = '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["idna==3.7"]\n# ///\n'


def _git_package(home: Path) -> str:
    write(home, {"pyproject.toml": '[project]\nname = "from-git"\nversion = "1.0"\n'})
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "all")
    return git(home, "rev-parse", "HEAD")


def test_everything_that_is_locked_is_counted_and_audited(tmp_path: Path) -> None:
    home, aside = tmp_path / "w", tmp_path / "aside"
    wheel(home / "vendor", "vendored", "1.0.0")
    commit = _git_package(aside)
    files = {
        "tools/report.py": _SCRIPT,
        "lambdas/heart/requirements.txt": "iniconfig==2.0.0\n",
        "lambdas/heart/Dockerfile": "",
        "lambdas/heart/app.py": "",
    }
    small_workspace(home, files)
    edit(
        home / "libs/alpha/pyproject.toml",
        "\n[build-system]",
        'dependencies = ["vendored", "from-git"]\n\n[tool.uv.sources]\n'
        'vendored = { path = "../../vendor/vendored-1.0.0-py3-none-any.whl" }\n'
        f'from-git = {{ git = "{aside.as_uri()}", rev = "{commit}" }}\n\n[build-system]',
    )
    settings = '[tool.tradai-tasks.security]\nservice-url = "{}"\n'
    plain = (home / "pyproject.toml").read_text()
    assert nox(home, "-s", "lock").status == 0
    import subprocess

    from nox.virtualenv import UV

    subprocess.run([UV, "lock", "-q", "--script", "tools/report.py"], cwd=home, check=True)

    known = {
        ("vendored", "1.0.0"): [advisory("GHSA-1", "2")],
        ("idna", "3.7"): [advisory("GHSA-2", "4")],
        ("iniconfig", "2.0.0"): [advisory("GHSA-3", "3")],
    }
    with osv_server(known) as url:
        (home / "pyproject.toml").write_text(plain + settings.format(url))
        result = nox(home, "-s", "security")
    assert result.status != 0, result.text
    for said in ("vendored 1.0.0: GHSA-1", "idna 3.7: GHSA-2", "iniconfig 2.0.0: GHSA-3"):
        assert said in result.text, result.text
    assert "from-git 1.0: comes from git, and advisories name releases" in result.text
    sums = re.search(r"pip-audit: (\d+) of (\d+) locked distributions audited", result.text)
    assert sums, result.text
    assert int(sums[1]) == int(sums[2]) - 1, result.text

    (home / "lambdas/heart/requirements.txt").write_text("iniconfig==0.0.0.0\n")
    accepted = '[[tool.tradai-tasks.security.not-audited]]\nname = "from-git"\nreason = "ours"\n'
    with osv_server({}) as url:
        (home / "pyproject.toml").write_text(plain + settings.format(url) + accepted)
        broken = nox(home, "-s", "security")
        (home / "lambdas/heart/requirements.txt").unlink()
        clean = nox(home, "-s", "security")
    assert broken.status != 0
    assert "lambdas/heart/requirements.txt: uv pip compile cannot resolve it" in broken.text
    assert clean.status == 0, clean.text
    assert "not audited: from-git 1.0: comes from git" in clean.text

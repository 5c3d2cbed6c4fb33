"""A synthetic uv workspace of any size, made from a seed, as a committed git repository."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

NOXFILE = "import tradai_tasks\n\ntradai_tasks.register()\n"
_IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Benchmark"), ("EMAIL", "benchmark@example.com"))
}


def make(home: Path, *, packages: int, modules: int, seed: int = 1) -> None:
    """Write and commit a workspace.

    Args:
        home: The folder to make.
        packages: How many packages.
        modules: How many modules in all, tests included.
        seed: The same seed makes the same files.
    """
    dice = random.Random(seed)
    per_package = max(modules // packages, 4)
    home.mkdir(parents=True)
    (home / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    (home / "noxfile.py").write_text(NOXFILE)
    (home / ".gitignore").write_text(".nox/\nbuild/\n.ruff_cache/\n__pycache__/\n")
    needs: dict[int, list[int]] = {}
    for number in range(packages):
        below = range(max(0, number - 40), number)
        needs[number] = sorted(dice.sample(below, min(len(below), dice.randint(0, 3))))
        _package(home, number, needs[number], per_package, dice)
    _lock(home, needs)
    for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Synthetic"]):
        environment = {**os.environ, **_IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *argv], cwd=home, env=environment, check=True)


def _package(home: Path, number: int, needs: list[int], modules: int, dice: random.Random) -> None:
    name, folder = f"pkg{number:04}", home / "packages" / f"pkg-{number:04}"
    source, tests = folder / "src" / name, folder / "tests"
    source.mkdir(parents=True)
    tests.mkdir()
    wanted = ", ".join(f'"pkg-{other:04}"' for other in needs)
    sources = "".join(f"pkg-{other:04} = {{ workspace = true }}\n" for other in needs)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "pkg-{number:04}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        f'dependencies = [{wanted}]\n\n[build-system]\nrequires = ["uv_build>=0.9,<1"]\n'
        f'build-backend = "uv_build"\n\n[tool.uv.build-backend]\nmodule-name = "{name}"\n\n'
        f"[tool.uv.sources]\n{sources}"
    )
    test_files = max(modules // 5, 1)
    code_files = modules - test_files - 1
    (source / "__init__.py").write_text(f'"""{name}."""\n')
    for position in range(code_files):
        lines = [
            f'"""Module {position} of {name}."""',
            "",
            "import json",
            "from pathlib import Path",
            "",
        ]
        lines += [
            f"from {name}.m{other:02} import work as work_{other}"
            for other in dice.sample(range(position), min(position, 2))
        ]
        if needs and dice.random() < 0.3:
            other = dice.choice(needs)
            lines.append(f"from pkg{other:04}.m{dice.randrange(code_files):02} import work as far")
        lines += ["", ""]
        for function in range(8):
            body = "work" if function == 0 else f"helper_{function}"
            lines += [
                f"def {body}(value: int = {function}) -> str:",
                f'    """Do step {function}."""',
                f"    total = sum(value * step for step in range({dice.randint(2, 99)}))",
                '    return json.dumps({"total": total, "here": str(Path(__file__))})',
                "",
                "",
            ]
        (source / f"m{position:02}.py").write_text("\n".join(lines).rstrip() + "\n")
    for position in range(test_files):
        target = dice.randrange(code_files)
        (tests / f"test_{name}_{position:02}.py").write_text(
            f"from {name}.m{target:02} import work\n\n\n"
            "def test_work() -> None:\n    assert work()\n"
        )


def _lock(home: Path, needs: dict[int, list[int]]) -> None:
    names = "".join(f'    "pkg-{number:04}",\n' for number in needs)
    parts = [f'version = 1\nrequires-python = ">=3.11"\n\n[manifest]\nmembers = [\n{names}]\n']
    for number, others in needs.items():
        entry = f'\n[[package]]\nname = "pkg-{number:04}"\nversion = "0.1.0"\n'
        entry += f'source = {{ editable = "packages/pkg-{number:04}" }}\n'
        if others:
            wanted = "".join(f'    {{ name = "pkg-{other:04}" }},\n' for other in others)
            entry += f"dependencies = [\n{wanted}]\n"
        parts.append(entry)
    (home / "uv.lock").write_text("".join(parts))

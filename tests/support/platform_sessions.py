"""A platform and strategies in small, and stand-ins for the tools that their sessions run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.inprocess import Ran
from tests.support.run_records import write_record
from tests.support.trees import project

ROOT = """\
[tool.uv.workspace]
members = ["libs/*"]

[dependency-groups]
dev = ["pytest", "ruff"]
"""
LOCK = """\
version = 1

[manifest]
members = ["a", "b"]

[manifest.dependency-groups]
dev = [{ name = "pytest" }, { name = "ruff" }]
"""
for _name, _source in (
    ("a", '{ editable = "libs/a" }'),
    ("b", '{ editable = "libs/b" }'),
    ("pytest", '{ registry = "https://index.example" }'),
    ("ruff", '{ registry = "https://index.example" }'),
):
    LOCK += f'\n[[package]]\nname = "{_name}"\nversion = "1.0"\nsource = {_source}\n'
PLATFORM = {
    "pyproject.toml": ROOT,
    "uv.lock": LOCK,
    "libs/a/pyproject.toml": project("a"),
    "libs/a/src/a/__init__.py": "",
    "libs/a/tests/test_a.py": "def test_a(benchmark): ...\n",
    "libs/b/pyproject.toml": project("b"),
    "libs/b/src/b/__init__.py": "",
    "libs/b/tests/test_b.py": "import pytest\n@pytest.mark.integration\ndef test_b(): ...\n",
}
_OWN = (
    '[dependency-groups]\ndev = ["pytest"]\n[tool.tradai-tasks]\n'
    'protocols = [{{ class = "{0}:A", protocol = "p:P" }}]'
)
STRATEGIES = {
    f"strategies/{name}/{file}": text
    for name in ("fast", "slow")
    for file, text in {
        "pyproject.toml": project(f"{name}-strategy", _OWN.format(name)),
        f"src/{name}_strategy/__init__.py": "",
        f"tests/test_{name}.py": "",
        "uv.lock": f'version = 1\n[[package]]\nname = "{name}-strategy"\nversion = "1"\n'
        '[package.dev-dependencies]\ndev = [{ name = "pytest" }]\n'
        '[[package]]\nname = "pytest"\nversion = "9"\n',
    }.items()
}


def names(ran: Ran) -> list[str]:
    return [line[2:].split(" ")[0] for line in ran.out.splitlines() if line[:2] in {"* ", "- "}]


def after(words: Sequence[str], action: Any) -> Any:
    """A script that acts when a command has all the words, an option with or without its value.

    Whole words: paths in a command hold whatever the folders of this machine are called.
    """

    def script(argv: Sequence[str]) -> int:
        given = {word.partition("=")[0] for word in [Path(argv[0]).name, *argv[1:]]}
        return int(action(argv) or 0) if given >= set(words) else 0

    return script


def security_script(bandit: Any, dependencies: Any) -> Any:
    def script(argv: Sequence[str]) -> int:
        output = next((w.partition("=")[2] for w in argv if w.startswith("--output=")), "")
        if argv[0] == "bandit" and bandit is not None:
            # as bandit: lines of code of each file, and all together
            metrics = {
                word: {"loc": len(Path(word).read_text().splitlines())}
                for word in argv
                if word.startswith("./")
            }
            report = {"metrics": {**metrics, "_totals": {}}, **bandit}
            Path(output).write_text(json.dumps(report))
        if argv[0] == "pip-audit" and dependencies is not None:
            Path(output).write_text(json.dumps({"dependencies": dependencies}))
        return 0

    return script


CLEAN = [
    {"name": "pytest", "version": "1.0", "vulns": []},
    {"name": "ruff", "version": "1.0", "vulns": []},
]


QUIET: dict[str, list[Any]] = {"results": [], "errors": []}


def benchmark_script(home: Path, median: float = 1.0) -> Any:
    def write_it(argv: Sequence[str]) -> int:
        output = next(w.partition("=")[2] for w in argv if w.startswith("--benchmark-json="))
        stats = [{"fullname": "test_a", "stats": {"median": median}}]
        Path(output).write_text(json.dumps({"benchmarks": stats}))
        return 0

    return after(["--benchmark-only"], write_it)


def reports(
    home: Path, session: str, *, tests: int = 2, failures: int = 0, percent: float = 99
) -> Any:
    def write_them(_: Any) -> int:
        folder = home / "build/reports/test" / session
        outcomes = {
            f"tests/test_a.py::test_{number}": "failed" if number < failures else "passed"
            for number in range(tests)
        }
        write_record(folder / "record", outcomes=outcomes, home=str(home / "libs/a"))
        summary = {"covered_lines": percent, "num_statements": 100}
        entry = {"summary": summary, "missing_lines": []}
        files = {f"src/{name}/__init__.py": entry for name in "ab"}
        (folder / "coverage.json").write_text(json.dumps({"files": files}))
        return 1 if failures else 0

    return after(["python", "-m", "pytest"], write_them)

"""pytest with a peer's plugin, at the commits that `replay.py` walks over."""

from __future__ import annotations

import subprocess
from pathlib import Path

from replay_runs import Clone, command, tests_of


class Peer:
    """pytest with a peer's plugin, in an environment that has what ours has."""

    def __init__(self, clone: Clone, ours: Clone, tool: str, folder: str) -> None:
        self.clone, self.tool, self._cwd = clone, tool, clone.home / folder
        made = clone.home.with_name(f"{clone.home.name}-env")
        (known,) = (ours.home / ".nox").glob("*/bin/python")
        self._python = made / "bin/python"
        frozen = subprocess.run(
            ["uv", "pip", "freeze", "-q", "-p", known], capture_output=True, text=True, check=True
        ).stdout
        listed = made.with_suffix(".txt")
        listed.write_text(frozen.replace(str(ours.home), str(clone.home)) + f"{tool}\n")
        made_by: list[list[str | Path]] = [
            ["uv", "venv", "-q", "-p", known.resolve(), made],
            ["uv", "pip", "install", "-q", "-p", self._python, "-r", listed],
        ]
        for argv in made_by:
            subprocess.run(argv, check=True)

    def run(self, base: str, arguments: list[str], *, plain: bool = False) -> tuple[int, float]:
        """Run the tests, and return how many ran and the CPU seconds."""
        report = self.clone.home.with_suffix(".xml")
        argv = [str(self._python), "-m", "pytest", "-q", f"--junit-xml={report}", *arguments]
        cpu, env = 0.0, {}
        if plain:
            argv += ["-p", "no:testmon"]
        elif self.tool == "acquit":
            chosen = self.clone.home.with_suffix(".json")
            select = [str(self._python.with_name("acquit")), "select", "--base", base]
            select += [f"--{one}={chosen}-{one}" for one in ("report", "selection", "witnesses")]
            cpu, _ = command(select, self.clone.home)
            env = {"ACQUIT_SELECTION_FILE": f"{chosen}-selection"}
        else:
            argv.append("--testmon")
        taken, _ = command(argv, self._cwd, **env)
        return len(tests_of(report, "")[0]), cpu + taken
